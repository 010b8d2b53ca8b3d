//! One mapping chosen, made as small as it can be, and judged on fresh replications that took no part in the choice.

use serde::Serialize;

use crate::experiment::{self, Design, Stage, Watch};
use crate::judge::{Judged, KpiResult, Replication, Summary, Verdict, paired, summarize};
use crate::mapping::{Change, Mapping};
use crate::scenario::{Scenario, WhatIf};
use crate::strategy::{Clash, Proof, Strategy, clashes, next_best};

use super::across::{Across, AcrossReport, Start, across};
use super::evaluate::{Candidate, Case, Row, case, evaluate, least_loss, losses, recommend, verdict_of};
use super::explain::{Explained, explain};
use super::front::{FrontPoint, Simulated, front};
use super::neighbours::Proposal;
use super::outlook::{Held, Outlook, outlook};
use super::passed::{Passed, passed};
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
    /// What the solver proved of the objective, before the simulation chose; none where it proved nothing.
    pub solver: Option<Proof>,
    /// How the mapping was searched for over the simulator, and how sure it is that no other one tried is better.
    pub search: SearchReport,
    /// Limits of the scenario that the chosen mapping does not keep, in words; that today's does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceeded: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub today_exceeded: Vec<String>,
    /// Limits and planned targets that no mapping keeps together, and what would end that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clashes: Vec<Clash>,
    /// Needs that the chosen mapping leaves on a server that is out of service, though another one could serve them, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stranded: Vec<String>,
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

/// What is asked for beside the mapping that is best in the base.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extras {
    /// The load at which each target breaks.
    pub breaks: bool,
    /// The mapping is to be best across the what-ifs.
    pub across: Option<Across>,
}

/// Above so many changes none is put back to see whether it is idle: each costs a simulation of its own.
pub(super) const CHANGES_TRIED_MAX: usize = 40;

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
    let solver = candidates.iter().find(|of| of.name == Strategy::Milp.name()).and_then(|of| of.decision.proof.clone());
    let selection = Design { stage: Stage::Selection, ..design };
    let rows = evaluate(scenario, candidates, selection, watch);
    let index = recommend(scenario, &rows).unwrap_or_else(|| least_loss(&rows));
    let row = &rows[index];

    let trials = Trials::of(scenario, selection, &rows[0]);
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
    let passed = passed(&trials, &rows, &chosen, &mapping, watch);

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

    let of_rows = rows.iter().filter(|row| !row.gateway).map(|row| &row.mapping);
    let simulated: Vec<&Mapping> = of_rows.chain(found.tried.iter().map(|tried| &tried.proposal.mapping)).collect();
    let held = Held { row, mapping: &mapping, verdict, simulated: &simulated };
    let outlook = outlook(&trials, held, extras.breaks, watch);
    Recommendation {
        chosen,
        verdict,
        cases,
        today: today_cases,
        changes,
        put_back,
        passed,
        solver,
        search: found.report,
        exceeded: mapping.limits_exceeded(scenario),
        today_exceeded: today.limits_exceeded(scenario),
        clashes: clashes(scenario),
        stranded: stranded(scenario, &mapping),
        front,
        across,
        outlook,
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
    /// In the base.
    pub results: Vec<KpiResult>,
    pub base: Vec<Replication>,
    pub summary: Summary,
}

impl<'a> Trials<'a> {
    pub fn of(scenario: &'a Scenario, design: Design, today: &'a Row) -> Trials<'a> {
        Trials { scenario, required: scenario.what_ifs.iter().filter(|w| w.required).collect(), design, today }
    }

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
                let Case { replications: base, judged: Judged { results, .. }, .. } = cases.swap_remove(0);
                let verdict = verdict_of(self.scenario, mapping, &judged, [&base, &self.today.base().replications]);
                let summary = summarize(self.scenario, &base);
                Trial { verdict, results, base, summary }
            })
            .collect()
    }
}

pub(super) fn with_change_put_back(scenario: &Scenario, mapping: &Mapping, change: Change) -> Mapping {
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

fn stranded(scenario: &Scenario, mapping: &Mapping) -> Vec<String> {
    let mut stranded = Vec::new();
    for need in scenario.need_ids() {
        let server = scenario.server(mapping.assignment(need).primary);
        if !server.in_service && !scenario.need(need).pinned && !scenario.eligible(need).is_empty() {
            let (agent, capability) =
                (&scenario.agent(scenario.need(need).agent).name, scenario.capability(scenario.need(need).capability));
            stranded.push(format!("{agent}: {capability} on {}", server.name));
        }
    }
    stranded
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
        // What was passed over is told by the mapping that was chosen in the end.
        assert!(chosen.passed.iter().all(|passed| !passed.why.contains("rejected, but")), "{:?}", chosen.passed);
        assert!(chosen.front.iter().all(|point| point.changed == 0) && chosen.front.len() == 1, "{:?}", chosen.front);
        assert!(chosen.passed.iter().any(|passed| passed.why.starts_with("beyond the scenario's limits")), "{:?}", chosen.passed);
    }
}
