package adapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
)

// Engine is an engine under test. It is given one case after the other.
type Engine struct {
	// Subject says in reports what is tested, with its version.
	Subject string
	// Revisions are those of the contract that it knows, by their names; none: all of them.
	Revisions []string
	// Abilities are what it can do beyond the least.
	Abilities Abilities
	// Start takes the contract as it was at each revision, by their names, each an encoded FileDescriptorSet. It is
	// called once, before any case. An engine with generated code has no need of it, and leaves it out.
	Start func(contracts map[string][]byte) error
	// Apply applies the plan of a case, under a context that ends when Counterfoil says so. It gives what it reports,
	// also beside an error, which is that of the whole apply.
	Apply func(ctx context.Context, c *EngineCase) (*Result, error)
}

// Abilities are what an engine can do behind its adapter. A case that needs what it cannot is not given to it.
type Abilities struct {
	// Hooks are those that it calls.
	Hooks []Hook
	// Cancellation: it heeds its context.
	Cancellation bool
	// References: it resolves references in configs, and reads the environment of the case for them.
	References bool
	// Apply: it hands the plan over by the provider's Apply where that does not declare v2.
	Apply bool
	// Drivers: it asks [EngineCase.ResolveDriver] for leave whenever it asks its resolver for a driver.
	Drivers bool
	// Host: behind its hooks stands the host of its command line, which keeps a state, makes good what could not be kept,
	// and calls FinalizeApply. Such hooks are run by [EngineCase.RunHook].
	Host bool
}

// Hook is a hook of the engine, by its name.
type Hook string

// The hooks that there are.
const (
	BeforeAction    Hook = "before-action"
	ResourceApplied Hook = "resource-applied"
	ResourceDeleted Hook = "resource-deleted"
	ActionComplete  Hook = "action-complete"
	PlanComplete    Hook = "plan-complete"
)

// ServeEngine applies the plans that come in until the input ends. It fails where the input is not the protocol's, where
// the output cannot be written, and where the engine does not start.
func ServeEngine(in io.Reader, out io.Writer, engine Engine) error {
	s := newSession(in, out)
	if err := s.greet(roleEngine, engine.Start, appendEngineReady(nil, &engine)); err != nil {
		return err
	}
	for {
		message, err := s.exchange()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a case: %w", err)
		}
		// What goes on where nothing was told, and what is of an unknown kind, is left unread.
		if message.apply == nil {
			continue
		}
		if err := s.apply(&engine, message.apply); err != nil {
			return err
		}
	}
}

// exchange says what is waiting to be said, and reads what comes next.
func (s *session) exchange() (toEngine, error) {
	if err := s.answers.Flush(); err != nil {
		return toEngine{}, err
	}
	frame, err := s.frames.next()
	if err != nil {
		return toEngine{}, err
	}
	message, err := parseToEngine(frame)
	if err == nil && message.hello {
		err = errSecondHello
	}
	return message, err
}

// apply has the engine apply the plan of a case, and writes what came of it.
func (s *session) apply(engine *Engine, c *EngineCase) error {
	c.session, c.context = s, newEndable()
	if c.cancelled {
		c.End(Cancelled)
	}
	result, failure := engine.Apply(c.context, c)
	if c.broken != nil {
		return fmt.Errorf("case %d, which waits to go on: %w", c.Number, c.broken)
	}
	if err := writeFrame(s.answers, appendEngineAnswer(nil, c.Number, result, failure)); err != nil {
		return fmt.Errorf("answer case %d: %w", c.Number, err)
	}
	return nil
}

// EngineCase is a plan to apply, and the way to tell Counterfoil what is about to be done for it.
type EngineCase struct {
	// Number is counted from 1.
	Number uint64
	// Revision is the revision of the contract as whose engine it has to be applied.
	Revision string
	// Plan is an encoded IaCPlan of the newest revision.
	Plan []byte
	// Environment are the variables that references and inputs may read.
	Environment map[string]string
	// Hooks are those that are installed; none other may be called.
	Hooks []Hook
	// Socket is the path of the Unix socket on which the provider listens, for gRPC without TLS.
	Socket string
	// ComputePlanVersion is the version of the plan contract that the provider declares.
	ComputePlanVersion string
	// Finalizer: the provider serves FinalizeApply.
	Finalizer bool

	// cancelled: the context has ended before the engine is given it.
	cancelled bool
	context   *endable
	session   *session
	// telling is held from a telling to its answer, for engines that do several things at once.
	telling sync.Mutex
	// broken is why nothing can be told any more.
	broken error
}

