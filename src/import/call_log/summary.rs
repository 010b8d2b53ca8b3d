//! What a log holds, and what of it is of no use: for people, in a few lines.

use crate::trace::{self, Reading, shown};
use crate::units::SimTime;

/// Why a row cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skipped {
    BadTime,
    FarTime,
    BadDuration,
    NotUtf8,
    TooLong,
    Malformed,
    /// The last one: the log ends in the middle of it.
    CutOff,
}

impl From<trace::Skipped> for Skipped {
    fn from(why: trace::Skipped) -> Skipped {
        match why {
            trace::Skipped::NotUtf8 => Skipped::NotUtf8,
            trace::Skipped::TooLong => Skipped::TooLong,
            trace::Skipped::Malformed => Skipped::Malformed,
            trace::Skipped::CutOff => Skipped::CutOff,
        }
    }
}

impl Skipped {
    fn title(self) -> &'static str {
        match self {
            Skipped::BadTime => "without a usable time",
            Skipped::FarTime => "more than a year from the first",
            Skipped::BadDuration => "with a duration that is no number of zero or more",
            Skipped::NotUtf8 => "not UTF-8",
            Skipped::TooLong => "longer than 1 MiB",
            Skipped::Malformed => "broken",
            Skipped::CutOff => "cut off at the end of the log",
        }
    }
}

/// Why a row is no call of any need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmatched {
    NoAgent,
    UnknownAgent,
    UnknownCapability,
    UnknownServer,
    /// The agent has no need for this capability.
    NotNeeded,
    /// None of the agent's needs can be served by the server.
    NotServed,
    /// The server serves several needs of the agent.
    Ambiguous,
    NothingCalled,
}

impl Unmatched {
    fn title(self) -> &'static str {
        match self {
            Unmatched::NoAgent => "name no agent",
            Unmatched::UnknownAgent => "name an unknown agent",
            Unmatched::UnknownCapability => "name an unknown capability",
            Unmatched::UnknownServer => "name an unknown server",
            Unmatched::NotNeeded => "name a capability that the agent does not need",
            Unmatched::NotServed => "name a server that serves no need of the agent",
            Unmatched::Ambiguous => "name a server that serves several needs of the agent, and no capability",
            Unmatched::NothingCalled => "name neither a capability nor a server",
        }
    }
}

/// How many, and a few of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    pub count: u64,
    /// Up to five different ones, fit to be shown.
    pub examples: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, example: Option<impl FnOnce() -> String>) {
        const EXAMPLES: usize = 5;
        self.count += 1;
        if self.examples.len() < EXAMPLES
            && let Some(example) = example
        {
            let example = example();
            if !self.examples.contains(&example) {
                self.examples.push(example);
            }
        }
    }

    fn text(&self, title: &str) -> String {
        let examples: Vec<String> = self.examples.iter().map(|name| format!("`{name}`")).collect();
        let more = if examples.is_empty() { String::new() } else { format!(" ({})", examples.join(", ")) };
        format!("{} {title}{more}", self.count)
    }
}

/// `a` at `b`, fit to be shown.
pub fn pair(a: &str, b: &str) -> String {
    format!("{}: {}", shown(a), shown(b))
}

/// What was found in a log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSummary {
    /// All rows, of use or not.
    pub rows: u64,
    pub calls: u64,
    /// From the first call to the last.
    pub span: SimTime,
    /// Agents with calls.
    pub agents: usize,
    /// None where no time was usable.
    pub reading: Option<Reading>,
    /// Calls earlier than one before them, which are sorted, and the line of the first.
    pub out_of_order: Option<(u64, u64)>,
    /// Calls with a service time that holds at a server of the scenario.
    pub served: u64,
    /// With the line (for Parquet the row) of the first one.
    pub skipped: Vec<(Skipped, u64, u64)>,
    pub unmatched: Vec<(Unmatched, Tally)>,
    /// Calls at servers that the scenario does not have: their durations say nothing about its servers.
    pub unknown_servers: Tally,
}

impl LogSummary {
    /// What is replayed.
    pub fn note(&self) -> String {
        format!(
            "{} of {} rows are calls of {} over {}; times are {}; {} with a service time",
            self.calls,
            self.rows,
            if self.agents == 1 { "1 agent".to_owned() } else { format!("{} agents", self.agents) },
            self.span.rounded(),
            self.reading.map_or("missing", Reading::title),
            self.served,
        )
    }

    /// What of `file` is not replayed, or not as it was.
    pub fn warnings(&self, file: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some((.., line)) = self.skipped.iter().find(|(why, ..)| *why == Skipped::CutOff) {
            warnings.push(format!("{file}:{line}: the log breaks off in the middle of this record, which is left out; is the file whole?"));
        }
        if let Some((count, line)) = self.out_of_order {
            let more = match count {
                1 => String::new(),
                2 => ", and so is 1 more".to_owned(),
                count => format!(", and so are {} more", count - 1),
            };
            warnings.push(format!(
                "{file}:{line}: this call is out of order, earlier than one above it{more}; they are replayed in order of time"
            ));
        }
        let unmatched: u64 = self.unmatched.iter().map(|(_, tally)| tally.count).sum();
        if unmatched > 0 {
            warnings.push(format!("rows without a need in the scenario are left out: {}", self.unmatched_text()));
        }
        let others: Vec<_> = self.skipped.iter().filter(|(why, ..)| *why != Skipped::CutOff).copied().collect();
        if !others.is_empty() {
            warnings.push(format!("rows that cannot be used are left out: {}", skipped_text(&others)));
        }
        if self.unknown_servers.count > 0 {
            let text = self.unknown_servers.text("name a server that the scenario does not have");
            warnings.push(format!("calls whose service time is not used: {text}"));
        }
        warnings
    }

    pub fn unmatched_text(&self) -> String {
        let reasons: Vec<String> = self.unmatched.iter().map(|(reason, tally)| tally.text(reason.title())).collect();
        reasons.join("; ")
    }

    pub fn skipped_text(&self) -> String {
        skipped_text(&self.skipped)
    }
}

fn skipped_text(skipped: &[(Skipped, u64, u64)]) -> String {
    let reason = |(reason, count, line): &(Skipped, u64, u64)| format!("{count} {} (the first in line {line})", reason.title());
    skipped.iter().map(reason).collect::<Vec<_>>().join("; ")
}
