//! Whether our own intervals are what they say: of a thousand 95 % intervals, made as every command makes them, about 95 in a hundred
//! have to hold the exact value.

use rayon::prelude::*;
use serde::Serialize;

use crate::experiment::{self, Case, Design, Stage, Watch};
use crate::judge::{Summary, summarize};
use crate::mapping::Mapping;
use crate::scenario::{Kpi, RunSettings, Scenario, defaults, parse};
use crate::units::SimTime;

/// Of one KPI's intervals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    pub figure: &'static str,
    /// What the intervals should hold \[s\].
    pub exact: f64,
    /// Mean of the intervals' middles \[s\].
    pub mean: f64,
    /// Mean of their half-widths \[s\].
    pub half_width: f64,
    pub intervals: u32,
    /// Share of the intervals that hold the exact value, with a 95 % interval of its own.
    pub share: f64,
    pub share_interval: [f64; 2],
    /// Counted, all intervals together.
    pub calls: u64,
    pub holds: bool,
}

const INTERVALS: u32 = 1000;

/// What the share may be. A 95 % interval whose share were exactly .95 would land here 99.6 times in a hundred.
const ALLOWED: std::ops::RangeInclusive<f64> = 0.93..=0.97;

/// M/M/1: W is exponential with rate mu - lambda, so its mean is 1 / (mu - lambda) and its 95 % quantile ln(20) / (mu - lambda). Gross &
/// Harris (1998).
struct Queue {
    text: &'static str,
    /// As the scenario states it, or found by MSER-5, as where a scenario states none.
    warmup_is_found: bool,
    figures: [(&'static str, Kpi, f64); 2],
}

const QUEUES: [Queue; 2] = [
    Queue {
        text: include_str!("../../scenarios/oracles/m-m-1-half.toml"),
        warmup_is_found: false,
        figures: [("half load: W [s]", Kpi::ResponseMean, 2.0), ("half load: W p95 [s]", Kpi::ResponseP95, 5.991_465)],
    },
    Queue {
        text: include_str!("../../scenarios/oracles/m-m-1.toml"),
        warmup_is_found: true,
        figures: [
            ("load .8, warm-up found: W [s]", Kpi::ResponseMean, 5.0),
            ("load .8, warm-up found: W p95 [s]", Kpi::ResponseP95, 14.978_661),
        ],
    },
];

/// Of one replication where the warm-up is found: short enough for what is left of the transient to show \[s\].
const HORIZON: f64 = 10_000.0;

pub fn coverage(watch: &dyn Watch) -> Vec<Coverage> {
    QUEUES.iter().flat_map(|queue| of_queue(queue, watch)).collect()
}

fn of_queue(queue: &Queue, watch: &dyn Watch) -> Vec<Coverage> {
    let mut scenario = parse("queue.toml", queue.text).expect("the scenario is shipped").scenario;
    if queue.warmup_is_found {
        scenario.run = RunSettings { horizon: SimTime::from_secs(HORIZON), ..defaults::run() };
    }
    watch.phase("coverage", u64::from(INTERVALS));
    let summaries: Vec<Summary> = (0..INTERVALS)
        .into_par_iter()
        .map(|seed| {
            let summary = summary(&scenario, u64::from(seed));
            watch.step();
            summary
        })
        .collect();
    queue.figures.iter().map(|(figure, kpi, exact)| of_kpi(figure, *kpi, *exact, &summaries)).collect()
}

/// What `mcplab simulate` makes of the scenario at this seed.
fn summary(scenario: &Scenario, seed: u64) -> Summary {
    let mapping = Mapping::current(scenario);
    let mut scenario = scenario.clone();
    experiment::settle(&mut scenario, &mapping, seed);
    let design = Design { seed, replications: scenario.run.replications, stage: Stage::Comparison };
    let results = experiment::run(&[Case { scenario: &scenario, mapping: &mapping }], design, &());
    summarize(&scenario, &results[0])
}

fn of_kpi(figure: &'static str, kpi: Kpi, exact: f64, summaries: &[Summary]) -> Coverage {
    let estimates: Vec<_> = summaries.iter().filter_map(|summary| summary.kpi(kpi)).collect();
    let holding = estimates.iter().filter(|estimate| (estimate.mean - exact).abs() <= estimate.half_width).count();
    let intervals = summaries.len() as f64;
    let share = holding as f64 / intervals;
    Coverage {
        figure,
        exact,
        mean: estimates.iter().map(|estimate| estimate.mean).sum::<f64>() / intervals,
        half_width: estimates.iter().map(|estimate| estimate.half_width).sum::<f64>() / intervals,
        intervals: summaries.len() as u32,
        share,
        share_interval: wilson(share, intervals),
        calls: summaries.iter().map(|summary| summary.calls).sum(),
        holds: ALLOWED.contains(&share),
    }
}

/// 95 % interval of a share. Wilson (1927), JASA 22.
pub(super) fn wilson(share: f64, n: f64) -> [f64; 2] {
    const Z: f64 = 1.959_964;
    let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    [middle - half, middle + half]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_wilsons_interval() {
        // R's prop.test(950, 1000, correct = FALSE).
        let [low, high] = wilson(0.95, 1000.0);
        assert!((low - 0.934_7).abs() < 1e-4 && (high - 0.961_9).abs() < 1e-4, "{low} {high}");
    }
}
