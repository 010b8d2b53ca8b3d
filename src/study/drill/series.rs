//! What is watched of a drill: calls by the minute in which they were issued, and those of each agent during the outage.

use crate::engine::{EndedCall, Observer};
use crate::experiment::Case;
use crate::scenario::{Kpi, Scenario, Target};
use crate::units::SimTime;

use super::Timing;

/// Counts of some calls; sums over those that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    pub issued: u64,
    pub reached: u64,
    pub succeeded: u64,
    pub degraded: u64,
    pub quality_sum: f64,
    /// \[s\]
    pub response_sum: f64,
}

impl Tally {
    /// KPIs that a few calls tell as well as many. Quantiles, balance and memory are those of a whole run.
    pub const KPIS: [Kpi; 5] = [Kpi::Availability, Kpi::ErrorRate, Kpi::ResponseMean, Kpi::Quality, Kpi::Degraded];

    pub fn add(&mut self, other: &Tally) {
        self.issued += other.issued;
        self.reached += other.reached;
        self.succeeded += other.succeeded;
        self.degraded += other.degraded;
        self.quality_sum += other.quality_sum;
        self.response_sum += other.response_sum;
    }

    pub fn failed(&self) -> u64 {
        self.issued - self.succeeded
    }

    /// In the KPI's unit; none where there is nothing to measure, or the KPI is none of [`Tally::KPIS`].
    pub fn kpi(&self, kpi: Kpi) -> Option<f64> {
        let (part, whole) = match kpi {
            Kpi::Availability => (self.reached as f64, self.issued),
            Kpi::ErrorRate => (self.failed() as f64, self.issued),
            Kpi::ResponseMean => (self.response_sum, self.succeeded),
            Kpi::Quality => (self.quality_sum, self.succeeded),
            Kpi::Degraded => (self.degraded as f64, self.succeeded),
            _ => return None,
        };
        (whole > 0).then(|| part / whole as f64)
    }
}

/// Of one replication.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// By the part of the run in which they were issued.
    pub windows: Vec<Tally>,
    /// Of those issued during the outage, by agent.
    pub agents: Vec<Tally>,
    /// Of those issued during the outage, answered by another target than their need's primary: servers, then stand-ins.
    pub fallen_back: Vec<u64>,
}

impl Seen {
    /// Calls issued during the outage.
    pub fn during(&self) -> Tally {
        let mut sum = Tally::default();
        self.agents.iter().for_each(|tally| sum.add(tally));
        sum
    }
}

/// Watches one replication of a case.
pub struct Watcher<'a> {
    case: Case<'a>,
    timing: Timing,
    pub seen: Seen,
}

impl<'a> Watcher<'a> {
    pub fn new(case: Case<'a>, timing: Timing) -> Watcher<'a> {
        let Scenario { agents, servers, stand_ins, .. } = case.scenario;
        let seen = Seen {
            windows: vec![Tally::default(); timing.windows(case.scenario.run.horizon)],
            agents: vec![Tally::default(); agents.len()],
            fallen_back: vec![0; servers.len() + stand_ins.len()],
        };
        Watcher { case, timing, seen }
    }
}

/// Where a target's count stands in [`Seen::fallen_back`].
pub fn place(scenario: &Scenario, target: Target) -> usize {
    match target {
        Target::Server(id) => id.index(),
        Target::StandIn(id) => scenario.servers.len() + id.index(),
    }
}

impl Observer for Watcher<'_> {
    fn call_ended(&mut self, call: &EndedCall) {
        if !call.counted {
            return;
        }
        let scenario = self.case.scenario;
        let need = scenario.need(call.need);
        let quality = call.answered_by.and_then(|target| scenario.quality(target, need.capability)).unwrap_or(0.0);
        let tally = Tally {
            issued: 1,
            reached: u64::from(call.reached),
            succeeded: u64::from(call.succeeded),
            degraded: u64::from(call.succeeded && quality < 1.0),
            quality_sum: quality,
            response_sum: if call.succeeded { (call.at - call.issued).as_secs() } else { 0.0 },
        };
        if let Some(window) = self.seen.windows.get_mut((call.issued.0 / self.timing.window.0) as usize) {
            window.add(&tally);
        }
        if self.timing.is_during(call.issued) {
            self.seen.agents[call.agent.index()].add(&tally);
            if let Some(target) = call.answered_by
                && target != Target::Server(self.case.mapping.assignment(call.need).primary)
            {
                self.seen.fallen_back[place(scenario, target)] += 1;
            }
        }
    }
}

impl Timing {
    /// Parts of a run.
    pub fn windows(&self, horizon: SimTime) -> usize {
        horizon.0.div_ceil(self.window.0) as usize
    }

    fn is_during(&self, instant: SimTime) -> bool {
        instant >= self.from && instant < self.ends()
    }
}
