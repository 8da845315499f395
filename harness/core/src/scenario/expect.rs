//! What has to come of a scenario. What an expectation leaves out is not checked; the rules always are.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
};

use regex_lite::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::{
    Fault, FaultKind, Hook, Span,
    actions::{Actions, Verb},
    diagnostic::{Report, shown},
    file::HookWord,
    order::{NO_REPLACER, Order, Refused},
    reach::{HookUse, Reach},
    read::{
        At, List, OneKey, Read, Table, Word, listed, mismatch, named_twice, one_key_such_as, schema_is, shape,
    },
    yaml::{Node, Value},
};
use crate::{outcome::Status, rpc::Method};

/// What is special about a scenario. Actions are named by their position in the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expect {
    /// How actions end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<ExpectedOutcomes>,
    /// The texts of failures, action by action.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<usize, TextMatch>,
    /// The calls that the engine makes for actions, exactly, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<ExpectedCall>>,
    /// The calls that reach the provider, exactly, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Vec<ExpectedCall>>,
    /// How the apply as a whole ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply_error: Option<ApplyError>,
    /// The names of the result's resources, exactly, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<String>>,
    /// The new ids of replaced resources, by name, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_ids: Option<BTreeMap<String, TextMatch>>,
    /// The hooks that are called, exactly, in order; those that the revision does not have are left out of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Vec<ExpectedHook>>,
    /// The names of the resources that the state holds in the end, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Vec<String>>,
    /// The names of the inputs that changed since the plan was made, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_drift: Option<Vec<String>>,
    /// The ids of the rules that have to find something; exact for rules of level MUST.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// One call of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedHook {
    /// Which hook.
    pub hook: Hook,
    /// The position of the action that it is about; none for the plan-complete hook.
    pub action: Option<usize>,
}

/// How actions end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedOutcomes {
    /// There is no outcome at all.
    None,
    /// Each listed action has exactly this outcome; others are not checked.
    Of(BTreeMap<usize, Status>),
}

/// One call for one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedCall {
    /// What is called.
    pub method: Method,
    /// The action's position in the plan.
    pub action: usize,
}

/// How the apply as a whole ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplyError {
    /// Without an error.
    None,
    /// With an error of this text.
    Text(TextMatch),
}

/// A demand on a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextMatch {
    /// It is this one.
    Is(String),
    /// It begins so.
    StartsWith(String),
    /// It has this somewhere.
    Contains(String),
    /// This regular expression finds something in it.
    Matches(String),
}

impl TextMatch {
    /// Whether the text is as demanded. A regular expression that does not parse finds nothing.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Is(whole) => text == whole,
            Self::StartsWith(start) => text.starts_with(start.as_str()),
            Self::Contains(part) => text.contains(part.as_str()),
            Self::Matches(regex) => Regex::new(regex).is_ok_and(|regex| regex.is_match(text)),
        }
    }
}

/// Where the expectations of a scenario stand in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectSpans {
    /// The value of `outcomes`.
    pub outcomes: Option<Span>,
    /// Each expected outcome, by action.
    pub outcome: BTreeMap<usize, Span>,
    /// Each expected error, by action.
    pub errors: BTreeMap<usize, Span>,
    /// The value of `calls`.
    pub calls: Option<Span>,
    /// Each expected call.
    pub call: Vec<Span>,
    /// The value of `received`.
    pub received: Option<Span>,
    /// Each call that is expected to arrive.
    pub arrival: Vec<Span>,
    /// The value of `apply_error`.
    pub apply_error: Option<Span>,
    /// The value of `resources`.
    pub resources: Option<Span>,
    /// The value of `replace_ids`.
    pub replace_ids: Option<Span>,
    /// The value of `hooks`.
    pub hooks: Option<Span>,
    /// Each hook that is expected.
    pub hook: Vec<Span>,
    /// The value of `state`.
    pub state: Option<Span>,
    /// The value of `input_drift`.
    pub input_drift: Option<Span>,
    /// Each expected finding.
    pub findings: Vec<Span>,
}

