//! The file as a whole: from bytes to a checked [`Scenario`].

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use counterfoil_proto::{Hook, ParseRangeError, Revision, RevisionRange};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    Diagnostic, Dispatch, EngineSetup, Expect, ExpectSpans, Hooks, Need, ProviderSetup, Scenario, Seam,
    Services, Source, Span,
    actions::{Actions, PlanShape, SeedShape},
    check_size,
    diagnostic::{Report, shown},
    existing,
    expect::{ExpectShape, check_against_faults},
    faults::FaultEntry,
    found::FoundShape,
    reach::Reach,
    read::{At, List, NotYet, Read, Required, Table, Time, Tried, Word, distinct, listed, shape},
    reply::{ReplyShape, from_hex},
    yaml,
};
use crate::trial::Trial;

shape! {
    /// One scenario: what is planned, what goes wrong on the way, and what has to come of it.
    struct FileShape as "Scenario" {
        /// A name for reports and filters: lower-case letters, digits and `-`, at most 100. Unique within a run.
        id: Required<At<Id>>,
        /// What the scenario shows, in a sentence.
        title: Required<At<String>>,
        /// How exploration came by the scenario. Left out: somebody thought of it.
        found: Option<FoundShape>,
        /// The contract revisions at which it runs, such as `>=0.54, <0.57`. Left out: every one.
        revisions: Option<At<Range>>,
        /// For `--filter`.
        tags: Option<List<String>>,
        /// Where the thing under test may stand. Left out: at every seam that the scenario can reach.
        #[schemars(length(min = 1))]
        seams: Option<At<List<At<Seam>>>>,
        /// What a run needs of its surroundings. Left out: nothing.
        needs: Option<List<At<Need>>>,
        /// How long the load of the provider and the apply may take together, such as `2s`, before their context ends. Left out: for ever, so that a hang
        /// needs one.
        deadline: Option<Tried<Time>>,
        /// What the engine is asked to do.
        plan: Required<PlanShape>,
        /// What the provider is asked beside a plan, which then has no actions; but for `look-back`, which is made behind the apply.
        trials: Option<At<List<At<Trial>>>>,
        /// What references of the form `${NAME}` read.
        environment: Option<Table<String>>,
        /// Resources that exist although no action is about them.
        state: Option<List<SeedShape>>,
        /// `v2`: call by call, through resource drivers. `v1`: the whole plan in one `Apply` call, until 0.56.
        dispatch: Option<At<DispatchWord>>,
        /// With `dispatch: v1`: what the provider answers, by field name.
        reply: Option<At<ReplyShape>>,
        /// With `dispatch: v1`: what the provider answers, as bytes.
        reply_hex: Option<At<String>>,
        /// What the provider is like.
        provider: Option<ProviderShape>,
        /// What the engine is like.
        engine: Option<At<EngineShape>>,
        /// What goes wrong.
        faults: Option<List<FaultEntry>>,
        /// What has to come of it.
        expect: Option<ExpectShape>,
    }
}

shape! {
    /// What the provider is like.
    struct ProviderShape as "Provider" {
        /// The name of a provider of Counterfoil's own. This version has only one.
        profile: Option<NotYet>,
        /// What its capabilities declare; exactly `v2` has it driven call by call. Left out: as the dispatch needs it.
        compute_plan_version: Option<At<String>>,
        /// Config fields that cannot be changed in place.
        force_new: Option<List<String>>,
        /// The optional services that it serves. Left out: all of them.
        services: Option<List<At<Service>>>,
    }
}

shape! {
    /// What the engine is like.
    struct EngineShape as "Engine" {
        /// The hooks that its host has installed. Left out: those of the real command line, every one.
        hooks: Option<List<At<HookWord>>>,
        /// Drivers say that a create of what exists already may go on as an update. No wire carries that.
        upsert: Option<bool>,
        /// Drivers replace by themselves. No wire carries that.
        replacer: Option<bool>,
    }
}

/// An optional service of a provider.
#[derive(Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(super) enum Service {
    /// The calls of a v2 dispatch.
    ResourceDriver,
    /// `FinalizeApply`.
    Finalizer,
}

