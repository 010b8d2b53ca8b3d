//! Proof that the engine and its statistics are right: exact values of queueing theory inside narrow intervals, intervals that hold
//! the truth as often as they say, what common random numbers are worth, and calibration that finds a scenario's figures in its log.

mod calibration;
mod clients;
mod coverage;
mod dispatch;
mod oracle;
mod probe;
mod queues;
mod servers;
mod supermarket;
#[cfg(test)]
mod tests;
mod variance;

use serde::Serialize;

pub use calibration::calibration;
pub use coverage::{Coverage, coverage};
pub use oracle::{Expected, Finding, Oracle, Rule, find};
pub use probe::Seen;
pub use variance::{Reduction, reductions};

/// Oracles by what they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Arrivals, service, slots and places to wait.
    Queues,
    /// What else a server does: freezes, shared slots, memory, rate limits.
    Servers,
    /// What clients do: patience, retries, breakers, closed loops.
    Clients,
    /// Four servers behind a dispatcher.
    Dispatch,
    /// A hundred servers behind a dispatcher.
    Supermarket,
}

impl Group {
    pub const ALL: [Group; 5] = [Group::Queues, Group::Servers, Group::Clients, Group::Dispatch, Group::Supermarket];

    pub fn oracles(self) -> Vec<Oracle> {
        match self {
            Group::Queues => queues::oracles(),
            Group::Servers => servers::oracles(),
            Group::Clients => clients::oracles(),
            Group::Dispatch => dispatch::oracles(),
            Group::Supermarket => supermarket::oracles(),
        }
    }
}

/// What `mcplab prove` found; what was not asked for is empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Proof {
    pub oracles: Vec<Finding>,
    pub coverage: Vec<Coverage>,
    pub variance: Vec<Reduction>,
    pub calibration: Vec<Coverage>,
}

impl Proof {
    pub fn holds(&self) -> bool {
        self.oracles.iter().all(|finding| finding.holds)
            && self.coverage.iter().all(|coverage| coverage.holds)
            && self.variance.iter().all(|reduction| reduction.holds)
            && self.calibration.iter().all(|coverage| coverage.holds)
    }
}
