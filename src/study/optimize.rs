//! One mapping chosen, made as small as it can be, and judged on fresh replications that took no part in the choice.

use serde::Serialize;

use crate::experiment::{self, Design, Stage, Watch};
use crate::judge::{Judged, Paired, Replication, Summary, Verdict, paired, summarize};
use crate::mapping::{Change, Mapping, Over, planned_score};
use crate::scenario::{Kpi, KpiUnit, Scenario, WhatIf};
use crate::strategy::next_best;

use super::across::{Across, AcrossReport, Start, across};
use super::evaluate::{Candidate, Case, Row, beyond, case, evaluate, least_loss, losses, recommend, verdict_of};
use super::front::{FrontPoint, Simulated, front};
use super::neighbours::Proposal;
use super::outlook::{Held, Outlook, outlook};
use super::search::{SearchReport, search};

/// The chosen mapping with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommendation {
    /// The candidate it started from.
    pub chosen: String,
    pub verdict: Verdict,
    /// The base first, then every what-if, on validation replications.
    pub cases: Vec<Case>,
    /// Today's mapping in the same cases.
    pub today: Vec<Case>,
    pub changes: Vec<Explained>,
    /// Changes of the chosen candidate that were put back, since nothing is lost without them.
    pub put_back: Vec<String>,
    /// The other candidates, and why they were passed over.
    pub passed: Vec<Passed>,
    /// How the mapping was searched for over the simulator, and how sure it is that no other one tried is better.
    pub search: SearchReport,
    /// Limits of the scenario that no mapping found keeps, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceeded: Vec<String>,
    pub front: Vec<FrontPoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub across: Option<AcrossReport>,
    pub outlook: Outlook,
    pub replications: u32,
    pub seed: u64,
    pub reproducible: bool,
    #[serde(skip)]
    pub mapping: Mapping,
}

/// A changed assignment, and what gets worse if it is put back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    pub agent: String,
    pub capability: String,
    pub from: String,
    pub to: String,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Passed {
    pub name: String,
    pub why: String,
}

/// What is asked for beside the mapping that is best in the base.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extras {
    /// The load at which each target breaks.
    pub breaks: bool,
    /// The mapping is to be best across the what-ifs.
    pub across: Option<Across>,
}

/// Above so many changes none is tried without: each costs a simulation of its own.
const CHANGES_TRIED_MAX: usize = 40;

/// Mappings that the solver finds after its best one.
const NEXT_BEST: usize = 4;

/// The first candidate has to be today's mapping.
pub fn optimize(scenario: &Scenario, mut candidates: Vec<Candidate>, design: Design, extras: &Extras, watch: &dyn Watch) -> Recommendation {
    let today = candidates[0].decision.mapping.clone();
    candidates.extend(next_best(scenario, NEXT_BEST).into_iter().enumerate().map(|(i, decision)| Candidate {
        name: format!("milp, no. {}", i + 2),
        description: "what the solver finds when the better ones are forbidden".to_owned(),
        decision,
        given: false,
    }));
    let selection = Design { stage: Stage::Selection, ..design };
    let rows = evaluate(scenario, candidates, selection, watch);
    let index = recommend(scenario, &rows).unwrap_or_else(|| least_loss(&rows));
    let row = &rows[index];

    let trials =
        Trials { scenario, required: scenario.what_ifs.iter().filter(|w| w.required).collect(), design: selection, today: &rows[0] };
    let (start, put_back) = without_idle_changes(&trials, row, &today, watch);
    let mut proposals = vec![Proposal { name: row.name.clone(), mapping: start }];
    let alike =
        |row: &&Row| row.verdict == rows[index].verdict && row.stable() && row.same_as.is_none() && !row.gateway && row.exceeded.is_empty();
    proposals.extend(rows.iter().filter(alike).map(|row| Proposal { name: row.name.clone(), mapping: row.mapping.clone() }));
    let passes = |mapping: &Mapping| {
        mapping.limits_exceeded(scenario).len() <= row.exceeded.len()
            && trials
                .run(std::slice::from_ref(mapping), watch)
                .iter()
                .all(|trial| trial.verdict <= row.verdict && trial.summary.is_stable())
    };
    let found = search(scenario, proposals, selection, watch, passes);
    let of_rows = rows.iter().filter(|row| row.same_as.is_none() && !row.gateway);
    let of_rows = of_rows.map(|row| Simulated { name: &row.name, mapping: &row.mapping, replications: &row.base().replications });
    let of_search = found.tried.iter().map(|tried| Simulated {
        name: &tried.proposal.name,
        mapping: &tried.proposal.mapping,
        replications: &tried.replications,
    });
    let front = front(scenario, &of_rows.chain(of_search).collect::<Vec<_>>(), &today);
    let best = found.tried[found.chosen].proposal.clone();
    let (Proposal { name: chosen, mapping }, across) = match &extras.across {
        None => (best, None),
        Some(criterion) => {
            let others = rows.iter().filter(alike).map(|row| Proposal { name: row.name.clone(), mapping: row.mapping.clone() }).collect();
            let start = Start { scenario, best, others, today: &today, verdict: row.verdict, design: selection };
            let chosen = across(start, criterion, watch);
            (chosen.proposal, Some(chosen.report))
        }
    };
    let changes = explain(&trials, &mapping, &today, watch);

    // Fresh replications: nothing above has seen them.
    let validation = Design { stage: Stage::Validation, ..design };
    let what_ifs: Vec<(Option<&WhatIf>, &Scenario)> =
        std::iter::once((None, scenario)).chain(scenario.what_ifs.iter().map(|w| (Some(w), &*w.scenario))).collect();
    let both = [&mapping, &today];
    let runs: Vec<experiment::Case> =
        both.iter().flat_map(|mapping| what_ifs.iter().map(move |(_, scenario)| experiment::Case { scenario, mapping })).collect();
    let mut results = experiment::run(&runs, validation, watch).into_iter();
    let mut judged_cases = || -> Vec<Case> {
        what_ifs
            .iter()
            .map(|(what_if, scenario)| {
                let required = what_if.is_none_or(|w| w.required);
                case(scenario, what_if.map(|w| w.name.as_str()), required, results.next().expect("one result a case"))
            })
            .collect()
    };
    let (cases, today_cases) = (judged_cases(), judged_cases());
    let judged: Vec<Judged> = cases.iter().map(|case| case.judged.clone()).collect();
    let verdict = verdict_of(scenario, &mapping, &judged, [&cases[0].replications, &today_cases[0].replications]);

    Recommendation {
        chosen,
        verdict,
        cases,
        today: today_cases,
        changes,
        put_back,
        passed: passed(&rows, index),
        search: found.report,
        exceeded: mapping.limits_exceeded(scenario),
        front,
        across,
        outlook: outlook(&trials, Held { row, mapping: &mapping, verdict }, extras.breaks, watch),
        replications: design.replications,
        seed: design.seed,
        reproducible: rows.iter().all(|row| row.reproducible),
        mapping,
    }
}