// Has tells whether a hook is installed.
func (c *EngineCase) Has(hook Hook) bool { return slices.Contains(c.Hooks, hook) }

// End ends the context of the apply.
func (c *EngineCase) End(how ContextEnd) { c.context.end(how) }

// DriverAsked is what an engine asks its resolver.
type DriverAsked struct {
	// Type is the type of resource.
	Type string
	// Action is the position of the action on whose behalf it asks; nil where that cannot be told.
	Action *int
	// Preflight: it asks before any action; nil where that cannot be told.
	Preflight *bool
}

// ResolveDriver tells that the engine asks its resolver for a driver. The error is what the resolver has to refuse it
// with.
func (c *EngineCase) ResolveDriver(asked DriverAsked) error {
	return c.tell(appendDriverAsked(nil, asked))
}

// CallHook is a hook that does nothing but tell that it was called, and fail as Counterfoil says. The action is a
// position in the plan, and nil for plan-complete; the outcome is nil but for action-complete.
func (c *EngineCase) CallHook(hook Hook, action *int, outcome *Outcome) error {
	return c.RunHook(hook, action, outcome, func(failure error) error { return failure })
}

// RunHook is a hook of a host: it tells that the hook was called, does its work, and tells what comes of that, which it
// gives. The work is given the failure that Counterfoil asks of it, nil if none, in the place of that of its state: what
// was applied cannot be kept, what was deleted cannot be taken out. What it keeps it tells by [EngineCase.Saved] and
// [EngineCase.Removed].
func (c *EngineCase) RunHook(hook Hook, action *int, outcome *Outcome, work func(failure error) error) error {
	answer := work(c.tell(appendHookCalled(nil, hook, action, outcome)))
	// Whatever comes of telling so, the hook has its answer.
	_ = c.tell(appendHookAnswered(nil, hook, action, answer))
	return answer
}

// Record is what a host keeps of a resource.
type Record struct {
	// Name is that of the resource, under which it is kept.
	Name string
	// Type is its type.
	Type string
	// ProviderID is the provider's own id of it.
	ProviderID string
	// AppliedConfigJSON is the config that was applied, with its references resolved.
	AppliedConfigJSON []byte
	// OutputsJSON are its outputs, without its secrets.
	OutputsJSON []byte
}

// Saved tells that a host keeps a resource in its state, on behalf of the action of this position. The error is that
// nothing can be told any more.
func (c *EngineCase) Saved(action int, record Record) error {
	return c.tell(appendStateSaved(nil, action, record))
}

// Removed tells that a host takes the resource of this name out of its state, on behalf of the action of this position.
// The error is that nothing can be told any more.
func (c *EngineCase) Removed(action int, name string) error {
	return c.tell(appendStateRemoved(nil, action, name))
}

// tell says what is about to be done, and waits for the word to go on: the error is what has to fail it.
func (c *EngineCase) tell(what []byte) error {
	c.telling.Lock()
	defer c.telling.Unlock()
	if c.broken != nil {
		return c.broken
	}
	goOn, err := c.waitToGoOn(what)
	if err != nil {
		c.broken = err
		return err
	}
	c.End(goOn.ends)
	return goOn.failure
}

// waitToGoOn says what is told, and waits for its answer.
func (c *EngineCase) waitToGoOn(what []byte) (*goOn, error) {
	if err := writeFrame(c.session.answers, appendTold(nil, c.Number, what)); err != nil {
		return nil, err
	}
	for {
		message, err := c.session.exchange()
		switch {
		case err == io.EOF:
			return nil, errors.New("the input ended instead of saying so")
		case err != nil:
			return nil, err
		case message.apply != nil:
			return nil, fmt.Errorf("case %d comes before this one is answered", message.apply.Number)
		case message.goOn != nil && message.goOn.number == c.Number:
			return message.goOn, nil
		}
	}
}

// UseEnvironment makes the environment of the case that of this process, for an engine that reads it there. What it gives
// brings the one before back.
func (c *EngineCase) UseEnvironment() (bringBack func(), err error) {
	before := os.Environ()
	bringBack = func() {
		os.Clearenv()
		for _, variable := range before {
			name, value, _ := strings.Cut(variable, "=")
			// It was taken before.
			_ = os.Setenv(name, value)
		}
	}
	os.Clearenv()
	for name, value := range c.Environment {
		if err := os.Setenv(name, value); err != nil {
			bringBack()
			return nil, fmt.Errorf("the variable %q: %w", name, err)
		}
	}
	return bringBack, nil
}
