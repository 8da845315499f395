// Command engine is a small engine, as an adapter of Counterfoil. It does what the newest revision asks of an engine that
// resolves no references, and has no host behind its hooks; applying.go is what is an engine in it.
package main

import (
	"fmt"
	"os"

	"counterfoil/adapter"
)

// newest is the one revision that it knows.
const newest = "head"

func main() {
	engine := &engine{}
	err := adapter.ServeEngine(os.Stdin, os.Stdout, adapter.Engine{
		Subject:   "a small engine in Go",
		Revisions: []string{newest},
		Abilities: adapter.Abilities{
			Hooks: []adapter.Hook{
				adapter.BeforeAction, adapter.ResourceApplied, adapter.ResourceDeleted, adapter.ActionComplete,
				adapter.PlanComplete,
			},
			Cancellation: true,
			Drivers:      true,
		},
		Start: engine.start,
		Apply: engine.apply,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}
