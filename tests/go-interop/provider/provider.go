// Package provider is a small provider of infrastructure over a cloud in memory.
package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"counterfoil/interop/contract"
	"counterfoil/interop/library"
)

const (
	name    = "go-interop"
	version = "0.1.0"
)

// Main serves the provider with a library.
func Main(lib library.Library) {
	// Its lines go to the stderr that the process was started with; the library replaces os.Stderr.
	log := hclog.New(&hclog.LoggerOptions{Name: name, JSONFormat: true, Level: hclog.Info, Output: os.Stderr})
	served := &provider{log: log}
	lib.Serve(func(server grpc.ServiceRegistrar) { contract.Register(server, served.handlers()) }, log)
}

type provider struct {
	log   hclog.Logger
	cloud cloud
}

type message = contract.Message

// handlers are the methods that it serves.
func (p *provider) handlers() map[string]contract.Handler {
	return map[string]contract.Handler{
		contract.Plugin + "/GetManifest":         p.manifest,
		contract.Plugin + "/GetContractRegistry": p.registry,
		contract.Required + "/Initialize":        p.initialize,
		contract.Required + "/Name":              func(context.Context, message) (message, error) { return message{"name": name}, nil },
		contract.Required + "/Version":           func(context.Context, message) (message, error) { return message{"version": version}, nil },
		contract.Required + "/Capabilities":      p.capabilities,
		contract.Driver + "/Create":              ofKnownType(p.create),
		contract.Driver + "/Read":                ofKnownType(p.read),
		contract.Driver + "/Update":              ofKnownType(p.update),
		contract.Driver + "/Delete":              ofKnownType(p.delete),
		contract.Driver + "/Diff":                ofKnownType(p.diff),
		contract.Finalizer + "/FinalizeApply":    p.finalize,
	}
}

func (p *provider) manifest(context.Context, message) (message, error) {
	return message{"name": name, "version": version, "author": "Counterfoil", "description": "A provider in Go"}, nil
}

func (p *provider) registry(context.Context, message) (message, error) {
	rows := []any{}
	for _, service := range []string{contract.Finalizer, contract.Required, contract.Driver} {
		rows = append(rows, message{
			"kind": contract.KindService, "mode": contract.ModeStrict, "service_name": service,
		})
	}
	return message{"contracts": rows}, nil
}

// initialize says something on each of the three ways that a plugin has: its log, and what it prints to stdout and to
// stderr.
func (p *provider) initialize(_ context.Context, request message) (message, error) {
	config, err := entries(contract.Get[[]byte](request, "config_json"))
	if err != nil {
		return nil, err
	}
	p.log.Info("initialized", "keys", len(config))
	fmt.Fprintln(os.Stdout, "on stdout: initialized")
	fmt.Fprintln(os.Stderr, "on stderr: initialized")
	return message{}, nil
}

func (p *provider) capabilities(context.Context, message) (message, error) {
	rows := []any{}
	for _, kind := range kinds {
		operations := []any{"create", "read", "update", "delete"}
		rows = append(rows, message{"resource_type": kind, "tier": int32(1), "operations": operations})
	}
	return message{"capabilities": rows, "compute_plan_version": "v2"}, nil
}

func (p *provider) create(_ context.Context, request message) (message, error) {
	made, err := p.cloud.create(resource{
		kind:   contract.Get[string](request, "resource_type"),
		name:   contract.Get[string](request, "spec", "name"),
		config: contract.Get[[]byte](request, "spec", "config_json"),
	})
	if err != nil {
		return nil, err
	}
	return made.reply()
}

func (p *provider) read(_ context.Context, request message) (message, error) {
	found, err := p.cloud.find(meant(request, "ref"))
	if err != nil {
		return nil, err
	}
	return found.reply()
}

func (p *provider) update(_ context.Context, request message) (message, error) {
	changed, err := p.cloud.update(meant(request, "ref"), contract.Get[[]byte](request, "spec", "config_json"))
	if err != nil {
		return nil, err
	}
	return changed.reply()
}

func (p *provider) delete(_ context.Context, request message) (message, error) {
	p.cloud.remove(meant(request, "ref"))
	return message{}, nil
}

// diff compares key by key. A resource cannot move to another region, so that takes a replacement.
func (p *provider) diff(_ context.Context, request message) (message, error) {
	live, err := p.cloud.find(meant(request, "current"))
	if err != nil {
		return nil, err
	}
	before, err := entries(live.config)
	if err != nil {
		return nil, err
	}
	after, err := entries(contract.Get[[]byte](request, "desired", "config_json"))
	if err != nil {
		return nil, err
	}
	changes, replace := []any{}, false
	for _, key := range keys(before, after) {
		if string(before[key]) == string(after[key]) {
			continue
		}
		moves := key == "region"
		replace = replace || moves
		changes = append(changes, message{
			"path": key, "old_json": []byte(before[key]), "new_json": []byte(after[key]), "force_new": moves,
		})
	}
	return message{"result": message{
		"needs_update": len(changes) > 0, "needs_replace": replace, "changes": changes,
	}}, nil
}

func (p *provider) finalize(_ context.Context, request message) (message, error) {
	p.log.Info("finalized", "plan", contract.Get[string](request, "plan_id"))
	return message{}, nil
}

// ofKnownType refuses requests about other types.
func ofKnownType(handler contract.Handler) contract.Handler {
	return func(ctx context.Context, request message) (message, error) {
		if err := known(contract.Get[string](request, "resource_type")); err != nil {
			return nil, err
		}
		return handler(ctx, request)
	}
}

// meant is the resource that a part of a request points at.
func meant(request message, part string) target {
	return target{
		kind: contract.Get[string](request, "resource_type"),
		name: contract.Get[string](request, part, "name"),
		id:   contract.Get[string](request, part, "provider_id"),
	}
}

// entries are those of a JSON object, which may be missing.
func entries(text []byte) (map[string]json.RawMessage, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var read map[string]json.RawMessage
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "config_json: %v", err)
	}
	return read, nil
}

// keys are those of either side, in order.
func keys(sides ...map[string]json.RawMessage) []string {
	all := map[string]bool{}
	for _, side := range sides {
		for key := range side {
			all[key] = true
		}
	}
	sorted := []string{}
	for key := range all {
		sorted = append(sorted, key)
	}
	sort.Strings(sorted)
	return sorted
}
