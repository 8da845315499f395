//! From a scenario to its file: the inverse of reading one, but for most of what the scenario expects.

use std::{
    fmt::{Display, Write as _},
    time::Duration,
};

use counterfoil_proto::{
    RevisionRange,
    edit::{self, Edit},
};
use serde_json::Value;

use super::{
    CallPoint, CancelPoint, Dispatch, ExpectedCall, Fault, FaultKind, FinalizeAnswer, Found, Hooks, Need,
    ResolvePoint, Scenario, Seam, Seed, Services, TransportKind,
    faults::TransportWord,
    file::{HookWord, Service},
    read::Word,
};
use crate::{
    json::JsonMap,
    outcome::ActionError,
    plan::{Action, ActionKind, Change, Hints},
    rpc::Code,
};

/// The first line of a scenario file, by which editors find the schema. It is that of a file in a folder of its own below
/// `scenarios/`.
const SCHEMA_LINE: &str = "# yaml-language-server: $schema=../scenario.schema.json\n";

/// The text of a scenario's file. Read again, it is the same scenario, but that it expects nothing beside the findings of
/// what it plays itself: the rules hold always, and what else was expected is for its author to say.
pub fn write(scenario: &Scenario) -> String {
    let mut out = String::from(SCHEMA_LINE);
    let mut line = |key: &str, value: String| {
        out.extend([key, ": ", &value, "\n"]);
    };
    line("id", text(&scenario.id));
    line("title", text(&scenario.title));
    if let Some(found) = &scenario.found {
        line("found", found_block(found));
    }
    if scenario.revisions != RevisionRange::default() {
        line("revisions", quoted(&scenario.revisions.to_string()));
    }
    if !scenario.tags.is_empty() {
        line("tags", list(scenario.tags.iter().map(|tag| text(tag))));
    }
    // Without any, the scenario has been built, and its seams follow from what it holds.
    if !scenario.seams.is_empty() {
        line("seams", list(scenario.seams.iter().map(|seam| word::<Seam>(*seam))));
    }
    if !scenario.needs.is_empty() {
        line("needs", list(scenario.needs.iter().map(|need| word::<Need>(*need))));
    }
    if !scenario.trials.is_empty() {
        line("trials", list(scenario.trials.iter().map(ToString::to_string)));
    }
    if let Some(deadline) = scenario.deadline {
        line("deadline", time(deadline));
    }
    if !scenario.environment.is_empty() {
        line("environment", table(&scenario.environment));
    }
    match &scenario.dispatch {
        Dispatch::V2 => {}
        Dispatch::V1 { reply } => {
            line("dispatch", "v1".to_owned());
            if let Some(reply) = reply {
                line("reply_hex", quoted(&format!("{reply:x}")));
            }
        }
    }
    if let Some(provider) = provider(scenario) {
        line("provider", provider);
    }
    if let Some(engine) = engine(scenario) {
        line("engine", engine);
    }
    blocks(
        &mut out,
        "state",
        scenario.state.iter().filter(|seed| !scenario.is_known_to_an_action(seed)).map(state),
    );
    out.push_str(&plan(scenario));
    if !scenario.expect.findings.is_empty() {
        let findings = list(scenario.expect.findings.iter().cloned());
        out.extend(["expect: { findings: ", &findings, " }\n"]);
    }
    blocks(&mut out, "faults", scenario.faults.iter().map(|fault| fault_entry(fault, scenario)));
    out
}

/// The same with the calls that it expects.
pub fn write_with_calls(scenario: &Scenario) -> String {
    let mut out = write(scenario);
    let calls = scenario.expect.calls.as_deref().unwrap_or_default();
    if !calls.is_empty() {
        out.push_str("expect:\n  calls:\n");
    }
    for ExpectedCall { method, action } in calls {
        out.extend(["    - { ", method.as_str(), ": ", &text(&scenario.addresses[*action]), " }\n"]);
    }
    out
}

/// A list with a line for each of its entries; nothing where there are none.
fn blocks(out: &mut String, key: &str, entries: impl Iterator<Item = String>) {
    let mut entries = entries.peekable();
    if entries.peek().is_some() {
        out.extend([key, ":\n"]);
    }
    for entry in entries {
        out.extend(["  - ", &entry, "\n"]);
    }
}

fn found_block(found: &Found) -> String {
    let mut map = Flow::default();
    map.field("rule", text(&found.rule));
    map.field("party", found.party);
    map.field("seed", found.seed);
    map.field("case", found.case);
    map.field("counterfoil", text(&found.counterfoil));
    map.field("subject", text(&found.subject));
    if let Some(digest) = &found.digest {
        map.field("digest", text(digest));
    }
    map.field("replay", text(&found.replay));
    map.end()
}