/// What trying a variant of a mapping needs: always the same replications, so that the pairs match.
pub(super) struct Trials<'a> {
    pub scenario: &'a Scenario,
    required: Vec<&'a WhatIf>,
    pub design: Design,
    pub today: &'a Row,
}

pub(super) struct Trial {
    pub verdict: Verdict,
    pub base: Vec<Replication>,
    pub summary: Summary,
}

impl Trials<'_> {
    pub fn run(&self, mappings: &[Mapping], watch: &dyn Watch) -> Vec<Trial> {
        let scenarios: Vec<(Option<&str>, &Scenario)> =
            std::iter::once((None, self.scenario)).chain(self.required.iter().map(|w| (Some(w.name.as_str()), &*w.scenario))).collect();
        let cases: Vec<experiment::Case> =
            mappings.iter().flat_map(|mapping| scenarios.iter().map(move |(_, scenario)| experiment::Case { scenario, mapping })).collect();
        let mut results = experiment::run(&cases, self.design, watch).into_iter();
        mappings
            .iter()
            .map(|mapping| {
                let mut cases: Vec<Case> = scenarios
                    .iter()
                    .map(|(what_if, scenario)| case(scenario, *what_if, true, results.next().expect("one result a case")))
                    .collect();
                let judged: Vec<Judged> = cases.iter().map(|case| case.judged.clone()).collect();
                let base = cases.swap_remove(0).replications;
                let verdict = verdict_of(self.scenario, mapping, &judged, [&base, &self.today.base().replications]);
                let summary = summarize(self.scenario, &base);
                Trial { verdict, base, summary }
            })
            .collect()
    }
}

fn with_change_put_back(scenario: &Scenario, mapping: &Mapping, change: Change) -> Mapping {
    let mut primaries = mapping.primaries();
    primaries[change.need.index()] = change.from;
    let mut back = mapping.clone();
    back.assignments[change.need.index()] = Mapping::with_policy_fallbacks(scenario, &primaries).assignments[change.need.index()].clone();
    back
}

