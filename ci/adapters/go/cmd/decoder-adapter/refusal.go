package main

import "fmt"

// refusal is why bytes are refused.
type refusal struct {
	// rule is the id of the rule that they break.
	rule string
	// path is the field, such as result.actions[0].status; empty for the message itself.
	path string
	// reason is what was found, and what is due.
	reason string
}

func refuse(rule, format string, args ...any) *refusal {
	return &refusal{rule: rule, reason: fmt.Sprintf(format, args...)}
}

// within puts a step in front of the path. There is nothing to do for what is no refusal.
func (r *refusal) within(step string) *refusal {
	switch {
	case r == nil:
	case r.path == "":
		r.path = step
	default:
		r.path = step + "." + r.path
	}
	return r
}

// item is a step to an element of a list.
func (r *refusal) item(list string, index int) *refusal {
	if r == nil {
		return nil
	}
	return r.within(fmt.Sprintf("%s[%d]", list, index))
}

// Error says which rule refuses what.
func (r *refusal) Error() string {
	path := r.path
	if path == "" {
		path = "the message"
	}
	return fmt.Sprintf("%s at %s: %s", r.rule, path, r.reason)
}
