//! How often calls fail, and when they fail together: the rate beside outages, and how often outages come and how long they last.

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use crate::random::Key;

use super::choice::Estimated;
use super::law::Unit;
use super::outages::{Outage, outages};
use super::proportion::{Proportion, proportion};

/// One call of a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Call {
    /// When it was issued \[s\].
    pub at: f64,
    pub failed: bool,
}

/// What a server's calls say of its failures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failures {
    /// Of calls that no outage met.
    pub rate: Proportion,
    pub outages: Vec<Outage>,
    /// Mean time from the end of one outage to the next; infinite where there was none, with its lower bound.
    pub between: Estimated,
    /// Mean length of an outage; none where none has ended.
    pub repair: Option<Estimated>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FailuresError {
    #[error("no calls: failures cannot be counted")]
    NoCalls,
    #[error("a call at {at} s has no place in time: it has to be a finite number")]
    NoTime { at: f64 },
}

/// Of one server's calls, in any order. `key`: of the luck that outages are held against.
pub fn failures(mut calls: Vec<Call>, key: Key) -> Result<Failures, FailuresError> {
    if let Some(call) = calls.iter().find(|call| !call.at.is_finite()) {
        return Err(FailuresError::NoTime { at: call.at });
    }
    calls.sort_by(|a, b| a.at.total_cmp(&b.at));
    let (Some(first), Some(last)) = (calls.first(), calls.last()) else { return Err(FailuresError::NoCalls) };
    let observed = last.at - first.at;
    let outages = outages(&calls, key);
    let met: usize = outages.iter().map(|outage| outage.calls).sum();
    let failed_then: usize = outages.iter().map(|outage| outage.failed).sum();
    let failed = calls.iter().filter(|call| call.failed).count() - failed_then;
    // Where an outage met every call, nothing is known of the time without.
    let rate =
        proportion(failed as u64, (calls.len() - met) as u64).unwrap_or(Proportion { of: 0, n: 0, value: 0.0, interval: (0.0, 1.0) });
    let down: f64 = outages.iter().map(|outage| outage.to - outage.from).sum();
    // One that was there at the beginning did not begin while anyone looked.
    let begun = outages.iter().filter(|outage| outage.from > first.at).count();
    let ended = outages.iter().filter(|outage| outage.ended).count();
    let between = mean_of_exponential("between outages", observed - down, begun, Watched::ForATime);
    let repair = (ended > 0).then(|| mean_of_exponential("repair time", down, ended, Watched::UntilTheLast));
    Ok(Failures { rate, outages, between, repair })
}

/// When watching stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Watched {
    /// At a time that has nothing to do with what happened.
    ForATime,
    /// With the last that was counted.
    UntilTheLast,
}

