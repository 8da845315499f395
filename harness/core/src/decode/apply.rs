//! The reply of the `Apply` RPC: a result, held against the plan that it answers.

use bytes::Bytes;

use super::{
    ApplyContext, Cause, Reading,
    accounting::{self, Seen},
    check::{self, Fields, Found, Pass},
    numbers::{action_result, apply_response, apply_result},
    output,
    path::Path,
    table::{Kind, Tables},
    wire::{self, Raw, Reader, Span},
};
use crate::{
    outcome::{ApplyResult, Outcome, Status},
    plan::Action,
};

/// What an empty outcome takes on the wire: tag and length.
const SHORTEST_OUTCOME: usize = 2;

/// Reads the reply and holds it against the plan.
pub(super) fn response(whole: &Bytes, context: &ApplyContext<'_>) -> Reading<ApplyResult> {
    let (tables, id) = Tables::find_iac("ApplyResponse", context.revision);
    let mut pass = Pass::new(tables);
    let mut fields = Fields::new(&pass, id, Span::whole(whole), &Path::ROOT);
    let mut results = Vec::new();
    while let Some(found) = fields.next(&mut pass) {
        match found.field.number {
            apply_response::RESULT => results.push(found),
            _ => check::value(&mut pass, &found, &[found.span()], &fields.path(&found)),
        }
    }
    let value = match results.split_first() {
        Some((first, more)) => result(&mut pass, first, more, &fields.path(first), whole, context.planned),
        None => {
            // Of a reply that is cut short nobody knows what it had.
            if !pass.has(Cause::CutShort) {
                let path = Path::ROOT.field("result");
                pass.refuse(Cause::ResultAbsent, &path, whole.len(), format_args!("the reply has none"));
            }
            ApplyResult::default()
        }
    };
    pass.finish(value)
}

/// Reads the result; one that stands on the wire more than once is the sum of all.
fn result(
    pass: &mut Pass,
    first: &Found<'_>,
    more: &[Found<'_>],
    path: &Path<'_>,
    whole: &Bytes,
    planned: &[Action],
) -> ApplyResult {
    let mut result = ApplyResult::default();
    let mut plan_id = "";
    let mut tally = Tally::new(planned);
    let mut fields = Fields::inside(pass, first, path);
    result.outcomes.reserve(planned.len().min(first.span().bytes.len() / SHORTEST_OUTCOME));

    let mut rest = more.iter();
    loop {
        loop {
            while let Some(outcome) = fields.short(apply_result::ACTIONS).and_then(|bytes| tally.plain(bytes)) {
                fields.pass_short(apply_result::ACTIONS);
                result.outcomes.push(outcome);
            }
            let Some(found) = fields.next(pass) else { break };
            let path = fields.path(&found);
            match found.field.number {
                apply_result::ACTIONS => result.outcomes.extend(outcome(pass, &found, &path, &mut tally)),
                apply_result::RESOURCES => result.resources.push(output::resource(pass, &found, &[], &path, whole)),
                apply_result::ERRORS => result.errors.push(output::error(pass, &found, &path)),
                apply_result::PLAN_ID => plan_id = found.text(),
                apply_result::REPLACE_ID_MAP => {
                    let (name, id) = output::map_entry(pass, &found, &path);
                    result.replace_ids.insert(name.to_owned(), id.map_or("", |id| id.text()).to_owned());
                }
                _ => check::value(pass, &found, &[found.span()], &path),
            }
        }
        match rest.next() {
            Some(found) => fields.enter(found.span()),
            None => break,
        }
    }
    result.plan_id = plan_id.to_owned();

    // At 0.51 a result has no outcomes, and one that is cut short says nothing of those that it lacks.
    if fields.knows(apply_result::ACTIONS) && !pass.has(Cause::CutShort) && !tally.adds_up() {
        let spans: Vec<_> = [first].into_iter().chain(more).map(Found::span).collect();
        let end = spans.iter().map(Span::end).max().unwrap_or_default();
        accounting::judge(pass, &seen(&spans), planned, path, end);
    }
    result
}

/// What is noted about the outcomes while they are read: enough to know that they add up, which most do.
struct Tally<'a> {
    planned: &'a [Action],
    seen: usize,
    is_plain: bool,
}

impl<'a> Tally<'a> {
    fn new(planned: &'a [Action]) -> Self {
        Self { planned, seen: 0, is_plain: true }
    }

