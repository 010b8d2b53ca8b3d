//! `mcplab trace`: what records of real calls show.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use mcplab::report::{TraceTable, trace_text};
use mcplab::trace::summary::Summing;
use mcplab::trace::{self, Call, Format, Names, Sink};

use super::progress::Progress;
use super::{Exit, output};

/// Read records of real calls: transcripts, hook logs, OpenTelemetry, tables
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  mcplab trace summary ~/.claude/projects/-home-me-work\n\ndocs/traces.md lists the formats.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Summary(SummaryArgs),
}

/// Calls, servers, tools, agents, failures and latencies of a trace; calls at once; the hours of the day
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab trace summary ~/.claude/projects/-home-me-work     a folder of transcripts, subagents included\n  mcplab trace summary otel.jsonl --by server\n  mcplab trace summary calls.parquet --utc-offset +09:00 --json\n\nOnly names, times, sizes and outcomes are kept; prompts, arguments and results are passed over as they are read.\ndocs/traces.md lists the formats, their fields and what each time means.\nExit code: 0 calls were found, 1 none were, 2 an error."
)]
struct SummaryArgs {
    /// Traces, or folders of transcripts; several are read as one
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The files' format; told by their content if not given
    #[arg(long, value_enum)]
    format: Option<FormatName>,

    /// Only the table of these
    #[arg(long, value_enum, value_name = "NAME,..", value_delimiter = ',')]
    by: Vec<By>,

    /// Of the hours of the day: +09:00, -03:30
    #[arg(long, value_name = "OFFSET", default_value = "Z", allow_hyphen_values = true, value_parser = utc_offset)]
    utc_offset: i64,

    /// Print JSON instead of text; times in seconds
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// Claude Code's transcripts
    Transcript,
    /// What hooks were given, an object a line
    Hooks,
    /// OpenTelemetry, JSON lines
    Otlp,
    Csv,
    /// JSON lines with named columns
    Jsonl,
    Parquet,
}

impl FormatName {
    pub fn format(self) -> Format {
        match self {
            FormatName::Transcript => Format::Transcript,
            FormatName::Hooks => Format::Hooks,
            FormatName::Otlp => Format::Otlp,
            FormatName::Csv => Format::Csv,
            FormatName::Jsonl => Format::Jsonl,
            FormatName::Parquet => Format::Parquet,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Server,
    Tool,
    Agent,
}

pub fn utc_offset(text: &str) -> Result<i64, String> {
    trace::utc_offset(text).ok_or_else(|| "write it as +09:00, -03:30 or Z".to_owned())
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Summary(args) => summary(args),
    }
}

fn summary(args: &SummaryArgs) -> anyhow::Result<Exit> {
    let mut watched = Watched { sink: Summing::default(), progress: Progress::default() };
    let size = |path: &PathBuf| path.metadata().ok().filter(|found| found.is_file()).map(|found| found.len());
    watched.progress.reading(args.files.iter().map(size).sum());
    let trace = trace::read(&args.files, args.format.map(FormatName::format), &mut watched)?;
    drop(watched.progress);
    let summary = watched.sink.finish(trace, args.utc_offset);
    let tables: Vec<TraceTable> = match args.by.as_slice() {
        [] => TraceTable::ALL.to_vec(),
        by => by.iter().map(|by| by.table()).collect(),
    };
    match args.json {
        true => output::json(&summary)?,
        false => output::text(&trace_text(&summary, &tables)),
    }
    Ok(if summary.all.calls > 0 { Exit::Met } else { Exit::Missed })
}

impl By {
    fn table(self) -> TraceTable {
        match self {
            By::Server => TraceTable::Servers,
            By::Tool => TraceTable::Tools,
            By::Agent => TraceTable::Agents,
        }
    }
}

/// Hands calls on, and shows how far the reading is.
struct Watched<S> {
    sink: S,
    progress: Progress,
}

impl<S: Sink> Sink for Watched<S> {
    fn call(&mut self, call: &Call, names: &Names) {
        self.sink.call(call, names);
    }

    fn progress(&mut self, bytes: u64) {
        self.progress.add(bytes);
    }
}
