package host

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"counterfoil/interop/contract"
)

// step is something that a host does, and what has to come of it.
type step struct {
	name string
	do   func() error
}

type message = contract.Message

const kind = "infra.vpc"

// steps are those of a host, in their order: the launch, the load sequence of the engine, every call of a driver, the
// end of an apply, what the plugin says meanwhile, and its end.
func steps(ctx context.Context, p *plugin) []step {
	var conn grpc.ClientConnInterface
	var created message
	call := func(path string, request message) (message, error) { return contract.Call(ctx, conn, path, request) }
	ref := func() message {
		return message{"name": "net", "type": kind, "provider_id": contract.Get[string](created, "provider_id")}
	}
	spec := func(config string) message {
		return message{"name": "net", "type": kind, "config_json": []byte(config)}
	}
	output := func(method string, request message) (message, error) {
		request["resource_type"] = kind
		reply, err := call(contract.Driver+"/"+method, request)
		return contract.Get[message](reply, "output"), err
	}
	return []step{
		{"start", p.Start},
		{"connect", func() (err error) {
			conn, err = p.Connect()
			return err
		}},
		{"ping", p.Ping},
		{"manifest", func() error {
			reply, err := call(contract.Plugin+"/GetManifest", message{})
			if err == nil && (contract.Get[string](reply, "name") == "" || contract.Get[string](reply, "version") == "") {
				return fmt.Errorf("it is %v", reply)
			}
			return err
		}},
		{"registry", func() error {
			reply, err := call(contract.Plugin+"/GetContractRegistry", message{})
			if err != nil {
				return err
			}
			return lists(reply, contract.Required, contract.Driver, contract.Finalizer)
		}},
		{"initialize", func() error {
			config := []byte(`{"provider":"interop","region":"nyc3"}`)
			_, err := call(contract.Required+"/Initialize", message{"config_json": config})
			return err
		}},
		{"capabilities", func() error {
			reply, err := call(contract.Required+"/Capabilities", message{})
			if found := contract.Get[string](reply, "compute_plan_version"); err == nil && found != "v2" {
				return fmt.Errorf("its compute_plan_version is %q", found)
			}
			return err
		}},
		{"create", func() (err error) {
			created, err = output("Create", message{"spec": spec(`{"region":"nyc3","size":"s"}`)})
			if err == nil && contract.Get[string](created, "provider_id") == "" {
				return fmt.Errorf("no id in %v", created)
			}
			return err
		}},
		{"create again", func() error {
			_, err := output("Create", message{"spec": spec(`{"region":"nyc3"}`)})
			return ends(err, codes.AlreadyExists)
		}},
		{"read", func() error {
			found, err := output("Read", message{"ref": ref()})
			if err != nil {
				return err
			}
			return has(found, "size", "s")
		}},
		{"diff", func() error {
			reply, err := call(contract.Driver+"/Diff", message{
				"resource_type": kind, "desired": spec(`{"region":"ams3","size":"s"}`), "current": created,
			})
			if err != nil {
				return err
			}
			return moves(contract.Get[message](reply, "result"))
		}},
		{"update", func() error {
			changed, err := output("Update", message{"ref": ref(), "spec": spec(`{"region":"nyc3","size":"m"}`)})
			if err != nil {
				return err
			}
			if id := contract.Get[string](changed, "provider_id"); id != contract.Get[string](created, "provider_id") {
				return fmt.Errorf("it is %q now", id)
			}
			return has(changed, "size", "m")
		}},
		{"delete", func() error {
			_, err := output("Delete", message{"ref": ref()})
			return err
		}},
		{"read what is gone", func() error {
			_, err := output("Read", message{"ref": ref()})
			return ends(err, codes.NotFound)
		}},
		{"finalize", func() error {
			reply, err := call(contract.Finalizer+"/FinalizeApply", message{"plan_id": "plan-1"})
			if errors := contract.Get[[]any](reply, "errors"); len(errors) > 0 {
				return fmt.Errorf("it reports %v", errors)
			}
			return err
		}},
		{"log", func() error { return p.log.wait(ctx, "the cloud is asked to delete a resource") }},
		{"stdout", func() error { return p.stdout.wait(ctx, "delete a resource\n") }},
		{"stderr", func() error { return p.stderr.wait(ctx, "in memory") }},
		{"kill", func() error {
			p.Kill()
			return nil
		}},
		{"gone", p.gone},
	}
}

// lists checks that a registry has rows for services.
func lists(registry message, services ...string) error {
	rows := map[string]bool{}
	for _, row := range contract.Get[[]any](registry, "contracts") {
		if row := row.(message); row["kind"] == contract.KindService {
			rows[contract.Get[string](row, "service_name")] = true
		}
	}
	for _, service := range services {
		if !rows[service] {
			return fmt.Errorf("%s is not listed, but %v", service, rows)
		}
	}
	return nil
}

// has checks an output of a resource.
func has(found message, key, value string) error {
	var outputs map[string]any
	if err := json.Unmarshal(contract.Get[[]byte](found, "outputs_json"), &outputs); err != nil {
		return err
	}
	if outputs[key] != value {
		return fmt.Errorf("%s is not %q in %v", key, value, outputs)
	}
	return nil
}

// moves checks that a difference is in the region, and takes a replacement.
func moves(result message) error {
	changes := contract.Get[[]any](result, "changes")
	if !contract.Get[bool](result, "needs_replace") || len(changes) != 1 {
		return fmt.Errorf("the result is %v", result)
	}
	change := changes[0].(message)
	before, after := contract.Get[[]byte](change, "old_json"), contract.Get[[]byte](change, "new_json")
	if change["path"] != "region" || string(before) != `"nyc3"` || string(after) != `"ams3"` {
		return fmt.Errorf("the change is %v", change)
	}
	return nil
}

// ends checks the status with which a call failed.
func ends(err error, code codes.Code) error {
	if status.Code(err) != code {
		return fmt.Errorf("it ended with %v and not with %v", err, code)
	}
	return nil
}
