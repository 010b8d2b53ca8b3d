//! `mcplab what-if`: the base beside a changed world, under the same mapping, on the same randomness.

use std::path::PathBuf;

use anyhow::{Context, bail};
use mcplab::experiment::{self, Stage, Watch};
use mcplab::mapping::Mapping;
use mcplab::report::{Input, Manifest, Measured, WhatIfReport, tables_of, what_if_text};
use mcplab::scenario::change::{Change, ChangeError, changed};
use mcplab::scenario::{Scenario, WhatIf};
use mcplab::study;

use super::job::{Asked, Finished, Job, REPLAY_HELP, RunOptions};
use super::{Exit, input, simulate};

/// What a change does to every KPI: base and what-if on the same randomness, with the difference and its interval
#[derive(Debug, clap::Args)]
#[command(
    after_help = format!("Examples:\n  mcplab what-if scenarios/openmanager-vibe-v5.toml --set server.serena.up=false --scale load=2\n  mcplab what-if scenarios/openmanager-vibe-v5.toml --overlay load-x2 --set servers.filesystem.slots=2\n  mcplab what-if scenarios/tutorial.toml --scale servers.files.serial.mean=1.5\n  mcplab what-if scenarios/tutorial.toml --add 'server.spare={{ serial = {{ exponential = \"1s\" }}, provides = {{ notes = 1.0 }} }}' --set agents.writer.needs.notes=spare\n  mcplab what-if scenarios/openmanager-vibe-v5.toml --all --mapping scenarios/openmanager-vibe-v5.plan.toml\n\n{PATH_HELP}\n\n{REPLAY_HELP}\n\nExit code: 0 every target met in the what-if, 1 one missed, 2 an error.")
)]
pub struct Args {
    #[command(flatten)]
    options: RunOptions,

    #[command(flatten)]
    changes: ChangeArgs,

    /// Every what-if of the scenario, each by itself; other changes apply to each
    #[arg(long, conflicts_with = "overlays")]
    all: bool,

    /// A mapping file, instead of today's mapping
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

/// Flags that change a scenario.
#[derive(Debug, clap::Args)]
pub struct ChangeArgs {
    /// Give a value of the scenario: servers.serena.up=false, servers.filesystem.serial.mean=20ms, load=2
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,

    /// Multiply a number, a quantity or all times of a distribution: load=2, servers.filesystem.serial=1.5
    #[arg(long = "scale", value_name = "PATH=FACTOR")]
    scales: Vec<String>,

    /// Add a server: 'server.NAME={ provides = .., serial = .. }', or server=FILE with [servers.NAME] tables
    #[arg(long = "add", value_name = "SERVER")]
    additions: Vec<String>,

