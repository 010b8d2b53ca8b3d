//! A log takes the place of the workloads: in the run itself, and in the figures that planning and optimising rest on.

use std::sync::Arc;

use crate::distribution::Distribution;
use crate::scenario::{Arrivals, Figure, Provenance, Replay, Scenario, Source, Workload};
use crate::units::{Rate, SimTime};

use super::CallLog;

/// A need that the log never calls has to be planned for all the same (a demand is above zero): half a call.
const NEVER_CALLED: f64 = 0.5;
/// The most of a log that is not counted.
const WARMUP_SHARE: f64 = 0.1;

/// The scenario and all its what-ifs run the log. Their workloads say what it shows: each agent's rate of calls, each need's share of
/// them; what a what-if says of workloads is gone with them. The run ends at the first whole second after the last call. A stated
/// warm-up stays, but is at most a tenth of that; without one every call counts, for a log has no beginning that is unlike the rest.
pub fn attach(scenario: &mut Scenario, log: CallLog) {
    replay(scenario, Arc::new(Replay { file: log.file, calls: log.calls }));
}

/// As [`attach`], of calls that another scenario with the same agents and needs replays.
pub fn replay(scenario: &mut Scenario, replay: Arc<Replay>) {
    let horizon = SimTime((replay.calls.last().map_or(0, |call| call.at.0) / SECOND + 1) * SECOND);
    let mut counts = vec![0u64; scenario.needs.len()];
    replay.calls.iter().for_each(|call| counts[call.need.index()] += 1);
    for what_if in &mut scenario.what_ifs {
        rewrite(&mut what_if.scenario, &replay, &counts, horizon);
        what_if.scenario.replay = Some(replay.clone());
    }
    rewrite(scenario, &replay, &counts, horizon);
    scenario.replay = Some(replay);
}

const SECOND: u64 = 1_000_000_000;

fn rewrite(scenario: &mut Scenario, replay: &Replay, counts: &[u64], horizon: SimTime) {
    let most = horizon * WARMUP_SHARE;
    scenario.run.horizon = horizon;
    scenario.run.warmup = Some(scenario.run.warmup.unwrap_or_default().min(most));
    let mut by_agent = vec![0u64; scenario.agents.len()];
    for (need, count) in scenario.needs.iter_mut().zip(counts) {
        by_agent[need.agent.index()] += count;
        need.demand = measured(if *count == 0 { NEVER_CALLED } else { *count as f64 }, *count, replay);
    }
    for (agent, calls) in scenario.agents.iter_mut().zip(by_agent) {
        let rate = Rate::per_hour(calls as f64 * 3600.0 / horizon.as_secs());
        agent.workload = Workload {
            tasks: measured(rate, calls, replay),
            arrivals: Arrivals::Poisson,
            profile: Vec::new(),
            calls: measured(1.0, calls, replay),
            think: measured(Distribution::ZERO, calls, replay),
            at_once: measured(1, calls, replay),
        };
    }
}

fn measured<T>(value: T, n: u64, replay: &Replay) -> Figure<T> {
    let note = Some(format!("replay of {}", replay.file));
    Figure { value, provenance: Some(Provenance { source: Source::Measured, n: Some(n), interval: None, note }) }
}
