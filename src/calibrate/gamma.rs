//! Gamma: the sum of exponential stages, where its shape is a whole number.

use rand_distr::Distribution as _;
use statrs::function::gamma::{checked_gamma_ur, digamma, ln_gamma};

use crate::distribution::Distribution;
use crate::random::Generator;
use crate::units::SimTime;

use super::law::{CVS, Law, Parameter, STEP, Unit};
use super::lognormal::ln_upper;
use super::optimise::{root, summit};
use super::sample::Sample;

/// By its mean, which estimates independently of the shape (Cox & Reid 1987, JRSS B 49:1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gamma {
    pub shape: f64,
    pub mean: f64,
}

/// Shapes that are looked for; beyond them it is a constant, or nothing that ever ends.
const SHAPES: (f64, f64) = (1e-4, 1e12);

/// The mean is the sample's, the shape solves ln k - digamma(k) = ln mean - mean ln (Johnson, Kotz & Balakrishnan 1994, vol. 1, ch. 17).
/// With censored samples both are searched, from there.
pub fn fit(sample: &Sample) -> Option<Gamma> {
    let events = sample.events().len() as f64;
    let mean = sample.events().iter().sum::<f64>() / events;
    // ln mean - mean ln, as a sum of what is never negative.
    let excess = sample.events().iter().map(|x| x / mean - 1.0).map(|d| d - d.ln_1p()).sum::<f64>() / events;
    if !(excess > 0.0 && excess.is_finite() && mean > 0.0) {
        return None;
    }
    // ln k - digamma(k) lies between 1 / 2k and 1 / k.
    let spread = |k: f64| if k > 1e6 { 0.5 / k + 1.0 / (12.0 * k * k) } else { k.ln() - digamma(k) };
    let shape = root(|u| excess - spread(u.exp()), (0.4 / excess).ln(), (1.1 / excess).ln()).exp();
    let law = Gamma { shape, mean };
    let law = if sample.censored().is_empty() { law } else { law.with_censored(sample, excess, mean, events) };
    let possible = |g: &Gamma| (SHAPES.0..=SHAPES.1).contains(&g.shape) && g.mean > 0.0 && g.mean.is_finite();
    Some(law).filter(possible)
}

/// From here on the cube root is normal to six digits (Wilson & Hilferty 1931, PNAS 17); the series of the gamma function grow longer and
/// longer.
const NEARLY_NORMAL: f64 = 1e4;

impl Gamma {
    fn with_censored(self, sample: &Sample, excess: f64, mean: f64, events: f64) -> Gamma {
        let at = |[shape, mean]: [f64; 2]| Gamma { shape: shape.exp(), mean: mean.exp() };
        let likelihood = |p: [f64; 2]| {
            let law = at(p);
            if !(SHAPES.0..=SHAPES.1).contains(&law.shape) {
                return f64::NEG_INFINITY;
            }
            // Of the events only their mean and their logarithms' mean matter.
            let of_events = law.shape * (law.shape / law.mean).ln() - ln_gamma(law.shape) + (law.shape - 1.0) * (mean.ln() - excess)
                - law.shape * mean / law.mean;
            events * of_events + sample.censored().iter().map(|c| c.count as f64 * law.ln_survival(c.at)).sum::<f64>()
        };
        // As if all that is censored had ended then: too short, but near.
        let total: f64 = sample.exposures().map(|(x, count)| x * count).sum();
        at(summit(likelihood, [self.shape.ln(), (total / events).ln()], 0.3 / (1.0 + self.shape).sqrt()))
    }
}

impl Law for Gamma {
    fn ln_density(&self, x: f64) -> f64 {
        self.ln_densities(&[x])
    }

    fn ln_densities(&self, events: &[f64]) -> f64 {
        let Gamma { shape, mean } = *self;
        let constant = shape * (shape / mean).ln() - ln_gamma(shape);
        events.iter().map(|x| constant + (shape - 1.0) * x.ln() - shape * x / mean).sum()
    }

    fn ln_survival(&self, x: f64) -> f64 {
        if self.shape > NEARLY_NORMAL {
            let third = 1.0 / (9.0 * self.shape);
            return ln_upper(((x / self.mean).cbrt() - 1.0 + third) / third.sqrt());
        }
        match checked_gamma_ur(self.shape, self.shape * x / self.mean) {
            Ok(share) => share.ln(),
            Err(_) => f64::NAN,
        }
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn draw(&self, generator: &mut Generator) -> f64 {
        // A shape that is no positive number has no spread.
        rand_distr::Gamma::new(self.shape, self.mean / self.shape).map_or(self.mean, |gamma| gamma.sample(generator))
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::positive("mean", Unit::Seconds, self.mean, STEP / self.shape.sqrt()),
            Parameter::positive("shape", Unit::None, self.shape, STEP),
        ]
    }

    fn with(&self, values: &[f64]) -> Box<dyn Law> {
        Box::new(Gamma { mean: values[0], shape: values[1] })
    }

    fn refit(&self, sample: &Sample) -> Option<Box<dyn Law>> {
        fit(sample).map(|law| Box::new(law) as Box<dyn Law>)
    }

    fn distribution(&self) -> Option<Distribution> {
        let cv = 1.0 / self.shape.sqrt();
        (CVS.0..=CVS.1).contains(&cv).then(|| Distribution::Gamma { mean: SimTime::from_secs(self.mean), cv })
    }
}
