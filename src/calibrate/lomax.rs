//! Lomax, which is Pareto of type II from zero: a tail as a power of time.

use crate::distribution::{Distribution, PARETO_SHAPES};
use crate::random::Generator;
use crate::units::SimTime;

use super::law::{Law, Parameter, STEP, Unit};
use super::optimise::{Peak, peak};
use super::sample::Sample;

/// P(X > x) = (1 + x / scale)^-shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lomax {
    pub shape: f64,
    pub scale: f64,
}

/// For each scale the best shape is events / sum ln(1 + x / scale); the best scale is searched. None where the likelihood rises to
/// the exponential, which is the limit of large scales: the tail is no heavier than that. Kleiber & Kotz (2003), section 6.
pub fn fit(sample: &Sample) -> Option<Lomax> {
    let events = sample.events().len() as f64;
    let at = |u: f64| {
        let scale = u.exp();
        let logs: f64 = sample.exposures().map(|(x, count)| count * (x / scale).ln_1p()).sum();
        Lomax { shape: events / logs, scale }
    };
    let likelihood = |u: f64| {
        let law = at(u);
        let logs: f64 = sample.events().iter().map(|x| (x / law.scale).ln_1p()).sum();
        events * ((law.shape / law.scale).ln() - 1.0) - logs
    };
    let middle = sample.events()[sample.events().len() / 2].ln();
    match peak(likelihood, middle - 12.0, middle + 12.0, 25) {
        Peak::Inside(u) => Some(at(u)).filter(|law| law.shape.is_finite() && law.shape < PARETO_SHAPES.1),
        Peak::Low | Peak::High => None,
    }
}

impl Law for Lomax {
    fn ln_density(&self, x: f64) -> f64 {
        (self.shape / self.scale).ln() - (self.shape + 1.0) * (x / self.scale).ln_1p()
    }

    fn ln_survival(&self, x: f64) -> f64 {
        -self.shape * (x / self.scale).ln_1p()
    }

    fn mean(&self) -> f64 {
        if self.shape > 1.0 { self.scale / (self.shape - 1.0) } else { f64::INFINITY }
    }

    fn draw(&self, generator: &mut Generator) -> f64 {
        self.quantile(generator.uniform())
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::positive("shape", Unit::None, self.shape, STEP), Parameter::positive("scale", Unit::Seconds, self.scale, STEP)]
    }

    fn with(&self, values: &[f64]) -> Box<dyn Law> {
        Box::new(Lomax { shape: values[0], scale: values[1] })
    }

    fn refit(&self, sample: &Sample) -> Option<Box<dyn Law>> {
        fit(sample).map(|law| Box::new(law) as Box<dyn Law>)
    }

    fn distribution(&self) -> Option<Distribution> {
        // Written with four digits, the shape has to stay above the bound.
        let possible = self.shape >= PARETO_SHAPES.0 + 1e-3 && self.mean() <= SimTime::LONGEST.as_secs();
        possible.then(|| Distribution::Pareto { mean: SimTime::from_secs(self.mean()), shape: self.shape })
    }

    fn quantile(&self, p: f64) -> f64 {
        self.scale * (-(-p).ln_1p() / self.shape).exp_m1()
    }
}
