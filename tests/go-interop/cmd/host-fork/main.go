// Command host-fork is a host built with github.com/GoCodeAlone/go-plugin, the fork that the engine uses.
package main

import (
	"counterfoil/interop/host"
	"counterfoil/interop/library/fork"
)

func main() { host.Main(fork.Library{}) }
