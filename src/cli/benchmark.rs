//! `mcplab benchmark`: all strategies over many scenarios, shipped, given and made up.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{anyhow, bail};
use mcplab::experiment::Watch;
use mcplab::report::{self, BenchmarkAsked, Input, Manifest, benchmark_tables, benchmark_text, plain_table};
use mcplab::scenario::{self, Scenario};
use mcplab::strategy::{self, Decision, Solver, Strategy};
use mcplab::study::benchmark::{self, Size};
use serde_json::json;

use super::job::{self, Finished};
use super::progress::Progress;
use super::{Exit, benchmark_gap, input, output};

/// Compare what all strategies decide, over many scenarios: cost against the best known and the proven bound, the ranking and how sure it is
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab benchmark\n  mcplab benchmark mine.toml --sizes none\n  mcplab benchmark --sizes 20x10,100x20 --instances 10\n  mcplab benchmark --sizes all --instances 1\n  mcplab benchmark --gap instances/ --best-known best_known.csv\n  mcplab benchmark --generate d:5x100,e:10x200 --seed 7\n\nNothing is simulated: a strategy is held against the objective that all of them minimise (docs/benchmark.md). Searches stop on budgets of nodes and\nmoves, so the figures are the same on every machine; seconds go to stderr and times.json.\n\nWith --gap or --generate: generalised assignment instances, on which others have published figures (docs/generalised-assignment.md). One is a file\n`agents items`, a row of costs an agent, a row of uses an agent, the capacities; to be minimised; no results folder.\n\nExit code: 0 it ran (with --best-known: our search is within 0.5 % of every value), 1 it is not, 2 an error."
)]
pub struct Args {
    /// Scenario files; all of ./scenarios, where there is such a folder, if none is given
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,

    /// Sizes of made-up scenarios, agents x servers, with commas between; `all` for eight from 20x10 to 5000x200, `none` for none
    #[arg(long, value_name = "SIZES", default_value = "20x10,50x20,100x20")]
    sizes: String,

    /// Made-up scenarios of each size
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    instances: u32,

    /// Seed of what is made up, and of the strategies that draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Afterwards give each scenario's whole program to the solver for so long, and say on stderr what it found: to measure the strategies against
    #[arg(long, value_name = "SECONDS", value_parser = benchmark_gap::seconds, conflicts_with_all = ["gap", "generate"])]
    whole_program: Option<f64>,

    #[command(flatten)]
    gap: benchmark_gap::Options,

    /// Where results go: DIR/benchmark/<run>/
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,

    /// Name of the run's folder, instead of the hash of what went into it
    #[arg(long, value_name = "NAME")]
    run: Option<String>,

    /// Write no results
    #[arg(long, conflicts_with_all = ["run"])]
    no_results: bool,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// The folder of a benchmark's results, in the place of a scenario's name.
pub const NAME: &str = "benchmark";

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.gap.is_asked() {
        return benchmark_gap::run(&args.gap, args.seed, args.json);
    }
    let started = Instant::now();
    args.run.as_deref().map(report::folder_name).transpose()?;
    let sizes = match args.sizes.as_str() {
        "all" => Size::ALL.to_vec(),
        "none" => Vec::new(),
        listed => listed
            .split(',')
            .map(|size| size.trim().parse().map_err(|error: String| anyhow!("--sizes: {error}")))
            .collect::<anyhow::Result<_>>()?,
    };
    let files = if args.scenarios.is_empty() { shipped(Path::new("scenarios"))? } else { args.scenarios.clone() };
    let manifest = Manifest {
        format: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: NAME.to_owned(),
        seed: args.seed,
        replications: 0,
        what_ifs: Vec::new(),
        reproducible: true,
        scenario: Input::new("", String::new()),
        mappings: Vec::new(),
        gateways: Vec::new(),
        replay: None,
        propagate: None,
        pareto: false,
        breaks: false,
        across: None,
        changes: Vec::new(),
        vary: Vec::new(),
        drill: None,
        benchmark: Some(BenchmarkAsked {
            scenarios: files.iter().map(|path| input::read(path)).collect::<anyhow::Result<Vec<_>>>()?,
            sizes: sizes.iter().map(Size::to_string).collect(),
            instances: args.instances,
        }),
    };
    let (finished, times) = execute(&manifest)?;
    if let Some(seconds) = args.whole_program {
        for scenario in scenarios(&manifest)? {
            output::note(&whole_program(&scenario, seconds));
        }
    }
    let written = match args.no_results {
        true => None,
        false => Some(job::write(&manifest, NAME, (&args.results, args.run.as_deref()), &finished, times.json(started))?),
    };
    match args.json {
        true => output::json(&finished.json)?,
        false => output::text(&finished.text),
    }
    if let Some(written) = written {
        let line = format!("Results: {}\n", written.folder.display());
        if args.json { output::note(line.trim_end()) } else { output::text(&line) }
    }
    output::note(&times.table());
    output::note(&format!("took {:.1} s", started.elapsed().as_secs_f64()));
    Ok(finished.exit)
}

