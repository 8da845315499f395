package main

import (
	"encoding/json"
	"errors"

	"github.com/GoCodeAlone/workflow/interfaces"
	"github.com/GoCodeAlone/workflow/plugin/external/proto"
	protobuf "google.golang.org/protobuf/proto"
)

// decodePlan reads an encoded IaCPlan. What is not read here, such as times, no plan of Counterfoil has.
func decodePlan(encoded []byte) (*interfaces.IaCPlan, error) {
	message := &proto.IaCPlan{}
	if err := protobuf.Unmarshal(encoded, message); err != nil {
		return nil, err
	}
	plan := &interfaces.IaCPlan{
		ID:            message.GetId(),
		SchemaVersion: int(message.GetSchemaVersion()),
		InputSnapshot: message.GetInputSnapshot(),
	}
	r := &reading{}
	for _, action := range message.GetActions() {
		plan.Actions = append(plan.Actions, r.action(action))
	}
	return plan, r.err
}

// reading reads messages that have JSON in them.
type reading struct {
	// err is what could not be read.
	err error
}

func (r *reading) action(message *proto.PlanAction) interfaces.PlanAction {
	action := interfaces.PlanAction{
		Action:   message.GetAction(),
		Resource: r.spec(message.GetResource()),
		Current:  r.current(message.GetCurrent()),
	}
	for _, change := range message.GetChanges() {
		action.Changes = append(action.Changes, interfaces.FieldChange{
			Path:     change.GetPath(),
			Old:      value[any](r, change.GetOldJson()),
			New:      value[any](r, change.GetNewJson()),
			ForceNew: change.GetForceNew(),
		})
	}
	return action
}

func (r *reading) spec(message *proto.ResourceSpec) interfaces.ResourceSpec {
	spec := interfaces.ResourceSpec{
		Name:      message.GetName(),
		Type:      message.GetType(),
		Config:    value[map[string]any](r, message.GetConfigJson()),
		Size:      interfaces.Size(message.GetSize()),
		DependsOn: message.GetDependsOn(),
	}
	if hints := message.GetHints(); hints != nil {
		spec.Hints = &interfaces.ResourceHints{CPU: hints.GetCpu(), Memory: hints.GetMemory(), Storage: hints.GetStorage()}
	}
	return spec
}

func (r *reading) current(message *proto.ResourceState) *interfaces.ResourceState {
	if message == nil {
		return nil
	}
	return &interfaces.ResourceState{
		Name:          message.GetName(),
		Type:          message.GetType(),
		ProviderID:    message.GetProviderId(),
		AppliedConfig: value[map[string]any](r, message.GetAppliedConfigJson()),
		Outputs:       value[map[string]any](r, message.GetOutputsJson()),
	}
}

// value reads JSON. None at all is nothing.
func value[T any](r *reading, encoded []byte) (read T) {
	if len(encoded) > 0 {
		r.err = errors.Join(r.err, json.Unmarshal(encoded, &read))
	}
	return read
}

// encodeMap writes JSON, and nothing for nothing.
func encodeMap(values map[string]any) ([]byte, error) {
	if values == nil {
		return nil, nil
	}
	return json.Marshal(values)
}
