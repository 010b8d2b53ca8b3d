//! `mcplab optimize`: the chosen mapping, only with its evidence.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use mcplab::experiment::{Stage, Watch};
use mcplab::judge::Verdict;
use mcplab::mapping::Mapping;
use mcplab::mapping::file::{self, MappingFile};
use mcplab::mapping::seal::seal;
use mcplab::report::{FRONT_PLOT, Measured, evidence, front_plot, front_text, recommendation_text, run_id, tables_of};
use mcplab::scenario::Scenario;
use mcplab::study::{self, Across, Extras};

use super::compare::{given, mappings};
use super::job::{Asked, Finished, Job, REPLAY_HELP, RunOptions};
use super::{Exit, input, output};

/// Choose a mapping, judge it on fresh replications, and write it with its evidence
#[derive(Debug, clap::Args)]
#[command(
    after_help = format!("Examples:\n  mcplab optimize mine.toml -o mapping.toml\n  mcplab optimize scenarios/openmanager-vibe-v5.toml --replications 50 -o mapping.toml\n  mcplab optimize mine.toml --replay calls.jsonl -o mapping.toml\n  mcplab optimize mine.toml --pareto\n  mcplab optimize scenarios/openmanager-vibe-v5.toml --breaks\n  mcplab optimize scenarios/openmanager-vibe-v5.toml --across what-ifs\n  mcplab optimize scenarios/openmanager-vibe-v5.toml --across what-ifs --weights base=8,serena-down=1,load-x2=1\n\nWithout --mapping, the file NAME.plan.toml beside NAME.toml takes part.\n\n{REPLAY_HELP}\n\nExit code: 0 the mapping is validated, 1 it is not, 2 an error.")
)]
pub struct Args {
    #[command(flatten)]
    options: RunOptions,

    /// Where the mapping goes; it is in the results folder in any case
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// A mapping file that takes part; may be given several times
    #[arg(long = "mapping", value_name = "FILE")]
    mappings: Vec<PathBuf>,

    /// Show the Pareto front of all that was simulated: response, error, planned balance and changed assignments
    #[arg(long)]
    pareto: bool,

    /// Find the load at which each target breaks under the chosen mapping: minutes, where many calls fit before it does
    #[arg(long)]
    breaks: bool,

    /// Choose the mapping that is best over the base and all what-ifs of the scenario: in the worst case, or by --weights
    #[arg(long, value_name = "WHAT")]
    across: Option<Worlds>,

    /// How much each case counts, instead of the worst one alone; what is not named counts nothing
    #[arg(long, value_name = "CASE=WEIGHT,..", requires = "across")]
    weights: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Worlds {
    /// The base and every what-if of the scenario
    WhatIfs,
}

/// In a manifest, where no weights are given.
const WORST: &str = "worst";

/// In the results folder.
const MAPPING_FILE: &str = "mapping.toml";

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(path) = &args.output {
        refuse_to_overwrite(path)?;
    }
    let mappings = mappings(&args.options.scenario, &args.mappings)?;
    let across = args.across.map(|Worlds::WhatIfs| args.weights.clone().unwrap_or_else(|| WORST.to_owned()));
    let job =
        Job::new("optimize", &args.options, Asked { mappings, pareto: args.pareto, breaks: args.breaks, across, ..Asked::default() })?;
    let (exit, finished) = job.run(&args.options)?;
    if let Some(path) = &args.output {
        let (_, bytes) = finished.files.iter().find(|(name, _)| name == MAPPING_FILE).context("optimize always makes a mapping")?;
        input::write(path, bytes)?;
        output::note(&format!(
            "mapping written to {}; see what it would change: mcplab apply {} --to DIR --dry-run",
            path.display(),
            path.display()
        ));
    }
    Ok(exit)
}

