//! How tasks or calls come: how often, at which hours, and whether at random (Poisson) or more evenly or in bursts.

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor};

use super::choice::{Estimated, Family};
use super::law::Unit;
use super::sample::{FEWEST, Sample};

const DAY: f64 = 86_400.0;
/// Below it, the profile is not flat, or the arrivals are not Poisson.
const SIGNIFICANT: f64 = 0.05;
/// Expected in a window, so that the statistic of its counts is close to chi-squared (Cochran 1954, Biometrics 10, allows 1 to 5).
const EXPECTED: f64 = 2.0;
/// Windows that a log may be cut into; far longer logs are cut into as many years.
const MOST_WINDOWS: f64 = 1e6;

/// What was watched, in seconds on the clock of the arrivals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watched {
    pub from: f64,
    pub until: f64,
    /// Any midnight.
    pub midnight: f64,
    /// Into how many parts a day is cut; in each the rate is taken as constant.
    pub parts: usize,
}

/// What arrivals say of the process behind them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArrivalProcess {
    pub n: usize,
    /// \[1/s\]
    pub rate: Estimated,
    /// None where too few came.
    pub poisson: Option<Statistic>,
    /// Variance over mean of the counts in windows, the profile taken out: 1 if Poisson, above it in bursts. p: as high or higher if Poisson.
    pub dispersion: Option<Statistic>,
    pub profile: Profile,
    /// Coefficient of variation of the gaps, the profile taken out: for `arrivals = { gamma = { cv } }`.
    pub gap_cv: Option<Estimated>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Statistic {
    pub statistic: f64,
    pub p: f64,
    /// How many gaps, or windows.
    pub n: usize,
}

/// Arrivals by part of the day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    pub parts: Vec<PartOfDay>,
    /// Of a flat one; none where fewer than two parts were watched.
    pub flat: Option<Statistic>,
    /// For `profile`, of mean 1: all parts alike where it may be flat, and what was never watched as if it were like the rest.
    pub relative: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PartOfDay {
    pub n: usize,
    /// Seconds.
    pub watched: f64,
    /// \[1/s\], with its exact interval if Poisson; none where nobody watched.
    pub rate: Option<Estimated>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ArrivalsError {
    #[error("watched from {from} s until {until} s: arrivals need some time to come in, at most {MOST_WINDOWS} parts of days")]
    NoTime { from: f64, until: f64 },
    #[error("{parts} parts of a day: it has to be 1 to 1440")]
    Parts { parts: usize },
    #[error("an arrival at {at} s is not within the time that was watched")]
    Outside { at: f64 },
}

/// Of times in any order.
pub fn arrivals(mut times: Vec<f64>, watched: Watched) -> Result<ArrivalProcess, ArrivalsError> {
    let Watched { from, until, parts, .. } = watched;
    if !(1..=1440).contains(&parts) {
        return Err(ArrivalsError::Parts { parts });
    }
    let lasts = until - from;
    if !(lasts > 0.0 && watched.midnight.is_finite() && lasts / DAY * parts as f64 <= MOST_WINDOWS) {
        return Err(ArrivalsError::NoTime { from, until });
    }
    if let Some(at) = times.iter().find(|at| !(from..=until).contains(*at)) {
        return Err(ArrivalsError::Outside { at: *at });
    }
    times.sort_by(f64::total_cmp);
    let windows = windows(&times, watched);
    let profile = profile(&windows, parts, times.len() as f64 / lasts);
    let dispersion = dispersion(&windows, &profile, watched);
    let poisson = poisson(&windows);
    let rate = rate(times.len(), lasts, dispersion.filter(|of| of.p < SIGNIFICANT));
    let gap_cv = gap_cv(&times, &windows, &profile);
    Ok(ArrivalProcess { n: times.len(), rate, poisson, dispersion, profile, gap_cv })
}

/// A part of one day, as far as it was watched.
struct Window<'a> {
    part: usize,
    from: f64,
    lasts: f64,
    times: &'a [f64],
}

fn windows(times: &[f64], watched: Watched) -> Vec<Window<'_>> {
    let Watched { from, until, midnight, parts } = watched;
    let length = DAY / parts as f64;
    let (first, last) = (((from - midnight) / length).floor() as i64, ((until - midnight) / length).ceil() as i64);
    let mut rest = times;
    (first..last)
        .filter_map(|number| {
            let (start, end) = ((midnight + number as f64 * length).max(from), (midnight + (number + 1) as f64 * length).min(until));
            let ends = if end >= until { rest.len() } else { rest.partition_point(|at| *at < end) };
            let (times, later) = rest.split_at(ends);
            rest = later;
            (end > start).then_some(Window { part: number.rem_euclid(parts as i64) as usize, from: start, lasts: end - start, times })
        })
        .collect()
}

