//! Connecting. A shared server has one session for all agents: the first attempt that needs it opens it, attempts that come
//! meanwhile wait for the same opening (and fail with it), and it stands until an outage ends it or it breaks. A server with a process a
//! session is opened by each task's first attempt there and closed at the task's end, by an outage, or when it breaks; its process takes
//! memory. The run's first connection to a server may be a cold start; the first call on a session may take longer.

use crate::scenario::Process;
use crate::units::Bytes;

use super::call::Failure;
use super::luck::Readiness;
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
#[derive(Debug, Clone, Copy)]
pub struct Session {
    pub server: ServerId,
    /// The server's when it was opened: an outage since has ended it.
    epoch: u32,
    /// It has not been closed, nor broken by itself.
    open: bool,
    /// Its first call has been made.
    used: bool,
    /// Memory \[B\] by which its process has grown.
    grown: u64,
    /// The task's session before.
    before: Option<Id<Session>>,
}

impl<O: Observer> Simulation<'_, O> {
    /// An attempt goes through its session, which is opened first where there is none.
    #[inline(always)]
    pub fn connect_attempt(&mut self, id: Id<Attempt>, server: ServerId) {
        let state = &mut self.servers[server.index()];
        match state.model.process {
            Process::Shared => match state.link {
                Link::Open => self.arrive(id),
                Link::Opening { .. } => state.connecting.push(id),
                Link::Closed => self.open_link(id),
            },
            Process::Session => match self.open_session_of(id, server) {
                Some(session) => {
                    self.attempts[id].session = Some(session);
                    self.arrive(id);
                }
                None => self.open_session(id),
            },
        }
    }

    /// The open session with the server that the attempt's task has. What is met on the way and has ended is forgotten: a task whose
    /// connections break again and again would look through ever more of them.
    fn open_session_of(&mut self, id: Id<Attempt>, server: ServerId) -> Option<Id<Session>> {
        let task = self.calls[self.attempts[id].call?].task;
        let (mut later, mut next) = (None::<Id<Session>>, self.tasks[task].sessions);
        while let Some(id) = next {
            let session = self.sessions[id];
            let is_open = session.open && session.epoch == self.servers[session.server.index()].epoch;
            if is_open && session.server == server {
                return Some(id);
            }
            next = session.before;
            if is_open {
                later = Some(id);
                continue;
            }
            self.sessions.remove(id);
            match later {
                Some(later) => self.sessions[later].before = next,
                None => self.tasks[task].sessions = next,
            }
        }
        None
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
        state.link_used = false;
        self.note_connected(server, counted, succeeds);
        // Nobody joins the waiting ones meanwhile: what follows goes through the calendar.
        let mut waiting = std::mem::take(&mut self.servers[server.index()].connecting);
        for id in waiting.drain(..) {
            if !self.attempts.contains(id) {
                continue;
            }
            if succeeds {
                self.arrive(id);
            } else {
                self.connecting_failed(id);
            }
        }
        self.servers[server.index()].connecting = waiting;
    }

    fn connecting_failed(&mut self, id: Id<Attempt>) {
        let Some(attempt) = self.remove_attempt(id) else { return };
        if let Some(call) = attempt.call {
            self.attempt_failed(call, attempt.tried(), Failure::Failed);
        }
    }

    fn open_session(&mut self, id: Id<Attempt>) {
        let (server, counted) = (self.attempts[id].server, self.attempts[id].counted);
        let memory = self.servers[server.index()].model.memory;
        let is_out = self.servers[server.index()].is_out();
        self.note_connect(server, counted);
        if !is_out && !self.memory.take(self.now, memory) {
            // The process cannot even start.
            return self.session_failed(id);
        }
        if !is_out {
            let state = &mut self.servers[server.index()];
            state.sessions += 1;
            let session = Session { server, epoch: state.epoch, open: true, used: false, grown: 0, before: None };
            self.attempts[id].session = Some(self.sessions.insert(|| session));
        }
        let draw = self.draw_connect(id);
        if draw.time == SimTime::ZERO {
            self.session_ready(id, draw.succeeds);
        } else {
            self.calendar.schedule(self.now + draw.time, Event::SessionReady { attempt: id, succeeds: draw.succeeds });
        }
    }

    pub fn session_ready(&mut self, id: Id<Attempt>, succeeds: bool) {
        let Some(attempt) = self.attempts.get(id) else { return };
        if !succeeds {
            return self.session_failed(id);
        }
        let (server, counted) = (attempt.server, attempt.counted);
        let session = attempt.session.expect("a session that comes about holds its process");
        let call = attempt.call.expect("a client that gives up takes its opening with it");
        let task = &mut self.tasks[self.calls[call].task];
        self.sessions[session].before = task.sessions.replace(session);
        self.note_connected(server, counted, true);
        self.arrive(id);
    }

    fn session_failed(&mut self, id: Id<Attempt>) {
        let attempt = self.attempts[id];
        self.note_connected(attempt.server, attempt.counted, false);
        self.drop_opening(&attempt);
        self.connecting_failed(id);
    }

    /// A session that was being opened, and is no task's yet.
    pub fn drop_opening(&mut self, attempt: &Attempt) {
        if let Some(session) = attempt.session {
            self.release_session(session);
            self.sessions.remove(session);
        }
    }

    /// Its process ends, unless an outage has ended it before.
    fn release_session(&mut self, id: Id<Session>) {
        let session = &mut self.sessions[id];
        let (server, grown) = (session.server, session.grown);
        let was_open = std::mem::replace(&mut session.open, false);
        let state = &mut self.servers[server.index()];
        if was_open && state.epoch == session.epoch {
            state.sessions -= 1;
            state.sessions_grown -= grown;
            self.memory.release(self.now, Bytes(self.servers[server.index()].model.memory.0 + grown));
        }
    }

    /// A task has ended: so do its sessions.
    pub fn close_sessions(&mut self, mut next: Option<Id<Session>>) {
        while let Some(id) = next {
            self.release_session(id);
            next = self.sessions.remove(id).and_then(|session| session.before);
        }
    }

    /// The connection that an attempt came through broke: the next attempt connects anew. Others on a shared server keep theirs.
    pub fn disconnect(&mut self, server: ServerId, session: Option<Id<Session>>) {
        match session {
            Some(session) if self.sessions.contains(session) => self.release_session(session),
            Some(_) => {}
            None => {
                let link = &mut self.servers[server.index()].link;
                if *link == Link::Open {
                    *link = Link::Closed;
                }
            }
        }
    }

    /// Nobody has been served on the attempt's session yet.
    pub fn is_first_call(&self, id: Id<Attempt>) -> bool {
        let attempt = &self.attempts[id];
        !match attempt.session {
            Some(session) => self.sessions[session].used,
            None => self.servers[attempt.server.index()].link_used,
        }
    }

    /// The attempt was taken.
    pub fn use_session(&mut self, id: Id<Attempt>) {
        let attempt = &self.attempts[id];
        match attempt.session {
            Some(session) => self.sessions[session].used = true,
            None => self.servers[attempt.server.index()].link_used = true,
        }
    }

    /// The process that answered has grown, as far as the host has room.
    pub fn grow(&mut self, server: ServerId, session: Option<Id<Session>>) {
        let server = server.index();
        let growth = self.servers[server].model.memory_growth;
        if growth.0 == 0 {
            return;
        }
        let state = &mut self.servers[server];
        let epoch = state.epoch;
        let grown = match session {
            None => &mut state.grown,
            // Its task may have ended without waiting for this answer.
            Some(id) => match self.sessions.get_mut(id) {
                Some(session) if session.open && session.epoch == epoch => &mut session.grown,
                _ => return,
            },
        };
        if self.memory.take(self.now, growth) {
            *grown += growth.0;
            if session.is_some() {
                self.servers[server].sessions_grown += growth.0;
            }
        }
    }

    /// The client gives up an attempt that is still connecting. Its own opening ends with it; the shared one goes on.
    pub fn stop_connecting(&mut self, id: Id<Attempt>) {
        let Some(attempt) = self.remove_attempt(id) else { return };
        if self.servers[attempt.server.index()].model.process == Process::Session {
            self.note_connected(attempt.server, attempt.counted, false);
        }
        self.drop_opening(&attempt);
    }

    /// An outage ends all sessions, and what is being opened; grown processes come back small.
    pub fn lose_sessions(&mut self, server: ServerId) {
        let state = &mut self.servers[server.index()];
        state.epoch = state.epoch.wrapping_add(1);
        state.connecting.clear();
        let link = std::mem::replace(&mut state.link, Link::Closed);
        let sessions = std::mem::take(&mut state.sessions) * state.model.memory.0;
        let grown = std::mem::take(&mut state.sessions_grown) + std::mem::take(&mut state.grown);
        self.memory.release(self.now, Bytes(sessions + grown));
        if let Link::Opening { counted, .. } = link {
            self.note_connected(server, counted, false);
        }
    }

    fn draw_connect(&self, id: Id<Attempt>) -> luck::ConnectDraw {
        let attempt = &self.attempts[id];
        debug_assert_eq!(attempt.phase, Phase::Connecting);
        let state = &self.servers[attempt.server.index()];
        let readiness = match (state.is_out(), state.warm) {
            (true, _) => Readiness::Out,
            (false, false) => Readiness::Cold,
            (false, true) => Readiness::Warm,
        };
        luck::connect(attempt.key, &self.servers[attempt.server.index()].model, attempt.number, readiness)
    }

    fn note_connect(&mut self, server: ServerId, counted: bool) {
        self.servers[server.index()].tally.connects += u64::from(counted);
    }

    pub fn note_connected(&mut self, server: ServerId, counted: bool, succeeds: bool) {
        let state = &mut self.servers[server.index()];
        state.warm |= succeeds;
        let row = &mut state.connect_failures_row;
        if succeeds {
            *row = 0;
        } else if counted {
            *row += 1;
            let tally = &mut state.tally;
            tally.connect_failures += 1;
            tally.connect_failures_row = tally.connect_failures_row.max(*row);
        }
    }
}