fn provider(scenario: &Scenario) -> Option<String> {
    let provider = &scenario.provider;
    let by_default = if scenario.dispatch == Dispatch::V2 { "v2" } else { "v1" };
    let mut map = Flow::default();
    if provider.compute_plan_version != by_default {
        map.field("compute_plan_version", text(&provider.compute_plan_version));
    }
    if !provider.force_new.is_empty() {
        map.field("force_new", list(provider.force_new.iter().map(|field| text(field))));
    }
    let Services { resource_driver, finalizer } = provider.services;
    if provider.services != Services::default() {
        let served = [(resource_driver, Service::ResourceDriver), (finalizer, Service::Finalizer)];
        map.field(
            "services",
            list(served.into_iter().filter(|(served, _)| *served).map(|(_, name)| word(name))),
        );
    }
    map.unless_empty()
}

fn engine(scenario: &Scenario) -> Option<String> {
    let engine = &scenario.engine;
    let mut map = Flow::default();
    if let Hooks::Only(hooks) = &engine.hooks {
        map.field("hooks", list(hooks.iter().map(ToString::to_string)));
    }
    for (key, is_so) in [("upsert", engine.upsert), ("replacer", engine.replacer)] {
        if is_so {
            map.field(key, true);
        }
    }
    map.unless_empty()
}

fn state(seed: &Seed) -> String {
    let mut map = Flow::default();
    map.field("name", text(&seed.name));
    map.field("type", text(&seed.resource_type));
    map.field("provider_id", text(&seed.provider_id));
    map.json("config", &seed.config);
    map.json("outputs", &seed.outputs);
    map.end()
}

fn plan(scenario: &Scenario) -> String {
    let plan = &scenario.plan;
    let mut out = "plan:\n".to_owned();
    if plan.id != scenario.id {
        out.extend(["  id: ", &text(&plan.id), "\n"]);
    }
    if !plan.inputs.is_empty() {
        out.extend(["  inputs: ", &table(&plan.inputs), "\n"]);
    }
    if plan.actions.is_empty() {
        out.push_str("  actions: []\n");
        return out;
    }
    out.push_str("  actions:\n");
    for (action, address) in plan.actions.iter().zip(&scenario.addresses) {
        out.extend(["    - ", &planned(action, address), "\n"]);
    }
    out
}

fn planned(action: &Action, address: &str) -> String {
    let Action { kind, spec, current, changes } = action;
    let mut map = Flow::default();
    let verb = match kind {
        ActionKind::Unknown(word) => {
            map.field("word", text(word));
            "unknown"
        }
        known => known.as_str(),
    };
    if *address != spec.name {
        map.field("as", text(address));
    }
    map.field("name", text(&spec.name));
    map.field("type", text(&spec.resource_type));
    map.json("config", &spec.config);
    if let Some(current) = current {
        // Without it there would be nothing to tell that there is a current state.
        let untold = current.outputs.is_nil() && current.applied_config.is_nil();
        if untold || !current.provider_id.is_empty() {
            map.field("provider_id", text(&current.provider_id));
        }
        map.json("outputs", &current.outputs);
        map.json("applied_config", &current.applied_config);
    }
    if !spec.size.is_empty() {
        map.field("size", text(&spec.size));
    }
    if let Some(Hints { cpu, memory, storage }) = &spec.hints {
        let mut hints = Flow::default();
        for (key, hint) in [("cpu", cpu), ("memory", memory), ("storage", storage)] {
            if !hint.is_empty() {
                hints.field(key, text(hint));
            }
        }
        map.field("hints", hints.end());
    }
    if !spec.depends_on.is_empty() {
        map.field("depends_on", list(spec.depends_on.iter().map(|name| text(name))));
    }
    if !changes.is_empty() {
        map.field("changes", list(changes.iter().map(change)));
    }
    format!("{verb}: {}", map.end())
}

fn change(change: &Change) -> String {
    let mut map = Flow::default();
    map.field("path", text(&change.path));
    for (key, side) in [("old", &change.old), ("new", &change.new)] {
        if let Some(side) = side {
            map.field(key, value(side));
        }
    }
    if change.force_new {
        map.field("force_new", true);
    }
    map.end()
}

