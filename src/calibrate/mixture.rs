//! Two lognormals: two kinds of calls under one name, as hits and misses of a cache.

use std::f64::consts::PI;

use crate::distribution::{Distribution, Part};
use crate::random::Generator;

use super::law::{Chart, Law, Parameter, STEP, Unit};
use super::lognormal::Lognormal;
use super::sample::Sample;

/// A share `weight` is of the first, which has the lower median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    pub weight: f64,
    pub parts: [Lognormal; 2],
}

/// No part is narrower than this share of the whole: the likelihood of a part that sits on one value has no bound. (Hathaway 1985,
/// Annals of Statistics 13, bounds it so, too.)
const NARROWEST: f64 = 0.02;
/// A part of fewer events than this is an outlier, or two.
const LEAST_EVENTS: f64 = 5.0;
/// Where the sample is cut in two to start from.
const CUTS: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];

/// Expectation maximisation from several cuts, a few rounds each, then from the best of them to the end (Biernacki, Celeux & Govaert
/// 2003, Computational Statistics & Data Analysis 41). Dempster, Laird & Rubin (1977); McLachlan & Peel (2000), Finite Mixture Models.
pub fn fit(sample: &Sample) -> Option<Mixture> {
    let data = Data::of(sample);
    let start = |cut: f64| {
        let at = ((data.events.len() as f64 * cut) as usize).clamp(2, data.events.len() - 2);
        let part = |events: &[f64]| {
            let mu = events.iter().sum::<f64>() / events.len() as f64;
            let square = events.iter().map(|y| (y - mu).powi(2)).sum::<f64>() / events.len() as f64;
            Lognormal { mu, sigma: square.sqrt().max(data.narrowest) }
        };
        Mixture { weight: cut, parts: [part(&data.events[..at]), part(&data.events[at..])] }
    };
    let begun = CUTS.into_iter().filter_map(|cut| data.climb(start(cut), 30));
    let best = begun.max_by(|a, b| data.ln_likelihood(a).total_cmp(&data.ln_likelihood(b)))?;
    data.climb(best, 1000).map(Mixture::in_order)
}

/// Logarithms of the samples.
struct Data {
    events: Vec<f64>,
    censored: Vec<(f64, f64)>,
    n: f64,
    narrowest: f64,
}

/// Share, and sums of deviation from the part's mean so far and of its square.
#[derive(Default, Clone, Copy)]
struct Moments {
    count: f64,
    sum: f64,
    square: f64,
}

impl Moments {
    fn add(&mut self, count: f64, deviation: f64, variance: f64) {
        self.count += count;
        self.sum += count * deviation;
        self.square += count * (variance + deviation * deviation);
    }

    fn part(&self, about: f64, narrowest: f64) -> Lognormal {
        let shift = self.sum / self.count;
        let variance = (self.square / self.count - shift * shift).max(0.0);
        Lognormal { mu: about + shift, sigma: variance.sqrt().max(narrowest) }
    }
}

impl Data {
    fn of(sample: &Sample) -> Data {
        let events: Vec<f64> = sample.events().iter().map(|x| x.ln()).collect();
        let mean = events.iter().sum::<f64>() / events.len() as f64;
        let sd = (events.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / events.len() as f64).sqrt();
        let censored = sample.censored().iter().map(|c| (c.at.ln(), c.count as f64)).collect();
        Data { events, censored, n: sample.len() as f64, narrowest: NARROWEST * sd }
    }

    /// None where a part has died out.
    fn climb(&self, mut law: Mixture, rounds: usize) -> Option<Mixture> {
        for _ in 0..rounds {
            let next = self.step(&law)?;
            let moved = (next.weight - law.weight).abs().max(
                next.parts
                    .iter()
                    .zip(&law.parts)
                    .map(|(a, b)| ((a.mu - b.mu).abs() + (a.sigma - b.sigma).abs()) / b.sigma)
                    .fold(0.0, f64::max),
            );
            law = next;
            if moved < 1e-7 {
                break;
            }
        }
        Some(law)
    }

