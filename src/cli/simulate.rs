//! `mcplab simulate`: one mapping, the base and what-ifs.

use std::path::PathBuf;

use anyhow::bail;
use mcplab::engine::Run;
use mcplab::experiment::{self, Case, Design, Stage, Watch};
use mcplab::mapping::{Dispatch, Mapping};
use mcplab::report::{Measured, Simulated, simulation_text, tables_of};
use mcplab::scenario::Scenario;
use mcplab::study;

use super::job::{Asked, Finished, Job, PropagateOption, REPLAY_HELP, RunOptions};
use super::{Exit, input};

/// Simulate a scenario under one mapping: KPIs of the system, the servers and the agents, with intervals
#[derive(Debug, clap::Args)]
#[command(
    after_help = format!("Examples:\n  mcplab simulate scenarios/openmanager-vibe-v5.toml\n  mcplab simulate scenarios/openmanager-vibe-v5.toml --mapping scenarios/openmanager-vibe-v5.plan.toml\n  mcplab simulate scenarios/openmanager-vibe-v5.toml --what-if serena-down --what-if load-x2\n  mcplab simulate scenarios/tutorial.toml --what-if all --json\n  mcplab simulate scenarios/openmanager-vibe-v5.toml --propagate\n  mcplab simulate scenarios/tutorial.toml --calls calls.csv\n  mcplab simulate scenarios/organisation-200x30.toml --gateway power-of-2\n  mcplab simulate scenarios/tutorial.toml --replay scenarios/replay/tutorial.csv\n\n{REPLAY_HELP}\n\nExit code: 0 every KPI met, 1 a KPI missed, 2 an error.")
)]
pub struct Args {
    #[command(flatten)]
    options: RunOptions,

    /// A mapping file, instead of today's mapping
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,

    /// A gateway in front of the servers chooses the server of each call, instead of the mapping: random, round-robin, least-outstanding,
    /// power-of-2 (or more), shortest-queue, latency-weighted
    #[arg(long, value_name = "POLICY")]
    gateway: Option<Dispatch>,

    /// Also simulate this what-if of the scenario; `all` for every one
    #[arg(long = "what-if", value_name = "NAME")]
    what_ifs: Vec<String>,

    #[command(flatten)]
    propagate: PropagateOption,

    /// Write the calls of the first replication as a log (CSV): what `calibrate` and --replay read
    #[arg(long, value_name = "FILE.csv")]
    calls: Option<PathBuf>,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mappings = args.mapping.iter().map(|path| input::read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let asked = Asked {
        mappings,
        what_ifs: args.what_ifs.clone(),
        gateways: args.gateway.into_iter().collect(),
        propagate: args.propagate.propagate,
        ..Asked::default()
    };
    let job = Job::new("simulate", &args.options, asked)?;
    if let Some(path) = &args.calls {
        if path.exists() && path.extension().is_none_or(|ending| ending != "csv") {
            bail!("--calls: {} exists and is not called .csv; choose another name", path.display());
        }
        let (_, mapping) = simulated(&job)?;
        let run = Run { seed: job.manifest.seed, replication: 0 };
        input::write(path, study::call_log(&job.scenario, &mapping, run).as_bytes())?;
    }
    Ok(job.run(&args.options)?.0)
}

pub fn execute(job: &Job, watch: &dyn Watch) -> anyhow::Result<Finished> {
    let scenario = &job.scenario;
    let (name, mapping) = simulated(job)?;
    let chosen = chosen(scenario, &job.manifest.what_ifs)?;
    let cases: Vec<Case> = chosen.iter().map(|(_, scenario)| Case { scenario, mapping: &mapping }).collect();
    let Design { seed, replications, .. } = job.design(Stage::Comparison);
    let results = experiment::run(&cases, job.design(Stage::Comparison), watch);

    let cases: Vec<study::Case> = chosen
        .iter()
        .zip(results)
        .map(|((what_if, world), replications)| {
            let required = what_if.is_none_or(|name| scenario.what_ifs.iter().any(|w| w.required && w.name == name));
            study::case(world, *what_if, required, replications)
        })
        .collect();
    let by_case: Vec<(&str, &[_])> =
        cases.iter().map(|case| (case.what_if.as_deref().unwrap_or("base"), case.replications.as_slice())).collect();
    let files = tables_of(scenario, &[Measured { name: &name, mapping: &mapping, cases: &by_case }])?;
    let propagated = job.propagated(&mapping, &cases, watch)?;
    let met = cases.iter().all(|case| case.judged.met());
    let simulated = Simulated {
        scenario: scenario.name.clone(),
        mapping: name,
        seed,
        replications,
        assumed_figures: scenario.assumed_figures(),
        cases,
        propagated,
    };
    Ok(Finished {
        text: simulation_text(scenario, &simulated),
        json: serde_json::to_value(&simulated)?,
        files,
        exit: if met { Exit::Met } else { Exit::Missed },
        reproducible: true,
    })
}

/// What is simulated, with its name: the mapping, behind the gateway where one is asked for.
pub fn simulated(job: &Job) -> anyhow::Result<(String, Mapping)> {
    let (name, mapping) = mapping(job)?;
    Ok(match job.gateways()?.first() {
        None => (name, mapping),
        Some(dispatch) => (format!("{name} behind a gateway ({})", dispatch.name()), Mapping { dispatch: *dispatch, ..mapping }),
    })
}

/// The given mapping with its name, else today's.
pub fn mapping(job: &Job) -> anyhow::Result<(String, Mapping)> {
    let scenario = &job.scenario;
    Ok(match job.manifest.mappings.first() {
        None => ("current".to_owned(), Mapping::current(scenario)),
        Some(input) => {
            let file = input::mapping(input, scenario)?;
            (input::mapping_name(input, &file), file.mapping)
        }
    })
}

/// The base, then the named what-ifs.
fn chosen<'a>(scenario: &'a Scenario, names: &[String]) -> anyhow::Result<Vec<(Option<&'a str>, &'a Scenario)>> {
    let mut chosen = vec![(None, scenario)];
    for name in names {
        let found: Vec<_> = scenario.what_ifs.iter().filter(|w| name == "all" || w.name == *name).collect();
        if found.is_empty() && name != "all" {
            let known: Vec<&str> = scenario.what_ifs.iter().map(|w| w.name.as_str()).collect();
            bail!(
                "the scenario {} has no what-if `{name}`; it has: {}",
                scenario.name,
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            );
        }
        for what_if in found {
            if !chosen.iter().any(|(name, _)| *name == Some(what_if.name.as_str())) {
                chosen.push((Some(what_if.name.as_str()), &*what_if.scenario));
            }
        }
    }
    Ok(chosen)
}
