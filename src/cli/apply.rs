//! `mcplab apply`: the mapping into the agents' files, shown first.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use mcplab::apply::{self, Decision, Permit, Plan};
use mcplab::mapping::file;
use mcplab::report::Input;
use mcplab::scenario::Scenario;
use serde_json::{Value, json};

use super::{Exit, input, output};

/// Write a mapping into the agents' files: the exact diff first, all files or none, and the undo command
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab apply mapping.toml --to . --dry-run\n  mcplab apply mapping.toml --to .\n  mcplab apply by-hand.toml --scenario mine.toml --to . --force\n\nExit code: 0 applied, or nothing to change; 1 a dry run that would change something, or the answer was no; 2 an error."
)]
pub struct Args {
    /// The mapping file that `mcplab optimize` wrote
    #[arg(value_name = "MAPPING")]
    mapping: PathBuf,

    /// The project folder, the one that holds .claude/
    #[arg(long, value_name = "DIR")]
    to: PathBuf,

    /// The scenario it was decided on, if it is not where the mapping says
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Show what would change, and stop
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// Also apply a mapping that improves on today's without meeting every KPI
    #[arg(long)]
    allow_unvalidated: bool,

    /// Also apply a mapping that was rejected, never judged, or decided on another text of the scenario
    #[arg(long)]
    force: bool,

    /// Also narrow agents that are granted everything: the servers they lose are denied
    #[arg(long)]
    narrow: bool,

    /// Write into the agents' instructions, in a marked block, which server serves what and what to use where it fails
    #[arg(long)]
    guidance: bool,

    /// Print JSON instead of text (the diff included); asks nothing, so it needs --yes or --dry-run
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.json && !args.yes && !args.dry_run {
        bail!("--json asks nothing: give --yes or --dry-run with it");
    }
    let input = input::read(&args.mapping)?;
    let scenario = scenario_of(args, &input)?;
    let file = input::mapping(&input, &scenario)?;
    let state = state_dir()?;
    if !args.dry_run
        && let Some(recovered) = apply::recover(&args.to, &state, false)?
    {
        output::note(&format!("action {} had been interrupted; it was cleared up first", recovered.id));
    }
    let decision = Decision::from_file(&file, &input.text, &scenario);
    let permit = Permit { allow_unvalidated: args.allow_unvalidated, force: args.force, narrow: args.narrow, guidance: args.guidance };
    let plan = apply::plan(&args.to, &state, &scenario, &decision, permit)?;

    if !args.json {
        output::text(&shown(&plan));
    }
    if plan.is_empty() {
        return told(args, &plan, None, Exit::Met, "Nothing to change: the agents' files are as the mapping has them.\n");
    }
    if args.dry_run {
        let text = format!("{} would change; nothing was written (dry run).\n", files(plan.files.len()));
        return told(args, &plan, None, Exit::Missed, &text);
    }
    if !args.yes && !agreed(&plan)? {
        return told(args, &plan, None, Exit::Missed, "Nothing was written.\n");
    }
    let applied = apply::apply(&plan, &state)?;
    let undo = format!("mcplab rollback --to {}", shell_word(&args.to.display().to_string()));
    let text = format!(
        "{} written and read back; backup: {}\nUndo with: {undo}{}\n",
        files(applied.files.len()),
        applied.backup.display(),
        applied.id.as_ref().map_or_else(String::new, |id| format!(" {id}")),
    );
    told(args, &plan, applied.id.as_deref(), Exit::Met, &text)
}

fn told(args: &Args, plan: &Plan, id: Option<&str>, exit: Exit, text: &str) -> anyhow::Result<Exit> {
    match args.json {
        false => output::text(text),
        true => output::json(&json!({
            "files": plan.files.iter().map(|f| json!({ "path": f.path, "agent": f.agent, "sha256_before": f.sha256_before(), "sha256_after": f.sha256_after() })).collect::<Vec<Value>>(),
            "grants": plan.grants,
            "warnings": plan.warnings.iter().map(ToString::to_string).collect::<Vec<String>>(),
            "diff": plan.diff(),
            "applied": id,
        }))?,
    }
    Ok(exit)
}

/// The diff, then who gains and loses what, then what to think of.
fn shown(plan: &Plan) -> String {
    if plan.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n{}\n", plan.diff(), plan.gains_and_losses());
    if !plan.warnings.is_empty() {
        text += "Think of\n";
        plan.warnings.iter().for_each(|warning| text += &format!("  - {warning}\n"));
        text += "\n";
    }
    text
}

fn agreed(plan: &Plan) -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        bail!("standard input is no terminal, so nobody can be asked: give --yes, or --dry-run to look only");
    }
    output::note(&format!("Change {}? [y/N]", files(plan.files.len())));
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The scenario that the mapping was decided on: the given one, else where the mapping says, seen from here or from the mapping's folder.
fn scenario_of(args: &Args, mapping: &Input) -> anyhow::Result<Scenario> {
    let raw = file::parse_raw(&mapping.file, &mapping.text)?;
    let evidence = |key: &str| raw.evidence.as_ref().and_then(|e| e.get(key)).and_then(|v| v.as_str()).map(str::to_owned);
    let path = match (&args.scenario, evidence("scenario_file")) {
        (Some(path), _) => path.clone(),
        (None, Some(named)) => {
            // Seen from here, or from the mapping's folder: the one with the right content, where both are there.
            let beside = args.mapping.parent().unwrap_or(Path::new("")).join(&named);
            let here = PathBuf::from(named);
            let is_right = |path: &Path| input::read(path).is_ok_and(|input| Some(input.sha256) == evidence("scenario_sha256"));
            if is_right(&beside) || !here.exists() { beside } else { here }
        }
        (None, None) => bail!("{} does not say which scenario it is for: give it with --scenario FILE", mapping.file),
    };
    let input = input::read(&path).with_context(|| "the mapping's scenario is needed (--scenario FILE)".to_owned())?;
    let expected = evidence("scenario_sha256");
    // A path out of a mapping is someone else's word: nothing of that file is shown in a message unless it is the text that was meant.
    let trusted = args.scenario.is_some() && (args.force || expected.is_none());
    if expected.as_ref() != Some(&input.sha256) && !trusted {
        bail!("{} is not the text that {} was decided on: optimize again, or give the right one with --scenario", input.file, mapping.file);
    }
    input::scenario(&input)
}

/// `$XDG_STATE_HOME`, else `~/.local/state`.
pub fn state_dir() -> anyhow::Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .context("neither XDG_STATE_HOME nor HOME names a folder: there is no place for backups")
}

pub fn files(number: usize) -> String {
    if number == 1 { "1 file".to_owned() } else { format!("{number} files") }
}

/// As a shell reads it back.
pub fn shell_word(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "/._-+=:@".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
