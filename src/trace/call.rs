//! What is known of a call, whatever it was read from: names, times, sizes, an outcome; nothing of what was said.

use serde::Serialize;

use super::names::Name;
use crate::units::SimTime;

/// An instant in nanoseconds of the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// None where `earlier` is later.
    pub fn since(self, earlier: UnixTime) -> Option<SimTime> {
        u64::try_from(i128::from(self.0) - i128::from(earlier.0)).ok().map(SimTime)
    }

    pub fn before(self, duration: SimTime) -> UnixTime {
        UnixTime(self.0.saturating_sub_unsigned(duration.0))
    }

    pub fn after(self, duration: SimTime) -> UnixTime {
        UnixTime(self.0.saturating_add_unsigned(duration.0))
    }
}

/// How well a duration is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Of the call alone, by whoever made it.
    Exact,
    /// A difference of timestamps: it may hold a wait for permission.
    UpperBound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed {
    pub time: SimTime,
    pub measure: Measure,
}

impl Elapsed {
    /// So many units of so many seconds; none where that is no duration, or longer than any (100 years).
    pub fn exact(value: f64, unit: f64) -> Option<Elapsed> {
        let possible = 0.0..=SimTime::LONGEST.as_secs();
        let seconds = Some(value * unit).filter(|seconds| possible.contains(seconds))?;
        Some(Elapsed { time: SimTime::from_secs(seconds), measure: Measure::Exact })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// With the kind of error.
    Failed(Name),
    /// Nobody permitted it, or somebody interrupted it: it says nothing about the server.
    Refused,
    /// The trace ends before its answer.
    Unanswered,
    Unknown,
}

/// What a column says of a call's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Succeeded,
    Failed,
    TimedOut,
    Refused,
    Unanswered,
}

impl Told {
    /// None where the word is no known one.
    pub fn of(text: &str) -> Option<Told> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "ok" | "success" | "succeeded" | "true" | "1" | "answered" => Told::Succeeded,
            "error" | "failure" | "failed" | "false" | "0" => Told::Failed,
            "timeout" => Told::TimedOut,
            "refused" | "rejected" | "denied" | "cancelled" | "interrupted" => Told::Refused,
            "unanswered" => Told::Unanswered,
            _ => return None,
        })
    }
}

/// A session, as a hash of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session(pub u64);

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Call {
    /// When it began.
    pub at: Option<UnixTime>,
    pub duration: Option<Elapsed>,
    pub agent: Option<Name>,
    pub server: Option<Name>,
    pub tool: Option<Name>,
    pub capability: Option<Name>,
    pub session: Option<Session>,
    pub outcome: Outcome,
    /// Of its arguments, as compact JSON.
    pub request_bytes: Option<u64>,
    /// Of its result: of its texts and data where that is known, else as compact JSON.
    pub response_bytes: Option<u64>,
}

impl Call {
    /// A call of which nothing is known.
    pub const UNKNOWN: Call = Call {
        at: None,
        duration: None,
        agent: None,
        server: None,
        tool: None,
        capability: None,
        session: None,
        outcome: Outcome::Unknown,
        request_bytes: None,
        response_bytes: None,
    };
}