/// n over time with the exact interval of a Poisson count (Garwood 1936, Biometrika 28); of counts that are dispersed more than that, with
/// their variance (McCullagh & Nelder 1989, section 6.2).
fn rate(n: usize, time: f64, overdispersed: Option<Statistic>) -> Estimated {
    let count = n as f64;
    let quantile = |degrees: f64, p: f64| ChiSquared::new(degrees).map_or(f64::NAN, |chi| chi.inverse_cdf(p) / 2.0);
    let (low, high) = match overdispersed {
        // Of its logarithm, so that it stays above zero.
        Some(of) if n > 0 => {
            let half = 1.959_964 * (of.statistic / count).sqrt();
            (count * (-half).exp(), count * half.exp())
        }
        _ => (if n == 0 { 0.0 } else { quantile(2.0 * count, 0.025) }, quantile(2.0 * count + 2.0, 0.975)),
    };
    Estimated { name: "rate", unit: Unit::None, value: count / time, interval: Some((low / time, high / time)) }
}

fn profile(windows: &[Window], parts: usize, overall: f64) -> Profile {
    let mut by_part = vec![(0usize, 0.0); parts];
    for window in windows {
        by_part[window.part].0 += window.times.len();
        by_part[window.part].1 += window.lasts;
    }
    let of_part =
        |(n, watched): &(usize, f64)| PartOfDay { n: *n, watched: *watched, rate: (*watched > 0.0).then(|| rate(*n, *watched, None)) };
    let seen: Vec<PartOfDay> = by_part.iter().map(of_part).collect();
    // Pearson's statistic of the parts, and of the windows within their parts: where these differ more than a Poisson count does, the
    // first is held against them.
    let (mut between, mut within, mut watched) = (0.0, 0.0, 0usize);
    for part in seen.iter().filter(|part| part.watched > 0.0) {
        let expected = overall * part.watched;
        between += (part.n as f64 - expected).powi(2) / expected.max(f64::MIN_POSITIVE);
        watched += 1;
    }
    for window in windows {
        let (n, time) = by_part[window.part];
        let expected = n as f64 * window.lasts / time;
        if expected > 0.0 {
            within += (window.times.len() as f64 - expected).powi(2) / expected;
        }
    }
    let (degrees, others) = (watched as f64 - 1.0, windows.len() as f64 - watched as f64);
    let enough = overall * windows.iter().map(|w| w.lasts).sum::<f64>() / watched.max(1) as f64 >= EXPECTED;
    let flat = (watched > 1 && enough).then(|| {
        let scale = if others >= 1.0 { (within / others).max(1.0) } else { 1.0 };
        let p = match scale > 1.0 {
            true => FisherSnedecor::new(degrees, others).map_or(f64::NAN, |f| f.sf(between / degrees / scale)),
            false => ChiSquared::new(degrees).map_or(f64::NAN, |chi| chi.sf(between)),
        };
        Statistic { statistic: between / degrees, p, n: watched }
    });
    let uneven = flat.is_some_and(|of| of.p < SIGNIFICANT);
    let rates: Vec<Option<f64>> = seen.iter().map(|part| part.rate.map(|rate| rate.value)).collect();
    let mean = rates.iter().flatten().sum::<f64>() / watched.max(1) as f64;
    let relative = rates.iter().map(|rate| if uneven { rate.map_or(1.0, |rate| rate / mean) } else { 1.0 }).collect();
    Profile { parts: seen, flat, relative }
}

/// Fisher's index of dispersion: Pearson's statistic of the windows' counts against the profile, over its degrees of freedom.
fn dispersion(windows: &[Window], profile: &Profile, watched: Watched) -> Option<Statistic> {
    // Cut ones at the ends of a log may be cut where something came.
    let whole: Vec<&Window> = windows.iter().filter(|w| w.lasts > 0.999 * DAY / watched.parts as f64).collect();
    let total: usize = whole.iter().map(|w| w.times.len()).sum();
    let weights: f64 = whole.iter().map(|w| profile.relative[w.part] * w.lasts).sum();
    let uneven = profile.relative.iter().any(|of| *of != 1.0);
    let fitted = if uneven { profile.parts.iter().filter(|part| part.watched > 0.0).count() } else { 1 };
    let degrees = whole.len() as f64 - fitted as f64;
    if degrees < 1.0 || (total as f64) < EXPECTED * whole.len() as f64 {
        return None;
    }
    let statistic: f64 = whole
        .iter()
        .map(|w| (w.times.len() as f64, total as f64 * profile.relative[w.part] * w.lasts / weights))
        .filter(|(_, expected)| *expected > 0.0)
        .map(|(n, expected)| (n - expected).powi(2) / expected)
        .sum();
    let p = ChiSquared::new(degrees).map_or(f64::NAN, |chi| chi.sf(statistic));
    Some(Statistic { statistic: statistic / degrees, p, n: whole.len() })
}

