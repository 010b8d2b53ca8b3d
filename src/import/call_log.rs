//! A log of calls that really happened, to be run again: CSV, JSON lines or Parquet become the calls of a scenario's needs.
//!
//! Only the columns `time`, `agent`, `capability`, `server`, `duration` and `duration_ms` are read. Whatever else a log holds is
//! other people's, and is neither kept nor shown.

mod attach;
mod collect;
mod matching;
mod summary;
#[cfg(all(test, feature = "cli"))]
mod tests;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::scenario::{ReplayedCall, Scenario};
use crate::trace::{Column, Columns, Holds, TableError, read_csv, read_json, read_parquet};

use collect::Collector;

pub use attach::{attach, replay};
pub use summary::{LogSummary, Skipped, Tally, Unmatched};

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
    #[error("{file} is larger than {} GiB; cut it by time, or keep only the columns that are read: {}", SIZE_MAX >> 30, COLUMNS.map(|column| column.name).join(", "))]
    TooLarge { file: String },
    #[error("{file} holds more than {CALLS_MAX} calls of the scenario's needs; cut it by time, the first part is read up to line {line}")]
    TooMany { file: String, line: u64 },
    #[error(transparent)]
    Table(#[from] TableError),
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
const COLUMNS: [Column; 6] = [
    Column { name: "time", holds: Holds::Times },
    Column { name: "agent", holds: Holds::Texts },
    Column { name: "capability", holds: Holds::Texts },
    Column { name: "server", holds: Holds::Texts },
    Column { name: "duration", holds: Holds::Durations },
    Column { name: "duration_ms", holds: Holds::Numbers },
];

/// What there has to be among [`COLUMNS`].
fn missing(found: &[bool]) -> Option<String> {
    let missing = match found {
        [false, ..] => "time",
        [_, false, ..] => "agent",
        [_, _, false, false, ..] => "capability or server",
        _ => return None,
    };
    Some(missing.to_owned())
}

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
    let columns = Columns { columns: &COLUMNS, missing: &missing };
    match ending.as_str() {
        // What somebody appends meanwhile is no part of what was hashed.
        "csv" => read_csv(file.take(size), &name, columns, &mut collector)?,
        "parquet" => read_parquet(file, size, &name, columns, &mut collector)?,
        _ => read_json(file.take(size), &name, columns, &mut collector)?,
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
