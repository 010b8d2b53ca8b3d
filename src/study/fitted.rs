//! What distribution a scenario should state for measured durations.

use serde::Serialize;

use crate::calibrate::{Fit, Goodness, Sample, SampleError, empirical, fits, goodness};
use crate::distribution::{Distribution, Part};
use crate::import::Group;
use crate::random::Key;
use crate::scenario::{Figure, Provenance, Source, spelled_distribution};
use crate::units::SimTime;

/// Times of an empirical distribution: a line that can still be read, and hundredths of the tail.
const TIMES: usize = 100;
/// A fit with a lower p-value is not like the sample.
const SIGNIFICANT: f64 = 0.05;

/// One group of samples with all that was fitted to it.
#[derive(Debug, Serialize)]
pub struct Fitted {
    /// Values of the columns that tell groups apart.
    pub key: Vec<String>,
    /// Samples with a value; more than `n` where some were left out by chance.
    pub seen: u64,
    /// Samples that were fitted.
    pub n: usize,
    /// How many of them timed out.
    pub censored: usize,
    /// Why nothing was fitted.
    pub unfit: Option<String>,
    /// The lowest BIC first.
    pub fits: Vec<Tested>,
    /// For the scenario: the best family that it knows, and the sample itself where that is not like it.
    pub lines: Vec<String>,
    /// What the lines say.
    #[serde(skip)]
    pub figures: Vec<Figure<Distribution>>,
    /// Quantiles in seconds, of the best law and of the sample.
    #[serde(skip)]
    pub quantiles: Vec<(f64, f64)>,
}

#[derive(Debug, Serialize)]
pub struct Tested {
    #[serde(flatten)]
    pub fit: Fit,
    /// Of the best, and of the best that a scenario can state: the test takes a while.
    pub goodness: Option<Goodness>,
}

/// Fits every family to a group, tests those that matter, and words the line for the scenario. `note`: where the samples are from.
pub fn fitted(group: Group, note: &str, seed: u64) -> Fitted {
    let seen = group.seen;
    let (n, censored) = (group.ended.len() + group.given_up.len(), group.given_up.len());
    let figure = |value: Distribution, interval: Option<(f64, f64)>, what: &str| {
        let interval = interval.map(|(low, high)| [rounded(low).to_string(), rounded(high).to_string()]);
        let note = Some(format!("{note}: {what}"));
        let provenance = Some(Provenance { source: Source::Measured, n: Some(n as u64), interval, note });
        Figure { value, provenance }
    };
    let mut found = Fitted {
        key: group.key,
        seen,
        n,
        censored,
        unfit: None,
        fits: Vec::new(),
        lines: Vec::new(),
        figures: Vec::new(),
        quantiles: Vec::new(),
    };
    let sample = match Sample::new(group.ended, group.given_up) {
        Ok(sample) => sample,
        Err(error) => {
            if let SampleError::Constant { value, .. } = error {
                found.states(figure(Distribution::Constant(rounded(value)), None, "all alike"));
            }
            found.unfit = Some(error.to_string());
            return found;
        }
    };
    let fits = fits(&sample);
    let stated = fits.iter().position(|fit| fit.law.distribution().is_some());
    let key = found.key.iter().fold(Key::new(seed), |key, name| key.named(name));
    found.fits = fits
        .into_iter()
        .enumerate()
        .map(|(i, fit)| {
            let tested = i == 0 || Some(i) == stated;
            let goodness = if tested { goodness(&sample, &*fit.law, key.named(fit.family.name())) } else { None };
            Tested { fit, goodness }
        })
        .collect();
    let stated = stated.map(|i| &found.fits[i]);
    let like = stated.and_then(|of| of.goodness).is_some_and(|of| of.p >= SIGNIFICANT);
    if let Some(Tested { fit, .. }) = stated
        && let Some(distribution) = fit.law.distribution()
    {
        let what = format!("{}, maximum likelihood{}", fit.family.name(), if like { "" } else { ", rejected by the test of fit" });
        found.states(figure(legible(distribution), fit.mean.interval, &what));
    }
    if !like {
        let times = empirical(&sample, TIMES).into_iter().map(rounded).collect();
        found.states(figure(Distribution::Empirical(times), None, "quantiles of the sample"));
    }
    if let Some(best) = found.fits.first() {
        // Beyond what ended, nothing is known.
        let ended = sample.events().len() as f64 / sample.len() as f64;
        let share = |i: usize| (i as f64 + 0.5) / TIMES.min(sample.len()) as f64;
        let measured = empirical(&sample, TIMES).into_iter().enumerate().filter(|(i, _)| share(*i) < ended);
        found.quantiles = measured.map(|(i, x)| (best.fit.law.quantile(share(i)), x)).collect();
    }
    found
}

impl Fitted {
    fn states(&mut self, figure: Figure<Distribution>) {
        self.lines.push(format!("serial = {}", spelled_distribution(&figure)));
        self.figures.push(figure);
    }
}

/// To four digits: no sample knows more.
pub(super) fn rounded(seconds: f64) -> SimTime {
    SimTime::from_secs(to_four(seconds))
}

pub(super) fn to_four(value: f64) -> f64 {
    // Written and read again: nearer to the decimal than any product.
    format!("{value:.3e}").parse().unwrap_or(value)
}

