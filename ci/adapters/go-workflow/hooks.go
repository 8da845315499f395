package main

import (
	"context"
	"reflect"
	"slices"

	"github.com/GoCodeAlone/workflow/iac/wfctlhelpers"
	"github.com/GoCodeAlone/workflow/interfaces"

	"counterfoil/adapter"
)

// hooks are those of the engine. They are found by the names of their fields, since an
// older engine has not all of them.
var hooks = []struct {
	name  adapter.Hook
	field string
	// function is what stands in the field.
	function func(t *telling) any
}{
	{adapter.BeforeAction, "OnBeforeAction", func(t *telling) any { return t.beforeAction }},
	{adapter.ResourceApplied, "OnResourceApplied", func(t *telling) any { return t.resourceApplied }},
	{adapter.ResourceDeleted, "OnResourceDeleted", func(t *telling) any { return t.resourceDeleted }},
	{adapter.ActionComplete, "OnActionComplete", func(t *telling) any { return t.actionComplete }},
	{adapter.PlanComplete, "OnPlanComplete", func(t *telling) any { return t.planComplete }},
}

// hooksOfEngine are the names of those that the engine has.
func hooksOfEngine() []adapter.Hook {
	var names []adapter.Hook
	fields := reflect.TypeFor[wfctlhelpers.ApplyPlanHooks]()
	for _, hook := range hooks {
		if _, ok := fields.FieldByName(hook.field); ok {
			names = append(names, hook.name)
		}
	}
	return names
}

// hasHook tells whether the engine has a hook.
func hasHook(name adapter.Hook) bool { return slices.Contains(hooksOfEngine(), name) }

// hooks are those that are installed.
func (t *telling) hooks() wfctlhelpers.ApplyPlanHooks {
	var installed wfctlhelpers.ApplyPlanHooks
	fields := reflect.ValueOf(&installed).Elem()
	for _, hook := range hooks {
		// That an action begins is heard in any case: it tells where the engine is.
		if !t.c.Has(hook.name) && hook.name != adapter.BeforeAction {
			continue
		}
		if field := fields.FieldByName(hook.field); field.IsValid() {
			field.Set(reflect.ValueOf(hook.function(t)))
		}
	}
	return installed
}

func (t *telling) beforeAction(_ context.Context, action interfaces.PlanAction) error {
	at := t.turnTo(action, t.at+1)
	if !t.c.Has(adapter.BeforeAction) {
		return nil
	}
	return t.c.CallHook(adapter.BeforeAction, at, nil)
}

func (t *telling) resourceApplied(
	_ context.Context, _ interfaces.ResourceDriver, action interfaces.PlanAction, _ interfaces.ResourceOutput,
) error {
	return t.c.CallHook(adapter.ResourceApplied, t.turnTo(action, t.at), nil)
}

func (t *telling) resourceDeleted(_ context.Context, action interfaces.PlanAction) error {
	return t.c.CallHook(adapter.ResourceDeleted, t.turnTo(action, t.at), nil)
}

func (t *telling) actionComplete(_ context.Context, _ interfaces.PlanAction, outcome interfaces.ActionOutcome) {
	told := outcomeOf(outcome)
	// It looks on: what it answers changes nothing.
	_ = t.c.CallHook(adapter.ActionComplete, &told.Action, &told)
}

func (t *telling) planComplete(context.Context) error {
	return t.c.CallHook(adapter.PlanComplete, nil, nil)
}
