//! What is left to chance, and by which key each draw is made. The key holds what the draw decides and nothing else (never the
//! order of events), so the same call has the same luck at the same server under every mapping.

use rand::RngExt;
use rand_distr::{Distribution as _, Exp1};

use crate::random::Key;
use crate::scenario::Backoff;
use crate::units::SimTime;

use super::Run;
use super::model::{AgentModel, ServerModel, StandInModel};

/// What a draw is for: a part of its key.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    Agent = 1,
    Task,
    Think,
    Need,
    Service,
    Connect,
    Backoff,
    StandIn,
    ServerOutage,
    DependencyOutage,
    Restart,
}

impl Key {
    fn purpose(self, purpose: Purpose) -> Key {
        self.with(purpose as u64)
    }
}

pub fn run_key(run: Run) -> Key {
    Key::new(run.seed).with(u64::from(run.replication))
}

pub fn agent_key(run: Key, name_hash: u64) -> Key {
    run.purpose(Purpose::Agent).with(name_hash)
}

pub fn outage_key(run: Key, purpose: Purpose, name_hash: u64) -> Key {
    run.purpose(purpose).with(name_hash)
}

/// What a task is: when the agent's next one starts, and how many calls it makes.
pub struct TaskDraw {
    pub gap: SimTime,
    pub calls: u64,
}

/// Of a task, by its key: the agent's and the task's number.
pub fn task(key: Key, agent: &AgentModel) -> TaskDraw {
    let mut generator = key.purpose(Purpose::Task).generator();
    let unit: f64 = generator.sample(Exp1);
    let calls = 1 + agent.calls_beyond_first.map_or(0, |poisson| poisson.sample(&mut generator) as u64);
    // At least a nanosecond: however high the rate, time goes on.
    TaskDraw { gap: SimTime::from_secs(unit / agent.tasks).max(SimTime(1)), calls }
}

/// Thinking before a call, by the call's key: its task's and its number within the task.
pub fn think(key: Key, agent: &AgentModel) -> SimTime {
    agent.think.sample(&mut key.purpose(Purpose::Think).generator())
}

/// From [0, 1): picks the need that a call serves.
pub fn need(key: Key) -> f64 {
    key.purpose(Purpose::Need).uniform()
}

/// What an accepted attempt will meet at a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceDraw {
    /// On a slot.
    pub serial: SimTime,
    /// From the end of the serial part to the answer, where there is one.
    pub rest: SimTime,
    pub fate: Fate,
}

/// How an attempt's service ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Success,
    /// An error result, a protocol error or a stall.
    Error,
    /// No answer, ever.
    Silence,
}

pub fn service(key: Key, server: &ServerModel, attempt: u32) -> ServiceDraw {
    let mut generator = key.purpose(Purpose::Service).with(server.name_hash).with(u64::from(attempt)).generator();
    let chance: f64 = generator.random();
    let serial = server.serial.sample(&mut generator);
    let parallel = server.parallel.sample(&mut generator);
    let errors = &server.errors;
    let (fate, rest) = if chance < errors.answered {
        (Fate::Error, parallel)
    } else if chance < errors.stalled {
        (Fate::Error, errors.stall_time.saturating_sub(serial))
    } else if chance < errors.unanswered {
        (Fate::Silence, SimTime::ZERO)
    } else {
        (Fate::Success, parallel)
    };
    ServiceDraw { serial, rest, fate }
}

/// How long connecting takes, and whether a session comes about.
#[derive(Debug, Clone, Copy)]
pub struct ConnectDraw {
    pub time: SimTime,
    pub succeeds: bool,
}

pub fn connect(key: Key, server: &ServerModel, attempt: u32, is_out: bool) -> ConnectDraw {
    let mut generator = key.purpose(Purpose::Connect).with(server.name_hash).with(u64::from(attempt)).generator();
    let chance: f64 = generator.random();
    let succeeds = !is_out && chance >= server.connect.failure.value.get();
    let time = if succeeds { &server.connect.time } else { &server.connect.failure_time };
    ConnectDraw { time: time.value.sample(&mut generator), succeeds }
}

/// Wait before retry `retry` (from 1): min(first * factor^(retry-1), max), shortened by up to the share `jitter`.
pub fn backoff(key: Key, policy: &Backoff, server: &ServerModel, retry: u32) -> SimTime {
    let first = policy.first.value;
    if first == SimTime::ZERO {
        return first;
    }
    let wait = (first * policy.factor.value.powf(f64::from(retry) - 1.0)).min(policy.max.value);
    let crate::scenario::Spread::Jitter(jitter) = &policy.spread else { return wait };
    let jitter = jitter.value.get();
    if jitter == 0.0 {
        return wait;
    }
    wait * (1.0 - jitter * key.purpose(Purpose::Backoff).with(server.name_hash).with(u64::from(retry)).uniform())
}

pub fn stand_in(key: Key, stand_in: &StandInModel) -> SimTime {
    stand_in.time.sample(&mut key.purpose(Purpose::StandIn).with(stand_in.name_hash).generator())
}
