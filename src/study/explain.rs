//! Why each changed assignment is changed: what gets worse if it is put back, simulated for those that the objective likes most, by the analytic
//! model for the rest.

use serde::Serialize;

use crate::experiment::Watch;
use crate::judge::{Paired, paired};
use crate::mapping::{Mapping, Over, planned_score};
use crate::scenario::{Kpi, KpiUnit, Scenario};
use crate::strategy::Objective;

use super::evaluate::losses;
use super::optimize::{CHANGES_TRIED_MAX, Trial, Trials, with_change_put_back};

/// A changed assignment, and what gets worse if it is put back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    pub agent: String,
    pub capability: String,
    pub from: String,
    pub to: String,
    pub why: String,
    /// False where only the analytic model was asked.
    pub simulated: bool,
}

pub(super) fn explain(trials: &Trials, mapping: &Mapping, today: &Mapping, watch: &dyn Watch) -> Vec<Explained> {
    explain_within(CHANGES_TRIED_MAX, trials, mapping, today, watch)
}

/// So many changes at most are put back in the simulation.
fn explain_within(most: usize, trials: &Trials, mapping: &Mapping, today: &Mapping, watch: &dyn Watch) -> Vec<Explained> {
    let scenario = trials.scenario;
    let objective = Objective::of(scenario);
    let changes = mapping.changes_from(today);
    let backs: Vec<Mapping> = changes.iter().map(|change| with_change_put_back(scenario, mapping, *change)).collect();
    let cost = objective.value(&mapping.primaries()).cost;
    let more: Vec<f64> = backs.iter().map(|back| objective.value(&back.primaries()).cost - cost).collect();
    let mut tried: Vec<usize> = (0..changes.len()).collect();
    tried.sort_by(|a, b| more[*b].total_cmp(&more[*a]).then(a.cmp(b)));
    tried.truncate(most);
    let mut variants = vec![mapping.clone()];
    variants.extend(tried.iter().map(|index| backs[*index].clone()));
    let runs = if tried.is_empty() { Vec::new() } else { trials.run(&variants, watch) };
    let explained = |index: usize| {
        let change = changes[index];
        let need = scenario.need(change.need);
        let run = tried.iter().position(|of| *of == index).map(|position| &runs[position + 1]);
        Explained {
            agent: scenario.agent(need.agent).name.clone(),
            capability: scenario.capability(need.capability).to_owned(),
            from: scenario.server(change.from).name.clone(),
            to: scenario.server(change.to).name.clone(),
            why: match run {
                Some(run) => why(scenario, mapping, &backs[index], &runs[0], run),
                None => modelled_why(scenario, mapping, &backs[index], more[index]),
            },
            simulated: run.is_some(),
        }
    };
    (0..changes.len()).map(explained).collect()
}

/// By the analytic model alone.
fn modelled_why(scenario: &Scenario, mapping: &Mapping, back: &Mapping, more: f64) -> String {
    let mut worse: Vec<String> = planned_why(scenario, mapping, back).into_iter().collect();
    if more > 0.0 {
        worse.push(format!("the objective {more:+.4} (1: a whole KPI's worth)"));
    }
    match worse.is_empty() {
        true => "put back: by the analytic model, not simulated, nothing is worse by itself; the changes are made together".to_owned(),
        false => format!("put back: {}, by the analytic model, not simulated", worse.join(", ")),
    }
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
            && difference.difference.abs() >= smallest_shown(kpi)
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

/// Less than this is shown as nothing, however significant: the same luck on both sides tells the smallest differences.
fn smallest_shown(kpi: Kpi) -> f64 {
    match kpi.unit() {
        KpiUnit::Share => 0.000_05,
        KpiUnit::Time => 0.000_5,
        KpiUnit::Score => 0.05,
    }
}

fn signed(kpi: Kpi, difference: &Paired) -> String {
    match kpi.unit() {
        KpiUnit::Share => format!("{:+.2} ± {:.2} points", 100.0 * difference.difference, 100.0 * difference.half_width),
        KpiUnit::Time => format!("{:+.0} ± {:.0} ms", 1e3 * difference.difference, 1e3 * difference.half_width),
        KpiUnit::Score => format!("{:+.1} ± {:.1}", difference.difference, difference.half_width),
    }
}

#[cfg(test)]
mod tests {
    use super::super::evaluate::{candidates, evaluate};
    use super::*;
    use crate::experiment::{Design, Stage};
    use crate::scenario::parse;
    use crate::strategy::Strategy;

    #[test]
    fn every_change_has_its_sentence_where_only_some_are_simulated() {
        let mut scenario = parse("bursts", include_str!("../../scenarios/bursts.toml")).expect("a shipped scenario").scenario;
        scenario.what_ifs.clear();
        let design = Design { seed: 1, replications: 2, stage: Stage::Selection };
        let mut today = candidates(&scenario, Vec::new(), 1, &());
        today.truncate(1);
        let rows = evaluate(&scenario, today, design, &());
        let mapping = Strategy::Milp.decide(&scenario, 1).mapping;
        let all = explain_within(1, &Trials::of(&scenario, design, &rows[0]), &mapping, &rows[0].mapping, &());
        assert_eq!((all.len(), all.iter().filter(|of| of.simulated).count()), (2, 1), "{all:?}");
        for of in all.iter().filter(|of| !of.simulated) {
            assert!(of.why.starts_with("put back: the objective +") && of.why.ends_with("by the analytic model, not simulated"), "{of:?}");
        }
    }
}
