use std::time::Instant;

use proptest::prelude::*;
use rayon::prelude::*;

use super::exponential::Exponential;
use super::gamma::Gamma;
use super::law::Law;
use super::lognormal::Lognormal;
use super::lomax::Lomax;
use super::mixture::Mixture;
use super::weibull::Weibull;
use super::*;
use crate::random::Key;

/// A family with parameters to find again: a shift, and a law beyond it.
struct Truth {
    family: Family,
    shift: Option<f64>,
    law: Box<dyn Law>,
}

impl Truth {
    fn parameters(&self) -> Vec<f64> {
        self.shift.into_iter().chain(self.law.parameters().iter().map(|p| p.value)).collect()
    }

    fn mean(&self) -> f64 {
        self.shift.unwrap_or(0.0) + self.law.mean()
    }

    fn draws(&self, n: usize, key: Key) -> Vec<f64> {
        let mut generator = key.named(self.family.name()).generator();
        (0..n).map(|_| self.shift.unwrap_or(0.0) + self.law.draw(&mut generator)).collect()
    }
}

fn truths() -> Vec<Truth> {
    fn truth(family: Family, shift: Option<f64>, law: impl Law + 'static) -> Truth {
        Truth { family, shift, law: Box::new(law) }
    }
    let lognormal = |median: f64, sigma| Lognormal { mu: median.ln(), sigma };
    vec![
        truth(Family::Exponential, None, Exponential { mean: 0.2 }),
        truth(Family::Lognormal, None, lognormal(0.15, 0.6)),
        truth(Family::Gamma, None, Gamma { shape: 2.5, mean: 0.2 }),
        truth(Family::Weibull, None, Weibull { shape: 1.8, scale: 0.3 }),
        truth(Family::Lomax, None, Lomax { shape: 2.5, scale: 0.3 }),
        truth(Family::ShiftedExponential, Some(0.1), Exponential { mean: 0.2 }),
        truth(Family::ShiftedLognormal, Some(0.1), lognormal(0.1, 0.8)),
        truth(Family::ShiftedGamma, Some(0.2), Gamma { shape: 3.0, mean: 0.2 }),
        truth(Family::LognormalMixture, None, Mixture { weight: 0.7, parts: [lognormal(0.05, 0.3), lognormal(0.4, 0.5)] }),
    ]
}

/// What is over `limit` is given up then.
fn cut(draws: Vec<f64>, limit: f64) -> Sample {
    let (events, censored): (Vec<f64>, Vec<f64>) = draws.into_iter().partition(|x| *x <= limit);
    Sample::new(events, vec![limit; censored.len()]).expect("enough are left")
}

fn quantile(draws: &[f64], p: f64) -> f64 {
    let mut sorted = draws.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(p * sorted.len() as f64) as usize]
}

#[test]
fn parameters_are_found_again_with_time_outs_and_without() {
    for truth in truths() {
        for share in [1.0, 0.8] {
            let draws = truth.draws(20_000, Key::new(1));
            let limit = if share < 1.0 { quantile(&draws, share) } else { f64::INFINITY };
            let fit = truth.family.fit(&cut(draws, limit)).expect("it can be fitted");
            for (found, value) in fit.parameters.iter().zip(truth.parameters()) {
                let name = found.name;
                assert!((found.value / value - 1.0).abs() < 0.12, "{:?} {share}: {name} {} for {value}", truth.family, found.value);
                let (low, high) = found.interval.expect("it has an interval");
                assert!(low <= found.value && found.value <= high, "{:?} {share}: {name} {found:?}", truth.family);
            }
            assert!((fit.mean.value / truth.mean() - 1.0).abs() < 0.12, "{:?} {share}: mean {:?}", truth.family, fit.mean);
        }
    }
}

