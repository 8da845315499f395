//! `plan` and `state`: actions, their addresses, and resources without an action.

use std::collections::{BTreeMap, HashMap};

use super::{
    Span,
    diagnostic::{Report, shown},
    existing::Claim,
    read::{At, Json, List, Object, OneKey, Required, Table, Word, listed, shape},
};
use crate::{
    json::JsonMap,
    plan::{Action, ActionKind, Change, Current, Hints, Plan, Spec},
};

shape! {
    /// What the engine is asked to do.
    struct PlanShape as "Plan" {
        /// The id of the plan, which the result repeats. Left out: the id of the scenario.
        id: Option<String>,
        /// Names of environment variables that the plan read, with the fingerprints that they had.
        inputs: Option<Table<String>>,
        /// The actions, in the order in which they are applied. A plan without any is written `[]`.
        actions: Required<List<OneKey<Verb, ActionShape>>>,
    }
}

shape! {
    /// One action: the resource as it should become, and as the state knows it. With `provider_id`, `outputs` or
    /// `applied_config` there is a current state, else there is none.
    struct ActionShape as "Action" {
        /// How faults and expectations call this action. Left out: the resource's name.
        r#as: Option<At<String>>,
        /// The resource's name, which references use.
        name: Required<At<String>>,
        /// The resource type, such as `infra.vpc`.
        r#type: Required<At<String>>,
        /// Free-form configuration, in which references such as `${net.id}` are resolved. A delete has none.
        config: Option<At<Object>>,
        /// The provider's own id of the resource as it is now. Where it is given, the resource exists in the cloud
        /// before the plan is applied.
        provider_id: Option<At<String>>,
        /// Outputs of the last apply, which references to this resource see.
        outputs: Option<At<Object>>,
        /// Configuration of the last apply.
        applied_config: Option<At<Object>>,
        /// A size tier, such as `s`. A delete has none.
        size: Option<At<String>>,
        /// Sizing hints. A delete has none.
        hints: Option<At<HintsShape>>,
        /// Names of resources that the planner put before this one.
        depends_on: Option<List<String>>,
        /// What differs, as the planner found it. It travels with the plan, and nothing reads it.
        changes: Option<List<ChangeShape>>,
        /// unknown: the word of the action, which the engine does not know.
        word: Option<At<String>>,
    }
}

shape! {
    /// A difference in one field of a configuration.
    struct ChangeShape as "Change" {
        /// The field's path, in the provider's notation.
        path: Required<String>,
        /// The value before: anything. Left out: the field was not set.
        old: Option<Json>,
        /// The value after: anything. Left out: the field is not wanted any more.
        new: Option<Json>,
        /// Whether only a replacement brings it about. Left out: no.
        force_new: Option<bool>,
    }
}

shape! {
    /// Sizing hints, in the provider's own notation.
    struct HintsShape as "Hints" {
        /// Processor share, such as `500m`.
        cpu: Option<String>,
        /// Memory, such as `512Mi`.
        memory: Option<String>,
        /// Storage, such as `10Gi`.
        storage: Option<String>,
    }
}

shape! {
    /// A resource that exists before the plan is applied.
    struct SeedShape as "Resource" {
        /// The resource's name.
        name: Required<At<String>>,
        /// The resource type, such as `infra.vpc`.
        r#type: Required<At<String>>,
        /// The provider's own id.
        provider_id: Required<At<String>>,
        /// The configuration that it was made with.
        config: Option<At<Object>>,
        /// What it reports.
        outputs: Option<At<Object>>,
    }
}

impl SeedShape {
    pub(super) fn into_claim(self, report: &mut Report<'_>) -> Option<Claim> {
        let (name, resource_type, provider_id) = (self.name.0, self.r#type.0, self.provider_id.0);
        let texts = [("a name", &name), ("a type", &resource_type), ("an id", &provider_id)];
        Claim::check_texts(texts.into_iter().filter_map(|(what, text)| Some((what, text.as_ref()?))), report);
        Some(Claim {
            name: name?,
            resource_type: resource_type?,
            provider_id: provider_id?,
            config: self.config.map(map),
            outputs: self.outputs.map(map),
            by_action: false,
        })
    }
}

/// An object as the domain has it.
fn map(At { value: Object(map), span }: At<Object>) -> At<JsonMap> {
    At { value: map, span }
}

/// The kind of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Update,
    Replace,
    Delete,
    /// A word that the engine does not know.
    Unknown,
}

impl Word for Verb {
    const NOUN: &'static str = "an action";
    const CODE: &'static str = "unknown-action";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [
            ("create", Self::Create),
            ("update", Self::Update),
            ("replace", Self::Replace),
            ("delete", Self::Delete),
            ("unknown", Self::Unknown),
        ]
        .into_iter()
    }

    fn such_as(word: &'static str) -> Option<String> {
        Some(format!("write such as `- {word}: {{ name: net, type: infra.vpc }}`"))
    }
}

