package main

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	// contractPackage has the messages of the infrastructure services.
	contractPackage = "workflow.plugin.external.iac."
	// driverService is the service by which resources are made.
	driverService = "ResourceDriver"
)

// contract is the contract at a revision, as Counterfoil describes it. What Go works with are plain values, which become messages
// and come from them by way of JSON: an engine with generated code has no need of any of this.
type contract struct {
	files *protoregistry.Files
}

// readContract reads the contract of a revision, an encoded FileDescriptorSet.
func readContract(contracts map[string][]byte, revision string) (*contract, error) {
	encoded, ok := contracts[revision]
	if !ok {
		return nil, fmt.Errorf("Hello has no contract of revision %s", revision)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(encoded, set); err != nil {
		return nil, fmt.Errorf("the contract of revision %s: %w", revision, err)
	}
	files, err := protodesc.NewFiles(set)
	return &contract{files: files}, err
}

// find finds what has a name in the package of the contract.
func find[T protoreflect.Descriptor](c *contract, name string) (found T, err error) {
	descriptor, err := c.files.FindDescriptorByName(protoreflect.FullName(contractPackage + name))
	if err != nil {
		return found, err
	}
	found, ok := descriptor.(T)
	if !ok {
		return found, fmt.Errorf("%s is not of the kind that is due", name)
	}
	return found, nil
}

// decode reads a message into a plain value.
func (c *contract) decode(name string, encoded []byte, into any) error {
	described, err := find[protoreflect.MessageDescriptor](c, name)
	if err != nil {
		return err
	}
	message := dynamicpb.NewMessage(described)
	if err := proto.Unmarshal(encoded, message); err != nil {
		return err
	}
	return toValue(message, into)
}

// call calls a method of the provider's drivers.
func (c *contract) call(ctx context.Context, conn *grpc.ClientConn, method string, request, reply any) error {
	described, err := find[protoreflect.MethodDescriptor](c, driverService+"."+method)
	if err != nil {
		return err
	}
	in, err := toMessage(described.Input(), request)
	if err != nil {
		return err
	}
	out := dynamicpb.NewMessage(described.Output())
	if err := conn.Invoke(ctx, "/"+contractPackage+driverService+"/"+method, in, out); err != nil {
		return err
	}
	return toValue(out, reply)
}

func toMessage(described protoreflect.MessageDescriptor, value any) (*dynamicpb.Message, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	message := dynamicpb.NewMessage(described)
	return message, protojson.Unmarshal(text, message)
}

func toValue(message proto.Message, into any) error {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
