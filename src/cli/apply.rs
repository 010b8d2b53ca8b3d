//! `mcplab apply`: the mapping into the agents' files, shown first.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use mcplab::apply::{self, Applied, Decision, Permit, Phase, Plan, Verified};
use mcplab::mapping::file;
use mcplab::report::Input;
use mcplab::scenario::Scenario;
use serde_json::{Value, json};

use super::pick::pick;
use super::{Exit, input, output, verify};

/// Write a mapping into the agents' files: the exact diff first, all files or none, and the undo command
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab apply mapping.toml --to . --dry-run\n  mcplab apply mapping.toml --to .\n  mcplab apply mapping.toml --to . --check            for CI: is everything as planned?\n  mcplab apply mapping.toml --to . --only reviewer,execution-tracker\n  mcplab apply mapping.toml --to . --interactive      file by file, as git add -p\n  mcplab apply mapping.toml --to . --phases           off the heaviest loaded server first; a stop and a check after each\n  mcplab apply by-hand.toml --scenario mine.toml --to . --force\n\nAfter each apply the files are read as clients do (`mcplab verify`). docs/applying.md says what is guaranteed.\nExit code: 0 applied, or nothing to change; 1 --check or --dry-run would change something, the answer was no, or a client would\nnot load what was written; 2 an error."
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

    /// Say which files would change, and stop; exit code 0: none, 1: some, 2: an error
    #[arg(long, conflicts_with_all = ["dry_run", "interactive"])]
    check: bool,

    /// Only these agents' files
    #[arg(long, value_name = "AGENT,..", value_delimiter = ',')]
    only: Vec<String>,

    /// Ask for each file
    #[arg(long, conflicts_with_all = ["yes", "json", "dry_run"])]
    interactive: bool,

    /// One phase after another: agents that leave the heaviest loaded server first, a stop and a check after each
    #[arg(long, conflicts_with_all = ["interactive", "json"])]
    phases: bool,

    /// Only the first phase of what is left to do
    #[arg(long, conflicts_with_all = ["phases", "interactive"])]
    next_phase: bool,

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

    /// Print JSON instead of text (the diff included); asks nothing, so it needs --yes, --dry-run or --check
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.json && !args.yes && !args.dry_run && !args.check {
        bail!("--json asks nothing: give --yes, --dry-run or --check with it");
    }
    let input = input::read(&args.mapping)?;
    let scenario = scenario_of(&args.mapping, args.scenario.as_deref(), args.force, &input)?;
    let file = input::mapping(&input, &scenario)?;
    let state = state_dir()?;
    let writes = !args.dry_run && !args.check;
    if writes && let Some(recovered) = apply::recover(&args.to, &state, false)? {
        output::note(&format!("action {} had been interrupted; it was cleared up first", recovered.id));
    }
    let decision = Decision::from_file(&file, &input.text, &scenario);
    let permit = Permit { allow_unvalidated: args.allow_unvalidated, force: args.force, narrow: args.narrow, guidance: args.guidance };
    let plan = || -> anyhow::Result<Plan> { only(apply::plan(&args.to, &state, &scenario, &decision, permit)?, args, &scenario) };
    if !args.phases || !writes {
        let mut plan = plan()?;
        if args.phases {
            output::text(&listed(&plan.phases(&scenario, &file.mapping)));
        }
        if args.next_phase
            && let Some(first) = plan.phases(&scenario, &file.mapping).first()
        {
            plan = plan.part(&first.agents, &format!("phase: {}", first.title));
        }
        return carry_out(args, &plan, &state);
    }
    let mut number = 0;
    loop {
        let plan = plan()?;
        let phases = plan.phases(&scenario, &file.mapping);
        let Some(phase) = phases.first() else {
            return if number == 0 { carry_out(args, &plan, &state) } else { Ok(Exit::Met) };
        };
        number += 1;
        output::text(&format!("Phase {number} of {}: {}\n", number - 1 + phases.len(), phase.title));
        let part = plan.part(&phase.agents, &format!("phase {number} of {}: {}", number - 1 + phases.len(), phase.title));
        match carry_out(args, &part, &state)? {
            Exit::Missed => return Ok(Exit::Missed),
            Exit::Met => output::text("\n"),
        }
    }
}

/// The phases that there would be, and who is in them.
fn listed(phases: &[Phase]) -> String {
    let line = |(index, phase): (usize, &Phase)| {
        let agents: Vec<&str> = phase.agents.iter().map(String::as_str).collect();
        format!("Phase {} of {}: {}: {}\n", index + 1, phases.len(), phase.title, agents.join(", "))
    };
    let lines: String = phases.iter().enumerate().map(line).collect();
    if lines.is_empty() { lines } else { lines + "\n" }
}

/// The part of the plan that was asked for.
fn only(plan: Plan, args: &Args, scenario: &Scenario) -> anyhow::Result<Plan> {
    if args.only.is_empty() {
        return Ok(plan);
    }
    if let Some(unknown) = args.only.iter().find(|name| scenario.agent_named(name).is_none()) {
        bail!("--only {unknown}: scenario `{}` has no agent of this name", scenario.name);
    }
    Ok(plan.part(&args.only.iter().cloned().collect(), &format!("only {}", args.only.join(", "))))
}

