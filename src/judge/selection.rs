//! Which of several alternatives has the least mean, found with as few replications as it takes: those that are clearly worse stop being
//! simulated.
//!
//! Kim & Nelson (2001), A fully sequential procedure for indifference-zone selection in simulation, ACM TOMACS 11(3): paired differences
//! (common random numbers), Bonferroni over the pairs. Looked at after every step of several replications instead of after each one, which
//! only makes it slower to drop somebody.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// What is asked of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Demand {
    /// Probability that the selected one is the best, if the best is better than all others by the indifference zone.
    pub confidence: f64,
    /// In the unit of what is measured.
    pub indifference: f64,
    /// Replications of each alternative before any is dropped, and in each step after that.
    pub first: u32,
    pub step: u32,
    /// Replications of one alternative at most.
    pub most: u32,
}

/// Of one alternative, as many values as replications were spent on it: value i of all met the same randomness.
pub type Samples = Vec<f64>;

#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    pub best: usize,
    /// By alternative.
    pub samples: Vec<Samples>,
    /// The demand is met; else the budget ended before, and the best is the one with the least mean of those left.
    pub decided: bool,
}

impl Selection {
    pub fn replications(&self) -> u64 {
        self.samples.iter().map(|samples| samples.len() as u64).sum()
    }
}

/// `sample` gives the values of these alternatives in these replications (from, to), one vector an alternative.
pub fn select(alternatives: usize, demand: Demand, mut sample: impl FnMut(&[usize], u32, u32) -> Vec<Samples>) -> Selection {
    let first = demand.first.max(2);
    let all: Vec<usize> = (0..alternatives).collect();
    let mut samples = sample(&all, 0, first);
    let mut left = all;
    // eta and h^2 with c = 1: the triangular continuation region.
    let pairs = alternatives.saturating_sub(1).max(1) as f64;
    let freedom = f64::from(first - 1);
    let eta = 0.5 * ((2.0 * (1.0 - demand.confidence) / pairs).powf(-2.0 / freedom) - 1.0);
    let h2 = 2.0 * eta.max(0.0) * freedom;
    let variances: Vec<Vec<f64>> =
        samples.iter().map(|a| samples.iter().map(|b| variance(&differences(a, b, first as usize))).collect()).collect();
    let mut done = first;
    loop {
        let r = f64::from(done);
        let mean = |i: usize| samples[i].iter().sum::<f64>() / r;
        let allowance = |i: usize, other: usize| {
            (demand.indifference / (2.0 * r) * (h2 * variances[i][other] / demand.indifference.powi(2) - r)).max(0.0)
        };
        let survives = |i: &usize| left.iter().all(|other| other == i || mean(*i) <= mean(*other) + allowance(*i, *other));
        let surviving: Vec<usize> = left.iter().copied().filter(survives).collect();
        let best = *left.iter().min_by(|a, b| mean(**a).total_cmp(&mean(**b))).expect("there is an alternative");
        // The best of all is never dropped: its mean is the least.
        left = surviving;
        let needed = left.iter().flat_map(|i| left.iter().map(|other| h2 * variances[*i][*other] / demand.indifference.powi(2)));
        let decided = left.len() == 1 || r > needed.fold(0.0, f64::max);
        if decided || done >= demand.most {
            return Selection { best, samples, decided };
        }
        let next = (done + demand.step.max(1)).min(demand.most);
        for (i, more) in left.iter().zip(sample(&left, done, next)) {
            samples[*i].extend(more);
        }
        done = next;
    }
}

/// A lower bound of the probability that `chosen` is within `margin` of the best of all: 1 - the sum over the others of the probability that
/// they are better by more, each from the paired differences by Student's t. The slippage bound of Chen (1996), with a margin as in
/// Eckman & Henderson (2018), WSC; it takes the samples as if their number had not depended on them.
pub fn probability_within(samples: &[Samples], chosen: usize, margin: f64) -> f64 {
    let wrong = |other: usize| -> f64 {
        let n = samples[other].len().min(samples[chosen].len());
        let better = differences(&samples[chosen], &samples[other], n);
        let mean = better.iter().sum::<f64>() / n as f64;
        let error = (variance(&better) / n as f64).sqrt();
        if error == 0.0 {
            return if mean > margin { 1.0 } else { 0.0 };
        }
        let t = StudentsT::new(0.0, 1.0, (n - 1) as f64).expect("an alternative has two replications at least");
        1.0 - t.cdf((margin - mean) / error)
    };
    (1.0 - (0..samples.len()).filter(|other| *other != chosen).map(wrong).sum::<f64>()).max(0.0)
}

fn differences(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    a.iter().zip(b).take(n).map(|(a, b)| a - b).collect()
}

fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)
}

#[cfg(test)]
mod tests {
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::random::Key;

    const DEMAND: Demand = Demand { confidence: 0.95, indifference: 0.5, first: 10, step: 5, most: 2000 };

    /// Alternative i has mean `means[i]`; half of the noise is common to all.
    fn noisy<'a>(means: &'a [f64], run: u64) -> impl FnMut(&[usize], u32, u32) -> Vec<Samples> + 'a {
        let normal = |key: Key| -> f64 { StandardNormal.sample(&mut key.generator()) };
        move |of, from, to| {
            let key = Key::new(run);
            of.iter()
                .map(|i| {
                    let one = |r: u32| means[*i] + normal(key.with(u64::from(r))) + normal(key.with(u64::from(r)).with(*i as u64 + 1));
                    (from..to).map(one).collect()
                })
                .collect()
        }
    }

    /// In the least favourable configuration: all others worse by exactly the indifference zone.
    #[test]
    fn the_best_is_selected_as_often_as_demanded() {
        let means = [0.5, 0.5, 0.0, 0.5, 0.5, 0.5];
        let right = (0..400).filter(|run| select(6, DEMAND, noisy(&means, *run)).best == 2).count();
        // At least 95 % of 400, less three standard deviations.
        assert!(right >= 367, "{right} of 400");
    }

    #[test]
    fn what_is_clearly_worse_is_dropped_early() {
        let selection = select(3, DEMAND, noisy(&[0.0, 0.3, 20.0], 1));
        assert!(selection.decided && selection.samples[2].len() == 10, "{:?}", selection.samples[2].len());
        assert!(selection.samples[0].len() > 20);
        assert!(probability_within(&selection.samples, selection.best, 0.5) > 0.9);
    }

    #[test]
    fn a_budget_that_ends_is_said() {
        let selection = select(2, Demand { most: 12, indifference: 0.01, ..DEMAND }, noisy(&[0.0, 0.0], 1));
        assert!(!selection.decided && selection.replications() == 24);
    }

    #[test]
    fn alternatives_without_any_difference_and_a_single_one_are_decided_at_once() {
        let alike = select(3, DEMAND, |of, from, to| of.iter().map(|_| (from..to).map(f64::from).collect()).collect());
        assert!(alike.decided && alike.best == 0 && alike.replications() == 30);
        assert_eq!(probability_within(&alike.samples, 0, 0.0), 1.0);
        assert!(select(1, DEMAND, noisy(&[1.0], 1)).decided);
    }
}