/// Puts back each change, one after the other, where that makes neither the verdict nor (significantly) the loss worse.
fn without_idle_changes(trials: &Trials, row: &Row, today: &Mapping, watch: &dyn Watch) -> (Mapping, Vec<String>) {
    let scenario = trials.scenario;
    let mut mapping = row.mapping.clone();
    let changes = mapping.changes_from(today);
    let mut put_back = Vec::new();
    if changes.len() > CHANGES_TRIED_MAX {
        return (mapping, put_back);
    }
    // Always against the chosen candidate: small losses, each too small to be seen, must not add up.
    let chosen = losses(scenario, &row.mapping, &row.base().replications);
    let mut verdict = row.verdict;
    for change in changes {
        let variant = with_change_put_back(scenario, &mapping, change);
        let trial = trials.run(std::slice::from_ref(&variant), watch).pop().expect("one trial a mapping");
        let worse = paired(&losses(scenario, &variant, &trial.base), &chosen).is_none_or(|p| p.difference > 0.0 && p.p < 0.05);
        if trial.verdict <= verdict && !worse {
            put_back.push(describe(scenario, change));
            (mapping, verdict) = (variant, trial.verdict);
        }
    }
    (mapping, put_back)
}

pub(super) fn describe(scenario: &Scenario, change: Change) -> String {
    let need = scenario.need(change.need);
    format!(
        "{}: {} from {} to {}",
        scenario.agent(need.agent).name,
        scenario.capability(need.capability),
        scenario.server(change.from).name,
        scenario.server(change.to).name
    )
}

fn explain(trials: &Trials, mapping: &Mapping, today: &Mapping, watch: &dyn Watch) -> Vec<Explained> {
    let scenario = trials.scenario;
    let changes = mapping.changes_from(today);
    let tried: &[Change] = if changes.len() > CHANGES_TRIED_MAX { &[] } else { &changes };
    let mut variants: Vec<Mapping> = vec![mapping.clone()];
    variants.extend(tried.iter().map(|change| with_change_put_back(scenario, mapping, *change)));
    let runs = if tried.is_empty() { Vec::new() } else { trials.run(&variants, watch) };
    changes
        .iter()
        .enumerate()
        .map(|(i, change)| {
            let need = scenario.need(change.need);
            let why = match runs.split_first() {
                Some((ours, variants)) => why(scenario, mapping, &with_change_put_back(scenario, mapping, *change), ours, &variants[i]),
                None => planned_why(scenario, mapping, &with_change_put_back(scenario, mapping, *change))
                    .unwrap_or_else(|| format!("one of {} changes that are only tried together", changes.len())),
            };
            Explained {
                agent: scenario.agent(need.agent).name.clone(),
                capability: scenario.capability(need.capability).to_owned(),
                from: scenario.server(change.from).name.clone(),
                to: scenario.server(change.to).name.clone(),
                why,
            }
        })
        .collect()
}

/// One sentence: what gets worse if the change is put back, the missed target first.
fn why(scenario: &Scenario, mapping: &Mapping, back: &Mapping, ours: &Trial, theirs: &Trial) -> String {
    let mut worse: Vec<String> = Vec::new();
    worse.extend(planned_why(scenario, mapping, back));
    for kpi in [Kpi::Availability, Kpi::ErrorRate, Kpi::ResponseMean, Kpi::Quality] {
        let values = |trial: &Trial| -> Vec<Option<f64>> { trial.base.iter().map(|r| r.kpis.get(kpi)).collect() };
        let sign = if kpi.higher_is_better() { -1.0 } else { 1.0 };
        if let Some(difference) = paired(&values(theirs), &values(ours))
            && sign * difference.difference > 0.0
            && difference.p < 0.05
        {
            worse.push(format!("{} {}", kpi.title(), signed(kpi, &difference)));
        }
    }
    if !theirs.summary.unstable.is_empty() && ours.summary.unstable.is_empty() {
        worse.push(format!("{} is offered more than it can serve", theirs.summary.unstable.join(", ")));
    }
    match worse.is_empty() {
        true if theirs.verdict > ours.verdict => {
            format!("put back, the verdict falls from {} to {}", ours.verdict.name(), theirs.verdict.name())
        }
        true => match paired(&losses(scenario, back, &theirs.base), &losses(scenario, mapping, &ours.base)) {
            Some(loss) if loss.difference > 0.0 && loss.p < 0.05 => {
                format!(
                    "put back: no single figure is significantly worse, but the loss is, {:+.3} ± {:.3}",
                    loss.difference, loss.half_width
                )
            }
            _ => "put back, no figure is significantly worse by itself".to_owned(),
        },
        false => format!("put back: {}", worse.join(", ")),
    }
}

/// The planned balance where a target asks for it and the change serves it.
fn planned_why(scenario: &Scenario, mapping: &Mapping, back: &Mapping) -> Option<String> {
    [(Kpi::BalancePlannedAll, Over::All), (Kpi::BalancePlannedSharing, Over::Sharing)].into_iter().find_map(|(kpi, over)| {
        let target = scenario.target(kpi)?;
        let with = planned_score(scenario, &mapping.primaries(), over);
        let without = planned_score(scenario, &back.primaries(), over);
        (without < with).then(|| {
            let missed = if target.is_met_by(with) && !target.is_met_by(without) {
                format!(" (target {} missed)", target.bound.value)
            } else {
                String::new()
            };
            format!("{} {with:.1} -> {without:.1}{missed}", kpi.title())
        })
    })
}

