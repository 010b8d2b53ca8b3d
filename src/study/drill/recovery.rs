//! How long the KPIs are missed because of an outage, with what chance does to it: a bootstrap over replications.

use serde::Serialize;

use crate::random::Key;
use crate::scenario::{Kpi, KpiTarget};

use super::Timing;
use super::series::{Seen, Tally};

/// Resamples of the bootstrap: enough for the ends of a 95 % interval.
const RESAMPLES: u64 = 1000;

/// The same numbers of replications for everything that is resampled, so that what is compared meets the same chance.
#[derive(Debug, Clone, PartialEq)]
pub struct Resamples(Vec<Vec<usize>>);

impl Resamples {
    /// Efron (1979): as many as there are, drawn with replacement.
    pub fn new(seed: u64, replications: usize) -> Resamples {
        let key = Key::new(seed).named("resamples");
        let draw = |sample: Key, i: usize| (sample.at(i as u64).uniform() * replications as f64) as usize;
        Resamples((0..RESAMPLES).map(|number| (0..replications).map(|i| draw(key.at(number), i)).collect()).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &[usize]> {
        self.0.iter().map(Vec::as_slice)
    }

    pub fn replications(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }
}

/// The 95 % percentile interval of a resampled statistic; infinite where that is.
pub fn interval(resampled: &[f64]) -> [f64; 2] {
    let mut sorted = resampled.to_vec();
    sorted.sort_by(f64::total_cmp);
    [0.025, 0.975].map(|share| sorted[((sorted.len() - 1) as f64 * share).round() as usize])
}

/// One target, or all of them, over the time from the outage's beginning to the run's end, all replications pooled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// None: all targets together.
    pub kpi: Option<Kpi>,
    /// From the outage's beginning to the end of the first window in which the target is missed \[s\]; none where it never is.
    pub broke_after: Option<f64>,
    /// From the outage's end to the end of the last window in which it is missed \[s\]; zero where it holds again before the outage's end, or never
    /// broke; none where it is missed to the run's end.
    pub recovered_after: Option<f64>,
    /// 95 %, by bootstrap over replications; none where more than 2.5 % of the resamples miss the target to the run's end.
    pub recovered_interval: [Option<f64>; 2],
    /// Time in windows in which it is missed \[s\].
    pub missed: f64,
    /// Share of the run's windows in which it is missed without the outage: those are not the outage's, and count as held.
    pub missed_anyway: f64,
    #[serde(skip)]
    pub resampled: Vec<Resampled>,
}

/// Of one resample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampled {
    /// As [`Held::recovered_after`], infinite for none.
    pub recovered_after: f64,
    /// As [`Held::missed`].
    pub missed: f64,
}

impl Held {
    pub fn broke(&self) -> bool {
        self.broke_after.is_some()
    }
}

/// The replications with an outage and those without, in the same order.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    pub drilled: &'a [&'a Seen],
    pub undisturbed: &'a [&'a Seen],
}

/// When `targets` hold again: all of them at the same time.
pub fn held(targets: &[&KpiTarget], pair: Pair, timing: Timing, resamples: &Resamples) -> Held {
    let all: Vec<usize> = (0..pair.drilled.len()).collect();
    // Both runs meet the same calls and luck: where all replications are alike, nothing is left of the outage.
    let differs = |window: &usize| pair.drilled.iter().zip(pair.undisturbed).any(|(a, b)| a.windows[*window] != b.windows[*window]);
    let first = (timing.from.0 / timing.window.0) as usize;
    let count = pair.drilled.first().map_or(0, |seen| seen.windows.len());
    let differing: Vec<usize> = (first..count).filter(differs).collect();
    let missed_in = |sample: &[usize]| -> Vec<usize> {
        let caused = |window: &usize| {
            let (drilled, undisturbed) = (pooled(pair.drilled, sample, *window), pooled(pair.undisturbed, sample, *window));
            targets.iter().any(|target| misses(target, &drilled) && !misses(target, &undisturbed))
        };
        differing.iter().copied().filter(caused).collect()
    };
    let end_of = |window: usize| timing.window.as_secs() * (window + 1) as f64;
    let recovered = |missed: &[usize]| match missed.last() {
        Some(last) if last + 1 == count => f64::INFINITY,
        Some(last) => (end_of(*last) - timing.ends().as_secs()).max(0.0),
        None => 0.0,
    };
    let missed = missed_in(&all);
    let anyway = (0..count).filter(|window| targets.iter().any(|target| misses(target, &pooled(pair.undisturbed, &all, *window)))).count();
    let finite = |seconds: f64| seconds.is_finite().then_some(seconds);
    let time = |missed: &[usize]| timing.window.as_secs() * missed.len() as f64;
    let resampled: Vec<Resampled> = resamples
        .iter()
        .map(|sample| {
            let missed = missed_in(sample);
            Resampled { recovered_after: recovered(&missed), missed: time(&missed) }
        })
        .collect();
    Held {
        kpi: if let [one] = targets { Some(one.kpi) } else { None },
        broke_after: missed.first().map(|window| end_of(*window) - timing.from.as_secs()),
        recovered_after: finite(recovered(&missed)),
        recovered_interval: interval(&resampled.iter().map(|of| of.recovered_after).collect::<Vec<f64>>()).map(finite),
        missed: time(&missed),
        missed_anyway: anyway as f64 / count.max(1) as f64,
        resampled,
    }
}

