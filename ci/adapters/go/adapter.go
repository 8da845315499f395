// Package adapter makes a decoder or an engine that is written in Go a subject of Counterfoil: it speaks the protocol of
// docs/adapter.md, and leaves to its user the one function that decodes, or that applies a plan.
package adapter

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Version is the version of the protocol that this package speaks.
const Version = 1

// Decoder is a decoder under test.
type Decoder struct {
	// Subject says in reports what is tested, with its version.
	Subject string
	// Revisions are those of the contract that it knows, by their names; none: all of them.
	Revisions []string
	// Messages are those that it decodes, by their full names; none: all of them.
	Messages []string
	// InFlight is how many cases are sent before the first is answered; 0 is 1.
	InFlight uint32
	// Start takes the contract as it was at each revision, by their names, each an encoded FileDescriptorSet. It is
	// called once, before any case. A decoder with generated code has no need of it, and leaves it out.
	Start func(contracts map[string][]byte) error
	// Decode reads the bytes of a case. It gives what it read as the same message encoded anew, nil if it cannot
	// tell, or the reason why it refuses the bytes.
	Decode func(c *Case) ([]byte, error)
}

// Serve answers the cases that come in until the input ends. It fails where the input is not the protocol's, where the
// output cannot be written, and where the decoder does not start.
func Serve(in io.Reader, out io.Writer, decoder Decoder) error {
	s := &decoding{session: newSession(in, out), decoder: decoder, last: &Case{}}
	// What was answered is said, also where the decoder panics: else the blame would fall on an earlier case.
	defer s.answers.Flush()
	if err := s.greet(roleDecoder, decoder.Start, appendReady(nil, &decoder)); err != nil {
		return err
	}
	for {
		// Whoever waits for an answer sends nothing more: it must not lie in the buffer then.
		if !s.frames.isWaiting() {
			if err := s.answers.Flush(); err != nil {
				return fmt.Errorf("write answers: %w", err)
			}
		}
		frame, err := s.frames.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a case: %w", err)
		}
		if err := s.answer(frame); err != nil {
			return err
		}
	}
}

// session is one run of an adapter.
type session struct {
	frames  *frameReader
	answers *bufio.Writer
}

func newSession(in io.Reader, out io.Writer) *session {
	return &session{frames: newFrameReader(in), answers: bufio.NewWriterSize(out, bufferSize)}
}

// greet reads Hello, starts what this stands for, and answers that it is ready.
func (s *session) greet(due role, start func(contracts map[string][]byte) error, ready []byte) error {
	frame, err := s.frames.next()
	if err == io.EOF {
		return fmt.Errorf("the input ended before Hello: this program is started by `counterfoil test %s`", due)
	}
	if err != nil {
		return fmt.Errorf("read Hello: %w", err)
	}
	message, err := parseToAdapter(frame, &Case{})
	if err != nil {
		return fmt.Errorf("read Hello: %w", err)
	}
	if message.hello == nil {
		return errors.New("the first message is not Hello")
	}
	if asked := message.hello.role; asked != due {
		return fmt.Errorf("asked to stand for role %d, but this is role %d, %s", asked, due, due)
	}
	if start != nil {
		if err := start(message.hello.contracts); err != nil {
			return fmt.Errorf("start: %w", err)
		}
	}
	return writeFrame(s.answers, ready)
}

// errSecondHello says that Counterfoil began twice.
var errSecondHello = errors.New("a second Hello: it comes first and never again")

// decoding is one run of a decoder's adapter.
type decoding struct {
	*session
	decoder Decoder
	// last is the case that came last.
	last *Case
	// message is room for the next answer.
	message []byte
}

// answer has the decoder read a case, and writes what came of it. A message of an unknown kind is left unread.
func (s *decoding) answer(frame []byte) error {
	message, err := parseToAdapter(frame, s.last)
	if err != nil {
		return fmt.Errorf("read a case: %w", err)
	}
	if message.hello != nil {
		return errSecondHello
	}
	if message.decode == nil {
		return nil
	}
	s.last = message.decode
	value, refusal := s.decoder.Decode(message.decode)
	s.message = appendAnswer(s.message[:0], message.decode.Number, value, refusal)
	if err := writeFrame(s.answers, s.message); err != nil {
		return fmt.Errorf("answer case %d: %w", message.decode.Number, err)
	}
	return nil
}
