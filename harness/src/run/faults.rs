//! The faults of a scenario, as they stand in front of a provider.

use bytes::Bytes;
use counterfoil_core::{
    outcome::ActionError,
    rpc::{Code, Method},
    scenario::{CallPoint, FaultKind, FinalizeAnswer, Scenario, TransportKind},
};
use counterfoil_mock::fault::{
    Alter, Cut, Delay, Disconnect, DispatchError, Effect, Fault, Hang, Point, Reply, Reset,
};
use counterfoil_proto::iac;
use prost::Message as _;

/// How faults get at what is not the call itself.
#[derive(Debug)]
pub(crate) struct Levers {
    /// Loses the connection.
    pub cut: Cut,
    /// Kills the provider's process; none where it has none of its own.
    pub kill: Option<Cut>,
}

/// The faults that stand in front of the provider, each with its position in the scenario. An action, by its position in
/// the plan, has the name by which a fault in it finds its call.
pub(crate) fn faults<'s>(
    scenario: &'s Scenario,
    levers: &Levers,
    name: impl Fn(usize) -> &'s str,
) -> impl Iterator<Item = (u32, Fault)> {
    (0..).zip(&scenario.faults).filter_map(move |(at, fault)| {
        let (point, effect) = effect(&fault.kind, levers)?;
        let resource = fault.action.map_or_else(String::new, |action| name(action).to_owned());
        let point = Point { resource, method: Some(point.method.path()), nth: point.nth };
        Some((at, Fault { point, effect }))
    })
}

/// The call that a fault strikes, and what it does to it; none for a fault that strikes no call on its way.
fn effect(kind: &FaultKind, levers: &Levers) -> Option<(CallPoint, Effect)> {
    let status = |code: Code, message: &str, reaches_provider| {
        let (code, message) = (tonic::Code::from_i32(code as i32), message.to_owned());
        Effect::DispatchError(DispatchError { code, message, reaches_provider })
    };
    Some(match kind {
        FaultKind::DispatchError { point, code, message, reaches_provider } => {
            (*point, status(*code, message, *reaches_provider))
        }
        FaultKind::FinalizeError { answer } => {
            let effect = match answer {
                FinalizeAnswer::Errors(errors) => Effect::Reply(Reply(finalize_reply(errors))),
                FinalizeAnswer::Status { code, message } => status(*code, message, false),
            };
            (CallPoint { method: Method::Finalize, nth: 1 }, effect)
        }
        FaultKind::Transport { point, kind, reaches_provider } => {
            let reaches_provider = *reaches_provider;
            let effect = match *kind {
                TransportKind::Delay(by) => Effect::Delay(Delay(by)),
                TransportKind::Hang => Effect::Hang(Hang { reaches_provider }),
                TransportKind::Reset => Effect::Reset(Reset { reaches_provider }),
                TransportKind::Disconnect => {
                    Effect::Disconnect(Disconnect { reaches_provider, cut: Some(levers.cut.clone()) })
                }
                // With the process goes the connection. Where there is none, `applicable` leaves the scenario out.
                TransportKind::Kill => {
                    Effect::Disconnect(Disconnect { reaches_provider, cut: Some(levers.kill.clone()?) })
                }
            };
            (*point, effect)
        }
        FaultKind::Wire { point, edit } => {
            let (message, edit) = (point.method.response(), edit.clone());
            (*point, Effect::Alter(Alter::new(move |reply| edit.apply(message, &reply))))
        }
        FaultKind::JitError
        | FaultKind::DriverResolveError { .. }
        | FaultKind::HookError { .. }
        | FaultKind::Cancel { .. } => return None,
    })
}

fn finalize_reply(errors: &[ActionError]) -> Bytes {
    let errors = errors.iter().map(|error| iac::ActionError {
        resource: error.resource.clone(),
        action: error.action.clone(),
        error: error.error.clone(),
    });
    iac::FinalizeApplyResponse { errors: errors.collect() }.encode_to_vec().into()
}
