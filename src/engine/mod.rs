//! One replication of the simulation: deterministic, and it cannot fail.
//!
//! Each modelled behaviour stands in one file, in the order in which a call meets them:
//!
//! | file | what it models |
//! |---|---|
//! | `arrivals` | when tasks start: Poisson, renewal, bursts, a day's profile, closed loops, a log |
//! | `workload` | tasks, their calls in sequence or several at once, thinking |
//! | `dispatch` | a gateway that chooses the server of each call |
//! | `client` | an agent's cache, its limit of calls under way |
//! | `call` | a call's way over its targets: attempts, fallbacks, stand-ins, the cap on its life |
//! | `retry` | back-off, retry budget, "retry after" |
//! | `hedge` | a second attempt beside a slow one |
//! | `breaker` | circuit breakers |
//! | `session` | connecting: cold start, a process a session or shared |
//! | `rate_limit` | token buckets |
//! | `memory` | the host's memory, and what slows down when it is full |
//! | `server` | what is taken and what is turned away, safe concurrency, giving up |
//! | `queue` | who waits for a slot, and who is next |
//! | `service` | the serial part on a slot, the parallel part, the answer |
//! | `sharing` | processor sharing |
//! | `outage` | outages, freezes, slow periods, the watchdog |
//!
//! What has more than one place:
//!
//! | what | where |
//! |---|---|
//! | time-outs | begun in `server` (`plan_timeout`) and `queue` (`wait_for_slot`: patience with waiting), over in `call` (`timed_out`, `queue_timed_out`; `watch_life`, `call_life_over`: the cap), what becomes of the work in `server` (`give_up`) |
//! | errors | drawn in `luck` (`Fate`), carried out in `service` (`serve_rest`, `answer`), answered by the client in `call` (`attempt_failed`) |
//! | caches | state and rules in `client` (`cached`, `fill_cache`), looked at in `call` (`start_call`, `attempt_succeeded`) |
//! | safe concurrency | `server` (`arrive`: who is at risk), counted in `service` (`answer`) and `call` (`attempt_succeeded`) |
//!
//! `luck` holds every random draw, `model` what the hot loop reads, `calendar` and `slab` what it runs on, `outcome` what it counts,
//! `observer` what can be watched.

mod arrivals;
mod breaker;
mod calendar;
mod call;
mod client;
mod dispatch;
mod far;
mod hedge;
mod luck;
mod memory;
mod model;
mod observer;
mod outage;
mod outcome;
mod queue;
mod rate_limit;
mod retry;
mod server;
mod service;
mod session;
mod sharing;
mod slab;
#[cfg(test)]
mod tests;
mod workload;

use hdrhistogram::Histogram;

use crate::mapping::Mapping;
use crate::scenario::{AgentId, Scenario, ServerId, StandInId, Target};
use crate::units::{SimTime, TimeSum};

use arrivals::Arrivals;
use breaker::Breaker;
use calendar::{Calendar, Lane};
use call::Call;
use client::AgentState;
use dispatch::Gateway;
use memory::Memory;
use model::{Compiled, Model};
use server::{Attempt, ServerState};
use session::Session;
use slab::{Id, Slab};
use workload::Task;

pub use luck::Fate;
pub use observer::*;
pub use outcome::*;

/// Which replication of which seed. The same run meets the same luck under every mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub seed: u64,
    pub replication: u32,
}

/// Mean number of calls that one replication issues: what a run costs. A scenario may state more than any machine can
/// simulate; whoever starts runs should look here first.
pub fn expected_calls(scenario: &Scenario) -> f64 {
    if let Some(replay) = &scenario.replay {
        return replay.calls.len() as f64;
    }
    let calls_per_second: f64 =
        scenario.agent_ids().map(|id| model::task_rate(scenario, id) * scenario.agent(id).workload.calls.value.max(1.0)).sum();
    calls_per_second * scenario.run.horizon.as_secs()
}

/// Runs the scenario under the mapping from time zero to the horizon, and what is counted from there to its end.
///
/// It ends for every scenario that `scenario::parse` accepts: nobody issues calls after the horizon, and no call outlives its cap.
pub fn simulate(scenario: &Scenario, mapping: &Mapping, run: Run) -> Outcome {
    simulate_observed(scenario, mapping, run, &mut ())
}

/// As [`simulate`], watched. The outcome is the same.
pub fn simulate_observed<O: Observer>(scenario: &Scenario, mapping: &Mapping, run: Run, observer: &mut O) -> Outcome {
    assert_eq!(mapping.assignments.len(), scenario.needs.len(), "a mapping has one assignment a need");
    let mut simulation = Simulation::new(Compiled::new(scenario, mapping, run), observer);
    simulation.run();
    simulation.finish()
}

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Event {
    TaskStarts(AgentId),
    UserReturns {
        agent: AgentId,
        user: u32,
    },
    /// The next call of the log.
    ReplayDue,
    /// The task's call of this number, after thinking.
    CallIssued {
        task: Id<Task>,
        number: u32,
    },
    /// The call's next attempt: at another target, or after back-off.
    AttemptDue(Id<Call>),
    /// The attempt has its own session now, or has failed to get it.
    SessionReady {
        attempt: Id<Attempt>,
        succeeds: bool,
    },
    /// The session of all agents with a shared server is there now, or has failed to come about.
    LinkReady {
        server: ServerId,
        epoch: u32,
    },
    SerialDone(Id<Attempt>),
    /// Somebody left a slot there before the time.
    SlotLeft(ServerId),
    /// Something is due at a server that shares its slots.
    ShareDone {
        server: ServerId,
        epoch: u32,
    },
    Answered(Id<Attempt>),
    StandInAnswered(Id<Call>),
    TimedOut(Id<Attempt>),
    QueueTimedOut(Id<Attempt>),
    HedgeDue(Id<Attempt>),
    CallLifeOver(Id<Call>),
    CauseBegins(u32),
    CauseEnds(u32),
}

