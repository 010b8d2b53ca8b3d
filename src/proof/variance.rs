//! What common random numbers are worth: how much the variance of a difference between two mappings shrinks when both meet the same
//! tasks, luck and outages, against replications that are independent. Law (2015), Simulation Modeling and Analysis, sec. 11.2.

use rand::RngExt;
use serde::Serialize;

use crate::experiment::{self, Case, Design, Stage, Watch};
use crate::judge::Replication;
use crate::mapping::{Dispatch, Mapping};
use crate::random::{Generator, Key};
use crate::scenario::{Kpi, Scenario, Target, parse};
use crate::units::SimTime;

/// Of one KPI's difference between two mappings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reduction {
    pub comparison: &'static str,
    pub figure: &'static str,
    /// Standard deviation of one difference, in the KPI's unit.
    pub independent: f64,
    /// The same with common random numbers.
    pub common: f64,
    /// How many times smaller the variance is.
    pub ratio: f64,
    /// 95 %, by bootstrap.
    pub ratio_interval: [f64; 2],
    pub pairs: usize,
    /// Common random numbers help: the interval is above 1.
    pub holds: bool,
}

/// Two mappings of a scenario.
struct Comparison {
    name: &'static str,
    scenario: Scenario,
    mappings: [Mapping; 2],
    figures: Vec<(&'static str, Kpi)>,
}

const PAIRS: u32 = 200;

pub fn reductions(watch: &dyn Watch) -> Vec<Reduction> {
    let comparisons = [reference(), dispatchers()];
    comparisons.iter().flat_map(|comparison| measure(comparison, watch)).collect()
}

fn reference() -> Comparison {
    let scenario = shipped(include_str!("../../scenarios/openmanager-vibe-v5.toml"));
    Comparison {
        name: "reference, one need moved",
        mappings: [Mapping::current(&scenario), with_a_need_moved(&scenario)],
        figures: vec![("mean response [s]", Kpi::ResponseMean), ("error rate", Kpi::ErrorRate)],
        scenario,
    }
}

/// Best of two against the best of all, on four servers.
fn dispatchers() -> Comparison {
    let mut scenario = shipped(include_str!("../../scenarios/oracles/dispatch-shortest.toml"));
    (scenario.run.warmup, scenario.run.horizon) = (Some(SimTime::from_millis(200_000)), SimTime::from_millis(2_000_000));
    let dispatched = |dispatch| Mapping { dispatch, ..Mapping::current(&scenario) };
    Comparison {
        name: "4 servers, best of two and of all",
        mappings: [dispatched(Dispatch::PowerOfChoices(2)), dispatched(Dispatch::ShortestQueue)],
        figures: vec![("mean response [s]", Kpi::ResponseMean)],
        scenario,
    }
}

fn shipped(text: &str) -> Scenario {
    parse("a shipped scenario", text).expect("a shipped scenario is correct").scenario
}

/// Today's mapping but for the first need that has somewhere else to go.
fn with_a_need_moved(scenario: &Scenario) -> Mapping {
    let mut mapping = Mapping::current(scenario);
    for need in scenario.need_ids() {
        let assignment = &mut mapping.assignments[need.index()];
        if let Some(other) = scenario.eligible(need).into_iter().find(|server| *server != assignment.primary) {
            assignment.primary = other;
            assignment.on_failure.retain(|target| *target != Target::Server(other));
            return mapping;
        }
    }
    unreachable!("the shipped scenarios have something to decide");
}

fn measure(comparison: &Comparison, watch: &dyn Watch) -> Vec<Reduction> {
    let run = |mapping: usize, stage| {
        let case = Case { scenario: &comparison.scenario, mapping: &comparison.mappings[mapping] };
        let design = Design { seed: comparison.scenario.run.seed, replications: PAIRS, stage };
        experiment::run(&[case], design, watch).swap_remove(0)
    };
    // Stages never meet, so the independent pairs are independent of the common ones too.
    let common = [run(0, Stage::Comparison), run(1, Stage::Comparison)];
    let independent = [run(0, Stage::Selection), run(1, Stage::Validation)];
    let reduction = |(figure, kpi): &(&'static str, Kpi)| {
        let (common, independent) = (differences(&common, *kpi), differences(&independent, *kpi));
        let ratio_interval = bootstrap(&independent, &common);
        Reduction {
            comparison: comparison.name,
            figure,
            independent: variance(&independent).sqrt(),
            common: variance(&common).sqrt(),
            ratio: variance(&independent) / variance(&common),
            ratio_interval,
            pairs: common.len(),
            holds: ratio_interval[0] > 1.0,
        }
    };
    comparison.figures.iter().map(reduction).collect()
}

fn differences(pair: &[Vec<Replication>; 2], kpi: Kpi) -> Vec<f64> {
    pair[0].iter().zip(&pair[1]).filter_map(|(a, b)| Some(a.kpis.get(kpi)? - b.kpis.get(kpi)?)).collect()
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// 95 % percentile interval of variance(a) / variance(b): an F interval would trust the differences to be normal. Efron & Tibshirani
/// (1993), An Introduction to the Bootstrap, ch. 13.
fn bootstrap(a: &[f64], b: &[f64]) -> [f64; 2] {
    const RESAMPLES: usize = 2000;
    let mut generator = Key::new(0).named("bootstrap").generator();
    let mut ratios: Vec<f64> =
        (0..RESAMPLES).map(|_| variance(&resample(a, &mut generator)) / variance(&resample(b, &mut generator))).collect();
    ratios.sort_by(f64::total_cmp);
    [ratios[RESAMPLES / 40], ratios[RESAMPLES - 1 - RESAMPLES / 40]]
}

/// As many, drawn with replacement.
fn resample(values: &[f64], generator: &mut Generator) -> Vec<f64> {
    (0..values.len()).map(|_| values[generator.random_range(0..values.len())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bootstrap_finds_the_ratio() {
        let mut generator = Key::new(2).generator();
        let wide: Vec<f64> = (0..500).map(|_| 3.0 * generator.random::<f64>()).collect();
        let narrow: Vec<f64> = (0..500).map(|_| generator.random::<f64>()).collect();
        let [low, high] = bootstrap(&wide, &narrow);
        assert!(low < 9.0 && 9.0 < high && high / low < 1.5, "{low} {high}");
    }
}
