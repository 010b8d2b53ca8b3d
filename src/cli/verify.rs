//! `mcplab verify`: what clients make of the files that were written.

use std::path::{Path, PathBuf};

use mcplab::apply::{self, Verified};
use mcplab::doctor;

use super::apply::{files, shell_word, state_dir};
use super::{Exit, output};

/// Check that clients would still load every file that mcplab wrote, and find every server that it granted
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab verify .\n  mcplab verify . --json\n\n`mcplab apply` does this by itself after each apply. `mcplab doctor` looks at all the rest.\nExit code: 0 everything loads, 1 something does not (the command that undoes the apply is shown), 2 an error."
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
    let verified = apply::verify(&args.dir, &state_dir()?)?;
    match args.json {
        true => output::json(&verified)?,
        false => output::text(&shown(&verified, &args.dir)),
    }
    Ok(if verified.problems.is_empty() { Exit::Met } else { Exit::Missed })
}

pub fn shown(verified: &Verified, dir: &Path) -> String {
    let others = match verified.others.len() {
        0 => String::new(),
        count => format!("{count} more in what mcplab did not touch: mcplab doctor {}\n", shell_word(&dir.display().to_string())),
    };
    if verified.problems.is_empty() {
        return format!(
            "Verified: {} written by mcplab, clients would load all, every granted server is configured.\n{others}",
            files(verified.written)
        );
    }
    let problems: String = verified.problems.iter().map(|finding| doctor::render(finding) + "\n").collect();
    let undo = verified.last.as_ref().map_or_else(String::new, |id| format!("Undo with: {}\n", undo(dir, Some(id))));
    format!("{problems}Not as it should be.\n{undo}{others}")
}

/// The command that takes an action back.
pub fn undo(dir: &Path, id: Option<&str>) -> String {
    format!("mcplab rollback --to {}{}", shell_word(&dir.display().to_string()), id.map_or_else(String::new, |id| format!(" {id}")))
}
