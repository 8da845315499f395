package adapter

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// toEngine is what came in: at most one of them; none where it is of a kind that an engine's adapter does not know.
type toEngine struct {
	hello bool
	apply *EngineCase
	goOn  *goOn
}

// goOn answers what was told.
type goOn struct {
	// number is the case in which it was told.
	number uint64
	// failure is what has to fail it, nil if nothing has.
	failure error
	ends    ContextEnd
}

func parseToEngine(message []byte) (toEngine, error) {
	var read toEngine
	for field, err := range fields(message) {
		switch {
		case err != nil:
			return read, fmt.Errorf("ToAdapter: %w", err)
		case field.is(1, protowire.BytesType):
			read = toEngine{hello: true}
		case field.is(3, protowire.BytesType):
			apply, err := parseEngineCase(field.bytes)
			if err != nil {
				return read, fmt.Errorf("EngineCase: %w", err)
			}
			read = toEngine{apply: apply}
		case field.is(4, protowire.BytesType):
			goOn, err := parseGoOn(field.bytes)
			if err != nil {
				return read, fmt.Errorf("GoOn: %w", err)
			}
			read = toEngine{goOn: goOn}
		}
	}
	return read, nil
}

// parseEngineCase reads a case. It copies what the case keeps, which outlives the frame.
func parseEngineCase(message []byte) (*EngineCase, error) {
	read := &EngineCase{Environment: map[string]string{}}
	for field, err := range fields(message) {
		switch {
		case err != nil:
			return nil, err
		case field.is(1, protowire.VarintType):
			read.Number = field.varint
		case field.is(2, protowire.BytesType):
			read.Revision = string(field.bytes)
		case field.is(3, protowire.BytesType):
			read.Plan = bytes.Clone(field.bytes)
		case field.is(4, protowire.BytesType):
			name, value, err := parseVariable(field.bytes)
			if err != nil {
				return nil, fmt.Errorf("environment: %w", err)
			}
			read.Environment[name] = value
		case field.is(5, protowire.BytesType):
			read.Hooks = append(read.Hooks, Hook(field.bytes))
		case field.is(6, protowire.BytesType):
			read.Socket = string(field.bytes)
		case field.is(7, protowire.BytesType):
			read.ComputePlanVersion = string(field.bytes)
		case field.is(8, protowire.VarintType):
			read.Finalizer = field.varint != 0
		case field.is(9, protowire.VarintType):
			read.cancelled = field.varint != 0
		}
	}
	return read, nil
}

// parseVariable reads an entry of the environment.
func parseVariable(entry []byte) (name, value string, err error) {
	for field, err := range fields(entry) {
		switch {
		case err != nil:
			return "", "", err
		case field.is(1, protowire.BytesType):
			name = string(field.bytes)
		case field.is(2, protowire.BytesType):
			value = string(field.bytes)
		}
	}
	return name, value, nil
}

func parseGoOn(message []byte) (*goOn, error) {
	read := &goOn{}
	for field, err := range fields(message) {
		switch {
		case err != nil:
			return nil, err
		case field.is(1, protowire.VarintType):
			read.number = field.varint
		case field.is(2, protowire.BytesType):
			read.failure = errors.New(string(field.bytes))
		case field.is(3, protowire.VarintType):
			read.ends = ContextEnd(field.varint)
		}
	}
	return read, nil
}

// appendEngineReady appends a FromAdapter with a Ready.
func appendEngineReady(to []byte, engine *Engine) []byte {
	// The environment of a case may have to be that of the process, so that there is never more than one.
	ready := readyFor(engine.Subject, engine.Revisions, 1)
	return appendBytes(to, 1, appendBytes(ready, 6, abilities(&engine.Abilities)))
}

// abilities are an EngineAbilities.
func abilities(of *Abilities) []byte {
	var message []byte
	for _, hook := range of.Hooks {
		message = appendBytes(message, 1, []byte(hook))
	}
	flags := []bool{of.Cancellation, of.References, of.Apply, of.Drivers, of.Host}
	for i, flag := range flags {
		message = appendFlag(message, protowire.Number(2+i), flag)
	}
	return message
}

// appendEngineAnswer appends a FromAdapter with an EngineAnswer.
func appendEngineAnswer(to []byte, number uint64, result *Result, failure error) []byte {
	answer := appendNumber(nil, 1, number)
	if result != nil {
		answer = appendBytes(answer, 2, result.encode())
	}
	return appendBytes(to, 3, appendFailure(answer, 3, failure))
}

// appendTold appends a FromAdapter with a Told.
func appendTold(to []byte, number uint64, what []byte) []byte {
	return appendBytes(to, 4, append(appendNumber(nil, 1, number), what...))
}

// appendDriverAsked appends what a Told tells.
func appendDriverAsked(to []byte, asked DriverAsked) []byte {
	message := appendPosition(appendBytes(nil, 1, []byte(asked.Type)), 2, asked.Action)
	if asked.Preflight != nil {
		message = appendFlag(message, 3, *asked.Preflight)
	}
	return appendBytes(to, 2, message)
}

// appendHookCalled appends what a Told tells.
func appendHookCalled(to []byte, hook Hook, action *int, outcome *Outcome) []byte {
	message := appendPosition(appendBytes(nil, 1, []byte(hook)), 2, action)
	if outcome != nil {
		message = appendBytes(message, 3, outcome.encode())
	}
	return appendBytes(to, 3, message)
}

// appendHookAnswered appends what a Told tells.
func appendHookAnswered(to []byte, hook Hook, action *int, failure error) []byte {
	message := appendPosition(appendBytes(nil, 1, []byte(hook)), 2, action)
	return appendBytes(to, 4, appendFailure(message, 3, failure))
}

// appendStateSaved appends what a Told tells.
func appendStateSaved(to []byte, action int, record Record) []byte {
	message := appendText(appendNumber(nil, 1, uint64(action)), 2, record.Name)
	message = appendText(appendText(message, 3, record.Type), 4, record.ProviderID)
	message = appendBytes(appendBytes(message, 5, record.AppliedConfigJSON), 6, record.OutputsJSON)
	return appendBytes(to, 5, message)
}

// appendStateRemoved appends what a Told tells.
func appendStateRemoved(to []byte, action int, name string) []byte {
	return appendBytes(to, 6, appendText(appendNumber(nil, 1, uint64(action)), 2, name))
}

// appendPosition appends the position of an action, if there is one.
func appendPosition(to []byte, number protowire.Number, position *int) []byte {
	if position == nil {
		return to
	}
	return appendNumber(to, number, uint64(*position))
}

// appendFailure appends the text of an error, if there is one.
func appendFailure(to []byte, number protowire.Number, failure error) []byte {
	if failure == nil {
		return to
	}
	return appendText(to, number, failure.Error())
}

func appendFlag(to []byte, number protowire.Number, flag bool) []byte {
	return appendNumber(to, number, protowire.EncodeBool(flag))
}
