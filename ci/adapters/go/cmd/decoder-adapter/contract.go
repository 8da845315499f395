package main

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// contract is the contract at one revision, read when the first case asks for it.
type contract struct {
	encoded  []byte
	files    *protoregistry.Files
	messages map[string]protoreflect.MessageDescriptor
}

// message finds a message by its full name.
func (c *contract) message(name string) (protoreflect.MessageDescriptor, error) {
	if found, ok := c.messages[name]; ok {
		return found, nil
	}
	if err := c.read(); err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	found, err := c.files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, fmt.Errorf("the contract has no message %q", name)
	}
	message, ok := found.(protoreflect.MessageDescriptor)
	if !ok {
		return nil, fmt.Errorf("%q is no message", name)
	}
	c.messages[name] = message
	return message, nil
}

// read reads the descriptors, the first time.
func (c *contract) read() error {
	if c.files != nil {
		return nil
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(c.encoded, set); err != nil {
		return err
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return err
	}
	c.files, c.messages = files, map[string]protoreflect.MessageDescriptor{}
	return nil
}
