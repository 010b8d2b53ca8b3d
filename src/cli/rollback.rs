//! `mcplab rollback`: what an apply changed, back as it was.

use std::path::PathBuf;

use mcplab::apply;
use serde_json::json;

use super::apply::{files, shell_word, state_dir};
use super::{Exit, output};

/// Undo an apply: its files back as they were, byte for byte, with their modes
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab rollback --to .            undo the last apply\n  mcplab rollback --to . 0001       undo this one (`mcplab status .` lists them)\n  mcplab rollback --to . --dry-run  show what would be restored\n\nA rollback is itself undone by rolling it back."
)]
pub struct Args {
    /// The project folder that was applied to
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Which action; the last one if not given
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Also overwrite files that were edited since (the edits are kept beside the backups)
    #[arg(long)]
    force: bool,
    /// Show what would be restored, and stop
    #[arg(long)]
    dry_run: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let state = state_dir()?;
    if args.dry_run {
        let (of, paths) = apply::preview_rollback(&args.to, &state, args.id.as_deref(), args.force)?;
        match args.json {
            true => output::json(&json!({ "of": of, "files": paths, "written": false }))?,
            false => {
                output::text(&format!("action {of} would be undone; to be restored:\n{}Nothing was written (dry run).\n", listed(&paths)))
            }
        }
        return Ok(Exit::Missed);
    }
    let done = apply::rollback(&args.to, &state, args.id.as_deref(), args.force)?;
    let undo = done.id.as_ref().map_or_else(String::new, |id| {
        format!("Undo this rollback with: mcplab rollback --to {} {id}\n", shell_word(&args.to.display().to_string()))
    });
    match args.json {
        true => output::json(&json!({ "id": done.id, "of": done.of, "files": done.files }))?,
        false => {
            output::text(&format!("{} restored as before action {}:\n{}{undo}", files(done.files.len()), done.of, listed(&done.files)))
        }
    }
    Ok(Exit::Met)
}

fn listed(paths: &[String]) -> String {
    paths.iter().map(|path| format!("  {path}\n")).collect()
}
