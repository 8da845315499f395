package adapter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// engineCaseFrame is a case with every field, and more of them.
func engineCaseFrame(number uint64, more ...byte) []byte {
	variable := appendBytes(appendBytes(nil, 1, []byte("REGION")), 2, []byte("nyc3"))
	message := appendBytes(appendNumber(nil, 1, number), 2, []byte("head"))
	message = appendBytes(appendBytes(message, 3, []byte("a plan")), 4, variable)
	message = appendBytes(appendBytes(message, 5, []byte(BeforeAction)), 5, []byte(PlanComplete))
	message = appendBytes(appendBytes(message, 6, []byte("/a/socket")), 7, []byte("v2"))
	message = appendBytes(appendFlag(message, 8, true), 99, []byte("of a later version"))
	return sent(appendBytes(nil, 3, append(message, more...)))
}

// goOnFrame is a word to go on, with more fields.
func goOnFrame(number uint64, more ...byte) []byte {
	return sent(appendBytes(nil, 4, append(appendNumber(nil, 1, number), more...)))
}

// served has an engine apply the plans of an input, and gives all that it said behind Ready.
func served(t *testing.T, apply func(context.Context, *EngineCase) (*Result, error), frames ...[]byte) [][]field {
	t.Helper()
	in := bytes.NewReader(bytes.Join(append([][]byte{helloFrame(roleEngine)}, frames...), nil))
	var out bytes.Buffer
	if err := ServeEngine(in, &out, Engine{Apply: apply}); err != nil {
		t.Fatal(err)
	}
	return heard(t, &out)[1:]
}

func TestAnEngineSaysWhatItCanDo(t *testing.T) {
	var out bytes.Buffer
	engine := Engine{
		Subject: "engine 1", Revisions: []string{"0.57", "head"},
		Abilities: Abilities{Hooks: []Hook{PlanComplete}, Cancellation: true, Apply: true, Host: true},
	}
	if err := ServeEngine(bytes.NewReader(helloFrame(roleEngine)), &out, engine); err != nil {
		t.Fatal(err)
	}
	able := "\x0a\x0dplan-complete" + "\x10\x01" + "\x18\x00" + "\x20\x01" + "\x28\x00" + "\x30\x01"
	due := [][]field{{
		number(1, 1), text(2, "engine 1"), text(3, "0.57"), text(3, "head"), number(4, 1), text(6, able),
	}}
	if found := heard(t, &out); !reflect.DeepEqual(found, due) {
		t.Errorf("got %v, expected %v", found, due)
	}
}

func TestAnEngineIsGivenWhatCounterfoilSays(t *testing.T) {
	apply := func(ctx context.Context, c *EngineCase) (*Result, error) {
		due := &EngineCase{
			Number: 7, Revision: "head", Plan: []byte("a plan"), Environment: map[string]string{"REGION": "nyc3"},
			Hooks: []Hook{BeforeAction, PlanComplete}, Socket: "/a/socket", ComputePlanVersion: "v2",
			Finalizer: true, context: c.context, session: c.session,
		}
		if !reflect.DeepEqual(c, due) {
			t.Errorf("got %+v", c)
		}
		if !c.Has(PlanComplete) || c.Has(ActionComplete) {
			t.Error("other hooks are installed than those of the case")
		}
		return &Result{PlanID: "p"}, ctx.Err()
	}
	due := [][]field{{number(1, 7), text(2, "\x0a\x01p")}}
	if found := served(t, apply, engineCaseFrame(7)); !reflect.DeepEqual(found, due) {
		t.Errorf("got %v", found)
	}
}

func TestAResultIsReportedAlsoBesideAnError(t *testing.T) {
	apply := func(ctx context.Context, c *EngineCase) (*Result, error) {
		return &Result{PlanID: "p"}, errors.Join(ctx.Err(), errors.New("broken \xff"))
	}
	cancelled := appendFlag(nil, 9, true)
	due := [][]field{
		{number(1, 1), text(2, "\x0a\x01p"), text(3, "context canceled\nbroken \uFFFD")},
		{number(1, 2), text(2, "\x0a\x01p"), text(3, "broken \uFFFD")},
	}
	found := served(t, apply, engineCaseFrame(1, cancelled...), sent(nil), engineCaseFrame(2))
	if !reflect.DeepEqual(found, due) {
		t.Errorf("got %v, expected %v", found, due)
	}
}

