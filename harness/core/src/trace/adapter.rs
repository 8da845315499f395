//! What an adapter did, and what the decoder behind it made of a message (docs/adapter.md).
//!
//! Nothing here is a judgement. Texts are what was seen, bounded.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ExitStatus, Payload};

/// A message that a decoder was given beside any apply, and what it made of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoded {
    /// The full name of the message.
    pub message: String,
    /// What it was given.
    pub bytes: Payload,
    /// What it made of that.
    pub verdict: Taken,
}

impl Decoded {
    /// The name of the message without its package.
    pub fn short_name(&self) -> &str {
        self.message.rsplit('.').next().unwrap_or_default()
    }
}

/// What a decoder made of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// It took it for good.
    Accepted {
        /// What it read, encoded anew; none where it does not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Payload>,
    },
    /// It refused it.
    Refused {
        /// In its own words.
        why: String,
    },
}

/// Something that an adapter did, or failed to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterEvent {
    /// There is no process.
    NotStarted {
        /// What the system says.
        detail: String,
    },
    /// It said that it is ready.
    Ready {
        /// What it stands for.
        subject: String,
    },
    /// It speaks another version of the protocol, or knows a revision that there is not.
    Unsuited {
        /// What it said.
        detail: String,
    },
    /// It ended, or its output alone did, although its input had not.
    Exited {
        /// What it should have done.
        instead: Due,
        /// How it ended; none where no more is known than that its output did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<ExitStatus>,
    },
    /// It took longer than it may.
    Hang {
        /// What it should have done.
        instead: Due,
        /// How long it may, in milliseconds.
        millis: u64,
    },
    /// Something else than a whole frame with a message came from its standard output.
    BadFrame {
        /// What is wrong with it.
        problem: FrameProblem,
        /// What came.
        detail: String,
    },
    /// It failed while several cases were under way, and in which of them is not known.
    Among {
        /// How many these were.
        cases: usize,
        /// How it failed.
        failure: Box<AdapterEvent>,
    },
    /// An answer came that was not due.
    BadAnswer {
        /// What is wrong with it.
        problem: AnswerProblem,
        /// What came.
        detail: String,
    },
    /// It printed to standard error while cases were without an answer, this one among them.
    Printed {
        /// The end of that.
        tail: String,
    },
    /// Its input ended, and so did it.
    Ended {
        /// How; none where it had to be killed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<ExitStatus>,
    },
}

/// What an adapter has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// Say that it is ready.
    Ready,
    /// Answer a case.
    Answer,
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "saying that it is ready",
            Self::Answer => "answering a case",
        })
    }
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameProblem {
    /// It would be longer than any frame may be.
    TooLong,
    /// It is text: something was printed.
    Text,
    /// The output ended within it.
    CutShort,
    /// It holds no message of the protocol.
    NoMessage,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerProblem {
    /// Its case has been answered.
    Twice,
    /// Its case was never sent.
    NeverSent,
    /// A case that was sent before is still without an answer.
    OutOfOrder,
    /// It is an answer to something else than what was asked, or holds nothing.
    OfAnotherKind,
}

impl AdapterEvent {
    /// What happened, whichever case it was in.
    pub fn itself(&self) -> &Self {
        if let Self::Among { failure, .. } = self { failure } else { self }
    }

    /// The event for the reader.
    pub fn describe(&self) -> String {
        let ended =
            |status: &Option<ExitStatus>| status.map_or(String::new(), |status| format!(": {status}"));
        match self {
            Self::NotStarted { detail } => format!("the adapter is not started: {detail}"),
            Self::Ready { subject } => format!("the adapter is ready, and stands for {subject}"),
            Self::Unsuited { detail } => format!("the adapter does not suit: {detail}"),
            Self::Exited { instead, status: None } => {
                format!("the adapter ends its standard output instead of {instead}")
            }
            Self::Exited { instead, status } => {
                format!("the adapter ends instead of {instead}{}", ended(status))
            }
            Self::Hang { instead, millis } => {
                format!("the adapter takes longer than {millis} ms for {instead}")
            }
            Self::Among { cases, failure } => {
                format!("{}, with {cases} cases under way, any of which it may be", failure.describe())
            }
            Self::BadFrame { detail, .. } | Self::BadAnswer { detail, .. } => {
                format!("the adapter: {detail}")
            }
            Self::Printed { tail } => format!("the adapter prints: {}", tail.trim_end()),
            Self::Ended { status: None } => {
                "the adapter does not end with its input, and is killed".to_owned()
            }
            Self::Ended { status } => format!("the adapter ends with its input{}", ended(status)),
        }
    }
}