fn misses(target: &KpiTarget, tally: &Tally) -> bool {
    tally.kpi(target.kpi).is_some_and(|value| !target.is_met_by(value))
}

fn pooled(replications: &[&Seen], sample: &[usize], window: usize) -> Tally {
    let mut sum = Tally::default();
    sample.iter().for_each(|index| sum.add(&replications[*index].windows[window]));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Figure;
    use crate::units::SimTime;

    /// Ten windows of a minute with ten calls each, of which so many fail; the outage is in the third and the fourth.
    fn seen(failed: [u64; 10]) -> Seen {
        let tally = |failed| Tally { issued: 10, reached: 10, succeeded: 10 - failed, ..Tally::default() };
        Seen { windows: failed.map(tally).to_vec(), agents: Vec::new(), fallen_back: Vec::new() }
    }

    fn check(drilled: [u64; 10], undisturbed: [u64; 10]) -> Held {
        let minutes = |count: u64| SimTime::from_millis(60_000 * count);
        let timing = Timing { from: minutes(2), lasts: minutes(2), window: minutes(1) };
        let target = KpiTarget { kpi: Kpi::ErrorRate, bound: Figure::stated(0.2) };
        let (drilled, undisturbed) = (seen(drilled), seen(undisturbed));
        let pair = Pair { drilled: &[&drilled, &drilled], undisturbed: &[&undisturbed, &undisturbed] };
        held(&[&target], pair, timing, &Resamples::new(1, 2))
    }

    #[test]
    fn a_target_holds_again_at_the_end_of_the_last_window_that_misses_it() {
        let of = check([0, 0, 2, 9, 9, 1, 5, 0, 0, 0], [0; 10]);
        assert_eq!((of.broke_after, of.recovered_after, of.missed), (Some(120.0), Some(180.0), 180.0));
        assert_eq!(of.recovered_interval, [Some(180.0); 2]);
    }

    #[test]
    fn what_breaks_within_the_outage_alone_has_recovered_at_its_end() {
        let of = check([0, 0, 9, 1, 1, 0, 0, 0, 0, 0], [0; 10]);
        assert_eq!((of.broke_after, of.recovered_after), (Some(60.0), Some(0.0)));
    }

    #[test]
    fn what_is_missed_to_the_end_never_recovers() {
        let of = check([0, 0, 9, 9, 9, 9, 9, 9, 9, 9], [0; 10]);
        assert_eq!((of.recovered_after, of.recovered_interval), (None, [None, None]));
    }

    /// Misses before the outage, and those that happen without it too, are not its own.
    #[test]
    fn what_is_missed_anyway_is_not_the_outages() {
        let of = check([9, 0, 0, 0, 0, 0, 0, 7, 0, 9], [9, 0, 0, 0, 0, 0, 0, 8, 0, 9]);
        assert_eq!((of.broke(), of.recovered_after, of.missed), (false, Some(0.0), 0.0));
        assert!((of.missed_anyway - 0.3).abs() < 1e-12);
    }

    #[test]
    fn resamples_are_as_many_as_there_are_and_the_same_again() {
        let of = Resamples::new(7, 5);
        assert_eq!(of, Resamples::new(7, 5));
        assert!(of.0.iter().all(|sample| sample.len() == 5 && sample.iter().all(|index| *index < 5)));
    }
}