impl Verb {
    pub(super) fn as_str(self) -> &'static str {
        Self::all().find(|(_, verb)| *verb == self).map_or("", |(word, _)| word)
    }

    /// The kind of such an action. `word` is that of an unknown one.
    fn kind(self, word: Option<&At<String>>) -> Option<ActionKind> {
        Some(match self {
            Self::Create => ActionKind::Create,
            Self::Update => ActionKind::Update,
            Self::Replace => ActionKind::Replace,
            Self::Delete => ActionKind::Delete,
            Self::Unknown => ActionKind::Unknown(word?.value.clone()),
        })
    }

    /// Only an unknown action has a word of its own, and it needs one.
    fn check_word(self, word: Option<&At<String>>, span: Span, report: &mut Report<'_>) {
        match (self, word) {
            (Self::Unknown, None) => {
                let mistake = report.mistake("missing-field", span, "`word` is missing in `unknown`");
                mistake.label("`word` belongs here").help("such as `word: Create`, which no engine knows");
            }
            (Self::Unknown, Some(At { value: word, span })) => {
                let known = ActionKind::from(word.clone());
                if !matches!(known, ActionKind::Unknown(_)) {
                    report
                        .mistake("known-word", *span, format!("`{known}` is a word that engines know"))
                        .label("not unknown")
                        .help(format!("write `- {known}: …`, or a word such as `Create` or `upgrade`"));
                }
            }
            (_, Some(At { span, .. })) => {
                report
                    .mistake(
                        "field-not-taken",
                        *span,
                        format!("`{}` is the word of this action", self.as_str()),
                    )
                    .label("only an `unknown` action has another")
                    .help("leave it out, or write `- unknown: { word: …, … }`");
            }
            (_, None) => {}
        }
    }
}

/// What the rest of a file can know of an action. What is none has a mistake in the report.
pub(super) struct Planned {
    pub(super) verb: Option<Verb>,
    pub(super) address: Option<String>,
    pub(super) name: Option<String>,
    pub(super) resource_type: Option<String>,
    pub(super) span: Span,
    claim: Option<Claim>,
    action: Option<Action>,
}

impl Planned {
    fn read(entry: OneKey<Verb, ActionShape>, report: &mut Report<'_>) -> Self {
        let OneKey { word: verb, span, body } = entry;
        let Some(shape) = body else { return Self { verb, span, ..Self::unread() } };
        if verb == Some(Verb::Delete) {
            refuse_of_delete("config", shape.config.as_ref(), report);
            refuse_of_delete("size", shape.size.as_ref(), report);
            refuse_of_delete("hints", shape.hints.as_ref(), report);
        }
        if let Some(verb) = verb {
            verb.check_word(shape.word.as_ref(), span, report);
        }
        let address = shape.r#as.as_ref().or(shape.name.0.as_ref());
        if let Some(empty) = address.filter(|address| address.value.is_empty()) {
            report
                .mistake("empty-text", empty.span, "an action cannot be addressed by an empty text")
                .help("give it another `as`");
        }
        Self {
            verb,
            address: address.map(|address| address.value.clone()),
            name: shape.name.0.as_ref().map(|name| name.value.clone()),
            resource_type: shape.r#type.0.as_ref().map(|resource_type| resource_type.value.clone()),
            span,
            claim: shape.claim(report),
            action: verb.and_then(|verb| shape.into_action(verb)),
        }
    }

    fn unread() -> Self {
        Self {
            verb: None,
            address: None,
            name: None,
            resource_type: None,
            span: Span::default(),
            claim: None,
            action: None,
        }
    }
}

fn refuse_of_delete<T>(field: &str, given: Option<&At<T>>, report: &mut Report<'_>) {
    if let Some(At { span, .. }) = given {
        report
            .mistake("field-not-taken", *span, format!("a delete carries no `{field}`"))
            .label("never sent")
            .help("its name and type say what goes; what is known of it is `outputs` and `applied_config`");
    }
}

impl ActionShape {
    /// Whether there is a current state.
    fn is_known(&self) -> bool {
        self.provider_id.is_some() || self.outputs.is_some() || self.applied_config.is_some()
    }

