//! `mcplab log`: what was applied to a folder, when, by which mapping, from which run, and what was expected of it.

use std::path::PathBuf;

use mcplab::apply::{self, Action, ActionStatus, Expected, Origin, Outcome};
use mcplab::report::quantity;
use mcplab::scenario::Kpi;
use mcplab::trace::utc;

use super::apply::{files, state_dir};
use super::{Exit, output};

/// Say what was applied to a project folder: when, by which mapping, from which run, with which KPIs expected
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab log .\n  mcplab log . --json\n\nThe KPIs are those that `mcplab optimize` simulated before the mapping was applied."
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
    let status = apply::status(&args.dir, &state_dir()?, None)?;
    match args.json {
        true => output::json(&status.actions)?,
        false if status.actions.is_empty() => output::text("mcplab never changed anything here.\n"),
        // The newest first.
        false => output::text(&status.actions.iter().rev().map(shown).collect::<Vec<_>>().join("\n")),
    }
    Ok(Exit::Met)
}

fn shown(action: &ActionStatus) -> String {
    let mut text = format!("{}  {}  {}{}\n", action.id, utc(i64::try_from(action.time).unwrap_or(i64::MAX)), what(action), ended(action));
    if let Action::Apply { mapping_sha256, scenario, origin, .. } = &action.action {
        text += &format!("      mapping {}, scenario {}{}\n", short(mapping_sha256), plain(scenario), from(origin));
        for expected in &origin.expected {
            text += &format!("      expected {}\n", kpi(expected));
        }
    }
    for path in &action.files {
        let grants = action.grants.iter().find(|grants| grants.path == *path);
        let signed = |sign: char, entries: &[String]| entries.iter().map(|entry| format!(" {sign}{}", plain(entry))).collect::<String>();
        let changes = grants.map_or_else(String::new, |grants| signed('+', &grants.gained) + &signed('-', &grants.lost));
        text += &format!("      {}{changes}\n", plain(path));
    }
    text
}

/// In one line: an apply or a rollback, of what.
pub fn what(action: &ActionStatus) -> String {
    let done = match &action.action {
        Action::Apply { title, part, .. } => {
            format!("apply of {}{}", plain(title), part.as_ref().map_or_else(String::new, |part| format!(" ({})", plain(part))))
        }
        Action::Rollback { of } => format!("rollback of {of}"),
    };
    format!("{done}: {}", files(action.files.len()))
}

/// How it ended, where it does not simply stand.
pub fn ended(action: &ActionStatus) -> String {
    match (&action.taken_back_by, action.outcome) {
        (Some(by), _) => format!(", undone by {by}"),
        (None, Some(Outcome::Done)) => String::new(),
        (None, Some(Outcome::Undone)) => ", undone when it failed".to_owned(),
        (None, None) => ", interrupted".to_owned(),
    }
}

fn from(origin: &Origin) -> String {
    let verdict = origin.verdict.as_ref().map_or_else(|| ", no verdict".to_owned(), |verdict| format!(", {}", plain(verdict)));
    verdict + &origin.run.as_ref().map_or_else(String::new, |run| format!(", run {}", plain(run)))
}

fn kpi(expected: &Expected) -> String {
    let known = Kpi::ALL.into_iter().find(|kpi| kpi.key() == expected.kpi);
    let shown = |value: f64| known.map_or_else(|| value.to_string(), |kpi| quantity(kpi, value));
    let title = known.map_or_else(|| plain(&expected.kpi), |kpi| kpi.title().to_owned());
    let part = |name: &str, value: Option<f64>| value.map_or_else(String::new, |value| format!(" {name}{}", shown(value)));
    let met = if expected.met { "met" } else { "missed" };
    format!("{title}{}{}{}: {met}", part("", expected.mean), part("bound ", expected.bound), part("target ", expected.target))
}

/// Enough of a hash to tell it apart.
pub fn short(sha256: &str) -> String {
    plain(sha256.get(..8).unwrap_or(sha256))
}

/// Names come out of files of others: nothing in them moves the cursor.
fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
