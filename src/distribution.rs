//! What a latency, an interarrival time or a repair time is drawn from.

use rand::RngExt;
use rand_distr::StandardNormal;
use serde::Serialize;

use crate::random::Generator;
use crate::units::SimTime;

/// A distribution of durations. All parameters are durations or dimensionless, checked when the scenario is read.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Always the same.
    Constant(SimTime),
    /// Memoryless.
    Exponential { mean: SimTime },
    /// Lognormal with this mean and coefficient of variation (standard deviation / mean).
    Lognormal { mean: SimTime, cv: f64 },
    /// Gamma with this mean and coefficient of variation; cv = 1/sqrt(k) is Erlang-k.
    Gamma { mean: SimTime, cv: f64 },
    /// Each value as likely as any other between the two.
    Uniform { min: SimTime, max: SimTime },
    /// One of these, each as likely.
    Empirical(Vec<SimTime>),
}

impl Distribution {
    /// A distribution that is always zero.
    pub const ZERO: Distribution = Distribution::Constant(SimTime::ZERO);

    /// In seconds.
    pub fn mean(&self) -> f64 {
        match self {
            Distribution::Constant(value) => value.as_secs(),
            Distribution::Exponential { mean } | Distribution::Lognormal { mean, .. } | Distribution::Gamma { mean, .. } => mean.as_secs(),
            Distribution::Uniform { min, max } => (min.as_secs() + max.as_secs()) / 2.0,
            Distribution::Empirical(values) => values.iter().map(|v| v.as_secs()).sum::<f64>() / values.len().max(1) as f64,
        }
    }

    /// Squared coefficient of variation: variance / mean^2; zero for a distribution that is always zero.
    pub fn scv(&self) -> f64 {
        match self {
            Distribution::Constant(_) => 0.0,
            Distribution::Exponential { .. } => 1.0,
            Distribution::Lognormal { cv, .. } | Distribution::Gamma { cv, .. } => cv * cv,
            Distribution::Uniform { min, max } => {
                let (width, mean) = (max.as_secs() - min.as_secs(), self.mean());
                if mean > 0.0 { width * width / 12.0 / (mean * mean) } else { 0.0 }
            }
            Distribution::Empirical(values) => {
                let mean = self.mean();
                let variance = values.iter().map(|v| (v.as_secs() - mean).powi(2)).sum::<f64>() / values.len().max(1) as f64;
                if mean > 0.0 { variance / (mean * mean) } else { 0.0 }
            }
        }
    }

    /// Made ready for many draws.
    pub fn sampler(&self) -> Sampler {
        let nanos = |time: &SimTime| time.0 as f64;
        match self {
            Distribution::Constant(value) => Sampler::Constant(*value),
            Distribution::Exponential { mean } => Sampler::Exponential { mean: nanos(mean) },
            // Without spread there is nothing to draw; of no time, a spread is none.
            Distribution::Lognormal { mean, cv } | Distribution::Gamma { mean, cv } if mean.0 == 0 || *cv <= 0.0 => {
                Sampler::Constant(*mean)
            }
            Distribution::Lognormal { mean, cv } => {
                // Johnson, Kotz & Balakrishnan (1994), vol. 1, ch. 14: sigma^2 = ln(1 + cv^2), mu = ln(mean) - sigma^2/2.
                let variance = (1.0 + cv * cv).ln();
                Sampler::Lognormal { mu: nanos(mean).ln() - variance / 2.0, sigma: variance.sqrt() }
            }
            Distribution::Gamma { mean, cv } => {
                let shape = 1.0 / (cv * cv);
                // A shape or scale that is no positive finite number: no spread is left to draw.
                rand_distr::Gamma::new(shape, nanos(mean) / shape).map_or(Sampler::Constant(*mean), Sampler::Gamma)
            }
            Distribution::Uniform { min, max } => Sampler::Uniform { min: min.0, max: max.0.max(min.0) },
            Distribution::Empirical(values) if values.is_empty() => Sampler::Constant(SimTime::ZERO),
            Distribution::Empirical(values) => Sampler::Empirical(values.clone()),
        }
    }
}

