package main

import (
	"github.com/GoCodeAlone/workflow/interfaces"

	"counterfoil/adapter"
)

// resultOf is what the engine reports, as the contract had it.
func resultOf(result *interfaces.ApplyResult) (*adapter.Result, error) {
	if result == nil {
		return nil, nil
	}
	reported := &adapter.Result{
		PlanID:        result.PlanID,
		InitialInputs: result.InitialInputSnapshot,
		ReplaceIDs:    result.ReplaceIDMap,
	}
	for _, output := range result.Resources {
		outputs, err := encodeMap(output.Outputs)
		if err != nil {
			return nil, err
		}
		reported.Resources = append(reported.Resources, adapter.Output{
			Name:        output.Name,
			Type:        output.Type,
			ProviderID:  output.ProviderID,
			OutputsJSON: outputs,
			Sensitive:   output.Sensitive,
			Status:      output.Status,
		})
	}
	for _, failed := range result.Errors {
		reported.Errors = append(reported.Errors, adapter.ActionError(failed))
	}
	for _, drift := range result.InputDriftReport {
		reported.Drift = append(reported.Drift, adapter.Drift(drift))
	}
	for _, outcome := range result.Actions {
		reported.Outcomes = append(reported.Outcomes, outcomeOf(outcome))
	}
	return reported, nil
}

// outcomeOf is how an action ended. The engine's statuses have the numbers that the contract gave them.
func outcomeOf(outcome interfaces.ActionOutcome) adapter.Outcome {
	return adapter.Outcome{
		Action: int(outcome.ActionIndex), Status: adapter.Status(outcome.Status), Error: outcome.Error,
	}
}
