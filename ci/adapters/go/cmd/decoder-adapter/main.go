// Command decoder-adapter is a strict decoder over google.golang.org/protobuf, as an adapter of Counterfoil: it refuses
// what the rules DEC-001 to DEC-018 refuse, and says which one.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"counterfoil/adapter"
)

// inFlight is how many cases may wait here: enough that neither side ever waits for the other.
const inFlight = 256

// garbage is how much of it may gather before it is collected, in percent of what is in use: what a case takes is little, and
// is not needed any more when the next one comes.
const garbage = 400

// runtime is the module whose decoder this is.
const runtime = "google.golang.org/protobuf"

func main() {
	debug.SetGCPercent(garbage)
	decoder := &decoder{}
	err := adapter.Serve(os.Stdin, os.Stdout, adapter.Decoder{
		Subject:  subject(),
		InFlight: inFlight,
		Start:    decoder.start,
		Decode:   decoder.decode,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "decoder-adapter:", err)
		os.Exit(1)
	}
}

// subject is the runtime with the version that is built in.
func subject() string {
	if built, ok := debug.ReadBuildInfo(); ok {
		for _, module := range built.Deps {
			if module.Path == runtime {
				return runtime + " " + module.Version
			}
		}
	}
	return runtime
}