impl Word for Service {
    const NOUN: &'static str = "a service";
    const CODE: &'static str = "unknown-service";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [("resource-driver", Self::ResourceDriver), ("finalizer", Self::Finalizer)].into_iter()
    }
}

/// A hook of the engine's host.
#[derive(Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", rename = "Hook")]
pub(super) enum HookWord {
    /// Before anything is done for an action; it can stop the apply. From 0.64.
    BeforeAction,
    /// After a resource was created, updated or replaced.
    ResourceApplied,
    /// After a resource was deleted; it turns preflight on.
    ResourceDeleted,
    /// After an action has its outcome; it cannot fail it. From 0.80.
    ActionComplete,
    /// After the last action of a plan that ran to its end. From 0.55.
    PlanComplete,
}

impl HookWord {
    pub(super) fn hook(self) -> Hook {
        match self {
            Self::BeforeAction => Hook::BeforeAction,
            Self::ResourceApplied => Hook::ResourceApplied,
            Self::ResourceDeleted => Hook::ResourceDeleted,
            Self::ActionComplete => Hook::ActionComplete,
            Self::PlanComplete => Hook::PlanComplete,
        }
    }
}

impl Word for HookWord {
    const NOUN: &'static str = "a hook";
    const CODE: &'static str = "unknown-hook";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [
            ("before-action", Self::BeforeAction),
            ("resource-applied", Self::ResourceApplied),
            ("resource-deleted", Self::ResourceDeleted),
            ("action-complete", Self::ActionComplete),
            ("plan-complete", Self::PlanComplete),
        ]
        .into_iter()
    }
}

impl Word for Seam {
    const NOUN: &'static str = "a seam";
    const CODE: &'static str = "unknown-seam";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [("provider", Self::Provider), ("engine", Self::Engine), ("decoder", Self::Decoder)].into_iter()
    }
}

impl Word for Need {
    const NOUN: &'static str = "a need";
    const CODE: &'static str = "unknown-need";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [("cloud", Self::Cloud), ("process", Self::Process), ("finalizer", Self::Finalizer)].into_iter()
    }
}

impl Word for Trial {
    const NOUN: &'static str = "a trial";
    const CODE: &'static str = "unknown-trial";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.into_iter().map(|trial| (trial.as_str(), trial))
    }
}

/// How the engine drives the provider.
#[derive(Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case", rename = "Dispatch")]
pub(super) enum DispatchWord {
    /// Call by call, through resource drivers.
    #[default]
    V2,
    /// The whole plan in one `Apply` call.
    V1,
}

impl Word for DispatchWord {
    const NOUN: &'static str = "a dispatch";
    const CODE: &'static str = "unknown-dispatch";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [("v2", Self::V2), ("v1", Self::V1)].into_iter()
    }
}

/// The longest id, in characters: files are named by it.
const MAX_ID: usize = 100;

/// An id, by which files are named.
pub(super) struct Id(String);

impl Id {
    pub(super) fn into_inner(self) -> String {
        self.0
    }
}

impl Read for Id {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let id = String::read(node, at, report)?;
        if id.chars().nth(MAX_ID).is_some() {
            report
                .mistake("bad-id", node.span, format!("`{}` is too long for an id", shown(&id)))
                .label(format!("more than {MAX_ID} characters"))
                .help("reports and trace files are named by it; the title is for sentences");
            return None;
        }
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !id.is_empty() && !id.starts_with('-') && id.bytes().all(inner) {
            return Some(Self(id));
        }
        let mistake = report.mistake("bad-id", node.span, format!("`{}` is no id", shown(&id)));
        let mistake = mistake.label("lower-case letters, digits and `-`, not `-` first");
        let meant: String =
            id.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let meant = meant.trim_matches('-');
        if !meant.is_empty() {
            mistake.help(format!("`{}` would be one", shown(meant)));
        }
        None
    }
}

impl JsonSchema for Id {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$", "maxLength": MAX_ID })
    }
}

/// A range over revisions that is not empty.
#[derive(Clone)]
pub(super) struct Range(RevisionRange);

