package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/grpc"

	"counterfoil/adapter"
	"counterfoil/adapter/provider"
)

// engine is what lasts from one plan to the next.
type engine struct {
	contract *contract
}

// start takes the contract that it speaks.
func (e *engine) start(contracts map[string][]byte) (err error) {
	e.contract, err = readContract(contracts, newest)
	return err
}

// apply is the one function that an adapter needs of an engine: it applies the plan of a case.
func (e *engine) apply(ctx context.Context, c *adapter.EngineCase) (*adapter.Result, error) {
	a := &applying{engine: e, EngineCase: c, ctx: ctx, result: &adapter.Result{ReplaceIDs: map[string]string{}}}
	if err := e.contract.decode("IaCPlan", c.Plan, &a.plan); err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	for index, action := range a.plan.Actions {
		action.index = index
	}
	conn, err := provider.Dial(c)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	a.conn, a.result.PlanID = conn, a.plan.ID
	a.readInputs()
	return a.result, a.run()
}

// applying is one plan under way.
type applying struct {
	*engine
	*adapter.EngineCase
	ctx    context.Context
	conn   *grpc.ClientConn
	plan   plan
	result *adapter.Result
}

// run carries the actions out one after the other. Its error is that of the whole apply.
func (a *applying) run() error {
	if err := a.preflight(); err != nil {
		return err
	}
	for _, action := range a.plan.Actions {
		if err := a.record(action, a.carryOut(action)); err != nil {
			return err
		}
	}
	if !a.Has(adapter.PlanComplete) {
		return nil
	}
	if err := a.CallHook(adapter.PlanComplete, nil, nil); err != nil {
		a.fail("<plan-finalize>", "finalize", err)
		return fmt.Errorf("plan finalize: %w", err)
	}
	return nil
}

// readInputs reports with which inputs the apply begins, and which of them are no longer the plan's. One that is not set
// any more is none (E-004, E-073, E-074).
func (a *applying) readInputs() {
	a.result.InitialInputs = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(a.plan.InputSnapshot)) {
		value, ok := a.Environment[name]
		if !ok {
			continue
		}
		planned, found := a.plan.InputSnapshot[name], fmt.Sprintf("%x", sha256.Sum256([]byte(value)))[:16]
		a.result.InitialInputs[name] = found
		if found != planned {
			drift := adapter.Drift{Name: name, PlanFingerprint: planned, ApplyFingerprint: found}
			a.result.Drift = append(a.result.Drift, drift)
		}
	}
}

// preflight asks for the drivers of replaces before anything is deleted, where somebody is told of deletes (E-010, E-011).
func (a *applying) preflight() error {
	for _, action := range a.plan.Actions {
		if !a.Has(adapter.ResourceDeleted) || action.Action != "replace" {
			continue
		}
		if err := a.driver(action, true); err != nil {
			return fmt.Errorf("%v: replace preflight resolve driver: %w", &action.Resource, err)
		}
	}
	return nil
}

// ending is how an action ended.
type ending struct {
	status adapter.Status
	// err is what its outcome says, nil for success.
	err error
	// fatal is what ends the whole apply, if it does.
	fatal error
}

// record records the outcome of an action, exactly one (E-030). Its error is that of the whole apply.
func (a *applying) record(action *action, end ending) error {
	outcome := adapter.Outcome{Action: action.index, Status: end.status}
	if end.err != nil {
		outcome.Error = end.err.Error()
	}
	if end.err != nil && end.fatal == nil {
		a.fail(action.Resource.Name, action.Action, end.err)
	}
	a.result.Outcomes = append(a.result.Outcomes, outcome)
	if a.Has(adapter.ActionComplete) {
		// It looks on: what it answers changes nothing.
		_ = a.CallHook(adapter.ActionComplete, &action.index, &outcome)
	}
	return end.fatal
}