/// Whether they are Poisson, at a rate that may change from window to window. With arrivals at T(1) .. T(J) of a window of length L, the values
/// (J + 1 - j) ln((L - T(j-1)) / (L - T(j))) are then exponential with mean 1, and independent: held against that by Kolmogorov & Smirnov.
/// Brown, Gans, Mandelbaum, Sakov, Shen, Zeltyn & Zhao (2005), JASA 100, section 3.1; Kim & Whitt (2014), M&SOM 16, on its power.
fn poisson(windows: &[Window]) -> Option<Statistic> {
    let mut values = Vec::new();
    for window in windows {
        let mut left = window.lasts;
        for (at, time) in window.times.iter().enumerate() {
            let now = (window.from + window.lasts - time).max(f64::MIN_POSITIVE);
            values.push((window.times.len() - at) as f64 * (left / now).ln().max(0.0));
            left = now;
        }
    }
    if values.len() < FEWEST {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let distance = values.iter().enumerate().fold(0.0, |largest: f64, (i, value)| {
        let expected = -(-value).exp_m1();
        largest.max(expected - i as f64 / n).max((i + 1) as f64 / n - expected)
    });
    Some(Statistic { statistic: distance, p: kolmogorov((n.sqrt() + 0.12 + 0.11 / n.sqrt()) * distance), n: values.len() })
}

/// P(K > x) of Kolmogorov's distribution; with Stephens's correction of the statistic (1970, JRSS B 32) good to three digits from five samples on.
fn kolmogorov(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0;
    }
    let terms = (1..=100).map(f64::from).map(|k| if k % 2.0 == 1.0 { 1.0 } else { -1.0 } * (-2.0 * k * k * x * x).exp());
    (2.0 * terms.sum::<f64>()).clamp(0.0, 1.0)
}

