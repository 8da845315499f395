// Command host-hashicorp is a host built with github.com/hashicorp/go-plugin.
package main

import (
	"counterfoil/interop/host"
	"counterfoil/interop/library/hashicorp"
)

func main() { host.Main(hashicorp.Library{}) }
