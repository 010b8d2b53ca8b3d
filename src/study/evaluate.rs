//! Candidates run on the same randomness and judged: in the base, in the required what-ifs, and under uniform demand.

use serde::Serialize;

use crate::experiment::{self, Design, Watch};
use crate::judge::{
    Alert, Allowed, Estimate, Judged, Paired, Replication, Summary, Verdict, alerts, estimate, holm, judge, loss, paired, summarize,
};
use crate::mapping::{Dispatch, Mapping, planned_loads};
use crate::scenario::Scenario;
use crate::strategy::{Decision, Objective, Strategy};

use super::demand::uniform_demand;

/// A mapping that takes part.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub name: String,
    pub description: String,
    pub decision: Decision,
    /// Written by hand, not decided by a strategy.
    pub given: bool,
}

impl Candidate {
    /// A gateway in front of the servers, instead of a mapping: it shows what it would buy, and is never recommended, since no agent's
    /// config can hold it.
    pub fn gateway(scenario: &Scenario, dispatch: Dispatch) -> Candidate {
        let today = Mapping::current(scenario);
        // Its fallbacks are those that every strategy's mapping has.
        let mapping = Mapping { dispatch, ..Mapping::with_policy_fallbacks(scenario, &today.primaries()) };
        Candidate {
            name: format!("gateway: {}", dispatch.name()),
            description: "a gateway chooses the server of each call".to_owned(),
            decision: Decision::undecided(mapping),
            given: false,
        }
    }
}

/// Today's mapping first, then the given ones (with their names), then what every strategy decides.
pub fn candidates(scenario: &Scenario, given: Vec<(String, Mapping)>, seed: u64, watch: &dyn Watch) -> Vec<Candidate> {
    watch.phase("deciding", Strategy::ALL.len() as u64);
    let mut decided = Strategy::ALL.iter().map(|strategy| {
        let decision = strategy.decide(scenario, seed);
        watch.step();
        Candidate { name: strategy.name().to_owned(), description: strategy.description().to_owned(), decision, given: false }
    });
    let mut candidates = vec![decided.next().expect("the first strategy is today's mapping")];
    candidates.extend(given.into_iter().map(|(name, mapping)| Candidate {
        name,
        description: "a mapping that was given".to_owned(),
        decision: Decision::undecided(mapping),
        given: true,
    }));
    candidates.extend(decided);
    candidates
}

/// One scenario of a comparison, with its replications under one mapping.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// None: the base.
    pub what_if: Option<String>,
    pub judged: Judged,
    pub summary: Summary,
    pub alerts: Vec<Alert>,
    #[serde(skip)]
    pub replications: Vec<Replication>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub name: String,
    pub description: String,
    /// Limits of the scenario that it does not keep, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceeded: Vec<String>,
    pub given: bool,
    /// Not a mapping, but a gateway that dispatches call by call.
    pub gateway: bool,
    /// Assignments whose primary is another than today's.
    pub changed: usize,
    /// (agent, server) pairs that the agents' configs have to permit.
    pub grants: usize,
    /// Tokens of tool definitions in the context of the agent that has most of them.
    pub tokens_max: u64,
    /// Needs with a fallback; today's mapping has none.
    pub fallbacks: usize,
    /// The first candidate with the very same mapping: its figures are these.
    pub same_as: Option<String>,
    pub verdict: Verdict,
    /// The verdict with the same total demand spread evenly over agents and needs.
    pub verdict_uniform: Verdict,
    /// Simulated; where the scenario states priorities, with what they say of the mapping itself. Stable mappings are ranked by it.
    pub loss: Option<Estimate>,
    /// By server, weight x complexity.
    pub planned_loads: Vec<f64>,
    /// The base first, then the required what-ifs.
    pub cases: Vec<Case>,
    pub notes: Vec<String>,
    pub reproducible: bool,
    #[serde(skip)]
    pub mapping: Mapping,
}

impl Row {
    pub fn base(&self) -> &Case {
        &self.cases[0]
    }

    pub fn stable(&self) -> bool {
        self.base().summary.is_stable()
    }
}

/// The paired difference of two mappings' losses, `a - b`: below zero, `a` is better.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    pub a: String,
    pub b: String,
    pub loss: Paired,
    /// Corrected for the number of comparisons (Holm).
    pub p_corrected: f64,
    pub significant: bool,
}