shape! {
    /// What is special about the scenario. What is left out is not checked; the rules always are.
    struct ExpectShape as "Expectations" {
        /// How actions end, by address; actions that are not listed are not checked. Or `none`: there is no outcome.
        outcomes: Option<At<OutcomesShape>>,
        /// The texts of failures, by address.
        errors: Option<Table<At<TextMatch>>>,
        /// The calls that the engine makes for actions, exactly, in order, as `create: net`.
        calls: Option<At<List<Call>>>,
        /// The calls that reach the provider, exactly, in order.
        received: Option<At<List<Call>>>,
        /// The hooks that are called, exactly, in order, as `resource-applied: net`, or the word `plan-complete`. Those
        /// that a revision does not have are left out there.
        hooks: Option<At<List<HookCall>>>,
        /// The error of the apply as a whole, or `none`.
        apply_error: Option<At<ApplyErrorShape>>,
        /// The names of the result's resources, exactly, in order.
        resources: Option<At<List<At<String>>>>,
        /// The new ids of replaced resources, by name, exactly.
        replace_ids: Option<At<Table<TextMatch>>>,
        /// The names of the resources that the state holds in the end, in any order.
        state: Option<At<List<At<String>>>>,
        /// The names of the plan's inputs that changed since it was made, in any order.
        input_drift: Option<At<List<At<String>>>>,
        /// The rules that have to find something, by id.
        findings: Option<List<At<RuleId>>>,
    }
}

/// A call, and the address of the action that it is for.
pub(super) struct Call(OneKey<Method, At<String>>);

impl Read for Call {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        OneKey::read(node, at, report).map(Self)
    }
}

impl JsonSchema for Call {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Call".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let calls = [Method::Create, Method::Read, Method::Update, Method::Delete];
        one_of(calls.iter().map(|method| method.as_str())).into()
    }
}

/// The schema of a map of one key out of these, with an address behind it.
fn one_of(words: impl Iterator<Item = &'static str>) -> Map<String, serde_json::Value> {
    let properties: Map<_, _> = words.map(|word| (word.to_owned(), json!({ "type": "string" }))).collect();
    [
        ("type", json!("object")),
        ("properties", properties.into()),
        ("additionalProperties", json!(false)),
        ("minProperties", json!(1)),
        ("maxProperties", json!(1)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into_iter()
    .collect()
}

/// The id of a rule. Whether there is one is for the rules to say.
pub(super) struct RuleId(String);

impl Read for RuleId {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        String::read(node, at, report).map(Self)
    }
}

schema_is! {
    RuleId => { "type": "string", "pattern": "^[A-Z]+-[0-9]{3}$" },
}

/// A hook that is called, and the address of the action that it is about. Only plan-complete has none.
pub(super) enum HookCall {
    PlanComplete(Span),
    About(OneKey<HookWord, At<String>>),
}

const PLAN_COMPLETE: &str = "plan-complete";

impl Read for HookCall {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let Value::Text(word) = &node.value else { return OneKey::read(node, at, report).map(Self::About) };
        if HookWord::of(word, node.span, report)? == HookWord::PlanComplete {
            return Some(Self::PlanComplete(node.span));
        }
        report
            .mistake("missing-field", node.span, format!("`{word}` is called for an action"))
            .label("the action belongs here")
            .help(format!("such as `{word}: net`"));
        None
    }
}

impl JsonSchema for HookCall {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HookCall".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = HookWord::all().map(|(word, _)| word).filter(|word| *word != PLAN_COMPLETE);
        json_schema!({ "anyOf": [{ "const": PLAN_COMPLETE }, one_of(words)] })
    }
}

/// Absence, as a value.
const NONE: &str = "none";

pub(super) enum OutcomesShape {
    None,
    Of(Table<At<Status>>),
}

impl Read for OutcomesShape {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(word) if word == NONE => Some(Self::None),
            Value::Map(_) => Table::read(node, at, report).map(Self::Of),
            _ => mismatch(node, at, "`none` or a map from actions to statuses", report),
        }
    }
}

impl JsonSchema for OutcomesShape {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Outcomes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<Table<Status>>();
        json_schema!({ "anyOf": [{ "const": NONE }, table] })
    }
}

pub(super) struct ApplyErrorShape(ApplyError);

impl Read for ApplyErrorShape {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(word) if word == NONE => Some(Self(ApplyError::None)),
            _ => TextMatch::read(node, at, report).map(|text| Self(ApplyError::Text(text))),
        }
    }
}

impl JsonSchema for ApplyErrorShape {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ApplyError".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = generator.subschema_for::<TextMatch>();
        json_schema!({ "anyOf": [{ "const": NONE }, text] })
    }
}

/// How a text is matched.
#[derive(Clone, Copy)]
enum Matcher {
    Is,
    StartsWith,
    Contains,
    Matches,
}

impl Word for Matcher {
    const NOUN: &'static str = "a way to match text";
    const CODE: &'static str = "unknown-matcher";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [
            ("contains", Self::Contains),
            ("starts_with", Self::StartsWith),
            ("matches", Self::Matches),
            ("is", Self::Is),
        ]
        .into_iter()
    }
}

