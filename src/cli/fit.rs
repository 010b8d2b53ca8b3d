//! `mcplab fit`: measured durations become the line of a scenario.

use std::path::PathBuf;

use anyhow::bail;
use mcplab::experiment::Watch;
use mcplab::import::{Columns, Samples, read_samples};
use mcplab::report::plot::svg;
use mcplab::report::{FitReport, fit_plot, fit_text};
use mcplab::study::fitted;
use mcplab::trace::Measure;
use mcplab::units::SimTime;
use rayon::prelude::*;

use super::progress::Progress;
use super::{Exit, input, output};

/// Fit distributions to measured durations: parameters with intervals, the choice among families, the line for a scenario
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab fit calls.csv                                   its column duration_ms\n  mcplab fit calls.csv --by server,capability --timeout 30s\n  mcplab fit bench.jsonl --column seconds --unit s --plot quantiles.svg\n  mcplab fit ~/.claude/projects/-home-me-work --by server,tool    the exact durations of transcripts\n\nMaximum likelihood; what timed out counts as longer than the time-out, not as an end. The best family is that of the lowest BIC;\np: how often samples of the fitted law differ from their own fit as much as yours does (below 0.05: it is another law).\ndocs/fitting.md has the formulas.\n\nExit code: 0 something was fitted, 1 nothing could be (too few samples, no spread), 2 an error."
)]
pub struct Args {
    /// CSV with a header, JSON lines, Parquet (.csv, .jsonl, .ndjson, .parquet), a trace, or a folder of transcripts
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The column of the durations; duration_ms if not given, and duration (in seconds) where there is none
    #[arg(long, value_name = "NAME")]
    column: Option<String>,

    /// The unit of its values; known where the column is `duration` (s) or its name ends in _ms or _s
    #[arg(long, value_enum)]
    unit: Option<Unit>,

    /// Of a trace: fit differences of timestamps, which may hold a wait for permission, in place of exact durations
    #[arg(long)]
    upper_bounds: bool,

    /// Fit samples apart that differ in these columns; of a trace: agent, server, tool, capability
    #[arg(long, value_name = "COLUMN,..", value_delimiter = ',')]
    by: Vec<String>,

    /// What took as long or longer was given up then
    #[arg(long, value_name = "DURATION")]
    timeout: Option<SimTime>,

    /// Of the test of fit, and of which samples are kept where there are more than a hundred thousand
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Draw the sample's quantiles over those of the best fit
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,

    /// Print JSON instead of text; times in seconds
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Unit {
    Ms,
    S,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(path) = &args.plot
        && path.exists()
        && path.extension().is_none_or(|ending| ending != "svg")
    {
        bail!("--plot: {} exists and is not called .svg; choose another name", path.display());
    }
    if args.timeout == Some(SimTime::ZERO) {
        bail!("--timeout has to be longer than 0s: it is how long callers waited before they gave up");
    }
    let measure = if args.upper_bounds { Measure::UpperBound } else { Measure::Exact };
    let column = args.column.as_deref().unwrap_or("duration_ms");
    let (column, samples) = match (samples(args, column, measure), &args.column) {
        (Err(first), None) => match samples(args, "duration", measure) {
            Ok(samples) => ("duration", samples),
            Err(_) => return Err(first),
        },
        (samples, _) => (column, samples?),
    };
    if samples.left_out > 0 {
        let (others, how) = match measure {
            Measure::Exact => ("upper bounds", "with --upper-bounds they are fitted, alone"),
            Measure::UpperBound => ("exact durations", "without --upper-bounds they are fitted, alone"),
        };
        output::note(&format!("{} {others} are left out; {how}", samples.left_out));
    }
    if samples.failed > 0 {
        output::note(&format!(
            "{} calls that failed or were refused are left out; what timed out counts as longer than it took",
            samples.failed
        ));
    }
    if samples.groups.is_empty() {
        match samples.of_trace {
            true => bail!("{}: no durations to fit", args.file.display()),
            false => bail!("{}: the column {column} has no values", args.file.display()),
        }
    }
    let file = args.file.display().to_string();
    let name = args.file.file_name().map_or_else(|| file.clone(), |name| name.to_string_lossy().into_owned());
    let watch = Progress::default();
    watch.phase("fitting", samples.groups.len() as u64);
    let fit = |group| {
        let fitted = fitted(group, &name, args.seed);
        watch.step();
        fitted
    };
    let groups = samples.groups.into_par_iter().map(fit).collect();
    drop(watch);
    let report = FitReport {
        file,
        column: (!samples.of_trace).then(|| column.to_owned()),
        measure: samples.of_trace.then_some(measure),
        by: args.by.clone(),
        empty: samples.empty,
        groups,
    };
    if let Some(path) = &args.plot {
        input::write(path, svg(&fit_plot(&report))?.as_bytes())?;
    }
    match args.json {
        true => output::json(&report)?,
        false => output::text(&fit_text(&report)),
    }
    Ok(if report.groups.iter().any(|group| !group.fits.is_empty()) { Exit::Met } else { Exit::Missed })
}

fn samples(args: &Args, column: &str, measure: Measure) -> anyhow::Result<Samples> {
    let unit = match (args.unit, column) {
        (Some(Unit::Ms), _) => 1e-3,
        (Some(Unit::S), _) => 1.0,
        (None, column) if column.ends_with("_ms") => 1e-3,
        (None, column) if column == "duration" || column.ends_with("_s") => 1.0,
        (None, column) => bail!("the unit of the column {column} is not known: say --unit ms or --unit s"),
    };
    let columns = Columns { value: column.to_owned(), by: args.by.clone(), unit, timeout: args.timeout, seed: args.seed, measure };
    Ok(read_samples(&args.file, &columns)?)
}
