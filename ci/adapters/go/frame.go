package adapter

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

const (
	// MaxFrame is the longest message that a frame may hold, in bytes.
	MaxFrame = 64 << 20

	// lengthSize is what the length in front of a message takes.
	lengthSize = 4

	// bufferSize is how much is read or written at once: room for many cases.
	bufferSize = 1 << 16

	// keptFrame is the largest buffer that is kept for the next frame.
	keptFrame = 1 << 20
)

// ErrHalfFrame says that the input ended within a frame.
var ErrHalfFrame = errors.New("the input ended within a frame")

// frameReader reads frames: a length of four bytes, the most significant first, and a message of so many bytes.
type frameReader struct {
	in     *bufio.Reader
	prefix [lengthSize]byte
	frame  []byte
}

func newFrameReader(in io.Reader) *frameReader {
	return &frameReader{in: bufio.NewReaderSize(in, bufferSize)}
}

// next is the message of the next frame; it is valid until the next call. The error is io.EOF where the input ends
// between frames, and wraps ErrHalfFrame where it ends within one.
func (r *frameReader) next() ([]byte, error) {
	if read, err := io.ReadFull(r.in, r.prefix[:]); err != nil {
		return nil, halfFrame(err, "%d of the %d bytes of its length came", read, lengthSize)
	}
	length := binary.BigEndian.Uint32(r.prefix[:])
	if length > MaxFrame {
		return nil, fmt.Errorf("a frame of %d bytes, and %d is the most: is this a frame at all?", length, MaxFrame)
	}
	if cap(r.frame) > keptFrame {
		r.frame = nil
	}
	r.frame = slices.Grow(r.frame[:0], int(length))[:length]
	if read, err := io.ReadFull(r.in, r.frame); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, halfFrame(err, "%d of its %d bytes came", read, length)
	}
	return r.frame, nil
}

func halfFrame(err error, format string, args ...any) error {
	if err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: %s", ErrHalfFrame, fmt.Sprintf(format, args...))
	}
	return err
}

// isWaiting tells whether the next frame can be read without waiting for it.
func (r *frameReader) isWaiting() bool {
	if r.in.Buffered() < lengthSize {
		return false
	}
	// As many bytes are buffered, so that nothing is read.
	prefix, err := r.in.Peek(lengthSize)
	return err == nil && uint64(r.in.Buffered()) >= lengthSize+uint64(binary.BigEndian.Uint32(prefix))
}

// writeFrame writes a message as one frame.
func writeFrame(out *bufio.Writer, message []byte) error {
	if len(message) > MaxFrame {
		return fmt.Errorf("an answer of %d bytes, and %d is the most that a frame holds", len(message), MaxFrame)
	}
	if _, err := out.Write(binary.BigEndian.AppendUint32(out.AvailableBuffer(), uint32(len(message)))); err != nil {
		return err
	}
	_, err := out.Write(message)
	return err
}
