//! What holds where a scenario states nothing: asked by the reader, and by the writer, which leaves it out.

use super::{Backoff, CallErrors, CallPolicy, Connect, Figure, RunSettings};
use crate::distribution::Distribution;
use crate::units::{Probability, SimTime};

const fn seconds(count: u64) -> SimTime {
    SimTime::from_millis(count * 1000)
}

fn probability(value: f64) -> Figure<Probability> {
    Figure::stated(Probability::new(value).expect("a default is a share"))
}

pub(crate) fn run() -> RunSettings {
    RunSettings { horizon: seconds(8 * 3600), warmup: seconds(30 * 60), replications: 20, seed: 1 }
}

pub(crate) fn errors() -> CallErrors {
    CallErrors {
        soft: probability(0.0),
        protocol: probability(0.0),
        stall: probability(0.0),
        stall_time: Figure::stated(seconds(10)),
        unanswered: probability(0.0),
    }
}

pub(crate) fn connect() -> Connect {
    Connect {
        time: Figure::stated(Distribution::ZERO),
        failure: probability(0.0),
        failure_time: Figure::stated(Distribution::Constant(seconds(1))),
    }
}

pub(crate) fn policy() -> CallPolicy {
    CallPolicy {
        timeout: Figure::stated(seconds(30)),
        call_life: Figure::stated(seconds(120)),
        retries: Figure::stated(2),
        backoff: backoff(),
        breaker: None,
        fallbacks: Vec::new(),
    }
}

pub(crate) fn backoff() -> Backoff {
    Backoff { first: Figure::stated(seconds(1)), factor: Figure::stated(2.0), max: Figure::stated(seconds(30)), jitter: probability(0.5) }
}
