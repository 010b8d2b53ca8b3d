//! Why each other candidate was passed over, told by the mapping that was chosen in the end, on the same replications.

use serde::Serialize;

use crate::experiment::Watch;
use crate::judge::{Verdict, paired};
use crate::mapping::Mapping;
use crate::scenario::Scenario;

use super::evaluate::{Row, beyond, losses, mean_loss};
use super::optimize::{Trial, Trials};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Passed {
    pub name: String,
    pub why: String,
}

/// `chosen`: the name of what the mapping came from.
pub(super) fn passed(trials: &Trials, rows: &[Row], chosen: &str, mapping: &Mapping, watch: &dyn Watch) -> Vec<Passed> {
    let Some(trial) = trials.run(std::slice::from_ref(mapping), watch).pop() else { return Vec::new() };
    let is_chosen = |row: &Row| !row.gateway && row.mapping.assignments == mapping.assignments;
    rows.iter()
        .filter(|row| row.name != chosen || !is_chosen(row))
        .map(|row| {
            let why = match is_chosen(row) {
                true => "the same mapping as the chosen one".to_owned(),
                false => why_passed(trials.scenario, row, mapping, &trial, trials.today),
            };
            Passed { name: row.name.clone(), why }
        })
        .collect()
}

fn why_passed(scenario: &Scenario, row: &Row, mapping: &Mapping, chosen: &Trial, today: &Row) -> String {
    if let Some(same) = &row.same_as {
        return format!("the same mapping as {same}");
    }
    if !row.exceeded.is_empty() {
        return beyond(&row.exceeded);
    }
    if !row.stable() {
        return format!("unstable: {} is offered more than it can serve", row.base().summary.unstable.join(", "));
    }
    if row.verdict > chosen.verdict {
        let missed: Vec<String> = row
            .cases
            .iter()
            .flat_map(|case| case.judged.results.iter().filter(|r| !r.met).map(move |r| (case, r)))
            .map(|(case, result)| match &case.what_if {
                Some(what_if) => format!("{} in {what_if}", result.kpi.title()),
                None => result.kpi.title().to_owned(),
            })
            .collect();
        return format!("{}: misses {}", row.verdict.name(), missed.join(", "));
    }
    // Where there are no targets, no verdict says anything.
    let verdict = match (scenario.kpis.is_empty(), row.verdict == chosen.verdict) {
        (true, _) => String::new(),
        (false, true) if row.verdict == Verdict::Rejected => "rejected as the chosen one is, ".to_owned(),
        (false, true) => format!("{} too, ", row.verdict.name()),
        (false, false) => format!("{} on the replications of the choice, ", row.verdict.name()),
    };
    let changed = mapping.changes_from(&today.mapping).len();
    let grants: usize = scenario.agent_ids().map(|agent| mapping.grants(scenario, agent).len()).sum();
    let dearer = match (row.changed == changed, row.grants == grants) {
        (false, _) => format!(", with {} changed assignments instead of {changed}", row.changed),
        (true, false) => format!(", with {} grants instead of {grants}", row.grants),
        (true, true) => String::new(),
    };
    let ours = mean_loss(scenario, mapping, &chosen.base);
    let (Some(theirs), Some(ours)) = (row.loss, ours) else { return format!("{verdict}without any loss to compare{dearer}") };
    let against = format!("({:.3} against {:.3})", theirs.mean, ours.mean);
    let pair = paired(&losses(scenario, &row.mapping, &row.base().replications), &losses(scenario, mapping, &chosen.base));
    match pair {
        Some(pair) if pair.p < 0.05 && pair.difference > 0.0 => format!("{verdict}at a higher loss {against}"),
        Some(pair) if pair.p < 0.05 => format!("{verdict}at a lower loss {against} on these replications{dearer}"),
        _ => format!("{verdict}and not significantly better {against}{dearer}"),
    }
}