#[test]
fn closed_forms_hold() {
    let events: Vec<f64> = (1..=20).map(f64::from).collect();
    let sample = Sample::new(events.clone(), vec![30.0; 5]).unwrap();
    // Total time over events; its logarithm's standard error is 1 / sqrt(events).
    let fit = Family::Exponential.fit(&sample).unwrap();
    assert_eq!(fit.mean.value, (210.0 + 150.0) / 20.0);
    let (low, high) = fit.parameters[0].interval.unwrap();
    assert!((low / (18.0 * (-1.959_964 / 20f64.sqrt()).exp()) - 1.0).abs() < 1e-5 && (low * high - 18.0 * 18.0).abs() < 1e-2);
    assert!((fit.ln_likelihood - (-20.0 * 18f64.ln() - 20.0)).abs() < 1e-9);

    let sample = Sample::new(events.clone(), Vec::new()).unwrap();
    let logs: Vec<f64> = events.iter().map(|x| x.ln()).collect();
    let mean = logs.iter().sum::<f64>() / 20.0;
    let sd = (logs.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 20.0).sqrt();
    let fit = Family::Lognormal.fit(&sample).unwrap();
    assert!((fit.parameters[0].value - mean.exp()).abs() < 1e-12 && (fit.parameters[1].value - sd).abs() < 1e-12);
    let (low, high) = fit.parameters[0].interval.unwrap();
    assert!(((high / low).ln() - 2.0 * 1.959_964 * sd / 20f64.sqrt()).abs() < 1e-5, "sigma / sqrt n");
    let (low, high) = fit.parameters[1].interval.unwrap();
    assert!(((high / low).ln() - 2.0 * 1.959_964 / 40f64.sqrt()).abs() < 1e-5, "1 / sqrt 2n");

    // A gamma's mean is the sample's.
    assert!((Family::Gamma.fit(&sample).unwrap().mean.value - 10.5).abs() < 1e-12);
    // Least event, and the mean beyond it.
    let fit = Family::ShiftedExponential.fit(&sample).unwrap();
    assert_eq!((fit.parameters[0].value, fit.parameters[1].value), (1.0, 9.5));
    // P(least - shift > x) = e^(-n x / scale): 3.0 e of 20, with F(2, 38) at 95 % = 3.2448 (R: qf).
    assert!((fit.parameters[0].interval.unwrap().0 - f64::max(0.0, 1.0 - 3.2448 * 9.5 / 19.0)).abs() < 1e-4);
}

/// No neighbour of a maximum is higher, whatever is censored.
#[test]
fn likelihoods_are_at_their_peak() {
    for truth in truths() {
        for share in [1.0, 0.8] {
            let draws = truth.draws(1000, Key::new(2));
            let limit = if share < 1.0 { quantile(&draws, share) } else { f64::INFINITY };
            let sample = cut(draws, limit);
            let fit = truth.family.fit(&sample).expect("it can be fitted");
            let parameters = fit.law.parameters();
            for (at, parameter) in parameters.iter().enumerate() {
                let Some(step) = parameter.step() else { continue };
                for by in [-step, step] {
                    let mut values: Vec<f64> = parameters.iter().map(|p| p.value).collect();
                    values[at] = parameter.at(parameter.coordinate() + by);
                    let there = law::ln_likelihood(&*fit.law.with(&values), &sample);
                    assert!(
                        there <= fit.ln_likelihood + 1e-4,
                        "{:?} {share}: {}: {there} {}",
                        truth.family,
                        parameter.name,
                        fit.ln_likelihood
                    );
                }
            }
        }
    }
}

/// Of 200 intervals that claim 95 %, binomially, fewer than 180 or more than 198 are one in a thousand.
#[test]
fn intervals_cover_what_they_claim() {
    const REPETITIONS: u64 = 200;
    for truth in truths() {
        for share in [1.0, 0.85] {
            let limit = if share < 1.0 { quantile(&truth.draws(50_000, Key::new(3)), share) } else { f64::INFINITY };
            let values: Vec<f64> = truth.parameters().into_iter().chain([truth.mean()]).collect();
            let covered: Vec<Vec<bool>> = (0..REPETITIONS)
                .into_par_iter()
                .map(|i| {
                    let fit = truth.family.fit(&cut(truth.draws(500, Key::new(4).with(i)), limit)).expect("it can be fitted");
                    let intervals = fit.parameters.iter().chain([&fit.mean]).map(|e| e.interval);
                    let holds = |(interval, value): (Option<(f64, f64)>, &f64)| interval.is_some_and(|(a, b)| (a..=b).contains(value));
                    intervals.zip(&values).map(holds).collect()
                })
                .collect();
            for at in 0..values.len() {
                let coverage = covered.iter().filter(|c| c[at]).count() as f64 / REPETITIONS as f64;
                println!("{:?} {share} parameter {at}: {coverage}", truth.family);
                assert!((0.90..=0.99).contains(&coverage), "{:?} {share}, parameter {at}: {coverage}", truth.family);
            }
        }
    }
}

