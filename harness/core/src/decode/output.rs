//! Resources and errors as the domain holds them, and the replies that are made of them alone.

use std::collections::BTreeMap;

use bytes::Bytes;
use counterfoil_proto::Revision;

use super::{
    Reading,
    check::{self, Fields, Found, Pass},
    numbers::{action_error, drift_entry, entry, finalize_apply_response, resource_output, resource_reply},
    path::Path,
    table::Tables,
    wire::Span,
};
use crate::{
    json::JsonMap,
    outcome::{ActionError, InputDrift},
    plan::ResourceOutput,
    rpc::Method,
};

/// Reads the reply of a create, a read or an update. Other replies have no output.
pub(super) fn output(method: Method, whole: &Bytes, revision: Revision) -> Reading<Option<ResourceOutput>> {
    if !matches!(method, Method::Create | Method::Read | Method::Update) {
        return check::whole(method.response(), whole, revision).map(|()| None);
    }
    let (tables, id) = Tables::reply(method, revision);
    let mut pass = Pass::new(tables);
    let mut fields = Fields::new(&pass, id, Span::whole(whole), &Path::ROOT);
    let mut outputs = Vec::new();
    while let Some(found) = fields.next(&mut pass) {
        match found.field.number {
            resource_reply::OUTPUT => outputs.push(found),
            _ => check::value(&mut pass, &found, &[found.span()], &fields.path(&found)),
        }
    }
    let output = outputs
        .split_first()
        .map(|(first, more)| resource(&mut pass, first, more, &fields.path(first), whole));
    pass.finish(output)
}

/// Reads the reply of `FinalizeApply`.
pub(super) fn finalize(whole: &[u8], revision: Revision) -> Reading<Vec<ActionError>> {
    let (tables, id) = Tables::reply(Method::Finalize, revision);
    let mut pass = Pass::new(tables);
    let mut fields = Fields::new(&pass, id, Span::whole(whole), &Path::ROOT);
    let mut errors = Vec::new();
    while let Some(found) = fields.next(&mut pass) {
        match found.field.number {
            finalize_apply_response::ERRORS => errors.push(error(&mut pass, &found, &fields.path(&found))),
            _ => check::value(&mut pass, &found, &[found.span()], &fields.path(&found)),
        }
    }
    pass.finish(errors)
}

/// Reads one entry of a list of errors.
pub(super) fn error(pass: &mut Pass, found: &Found<'_>, path: &Path<'_>) -> ActionError {
    let (mut resource, mut action, mut error) = ("", "", "");
    let mut fields = Fields::inside(pass, found, path);
    while let Some(found) = fields.next(pass) {
        match found.field.number {
            action_error::RESOURCE => resource = found.text(),
            action_error::ACTION => action = found.text(),
            action_error::ERROR => error = found.text(),
            _ => check::value(pass, &found, &[found.span()], &fields.path(&found)),
        }
    }
    ActionError { resource: resource.to_owned(), action: action.to_owned(), error: error.to_owned() }
}

/// Reads one input that changed.
pub(super) fn drift(pass: &mut Pass, found: &Found<'_>, path: &Path<'_>) -> InputDrift {
    let (mut name, mut planned, mut applied) = ("", "", "");
    let mut fields = Fields::inside(pass, found, path);
    while let Some(found) = fields.next(pass) {
        match found.field.number {
            drift_entry::NAME => name = found.text(),
            drift_entry::PLAN_FINGERPRINT => planned = found.text(),
            drift_entry::APPLY_FINGERPRINT => applied = found.text(),
            _ => check::value(pass, &found, &[found.span()], &fields.path(&found)),
        }
    }
    InputDrift {
        name: name.to_owned(),
        plan_fingerprint: planned.to_owned(),
        apply_fingerprint: applied.to_owned(),
    }
}

/// Reads a resource; a singular one that stands on the wire more than once is the sum of all.
pub(super) fn resource(
    pass: &mut Pass,
    found: &Found<'_>,
    more: &[Found<'_>],
    path: &Path<'_>,
    whole: &Bytes,
) -> ResourceOutput {
    let (mut name, mut resource_type, mut provider_id, mut status) = ("", "", "", "");
    let mut outputs = None;
    let mut sensitive = BTreeMap::new();

    let mut fields = Fields::inside(pass, found, path);
    let mut more = more.iter();
    loop {
        while let Some(found) = fields.next(pass) {
            match found.field.number {
                resource_output::NAME => name = found.text(),
                resource_output::TYPE => resource_type = found.text(),
                resource_output::PROVIDER_ID => provider_id = found.text(),
                resource_output::STATUS => status = found.text(),
                resource_output::OUTPUTS_JSON => outputs = Some(found),
                resource_output::SENSITIVE => {
                    let (key, value) = map_entry(pass, &found, &fields.path(&found));
                    sensitive.insert(key.to_owned(), value.is_some_and(|value| value.bool()));
                }
                _ => check::value(pass, &found, &[found.span()], &fields.path(&found)),
            }
        }
        match more.next() {
            Some(found) => fields.enter(found.span()),
            None => break,
        }
    }

    let outputs = outputs.map_or_else(JsonMap::nil, |found| {
        let span = found.span();
        JsonMap::parse(whole.slice_ref(span.bytes)).unwrap_or_else(|fault| {
            pass.refuse_json(fault, &fields.path(&found), span.offset);
            JsonMap::nil()
        })
    });
    ResourceOutput {
        name: name.to_owned(),
        resource_type: resource_type.to_owned(),
        provider_id: provider_id.to_owned(),
        outputs,
        sensitive,
        status: status.to_owned(),
    }
}

/// Reads an entry of a map: its key and, if it has one, its value.
pub(super) fn map_entry<'b>(
    pass: &mut Pass,
    found: &Found<'b>,
    path: &Path<'_>,
) -> (&'b str, Option<Found<'b>>) {
    let (mut key, mut value) = ("", None);
    let mut fields = Fields::inside(pass, found, path);
    while let Some(found) = fields.next(pass) {
        match found.field.number {
            entry::KEY => key = found.text(),
            entry::VALUE => value = Some(found),
            _ => {}
        }
    }
    (key, value)
}
