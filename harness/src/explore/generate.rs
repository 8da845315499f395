//! Plans and faults, made up: every kind of action and of fault, several at once, with names and values that nobody
//! would think of.
//!
//! A case is made from its seed and its number alone, and from the corner that it aims at, so that it can be made again.

use std::{collections::BTreeMap, time::Duration};

use counterfoil_core::{
    engine::inputs::fingerprint,
    json::JsonMap,
    outcome::{ActionError, Status},
    plan::{Action, ActionKind, Change, Current, Hints, Plan, Spec},
    rpc::{Code, Method},
    scenario::{
        CallPoint, CancelPoint, Dispatch, EngineSetup, Fault, FaultKind, FinalizeAnswer, Hook, Hooks,
        ProviderSetup, ResolvePoint, Scenario, Seed, Services, Span, TransportKind,
    },
    trial::Trial,
};
use counterfoil_proto::{
    Revision, RevisionRange,
    edit::{self, Edit},
    iac,
};
use prost::Message as _;
use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use super::{
    Emphasis, Exploration,
    space::{Corner, Kind, Position, Trouble},
};

/// What a provider can be asked for.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The resource types that it declares; never empty.
    pub types: Vec<String>,
    /// Whether its process can be killed.
    pub killable: bool,
    /// Whether its cloud can be made to hold what a plan starts from.
    pub seeded: bool,
    /// What the names of resources begin with, so that they are told apart in a cloud that others use too.
    pub prefix: String,
}

impl Offer {
    /// That of a plugin which declares these types.
    pub fn of_plugin(types: Vec<String>, prefix: String) -> Self {
        let types = if types.is_empty() { Self::default().types } else { types };
        Self { types, killable: true, seeded: false, prefix }
    }
}

impl Default for Offer {
    /// What our own mock offers.
    fn default() -> Self {
        let types = ["infra.vpc", "infra.database", "infra.cache", "infra.dns"];
        let types = types.map(str::to_owned).to_vec();
        Self { types, killable: false, seeded: true, prefix: String::new() }
    }
}

/// The variable that references of the form `${NAME}` can read.
const VARIABLE: (&str, &str) = ("REGION", "nyc3");

/// Names that plans usually have. They are few, so that actions share them and references meet them.
const NAMES: [&str; 6] = ["net", "db", "cache", "web", "old", "a.b"];

/// Names that nobody would think of.
const AWKWARD: [&str; 9] =
    ["", " ", "a.b.c", "${net.id}", "größe-✓", "true", "net\n", "-", "0123456789012345678901234567890"];

/// How long a reply may take where one never comes. Long enough that nothing else ends by it.
const DEADLINE: Duration = Duration::from_millis(250);

/// How long a name is that is very long, in characters.
const VERY_LONG: usize = 5_000;

/// The case of a number: a scenario that may hold faults which can never strike.
pub(super) fn case(exploration: &Exploration, number: u64, aim: Option<Corner>) -> Scenario {
    let mut rng = ChaCha8Rng::seed_from_u64(exploration.seed);
    rng.set_stream(number);
    let Exploration { offer, emphasis, .. } = exploration;
    let mut draft = Draft { rng, offer, emphasis: *emphasis, aim, ids: 0, known: BTreeMap::new() };
    draft.scenario()
}

/// A scenario in the making.
struct Draft<'a> {
    rng: ChaCha8Rng,
    offer: &'a Offer,
    emphasis: Emphasis,
    aim: Option<Corner>,
    /// How many ids were given away.
    ids: u32,
    /// What exists, by name and type: two actions about one resource know the same of it.
    known: BTreeMap<(String, String), Current>,
}