func TestAResultIsWhole(t *testing.T) {
	result := &Result{
		PlanID: "p",
		Resources: []Output{{
			Name: "n", Type: "t", ProviderID: "i", OutputsJSON: []byte("{}"), Status: "s",
			Sensitive: map[string]bool{"b": true, "a": false},
		}},
		Errors:        []ActionError{{Resource: "r", Action: "a", Error: "e\xff"}},
		InitialInputs: map[string]string{"B": "2", "A": "1"},
		Drift:         []Drift{{Name: "B", PlanFingerprint: "1", ApplyFingerprint: "2"}},
		ReplaceIDs:    map[string]string{"n": "i"},
		Outcomes:      []Outcome{{Action: 0, Status: 1}, {Action: 1, Status: 6, Error: "e"}},
	}
	due := strings.Join([]string{
		"\x0a\x01p",
		"\x12\x1e" + "\x0a\x01n\x12\x01t\x1a\x01i\x22\x02{}" + "\x2a\x05\x0a\x01a\x10\x00" + "\x2a\x05\x0a\x01b\x10\x01" +
			"\x32\x01s",
		"\x1a\x0c" + "\x0a\x01r\x12\x01a\x1a\x04e\uFFFD",
		"\x22\x06\x0a\x01A\x12\x011" + "\x22\x06\x0a\x01B\x12\x012",
		"\x2a\x09\x0a\x01B\x12\x011\x1a\x012",
		"\x32\x06\x0a\x01n\x12\x01i",
		"\x3a\x06\x08\x00\x10\x01\x1a\x00" + "\x3a\x07\x08\x01\x10\x06\x1a\x01e",
	}, "")
	if found := string(result.encode()); found != due {
		t.Errorf("got %q, expected %q", found, due)
	}
}

func TestAnEngineTellsAndGoesOnAsItIsTold(t *testing.T) {
	var answers []error
	apply := func(_ context.Context, c *EngineCase) (*Result, error) {
		action, preflight := 1, true
		answers = append(answers,
			c.ResolveDriver(DriverAsked{Type: "infra.vpc", Action: &action, Preflight: &preflight}),
			c.ResolveDriver(DriverAsked{Type: "infra.vpc"}),
			c.CallHook(BeforeAction, &action, nil),
			c.CallHook(ActionComplete, &action, &Outcome{Action: 1, Status: -1, Error: "e"}),
			c.CallHook(PlanComplete, nil, nil))
		return nil, nil
	}
	refused := appendBytes(nil, 2, []byte("no"))
	found := served(t, apply, engineCaseFrame(3),
		goOnFrame(3, refused...), goOnFrame(2, refused...), goOnFrame(3), // one is of another case
		goOnFrame(3, refused...), goOnFrame(3),
		goOnFrame(3), goOnFrame(3),
		goOnFrame(3), goOnFrame(3), goOnFrame(3)) // one is too many
	due := [][]field{
		{number(1, 3), text(2, "\x0a\x09infra.vpc\x10\x01\x18\x01")},
		{number(1, 3), text(2, "\x0a\x09infra.vpc")},
		{number(1, 3), text(3, "\x0a\x0dbefore-action\x10\x01")},
		{number(1, 3), text(4, "\x0a\x0dbefore-action\x10\x01\x1a\x02no")},
		{number(1, 3), text(3, "\x0a\x0faction-complete\x10\x01\x1a\x10\x08\x01\x10"+
			strings.Repeat("\xff", 9)+"\x01\x1a\x01e")},
		{number(1, 3), text(4, "\x0a\x0faction-complete\x10\x01")},
		{number(1, 3), text(3, "\x0a\x0dplan-complete")},
		{number(1, 3), text(4, "\x0a\x0dplan-complete")},
		{number(1, 3)},
	}
	if !reflect.DeepEqual(found, due) {
		t.Errorf("got %v, expected %v", found, due)
	}
	if said := fmt.Sprint(answers); said != "[no <nil> no <nil> <nil>]" {
		t.Errorf("got %s", said)
	}
}

func TestAHostTellsWhatItKeepsWithinItsHooks(t *testing.T) {
	apply := func(_ context.Context, c *EngineCase) (*Result, error) {
		action := 1
		err := c.RunHook(ResourceApplied, &action, nil, func(failure error) error {
			if failure != nil {
				t.Errorf("got %v", failure)
			}
			config, outputs := []byte("{}"), []byte(`{"a":1}`)
			return c.Saved(action, Record{"n", "t", "i", config, outputs})
		})
		if err != nil {
			t.Errorf("got %v", err)
		}
		return nil, c.RunHook(ResourceDeleted, &action, nil, func(failure error) error {
			if err := c.Removed(action, "n"); err != nil {
				t.Errorf("got %v", err)
			}
			return fmt.Errorf("not taken out: %w", failure)
		})
	}
	found := served(t, apply, engineCaseFrame(1), goOnFrame(1), goOnFrame(1), goOnFrame(1),
		goOnFrame(1, appendBytes(nil, 2, []byte("no"))...), goOnFrame(1), goOnFrame(1))
	due := [][]field{
		{number(1, 1), text(3, "\x0a\x10resource-applied\x10\x01")},
		{number(1, 1), text(5, "\x08\x01\x12\x01n\x1a\x01t\x22\x01i\x2a\x02{}\x32\x07{\"a\":1}")},
		{number(1, 1), text(4, "\x0a\x10resource-applied\x10\x01")},
		{number(1, 1), text(3, "\x0a\x10resource-deleted\x10\x01")},
		{number(1, 1), text(6, "\x08\x01\x12\x01n")},
		{number(1, 1), text(4, "\x0a\x10resource-deleted\x10\x01\x1a\x11not taken out: no")},
		{number(1, 1), text(3, "not taken out: no")},
	}
	if !reflect.DeepEqual(found, due) {
		t.Errorf("got %v, expected %v", found, due)
	}
}

