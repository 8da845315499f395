// Package adapter makes a decoder that is written in Go a subject of Counterfoil: it speaks the protocol of
// docs/adapter.md, and leaves to its user the one function that decodes.
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
	frames, answers := newFrameReader(in), bufio.NewWriterSize(out, inBuffer)
	// What was answered is said, also where the decoder panics: else the blame would fall on an earlier case.
	defer answers.Flush()
	if err := greet(frames, answers, &decoder); err != nil {
		return err
	}
	for {
		// Whoever waits for an answer sends nothing more: it must not lie in the buffer then.
		if !frames.isWaiting() {
			if err := answers.Flush(); err != nil {
				return fmt.Errorf("write answers: %w", err)
			}
		}
		frame, err := frames.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a case: %w", err)
		}
		if err := answer(frame, answers, &decoder); err != nil {
			return err
		}
	}
}

// greet reads Hello, starts the decoder and answers that it is ready.
func greet(frames *frameReader, answers io.Writer, decoder *Decoder) error {
	frame, err := frames.next()
	if err == io.EOF {
		return errors.New("the input ended before Hello: this program is started by `counterfoil test decoder`")
	}
	if err != nil {
		return fmt.Errorf("read Hello: %w", err)
	}
	message, err := parseToAdapter(frame)
	if err != nil {
		return fmt.Errorf("read Hello: %w", err)
	}
	if message.hello == nil {
		return errors.New("the first message is not Hello")
	}
	if message.hello.role != roleDecoder {
		return fmt.Errorf("asked to stand for role %d, but this is a decoder, role %d", message.hello.role, roleDecoder)
	}
	if decoder.Start != nil {
		if err := decoder.Start(message.hello.contracts); err != nil {
			return fmt.Errorf("start: %w", err)
		}
	}
	return writeFrame(answers, appendReady(nil, decoder))
}

// answer has the decoder read a case, and writes what came of it. A message of an unknown kind is left unread.
func answer(frame []byte, answers io.Writer, decoder *Decoder) error {
	message, err := parseToAdapter(frame)
	if err != nil {
		return fmt.Errorf("read a case: %w", err)
	}
	if message.hello != nil {
		return errors.New("a second Hello: it comes first and never again")
	}
	if message.decode == nil {
		return nil
	}
	value, refusal := decoder.Decode(message.decode)
	if err := writeFrame(answers, appendAnswer(nil, message.decode.Number, value, refusal)); err != nil {
		return fmt.Errorf("answer case %d: %w", message.decode.Number, err)
	}
	return nil
}
