//! What exists in the cloud before the plan is applied: the resources of `state`, and those that actions know of.

use std::collections::HashMap;

use super::{
    Seed,
    diagnostic::{Report, shown},
    read::At,
};
use crate::json::JsonMap;

/// A resource that a file says exists, and where it says what.
pub(super) struct Claim {
    pub(super) name: At<String>,
    pub(super) resource_type: At<String>,
    pub(super) provider_id: At<String>,
    pub(super) config: Option<At<JsonMap>>,
    pub(super) outputs: Option<At<JsonMap>>,
    /// Said by an action; else by `state`.
    pub(super) by_action: bool,
}

impl Claim {
    /// Reports every text of a resource that exists which must not be empty, and is.
    pub(super) fn check_texts<'t>(
        texts: impl IntoIterator<Item = (&'static str, &'t At<String>)>,
        report: &mut Report<'_>,
    ) {
        for (what, text) in texts {
            if text.value.is_empty() {
                report
                    .mistake("empty-text", text.span, format!("a resource that exists needs {what}"))
                    .label("empty");
            }
        }
    }

    fn shown(&self) -> String {
        format!("{} `{}`", shown(&self.resource_type.value), shown(&self.name.value))
    }

    /// Takes what another action says of the same resource.
    fn merge(&mut self, other: Self, report: &mut Report<'_>) {
        let resource = self.shown();
        for (field, known, said) in [
            ("applied_config", &mut self.config, other.config),
            ("outputs", &mut self.outputs, other.outputs),
        ] {
            let Some(said) = said else { continue };
            match known {
                None => *known = Some(said),
                Some(known) if known.value == said.value => {}
                Some(known) => {
                    let line = report.line(known.span);
                    report
                        .mistake("contradiction", said.span, format!("two actions know other `{field}` of {resource}"))
                        .label("not what the first says")
                        .help(format!(
                            "both are about what exists before the plan; line {line} says it first, so leave it out here"
                        ));
                }
            }
        }
    }
}

/// What exists, each resource once. A type and a name belong to one resource, and so does an id, whatever its type.
pub(super) fn settle(claims: impl IntoIterator<Item = Claim>, report: &mut Report<'_>) -> Vec<Seed> {
    let mut settled: Vec<Claim> = Vec::new();
    let mut by_name: HashMap<(String, String), usize> = HashMap::new();
    let mut by_id: HashMap<String, usize> = HashMap::new();
    for claim in claims {
        let texts = [&claim.name, &claim.resource_type, &claim.provider_id];
        // Where one is empty, that is the mistake.
        if texts.iter().any(|text| text.value.is_empty()) {
            continue;
        }
        let key = (claim.resource_type.value.clone(), claim.name.value.clone());
        let (named, with_id) = (by_name.get(&key).copied(), by_id.get(&claim.provider_id.value).copied());
        match (named, with_id) {
            (None, None) => {
                by_name.insert(key, settled.len());
                by_id.insert(claim.provider_id.value.clone(), settled.len());
                settled.push(claim);
            }
            (Some(named), Some(with_id)) if named == with_id => {
                let first = &mut settled[named];
                if first.by_action && claim.by_action {
                    first.merge(claim, report);
                    continue;
                }
                let line = report.line(first.name.span);
                let help = if claim.by_action {
                    format!("`state` is for what no action is about; take it out of line {line}")
                } else {
                    format!("the first is in line {line}; keep one of them")
                };
                report
                    .mistake("twice-there", claim.name.span, format!("{} is there already", claim.shown()))
                    .label("given twice")
                    .help(help);
            }
            (_, Some(with_id)) => {
                let first = &settled[with_id];
                let line = report.line(first.provider_id.span);
                let id = shown(&claim.provider_id.value);
                let message = format!("`{id}` is the id of {}, which is another resource", first.shown());
                report
                    .mistake("twice-there", claim.provider_id.span, message)
                    .label("taken")
                    .help(format!("that one is in line {line}; an id belongs to one resource"));
            }
            (Some(named), None) => {
                let first = &settled[named];
                let line = report.line(first.name.span);
                let id = shown(&first.provider_id.value);
                report
                    .mistake(
                        "twice-there",
                        claim.name.span,
                        format!("{} is there with another id", claim.shown()),
                    )
                    .label("given twice")
                    .help(format!(
                        "it is `{id}` in line {line}; a type and a name belong to one resource at a time"
                    ));
            }
        }
    }
    let value = |given: Option<At<JsonMap>>| given.map(|given| given.value).unwrap_or_default();
    let seed = |claim: Claim| Seed {
        name: claim.name.value,
        resource_type: claim.resource_type.value,
        provider_id: claim.provider_id.value,
        config: value(claim.config),
        outputs: value(claim.outputs),
    };
    settled.into_iter().map(seed).collect()
}
