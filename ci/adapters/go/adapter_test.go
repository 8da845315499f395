package adapter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// sent is a frame as Counterfoil sends it.
func sent(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
}

func helloFrame(due role) []byte {
	hello := appendNumber(appendNumber(nil, 1, Version), 2, uint64(due))
	hello = appendBytes(hello, 3, appendBytes(appendBytes(nil, 1, []byte("0.56")), 2, []byte("a set")))
	hello = appendBytes(hello, 99, []byte("of a later version"))
	return sent(appendBytes(nil, 1, hello))
}

func caseFrame(number uint64, encoded string) []byte {
	planned := appendBytes(nil, 1, []byte("create"))
	planned = appendBytes(appendBytes(planned, 2, []byte("db")), 3, []byte("infra.database"))
	message := appendBytes(appendNumber(nil, 1, number), 2, []byte("0.56"))
	message = appendBytes(appendBytes(message, 3, []byte("a.Message")), 4, planned)
	return sent(appendBytes(nil, 2, appendBytes(message, 5, []byte(encoded))))
}

// spell accepts nothing but letters.
var spell = Decoder{
	Subject:   "spell 1",
	Revisions: []string{"0.56"},
	Messages:  []string{"a.Message"},
	InFlight:  2,
	Decode: func(c *Case) ([]byte, error) {
		switch string(c.Bytes) {
		case "secret":
			return nil, nil
		case "broken":
			return nil, errors.New("broken \xff")
		}
		return c.Bytes, nil
	},
}

// heard is all that was answered, one message of FromAdapter each, as fields.
func heard(t *testing.T, out io.Reader) [][]field {
	t.Helper()
	var messages [][]field
	for frames := newFrameReader(out); ; {
		frame, err := frames.next()
		if err == io.EOF {
			return messages
		}
		if err != nil {
			t.Fatal(err)
		}
		for kind, err := range fields(bytes.Clone(frame)) {
			if err != nil {
				t.Fatal(err)
			}
			var message []field
			for inner, err := range fields(kind.bytes) {
				if err != nil {
					t.Fatal(err)
				}
				message = append(message, inner)
			}
			messages = append(messages, message)
		}
	}
}

func number(number protowire.Number, value uint64) field {
	return field{number: number, layout: protowire.VarintType, varint: value}
}

func text(number protowire.Number, value string) field {
	return field{number: number, layout: protowire.BytesType, bytes: []byte(value)}
}

func TestEachCaseHasItsAnswer(t *testing.T) {
	var in, out bytes.Buffer
	for _, frame := range [][]byte{
		helloFrame(roleDecoder), caseFrame(1, "ab"), caseFrame(2, "broken"), sent(nil), caseFrame(3, "secret"),
		caseFrame(4, ""),
	} {
		in.Write(frame)
	}
	if err := Serve(&in, &out, spell); err != nil {
		t.Fatal(err)
	}
	due := [][]field{
		{number(1, 1), text(2, "spell 1"), text(3, "0.56"), number(4, 2), text(5, "a.Message")},
		{number(1, 1), text(2, "\x0a\x02ab")},
		{number(1, 2), text(3, "broken \uFFFD")},
		{number(1, 3), text(2, "")},
		{number(1, 4), text(2, "\x0a\x00")},
	}
	if found := heard(t, &out); !reflect.DeepEqual(found, due) {
		t.Errorf("got %v, expected %v", found, due)
	}
}

func TestADecoderIsToldWhatCounterfoilSays(t *testing.T) {
	in := bytes.NewReader(append(helloFrame(roleDecoder), caseFrame(7, "ab")...))
	calls := 0
	err := Serve(in, io.Discard, Decoder{
		Start: func(contracts map[string][]byte) error {
			calls++
			if due := map[string][]byte{"0.56": []byte("a set")}; !reflect.DeepEqual(contracts, due) {
				t.Errorf("got %q", contracts)
			}
			return nil
		},
		Decode: func(c *Case) ([]byte, error) {
			calls++
			due := &Case{
				Number: 7, Revision: "0.56", Message: "a.Message", Bytes: []byte("ab"),
				Planned: []PlannedAction{{Action: "create", Name: "db", Type: "infra.database"}},
			}
			if !reflect.DeepEqual(c, due) {
				t.Errorf("got %+v", c)
			}
			return nil, nil
		},
	})
	if err != nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestAnswersDoNotWaitForTheEndOfTheInput(t *testing.T) {
	in, toAdapter := io.Pipe()
	fromAdapter, out := io.Pipe()
	served := make(chan error)
	go func() { served <- Serve(in, out, spell) }()
	answers := newFrameReader(fromAdapter)
	half := caseFrame(2, "ab")
	for _, frame := range [][]byte{helloFrame(roleDecoder), append(caseFrame(1, "ab"), half[:9]...), half[9:]} {
		if _, err := toAdapter.Write(frame); err != nil {
			t.Fatal(err)
		}
		if _, err := answers.next(); err != nil {
			t.Fatal(err)
		}
	}
	toAdapter.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotTheProtocolIsAnError(t *testing.T) {
	hello := string(helloFrame(roleDecoder))
	for in, due := range map[string]string{
		"":                           "ended before Hello",
		"\x00\x00":                   "within a frame",
		"Hello!\n":                   "is the most",
		string(sent(nil)):            "not Hello",
		string(caseFrame(1, "")):     "not Hello",
		string(sent([]byte("\x0a"))): "ToAdapter: unexpected EOF",
		string(sent(appendBytes(nil, 1, []byte("\x10")))):                      "Hello: unexpected EOF",
		string(sent(appendBytes(nil, 1, appendBytes(nil, 3, []byte("\x0a"))))): "contracts: unexpected EOF",
		string(helloFrame(0)):                                "role 0",
		hello + hello:                                        "second Hello",
		hello + string(caseFrame(1, "ab")[:9]):               "within a frame",
		hello + string(sent([]byte("\x12\x01\x0b"))):         "DecoderCase: ",
		hello + string(sent([]byte("\x12\x03\x22\x01\x08"))): "planned: unexpected EOF",
		hello + string(sent([]byte("\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))): "DecoderCase: ",
	} {
		err := Serve(strings.NewReader(in), io.Discard, spell)
		if err == nil || !strings.Contains(err.Error(), due) {
			t.Errorf("%q: got %v, expected %q", in, err, due)
		}
	}
}

func TestADecoderThatDoesNotStartIsAnError(t *testing.T) {
	broken := errors.New("no such contract")
	decoder := Decoder{Start: func(map[string][]byte) error { return broken }}
	if err := Serve(bytes.NewReader(helloFrame(roleDecoder)), io.Discard, decoder); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// full is an output that nothing can be written to.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAnOutputThatIsClosedIsAnError(t *testing.T) {
	if err := Serve(bytes.NewReader(helloFrame(roleDecoder)), full{}, spell); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestADecoderThatPanicsLeavesTheAnswersBeforeIt(t *testing.T) {
	var in, out bytes.Buffer
	for _, frame := range [][]byte{helloFrame(roleDecoder), caseFrame(1, "ab"), caseFrame(2, "panic")} {
		in.Write(frame)
	}
	decoder := spell
	decoder.Decode = func(c *Case) ([]byte, error) {
		if string(c.Bytes) == "panic" {
			panic("a decoder that panics")
		}
		return nil, nil
	}
	func() {
		defer func() { _ = recover() }()
		_ = Serve(&in, &out, decoder)
	}()
	due := []field{number(1, 1), text(2, "")}
	if found := heard(t, &out); len(found) != 2 || !reflect.DeepEqual(found[1], due) {
		t.Errorf("got %v", found)
	}
}
