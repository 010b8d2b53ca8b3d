//! `mcplab backups`: what is kept of a folder's files as they were.

use std::path::PathBuf;

use clap::Subcommand;
use mcplab::apply::{self, Action, Backup, Retention};
use mcplab::report::plain_table;
use mcplab::trace::utc;

use super::apply::state_dir;
use super::{Exit, output};

/// List what is kept of a project's files as they were, or make room
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab backups list .\n  mcplab backups prune . --keep 10 --dry-run\n  mcplab backups prune . --keep 10"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every action's backups, with their size
    List(ListArgs),
    /// Remove old backups. Records stay, and the first backup of every file is kept for ever
    Prune(PruneArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// The project folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "An action whose backups are gone can no longer be rolled back, which nothing undoes.\nExit code: 0 removed, or nothing to remove; 1 a dry run that would remove something; 2 an error."
)]
struct PruneArgs {
    /// The project folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The last so many backups are kept
    #[arg(long, value_name = "N")]
    keep: usize,
    /// Show what would be removed, and stop
    #[arg(long)]
    dry_run: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let state = state_dir()?;
    let (backups, json, exit, nothing) = match &args.command {
        Command::List(args) => (apply::backups(&args.dir, &state)?, args.json, Exit::Met, "No backups.\n"),
        Command::Prune(args) if args.dry_run => {
            let backups = apply::preview_prune(&args.dir, &state, args.keep)?;
            let exit = if backups.is_empty() { Exit::Met } else { Exit::Missed };
            (backups, args.json, exit, "Nothing to remove.\n")
        }
        Command::Prune(args) => (apply::prune(&args.dir, &state, args.keep)?, args.json, Exit::Met, "Nothing to remove.\n"),
    };
    if json {
        output::json(&backups)?;
        return Ok(exit);
    }
    let ending = match &args.command {
        Command::List(_) => "",
        Command::Prune(args) if args.dry_run => "would be removed; nothing was (dry run).\n",
        Command::Prune(_) => "removed.\n",
    };
    output::text(&if backups.is_empty() { nothing.to_owned() } else { table(&backups) + ending });
    Ok(exit)
}

fn table(backups: &[Backup]) -> String {
    let row = |backup: &Backup| {
        let what = match &backup.action {
            Action::Apply { .. } => "apply".to_owned(),
            Action::Rollback { of } => format!("rollback of {of}"),
        };
        let kept = match backup.retention {
            Retention::ForEver => "for ever: a file's first",
            Retention::Kept => "until pruned",
            Retention::Pruned => "removed",
        };
        vec![backup.id.clone(), utc(i64::try_from(backup.time).unwrap_or(i64::MAX)), what, format!("{} B", backup.bytes), kept.to_owned()]
    };
    let rows: Vec<Vec<String>> = backups.iter().map(row).collect();
    plain_table(&["action", "time", "what", "size", "kept"], &rows, &[3]) + "\n"
}
