//! Draws from a distribution: one key a draw, nothing allocated.

use rand::RngExt;
use rand_distr::StandardNormal;
use statrs::function::gamma::ln_gamma;

use super::Distribution;
use crate::random::Generator;
use crate::units::SimTime;

impl Distribution {
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
            Distribution::Weibull { mean, .. } | Distribution::Pareto { mean, .. } if mean.0 == 0 => Sampler::Constant(SimTime::ZERO),
            Distribution::Weibull { mean, shape } => {
                let scale = nanos(mean) / ln_gamma(1.0 + 1.0 / shape).exp();
                Sampler::Weibull { scale, power: 1.0 / shape }
            }
            Distribution::Pareto { mean, shape } => Sampler::Pareto { scale: nanos(mean) * (shape - 1.0), power: 1.0 / shape },
            Distribution::Shifted { least, beyond } => match beyond.sampler() {
                Sampler::Constant(value) => Sampler::Constant((*least + value).min(SimTime::LONGEST)),
                beyond => Sampler::Shifted(Box::new(Shifted { least: *least, beyond })),
            },
            Distribution::Mixture(parts) => {
                let mut up_to = 0.0;
                let part = |part: &super::Part| {
                    up_to += part.share;
                    Share { up_to, of: part.of.sampler() }
                };
                let mut shares: Vec<Share> = parts.iter().map(part).collect();
                match shares.len() {
                    0 => Sampler::Constant(SimTime::ZERO),
                    1 => shares.remove(0).of,
                    _ => Sampler::Mixture(shares),
                }
            }
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
    Weibull { scale: f64, power: f64 },
    Pareto { scale: f64, power: f64 },
    Shifted(Box<Shifted>),
    Mixture(Vec<Share>),
}

#[derive(Debug, Clone)]
pub struct Shifted {
    least: SimTime,
    beyond: Sampler,
}

/// A part of a mixture, with the share of it and of those before it.
#[derive(Debug, Clone)]
pub struct Share {
    up_to: f64,
    of: Sampler,
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
            rarer => rarer.sample_rarer(generator),
        }
    }

    /// Apart, so that what is drawn most often stays small where it is inlined.
    #[inline(never)]
    fn sample_rarer(&self, mut generator: Generator) -> SimTime {
        match self {
            // By inversion: P(X > x) is e^-(x / scale)^shape, and (1 + x / scale)^-shape; an exponential draw is -ln of what is uniform.
            Sampler::Weibull { scale, power } => SimTime::from_nanos(scale * generator.exponential().powf(*power)),
            Sampler::Pareto { scale, power } => SimTime::from_nanos(scale * (power * generator.exponential()).exp_m1()),
            Sampler::Shifted(shifted) => (shifted.least + shifted.beyond.sample_any(generator)).min(SimTime::LONGEST),
            Sampler::Mixture(shares) => {
                let which = generator.uniform();
                // Rounded, the shares may end a little below 1.
                let share = shares.iter().find(|share| which < share.up_to).unwrap_or(&shares[shares.len() - 1]);
                share.of.sample_any(generator)
            }
            _ => self.sample(generator),
        }
    }

    /// As [`Sampler::sample`]; that is inlined, so it cannot call itself.
    #[inline(never)]
    fn sample_any(&self, generator: Generator) -> SimTime {
        self.sample(generator)
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
