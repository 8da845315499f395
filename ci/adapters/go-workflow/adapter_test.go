package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/GoCodeAlone/workflow/interfaces"
	"github.com/GoCodeAlone/workflow/plugin/external/proto"
	"golang.org/x/mod/semver"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	protobuf "google.golang.org/protobuf/proto"

	"counterfoil/adapter"
)

// cloud is a provider that gives an id to what is created, has no room to update, and writes down who calls.
type cloud struct {
	proto.UnimplementedResourceDriverServer
	calls []string
}

func (c *cloud) Create(_ context.Context, r *proto.ResourceCreateRequest) (*proto.ResourceCreateResponse, error) {
	c.calls = append(c.calls, fmt.Sprintf("create %s %s", r.GetSpec().GetName(), r.GetSpec().GetConfigJson()))
	output := &proto.ResourceOutput{ProviderId: r.GetSpec().GetName() + "-1", OutputsJson: []byte(`{"port":5432}`)}
	return &proto.ResourceCreateResponse{Output: output}, nil
}

func (c *cloud) Update(_ context.Context, r *proto.ResourceUpdateRequest) (*proto.ResourceUpdateResponse, error) {
	c.calls = append(c.calls, "update "+r.GetRef().GetProviderId())
	return nil, status.Error(codes.ResourceExhausted, "quota exceeded")
}

func (c *cloud) Delete(_ context.Context, r *proto.ResourceDeleteRequest) (*proto.ResourceDeleteResponse, error) {
	c.calls = append(c.calls, "delete "+r.GetRef().GetProviderId())
	return &proto.ResourceDeleteResponse{}, nil
}

// serve serves it on a socket.
func (c *cloud) serve(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	proto.RegisterResourceDriverServer(server, c)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return socket
}

// applied is what came of a case.
type applied struct {
	result  *adapter.Result
	failure error
	// hooks are those that were called, each with the position that was told of it.
	hooks []string
}

