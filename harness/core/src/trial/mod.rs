//! Trials: what a provider is asked beside the calls of an apply, and what it answered.
//!
//! A trial is a way to ask: with a request that lacks a part, with bytes that are no JSON, many times at once. What the
//! contract says of each method is a table, [`requests`]; who asks is not of this crate.

pub mod requests;
pub mod step;

use std::fmt;

use counterfoil_proto::edit::same_message;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{rpc::RpcError, trace::Payload};

/// A way to ask a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trial {
    /// Questions that change nothing are asked before everything else, and once more behind it.
    SameAfterwards,
    /// Each method is called with an empty request.
    Implemented,
    /// A message that the request needs is left out.
    AbsentMessage,
    /// Bytes that should be JSON are cut short.
    MalformedJson,
    /// Bytes that should be a JSON object are a list.
    NotAnObject,
    /// The resource type is empty.
    EmptyType,
    /// The resource type is one that no provider has.
    UnknownType,
    /// The name of the resource is empty.
    EmptyName,
    /// The name of the resource has 1 MiB.
    LongName,
    /// The request has 16 MiB.
    LargeMessage,
    /// The call is cancelled as soon as it is sent.
    Cancelled,
    /// The deadline of the call has passed when it arrives.
    ExpiredDeadline,
    /// The same question is asked again and again.
    Repeated,
    /// The same question is asked many times at once.
    Parallel,
    /// All of that in rounds, behind each of which the memory of the process is measured.
    Growth,
    /// A resource lives from its creation to behind its end.
    Life,
    /// Resources are destroyed, one that is there and one that is not.
    Destroy,
    /// Streams are read to their end.
    Streams,
    /// A state backend is used before it is configured.
    Unconfigured,
    /// A state backend is used as an engine and its colleagues use one.
    State,
    /// Behind the apply of a plan, what it was about is read, and what there is of each of its types is listed.
    LookBack,
}

impl Trial {
    /// Every trial, in the order in which those of a scenario are made.
    pub const ALL: [Self; 21] = [
        Self::SameAfterwards,
        Self::Implemented,
        Self::AbsentMessage,
        Self::MalformedJson,
        Self::NotAnObject,
        Self::EmptyType,
        Self::UnknownType,
        Self::EmptyName,
        Self::LongName,
        Self::LargeMessage,
        Self::Cancelled,
        Self::ExpiredDeadline,
        Self::Repeated,
        Self::Parallel,
        Self::Growth,
        Self::Life,
        Self::Destroy,
        Self::Streams,
        Self::Unconfigured,
        Self::State,
        Self::LookBack,
    ];

    /// The word that scenarios and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameAfterwards => "same-afterwards",
            Self::Implemented => "implemented",
            Self::AbsentMessage => "absent-message",
            Self::MalformedJson => "malformed-json",
            Self::NotAnObject => "not-an-object",
            Self::EmptyType => "empty-type",
            Self::UnknownType => "unknown-type",
            Self::EmptyName => "empty-name",
            Self::LongName => "long-name",
            Self::LargeMessage => "large-message",
            Self::Cancelled => "cancelled",
            Self::ExpiredDeadline => "expired-deadline",
            Self::Repeated => "repeated",
            Self::Parallel => "parallel",
            Self::Growth => "growth",
            Self::Life => "life",
            Self::Destroy => "destroy",
            Self::Streams => "streams",
            Self::Unconfigured => "unconfigured",
            Self::State => "state",
            Self::LookBack => "look-back",
        }
    }

    /// Whether it makes and changes resources of the provider's cloud, and can be made nowhere else.
    pub const fn needs_cloud(self) -> bool {
        matches!(self, Self::Life | Self::Destroy | Self::Streams | Self::State | Self::LookBack)
    }

    /// Whether it is made behind the apply of a plan, and says nothing without one.
    pub const fn is_behind_a_plan(self) -> bool {
        matches!(self, Self::LookBack)
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One question of a trial, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The way in which it was asked.
    pub trial: Trial,
    /// The path of the method.
    pub method: String,
    /// The part of the request that is out of order, by its path, or which step of the trial it is; empty where there is
    /// nothing to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// The request, or its first [`KEPT`] bytes.
    pub request: Payload,
    /// How many bytes the request has.
    pub bytes: u64,
    /// Each answer that is unlike the others, with how many there were, in an order that does not depend on theirs.
    pub answers: Vec<Answer>,
}

/// What the names begin with that trials give to what they make.
pub const OURS: &str = "counterfoil-";

/// How many bytes of a request or a reply are kept.
pub const KEPT: usize = 64 << 10;

/// An answer, and how often it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// How often.
    pub times: u32,
    /// What it was.
    pub reply: TrialReply,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialReply {
    /// Status OK, with this message, or its first [`KEPT`] bytes. Of a stream that ended, the last message.
    Ok(Payload),
    /// Another status.
    Error(RpcError),
    /// The caller did not wait for an answer.
    NotAwaited,
    /// There was none, and why.
    None(String),
}

impl Tried {
    /// The method without its package: `ResourceDriver/Create`.
    pub fn short(&self) -> &str {
        requests::short(&self.method)
    }

    /// The errors with which it was answered.
    pub fn errors(&self) -> impl Iterator<Item = &RpcError> {
        self.answers.iter().filter_map(|answer| match &answer.reply {
            TrialReply::Error(error) => Some(error),
            _ => None,
        })
    }

    /// The messages with which it was answered.
    pub fn messages(&self) -> impl Iterator<Item = &Payload> {
        self.answers.iter().filter_map(|answer| match &answer.reply {
            TrialReply::Ok(message) => Some(message),
            _ => None,
        })
    }

    /// Whether it was answered with OK, once at least.
    pub fn succeeded(&self) -> bool {
        self.messages().next().is_some()
    }

    /// In words, without a full stop.
    pub fn describe(&self) -> String {
        let part = if self.part.is_empty() { String::new() } else { format!(", {}", self.part) };
        let answers: Vec<String> = self.answers.iter().map(ToString::to_string).collect();
        format!("{} ({}{part}): {}", self.short(), self.trial, answers.join("; "))
    }
}

impl TrialReply {
    /// Whether two replies say the same, `message` being the full name of what an OK brings. Of a refusal the code counts:
    /// its text may hold a time or the number of a request.
    pub fn says_the_same_as(&self, other: &Self, message: &str) -> bool {
        match (self, other) {
            (Self::Ok(a), Self::Ok(b)) => same_message(message, &a.0, &b.0),
            (Self::Error(a), Self::Error(b)) => a.code == b.code,
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.times > 1 {
            write!(f, "{} times ", self.times)?;
        }
        match &self.reply {
            TrialReply::Ok(message) => write!(f, "OK, {} bytes", message.0.len()),
            TrialReply::Error(error) => write!(f, "{error}"),
            TrialReply::NotAwaited => f.write_str("not waited for"),
            TrialReply::None(why) => write!(f, "no answer: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_saved_form_and_stand_in_order() {
        for trial in Trial::ALL {
            assert_eq!(serde_json::to_value(trial).unwrap(), trial.as_str());
        }
        assert!(Trial::ALL.is_sorted());
    }
}
