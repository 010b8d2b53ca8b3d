//! What the commands that simulate share: a job that can be repeated exactly from its manifest.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use mcplab::engine::expected_calls;
use mcplab::experiment::{self, Design, Stage, Warmup, Watch};
use mcplab::import::call_log;
use mcplab::mapping::{Dispatch, Mapping};
use mcplab::report::{self, DrillAsked, Input, Journal, Manifest, ReplayedLog, Written};
use mcplab::scenario::Scenario;
use mcplab::study::{self, Propagated};
use serde_json::json;

use super::progress::Progress;
use super::{Exit, compare, drill, input, optimize, output, simulate, sweep, what_if};

/// Options of every command that simulates.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// The scenario file
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,

    /// Run the calls of this log again (.csv, .jsonl, .ndjson or .parquet) instead of those that the workloads make up; see below
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,

    /// Independent replications of every case, instead of the scenario's own number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub replications: Option<u32>,

    /// Seed of all randomness, instead of the scenario's own
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Where results go: DIR/<scenario>/<run>/
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub results: PathBuf,

    /// Name of the run's folder, instead of the hash of what went into it
    #[arg(long, value_name = "NAME")]
    pub run: Option<String>,

    /// Write no results
    #[arg(long, conflicts_with_all = ["run"])]
    pub no_results: bool,

    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// How sure KPIs are, of commands that can say so.
#[derive(Debug, Clone, Copy, Args)]
pub struct PropagateOption {
    /// Also say how sure the KPIs are with the intervals that the scenario's figures state: so many draws of them, each simulated five times
    #[arg(
        long,
        value_name = "DRAWS",
        num_args = 0..=1,
        default_missing_value = "100",
        conflicts_with = "replay",
        value_parser = clap::value_parser!(u32).range(20..=10_000)
    )]
    pub propagate: Option<u32>,
}

/// What a log looks like, and what becomes of it; after the help of every command that takes one.
pub const REPLAY_HELP: &str = "\
Replay: --replay takes a log with the columns (or keys) time, agent, and capability or server; optional: duration (seconds) or
duration_ms, used where a call goes to the server that the log names. Other columns are not read. Times are numbers or RFC 3339
text: seconds of any epoch, or, as the first one says, milliseconds (above 1e11), microseconds (1e14) or nanoseconds (1e17).
Rows that no need of the scenario matches are left out and counted. The run is as long as the log, rounded up to a second; a
stated warm-up is at most a tenth of it. Workloads, also those of what-ifs, then say what the log shows. A what-if's load does
not multiply the calls: it speeds up the log's clock (times are divided by load).";

/// Said where MSER-5 finds no end of the warm-up.
const TOO_SHORT: &str = "\nThe run is too short, or has no steady state: MSER-5 would leave out more than half of it as warm-up. Make `horizon` longer, or look \
for a server\nthat is offered more than it can serve; a `warmup` that you state is taken as it is.\n";

/// What a command asks for beyond the options that all have.
#[derive(Debug, Default)]
pub struct Asked {
    pub mappings: Vec<Input>,
    pub what_ifs: Vec<String>,
    pub gateways: Vec<Dispatch>,
    /// Draws of the inputs.
    pub propagate: Option<u32>,
    pub pareto: bool,
    pub breaks: bool,
    pub across: Option<String>,
    /// Flags that change the scenario.
    pub changes: Vec<String>,
    /// What a sweep varies.
    pub vary: Vec<String>,
    pub drill: Option<DrillAsked>,
}

/// Minutes for each mapping and case: a slip of the pen in nearly every scenario.
pub const CALLS_MAX: f64 = 5e8;

/// A run's whole input.
pub struct Job {
    pub manifest: Manifest,
    pub scenario: Scenario,
    /// Found before the run, where the scenario states none.
    warmup: Option<Warmup>,
}

/// A run's whole output.
pub struct Finished {
    pub text: String,
    pub json: serde_json::Value,
    pub files: Vec<(String, Vec<u8>)>,
    pub exit: Exit,
    pub reproducible: bool,
}

