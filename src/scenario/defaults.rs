//! What holds where a scenario states nothing: asked by the reader, and by the writer, which leaves it out.

use super::{
    Agent, Arrivals, Backoff, CallErrors, CallPolicy, Connect, Discipline, Figure, GivenUp, Host, Process, RunSettings, Server, Spread,
    Workload,
};
use crate::distribution::Distribution;
use crate::units::{Bytes, Probability, Rate, SimTime};

const fn seconds(count: u64) -> SimTime {
    SimTime::from_millis(count * 1000)
}

fn probability(value: f64) -> Figure<Probability> {
    Figure::stated(Probability::new(value).expect("a default is a share"))
}

pub(crate) fn run() -> RunSettings {
    RunSettings { horizon: seconds(8 * 3600), warmup: None, replications: 20, seed: 1 }
}

pub(crate) fn host() -> Host {
    Host { memory: None, slowdown: None }
}

pub(crate) fn errors() -> CallErrors {
    CallErrors {
        soft: probability(0.0),
        protocol: probability(0.0),
        stall: probability(0.0),
        stall_time: Figure::stated(seconds(10)),
        unanswered: probability(0.0),
        connection: probability(0.0),
    }
}

pub(crate) fn connect() -> Connect {
    Connect {
        time: Figure::stated(Distribution::ZERO),
        cold_time: None,
        failure: probability(0.0),
        failure_time: Figure::stated(Distribution::Constant(seconds(1))),
    }
}

pub(crate) fn policy() -> CallPolicy {
    CallPolicy {
        timeout: Figure::stated(Distribution::Constant(seconds(30))),
        queue_timeout: None,
        given_up: GivenUp::GoesOn,
        call_life: Figure::stated(seconds(120)),
        retries: Figure::stated(2),
        backoff: backoff(),
        retry_budget: None,
        breaker: None,
        hedge: None,
        caches: Vec::new(),
        fallbacks: Vec::new(),
    }
}

pub(crate) fn backoff() -> Backoff {
    let spread = Spread::Jitter(probability(0.5));
    Backoff { first: Figure::stated(seconds(1)), factor: Figure::stated(2.0), max: Figure::stated(seconds(30)), spread }
}

pub(crate) fn server(name: &str) -> Server {
    Server {
        name: name.to_owned(),
        up: true,
        in_service: true,
        slots: Figure::stated(1),
        discipline: Discipline::Fifo,
        queue: None,
        serial: Figure::stated(Distribution::ZERO),
        parallel: Figure::stated(Distribution::ZERO),
        first_call: Figure::stated(Distribution::ZERO),
        errors: errors(),
        connect: connect(),
        outages: None,
        freezes: None,
        slow: None,
        depends_on: Vec::new(),
        rate_limit: None,
        memory: Figure::stated(Bytes(0)),
        memory_per_call: Figure::stated(Bytes(0)),
        memory_growth: Figure::stated(Bytes(0)),
        process: Process::Shared,
        safe_concurrency: None,
        weight: Figure::stated(1.0),
        env: Vec::new(),
        provides: Vec::new(),
        tokens: Figure::stated(0),
    }
}

pub(crate) fn agent(name: &str) -> Agent {
    Agent {
        name: name.to_owned(),
        complexity: Figure::stated(5.0),
        workload: workload(),
        priority: 0,
        concurrency: None,
        wildcard: false,
        core: false,
        file: None,
        extra_grants: Vec::new(),
    }
}

pub(crate) fn workload() -> Workload {
    Workload {
        tasks: Figure::stated(Rate::per_hour(0.0)),
        arrivals: Arrivals::Poisson,
        profile: Vec::new(),
        calls: Figure::stated(1.0),
        think: Figure::stated(Distribution::ZERO),
        at_once: Figure::stated(1),
    }
}