fn fault_entry(fault: &Fault, scenario: &Scenario) -> String {
    let address = |action: usize| text(scenario.addresses.get(action).map_or("", String::as_str));
    let mut map = Flow::default();
    let mut begin = |inject: &str| {
        map.field("inject", inject);
        if let Some(action) = fault.action {
            map.field("action", address(action));
        }
    };
    match &fault.kind {
        FaultKind::JitError => begin("jit-error"),
        FaultKind::DriverResolveError { at } => {
            begin("driver-resolve-error");
            if *at != ResolvePoint::default() {
                map.field("at", word::<ResolvePoint>(*at));
            }
        }
        FaultKind::DispatchError { point, code, message, reaches_provider } => {
            begin("dispatch-error");
            map.point(*point);
            map.status(*code, message);
            map.reaches(*reaches_provider);
        }
        FaultKind::HookError { hook, message } => {
            begin("hook-error");
            let known = HookWord::all().find(|(_, word)| word.hook() == *hook);
            map.field("hook", known.map_or("", |(word, _)| word));
            map.field("message", text(message));
        }
        FaultKind::Cancel { at } => {
            begin("cancel");
            let mut moment = Flow::default();
            match *at {
                CancelPoint::Before(action) => moment.field("before", address(action)),
                CancelPoint::After(action) => moment.field("after", address(action)),
                CancelPoint::During(action, point) => {
                    moment.field("during", address(action));
                    moment.point(point);
                }
            }
            map.field("at", moment.end());
        }
        FaultKind::FinalizeError { answer } => {
            begin("finalize-error");
            match answer {
                FinalizeAnswer::Errors(errors) => map.field("errors", list(errors.iter().map(action_error))),
                FinalizeAnswer::Status { code, message } => map.status(*code, message),
            }
        }
        FaultKind::Transport { point, kind, reaches_provider } => {
            begin("transport");
            map.point(*point);
            let (kind, by) = match *kind {
                TransportKind::Delay(by) => (TransportWord::Delay, Some(by)),
                TransportKind::Hang => (TransportWord::Hang, None),
                TransportKind::Reset => (TransportWord::Reset, None),
                TransportKind::Disconnect => (TransportWord::Disconnect, None),
                TransportKind::Kill => (TransportWord::Kill, None),
            };
            map.field("kind", word(kind));
            match by {
                Some(by) => map.field("for", time(by)),
                None => map.reaches(*reaches_provider),
            }
        }
        FaultKind::Wire { point, edit } => {
            begin("wire");
            map.point(*point);
            map.edit(edit);
        }
    }
    map.end()
}

fn action_error(error: &ActionError) -> String {
    let mut map = Flow::default();
    map.field("resource", text(&error.resource));
    map.field("action", text(&error.action));
    map.field("error", text(&error.error));
    map.end()
}

/// A map in flow style, whose fields stand in the order in which they were entered.
#[derive(Default)]
struct Flow(String);

impl Flow {
    fn field(&mut self, key: &str, value: impl Display) {
        let separator = if self.0.is_empty() { "" } else { ", " };
        self.0.extend([separator, key, ": ", &value.to_string()]);
    }

    fn json(&mut self, key: &str, map: &JsonMap) {
        if !map.is_nil() {
            self.field(key, value(&Value::Object(map.build())));
        }
    }

    fn point(&mut self, CallPoint { method, nth }: CallPoint) {
        self.field("call", method.as_str());
        if nth > 1 {
            self.field("nth", nth);
        }
    }

    fn status(&mut self, code: Code, message: &str) {
        self.field("code", word(code));
        self.field("message", text(message));
    }

    fn reaches(&mut self, reaches_provider: bool) {
        if reaches_provider {
            self.field("reaches_provider", true);
        }
    }

    fn edit(&mut self, edit: &Edit) {
        if !edit.set.is_empty() {
            let mut set = Self::default();
            for (path, value) in &edit.set {
                let value = match value {
                    edit::Value::Text(value) => text(value),
                    edit::Value::Number(value) => value.to_string(),
                    edit::Value::Bool(value) => value.to_string(),
                };
                set.field(&text(path), value);
            }
            self.field("set", set.end());
        }
        if !edit.drop.is_empty() {
            self.field("drop", list(edit.drop.iter().map(|path| text(path))));
        }
        if let Some(bytes) = edit.truncate {
            self.field("truncate", bytes);
        }
    }

    fn end(self) -> String {
        if self.0.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", self.0) }
    }

    fn unless_empty(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.end())
    }
}

fn list(entries: impl Iterator<Item = String>) -> String {
    format!("[{}]", entries.collect::<Vec<_>>().join(", "))
}

fn table<'t>(entries: impl IntoIterator<Item = (&'t String, &'t String)>) -> String {
    let mut map = Flow::default();
    for (key, value) in entries {
        map.field(&text(key), text(value));
    }
    map.end()
}

