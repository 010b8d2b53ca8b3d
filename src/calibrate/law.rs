//! What a fitted distribution can say of itself.

use std::fmt::Debug;

use crate::distribution::Distribution;
use crate::random::Generator;

use super::optimise::root;
use super::sample::Sample;

/// A distribution of seconds with its parameters.
pub trait Law: Debug + Send + Sync {
    fn ln_density(&self, x: f64) -> f64;

    /// Their sum over events, ascending.
    fn ln_densities(&self, events: &[f64]) -> f64 {
        events.iter().map(|x| self.ln_density(*x)).sum()
    }

    /// ln P(X > x).
    fn ln_survival(&self, x: f64) -> f64;

    /// Seconds; infinite where the tail is too heavy for one.
    fn mean(&self) -> f64;

    fn draw(&self, generator: &mut Generator) -> f64;

    fn parameters(&self) -> Vec<Parameter>;

    /// The same family with other values of [`Law::parameters`], in their order.
    fn with(&self, values: &[f64]) -> Box<dyn Law>;

    /// The same family fitted to a sample that is like the one that this law was fitted to.
    fn refit(&self, sample: &Sample) -> Option<Box<dyn Law>>;

    /// As a scenario can state it, if it can.
    fn distribution(&self) -> Option<Distribution> {
        None
    }

    /// The value that a share `p`, above 0 and below 1, does not exceed.
    fn quantile(&self, p: f64) -> f64 {
        // Times that a scenario may state lie between e^-21 and e^22 s.
        root(|u| (1.0 - p).ln() - self.ln_survival(u.exp()), -50.0, 50.0).exp()
    }
}

/// A parameter with the coordinate in which it has no bounds, and in which its error is close to normal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    pub name: &'static str,
    pub unit: Unit,
    pub value: f64,
    pub chart: Chart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Chart {
    /// ln value; `step`: far enough to see the likelihood bend, near enough for a parabola.
    Ln { step: f64 },
    /// ln value / (1 - value): a share.
    Logit,
    /// ln (least - value): a shift, below the least sample.
    LnBelow { least: f64 },
    /// Not varied: it converges faster than the others, or lies on a bound. With its exact interval where there is one.
    Known { interval: Option<(f64, f64)> },
}

/// Coefficients of variation that a scenario may state.
pub const CVS: (f64, f64) = (1e-6, 1e3);

/// Of a coordinate; the likelihood's second difference over it is good to six digits.
pub const STEP: f64 = 1e-3;

impl Parameter {
    /// A positive one.
    pub fn positive(name: &'static str, unit: Unit, value: f64, step: f64) -> Parameter {
        Parameter { name, unit, value, chart: Chart::Ln { step } }
    }

    pub fn coordinate(&self) -> f64 {
        match self.chart {
            Chart::Ln { .. } => self.value.ln(),
            Chart::Logit => (self.value / (1.0 - self.value)).ln(),
            Chart::LnBelow { least } => (least - self.value).ln(),
            Chart::Known { .. } => self.value,
        }
    }

    pub fn at(&self, coordinate: f64) -> f64 {
        match self.chart {
            Chart::Ln { .. } => coordinate.exp(),
            Chart::Logit => 1.0 / (1.0 + (-coordinate).exp()),
            Chart::LnBelow { least } => least - coordinate.exp(),
            Chart::Known { .. } => coordinate,
        }
    }

    /// None for what is not varied.
    pub fn step(&self) -> Option<f64> {
        match self.chart {
            Chart::Ln { step } => Some(step),
            Chart::Logit | Chart::LnBelow { .. } => Some(STEP),
            Chart::Known { .. } => None,
        }
    }
}

pub fn ln_likelihood(law: &dyn Law, sample: &Sample) -> f64 {
    law.ln_densities(sample.events()) + sample.censored().iter().map(|c| c.count as f64 * law.ln_survival(c.at)).sum::<f64>()
}