/// Of a gamma fitted to the gaps in the process's own time, in which the profile is flat: as the simulator takes it.
fn gap_cv(times: &[f64], windows: &[Window], profile: &Profile) -> Option<Estimated> {
    let mut own = Vec::with_capacity(times.len());
    let mut elapsed = 0.0;
    for window in windows {
        let speed = profile.relative[window.part];
        own.extend(window.times.iter().map(|at| elapsed + (at - window.from) * speed));
        elapsed += window.lasts * speed;
    }
    // At the same instant means closer than any clock can tell.
    let gaps: Vec<f64> = own.windows(2).map(|pair| (pair[1] - pair[0]).max(1e-9)).collect();
    let fit = Family::Gamma.fit(&Sample::new(gaps, Vec::new()).ok()?)?;
    let shape = fit.parameters.iter().find(|p| p.name == "shape")?;
    let cv = |shape: f64| 1.0 / shape.sqrt();
    let interval = shape.interval.map(|(low, high)| (cv(high), cv(low)));
    Some(Estimated { name: "cv of gaps", unit: Unit::None, value: cv(shape.value), interval })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;
    use rand::RngExt;
    use rayon::prelude::*;

    /// Gaps of mean 1 in the process's own time, which runs at the profile's rates (by thirds of a day), for so many days.
    fn draws(rate: f64, shape: f64, profile: [f64; 3], days: f64, key: Key) -> Vec<f64> {
        let gamma = rand_distr::Gamma::new(shape, 1.0 / shape).unwrap();
        let mut generator = key.generator();
        let (mut at, mut times) = (0.0, Vec::new());
        // In balance from the start: the first gap is cut anywhere.
        let mut left: f64 = generator.sample(gamma) * generator.uniform();
        while at < days * DAY {
            let speed = rate * profile[(at / (DAY / 3.0)) as usize % 3];
            let end = ((at / (DAY / 3.0)).floor() + 1.0) * DAY / 3.0;
            if left <= (end - at) * speed {
                at += left / speed;
                times.push(at);
                left = generator.sample(gamma);
            } else {
                left -= (end - at) * speed;
                at = end;
            }
        }
        times.retain(|at| *at < days * DAY);
        times
    }

    fn found(rate: f64, shape: f64, profile: [f64; 3], seed: u64) -> ArrivalProcess {
        let watched = Watched { from: 0.0, until: 4.0 * DAY, midnight: 0.0, parts: 24 };
        arrivals(draws(rate, shape, profile, 4.0, Key::new(8).with(seed)), watched).unwrap()
    }

    const PER_HOUR: f64 = 1.0 / 3600.0;
    const DAILY: [f64; 3] = [0.3, 1.7, 1.0];

    /// Of 200 at 5 %, more than 20 are one in a thousand; of 200 intervals, fewer than 180 hold.
    #[test]
    fn what_is_poisson_is_seldom_rejected() {
        for profile in [[1.0; 3], DAILY] {
            let all: Vec<ArrivalProcess> = (0..200u64).into_par_iter().map(|seed| found(20.0 * PER_HOUR, 1.0, profile, seed)).collect();
            let count = |holds: &dyn Fn(&ArrivalProcess) -> bool| all.iter().filter(|of| holds(of)).count();
            let rejected = count(&|of| of.poisson.unwrap().p < 0.05);
            let dispersed = count(&|of| of.dispersion.unwrap().p < 0.05);
            let uneven = count(&|of| of.profile.flat.unwrap().p < 0.05);
            let covered = count(&|of| of.rate.interval.is_some_and(|(low, high)| (low..=high).contains(&(20.0 * PER_HOUR))));
            let cv = count(&|of| of.gap_cv.unwrap().interval.is_some_and(|(low, high)| (low..=high).contains(&1.0)));
            println!("{profile:?}: of 200, rejected {rejected}, dispersed {dispersed}, uneven {uneven}, rate held {covered}, cv held {cv}");
            assert!(rejected <= 20 && dispersed <= 20 && covered >= 180 && cv >= 170, "{profile:?}");
            assert!(if profile == DAILY { uneven == 200 } else { uneven <= 20 }, "{profile:?}: {uneven}");
        }
    }

    #[test]
    fn what_is_more_even_or_in_bursts_is_told() {
        for (shape, cv) in [(4.0, 0.5), (0.25, 2.0)] {
            let all: Vec<ArrivalProcess> = (0..50u64).into_par_iter().map(|seed| found(20.0 * PER_HOUR, shape, DAILY, seed)).collect();
            let rejected = all.iter().filter(|of| of.poisson.unwrap().p < 0.05).count();
            let mean = all.iter().map(|of| of.gap_cv.unwrap().value).sum::<f64>() / 50.0;
            let index = all.iter().map(|of| of.dispersion.unwrap().statistic).sum::<f64>() / 50.0;
            println!("cv {cv}: rejected {rejected} of 50, cv found {mean}, dispersion {index}");
            assert!(rejected >= 45 && (mean / cv - 1.0).abs() < 0.1 && if cv > 1.0 { index > 1.5 } else { index < 0.8 }, "{cv}");
            // The rate's interval is as wide as bursts make it.
            let covered = all.iter().filter(|of| of.rate.interval.is_some_and(|(a, b)| (a..=b).contains(&(20.0 * PER_HOUR)))).count();
            assert!(covered >= 43, "{cv}: {covered} of 50");
        }
    }

    #[test]
    fn a_day_has_its_profile() {
        let of = found(60.0 * PER_HOUR, 1.0, DAILY, 1).profile;
        let thirds: Vec<f64> = of.relative.chunks(8).map(|part| part.iter().sum::<f64>() / 8.0).collect();
        for (found, truth) in thirds.iter().zip(DAILY) {
            assert!((found / truth - 1.0).abs() < 0.15, "{thirds:?}");
        }
        assert!((of.relative.iter().sum::<f64>() / 24.0 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn edges_are_answers() {
        let watched = Watched { from: 5.0, until: 5.0, midnight: 0.0, parts: 24 };
        assert!(matches!(arrivals(vec![], watched), Err(ArrivalsError::NoTime { .. })));
        let watched = Watched { until: 7200.0, ..watched };
        assert!(matches!(arrivals(vec![1.0], watched), Err(ArrivalsError::Outside { .. })));
        assert!(matches!(arrivals(vec![f64::NAN], watched), Err(ArrivalsError::Outside { .. })));
        assert!(matches!(arrivals(vec![], Watched { parts: 0, ..watched }), Err(ArrivalsError::Parts { .. })));
        assert!(matches!(arrivals(vec![], Watched { until: f64::MAX, ..watched }), Err(ArrivalsError::NoTime { .. })));
        let none = arrivals(vec![], watched).unwrap();
        assert_eq!((none.rate.value, none.poisson, none.profile.flat), (0.0, None, None));
        // Garwood's of none: -ln 0.025.
        assert!((none.rate.interval.unwrap().1 * 7195.0 - 3.688_88).abs() < 1e-4);
        let same = arrivals(vec![100.0; 50], watched).unwrap();
        assert!(same.poisson.unwrap().p < 1e-6 && same.gap_cv.is_none(), "{same:?}");
        assert!((kolmogorov(1.358) - 0.05).abs() < 2e-3);
    }
}
