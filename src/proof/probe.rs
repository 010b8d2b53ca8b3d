//! What is seen of one replication: what the engine counted, and the distributions that it does not keep.

use hdrhistogram::Histogram;

use crate::engine::{Arrival, EndedCall, Observer, Outcome, ServerTally, ServiceStart};
use crate::scenario::Scenario;
use crate::units::SimTime;

/// Watches a replication from the warm-up to the horizon.
#[derive(Debug)]
pub struct Probe {
    warmup: SimTime,
    horizon: SimTime,
    /// Until service begins, of all attempts that were served \[us\].
    waits: Histogram<u64>,
    /// Of the calls that succeeded \[us\].
    responses: Histogram<u64>,
    /// Of the same, exact.
    response_moments: Moments,
    /// Arrivals by how many they found at the server; the last entry stands for as many or more.
    found: Vec<u64>,
}

/// More than any oracle's question asks about.
const FOUND_MOST: usize = 1000;

impl Probe {
    pub fn new(scenario: &Scenario) -> Probe {
        // An hour: a thousand times the longest service of any oracle. Three digits: half a bin is 0.05 % of a value.
        let histogram = || Histogram::new_with_max(3_600_000_000, 3).expect("the bounds are those of hdrhistogram");
        Probe {
            warmup: scenario.run.warmup.unwrap_or_default(),
            horizon: scenario.run.horizon,
            waits: histogram(),
            responses: histogram(),
            response_moments: Moments::default(),
            found: vec![0; FOUND_MOST + 1],
        }
    }
}

impl Observer for Probe {
    fn attempt_arrives(&mut self, arrival: &Arrival) {
        if (self.warmup..self.horizon).contains(&arrival.at) {
            self.found[(arrival.present as usize).min(FOUND_MOST)] += 1;
        }
    }

    fn service_begins(&mut self, start: &ServiceStart) {
        if start.counted {
            self.waits.saturating_record(micros(start.waited));
        }
    }

    fn call_ended(&mut self, call: &EndedCall) {
        if call.counted && call.succeeded {
            let response = call.at.saturating_sub(call.issued);
            self.responses.saturating_record(micros(response));
            self.response_moments.add(response.as_secs());
        }
    }
}

fn micros(time: SimTime) -> u64 {
    time.0.saturating_add(500) / 1000
}

/// Running mean and variance. Welford (1962), Technometrics 4.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
    }

    fn variance(&self) -> f64 {
        self.squares / (self.count as f64 - 1.0)
    }
}

/// One replication, to be measured.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub outcome: &'a Outcome,
    pub(super) probe: &'a Probe,
}

impl<'a> Seen<'a> {
    /// Mean response time of the calls that succeeded \[s\].
    pub fn response(self) -> f64 {
        let calls = self.outcome.calls();
        calls.response_sum.as_secs() / calls.succeeded as f64
    }

    /// Of one agent's calls that succeeded \[s\].
    pub fn response_of(self, agent: usize) -> f64 {
        let calls = &self.outcome.agents[agent];
        calls.response_sum.as_secs() / calls.succeeded as f64
    }

    /// \[s^2\]
    pub fn response_variance(self) -> f64 {
        self.probe.response_moments.variance()
    }

    /// \[s\]
    pub fn response_quantile(self, quantile: f64) -> f64 {
        middle_of_bin(&self.probe.responses, quantile)
    }

    /// Mean wait for a slot \[s\]: of those that were served.
    pub fn wait(self) -> f64 {
        let station = self.station();
        station.wait_sum.as_secs() / station.served as f64
    }

    /// \[s\]
    pub fn wait_quantile(self, quantile: f64) -> f64 {
        middle_of_bin(&self.probe.waits, quantile)
    }

    /// Share of the accepted that had to wait.
    pub fn delayed(self) -> f64 {
        share(self.station().delayed, self.station().accepted)
    }

    /// Share of the accepted that left the queue, out of patience.
    pub fn gave_up(self) -> f64 {
        share(self.station().gave_up_waiting, self.station().accepted)
    }

    /// Share of the calls that failed.
    pub fn failed(self) -> f64 {
        share(self.outcome.calls().failed, self.outcome.calls().issued)
    }

    /// Calls answered a second.
    pub fn throughput(self) -> f64 {
        self.outcome.calls().succeeded as f64 / self.window()
    }

    /// Busy share of the only slot.
    pub fn busy(self) -> f64 {
        self.station().busy.as_secs() / self.window()
    }

    /// Mean number that arrivals find at the server.
    pub fn found_mean(self) -> f64 {
        let sum: f64 = self.probe.found.iter().enumerate().map(|(found, arrivals)| found as f64 * *arrivals as f64).sum();
        sum / self.probe.found.iter().sum::<u64>() as f64
    }

    /// Share of the arrivals that find more than so many.
    pub fn found_more_than(self, limit: usize) -> f64 {
        share(self.probe.found[limit + 1..].iter().sum(), self.probe.found.iter().sum())
    }

    /// The first server, where there is only one.
    pub fn station(self) -> &'a ServerTally {
        &self.outcome.servers[0]
    }

    /// \[s\]
    pub fn window(self) -> f64 {
        self.outcome.window.as_secs()
    }
}

pub(super) fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// A histogram tells the upper end of a bin, which is too much by half a bin on average.
fn middle_of_bin(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.median_equivalent(histogram.value_at_quantile(quantile)) as f64 / 1e6
}
