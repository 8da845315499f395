//! What decoders are asked: every binary vector, and messages that are made of them.

use bytes::Bytes;
use counterfoil_core::{
    decode::{Vector, vectors},
    plan::Action,
};
use counterfoil_proto::{
    Revision,
    adapter::{DecoderCase, PlannedAction},
};
use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

/// A message for a decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The full name of the message.
    pub message: String,
    /// The actions that an `ApplyResponse` answers.
    pub planned: Vec<Action>,
    /// The message itself, or what is to be taken for one.
    pub bytes: Bytes,
}

impl Case {
    /// That of a vector.
    pub fn of(vector: &Vector) -> Self {
        Self { message: vector.message.clone(), planned: vector.planned.clone(), bytes: vector.bytes.clone() }
    }

    /// What an adapter is sent. The number is left to whoever sends it.
    pub fn at(&self, revision: Revision) -> DecoderCase {
        let planned = self.planned.iter().map(|action| PlannedAction {
            action: action.kind.to_string(),
            name: action.spec.name.clone(),
            r#type: action.spec.resource_type.clone(),
        });
        DecoderCase {
            case: 0,
            revision: revision.to_string(),
            message: self.message.clone(),
            planned: planned.collect(),
            bytes: self.bytes.clone(),
        }
    }
}

/// The most edits of one made-up message.
const MOST_EDITS: u32 = 3;

/// Messages that are made up out of the vectors: two of them one behind the other, which is one message to protobuf, or one
/// with bytes that are changed, added, taken out, or doubled. The same seed makes the same.
#[derive(Debug)]
pub struct Generator {
    rng: ChaCha8Rng,
    vectors: Vec<Vector>,
    /// The vectors, by their positions, at each revision: those that must be accepted there, and those that must be refused.
    accepted: Vec<(usize, Revision)>,
    refused: Vec<(usize, Revision)>,
}

impl Generator {
    /// Messages of this seed.
    pub fn new(seed: u64) -> Self {
        let vectors: Vec<Vector> = vectors().into_iter().flat_map(|topic| topic.vectors).collect();
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        for (at, vector) in vectors.iter().enumerate() {
            for (revision, causes) in vector.verdicts() {
                let of = if causes.is_empty() { &mut accepted } else { &mut refused };
                of.push((at, revision));
            }
        }
        Self { rng: ChaCha8Rng::seed_from_u64(seed), vectors, accepted, refused }
    }

    /// Makes a message up, and the revision at which it is asked about. Most begin with one that is in order: what is
    /// refused already is refused with whatever comes beside it.
    pub fn case(&mut self) -> (Case, Revision) {
        let from = if self.rng.random_ratio(4, 5) { &self.accepted } else { &self.refused };
        let (at, revision) = *from.choose(&mut self.rng).expect("there are vectors of both kinds");
        let vector = &self.vectors[at];
        let mut bytes = vector.bytes.to_vec();
        if self.rng.random_ratio(1, 3) {
            let others =
                from.iter().filter(|(_, other)| *other == revision).map(|(at, _)| &self.vectors[*at]);
            let same: Vec<&Vector> = others.filter(|other| other.message == vector.message).collect();
            bytes.extend_from_slice(&same.choose(&mut self.rng).expect("it is one of them").bytes);
        } else {
            for _ in 0..self.rng.random_range(1..=MOST_EDITS) {
                edit(&mut bytes, &mut self.rng);
            }
        }
        (Case { bytes: bytes.into(), ..Case::of(vector) }, revision)
    }
}

/// Changes bytes somewhere.
fn edit(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..=bytes.len());
    let rest = bytes.len() - at;
    match rng.random_range(0..6) {
        // A small number, which is a tag, a length or a value.
        0 => bytes.insert(at, rng.random_range(0..64)),
        1 => bytes.truncate(at),
        2 if rest > 0 => bytes[at] ^= 1 << rng.random_range(0..8),
        3 if rest > 0 => bytes[at] = bytes[at].wrapping_add(1),
        4 if rest > 0 => drop(bytes.remove(at)),
        5 if rest > 0 => bytes.extend_from_within(at..),
        // A field of a small number that holds a small number.
        _ => bytes.extend([8 * rng.random_range(1..16), rng.random_range(0..128)]),
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::decode::{self, ApplyContext, Strict};

    use super::*;

    #[test]
    fn one_seed_makes_the_same_messages_some_to_be_refused_and_some_to_be_accepted() {
        let made = |seed| {
            let mut generator = Generator::new(seed);
            std::iter::repeat_with(|| generator.case()).take(400).collect::<Vec<_>>()
        };
        let cases = made(7);
        assert!(cases == made(7) && cases != made(8));
        let is_accepted = |(case, revision): &&(Case, Revision)| {
            let context = ApplyContext { revision: *revision, planned: &case.planned };
            decode::read(&Strict, &case.message, &case.bytes, &context).is_accepted()
        };
        let accepted = cases.iter().filter(is_accepted).count();
        assert!((80..320).contains(&accepted), "{accepted} of {} are accepted", cases.len());
    }
}
