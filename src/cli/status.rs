//! `mcplab status`: applied, drifted, or as before.

use std::path::{Path, PathBuf};

use mcplab::apply::{self, ApplyError, Decision, FileState, FileStatus, Permit, Plan, Summary};
use mcplab::report::plain_table;

use super::apply::{scenario_of, state_dir};
use super::{Exit, input, log, output};

/// Say what mcplab has changed in a project folder, and whether it is still so
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab status .\n  mcplab status . --mapping mapping.toml    planned: what this mapping would write\n  mcplab status . --json\n\nThree columns tell the states of each file apart: as planned, as mcplab last wrote it, as it is now (the hash of its bytes).\nWhat was edited since is shown as a diff, without secrets.\nExit code: 0 as mcplab left it (or never touched) and as planned, 1 not so or interrupted, 2 an error."
)]
pub struct Args {
    /// The project folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// What is planned, if it is not what was applied last
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// The scenario it was decided on, if it is not where the mapping says
    #[arg(long, value_name = "FILE", requires = "mapping")]
    scenario: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let state = state_dir()?;
    let plan = args.mapping.as_deref().map(|mapping| planned(args, mapping, &state)).transpose()?.flatten();
    let status = apply::status(&args.dir, &state, plan.as_ref())?;
    let (summary, exit) = match &status.summary {
        Summary::Untouched => ("untouched: mcplab never changed anything here".to_owned(), Exit::Met),
        Summary::AsBefore => ("as before: everything that was applied was rolled back".to_owned(), Exit::Met),
        Summary::Applied { id } => (format!("applied: every file is as action {id} left it"), Exit::Met),
        Summary::Drifted => ("drifted: files were edited since mcplab wrote them".to_owned(), Exit::Missed),
        Summary::Interrupted { id } => {
            (format!("interrupted: action {id} did not finish; the next apply or rollback clears it up"), Exit::Missed)
        }
    };
    let exit = if plan.as_ref().is_some_and(|plan| !plan.is_empty()) { Exit::Missed } else { exit };
    if args.json {
        output::json(&status)?;
        return Ok(exit);
    }
    let mut text = format!("{}: {summary}\n", args.dir.display());
    if !status.files.is_empty() {
        let rows: Vec<Vec<String>> = status.files.iter().map(row).collect();
        text += &format!("{}\n", plain_table(&["file", "planned", "written", "now", "state", "written by"], &rows, &[]));
    }
    for drift in status.files.iter().filter_map(|file| file.drift.as_ref()) {
        text += &format!("{drift}\n");
    }
    for action in &status.actions {
        text += &format!("  {} {}{}\n", action.id, log::what(action), log::ended(action));
    }
    output::text(&text);
    Ok(exit)
}

/// What a mapping would write, without asking whether it may; none where it cannot be said of files as they are.
fn planned(args: &Args, mapping: &Path, state: &Path) -> anyhow::Result<Option<Plan>> {
    let input = input::read(mapping)?;
    let scenario = scenario_of(mapping, args.scenario.as_deref(), true, &input)?;
    let file = input::mapping(&input, &scenario)?;
    let decision = Decision::from_file(&file, &input.text, &scenario);
    match apply::plan(&args.dir, state, &scenario, &decision, Permit { allow_unvalidated: true, force: true, ..Permit::default() }) {
        Ok(plan) => Ok(Some(plan)),
        Err(error @ (ApplyError::Refused(_) | ApplyError::Interrupted { .. })) => {
            output::warning(&format!("{error}\nplanned: what was applied last"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn row(file: &FileStatus) -> Vec<String> {
    let state = match file.state {
        FileState::Untouched if file.is_as_planned() => "as planned",
        FileState::Untouched => "to be written",
        FileState::AsBefore | FileState::Applied if !file.is_as_planned() => "to be written",
        FileState::AsBefore => "as before",
        FileState::Applied => "applied",
        FileState::Drifted => "drifted",
        FileState::Reverted => "as before, though the apply stands",
    };
    let hash = |sha256: &Option<String>| sha256.as_deref().map_or_else(|| "no file".to_owned(), log::short);
    let last = file.last.clone().unwrap_or_else(|| "-".to_owned());
    vec![file.path.clone(), hash(&file.planned), hash(&file.written), hash(&file.now), state.to_owned(), last]
}
