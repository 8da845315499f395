//go:build !providerclient

package main

import (
	"context"

	"github.com/GoCodeAlone/workflow/interfaces"
	"github.com/GoCodeAlone/workflow/plugin/external/proto"
	"google.golang.org/grpc"
)

// clientNamed is what the subject says of the client.
const clientNamed = ""

// client is a provider behind a connection. An error of the provider comes back as it is, as it does in the engine's command
// line, whose own client nobody can import: what is found is found in the apply.
func client(conn grpc.ClientConnInterface) interfaces.IaCProvider {
	return &remote{drivers: proto.NewResourceDriverClient(conn)}
}

// remote is a provider. Of what one can do, an apply asks for drivers alone; the rest is nil.
type remote struct {
	interfaces.IaCProvider
	drivers proto.ResourceDriverClient
}

func (r *remote) ResourceDriver(kind string) (interfaces.ResourceDriver, error) {
	return &driver{drivers: r.drivers, kind: kind}, nil
}

// driver makes resources of one type. Of what one can do, an apply asks for these three alone; the rest is nil.
type driver struct {
	interfaces.ResourceDriver
	drivers proto.ResourceDriverClient
	kind    string
}

func (d *driver) Create(ctx context.Context, spec interfaces.ResourceSpec) (*interfaces.ResourceOutput, error) {
	encoded, err := encodeSpec(spec)
	if err != nil {
		return nil, err
	}
	reply, err := d.drivers.Create(ctx, &proto.ResourceCreateRequest{ResourceType: d.kind, Spec: encoded})
	if err != nil {
		return nil, err
	}
	return decodeOutput(reply.GetOutput())
}

func (d *driver) Update(
	ctx context.Context, ref interfaces.ResourceRef, spec interfaces.ResourceSpec,
) (*interfaces.ResourceOutput, error) {
	encoded, err := encodeSpec(spec)
	if err != nil {
		return nil, err
	}
	request := &proto.ResourceUpdateRequest{ResourceType: d.kind, Ref: encodeRef(ref), Spec: encoded}
	reply, err := d.drivers.Update(ctx, request)
	if err != nil {
		return nil, err
	}
	return decodeOutput(reply.GetOutput())
}

func (d *driver) Delete(ctx context.Context, ref interfaces.ResourceRef) error {
	_, err := d.drivers.Delete(ctx, &proto.ResourceDeleteRequest{ResourceType: d.kind, Ref: encodeRef(ref)})
	return err
}

func encodeRef(ref interfaces.ResourceRef) *proto.ResourceRef {
	return &proto.ResourceRef{Name: ref.Name, Type: ref.Type, ProviderId: ref.ProviderID}
}

func encodeSpec(spec interfaces.ResourceSpec) (*proto.ResourceSpec, error) {
	config, err := encodeMap(spec.Config)
	if err != nil {
		return nil, err
	}
	message := &proto.ResourceSpec{
		Name: spec.Name, Type: spec.Type, ConfigJson: config, Size: string(spec.Size), DependsOn: spec.DependsOn,
	}
	if hints := spec.Hints; hints != nil {
		message.Hints = &proto.ResourceHints{Cpu: hints.CPU, Memory: hints.Memory, Storage: hints.Storage}
	}
	return message, nil
}

func decodeOutput(message *proto.ResourceOutput) (*interfaces.ResourceOutput, error) {
	if message == nil {
		return nil, nil
	}
	r := &reading{}
	output := &interfaces.ResourceOutput{
		Name:       message.GetName(),
		Type:       message.GetType(),
		ProviderID: message.GetProviderId(),
		Outputs:    value[map[string]any](r, message.GetOutputsJson()),
		Sensitive:  message.GetSensitive(),
		Status:     message.GetStatus(),
	}
	return output, r.err
}
