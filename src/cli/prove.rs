//! `mcplab prove`: the engine against exact values, its intervals against what they claim, common random numbers against none.

use std::time::Instant;

use mcplab::proof::{self, Group, Proof};
use mcplab::report::proof_text;
use serde_json::json;

use super::progress::Progress;
use super::{Exit, output};

/// Prove the engine right: exact values of queueing theory, the coverage of its intervals, what common random numbers are worth
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab prove                     everything\n  mcplab prove oracles             known figures of known queues, each with its source\n  mcplab prove coverage            do 95 of 100 of our 95 % intervals hold the truth?\n  mcplab prove variance --json     the variance of differences, with common random numbers and without\n  mcplab prove calibration         does calibration find a scenario's figures in its log?\n\nTakes up to five minutes on two idle cores (variance a few seconds). Seeds are fixed: it prints the same every time.\nOracles are scenarios that can be read and run by themselves, scenarios/oracles/ (those named dispatch- with `--gateway`);\nonly the fifteen of the supermarket model, a hundred servers each, are written by the program.\n\nExit code: 0 everything holds, 1 something does not, 2 an error."
)]
pub struct Args {
    /// One of these, instead of all
    #[arg(value_enum)]
    what: Option<What>,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Exact values inside 99.9 % intervals that are at most 1 % wide (half)
    Oracles,
    /// A thousand 95 % intervals: how many hold the exact value
    Coverage,
    /// The variance of a difference between two mappings, paired and unpaired
    Variance,
    /// Two hundred simulated days, each calibrated from its log: how many 95 % intervals hold what the scenario states
    Calibration,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let watch = Progress::default();
    let asked = |what| args.what.is_none_or(|asked| asked == what);
    let mut proof = Proof::default();
    if asked(What::Oracles) {
        let oracles: Vec<_> = Group::ALL.into_iter().flat_map(Group::oracles).collect();
        proof.oracles = proof::find(&oracles, &watch);
    }
    if asked(What::Coverage) {
        proof.coverage = proof::coverage(&watch);
    }
    if asked(What::Variance) {
        proof.variance = proof::reductions(&watch);
    }
    if asked(What::Calibration) {
        proof.calibration = proof::calibration(&watch);
    }
    drop(watch);
    match args.json {
        true => output::json(&json!({ "holds": proof.holds(), "proof": proof }))?,
        false => output::text(&proof_text(&proof)),
    }
    output::note(&format!("took {:.1} s", started.elapsed().as_secs_f64()));
    Ok(if proof.holds() { Exit::Met } else { Exit::Missed })
}
