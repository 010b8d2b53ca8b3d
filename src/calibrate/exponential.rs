//! Exponential: memoryless, one parameter.

use crate::distribution::Distribution;
use crate::random::Generator;
use crate::units::SimTime;

use super::law::{Law, Parameter, STEP, Unit};
use super::sample::Sample;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    pub mean: f64,
}

/// Total time over events, whatever is censored. Lawless (2003), Statistical Models and Methods for Lifetime Data, section 4.1.
pub fn fit(sample: &Sample) -> Option<Exponential> {
    let total: f64 = sample.exposures().map(|(x, count)| x * count).sum();
    Some(Exponential { mean: total / sample.events().len() as f64 }).filter(|e| e.mean > 0.0 && e.mean.is_finite())
}

impl Law for Exponential {
    fn ln_density(&self, x: f64) -> f64 {
        -self.mean.ln() - x / self.mean
    }

    fn ln_survival(&self, x: f64) -> f64 {
        -x / self.mean
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn draw(&self, generator: &mut Generator) -> f64 {
        -self.mean * (1.0 - generator.uniform()).ln()
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::positive("mean", Unit::Seconds, self.mean, STEP)]
    }

    fn with(&self, values: &[f64]) -> Box<dyn Law> {
        Box::new(Exponential { mean: values[0] })
    }

    fn refit(&self, sample: &Sample) -> Option<Box<dyn Law>> {
        fit(sample).map(|law| Box::new(law) as Box<dyn Law>)
    }

    fn distribution(&self) -> Option<Distribution> {
        Some(Distribution::Exponential { mean: SimTime::from_secs(self.mean) })
    }

    fn quantile(&self, p: f64) -> f64 {
        -self.mean * (-p).ln_1p()
    }
}