#[test]
fn the_right_family_is_chosen() {
    for truth in truths() {
        let right: usize = (0..50u64)
            .into_par_iter()
            .filter(|seed| {
                let sample = cut(truth.draws(2000, Key::new(5).with(*seed)), f64::INFINITY);
                fits(&sample)[0].family == truth.family
            })
            .count();
        println!("{:?}: {right} of 50", truth.family);
        assert!(right >= 40, "{:?}: {right} of 50", truth.family);
    }
}

/// What the law made is seldom rejected, what it did not make is.
#[test]
fn the_test_of_fit_has_its_size_and_some_power() {
    let truth = &truths()[1];
    let p: Vec<f64> = (0..40u64)
        .into_par_iter()
        .map(|i| {
            let sample = cut(truth.draws(100, Key::new(6).with(i)), 0.25);
            let fit = Family::Lognormal.fit(&sample).unwrap();
            goodness(&sample, &*fit.law, Key::new(i)).unwrap().p
        })
        .collect();
    let rejected = p.iter().filter(|p| **p <= 0.05).count();
    assert!(rejected <= 6, "{rejected} of 40 at 5 %: {p:?}");
    let mean = p.iter().sum::<f64>() / 40.0;
    assert!((0.35..0.65).contains(&mean), "p is uniform: {mean}");
    let sample = cut(truths()[8].draws(3000, Key::new(7)), f64::INFINITY);
    let wrong = Family::Lognormal.fit(&sample).unwrap();
    let tested = goodness(&sample, &*wrong.law, Key::new(1)).unwrap();
    assert_eq!((tested.p, tested.tested), (1.0 / 200.0, 2000));
    assert_eq!(goodness(&sample, &*wrong.law, Key::new(1)), Some(tested), "the same key, the same luck");
}

#[test]
fn kaplan_meier_counts_who_is_still_there() {
    // Events at 1, 2, 3, 4; one given up at 2 (after the event there), two at 3.5.
    let sample = Sample::of(vec![1.0, 2.0, 3.0, 4.0], vec![3.5, 2.0, 3.5]);
    let ended: Vec<f64> = sample.kaplan_meier().into_iter().map(|(_, share)| share).collect();
    let survival = [6.0 / 7.0, 6.0 / 7.0 * 5.0 / 6.0, 6.0 / 7.0 * 5.0 / 6.0 * 3.0 / 4.0, 0.0];
    for (found, known) in ended.iter().zip(survival) {
        assert!((found - (1.0 - known)).abs() < 1e-12, "{ended:?}");
    }
    let twelve: Vec<f64> = (1..=12).map(f64::from).collect();
    assert_eq!(empirical(&Sample::of(twelve.clone(), Vec::new()), 100), twelve);
    assert_eq!(empirical(&Sample::of(twelve, Vec::new()), 3), [2.0, 6.0, 10.0]);
    assert_eq!(empirical(&Sample::of(vec![1.0, 2.0], vec![9.0, 9.0]), 4), [1.0, 2.0, 2.0, 2.0]);
}

