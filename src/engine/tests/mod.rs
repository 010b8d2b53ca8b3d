//! The engine against theory (`closed_forms`; the known queues are in `proof`), against laws that hold in every scenario (`laws`), and
//! each modelled behaviour in a scenario so small that its result can be worked out by hand (`behaviours`). `any` makes up scenarios,
//! `build` builds small ones.

mod any;
mod behaviours;
mod build;
mod closed_forms;
mod laws;

use super::{Arrival, IssuedCall, Observer, Outage};

/// What a run met, for comparing runs.
#[derive(Debug, Default)]
pub struct Trace {
    pub calls: Vec<IssuedCall>,
    pub arrivals: Vec<Arrival>,
    pub outages: Vec<Outage>,
}

impl Observer for Trace {
    fn call_issued(&mut self, call: &IssuedCall) {
        self.calls.push(*call);
    }

    fn attempt_arrives(&mut self, arrival: &Arrival) {
        self.arrivals.push(*arrival);
    }

    fn outage_begins(&mut self, outage: &Outage) {
        self.outages.push(*outage);
    }
}