/// A distribution with what its draws need computed; in nanoseconds.
#[derive(Debug, Clone)]
pub enum Sampler {
    Constant(SimTime),
    Exponential { mean: f64 },
    Lognormal { mu: f64, sigma: f64 },
    Gamma(rand_distr::Gamma<f64>),
    Uniform { min: u64, max: u64 },
    Empirical(Vec<SimTime>),
}

impl Sampler {
    /// One draw. Never negative, never longer than [`SimTime::LONGEST`].
    #[inline(always)]
    pub fn sample(&self, mut generator: Generator) -> SimTime {
        match self {
            Sampler::Constant(value) => *value,
            Sampler::Exponential { mean } => SimTime::from_nanos(mean * generator.exponential()),
            Sampler::Lognormal { mu, sigma } => {
                let normal: f64 = generator.sample(StandardNormal);
                SimTime::from_nanos((mu + sigma * normal).exp())
            }
            Sampler::Gamma(gamma) => SimTime::from_nanos(generator.sample(gamma)),
            Sampler::Uniform { min, max } => SimTime(generator.random_range(*min..=*max)),
            Sampler::Empirical(values) => values[generator.random_range(0..values.len())],
        }
    }

    /// The only value that it draws, where it has only one.
    #[inline(always)]
    pub fn constant(&self) -> Option<SimTime> {
        match self {
            Sampler::Constant(value) => Some(*value),
            _ => None,
        }
    }
}

/// The coefficient of variation of the lognormal whose mean is `mean` and whose 95 % quantile is `p95` (both in any one
/// unit); none where no lognormal has them: the ratio p95 / mean can be at most exp(z^2/2) = 3.87.
pub fn lognormal_cv(mean: f64, p95: f64) -> Option<f64> {
    // p95 = mean * exp(z s - s^2/2), so s = z - sqrt(z^2 - 2 ln(p95/mean)), the root that grows with p95.
    const Z95: f64 = 1.644_853_626_951_472_2;
    let discriminant = Z95 * Z95 - 2.0 * (p95 / mean).ln();
    if mean <= 0.0 || p95 < mean || discriminant < 0.0 {
        return None;
    }
    let sigma = Z95 - discriminant.sqrt();
    Some((sigma.powi(2).exp() - 1.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    const SECOND: SimTime = SimTime(1_000_000_000);

    #[test]
    fn draws_have_the_mean_and_the_variation_they_state() {
        for distribution in [
            Distribution::Constant(SECOND),
            Distribution::Exponential { mean: SECOND },
            Distribution::Lognormal { mean: SECOND, cv: 0.5 },
            Distribution::Gamma { mean: SECOND, cv: 0.5 },
            Distribution::Uniform { min: SimTime::ZERO, max: SECOND },
            Distribution::Empirical(vec![SECOND, SimTime(3 * SECOND.0)]),
        ] {
            let key = Key::new(3);
            let n = 200_000;
            let draws: Vec<f64> = (0..n).map(|i| distribution.sampler().sample(key.at(i).generator()).as_secs()).collect();
            let mean = draws.iter().sum::<f64>() / n as f64;
            let scv = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n as f64 / (mean * mean);
            assert!((mean / distribution.mean() - 1.0).abs() < 0.01, "{distribution:?}: mean {mean}");
            assert!((scv - distribution.scv()).abs() < 0.03, "{distribution:?}: scv {scv}");
        }
    }

    #[test]
    fn a_lognormal_from_its_quantile_has_that_quantile() {
        let cv = lognormal_cv(0.150, 0.400).unwrap();
        let sigma = (1.0 + cv * cv).ln().sqrt();
        let p95 = 0.150 * (1.644_853_626_951_472_2 * sigma - sigma * sigma / 2.0).exp();
        assert!((p95 - 0.400).abs() < 1e-12);
        assert_eq!(lognormal_cv(1.0, 4.0), None);
        assert_eq!(lognormal_cv(1.0, 0.5), None);
    }
}
