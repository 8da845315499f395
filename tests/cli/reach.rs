//! What a run cannot reach is skipped with its kind and its reason; what hangs costs its deadline.

use crate::support::{PASSING, Place};

/// A scenario at the newest revision, with these lines at its end.
fn scenario(id: &str, revisions: &str, rest: &str) -> String {
    format!(
        "id: {id}\ntitle: One create\nrevisions: \"{revisions}\"\n\
         plan: {{ actions: [create: {{ name: net, type: infra.vpc, config: {{ region: nyc3 }} }}] }}\n{rest}"
    )
}

#[test]
fn what_takes_a_process_is_not_applicable_to_the_embedded_provider() {
    let place = Place::new();
    let fault = "faults: [{ inject: transport, kind: kill, action: net }]\n";
    place.write("killed.yaml", scenario("killed", "head", fault));
    place.write("needy.yaml", scenario("needy", "head", "needs: [process]\n"));
    // All are skipped, so nothing was judged.
    let reason = "2 not applicable: the embedded provider is no process of its own";
    place.run(["run", "killed.yaml", "needy.yaml"]).exits(4).says(reason);
}

#[test]
fn what_takes_a_cloud_could_have_been_run() {
    let place = Place::with([("passing.yaml", PASSING)]);
    place.write("cloudy.yaml", scenario("cloudy", "head", "needs: [cloud]\n"));
    place
        .run(["run", "passing.yaml", "cloudy.yaml"])
        .exits(0)
        .says("1 not run: it needs a real cloud, and leave to change it");
}

#[test]
fn a_hook_or_a_finalizer_that_was_not_there_yet_is_not_applicable() {
    let place = Place::new();
    let fault = "faults: [{ inject: hook-error, hook: before-action, action: net }]\n";
    place.write("gate.yaml", scenario("gate", ">=0.60, <0.68", fault));
    place.write("complete.yaml", scenario("complete", ">=0.73", "engine: { hooks: [action-complete] }\n"));
    place.write("final.yaml", scenario("final", "<0.56", "faults: [{ inject: finalize-error }]\n"));
    let done = place.run(["run", "gate.yaml", "complete.yaml", "final.yaml"]);
    done.exits(0)
        .says("1 not applicable: before 0.64 there is no before-action hook")
        .says("1 not applicable: before 0.80 there is no action-complete hook")
        .says("2 not applicable: before 0.55 there is no finalizer");
}

#[test]
fn a_hang_ends_with_its_deadline_and_is_judged() {
    let place = Place::new();
    let hang =
        |call: &str| format!("deadline: 1s\nfaults: [{{ inject: transport, kind: hang, {call} }}]\nexpect: ");
    let driver = hang("action: net") + "{ apply_error: none, outcomes: { net: error } }\n";
    place.write("driver.yaml", scenario("driver", "0.54", &driver));
    let load = hang("call: initialize") + "{ outcomes: none, apply_error: { contains: context deadline } }\n";
    place.write("load.yaml", scenario("load", "head", &load));
    let last =
        hang("call: finalize") + "{ outcomes: { net: success }, apply_error: { contains: FinalizeApply } }\n";
    place.write("last.yaml", scenario("last", "head", &last));
    place.run(["run", "--jobs", "1", "."]).exits(0).quietly().says("3 runs: 3 passed");
}
