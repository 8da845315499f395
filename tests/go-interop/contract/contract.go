// Package contract speaks the engine's contract without generated code. Services and messages are looked up in the
// descriptors of contract.binpb, which the Rust side writes from its .proto files.
package contract

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	// The contract imports their files.
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
)

const (
	// CookieKey and CookieValue tell a plugin that a host of the engine started it.
	CookieKey   = "WORKFLOW_PLUGIN"
	CookieValue = "workflow-external-plugin-v1"
	// Version is the one version of the application protocol.
	Version = 1
	// PluginSet is the name under which hosts look a plugin up.
	PluginSet = "plugin"

	// The services that the programs here serve or call.
	Plugin    = "workflow.plugin.v1.PluginService"
	Required  = "workflow.plugin.external.iac.IaCProviderRequired"
	Driver    = "workflow.plugin.external.iac.ResourceDriver"
	Finalizer = "workflow.plugin.external.iac.IaCProviderFinalizer"

	// KindService marks the rows of a registry that count.
	KindService = protoreflect.EnumNumber(3)
	// ModeStrict is how such a service is spoken to: in messages only.
	ModeStrict = protoreflect.EnumNumber(3)
)

//go:embed contract.binpb
var encoded []byte

// The files are registered where gRPC reflection looks for them. Those of go-plugin's own services are in the set too,
// and are left to go-plugin.
func init() {
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(encoded, set); err != nil {
		panic(err)
	}
	for _, described := range set.File {
		if !strings.HasPrefix(described.GetName(), "workflow/") {
			continue
		}
		file, err := protodesc.NewFile(described, protoregistry.GlobalFiles)
		if err == nil {
			err = protoregistry.GlobalFiles.RegisterFile(file)
		}
		if err != nil {
			panic(err)
		}
	}
}

// method finds a method by its path, "package.Service/Method".
func method(path string) protoreflect.MethodDescriptor {
	name := protoreflect.FullName(strings.Replace(path, "/", ".", 1))
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", path, err))
	}
	return found.(protoreflect.MethodDescriptor)
}

// Call calls a method by its path.
func Call(ctx context.Context, conn grpc.ClientConnInterface, path string, request Message) (Message, error) {
	described := method(path)
	in, out := dynamicpb.NewMessage(described.Input()), dynamicpb.NewMessage(described.Output())
	if err := fill(in, request); err != nil {
		return nil, err
	}
	if err := conn.Invoke(ctx, "/"+path, in, out); err != nil {
		return nil, err
	}
	return read(out), nil
}

// Handler answers a call.
type Handler func(context.Context, Message) (Message, error)

// Register serves methods, each by its path. The other methods of their services are not implemented.
func Register(server grpc.ServiceRegistrar, handlers map[string]Handler) {
	services := map[string]*grpc.ServiceDesc{}
	for path, handler := range handlers {
		described := method(path)
		service := string(described.Parent().FullName())
		if services[service] == nil {
			file := described.ParentFile().Path()
			services[service] = &grpc.ServiceDesc{ServiceName: service, Metadata: file}
		}
		services[service].Methods = append(services[service].Methods, grpc.MethodDesc{
			MethodName: string(described.Name()),
			Handler:    serve(described, handler),
		})
	}
	for _, service := range services {
		server.RegisterService(service, nil)
	}
}

func serve(described protoreflect.MethodDescriptor, handler Handler) grpc.MethodHandler {
	return func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in, out := dynamicpb.NewMessage(described.Input()), dynamicpb.NewMessage(described.Output())
		if err := decode(in); err != nil {
			return nil, err
		}
		reply, err := handler(ctx, read(in))
		if err != nil {
			return nil, err
		}
		return out, fill(out, reply)
	}
}
