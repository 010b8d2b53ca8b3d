//! The agents' work: tasks start as a Poisson process from time zero to the horizon; a task makes calls one after the other,
//! with thinking between them. At the horizon no more calls are issued.

use crate::random::Key;

use super::session::Session;
use super::*;

#[derive(Debug)]
pub struct Task {
    pub agent: AgentId,
    key: Key,
    /// Calls issued so far.
    issued: u64,
    /// Calls that it will make in all.
    calls: u64,
    /// Its own sessions, one a server, opened by its first attempt there.
    pub sessions: Vec<Session>,
}

impl Task {
    /// The key of the call issued last.
    pub fn call_key(&self) -> Key {
        self.key.with(self.issued)
    }
}

impl Simulation<'_> {
    pub fn schedule_first_tasks(&mut self) {
        for agent in (0..self.model.agents.len()).map(AgentId::from) {
            let model = &self.model.agents[agent.index()];
            if model.tasks > 0.0 {
                // Task 0 is never run: it is there for its gap.
                let start = luck::task(model.key.with(0), model).gap;
                self.schedule_task(agent, start);
            }
        }
    }

    fn schedule_task(&mut self, agent: AgentId, start: SimTime) {
        if start < self.model.horizon {
            self.calendar.schedule(start, Event::TaskStarts(agent));
        }
    }

    pub fn start_task(&mut self, agent: AgentId) {
        self.task_counts[agent.index()] += 1;
        let model = &self.model.agents[agent.index()];
        let key = model.key.with(self.task_counts[agent.index()]);
        let draw = luck::task(key, model);
        self.schedule_task(agent, self.now + draw.gap);
        let task = self.tasks.insert(Task { agent, key, issued: 0, calls: draw.calls, sessions: Vec::new() });
        self.issue_call(task);
    }

    pub fn issue_call(&mut self, id: Id<Task>) {
        let task = &mut self.tasks[id];
        task.issued += 1;
        let (agent, key) = (task.agent, task.call_key());
        let need = self.model.agents[agent.index()].need(luck::need(key));
        self.start_call(id, need);
    }

    /// The task's last call is over, well or not: it thinks and goes on, or ends.
    pub fn call_is_over(&mut self, id: Id<Task>) {
        let task = &self.tasks[id];
        if task.issued < task.calls {
            let next = task.key.with(task.issued + 1);
            let at = self.now + luck::think(next, &self.model.agents[task.agent.index()]);
            if at < self.model.horizon {
                // Through the calendar even without thinking: however many calls take no time, the stack stays flat.
                self.calendar.schedule(at, Event::CallIssued(id));
                return;
            }
        }
        self.end_task(id);
    }

    fn end_task(&mut self, id: Id<Task>) {
        if let Some(task) = self.tasks.remove(id) {
            task.sessions.into_iter().for_each(|session| self.close_session(session));
        }
    }
}
