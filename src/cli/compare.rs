//! `mcplab compare`: all strategies on the same randomness, and the verdict.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use mcplab::experiment::{Stage, Watch};
use mcplab::judge::Verdict;
use mcplab::mapping::{Dispatch, Mapping};
use mcplab::report::{Input, Measured, comparison_text, tables_of};
use mcplab::scenario::Scenario;
use mcplab::strategy::Strategy;
use mcplab::study::{self, Unsure};

use super::job::{Asked, Finished, Job, PropagateOption, REPLAY_HELP, RunOptions};
use super::{Exit, input};

/// Compare all strategies, and given mappings, on the same randomness: one table, what differs, the verdict
#[derive(Debug, clap::Args)]
#[command(
    after_help = format!("Examples:\n  mcplab compare scenarios/openmanager-vibe-v5.toml\n  mcplab compare mine.toml --mapping by-hand.toml --mapping other.toml\n  mcplab compare mine.toml --replications 100 --json > comparison.json\n  mcplab compare scenarios/organisation-200x30.toml --gateway all\n  mcplab compare scenarios/openmanager-vibe-v5.toml --propagate\n  mcplab compare scenarios/tutorial.toml --replay scenarios/replay/tutorial.csv\n\nWithout --mapping, mapping files beside the scenario take part: for NAME.toml, the file NAME.plan.toml.\n\n{REPLAY_HELP}\n\nExit code: 0 a validated mapping exists, 1 none does, 2 an error.")
)]
pub struct Args {
    #[command(flatten)]
    options: RunOptions,

    /// A mapping file that takes part; may be given several times
    #[arg(long = "mapping", value_name = "FILE")]
    mappings: Vec<PathBuf>,

    /// A gateway that chooses the server of each call takes part too, to show what it would buy: random, round-robin, least-outstanding,
    /// power-of-2 (or more), shortest-queue, latency-weighted; `all` for these six
    #[arg(long = "gateway", value_name = "POLICY")]
    gateways: Vec<String>,

    #[command(flatten)]
    propagate: PropagateOption,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mappings = mappings(&args.options.scenario, &args.mappings)?;
    let job = Job::new(
        "compare",
        &args.options,
        Asked { mappings, gateways: gateways(&args.gateways)?, propagate: args.propagate.propagate, ..Asked::default() },
    )?;
    Ok(job.run(&args.options)?.0)
}

/// Each once, in the order in which they were named.
fn gateways(named: &[String]) -> anyhow::Result<Vec<Dispatch>> {
    let mut gateways = Vec::new();
    for name in named {
        let meant = if name == "all" { Dispatch::GATEWAYS.to_vec() } else { vec![name.parse().map_err(|error: String| anyhow!(error))?] };
        for dispatch in meant {
            if dispatch != Dispatch::Fixed && !gateways.contains(&dispatch) {
                gateways.push(dispatch);
            }
        }
    }
    Ok(gateways)
}

/// The given mapping files, or the plan beside the scenario.
pub fn mappings(scenario: &Path, given: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    let beside = scenario.with_extension("plan.toml");
    let given = if given.is_empty() && beside.is_file() { vec![beside] } else { given.to_vec() };
    given.iter().map(|path| input::read(path)).collect()
}

/// Every given mapping with the name it is shown under, told apart where another one or a strategy has the same.
pub fn given(job: &Job, scenario: &Scenario) -> anyhow::Result<Vec<(String, Mapping)>> {
    let mut given: Vec<(String, Mapping)> = Vec::new();
    for input in &job.manifest.mappings {
        let file = input::mapping(input, scenario)?;
        let name = input::mapping_name(input, &file);
        let taken = given.iter().any(|(other, _)| *other == name) || Strategy::ALL.iter().any(|strategy| strategy.name() == name);
        let name = if taken { format!("{name} ({})", input.file) } else { name };
        given.push((name, file.mapping));
    }
    Ok(given)
}

pub fn execute(job: &Job, watch: &dyn Watch) -> anyhow::Result<Finished> {
    let scenario = &job.scenario;
    let mut candidates = study::candidates(scenario, given(job, scenario)?, job.manifest.seed, watch);
    candidates.extend(job.gateways()?.into_iter().map(|dispatch| study::Candidate::gateway(scenario, dispatch)));
    let mut comparison = study::compare(scenario, candidates, job.design(Stage::Comparison), watch);
    let mut unsure = Vec::new();
    for row in comparison.shown() {
        let propagated = job.propagated(&row.mapping, &row.cases, watch)?;
        unsure.extend(propagated.map(|propagated| Unsure { mapping: row.name.clone(), propagated }));
    }
    comparison.unsure = unsure;
    let cases: Vec<Vec<(&str, &[_])>> = comparison
        .rows
        .iter()
        .map(|row| row.cases.iter().map(|case| (case.what_if.as_deref().unwrap_or("base"), case.replications.as_slice())).collect())
        .collect();
    let measured: Vec<Measured> =
        comparison.rows.iter().zip(&cases).map(|(row, cases)| Measured { name: &row.name, mapping: &row.mapping, cases }).collect();
    let validated = comparison.recommended().is_some_and(|row| row.verdict == Verdict::Validated);
    Ok(Finished {
        text: comparison_text(scenario, &comparison),
        files: tables_of(scenario, &measured)?,
        exit: if validated { Exit::Met } else { Exit::Missed },
        reproducible: comparison.rows.iter().all(|row| row.reproducible),
        json: serde_json::to_value(&comparison)?,
    })
}
