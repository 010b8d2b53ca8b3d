//! Whether a server keeps up with what it is offered: stable, overloaded (the excess is turned away or gives up, so that a steady state
//! exists), or unstable (its queue grows for as long as the run lasts); and whether the run is long enough for its queue.

use serde::Serialize;

use crate::engine::ServerTally;
use crate::scenario::{Agent, Arrivals, GivenUp, Need, Scenario, Server};

use super::kpi::Replication;

/// Fewer attempts a slot in a replication say nothing about what is offered in the long run.
const FEWEST_ATTEMPTS: f64 = 10.0;

/// Who waits longer than this share of the run before giving up does not bound the queue within it.
const PATIENCE_MOST: f64 = 0.1;

/// Below this share of what it can serve a queue settles fast.
const BUSY: f64 = 0.8;

/// See [`run_needed`].
const SETTLING_TIMES: f64 = 100.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    Stable,
    Overloaded,
    Unstable,
}

/// A queue that settles so slowly that the run is short for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShortRun {
    pub server: String,
    /// Share of what it can serve that it is offered.
    pub offered: f64,
    /// \[s\] that would be long enough.
    pub needed: f64,
}

/// `offered`: serial work a slot and time in which it can be served, rejected work included.
pub fn stability(scenario: &Scenario, server: usize, offered: f64, replications: &[Replication]) -> Stability {
    let of = &scenario.servers[server];
    let tally = |count: fn(&ServerTally) -> u64| replications.iter().map(|r| count(&r.servers[server])).sum::<u64>() as f64;
    let attempts = tally(arrivals);
    let is_few = attempts < FEWEST_ATTEMPTS * f64::from(of.slots.value) * replications.len() as f64;
    // Users who wait for their answers cannot offer more than is served, however busy they keep a server.
    if offered < 1.0 || is_few || !serves_open_agents(scenario, of) {
        return Stability::Stable;
    }
    let is_limited = offered * (1.0 - tally(|tally| tally.rejected_rate_limit) / attempts) < 1.0;
    let has_room = of.queue.is_none() && (scenario.host.memory.is_none() || of.memory_per_call.value.0 == 0);
    if is_limited || !has_room || gives_up_soon(scenario, replications) { Stability::Overloaded } else { Stability::Unstable }
}

/// Where the run is too short for the server's queue.
pub fn short_run(scenario: &Scenario, server: usize, offered: f64, replications: &[Replication]) -> Option<ShortRun> {
    let of = &scenario.servers[server];
    if !(BUSY..1.0).contains(&offered) || of.queue.is_some() || !serves_open_agents(scenario, of) || gives_up_soon(scenario, replications) {
        return None;
    }
    let sum = |value: &dyn Fn(&ServerTally) -> f64| replications.iter().map(|r| value(&r.servers[server])).sum::<f64>();
    let service = sum(&|tally| tally.offered.as_secs()) / sum(&|tally| arrivals(tally) as f64).max(1.0);
    let needed = run_needed(service / f64::from(of.slots.value), offered);
    let window = replications.first()?.window.as_secs();
    (window < needed).then(|| ShortRun { server: of.name.clone(), offered, needed })
}

/// The mean number at M/M/1 over a run of length t has the relative variance 2 (1 + rho) S / (rho (1 - rho)^2 t), about
/// 4 S / (1 - rho)^2 / t: a hundred times S / (1 - rho)^2 leave a standard deviation of a fifth to each replication. Whitt (1989),
/// "Planning queueing simulations", Management Science 35, sec. 3 (Table 1).
fn run_needed(service: f64, offered: f64) -> f64 {
    SETTLING_TIMES * service / (1.0 - offered).powi(2)
}

fn arrivals(tally: &ServerTally) -> u64 {
    tally.accepted + tally.rejected_queue_full + tally.rejected_rate_limit + tally.rejected_memory
}

/// Somebody calls it who does not wait for answers before calling again.
fn serves_open_agents(scenario: &Scenario, server: &Server) -> bool {
    let is_open = |agent: &Agent| !matches!(agent.workload.arrivals, Arrivals::Closed { .. });
    let can_serve = |capability| server.provides.iter().any(|provision| provision.capability == capability);
    let calls = |need: &Need| {
        need.demand.value > 0.0 && can_serve(need.capability) && (scenario.replay.is_some() || is_open(scenario.agent(need.agent)))
    };
    scenario.needs.iter().any(calls)
}

/// Clients take their work away with them, long before the run is over.
fn gives_up_soon(scenario: &Scenario, replications: &[Replication]) -> bool {
    let policy = &scenario.policy;
    let in_queue = policy.queue_timeout.as_ref().map_or(f64::INFINITY, |time| time.value.mean());
    let patience = in_queue.min(policy.timeout.value.mean()).min(policy.call_life.value.as_secs());
    let window = replications.first().map_or(0.0, |replication| replication.window.as_secs());
    policy.given_up == GivenUp::IsCancelled && patience <= PATIENCE_MOST * window
}
