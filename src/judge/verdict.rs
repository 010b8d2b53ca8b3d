//! The verdict on a mapping: what may be applied, and on what evidence.

use serde::Serialize;

use crate::scenario::{Kpi, KpiTarget, Scenario};

use super::kpi::{Replication, Summary};
use super::statistics::{Estimate, holm, paired};

/// What a planned score, a computed number, may be off by rounding.
const PLANNED_SLACK: f64 = 1e-9;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The one-sided 95 % bound of every simulated KPI is on the right side of its target, in the base and in every
    /// required what-if; planned KPIs meet theirs in the base.
    Validated,
    /// Not validated, but no KPI significantly worse than today's and at least one significantly better.
    Improves,
    Rejected,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Validated => "validated",
            Verdict::Improves => "improves",
            Verdict::Rejected => "rejected",
        }
    }
}

/// One KPI against its target in one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KpiResult {
    pub kpi: Kpi,
    pub target: f64,
    pub estimate: Option<Estimate>,
    /// The one-sided 95 % bound that has to be on the right side; a planned KPI's exact value.
    pub bound: Option<f64>,
    pub met: bool,
}

/// A KPI's estimate against its target. A server offered more than it can serve makes every simulated KPI missed: its means depend on the
/// run's length.
fn target_result(target: &KpiTarget, summary: &Summary) -> KpiResult {
    let estimate = summary.kpi(target.kpi);
    let bound = estimate.map(|estimate| match (target.kpi.is_planned(), target.kpi.higher_is_better()) {
        (true, _) => estimate.mean,
        (false, true) => estimate.lower_bound(),
        (false, false) => estimate.upper_bound(),
    });
    // What is a rounding error below its target meets it.
    let slack = if target.kpi.is_planned() { PLANNED_SLACK } else { 0.0 };
    let slack = if target.kpi.higher_is_better() { slack } else { -slack };
    // A replication without a value (no call succeeded) is no evidence for the others.
    let complete = estimate.is_some_and(|estimate| estimate.n == summary.replications) && summary.is_stable();
    let met = bound.is_some_and(|bound| target.is_met_by(bound + slack)) && (target.kpi.is_planned() || complete);
    KpiResult { kpi: target.kpi, target: target.bound.value, estimate, bound, met }
}

/// One case of a mapping: its what-if (none: the base) with all targets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    pub what_if: Option<String>,
    pub required: bool,
    pub results: Vec<KpiResult>,
    pub unstable: Vec<String>,
}

impl Judged {
    /// `scenario` is the case's own: the base, or the what-if's. Planned KPIs are judged in the base alone.
    pub fn new(scenario: &Scenario, what_if: Option<&str>, required: bool, summary: &Summary) -> Judged {
        let results = scenario
            .kpis
            .iter()
            .filter(|target| what_if.is_none() || !target.kpi.is_planned())
            .map(|target| target_result(target, summary))
            .collect();
        Judged { what_if: what_if.map(str::to_owned), required, results, unstable: summary.unstable.clone() }
    }

    /// Every target is met, and no server is offered more than it can serve (also where all targets are planned ones).
    pub fn met(&self) -> bool {
        self.unstable.is_empty() && self.results.iter().all(|result| result.met)
    }
}

/// The verdict of the design. `judged` holds the base first; `base` and `today` are the replications of the same runs in the
/// base under the mapping and under today's.
pub fn judge(scenario: &Scenario, judged: &[Judged], base: &[Replication], today: &[Replication]) -> Verdict {
    // Without a target there is nothing that a mapping could be shown to meet.
    if scenario.kpis.is_empty() {
        return Verdict::Rejected;
    }
    if judged.iter().filter(|case| case.required).all(Judged::met) {
        return Verdict::Validated;
    }
    let unstable_in_base = judged.first().is_some_and(|case| !case.unstable.is_empty());
    let mut gains: Vec<f64> = Vec::new();
    for target in &scenario.kpis {
        let values = |replications: &[Replication]| -> Vec<Option<f64>> { replications.iter().map(|r| r.kpis.get(target.kpi)).collect() };
        let (ours, todays) = (values(base), values(today));
        // Nothing left to measure where there was something today: no answer is worse than any.
        if ours.iter().zip(&todays).any(|(ours, todays)| ours.is_none() && todays.is_some()) {
            return Verdict::Rejected;
        }
        let Some(difference) = paired(&ours, &todays) else { continue };
        // A planned score is a computed number: a rounding error is no difference.
        let same = target.kpi.is_planned() && difference.difference.abs() < PLANNED_SLACK;
        let sign = if target.kpi.higher_is_better() { 1.0 } else { -1.0 };
        if sign * difference.difference < 0.0 && difference.p < 0.05 && !same {
            return Verdict::Rejected;
        }
        gains.push(if sign * difference.difference > 0.0 && !same { difference.p } else { 1.0 });
    }
    // Any one KPI would do, so chance has as many tries as there are KPIs.
    let better = holm(&gains).into_iter().any(|p| p < 0.05);
    if better && !unstable_in_base { Verdict::Improves } else { Verdict::Rejected }
}
