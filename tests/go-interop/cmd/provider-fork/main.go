// Command provider-fork is a provider built with github.com/GoCodeAlone/go-plugin, the fork that the engine uses.
package main

import (
	"counterfoil/interop/library/fork"
	"counterfoil/interop/provider"
)

func main() { provider.Main(fork.Library{}) }