impl Job {
    pub fn new(command: &str, options: &RunOptions, asked: Asked) -> anyhow::Result<Job> {
        let text = input::read(&options.scenario)?;
        let mut scenario = input::scenario(&text)?;
        let mut manifest = Manifest {
            format: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: command.to_owned(),
            seed: options.seed.unwrap_or(scenario.run.seed),
            replications: options.replications.unwrap_or(scenario.run.replications),
            what_ifs: asked.what_ifs,
            reproducible: true,
            scenario: text,
            mappings: asked.mappings,
            gateways: asked.gateways.into_iter().map(Dispatch::name).collect(),
            replay: None,
            propagate: asked.propagate,
            pareto: asked.pareto,
            breaks: asked.breaks,
            across: asked.across,
            changes: asked.changes,
            vary: asked.vary,
            drill: asked.drill,
            benchmark: None,
        };
        prepare(&manifest, &mut scenario)?;
        manifest.replay = options.replay.as_deref().map(|path| replayed(path, &mut scenario)).transpose()?;
        Job::checked(manifest, scenario)
    }

    pub fn from_manifest(manifest: Manifest) -> anyhow::Result<Job> {
        if !(2..=100_000).contains(&manifest.replications) {
            bail!("the manifest asks for {} replications; a run has 2 to 100000", manifest.replications);
        }
        for input in std::iter::once(&manifest.scenario).chain(&manifest.mappings) {
            if Input::new(&*input.file, input.text.clone()).sha256 != input.sha256 {
                bail!("the manifest's text of {} is not the one that its hash is of: it was edited", input.file);
            }
        }
        let mut scenario = input::scenario(&manifest.scenario)?;
        prepare(&manifest, &mut scenario)?;
        if let Some(log) = &manifest.replay {
            let again = replayed(Path::new(&log.file), &mut scenario)
                .with_context(|| format!("the run replayed the log {}, which has to be where it was then", log.file))?;
            if again.sha256 != log.sha256 {
                bail!("the log {} has changed since the run: a replay of it would be another one", log.file);
            }
        }
        Job::checked(manifest, scenario)
    }

    fn checked(manifest: Manifest, scenario: Scenario) -> anyhow::Result<Job> {
        let scenarios = std::iter::once(&scenario).chain(scenario.what_ifs.iter().map(|w| &*w.scenario));
        let calls = scenarios.map(expected_calls).fold(0.0, f64::max) * f64::from(manifest.replications);
        if calls > CALLS_MAX {
            bail!(
                "{}: about {calls:.1e} calls would be simulated for one mapping; lower `replications`, `horizon` or the agents' task rates (at most {CALLS_MAX:.0e})",
                manifest.scenario.file
            );
        }
        let mut job = Job { manifest, scenario, warmup: None };
        // What is compared is counted over the same time, that which today's mapping needs; what is simulated alone over its own.
        let mapping = if job.manifest.command == "simulate" { simulate::simulated(&job)?.1 } else { Mapping::current(&job.scenario) };
        let watch = Progress::default();
        watch.phase("finding the warm-up", 1);
        job.warmup = experiment::settle(&mut job.scenario, &mapping, job.manifest.seed);
        drop(watch);
        Ok(job)
    }

    /// The gateways that take part.
    pub fn gateways(&self) -> anyhow::Result<Vec<Dispatch>> {
        self.manifest.gateways.iter().map(|name| name.parse().map_err(|error: String| anyhow!(error))).collect()
    }

    /// What the scenario is unsure of, in the KPIs of a mapping's cases; none where it was not asked for.
    pub fn propagated(&self, mapping: &Mapping, cases: &[study::Case], watch: &dyn Watch) -> anyhow::Result<Option<Propagated>> {
        let Some(draws) = self.manifest.propagate else { return Ok(None) };
        let design = self.design(Stage::Comparison);
        let calls = expected_calls(&self.scenario) * f64::from(study::propagated_replications(design, draws));
        if calls > CALLS_MAX {
            bail!(
                "--propagate {draws} would simulate about {calls:.1e} calls (at most {CALLS_MAX:.0e}); ask for fewer draws, or shorten `horizon`"
            );
        }
        Ok(Some(study::propagate(&self.scenario, mapping, cases, design, draws, watch)?))
    }

    pub fn design(&self, stage: Stage) -> Design {
        Design { seed: self.manifest.seed, replications: self.manifest.replications, stage }
    }

