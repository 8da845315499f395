package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"counterfoil/adapter"
)

const repository = "../../../../.."

// all is the contract with everything that any revision has.
const all = "all"

// vector is a line of the binary vectors.
type vector struct {
	Name, Message, Hex string
	Planned            []string
	Verdicts           map[string][]string
}

// verdict is the one at the newest revision that has the message: there the contract is the same as the sum of all.
func (v vector) verdict() []string {
	return v.Verdicts[slices.Max(slices.Collect(maps.Keys(v.Verdicts)))]
}

func (v vector) asCase(t testing.TB) *adapter.Case {
	encoded, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	c := &adapter.Case{Number: 1, Revision: all, Message: v.Message, Bytes: encoded}
	for _, action := range v.Planned {
		c.Planned = append(c.Planned, adapter.PlannedAction{Action: action})
	}
	return c
}

func vectors(t testing.TB) []vector {
	files, err := filepath.Glob(filepath.Join(repository, "golden/vectors/*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	var read []vector
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			var line vector
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			read = append(read, line)
		}
	}
	return read
}

func started(t testing.TB) *decoder {
	encoded, err := os.ReadFile(filepath.Join(repository, "tests/go-interop/contract/contract.binpb"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := &decoder{}
	if err := decoder.start(map[string][]byte{all: encoded, "broken": []byte("\x0a")}); err != nil {
		t.Fatal(err)
	}
	return decoder
}

// Each revision is asked for by `counterfoil test decoder` itself, which has the contract of each.
func TestEveryVectorHasItsVerdictAtTheNewestRevision(t *testing.T) {
	decoder := started(t)
	for _, vector := range vectors(t) {
		_, err := decoder.decode(vector.asCase(t))
		due := vector.verdict()
		if err == nil && len(due) > 0 {
			t.Errorf("%s: accepted, expected %v", vector.Name, due)
		}
		if err != nil && !slices.Contains(due, err.Error()[:len("DEC-000")]) {
			t.Errorf("%s: got %v, expected %v", vector.Name, err, due)
		}
	}
}

func TestWhatIsAcceptedIsEncodedAnew(t *testing.T) {
	decoder := started(t)
	for _, vector := range vectors(t) {
		first, err := decoder.decode(vector.asCase(t))
		if err != nil {
			continue
		}
		if first == nil {
			t.Errorf("%s: accepted without a value", vector.Name)
		}
		again := vector.asCase(t)
		again.Bytes = first
		if second, err := decoder.decode(again); err != nil || string(second) != string(first) {
			t.Errorf("%s: %x was encoded as %x, %v", vector.Name, first, second, err)
		}
	}
}

func TestTheLastValueOfAFieldIsEncoded(t *testing.T) {
	c := &adapter.Case{Revision: all, Message: contractPackage + ".CapabilitiesResponse"}
	c.Bytes = []byte("\x1a\x02v1\x1a\x02v2")
	if value, err := started(t).decode(c); err != nil || string(value) != "\x1a\x02v2" {
		t.Errorf("got %q, %v", value, err)
	}
}

func TestARefusalSaysWhatAndWhere(t *testing.T) {
	c := &adapter.Case{Revision: all, Message: applyResponse, Planned: make([]adapter.PlannedAction, 1)}
	c.Bytes = []byte("\x0a\x02\x3a\x00")
	due := "DEC-002 at result.actions[0].status: 0, which is none"
	if _, err := started(t).decode(c); err == nil || err.Error() != due {
		t.Errorf("got %v", err)
	}
}

func TestEveryEntryOfAMapIsChecked(t *testing.T) {
	entry := func(config string) []byte {
		spec := append([]byte{0x1a, byte(len(config))}, config...)
		entry := append([]byte{0x0a, 1, 'a', 0x12, byte(len(spec))}, spec...)
		return append([]byte{0x12, byte(len(entry))}, entry...)
	}
	for _, broken := range []string{"{", "7"} {
		c := &adapter.Case{Revision: all, Message: contractPackage + ".DetectDriftConfigRequest"}
		c.Bytes = append(entry(broken), entry("{}")...)
		_, err := started(t).decode(c)
		if err == nil || !strings.Contains(err.Error(), "specs.value.config_json") {
			t.Errorf("%s, which a later entry replaces: got %v", broken, err)
		}
	}
}

func TestALayoutThatTheRuntimePanicsAtIsRefused(t *testing.T) {
	// The key of an entry as a text, and then as a number.
	c := &adapter.Case{Revision: all, Message: contractPackage + ".ResourceReadResponse"}
	c.Bytes = []byte("\x0a\x07\x2a\x05\x0a\x01a\x08\x01")
	_, err := started(t).decode(c)
	if err == nil || !strings.HasPrefix(err.Error(), "DEC-017 at output.sensitive.key") {
		t.Errorf("got %v", err)
	}
}

func TestMessagesNestNoDeeperThanOtherRuntimesRead(t *testing.T) {
	nested := func(levels int) []byte {
		var encoded []byte
		for range levels {
			encoded = protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), encoded)
		}
		return encoded
	}
	decoder := started(t)
	for levels, due := range map[int]bool{deepest: true, deepest + 1: false, 1 << 12: false} {
		c := &adapter.Case{Revision: all, Message: "google.protobuf.DescriptorProto", Bytes: nested(levels)}
		if _, err := decoder.decode(c); (err == nil) != due {
			t.Errorf("%d levels: %v", levels, err)
		}
	}
}

func TestWhatTheContractDoesNotHaveIsRefused(t *testing.T) {
	decoder := started(t)
	for _, c := range []adapter.Case{
		{Revision: "1.0", Message: applyResponse},
		{Revision: "broken", Message: applyResponse},
		{Revision: all, Message: contractPackage + ".NoSuchMessage"},
		{Revision: all, Message: contractPackage + ".ActionStatus"},
		{Revision: all, Message: ""},
	} {
		if _, err := decoder.decode(&c); err == nil {
			t.Errorf("%q of revision %q was accepted", c.Message, c.Revision)
		}
	}
}

// The bare runtime is the figure to hold the strict decoder against.
func BenchmarkDecode(b *testing.B) {
	strict := started(b)
	decoders := map[string]func(*adapter.Case) ([]byte, error){
		"strict": strict.decode,
		"runtime": func(c *adapter.Case) ([]byte, error) {
			described, err := strict.contracts[all].message(c.Message)
			if err != nil {
				return nil, err
			}
			message, refusal := unmarshal(described, c.Bytes)
			if refusal != nil {
				return nil, refusal
			}
			return proto.Marshal(message)
		},
	}
	for name, decode := range decoders {
		b.Run(name, func(b *testing.B) {
			var cases []*adapter.Case
			for _, vector := range vectors(b) {
				cases = append(cases, vector.asCase(b))
			}
			for i := 0; b.Loop(); i++ {
				// A refusal is as good an answer as any.
				_, _ = decode(cases[i%len(cases)])
			}
		})
	}
}
