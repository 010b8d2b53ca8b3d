//! Exact values, and whether the engine's figures agree with them.

use std::borrow::Cow;

use rayon::prelude::*;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::probe::{Probe, Seen};
use crate::engine::{Run, simulate_observed};
use crate::experiment::Watch;
use crate::judge::estimate;
use crate::mapping::{Dispatch, Mapping};
use crate::scenario::{Scenario, parse};

/// A scenario whose figures are known. It states how long it has to run for an interval that says something.
#[derive(Debug, Clone)]
pub struct Oracle {
    pub name: String,
    /// Who proved the values.
    pub source: &'static str,
    /// The scenario's text.
    pub text: Cow<'static, str>,
    pub dispatch: Dispatch,
    pub expected: Vec<Expected>,
}

/// One figure of an oracle.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// With its unit.
    pub what: &'static str,
    pub value: f64,
    pub rule: Rule,
    /// The same of one replication.
    pub measure: fn(Seen) -> f64,
}

/// When a figure agrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// The value is exact: the 99.9 % interval holds it, and half of it is at most this share of it.
    Holds(f64),
    /// The value was simulated elsewhere, with an error of its own: the mean is no further from it than this share of it, and half of the
    /// 99.9 % interval is no wider.
    Near(f64),
}

impl Oracle {
    pub fn new(name: &str, source: &'static str, text: &'static str, expected: Vec<Expected>) -> Oracle {
        Oracle { name: name.to_owned(), source, text: Cow::Borrowed(text), dispatch: Dispatch::Fixed, expected }
    }

    /// # Panics
    /// On a mistake in the text: oracles are a part of the program.
    pub fn scenario(&self) -> Scenario {
        match parse(&self.name, &self.text) {
            Ok(parsed) => parsed.scenario,
            Err(mistakes) => panic!("the scenario of {} is wrong: {mistakes}", self.name),
        }
    }
}

/// An exact value, to be met to 1 %.
pub(super) fn exact(what: &'static str, value: f64, measure: fn(Seen) -> f64) -> Expected {
    Expected { what, value, rule: Rule::Holds(0.01), measure }
}

/// A figure as it was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    pub oracle: String,
    pub figure: &'static str,
    pub source: &'static str,
    pub exact: f64,
    pub rule: Rule,
    pub mean: f64,
    /// Of the 99.9 % interval, mean ± half_width.
    pub half_width: f64,
    pub replications: usize,
    /// Counted, all replications together.
    pub calls: u64,
    pub holds: bool,
}

/// One replication of one oracle.
struct Sample {
    calls: u64,
    /// In the order of the oracle's expected values.
    values: Vec<f64>,
}

/// Runs every replication of every oracle, in parallel; the findings do not depend on the number of threads.
pub fn find(oracles: &[Oracle], watch: &dyn Watch) -> Vec<Finding> {
    let worlds: Vec<(Scenario, Mapping)> = oracles.iter().map(world).collect();
    let runs: Vec<(usize, u32)> =
        worlds.iter().enumerate().flat_map(|(index, (scenario, _))| (0..scenario.run.replications).map(move |r| (index, r))).collect();
    watch.phase("oracles", runs.len() as u64);
    let samples: Vec<Sample> = runs
        .par_iter()
        // A replication takes long enough to be worth a thread's attention on its own.
        .with_max_len(1)
        .map(|(index, replication)| {
            let (scenario, mapping) = &worlds[*index];
            let sample = sample(&oracles[*index], scenario, mapping, *replication);
            watch.step();
            sample
        })
        .collect();
    let mut samples = samples.as_slice();
    let mut findings = Vec::new();
    for (oracle, (scenario, _)) in oracles.iter().zip(&worlds) {
        let (own, rest) = samples.split_at(scenario.run.replications as usize);
        findings.extend((0..oracle.expected.len()).map(|index| finding(oracle, index, own)));
        samples = rest;
    }
    findings
}

fn world(oracle: &Oracle) -> (Scenario, Mapping) {
    let scenario = oracle.scenario();
    let mapping = Mapping { dispatch: oracle.dispatch, ..Mapping::current(&scenario) };
    (scenario, mapping)
}

fn sample(oracle: &Oracle, scenario: &Scenario, mapping: &Mapping, replication: u32) -> Sample {
    let mut probe = Probe::new(scenario);
    let outcome = simulate_observed(scenario, mapping, Run { seed: scenario.run.seed, replication }, &mut probe);
    let seen = Seen { outcome: &outcome, probe: &probe };
    Sample { calls: outcome.calls().issued, values: oracle.expected.iter().map(|expected| (expected.measure)(seen)).collect() }
}

fn finding(oracle: &Oracle, index: usize, samples: &[Sample]) -> Finding {
    let expected = oracle.expected[index];
    let values: Vec<f64> = samples.iter().map(|sample| sample.values[index]).collect();
    let of = estimate(&values).expect("a scenario has at least two replications");
    let half_width = students_t_999(of.n) * of.error;
    Finding {
        oracle: oracle.name.clone(),
        figure: expected.what,
        source: oracle.source,
        exact: expected.value,
        rule: expected.rule,
        mean: of.mean,
        half_width,
        replications: of.n,
        calls: samples.iter().map(|sample| sample.calls).sum(),
        holds: expected.rule.holds(expected.value, of.mean, half_width),
    }
}

impl Rule {
    fn holds(self, value: f64, mean: f64, half_width: f64) -> bool {
        // What is no number is never within anything.
        match self {
            Rule::Holds(widest) => (mean - value).abs() <= half_width && half_width <= widest * value,
            Rule::Near(widest) => (mean - value).abs() <= widest * value && half_width <= widest * value,
        }
    }
}

/// Half of a two-sided 99.9 % interval, in standard errors. So many figures at 95 % would miss one in most runs.
fn students_t_999(n: usize) -> f64 {
    StudentsT::new(0.0, 1.0, (n - 1) as f64).expect("at least two replications").inverse_cdf(0.9995)
}
