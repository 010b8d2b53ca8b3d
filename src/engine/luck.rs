//! What is left to chance, and by which key each draw is made. The key holds what the draw decides and nothing else (never the
//! order of events), so the same call has the same luck at the same server under every mapping.

use rand::RngExt;
use rand_distr::Distribution as _;

use crate::random::Key;
use crate::scenario::Spread;
use crate::units::SimTime;

use super::Run;
use super::model::{AgentModel, BackoffModel, ErrorModel, ServerModel, ServiceModel, StandInModel};

/// What a draw is for: a part of its key.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    Agent = 1,
    Task,
    Think,
    Need,
    Fate,
    Connect,
    Backoff,
    StandIn,
    ServerOutage,
    DependencyOutage,
    Restart,
    Freeze,
    SlowPeriod,
    Phase,
    User,
    Patience,
    Repeat,
    Dispatch,
    Replay,
    FirstCall,
    Size,
}

/// A purpose as a salt. A constant: it costs nothing where it is used.
const fn salt(purpose: Purpose) -> Key {
    Key::new(0x7361_6c74).with(purpose as u64)
}

/// The salt of a purpose at one server.
pub fn server_salt(purpose: Purpose, name_hash: u64) -> Key {
    salt(purpose).with(name_hash)
}

pub fn run_key(run: Run) -> Key {
    Key::new(run.seed).with(run.replication as u64)
}

/// Of what has a name: an agent, a cause of outages.
pub fn named_key(run: Key, purpose: Purpose, name_hash: u64) -> Key {
    run.with(purpose as u64).with(name_hash)
}

/// Of one of an agent's users.
pub fn user_key(agent: Key, user: u32) -> Key {
    agent.salted(salt(Purpose::User)).at(u64::from(user))
}

/// Of a call of a log.
pub fn replay_key(run: Key, number: u32) -> Key {
    run.with(Purpose::Replay as u64).at(u64::from(number))
}

/// What a task is: the gap from its start to the next one's, in units of the mean gap, and how many calls it makes.
pub struct TaskDraw {
    pub gap: f64,
    pub calls: u32,
}

/// Of a task, by its key: the agent's and the task's number.
#[inline(always)]
pub fn task(key: Key, agent: &AgentModel) -> TaskDraw {
    TaskDraw { gap: gap(key, agent), calls: calls(key, agent) }
}

/// Mean 1.
#[inline(always)]
pub fn gap(key: Key, agent: &AgentModel) -> f64 {
    let mut generator = key.salted(const { salt(Purpose::Task) }).generator();
    match &agent.gaps {
        super::model::Gaps::Exponential => generator.exponential(),
        super::model::Gaps::Constant => 1.0,
        super::model::Gaps::Gamma(gamma) => generator.sample(gamma),
    }
}

#[inline(always)]
fn calls(key: Key, agent: &AgentModel) -> u32 {
    let Some(poisson) = &agent.calls_beyond_first else { return 1 };
    let mut generator = key.salted(const { salt(Purpose::Task) }).generator().part(1);
    1 + poisson.sample(&mut generator) as u32
}

/// How long the phase lasts that has this number, on or off.
pub fn phase(agent: Key, number: u64, lasts: &crate::distribution::Sampler) -> SimTime {
    lasts.sample(agent.salted(const { salt(Purpose::Phase) }).at(number).generator())
}

/// A closed loop's user before its next task, by that task's key.
pub fn pause(key: Key, pause: &crate::distribution::Sampler) -> SimTime {
    pause.sample(key.salted(const { salt(Purpose::Task) }).generator())
}

/// Thinking before a call, by the call's key: its task's and its number within the task.
#[inline(always)]
pub fn think(key: Key, agent: &AgentModel) -> SimTime {
    agent.think.sample(key.salted(const { salt(Purpose::Think) }).generator())
}

/// From [0, 1): picks the need that a call serves.
#[inline(always)]
pub fn need(key: Key) -> f64 {
    key.salted(const { salt(Purpose::Need) }).uniform()
}

/// From [0, 1): whether a call asks what the last answer told.
pub fn repeat(key: Key) -> f64 {
    key.salted(const { salt(Purpose::Repeat) }).uniform()
}

/// For choosing a call's server while it runs.
pub fn dispatch(key: Key) -> crate::random::Generator {
    key.salted(const { salt(Purpose::Dispatch) }).generator()
}