func TestToGoOnCanEndTheContext(t *testing.T) {
	for ends, due := range map[ContextEnd]error{
		GoesOn: nil, Cancelled: context.Canceled, DeadlineExceeded: context.DeadlineExceeded,
	} {
		apply := func(ctx context.Context, c *EngineCase) (*Result, error) {
			if err := c.ResolveDriver(DriverAsked{}); err != nil || ctx.Err() != due {
				t.Errorf("got %v and %v, expected %v", err, ctx.Err(), due)
			}
			return nil, nil
		}
		served(t, apply, engineCaseFrame(1), goOnFrame(1, appendNumber(nil, 3, uint64(ends))...))
	}
}

func TestTheNextContextIsANewOne(t *testing.T) {
	apply := func(ctx context.Context, c *EngineCase) (*Result, error) {
		if ctx.Err() != nil {
			t.Error("it has ended before")
		}
		c.End(Cancelled)
		return nil, nil
	}
	served(t, apply, engineCaseFrame(1), engineCaseFrame(2))
}

func TestTheEnvironmentIsThatOfTheCaseAndThenTheOneBefore(t *testing.T) {
	t.Setenv("COUNTERFOIL_HERE", "kept=whole")
	before := os.Environ()
	c := &EngineCase{Environment: map[string]string{"REGION": "nyc3"}}
	bringBack, err := c.UseEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	if found := os.Environ(); !reflect.DeepEqual(found, []string{"REGION=nyc3"}) {
		t.Errorf("got %v", found)
	}
	bringBack()
	set := func(variables []string) map[string]bool {
		all := map[string]bool{}
		for _, variable := range variables {
			all[variable] = true
		}
		return all
	}
	if found := os.Environ(); !maps.Equal(set(found), set(before)) {
		t.Errorf("got %v, expected %v", found, before)
	}
	c.Environment["="] = ""
	if _, err := c.UseEnvironment(); err == nil || !maps.Equal(set(os.Environ()), set(before)) {
		t.Errorf("a name that cannot be: got %v and %v", err, os.Environ())
	}
}

func TestWhatIsNotTheProtocolOfEnginesIsAnError(t *testing.T) {
	tells := func(_ context.Context, c *EngineCase) (*Result, error) {
		first, second := c.ResolveDriver(DriverAsked{}), c.ResolveDriver(DriverAsked{})
		if first == nil || first != second {
			t.Errorf("got %v and then %v", first, second)
		}
		return nil, nil
	}
	hello, ours := string(helloFrame(roleEngine)), string(engineCaseFrame(1))
	for in, due := range map[string]string{
		"":                              "`counterfoil test engine`",
		string(helloFrame(roleDecoder)): "role 1, but this is role 2, engine",
		hello + hello:                   "second Hello",
		hello + string(sent([]byte("\x1a\x01\x0b"))):         "EngineCase: ",
		hello + string(sent([]byte("\x1a\x03\x22\x01\x08"))): "environment: unexpected EOF",
		hello + string(sent([]byte("\x22\x01\x08"))):         "GoOn: unexpected EOF",
		hello + string(sent([]byte("\x1a"))):                 "ToAdapter: unexpected EOF",
		hello + ours:                                         "the input ended instead of saying so",
		hello + ours + string(engineCaseFrame(2)):            "case 2 comes before this one is answered",
		hello + ours + string(goOnFrame(1)[:5]):              "within a frame",
		hello + ours + hello + string(goOnFrame(1)[:]):       "second Hello",
	} {
		err := ServeEngine(strings.NewReader(in), io.Discard, Engine{Apply: tells})
		if err == nil || !strings.Contains(err.Error(), due) {
			t.Errorf("%q: got %v, expected %q", in, err, due)
		}
	}
}

func TestAnEngineWhoseOutputIsClosedIsAnError(t *testing.T) {
	in := io.MultiReader(bytes.NewReader(helloFrame(roleEngine)), bytes.NewReader(engineCaseFrame(1)))
	if err := ServeEngine(in, full{}, Engine{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

// Not a field that is looked for is read in a layout that it cannot have.
func TestFieldsOfAnotherLayoutAreUnknownOnes(t *testing.T) {
	apply := func(_ context.Context, c *EngineCase) (*Result, error) {
		if c.Finalizer || c.Plan != nil {
			t.Errorf("got %+v", c)
		}
		return nil, nil
	}
	message := appendNumber(appendBytes(appendNumber(nil, 1, 1), 8, []byte("\x01")), 3, 1)
	message = protowire.AppendFixed32(protowire.AppendTag(message, 9, protowire.Fixed32Type), 1)
	served(t, apply, sent(appendBytes(nil, 3, message)))
}
