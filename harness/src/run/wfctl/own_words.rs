//! What the engine is told of a call whose stream or connection broke: no message says it, so its client says it in words of
//! its own.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_core::{
    rpc::{Code, RpcError},
    scenario::{FaultKind, Scenario, TransportKind},
    trace::{Event, Reply},
};

use super::printed::{EndError, Line, Printed};

/// The words of a run.
#[derive(Debug)]
pub(super) struct OwnWords {
    /// The faults that break a stream or a connection, by their positions.
    breaking: BTreeSet<u32>,
    /// What is said of the failure of each resource, by its name.
    of_resources: BTreeMap<String, RpcError>,
    /// What is said of the end of the apply.
    of_all: Option<RpcError>,
}

/// Whether a fault breaks a stream or a connection.
pub(super) fn breaks(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::Transport { kind: TransportKind::Reset | TransportKind::Disconnect, .. })
}

/// The words that were printed in a run of a scenario.
pub(super) fn of(scenario: &Scenario, printed: &Printed, error: Option<&EndError>) -> OwnWords {
    let breaking = (0..).zip(&scenario.faults).filter(|(_, fault)| breaks(&fault.kind));
    let name = |action: u32| scenario.plan.actions[action as usize].spec.name.clone();
    let of_lines = printed.lines.iter().filter_map(|line| match line {
        Line::Failed(action, text) => Some((name(*action), status_in(text)?)),
        _ => None,
    });
    let (listed, of_all) = match error {
        Some(EndError::Actions(errors)) => (errors.as_slice(), None),
        Some(EndError::Other(error)) => (&[][..], status_in(error)),
        None => (&[][..], None),
    };
    let of_list = listed.iter().filter_map(|e| Some((e.resource.clone(), status_in(&e.error)?)));
    OwnWords {
        breaking: breaking.map(|(position, _)| position).collect(),
        of_resources: of_list.chain(of_lines).collect(),
        of_all,
    }
}

/// The status in a text, as Go prints it (E-163).
fn status_in(text: &str) -> Option<RpcError> {
    let (_, status) = text.split_once("rpc error: code = ")?;
    let (code, message) = status.split_once(" desc = ")?;
    let code = Code::ALL.into_iter().find(|known| known.go_name() == code)?;
    Some(RpcError { code, message: message.to_owned() })
}

impl OwnWords {
    /// The events of calls with these words in place of those that the proxy has for what it broke.
    pub(super) fn put_in(&self, calls: &[Event]) -> Vec<Event> {
        let broken = calls.iter().filter_map(|event| match event {
            Event::FaultInjected { call, fault } if self.breaking.contains(fault) => Some(*call),
            _ => None,
        });
        let broken: BTreeSet<u32> = broken.collect();
        let names = calls.iter().filter_map(|event| match event {
            Event::CallIssued { call, resource, .. } => Some((*call, resource.as_str())),
            _ => None,
        });
        let names: BTreeMap<u32, &str> = names.collect();
        let mut calls = calls.to_vec();
        for event in &mut calls {
            if let Event::ReplyReceived { call, reply: Reply::Error(error) } = event
                && broken.contains(call)
            {
                let of_one = names.get(call).and_then(|name| self.of_resources.get(*name));
                if let Some(words) = of_one.or(self.of_all.as_ref()) {
                    error.clone_from(words);
                }
            }
        }
        calls
    }
}