impl Read for TextMatch {
    fn read(node: &Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(text) => return Some(Self::Is(text.clone().into_owned())),
            Value::Map(_) => {}
            _ => return mismatch(node, at, &format!("text, or {}", one_key_such_as::<Matcher>()), report),
        }
        let OneKey { word, body, .. } = OneKey::<Matcher, At<String>>::read(node, at, report)?;
        let At { value: text, span } = body?;
        match word? {
            Matcher::Is => Some(Self::Is(text)),
            Matcher::StartsWith => Some(Self::StartsWith(text)),
            Matcher::Contains => Some(Self::Contains(text)),
            Matcher::Matches => match Regex::new(&text) {
                Ok(_) => Some(Self::Matches(text)),
                Err(error) => {
                    report
                        .mistake("bad-regex", span, format!("the regular expression does not parse: {error}"))
                        .label("not a regular expression")
                        .help("`contains` looks for plain text");
                    None
                }
            },
        }
    }
}

impl JsonSchema for TextMatch {
    fn schema_name() -> Cow<'static, str> {
        "TextMatch".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let matcher = OneKey::<Matcher, String>::json_schema(generator);
        json_schema!({
            "description": "A demand on a text: the whole of it, or one of `is`, `starts_with`, `contains`, `matches`.",
            "anyOf": [{ "type": "string" }, matcher],
        })
    }
}

impl ExpectShape {
    /// The expectations, their addresses resolved. `told`: names and statuses come from a reply that the file gives or
    /// alters.
    pub(super) fn resolve(
        self,
        reach: &Reach<'_>,
        inputs: &BTreeMap<String, String>,
        told: bool,
        faults: &[Fault],
        report: &mut Report<'_>,
    ) -> (Expect, ExpectSpans) {
        let actions = reach.actions();
        let mut expect = Expect::default();
        let mut spans = ExpectSpans::default();
        let known = Known { checked: !told && !faults.iter().any(renames), of: "action" };

        if let Some(At { value: outcomes, span }) = self.outcomes {
            spans.outcomes = Some(span);
            expect.outcomes = Some(match outcomes {
                OutcomesShape::None => ExpectedOutcomes::None,
                OutcomesShape::Of(table) => {
                    let (statuses, places) = by_action(table, actions, report);
                    for (action, status) in statuses.iter().filter(|_| !told) {
                        if let Some(place) = places.get(action) {
                            reach.check_status(*action, *status, *place, report);
                        }
                    }
                    spans.outcome = places;
                    ExpectedOutcomes::Of(statuses)
                }
            });
        }
        if let Some(table) = self.errors {
            (expect.errors, spans.errors) = by_action(table, actions, report);
            check_errors(&expect, &spans, report);
        }
        if let Some(At { value: calls, span }) = self.calls {
            spans.calls = Some(span);
            let (calls, places) = calls_of(calls, reach, report);
            reach.check_calls("calls", &places, report);
            (expect.calls, spans.call) = (Some(calls), places);
        }
        if let Some(At { value: calls, span }) = self.received {
            spans.received = Some(span);
            let (calls, places) = calls_of(calls, reach, report);
            reach.check_calls("received", &places, report);
            (expect.received, spans.arrival) = (Some(calls), places);
        }
        if let Some(At { value: ApplyErrorShape(error), span }) = self.apply_error {
            spans.apply_error = Some(span);
            expect.apply_error = Some(error);
        }
        if let Some(At { value: names, span }) = self.resources {
            spans.resources = Some(span);
            let names: Vec<_> = names.into_values().collect();
            known.check(names.iter(), actions, report);
            expect.resources = Some(names.into_iter().map(|name| name.value).collect());
        }
        if let Some(At { value: ids, span }) = self.replace_ids {
            spans.replace_ids = Some(span);
            let replaces = Known { of: "replace", ..known };
            replaces.check(ids.0.iter().map(|(name, _)| name), actions, report);
            expect.replace_ids = Some(ids.into_map());
        }
        if let Some(At { value: hooks, span }) = self.hooks {
            spans.hooks = Some(span);
            let hooks = hooks.into_values().filter_map(|hook| hook_call(hook, reach, report));
            let (hooks, places) = hooks.unzip();
            (expect.hooks, spans.hook) = (Some(hooks), places);
        }
        if let Some(At { value: names, span }) = self.state {
            spans.state = Some(span);
            known.check(names.0.iter().flatten(), actions, report);
            expect.state = Some(set_of(names, report));
        }
        if let Some(At { value: names, span }) = self.input_drift {
            spans.input_drift = Some(span);
            for At { value: name, span } in names.0.iter().flatten() {
                check_input(name, *span, inputs, report);
            }
            expect.input_drift = Some(set_of(names, report));
        }
        for At { value: RuleId(id), span } in self.findings.into_iter().flat_map(List::into_values) {
            if let Some(first) = expect.findings.iter().position(|first| *first == id) {
                named_twice(&id, span, spans.findings[first], report);
                continue;
            }
            expect.findings.push(id);
            spans.findings.push(span);
        }
        (expect, spans)
    }
}

