//! Small scenarios for tests: everything that is not said is absent, instant or without limit.

use std::sync::Arc;

use crate::distribution::Distribution;
use crate::mapping::{Assignment, Dispatch, Mapping};
use crate::scenario::*;
use crate::units::{Probability, Rate, SimTime, TimeSum};

pub fn secs(seconds: f64) -> SimTime {
    SimTime::from_secs(seconds)
}

pub fn sum(seconds: f64) -> TimeSum {
    TimeSum::from(secs(seconds))
}

pub fn constant(seconds: f64) -> Figure<Distribution> {
    Figure::stated(Distribution::Constant(secs(seconds)))
}

pub fn exponential(mean: f64) -> Figure<Distribution> {
    Figure::stated(Distribution::Exponential { mean: secs(mean) })
}

pub fn share(value: f64) -> Figure<Probability> {
    Figure::stated(Probability::new(value).unwrap())
}

/// No agents, no servers, one capability `work`; time-outs so long that none is ever reached.
pub fn empty(horizon: f64) -> Scenario {
    let first = Figure::stated(secs(1.0));
    Scenario {
        name: "test".into(),
        description: String::new(),
        run: RunSettings { horizon: secs(horizon), warmup: Some(SimTime::ZERO), replications: 2, seed: 1 },
        host: Host { memory: None, slowdown: None },
        limits: Default::default(),
        priorities: None,
        capabilities: vec!["work".into()],
        dependencies: Vec::new(),
        servers: Vec::new(),
        stand_ins: Vec::new(),
        agents: Vec::new(),
        needs: Vec::new(),
        policy: CallPolicy {
            timeout: constant(1e9),
            call_life: Figure::stated(secs(1e9)),
            retries: Figure::stated(0),
            backoff: Backoff { first, spread: Spread::Jitter(share(0.0)), ..defaults::backoff() },
            ..defaults::policy()
        },
        recovery: None,
        kpis: Vec::new(),
        alerts: AlertRules::default(),
        what_ifs: Vec::new(),
        config_files: Vec::new(),
        load: 1.0,
        replay: None,
        drills: Vec::new(),
    }
}

/// One slot, no queue limit, this serial part, no errors, instant connections.
pub fn server(name: &str, serial: Figure<Distribution>) -> Server {
    Server { serial, provides: vec![Provision::new(CapabilityId(0), share(1.0))], ..defaults::server(name) }
}

/// A stand-in for `work`.
pub fn stand_in(name: &str, time: f64, quality: f64) -> StandIn {
    StandIn { name: name.into(), time: constant(time), provides: vec![Provision::new(CapabilityId(0), share(quality))] }
}

/// Tasks of one call each, so many a second, that need `work`.
pub fn add_agent(scenario: &mut Scenario, name: &str, tasks_per_second: f64) -> AgentId {
    let id = AgentId::from(scenario.agents.len());
    let tasks = Figure::stated(Rate::per_hour(tasks_per_second * 3600.0));
    scenario.agents.push(Agent { workload: Workload { tasks, ..defaults::workload() }, ..defaults::agent(name) });
    add_need(scenario, id);
    id
}

pub fn add_need(scenario: &mut Scenario, agent: AgentId) {
    scenario.needs.push(Need { agent, capability: CapabilityId(0), demand: Figure::stated(1.0), current: None, pinned: false });
}

/// One agent, one server.
pub fn queue(horizon: f64, tasks_per_second: f64, served_by: Server) -> Scenario {
    let mut scenario = empty(horizon);
    scenario.servers.push(served_by);
    add_agent(&mut scenario, "agent", tasks_per_second);
    scenario
}

pub fn assignment(primary: u32) -> Assignment {
    Assignment { primary: ServerId(primary), on_failure: Vec::new(), on_overload: Vec::new() }
}

/// Need i on the i-th of these servers.
pub fn primaries(servers: &[u32]) -> Mapping {
    mapping(servers.iter().map(|server| assignment(*server)).collect())
}

pub fn mapping(assignments: Vec<Assignment>) -> Mapping {
    Mapping { assignments, extra_grants: Vec::new(), extra_load: Vec::new(), dispatch: Dispatch::Fixed }
}

pub fn breaker(failures: u32, cool_down: f64) -> Breaker {
    Breaker { failures: Figure::stated(failures), cool_down: Figure::stated(secs(cool_down)) }
}

pub fn outages(every: Figure<Distribution>, lasts: Figure<Distribution>) -> Option<Outages> {
    Some(Outages { every, lasts })
}

/// The log of a call at each of these seconds, of these needs.
pub fn replay(log: &[(f64, u32)]) -> Option<Arc<Replay>> {
    let calls = log.iter().map(|(at, need)| ReplayedCall { at: secs(*at), need: NeedId(*need), served: None }).collect();
    Some(Arc::new(Replay { file: "log".into(), calls }))
}
