//! `mcplab status`: applied, drifted, or as before.

use std::path::PathBuf;

use mcplab::apply::{self, Action, FileState, Outcome, Summary};
use mcplab::report::plain_table;

use super::apply::state_dir;
use super::{Exit, output};

/// Say what mcplab has changed in a project folder, and whether it is still so
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab status .\n  mcplab status . --json\n\nExit code: 0 as mcplab left it (or never touched), 1 drifted or interrupted, 2 an error."
)]
pub struct Args {
    /// The project folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let status = apply::status(&args.dir, &state_dir()?)?;
    let (summary, exit) = match &status.summary {
        Summary::Untouched => ("untouched: mcplab never changed anything here".to_owned(), Exit::Met),
        Summary::AsBefore => ("as before: everything that was applied was rolled back".to_owned(), Exit::Met),
        Summary::Applied { id } => (format!("applied: every file is as action {id} left it"), Exit::Met),
        Summary::Drifted => ("drifted: files were edited since mcplab wrote them".to_owned(), Exit::Missed),
        Summary::Interrupted { id } => {
            (format!("interrupted: action {id} did not finish; the next apply or rollback clears it up"), Exit::Missed)
        }
    };
    if args.json {
        output::json(&status)?;
        return Ok(exit);
    }
    let mut text = format!("{}: {summary}\n", args.dir.display());
    if !status.files.is_empty() {
        let rows: Vec<Vec<String>> = status
            .files
            .iter()
            .map(|file| {
                let state = match file.state {
                    FileState::AsBefore => "as before",
                    FileState::Applied => "applied",
                    FileState::Drifted => "drifted",
                    FileState::Reverted => "as before, though the apply stands",
                };
                vec![file.path.clone(), state.to_owned(), file.last.clone()]
            })
            .collect();
        text += &format!("{}\n", plain_table(&["file", "state", "last written by"], &rows, &[]));
    }
    for action in &status.actions {
        let what = match &action.action {
            Action::Apply { title, .. } => format!("apply of {title}"),
            Action::Rollback { of } => format!("rollback of {of}"),
        };
        let undone = match (&action.taken_back_by, action.outcome) {
            (Some(by), _) => format!(", undone by {by}"),
            (None, Some(Outcome::Done)) => String::new(),
            (None, Some(Outcome::Undone)) => ", undone when it failed".to_owned(),
            (None, None) => ", interrupted".to_owned(),
        };
        text += &format!("  {} {what}: {}{undone}\n", action.id, super::apply::files(action.files));
    }
    output::text(&text);
    Ok(exit)
}