    /// `journal`: of a sweep that writes while it goes on.
    pub fn execute(&self, journal: Option<&Journal>) -> anyhow::Result<Finished> {
        let watch = Progress::default();
        let mut finished = match self.manifest.command.as_str() {
            "simulate" => simulate::execute(self, &watch),
            "compare" => compare::execute(self, &watch),
            "optimize" => optimize::execute(self, &watch),
            "what-if" => what_if::execute(self, &watch),
            "sweep" => sweep::execute(self, &watch, journal),
            "drill" => drill::execute(self, &watch),
            other => bail!("the manifest names the command `{other}`, which this version does not know"),
        }?;
        if let (Some(log), Some(replay), Some(json)) = (&self.manifest.replay, &self.scenario.replay, finished.json.as_object_mut()) {
            let span = replay.calls.last().map_or(0.0, |call| call.at.as_secs());
            json.insert(
                "replay".to_owned(),
                json!({ "file": log.file, "sha256": log.sha256, "calls": replay.calls.len(), "span_seconds": span }),
            );
        }
        if let Some(warmup) = self.warmup {
            if !warmup.settled {
                finished.text += TOO_SHORT;
            }
            if let Some(json) = finished.json.as_object_mut() {
                json.insert("warmup".to_owned(), json!({ "seconds": warmup.time.as_secs(), "rule": "MSER-5", "settled": warmup.settled }));
            }
        }
        Ok(finished)
    }

    pub fn write(&self, root: &Path, name: Option<&str>, finished: &Finished, started: Instant) -> anyhow::Result<Written> {
        write(&self.manifest, &self.scenario.name, (root, name), finished, self.times(started))
    }

    fn times(&self, started: Instant) -> serde_json::Value {
        json!({ "wall_seconds": started.elapsed().as_secs_f64(), "threads": rayon::current_num_threads() })
    }

    /// Executes, writes, prints; the story of every command that simulates.
    pub fn run(&self, options: &RunOptions) -> anyhow::Result<(Exit, Finished)> {
        let started = Instant::now();
        // A slip in a name is said before minutes are spent.
        options.run.as_deref().map(report::folder_name).transpose()?;
        // A sweep writes while it goes on, so that it can be stopped.
        let begun = match self.manifest.command == "sweep" && !options.no_results {
            true => Some(report::begin_run(&options.results, &self.scenario.name, options.run.as_deref(), &self.manifest)?),
            false => None,
        };
        let journal = begun.as_ref().map(|begun| Journal::open(&begun.folder)).transpose()?;
        let finished = self.execute(journal.as_ref())?;
        let written = match begun {
            None if options.no_results => None,
            None => Some(self.write(&options.results, options.run.as_deref(), &finished, started)?),
            Some(begun) => {
                report::finish_run(&begun.folder, &files(&finished, &self.times(started))?)?;
                Some(begun)
            }
        };
        match options.json {
            true => output::json(&finished.json)?,
            false => output::text(&finished.text),
        }
        if let Some(written) = written {
            let line = format!("Results: {}\n", written.folder.display());
            if options.json { output::note(line.trim_end()) } else { output::text(&line) }
        }
        output::note(&format!("took {:.1} s", started.elapsed().as_secs_f64()));
        Ok((finished.exit, finished))
    }
}

/// A command whose what-ifs are its own has them read in the place of the scenario's.
fn prepare(manifest: &Manifest, scenario: &mut Scenario) -> anyhow::Result<()> {
    if manifest.command == "what-if" { what_if::prepare(manifest, scenario) } else { Ok(()) }
}

/// Writes the results of a run into a folder of results, under a name or the run's id; times go to a file of their own.
pub fn write(
    manifest: &Manifest,
    scenario_name: &str,
    (root, name): (&Path, Option<&str>),
    finished: &Finished,
    times: serde_json::Value,
) -> anyhow::Result<Written> {
    let manifest = Manifest { reproducible: finished.reproducible, ..manifest.clone() };
    Ok(report::write_run(root, scenario_name, name, &manifest, &files(finished, &times)?)?)
}

fn files(finished: &Finished, times: &serde_json::Value) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut files = finished.files.clone();
    let mut json = serde_json::to_vec(&finished.json)?;
    json.push(b'\n');
    files.push(("report.txt".to_owned(), finished.text.clone().into_bytes()));
    files.push(("report.json".to_owned(), json));
    files.push((report::TIMES_FILE.to_owned(), format!("{times}\n").into_bytes()));
    Ok(files)
}

/// Puts a log in the place of the scenario's workloads, and says what was found in it.
fn replayed(path: &Path, scenario: &mut Scenario) -> anyhow::Result<ReplayedLog> {
    let log = call_log::read(path, scenario)?;
    output::note(&format!("replay of {}: {}", log.file, log.summary.note()));
    log.summary.warnings(&log.file).iter().for_each(|warning| output::warning(warning));
    let replayed = ReplayedLog { file: log.file.clone(), sha256: log.sha256.clone() };
    call_log::attach(scenario, log);
    Ok(replayed)
}
