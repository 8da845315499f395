//! What a fault is made of: from the fields of its kind to what it does.

use counterfoil_proto::edit::{Edit, Mismatch};

use super::{
    FinalizeAnswer, ResolvePoint, Span, TransportKind,
    diagnostic::{Report, shown},
    faults::{AtShape, FaultShape, FieldValue, TransportWord},
    read::{At, Time, Tried, Word, listed},
};
use crate::rpc::{Code, Method};

/// What a call or a hook may fail with, where the scenario does not care.
pub(super) const DEFAULT_MESSAGE: &str = "injected failure";

/// The status of a failing call.
pub(super) fn status(shape: &mut FaultShape) -> (Code, String) {
    let code = shape.code.as_ref().map_or(Code::Unknown, |code| code.value);
    (code, shape.message.take().map_or_else(|| DEFAULT_MESSAGE.to_owned(), |message| message.value))
}

/// The `at` of a driver-resolve-error.
pub(super) fn resolve_point(
    At { value: at, span }: At<AtShape>,
    report: &mut Report<'_>,
) -> Option<At<ResolvePoint>> {
    let (found, help) = match at {
        AtShape::Word(word) => {
            return ResolvePoint::of(&word, span, report).map(|value| At { value, span });
        }
        AtShape::Moment { .. } => ("a map".to_owned(), "moments belong to a cancel"),
        AtShape::Other(found) => (found, "write `at: dispatch` or `at: preflight`"),
    };
    let message = format!("`at`: expected a point of resolution, found {found}");
    report.mistake("wrong-type", span, message).label("expected `dispatch` or `preflight`").help(help);
    None
}

/// What `FinalizeApply` answers.
pub(super) fn finalize_answer(shape: &mut FaultShape, report: &mut Report<'_>) -> Option<FinalizeAnswer> {
    let code = shape.code.as_ref().map(|code| ("code", code.span));
    let message = shape.message.as_ref().map(|message| ("message", message.span));
    let Some(At { value: errors, span }) = shape.errors.take() else {
        let (code, message) = status(shape);
        return Some(FinalizeAnswer::Status { code, message });
    };
    for (field, span) in code.into_iter().chain(message) {
        report
            .mistake(
                "contradiction",
                span,
                format!("`errors` come with status OK, and `{field}` belongs to another"),
            )
            .label("beside `errors`")
            .help("keep `errors`, or `code` and `message`");
    }
    if errors.0.is_empty() {
        report
            .mistake("empty-list", span, "`errors` is empty: so answers a finalizer that succeeds")
            .label("no error")
            .help("name the errors, or leave the fault out");
        return None;
    }
    Some(FinalizeAnswer::Errors(errors.into_values().map(Into::into).collect()))
}

/// How the way to the provider fails.
pub(super) fn transport(shape: &FaultShape, span: Span, report: &mut Report<'_>) -> Option<TransportKind> {
    let Some(Tried(kind)) = shape.kind else {
        if report.is_meant(span, "kind") {
            return None;
        }
        let mistake = report.mistake("missing-field", span, "the fault does not say how the way fails");
        mistake
            .label("`kind` belongs here")
            .help(format!("it is {}", listed(TransportWord::all().map(|(word, _)| word))));
        return None;
    };
    let kind = match kind? {
        TransportWord::Delay => {
            if let Some(At { span, .. }) = shape.reaches_provider {
                report
                    .mistake("field-not-taken", span, "a delayed call always reaches the provider")
                    .label("not taken")
                    .help("leave `reaches_provider` out");
            }
            let Some(Tried(time)) = &shape.r#for else {
                if report.is_meant(span, "for") {
                    return None;
                }
                report
                    .mistake("missing-field", span, "the delay does not say how long it is")
                    .label("`for` belongs here")
                    .help("such as `for: 150ms`, `for: 2s` or `for: 1m`");
                return None;
            };
            return time.as_ref().map(|At { value: Time(time), .. }| TransportKind::Delay(*time));
        }
        TransportWord::Hang => TransportKind::Hang,
        TransportWord::Reset => TransportKind::Reset,
        TransportWord::Disconnect => TransportKind::Disconnect,
        TransportWord::Kill => TransportKind::Kill,
    };
    if let Some(Tried(Some(At { span, .. }))) = shape.r#for {
        let help = match kind {
            TransportKind::Hang => "a hang lasts until the scenario's `deadline`",
            _ => "leave it out",
        };
        report.mistake("field-not-taken", span, "only a delay takes `for`").label("not taken").help(help);
    }
    Some(kind)
}