    /// The resource as it exists before the plan, where it does: only an id makes it exist.
    fn claim(&self, report: &mut Report<'_>) -> Option<Claim> {
        let (name, resource_type) = (self.name.0.as_ref(), self.r#type.0.as_ref());
        if self.is_known() {
            // A name that is the address too has been reported as such.
            let name = name.filter(|_| self.r#as.is_some()).map(|name| ("a name", name));
            Claim::check_texts(
                name.into_iter().chain(resource_type.map(|resource_type| ("a type", resource_type))),
                report,
            );
        }
        Some(Claim {
            provider_id: self.provider_id.clone().filter(|id| !id.value.is_empty())?,
            name: name?.clone(),
            resource_type: resource_type?.clone(),
            config: self.applied_config.clone().map(map),
            outputs: self.outputs.clone().map(map),
            by_action: true,
        })
    }

    fn into_action(self, verb: Verb) -> Option<Action> {
        let object = |given: Option<At<Object>>| given.map(|given| map(given).value).unwrap_or_default();
        let kind = verb.kind(self.word.as_ref())?;
        let known = self.is_known();
        let changes =
            self.changes.into_iter().flat_map(List::into_values).filter_map(ChangeShape::into_change);
        let changes = changes.collect();
        let name = self.name.0?.value;
        let current = known.then(|| Current {
            name: name.clone(),
            provider_id: self.provider_id.map(|id| id.value).unwrap_or_default(),
            outputs: object(self.outputs),
            applied_config: object(self.applied_config),
        });
        let hints = self.hints.map(|At { value: HintsShape { cpu, memory, storage }, .. }| Hints {
            cpu: cpu.unwrap_or_default(),
            memory: memory.unwrap_or_default(),
            storage: storage.unwrap_or_default(),
        });
        let spec = Spec {
            name,
            resource_type: self.r#type.0?.value,
            config: object(self.config),
            size: self.size.map(|size| size.value).unwrap_or_default(),
            hints,
            depends_on: self.depends_on.into_iter().flat_map(List::into_values).collect(),
        };
        Some(Action { kind, spec, current, changes })
    }
}

impl ChangeShape {
    fn into_change(self) -> Option<Change> {
        Some(Change {
            path: self.path.0?,
            old: self.old.map(|Json(value)| value),
            new: self.new.map(|Json(value)| value),
            force_new: self.force_new.unwrap_or_default(),
        })
    }
}

/// The actions of a plan, to be found by their addresses.
pub(super) struct Actions {
    pub(super) list: Vec<Planned>,
    by_address: HashMap<String, usize>,
}

impl Actions {
    pub(super) fn read(shapes: List<OneKey<Verb, ActionShape>>, report: &mut Report<'_>) -> Self {
        let read =
            |entry: Option<_>| entry.map_or_else(Planned::unread, |entry| Planned::read(entry, report));
        let list: Vec<_> = shapes.0.into_iter().map(read).collect();
        let mut by_address = HashMap::with_capacity(list.len());
        for (index, planned) in list.iter().enumerate() {
            let Some(address) = &planned.address else { continue };
            if let Some(first) = by_address.insert(address.clone(), index) {
                let place = report.place(list[first].span, planned.span);
                report
                    .mistake(
                        "ambiguous-address",
                        planned.span,
                        format!("two actions are addressed `{}`", shown(address)),
                    )
                    .label("the second of them")
                    .help(format!("the first is {place}; give one of them an address of its own with `as:`"));
            }
        }
        Self { list, by_address }
    }

    /// Takes the resources that exist because actions know them.
    pub(super) fn take_claims(&mut self) -> impl Iterator<Item = Claim> {
        self.list.iter_mut().filter_map(|planned| planned.claim.take())
    }

    /// The action that an address means.
    pub(super) fn get(&self, address: &str) -> Option<usize> {
        self.by_address.get(address).copied()
    }

    /// The address of an action, to be shown.
    pub(super) fn shown(&self, action: usize) -> String {
        shown(self.list[action].address.as_deref().unwrap_or_default())
    }

    /// The action that an address means; else a mistake.
    pub(super) fn find(&self, address: &str, span: Span, report: &mut Report<'_>) -> Option<usize> {
        let found = self.get(address);
        // An action whose own address is a mistake may be the one that is meant.
        if found.is_none() && self.list.iter().all(|planned| planned.address.is_some()) {
            let addresses = || self.list.iter().filter_map(|planned| planned.address.as_deref());
            let message = format!("no action is addressed `{}`", shown(address));
            let meant = report.guess(address, addresses());
            let mistake = report.mistake("no-such-action", span, message).label("not in the plan");
            mistake.help(match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if self.list.is_empty() => "the plan has no actions".to_owned(),
                None if self.list.len() > 20 => {
                    "an action is addressed by its `as`, else by its `name`".to_owned()
                }
                None => format!("the plan has {}", listed(addresses())),
            });
        }
        found
    }

    /// The plan, if every action could be read.
    pub(super) fn into_plan(
        self,
        id: String,
        inputs: BTreeMap<String, String>,
    ) -> Option<(Plan, Vec<String>)> {
        let pairs = self.list.into_iter().map(|planned| Some((planned.action?, planned.address?)));
        let (actions, addresses) = pairs.collect::<Option<_>>()?;
        Some((Plan { id, inputs, actions }, addresses))
    }
}