/// Shows, asks, writes and looks at what was written.
fn carry_out(args: &Args, plan: &Plan, state: &Path) -> anyhow::Result<Exit> {
    if !args.json && !args.check && !args.interactive {
        output::text(&shown(plan));
    }
    if plan.is_empty() {
        return told(args, plan, None, Exit::Met, "Nothing to change: the agents' files are as the mapping has them.\n");
    }
    if args.check {
        let paths: String = plan.files.iter().map(|file| format!("  {}\n", file.path)).collect();
        return told(args, plan, None, Exit::Missed, &format!("{} would change:\n{paths}", files(plan.files.len())));
    }
    if args.dry_run {
        let text = format!("{} would change; nothing was written (dry run).\n", files(plan.files.len()));
        return told(args, plan, None, Exit::Missed, &text);
    }
    let picked = if args.interactive { Some(picked(plan)?) } else { None };
    let plan = picked.as_ref().unwrap_or(plan);
    if plan.is_empty() || (!args.yes && !agreed(plan)?) {
        return told(args, plan, None, Exit::Missed, "Nothing was written.\n");
    }
    let applied = apply::apply(plan, state)?;
    let verified = apply::verify(&args.to, state)?;
    let exit = if verified.problems.is_empty() { Exit::Met } else { Exit::Missed };
    let text = format!(
        "{} written and read back; backup: {}\n{}Undo with: {}\n",
        files(applied.files.len()),
        applied.backup.display(),
        verify::shown(&verified, &args.to),
        verify::undo(&args.to, applied.id.as_deref()),
    );
    let exit = told(args, plan, Some((&applied, &verified)), exit, &text)?;
    if exit == Exit::Missed && io::stdin().is_terminal() && !args.yes && yes("Undo it now?")? {
        let undone = apply::rollback(&args.to, state, applied.id.as_deref(), false)?;
        output::text(&format!("{} restored as before action {}.\n", files(undone.files.len()), undone.of));
    }
    Ok(exit)
}

fn told(args: &Args, plan: &Plan, done: Option<(&Applied, &Verified)>, exit: Exit, text: &str) -> anyhow::Result<Exit> {
    match args.json {
        false => output::text(text),
        true => output::json(&json!({
            "files": plan.files.iter().map(|f| json!({ "path": f.path, "agents": f.agents, "sha256_before": f.sha256_before(), "sha256_after": f.sha256_after() })).collect::<Vec<Value>>(),
            "grants": plan.grants,
            "warnings": plan.warnings.iter().map(ToString::to_string).collect::<Vec<String>>(),
            "diff": plan.diff(),
            "part": plan.part,
            "applied": done.and_then(|(applied, _)| applied.id.as_ref()),
            "verified": done.map(|(_, verified)| verified),
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

/// What a person picks of a plan, file by file.
fn picked(plan: &Plan) -> anyhow::Result<Plan> {
    asks_someone()?;
    let agents: BTreeSet<String> = pick(plan, answer).context("cannot read the answer")?;
    let part = plan.part(&agents, &format!("picked: {}", agents.iter().cloned().collect::<Vec<_>>().join(", ")));
    output::text(&format!("\n{}", part.gains_and_losses()));
    Ok(part)
}

fn agreed(plan: &Plan) -> anyhow::Result<bool> {
    asks_someone()?;
    yes(&format!("Change {}?", files(plan.files.len())))
}

fn asks_someone() -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("standard input is no terminal, so nobody can be asked: give --yes, or --dry-run to look only");
    }
    Ok(())
}

fn yes(question: &str) -> anyhow::Result<bool> {
    let typed = answer(&format!("{question} [y/N]")).context("cannot read the answer")?;
    Ok(matches!(typed.unwrap_or_default().trim().to_lowercase().as_str(), "y" | "yes"))
}

/// None: the input has ended.
fn answer(question: &str) -> io::Result<Option<String>> {
    output::note(question);
    let mut typed = String::new();
    Ok((io::stdin().read_line(&mut typed)? > 0).then_some(typed))
}

/// The scenario that the mapping was decided on: the given one, else where the mapping says, seen from here or from the mapping's folder.
pub fn scenario_of(mapping_file: &Path, given: Option<&Path>, force: bool, mapping: &Input) -> anyhow::Result<Scenario> {
    let raw = file::parse_raw(&mapping.file, &mapping.text)?;
    let evidence = |key: &str| raw.evidence.as_ref().and_then(|e| e.get(key)).and_then(|v| v.as_str()).map(str::to_owned);
    let path = match (given, evidence("scenario_file")) {
        (Some(path), _) => path.to_owned(),
        (None, Some(named)) => {
            // Seen from here, or from the mapping's folder: the one with the right content, where both are there.
            let beside = mapping_file.parent().unwrap_or(Path::new("")).join(&named);
            let here = PathBuf::from(named);
            let is_right = |path: &Path| input::read(path).is_ok_and(|input| Some(input.sha256) == evidence("scenario_sha256"));
            if is_right(&beside) || !here.exists() { beside } else { here }
        }
        (None, None) => bail!("{} does not say which scenario it is for: give it with --scenario FILE", mapping.file),
    };
    let input = input::read(&path).with_context(|| "the mapping's scenario is needed (--scenario FILE)".to_owned())?;
    let expected = evidence("scenario_sha256");
    // A path out of a mapping is someone else's word: nothing of that file is shown in a message unless it is the text that was meant.
    let trusted = given.is_some() && (force || expected.is_none());
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