/// What an accepted attempt will meet at a server. How large it is, is the call's own, whoever serves it: at two servers with the same
/// service times it takes as long. Whether it goes well is between the call and the server.
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
    /// An error result, a protocol error, or work that was aborted.
    Error,
    /// An error after a stall.
    Stall,
    /// The connection breaks instead of an answer.
    Disconnected,
    /// No answer, ever.
    Silence,
}

#[inline(always)]
pub fn service(key: Key, server: &ServerModel, service: &ServiceModel, attempt: u32) -> ServiceDraw {
    let size = key.salted(const { salt(Purpose::Size) }).generator();
    let serial = service.serial.sample(size.part(2 * u64::from(attempt)));
    let parallel = service.parallel.sample(size.part(2 * u64::from(attempt) + 1));
    let (fate, rest) = match &server.errors {
        None => (Fate::Success, parallel),
        Some(errors) => fate(key.salted(server.fate_salt).generator().part(u64::from(attempt)).uniform(), errors, serial, parallel),
    };
    ServiceDraw { serial, rest, fate }
}

fn fate(chance: f64, errors: &ErrorModel, serial: SimTime, parallel: SimTime) -> (Fate, SimTime) {
    if chance < errors.answered {
        (Fate::Error, parallel)
    } else if chance < errors.stalled {
        (Fate::Stall, errors.stall_time.saturating_sub(serial))
    } else if chance < errors.unanswered {
        (Fate::Silence, SimTime::ZERO)
    } else if chance < errors.disconnected {
        (Fate::Disconnected, parallel)
    } else {
        (Fate::Success, parallel)
    }
}

/// What the first call on a session takes beyond its own.
pub fn first_call(key: Key, server: &ServerModel, attempt: u32) -> SimTime {
    let salt = server_salt(Purpose::FirstCall, server.name_hash);
    server.first_call.sample(key.salted(salt).at(u64::from(attempt)).generator())
}

/// How long an attempt waits for a slot, or in all, where that is drawn.
pub fn patience(key: Key, server: &ServerModel, attempt: u32, sampler: &crate::distribution::Sampler, part: u64) -> SimTime {
    let salt = server_salt(Purpose::Patience, server.name_hash);
    sampler.sample(key.salted(salt).at(u64::from(attempt)).generator().part(part))
}

/// How long connecting takes, and whether a session comes about.
#[derive(Debug, Clone, Copy)]
pub struct ConnectDraw {
    pub time: SimTime,
    pub succeeds: bool,
}

/// What a server that is asked for a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Refuses.
    Out,
    /// Nobody has connected to it yet in this run.
    Cold,
    Warm,
}

pub fn connect(key: Key, server: &ServerModel, attempt: u32, readiness: Readiness) -> ConnectDraw {
    let mut generator = key.salted(server.connect_salt).at(u64::from(attempt)).generator();
    let succeeds = readiness != Readiness::Out && generator.uniform() >= server.connect_failure;
    let time = match (succeeds, readiness, &server.connect_cold_time) {
        (false, _, _) => &server.connect_failure_time,
        (true, Readiness::Cold, Some(cold)) => cold,
        (true, _, _) => &server.connect_time,
    };
    ConnectDraw { time: time.sample(generator.part(1)), succeeds }
}

/// Wait before retry `retry` (from 1): min(first * factor^(retry-1), max), spread as the policy says.
pub fn backoff(key: Key, policy: &BackoffModel, server: &ServerModel, retry: u32) -> SimTime {
    if policy.first == SimTime::ZERO {
        return SimTime::ZERO;
    }
    let wait = (policy.first * policy.factor.powf(f64::from(retry) - 1.0)).min(policy.max);
    let salt = server_salt(Purpose::Backoff, server.name_hash);
    let mut generator = key.salted(salt).at(u64::from(retry)).generator();
    match &policy.spread {
        Spread::Jitter(jitter) if jitter.value.get() == 0.0 => wait,
        Spread::Jitter(jitter) => wait * (1.0 - jitter.value.get() * generator.uniform()),
        Spread::Exponential => wait * generator.exponential(),
    }
}

pub fn stand_in(key: Key, stand_in: &StandInModel) -> SimTime {
    stand_in.time.sample(key.salted(stand_in.salt).generator())
}
