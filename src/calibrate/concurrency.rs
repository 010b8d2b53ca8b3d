//! How many calls a server works on at once, and which part of a call that is: fitted to its throughput at several concurrencies.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use super::choice::Estimated;
use super::law::Unit;
use super::optimise::{Peak, peak};

/// Levels of concurrency that are needed: two parameters, slots, and something to tell how well they fit.
pub const FEWEST_LEVELS: usize = 4;
/// More clients at once than this are not simulated at a level.
const MOST_CLIENTS: u32 = 1000;
/// Slots that are tried.
const MOST_SLOTS: u32 = 64;

/// So many clients, each of which calls, waits for the answer, and calls again at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Level {
    pub clients: u32,
    /// \[calls/s\]
    pub throughput: f64,
}

impl Level {
    /// By Little's law, where the mean response \[s\] was measured.
    pub fn of_response(clients: u32, response: f64) -> Level {
        Level { clients, throughput: f64::from(clients) / response }
    }
}

/// A server as the simulator has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Concurrency {
    pub slots: u32,
    /// Numbers of slots that fit nearly as well; the last is open where the largest that was tried does.
    pub slots_likely: (u32, Option<u32>),
    /// Mean seconds on a slot.
    pub serial: Estimated,
    /// Mean seconds beside others, without one.
    pub parallel: Estimated,
    /// Both together: what a call takes by itself, which is known where slots are not, as nobody ever waited for one.
    pub total: Estimated,
    /// Root of the mean square of what the fit leaves, as a share of the throughput; over what is free.
    pub residual: f64,
    /// \[calls/s\], at each level.
    pub fitted: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConcurrencyError {
    #[error("{levels} levels of concurrency: at least {FEWEST_LEVELS} different ones are needed, as 1, 2, 4 and 8 clients")]
    TooFew { levels: usize },
    #[error("{clients} clients and {throughput} calls/s: there have to be 1 to {MOST_CLIENTS} clients, and calls that end")]
    Level { clients: u32, throughput: f64 },
}

/// The fit with the least squares of ln throughput, which weighs relative errors alike. A call holds a slot for an exponential time, then goes on
/// beside the others: a closed network of one station and a delay, whose throughput is exact (see `throughput`).
pub fn concurrency(levels: &[Level]) -> Result<Concurrency, ConcurrencyError> {
    if let Some(level) = levels.iter().find(|l| !(1..=MOST_CLIENTS).contains(&l.clients) || !(1e-9..1e12).contains(&l.throughput)) {
        return Err(ConcurrencyError::Level { clients: level.clients, throughput: level.throughput });
    }
    let mut different: Vec<u32> = levels.iter().map(|level| level.clients).collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < FEWEST_LEVELS {
        return Err(ConcurrencyError::TooFew { levels: different.len() });
    }
    let most = different[different.len() - 1].min(MOST_SLOTS);
    let fits: Vec<Fit> = (1..=most).map(|slots| best(levels, slots)).collect();
    // Of equal ones the fewest slots.
    let best = fits.iter().fold(&fits[0], |best, fit| if fit.squares < best.squares * (1.0 - 1e-9) { fit } else { best });
    // Slots are a parameter, too.
    let free = levels.len() as f64 - 3.0;
    // Parameters whose best fit is not significantly worse: Bates & Watts (1988), Nonlinear Regression Analysis, section 6.1. Below a
    // ten-thousandth, what differs is arithmetic.
    let farthest = FisherSnedecor::new(1.0, free).map_or(f64::INFINITY, |f| f.inverse_cdf(0.95));
    let allowed = (best.squares * (1.0 + farthest / free)).max(1e-8);
    let likely: Vec<&Fit> = fits.iter().filter(|fit| fit.squares <= allowed).collect();
    let (fewest, last) = (likely[0].slots, likely[likely.len() - 1].slots);
    // Not knowing the slots widens them.
    let ranges = likely.iter().map(|fit| ranges(levels, fit, allowed));
    let [serial, parallel, total] = ranges.reduce(|a, b| [0, 1, 2].map(|i| hull(a[i], b[i]))).expect("the best is allowed");
    let estimated = |name, value, interval| Estimated { name, unit: Unit::Seconds, value, interval: Some(interval) };
    Ok(Concurrency {
        slots: best.slots,
        slots_likely: (fewest, (last < most).then_some(last)),
        serial: estimated("serial", best.parts()[0], serial),
        parallel: estimated("parallel", best.parts()[1], parallel),
        total: estimated("total", best.total, total),
        residual: (best.squares / free).sqrt(),
        fitted: levels.iter().map(|level| throughput(level.clients, best.slots, best.share) / best.total).collect(),
    })
}

