//! What calls of one kind have in common: how many, how many failed, how long they took.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::super::call::{Call, Elapsed, Measure, Outcome};
use crate::units::SimTime;

/// A table's line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// What the table is by; `(unknown)` where the trace does not say.
    pub name: String,
    pub calls: u64,
    /// Of all calls.
    pub share: f64,
    pub succeeded: u64,
    pub failed: u64,
    /// Not permitted, or interrupted.
    pub refused: u64,
    pub unanswered: u64,
    /// Without a stated outcome.
    pub unknown: u64,
    /// Of those that succeeded or failed; none where there are none.
    pub failures: Option<Share>,
    pub exact: Option<Latency>,
    pub upper_bound: Option<Latency>,
    /// Mean, of calls whose size is known.
    pub request_bytes: Option<f64>,
    pub response_bytes: Option<f64>,
}

/// A share with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Wilson's score interval: Wilson (1927), Journal of the American Statistical Association 22; it holds for few and for rare ones too.
pub fn wilson(part: u64, whole: u64) -> Option<Share> {
    const Z: f64 = 1.959_963_984_540_054;
    if whole == 0 {
        return None;
    }
    let (n, z2) = (whole as f64, Z * Z);
    let p = part as f64 / n;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt() / (1.0 + z2 / n);
    Some(Share { value: p, low: (centre - half).clamp(0.0, p), high: (centre + half).clamp(p, 1.0) })
}

/// Seconds. Quantiles to 1 %, the maximum exactly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    pub n: u64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub calls: u64,
    succeeded: u64,
    failed: u64,
    refused: u64,
    unanswered: u64,
    unknown: u64,
    exact: Durations,
    upper_bound: Durations,
    request_bytes: Mean,
    response_bytes: Mean,
}

impl Tally {
    pub fn add(&mut self, call: &Call) {
        self.calls += 1;
        match call.outcome {
            Outcome::Succeeded => self.succeeded += 1,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Unanswered => self.unanswered += 1,
            Outcome::Unknown => self.unknown += 1,
        }
        match call.duration {
            Some(Elapsed { time, measure: Measure::Exact }) => self.exact.add(time),
            Some(Elapsed { time, measure: Measure::UpperBound }) => self.upper_bound.add(time),
            None => {}
        }
        self.request_bytes.add(call.request_bytes);
        self.response_bytes.add(call.response_bytes);
    }

    pub fn answered(&self) -> u64 {
        self.succeeded + self.failed
    }

    pub fn group(&self, name: String, all: u64) -> Group {
        Group {
            name,
            calls: self.calls,
            share: self.calls as f64 / all.max(1) as f64,
            succeeded: self.succeeded,
            failed: self.failed,
            refused: self.refused,
            unanswered: self.unanswered,
            unknown: self.unknown,
            failures: wilson(self.failed, self.answered()),
            exact: self.exact.latency(),
            upper_bound: self.upper_bound.latency(),
            request_bytes: self.request_bytes.value(),
            response_bytes: self.response_bytes.value(),
        }
    }
}

/// Two digits: a hundredth is finer than what any trace tells, and a histogram stays small.
#[derive(Debug, Default)]
struct Durations {
    /// Microseconds.
    histogram: Option<Histogram<u32>>,
    longest: SimTime,
}

impl Durations {
    fn add(&mut self, time: SimTime) {
        let histogram = self.histogram.get_or_insert_with(|| Histogram::new(2).expect("two digits are possible"));
        histogram.record(time.0.min(SimTime::LONGEST.0) / 1000).expect("it grows to what it is given");
        self.longest = self.longest.max(time);
    }

    fn latency(&self) -> Option<Latency> {
        let histogram = self.histogram.as_ref()?;
        let max = self.longest.as_secs();
        let quantile = |q| (histogram.value_at_quantile(q) as f64 * 1e-6).min(max);
        Some(Latency { n: histogram.len(), p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), max })
    }
}

#[derive(Debug, Default)]
struct Mean {
    count: u64,
    sum: u128,
}

impl Mean {
    fn add(&mut self, value: Option<u64>) {
        if let Some(value) = value {
            (self.count, self.sum) = (self.count + 1, self.sum + u128::from(value));
        }
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_as_published() {
        let check = |part, whole, low: f64, high: f64| {
            let share = wilson(part, whole).expect("some");
            assert!((share.low - low).abs() < 5e-5 && (share.high - high).abs() < 5e-5, "{part}/{whole}: {share:?}");
        };
        // Newcombe (1998), Statistics in Medicine 17, table I, method 3.
        check(81, 263, 0.2553, 0.3662);
        check(15, 148, 0.0624, 0.1605);
        check(0, 20, 0.0, 0.1611);
        check(1, 29, 0.0061, 0.1718);
        assert_eq!(wilson(0, 0), None);
    }
}
