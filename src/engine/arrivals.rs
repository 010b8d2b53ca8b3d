//! When tasks start, from time zero to the horizon: open streams (Poisson, gamma gaps, bursts, a day's profile), closed loops of users
//! who come back, or a log.
//!
//! An open stream's gaps are drawn in its own time, which runs at the rate that holds (1 on average; nothing while a burst is off): the
//! time change of a point process (Daley & Vere-Jones 2003, sec. 7.4). So a rhythm moves the same gaps and reshuffles nothing.

use crate::scenario::NeedId;

use super::model::{AgentModel, Rhythm};
use super::workload::Origin;
use super::*;

#[derive(Debug)]
pub struct Arrivals {
    /// Tasks begun so far, by user of a closed loop.
    user_counts: Vec<u64>,
    /// Calls of the log begun so far.
    replayed: u32,
}

/// Where an agent's open stream is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stream {
    /// Tasks begun so far.
    tasks: u64,
    /// Of an on/off rhythm: the number of the phase, and when it ends. Even numbers are on.
    phase: u64,
    phase_ends: SimTime,
}

impl Arrivals {
    pub fn new(agents: &[AgentModel]) -> Arrivals {
        let users = agents.iter().filter_map(|agent| agent.closed.as_ref()).map(|closed| closed.users as usize).sum();
        Arrivals { user_counts: vec![0; users], replayed: 0 }
    }
}

impl Stream {
    /// When the next task starts, a gap (mean 1) after the one that starts now; some instant after the horizon where it lies beyond that.
    #[inline(always)]
    fn next_start(&mut self, agent: &AgentModel, now: SimTime, gap: f64, horizon: SimTime) -> Option<SimTime> {
        let mean = agent.gap?;
        Some(self.after(agent, now, gap * mean, horizon))
    }

    /// The instant that lies `gap` \[ns\] of the stream's own time after `now`; some instant after `until` where it lies beyond that.
    #[inline(always)]
    fn after(&mut self, agent: &AgentModel, now: SimTime, gap: f64, until: SimTime) -> SimTime {
        // At least a nanosecond: however high the rate, time goes on.
        let plain = |now: SimTime, gap: f64| now + SimTime::from_nanos(gap).max(SimTime(1));
        match &agent.rhythm {
            Rhythm::Steady => plain(now, gap),
            Rhythm::Profile { rates, part } => {
                let (mut at, mut gap) = (now, gap);
                loop {
                    let number = at.0 / part.0;
                    let left = (number + 1) * part.0 - at.0;
                    let rate = rates[number as usize % rates.len()];
                    if left as f64 * rate >= gap || at >= until {
                        return plain(at, gap / rate.max(1e-9));
                    }
                    gap -= left as f64 * rate;
                    at = SimTime((number + 1) * part.0);
                }
            }
            Rhythm::OnOff { on, off } => {
                let (mut at, mut gap) = (now, gap);
                loop {
                    while self.phase_ends <= at {
                        if self.phase_ends > SimTime::ZERO {
                            self.phase += 1;
                        }
                        let lasts = if self.phase.is_multiple_of(2) { on } else { off };
                        self.phase_ends += luck::phase(agent.key, self.phase, lasts).max(SimTime(1));
                    }
                    let left = (self.phase_ends - at).0 as f64;
                    let is_on = self.phase.is_multiple_of(2);
                    if is_on && left >= gap || at >= until {
                        return plain(at, gap);
                    }
                    gap -= if is_on { left } else { 0.0 };
                    at = self.phase_ends;
                }
            }
        }
    }
}

impl<O: Observer> Simulation<'_, O> {
    pub fn schedule_first_tasks(&mut self) {
        for agent in (0..self.agents.len()).map(AgentId::from) {
            // Task 0 is never run: it is there for its gap.
            let AgentState { model, stream, .. } = &mut self.agents[agent.index()];
            let users = model.closed.as_ref().map_or(0, |closed| closed.users);
            let first = stream.next_start(model, self.now, luck::gap(model.key.at(0), model), self.model.horizon);
            self.schedule_task(agent, first);
            (0..users).for_each(|user| self.user_pauses(agent, user));
        }
        self.schedule_replay();
    }

    #[inline(always)]
    fn schedule_task(&mut self, agent: AgentId, start: Option<SimTime>) {
        if let Some(start) = start.filter(|start| *start < self.model.horizon) {
            self.calendar.schedule(start, Event::TaskStarts(agent));
        }
    }

    #[inline(always)]
    pub fn task_starts(&mut self, agent: AgentId) {
        let AgentState { model, stream, .. } = &mut self.agents[agent.index()];
        stream.tasks += 1;
        let key = model.key.at(stream.tasks);
        let draw = luck::task(key, model);
        let next = stream.next_start(model, self.now, draw.gap, self.model.horizon);
        self.schedule_task(agent, next);
        self.start_task(agent, key, draw.calls, Origin::Stream);
    }

    /// The user's next task starts after its pause.
    pub fn user_pauses(&mut self, agent: AgentId, user: u32) {
        let model = &self.agents[agent.index()].model;
        let Some(closed) = &model.closed else { return };
        let number = self.arrivals.user_counts[(closed.users_first + user) as usize];
        let key = luck::user_key(model.key, user).at(number);
        let at = self.now + luck::pause(key, &closed.pause).max(SimTime(1));
        if at < self.model.horizon {
            self.calendar.schedule(at, Event::UserReturns { agent, user });
        }
    }

    pub fn user_returns(&mut self, agent: AgentId, user: u32) {
        let model = &self.agents[agent.index()].model;
        let Some(closed) = &model.closed else { return };
        let count = &mut self.arrivals.user_counts[(closed.users_first + user) as usize];
        let key = luck::user_key(model.key, user).at(*count);
        *count += 1;
        let calls = luck::task(key, model).calls;
        self.start_task(agent, key, calls, Origin::User(user));
    }

    fn schedule_replay(&mut self) {
        let Some(replay) = &self.model.replay else { return };
        let Some(call) = replay.calls.get(self.arrivals.replayed as usize) else { return };
        let at = SimTime::from_nanos(call.at.0 as f64 / replay.speed).max(self.now);
        if at < self.model.horizon {
            self.calendar.schedule(at, Event::ReplayDue);
        }
    }

    /// One call of the log: a task of its own.
    pub fn replay_due(&mut self) {
        let number = self.arrivals.replayed;
        let Some(replay) = &self.model.replay else { return };
        let (agent, key) = (self.agent_of(replay.calls[number as usize].need), luck::replay_key(replay.key, number));
        self.arrivals.replayed += 1;
        self.schedule_replay();
        self.start_task(agent, key, 1, Origin::Replay(number));
    }

    fn agent_of(&self, need: NeedId) -> AgentId {
        let last = self.agents.partition_point(|agent| agent.model.needs_first <= need.0);
        AgentId::from(last.saturating_sub(1))
    }
}