#[derive(Debug, Clone, Copy)]
struct Fit {
    slots: u32,
    /// Of the serial part.
    share: f64,
    /// Both parts \[s\].
    total: f64,
    squares: f64,
}

impl Fit {
    /// Serial, parallel, both.
    fn parts(&self) -> [f64; 3] {
        [self.share * self.total, (1.0 - self.share) * self.total, self.total]
    }
}

/// The best total of a share has a closed form: throughput is inverse to it.
fn at(levels: &[Level], slots: u32, share: f64) -> Fit {
    let of_one: Vec<f64> = levels.iter().map(|l| (throughput(l.clients, slots, share) / l.throughput).ln()).collect();
    let mean = of_one.iter().sum::<f64>() / of_one.len() as f64;
    Fit { slots, share, total: mean.exp(), squares: of_one.iter().map(|x| (x - mean).powi(2)).sum() }
}

fn best(levels: &[Level], slots: u32) -> Fit {
    let share = match peak(|share| -at(levels, slots, share).squares, 0.0, 1.0, 33) {
        Peak::Inside(share) => share,
        Peak::Low => 0.0,
        Peak::High => 1.0,
    };
    at(levels, slots, share)
}

type Range = (f64, f64);

fn hull(a: Range, b: Range) -> Range {
    (a.0.min(b.0), a.1.max(b.1))
}

/// From the least to the largest of each part among the shares that are allowed, with so many slots.
fn ranges(levels: &[Level], best: &Fit, allowed: f64) -> [Range; 3] {
    let outside = |share: f64| at(levels, best.slots, share).squares > allowed;
    let edge = |mut outer: f64| {
        let mut inside = best.share;
        if !outside(outer) {
            return outer;
        }
        for _ in 0..30 {
            let middle = (inside + outer) / 2.0;
            if outside(middle) { outer = middle } else { inside = middle }
        }
        inside
    };
    let of_share = |share: f64| {
        let fit = at(levels, best.slots, share);
        // What is still allowed there, the total may differ by.
        let room = ((allowed - fit.squares).max(0.0) / levels.len() as f64).sqrt();
        fit.parts().map(|part| (part * (-room).exp(), part * room.exp()))
    };
    let [low, middle, high] = [edge(0.0), best.share, edge(1.0)].map(of_share);
    [0, 1, 2].map(|i| hull(hull(low[i], middle[i]), high[i]))
}

