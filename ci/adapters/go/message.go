package adapter

import (
	"fmt"
	"iter"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// role is what an adapter stands for.
type role uint64

const (
	roleDecoder role = 1
	roleEngine  role = 2
)

// String names the role as the command line does.
func (r role) String() string {
	if r == roleEngine {
		return "engine"
	}
	return "decoder"
}

// toAdapter is what came in: at most one of them; none where it is of a kind that this library does not know.
type toAdapter struct {
	hello  *hello
	decode *Case
}

// hello is how Counterfoil begins.
type hello struct {
	role      role
	contracts map[string][]byte
}

// PlannedAction is an action of the plan that an ApplyResponse answers.
type PlannedAction struct {
	// Action is create, update, replace, delete, or a word that no engine knows.
	Action string
	// Name and Type are those of its resource.
	Name, Type string
}

// Case is bytes to decode. It belongs to the decoder for as long as that runs: bytes to keep have to be copied.
type Case struct {
	// Number is counted from 1.
	Number uint64
	// Revision is the revision of the contract by which the bytes have to be read.
	Revision string
	// Message is the full name of the message that they should be.
	Message string
	// Planned is the plan that an ApplyResponse answers.
	Planned []PlannedAction
	// Bytes are the bytes.
	Bytes []byte
}

// field is one field on the wire: a number in varint, or else bytes, if it is of one of these two layouts.
type field struct {
	number protowire.Number
	layout protowire.Type
	varint uint64
	bytes  []byte
}

// is tells whether the field has this number and layout. In another layout a field is an unknown one.
func (f field) is(number protowire.Number, layout protowire.Type) bool {
	return f.number == number && f.layout == layout
}

// fields are the fields of a message in their order. An error is the last that comes.
func fields(message []byte) iter.Seq2[field, error] {
	return func(yield func(field, error) bool) {
		for len(message) > 0 {
			next, size := consumeField(message)
			if size < 0 {
				yield(field{}, protowire.ParseError(size))
				return
			}
			message = message[size:]
			if !yield(next, nil) {
				return
			}
		}
	}
}

// consumeField reads the first field and how many bytes it takes, which are less than 0 if it cannot be read.
func consumeField(message []byte) (field, int) {
	number, layout, tag := protowire.ConsumeTag(message)
	if tag < 0 {
		return field{}, tag
	}
	read, size := field{number: number, layout: layout}, 0
	switch layout {
	case protowire.VarintType:
		read.varint, size = protowire.ConsumeVarint(message[tag:])
	case protowire.BytesType:
		read.bytes, size = protowire.ConsumeBytes(message[tag:])
	default:
		size = protowire.ConsumeFieldValue(number, layout, message[tag:])
	}
	if size < 0 {
		return field{}, size
	}
	return read, tag + size
}

// parseToAdapter reads what came in; before is the case that came last.
func parseToAdapter(message []byte, before *Case) (toAdapter, error) {
	var read toAdapter
	for field, err := range fields(message) {
		switch {
		case err != nil:
			return read, fmt.Errorf("ToAdapter: %w", err)
		case field.is(1, protowire.BytesType):
			hello, err := parseHello(field.bytes)
			if err != nil {
				return read, fmt.Errorf("Hello: %w", err)
			}
			read = toAdapter{hello: hello}
		case field.is(2, protowire.BytesType):
			decode, err := parseCase(field.bytes, before)
			if err != nil {
				return read, fmt.Errorf("DecoderCase: %w", err)
			}
			read = toAdapter{decode: decode}
		}
	}
	return read, nil
}

func parseHello(message []byte) (*hello, error) {
	read := &hello{contracts: map[string][]byte{}}
	for field, err := range fields(message) {
		switch {
		case err != nil:
			return nil, err
		case field.is(2, protowire.VarintType):
			read.role = role(field.varint)
		case field.is(3, protowire.BytesType):
			revision, contract, err := parseContract(field.bytes)
			if err != nil {
				return nil, fmt.Errorf("contracts: %w", err)
			}
			read.contracts[revision] = contract
		}
	}
	return read, nil
}

// parseContract reads an entry of the contracts. It copies the contract, which outlives the frame.
func parseContract(entry []byte) (revision string, contract []byte, err error) {
	for field, err := range fields(entry) {
		switch {
		case err != nil:
			return "", nil, err
		case field.is(1, protowire.BytesType):
			revision = string(field.bytes)
		case field.is(2, protowire.BytesType):
			contract = append([]byte{}, field.bytes...)
		}
	}
	return revision, contract, nil
}

// parseCase reads a case. What it has in common with the one before is not made anew.
func parseCase(message []byte, before *Case) (*Case, error) {
	read := &Case{}
	for field, err := range fields(message) {
		switch {
		case err != nil:
			return nil, err
		case field.is(1, protowire.VarintType):
			read.Number = field.varint
		case field.is(2, protowire.BytesType):
			read.Revision = same(before.Revision, field.bytes)
		case field.is(3, protowire.BytesType):
			read.Message = same(before.Message, field.bytes)
		case field.is(4, protowire.BytesType):
			planned, err := parsePlanned(field.bytes)
			if err != nil {
				return nil, fmt.Errorf("planned: %w", err)
			}
			read.Planned = append(read.Planned, planned)
		case field.is(5, protowire.BytesType):
			read.Bytes = field.bytes
		}
	}
	return read, nil
}

// same is the text, which often is that of before.
func same(before string, text []byte) string {
	if before == string(text) {
		return before
	}
	return string(text)
}

func parsePlanned(message []byte) (PlannedAction, error) {
	var read PlannedAction
	for field, err := range fields(message) {
		switch {
		case err != nil:
			return read, err
		case field.is(1, protowire.BytesType):
			read.Action = string(field.bytes)
		case field.is(2, protowire.BytesType):
			read.Name = string(field.bytes)
		case field.is(3, protowire.BytesType):
			read.Type = string(field.bytes)
		}
	}
	return read, nil
}

// readyFor is the part of a Ready that is the same for decoders and engines.
func readyFor(subject string, revisions []string, inFlight uint64) []byte {
	ready := appendNumber(nil, 1, Version)
	ready = appendBytes(ready, 2, []byte(subject))
	for _, revision := range revisions {
		ready = appendBytes(ready, 3, []byte(revision))
	}
	return appendNumber(ready, 4, inFlight)
}

// appendReady appends a FromAdapter with a Ready.
func appendReady(to []byte, decoder *Decoder) []byte {
	ready := readyFor(decoder.Subject, decoder.Revisions, uint64(decoder.InFlight))
	for _, message := range decoder.Messages {
		ready = appendBytes(ready, 5, []byte(message))
	}
	return appendBytes(to, 1, ready)
}

// appendAnswer appends a FromAdapter with a DecoderAnswer.
func appendAnswer(to []byte, number uint64, value []byte, refusal error) []byte {
	kind, verdict := protowire.Number(2), accepted(value)
	if refusal != nil {
		kind, verdict = 3, []byte(strings.ToValidUTF8(refusal.Error(), "\uFFFD"))
	}
	size := protowire.SizeTag(1) + protowire.SizeVarint(number)
	size += protowire.SizeTag(kind) + protowire.SizeBytes(len(verdict))
	to = protowire.AppendVarint(protowire.AppendTag(to, 2, protowire.BytesType), uint64(size))
	return appendBytes(appendNumber(to, 1, number), kind, verdict)
}

// accepted is an Accepted.
func accepted(value []byte) []byte {
	if value == nil {
		return nil
	}
	size := protowire.SizeTag(1) + protowire.SizeBytes(len(value))
	return appendBytes(make([]byte, 0, size), 1, value)
}

func appendNumber(to []byte, number protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, number, protowire.VarintType), value)
}

func appendBytes(to []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), value)
}
