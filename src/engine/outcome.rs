//! What one replication counted. Calls count where they were issued in the window from warm-up to horizon, and are followed
//! to their end; busy and up times are those within the window.

use hdrhistogram::Histogram;

use crate::units::{Bytes, SimTime, TimeSum};

/// All counts of one replication; vectors are indexed by `AgentId` and `ServerId`.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// From warm-up to horizon.
    pub window: SimTime,
    pub agents: Vec<CallTally>,
    pub servers: Vec<ServerTally>,
    /// Response times of all calls that succeeded, in microseconds, to three digits.
    pub response: Histogram<u64>,
    /// Largest sum of the memory of all processes at one time.
    pub memory_peak: Bytes,
}

/// issued = succeeded + failed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallTally {
    pub issued: u64,
    pub succeeded: u64,
    pub failed: u64,
    /// Calls of which at least one attempt reached a server (connected and accepted) or a stand-in.
    pub reached: u64,
    /// Succeeded with quality below 1.
    pub degraded: u64,
    /// Answered by a fallback (a server or a stand-in).
    pub fallen_back: u64,
    /// Answered from the client's cache.
    pub cached: u64,
    /// Answered, and the work perhaps lost: the server had taken more calls at once than is safe.
    pub at_risk: u64,
    /// Attempts at servers, retries and hedges among them.
    pub attempts: u64,
    pub retries: u64,
    pub hedges: u64,
    /// Sum over the calls that succeeded.
    pub quality_sum: f64,
    /// Sum over the calls that succeeded.
    pub response_sum: TimeSum,
    /// Sum over the calls that failed.
    pub failure_time_sum: TimeSum,
}

/// What one server saw of the attempts that belong to counted calls.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerTally {
    pub attempts: u64,
    /// Sessions tried, and those that did not come about.
    pub connects: u64,
    pub connect_failures: u64,
    /// Longest row of connection failures without a success between them (of all clients together).
    pub connect_failures_row: u32,
    pub accepted: u64,
    pub rejected_queue_full: u64,
    pub rejected_rate_limit: u64,
    /// The host had no memory left for the call.
    pub rejected_memory: u64,
    pub succeeded: u64,
    /// Soft, protocol and stall errors, aborted work, and connections that broke instead of an answer.
    pub errors: u64,
    /// Answered although more calls were under way than is safe: perhaps lost, or aborted.
    pub at_risk: u64,
    /// Given up by the client.
    pub timeouts: u64,
    /// Broken by an outage while waiting or being served.
    pub broken: u64,
    /// From an attempt's acceptance to its answer, sum over those that succeeded.
    pub response_sum: TimeSum,
    /// Accepted attempts that had to wait for a slot.
    pub delayed: u64,
    /// Attempts whose service began, those that their client had given up by then among them; and their time in the queue.
    pub served: u64,
    pub wait_sum: TimeSum,
    /// Attempts that left the queue because their client gave up, and their time in it.
    pub gave_up_waiting: u64,
    pub wait_given_up_sum: TimeSum,
    /// Slot time spent, all slots together, within the window.
    pub busy: TimeSum,
    /// Serial work that arrived within the window, rejected work included: above slots x up time, the server is offered more than it can serve.
    pub offered: TimeSum,
    /// Time up within the window: not out. A frozen server is up.
    pub up: SimTime,
    /// Time frozen within the window.
    pub frozen: SimTime,
}

/// For the response times of calls that live no longer than `call_life`.
pub(super) fn response_histogram(call_life: SimTime) -> Histogram<u64> {
    // The bounds are those of hdrhistogram: at least two, and below 2^63.
    Histogram::new_with_max(micros(call_life).max(2), 3).expect("three digits, and 100 years are 3e15 microseconds")
}

/// To the nearest.
pub(super) fn micros(time: SimTime) -> u64 {
    time.0.saturating_add(500) / 1000
}

impl CallTally {
    pub fn add(&mut self, other: &CallTally) {
        self.issued += other.issued;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.reached += other.reached;
        self.degraded += other.degraded;
        self.fallen_back += other.fallen_back;
        self.cached += other.cached;
        self.at_risk += other.at_risk;
        self.attempts += other.attempts;
        self.retries += other.retries;
        self.hedges += other.hedges;
        self.quality_sum += other.quality_sum;
        self.response_sum += other.response_sum;
        self.failure_time_sum += other.failure_time_sum;
    }
}

impl Outcome {
    /// All agents' calls together.
    pub fn calls(&self) -> CallTally {
        let mut total = CallTally::default();
        self.agents.iter().for_each(|tally| total.add(tally));
        total
    }
}
