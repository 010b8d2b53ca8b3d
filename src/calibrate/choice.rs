//! All families on one sample, and which is the likeliest for what it costs in parameters.

use serde::Serialize;

use super::information::{Interval, intervals};
use super::law::{Law, Unit, ln_likelihood};
use super::sample::Sample;
use super::{exponential, gamma, lognormal, lomax, mixture, shifted, weibull};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    Exponential,
    Lognormal,
    Gamma,
    Weibull,
    Lomax,
    ShiftedExponential,
    ShiftedLognormal,
    ShiftedGamma,
    LognormalMixture,
}

impl Family {
    pub const ALL: [Family; 9] = [
        Family::Exponential,
        Family::Lognormal,
        Family::Gamma,
        Family::Weibull,
        Family::Lomax,
        Family::ShiftedExponential,
        Family::ShiftedLognormal,
        Family::ShiftedGamma,
        Family::LognormalMixture,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Family::Exponential => "exponential",
            Family::Lognormal => "lognormal",
            Family::Gamma => "gamma",
            Family::Weibull => "Weibull",
            Family::Lomax => "Lomax (Pareto II)",
            Family::ShiftedExponential => "shifted exponential",
            Family::ShiftedLognormal => "shifted lognormal",
            Family::ShiftedGamma => "shifted gamma",
            Family::LognormalMixture => "two lognormals",
        }
    }

    /// The law of highest likelihood; none where the sample has no such law, as no Lomax where the tail is lighter than exponential.
    pub fn fit(self, sample: &Sample) -> Option<Fit> {
        let law = match self {
            Family::Exponential => boxed(exponential::fit(sample)),
            Family::Lognormal => boxed(lognormal::fit(sample)),
            Family::Gamma => boxed(gamma::fit(sample)),
            Family::Weibull => boxed(weibull::fit(sample)),
            Family::Lomax => boxed(lomax::fit(sample)),
            Family::ShiftedExponential => boxed(shifted::exponential(sample)),
            Family::ShiftedLognormal => boxed(shifted::fit(sample, |s| boxed(lognormal::fit(s)))),
            Family::ShiftedGamma => boxed(shifted::fit(sample, |s| boxed(gamma::fit(s)))),
            Family::LognormalMixture => boxed(mixture::fit(sample)),
        }?;
        Fit::of(self, law, sample)
    }
}

fn boxed<L: Law + 'static>(law: Option<L>) -> Option<Box<dyn Law>> {
    law.map(|law| Box::new(law) as Box<dyn Law>)
}

/// A number with its 95 % interval, where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimated {
    pub name: &'static str,
    #[serde(skip)]
    pub unit: Unit,
    pub value: f64,
    pub interval: Interval,
}

/// A family fitted to a sample.
#[derive(Debug, Serialize)]
pub struct Fit {
    pub family: Family,
    #[serde(skip)]
    pub law: Box<dyn Law>,
    pub parameters: Vec<Estimated>,
    /// Seconds; infinite for a tail that is too heavy.
    pub mean: Estimated,
    pub ln_likelihood: f64,
    /// Akaike's criterion, corrected for small samples (Hurvich & Tsai 1989, Biometrika 76).
    pub aicc: f64,
    /// Schwarz's criterion; n is the number of events, as what is censored says less (Volinsky & Raftery 2000, Biometrics 56).
    pub bic: f64,
}

impl Fit {
    fn of(family: Family, law: Box<dyn Law>, sample: &Sample) -> Option<Fit> {
        let ln_likelihood = ln_likelihood(&*law, sample);
        if !ln_likelihood.is_finite() {
            return None;
        }
        let (found, of_mean) = intervals(&*law, sample);
        let parameters: Vec<Estimated> = law
            .parameters()
            .iter()
            .zip(found)
            .map(|(p, interval)| Estimated { name: p.name, unit: p.unit, value: p.value, interval })
            .collect();
        let mean = Estimated { name: "mean", unit: Unit::Seconds, value: law.mean(), interval: of_mean };
        let (k, n) = (parameters.len() as f64, sample.events().len() as f64);
        let aicc = 2.0 * k - 2.0 * ln_likelihood + 2.0 * k * (k + 1.0) / (n - k - 1.0);
        let bic = k * n.ln() - 2.0 * ln_likelihood;
        Some(Fit { family, law, parameters, mean, ln_likelihood, aicc, bic })
    }
}

/// Every family that can be fitted, the lowest BIC first.
pub fn fits(sample: &Sample) -> Vec<Fit> {
    let mut fits: Vec<Fit> = Family::ALL.into_iter().filter_map(|family| family.fit(sample)).collect();
    fits.sort_by(|a, b| a.bic.total_cmp(&b.bic));
    fits
}
