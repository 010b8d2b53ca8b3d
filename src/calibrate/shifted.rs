//! A least time, and beyond it an exponential, lognormal or gamma: what a network or a process takes at best.

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use crate::distribution::Distribution;
use crate::random::Generator;
use crate::units::SimTime;

use super::exponential::{self, Exponential};
use super::law::{Chart, Law, Parameter, Unit, ln_likelihood};
use super::optimise::{Peak, peak};
use super::sample::Sample;

#[derive(Debug)]
pub struct Shifted {
    shift: f64,
    chart: Chart,
    beyond: Box<dyn Law>,
    fit_beyond: FitBeyond,
}

type FitBeyond = fn(&Sample) -> Option<Box<dyn Law>>;

/// The shift is the least event, which no other estimate is likelier than. Its interval is exact without censoring:
/// n (least - shift) / scale is a quotient of chi-squares, F(2, 2n - 2). Lawless (2003), section 4.4.
pub fn exponential(sample: &Sample) -> Option<Shifted> {
    fn fit(sample: &Sample) -> Option<Box<dyn Law>> {
        exponential::fit(sample).map(|law| Box::new(law) as Box<dyn Law>)
    }
    let (events, least) = (sample.events().len() as f64, sample.events()[0]);
    let Exponential { mean } = exponential::fit(&sample.beyond(least))?;
    let farthest = FisherSnedecor::new(2.0, 2.0 * events - 2.0).ok()?.inverse_cdf(0.95);
    let low = least - farthest * mean / (events - 1.0);
    let chart = Chart::Known { interval: Some((low.max(0.0), least)) };
    Some(Shifted { shift: least, chart, beyond: Box::new(Exponential { mean }), fit_beyond: fit })
}

/// The shift with the highest profile likelihood, from zero to a little below the least event.
///
/// Nearer to it than that the likelihood of a lognormal, or of a gamma with a shape below one, has no bound, and its supremum says
/// nothing (Hill 1963, JASA 58). So the gap is at least (median - least) / n: about what the least of n samples is away from where the
/// distribution begins, and alike in every unit of time.
pub fn fit(sample: &Sample, fit_beyond: FitBeyond) -> Option<Shifted> {
    let (events, least) = (sample.events(), sample.events()[0]);
    // Where half of them are one value, as a coarse clock has it, the mean has to do.
    let middle = events[events.len() / 2].max(events.iter().sum::<f64>() / events.len() as f64);
    let gap = (middle - least) / events.len() as f64;
    if !(gap > 1e-9 * least && gap < least) {
        return None;
    }
    let likelihood = |u: f64| {
        let beyond = sample.beyond(least - u.exp());
        fit_beyond(&beyond).map_or(f64::NEG_INFINITY, |law| ln_likelihood(&*law, &beyond))
    };
    let (shift, chart) = match peak(likelihood, gap.ln(), least.ln(), 17) {
        Peak::Low => (least - gap, Chart::Known { interval: None }),
        Peak::High => (0.0, Chart::Known { interval: None }),
        Peak::Inside(u) => (least - u.exp(), Chart::LnBelow { least }),
    };
    let beyond = fit_beyond(&sample.beyond(shift))?;
    Some(Shifted { shift, chart, beyond, fit_beyond })
}

impl Law for Shifted {
    fn ln_density(&self, x: f64) -> f64 {
        if x < self.shift { f64::NEG_INFINITY } else { self.beyond.ln_density(x - self.shift) }
    }

    fn ln_densities(&self, events: &[f64]) -> f64 {
        match events.first() {
            Some(least) if *least < self.shift => f64::NEG_INFINITY,
            _ => self.beyond.ln_densities(&events.iter().map(|x| x - self.shift).collect::<Vec<_>>()),
        }
    }

    fn ln_survival(&self, x: f64) -> f64 {
        if x <= self.shift { 0.0 } else { self.beyond.ln_survival(x - self.shift) }
    }

    fn mean(&self) -> f64 {
        self.shift + self.beyond.mean()
    }

    fn draw(&self, generator: &mut Generator) -> f64 {
        self.shift + self.beyond.draw(generator)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let shift = Parameter { name: "shift", unit: Unit::Seconds, value: self.shift, chart: self.chart };
        std::iter::once(shift).chain(self.beyond.parameters()).collect()
    }

    fn with(&self, values: &[f64]) -> Box<dyn Law> {
        Box::new(Shifted { shift: values[0], beyond: self.beyond.with(&values[1..]), ..*self })
    }

    fn refit(&self, sample: &Sample) -> Option<Box<dyn Law>> {
        let law = match self.chart {
            Chart::Known { interval: Some(_) } => exponential(sample),
            _ => fit(sample, self.fit_beyond),
        };
        law.map(|law| Box::new(law) as Box<dyn Law>)
    }

    fn distribution(&self) -> Option<Distribution> {
        Some(Distribution::Shifted { least: SimTime::from_secs(self.shift), beyond: Box::new(self.beyond.distribution()?) })
    }

    fn quantile(&self, p: f64) -> f64 {
        self.shift + self.beyond.quantile(p)
    }
}
