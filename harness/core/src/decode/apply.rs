//! The reply of the `Apply` RPC: a result, held against the plan that it answers.

use bytes::Bytes;

use super::{
    ApplyContext, Cause, Reading, accounting,
    check::{self, Fields, Found, Pass},
    numbers::{apply_response, apply_result},
    outcomes::{self, Outcomes},
    output,
    path::Path,
    table::Tables,
    wire::Span,
};
use crate::{outcome::ApplyResult, plan::Action, rpc::Method};

/// Reads the reply and holds it against the plan.
pub(super) fn response(whole: &Bytes, context: &ApplyContext<'_>) -> Reading<ApplyResult> {
    let (tables, id) = Tables::reply(Method::Apply, context.revision);
    let mut pass = Pass::new(tables);
    let mut fields = Fields::new(&pass, id, Span::whole(whole), &Path::ROOT);
    let mut results = Vec::new();
    while let Some(found) = fields.next(&mut pass) {
        match found.field.number {
            apply_response::RESULT => results.push(found),
            _ => check::value(&mut pass, &found, &[found.span()], &fields.path(&found)),
        }
    }
    if let Some((first, more)) = results.split_first() {
        let value = result(&mut pass, first, more, &fields.path(first), whole, context.planned);
        return pass.finish(value);
    }
    // Of a reply that is cut short nobody knows what it had.
    if !pass.has(Cause::CutShort) {
        let path = Path::ROOT.field("result");
        pass.refuse(Cause::ResultAbsent, &path, whole.len(), format_args!("the reply has none"));
    }
    pass.finish(ApplyResult::default())
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
    let mut fields = Fields::inside(pass, first, path);
    // At 0.51 a result has no outcomes.
    let mut outcomes =
        fields.known(apply_result::ACTIONS).map(|field| Outcomes::new(pass.tables, field, planned));
    if let Some(outcomes) = &mut outcomes {
        outcomes.reserve(first.span());
    }

    let mut rest = more.iter();
    loop {
        if let Some(outcomes) = &mut outcomes {
            outcomes.read_plain(&mut fields);
        }
        let Some(found) = fields.next(pass) else {
            let Some(next) = rest.next() else { break };
            fields.enter(next.span());
            continue;
        };
        let path = fields.path(&found);
        match (found.field.number, &mut outcomes) {
            (apply_result::ACTIONS, Some(outcomes)) => outcomes.read(pass, &found, &path),
            (apply_result::RESOURCES, _) => {
                result.resources.push(output::resource(pass, &found, &[], &path, whole));
            }
            (apply_result::ERRORS, _) => result.errors.push(output::error(pass, &found, &path)),
            (apply_result::PLAN_ID, _) => plan_id = found.text(),
            (apply_result::INITIAL_INPUT_SNAPSHOT, _) => {
                let (name, value) = output::map_entry(pass, &found, &path);
                let fingerprint = value.map_or("", |value| value.text()).to_owned();
                result.initial_inputs.insert(name.to_owned(), fingerprint);
            }
            (apply_result::INPUT_DRIFT_REPORT, _) => {
                result.input_drift.push(output::drift(pass, &found, &path));
            }
            (apply_result::REPLACE_ID_MAP, _) => {
                let (name, id) = output::map_entry(pass, &found, &path);
                result.replace_ids.insert(name.to_owned(), id.map_or("", |id| id.text()).to_owned());
            }
            _ => check::value(pass, &found, &[found.span()], &path),
        }
    }
    plan_id.clone_into(&mut result.plan_id);

    if let Some(outcomes) = outcomes {
        // A result that is cut short says nothing of the outcomes that it lacks.
        if !outcomes.add_up() && !pass.has(Cause::CutShort) {
            let spans: Vec<_> = [first].into_iter().chain(more).map(Found::span).collect();
            accounting::judge(pass, &outcomes::indexes(&spans), planned.len(), path, whole.len());
        }
        result.outcomes = outcomes.into_list();
    }
    result
}