impl Range {
    pub(super) fn into_inner(self) -> RevisionRange {
        self.0
    }
}

impl Read for Range {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let text = String::read(node, at, report)?;
        let range = match text.parse::<RevisionRange>() {
            Ok(range) => range,
            Err(ParseRangeError::NoRevision { .. }) => {
                report
                    .mistake("bad-range", node.span, format!("`{}` is no range over revisions", shown(&text)))
                    .label("a revision is missing")
                    .help("write `>=0.54`, `>=0.54, <0.57`, `0.55` or `*`");
                return None;
            }
            Err(ParseRangeError::UnknownRevision { source, .. }) => {
                let message = format!("unknown revision `{}`", shown(&source.text));
                let mistake =
                    report.mistake("unknown-revision", node.span, message).label("names no revision");
                let all = format!(
                    "the revisions are {}",
                    listed(Revision::ALL.iter().map(|revision| revision.name()))
                );
                match source.nearest {
                    Some(meant) => mistake.help(format!("did you mean `{meant}`? {all}")),
                    None => mistake.help(all),
                }
                return None;
            }
        };
        if range.is_empty() {
            report
                .mistake("empty-range", node.span, format!("no revision is in `{}`", shown(&text)))
                .label("matches nothing")
                .help("all parts of a range have to hold at once");
            return None;
        }
        Some(Self(range))
    }
}

impl JsonSchema for Range {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Range".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Scenario, Vec<Diagnostic>> {
    if let Some(refusal) = check_size(file, bytes.len() as u64) {
        return Err(vec![refusal]);
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| vec![not_utf8(file, bytes, error.valid_up_to())])?;
    let mut report = Report::new(file, text);
    let root = yaml::read(text, &mut report);
    if root.is_none() && report.is_empty() {
        report
            .mistake("empty-file", Span::default(), "the file holds no scenario")
            .help("a scenario has at least `id`, `title` and `plan`");
    }
    let scenario = root
        .and_then(|root| FileShape::read(&root, "", &mut report))
        .and_then(|shape| shape.into_scenario(file, text, &mut report));
    match scenario {
        Some(scenario) if report.is_empty() => Ok(scenario),
        _ => Err(report.finish()),
    }
}

/// Reads a file that is no scenario. `read` is given its value, none where the file is empty.
pub(super) fn document<T>(
    file: &str,
    bytes: &[u8],
    read: impl FnOnce(Option<&yaml::Node<'_>>, &mut Report<'_>) -> Option<T>,
) -> Result<T, Vec<Diagnostic>> {
    if let Some(refusal) = check_size(file, bytes.len() as u64) {
        return Err(vec![Diagnostic { help: None, ..refusal }]);
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| vec![not_utf8(file, bytes, error.valid_up_to())])?;
    let mut report = Report::new(file, text);
    let root = yaml::read(text, &mut report);
    let value = if root.is_some() || report.is_empty() { read(root.as_ref(), &mut report) } else { None };
    match value {
        Some(value) if report.is_empty() => Ok(value),
        _ => Err(report.finish()),
    }
}

fn not_utf8(file: &str, bytes: &[u8], valid: usize) -> Diagnostic {
    let text = std::str::from_utf8(&bytes[..valid]).unwrap_or_default();
    let diagnostic =
        Diagnostic::at(file, text, "not-utf8", Span { start: valid, len: 0 }, "the file is not UTF-8");
    let help = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it looks like UTF-16; save it as UTF-8",
        _ => "save it as UTF-8",
    };
    diagnostic.label(format!("byte 0x{:02x}", bytes[valid])).help(help)
}

