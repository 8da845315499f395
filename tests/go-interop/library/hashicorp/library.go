// Package hashicorp is github.com/hashicorp/go-plugin.
package hashicorp

import (
	"context"
	"fmt"
	"os/exec"

	"github.com/hashicorp/go-hclog"
	plugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"counterfoil/interop/contract"
	"counterfoil/interop/library"
)

// Library implements library.Library.
type Library struct{}

var handshake = plugin.HandshakeConfig{
	ProtocolVersion:  contract.Version,
	MagicCookieKey:   contract.CookieKey,
	MagicCookieValue: contract.CookieValue,
}

// Serve implements library.Library.
func (Library) Serve(register func(grpc.ServiceRegistrar), log hclog.Logger) {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         plugin.PluginSet{contract.PluginSet: bridge{register: register}},
		GRPCServer:      plugin.DefaultGRPCServer,
		Logger:          log,
	})
}

// Prepare implements library.Library.
func (Library) Prepare(command *exec.Cmd, options library.Options) library.Process {
	return &process{client: plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  handshake,
		Plugins:          plugin.PluginSet{contract.PluginSet: bridge{}},
		Cmd:              command,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         options.AutoMTLS,
		Logger:           options.Log,
		SyncStdout:       options.Stdout,
		SyncStderr:       options.Stderr,
	})}
}

// bridge hands out the server, and the connection, as they are.
type bridge struct {
	plugin.NetRPCUnsupportedPlugin
	register func(grpc.ServiceRegistrar)
}

func (b bridge) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	b.register(server)
	return nil
}

func (bridge) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

type process struct {
	client   *plugin.Client
	protocol plugin.ClientProtocol
}

func (p *process) Start() error {
	_, err := p.client.Start()
	return err
}

func (p *process) Connect() (grpc.ClientConnInterface, error) {
	protocol, err := p.client.Client()
	if err != nil {
		return nil, err
	}
	p.protocol = protocol
	dispensed, err := protocol.Dispense(contract.PluginSet)
	if err != nil {
		return nil, err
	}
	conn, ok := dispensed.(grpc.ClientConnInterface)
	if !ok {
		return nil, fmt.Errorf("the plugin is a %T", dispensed)
	}
	return conn, nil
}

func (p *process) Ping() error { return p.protocol.Ping() }

func (p *process) Kill() { p.client.Kill() }
