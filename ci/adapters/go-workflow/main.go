// Command workflow-adapter makes the engine of github.com/GoCodeAlone/workflow, in the version that go.mod names, a subject of
// Counterfoil. Under test is how that engine applies a plan: wfctlhelpers.ApplyPlanWithHooks, with its references, its
// inputs and its hooks. applying.go has the one function that does so.
package main

import (
	"fmt"
	"os"

	"counterfoil/adapter"
)

func main() {
	version := engineVersion()
	err := adapter.ServeEngine(os.Stdin, os.Stdout, adapter.Engine{
		Subject:   subject(version),
		Revisions: revisions(version),
		Abilities: adapter.Abilities{Hooks: hooksOfEngine(), Cancellation: true, References: true, Drivers: true},
		Apply:     apply,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "workflow-adapter:", err)
		os.Exit(1)
	}
}