fn legible(distribution: Distribution) -> Distribution {
    let time = |time: SimTime| rounded(time.as_secs());
    match distribution {
        Distribution::Exponential { mean } => Distribution::Exponential { mean: time(mean) },
        Distribution::Lognormal { mean, cv } => Distribution::Lognormal { mean: time(mean), cv: to_four(cv) },
        Distribution::Gamma { mean, cv } => Distribution::Gamma { mean: time(mean), cv: to_four(cv) },
        Distribution::Weibull { mean, shape } => Distribution::Weibull { mean: time(mean), shape: to_four(shape) },
        Distribution::Pareto { mean, shape } => Distribution::Pareto { mean: time(mean), shape: to_four(shape) },
        Distribution::Shifted { least, beyond } => Distribution::Shifted { least: time(least), beyond: Box::new(legible(*beyond)) },
        Distribution::Mixture(parts) => {
            // To hundred-thousandths, so that they still sum to 1.
            let share = |share: f64| format!("{share:.5}").parse().unwrap_or(share);
            let part = |part: Part| Part { share: share(part.share), of: legible(part.of) };
            Distribution::Mixture(parts.into_iter().map(part).collect())
        }
        same @ (Distribution::Constant(_) | Distribution::Uniform { .. } | Distribution::Empirical(_)) => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(ended: Vec<f64>, given_up: Vec<f64>) -> Group {
        Group { key: vec!["search".to_owned()], seen: (ended.len() + given_up.len()) as u64, ended, given_up }
    }

    fn read(line: &str) -> Figure<Distribution> {
        let scenario = format!("format = 1\nname = \"s\"\n[servers.a]\nprovides = {{ x = 1.0 }}\n{line}\n[agents.b]\n");
        let parsed = crate::scenario::parse("s", &scenario).unwrap_or_else(|e| panic!("{line}: {}", e.render(false)));
        parsed.scenario.servers[0].serial.clone()
    }

    #[test]
    fn the_line_can_be_pasted_into_a_scenario() {
        let gamma = Distribution::Gamma { mean: SimTime::from_millis(150), cv: 0.5 }.sampler();
        let draws = (0..1000).map(|i| gamma.sample(Key::new(1).at(i).generator()).as_secs());
        let (ended, late): (Vec<f64>, Vec<f64>) = draws.partition(|x| *x < 0.25);
        let fitted = fitted(group(ended, vec![0.25; late.len()]), "calls.csv", 1);
        assert_eq!(fitted.lines.len(), 1, "{:?}", fitted.lines);
        let figure = read(&fitted.lines[0]);
        let Distribution::Gamma { mean, cv } = figure.value else { panic!("{:?}", fitted.lines) };
        assert!((mean.as_secs() / 0.15 - 1.0).abs() < 0.05 && (cv / 0.5 - 1.0).abs() < 0.1, "{mean} {cv}");
        let provenance = figure.provenance.expect("it says where it is from");
        assert_eq!((provenance.source, provenance.n), (Source::Measured, Some(1000)));
        assert!(provenance.interval.is_some());
    }

    /// Whatever is likeliest can be stated: the line is of the first family in the table.
    #[test]
    fn every_family_has_its_line() {
        let exponential = |millis| Distribution::Exponential { mean: SimTime::from_millis(millis) };
        let lognormal = |millis| Distribution::Lognormal { mean: SimTime::from_millis(millis), cv: 0.3 };
        let part = |share, of| Part { share, of };
        for truth in [
            Distribution::Weibull { mean: SimTime::from_millis(150), shape: 3.0 },
            Distribution::Pareto { mean: SimTime::from_millis(150), shape: 2.5 },
            Distribution::Shifted { least: SimTime::from_millis(90), beyond: Box::new(exponential(60)) },
            Distribution::Mixture(vec![part(0.7, lognormal(20)), part(0.3, lognormal(400))]),
        ] {
            let sampler = truth.sampler();
            let draws = (0..2000).map(|i| sampler.sample(Key::new(2).at(i).generator()).as_secs()).collect();
            let fitted = fitted(group(draws, vec![]), "calls.csv", 1);
            let found = read(&fitted.lines[0]).value;
            assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&truth), "{:?}", fitted.lines);
            assert!((found.mean() / truth.mean() - 1.0).abs() < 0.1, "{found:?} for {truth:?}");
        }
    }

    #[test]
    fn what_no_formula_is_like_is_stated_as_it_is() {
        let clumps = (0..300).map(|i| [0.010, 0.011, 0.5][i % 3] + i as f64 * 1e-6).collect();
        let fitted = fitted(group(clumps, vec![]), "calls.csv", 1);
        assert_eq!(fitted.lines.len(), 2, "{:?}", fitted.lines);
        assert!(matches!(read(&fitted.lines[1]).value, Distribution::Empirical(times) if times.len() == TIMES));
    }

    #[test]
    fn where_nothing_is_fitted_it_says_why() {
        let alike = fitted(group(vec![0.002; 50], vec![]), "calls.csv", 1);
        assert!(alike.unfit.as_ref().is_some_and(|why| why.contains("no spread")), "{alike:?}");
        assert_eq!(read(&alike.lines[0]).value, Distribution::Constant(SimTime::from_millis(2)));
        let few = fitted(group(vec![0.002; 3], vec![0.1; 9]), "calls.csv", 1);
        assert!(few.unfit.is_some_and(|why| why.contains("3 ended (9 timed out), at least 10")) && few.lines.is_empty());
    }
}
