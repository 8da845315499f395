//! Binary vectors: messages made by hand, each with the verdict that it must get at each revision.
//!
//! They are for decoders in any language, and the strict one is held to them too. None of them comes out of
//! an encoder: the bytes are put together here, field by field, so that what no encoder writes is among them.
//! Nor does a verdict come out of a decoder: each is declared, from the first revision that has the message on,
//! until another one is.
//!
//! `golden/vectors` holds them as files, a [`Topic`] each, and says how they are read.

mod apply;
mod capabilities;
mod driver;
mod finalize;
mod hand;
mod lines;
mod messages;
mod outcomes;
mod registry;

use bytes::Bytes;
use counterfoil_proto::{Revision, history};

use self::hand::Wire;
use super::{ApplyContext, Cause, Decoder, Reading, table::Tables};
use crate::plan::Action;

/// A message and the verdict that it must get.
#[derive(Clone, Debug)]
pub struct Vector {
    /// Its name, which stays the same for ever.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// The full name of the message.
    pub message: String,
    /// The actions that an `ApplyResponse` answers.
    pub planned: Vec<Action>,
    /// The message itself.
    pub bytes: Bytes,
    /// Every cause for which it must be refused, in the order of the rules; none where it must be accepted. Each
    /// entry holds from its revision on until the next one.
    declared: Vec<(Revision, Vec<Cause>)>,
}

impl Vector {
    /// A message that gets the same verdict at every revision that has it.
    fn new(
        name: &'static str,
        about: &'static str,
        message: String,
        bytes: Wire,
        expected: &[Cause],
    ) -> Self {
        let first = revisions_of(&message).next().expect("a vector is a message of the contract");
        let (bytes, declared) = (bytes.into_bytes().into(), vec![(first, expected.to_vec())]);
        Self { name, about, message, planned: Vec::new(), bytes, declared }
    }

    /// The same message, with another verdict from a revision on.
    fn since(mut self, revision: Revision, expected: &[Cause]) -> Self {
        self.declared.push((revision, expected.to_vec()));
        self
    }

    /// The verdict at every revision that has the message, by time: the causes for which it must be refused
    /// there, in the order of the rules; none where it must be accepted.
    pub fn verdicts(&self) -> impl Iterator<Item = (Revision, &[Cause])> {
        revisions_of(&self.message).filter_map(|revision| {
            let (_, causes) = self.declared.iter().rfind(|(since, _)| *since <= revision)?;
            Some((revision, &causes[..]))
        })
    }

    /// What a decoder makes of it by the contract of a revision, read as the typed message that it is, where
    /// the decoder knows it as one.
    pub fn read_by(&self, decoder: &dyn Decoder, revision: Revision) -> Reading<()> {
        let context = ApplyContext { revision, planned: &self.planned };
        super::read(decoder, &self.message, &self.bytes, &context)
    }
}

/// Vectors that are kept in one file.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name, which is that of the file.
    pub name: &'static str,
    /// Which messages it has.
    pub about: &'static str,
    /// The vectors, in the order of the file.
    pub vectors: Vec<Vector>,
}

impl Topic {
    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{}.jsonl", self.name)
    }

    /// The content of its file: a vector a line, as JSON.
    pub fn lines(&self) -> String {
        self.vectors.iter().map(lines::line).collect()
    }
}

/// Every vector, by topic.
pub fn vectors() -> Vec<Topic> {
    let topic = |name, about, vectors| Topic { name, about, vectors };
    vec![
        topic("apply", "the reply of Apply, but for its outcomes", apply::vectors()),
        topic("outcomes", "the outcomes in a reply of Apply, held against the plan", outcomes::vectors()),
        topic("driver", "what a resource driver answers", driver::vectors()),
        topic("finalize", "the reply of FinalizeApply", finalize::vectors()),
        topic("capabilities", "the reply of Capabilities", capabilities::vectors()),
        topic("registry", "the reply of GetContractRegistry", registry::vectors()),
        topic("messages", "any other message of the contract", messages::vectors()),
    ]
}

/// The revisions that have a message.
fn revisions_of(message: &str) -> impl Iterator<Item = Revision> {
    Revision::ALL.iter().copied().filter(move |revision| Tables::at(*revision).has(message))
}

/// A message of the infrastructure package.
fn iac(name: &'static str, about: &'static str, message: &str, bytes: Wire, expected: &[Cause]) -> Vector {
    Vector::new(name, about, format!("{}.{message}", history::IAC), bytes, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_declared_again_where_it_changes_and_nowhere_else() {
        for vector in vectors().into_iter().flat_map(|topic| topic.vectors) {
            for pair in vector.declared.windows(2) {
                let ((before, first), (since, second)) = (&pair[0], &pair[1]);
                assert!(before < since && first != second, "{} at {since}", vector.name);
            }
            let revisions: Vec<_> = revisions_of(&vector.message).collect();
            assert!(vector.declared.iter().all(|(since, _)| revisions.contains(since)), "{}", vector.name);
        }
    }

    #[test]
    fn a_line_holds_all_that_a_decoder_needs() {
        let topics = vectors();
        let line = topics[1].lines().lines().find(|line| line.contains("\"status-4\"")).unwrap().to_owned();
        assert_eq!(
            line,
            r#"{"name":"status-4","about":"compensated, from 0.56 on","message":"workflow.plugin.external.iac.ApplyResponse","planned":["create"],"hex":"0a073a0510041a0178","text":"result: {actions: {status: ACTION_STATUS_COMPENSATED error: \"x\"}}","verdicts":{"0.51":[],"0.54":["DEC-003"],"0.55":["DEC-003"],"0.56":[]}}"#
        );
    }
}