impl FileShape {
    fn into_scenario(self, file: &str, text: &str, report: &mut Report<'_>) -> Option<Scenario> {
        if let Some(At { value, span }) = &self.title.0
            && value.trim().is_empty()
        {
            report
                .mistake("empty-text", *span, "`title` is empty")
                .help("say in a sentence what the scenario shows");
        }
        let revisions =
            self.revisions.clone().map(|At { value: Range(range), .. }| range).unwrap_or_default();
        self.check_dispatch(&revisions, report);

        let v1 = self.dispatch.as_ref().is_some_and(|dispatch| dispatch.value == DispatchWord::V1);
        let dispatch = if v1 {
            let hex = self.reply_hex.and_then(|At { value, span }| from_hex(&value, span, report));
            Dispatch::V1 { reply: hex.or_else(|| self.reply.map(|At { value, .. }| value.encode())) }
        } else {
            Dispatch::V2
        };
        let scripted = matches!(dispatch, Dispatch::V1 { reply: Some(_) });
        // What has no part in an apply says nothing of it.
        let engine =
            self.engine.filter(|_| !v1).map(|engine| engine.value.into_setup(report)).unwrap_or_default();
        let provider = ProviderShape::into_setup(self.provider, v1, report);

        let PlanShape { id: plan_id, inputs, actions } = self.plan.0?;
        let mut actions = Actions::read(actions.0?, report);
        let state = self.state.into_iter().flat_map(List::into_values);
        let mut claims: Vec<_> = state.filter_map(|seed| seed.into_claim(report)).collect();
        claims.extend(actions.take_claims());
        let state = existing::settle(claims, report);
        let faults = self.faults.unwrap_or_else(|| List(Vec::new()));
        let reach = Reach::new(v1, revisions.revisions(), &engine, provider.services, &actions, &faults);
        let faults = reach.faults(faults, self.deadline.is_some(), report);
        let trials = read_trials(self.trials, &actions, v1, report);
        let asks = trials.iter().any(|trial| !trial.is_behind_a_plan());
        let seams = reach.seams(self.seams, scripted, asks, &faults, report);
        let needs = self.needs.map(|needs| distinct(needs, report)).unwrap_or_default();
        reach.check_needs(&needs, report);
        let inputs = inputs.map(Table::into_map).unwrap_or_default();
        let (expect, expect_spans) = match self.expect {
            Some(expect) => {
                let told = reach.is_told(scripted, &faults);
                let (expect, spans) = expect.resolve(&reach, &inputs, told, &faults, report);
                check_against_faults(&expect, &spans, &reach.order(&faults), &faults, report);
                (expect, spans)
            }
            None => (Expect::default(), ExpectSpans::default()),
        };

        let found = self.found.and_then(|found| found.into_found(report));
        let At { value: Id(id), span: id_span } = self.id.0?;
        let source = Source {
            file: file.to_owned(),
            text: Arc::from(text),
            id: id_span,
            actions: actions.list.iter().map(|planned| planned.span).collect(),
            faults: faults.iter().map(|fault| fault.span).collect(),
            expect: expect_spans,
        };
        let (plan, addresses) = actions.into_plan(plan_id.unwrap_or_else(|| id.clone()), inputs)?;
        Some(Scenario {
            id,
            title: self.title.0?.value,
            found,
            revisions,
            tags: self.tags.into_iter().flat_map(List::into_values).collect(),
            plan,
            addresses,
            state,
            environment: self.environment.map(Table::into_map).unwrap_or_default(),
            provider,
            dispatch,
            engine,
            seams,
            needs: needs.into_iter().map(|need| need.value).collect(),
            trials,
            deadline: self.deadline.and_then(|Tried(time)| time).map(|Time(time)| time),
            faults,
            expect,
            source,
        })
    }

