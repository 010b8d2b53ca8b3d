//! The Pareto front of what was simulated: mappings of which no other is at least as good in response, error, balance and number of changed
//! assignments, and better in one.

use serde::Serialize;

use crate::judge::{Estimate, Replication, summarize};
use crate::mapping::{Mapping, Over, planned_score};
use crate::scenario::{Kpi, Scenario};

/// A mapping with its replications in the base.
#[derive(Debug, Clone, Copy)]
pub(super) struct Simulated<'a> {
    pub name: &'a str,
    pub mapping: &'a Mapping,
    pub replications: &'a [Replication],
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FrontPoint {
    pub name: String,
    /// Assignments whose primary is another than today's.
    pub changed: usize,
    /// \[s\]
    pub response_mean: Estimate,
    pub error_rate: Estimate,
    /// Planned, over the servers that can share work: 100 is even.
    pub balance: f64,
    /// Of the answers: not part of the front, but what a short response may have cost.
    pub quality: Option<Estimate>,
}

/// By changed assignments, then by response; each mapping once, with the most replications that it had, and none beyond the scenario's limits.
/// Dominance is by means, as they are printed: two points whose intervals overlap may both be on the front by luck.
pub(super) fn front(scenario: &Scenario, simulated: &[Simulated], today: &Mapping) -> Vec<FrontPoint> {
    let point = |simulated: &Simulated| -> Option<FrontPoint> {
        let summary = summarize(scenario, simulated.replications);
        let mapping = simulated.mapping;
        summary.is_stable().then_some(FrontPoint {
            name: simulated.name.to_owned(),
            changed: mapping.changes_from(today).len(),
            response_mean: summary.kpi(Kpi::ResponseMean)?,
            error_rate: summary.kpi(Kpi::ErrorRate)?,
            balance: planned_score(scenario, &mapping.primaries(), Over::Sharing),
            quality: summary.kpi(Kpi::Quality),
        })
    };
    let mut distinct: Vec<&Simulated> = Vec::new();
    for of in simulated.iter().filter(|of| of.replications.len() > 1 && of.mapping.limits_exceeded(scenario).is_empty()) {
        match distinct.iter_mut().find(|other| other.mapping.assignments == of.mapping.assignments) {
            Some(other) if other.replications.len() < of.replications.len() => *other = of,
            Some(_) => {}
            None => distinct.push(of),
        }
    }
    let points: Vec<FrontPoint> = distinct.into_iter().filter_map(point).collect();
    let mut front: Vec<FrontPoint> = points.iter().filter(|point| !points.iter().any(|other| other.dominates(point))).cloned().collect();
    let [by_response, by_error, by_balance] =
        [0, 1, 2].map(|k| move |a: &FrontPoint, b: &FrontPoint| a.measures()[k].total_cmp(&b.measures()[k]));
    front.sort_by(|a, b| {
        a.changed.cmp(&b.changed).then(by_response(a, b)).then(by_error(a, b)).then(by_balance(a, b)).then_with(|| a.name.cmp(&b.name))
    });
    front.dedup_by(|a, b| a.measures() == b.measures());
    front
}

impl FrontPoint {
    /// All to be small; in milliseconds and tenths, as they are printed.
    fn measures(&self) -> [f64; 4] {
        let FrontPoint { response_mean, error_rate, balance, changed, .. } = self;
        [(1e3 * response_mean.mean).round(), (1e3 * error_rate.mean).round(), -(10.0 * balance).round(), *changed as f64]
    }

    fn dominates(&self, other: &FrontPoint) -> bool {
        let pairs = || self.measures().into_iter().zip(other.measures());
        pairs().all(|(ours, theirs)| ours <= theirs) && pairs().any(|(ours, theirs)| ours < theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(response: f64, error: f64, balance: f64, changed: usize) -> FrontPoint {
        let of = |mean| Estimate { mean, half_width: 0.0, error: 0.0, n: 2 };
        FrontPoint { name: String::new(), changed, response_mean: of(response), error_rate: of(error), balance, quality: None }
    }

    #[test]
    fn one_dominates_another_if_it_is_nowhere_worse_and_somewhere_better() {
        let base = point(1.0, 0.1, 70.0, 4);
        for better in [point(0.9, 0.1, 70.0, 4), point(1.0, 0.0, 70.0, 4), point(1.0, 0.1, 71.0, 4), point(1.0, 0.1, 70.0, 3)] {
            assert!(better.dominates(&base) && !base.dominates(&better));
        }
        assert!(!base.dominates(&base));
        let mixed = point(0.9, 0.1, 69.0, 4);
        assert!(!mixed.dominates(&base) && !base.dominates(&mixed));
    }
}