/// Whatever it is, it ends in a fit or in a reason, soon.
#[test]
fn hostile_samples_neither_panic_nor_hang() {
    assert!(matches!(Sample::new(vec![0.0; 20], vec![]), Err(SampleError::NoDuration { .. })));
    assert!(matches!(Sample::new(vec![f64::NAN; 20], vec![]), Err(SampleError::NoDuration { .. })));
    assert!(matches!(Sample::new(vec![1e-300; 20], vec![]), Err(SampleError::NoDuration { .. })));
    assert!(matches!(Sample::new(vec![1.0; 20], vec![1e300]), Err(SampleError::NoDuration { .. })));
    assert!(matches!(Sample::new(vec![-1.0], vec![]), Err(SampleError::NoDuration { .. })));
    assert_eq!(Sample::new(vec![], vec![]), Err(SampleError::TooFew { events: 0, censored: 0 }));
    assert_eq!(Sample::new(vec![1.0], vec![1.0; 100]), Err(SampleError::TooFew { events: 1, censored: 100 }));
    assert_eq!(Sample::new(vec![2.0; 20], vec![]), Err(SampleError::Constant { value: 2.0, events: 20 }));

    let but_one = |other: f64| [vec![1.0; 30], vec![other]].concat();
    let ladder: Vec<f64> = (0..18).map(|i| 10f64.powi(i - 8)).collect();
    let nearly: Vec<f64> = (0..100).map(|i| 1.0 + f64::from(i) * 1e-8).collect();
    let coarse: Vec<f64> = (0..200).map(|i| if i % 5 == 0 { 0.002 } else { 0.001 }).collect();
    for events in [but_one(1.0 + 1e-8), but_one(1e-9), but_one(3e9), ladder, nearly, coarse] {
        for censored in [vec![], vec![1e-9; 5], vec![3e9; 5], vec![1.0; 10_000], vec![1e-3, 0.5, 2.0, 1e6]] {
            let started = Instant::now();
            let sample = Sample::new(events.clone(), censored.clone()).expect("it is a sample");
            let fits = fits(&sample);
            for fit in &fits {
                assert!(fit.bic.is_finite() && fit.law.quantile(0.5) > 0.0, "{fit:?}");
                let _ = fit.law.distribution();
            }
            if let Some(best) = fits.first() {
                let _ = goodness(&sample, &*best.law, Key::new(1));
            }
            let seconds = started.elapsed().as_secs_f64();
            println!("{:e}.. {} censored: {} fits, {seconds:.2} s", events[0], censored.len(), fits.len());
            assert!(seconds < 60.0, "{seconds} s for {} events", events.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// In another unit of time, the same fit: times scale, shapes and the choice stay.
    #[test]
    fn the_unit_of_time_does_not_matter(seed in 0u64..1000, of in 0usize..9, exponent in -3i32..=3, is_cut: bool) {
        let factor = 10f64.powi(exponent);
        let draws = truths()[of].draws(200, Key::new(seed));
        let limit = if is_cut { quantile(&draws, 0.8) } else { f64::INFINITY };
        let here = cut(draws.clone(), limit);
        let there = cut(draws.iter().map(|x| x * factor).collect(), limit * factor);
        for family in Family::ALL {
            let (Some(a), Some(b)) = (family.fit(&here), family.fit(&there)) else { continue };
            let expected = a.ln_likelihood - here.events().len() as f64 * factor.ln();
            prop_assert!((b.ln_likelihood - expected).abs() < 1e-3, "{family:?}: {} for {expected}", b.ln_likelihood);
            if family == Family::LognormalMixture || family == Family::ShiftedLognormal || family == Family::ShiftedGamma {
                continue; // A flat likelihood leaves the parameters themselves some room.
            }
            for (p, q) in a.parameters.iter().zip(&b.parameters) {
                let scale = if p.unit == Unit::Seconds { factor } else { 1.0 };
                prop_assert!((q.value / (p.value * scale) - 1.0).abs() < 1e-4, "{family:?}: {p:?} {q:?}");
            }
        }
    }

    #[test]
    fn no_numbers_panic(events in prop::collection::vec(-10.0..22.0f64, 0..40), censored in prop::collection::vec(-10.0..22.0f64, 0..10)) {
        let times = |of: Vec<f64>| of.into_iter().map(f64::exp).collect();
        if let Ok(sample) = Sample::new(times(events), times(censored)) {
            prop_assert!(!fits(&sample).is_empty());
        }
    }
}