    /// `dispatch`, and what goes only with one of its values.
    fn check_dispatch(&self, revisions: &RevisionRange, report: &mut Report<'_>) {
        let reply = self.reply.as_ref().map(|reply| ("reply", reply.span));
        let reply_hex = self.reply_hex.as_ref().map(|reply| ("reply_hex", reply.span));
        let Some(At { value: DispatchWord::V1, span }) = self.dispatch else {
            for (field, span) in reply.into_iter().chain(reply_hex) {
                report
                    .mistake(
                        "field-not-taken",
                        span,
                        format!("`{field}` answers an `Apply` call, and none is made"),
                    )
                    .label("never sent")
                    .help("write `dispatch: v1`, or leave it out");
            }
            return;
        };
        if let Some(At { span, .. }) = &self.engine {
            report
                .mistake(
                    "field-not-taken",
                    *span,
                    "with `dispatch: v1` neither hooks nor drivers have a part",
                )
                .label("not taken")
                .help("leave `engine` out: the provider gets the whole plan in one `apply` call");
        }
        if let (Some(_), Some((_, span))) = (reply, reply_hex) {
            report
                .mistake("contradiction", span, "`reply` and `reply_hex` are two replies to one call")
                .label("beside `reply`")
                .help("keep one of them");
        }
        if let Some(revision) =
            revisions.revisions().into_iter().find(|revision| !revision.engine().apply_rpc)
        {
            let span = self.revisions.as_ref().map_or(span, |revisions| revisions.span);
            report
                .mistake("unreachable-revision", span, format!("`dispatch: v1` does not exist at {revision}"))
                .label("the `Apply` call is gone")
                .help("write `revisions: \"<0.57\"`");
        }
        if let Some(At { value, span }) = self.provider.as_ref().and_then(|p| p.compute_plan_version.as_ref())
            && value == "v2"
        {
            report
                .mistake(
                    "contradiction",
                    *span,
                    "a provider that declares `v2` is never driven through `Apply`",
                )
                .label("contradicts `dispatch: v1`")
                .help("leave it out, or write another version");
        }
    }
}

/// The trials of a scenario, which stand alone, but for those that are made behind the apply of a plan.
fn read_trials(
    given: Option<At<List<At<Trial>>>>,
    actions: &Actions,
    v1: bool,
    report: &mut Report<'_>,
) -> BTreeSet<Trial> {
    let Some(At { value: trials, span }) = given else { return BTreeSet::new() };
    let trials = distinct(trials, report);
    let behind = trials.iter().find(|trial| trial.value.is_behind_a_plan());
    if behind.is_none() && !trials.is_empty() && !actions.list.is_empty() {
        report
            .mistake("contradiction", span, "a scenario with `trials` has no actions")
            .label("beside the actions of a plan")
            .help("write `plan: { actions: [] }` here, and give the plan a scenario of its own");
    }
    if let Some(At { value: trial, span }) = behind {
        let contradicts = if actions.list.is_empty() {
            Some(("a plan without actions", "plan an action, or leave the trial out"))
        } else if v1 {
            Some(("`dispatch: v1`, which calls no driver", "leave out `dispatch`, or the trial"))
        } else if trials.len() > 1 {
            Some(("trials that are made without a plan", "give the others a scenario of their own"))
        } else {
            None
        };
        if let Some((what, help)) = contradicts {
            report
                .mistake("contradiction", *span, format!("`{trial}` looks at what drivers did for a plan"))
                .label(format!("beside {what}"))
                .help(help);
        }
    }
    trials.into_iter().map(|trial| trial.value).collect()
}

impl EngineShape {
    fn into_setup(self, report: &mut Report<'_>) -> EngineSetup {
        EngineSetup {
            hooks: self.hooks.map_or(Hooks::All, |hooks| {
                Hooks::Only(distinct(hooks, report).into_iter().map(|hook| hook.value.hook()).collect())
            }),
            upsert: self.upsert.unwrap_or_default(),
            replacer: self.replacer.unwrap_or_default(),
        }
    }
}

impl ProviderShape {
    fn into_setup(given: Option<Self>, v1: bool, report: &mut Report<'_>) -> ProviderSetup {
        let nothing = Self { profile: None, compute_plan_version: None, force_new: None, services: None };
        let Self { profile: None, compute_plan_version, force_new, services } = given.unwrap_or(nothing);
        let services = services.map_or_else(Services::default, |services| {
            let services = distinct(services, report);
            let served = |service| services.iter().any(|served| served.value == service);
            Services {
                resource_driver: served(Service::ResourceDriver),
                finalizer: served(Service::Finalizer),
            }
        });
        ProviderSetup {
            compute_plan_version: compute_plan_version
                .map_or_else(|| if v1 { "v1" } else { "v2" }.to_owned(), |version| version.value),
            force_new: force_new.into_iter().flat_map(List::into_values).collect(),
            services,
        }
    }
}
