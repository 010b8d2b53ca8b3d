//! Lognormal: the logarithm is normal.

use std::f64::consts::{PI, SQRT_2};

use rand::RngExt;
use rand_distr::StandardNormal;
use statrs::function::erf::erfc;

use crate::distribution::Distribution;
use crate::random::Generator;
use crate::units::SimTime;

use super::law::{CVS, Law, Parameter, STEP, Unit};
use super::optimise::summit;
use super::sample::Sample;

/// The logarithm's mean and standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lognormal {
    pub mu: f64,
    pub sigma: f64,
}

/// Mean and standard deviation of the logarithms; where some are censored (Tobin's model), both are searched from there: the likelihood
/// has one peak (Olsen 1978, Econometrica 46).
pub fn fit(sample: &Sample) -> Option<Lognormal> {
    let events = sample.events().len() as f64;
    // About the mean, so that no digits are lost where all are nearly alike.
    let centre = sample.events().iter().map(|x| x.ln()).sum::<f64>() / events;
    let variance = sample.events().iter().map(|x| (x.ln() - centre).powi(2)).sum::<f64>() / events;
    let spread = variance.sqrt();
    let usable = |law: &Lognormal| law.mu.is_finite() && law.sigma.is_finite() && law.sigma > 0.0;
    let complete = Some(Lognormal { mu: centre, sigma: spread }).filter(usable)?;
    if sample.censored().is_empty() {
        return Some(complete);
    }
    // In units of the events' spread; of the events only their mean and their spread matter.
    let at = |[shift, ln_sigma]: [f64; 2]| Lognormal { mu: centre + shift * spread, sigma: ln_sigma.exp() * spread };
    let likelihood = |p: [f64; 2]| {
        let of_events = -p[1] - (1.0 + p[0] * p[0]) / (2.0 * (2.0 * p[1]).exp());
        let law = at(p);
        events * of_events + sample.censored().iter().map(|c| c.count as f64 * law.ln_survival(c.at)).sum::<f64>()
    };
    Some(at(summit(likelihood, [0.0, 0.0], 0.5))).filter(usable)
}

impl Lognormal {
    /// Mean and variance of the logarithm where it is larger than `y`.
    pub fn beyond(&self, y: f64) -> (f64, f64) {
        let z = (y - self.mu) / self.sigma;
        let hazard = hazard(z);
        (self.mu + self.sigma * hazard, self.sigma.powi(2) * (1.0 + z * hazard - hazard * hazard).clamp(0.0, 1.0))
    }

    fn cv(&self) -> f64 {
        self.sigma.powi(2).exp_m1().sqrt()
    }
}

/// The normal density over what is above it: the inverse of Mills's ratio.
fn hazard(z: f64) -> f64 {
    match z {
        // The first terms of its asymptotic series, where the quotient would be 0 / 0.
        z if z > 25.0 => z + 1.0 / z - 2.0 / z.powi(3),
        z => (-z * z / 2.0).exp() / (2.0 * PI).sqrt() / (0.5 * erfc(z / SQRT_2)),
    }
}

/// ln of what a standard normal has above z.
pub fn ln_upper(z: f64) -> f64 {
    match z {
        z if z > 25.0 => -z * z / 2.0 - (2.0 * PI).sqrt().ln() - hazard(z).ln(),
        z => (0.5 * erfc(z / SQRT_2)).ln(),
    }
}

impl Law for Lognormal {
    fn ln_density(&self, x: f64) -> f64 {
        let y = x.ln();
        -y - (self.sigma * (2.0 * PI).sqrt()).ln() - ((y - self.mu) / self.sigma).powi(2) / 2.0
    }

    fn ln_survival(&self, x: f64) -> f64 {
        ln_upper((x.ln() - self.mu) / self.sigma)
    }

    fn mean(&self) -> f64 {
        (self.mu + self.sigma.powi(2) / 2.0).exp()
    }

    fn draw(&self, generator: &mut Generator) -> f64 {
        let normal: f64 = generator.sample(StandardNormal);
        (self.mu + self.sigma * normal).exp()
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::positive("median", Unit::Seconds, self.mu.exp(), STEP * self.sigma),
            Parameter::positive("sigma", Unit::None, self.sigma, STEP),
        ]
    }

    fn with(&self, values: &[f64]) -> Box<dyn Law> {
        Box::new(Lognormal { mu: values[0].ln(), sigma: values[1] })
    }

    fn refit(&self, sample: &Sample) -> Option<Box<dyn Law>> {
        fit(sample).map(|law| Box::new(law) as Box<dyn Law>)
    }

    fn distribution(&self) -> Option<Distribution> {
        let possible = self.mean() <= SimTime::LONGEST.as_secs() && (CVS.0..=CVS.1).contains(&self.cv());
        possible.then(|| Distribution::Lognormal { mean: SimTime::from_secs(self.mean()), cv: self.cv() })
    }
}
