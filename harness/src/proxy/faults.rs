//! The faults of a scenario in front of a plugin that is passed on.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use counterfoil_core::{
    rpc::Method,
    scenario::{Diagnostic, FaultKind, Scenario},
    trace::{Event, Payload, Reply},
};
use counterfoil_mock::{
    UnaryCall,
    fault::{Cut, Effect, Fault, FaultLayer, Observer},
};
use tokio::sync::Notify;
use tonic::Status;

use super::record::Record;
use crate::{
    provider::rpc_error,
    run::{Levers, faults},
};

/// Says why the faults of a scenario cannot stand in front of a plugin; nothing where they can.
///
/// A host has a plan, hooks and a context of its own, so only faults that strike calls can. On the wire, a call is known by
/// its method and the name of its resource.
pub fn check_faults(scenario: &Scenario) -> Vec<Diagnostic> {
    let source = &scenario.source;
    if scenario.faults.is_empty() {
        let mistake = source.diagnostic(
            "no-faults",
            source.id,
            "this scenario has no faults, so nothing would go wrong",
        );
        return vec![mistake.help("`faults:` names what goes wrong, and at which call")];
    }
    let named = |action: usize| &scenario.plan.actions[action].spec.name;
    let mistakes = scenario.faults.iter().zip(&source.faults).filter_map(|(fault, span)| {
        let refused = |message: String, help: &str| Some(source.diagnostic("not-in-a-proxy", *span, message).help(help));
        if let Some(place) = elsewhere(&fault.kind) {
            return refused(
                format!("a proxy cannot bring about this fault: it stands in {place}"),
                "dispatch-error, finalize-error, transport and wire strike calls, and can stand in front of a plugin",
            );
        }
        let action = fault.action?;
        let twins = (0..scenario.plan.actions.len()).filter(|other| named(*other) == named(action)).count();
        (twins > 1).then(|| refused(
            format!("{twins} actions are about {:?}, and calls do not say for which of them they are", named(action)),
            "give the resources names of their own",
        ))?
    });
    mistakes.collect()
}

/// Where a fault stands that strikes no call.
fn elsewhere(kind: &FaultKind) -> Option<&'static str> {
    match kind {
        FaultKind::JitError => Some("the plan"),
        FaultKind::DriverResolveError { .. } => Some("the engine's resolver"),
        FaultKind::HookError { .. } => Some("the hooks of the host"),
        FaultKind::Cancel { .. } => Some("the context of the apply"),
        FaultKind::DispatchError { .. }
        | FaultKind::FinalizeError { .. }
        | FaultKind::Transport { .. }
        | FaultKind::Wire { .. } => None,
    }
}

/// Faults in front of a plugin.
#[derive(Debug)]
pub(super) struct Faults {
    /// To be put in front of the delivery of a call.
    pub layer: FaultLayer,
    methods: BTreeSet<&'static str>,
    witness: Arc<Witness>,
    cut: Arc<Notify>,
}

impl Faults {
    /// Those of a scenario whose faults can stand there. `kill` ends the plugin.
    pub(super) fn new(
        scenario: &Scenario,
        kill: impl Fn() + Send + Sync + 'static,
        record: Option<Arc<Record>>,
    ) -> Self {
        let cut = Arc::<Notify>::default();
        let breaker = Arc::clone(&cut);
        let levers = Levers { cut: Cut::new(move || breaker.notify_waiters()), kill: Some(Cut::new(kill)) };
        let named = |action: usize| scenario.plan.actions[action].spec.name.as_str();
        let (positions, all): (Vec<u32>, Vec<Fault>) = faults(scenario, &levers, named).unzip();
        let methods = all.iter().filter_map(|fault| fault.point.method).collect();
        let effects = all.iter().map(|fault| Struck::by(&fault.effect)).collect();
        let witness = Arc::new(Witness { record, positions, effects, struck: Mutex::default() });
        let layer = FaultLayer::new(all.into(), Arc::clone(&witness) as Arc<dyn Observer>);
        Self { layer, methods, witness, cut }
    }

    /// Whether a fault could strike calls of a method.
    pub(super) fn could_strike(&self, method: Method) -> bool {
        self.methods.contains(method.path())
    }

    /// Waits until a fault loses the connection.
    pub(super) async fn cut(&self) {
        self.cut.notified().await;
    }

    /// What has struck a call that is over.
    pub(super) fn struck(&self, call: u32) -> Option<Struck> {
        self.witness.struck.lock().unwrap_or_else(PoisonError::into_inner).remove(&call)
    }
}

/// What a fault has done to a call, as far as the answer of the fault layer does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Struck {
    /// The answer is another one, or late.
    Answer,
    /// The stream is reset.
    Stream,
    /// The connection is lost.
    Connection,
}

impl Struck {
    fn by(effect: &Effect) -> Self {
        match effect {
            Effect::Reset(_) => Self::Stream,
            Effect::Disconnect(_) => Self::Connection,
            Effect::DispatchError(_)
            | Effect::Delay(_)
            | Effect::Hang(_)
            | Effect::Reply(_)
            | Effect::Alter(_) => Self::Answer,
        }
    }
}

/// Is told what the fault layer does, and writes it down where there is a record.
#[derive(Debug)]
struct Witness {
    record: Option<Arc<Record>>,
    /// The position in the scenario of each fault, and what it does.
    positions: Vec<u32>,
    effects: Vec<Struck>,
    /// The calls that are under way and were struck, with the worst of that.
    struck: Mutex<HashMap<u32, Struck>>,
}

impl Witness {
    fn push(&self, event: Event) {
        if let Some(record) = &self.record {
            record.push(event);
        }
    }
}

impl Observer for Witness {
    fn delivered(&self, call: &UnaryCall) {
        self.push(Event::CallDelivered { call: call.id });
    }

    fn answered(&self, id: u32, reply: &Result<Bytes, Status>) {
        let reply = match reply {
            Ok(bytes) => Reply::Ok(Payload(bytes.clone())),
            // It sent nothing then.
            Err(status) if std::error::Error::source(status).is_some() => return,
            Err(status) => Reply::Error(rpc_error(status)),
        };
        self.push(Event::ReplySent { call: id, reply });
    }

    fn injected(&self, id: u32, fault: usize) {
        let mut struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        let worst = struck.entry(id).or_insert(Struck::Answer);
        *worst = (*worst).max(self.effects[fault]);
        drop(struck);
        self.push(Event::FaultInjected { call: id, fault: self.positions[fault] });
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::scenario::parse;

    use super::*;

    fn codes(faults: &str) -> Vec<String> {
        let text = format!(
            "id: a\ntitle: A\nplan:\n  actions:\n    - create: {{ name: net, type: infra.vpc }}\n    \
             - create: {{ as: one, name: db, type: infra.database }}\n    \
             - create: {{ as: two, name: db, type: infra.cache }}\n{faults}"
        );
        let scenario = parse("a.yaml", text.as_bytes()).unwrap();
        check_faults(&scenario).into_iter().map(|mistake| mistake.message).collect()
    }

    #[test]
    fn only_faults_of_calls_that_can_be_told_apart_stand_in_front_of_a_plugin() {
        assert_eq!(codes("faults: [{ inject: dispatch-error, action: net, code: unavailable }]\n"), [""; 0]);
        assert!(codes("")[0].contains("no faults"));
        assert!(codes("faults: [{ inject: jit-error, action: net }]\n")[0].contains("stands in the plan"));
        let ambiguous = codes("faults: [{ inject: dispatch-error, action: two, code: unavailable }]\n");
        assert!(ambiguous[0].contains("2 actions are about \"db\""), "{ambiguous:?}");
    }
}
