package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"counterfoil/adapter"
)

// contractPackage has the messages of the infrastructure services.
const contractPackage = "workflow.plugin.external.iac"

// applyResponse is the one message that answers a plan.
const applyResponse = contractPackage + ".ApplyResponse"

// decoder reads any message of the contract at any revision.
type decoder struct {
	contracts map[string]*contract
}

// start takes the contracts. None is read yet, since not every revision is asked for.
func (d *decoder) start(contracts map[string][]byte) error {
	d.contracts = make(map[string]*contract, len(contracts))
	for revision, encoded := range contracts {
		d.contracts[revision] = &contract{encoded: encoded}
	}
	return nil
}

// decode reads the bytes of a case and encodes them anew, or says which rule refuses them.
func (d *decoder) decode(c *adapter.Case) ([]byte, error) {
	contract, ok := d.contracts[c.Revision]
	if !ok {
		return nil, fmt.Errorf("Hello had no contract of revision %q", c.Revision)
	}
	described, err := contract.message(c.Message)
	if err != nil {
		return nil, fmt.Errorf("revision %s: %w", c.Revision, err)
	}
	message, refusal := read(described, c.Bytes)
	if refusal == nil && c.Message == applyResponse {
		refusal = checkReply(message, c.Planned)
	}
	if refusal != nil {
		return nil, refusal
	}
	return proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(message.Interface())
}

// read reads a message, and checks what holds for every message, whatever it means.
func read(described protoreflect.MessageDescriptor, encoded []byte) (protoreflect.Message, *refusal) {
	if refusal := checkLayouts(described, encoded, 0); refusal != nil {
		return nil, refusal
	}
	message, refusal := unmarshal(described, encoded)
	if refusal == nil {
		refusal = checkValues(message)
	}
	return message, refusal
}

// unmarshal leaves the reading to the runtime. Fields that proto2 requires are no matter of the contract.
func unmarshal(described protoreflect.MessageDescriptor, encoded []byte) (*dynamicpb.Message, *refusal) {
	message := dynamicpb.NewMessage(described)
	err := proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(encoded, message)
	switch {
	case err == nil:
		return message, nil
	case strings.Contains(err.Error(), "invalid UTF-8"):
		return nil, refuse("DEC-018", "%v", err)
	default:
		return nil, refuse("DEC-017", "%v", err)
	}
}
