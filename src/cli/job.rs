//! What simulate, compare and optimize share: a job that can be repeated exactly from its manifest.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::bail;
use clap::Args;
use mcplab::engine::expected_calls;
use mcplab::experiment::{Design, Stage};
use mcplab::report::{self, Input, Manifest, Written};
use mcplab::scenario::Scenario;

use super::progress::Progress;
use super::{Exit, compare, input, optimize, output, simulate};

/// Options of every command that simulates.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// The scenario file
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,

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

/// A run's whole input.
pub struct Job {
    pub manifest: Manifest,
    pub scenario: Scenario,
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
    pub fn new(command: &str, options: &RunOptions, mappings: Vec<Input>, what_ifs: Vec<String>) -> anyhow::Result<Job> {
        let text = input::read(&options.scenario)?;
        let scenario = input::scenario(&text)?;
        let manifest = Manifest {
            format: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: command.to_owned(),
            seed: options.seed.unwrap_or(scenario.run.seed),
            replications: options.replications.unwrap_or(scenario.run.replications),
            what_ifs,
            reproducible: true,
            scenario: text,
            mappings,
        };
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
        let scenario = input::scenario(&manifest.scenario)?;
        Job::checked(manifest, scenario)
    }

    fn checked(manifest: Manifest, scenario: Scenario) -> anyhow::Result<Job> {
        // Minutes for each mapping and case: a slip of the pen in nearly every scenario.
        const CALLS_MAX: f64 = 5e8;
        let scenarios = std::iter::once(&scenario).chain(scenario.what_ifs.iter().map(|w| &*w.scenario));
        let calls = scenarios.map(expected_calls).fold(0.0, f64::max) * f64::from(manifest.replications);
        if calls > CALLS_MAX {
            bail!(
                "{}: about {calls:.1e} calls would be simulated for one mapping; lower `replications`, `horizon` or the agents' task rates (at most {CALLS_MAX:.0e})",
                manifest.scenario.file
            );
        }
        Ok(Job { manifest, scenario })
    }

    pub fn design(&self, stage: Stage) -> Design {
        Design { seed: self.manifest.seed, replications: self.manifest.replications, stage }
    }

    pub fn execute(&self) -> anyhow::Result<Finished> {
        let watch = Progress::default();
        match self.manifest.command.as_str() {
            "simulate" => simulate::execute(self, &watch),
            "compare" => compare::execute(self, &watch),
            "optimize" => optimize::execute(self, &watch),
            other => bail!("the manifest names the command `{other}`, which this version does not know"),
        }
    }

    /// Writes the results; times go to a file of their own.
    pub fn write(&self, root: &Path, name: Option<&str>, finished: &Finished, started: Instant) -> anyhow::Result<Written> {
        let mut files = finished.files.clone();
        let mut json = serde_json::to_vec(&finished.json)?;
        json.push(b'\n');
        files.push(("report.txt".to_owned(), finished.text.clone().into_bytes()));
        files.push(("report.json".to_owned(), json));
        let times = serde_json::json!({ "wall_seconds": started.elapsed().as_secs_f64(), "threads": rayon::current_num_threads() });
        files.push((report::TIMES_FILE.to_owned(), format!("{times}\n").into_bytes()));
        Ok(report::write_run(root, &self.scenario.name, name, &self.manifest_of(finished), &files)?)
    }

    fn manifest_of(&self, finished: &Finished) -> Manifest {
        Manifest { reproducible: finished.reproducible, ..self.manifest.clone() }
    }

    /// Executes, writes, prints; the story of every command that simulates.
    pub fn run(&self, options: &RunOptions) -> anyhow::Result<(Exit, Finished)> {
        let started = Instant::now();
        // A slip in a name is said before minutes are spent.
        options.run.as_deref().map(report::folder_name).transpose()?;
        let finished = self.execute()?;
        let written = match options.no_results {
            true => None,
            false => Some(self.write(&options.results, options.run.as_deref(), &finished, started)?),
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
