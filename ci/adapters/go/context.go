package adapter

import (
	"context"
	"sync"
	"time"
)

// ContextEnd is how the context of an apply ends.
type ContextEnd uint64

const (
	// GoesOn is a context that has not ended.
	GoesOn ContextEnd = iota
	// Cancelled is a context whose error is context.Canceled.
	Cancelled
	// DeadlineExceeded is a context whose error is context.DeadlineExceeded.
	DeadlineExceeded
)

// err is the error of a context that ended so.
func (e ContextEnd) err() error {
	switch e {
	case Cancelled:
		return context.Canceled
	case DeadlineExceeded:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// endable is a context that ends when it is told to, with the error of any end: those of the standard library exceed
// their deadline by the clock alone.
type endable struct {
	done  chan struct{}
	mutex sync.Mutex
	err   error
	// after are called when it ends.
	after map[*func()]struct{}
}

func newEndable() *endable {
	return &endable{done: make(chan struct{}), after: map[*func()]struct{}{}}
}

// end ends the context, the first time that it is told to. Whoever goes on after it finds that the contexts that were made
// of this one have ended too.
func (c *endable) end(how ContextEnd) {
	for _, after := range c.close(how.err()) {
		(*after)()
	}
}

// close sets the error, and gives what has to be called outside of the lock.
func (c *endable) close(err error) []*func() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if err == nil || c.err != nil {
		return nil
	}
	c.err = err
	close(c.done)
	var waiting []*func()
	for after := range c.after {
		waiting = append(waiting, after)
	}
	c.after = nil
	return waiting
}

// AfterFunc has a function called when the context ends, until it is told to stop. The standard library asks for it
// whenever a context is made of this one, and would else follow its end some time later.
func (c *endable) AfterFunc(call func()) (stop func() bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.err != nil {
		go call()
		return func() bool { return false }
	}
	c.after[&call] = struct{}{}
	return func() bool {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		_, waits := c.after[&call]
		delete(c.after, &call)
		return waits
	}
}

// Deadline says that there is none: it ends by being told to.
func (c *endable) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is closed when it has ended.
func (c *endable) Done() <-chan struct{} { return c.done }

// Err is why it has ended.
func (c *endable) Err() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.err
}

// Value has none.
func (c *endable) Value(any) any { return nil }
