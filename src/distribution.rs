//! What a latency, an interarrival time or a repair time is drawn from.

mod sampler;
#[cfg(test)]
mod tests;

use serde::Serialize;
use statrs::function::gamma::ln_gamma;

use crate::units::SimTime;

pub use sampler::Sampler;

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
    /// A hazard that falls (a shape below 1) or rises (above) as a power of time.
    Weibull { mean: SimTime, shape: f64 },
    /// Pareto of type II from zero, also Lomax: P(X > x) = (1 + x / scale)^-shape with scale = mean (shape - 1); the shape is above 1.
    Pareto { mean: SimTime, shape: f64 },
    /// Never shorter than `least`: what a network or a process takes at best, and then some.
    Shifted { least: SimTime, beyond: Box<Distribution> },
    /// Each part as often as its share, above 0; the shares sum to 1.
    Mixture(Vec<Part>),
}

/// One of the kinds of times that a mixture has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    pub share: f64,
    pub of: Distribution,
}

/// Shapes of a Weibull that can be stated: from a cv of 430, which no time has, to a cv of 0.1 %.
pub const WEIBULL_SHAPES: (f64, f64) = (0.1, 1e3);
/// Of a Pareto, without the first: there the mean is infinite. At the last it is an exponential.
pub const PARETO_SHAPES: (f64, f64) = (1.0, 1e3);

impl Distribution {
    /// A distribution that is always zero.
    pub const ZERO: Distribution = Distribution::Constant(SimTime::ZERO);

    /// In seconds.
    pub fn mean(&self) -> f64 {
        match self {
            Distribution::Constant(value) => value.as_secs(),
            Distribution::Exponential { mean }
            | Distribution::Lognormal { mean, .. }
            | Distribution::Gamma { mean, .. }
            | Distribution::Weibull { mean, .. }
            | Distribution::Pareto { mean, .. } => mean.as_secs(),
            Distribution::Uniform { min, max } => (min.as_secs() + max.as_secs()) / 2.0,
            Distribution::Empirical(values) => values.iter().map(|v| v.as_secs()).sum::<f64>() / values.len().max(1) as f64,
            Distribution::Shifted { least, beyond } => least.as_secs() + beyond.mean(),
            Distribution::Mixture(parts) => parts.iter().map(|part| part.share * part.of.mean()).sum(),
        }
    }

    /// Squared coefficient of variation: variance / mean^2; zero for a distribution that is always zero. Always finite.
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
            // E X^r = scale^r gamma(1 + r / shape). Johnson, Kotz & Balakrishnan (1994), vol. 1, ch. 21.
            Distribution::Weibull { mean, shape } if mean.0 > 0 => {
                (ln_gamma(1.0 + 2.0 / shape) - 2.0 * ln_gamma(1.0 + 1.0 / shape)).exp_m1()
            }
            Distribution::Pareto { mean, shape } if mean.0 > 0 => pareto_scv(mean.as_secs(), *shape),
            Distribution::Weibull { .. } | Distribution::Pareto { .. } => 0.0,
            Distribution::Shifted { beyond, .. } => {
                let (mean, of_beyond) = (self.mean(), beyond.mean());
                if mean > 0.0 { beyond.scv() * (of_beyond / mean).powi(2) } else { 0.0 }
            }
            Distribution::Mixture(parts) => {
                let mean = self.mean();
                let square = |part: &Part| part.share * (1.0 + part.of.scv()) * (part.of.mean() / mean).powi(2);
                if mean > 0.0 { parts.iter().map(square).sum::<f64>() - 1.0 } else { 0.0 }
            }
        }
    }
}

/// shape / (shape - 2), but for what the longest time cuts off, which matters near a shape of 2 and below, where that is infinite:
/// E min(X, longest)^2 = 2 x the integral of x P(X > x) up to the longest.
fn pareto_scv(mean: f64, shape: f64) -> f64 {
    let scale = mean * (shape - 1.0);
    let longest = (SimTime::LONGEST.as_secs() / scale).ln_1p();
    // The integral of u^(power - 1) from 1 to 1 + longest / scale.
    let integral = |power: f64| if power == 0.0 { longest } else { (power * longest).exp_m1() / power };
    // Of a mean that is cut off itself, what is left may vary less than that.
    (2.0 * (shape - 1.0).powi(2) * (integral(2.0 - shape) - integral(1.0 - shape)) - 1.0).max(0.0)
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
