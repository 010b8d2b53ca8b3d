//! A log of calls that really happened, to be run again: CSV, JSON lines or Parquet become the calls of a scenario's needs.
//!
//! Only the columns `time`, `agent`, `capability`, `server`, `duration` and `duration_ms` are read. Whatever else a log holds is
//! other people's, and is neither kept nor shown.

mod attach;
mod collect;
mod csv;
mod jsonl;
mod lines;
mod matching;
#[cfg(feature = "cli")]
mod parquet;
mod summary;
#[cfg(all(test, feature = "cli"))]
mod tests;
mod time;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::scenario::{ReplayedCall, Scenario};

use collect::Collector;

pub(super) use csv::{Record, Records};
pub(super) use lines::{Line, Lines};

pub use attach::{attach, replay};
pub use summary::{LogSummary, Skipped, Tally, Unmatched};
pub use time::Reading;

/// A log's calls, matched to the needs of the scenario that it was read for.
#[derive(Debug, Clone, PartialEq)]
pub struct CallLog {
    /// As it was given.
    pub file: String,
    pub sha256: String,
    /// In order of time, the first at zero.
    pub calls: Vec<ReplayedCall>,
    pub summary: LogSummary,
}

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum CallLogError {
    #[error("cannot read {file}: {source}")]
    Read { file: String, source: io::Error },
    #[error("{file} is not an ordinary file; a log of calls is expected here")]
    NoFile { file: String },
    #[error("{file}: a log of calls ends in .csv, .jsonl, .ndjson or .parquet; rename or convert it")]
    Ending { file: String },
    #[error("{file} is larger than {} GiB; cut it by time, or keep only the columns that are read: {}", SIZE_MAX >> 30, COLUMNS.join(", "))]
    TooLarge { file: String },
    #[error("{file} holds more than {CALLS_MAX} calls of the scenario's needs; cut it by time, the first part is read up to line {line}")]
    TooMany { file: String, line: u64 },
    #[error("{file}: no column {missing}; the columns found are: {found}")]
    MissingColumn { file: String, missing: &'static str, found: String },
    #[error("{file}: two columns are called {column}; rename one")]
    TwoColumns { file: String, column: &'static str },
    #[error("{file}: the column {column} is {kind}; write it as {expected}")]
    ColumnKind { file: String, column: &'static str, kind: String, expected: &'static str },
    #[error("{file}: its first line is not UTF-8 text or far too long: is this a CSV file? Save it as UTF-8")]
    Header { file: String },
    #[error("{file} is broken or of a kind that cannot be read: {reason}; write it anew, or convert it to CSV")]
    Parquet { file: String, reason: String },
    #[error("{file} holds no calls")]
    Empty { file: String },
    #[error("{file}: no row can be used: {reasons}")]
    NoneUsable { file: String, reasons: String },
    #[error("{file}: no row belongs to a need of the scenario: {reasons}; is it the log of another scenario?")]
    NoneMatches { file: String, reasons: String },
    #[error("{file}: most times are more than a year from the first one; are they all in the same unit?")]
    Scattered { file: String },
}

/// More calls than this take too much memory, and far longer to simulate than anybody waits.
pub const CALLS_MAX: usize = 10_000_000;
/// No log within that limit is larger, unless other columns fill it.
const SIZE_MAX: u64 = 8 << 30;

/// What is read; everything else is left alone.
const COLUMNS: [&str; 6] = ["time", "agent", "capability", "server", "duration", "duration_ms"];

/// Reads a log for a scenario: CSV, JSON lines or Parquet, as its name ends.
pub fn read(path: &Path, scenario: &Scenario) -> Result<CallLog, CallLogError> {
    let name = path.display().to_string();
    let failed = |source| CallLogError::Read { file: name.clone(), source };
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if !["csv", "jsonl", "ndjson", "parquet"].contains(&ending.as_str()) {
        return Err(CallLogError::Ending { file: name });
    }
    // Before it is opened: a pipe without a writer would never open.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(CallLogError::NoFile { file: name });
    }
    let mut file = File::open(path).map_err(failed)?;
    let (sha256, size) = hash(&mut file).map_err(failed)?;
    if size > SIZE_MAX {
        return Err(CallLogError::TooLarge { file: name });
    }
    file.rewind().map_err(failed)?;
    let mut collector = Collector::new(&name, scenario, CALLS_MAX);
    match ending.as_str() {
        // What somebody appends meanwhile is no part of what was hashed.
        "csv" => csv::read(file.take(size), &mut collector)?,
        #[cfg(feature = "cli")]
        "parquet" => parquet::read(file, size, &mut collector)?,
        #[cfg(not(feature = "cli"))]
        "parquet" => return Err(CallLogError::Parquet { file: name, reason: "this build reads no Parquet".to_owned() }),
        _ => jsonl::read(file.take(size), &mut collector)?,
    }
    let (calls, summary) = collector.finish()?;
    Ok(CallLog { file: name, sha256, calls, summary })
}

/// SHA-256 in hex, and how many bytes it is of; no more is read than a log may hold.
fn hash(file: &mut File) -> io::Result<(String, u64)> {
    let (mut hasher, mut size, mut chunk) = (Sha256::new(), 0, vec![0; 1 << 18]);
    while size <= SIZE_MAX {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&chunk[..n]);
                size += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), size))
}

/// A name of the log in a message: short, and nothing in it that a terminal obeys.
pub(super) fn shown(name: &str) -> String {
    const LONGEST: usize = 60;
    let obeyed =
        |c: char| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let mut chars = name.chars();
    let mut text = String::new();
    for c in chars.by_ref().take(LONGEST) {
        if obeyed(c) { text.extend(c.escape_unicode()) } else { text.push(c) }
    }
    if chars.next().is_some() { text + "…" } else { text }
}

/// The columns found, for a message.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 20;
    let mut names: Vec<String> = names.take(MOST + 1).map(shown).collect();
    match names.len() {
        0 => return "none".to_owned(),
        n if n > MOST => names[MOST] = "…".to_owned(),
        _ => {}
    }
    names.join(", ")
}