    /// A what-if of the scenario; several are combined
    #[arg(long = "overlay", value_name = "NAME")]
    overlays: Vec<String>,
}

/// How changes are written; after the help of every command that takes them.
pub const PATH_HELP: &str = "\
Paths are those of the scenario's text (docs/scenario.md): servers.NAME.KEY (or server.NAME.KEY), agents.NAME.KEY, policy.KEY, host.KEY
and so on; names with dots or blanks go in quotes. `load` is how many times as often tasks start. A path may reach into a
distribution (serial.mean). Overlays come first, then --add, --set and --scale; each sees what those before it did.";

impl ChangeArgs {
    /// In the order in which they apply.
    pub fn changes(&self) -> anyhow::Result<Vec<Change>> {
        let mut changes: Vec<Change> = self.overlays.iter().map(|name| Change::overlay(name)).collect();
        for text in &self.additions {
            match text.split_once('=') {
                Some((kind, file)) if kind.trim() == "server" => {
                    let input = input::read(&PathBuf::from(file.trim())).context("--add server=FILE")?;
                    changes.extend(Change::additions(&input.file, &input.text).map_err(failed)?);
                }
                _ => changes.push(Change::add(text).map_err(failed)?),
            }
        }
        for text in &self.sets {
            changes.push(Change::set(text).map_err(failed)?);
        }
        for text in &self.scales {
            changes.push(Change::scale(text).map_err(failed)?);
        }
        Ok(changes)
    }
}

/// So that mistakes are shown as those of a file are.
pub fn failed(error: ChangeError) -> anyhow::Error {
    match error {
        ChangeError::Mistakes(mistakes) => mistakes.into(),
        wrong => wrong.into(),
    }
}

/// What a manifest asks for.
pub fn changes_of(manifest: &Manifest) -> anyhow::Result<Vec<Change>> {
    manifest.changes.iter().map(|flag| flag.parse().map_err(failed)).collect()
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let changes = args.changes.changes()?;
    let mappings = args.mapping.iter().map(|path| input::read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let what_ifs = if args.all { vec!["all".to_owned()] } else { Vec::new() };
    let changes = changes.iter().map(ToString::to_string).collect();
    let job = Job::new("what-if", &args.options, Asked { mappings, what_ifs, changes, ..Asked::default() })?;
    Ok(job.run(&args.options)?.0)
}

/// Puts what is asked for in the place of the scenario's own what-ifs.
pub fn prepare(manifest: &Manifest, scenario: &mut Scenario) -> anyhow::Result<()> {
    let changes = changes_of(manifest)?;
    let text = &manifest.scenario.text;
    let build = |name: &str, changes: &[Change]| changed(text, scenario, name, changes).map_err(failed);
    let own: Vec<&str> = scenario.what_ifs.iter().map(|what_if| what_if.name.as_str()).collect();
    let asked: Vec<WhatIf> = if manifest.what_ifs.is_empty() {
        if changes.is_empty() {
            bail!(
                "say what changes: --set, --scale, --add, --overlay NAME or --all; {}",
                if own.is_empty() {
                    "the scenario has no what-ifs of its own".to_owned()
                } else {
                    format!("what-ifs of the scenario: {}", own.join(", "))
                }
            );
        }
        // A what-if of the scenario, alone, keeps its name.
        let name = match manifest.changes.as_slice() {
            [flag] => flag.strip_prefix("--overlay ").unwrap_or("asked"),
            _ => "asked",
        };
        vec![build(name, &changes)?]
    } else {
        if own.is_empty() {
            bail!("--all: the scenario {} has no what-ifs of its own; say what changes with --set, --scale or --add", scenario.name);
        }
        own.iter().map(|name| build(name, &[&[Change::overlay(name)], &changes[..]].concat())).collect::<anyhow::Result<_>>()?
    };
    scenario.what_ifs = asked;
    Ok(())
}

/// The base's mapping in another world: the same, but a mapping of today's follows needs whose server of today the world changes.
pub fn mapping_in(world: &Scenario, scenario: &Scenario, mapping: &Mapping, given: &[Input]) -> Mapping {
    let mut mapping = mapping.clone();
    if given.is_empty() {
        let todays = Mapping::current(world);
        for (i, (there, here)) in world.needs.iter().zip(&scenario.needs).enumerate() {
            if there.current != here.current {
                mapping.assignments[i] = todays.assignments[i].clone();
            }
        }
    }
    mapping
}

pub fn execute(job: &Job, watch: &dyn Watch) -> anyhow::Result<Finished> {
    let scenario = &job.scenario;
    let (name, mapping) = simulate::mapping(job)?;
    let mappings: Vec<Mapping> =
        scenario.what_ifs.iter().map(|w| mapping_in(&w.scenario, scenario, &mapping, &job.manifest.mappings)).collect();
    let what_ifs = scenario.what_ifs.iter().zip(&mappings).map(|(w, mapping)| experiment::Case { scenario: &w.scenario, mapping });
    let cases: Vec<experiment::Case> = std::iter::once(experiment::Case { scenario, mapping: &mapping }).chain(what_ifs).collect();
    let mut results = experiment::run(&cases, job.design(Stage::Comparison), watch).into_iter();
    let base = study::case(scenario, None, true, results.next().expect("one result a case"));
    let mut cases = vec![base];
    let mut effects = Vec::new();
    for (what_if, replications) in scenario.what_ifs.iter().zip(results) {
        // Judged as a world of its own, planned KPIs too: a change of weights is a change of plan.
        let mut case = study::case(&what_if.scenario, None, what_if.required, replications);
        case.what_if = Some(what_if.name.clone());
        case.judged.what_if = case.what_if.clone();
        effects.push(study::effect(scenario, &cases[0], &what_if.scenario, &case, &what_if.description));
        cases.push(case);
    }
    let by_case: Vec<(&str, &[_])> =
        cases.iter().map(|case| (case.what_if.as_deref().unwrap_or("base"), case.replications.as_slice())).collect();
    // Each under the mapping that it ran under.
    let mappings: Vec<&Mapping> = std::iter::once(&mapping).chain(&mappings).collect();
    let measured: Vec<Measured> =
        by_case.iter().zip(mappings).map(|(case, mapping)| Measured { name: &name, mapping, cases: std::slice::from_ref(case) }).collect();
    let mut files = tables_of(scenario, &measured)?;
    files.retain(|(name, _)| name != "assignments.parquet");
    let met = effects.iter().all(|effect| effect.met);
    let report = WhatIfReport {
        scenario: scenario.name.clone(),
        mapping: name.clone(),
        seed: job.manifest.seed,
        replications: job.manifest.replications,
        assumed_figures: scenario.assumed_figures(),
        effects,
        cases,
    };
    Ok(Finished {
        text: what_if_text(scenario, &report),
        json: serde_json::to_value(&report)?,
        files,
        exit: if met { Exit::Met } else { Exit::Missed },
        reproducible: true,
    })
}