// run has the engine apply a plan, with the hooks installed, to none of which anything happens.
func run(t *testing.T, socket string, plan *proto.IaCPlan, hooks ...adapter.Hook) applied {
	t.Helper()
	encoded, err := protobuf.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	fields := append(field(3, encoded), field(6, []byte(socket))...)
	for _, hook := range hooks {
		fields = append(fields, field(5, []byte(hook))...)
	}
	var in, out bytes.Buffer
	write := func(message []byte) {
		in.Write(binary.BigEndian.AppendUint32(nil, uint32(len(message))))
		in.Write(message)
	}
	// Hello to an engine, the case, and more words to go on than can be needed.
	write(field(1, []byte("\x10\x02")))
	write(field(3, fields))
	for range 8 * len(plan.GetActions()) {
		write(field(4, nil))
	}
	var came applied
	err = adapter.ServeEngine(&in, &out, adapter.Engine{
		Apply: func(ctx context.Context, c *adapter.EngineCase) (*adapter.Result, error) {
			came.result, came.failure = apply(ctx, c)
			return came.result, came.failure
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for out.Len() > 0 {
		message := out.Next(int(binary.BigEndian.Uint32(out.Next(4))))
		// A Told in which a hook is called, of which the name and the position.
		if called := inner(inner(message, 4), 3); called != nil {
			came.hooks = append(came.hooks, fmt.Sprintf("%s %d", inner(called, 1), number(called, 2)))
		}
	}
	return came
}

func field(number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

// find finds the value of a field, as it stands behind its tag.
func find(message []byte, due protowire.Number) []byte {
	for len(message) > 0 {
		number, layout, tag := protowire.ConsumeTag(message)
		if number == due {
			return message[tag:]
		}
		message = message[tag+protowire.ConsumeFieldValue(number, layout, message[tag:]):]
	}
	return nil
}

func inner(message []byte, due protowire.Number) []byte {
	value, _ := protowire.ConsumeBytes(find(message, due))
	return value
}

func number(message []byte, due protowire.Number) uint64 {
	value, _ := protowire.ConsumeVarint(find(message, due))
	return value
}

func action(kind, name, config string) *proto.PlanAction {
	action := &proto.PlanAction{
		Action:   kind,
		Resource: &proto.ResourceSpec{Name: name, Type: "infra.database", ConfigJson: []byte(config)},
	}
	if kind != "create" {
		action.Current = &proto.ResourceState{Name: name, Type: "infra.database", ProviderId: name + "-0"}
	}
	return action
}

func TestTheEngineAppliesAPlan(t *testing.T) {
	cloud := &cloud{}
	plan := &proto.IaCPlan{Id: "p", Actions: []*proto.PlanAction{
		action("replace", "db", `{}`), action("create", "web", `{"database":"${db.id}"}`), action("update", "dns", ""),
		action("delete", "old", ""),
	}}
	came := run(t, cloud.serve(t), plan)
	const failure = "rpc error: code = ResourceExhausted desc = quota exceeded"
	made := func(name string) adapter.Output {
		return adapter.Output{
			Name: name, Type: "infra.database", ProviderID: name + "-1", OutputsJSON: []byte(`{"port":5432}`),
		}
	}
	due := &adapter.Result{
		PlanID:        "p",
		Resources:     []adapter.Output{made("db"), made("web")},
		Errors:        []adapter.ActionError{{Resource: "dns", Action: "update", Error: failure}},
		InitialInputs: map[string]string{},
		ReplaceIDs:    map[string]string{"db": "db-1"},
		Outcomes: []adapter.Outcome{
			{Action: 0, Status: adapter.Success},
			{Action: 1, Status: adapter.Success},
			{Action: 2, Status: adapter.Failed, Error: failure},
			{Action: 3, Status: adapter.Success},
		},
	}
	if came.failure != nil || !reflect.DeepEqual(came.result, due) {
		t.Errorf("got %v and %+v, expected %+v", came.failure, came.result, due)
	}
	calls := []string{"delete db-0", "create db {}", `create web {"database":"db-1"}`, "update dns-0", "delete old-0"}
	if !slices.Equal(cloud.calls, calls) {
		t.Errorf("the provider heard %q", cloud.calls)
	}
}

func TestHooksAreToldOfTheirActions(t *testing.T) {
	plan := &proto.IaCPlan{Actions: []*proto.PlanAction{
		action("update", "db", ""), action("replace", "db", ""), action("create", "web", ""), action("delete", "old", ""),
	}}
	called := run(t, (&cloud{}).serve(t), plan, hooksOfEngine()...).hooks
	for hook, due := range map[adapter.Hook][]string{
		adapter.BeforeAction:    {"before-action 0", "before-action 1", "before-action 2", "before-action 3"},
		adapter.ResourceApplied: {"resource-applied 1", "resource-applied 2"},
		adapter.ResourceDeleted: {"resource-deleted 1", "resource-deleted 3"},
		adapter.ActionComplete:  {"action-complete 0", "action-complete 1", "action-complete 2", "action-complete 3"},
		adapter.PlanComplete:    {"plan-complete 0"},
	} {
		if !slices.Contains(hooksOfEngine(), hook) {
			due = nil
		}
		found := slices.DeleteFunc(slices.Clone(called), func(one string) bool {
			return one[:len(one)-2] != string(hook)
		})
		if !slices.Equal(found, due) {
			t.Errorf("%q, expected %q", found, due)
		}
	}
}

func TestWhatAPlanSaysIsRead(t *testing.T) {
	encoded, err := protobuf.Marshal(&proto.IaCPlan{
		Id: "p", SchemaVersion: 1, InputSnapshot: map[string]string{"REGION": "cf53bae59ce9e61e"},
		Actions: []*proto.PlanAction{{
			Action: "update",
			Resource: &proto.ResourceSpec{
				Name: "db", Type: "infra.database", ConfigJson: []byte(`{"a":[1]}`), Size: "m", DependsOn: []string{"net"},
				Hints: &proto.ResourceHints{Cpu: "2", Memory: "4Gi", Storage: "8Gi"},
			},
			Current: &proto.ResourceState{
				Name: "db", Type: "infra.database", ProviderId: "db-0", AppliedConfigJson: []byte(`{"a":[0]}`),
				OutputsJson: []byte(`{"host":"h"}`),
			},
			Changes: []*proto.FieldChange{{Path: "a", OldJson: []byte("0"), NewJson: []byte(`"x"`), ForceNew: true}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	due := &interfaces.IaCPlan{
		ID: "p", SchemaVersion: 1, InputSnapshot: map[string]string{"REGION": "cf53bae59ce9e61e"},
		Actions: []interfaces.PlanAction{{
			Action: "update",
			Resource: interfaces.ResourceSpec{
				Name: "db", Type: "infra.database", Config: map[string]any{"a": []any{1.0}}, Size: interfaces.SizeM,
				DependsOn: []string{"net"}, Hints: &interfaces.ResourceHints{CPU: "2", Memory: "4Gi", Storage: "8Gi"},
			},
			Current: &interfaces.ResourceState{
				Name: "db", Type: "infra.database", ProviderID: "db-0", AppliedConfig: map[string]any{"a": []any{0.0}},
				Outputs: map[string]any{"host": "h"},
			},
			Changes: []interfaces.FieldChange{{Path: "a", Old: 0.0, New: "x", ForceNew: true}},
		}},
	}
	if plan, err := decodePlan(encoded); err != nil || !reflect.DeepEqual(plan, due) {
		t.Errorf("got %v and %+v, expected %+v", err, plan, due)
	}
	for _, broken := range []*proto.PlanAction{
		{Resource: &proto.ResourceSpec{ConfigJson: []byte("{")}},
		{Current: &proto.ResourceState{OutputsJson: []byte("[]")}},
	} {
		encoded, err := protobuf.Marshal(&proto.IaCPlan{Actions: []*proto.PlanAction{broken}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodePlan(encoded); err == nil {
			t.Errorf("%v is read", broken)
		}
	}
}

func TestAVersionHasItsRevisions(t *testing.T) {
	for version, due := range map[string]string{
		"v0.57.0": "[0.57]", "v0.64.0": "[0.60]", "v0.70.0": "[0.69]", "v0.80.9": "[0.73]", "v0.85.4": "[0.80 head]",
		"v0.85.5-0.20260716000000-0123456789ab": "[0.80 head]", "v0.85.5": "[head]", "v0.100.0": "[head]", "(devel)": "[head]",
	} {
		if found := fmt.Sprint(revisions(version)); found != due {
			t.Errorf("%q acts at %s, expected %s", version, found, due)
		}
	}
	if version := engineVersion(); version != checkout && !semver.IsValid(version) {
		t.Errorf("it is built with %q", version)
	}
}
