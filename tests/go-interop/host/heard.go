package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
)

// heard keeps what is written to it, and passes it on.
type heard struct {
	mutex sync.Mutex
	text  bytes.Buffer
	more  chan struct{}
	on    io.Writer
}

func listen(on io.Writer) *heard { return &heard{more: make(chan struct{}), on: on} }

// Write implements io.Writer.
func (h *heard) Write(text []byte) (int, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	close(h.more)
	h.more = make(chan struct{})
	h.text.Write(text)
	return h.on.Write(text)
}

// wait waits until a text has come.
func (h *heard) wait(ctx context.Context, text string) error {
	for {
		h.mutex.Lock()
		has, more, all := bytes.Contains(h.text.Bytes(), []byte(text)), h.more, h.text.String()
		h.mutex.Unlock()
		if has {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("no %q came, but %q", text, all)
		}
	}
}
