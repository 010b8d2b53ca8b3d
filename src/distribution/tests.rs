use super::*;
use crate::random::Key;

const SECOND: SimTime = SimTime(1_000_000_000);

#[test]
fn draws_have_the_mean_and_the_variation_they_state() {
    for distribution in [
        Distribution::Constant(SECOND),
        Distribution::Exponential { mean: SECOND },
        Distribution::Lognormal { mean: SECOND, cv: 0.5 },
        Distribution::Gamma { mean: SECOND, cv: 0.5 },
        Distribution::Uniform { min: SimTime::ZERO, max: SECOND },
        Distribution::Empirical(vec![SECOND, SimTime(3 * SECOND.0)]),
    ] {
        let key = Key::new(3);
        let n = 200_000;
        let draws: Vec<f64> = (0..n).map(|i| distribution.sampler().sample(key.at(i).generator()).as_secs()).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let scv = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n as f64 / (mean * mean);
        assert!((mean / distribution.mean() - 1.0).abs() < 0.01, "{distribution:?}: mean {mean}");
        assert!((scv - distribution.scv()).abs() < 0.03, "{distribution:?}: scv {scv}");
    }
}

fn seconds(seconds: f64) -> SimTime {
    SimTime::from_secs(seconds)
}

/// Closed forms of the mean, the squared coefficient of variation and a quantile against 200 000 draws.
#[test]
fn fitted_families_are_drawn_as_their_formulas_say() {
    let check = |of: Distribution, mean: f64, scv: f64, median: f64, p95: f64| {
        assert!((of.mean() / mean - 1.0).abs() < 1e-9, "{of:?}: mean {}", of.mean());
        assert!((of.scv() / scv - 1.0).abs() < 1e-6, "{of:?}: scv {}", of.scv());
        let (key, sampler, n) = (Key::new(5), of.sampler(), 200_000);
        let mut draws: Vec<f64> = (0..n).map(|i| sampler.sample(key.at(i).generator()).as_secs()).collect();
        let drawn = draws.iter().sum::<f64>() / n as f64;
        let square = draws.iter().map(|d| (d - drawn).powi(2)).sum::<f64>() / n as f64;
        draws.sort_by(f64::total_cmp);
        let quantile = |p: f64| draws[(p * n as f64) as usize];
        assert!((drawn / mean - 1.0).abs() < 0.01, "{of:?}: drawn mean {drawn}");
        assert!((square / (mean * mean) / scv - 1.0).abs() < 0.1, "{of:?}: drawn scv {}", square / (mean * mean));
        assert!((quantile(0.5) / median - 1.0).abs() < 0.02, "{of:?}: median {}", quantile(0.5));
        assert!((quantile(0.95) / p95 - 1.0).abs() < 0.02, "{of:?}: p95 {}", quantile(0.95));
    };
    // Shape 2 is Rayleigh's: scv 4 / pi - 1, quantiles scale sqrt(-ln(1 - p)), scale 2 / sqrt(pi) of the mean.
    let pi = std::f64::consts::PI;
    let rayleigh = |p: f64| 2.0 / pi.sqrt() * (-(1.0 - p).ln()).sqrt();
    check(Distribution::Weibull { mean: SECOND, shape: 2.0 }, 1.0, 4.0 / pi - 1.0, rayleigh(0.5), rayleigh(0.95));
    // Shape 1/2: scale is half the mean, scv 5.
    check(Distribution::Weibull { mean: SECOND, shape: 0.5 }, 1.0, 5.0, 0.5 * 2f64.ln().powi(2), 0.5 * 20f64.ln().powi(2));
    // scv shape / (shape - 2); quantiles scale ((1 - p)^(-1 / shape) - 1).
    let lomax = |p: f64| 7.0 * ((1.0 - p).powf(-0.125) - 1.0);
    check(Distribution::Pareto { mean: SECOND, shape: 8.0 }, 1.0, 8.0 / 6.0, lomax(0.5), lomax(0.95));
    let exponential = |mean: f64| Distribution::Exponential { mean: seconds(mean) };
    let shifted = Distribution::Shifted { least: seconds(0.5), beyond: Box::new(exponential(1.0)) };
    check(shifted.clone(), 1.5, 1.0 / 2.25, 0.5 + 2f64.ln(), 0.5 + 20f64.ln());
    // Means 1 and 10: 2 (.8 + .2 x 100) / 2.8^2 - 1. The median solves .8 e^-x + .2 e^(-x / 10) = 1/2, the 95 % quantile = .05.
    let parts = vec![Part { share: 0.8, of: exponential(1.0) }, Part { share: 0.2, of: exponential(10.0) }];
    check(Distribution::Mixture(parts), 2.8, 2.0 * 20.8 / 7.84 - 1.0, 0.923_674, 13.863_096);
    let hits = Part { share: 0.9, of: Distribution::Constant(SECOND) };
    check(
        Distribution::Mixture(vec![hits, Part { share: 0.1, of: shifted }]),
        1.05,
        (0.9 + 0.1 * 3.25) / 1.1025 - 1.0,
        1.0,
        0.5 + 2f64.ln(),
    );
}

#[test]
fn edges_are_times_all_the_same() {
    let longest = SimTime::LONGEST;
    let heavy = Distribution::Pareto { mean: SECOND, shape: 1.5 };
    for of in [
        heavy.clone(),
        Distribution::Pareto { mean: SECOND, shape: 2.0 },
        Distribution::Pareto { mean: longest, shape: 1.0f64.next_up() },
        Distribution::Pareto { mean: SimTime::ZERO, shape: 3.0 },
        Distribution::Weibull { mean: SimTime::ZERO, shape: 3.0 },
        Distribution::Weibull { mean: longest, shape: WEIBULL_SHAPES.0 },
        Distribution::Weibull { mean: SECOND, shape: WEIBULL_SHAPES.1 },
        Distribution::Shifted { least: longest, beyond: Box::new(heavy.clone()) },
        Distribution::Mixture(vec![Part { share: 0.5, of: Distribution::ZERO }, Part { share: 0.499_999_9, of: heavy }]),
        Distribution::Mixture(Vec::new()),
    ] {
        assert!(of.mean().is_finite() && of.scv().is_finite() && of.scv() >= 0.0, "{of:?}: {} {}", of.mean(), of.scv());
        let sampler = of.sampler();
        assert!((0..1000).all(|i| sampler.sample(Key::new(i).generator()) <= longest), "{of:?}");
    }
    let always = Distribution::Shifted { least: SECOND, beyond: Box::new(Distribution::Constant(SECOND)) };
    assert_eq!(always.sampler().constant(), Some(SimTime(2 * SECOND.0)), "what has no spread is known to have none");
}

/// It lies in every server's and agent's model, where calls look it up.
#[test]
fn a_sampler_stays_small() {
    assert!(size_of::<Sampler>() <= 40, "{}", size_of::<Sampler>());
}

#[test]
fn a_lognormal_from_its_quantile_has_that_quantile() {
    let cv = lognormal_cv(0.150, 0.400).unwrap();
    let sigma = (1.0 + cv * cv).ln().sqrt();
    let p95 = 0.150 * (1.644_853_626_951_472_2 * sigma - sigma * sigma / 2.0).exp();
    assert!((p95 - 0.400).abs() < 1e-12);
    assert_eq!(lognormal_cv(1.0, 4.0), None);
    assert_eq!(lognormal_cv(1.0, 0.5), None);
}
