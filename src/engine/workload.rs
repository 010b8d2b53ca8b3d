//! The agents' work: a task makes calls, one after the other or several at once, with thinking between them. At the horizon no more
//! calls are issued.

use super::*;
use crate::random::Key;

#[derive(Debug, Clone, Copy)]
pub struct Task {
    pub agent: AgentId,
    pub origin: Origin,
    key: Key,
    /// Calls claimed so far, and calls that it will make in all.
    claimed: u32,
    calls: u32,
    /// Rows of calls, one after the other, that are under way: at most as many as may be at once.
    rows: u32,
    /// Its own sessions, one a server: the one opened last, which knows the one before.
    pub sessions: Option<Id<Session>>,
}

/// Of a task, and of one of its calls.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    pub task: Key,
    pub call: Key,
}

impl Keys {
    #[inline(always)]
    fn of(task: Key, number: u32) -> Keys {
        Keys { task, call: task.at(u64::from(number)) }
    }
}

/// What started a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Stream,
    /// Of a closed loop.
    User(u32),
    /// The log's call of this number.
    Replay(u32),
}

impl<O: Observer> Simulation<'_, O> {
    #[inline(always)]
    pub fn start_task(&mut self, agent: AgentId, key: Key, calls: u32, origin: Origin) {
        let rows = calls.min(self.agents[agent.index()].model.at_once);
        let task = self.tasks.insert(move || Task { agent, origin, key, claimed: rows, calls, rows, sessions: None });
        let mut number = 0;
        while number < rows {
            number += 1;
            self.issue_call_of(task, agent, Keys::of(key, number), origin);
        }
    }

    #[inline(always)]
    pub fn issue_call(&mut self, id: Id<Task>, number: u32) {
        let Task { agent, key, origin, .. } = self.tasks[id];
        self.issue_call_of(id, agent, Keys::of(key, number), origin);
    }

    #[inline(always)]
    fn issue_call_of(&mut self, id: Id<Task>, agent: AgentId, keys: Keys, origin: Origin) {
        let need = match (origin, &self.model.replay) {
            (Origin::Replay(number), Some(replay)) => replay.calls[number as usize].need,
            _ => self.agents[agent.index()].model.need(keys.call),
        };
        self.start_call(id, agent, keys, need);
    }

    /// A call is over, well or not: its row thinks and goes on, or ends.
    #[inline(always)]
    pub fn call_is_over(&mut self, id: Id<Task>) {
        let task = &mut self.tasks[id];
        if task.claimed < task.calls {
            let number = task.claimed + 1;
            let at = self.now + luck::think(task.key.at(u64::from(number)), &self.agents[task.agent.index()].model);
            if at < self.model.horizon {
                task.claimed = number;
                // Through the calendar even without thinking: however many calls take no time, the stack stays flat.
                self.calendar.schedule(at, Event::CallIssued { task: id, number });
                return;
            }
        }
        task.rows -= 1;
        if task.rows == 0 {
            self.end_task(id);
        }
    }

    #[inline(always)]
    fn end_task(&mut self, id: Id<Task>) {
        let Some(task) = self.tasks.remove(id) else { return };
        if task.sessions.is_some() {
            self.close_sessions(task.sessions);
        }
        if let Origin::User(user) = task.origin {
            self.user_pauses(task.agent, user);
        }
    }

    /// What the log says of this call's service at that server.
    pub fn served_in_log(&self, task: Id<Task>, server: ServerId) -> Option<SimTime> {
        let replay = self.model.replay.as_ref()?;
        let Origin::Replay(number) = self.tasks.get(task)?.origin else { return None };
        replay.calls[number as usize].served.filter(|served| served.server == server).map(|served| served.took)
    }
}
