//! A calibration as people read it: every figure with what it was, what it is and why; what the trace names and the scenario does not.

use std::collections::BTreeMap;

use similar::TextDiff;

use crate::scenario::Scenario;
use crate::scenario::problems::hint_from;
use crate::study::{Calibrated, Place};
use crate::trace::shown;
use crate::units::SimTime;

use super::format::{count, indented, plain_table};
use super::trace::oddities_text;

/// Lines of context around a change.
const CONTEXT: usize = 2;
/// Names that are listed, the most frequent first.
const NAMES: usize = 20;
/// A value in a table; the whole one is in the diff.
const WIDEST: usize = 60;

/// `scenario`: as it was.
pub fn calibrated_text(scenario: &Scenario, found: &Calibrated) -> String {
    let span = found.span.map_or_else(|| "without times".to_owned(), |span| format!("over {}", SimTime::from_secs(span).rounded()));
    let kept = found.places.len() - found.found();
    let mut text = format!(
        "{}: {} from {} {span}; {kept} kept\n",
        found.scenario,
        count(found.found(), "figure"),
        count(found.account.calls as usize, "call"),
    );
    text += &oddities_text(&found.account);
    found.notes.iter().for_each(|note| text += &format!("{note}\n"));
    let mut places = found.places.iter().peekable();
    while let Some(first) = places.next() {
        let mut rows = vec![row(first)];
        while let Some(next) = places.next_if(|next| next.path[..2] == first.path[..2]) {
            rows.push(row(next));
        }
        text += &format!("\n{}\n{}", first.path[..2].join("."), indented(&plain_table(&["figure", "was", "is", "by"], &rows, &[])));
    }
    let servers = scenario.servers.iter().map(|server| server.name.as_str());
    let agents = scenario.agents.iter().map(|agent| agent.name.as_str());
    text += &unknown("servers", &found.unknown.servers, servers.collect());
    text += &unknown("agents", &found.unknown.agents, agents.collect());
    text += &unknown("capabilities", &found.unknown.capabilities, scenario.capabilities.iter().map(String::as_str).collect());
    if !found.silent.is_empty() {
        text += &format!("\nWithout a call in the trace, and kept: {}\n", found.silent.join(", "));
    }
    text
}

fn row(place: &Place) -> Vec<String> {
    let value = |of: &Option<String>, none: &str| of.as_ref().map_or_else(|| none.to_owned(), |value| brief(value));
    vec![place.path[2..].join("."), value(&place.was, "-"), value(&place.now, "kept"), place.why.clone()]
}

/// Without its provenance, and not wider than a column.
fn brief(value: &str) -> String {
    let inner = value.strip_prefix("{ value = ").and_then(|rest| rest.split_once(", source = ")).map_or(value, |(value, _)| value);
    if inner.chars().count() <= WIDEST { inner.to_owned() } else { inner.chars().take(WIDEST - 1).chain(['…']).collect() }
}

fn unknown(kind: &str, names: &BTreeMap<String, u64>, known: Vec<&str>) -> String {
    if names.is_empty() {
        return String::new();
    }
    let mut by_calls: Vec<(&String, &u64)> = names.iter().collect();
    by_calls.sort_by_key(|(_, calls)| std::cmp::Reverse(**calls));
    let line = |(name, calls): &(&String, &u64)| {
        let hint = hint_from(name, known.iter().copied()).map_or_else(String::new, |hint| format!("; {hint}"));
        format!("  {}: {}{hint}\n", shown(name), count(**calls as usize, "call"))
    };
    let more = by_calls.len().saturating_sub(NAMES);
    let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    let lines: String = by_calls.iter().take(NAMES).map(line).collect();
    format!("\nUnknown {kind} of the trace, left out (--name TRACE=SCENARIO says which one is meant)\n{lines}{more}")
}

/// What changes in the scenario's text; empty where nothing does.
pub fn calibrated_diff(file: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(CONTEXT).header(file, &format!("{file}, calibrated")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;
    use crate::study::Unknown;
    use crate::trace::{Account, Counted, Unused};

    #[test]
    fn every_figure_says_what_it_was_and_why() {
        let before = include_str!("../../scenarios/tutorial.toml");
        let scenario = parse("tutorial.toml", before).expect("a shipped scenario").scenario;
        let place = |path: &str, now: Option<&str>, why: &str| Place {
            path: path.split('.').map(str::to_owned).collect(),
            was: Some("\"1s\"".to_owned()),
            now: now.map(str::to_owned),
            why: why.to_owned(),
        };
        let found = Calibrated {
            scenario: "tutorial".to_owned(),
            account: Account {
                calls: 1200,
                unused: [(Unused::CutOff, Counted { count: 1, file: 0, line: 1201 })].into(),
                ..Account::default()
            },
            span: Some(7200.0),
            places: vec![
                place(
                    "servers.files.serial",
                    Some("{ value = { exponential = \"900ms\" }, source = \"measured\", n = 300 }"),
                    "exponential, 300 calls",
                ),
                place("servers.files.slots", None, "not seen"),
                place("agents.writer.workload.tasks", Some("\"9/h\""), "18 tasks in 2h"),
            ],
            unknown: Unknown { servers: [("file".to_owned(), 3)].into(), ..Unknown::default() },
            silent: vec!["server database".to_owned()],
            notes: Vec::new(),
            text: before.replace("120/h", "90/h"),
        };
        insta::assert_snapshot!(calibrated_text(&scenario, &found) + "\n" + &calibrated_diff("tutorial.toml", before, &found.text));
    }
}