    fn step(&self, law: &Mixture) -> Option<Mixture> {
        let [a, b] = law.parts;
        // ln of the odds of the second part is a parabola in y.
        let ln_odds = ((1.0 - law.weight) * a.sigma / (law.weight * b.sigma)).ln();
        let mut moments = [Moments::default(); 2];
        for y in &self.events {
            let (of_a, of_b) = ((y - a.mu) / a.sigma, (y - b.mu) / b.sigma);
            let first = 1.0 / (1.0 + (ln_odds + (of_a * of_a - of_b * of_b) / 2.0).exp());
            moments[0].add(first, y - a.mu, 0.0);
            moments[1].add(1.0 - first, y - b.mu, 0.0);
        }
        if moments.iter().any(|m| m.count.is_nan() || m.count < LEAST_EVENTS) {
            return None;
        }
        for (y, count) in &self.censored {
            let first = law.share_of_first(*y);
            for (moments, (part, share)) in moments.iter_mut().zip([(a, first), (b, 1.0 - first)]) {
                let (mean, variance) = part.beyond(*y);
                if share > 0.0 {
                    moments.add(count * share, mean - part.mu, variance);
                }
            }
        }
        let parts = [moments[0].part(a.mu, self.narrowest), moments[1].part(b.mu, self.narrowest)];
        Some(Mixture { weight: moments[0].count / self.n, parts })
    }

    fn ln_likelihood(&self, law: &Mixture) -> f64 {
        let events: f64 = self.events.iter().map(|y| law.ln_density_of_log(*y)).sum();
        events + self.censored.iter().map(|(y, count)| count * law.ln_survival(y.exp())).sum::<f64>()
    }
}

impl Mixture {
    fn in_order(self) -> Mixture {
        let [a, b] = self.parts;
        if a.mu <= b.mu { self } else { Mixture { weight: 1.0 - self.weight, parts: [b, a] } }
    }

    fn weights(&self) -> [f64; 2] {
        [self.weight, 1.0 - self.weight]
    }

    fn ln_density_of_log(&self, y: f64) -> f64 {
        let [a, b] = self.parts.map(|part| -((y - part.mu) / part.sigma).powi(2) / 2.0 - (part.sigma * (2.0 * PI).sqrt()).ln());
        ln_sum(self.weight.ln() + a, (1.0 - self.weight).ln() + b)
    }

    /// Where the logarithm is larger than y.
    fn share_of_first(&self, y: f64) -> f64 {
        let [a, b] = self.parts.map(|part| part.ln_survival(y.exp()));
        1.0 / (1.0 + ((1.0 - self.weight).ln() - self.weight.ln() + b - a).exp())
    }
}

/// ln (e^a + e^b).
fn ln_sum(a: f64, b: f64) -> f64 {
    let (high, low) = if a >= b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

impl Law for Mixture {
    fn ln_density(&self, x: f64) -> f64 {
        let y = x.ln();
        self.ln_density_of_log(y) - y
    }

    fn ln_survival(&self, x: f64) -> f64 {
        let [a, b] = self.parts.map(|part| part.ln_survival(x));
        ln_sum(self.weight.ln() + a, (1.0 - self.weight).ln() + b)
    }

    fn mean(&self) -> f64 {
        self.parts.iter().zip(self.weights()).map(|(part, weight)| weight * part.mean()).sum()
    }

    fn draw(&self, generator: &mut Generator) -> f64 {
        self.parts[usize::from(generator.uniform() >= self.weight)].draw(generator)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let [a, b] = self.parts;
        vec![
            Parameter { name: "weight", unit: Unit::None, value: self.weight, chart: Chart::Logit },
            Parameter::positive("median 1", Unit::Seconds, a.mu.exp(), STEP * a.sigma),
            Parameter::positive("sigma 1", Unit::None, a.sigma, STEP),
            Parameter::positive("median 2", Unit::Seconds, b.mu.exp(), STEP * b.sigma),
            Parameter::positive("sigma 2", Unit::None, b.sigma, STEP),
        ]
    }

    fn with(&self, values: &[f64]) -> Box<dyn Law> {
        let part = |at: usize| Lognormal { mu: values[at].ln(), sigma: values[at + 1] };
        Box::new(Mixture { weight: values[0], parts: [part(1), part(3)] })
    }

    fn distribution(&self) -> Option<Distribution> {
        let part = |(share, part): (f64, &Lognormal)| Some(Part { share, of: part.distribution()? });
        self.weights().into_iter().zip(&self.parts).map(part).collect::<Option<_>>().map(Distribution::Mixture)
    }

    /// From where it is: a sample that is drawn from it has its maximum near.
    fn refit(&self, sample: &Sample) -> Option<Box<dyn Law>> {
        Data::of(sample).climb(*self, 200).map(|law| Box::new(law.in_order()) as Box<dyn Law>)
    }
}
