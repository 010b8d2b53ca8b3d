//! Weibull: a hazard that rises or falls as a power of time.

use statrs::function::gamma::ln_gamma;

use crate::distribution::{Distribution, WEIBULL_SHAPES};
use crate::random::Generator;
use crate::units::SimTime;

use super::law::{Law, Parameter, STEP, Unit};
use super::optimise::root;
use super::sample::Sample;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weibull {
    pub shape: f64,
    pub scale: f64,
}

/// The shape k is the one root of sum(x^k ln x) / sum(x^k) - 1 / k - mean ln, sums over all, the mean over events; the scale follows.
/// Lawless (2003), section 5.2.
pub fn fit(sample: &Sample) -> Option<Weibull> {
    let events = sample.events().len() as f64;
    let mean_ln = sample.events().iter().map(|x| x.ln()).sum::<f64>() / events;
    // Relative to the largest, so that no power is too large.
    let exposures: Vec<(f64, f64)> = sample.exposures().map(|(x, count)| (x.ln(), count)).collect();
    let most = exposures.iter().map(|(y, _)| *y).fold(f64::NEG_INFINITY, f64::max);
    let sums = |k: f64| {
        exposures.iter().fold((0.0, 0.0), |(powers, logs), (y, count)| {
            let power = count * (k * (y - most)).exp();
            (powers + power, logs + power * (y - most))
        })
    };
    let shape = root(
        |u| {
            let (powers, logs) = sums(u.exp());
            logs / powers - (-u).exp() - (mean_ln - most)
        },
        1e-3f64.ln(),
        1e12f64.ln(),
    )
    .exp();
    let scale = (most + (sums(shape).0 / events).ln() / shape).exp();
    Some(Weibull { shape, scale }).filter(|w| (1.1e-3..0.9e12).contains(&w.shape) && w.scale > 0.0 && w.scale.is_finite())
}

impl Law for Weibull {
    fn ln_density(&self, x: f64) -> f64 {
        let z = (x / self.scale).ln();
        (self.shape / self.scale).ln() + (self.shape - 1.0) * z - (self.shape * z).exp()
    }

    fn ln_survival(&self, x: f64) -> f64 {
        -(x / self.scale).powf(self.shape)
    }

    fn mean(&self) -> f64 {
        self.scale * ln_gamma(1.0 + 1.0 / self.shape).exp()
    }

    fn draw(&self, generator: &mut Generator) -> f64 {
        self.quantile(generator.uniform())
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::positive("shape", Unit::None, self.shape, STEP),
            Parameter::positive("scale", Unit::Seconds, self.scale, STEP / self.shape),
        ]
    }

    fn with(&self, values: &[f64]) -> Box<dyn Law> {
        Box::new(Weibull { shape: values[0], scale: values[1] })
    }

    fn refit(&self, sample: &Sample) -> Option<Box<dyn Law>> {
        fit(sample).map(|law| Box::new(law) as Box<dyn Law>)
    }

    fn distribution(&self) -> Option<Distribution> {
        let possible = (WEIBULL_SHAPES.0..=WEIBULL_SHAPES.1).contains(&self.shape) && self.mean() <= SimTime::LONGEST.as_secs();
        possible.then(|| Distribution::Weibull { mean: SimTime::from_secs(self.mean()), shape: self.shape })
    }

    fn quantile(&self, p: f64) -> f64 {
        self.scale * (-(-p).ln_1p()).powf(1.0 / self.shape)
    }
}
