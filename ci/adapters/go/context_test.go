package adapter

import (
	"context"
	"errors"
	"testing"
)

func TestAContextEndsAsItIsToldAndStaysSo(t *testing.T) {
	for how, due := range map[ContextEnd]error{
		Cancelled: context.Canceled, DeadlineExceeded: context.DeadlineExceeded,
	} {
		ctx := newEndable()
		ctx.end(GoesOn)
		if ctx.Err() != nil {
			t.Errorf("it has ended before: %v", ctx.Err())
		}
		ctx.end(how)
		ctx.end(Cancelled)
		select {
		case <-ctx.Done():
		default:
			t.Error("it is not done")
		}
		if err := ctx.Err(); err != due {
			t.Errorf("got %v, expected %v", err, due)
		}
	}
}

func TestContextsThatAreMadeOfItEndWithIt(t *testing.T) {
	ctx := newEndable()
	child, cancel := context.WithCancel(ctx)
	defer cancel()
	grandchild, cancel := context.WithCancel(context.WithValue(child, ContextEnd(0), 0))
	defer cancel()
	left, leave := context.WithCancel(ctx)
	leave()
	ctx.end(DeadlineExceeded)
	for _, made := range []context.Context{child, grandchild} {
		if err := made.Err(); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
	}
	if err := left.Err(); err != context.Canceled {
		t.Errorf("one that had ended before: got %v", err)
	}
	late, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := late.Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one that is made after the end: got %v", err)
	}
}
