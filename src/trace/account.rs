//! What was read and what was not, and why: counts, with the place of the first.

use std::collections::BTreeMap;

use serde::Serialize;

use super::format::Format;
use super::table;

/// Why something in a trace is no call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unused {
    /// A record that was there before: a resumed session repeats its history.
    Duplicate,
    /// Whole, but not of a form that the format has.
    UnknownRecord,
    /// Not JSON, not a row.
    Broken,
    NotUtf8,
    TooLong,
    /// The last line: the file ends in the middle of it.
    CutOff,
    BadTime,
    BadDuration,
    /// An answer without its call.
    Orphan,
}

impl Unused {
    pub fn title(self) -> &'static str {
        match self {
            Unused::Duplicate => "duplicates",
            Unused::UnknownRecord => "unknown records",
            Unused::Broken => "broken lines",
            Unused::NotUtf8 => "lines that are not UTF-8",
            Unused::TooLong => "lines that are too long",
            Unused::CutOff => "cut-off last lines",
            Unused::BadTime => "unusable times",
            Unused::BadDuration => "durations that are no number of zero or more",
            Unused::Orphan => "answers without their call",
        }
    }
}

impl From<table::Skipped> for Unused {
    fn from(why: table::Skipped) -> Unused {
        match why {
            table::Skipped::NotUtf8 => Unused::NotUtf8,
            table::Skipped::TooLong => Unused::TooLong,
            table::Skipped::Malformed => Unused::Broken,
            table::Skipped::CutOff => Unused::CutOff,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub count: u64,
    /// The first one's file, of those in [`Account::files`].
    pub file: usize,
    /// The first one's line, from 1; of Parquet the row.
    pub line: u64,
}

/// What became of a trace's records.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Account {
    /// In the order in which they were read.
    pub files: Vec<ReadFile>,
    pub bytes: u64,
    /// Lines, or rows.
    pub lines: u64,
    pub calls: u64,
    /// Calls whose answer never came.
    pub unanswered: u64,
    /// Of tools that belong to no MCP server, and what else is no call of a tool.
    pub other_tools: u64,
    pub unused: BTreeMap<Unused, Counted>,
    /// Times that go back by more than a second in a file, and ends before their beginnings.
    pub clock_jumps: u64,
    /// Names that were too long or too many, and are lumped together.
    pub names_refused: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadFile {
    pub path: String,
    pub format: Format,
}

impl Account {
    pub fn count(&self, why: Unused) -> u64 {
        self.unused.get(&why).map_or(0, |counted| counted.count)
    }

    pub(super) fn add(&mut self, why: Unused, line: u64) {
        let file = self.files.len().saturating_sub(1);
        self.unused.entry(why).or_insert(Counted { count: 0, file, line }).count += 1;
    }
}
