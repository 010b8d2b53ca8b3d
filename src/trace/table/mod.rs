//! Files with named columns: CSV, JSON lines and Parquet, read as the same rows of scalars. Only the columns that are asked for are kept.

mod csv;
mod json;
#[cfg(feature = "cli")]
mod parquet;

use std::fs::File;
use std::io::{self, Read};

use super::show::listed;
use super::time::Scalar;

pub use csv::{Record, Records};

/// A column to look for. Names are compared without case, and without blanks around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'c> {
    pub name: &'c str,
    pub holds: Holds,
}

/// What a column may hold; text formats may hold all of it as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Numbers, timestamps or RFC 3339 text.
    Times,
    /// Numbers of seconds, or durations that state their unit.
    Durations,
    Numbers,
    Texts,
    /// Text, or true and false.
    Outcomes,
}

impl Holds {
    fn expected(self) -> &'static str {
        match self {
            Holds::Times => "numbers, timestamps (INT64) or RFC 3339 text",
            Holds::Durations | Holds::Numbers => "numbers",
            Holds::Texts => "text",
            Holds::Outcomes => "text or booleans",
        }
    }
}

/// What to read of a table.
#[derive(Clone, Copy)]
pub struct Columns<'c> {
    pub columns: &'c [Column<'c>],
    /// Which column is missed most, told which of the columns were found.
    pub missing: &'c dyn Fn(&[bool]) -> Option<String>,
}

/// Where rows go. An error of theirs ends the reading.
pub trait Rows {
    type Error: From<TableError>;

    /// `line`: where it begins, from 1 (of Parquet the row); the values in the order of the columns asked for.
    fn row(&mut self, line: u64, values: &[Scalar<'_>]) -> Result<(), Self::Error>;

    /// A row that its format could not read.
    fn skip(&mut self, line: u64, why: Skipped) -> Result<(), Self::Error>;
}

/// Why a row cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skipped {
    NotUtf8,
    TooLong,
    Malformed,
    /// The last one: the file ends in the middle of it.
    CutOff,
}

/// Why a file is no table of what is asked for.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("cannot read {file}: {source}")]
    Read { file: String, source: io::Error },
    #[error("{file}: no column {missing}; the columns found are: {found}")]
    MissingColumn { file: String, missing: String, found: String },
    #[error("{file}: two columns are called {column}; rename one")]
    TwoColumns { file: String, column: String },
    #[error("{file}: the column {column} is {kind}; write it as {expected}")]
    ColumnKind { file: String, column: String, kind: String, expected: &'static str },
    #[error("{file}: its first line is not UTF-8 text or far too long: is this a CSV file? Save it as UTF-8")]
    Header { file: String },
    #[error("{file} is broken or of a kind that cannot be read: {reason}; write it anew, or convert it to CSV")]
    Parquet { file: String, reason: String },
    #[error("{file} holds no calls")]
    Empty { file: String },
}

/// `file`: its name, for messages.
pub fn read_csv<R: Rows>(reader: impl Read, file: &str, columns: Columns, rows: &mut R) -> Result<(), R::Error> {
    csv::read(reader, file, columns, rows)
}

/// `file`: its name, for messages.
pub fn read_json<R: Rows>(reader: impl Read, file: &str, columns: Columns, rows: &mut R) -> Result<(), R::Error> {
    json::read(reader, file, columns, rows)
}

/// `name`: the file's, for messages; `size`: in bytes.
#[cfg(feature = "cli")]
pub fn read_parquet<R: Rows>(file: File, size: u64, name: &str, columns: Columns, rows: &mut R) -> Result<(), R::Error> {
    parquet::read(file, size, name, columns, rows)
}

#[cfg(not(feature = "cli"))]
pub fn read_parquet<R: Rows>(_: File, _: u64, name: &str, _: Columns, _: &mut R) -> Result<(), R::Error> {
    Err(TableError::Parquet { file: name.to_owned(), reason: "this build reads no Parquet".to_owned() }.into())
}

fn missing<'n>(columns: Columns, found: &[bool], file: &str, names: impl Iterator<Item = &'n str>) -> Result<(), TableError> {
    match (columns.missing)(found) {
        Some(missing) => Err(TableError::MissingColumn { file: file.to_owned(), missing, found: listed(names) }),
        None => Ok(()),
    }
}
