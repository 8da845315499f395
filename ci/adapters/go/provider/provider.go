// Package provider is the way from an engine under test to the provider of its case. It is a package of its own, so that
// decoders do not need gRPC.
package provider

import (
	"context"
	"math"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"counterfoil/adapter"
)

// contextEnds is the metadata of a reply that says how the context has to end before the engine is given the reply.
const contextEnds = "counterfoil-context-ends"

// ends are the words that it has.
var ends = map[string]adapter.ContextEnd{
	"cancelled":         adapter.Cancelled,
	"deadline_exceeded": adapter.DeadlineExceeded,
}

// Dial gives a connection to the provider of a case, on which the context of the apply ends where a reply says so. Messages
// may be as long as they may be between the engine and a plugin (E-208).
func Dial(c *adapter.EngineCase) (*grpc.ClientConn, error) {
	return grpc.NewClient("unix:"+c.Socket,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)),
		grpc.WithUnaryInterceptor(heed(c)),
	)
}

// heed ends the context of a case where a reply says so, be it in the header of a message or the trailer of a status.
func heed(c *adapter.EngineCase) grpc.UnaryClientInterceptor {
	return func(
		ctx context.Context, method string, request, reply any,
		conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		var header, trailer metadata.MD
		// The engine's own options stay as they are.
		options = append(options[:len(options):len(options)], grpc.Header(&header), grpc.Trailer(&trailer))
		err := invoke(ctx, method, request, reply, conn, options...)
		for _, word := range metadata.Join(header, trailer).Get(contextEnds) {
			c.End(ends[word])
		}
		return err
	}
}