pub fn execute(job: &Job, watch: &dyn Watch) -> anyhow::Result<Finished> {
    let scenario = &job.scenario;
    let across = job.manifest.across.as_deref().map(|text| across(scenario, text)).transpose()?;
    let candidates = study::candidates(scenario, given(job, scenario)?, job.manifest.seed, watch);
    let extras = Extras { breaks: job.manifest.breaks, across };
    let recommendation = study::optimize(scenario, candidates, job.design(Stage::Selection), &extras, watch);
    let mut evidence = evidence(&job.manifest.scenario.sha256, &run_id(&job.manifest), &recommendation);
    evidence.insert("scenario_file".into(), toml::Value::String(job.manifest.scenario.file.clone()));
    if let Some(log) = &job.manifest.replay {
        evidence.insert("replay_file".into(), toml::Value::String(log.file.clone()));
        evidence.insert("replay_sha256".into(), toml::Value::String(log.sha256.clone()));
    }
    let mut mapping = MappingFile {
        title: Some(format!("optimized: {}", recommendation.chosen)),
        mapping: recommendation.mapping.clone(),
        servers: toml::Table::new(),
        files: files_seen(scenario),
        evidence: Some(evidence),
    };
    let named =
        [("chosen", &recommendation.cases, &recommendation.mapping), ("current", &recommendation.today, &Mapping::current(scenario))].map(
            |(name, cases, mapping)| {
                let cases: Vec<(&str, &[_])> =
                    cases.iter().map(|case| (case.what_if.as_deref().unwrap_or("base"), case.replications.as_slice())).collect();
                (name, cases, mapping.clone())
            },
        );
    let measured: Vec<Measured> = named.iter().map(|(name, cases, mapping)| Measured { name, mapping, cases }).collect();
    let mut files = tables_of(scenario, &measured)?;
    seal(&mut mapping, scenario);
    files.push((MAPPING_FILE.to_owned(), file::write(&mapping, scenario).into_bytes()));
    let mut text = recommendation_text(scenario, &recommendation);
    if job.manifest.pareto {
        text += &front_text(&recommendation.front);
        files.push((FRONT_PLOT.to_owned(), front_plot(&scenario.name, &recommendation.front)?.into_bytes()));
    }
    Ok(Finished {
        text,
        json: serde_json::to_value(&recommendation)?,
        files,
        exit: if recommendation.verdict == Verdict::Validated { Exit::Met } else { Exit::Missed },
        reproducible: recommendation.reproducible,
    })
}

/// `worst`, or weights by case.
fn across(scenario: &Scenario, text: &str) -> anyhow::Result<Across> {
    let names: Vec<&str> = std::iter::once("base").chain(scenario.what_ifs.iter().map(|w| w.name.as_str())).collect();
    if names.len() == 1 {
        bail!("--across what-ifs: {} has no what-ifs; state some as [what_if.NAME]", scenario.name);
    }
    if text == WORST {
        return Ok(Across::WorstCase);
    }
    let mut weights = vec![0.0; names.len()];
    for part in text.split(',') {
        let (name, weight) =
            part.split_once('=').with_context(|| format!("--weights: `{part}` is no CASE=WEIGHT, as in base=2,{}=1", names[1]))?;
        let Some(index) = names.iter().position(|known| *known == name.trim()) else {
            bail!("--weights: no case is called `{}`; there are: {}", name.trim(), names.join(", "));
        };
        if weights[index] > 0.0 {
            bail!("--weights: `{}` stands twice", name.trim());
        }
        let weight: f64 = weight
            .trim()
            .parse()
            .ok()
            .filter(|weight: &f64| weight.is_finite() && *weight >= 0.0)
            .with_context(|| format!("--weights: `{}` is no weight: a number, 0 or more", weight.trim()))?;
        weights[index] = weight;
    }
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        bail!("--weights: at least one case has to count");
    }
    Ok(Across::Weights(weights.iter().map(|weight| weight / sum).collect()))
}

/// What the decision was made on: every file that the import has seen, with its hash.
fn files_seen(scenario: &Scenario) -> BTreeMap<String, String> {
    let agents = scenario.agents.iter().filter_map(|agent| agent.file.as_ref());
    agents.chain(&scenario.config_files).filter_map(|file| Some((file.path.clone(), file.sha256.clone()?))).collect()
}

/// A mapping of mcplab's own may be replaced, nothing else.
fn refuse_to_overwrite(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        bail!("-o: {} is not a folder", folder.display());
    }
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(text) if text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("evidence")) => Ok(()),
        _ => bail!("{} exists and is not a mapping that mcplab wrote; choose another name for -o", path.display()),
    }
}
