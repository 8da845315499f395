//! The other path, until 0.56: a provider that does not declare `v2` gets the whole plan through `Apply`.

use std::sync::Arc;

use counterfoil_proto::iac;
use prost::Message as _;

use super::{
    Applied, Job, Semantics,
    wire::{Link, plan_message},
};
use crate::{
    decode::ApplyContext,
    rpc::{Method, Transport},
    trace::{Event, Recorder},
};

/// Hands the plan to the provider and takes its result for the engine's own: the error of the call, or the whole
/// result, or, where the decoder refuses it, neither outcomes nor state (D-010).
pub async fn apply_by_provider<T: Transport + Send + Sync>(
    job: Job<'_>,
    link: &Link<T>,
    semantics: &Semantics,
    log: &Recorder,
) -> Applied {
    log.push(Event::ApplyStarted);
    let request = iac::ApplyRequest { plan: Some(plan_message(job.plan)) };
    let answer = match link.call(Method::Apply, None, "", request.encode_to_vec().into()).await {
        Err(error) => Err(error.to_string()),
        Ok((call, reply)) => {
            let context = ApplyContext { revision: link.revision(), planned: &job.plan.actions };
            let reading = link.decoder().apply_response(&reply, &context);
            link.accept(call, reading).map_err(|refused| refused.to_string())
        }
    };
    let (result, error) = (semantics.adopt)(answer);
    let applied = Applied { result: Arc::new(result), error };
    log.push(Event::ApplyEnded { result: Arc::clone(&applied.result), error: applied.error.clone() });
    applied
}