/// Runs every candidate in the base, in the required what-ifs and under uniform demand. The first candidate has to be today's mapping.
pub fn evaluate(scenario: &Scenario, candidates: Vec<Candidate>, design: Design, watch: &dyn Watch) -> Vec<Row> {
    let uniform = uniform_demand(scenario);
    let required: Vec<_> = scenario.what_ifs.iter().filter(|w| w.required).collect();
    // The last one is judged apart: the same base under uniform demand.
    let scenarios: Vec<&Scenario> =
        std::iter::once(scenario).chain(required.iter().map(|w| &*w.scenario)).chain(std::iter::once(&uniform)).collect();

    let same_as: Vec<Option<usize>> = (0..candidates.len())
        .map(|i| candidates[..i].iter().position(|other| is_same(&other.decision.mapping, &candidates[i].decision.mapping)))
        .collect();
    let cases: Vec<experiment::Case> = candidates
        .iter()
        .zip(&same_as)
        .filter(|(_, same)| same.is_none())
        .flat_map(|(candidate, _)| scenarios.iter().map(|scenario| experiment::Case { scenario, mapping: &candidate.decision.mapping }))
        .collect();
    let mut replications = experiment::run(&cases, design, watch).into_iter();

    let today = candidates[0].decision.mapping.clone();
    let mut todays: Option<(Vec<Replication>, Vec<Replication>)> = None;
    let mut rows: Vec<Row> = Vec::with_capacity(candidates.len());
    for (candidate, same) in candidates.into_iter().zip(same_as) {
        let Decision { mapping, mut notes, reproducible, .. } = candidate.decision;
        let exceeded = mapping.limits_exceeded(scenario);
        notes.extend((!exceeded.is_empty()).then(|| beyond(&exceeded)));
        let changed = mapping.changes_from(&today).len();
        let grants = scenario.agent_ids().map(|agent| mapping.grants(scenario, agent).len()).sum();
        let tokens_max = scenario.agent_ids().map(|agent| mapping.granted_tokens(scenario, agent)).max().unwrap_or(0);
        let fallbacks = mapping.fallbacks();
        let planned_loads = planned_loads(scenario, &mapping.primaries());
        let name = candidate.name;
        if let Some(same) = same {
            let twin = rows[same].clone();
            let same_as = Some(twin.same_as.unwrap_or(twin.name));
            rows.push(Row {
                name,
                description: candidate.description,
                given: candidate.given,
                same_as,
                notes,
                reproducible,
                mapping,
                ..twin
            });
            continue;
        }
        let mut cases = Vec::new();
        for (i, what_if) in std::iter::once(None).chain(required.iter().map(|w| Some(w.name.as_str()))).enumerate() {
            let replications = replications.next().expect("one result a case");
            cases.push(case(scenarios[i], what_if, true, replications));
        }
        let uniform_case = case(&uniform, None, true, replications.next().expect("one result a case"));
        let (today_base, today_uniform) = todays.get_or_insert_with(|| (cases[0].replications.clone(), uniform_case.replications.clone()));
        let judged: Vec<Judged> = cases.iter().map(|case| case.judged.clone()).collect();
        let verdict = verdict_of(scenario, &mapping, &judged, [&cases[0].replications, today_base]);
        let verdict_uniform = judge(&uniform, std::slice::from_ref(&uniform_case.judged), &uniform_case.replications, today_uniform);
        let loss = mean_loss(scenario, &mapping, &cases[0].replications);
        rows.push(Row {
            name,
            exceeded,
            description: candidate.description,
            given: candidate.given,
            gateway: mapping.dispatch != Dispatch::Fixed,
            changed,
            grants,
            tokens_max,
            fallbacks,
            same_as: None,
            verdict,
            verdict_uniform,
            loss,
            planned_loads,
            cases,
            notes,
            reproducible,
            mapping,
        });
    }
    rows
}

/// The verdict on a mapping in these cases, its base against today's: one that exceeds the scenario's limits is rejected, whatever it gains.
pub(super) fn verdict_of(scenario: &Scenario, mapping: &Mapping, judged: &[Judged], [base, today]: [&[Replication]; 2]) -> Verdict {
    if mapping.limits_exceeded(scenario).is_empty() { judge(scenario, judged, base, today) } else { Verdict::Rejected }
}

pub(super) fn beyond(exceeded: &[String]) -> String {
    format!("beyond the scenario's limits: {}", exceeded.join("; "))
}

/// Every call goes the same way.
fn is_same(a: &Mapping, b: &Mapping) -> bool {
    a.dispatch == b.dispatch && a.assignments == b.assignments
}

