//! What a plan claims in percent, measured instead: one mapping against another, undisturbed and through all drills.

use serde::Serialize;

use crate::scenario::Kpi;

use super::recovery::{Resampled, interval};
use super::{Drilled, Held, Lab, Runs, Tally};

/// One mapping against the first one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    pub mapping: String,
    pub against: String,
    pub measures: Vec<Measure>,
}

/// A figure of both mappings and how it changes, with 95 % intervals by bootstrap over replications.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    pub what: String,
    pub unit: Unit,
    pub before: f64,
    pub after: f64,
    /// after - before.
    pub change: f64,
    pub change_interval: [f64; 2],
    /// after / before - 1; none where before is zero.
    pub relative: Option<f64>,
    pub relative_interval: Option<[f64; 2]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Share,
    Seconds,
    CallsPerHour,
}

impl Lab<'_> {
    /// `runs`: undisturbed, then each drill.
    pub(super) fn measured(&self, first: &Drilled, first_runs: &[Runs], other: &Drilled, other_runs: &[Runs]) -> Measured {
        let mut measures = Vec::new();
        let hours = |runs: &Runs| runs.first().map_or(1.0, |(replication, _)| replication.window.as_secs() / 3600.0);
        for (kpi, what) in [
            (Kpi::Availability, "availability, undisturbed"),
            (Kpi::ErrorRate, "calls failed, undisturbed"),
            (Kpi::ResponseMean, "mean response, undisturbed"),
            (Kpi::Quality, "quality, undisturbed"),
        ] {
            let unit = if kpi == Kpi::ResponseMean { Unit::Seconds } else { Unit::Share };
            let value = |runs: &[Runs], sample: &[usize]| pooled_windows(&runs[0], sample).kpi(kpi);
            measures.extend(self.measure(what.to_owned(), unit, |sample| Some((value(first_runs, sample)?, value(other_runs, sample)?))));
        }
        for (kpi, what) in [(Kpi::Availability, "availability during the outages"), (Kpi::ErrorRate, "calls failed during the outages")] {
            let value = |runs: &[Runs], sample: &[usize]| pooled_during(&runs[1..], sample).kpi(kpi);
            measures.extend(
                self.measure(what.to_owned(), Unit::Share, |sample| Some((value(first_runs, sample)?, value(other_runs, sample)?))),
            );
        }
        measures.extend(self.times(first, other));
        for (i, server) in self.scenario.servers.iter().enumerate() {
            let value = |runs: &[Runs], sample: &[usize]| {
                let accepted: u64 = sample.iter().map(|index| runs[0][*index].0.servers[i].accepted).sum();
                accepted as f64 / (sample.len().max(1) as f64 * hours(&runs[0]))
            };
            let what = format!("calls to {}, undisturbed", server.name);
            let measure = self.measure(what, Unit::CallsPerHour, |sample| Some((value(first_runs, sample), value(other_runs, sample))));
            // Where nothing moves, nothing was claimed.
            measures.extend(measure.filter(|measure| measure.is_certain()));
        }
        Measured { mapping: other.mapping.clone(), against: first.mapping.clone(), measures }
    }

    /// Over the drills, all targets together. A recovery is zero where nothing broke or all holds at the outage's end, the run's rest where it
    /// never comes.
    fn times(&self, first: &Drilled, other: &Drilled) -> Vec<Measure> {
        if self.targets.is_empty() {
            return Vec::new();
        }
        let rest = self.scenario.run.horizon.saturating_sub(self.timing.ends()).as_secs();
        let whole = |held: &Held| Resampled { recovered_after: held.recovered_after.unwrap_or(rest), missed: held.missed };
        let measure_of = |what: &str, value: &dyn Fn(Resampled) -> f64| {
            let mean = |drilled: &Drilled, of: &dyn Fn(&Held) -> Resampled| {
                drilled.drills.iter().map(|course| value(of(&course.all))).sum::<f64>() / drilled.drills.len().max(1) as f64
            };
            let both = |of: &dyn Fn(&Held) -> Resampled| (mean(first, of), mean(other, of));
            let resampled: Vec<(f64, f64)> = (0..self.resamples.iter().count()).map(|b| both(&|held| held.resampled[b])).collect();
            measure(what.to_owned(), Unit::Seconds, both(&whole), &resampled)
        };
        vec![
            measure_of("time with a target missed, an outage", &|of| of.missed),
            measure_of("time to recover after an outage's end", &|of| of.recovered_after.min(rest)),
        ]
    }

    fn measure(&self, what: String, unit: Unit, values: impl Fn(&[usize]) -> Option<(f64, f64)>) -> Option<Measure> {
        let all: Vec<usize> = (0..self.resamples.replications()).collect();
        let resampled: Vec<(f64, f64)> = self.resamples.iter().filter_map(&values).collect();
        Some(measure(what, unit, values(&all)?, &resampled))
    }
}

impl Measure {
    /// The interval of the change does not hold zero.
    pub fn is_certain(&self) -> bool {
        self.change_interval[0] > 0.0 || self.change_interval[1] < 0.0
    }
}

fn measure(what: String, unit: Unit, (before, after): (f64, f64), resampled: &[(f64, f64)]) -> Measure {
    let relative = |(before, after): (f64, f64)| (before > 0.0).then(|| after / before - 1.0);
    let relatives: Option<Vec<f64>> = resampled.iter().map(|pair| relative(*pair)).collect();
    Measure {
        what,
        unit,
        before,
        after,
        change: after - before,
        change_interval: interval(&resampled.iter().map(|(before, after)| after - before).collect::<Vec<f64>>()),
        relative: relative((before, after)),
        relative_interval: relatives.map(|relatives| interval(&relatives)),
    }
}

fn pooled_windows(runs: &Runs, sample: &[usize]) -> Tally {
    let mut sum = Tally::default();
    sample.iter().flat_map(|index| &runs[*index].1.windows).for_each(|window| sum.add(window));
    sum
}

fn pooled_during(drills: &[Runs], sample: &[usize]) -> Tally {
    let mut sum = Tally::default();
    drills.iter().for_each(|runs| sample.iter().for_each(|index| sum.add(&runs[*index].1.during())));
    sum
}
