package provider

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"

	"counterfoil/adapter"
)

// provided serves a provider that answers each call so, and gives its socket.
func provided(t *testing.T, answer func(grpc.ServerStream) error) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(&emptypb.Empty{}); err != nil {
			return err
		}
		return answer(stream)
	}))
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return socket
}

// appliedAt has an engine apply one plan, whose provider listens at a socket.
func appliedAt(t *testing.T, socket string, apply func(context.Context, *adapter.EngineCase)) {
	t.Helper()
	field := func(number protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	var in bytes.Buffer
	for _, message := range [][]byte{field(1, []byte("\x10\x02")), field(3, field(6, []byte(socket)))} {
		in.Write(binary.BigEndian.AppendUint32(nil, uint32(len(message))))
		in.Write(message)
	}
	calls := 0
	err := adapter.ServeEngine(&in, io.Discard, adapter.Engine{
		Apply: func(ctx context.Context, c *adapter.EngineCase) (*adapter.Result, error) {
			calls++
			apply(ctx, c)
			return nil, nil
		},
	})
	if err != nil || calls != 1 {
		t.Fatalf("%d calls, %v", calls, err)
	}
}

func TestAReplyEndsTheContextBeforeTheEngineIsGivenIt(t *testing.T) {
	words := func(word string) metadata.MD { return metadata.Pairs(contextEnds, word) }
	message := func(md metadata.MD) func(grpc.ServerStream) error {
		return func(stream grpc.ServerStream) error {
			if err := stream.SendHeader(md); err != nil {
				return err
			}
			return stream.SendMsg(&emptypb.Empty{})
		}
	}
	failure := func(md metadata.MD) func(grpc.ServerStream) error {
		return func(stream grpc.ServerStream) error {
			stream.SetTrailer(md)
			return status.Error(codes.Aborted, "no")
		}
	}
	for name, due := range map[string]struct {
		answer func(grpc.ServerStream) error
		code   codes.Code
		ends   error
	}{
		"a message":                {message(nil), codes.OK, nil},
		"a message, and cancelled": {message(words("cancelled")), codes.OK, context.Canceled},
		"a message, and too late":  {message(words("deadline_exceeded")), codes.OK, context.DeadlineExceeded},
		"a message, and no such":   {message(words("soon")), codes.OK, nil},
		"a failure":                {failure(nil), codes.Aborted, nil},
		"a failure, and cancelled": {failure(words("cancelled")), codes.Aborted, context.Canceled},
		"a failure, and too late":  {failure(words("deadline_exceeded")), codes.Aborted, context.DeadlineExceeded},
	} {
		appliedAt(t, provided(t, due.answer), func(ctx context.Context, c *adapter.EngineCase) {
			conn, err := Dial(c)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var header metadata.MD
			err = conn.Invoke(ctx, "/a.Service/Method", &emptypb.Empty{}, &emptypb.Empty{}, grpc.Header(&header))
			if status.Code(err) != due.code || ctx.Err() != due.ends {
				t.Errorf("%s: got %v and %v", name, err, ctx.Err())
			}
			if err == nil && due.ends != nil && header.Get(contextEnds) == nil {
				t.Errorf("%s: the engine's own options are not heeded", name)
			}
		})
	}
}

func TestTheContextEndsACallThatHangs(t *testing.T) {
	socket := provided(t, func(stream grpc.ServerStream) error {
		<-stream.Context().Done()
		return stream.Context().Err()
	})
	for how, due := range map[adapter.ContextEnd]codes.Code{
		adapter.Cancelled: codes.Canceled, adapter.DeadlineExceeded: codes.DeadlineExceeded,
	} {
		appliedAt(t, socket, func(ctx context.Context, c *adapter.EngineCase) {
			conn, err := Dial(c)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go c.End(how)
			err = conn.Invoke(ctx, "/a.Service/Method", &emptypb.Empty{}, &emptypb.Empty{})
			if status.Code(err) != due {
				t.Errorf("got %v, expected %v", err, due)
			}
		})
	}
}
