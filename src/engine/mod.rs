//! One replication of the simulation: deterministic, and it cannot fail.
//!
//! Each modelled behaviour stands in one file: `workload` (tasks and their calls), `call` (a call's way over its targets,
//! retries and back-off, the cap on its life), `breaker`, `session` (connecting), `memory`, `rate_limit`, `server` (queue, slots,
//! service, answers), `outage` (outages and recovery). `luck` holds every random draw, `model` what the hot loop reads,
//! `calendar` and `slab` what it runs on.

mod breaker;
mod calendar;
mod call;
mod luck;
mod memory;
mod model;
mod outage;
mod outcome;
mod rate_limit;
mod server;
mod session;
mod slab;
#[cfg(test)]
mod tests;
mod workload;

use crate::mapping::Mapping;
use crate::scenario::{AgentId, Scenario, ServerId, StandInId, Target};
use crate::units::SimTime;

use breaker::Breaker;
use calendar::{Calendar, Lane};
use call::Call;
use memory::Memory;
use model::Model;
use server::{Attempt, ServerState};
use slab::{Id, Slab};
use workload::Task;

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
    let calls_per_second: f64 =
        scenario.agent_ids().map(|id| model::task_rate(scenario, id) * scenario.agent(id).workload.calls.value.max(1.0)).sum();
    calls_per_second * scenario.run.horizon.as_secs()
}

/// Runs the scenario under the mapping from time zero to the horizon, and what is counted from there to its end.
///
/// It ends for every scenario: nobody issues calls after the horizon, and no call outlives its cap.
pub fn simulate(scenario: &Scenario, mapping: &Mapping, run: Run) -> Outcome {
    assert_eq!(mapping.assignments.len(), scenario.needs.len(), "a mapping has one assignment a need");
    let mut simulation = Simulation::new(Model::new(scenario, mapping, run));
    simulation.run();
    simulation.finish()
}

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Event {
    TaskStarts(AgentId),
    /// The task's next call, after thinking.
    CallIssued(Id<Task>),
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
    Answered(Id<Attempt>),
    StandInAnswered(Id<Call>),
    TimedOut(Id<Attempt>),
    CallLifeOver(Id<Call>),
    OutageStarts(u32),
    OutageEnds(u32),
}

struct Simulation<'a> {
    model: Model<'a>,
    now: SimTime,
    calendar: Calendar<Event>,
    tasks: Slab<Task>,
    calls: Slab<Call>,
    attempts: Slab<Attempt>,
    servers: Vec<ServerState>,
    /// [agent][server]; empty where the policy has none.
    breakers: Vec<Breaker>,
    memory: Memory,
    /// Tasks started so far, by agent.
    task_counts: Vec<u64>,
    /// Outages begun so far, by cause.
    outage_counts: Vec<u64>,
    /// Counted calls under way.
    counted_open: u64,
    outcome: Outcome,
    /// Kept where a test asks for it.
    #[cfg(test)]
    trace: Option<Vec<tests::Traced>>,
}

impl<'a> Simulation<'a> {
    fn new(model: Model<'a>) -> Simulation<'a> {
        let breakers = if model.breaker.is_some() { model.agents.len() * model.servers.len() } else { 0 };
        Simulation {
            now: SimTime::ZERO,
            calendar: Calendar::new(),
            tasks: Slab::new(),
            calls: Slab::new(),
            attempts: Slab::new(),
            servers: model.servers.iter().map(ServerState::new).collect(),
            breakers: vec![Breaker::CLOSED; breakers],
            memory: Memory::new(model.memory_limit, model.memory_resident, model.warmup, model.horizon),
            task_counts: vec![0; model.agents.len()],
            outage_counts: vec![0; model.causes.len()],
            counted_open: 0,
            outcome: Outcome::empty(&model),
            model,
            #[cfg(test)]
            trace: None,
        }
    }

    fn run(&mut self) {
        self.begin();
        while self.step() {}
    }

    fn begin(&mut self) {
        self.schedule_first_tasks();
        self.schedule_first_outages();
    }

    /// The next event; false where all that counts is over.
    fn step(&mut self) -> bool {
        let Some((time, event)) = self.calendar.pop() else { return false };
        if time >= self.model.horizon && self.counted_open == 0 {
            return false;
        }
        debug_assert!(time >= self.now, "time never goes back");
        self.now = time;
        match event {
            Event::TaskStarts(agent) => self.start_task(agent),
            Event::CallIssued(task) => self.issue_call(task),
            Event::AttemptDue(call) => self.attempt_next(call),
            Event::SessionReady { attempt, succeeds } => self.session_ready(attempt, succeeds),
            Event::LinkReady { server, epoch } => self.link_ready(server, epoch),
            Event::SerialDone(attempt) => self.serial_done(attempt),
            Event::Answered(attempt) => self.answered(attempt),
            Event::StandInAnswered(call) => self.call_succeeded(call),
            Event::TimedOut(attempt) => self.timed_out(attempt),
            Event::CallLifeOver(call) => self.call_life_over(call),
            Event::OutageStarts(cause) => self.outage_starts(cause),
            Event::OutageEnds(cause) => self.outage_ends(cause),
        }
        true
    }

    /// Closes the books at the horizon.
    fn finish(mut self) -> Outcome {
        self.now = self.now.max(self.model.horizon);
        self.close_slots();
        for (state, tally) in self.servers.iter().zip(&mut self.outcome.servers) {
            tally.up = self.outcome.window.saturating_sub(state.down_time(&self.model, self.now));
        }
        self.outcome.memory_peak = self.memory.peak(self.now);
        self.outcome
    }

    /// Whether what happens now is within the window.
    fn in_window(&self) -> bool {
        self.model.in_window(self.now)
    }
}

impl Model<'_> {
    fn in_window(&self, instant: SimTime) -> bool {
        instant >= self.warmup && instant < self.horizon
    }

    /// How much of a span lies within the window.
    fn within_window(&self, from: SimTime, to: SimTime) -> SimTime {
        to.min(self.horizon).saturating_sub(from.max(self.warmup))
    }
}

impl Outcome {
    fn empty(model: &Model) -> Outcome {
        Outcome {
            window: model.horizon.saturating_sub(model.warmup),
            agents: vec![CallTally::default(); model.agents.len()],
            servers: vec![ServerTally::default(); model.servers.len()],
            response: outcome::response_histogram(model.call_life),
            memory_peak: crate::units::Bytes(0),
        }
    }
}
