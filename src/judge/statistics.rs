//! Estimates from independent replications: Student's t intervals, paired differences, Holm's correction.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean over replications with its two-sided 95 % interval, mean ± half_width, in the sample's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    pub mean: f64,
    pub half_width: f64,
    /// Standard error of the mean.
    #[serde(skip)]
    pub error: f64,
    pub n: usize,
}

impl Estimate {
    /// The one-sided 95 % bound on the side where the truth would be lower.
    pub fn lower_bound(&self) -> f64 {
        self.mean - quantile(0.95, self.n) * self.error
    }

    /// The one-sided 95 % bound on the side where the truth would be higher.
    pub fn upper_bound(&self) -> f64 {
        self.mean + quantile(0.95, self.n) * self.error
    }
}

/// None for fewer than two samples: one replication has no interval.
pub fn estimate(samples: &[f64]) -> Option<Estimate> {
    let n = samples.len();
    if n < 2 {
        return None;
    }
    let mean = samples.iter().sum::<f64>() / n as f64;
    let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
    let error = (variance / n as f64).sqrt();
    Some(Estimate { mean, half_width: quantile(0.975, n) * error, error, n })
}

/// The mean difference a - b over the same replications, with its 95 % interval and two-sided p-value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Paired {
    pub difference: f64,
    pub half_width: f64,
    pub p: f64,
}

/// Student's paired t test. Replication i of both met the same randomness, which is what makes the interval narrow; one in which
/// either had nothing to measure makes no pair.
pub fn paired(a: &[Option<f64>], b: &[Option<f64>]) -> Option<Paired> {
    let differences: Vec<f64> = a.iter().zip(b).filter_map(|(a, b)| Some((*a)? - (*b)?)).collect();
    let of = estimate(&differences)?;
    let p = if of.error > 0.0 {
        2.0 * (1.0 - students_t(of.n).cdf((of.mean / of.error).abs()))
    } else if of.mean == 0.0 {
        1.0
    } else {
        0.0
    };
    Some(Paired { difference: of.mean, half_width: of.half_width, p })
}

/// p-values corrected for being several. Holm (1979): sorted ascending, p_i (m - i), kept monotone.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut highest: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        highest = highest.max((p[index] * (p.len() - rank) as f64).min(1.0));
        adjusted[index] = highest;
    }
    adjusted
}

/// Where a series is to be cut off at its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The first observation that counts.
    pub first: usize,
    /// False where the best place to cut is the last that the rule may choose: the series has not settled.
    pub settled: bool,
}

/// MSER-5: the cut that leaves the smallest squared standard error of the mean, sum (z - mean)^2 / m^2 over the m batches of five that are
/// left, looked for in the first half. White (1997), Simulation 69:6; White, Cobb & Spratt (2000), WSC. Nothing is cut off what has less
/// than ten batches.
pub fn mser5(series: &[f64]) -> Cut {
    const BATCH: usize = 5;
    let batches: Vec<f64> = series.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if batches.len() < 10 {
        return Cut { first: 0, settled: true };
    }
    let limit = batches.len() / 2;
    // From the end, so that each step adds one batch to what is left: Welford's recursion, which loses no digits where all are nearly alike.
    let (mut mean, mut squares, mut best) = (0.0, 0.0, (f64::INFINITY, 0));
    for (start, batch) in batches.iter().enumerate().rev() {
        let left = (batches.len() - start) as f64;
        let difference = batch - mean;
        mean += difference / left;
        squares += difference * (batch - mean);
        let error = squares / (left * left);
        if start <= limit && error <= best.0 {
            best = (error, start);
        }
    }
    Cut { first: best.1 * BATCH, settled: best.1 < limit }
}

fn quantile(probability: f64, n: usize) -> f64 {
    students_t(n).inverse_cdf(probability)
}

fn students_t(n: usize) -> StudentsT {
    StudentsT::new(0.0, 1.0, (n - 1) as f64).expect("callers have at least two samples")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_students() {
        // t(0.975, 4) = 2.776445, t(0.95, 4) = 2.131847 (SciPy 1.14); sd of 1..5 is sqrt(2.5).
        let of = estimate(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(of.mean, 3.0);
        assert!((of.half_width - 2.776_445 * 0.5_f64.sqrt()).abs() < 1e-6);
        assert!((of.lower_bound() - (3.0 - 2.131_847 * 0.5_f64.sqrt())).abs() < 1e-6);
        assert_eq!(estimate(&[1.0]), None);
    }

    #[test]
    fn a_constant_difference_is_certain() {
        let of = |a: &[f64], b: &[f64]| {
            paired(&a.iter().copied().map(Some).collect::<Vec<_>>(), &b.iter().copied().map(Some).collect::<Vec<_>>())
        };
        assert_eq!(of(&[2.0, 3.0, 4.0], &[1.0, 2.0, 3.0]).unwrap().p, 0.0);
        assert_eq!(of(&[2.0, 3.0], &[2.0, 3.0]).unwrap().p, 1.0);
        // scipy.stats.ttest_rel([1, 2, 4], [1, 1, 1]).pvalue
        assert!((of(&[1.0, 2.0, 4.0], &[1.0, 1.0, 1.0]).unwrap().p - 0.269_703).abs() < 1e-6);
    }

    /// The pairs are those of one replication, also where each side misses another one.
    #[test]
    fn a_missing_value_takes_its_pair_along() {
        let with_gaps = paired(&[Some(5.0), None, Some(7.0), Some(9.0)], &[Some(4.0), Some(100.0), None, Some(8.0)]).unwrap();
        assert_eq!((with_gaps.difference, with_gaps.p), (1.0, 0.0));
        assert_eq!(paired(&[Some(1.0), None], &[Some(1.0), Some(2.0)]), None);
    }

    #[test]
    fn the_cut_is_where_the_transient_ends() {
        let noise = |i: usize| ((i * 7919) % 101) as f64 / 101.0;
        let settling: Vec<f64> = (0..1000).map(|i| if i < 200 { 20.0 - i as f64 / 10.0 } else { 0.0 } + noise(i)).collect();
        let cut = mser5(&settling);
        assert!(cut.settled && (190..=215).contains(&cut.first), "{cut:?}");
        assert!(mser5(&(0..1000).map(noise).collect::<Vec<f64>>()).settled);
        assert!(!mser5(&(0..1000).map(|i| i as f64).collect::<Vec<f64>>()).settled, "it grows to the end");
        assert_eq!(mser5(&[1.0; 49]), Cut { first: 0, settled: true });
        for level in [2.0, 1.1, 1.0 / 3.0, 0.3, 1e-9] {
            assert_eq!(mser5(&[level; 1000]), Cut { first: 0, settled: true });
        }
    }

    #[test]
    fn holm_keeps_the_order() {
        assert_eq!(holm(&[0.01, 0.04, 0.03]), vec![0.03, 0.06, 0.06]);
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }
}