// carryOut takes an action through its phases (E-020 to E-028).
func (a *applying) carryOut(action *action) ending {
	if err := a.ctx.Err(); err != nil {
		return ending{adapter.Skipped, err, err}
	}
	if err := a.hook(adapter.BeforeAction, action); err != nil {
		fatal := fmt.Errorf("%v: apply aborted by OnBeforeAction hook: %w", &action.Resource, err)
		return ending{adapter.Skipped, err, fatal}
	}
	if err := a.driver(action, false); err != nil {
		return ending{adapter.Skipped, fmt.Errorf("resolve driver: %w", err), nil}
	}
	switch action.Action {
	case "create":
		return a.put(action, "", "Create", &request{Spec: &action.Resource})
	case "update":
		return a.put(action, "", "Update", &request{Ref: action.ref(), Spec: &action.Resource})
	case "replace":
		return a.replace(action)
	case "delete":
		if err := a.call(action, "Delete", &request{Ref: action.ref()}, &struct{}{}); err != nil {
			return ending{adapter.DeleteFailed, err, nil}
		}
		return a.tell(adapter.ResourceDeleted, action, "post-delete hook")
	default:
		return ending{adapter.Failed, fmt.Errorf("unknown action %q", action.Action), nil}
	}
}

// replace deletes and creates (E-060 to E-065).
func (a *applying) replace(action *action) ending {
	if err := a.call(action, "Delete", &request{Ref: action.ref()}, &struct{}{}); err != nil {
		return ending{adapter.Failed, fmt.Errorf("replace: delete: %w", err), nil}
	}
	if end := a.tell(adapter.ResourceDeleted, action, "replace: delete hook"); end.err != nil {
		end.err = fmt.Errorf("replace: delete hook: %w", end.err)
		return end
	}
	if err := a.ctx.Err(); err != nil {
		return ending{adapter.Failed, fmt.Errorf("replace: canceled after delete: %w", err), nil}
	}
	return a.put(action, "replace: create: ", "Create", &request{Spec: &action.Resource})
}

// put has a resource created or updated, and reports what came of it. The text of a failure has the prefix.
func (a *applying) put(action *action, prefix, method string, request *request) ending {
	var reply struct {
		Output *adapter.Output `json:"output"`
	}
	err := a.call(action, method, request, &reply)
	if err == nil && reply.Output != nil {
		err = checkOutputs(reply.Output.OutputsJSON)
	}
	if err != nil {
		return ending{adapter.Failed, fmt.Errorf("%s%w", prefix, err), nil}
	}
	if reply.Output == nil {
		// Nobody is told of what nothing is known of (E-057).
		return ending{status: adapter.Success}
	}
	a.report(action, *reply.Output)
	return a.tell(adapter.ResourceApplied, action, "post-apply hook")
}

// report takes a resource into the result.
func (a *applying) report(action *action, made adapter.Output) {
	if made.Name == "" {
		made.Name = action.Resource.Name
	}
	if made.Type == "" {
		made.Type = action.Resource.Type
	}
	a.result.Resources = append(a.result.Resources, made)
	if action.Action == "replace" {
		a.result.ReplaceIDs[action.Resource.Name] = made.ProviderID
	}
}

// tell calls a hook once the cloud has changed. Where the hook fails, nothing takes that back, and the apply ends.
func (a *applying) tell(hook adapter.Hook, action *action, place string) ending {
	if err := a.hook(hook, action); err != nil {
		return ending{adapter.CompensationFailed, err, fmt.Errorf("%v: %s: %w", &action.Resource, place, err)}
	}
	return ending{status: adapter.Success}
}

// hook calls a hook about an action, if it is installed.
func (a *applying) hook(hook adapter.Hook, action *action) error {
	if !a.Has(hook) {
		return nil
	}
	return a.CallHook(hook, &action.index, nil)
}

// driver asks for the driver of an action. All drivers are the provider's one, so that there is nothing to get but leave.
func (a *applying) driver(action *action, preflight bool) error {
	asked := adapter.DriverAsked{Type: action.Resource.Type, Action: &action.index, Preflight: &preflight}
	return a.ResolveDriver(asked)
}

// call has the driver of an action do something.
func (a *applying) call(action *action, method string, request *request, reply any) error {
	request.ResourceType = action.Resource.Type
	return a.contract.call(a.ctx, a.conn, method, request, reply)
}

// fail reports what failed.
func (a *applying) fail(resource, action string, err error) {
	failed := adapter.ActionError{Resource: resource, Action: action, Error: err.Error()}
	a.result.Errors = append(a.result.Errors, failed)
}
