//! A run in plain lines, for reports that others show: no styles, and nothing in a text of others that has an effect.

use counterfoil_core::{
    judge::{SkipKind, Verdict},
    outcome::Status,
    rules::Level,
};

use super::text::plain;
use crate::run::{ActionLine, Finished, FoundFinding};

/// Actions of a plan that are told, where it has more; those that just succeeded are left out first.
const SHOWN_ACTIONS: usize = 30;

/// What a run came to, in one line: why it did not pass, where it did not.
pub fn headline(run: &Finished, strict: bool) -> String {
    match &run.verdict {
        Verdict::Pass => "passed".to_owned(),
        Verdict::KnownFailure => format!("failed as listed: {}", rules_of(run.known_findings.iter())),
        Verdict::Unjudged { reason } => plain(reason).into_owned(),
        Verdict::Skip { kind: SkipKind::NotApplicable, reason } => {
            format!("not applicable: {}", plain(reason))
        }
        Verdict::Skip { kind: SkipKind::NotRun, reason } => format!("not run: {}", plain(reason)),
        Verdict::UnexpectedPass { entries } => {
            format!("listed as a known failure, and did not fail: {}", plain(&entries.join(", ")))
        }
        Verdict::Fail => {
            let mut causes: Vec<String> = Vec::new();
            for finding in run.findings.iter().filter(|finding| fails(finding, strict)) {
                let cause = plain(&format!("{} {}", finding.rule, finding.title)).into_owned();
                if !causes.contains(&cause) {
                    causes.push(cause);
                }
            }
            if !run.mismatches.is_empty() {
                causes.push("not as the scenario expects".to_owned());
            }
            causes.join("; ")
        }
    }
}

/// The rules that failed a run, each once; what a scenario expects in vain goes by the word `expectation`.
pub fn failed_by(run: &Finished, strict: bool) -> Vec<&str> {
    let mut rules: Vec<&str> = Vec::new();
    let broken = run.findings.iter().filter(|finding| fails(finding, strict)).map(|finding| &*finding.rule);
    for rule in broken.chain((!run.mismatches.is_empty()).then_some("expectation")) {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

/// Everything that is known of a run that did not just pass, in lines.
pub fn account(run: &Finished) -> Vec<String> {
    let mut lines = vec![plain(&run.title).into_owned(), plain(&run.file).into_owned()];
    lines.retain(|line| !line.is_empty());
    let is_good =
        |action: &ActionLine| matches!(&action.outcomes[..], [one] if one.status == Status::Success);
    let is_long = run.actions.len() > SHOWN_ACTIONS;
    let shown = run.actions.iter().enumerate().filter(|(_, action)| !is_long || !is_good(action));
    for (number, action) in shown.take(SHOWN_ACTIONS) {
        let planned = format!("{} {} ({})", action.kind, action.address, action.resource_type);
        let mut outcomes: Vec<String> = Vec::new();
        for outcome in &action.outcomes {
            let error = plain(&outcome.error);
            let error = if error.is_empty() { String::new() } else { format!(": {error}") };
            outcomes.push(format!("{}{error}", outcome.status));
        }
        let outcomes = if outcomes.is_empty() { "no outcome".to_owned() } else { outcomes.join("; ") };
        lines.push(format!("action {number}: {} -> {outcomes}", plain(&planned)));
    }
    if is_long {
        lines.push(format!("the plan has {} actions", run.actions.len()));
    }
    let errors = [
        ("the provider was not loaded", &run.load_error),
        ("the apply ended with an error", &run.apply_error),
    ];
    for (what, error) in errors {
        lines.extend(error.iter().map(|error| format!("{what}: {}", plain(error))));
    }
    run.findings.iter().for_each(|found| lines.extend(finding(found, "")));
    run.known_findings.iter().for_each(|found| lines.extend(finding(found, " (known)")));
    for unmet in &run.mismatches {
        lines.push(format!("not as expected, in line {}, column {}", unmet.line, unmet.column));
        lines.push(format!("  expected: {}", plain(&unmet.expected)));
        lines.push(format!("  found:    {}", plain(&unmet.found)));
    }
    lines.extend(run.trace.iter().map(|trace| format!("trace: {}", plain(trace))));
    if !run.reproduce.is_empty() {
        lines.push(format!("run again: {}", plain(&run.reproduce)));
    }
    lines
}

/// A finding, and the events that prove it.
fn finding(finding: &FoundFinding, aside: &str) -> Vec<String> {
    let FoundFinding { rule, level, party, title, .. } = finding;
    let mut lines = vec![
        plain(&format!("{rule} {level} {party}{aside}: {title}")).into_owned(),
        format!("  {}", plain(&finding.message)),
    ];
    lines.extend(finding.place.iter().map(|place| format!("  {}", plain(&place.to_string()))));
    lines.extend(finding.not_excused.iter().map(|reason| format!("  {}", plain(reason))));
    let events = finding.evidence.iter();
    lines.extend(events.map(|evidence| format!("  event {}: {}", evidence.event, plain(&evidence.text))));
    lines
}

/// A path as others name it who stand where the run stood.
pub fn path(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// Whether a finding fails its run.
pub fn fails(finding: &FoundFinding, strict: bool) -> bool {
    finding.level == Level::Must || strict
}

fn rules_of<'r>(findings: impl Iterator<Item = &'r FoundFinding>) -> String {
    let mut rules: Vec<&str> = findings.map(|finding| &*finding.rule).collect();
    rules.dedup();
    plain(&rules.join(", ")).into_owned()
}
