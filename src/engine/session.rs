//! Connecting. A shared server has one session for all agents: the first attempt that needs it opens it, attempts that come
//! meanwhile wait for the same opening (and fail with it), and it stands until an outage ends it. A server with a process a session
//! is opened by each task's first attempt there and closed at the task's end or by an outage; its process takes memory.

use crate::scenario::Process;

use super::call::Failure;
use super::server::Phase;
use super::*;

/// The session of all agents with a shared server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Closed,
    Opening { succeeds: bool, counted: bool },
    Open,
}

/// A task's own session with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub server: ServerId,
    /// The server's when it was opened: an outage since has ended it.
    pub epoch: u32,
}

impl Simulation<'_> {
    /// One attempt of the call at a server: through its session, which is opened first where there is none.
    pub fn start_attempt(&mut self, call: Id<Call>, server: ServerId) {
        let id = self.begin_attempt(call, server);
        match self.model.servers[server.index()].process {
            Process::Shared => match self.servers[server.index()].link {
                Link::Open => self.arrive(id),
                Link::Opening { .. } => self.servers[server.index()].connecting.push(id),
                Link::Closed => self.open_link(id),
            },
            Process::Session => {
                let epoch = self.servers[server.index()].epoch;
                let task = &mut self.tasks[self.calls[call].task];
                task.sessions.retain(|session| session.server != server || session.epoch == epoch);
                if task.sessions.iter().any(|session| session.server == server) {
                    self.arrive(id);
                } else {
                    self.open_session(id);
                }
            }
        }
    }

    fn open_link(&mut self, id: Id<Attempt>) {
        let (server, counted) = (self.attempts[id].server, self.attempts[id].counted);
        let draw = self.draw_connect(id);
        let state = &mut self.servers[server.index()];
        state.connecting.push(id);
        state.link = Link::Opening { succeeds: draw.succeeds, counted };
        self.note_connect(server, counted);
        let epoch = self.servers[server.index()].epoch;
        if draw.time == SimTime::ZERO {
            self.link_ready(server, epoch);
        } else {
            self.calendar.schedule(self.now + draw.time, Event::LinkReady { server, epoch });
        }
    }

    pub fn link_ready(&mut self, server: ServerId, epoch: u32) {
        let state = &mut self.servers[server.index()];
        let Link::Opening { succeeds, counted } = state.link else { return };
        if state.epoch != epoch {
            return;
        }
        state.link = if succeeds { Link::Open } else { Link::Closed };
        self.note_connected(server, counted, succeeds);
        // Nobody joins the waiting ones meanwhile: what follows goes through the calendar.
        let mut waiting = std::mem::take(&mut self.servers[server.index()].connecting);
        for id in waiting.drain(..) {
            if !self.attempts.contains(id) {
                continue;
            }
            if succeeds {
                self.arrive(id);
            } else if let Some(call) = self.remove_attempt(id).and_then(|attempt| attempt.call) {
                self.attempt_failed(call, server, Failure::Failed);
            }
        }
        self.servers[server.index()].connecting = waiting;
    }

    fn open_session(&mut self, id: Id<Attempt>) {
        let (server, counted) = (self.attempts[id].server, self.attempts[id].counted);
        let memory = self.model.servers[server.index()].memory;
        let state = &mut self.servers[server.index()];
        let is_out = state.is_out();
        self.note_connect(server, counted);
        if !is_out && !self.memory.take(self.now, memory) {
            // The process cannot even start.
            return self.session_failed(id);
        }
        let state = &mut self.servers[server.index()];
        if !is_out {
            state.sessions += 1;
            self.attempts[id].session = Some(Session { server, epoch: state.epoch });
        }
        let draw = self.draw_connect(id);
        if draw.time == SimTime::ZERO {
            self.session_ready(id, draw.succeeds);
        } else {
            self.calendar.schedule(self.now + draw.time, Event::SessionReady { attempt: id, succeeds: draw.succeeds });
        }
    }

    pub fn session_ready(&mut self, id: Id<Attempt>, succeeds: bool) {
        let Some(attempt) = self.attempts.get_mut(id) else { return };
        if !succeeds {
            return self.session_failed(id);
        }
        let (server, counted) = (attempt.server, attempt.counted);
        let session = attempt.session.take().expect("a session that comes about holds its process");
        let call = attempt.call.expect("a client that gives up takes its opening with it");
        let task = self.calls[call].task;
        self.tasks[task].sessions.push(session);
        self.note_connected(server, counted, true);
        self.arrive(id);
    }

    fn session_failed(&mut self, id: Id<Attempt>) {
        let Some(attempt) = self.remove_attempt(id) else { return };
        self.note_connected(attempt.server, attempt.counted, false);
        if let Some(session) = attempt.session {
            self.close_session(session);
        }
        if let Some(call) = attempt.call {
            self.attempt_failed(call, attempt.server, Failure::Failed);
        }
    }

    /// Its process ends, unless an outage has ended it before.
    pub fn close_session(&mut self, session: Session) {
        let state = &mut self.servers[session.server.index()];
        if state.epoch == session.epoch {
            state.sessions -= 1;
            self.memory.release(self.now, self.model.servers[session.server.index()].memory);
        }
    }

    /// The client gives up an attempt that is still connecting. Its own opening ends with it; the shared one goes on.
    pub fn stop_connecting(&mut self, id: Id<Attempt>) {
        let Some(attempt) = self.remove_attempt(id) else { return };
        if self.model.servers[attempt.server.index()].process == Process::Session {
            self.note_connected(attempt.server, attempt.counted, false);
        }
        if let Some(session) = attempt.session {
            self.close_session(session);
        }
    }

    /// An outage ends all sessions, and what is being opened.
    pub fn lose_sessions(&mut self, server: ServerId) {
        let state = &mut self.servers[server.index()];
        state.epoch = state.epoch.wrapping_add(1);
        state.connecting.clear();
        let link = std::mem::replace(&mut state.link, Link::Closed);
        for _ in 0..std::mem::take(&mut state.sessions) {
            self.memory.release(self.now, self.model.servers[server.index()].memory);
        }
        if let Link::Opening { counted, .. } = link {
            self.note_connected(server, counted, false);
        }
    }

    fn draw_connect(&self, id: Id<Attempt>) -> luck::ConnectDraw {
        let attempt = &self.attempts[id];
        debug_assert_eq!(attempt.phase, Phase::Connecting);
        let is_out = self.servers[attempt.server.index()].is_out();
        luck::connect(attempt.key, &self.model.servers[attempt.server.index()], attempt.number, is_out)
    }

    fn note_connect(&mut self, server: ServerId, counted: bool) {
        self.outcome.servers[server.index()].connects += u64::from(counted);
    }

    pub fn note_connected(&mut self, server: ServerId, counted: bool, succeeds: bool) {
        let row = &mut self.servers[server.index()].connect_failures_row;
        if succeeds {
            *row = 0;
        } else if counted {
            *row += 1;
            let tally = &mut self.outcome.servers[server.index()];
            tally.connect_failures += 1;
            tally.connect_failures_row = tally.connect_failures_row.max(*row);
        }
    }
}
