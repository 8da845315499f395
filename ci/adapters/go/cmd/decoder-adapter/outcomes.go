package main

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"counterfoil/adapter"
)

// The statuses of outcomes that rules ask for.
const (
	statusUnspecified  = 0
	statusSuccess      = 1
	statusDeleteFailed = 3
)

// checkReply holds the reply of an apply against the plan: a result, with one outcome per planned action, in their
// order, each with a status and an error text that agree. Up to revision 0.51 a result has no outcomes.
func checkReply(reply protoreflect.Message, planned []adapter.PlannedAction) *refusal {
	result := reply.Descriptor().Fields().ByName("result")
	if !reply.Has(result) {
		return refuse("DEC-001", "the reply has none").within("result")
	}
	actions := result.Message().Fields().ByName("actions")
	if actions == nil {
		return nil
	}
	list := reply.Get(result).Message().Get(actions).List()
	for i := range list.Len() {
		if refusal := checkOutcome(outcomeOf(list.Get(i).Message()), planned); refusal != nil {
			return refusal.item("actions", i).within("result")
		}
	}
	return account(list, len(planned)).within("result")
}

// outcome is what an ActionResult says.
type outcome struct {
	action uint64
	status protoreflect.EnumNumber
	error  string
}

func outcomeOf(message protoreflect.Message) outcome {
	fields := message.Descriptor().Fields()
	return outcome{
		action: message.Get(fields.ByName("action_index")).Uint(),
		status: message.Get(fields.ByName("status")).Enum(),
		error:  message.Get(fields.ByName("error")).String(),
	}
}

// checkOutcome checks an outcome by itself and against its action, if the plan has that.
func checkOutcome(outcome outcome, planned []adapter.PlannedAction) *refusal {
	switch {
	case outcome.status == statusUnspecified:
		return refuse("DEC-002", "0, which is none").within("status")
	case outcome.status == statusSuccess && outcome.error != "":
		return refuse("DEC-010", "a text of %d bytes beside success", len(outcome.error)).within("error")
	case outcome.status != statusSuccess && outcome.error == "":
		return refuse("DEC-011", "no text beside status %d", outcome.status).within("error")
	case outcome.status != statusDeleteFailed || outcome.action >= uint64(len(planned)):
		return nil
	}
	if action := planned[outcome.action].Action; action != "delete" {
		return refuse("DEC-012", "a failed delete, but action %d is %.20q", outcome.action, action).within("status")
	}
	return nil
}

// account checks that there is one outcome per action, in the order of the plan.
func account(list protoreflect.List, due int) *refusal {
	switch found := list.Len(); {
	case found == 0 && due > 0:
		return refuse("DEC-006", "none for %d planned actions", due).within("actions")
	case found < due:
		return refuse("DEC-004", "%d for %d planned actions", found, due).within("actions")
	case found > due:
		return refuse("DEC-005", "%d for %d planned actions", found, due).within("actions")
	}
	seen, last := make([]bool, due), uint64(0)
	for i := range due {
		action := outcomeOf(list.Get(i).Message()).action
		if refusal := place(action, last, seen); refusal != nil {
			return refusal.within("action_index").item("actions", i)
		}
		seen[action], last = true, action
	}
	return nil
}

// place checks the place of an outcome: seen are the actions that have one, and last is the action of the one before.
func place(action, last uint64, seen []bool) *refusal {
	switch {
	case action >= uint64(len(seen)):
		return refuse("DEC-008", "%d, in a plan of %d actions", action, len(seen))
	case seen[action]:
		return refuse("DEC-007", "action %d has its outcome already", action)
	case action < last:
		return refuse("DEC-009", "action %d comes after action %d", action, last)
	}
	return nil
}