/// Scenario files of a folder, by name; plans beside them are none.
fn shipped(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    files.retain(|path| path.is_file() && path.to_string_lossy().ends_with(".toml") && !path.to_string_lossy().ends_with(".plan.toml"));
    files.sort();
    Ok(files)
}

fn whole_program(scenario: &Scenario, seconds: f64) -> String {
    let started = Instant::now();
    let decision = strategy::decide_by_whole_program(scenario, seconds);
    let (cost, bound) = (decision.objective.unwrap_or(f64::NAN), decision.bound.unwrap_or(f64::NEG_INFINITY));
    let Decision { shortfall, .. } = decision;
    format!(
        "{}: the whole program, {} for {seconds} s: shortfall {shortfall:.5}, cost {cost:.5}, bound {bound:.5}, {:.0} s in all",
        scenario.name,
        Solver::best().name(),
        started.elapsed().as_secs_f64()
    )
}

/// Given ones first, then those made up.
fn scenarios(manifest: &Manifest) -> anyhow::Result<Vec<Scenario>> {
    let asked = manifest.benchmark.as_ref().ok_or_else(|| anyhow!("the manifest of a benchmark does not say what was asked for"))?;
    let mut scenarios: Vec<Scenario> = asked.scenarios.iter().map(input::scenario).collect::<anyhow::Result<_>>()?;
    for size in &asked.sizes {
        let size: Size = size.parse().map_err(|error: String| anyhow!(error))?;
        for number in 1..=asked.instances {
            let text = benchmark::instance(size, number, manifest.seed);
            scenarios.push(scenario::parse("a made-up scenario", &text)?.scenario);
        }
    }
    if scenarios.is_empty() {
        bail!("there is no scenario to decide for: name one, or ask for sizes, as in --sizes 20x10");
    }
    Ok(scenarios)
}

pub fn execute(manifest: &Manifest) -> anyhow::Result<(Finished, Times)> {
    let scenarios = scenarios(manifest)?;
    let watch = Progress::default();
    watch.phase("deciding", (scenarios.len() * Strategy::ALL.len()) as u64);
    let (mut instances, mut solved, mut times) = (Vec::new(), Vec::new(), Times::default());
    for scenario in &scenarios {
        let (instance, decided) = benchmark::solve(&scenario.name, scenario, manifest.seed, &mut |strategy, decide| {
            let started = Instant::now();
            decide();
            times.0.push((scenario.name.clone(), strategy.name(), started.elapsed().as_secs_f64()));
            watch.step();
        });
        instances.push(instance);
        solved.extend(decided);
    }
    let ranked = benchmark::rank(instances, solved, manifest.seed);
    let finished = Finished {
        text: benchmark_text(&ranked),
        json: serde_json::to_value(&ranked)?,
        files: benchmark_tables(&ranked)?,
        exit: Exit::Met,
        reproducible: true,
    };
    Ok((finished, times))
}

/// Seconds that each decision took: scenario, strategy.
#[derive(Debug, Default)]
pub struct Times(Vec<(String, &'static str, f64)>);

impl Times {
    pub fn json(&self, started: Instant) -> serde_json::Value {
        let decisions: Vec<serde_json::Value> = self
            .0
            .iter()
            .map(|(instance, strategy, seconds)| json!({ "instance": instance, "strategy": strategy, "seconds": seconds }))
            .collect();
        json!({ "wall_seconds": started.elapsed().as_secs_f64(), "decisions": decisions })
    }

    /// A row a scenario.
    fn table(&self) -> String {
        let header: Vec<&str> = std::iter::once("seconds").chain(Strategy::ALL.iter().map(|strategy| strategy.name())).collect();
        let rows: Vec<Vec<String>> = self
            .0
            .chunks(Strategy::ALL.len())
            .map(|row| std::iter::once(row[0].0.clone()).chain(row.iter().map(|(_, _, seconds)| format!("{seconds:.2}"))).collect())
            .collect();
        plain_table(&header, &rows, &(1..header.len()).collect::<Vec<usize>>())
    }
}