/// Summarised, judged and watched for alerts. `scenario` is the case's own.
pub fn case(scenario: &Scenario, what_if: Option<&str>, required: bool, replications: Vec<Replication>) -> Case {
    let summary = summarize(scenario, &replications);
    Case {
        what_if: what_if.map(str::to_owned),
        judged: Judged::new(scenario, what_if, required, &summary),
        alerts: alerts(scenario, &replications),
        summary,
        replications,
    }
}

/// One a replication; none where nothing succeeded. Where the scenario states priorities, what they say of the mapping itself counts too; where it
/// states none, changed assignments only decide between equals.
pub(super) fn losses(scenario: &Scenario, mapping: &Mapping, replications: &[Replication]) -> Vec<Option<f64>> {
    let planned = scenario.priorities.as_ref().map_or(0.0, |_| Objective::of(scenario).planned_cost(&mapping.primaries()));
    replications.iter().map(|r| loss(scenario, &r.kpis).map(|loss| loss + planned)).collect()
}

/// Of the simulation alone, one a replication; where nothing succeeded, all calls were of no use and took as long as they may.
pub(super) fn simulated_losses(scenario: &Scenario, replications: &[Replication]) -> impl Iterator<Item = f64> {
    let worst = Allowed::of(scenario).loss(1.0, 0.0, scenario.policy.call_life.value.as_secs());
    replications.iter().map(move |r| loss(scenario, &r.kpis).unwrap_or(worst))
}

pub(super) fn mean_loss(scenario: &Scenario, mapping: &Mapping, replications: &[Replication]) -> Option<Estimate> {
    estimate(&losses(scenario, mapping, replications).into_iter().flatten().collect::<Vec<f64>>())
}

/// The mapping to go on with: of the best verdict that any stable one has, those whose loss is not significantly above the
/// lowest; of these the one with the fewest changed assignments, then the fewest grants, then the lowest loss.
pub(super) fn recommend(scenario: &Scenario, rows: &[Row]) -> Option<usize> {
    let stable = || rows.iter().enumerate().filter(|(_, row)| row.stable() && row.same_as.is_none() && !row.gateway);
    let verdict = stable().map(|(_, row)| row.verdict).min()?;
    if verdict == Verdict::Rejected {
        return None;
    }
    let mean = |row: &Row| row.loss.map_or(f64::INFINITY, |loss| loss.mean);
    let (best, _) = stable().filter(|(_, row)| row.verdict == verdict).min_by(|a, b| mean(a.1).total_cmp(&mean(b.1)))?;
    // What cannot be compared is not as good.
    let as_good: Vec<String> = differences(scenario, rows, best).into_iter().filter(|d| !d.significant).map(|d| d.a).collect();
    stable()
        .filter(|(index, row)| row.verdict == verdict && (*index == best || as_good.contains(&row.name)))
        .min_by(|a, b| (a.1.changed, a.1.grants).cmp(&(b.1.changed, b.1.grants)).then(mean(a.1).total_cmp(&mean(b.1))))
        .map(|(index, _)| index)
}

/// Where nothing is even an improvement: of what keeps the limits, the stable mapping with the lowest loss; today's, if there is none.
pub(super) fn least_loss(rows: &[Row]) -> usize {
    rows.iter()
        .enumerate()
        .filter(|(_, row)| row.stable() && row.same_as.is_none() && !row.gateway && row.exceeded.is_empty())
        .filter_map(|(index, row)| row.loss.map(|loss| (index, loss.mean)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0, |(index, _)| index)
}

/// Every other stable mapping against `best`, corrected for their number.
pub(super) fn differences(scenario: &Scenario, rows: &[Row], best: usize) -> Vec<Difference> {
    let ours = losses(scenario, &rows[best].mapping, &rows[best].base().replications);
    let pairs: Vec<(&Row, Paired)> = rows
        .iter()
        .enumerate()
        .filter(|(index, row)| *index != best && row.same_as.is_none() && row.stable())
        .filter_map(|(_, row)| {
            let theirs = losses(scenario, &row.mapping, &row.base().replications);
            // A replication in which nothing succeeded has no loss; left out, it would flatter the mapping.
            let same = theirs.iter().zip(&ours).all(|(theirs, ours)| theirs.is_some() == ours.is_some());
            same.then(|| paired(&theirs, &ours)).flatten().map(|paired| (row, paired))
        })
        .collect();
    let corrected = holm(&pairs.iter().map(|(_, paired)| paired.p).collect::<Vec<f64>>());
    pairs
        .into_iter()
        .zip(corrected)
        .map(|((row, loss), p_corrected)| Difference {
            a: row.name.clone(),
            b: rows[best].name.clone(),
            loss,
            p_corrected,
            significant: p_corrected < 0.05,
        })
        .collect()
}