/// Whether a fault may give a resource another name than its action has.
fn renames(fault: &Fault) -> bool {
    let FaultKind::Wire { edit, .. } = &fault.kind else { return false };
    edit.set.iter().any(|(path, _)| path == "output.name")
}

/// The names that results and the state may have.
#[derive(Clone, Copy)]
struct Known {
    /// Else they may have any.
    checked: bool,
    /// Of what in the plan they are: of each `action`, or of each `replace`.
    of: &'static str,
}

impl Known {
    fn check<'n>(
        self,
        names: impl Iterator<Item = &'n At<String>>,
        actions: &Actions,
        report: &mut Report<'_>,
    ) {
        // One that could not be read may be the one that is meant.
        if !self.checked
            || actions.list.iter().any(|planned| planned.name.is_none() || planned.verb.is_none())
        {
            return;
        }
        let own =
            actions.list.iter().filter(|planned| self.of == "action" || planned.verb == Some(Verb::Replace));
        let known: BTreeSet<_> = own.filter_map(|planned| planned.name.as_deref()).collect();
        // The name of an action that is given by its address.
        let by_address = |address: &str| {
            let name = actions.list[actions.get(address)?].name.as_deref()?;
            known.get(name).copied().map(shown)
        };
        for At { value: name, span } in names.filter(|name| !known.contains(&*name.value)) {
            let meant = report.guess(name, known.iter().copied());
            let message = format!("the plan has no {} of the name `{}`", self.of, shown(name));
            let mistake = report.mistake("no-such-name", *span, message).label("not in the plan");
            mistake.help(match (by_address(name), meant) {
                (Some(name), _) => format!("that is an address; the name is `{name}`"),
                (None, Some(meant)) => format!("did you mean `{meant}`?"),
                _ if known.is_empty() => format!("the plan has no {}s", self.of),
                _ if known.len() > 20 => {
                    "it is the `name` of a resource, not the `as` of its action".to_owned()
                }
                _ => format!("it has {}", listed(known.iter().copied())),
            });
        }
    }
}

/// What is listed by address, by position; and its places.
fn by_action<T>(
    table: Table<At<T>>,
    actions: &Actions,
    report: &mut Report<'_>,
) -> (BTreeMap<usize, T>, BTreeMap<usize, Span>) {
    let found = table.0.into_iter().filter_map(|(address, At { value, span })| {
        let action = actions.find(&address.value, address.span, report)?;
        Some(((action, value), (action, address.span.to(span))))
    });
    found.unzip()
}

fn calls_of(calls: List<Call>, reach: &Reach<'_>, report: &mut Report<'_>) -> (Vec<ExpectedCall>, Vec<Span>) {
    let found = calls.into_values().filter_map(|Call(OneKey { word, span, body })| {
        let address = body?;
        let action = reach.actions().find(&address.value, address.span, report)?;
        let method = word?;
        reach.check_expected(action, method, span, report);
        Some((ExpectedCall { method, action }, span))
    });
    found.unzip()
}

fn hook_call(hook: HookCall, reach: &Reach<'_>, report: &mut Report<'_>) -> Option<(ExpectedHook, Span)> {
    let (hook, action, span) = match hook {
        HookCall::PlanComplete(span) => (Hook::PlanComplete, None, span),
        HookCall::About(OneKey { word, span, body }) => {
            let address = body?;
            let hook = word?.hook();
            if hook == Hook::PlanComplete {
                report
                    .mistake(
                        "field-not-taken",
                        address.span,
                        "the plan-complete hook is about no single action",
                    )
                    .label("not taken")
                    .help("write `- plan-complete`");
                return None;
            }
            (hook, Some(reach.actions().find(&address.value, address.span, report)?), span)
        }
    };
    reach.check_hook(hook, action, HookUse::EXPECTED, span, report);
    Some((ExpectedHook { hook, action }, span))
}

