//! The fewest changed assignments with which every KPI is met: what the solver and the search know is simulated, number by number, and what holds is
//! judged again on fresh replications.

use serde::Serialize;

use crate::experiment::{Design, Stage, Watch};
use crate::judge::{KpiResult, Paired, Verdict, paired};
use crate::mapping::{Mapping, primaries_of_today};
use crate::scenario::{Scenario, ServerId};
use crate::strategy::{Choices, Fewest, Objective, fewest_changes};

use super::evaluate::{losses, mean_loss};
use super::optimize::{Trials, describe};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cheapest {
    pub changes: Vec<String>,
    /// In the base, on fresh replications.
    pub results: Vec<KpiResult>,
    /// Of loss, above the chosen mapping's; none where it is that one.
    pub loss_more: Option<Paired>,
    /// Fewer changes were proven not to do for the planned KPIs and limits.
    pub proven: bool,
    /// Mappings with fewer changes that were simulated, and failed; whether that were all that keep the limits and planned KPIs.
    pub tried: usize,
    pub all_tried: bool,
}

/// Mappings simulated for each number of changes: those that the objective likes best.
const TRIED: usize = 8;
/// So many changes at most are looked at in every combination.
const COMBINED: usize = 2;

/// `simulated`: mappings that took part before. None where there are too many needs to prove anything.
pub(super) fn cheapest(trials: &Trials, chosen: &Mapping, simulated: &[&Mapping], watch: &dyn Watch) -> Option<Cheapest> {
    let scenario = trials.scenario;
    let today = &trials.today.mapping;
    let ours = chosen.changes_from(today);
    let solved: Vec<Fewest> = fewest_changes(scenario, ours.len() as u32).collect();
    let first = solved.first()?;
    let number_of = |primaries: &[ServerId]| primaries.iter().zip(primaries_of_today(scenario)).filter(|(a, b)| **a != *b).count();
    let (least, proven) = (number_of(&first.primaries), first.proven);
    let fresh = Trials::of(scenario, Design { stage: Stage::Validation, ..trials.design }, trials.today);
    let mut known: Vec<Vec<ServerId>> = solved.iter().map(|fewest| fewest.primaries.clone()).collect();
    known.extend(simulated.iter().map(|mapping| mapping.primaries()));
    known.extend(ours.iter().map(|change| {
        let mut back = chosen.primaries();
        back[change.need.index()] = change.from;
        back
    }));
    let (mut tried, mut all_tried) = (0, true);
    for number in least..ours.len() {
        let (candidates, all) = candidates(scenario, &known, number);
        let runs = trials.run(&candidates, watch);
        let mut good: Vec<(f64, &Mapping)> = candidates
            .iter()
            .zip(&runs)
            .filter(|(_, trial)| trial.verdict == Verdict::Validated && trial.summary.is_stable())
            .filter_map(|(mapping, trial)| Some((mean_loss(scenario, mapping, &trial.base)?.mean, mapping)))
            .collect();
        good.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, mapping) in good {
            let [theirs, ours] = &fresh.run(&[mapping.clone(), chosen.clone()], watch)[..] else { continue };
            if theirs.verdict == Verdict::Validated && theirs.summary.is_stable() {
                return Some(Cheapest {
                    changes: mapping.changes_from(today).into_iter().map(|change| describe(scenario, change)).collect(),
                    results: theirs.results.clone(),
                    loss_more: paired(&losses(scenario, mapping, &theirs.base), &losses(scenario, chosen, &ours.base)),
                    proven: proven && number == least,
                    tried,
                    all_tried,
                });
            }
        }
        tried += candidates.len();
        all_tried &= all;
    }
    let results = fresh.run(std::slice::from_ref(chosen), watch).pop().map_or_else(Vec::new, |trial| trial.results);
    let changes: Vec<String> = ours.into_iter().map(|change| describe(scenario, change)).collect();
    Some(Cheapest { proven: proven && changes.len() <= least, changes, results, loss_more: None, tried, all_tried })
}

/// Mappings with exactly so many changes that keep limits and planned KPIs, best first; and whether these are all there are.
fn candidates(scenario: &Scenario, known: &[Vec<ServerId>], number: usize) -> (Vec<Mapping>, bool) {
    let objective = Objective::of(scenario);
    let today = primaries_of_today(scenario);
    let all_combined = number <= COMBINED;
    let mut found = if all_combined { combined(scenario, &today, number) } else { known.to_vec() };
    found.retain(|primaries| primaries.iter().zip(&today).filter(|(a, b)| a != b).count() == number);
    let mut valued: Vec<(f64, Vec<ServerId>)> = found
        .into_iter()
        .map(|primaries| (objective.value(&primaries), primaries))
        .filter(|(value, _)| value.excess <= 1e-9 && value.shortfall <= 1e-9)
        .map(|(value, primaries)| (value.cost, primaries))
        .collect();
    valued.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    valued.dedup();
    let all = all_combined && valued.len() <= TRIED;
    // What was simulated before comes first: the search had a reason.
    valued.sort_by_key(|(_, primaries)| !known.contains(primaries));
    valued.truncate(TRIED);
    (valued.into_iter().map(|(_, primaries)| Mapping::with_policy_fallbacks(scenario, &primaries)).collect(), all)
}

/// Every mapping with so many needs moved.
fn combined(scenario: &Scenario, today: &[ServerId], number: usize) -> Vec<Vec<ServerId>> {
    let movable = Choices::of(scenario).movable;
    let mut all = vec![(0, today.to_vec())];
    for _ in 0..number {
        let mut next = Vec::new();
        for (from, primaries) in &all {
            for (position, choice) in movable.iter().enumerate().skip(*from) {
                for server in choice.servers.iter().filter(|server| **server != today[choice.need.index()]) {
                    let mut moved = primaries.clone();
                    moved[choice.need.index()] = *server;
                    next.push((position + 1, moved));
                }
            }
        }
        all = next;
    }
    all.into_iter().map(|(_, primaries)| primaries).collect()
}

#[cfg(test)]
mod tests {
    use super::super::evaluate::{candidates as strategies, evaluate};
    use super::*;
    use crate::scenario::parse;

    /// The solver's best single move parts the wrong agents; another one, which it likes less, meets the target.
    #[test]
    fn where_the_model_errs_the_cheapest_change_is_found_in_the_simulation() {
        let mut scenario = parse("bursts", include_str!("../../scenarios/bursts.toml")).expect("a shipped scenario").scenario;
        scenario.what_ifs.clear();
        let design = Design { seed: 1, replications: 4, stage: Stage::Selection };
        let mut today = strategies(&scenario, Vec::new(), 1, &());
        today.truncate(1);
        let rows = evaluate(&scenario, today, design, &());
        let trials = Trials::of(&scenario, design, &rows[0]);
        // crawler and reviewer on the second server.
        let mut primaries = primaries_of_today(&scenario);
        let second = scenario.server_named("second").expect("it is there");
        (primaries[0], primaries[1]) = (second, second);
        let chosen = Mapping::with_policy_fallbacks(&scenario, &primaries);
        let found = cheapest(&trials, &chosen, &[], &()).expect("few needs");
        assert_eq!(found.changes.len(), 1, "{found:?}");
        assert!(found.results.iter().all(|result| result.met) && found.loss_more.is_some(), "{found:?}");
    }
}
