//! `mcplab repeat`: does a run come out the same, byte for byte?

use std::path::PathBuf;
use std::time::Instant;

use mcplab::report::{self, differing_files};
use serde_json::json;

use super::job::{self, Job};
use super::{Exit, benchmark, output};

/// Repeat a run from its manifest alone and compare every file, byte for byte
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab repeat results/openmanager-vibe-v5/reference\n\nExit code: 0 the same bytes, 1 something differs, 2 an error."
)]
pub struct Args {
    /// The run's folder, the one with manifest.json
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let manifest = report::read_manifest(&args.run)?;
    if manifest.version != env!("CARGO_PKG_VERSION") {
        output::warning(&format!(
            "the run was made by version {}, this is {}: figures may differ",
            manifest.version,
            env!("CARGO_PKG_VERSION")
        ));
    }
    let again = tempfile::tempdir()?;
    let written = if manifest.command == benchmark::NAME {
        let (finished, times) = benchmark::execute(&manifest)?;
        job::write(&manifest, benchmark::NAME, (again.path(), None), &finished, times.json(started))?
    } else {
        let job = Job::from_manifest(manifest)?;
        let finished = job.execute(None)?;
        job.write(again.path(), None, &finished, started)?
    };
    let differing = differing_files(&args.run, &written.folder)?;
    match args.json {
        true => output::json(&json!({ "run": args.run, "same": differing.is_empty(), "differing": differing }))?,
        false if differing.is_empty() => output::text(&format!("{}: the same, byte for byte ✓\n", args.run.display())),
        false => output::text(&format!("{}: differs in {} ✗\n", args.run.display(), differing.join(", "))),
    }
    output::note(&format!("took {:.1} s", started.elapsed().as_secs_f64()));
    Ok(if differing.is_empty() { Exit::Met } else { Exit::Missed })
}
