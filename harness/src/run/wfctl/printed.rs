//! What the command line prints, read by what the plan leads to expect (E-310 to E-314).

use counterfoil_core::{outcome::ActionError, plan::Action};

/// A line of standard output that tells of an action of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is begun. None where the plan has no such action.
    Begun(Option<u32>),
    /// It is done, and its resource is kept in the state.
    Kept(u32),
    /// It failed, with this text.
    Failed(u32, String),
}

/// What standard output tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    /// In their order.
    pub lines: Vec<Line>,
    /// How many actions were planned; none where the engine was never reached.
    pub planned: Option<usize>,
    /// The actions as they were planned, in words, as far as they were begun.
    pub begun: Vec<String>,
}

/// How the lines about actions begin.
const BEGUN: &str = "  -> [";
const KEPT: &str = "  ✓ ";
const FAILED: &str = "  ✗ ";

/// Reads standard output.
pub(super) fn read(stdout: &str, actions: &[Action]) -> Printed {
    let mut printed = Printed::default();
    let mut lines = stdout.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(count) = line.strip_prefix("  Plan: ").and_then(|rest| rest.split(' ').next()) {
            printed.planned = count.parse().ok();
        } else if let Some((_, action)) = line.strip_prefix(BEGUN).and_then(|rest| rest.split_once("] ")) {
            let position = position(actions, |planned| in_words(planned) == action);
            printed.lines.push(Line::Begun(position));
            printed.begun.push(action.to_owned());
        } else if let Some(kept) = line.strip_prefix(KEPT) {
            let position = position(actions, |planned| resource(planned) == kept);
            printed.lines.extend(position.map(Line::Kept));
        } else if let Some(rest) = line.strip_prefix(FAILED) {
            let mut text = rest.to_owned();
            // The text of an error may have several lines.
            while let Some(more) = lines.next_if(|line| !is_of_its_own(line)) {
                text.extend(["\n", more]);
            }
            let failed = position(actions, |planned| text.starts_with(&format!("{}: ", resource(planned))));
            printed.lines.extend(failed.map(|index| {
                let behind = resource(&actions[index as usize]).len() + 2;
                Line::Failed(index, text[behind..].to_owned())
            }));
        }
    }
    printed
}

/// Whether a line does not belong to the one before it.
fn is_of_its_own(line: &str) -> bool {
    [BEGUN, KEPT, FAILED, "Applying ", "  Plan: "].iter().any(|start| line.starts_with(start))
}

fn position(actions: &[Action], is: impl Fn(&Action) -> bool) -> Option<u32> {
    actions.iter().position(is).and_then(|position| u32::try_from(position).ok())
}

/// An action as the line says that tells of its beginning.
pub(super) fn in_words(action: &Action) -> String {
    format!("{} {}", action.kind, resource(action))
}

/// A resource as lines name it.
pub(super) fn resource(action: &Action) -> String {
    format!("{} ({})", action.spec.name, action.spec.resource_type)
}

/// The error with which the command line ends (E-314).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EndError {
    /// Actions failed, and nothing else (E-313).
    Actions(Vec<ActionError>),
    /// Something ended the apply; this is the innermost of it.
    Other(String),
}

/// Reads the error at the end of standard error; none where there is none.
pub(super) fn error(stderr: &str, actions: &[Action]) -> Option<EndError> {
    const ERROR: &str = "error: ";
    let behind = |at: usize| stderr[at..].trim_end();
    let error = match stderr.rfind(&format!("\n{ERROR}")) {
        Some(at) => behind(at + 1 + ERROR.len()),
        None => stderr.strip_prefix(ERROR)?.trim_end(),
    };
    let listed = error.split_once(" resource(s) failed: ");
    let listed = listed.filter(|(count, _)| count.bytes().all(|byte| byte.is_ascii_digit()));
    Some(match listed {
        Some((_, list)) => EndError::Actions(entries(list, actions)),
        None => EndError::Other(error.to_owned()),
    })
}

/// The entries of a list of failed actions. The text of an error may hold what stands between two.
fn entries(list: &str, actions: &[Action]) -> Vec<ActionError> {
    let mut heads: Vec<(usize, String, &Action)> = Vec::new();
    for action in actions {
        let head = format!("{}/{}: ", action.kind, action.spec.name);
        let from = heads.last().map_or(0, |(at, head, _)| at + head.len());
        let found = if from == 0 && list.starts_with(&head) {
            Some(0)
        } else {
            list[from..].find(&format!("; {head}")).map(|at| from + at + 2)
        };
        heads.extend(found.map(|at| (at, head, action)));
    }
    let ends = heads.iter().skip(1).map(|(at, ..)| at - 2).chain([list.len()]);
    let entry = |((at, head, action), end): (&(usize, String, &Action), usize)| ActionError {
        resource: action.spec.name.clone(),
        action: action.kind.to_string(),
        error: list[at + head.len()..end].to_owned(),
    };
    heads.iter().zip(ends).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use counterfoil_core::plan::{ActionKind, Spec};

    use super::*;

    fn planned(kind: ActionKind, name: &str) -> Action {
        let spec = Spec { name: name.into(), resource_type: "infra.vpc".into(), ..Spec::default() };
        Action { kind, spec, current: None, changes: Vec::new() }
    }

    fn plan() -> Vec<Action> {
        vec![
            planned(ActionKind::Create, "net"),
            planned(ActionKind::Update, "db"),
            planned(ActionKind::Delete, "old (1)"),
        ]
    }

    #[test]
    fn lines_about_actions_are_told_from_all_others() {
        let stdout = "Applying 3 resource(s) via provider \"p\" (mock)...\n  Plan: 3 action(s) to execute.\n  \
                      -> [1/3] create net (infra.vpc)\n  ✓ net (infra.vpc)\n  -> [2/3] update db (infra.vpc)\n  \
                      ✗ db (infra.vpc): quota: 3\n  of 2\n  -> [3/3] delete old (1) (infra.vpc)\n  -> [4/3] create x (y)\n";
        let printed = read(stdout, &plan());
        assert_eq!(printed.planned, Some(3));
        let expected = [
            Line::Begun(Some(0)),
            Line::Kept(0),
            Line::Begun(Some(1)),
            Line::Failed(1, "quota: 3\n  of 2".into()),
            Line::Begun(Some(2)),
            Line::Begun(None),
        ];
        assert_eq!(printed.lines, expected);
    }

    #[test]
    fn failed_actions_are_listed_whatever_their_errors_say() {
        let stderr = "plugin says things\nerror: 2 resource(s) failed: update/db: no; really; delete/old (1): gone; no\n";
        let Some(EndError::Actions(errors)) = error(stderr, &plan()) else { panic!() };
        let told: Vec<_> = errors.iter().map(|e| (&*e.action, &*e.resource, &*e.error)).collect();
        assert_eq!(told, [("update", "db", "no; really"), ("delete", "old (1)", "gone; no")]);
    }

    #[test]
    fn the_last_error_is_what_ended_it() {
        let other = |text: &str| Some(EndError::Other(text.to_owned()));
        assert_eq!(error("error: first\nerror: disk full\n", &plan()), other("disk full"));
        assert_eq!(error("error: x resource(s) failed: y", &plan()), other("x resource(s) failed: y"));
        assert_eq!(error("no error at all\n", &plan()), None);
    }
}
