//! Records of calls that really happened, in the formats that there are, become one stream of calls. Only names, times, sizes and outcomes
//! leave the readers: what was asked and answered is passed over as it is read.

mod account;
mod call;
mod columns;
mod format;
mod hooks;
mod intake;
mod lines;
mod names;
mod otlp;
mod recent;
mod show;
mod size;
mod source;
pub mod summary;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod transcript;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

pub use account::{Account, Counted, ReadFile, Unused};
pub use call::{Call, Elapsed, Measure, Outcome, Session, Told, UnixTime};
pub use format::{Format, HEAD, recognised};
pub use intake::Sink;
pub use lines::{LONGEST, Line, LineEnd, Lines};
pub use names::{Name, Names, mcp_tool};
pub use show::{listed, printable, shown};
pub use table::{Column, Columns, Holds, Record, Records, Rows, Skipped, TableError, read_csv, read_json, read_parquet};
pub use time::{Clock, Reading, Scalar, Wrong, number, rfc3339, utc, utc_offset};

use columns::RowsIn;
use hooks::Hooks;
use intake::Intake;
use otlp::Otlp;
use source::Metered;
use transcript::Transcripts;

/// What a trace was read into, besides its calls.
#[derive(Debug, Clone)]
pub struct Trace {
    pub account: Account,
    /// Of the calls' numbers.
    pub names: Names,
}

#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error("cannot read {file}: {source}")]
    Read { file: String, source: io::Error },
    #[error("{file} is not an ordinary file; a trace or a folder of transcripts is expected here")]
    NoFile { file: String },
    #[error(
        "{file} is of no known format: no transcript, hook log, OTLP, CSV, Parquet or JSON lines with named columns; say which with --format"
    )]
    Unrecognised { file: String },
    #[error("no transcripts (*.jsonl) under {folder}; is it a folder of ~/.claude/projects?")]
    NoTranscripts { folder: String },
    #[error("more than {most} files with {path}; name fewer")]
    TooMany { path: String, most: usize },
    #[error("{file}: Parquet is read from files only")]
    Stream { file: String },
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Reads files, and the transcripts of folders, as one trace. `format`: of all of them, where they are not to be recognised.
pub fn read(paths: &[PathBuf], format: Option<Format>, sink: &mut dyn Sink) -> Result<Trace, TraceError> {
    let mut reading = Readers::new(sink);
    for path in source::files(paths)? {
        reading.file(&path, format)?;
    }
    Ok(reading.finish())
}

/// Reads one trace from memory or a stream; Parquet cannot be read so.
pub fn read_from(reader: impl Read, format: Format, sink: &mut dyn Sink) -> Result<Trace, TraceError> {
    let mut reading = Readers::new(sink);
    reading.stream(reader, "the trace", format, None)?;
    Ok(reading.finish())
}

/// The readers of a trace's files, with what they keep from one to the next.
struct Readers<'s> {
    intake: Intake<'s>,
    transcripts: Transcripts,
    hooks: Hooks,
    otlp: Otlp,
}

impl<'s> Readers<'s> {
    fn new(sink: &'s mut dyn Sink) -> Readers<'s> {
        Readers { intake: Intake::new(sink), transcripts: Transcripts::default(), hooks: Hooks::default(), otlp: Otlp::default() }
    }

    fn file(&mut self, path: &Path, format: Option<Format>) -> Result<(), TraceError> {
        let name = path.display().to_string();
        let failed = |source| TraceError::Read { file: name.clone(), source };
        // Before it is opened: a pipe without a writer would never open.
        if !path.metadata().map_err(failed)?.is_file() {
            return Err(TraceError::NoFile { file: name });
        }
        let mut file = File::open(path).map_err(failed)?;
        let format = match format {
            Some(format) => format,
            None => {
                let mut head = Vec::new();
                (&file).take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
                file.rewind().map_err(failed)?;
                recognised(path, &head).ok_or_else(|| TraceError::Unrecognised { file: name.clone() })?
            }
        };
        if format == Format::Parquet {
            let size = file.metadata().map_err(failed)?.len();
            self.begin(&name, format);
            self.intake.meter.set(size);
            let mut rows = RowsIn { intake: &mut self.intake, clock: Clock::default() };
            return Ok(read_parquet(file, size, &name, columns::columns(), &mut rows)?);
        }
        let agent = (format == Format::Transcript).then(|| source::agent_beside(path)).flatten();
        self.stream(file, &name, format, agent.as_deref())
    }

    fn begin(&mut self, name: &str, format: Format) {
        self.intake.account.files.push(ReadFile { path: name.to_owned(), format });
        self.intake.begin_file();
    }

    fn stream(&mut self, reader: impl Read, name: &str, format: Format, agent: Option<&str>) -> Result<(), TraceError> {
        self.begin(name, format);
        let reader = Metered { reader, meter: self.intake.meter.clone() };
        let intake = &mut self.intake;
        let failed = |source| TraceError::Read { file: name.to_owned(), source };
        match format {
            Format::Transcript => self.transcripts.read(reader, agent, intake).map_err(failed)?,
            Format::Hooks => self.hooks.read(reader, intake).map_err(failed)?,
            Format::Otlp => self.otlp.read(reader, intake).map_err(failed)?,
            Format::Csv => read_csv(reader, name, columns::columns(), &mut RowsIn { intake, clock: Clock::default() })?,
            Format::Jsonl => read_json(reader, name, columns::columns(), &mut RowsIn { intake, clock: Clock::default() })?,
            Format::Parquet => return Err(TraceError::Stream { file: name.to_owned() }),
        }
        self.intake.progress();
        Ok(())
    }

    fn finish(mut self) -> Trace {
        self.transcripts.finish(&mut self.intake);
        self.hooks.finish(&mut self.intake);
        self.otlp.finish(&mut self.intake);
        let Intake { names, mut account, .. } = self.intake;
        account.names_refused = names.refused;
        Trace { account, names }
    }
}
