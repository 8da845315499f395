package adapter

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Result is what an engine reports of an apply: an ApplyResult, which the contract no longer has at its newest revisions.
type Result struct {
	// PlanID is the id of the plan.
	PlanID string
	// Resources are what was created, updated or replaced.
	Resources []Output
	// Errors are what failed.
	Errors []ActionError
	// InitialInputs are the fingerprints of the inputs as the apply began, by their names.
	InitialInputs map[string]string
	// Drift are the inputs that changed between plan and apply.
	Drift []Drift
	// ReplaceIDs are the new ids of what was replaced, by its name.
	ReplaceIDs map[string]string
	// Outcomes are those of the actions.
	Outcomes []Outcome
}

// Output is a resource as a provider answers it: a ResourceOutput, whose fields have in JSON the names of the contract.
type Output struct {
	Name        string          `json:"name,omitempty"`
	Type        string          `json:"type,omitempty"`
	ProviderID  string          `json:"provider_id,omitempty"`
	OutputsJSON []byte          `json:"outputs_json,omitempty"`
	Sensitive   map[string]bool `json:"sensitive,omitempty"`
	Status      string          `json:"status,omitempty"`
}

// ActionError is an entry of the list of errors.
type ActionError struct {
	Resource, Action, Error string
}

// Drift is an input that changed.
type Drift struct {
	Name, PlanFingerprint, ApplyFingerprint string
}

// Outcome is how an action of the plan ended.
type Outcome struct {
	// Action is the position of the action.
	Action int
	// Status is its status.
	Status Status
	// Error is the text beside it; empty with success.
	Error string
}

// Status is the number of an ActionStatus.
type Status int32

// The statuses that there are; 0 is none.
const (
	Success            Status = 1
	Failed             Status = 2
	DeleteFailed       Status = 3
	Compensated        Status = 4
	CompensationFailed Status = 5
	Skipped            Status = 6
)

// encode makes an ApplyResult of it.
func (r *Result) encode() []byte {
	message := appendText(nil, 1, r.PlanID)
	for _, resource := range r.Resources {
		message = appendBytes(message, 2, resource.encode())
	}
	for _, failed := range r.Errors {
		message = appendTexts(message, 3, failed.Resource, failed.Action, failed.Error)
	}
	message = appendTextMap(message, 4, r.InitialInputs)
	for _, drift := range r.Drift {
		message = appendTexts(message, 5, drift.Name, drift.PlanFingerprint, drift.ApplyFingerprint)
	}
	message = appendTextMap(message, 6, r.ReplaceIDs)
	for _, outcome := range r.Outcomes {
		message = appendBytes(message, 7, outcome.encode())
	}
	return message
}

func (o *Output) encode() []byte {
	message := appendText(appendText(appendText(nil, 1, o.Name), 2, o.Type), 3, o.ProviderID)
	message = appendBytes(message, 4, o.OutputsJSON)
	for _, key := range slices.Sorted(maps.Keys(o.Sensitive)) {
		message = appendBytes(message, 5, appendFlag(appendText(nil, 1, key), 2, o.Sensitive[key]))
	}
	return appendText(message, 6, o.Status)
}

// encode makes an ActionResult of it, or an ActionOutcome of what hooks are told: they have the same fields.
func (o *Outcome) encode() []byte {
	message := appendNumber(nil, 1, uint64(o.Action))
	// A negative number is ten bytes on the wire, as if it had 64 bits.
	message = appendNumber(message, 2, uint64(int64(o.Status)))
	return appendText(message, 3, o.Error)
}

// appendText appends a text. What is no UTF-8 in it is replaced: else nobody could read the message.
func appendText(to []byte, number protowire.Number, text string) []byte {
	return appendBytes(to, number, []byte(strings.ToValidUTF8(text, "\uFFFD")))
}

// appendTexts appends a message whose fields are these texts, from number 1 on.
func appendTexts(to []byte, number protowire.Number, texts ...string) []byte {
	var message []byte
	for i, text := range texts {
		message = appendText(message, protowire.Number(1+i), text)
	}
	return appendBytes(to, number, message)
}

// appendTextMap appends the entries of a map.
func appendTextMap(to []byte, number protowire.Number, entries map[string]string) []byte {
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		to = appendTexts(to, number, key, entries[key])
	}
	return to
}