/// The word of a value in a file.
fn word<W: Word + PartialEq>(value: W) -> String {
    W::all().find(|(_, known)| *known == value).map_or("", |(word, _)| word).to_owned()
}

fn time(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

/// A JSON value, as YAML has it.
fn value(json: &Value) -> String {
    match json {
        Value::String(string) => text(string),
        Value::Array(items) => list(items.iter().map(value)),
        Value::Object(fields) => {
            let mut map = Flow::default();
            for (key, field) in fields {
                map.field(&text(key), value(field));
            }
            map.end()
        }
        other => other.to_string(),
    }
}

/// A text as YAML has it, on one line: in quotes where it would be read as something else without.
pub fn text(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-');
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain);
    // Words that some reader of YAML takes for more than a word.
    let taken = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if is_plain && !taken.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// A text in quotes: JSON's, with an escape for what YAML does not let stand as it is.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    let mut quoted = String::with_capacity(json.len());
    for c in json.chars() {
        match u32::from(c) {
            code @ (0x7f..=0x9f | 0x2028 | 0x2029 | 0xfeff | 0xfffe | 0xffff) => {
                let _ = write!(quoted, "\\u{code:04x}");
            }
            _ => quoted.push(c),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        rules::Party,
        scenario::{Expect, Source, Span, parse},
        testing::scenario_files,
    };

    /// A scenario without what is not written: expectations, and the places of everything.
    fn bare(mut scenario: Scenario) -> String {
        for fault in &mut scenario.faults {
            fault.span = Span::default();
        }
        scenario.expect = Expect::default();
        scenario.source = Source::nowhere();
        format!("{scenario:#?}")
    }

    #[test]
    fn every_stock_scenario_reads_the_same_when_it_was_written() {
        let files = scenario_files();
        assert!(files.len() > 300, "{} files", files.len());
        for file in files {
            let name = file.display().to_string();
            let known = parse(&name, &fs::read(&file).unwrap()).unwrap();
            let written = write(&known);
            let again = parse(&name, written.as_bytes()).unwrap_or_else(|mistakes| {
                panic!("{name}: {mistakes:#?}\n{written}");
            });
            assert_eq!(bare(again), bare(known), "{name}");
        }
    }

    fn with_config(config: Value) -> Scenario {
        let text = "id: any\ntitle: Any\nplan: { actions: [{ create: { name: net, type: infra.vpc } }] }\n";
        let mut scenario = parse("any.yaml", text.as_bytes()).unwrap();
        let Value::Object(config) = config else { unreachable!("an object is given") };
        scenario.plan.actions[0].spec.config = JsonMap::from(config);
        scenario
    }

    #[test]
    fn what_yaml_would_take_for_something_else_stands_in_quotes() {
        for word in
            ["yes", "Null", "1e3", "0x10", "~", "- a", "a: b", "#", "", " ", "${a.b}", "\u{85}", "\u{feff}"]
        {
            let quoted = text(word);
            assert!(quoted.starts_with('"') && quoted.ends_with('"'), "{quoted}");
        }
        assert_eq!(text("infra.vpc"), "infra.vpc");
        assert_eq!(value(&json!({ "a b": [1, null, { "c": "d" }] })), r#"{ "a b": [1, null, { c: d }] }"#);
    }

    proptest! {
        #[test]
        fn any_config_reads_the_same_when_it_was_written(
            key in "\\PC{0,20}|[\\x00-\\x7f]{0,5}",
            texts in prop::collection::vec(any::<String>(), 0..4),
            number in any::<i64>(),
            fraction in prop::num::f64::NORMAL,
        ) {
            let known = with_config(json!({ key: texts, "number": number, "fraction": fraction, "deep": [[{}], []] }));
            let written = write(&known);
            let again = parse("any.yaml", written.as_bytes());
            let again = again.map_err(|mistakes| TestCaseError::fail(format!("{mistakes:#?}\n{written}")))?;
            let config = |scenario: &Scenario| scenario.plan.actions[0].spec.config.build();
            prop_assert_eq!(config(&again), config(&known));
        }
    }

    #[test]
    fn a_found_scenario_keeps_how_it_was_found() {
        let mut known = with_config(json!({}));
        known.found = Some(Found {
            rule: "OUT-003".to_owned(),
            party: Party::Engine,
            seed: u64::MAX,
            case: 7,
            counterfoil: "0.1.0".to_owned(),
            subject: "engine `x`".to_owned(),
            digest: None,
            replay: "counterfoil run --mutant x 'a b.yaml'".to_owned(),
        });
        let again = parse("any.yaml", write(&known).as_bytes()).unwrap();
        assert_eq!(again.found, known.found);
    }
}
