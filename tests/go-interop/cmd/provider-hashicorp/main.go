// Command provider-hashicorp is a provider built with github.com/hashicorp/go-plugin.
package main

import (
	"counterfoil/interop/library/hashicorp"
	"counterfoil/interop/provider"
)

func main() { provider.Main(hashicorp.Library{}) }
