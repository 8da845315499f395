package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/emptypb"

	"counterfoil/adapter"
)

// whole is the contract with everything that any revision has.
func whole(t *testing.T) []byte {
	t.Helper()
	encoded, err := os.ReadFile("../../../../../tests/go-interop/contract/contract.binpb")
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// provided serves a provider, which gives an id to what is created, has no room to update, and writes down who calls.
func provided(t *testing.T, calls *[]string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		request, reply := &emptypb.Empty{}, &emptypb.Empty{}
		if err := stream.RecvMsg(request); err != nil {
			return err
		}
		path, _ := grpc.MethodFromServerStream(stream)
		*calls = append(*calls, path[strings.LastIndex(path, "/")+1:])
		switch {
		case strings.HasSuffix(path, "/Create"):
			made := protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), []byte("db-1"))
			made = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), made)
			reply.ProtoReflect().SetUnknown(made)
		case strings.HasSuffix(path, "/Update"):
			return status.Error(codes.ResourceExhausted, "quota exceeded")
		}
		return stream.SendMsg(reply)
	}))
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return socket
}

// applied has the engine apply a plan, with so many words to go on and more fields of its case.
func applied(t *testing.T, socket string, plan any, words int, more ...byte) (*adapter.Result, error) {
	t.Helper()
	engine := &engine{}
	if err := engine.start(map[string][]byte{newest: whole(t)}); err != nil {
		t.Fatal(err)
	}
	described, err := find[protoreflect.MessageDescriptor](engine.contract, "IaCPlan")
	if err != nil {
		t.Fatal(err)
	}
	message, err := toMessage(described, plan)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	field := func(number protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	messages := [][]byte{
		field(1, []byte("\x10\x02")), field(3, append(append(field(3, encoded), field(6, []byte(socket))...), more...)),
	}
	for range words {
		messages = append(messages, field(4, nil))
	}
	var in bytes.Buffer
	for _, message := range messages {
		in.Write(binary.BigEndian.AppendUint32(nil, uint32(len(message))))
		in.Write(message)
	}
	var result *adapter.Result
	var failure error
	served := adapter.Engine{Apply: func(ctx context.Context, c *adapter.EngineCase) (*adapter.Result, error) {
		result, failure = engine.apply(ctx, c)
		return result, failure
	}}
	if err := adapter.ServeEngine(&in, io.Discard, served); err != nil {
		t.Fatal(err)
	}
	return result, failure
}

// value is a message as JSON has it.
type value = map[string]any

func planned(kind, name string) value {
	return value{"action": kind, "resource": value{"name": name, "type": "infra.database"}}
}

func TestEachActionHasItsOutcomeAndItsCall(t *testing.T) {
	var calls []string
	plan := value{"id": "p", "actions": []value{
		planned("create", "db"), planned("update", "web"), planned("Create", "no"), planned("delete", "old"),
		planned("replace", "new"),
	}}
	result, err := applied(t, provided(t, &calls), plan, 5)
	due := &adapter.Result{
		PlanID: "p",
		Resources: []adapter.Output{
			{Name: "db", Type: "infra.database", ProviderID: "db-1"},
			{Name: "new", Type: "infra.database", ProviderID: "db-1"},
		},
		Errors: []adapter.ActionError{
			{Resource: "web", Action: "update", Error: "rpc error: code = ResourceExhausted desc = quota exceeded"},
			{Resource: "no", Action: "Create", Error: `unknown action "Create"`},
		},
		InitialInputs: map[string]string{},
		ReplaceIDs:    map[string]string{"new": "db-1"},
		Outcomes: []adapter.Outcome{
			{Action: 0, Status: adapter.Success},
			{Action: 1, Status: adapter.Failed, Error: "rpc error: code = ResourceExhausted desc = quota exceeded"},
			{Action: 2, Status: adapter.Failed, Error: `unknown action "Create"`},
			{Action: 3, Status: adapter.Success},
			{Action: 4, Status: adapter.Success},
		},
	}
	if err != nil || !reflect.DeepEqual(result, due) {
		t.Errorf("got %v and %+v, expected %+v", err, result, due)
	}
	if found := strings.Join(calls, " "); found != "Create Update Delete Delete Create" {
		t.Errorf("the provider heard %s", found)
	}
}

func TestACancelledApplySkipsItsFirstActionAndCallsNobody(t *testing.T) {
	var calls []string
	plan := value{"actions": []value{planned("create", "db"), planned("create", "web")}}
	result, err := applied(t, provided(t, &calls), plan, 0, 9<<3, 1)
	due := []adapter.Outcome{{Action: 0, Status: adapter.Skipped, Error: "context canceled"}}
	if !errors.Is(err, context.Canceled) || !reflect.DeepEqual(result.Outcomes, due) || calls != nil {
		t.Errorf("got %v, %v and %v", err, result.Outcomes, calls)
	}
}

func TestTheInputsOfThePlanAreHeldAgainstThoseOfTheCase(t *testing.T) {
	// The first 16 digits for "nyc3", and others.
	const ours, theirs = "cf53bae59ce9e61e", "0000000000000000"
	variable := []byte("\x22\x0e\x0a\x06REGION\x12\x04nyc3" + "\x22\x0b\x0a\x03AGE\x12\x04nyc3")
	plan := value{"input_snapshot": value{"REGION": ours, "AGE": theirs, "GONE": theirs}}
	result, err := applied(t, "", plan, 0, variable...)
	if err != nil {
		t.Fatal(err)
	}
	if found, due := result.InitialInputs, (map[string]string{"REGION": ours, "AGE": ours}); !reflect.DeepEqual(found, due) {
		t.Errorf("got %v", found)
	}
	due := []adapter.Drift{{Name: "AGE", PlanFingerprint: theirs, ApplyFingerprint: ours}}
	if !reflect.DeepEqual(result.Drift, due) {
		t.Errorf("got %v", result.Drift)
	}
}

func TestOutputsHaveToBeAnObject(t *testing.T) {
	for encoded, isRead := range map[string]bool{
		"": true, "null": true, `{"a":1}`: true, "{": false, "[]": false, "{}{}": false,
	} {
		if err := checkOutputs([]byte(encoded)); (err == nil) != isRead {
			t.Errorf("%q: %v", encoded, err)
		}
	}
}

func TestAContractThatCannotBeReadIsAnError(t *testing.T) {
	for _, contracts := range []map[string][]byte{nil, {"0.57": whole(t)}, {newest: []byte("\x0a")}} {
		if err := (&engine{}).start(contracts); err == nil || !strings.Contains(err.Error(), newest) {
			t.Errorf("got %v", err)
		}
	}
}
