//! One outcome per planned action, in the plan's order: whether the outcomes of a result add up.
//!
//! Each rule is judged on its own, as if there were no other one, so that one slip may break several: an outcome
//! twice over is a duplicate, it is one too many, and it may stand out of order.
//! - The count holds the number of outcomes against the number of planned actions.
//! - An index that the plan does not have is out of range, also where the plan is empty.
//! - An index that an earlier outcome has already is a duplicate, once per further outcome.
//! - An index below that of the outcome before it is out of order, once per descent.
//!
//! Indexes out of range take no part in the last two.

use super::{
    Cause,
    check::Pass,
    path::{Path, Step},
};

/// The index that an outcome carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Index {
    /// The index itself.
    pub(super) action: u32,
    /// Where the outcome begins in the whole message.
    pub(super) offset: usize,
}

/// Holds the indexes of all outcomes against a plan of `due` actions. `result` is the path of the result, and
/// `end` the offset behind the message.
pub(super) fn judge(pass: &mut Pass, found: &[Index], due: usize, result: &Path<'_>, end: usize) {
    let list = result.field("actions");
    let count = found.len();
    if let Some(surplus) = found.get(due) {
        let message = format_args!("{count} for {due} planned actions");
        pass.refuse(Cause::TooManyOutcomes, &list, surplus.offset, message);
    }

    // At which place the first outcome of each action stands.
    let mut places = vec![None; due];
    let mut before = None;
    for (place, index) in (0..).zip(found) {
        let (action, offset) = (index.action, index.offset);
        let path = result.step(Step::Item("actions", place));
        let path = path.field("action_index");
        let Some(first) = places.get_mut(action as usize) else {
            let message = format_args!("{action}, in a plan of {due} actions");
            pass.refuse(Cause::IndexOutOfRange, &path, offset, message);
            continue;
        };
        if let Some(first) = *first {
            let message = format_args!("action {action} has its outcome at place {first}");
            pass.refuse(Cause::DuplicateIndex, &path, offset, message);
        }
        if let Some(before) = before.filter(|before| action < *before) {
            let message = format_args!("action {action} comes after action {before}");
            pass.refuse(Cause::IndexOrder, &path, offset, message);
        }
        first.get_or_insert(place);
        before = Some(action);
    }

    if let Some(missing) = places.iter().position(Option::is_none).filter(|_| count < due) {
        if count == 0 {
            pass.refuse(Cause::NoOutcomes, &list, end, format_args!("none for {due} planned actions"));
        } else {
            let message = format_args!("{count} for {due} planned actions; action {missing} has none");
            pass.refuse(Cause::TooFewOutcomes, &list, end, message);
        }
    }
}
