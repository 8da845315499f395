package main

import (
	"context"
	"fmt"

	"github.com/GoCodeAlone/workflow/iac/wfctlhelpers"
	"github.com/GoCodeAlone/workflow/interfaces"

	"counterfoil/adapter"
	"counterfoil/adapter/provider"
)

// apply is the one function that an adapter needs of an engine: it applies the plan of a case.
func apply(ctx context.Context, c *adapter.EngineCase) (*adapter.Result, error) {
	// The engine reads what references name in the environment of its process.
	bringBack, err := c.UseEnvironment()
	if err != nil {
		return nil, err
	}
	defer bringBack()
	conn, err := provider.Dial(c)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	plan, err := decodePlan(c.Plan)
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	told := &telling{IaCProvider: client(conn), c: c, plan: plan, at: -1}
	result, failure := wfctlhelpers.ApplyPlanWithHooks(ctx, told, plan, told.hooks())
	reported, err := resultOf(result)
	if err != nil {
		return nil, fmt.Errorf("read the result: %w", err)
	}
	return reported, failure
}

// telling tells which drivers the engine asks for, which hooks it calls, and for which action.
type telling struct {
	interfaces.IaCProvider
	c    *adapter.EngineCase
	plan *interfaces.IaCPlan
	// at is the position of the action that the engine is at, before the first -1. An engine that calls nobody before an action
	// is there when it calls a hook about it.
	at int
}

// ResourceDriver gives the engine a driver, if it may have one. It asks for those of replaces before the first action too.
func (t *telling) ResourceDriver(kind string) (interfaces.ResourceDriver, error) {
	asked := adapter.DriverAsked{Type: kind}
	if hasHook(adapter.BeforeAction) {
		preflight := t.at < 0
		asked.Preflight = &preflight
		if !preflight {
			asked.Action = &t.at
		}
	}
	if err := t.c.ResolveDriver(asked); err != nil {
		return nil, err
	}
	return t.IaCProvider.ResourceDriver(kind)
}

// turnTo finds an action, from a position on: the engine takes one after the other, and says what it does to what, but not
// where that stands in the plan.
func (t *telling) turnTo(action interfaces.PlanAction, from int) *int {
	for i := max(from, 0); i < len(t.plan.Actions); i++ {
		planned := t.plan.Actions[i]
		if planned.Action == action.Action && planned.Resource.Name == action.Resource.Name &&
			planned.Resource.Type == action.Resource.Type {
			t.at = i
			break
		}
	}
	return &t.at
}