impl Draft<'_> {
    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_ratio(percent, 100)
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        *choices.choose(&mut self.rng).expect("there is a choice")
    }

    fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end.max(1))
    }

    fn scenario(&mut self) -> Scenario {
        let handed_over = match self.emphasis {
            Emphasis::Plans => 12,
            Emphasis::Replies => 70,
            Emphasis::RepliesAlone => 100,
        };
        let by_apply = self.aim.is_none() && self.chance(handed_over);
        let revision = self.revision(by_apply);
        let (actions, addresses) = self.actions();
        let aimed = self.aimed_at(&actions);
        let mut engine = EngineSetup::default();
        if !by_apply {
            engine.upsert = self.chance(8);
            engine.replacer = self.chance(8);
            if self.aim.is_none() && self.chance(25) {
                engine.hooks = Hooks::Only(
                    revision.engine().hooks.iter().copied().filter(|_| self.chance(60)).collect(),
                );
            }
        }
        if let Some(Corner { kind: Kind::Replace, trouble: Trouble::NoDriver, .. }) = self.aim {
            // Under that hook a replace is resolved before the first action (E-011).
            let others =
                revision.engine().hooks.iter().copied().filter(|hook| *hook != Hook::ResourceDeleted);
            engine.hooks = Hooks::Only(others.collect());
        }
        let inputs = self.inputs();
        let mut scenario = Scenario {
            state: self.others(&actions),
            plan: Plan { id: "found".to_owned(), inputs, actions },
            addresses,
            environment: BTreeMap::from([(VARIABLE.0.to_owned(), VARIABLE.1.to_owned())]),
            provider: self.provider(by_apply),
            engine,
            ..Scenario::bare("found", "Found by exploration", RevisionRange::from(revision))
        };
        if by_apply {
            let scripted = self.emphasis == Emphasis::RepliesAlone || self.chance(70);
            scenario.dispatch = Dispatch::V1 { reply: scripted.then(|| self.reply(&scenario.plan).into()) };
        }
        if scenario.dispatch == Dispatch::V2 && !scenario.plan.actions.is_empty() {
            scenario.trials.insert(Trial::LookBack);
        }
        if self.emphasis != Emphasis::RepliesAlone {
            scenario.faults = self.faults(&mut scenario, aimed, by_apply);
        }
        scenario.deadline = scenario.faults.iter().any(hangs).then_some(DEADLINE);
        scenario
    }

    fn revision(&mut self, by_apply: bool) -> Revision {
        let all: Vec<Revision> = Revision::ALL
            .iter()
            .copied()
            .filter(|revision| !by_apply || revision.engine().apply_rpc)
            .collect();
        let newest = all[all.len() - 1];
        if self.chance(30) { newest } else { self.pick(&all) }
    }

    /// The actions of a plan, each with its address.
    fn actions(&mut self) -> (Vec<Action>, Vec<String>) {
        let usual = 1 + self.below(5);
        let count = match self.aim.map(|aim| aim.position) {
            Some(Position::Only) => 1,
            Some(Position::First | Position::Last) => usual.max(2),
            Some(Position::Middle) => usual.max(3),
            None if self.chance(2) => 0,
            None if self.chance(4) => 12 + self.below(12),
            None => usual,
        };
        let place = self.place(count);
        let mut actions = Vec::with_capacity(count);
        let mut addresses: Vec<String> = Vec::with_capacity(count);
        for at in 0..count {
            let kind = match self.aim {
                Some(aim) if Some(at) == place => aim.kind,
                _ => self.pick(&[
                    Kind::Create,
                    Kind::Create,
                    Kind::Create,
                    Kind::Create,
                    Kind::Update,
                    Kind::Update,
                    Kind::Replace,
                    Kind::Replace,
                    Kind::Delete,
                    Kind::Delete,
                    Kind::Unknown,
                ]),
            };
            let action = self.action(kind, &actions);
            let name = &action.spec.name;
            let is_free = !name.is_empty() && addresses.iter().all(|taken| taken != name);
            addresses.push(if is_free { name.clone() } else { format!("action-{at}") });
            actions.push(action);
        }
        (actions, addresses)
    }

    /// Where the action stands that is aimed at.
    fn place(&mut self, actions: usize) -> Option<usize> {
        Some(match self.aim?.position {
            Position::Only | Position::First => 0,
            Position::Middle => 1 + self.below(actions.saturating_sub(2)),
            Position::Last => actions.saturating_sub(1),
        })
    }

    /// The action that is aimed at, among those that were made.
    fn aimed_at(&mut self, actions: &[Action]) -> Option<usize> {
        let aim = self.aim?;
        let fits = |at: &usize| {
            Kind::of(&actions[*at].kind) == aim.kind && Position::of(*at, actions.len()) == aim.position
        };
        (0..actions.len()).find(fits)
    }

    fn action(&mut self, kind: Kind, before: &[Action]) -> Action {
        let name = self.name();
        let resource_type = self.resource_type();
        let kind = match kind {
            Kind::Create => ActionKind::Create,
            Kind::Update => ActionKind::Update,
            Kind::Replace => ActionKind::Replace,
            Kind::Delete => ActionKind::Delete,
            Kind::Unknown => ActionKind::Unknown(self.pick(&["upgrade", "Create", ""]).to_owned()),
        };
        let exists = match kind {
            ActionKind::Create | ActionKind::Unknown(_) => self.chance(5),
            _ => self.chance(90),
        };
        let current =
            (exists && self.offer.seeded && !name.is_empty()).then(|| self.current(&name, &resource_type));
        let mut spec = Spec { name, resource_type, ..Spec::default() };
        if kind != ActionKind::Delete {
            spec.config = self.config(before);
            if self.chance(5) {
                "s".clone_into(&mut spec.size);
            }
            if self.chance(3) {
                spec.hints = Some(Hints { cpu: "500m".to_owned(), ..Hints::default() });
            }
        }
        if let (true, Some(other)) = (self.chance(10), before.last()) {
            spec.depends_on.push(other.spec.name.clone());
        }
        let mut changes = Vec::new();
        if self.chance(5) {
            changes.push(Change { path: "size".to_owned(), new: Some(json!("m")), ..Change::default() });
        }
        Action { kind, spec, current, changes }
    }

    fn name(&mut self) -> String {
        let name = match self.below(40) {
            0 => "n".repeat(VERY_LONG),
            1..=3 => self.pick(&AWKWARD).to_owned(),
            _ => self.pick(&NAMES).to_owned(),
        };
        format!("{}{name}", self.offer.prefix)
    }

    fn resource_type(&mut self) -> String {
        // The last is kept for what finds no driver, which goes for every action of its type.
        let usual = self.offer.types.len().saturating_sub(1).max(1);
        let at = self.below(usual);
        self.offer.types[at].clone()
    }

    /// A resource as the state knows it.
    fn current(&mut self, name: &str, resource_type: &str) -> Current {
        let key = (name.to_owned(), resource_type.to_owned());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        self.ids += 1;
        // What stands in an output is a text, also where it looks like a reference.
        let text = self.pick(&["old", "old", "${REGION}", "${nowhere.id}"]);
        let outputs = if self.chance(70) { json!({ "port": self.ids, "text": text }) } else { json!({}) };
        let current = Current {
            name: name.to_owned(),
            provider_id: if self.chance(92) { format!("id-{}", self.ids) } else { String::new() },
            outputs: map(outputs),
            applied_config: if self.chance(40) { map(json!({ "size": "s" })) } else { JsonMap::nil() },
        };
        self.known.insert(key, current.clone());
        current
    }

    /// Resources that exist and that no action knows of, some of them under the name of one that is to be created.
    fn others(&mut self, actions: &[Action]) -> Vec<Seed> {
        let mut seeds: Vec<Seed> = Vec::new();
        for Action { kind, spec, current, .. } in actions {
            let is_new = *kind == ActionKind::Create && current.is_none() && !spec.name.is_empty();
            let key = (spec.name.clone(), spec.resource_type.clone());
            let is_taken = self.known.contains_key(&key)
                || seeds.iter().any(|seed| (&seed.name, &seed.resource_type) == (&key.0, &key.1));
            if is_new && !is_taken && self.offer.seeded && self.chance(8) {
                self.ids += 1;
                seeds.push(Seed {
                    name: key.0,
                    resource_type: key.1,
                    provider_id: format!("id-{}", self.ids),
                    config: JsonMap::nil(),
                    outputs: JsonMap::nil(),
                });
            }
        }
        seeds
    }

    fn config(&mut self, before: &[Action]) -> JsonMap {
        let fields = if self.chance(2) { 200 } else { self.below(4) };
        let keys = ["size", "network", "label", "count", "a.b", "${x}", "größe", ""];
        let mut config = Map::new();
        for at in 0..fields {
            let key = if fields > 10 { format!("field_{at}") } else { self.pick(&keys).to_owned() };
            config.insert(key, self.value(before, 0));
        }
        if fields == 0 && self.chance(50) { JsonMap::nil() } else { JsonMap::from(config) }
    }

    fn value(&mut self, before: &[Action], depth: usize) -> Value {
        match self.below(16) {
            0..=3 => Value::String(self.reference(before)),
            4..=7 => json!(self.pick(&[
                "s",
                "m",
                "plain",
                "$",
                "${",
                "${}",
                "${.id}",
                "$${REGION}",
                "a ${REGION} b"
            ])),
            8 => json!(self.rng.random_range(-5..100)),
            9 => json!(9_007_199_254_740_993_i64),
            10 => json!(1.5e300),
            11 => json!(self.chance(50)),
            12 => Value::Null,
            13 if depth == 0 && self.chance(20) => (0..60).fold(json!("deep"), |inner, _| json!([inner])),
            14 if self.chance(20) => json!("x".repeat(VERY_LONG)),
            _ if depth < 3 => {
                let items = self.below(3);
                let values: Vec<Value> = (0..items).map(|_| self.value(before, depth + 1)).collect();
                if self.chance(50) { json!(values) } else { json!({ "inner": values }) }
            }
            _ => json!([]),
        }
    }

    /// A reference: most of the time to what an action before this one may have made.
    fn reference(&mut self, before: &[Action]) -> String {
        let field = self.pick(&["id", "id", "region", "port", "text", "a.b", "nothing"]);
        match before.choose(&mut self.rng) {
            Some(action) if self.chance(80) => format!("${{{}.{field}}}", action.spec.name),
            _ => self.pick(&["${REGION}", "${REGION}", "${UNSET}", "${nowhere.id}", "${net.id}"]).to_owned(),
        }
    }

    fn inputs(&mut self) -> BTreeMap<String, String> {
        if !self.chance(8) {
            return BTreeMap::new();
        }
        let known = if self.chance(50) { fingerprint(VARIABLE.1) } else { fingerprint("elsewhere") };
        BTreeMap::from([(VARIABLE.0.to_owned(), known)])
    }

    fn provider(&mut self, by_apply: bool) -> ProviderSetup {
        let aims = self.aim.is_some();
        let declared = if by_apply {
            "v1"
        } else if !aims && self.chance(3) {
            self.pick(&["v1", "V2", "", "v2.0"])
        } else {
            "v2"
        };
        ProviderSetup {
            compute_plan_version: declared.to_owned(),
            force_new: if self.chance(5) { vec!["size".to_owned()] } else { Vec::new() },
            services: Services {
                resource_driver: by_apply || aims || !self.chance(2),
                finalizer: !self.chance(15),
            },
        }
    }

    /// What a provider answers to `Apply`: an account of the plan, with a mistake here and there.
    fn reply(&mut self, plan: &Plan) -> Vec<u8> {
        let mut result = iac::ApplyResult { plan_id: plan.id.clone(), ..iac::ApplyResult::default() };
        for (at, action) in (0_u32..).zip(&plan.actions) {
            let failed = self.chance(35);
            let status = match (failed, &action.kind) {
                (false, _) => Status::Success,
                (true, ActionKind::Delete) => Status::DeleteFailed,
                (true, _) => Status::Error,
            };
            let error = if failed { "it failed" } else { "" };
            result.actions.push(iac::ActionResult {
                action_index: at,
                status: status.number(),
                error: error.to_owned(),
            });
            if failed {
                result.errors.push(iac::ActionError {
                    resource: action.spec.name.clone(),
                    action: action.kind.as_str().to_owned(),
                    error: error.to_owned(),
                });
            } else if action.kind != ActionKind::Delete {
                result.resources.push(iac::ResourceOutput {
                    name: action.spec.name.clone(),
                    r#type: action.spec.resource_type.clone(),
                    provider_id: format!("new-{at}"),
                    outputs_json: "{}".into(),
                    ..iac::ResourceOutput::default()
                });
            }
        }
        let mut response = iac::ApplyResponse { result: Some(result) };
        if self.chance(75) {
            self.mistake(&mut response);
        }
        let mut bytes = response.encode_to_vec();
        match self.below(12) {
            0 => bytes.truncate(self.below(bytes.len() + 1)),
            // Of all letters, one becomes a byte that no text has.
            1 => {
                let letters: Vec<usize> =
                    (0..bytes.len()).filter(|at| bytes[*at].is_ascii_lowercase()).collect();
                if let Some(at) = letters.choose(&mut self.rng) {
                    bytes[*at] = 0xff;
                }
            }
            _ => {}
        }
        bytes
    }

    /// Makes one mistake in an account.
    fn mistake(&mut self, response: &mut iac::ApplyResponse) {
        let which = self.below(12);
        let Some(result) = response.result.as_mut() else { return };
        let at = self.below(result.actions.len());
        let wrong_json = self.pick(&["{", "[]", "{} {}", "7"]);
        match (which, result.actions.get_mut(at), result.resources.first_mut()) {
            (0, ..) => response.result = None,
            (1, ..) => result.actions.clear(),
            (2, Some(entry), _) => entry.status = 0,
            (3, Some(entry), _) => entry.status = self.pick(&[4, 5, 6, 7, 99, -1]),
            (4, Some(entry), _) => entry.action_index = self.pick(&[0, 1, 7, u32::MAX]),
            (5, Some(entry), _) => self.pick(&["", "it failed"]).clone_into(&mut entry.error),
            (6, Some(entry), _) => entry.status = Status::DeleteFailed.number(),
            (7, Some(_), _) => drop(result.actions.remove(at)),
            (8, Some(entry), _) => {
                let again = entry.clone();
                result.actions.push(again);
            }
            (9, Some(_), _) => result.actions.reverse(),
            (_, _, Some(resource)) => resource.outputs_json = wrong_json.into(),
            _ => {}
        }
    }

    /// What goes wrong, of a plan whose action at `aimed` is aimed at.
    fn faults(&mut self, scenario: &mut Scenario, aimed: Option<usize>, by_apply: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let (Some(aim), Some(action)) = (self.aim, aimed) {
            faults.extend(self.trouble(aim.trouble, action, scenario));
        }
        let more = self.pick(&[0, 0, 1, 1, 1, 2, 2, 3, 4]);
        let more = if aimed.is_some() { more.min(1) } else { more };
        for _ in 0..more {
            if by_apply {
                faults.push(self.trouble_with_apply());
            } else if scenario.plan.actions.is_empty() || self.chance(8) {
                faults.push(self.trouble_with_all());
            } else {
                let action = self.below(scenario.plan.actions.len());
                let trouble = self.pick(&Trouble::ALL);
                // What hangs costs half a second, and is aimed at often enough.
                if trouble != Trouble::Hang {
                    faults.extend(self.trouble(trouble, action, scenario));
                }
            }
        }
        // A context ends once.
        let mut ended = false;
        faults.retain(|fault| {
            !matches!(fault.kind, FaultKind::Cancel { .. }) || !std::mem::replace(&mut ended, true)
        });
        faults
    }

    /// A fault that strikes one action.
    fn trouble(&mut self, trouble: Trouble, action: usize, scenario: &mut Scenario) -> Option<Fault> {
        let kind = Kind::of(&scenario.plan.actions[action].kind);
        let point = self.point(kind);
        let message = self.message();
        let kind = match trouble {
            Trouble::None => return None,
            Trouble::Unresolved => FaultKind::JitError,
            Trouble::NoDriver | Trouble::NoDriverAtPreflight => {
                let alone = self.offer.types[self.offer.types.len() - 1].clone();
                scenario.plan.actions[action].spec.resource_type = alone;
                let guarded = scenario.engine.hooks.has(Hook::ResourceDeleted);
                let at = if kind == Kind::Replace && guarded {
                    ResolvePoint::Preflight
                } else {
                    ResolvePoint::Dispatch
                };
                FaultKind::DriverResolveError { at }
            }
            Trouble::CallFails | Trouble::ReplyFails => FaultKind::DispatchError {
                point: point?,
                code: self.pick(&Code::ALL),
                message,
                reaches_provider: trouble == Trouble::ReplyFails,
            },
            Trouble::CallLost | Trouble::ReplyLost => {
                let mut kinds = vec![TransportKind::Reset, TransportKind::Disconnect];
                kinds.extend(self.offer.killable.then_some(TransportKind::Kill));
                let kind = self.pick(&kinds);
                FaultKind::Transport { point: point?, kind, reaches_provider: trouble == Trouble::ReplyLost }
            }
            Trouble::ReplyLate => {
                let kind = TransportKind::Delay(Duration::from_millis(1));
                FaultKind::Transport { point: point?, kind, reaches_provider: true }
            }
            Trouble::Hang => {
                let reaches_provider = self.chance(50);
                FaultKind::Transport { point: point?, kind: TransportKind::Hang, reaches_provider }
            }
            Trouble::ReplyAltered => {
                let point = point?;
                FaultKind::Wire { point, edit: self.edit(point.method) }
            }
            Trouble::HookFails(hook) => FaultKind::HookError { hook, message },
            Trouble::CancelledBefore => FaultKind::Cancel { at: CancelPoint::Before(action) },
            Trouble::CancelledAfter => FaultKind::Cancel { at: CancelPoint::After(action) },
            Trouble::CancelledDuring => FaultKind::Cancel { at: CancelPoint::During(action, point?) },
        };
        let struck = (!matches!(kind, FaultKind::Cancel { .. })).then_some(action);
        Some(Fault { action: struck, kind, span: Span::default() })
    }

    /// A call that is made for an action of this kind.
    fn point(&mut self, kind: Kind) -> Option<CallPoint> {
        let methods: &[Method] = match kind {
            Kind::Create => &[
                Method::Create,
                Method::Create,
                Method::Create,
                Method::Delete,
                Method::Read,
                Method::Update,
            ],
            Kind::Update => &[Method::Update],
            Kind::Replace => &[Method::Delete, Method::Create],
            Kind::Delete => &[Method::Delete],
            Kind::Unknown => return None,
        };
        let method = self.pick(methods);
        let nth = if method == Method::Delete && self.chance(20) { 2 } else { 1 };
        Some(CallPoint { method, nth })
    }

    /// A fault that strikes no single action.
    fn trouble_with_all(&mut self) -> Fault {
        let message = self.message();
        let load = self.pick(&[Method::Initialize, Method::Capabilities, Method::ContractRegistry]);
        let kind = match self.below(6) {
            0 => FaultKind::HookError { hook: Hook::PlanComplete, message },
            1 => FaultKind::FinalizeError {
                answer: FinalizeAnswer::Status { code: self.pick(&Code::ALL), message },
            },
            2 => FaultKind::FinalizeError {
                answer: FinalizeAnswer::Errors(vec![ActionError {
                    resource: "net".to_owned(),
                    action: "update".to_owned(),
                    error: message,
                }]),
            },
            3 => {
                let point = CallPoint { method: Method::Finalize, nth: 1 };
                FaultKind::Wire { point, edit: self.edit(Method::Finalize) }
            }
            4 => FaultKind::DispatchError {
                point: CallPoint { method: load, nth: 1 },
                code: self.pick(&Code::ALL),
                message,
                reaches_provider: false,
            },
            _ => FaultKind::Wire { point: CallPoint { method: load, nth: 1 }, edit: self.edit(load) },
        };
        Fault { action: None, kind, span: Span::default() }
    }

    /// A fault that strikes the one call of a plan that is handed over.
    fn trouble_with_apply(&mut self) -> Fault {
        let point = CallPoint { method: Method::Apply, nth: 1 };
        let kind = match self.below(3) {
            0 => FaultKind::DispatchError {
                point,
                code: self.pick(&Code::ALL),
                message: self.message(),
                reaches_provider: self.chance(50),
            },
            1 => FaultKind::Transport {
                point,
                kind: self.pick(&[TransportKind::Reset, TransportKind::Disconnect]),
                reaches_provider: self.chance(50),
            },
            _ => FaultKind::Wire { point, edit: self.edit(Method::Apply) },
        };
        Fault { action: None, kind, span: Span::default() }
    }

    fn message(&mut self) -> String {
        let messages = [
            "it failed",
            "",
            "iac: resource not found",
            "context canceled",
            "quota exceeded: 10/10",
            "größe ✓",
            "line\nbreak",
            "rpc error: code = Unknown desc = inner",
        ];
        self.pick(&messages).to_owned()
    }

    /// What becomes of a reply on its way.
    fn edit(&mut self, method: Method) -> Edit {
        if self.chance(15) {
            return Edit { truncate: Some(self.below(12)), ..Edit::default() };
        }
        let text = |text: &str| edit::Value::Text(text.to_owned());
        let (path, value) = match method {
            Method::Create | Method::Read | Method::Update => match self.below(9) {
                0 => ("output", None),
                1 => ("output.outputs_json", None),
                2 => ("output.outputs_json", Some(text(self.pick(&["{", "[]", "null", "", "{} {}"])))),
                3 => ("output.outputs_json", Some(text(r#"{"id":9007199254740993,"password":"p-1"}"#))),
                4 => ("output.name", Some(text(self.pick(&["", "other", "net"])))),
                5 => ("output.type", Some(text(self.pick(&["", "infra.other"])))),
                6 => ("output.provider_id", Some(text(self.pick(&["", "id-x"])))),
                7 => ("output.sensitive.region", Some(edit::Value::Bool(true))),
                _ => ("output.status", Some(text("odd"))),
            },
            Method::Finalize => ("errors.0.error", Some(text("not done"))),
            Method::Capabilities => ("compute_plan_version", Some(text(self.pick(&["v1", "", "V2"])))),
            Method::ContractRegistry => match self.below(2) {
                0 => ("contracts", None),
                _ => ("contracts.0.kind", Some(edit::Value::Number(99))),
            },
            Method::Apply => match self.below(5) {
                0 => ("result", None),
                1 => ("result.actions", None),
                2 => ("result.actions.0.status", Some(edit::Value::Number(self.pick(&[0, 2, 3, 6, 99])))),
                3 => ("result.actions.0.error", Some(text("it failed"))),
                _ => ("result.actions.0.action_index", Some(edit::Value::Number(1))),
            },
            Method::Delete | Method::Diff | Method::Initialize => {
                return Edit { truncate: Some(0), ..Edit::default() };
            }
        };
        match value {
            None => Edit { drop: vec![path.to_owned()], ..Edit::default() },
            Some(value) => Edit { set: vec![(path.to_owned(), value)], ..Edit::default() },
        }
    }
}

/// Whether the call that a fault strikes never comes back.
pub(super) fn hangs(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Transport { kind: TransportKind::Hang, .. })
}

/// An object as the domain has it.
fn map(value: Value) -> JsonMap {
    match value {
        Value::Object(map) => JsonMap::from(map),
        _ => JsonMap::nil(),
    }
}