/// Calls a unit of time, of so many clients, where a call takes one unit: `share` of it on one of the slots, the rest beside the others. With k
/// of n clients at the slots, p(k) is proportional to the product over i = 1 .. k of (n - i + 1) share / (rest min(i, slots)): the
/// machine-repairman with several repairmen. Gross & Harris (1998), section 2.7; the same as exact mean-value analysis (Reiser & Lavenberg
/// 1980).
fn throughput(clients: u32, slots: u32, share: f64) -> f64 {
    let (n, slots, rest) = (f64::from(clients), f64::from(slots), 1.0 - share);
    if share <= 0.0 {
        return n;
    }
    if rest <= 0.0 {
        return n.min(slots) / share;
    }
    // As logarithms relative to the largest, so that nothing is too large.
    let mut logs = vec![0.0];
    for k in 1..=clients {
        let k = f64::from(k);
        logs.push(logs[logs.len() - 1] + ((n - k + 1.0) * share / (rest * k.min(slots))).ln());
    }
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut sum, mut busy) = (0.0, 0.0);
    for (k, log) in logs.iter().enumerate() {
        let p = (log - largest).exp();
        sum += p;
        busy += p * (k as f64).min(slots);
    }
    busy / sum / share
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;
    use rand_distr::{Distribution as _, StandardNormal};
    use rayon::prelude::*;

    const CLIENTS: [u32; 7] = [1, 2, 3, 4, 6, 8, 12];

    fn levels(clients: &[u32], measured: &[f64]) -> Vec<Level> {
        clients.iter().zip(measured).map(|(clients, throughput)| Level { clients: *clients, throughput: *throughput }).collect()
    }

    #[test]
    fn throughput_is_that_of_mean_value_analysis() {
        // One slot, by the recursion R(n) = S (1 + Q(n - 1)).
        let (serial, parallel, mut queue, mut found) = (0.3, 0.7, 0.0, 0.0);
        for n in 1..=20 {
            let response = serial * (1.0 + queue);
            found = f64::from(n) / (response + parallel);
            queue = found * response;
        }
        assert!((throughput(20, 1, 0.3) - found).abs() < 1e-9);
        // As many slots as clients: nobody waits. Two slots and three clients, by hand: weights 1, 3, 3, 3/2, of which 0, 1, 2, 2 slots are busy.
        assert!((throughput(5, 5, 0.4) - 5.0).abs() < 1e-9);
        assert!((throughput(3, 2, 0.5) - 12.0 / 8.5 / 0.5).abs() < 1e-9);
        assert!(throughput(1000, 7, 0.5).is_finite());
    }

    /// With errors of 3 %: of 200 intervals, fewer than 180 that hold are one in a thousand.
    #[test]
    fn servers_are_found_again() {
        for (slots, serial, parallel) in [(1, 0.05, 0.15), (2, 0.1, 0.1), (4, 0.2, 0.05), (1, 0.01, 0.0)] {
            let total = serial + parallel;
            let found: Vec<Concurrency> = (0..200u64)
                .into_par_iter()
                .map(|seed| {
                    let mut generator = Key::new(9).with(seed).generator();
                    let measured = CLIENTS.map(|clients| {
                        let normal: f64 = StandardNormal.sample(&mut generator);
                        throughput(clients, slots, serial / total) / total * (0.03 * normal).exp()
                    });
                    concurrency(&levels(&CLIENTS, &measured)).unwrap()
                })
                .collect();
            let count = |holds: &dyn Fn(&Concurrency) -> bool| found.iter().filter(|of| holds(of)).count();
            let holds = |of: &Estimated, value: f64| of.interval.is_some_and(|(low, high)| low <= value * 1.000_001 && value <= high);
            let right = count(&|of| of.slots == slots);
            let likely = count(&|of| of.slots_likely.0 <= slots && of.slots_likely.1.is_none_or(|last| slots <= last));
            let of_serial = count(&|of| holds(&of.serial, serial));
            let of_parallel = count(&|of| holds(&of.parallel, parallel));
            println!(
                "{slots} slots, {serial} + {parallel} s: slots {right}, likely {likely}, serial {of_serial}, parallel {of_parallel} of 200"
            );
            assert!(likely >= 180 && of_serial >= 180 && of_parallel >= 180, "{slots}: {right} {likely} {of_serial} {of_parallel}");
            assert!(right >= 100, "{slots}: {right}");
        }
    }

    /// Throughputs of four real servers with 1, 2, 4, 8 and 16 calls at once on one session, on two shared cores.
    #[test]
    fn real_servers_are_what_they_do() {
        let fit = |measured: [f64; 5]| concurrency(&levels(&[1, 2, 4, 8, 16], &measured)).unwrap();
        // One that only sleeps 0.2 s: no slot matters.
        let sleeps = fit([5.0, 9.6, 18.0, 40.0, 79.0]);
        let (low, high) = sleeps.total.interval.unwrap();
        assert!(low > 0.15 && high < 0.27 && sleeps.slots_likely.1.is_none() && sleeps.residual < 0.1, "{sleeps:?}");
        // One that fetches a page, parsing in the process: one after the other.
        let fetches = fit([1.4, 1.4, 1.3, 1.1, 1.1]);
        assert!(fetches.slots == 1 && (fetches.serial.value - 0.8).abs() < 0.1 && fetches.parallel.value < 0.1, "{fetches:?}");
        // One that lists directories: mostly serial, and the rest overlaps.
        let lists = fit([57.0, 68.0, 73.0, 93.0, 99.0]);
        assert!(lists.slots == 1 && (lists.serial.value - 0.011).abs() < 0.002, "{lists:?}");
        for (name, of) in [("sleeps", sleeps), ("fetches", fetches), ("lists", lists)] {
            println!("{name}: {of:?}");
        }
    }

    #[test]
    fn what_says_too_little_is_refused() {
        assert_eq!(concurrency(&levels(&[1, 2, 2, 2], &[1.0; 4])), Err(ConcurrencyError::TooFew { levels: 2 }));
        for throughput in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(concurrency(&levels(&[1, 2, 4, 8], &[1.0, 1.0, 1.0, throughput])), Err(ConcurrencyError::Level { .. })));
        }
        assert!(matches!(concurrency(&levels(&[0, 2, 4, 8], &[1.0; 4])), Err(ConcurrencyError::Level { .. })));
        assert!(concurrency(&levels(&[1, 10, 100, 1000], &[1.0, 5.0, 2.0, 1e-6])).is_ok());
    }
}
