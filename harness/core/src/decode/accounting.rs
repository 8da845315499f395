//! One outcome per planned action, in the plan's order: whether the outcomes of a result add up.
//!
//! One fault gets one refusal, which takes some care, because each of these rules says something about all the
//! outcomes together:
//! - An outcome twice over in place of another one is a duplicate: that the other one is missing follows from
//!   it, and the count is right. The same goes for an index that the plan does not have.
//! - Outcomes beyond an otherwise complete list are too many, whatever index they carry.
//! - The order is that of the outcomes whose action has no other outcome.
//! - A failed delete is held against the kind of its action only where it is the one outcome of that action.

use super::{
    Cause,
    check::Pass,
    path::{Path, Step},
};
use crate::{
    outcome::Status,
    plan::{Action, ActionKind},
};

/// An outcome as it lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The index that it carries.
    pub(super) action_index: u32,
    /// The number of its status.
    pub(super) status: i32,
    /// Where it begins in the whole message.
    pub(super) offset: usize,
}

/// What an outcome is to its action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// The one outcome of this action.
    Sole(usize),
    /// One of several, and the one that counts.
    Chosen,
    /// One of several; the one that counts stands at this place.
    Again(usize),
    /// The plan has no such action.
    OutOfRange,
}

/// Holds the outcomes against the plan. `result` is the path of the result, and `end` the offset behind it.
pub(super) fn judge(pass: &mut Pass, seen: &[Seen], planned: &[Action], result: &Path<'_>, end: usize) {
    let list = result.field("actions");
    let (found, due) = (seen.len(), planned.len());
    if found == 0 {
        if due > 0 {
            pass.refuse(Cause::NoOutcomes, &list, end, format_args!("none for {due} planned actions"));
        }
        return;
    }

    let (claims, missing) = claims(seen, due);
    let missing_one = missing.first();
    if let Some(action) = missing_one.filter(|_| found < due) {
        let message = format_args!("{found} for {due} planned actions; action {action} has none");
        pass.refuse(Cause::TooFewOutcomes, &list, end, message);
    }
    if found > due {
        let surplus = claims.iter().position(|claim| matches!(claim, Claim::Again(_) | Claim::OutOfRange));
        let offset = surplus.map_or(end, |at| seen[at].offset);
        pass.refuse(Cause::TooManyOutcomes, &list, offset, format_args!("{found} for {due} planned actions"));
    }

    let mut before = None;
    for (at, (outcome, claim)) in seen.iter().zip(claims).enumerate() {
        let (index, offset) = (outcome.action_index, outcome.offset);
        let item = result.step(Step::Item("actions", u32::try_from(at).unwrap_or(u32::MAX)));
        let path = item.field("action_index");
        match (claim, missing_one) {
            (Claim::Sole(action), _) => {
                if let Some(before) = before.filter(|before| action < *before) {
                    let message = format_args!("action {action} comes after action {before}");
                    pass.refuse(Cause::IndexOrder, &path, offset, message);
                }
                before = Some(action);
                if is_misplaced(outcome.status, action, planned) {
                    let kind = &planned[action].kind;
                    let message = format_args!("a failed delete, but action {action} is a {kind:.20}");
                    pass.refuse(Cause::DeleteFailedOnOther, &item.field("status"), offset, message);
                }
            }
            // Every action has its outcome: what is left over was counted above.
            (Claim::Chosen, _) | (_, None) => {}
            (Claim::Again(first), Some(missing)) => {
                let message = format_args!(
                    "action {index} has its outcome at place {first}; action {missing} has none"
                );
                pass.refuse(Cause::DuplicateIndex, &path, offset, message);
            }
            (Claim::OutOfRange, Some(_)) => {
                let message = format_args!("{index}, in a plan of {due} actions");
                pass.refuse(Cause::IndexOutOfRange, &path, offset, message);
            }
        }
    }
}

/// Whether a status says that a delete failed, of an action that is none.
pub(super) fn is_misplaced(status: i32, action_index: usize, planned: &[Action]) -> bool {
    status == Status::DeleteFailed.number()
        && planned.get(action_index).is_some_and(|action| action.kind != ActionKind::Delete)
}

/// What each outcome is to its action, and the actions that have none.
fn claims(seen: &[Seen], due: usize) -> (Vec<Claim>, Vec<usize>) {
    // Where the outcome of each action stands, and whether there are others.
    let mut places: Vec<Option<(usize, bool)>> = vec![None; due];
    for (at, outcome) in seen.iter().enumerate() {
        let action = outcome.action_index as usize;
        if let Some(place) = places.get_mut(action) {
            *place = match *place {
                None => Some((at, false)),
                // Of several, the one in its place in the plan is taken for the right one.
                Some((first, _)) => Some((if at == action { at } else { first }, true)),
            };
        }
    }
    let claim = |(at, outcome): (usize, &Seen)| {
        let action = outcome.action_index as usize;
        match places.get(action).copied().flatten() {
            None => Claim::OutOfRange,
            Some((_, false)) => Claim::Sole(action),
            Some((chosen, true)) if chosen == at => Claim::Chosen,
            Some((chosen, true)) => Claim::Again(chosen),
        }
    };
    let claims = seen.iter().enumerate().map(claim).collect();
    let missing = (0..due).filter(|action| places[*action].is_none()).collect();
    (claims, missing)
}
