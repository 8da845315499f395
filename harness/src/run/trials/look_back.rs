//! What an apply left in the cloud, by what the provider tells of it.

use counterfoil_core::{
    cloud::{Cloud, Fate},
    trial::{Trial, step},
};
use counterfoil_proto::iac;

use super::{Examiner, deletion, reading, reference};

/// Whether what a plan created is deleted behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum CleanUp {
    /// It is: the cloud is one that stays.
    Deletes,
    /// It is not: the cloud goes with its provider.
    Leaves,
}

/// Reads every resource whose fate is known, and lists those of its type.
pub(super) async fn look_back(examiner: &Examiner<'_>, clean_up: CleanUp) {
    let cloud = examiner.log.look(|events| Cloud::behind(events, examiner.revision));
    for ((resource_type, id), resource) in cloud.resources() {
        if resource.fate == Fate::Open {
            continue;
        }
        let read = reading(reference(resource_type, &resource.name, id));
        examiner.answer(Trial::LookBack, "ResourceDriver/Read", step::READ, &read).await;
        if examiner.is_over() {
            break;
        }
    }
    for resource_type in cloud.types() {
        if examiner.is_over() {
            break;
        }
        let list = iac::EnumerateAllRequest { resource_type: resource_type.to_owned() };
        examiner.answer(Trial::LookBack, "IaCProviderEnumerator/EnumerateAll", step::LIST, &list).await;
    }
    if clean_up == CleanUp::Deletes {
        delete_what_was_created(examiner, &cloud).await;
    }
}

/// Deletes what the plan created and may still be there. What was there before it is none of ours, and what was created
/// without an id that was told cannot be told from what is somebody else's.
async fn delete_what_was_created(examiner: &Examiner<'_>, cloud: &Cloud) {
    let left = cloud.resources().filter(|(_, resource)| resource.created && resource.fate != Fate::Gone);
    for ((resource_type, id), resource) in left {
        if examiner.is_gone() {
            return;
        }
        let delete = deletion(reference(resource_type, &resource.name, id));
        examiner.answer(Trial::LookBack, "ResourceDriver/Delete", step::CLEAN_UP, &delete).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use counterfoil_core::{rules::judge, scenario, trace::Event, trial::KEPT};
    use counterfoil_proto::Revision;

    use crate::run::{Job, Variant, drive};

    #[tokio::test]
    async fn a_reply_that_is_too_long_to_be_kept_tells_nothing() {
        let long = "x".repeat(KEPT);
        let create = format!("create: {{ name: net, type: infra.vpc, config: {{ label: {long} }} }}");
        let text = format!("id: long\ntitle: Long\nplan:\n  actions:\n    - {create}\ntrials: [look-back]\n");
        let scenario = Arc::new(scenario::parse("long.yaml", text.as_bytes()).unwrap());
        let job = Job { scenario, revision: Revision::Head };
        let trace = drive(&job, &Variant::Reference).await.unwrap();
        let asked = trace.events.iter().filter(|event| matches!(event, Event::Tried(_))).count();
        assert_eq!((asked, judge(&trace).findings), (2, vec![]));
    }
}
