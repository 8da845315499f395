//go:build providerclient

package main

import (
	"github.com/GoCodeAlone/workflow/iac/providerclient"
	"github.com/GoCodeAlone/workflow/interfaces"
	"google.golang.org/grpc"
)

// clientNamed is what the subject says of the client.
const clientNamed = " with iac/providerclient"

// client is a provider behind a connection, as the engine's pipelines have it. This client is under test too.
func client(conn grpc.ClientConnInterface) interfaces.IaCProvider {
	return providerclient.New(conn, map[string]bool{providerclient.IaCServiceResourceDriver: true})
}
