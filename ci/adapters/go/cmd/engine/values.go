package main

import (
	"encoding/json"
	"fmt"
)

// The messages of the contract, as far as this engine needs them, under the names that their fields have in JSON.

type plan struct {
	ID            string            `json:"id"`
	Actions       []*action         `json:"actions"`
	InputSnapshot map[string]string `json:"input_snapshot"`
}

type action struct {
	// index is its position in the plan.
	index int

	Action   string `json:"action"`
	Resource spec   `json:"resource"`
	Current  struct {
		ProviderID string `json:"provider_id"`
	} `json:"current"`
}

type spec struct {
	Name       string          `json:"name,omitempty"`
	Type       string          `json:"type,omitempty"`
	ConfigJSON []byte          `json:"config_json,omitempty"`
	Size       string          `json:"size,omitempty"`
	Hints      json.RawMessage `json:"hints,omitempty"`
	DependsOn  []string        `json:"depends_on,omitempty"`
}

// String names a resource as errors do.
func (s *spec) String() string { return s.Type + "/" + s.Name }

// request is a request to a driver: each method has some of this.
type request struct {
	ResourceType string       `json:"resource_type,omitempty"`
	Ref          *resourceRef `json:"ref,omitempty"`
	Spec         *spec        `json:"spec,omitempty"`
}

type resourceRef struct {
	Name       string `json:"name,omitempty"`
	Type       string `json:"type,omitempty"`
	ProviderID string `json:"provider_id,omitempty"`
}

// ref is the resource that an action finds.
func (a *action) ref() *resourceRef {
	return &resourceRef{Name: a.Resource.Name, Type: a.Resource.Type, ProviderID: a.Current.ProviderID}
}

// checkOutputs refuses outputs of a reply that cannot be read. None at all are in order.
func checkOutputs(encoded []byte) error {
	if len(encoded) == 0 {
		return nil
	}
	var outputs map[string]any
	if err := json.Unmarshal(encoded, &outputs); err != nil {
		return fmt.Errorf("outputs_json of the reply: %w", err)
	}
	return nil
}
