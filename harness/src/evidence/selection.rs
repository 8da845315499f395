//! The scenarios that stand behind evidence, selected once more.

use std::sync::Arc;

use counterfoil_core::scenario::Scenario;

use super::{Evidence, Kind};
use crate::run::{DecoderSuite, Filter, Job, jobs_for_engine, jobs_for_provider, jobs_for_wfctl};

/// How many messages are made up again to verify evidence. It is somebody else's word that there were so many.
const MOST_MADE_UP: u32 = 1_000_000;

impl Evidence {
    /// The runs that are selected now of these scenarios as they were for this evidence; none where that cannot be told.
    /// What a decoder is given of the stock is no scenario, but vectors and what is made of them.
    pub fn selection(&self, scenarios: &[Arc<Scenario>], stock: bool) -> Option<Vec<Job>> {
        let suite = &self.suite;
        let filter = Filter::new(suite.filter.iter().map(String::as_str)).ok()?;
        let revisions = &suite.revisions;
        Some(match self.subject.kind {
            Kind::Provider => jobs_for_provider(scenarios, &filter, revisions),
            Kind::Engine => {
                let jobs = jobs_for_engine(scenarios, &filter).into_iter();
                jobs.filter(|job| revisions.contains(job.revision)).collect()
            }
            Kind::CommandLine => jobs_for_wfctl(scenarios, &filter, *revisions.revisions().last()?),
            Kind::Decoder if stock => {
                let made_up = suite.made_up.filter(|made_up| made_up.count <= MOST_MADE_UP)?;
                DecoderSuite::new(made_up.count, made_up.seed).jobs(&filter)
            }
            Kind::Decoder => DecoderSuite::of(scenarios.to_vec()).jobs(&filter),
        })
    }
}