/// Names in their order, each once.
fn set_of(names: List<At<String>>, report: &mut Report<'_>) -> Vec<String> {
    let mut set = BTreeMap::new();
    for At { value: name, span } in names.into_values() {
        match set.entry(name) {
            Entry::Vacant(vacant) => drop(vacant.insert(span)),
            Entry::Occupied(first) => named_twice(first.key(), span, *first.get(), report),
        }
    }
    set.into_keys().collect()
}

fn check_input(name: &str, span: Span, inputs: &BTreeMap<String, String>, report: &mut Report<'_>) {
    if inputs.contains_key(name) {
        return;
    }
    let known = || inputs.keys().map(String::as_str);
    let meant = report.guess(name, known());
    let message = format!("the plan has no input `{}`", shown(name));
    let mistake = report.mistake("no-such-input", span, message).label("not in `plan: inputs`");
    mistake.help(match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if inputs.is_empty() => "the plan has no inputs".to_owned(),
        None => format!("it has {}", listed(known())),
    });
}

/// What faults certainly make of actions and of the apply is not to be expected otherwise.
pub(super) fn check_against_faults(
    expect: &Expect,
    spans: &ExpectSpans,
    order: &Order<'_>,
    faults: &[Fault],
    report: &mut Report<'_>,
) {
    let line = |fault: usize, report: &Report<'_>| report.line(faults[fault].span);
    if let Some(ExpectedOutcomes::Of(outcomes)) = &expect.outcomes {
        for (action, status) in outcomes {
            let Some(span) = spans.outcome.get(action) else { continue };
            let (message, help) = if let Some(fault) = order.load() {
                let line = line(fault, report);
                let message = format!(
                    "no action has an outcome: the fault in line {line} has the load of the provider fail"
                );
                (message, "write `outcomes: none`".to_owned())
            } else if order.preflight().is_some() {
                let message = "no action has an outcome: the apply ends in preflight".to_owned();
                (message, "write `outcomes: none`".to_owned())
            } else if let Some(fatal) = order.fatal().filter(|fatal| *action > fatal.last) {
                let line = line(fatal.fault, report);
                let message =
                    format!("the action has no outcome: the fault in line {line} ends the apply before it");
                (message, "leave the action out, or the fault".to_owned())
            } else if let (Status::Success, Some(fault)) = (status, order.failure(*action)) {
                let message = "the action cannot succeed: a fault fails it".to_owned();
                (message, format!("the fault is in line {}; expect another outcome", line(fault, report)))
            } else if *status == Status::Success && order.is_unknown(*action) {
                report
                    .mistake("contradiction", *span, "an action that the engine does not know cannot succeed")
                    .label("contradicts the plan")
                    .help("expect `error`");
                continue;
            } else {
                continue;
            };
            report.mistake("contradiction", *span, message).label("contradicts `faults`").help(help);
        }
    }
    if let (Some(ApplyError::None), Some(span)) = (&expect.apply_error, spans.apply_error) {
        let plan_complete =
            |fault: &Fault| matches!(fault.kind, FaultKind::HookError { hook: Hook::PlanComplete, .. });
        let ends = match (order.load(), order.preflight()) {
            (Some(fault), _) => Some(Some(fault)),
            (None, Some(Refused(fault))) => Some(fault),
            (None, None) => {
                order.fatal().map(|fatal| fatal.fault).or(faults.iter().position(plan_complete)).map(Some)
            }
        };
        let Some(fault) = ends else { return };
        let (message, label, help) = match fault {
            Some(fault) => (
                "the apply cannot end without an error: a fault ends it with one",
                "contradicts `faults`",
                format!(
                    "the fault is in line {}; leave `apply_error` out, or expect a text",
                    line(fault, report)
                ),
            ),
            None => (
                "the apply cannot end without an error: preflight refuses drivers that replace by themselves",
                "contradicts `engine`",
                NO_REPLACER.to_owned(),
            ),
        };
        report.mistake("contradiction", span, message).label(label).help(help);
    }
}

/// An action that succeeds, or has no outcome, has no error.
fn check_errors(expect: &Expect, spans: &ExpectSpans, report: &mut Report<'_>) {
    for (action, span) in &spans.errors {
        let outcome = match &expect.outcomes {
            Some(ExpectedOutcomes::None) => "have no outcome",
            Some(ExpectedOutcomes::Of(statuses)) if statuses.get(action) == Some(&Status::Success) => {
                "succeed"
            }
            _ => continue,
        };
        report
            .mistake("contradiction", *span, format!("an action that is expected to {outcome} has no error"))
            .label("contradicts `outcomes`")
            .help("expect another outcome, or no error");
    }
}