/// What a wire fault does to the reply to a call.
pub(super) fn edit(shape: FaultShape, method: Method, span: Span, report: &mut Report<'_>) -> Option<Edit> {
    let mut edit = Edit::default();
    let message = method.response();
    // What is given altogether, also where it is a mistake.
    let (mut given, mut sets, mut drops) = (shape.truncate.is_some(), Vec::new(), Vec::new());
    if let Some(Tried(table)) = shape.set {
        given |= table.as_ref().is_none_or(|table| !table.0.is_empty());
        sets = table.map(|table| table.0).unwrap_or_default();
    }
    if let Some(Tried(paths)) = shape.drop {
        given |= paths.as_ref().is_none_or(|paths| !paths.0.is_empty());
        drops = paths.map(|paths| paths.0).unwrap_or_default();
    }
    if ["set", "drop", "truncate"].into_iter().any(|field| report.is_meant(span, field)) {
        return None;
    }
    if !given {
        report
            .mistake("missing-field", span, "the wire fault alters nothing")
            .label("`set`, `drop` or `truncate` belongs here")
            .help("such as `set: { output.name: other }`, `drop: [output]` or `truncate: 7`");
        return None;
    }
    for (path, At { value: Tried(value), span }) in sets {
        let Some(FieldValue(value)) = value else { continue };
        if let Err(mismatch) = Edit::check_set(message, &path.value, &value) {
            let wrong_value = matches!(mismatch, Mismatch::WrongValue { .. } | Mismatch::NoEnumValue { .. });
            mismatched(&mismatch, if wrong_value { span } else { path.span }, report);
        }
        edit.set.push((path.value, value));
    }
    for path in drops.into_iter().flatten() {
        if let Err(mismatch) = Edit::check_drop(message, &path.value) {
            mismatched(&mismatch, path.span, report);
        }
        edit.drop.push(path.value);
    }
    edit.truncate = shape.truncate.and_then(|bytes| usize::try_from(bytes.0?).ok());
    Some(edit)
}

/// Reports a path that leads astray, or a value that does not fit.
fn mismatched(mismatch: &Mismatch, span: Span, report: &mut Report<'_>) {
    let text = shown_whole(&mismatch.to_string());
    let meant = |word: &str, known: &[String], others: &[String], what: &str| {
        let words = known.iter().chain(others).map(String::as_str);
        match report.guess(word, words) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => format!("it has no {what}"),
            None => format!("it has {}", listed(known.iter().map(String::as_str))),
        }
    };
    let (code, label, help) = match mismatch {
        Mismatch::NoMessage(_) => ("unknown-path", "leads nowhere", String::new()),
        Mismatch::NoField { field, known, .. } => {
            ("unknown-path", "leads nowhere", meant(field, known, &[], "fields"))
        }
        Mismatch::NoPosition { field, .. } => {
            ("unknown-path", "leads nowhere", format!("positions are counted from 0, such as `{field}.0`"))
        }
        Mismatch::NothingInside { .. } => {
            ("unknown-path", "leads nowhere", "the path ends before".to_owned())
        }
        Mismatch::NotOneValue { field, kind } => (
            "unknown-path",
            "not a single value",
            match *kind {
                "a list" => format!("set a position in it, such as `{field}.0`, or drop it"),
                "a map" => format!("set one of its keys, such as `{field}.key`, or drop it"),
                _ => "set one of its fields, or drop it".to_owned(),
            },
        ),
        Mismatch::WrongValue { expected, .. } => {
            let written = shown(report.written(span));
            let help =
                if *expected == "text" { format!("write `\"{written}\"`, in quotes") } else { String::new() };
            ("wrong-type", "not a value of this field", help)
        }
        Mismatch::NoEnumValue { value, known, short, .. } => {
            let (known, others) = if short.is_empty() { (known, short) } else { (short, known) };
            ("unknown-value", "not a value of this field", meant(value, known, others, "values"))
        }
    };
    let mistake = report.mistake(code, span, text).label(label);
    if !help.is_empty() {
        mistake.help(help);
    }
}

/// A text that quotes the file, fit to be shown.
fn shown_whole(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}