    #[inline]
    fn plain(&mut self, bytes: &[u8]) -> Option<Outcome> {
        let (action_index, rest) = match bytes {
            [0x08, a @ 0..0x80, rest @ ..] => (u32::from(*a), rest),
            [0x08, a, b @ 0..0x80, rest @ ..] => (u32::from(*a & 0x7f) | u32::from(*b) << 7, rest),
            [0x08, a, b, c @ 0..0x80, rest @ ..] => (u32::from(*a & 0x7f) | u32::from(*b & 0x7f) << 7 | u32::from(*c) << 14, rest),
            rest => (0, rest),
        };
        let [0x10, status @ 1..=6, rest @ ..] = rest else { return None };
        let error = match rest {
            [] => "",
            [0x1a, length @ 1..0x80, text @ ..] if usize::from(*length) == text.len() => str::from_utf8(text).ok()?,
            _ => return None,
        };
        let status = Status::from_number(i32::from(*status))?;
        if action_index as usize != self.seen || (status == Status::Success) != error.is_empty() || accounting::is_misplaced(status.number(), self.seen, self.planned) {
            return None;
        }
        self.seen += 1;
        Some(Outcome { action_index, status, error: error.to_owned() })
    }

    #[inline]
    fn count(&mut self, action_index: u32, status: i32) {
        let place = action_index as usize;
        self.is_plain &= place == self.seen && !accounting::is_misplaced(status, place, self.planned);
        self.seen += 1;
    }

    fn adds_up(&self) -> bool {
        self.is_plain && self.seen == self.planned.len()
    }
}

/// Reads one outcome. One without a status that the revision knows is refused and left out.
#[inline]
fn outcome(pass: &mut Pass, found: &Found<'_>, path: &Path<'_>, tally: &mut Tally<'_>) -> Option<Outcome> {
    let (mut action_index, mut status, mut error) = (0, None, None);
    let mut fields = Fields::inside(pass, found, path);
    while let Some(found) = fields.next(pass) {
        match found.field.number {
            action_result::ACTION_INDEX => action_index = found.uint32(),
            action_result::STATUS => status = Some(found),
            action_result::ERROR => error = Some(found),
            _ => check::value(pass, &found, &[found.span()], &fields.path(&found)),
        }
    }
    let number = status.map_or(0, |status| status.int32());
    tally.count(action_index, number);
    if fields.is_broken() {
        return None;
    }

    let error = error.map_or("", |error| error.text());
    let offset = status.map_or(found.offset, |status| status.offset);
    let status = match (number, status.map(|status| status.field.kind)) {
        (0, _) => {
            let message = format_args!("0, which is none, for action {action_index}");
            pass.refuse(Cause::StatusUnspecified, &path.field("status"), offset, message);
            return None;
        }
        (_, Some(Kind::Enum(id))) if !pass.tables.enumeration(id).knows(number) => {
            pass.refuse_number(id, number, &path.field("status"), offset);
            return None;
        }
        _ => Status::from_number(number)?,
    };
    if (status == Status::Success) != error.is_empty() {
        disagree(pass, status, error, path, offset);
    }
    Some(Outcome { action_index, status, error: error.to_owned() })
}

/// Refuses an outcome whose status and error text contradict each other. The text itself may hold secrets.
#[cold]
fn disagree(pass: &mut Pass, status: Status, error: &str, path: &Path<'_>, offset: usize) {
    let path = path.field("error");
    if status == Status::Success {
        let message = format_args!("a text of {} bytes beside success", error.len());
        pass.refuse(Cause::ErrorOnSuccess, &path, offset, message);
    } else {
        pass.refuse(Cause::FailureWithoutError, &path, offset, format_args!("no text beside {status}"));
    }
}

/// The outcomes once more, as the wire has them: read again only where they do not add up.
fn seen(results: &[Span<'_>]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for span in results {
        let mut result = Reader::new(*span, 0);
        let mut offset = result.offset();
        while let Ok(Some(field)) = result.field() {
            if let (apply_result::ACTIONS, Raw::Delimited(span)) = (field.number, field.value) {
                seen.push(outcome_again(span, offset));
            }
            offset = result.offset();
        }
    }
    seen
}

fn outcome_again(span: Span<'_>, offset: usize) -> Seen {
    let mut seen = Seen { action_index: 0, status: 0, offset };
    let mut outcome = Reader::new(span, 0);
    while let Ok(Some(field)) = outcome.field() {
        let Raw::Varint(number) = field.value else { continue };
        match field.number {
            action_result::ACTION_INDEX => seen.action_index = wire::uint32(number),
            action_result::STATUS => seen.status = wire::uint32(number).cast_signed(),
            _ => {}
        }
    }
    seen
}
