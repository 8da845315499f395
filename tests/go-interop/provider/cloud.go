package provider

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// cloud holds resources for as long as the process lives.
type cloud struct {
	mutex sync.Mutex
	made  int
	live  []resource
}

type resource struct {
	id, kind, name string
	config         []byte
}

// target points at a resource: by its id, or where there is none by its name.
type target struct{ kind, name, id string }

func (t target) meets(r resource) bool {
	if t.id != "" {
		return t.kind == r.kind && t.id == r.id
	}
	return t.kind == r.kind && t.name == r.name
}

// at is the place of a resource, -1 where there is none. The mutex is held.
func (c *cloud) at(meant target) int {
	for at, live := range c.live {
		if meant.meets(live) {
			return at
		}
	}
	return -1
}

// kinds are the types of resources that there can be.
var kinds = []string{
	"infra.cache", "infra.certificate", "infra.container_service", "infra.database", "infra.dns", "infra.firewall",
	"infra.iam_role", "infra.k8s_cluster", "infra.load_balancer", "infra.registry", "infra.storage", "infra.vpc",
}

// known refuses a type that there cannot be.
func known(kind string) error {
	switch {
	case kind == "":
		return status.Error(codes.InvalidArgument, "a resource needs a type")
	case !slices.Contains(kinds, kind):
		return status.Errorf(codes.NotFound, "no driver for %q", kind)
	}
	return nil
}

// missing is in the words by which the engine knows it.
func missing(meant target) error {
	return status.Errorf(codes.NotFound, "iac: resource not found: %s %q", meant.kind, meant.name)
}

func (c *cloud) create(wanted resource) (resource, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.at(target{kind: wanted.kind, name: wanted.name}) >= 0 {
		return resource{}, status.Errorf(codes.AlreadyExists, "%s %q already exists", wanted.kind, wanted.name)
	}
	c.made++
	wanted.id = fmt.Sprintf("%s-%d", strings.TrimPrefix(wanted.kind, "infra."), c.made)
	c.live = append(c.live, wanted)
	return wanted, nil
}

func (c *cloud) find(meant target) (resource, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if at := c.at(meant); at >= 0 {
		return c.live[at], nil
	}
	return resource{}, missing(meant)
}

func (c *cloud) update(meant target, config []byte) (resource, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	at := c.at(meant)
	if at < 0 {
		return resource{}, missing(meant)
	}
	c.live[at].config = config
	return c.live[at], nil
}

// remove takes a resource away. One that is gone already is no mistake.
func (c *cloud) remove(meant target) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if at := c.at(meant); at >= 0 {
		c.live = append(c.live[:at], c.live[at+1:]...)
	}
}

// reply is how a resource travels. Its outputs are its config, and where it can be reached.
func (r resource) reply() (message, error) {
	outputs, err := entries(r.config)
	if err != nil {
		return nil, err
	}
	if outputs == nil {
		outputs = map[string]json.RawMessage{}
	}
	outputs["endpoint"] = json.RawMessage(fmt.Sprintf("%q", r.id+".interop.example"))
	text, err := json.Marshal(outputs)
	if err != nil {
		return nil, err
	}
	return message{"output": message{
		"name": r.name, "type": r.kind, "provider_id": r.id, "outputs_json": text, "status": "active",
	}}, nil
}