fn signed(kpi: Kpi, difference: &Paired) -> String {
    match kpi.unit() {
        KpiUnit::Share => format!("{:+.2} ± {:.2} points", 100.0 * difference.difference, 100.0 * difference.half_width),
        KpiUnit::Time => format!("{:+.0} ± {:.0} ms", 1e3 * difference.difference, 1e3 * difference.half_width),
        KpiUnit::Score => format!("{:+.1} ± {:.1}", difference.difference, difference.half_width),
    }
}

fn passed(rows: &[Row], chosen: usize) -> Vec<Passed> {
    let best = &rows[chosen];
    rows.iter()
        .enumerate()
        .filter(|(index, _)| *index != chosen)
        .map(|(_, row)| Passed { name: row.name.clone(), why: why_passed(row, best) })
        .collect()
}

fn why_passed(row: &Row, best: &Row) -> String {
    if let Some(same) = &row.same_as {
        return format!("the same mapping as {same}");
    }
    if !row.exceeded.is_empty() {
        return beyond(&row.exceeded);
    }
    if !row.stable() {
        return format!("unstable: {} is offered more than it can serve", row.base().summary.unstable.join(", "));
    }
    if row.verdict > best.verdict {
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
    match (row.loss, best.loss) {
        (Some(ours), Some(bests)) if ours.mean > bests.mean => {
            format!("{}, but at a higher loss ({:.3} against {:.3})", row.verdict.name(), ours.mean, bests.mean)
        }
        _ if row.changed == best.changed && row.grants == best.grants => format!("{}, and not significantly better", row.verdict.name()),
        _ if row.changed == best.changed => format!("{}, with {} grants instead of {}", row.verdict.name(), row.grants, best.grants),
        _ => format!("{}, with {} changed assignments instead of {}", row.verdict.name(), row.changed, best.changed),
    }
}

#[cfg(test)]
mod tests {
    use super::super::evaluate::candidates;
    use super::*;
    use crate::scenario::parse;

    /// Both servers serve as well, so nothing that is simulated asks for a change.
    #[test]
    fn a_change_that_only_the_priorities_ask_for_is_made_and_kept() {
        let chosen = |objective: &str| {
            let text = format!(
                "format = 1\nname = \"halves\"\n{objective}\n[run]\nwarmup = \"1h\"\n[kpis]\navailability = {{ min = 0.5 }}\n\
                 [servers.left]\nserial = \"1ms\"\nprovides.files = 1.0\n[servers.right]\nserial = \"1ms\"\nprovides.files = 1.0\n\
                 [workload]\ntasks = \"30/h\"\n[agents.a]\nneeds.files = \"left\"\n[agents.b]\nneeds.files = \"left\"\n"
            );
            let scenario = parse("halves", &text).expect("a scenario without mistakes").scenario;
            let design = Design { seed: 1, replications: 5, stage: Stage::Selection };
            optimize(&scenario, candidates(&scenario, Vec::new(), 1, &()), design, &Extras::default(), &())
        };
        assert_eq!(chosen("").changes, []);
        let spread = chosen("[objective]\npriorities = [\"imbalance\", \"response\"]");
        assert_eq!((spread.changes.len(), &spread.put_back[..], spread.verdict), (1, &[][..], Verdict::Validated));
        assert!(spread.changes[0].why.contains("the loss is, +1.000"), "{:?}", spread.changes);
        assert_eq!(chosen("[objective]\npriorities = [\"changes\", \"imbalance\"]").changes, []);
    }

    /// Only a change would meet the targets, and none is allowed.
    #[test]
    fn a_mapping_beyond_the_limits_is_never_chosen() {
        let text = format!("{}\n[limits]\nchanges = 0\n", include_str!("../../scenarios/tutorial.toml"));
        let mut scenario = parse("limited", &text).expect("a shipped scenario and a limit").scenario;
        let today = Mapping::current(&scenario);
        experiment::settle(&mut scenario, &today, 1);
        let design = Design { seed: 1, replications: 3, stage: Stage::Selection };
        let chosen = optimize(&scenario, candidates(&scenario, Vec::new(), 1, &()), design, &Extras::default(), &());
        assert_eq!((chosen.changes.len(), chosen.exceeded.len(), chosen.verdict), (0, 0, Verdict::Rejected), "{}", chosen.chosen);
        assert!(chosen.passed.iter().any(|passed| passed.why.starts_with("beyond the scenario's limits")), "{:?}", chosen.passed);
    }
}
