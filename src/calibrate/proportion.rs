//! So many of so many: a share with its exact interval.

use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

use super::choice::Estimated;
use super::law::Unit;

/// A share that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Proportion {
    pub of: u64,
    pub n: u64,
    pub value: f64,
    /// 95 %.
    pub interval: (f64, f64),
}

impl Proportion {
    pub fn estimated(&self, name: &'static str) -> Estimated {
        Estimated { name, unit: Unit::None, value: self.value, interval: Some(self.interval) }
    }
}

/// `of` among `n` with the interval of Clopper & Pearson (1934, Biometrika 26): it holds the truth in at least 95 of 100, also where none or
/// all were. None where nothing was counted.
pub fn proportion(of: u64, n: u64) -> Option<Proportion> {
    if n == 0 || of > n {
        return None;
    }
    let (k, rest) = (of as f64, (n - of) as f64);
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).ok().map(|beta| beta.inverse_cdf(p));
    let low = if of == 0 { 0.0 } else { quantile(k, rest + 1.0, 0.025)? };
    let high = if of == n { 1.0 } else { quantile(k + 1.0, rest, 0.975)? };
    Some(Proportion { of, n, value: k / n as f64, interval: (low, high) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R: binom.test(of, n)$conf.int.
    #[test]
    fn intervals_are_those_of_clopper_and_pearson() {
        let check = |of, n, low: f64, high: f64| {
            let (a, b) = proportion(of, n).unwrap().interval;
            assert!((a - low).abs() < 2e-6 && (b - high).abs() < 2e-6, "{of} of {n}: {a} {b}");
        };
        check(0, 100, 0.0, 0.036_216_7);
        check(100, 100, 0.963_783_3, 1.0);
        check(5, 100, 0.016_431_9, 0.112_834_9);
        check(1, 10, 0.002_528_6, 0.445_016_1);
        check(50, 100_000, 0.000_371_1, 0.000_659_1);
        assert_eq!((proportion(0, 0), proportion(3, 2)), (None, None));
    }
}
