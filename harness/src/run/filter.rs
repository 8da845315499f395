//! Which runs are selected: by id, tag, rule and revision.

use std::{collections::BTreeSet, str::FromStr};

use counterfoil_core::{rules, scenario};
use counterfoil_proto::{ParseRangeError, RevisionRange};
use globset::{Glob, GlobMatcher};

use super::Job;
use crate::suite;

/// Terms of one kind are alternatives; of different kinds, each must be met.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    ids: Vec<(GlobMatcher, Option<RevisionRange>)>,
    tags: Vec<GlobMatcher>,
    rules: BTreeSet<&'static str>,
    revisions: Vec<RevisionRange>,
}

/// A filter that says nothing.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// The word before the colon is unknown.
    #[error(
        "unknown filter {0:?}: expected an id such as `delete-*`, or `tag:`, `rule:` or `revision:` and a value"
    )]
    Kind(String),
    /// The glob does not parse.
    #[error("{glob:?} is not a glob: {source}")]
    Glob {
        /// What was given.
        glob: String,
        /// What is wrong with it.
        source: globset::Error,
    },
    /// There is no such rule.
    #[error("no rule is called {given:?}: {help}")]
    Rule {
        /// What was given.
        given: String,
        /// What was probably meant, or where to look.
        help: String,
    },
    /// The range does not parse.
    #[error(transparent)]
    Revision(#[from] ParseRangeError),
}

impl Filter {
    /// The filter of these terms: `GLOB`, `GLOB@REVISIONS`, `tag:GLOB`, `rule:ID`, `revision:RANGE`.
    ///
    /// # Errors
    /// See [`FilterError`].
    pub fn new<'t>(terms: impl IntoIterator<Item = &'t str>) -> Result<Self, FilterError> {
        let mut filter = Self::default();
        for term in terms {
            match term.split_once(':') {
                Some(("tag", value)) => filter.tags.push(glob(value)?),
                Some(("rule", value)) => {
                    let wanted = value.to_uppercase();
                    let family = wanted.trim_end_matches(['*', '-']);
                    let named: Vec<&str> = rules::catalogue()
                        .filter(|rule| rule.id == wanted || rule.family() == family)
                        .map(|rule| rule.id)
                        .collect();
                    if named.is_empty() {
                        return Err(FilterError::Rule { given: value.to_owned(), help: rules_help(value) });
                    }
                    filter.rules.extend(named);
                }
                Some(("revision", value)) => filter.revisions.push(RevisionRange::from_str(value)?),
                Some(("id", value)) => filter.id(value)?,
                Some((kind, _)) => return Err(FilterError::Kind(kind.to_owned())),
                None => filter.id(term)?,
            }
        }
        Ok(filter)
    }

    fn id(&mut self, term: &str) -> Result<(), FilterError> {
        let (id, revisions) = match term.split_once('@') {
            Some((id, range)) => (id, Some(RevisionRange::from_str(range)?)),
            None => (term, None),
        };
        self.ids.push((glob(id)?, revisions));
        Ok(())
    }

    /// Whether a run is selected.
    pub fn selects(&self, job: &Job) -> bool {
        let scenario = &job.scenario;
        let by_id = self.ids.iter().any(|(glob, range)| {
            glob.is_match(&scenario.id) && range.as_ref().is_none_or(|range| range.contains(job.revision))
        });
        let by_tag = self.tags.iter().any(|glob| scenario.tags.iter().any(|tag| glob.is_match(tag)));
        let by_rule = !self.rules.is_empty() && {
            // What a scenario exercises is known of the stock suite; of others it shows when they are run.
            let exercised = suite::exercised_by(&scenario.source.file, &scenario.id);
            self.rules.iter().any(|rule| {
                rules::find(rule).is_some_and(|rule| rule.holds_at(job.revision))
                    && exercised.is_none_or(|exercised| exercised.contains(*rule))
            })
        };
        let by_revision = self.revisions.iter().any(|range| range.contains(job.revision));
        (self.ids.is_empty() || by_id)
            && (self.tags.is_empty() || by_tag)
            && (self.rules.is_empty() || by_rule)
            && (self.revisions.is_empty() || by_revision)
    }
}

/// What to say to somebody who asks for a rule that there is not.
pub fn rules_help(given: &str) -> String {
    scenario::nearest(&given.to_uppercase(), rules::catalogue().map(|rule| rule.id))
        .map_or("`counterfoil rules` lists them".to_owned(), |meant| format!("did you mean {meant}?"))
}

fn glob(text: &str) -> Result<GlobMatcher, FilterError> {
    Glob::new(text)
        .map(|glob| glob.compile_matcher())
        .map_err(|source| FilterError::Glob { glob: text.to_owned(), source })
}