/// Total time over events, with the interval by chi-squared: 2 total / mean has 2 r degrees of freedom up to the r-th event, and up to any
/// time between 2 r and 2 r + 2. Epstein & Sobel (1953), JASA 48; Lawless (2003), section 4.1.
fn mean_of_exponential(name: &'static str, total: f64, events: usize, watched: Watched) -> Estimated {
    let r = events as f64;
    let bound = |degrees: f64, p: f64| ChiSquared::new(degrees).map_or(f64::NAN, |chi| 2.0 * total / chi.inverse_cdf(p));
    let low = bound(if watched == Watched::ForATime { 2.0 * r + 2.0 } else { 2.0 * r }, 0.975);
    let high = if events == 0 { f64::INFINITY } else { bound(2.0 * r, 0.025) };
    Estimated { name, unit: Unit::Seconds, value: if events == 0 { f64::INFINITY } else { total / r }, interval: Some((low, high)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    /// A day of calls, a Poisson stream of one a `gap` \[s\], failing at `rate`, and in outages of `every` and `lasts` \[s\].
    struct Truth {
        gap: f64,
        rate: f64,
        outages: Option<(f64, f64)>,
    }

    fn calls(truth: &Truth, horizon: f64, key: Key) -> Vec<Call> {
        let mut of_outages = key.named("outages").generator();
        let mut exponential = |mean: f64| -mean * (1.0 - of_outages.uniform()).ln();
        let (mut downs, mut at) = (Vec::new(), 0.0);
        if let Some((every, lasts)) = truth.outages {
            while at < horizon {
                let from = at + exponential(every);
                at = from + exponential(lasts);
                downs.push((from, at));
            }
        }
        let mut generator = key.named("calls").generator();
        let (mut at, mut calls) = (0.0, Vec::new());
        loop {
            at += -truth.gap * (1.0 - generator.uniform()).ln();
            if at > horizon {
                return calls;
            }
            let is_down = downs.iter().any(|(from, to)| (*from..*to).contains(&at));
            calls.push(Call { at, failed: generator.uniform() < truth.rate || is_down });
        }
    }

    const DAY: f64 = 86_400.0;

    /// At 5 %, of 200, more than 20 are one in a thousand.
    #[test]
    fn independent_failures_are_seldom_taken_for_an_outage() {
        for (gap, rate) in [(60.0, 0.01), (60.0, 0.2), (600.0, 0.05), (200.0, 0.5)] {
            let claimed: usize = (0..200u64)
                .into_par_iter()
                .filter(|seed| {
                    let calls = calls(&Truth { gap, rate, outages: None }, DAY, Key::new(1).with(*seed));
                    !failures(calls, Key::new(*seed)).unwrap().outages.is_empty()
                })
                .count();
            println!("a call each {gap} s, {rate} fail: {claimed} of 200 claim an outage");
            assert!(claimed <= 20, "{gap} {rate}: {claimed}");
        }
    }

    #[test]
    fn outages_are_found_with_how_often_and_how_long() {
        let truth = Truth { gap: 20.0, rate: 0.02, outages: Some((4.0 * 3600.0, 600.0)) };
        let found: Vec<Failures> = (0..200u64)
            .into_par_iter()
            .map(|seed| failures(calls(&truth, 4.0 * DAY, Key::new(2).with(seed)), Key::new(seed)).unwrap())
            .collect();
        let holding = |interval: &dyn Fn(&Failures) -> Option<(f64, f64)>, value: f64| {
            found.iter().filter(|f| interval(f).is_some_and(|(low, high)| (low..=high).contains(&value))).count()
        };
        let of_rate = holding(&|f| Some(f.rate.interval), 0.02);
        let of_between = holding(&|f| f.between.interval, 4.0 * 3600.0);
        let of_repair = holding(&|f| f.repair.as_ref().and_then(|e| e.interval), 600.0);
        println!("of 200 intervals hold the truth: rate {of_rate}, between {of_between}, repair {of_repair}");
        for count in [of_rate, of_between, of_repair] {
            assert!((180..=199).contains(&count), "{of_rate} {of_between} {of_repair}");
        }
    }

    #[test]
    fn one_outage_is_found_where_it_was() {
        let mut calls = calls(&Truth { gap: 30.0, rate: 0.01, outages: None }, DAY, Key::new(3));
        calls.iter_mut().filter(|call| (40_000.0..40_900.0).contains(&call.at)).for_each(|call| call.failed = true);
        let found = failures(calls, Key::new(1)).unwrap();
        let [outage] = &found.outages[..] else { panic!("{found:?}") };
        assert!((outage.from - 40_000.0).abs() < 120.0 && (outage.to - 40_900.0).abs() < 120.0 && outage.ended, "{outage:?}");
        assert!(found.rate.value < 0.02, "{:?}", found.rate);
    }

    #[test]
    fn nothing_that_failed_is_a_bound_too() {
        let calls: Vec<Call> = (0..1000).map(|i| Call { at: f64::from(i), failed: false }).collect();
        let found = failures(calls, Key::new(1)).unwrap();
        assert_eq!((found.rate.value, found.between.value, &found.repair), (0.0, f64::INFINITY, &None));
        assert!((found.rate.interval.1 - 0.003_682).abs() < 1e-5, "{:?}", found.rate);
        // 999 s / 3.689: -ln 0.025.
        assert!((found.between.interval.unwrap().0 - 270.8).abs() < 0.1, "{:?}", found.between);
        assert_eq!(failures(Vec::new(), Key::new(1)), Err(FailuresError::NoCalls));
        assert!(matches!(failures(vec![Call { at: f64::NAN, failed: true }], Key::new(1)), Err(FailuresError::NoTime { .. })));
        let all: Vec<Call> = (0..50).map(|i| Call { at: f64::from(i), failed: true }).collect();
        assert_eq!(failures(all, Key::new(1)).unwrap().rate.value, 1.0);
    }
}
