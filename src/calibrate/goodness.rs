//! Whether a law could have made the sample.

use rayon::prelude::*;
use serde::Serialize;

use crate::random::Key;

use super::law::Law;
use super::sample::Sample;

/// Replicates of the bootstrap; p is a multiple of 1 / (this + 1).
const REPLICATES: u64 = 199;
/// A difference that so many samples do not show matters to no simulation; and far larger samples reject every formula there is.
const MOST: usize = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Goodness {
    /// Kolmogorov and Smirnov's: the largest difference between the law and what Kaplan & Meier estimate.
    pub statistic: f64,
    /// How often samples that the law made differ from their own fit at least as much.
    pub p: f64,
    /// How many samples it was tested on, drawn at random where there are more.
    pub tested: usize,
}

/// The test of Kolmogorov & Smirnov with a p-value by parametric bootstrap: its tables do not hold where the parameters are fitted to the
/// same sample (Stute, Gonzalez Manteiga & Presedo Quindimil 1993, Metrika 40). Times after which calls are given up are drawn from
/// Kaplan & Meier's estimate of theirs (Davison & Hinkley 1997, algorithm 3.1).
pub fn goodness(sample: &Sample, law: &dyn Law, key: Key) -> Option<Goodness> {
    let thinned = thin(sample, key.named("subset"));
    let refitted = match &thinned {
        Some(thinned) => Some(law.refit(thinned)?),
        None => None,
    };
    let (sample, law) = (thinned.as_ref().unwrap_or(sample), refitted.as_deref().unwrap_or(law));
    let statistic = distance(sample, law);
    let patience = patience(sample);
    let key = key.named("bootstrap");
    let distances: Vec<f64> = (0..REPLICATES)
        .into_par_iter()
        .filter_map(|replicate| {
            let mut generator = key.with(replicate).generator();
            let (mut events, mut censored) = (Vec::with_capacity(sample.len()), Vec::new());
            for _ in 0..sample.len() {
                let (x, until) = (law.draw(&mut generator), given_up(&patience, generator.uniform()));
                if x <= until { events.push(x) } else { censored.push(until) }
            }
            if events.len() < 2 {
                return None;
            }
            let drawn = Sample::of(events, censored);
            Some(distance(&drawn, &*law.refit(&drawn)?))
        })
        .collect();
    let as_far = distances.iter().filter(|d| **d >= statistic).count();
    (distances.len() as u64 >= REPLICATES / 2 && statistic.is_finite()).then(|| Goodness {
        statistic,
        p: (as_far + 1) as f64 / (distances.len() + 1) as f64,
        tested: sample.len(),
    })
}

fn distance(sample: &Sample, law: &dyn Law) -> f64 {
    let mut before = 0.0;
    sample.kaplan_meier().into_iter().fold(0.0, |largest, (x, after)| {
        let expected = -law.ln_survival(x).exp_m1();
        let here = f64::max((expected - before).abs(), (expected - after).abs());
        before = after;
        // Not `max`: what is no number is a distance, too.
        if here <= largest { largest } else { here }
    })
}

/// When calls are given up, if they have not ended: each time with the share of calls that wait no longer.
fn patience(sample: &Sample) -> Vec<(f64, f64)> {
    let (mut waiting, mut share) = (sample.len(), 1.0);
    let mut ended = 0;
    sample
        .censored()
        .iter()
        .map(|c| {
            let ending = sample.events()[ended..].partition_point(|x| *x <= c.at);
            ended += ending;
            waiting -= ending;
            share *= 1.0 - c.count as f64 / waiting as f64;
            waiting -= c.count;
            (c.at, 1.0 - share)
        })
        .collect()
}

fn given_up(patience: &[(f64, f64)], uniform: f64) -> f64 {
    patience.iter().find(|(_, share)| uniform < *share).map_or(f64::INFINITY, |(at, _)| *at)
}

/// [`MOST`] of a larger sample, at random.
fn thin(sample: &Sample, key: Key) -> Option<Sample> {
    if sample.len() <= MOST {
        return None;
    }
    let censored = sample.censored().iter().flat_map(|c| std::iter::repeat_n((c.at, true), c.count));
    let mut all: Vec<(u64, (f64, bool))> =
        sample.events().iter().map(|x| (*x, false)).chain(censored).enumerate().map(|(i, one)| (key.at(i as u64).number(), one)).collect();
    all.select_nth_unstable_by_key(MOST, |(order, _)| *order);
    let (censored, events): (Vec<_>, Vec<_>) = all[..MOST].iter().map(|(_, one)| *one).partition(|(_, censored)| *censored);
    (events.len() >= super::FEWEST).then(|| {
        let times = |of: Vec<(f64, bool)>| of.into_iter().map(|(x, _)| x).collect();
        Sample::of(times(events), times(censored))
    })
}
