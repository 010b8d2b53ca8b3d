//! `mcplab calibrate`: a trace's figures into a scenario, each with its provenance.

use std::path::{Path, PathBuf};

use anyhow::bail;
use mcplab::report::{calibrated_diff, calibrated_text};
use mcplab::study::{Reading, Renamed, calibrated};
use mcplab::trace::Measure;
use mcplab::units::SimTime;
use serde_json::json;

use super::progress::Progress;
use super::trace::{FormatName, utc_offset};
use super::{Exit, import, input, output};

/// Put what traces of real calls show into a scenario: service times, failures, outages, slots, tasks, each with its interval
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcplab calibrate calls.csv --into mine.toml                      what would change; nothing is written
  mcplab calibrate ~/.claude/projects/-home-me-work --into mine.toml --in-place
  mcplab calibrate otel.jsonl hooks.jsonl --into mine.toml --output calibrated.toml
  mcplab calibrate calls.csv --into mine.toml --name main=developer --idle 10min

What the trace does not tell stays as it is, and the report says why; comments and layout stay, too. Names that the scenario does not
have are listed, never guessed. Exact durations and upper bounds are not mixed. docs/calibration.md has the rules.

Exit code: 0 some figure was found, 1 none was, 2 an error.")]
pub struct Args {
    /// Traces, or folders of transcripts; several are read as one
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<PathBuf>,

    /// The scenario that takes the figures
    #[arg(long, value_name = "SCENARIO")]
    into: PathBuf,

    /// Write the calibrated scenario here
    #[arg(short, long, value_name = "FILE", conflicts_with = "in_place")]
    output: Option<PathBuf>,

    /// Replace FILE if it exists
    #[arg(long, requires = "output")]
    force: bool,

    /// Write it over the scenario, all or nothing, after the diff is shown
    #[arg(long)]
    in_place: bool,

    /// A name of the trace (agent, server or capability) and the scenario's name for it; may be given several times
    #[arg(long = "name", value_name = "TRACE=SCENARIO", value_parser = renamed)]
    names: Vec<Renamed>,

    /// A pause this long begins a new task; if not given, a session is a task, and without sessions the pauses tell
    #[arg(long, value_name = "DURATION")]
    idle: Option<SimTime>,

    /// Fit differences of timestamps, which may hold a wait for permission, in place of exact durations
    #[arg(long)]
    upper_bounds: bool,

    /// The traces' format; told by their content if not given
    #[arg(long, value_enum)]
    format: Option<FormatName>,

    /// Of the hours of the day: +09:00, -03:30
    #[arg(long, value_name = "OFFSET", default_value = "Z", allow_hyphen_values = true, value_parser = utc_offset)]
    utc_offset: i64,

    /// Well-known servers of your own, beside the built-in ones
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,

    /// Of the tests of fit and of outages
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

fn renamed(text: &str) -> Result<Renamed, String> {
    match text.split_once('=') {
        Some((trace, scenario)) if !trace.is_empty() && !scenario.is_empty() => {
            Ok(Renamed { trace: trace.to_owned(), scenario: scenario.to_owned() })
        }
        _ => Err("write it as NAME_IN_TRACE=NAME_IN_SCENARIO".to_owned()),
    }
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(path) = args.output.as_deref().filter(|path| path.exists() && !args.force) {
        bail!("{} exists; choose another name for --output, or give --force to replace it", path.display());
    }
    let before = input::read(&args.into)?;
    let scenario = input::scenario(&before)?;
    check_names(args, &scenario)?;
    let reading = Reading {
        format: args.format.map(FormatName::format),
        measure: if args.upper_bounds { Measure::UpperBound } else { Measure::Exact },
        idle: args.idle.map(SimTime::as_secs),
        renamed: args.names.clone(),
        utc_offset: args.utc_offset,
        seed: args.seed,
    };
    let catalogue = import::catalogue(args.catalogue.as_deref())?;
    let watch = Progress::default();
    let found = calibrated((&before.file, &before.text, &scenario), &args.traces, &reading, &catalogue, &watch)?;
    drop(watch);
    let diff = calibrated_diff(&before.file, &before.text, &found.text);
    let written: Option<&Path> = if args.in_place { Some(&args.into) } else { args.output.as_deref() };
    match args.json {
        true => output::json(&json!({ "calibration": found, "diff": diff, "written": written }))?,
        false => output::text(&format!("{}{}{diff}", calibrated_text(&scenario, &found), if diff.is_empty() { "" } else { "\n" })),
    }
    if let Some(path) = written {
        // What was shown is what is written: not over an edit that was made meanwhile.
        if args.in_place && input::read(path)?.sha256 != before.sha256 {
            bail!("{} has changed while the trace was read; nothing was written, run it again", path.display());
        }
        input::write(path, found.text.as_bytes())?;
    }
    if !args.json {
        output::text(&match written {
            Some(path) => format!("\nScenario written to {}; next: mcplab simulate {} --propagate\n", path.display(), path.display()),
            None => "\nNothing is written; --in-place or --output FILE does.\n".to_owned(),
        });
    }
    Ok(if found.found() > 0 { Exit::Met } else { Exit::Missed })
}

/// A slip in a name would leave its calls out.
fn check_names(args: &Args, scenario: &mcplab::scenario::Scenario) -> anyhow::Result<()> {
    for Renamed { scenario: name, .. } in &args.names {
        let known =
            scenario.server_named(name).is_some() || scenario.agent_named(name).is_some() || scenario.capability_named(name).is_some();
        if !known {
            bail!("--name: the scenario {} has no server, agent or capability `{name}`", scenario.name);
        }
    }
    Ok(())
}
