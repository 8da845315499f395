//! The outcomes of a result, of which there may be very many.
//!
//! Nearly all of them are *plain*: laid out as every encoder does it, in their place in the plan, and above
//! reproach. Those are read here without tables and in one go. Whatever is not plain goes the long way, which
//! every other message goes too, and which knows all that can be wrong; it alone refuses.

use super::{
    Cause,
    accounting::Index,
    check::{self, Fields, Found, Pass},
    numbers::{action_result, apply_result},
    path::Path,
    table::{Enumeration, Field, Kind, Tables},
    wire::{self, Raw, Reader, Span, WireType},
};
use crate::{
    outcome::{Outcome, Status},
    plan::{Action, ActionKind},
};

const INDEX_TAG: u8 = wire::short_tag(action_result::ACTION_INDEX, WireType::Varint);
const STATUS_TAG: u8 = wire::short_tag(action_result::STATUS, WireType::Varint);
const ERROR_TAG: u8 = wire::short_tag(action_result::ERROR, WireType::Delimited);

/// What an empty outcome takes on the wire: tag and length.
const SHORTEST: usize = 2;

/// The outcomes read so far.
pub(super) struct Outcomes<'a> {
    field: &'static Field,
    statuses: Option<&'static Enumeration>,
    planned: &'a [Action],
    list: Vec<Outcome>,
    /// How many the wire had; the list lacks those without a status.
    seen: usize,
    /// Whether each stood at its action's place in the plan, so that only the count is left to check.
    in_place: bool,
}

impl<'a> Outcomes<'a> {
    /// None read yet. `field` is the list in the result.
    pub(super) fn new(tables: &'static Tables, field: &'static Field, planned: &'a [Action]) -> Self {
        Self { field, statuses: statuses(tables, field), planned, list: Vec::new(), seen: 0, in_place: true }
    }

    /// Makes room for as many as are due and as the bytes can hold.
    pub(super) fn reserve(&mut self, result: Span<'_>) {
        self.list.reserve(self.planned.len().min(result.bytes.len() / SHORTEST));
    }

    /// Reads all the plain outcomes that come next.
    pub(super) fn read_plain(&mut self, fields: &mut Fields<'_, '_>) {
        let field = self.field;
        while let Some(outcome) = fields.next_short(field, |bytes| self.plain(bytes)) {
            self.list.push(outcome);
            self.seen += 1;
        }
    }

    /// The outcome in these bytes, if it is plain.
    #[inline]
    fn plain(&self, bytes: &[u8]) -> Option<Outcome> {
        let (action_index, rest) = number(INDEX_TAG, bytes)?;
        let (status, rest) = number(STATUS_TAG, rest)?;
        let error = match rest {
            [] => rest,
            [ERROR_TAG, length @ 1..0x80, text @ ..] if text.len() == usize::from(*length) => text,
            _ => return None,
        };
        let status = Status::from_number(status.cast_signed())?;
        let is_plain = action_index as usize == self.seen
            && self.statuses.is_some_and(|statuses| statuses.knows(status.number()))
            && error.is_empty() == (status == Status::Success)
            && self.undeleted(action_index, status.number()).is_none();
        let error = str::from_utf8(error).ok()?;
        is_plain.then(|| Outcome { action_index, status, error: error.to_owned() })
    }

    /// Reads any outcome. One without a status that the revision knows is refused and left out.
    pub(super) fn read(&mut self, pass: &mut Pass, found: &Found<'_>, path: &Path<'_>) {
        let (mut action_index, mut status, mut error) = (0, None, "");
        let mut fields = Fields::inside(pass, found, path);
        while let Some(found) = fields.next(pass) {
            match found.field.number {
                action_result::ACTION_INDEX => action_index = found.uint32(),
                action_result::STATUS => status = Some(found),
                action_result::ERROR => error = found.text(),
                _ => check::value(pass, &found, &[found.span()], &fields.path(&found)),
            }
        }
        let number = status.map_or(0, |status| status.int32());
        self.in_place &= action_index as usize == self.seen;
        self.seen += 1;
        if fields.is_broken() {
            return;
        }

        let offset = status.map_or(found.offset, |status| status.offset);
        if let Some(kind) = self.undeleted(action_index, number) {
            let message = format_args!("a failed delete, but action {action_index} is a {kind:.20}");
            pass.refuse(Cause::DeleteFailedOnOther, &path.field("status"), found.offset, message);
        }
        let known = Status::from_number(number)
            .filter(|status| self.statuses.is_some_and(|statuses| statuses.knows(status.number())));
        match (known, status.map(|status| status.field.kind)) {
            (Some(status), _) => {
                if error.is_empty() != (status == Status::Success) {
                    disagree(pass, status, error, path, offset);
                }
                self.list.push(Outcome { action_index, status, error: error.to_owned() });
            }
            (None, Some(Kind::Enum(id))) if number != 0 => {
                pass.refuse_number(id, number, &path.field("status"), offset);
            }
            (None, _) => {
                let message = format_args!("0, which is none, for action {action_index}");
                pass.refuse(Cause::StatusUnspecified, &path.field("status"), offset, message);
            }
        }
    }

    /// The kind of the action that is said to have failed as a delete and is none.
    #[inline]
    fn undeleted(&self, action_index: u32, status: i32) -> Option<&'a ActionKind> {
        if status != Status::DeleteFailed.number() {
            return None;
        }
        let action = self.planned.get(action_index as usize)?;
        (action.kind != ActionKind::Delete).then_some(&action.kind)
    }

    /// Whether there is one outcome per action, each in its place.
    pub(super) fn add_up(&self) -> bool {
        self.in_place && self.seen == self.planned.len()
    }

    /// The outcomes that have a status.
    pub(super) fn into_list(self) -> Vec<Outcome> {
        self.list
    }
}

/// The statuses that the revision knows.
fn statuses(tables: &'static Tables, list: &Field) -> Option<&'static Enumeration> {
    let Kind::Message(outcome) = list.kind else { return None };
    let Kind::Enum(statuses) = tables.message(outcome).field(action_result::STATUS)?.kind else {
        return None;
    };
    Some(tables.enumeration(statuses))
}

/// A number behind its tag, and what follows it; 0 where there is another tag, since no encoder writes a 0.
#[inline]
fn number(tag: u8, bytes: &[u8]) -> Option<(u32, &[u8])> {
    match bytes {
        [first, rest @ ..] if *first == tag => {
            let (number, rest) = wire::varint(rest).ok()?;
            Some((wire::uint32(number), rest))
        }
        _ => Some((0, bytes)),
    }
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

/// The indexes of all outcomes once more, for a result whose outcomes do not add up.
pub(super) fn indexes(results: &[Span<'_>]) -> Vec<Index> {
    let mut indexes = Vec::new();
    for span in results {
        let mut result = Reader::new(*span, 0);
        let mut offset = result.offset();
        while let Ok(Some(field)) = result.field() {
            if let (apply_result::ACTIONS, Raw::Delimited(span)) = (field.number, field.value) {
                indexes.push(Index { action: index(span), offset });
            }
            offset = result.offset();
        }
    }
    indexes
}

fn index(span: Span<'_>) -> u32 {
    let mut index = 0;
    let mut outcome = Reader::new(span, 0);
    while let Ok(Some(field)) = outcome.field() {
        if let (action_result::ACTION_INDEX, Raw::Varint(number)) = (field.number, field.value) {
            index = wire::uint32(number);
        }
    }
    index
}