struct Simulation<'a, O> {
    model: Model<'a>,
    now: SimTime,
    calendar: Calendar<Event>,
    arrivals: Arrivals,
    tasks: Slab<Task>,
    calls: Slab<Call>,
    attempts: Slab<Attempt>,
    /// Of tasks with servers that have a process a session.
    sessions: Slab<Session>,
    agents: Vec<AgentState>,
    gateway: Gateway,
    servers: Vec<ServerState>,
    /// [agent][server]; empty where the policy has none.
    breakers: Vec<Breaker>,
    memory: Memory,
    /// Room for what an outage breaks.
    broken: Vec<Id<Attempt>>,
    /// Outages and the like begun so far, by cause.
    cause_counts: Vec<u64>,
    /// Counted calls under way.
    counted_open: u64,
    /// Response times of the counted calls that succeeded.
    response: Histogram<u64>,
    observer: &'a mut O,
}

impl<'a, O: Observer> Simulation<'a, O> {
    fn new(compiled: Compiled<'a>, observer: &'a mut O) -> Simulation<'a, O> {
        let Compiled { model, agents, servers } = compiled;
        let breakers = if model.policy.breaker.is_some() { agents.len() * servers.len() } else { 0 };
        Simulation {
            now: SimTime::ZERO,
            calendar: Calendar::new(),
            arrivals: Arrivals::new(&agents),
            tasks: Slab::new(),
            calls: Slab::new(),
            attempts: Slab::new(),
            sessions: Slab::new(),
            gateway: Gateway::new(&model, servers.len()),
            agents: agents.into_iter().map(|agent| AgentState::new(agent, &model.policy)).collect(),
            servers: servers.into_iter().map(ServerState::new).collect(),
            breakers: vec![Breaker::CLOSED; breakers],
            memory: Memory::new(&model),
            broken: Vec::new(),
            cause_counts: vec![0; model.causes.len()],
            counted_open: 0,
            response: outcome::response_histogram(model.policy.call_life),
            model,
            observer,
        }
    }

    fn run(&mut self) {
        self.begin();
        while self.step() {}
    }

    fn begin(&mut self) {
        self.schedule_first_tasks();
        self.schedule_first_causes();
    }

    /// The next event; false where all that counts is over.
    #[inline(always)]
    fn step(&mut self) -> bool {
        let Some((time, event)) = self.calendar.pop() else { return false };
        if time >= self.model.horizon && self.counted_open == 0 {
            return false;
        }
        debug_assert!(time >= self.now, "time never goes back");
        self.now = time;
        match event {
            Event::TaskStarts(agent) => self.task_starts(agent),
            Event::UserReturns { agent, user } => self.user_returns(agent, user),
            Event::ReplayDue => self.replay_due(),
            Event::CallIssued { task, number } => self.issue_call(task, number),
            Event::AttemptDue(call) => self.attempt_next(call),
            Event::SessionReady { attempt, succeeds } => self.session_ready(attempt, succeeds),
            Event::LinkReady { server, epoch } => self.link_ready(server, epoch),
            Event::SerialDone(attempt) => self.serial_done(attempt),
            Event::SlotLeft(server) => self.serve_waiting(server),
            Event::ShareDone { server, epoch } => self.share_done(server, epoch),
            Event::Answered(attempt) => self.answered(attempt),
            Event::StandInAnswered(call) => self.call_succeeded(call),
            Event::TimedOut(attempt) => self.timed_out(attempt),
            Event::QueueTimedOut(attempt) => self.queue_timed_out(attempt),
            Event::HedgeDue(attempt) => self.hedge_due(attempt),
            Event::CallLifeOver(call) => self.call_life_over(call),
            Event::CauseBegins(cause) => self.cause_begins(cause),
            Event::CauseEnds(cause) => self.cause_ends(cause),
        }
        true
    }

    /// Closes the books at the horizon.
    fn finish(mut self) -> Outcome {
        self.now = self.now.max(self.model.horizon);
        self.close_slots();
        let window = self.model.horizon.saturating_sub(self.model.warmup);
        for state in &mut self.servers {
            state.tally.up = window.saturating_sub(state.down_time(&self.model, self.now));
            state.tally.frozen = state.frozen_time(&self.model, self.now);
        }
        Outcome {
            window,
            agents: self.agents.into_iter().map(|agent| agent.tally).collect(),
            servers: self.servers.into_iter().map(|server| server.tally).collect(),
            response: self.response,
            memory_peak: self.memory.peak(self.now),
        }
    }

    /// Whether what happens now is within the window.
    #[inline(always)]
    fn in_window(&self) -> bool {
        self.model.in_window(self.now)
    }
}

impl Model<'_> {
    #[inline(always)]
    fn in_window(&self, instant: SimTime) -> bool {
        instant >= self.warmup && instant < self.horizon
    }

    /// How much of a span lies within the window.
    #[inline(always)]
    fn within_window(&self, from: SimTime, to: SimTime) -> SimTime {
        to.min(self.horizon).saturating_sub(from.max(self.warmup))
    }
}
