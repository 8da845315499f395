// Package library is what the programs need of a go-plugin library, so that they can be built with either.
package library

import (
	"io"
	"os/exec"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
)

// Library is one of the go-plugin libraries.
type Library interface {
	// Serve serves a provider to the host that started this process, until the host shuts it down.
	Serve(register func(grpc.ServiceRegistrar), log hclog.Logger)
	// Prepare makes a plugin out of a command that has not been started.
	Prepare(command *exec.Cmd, options Options) Process
}

// Options is what a host says of a plugin.
type Options struct {
	AutoMTLS bool
	// Log gets what the plugin logs, beside what the library has to say.
	Log hclog.Logger
	// Stdout and Stderr get what the plugin prints after the handshake, by way of GRPCStdio.
	Stdout, Stderr io.Writer
}

// Process is a plugin as its host sees it.
type Process interface {
	// Start starts it and reads its handshake line.
	Start() error
	// Connect connects to it.
	Connect() (grpc.ClientConnInterface, error)
	// Ping asks its health service.
	Ping() error
	// Kill shuts it down, and kills it where that does not end it.
	Kill()
}
