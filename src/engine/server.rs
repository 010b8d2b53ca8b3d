//! What a server does with the attempts that reach it: rate limit, queue, slots, the serial part of the service on a slot, the
//! parallel part without one, then the answer. A client that gave up is not noticed: the work goes on, its answer finds nobody.

use std::collections::VecDeque;

use crate::random::Key;
use crate::scenario::Process;

use super::call::Failure;
use super::luck::Fate;
use super::model::ServerModel;
use super::rate_limit::TokenBucket;
use super::session::{Link, Session};
use super::*;

#[derive(Debug)]
pub struct ServerState {
    /// Causes that hold it down now.
    pub down_causes: u32,
    /// Since when it is down, where it is; and how long it was before, within the window.
    pub down_since: SimTime,
    pub down_before: SimTime,
    pub link: Link,
    /// Attempts that wait for the link.
    pub connecting: Vec<Id<Attempt>>,
    /// Ends of sessions by outages, so far.
    pub epoch: u32,
    /// Open and opening sessions of tasks.
    pub sessions: u64,
    pub connect_failures_row: u32,
    tokens: Option<TokenBucket>,
    pub slots_free: u32,
    /// First come, first served.
    pub waiting: VecDeque<Id<Attempt>>,
    /// Every attempt that has begun here and is not over.
    pub under_way: Vec<Id<Attempt>>,
}

/// One attempt at a server, from its start until the server is done with it: longer than the client cares, where it gave up.
#[derive(Debug)]
pub struct Attempt {
    pub server: ServerId,
    /// None where the client gave up.
    pub call: Option<Id<Call>>,
    /// The call's.
    pub key: Key,
    pub counted: bool,
    /// Attempts of the call at this server before.
    pub number: u32,
    pub phase: Phase,
    /// Being opened by this attempt.
    pub session: Option<Session>,
    accepted: SimTime,
    /// When the serial part began.
    started: SimTime,
    serial: SimTime,
    rest: SimTime,
    fate: Fate,
    /// Its place in the server's `under_way`.
    place: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Connecting,
    Waiting,
    /// On a slot.
    Serial,
    /// The parallel part, or a stall.
    Parallel,
    /// Done with, without an answer.
    Silent,
}

impl ServerState {
    pub fn new(model: &ServerModel) -> ServerState {
        ServerState {
            down_causes: u32::from(!model.up),
            down_since: SimTime::ZERO,
            down_before: SimTime::ZERO,
            link: Link::Closed,
            connecting: Vec::new(),
            epoch: 0,
            sessions: 0,
            connect_failures_row: 0,
            tokens: model.rate_limit.map(TokenBucket::new),
            slots_free: model.slots,
            waiting: VecDeque::new(),
            under_way: Vec::new(),
        }
    }

    pub fn is_out(&self) -> bool {
        self.down_causes > 0
    }

    /// Within the window, up to now.
    pub fn down_time(&self, model: &Model, now: SimTime) -> SimTime {
        let present = if self.is_out() { model.within_window(self.down_since, now) } else { SimTime::ZERO };
        self.down_before + present
    }
}

impl Simulation<'_> {
    /// Enters an attempt in the books: it has begun, nothing has happened yet.
    pub fn begin_attempt(&mut self, call_id: Id<Call>, server: ServerId) -> Id<Attempt> {
        let call = &mut self.calls[call_id];
        let id = self.attempts.insert(Attempt {
            server,
            call: Some(call_id),
            key: call.key,
            counted: call.counted,
            number: call.attempt_number,
            phase: Phase::Connecting,
            session: None,
            accepted: SimTime::ZERO,
            started: SimTime::ZERO,
            serial: SimTime::ZERO,
            rest: SimTime::ZERO,
            fate: Fate::Success,
            place: self.servers[server.index()].under_way.len() as u32,
        });
        call.attempt = Some(id);
        self.servers[server.index()].under_way.push(id);
        if call.counted {
            self.outcome.agents[call.agent.index()].attempts += 1;
            self.outcome.servers[server.index()].attempts += 1;
        }
        let attempts = &self.attempts;
        let is_over = |event| matches!(event, Event::TimedOut(id) if attempts.get(id).is_none_or(|attempt| attempt.call.is_none()));
        self.calendar.schedule_in(Lane::Timeout, self.now + self.model.timeout, Event::TimedOut(id), is_over);
        id
    }

    /// Takes an attempt out of the books.
    pub fn remove_attempt(&mut self, id: Id<Attempt>) -> Option<Attempt> {
        let attempt = self.attempts.remove(id)?;
        let under_way = &mut self.servers[attempt.server.index()].under_way;
        under_way.swap_remove(attempt.place as usize);
        if let Some(moved) = under_way.get(attempt.place as usize) {
            self.attempts[*moved].place = attempt.place;
        }
        Some(attempt)
    }

    /// A connected attempt reaches the server, which takes it or turns it away.
    pub fn arrive(&mut self, id: Id<Attempt>) {
        let in_window = self.in_window();
        let attempt = &mut self.attempts[id];
        let server = attempt.server.index();
        let (model, state, tally) = (&self.model.servers[server], &mut self.servers[server], &mut self.outcome.servers[server]);
        let draw = luck::service(attempt.key, model, attempt.number);
        (attempt.serial, attempt.rest, attempt.fate) = (draw.serial, draw.rest, draw.fate);
        #[cfg(test)]
        self.trace.iter_mut().for_each(|trace| {
            trace.push(tests::Traced::Arrival { key: attempt.key, server: attempt.server, attempt: attempt.number, draw })
        });
        if in_window {
            tally.offered += draw.serial;
        }
        if state.tokens.as_mut().is_some_and(|tokens| !tokens.take(self.now)) {
            tally.rejected_rate_limit += u64::from(attempt.counted);
            return self.reject(id);
        }
        if state.slots_free == 0 && state.waiting.len() >= model.queue {
            tally.rejected_queue_full += u64::from(attempt.counted);
            return self.reject(id);
        }
        tally.accepted += u64::from(attempt.counted);
        attempt.accepted = self.now;
        if let Some(call) = attempt.call {
            self.calls[call].reached = true;
        }
        if state.slots_free > 0 {
            self.start_service(id);
        } else {
            attempt.phase = Phase::Waiting;
            state.waiting.push_back(id);
        }
    }

    fn reject(&mut self, id: Id<Attempt>) {
        let Some(attempt) = self.remove_attempt(id) else { return };
        if let Some(call) = attempt.call {
            self.attempt_failed(call, attempt.server, Failure::Rejected);
        }
    }

    /// On a free slot.
    fn start_service(&mut self, id: Id<Attempt>) {
        let attempt = &mut self.attempts[id];
        attempt.started = self.now;
        if attempt.serial == SimTime::ZERO {
            return self.serve_rest(id);
        }
        attempt.phase = Phase::Serial;
        self.servers[attempt.server.index()].slots_free -= 1;
        self.calendar.schedule(self.now + attempt.serial, Event::SerialDone(id));
    }

    pub fn serial_done(&mut self, id: Id<Attempt>) {
        // An outage may have broken it.
        let Some(attempt) = self.attempts.get(id) else { return };
        let server = attempt.server;
        let busy = self.model.within_window(attempt.started, self.now);
        self.outcome.servers[server.index()].busy += busy;
        let state = &mut self.servers[server.index()];
        state.slots_free += 1;
        while self.servers[server.index()].slots_free > 0
            && let Some(next) = self.servers[server.index()].waiting.pop_front()
        {
            self.start_service(next);
        }
        self.serve_rest(id);
    }

    /// What is left once the slot is free.
    fn serve_rest(&mut self, id: Id<Attempt>) {
        let attempt = &mut self.attempts[id];
        match attempt.fate {
            Fate::Silence if attempt.call.is_none() => drop(self.remove_attempt(id)),
            Fate::Silence => attempt.phase = Phase::Silent,
            Fate::Success | Fate::Error if attempt.rest == SimTime::ZERO => self.answered(id),
            Fate::Success | Fate::Error => {
                attempt.phase = Phase::Parallel;
                self.calendar.schedule(self.now + attempt.rest, Event::Answered(id));
            }
        }
    }

    pub fn answered(&mut self, id: Id<Attempt>) {
        let Some(attempt) = self.remove_attempt(id) else { return };
        let Some(call) = attempt.call else { return };
        let tally = &mut self.outcome.servers[attempt.server.index()];
        match attempt.fate {
            Fate::Success => {
                if attempt.counted {
                    tally.succeeded += 1;
                    tally.response_sum += (self.now - attempt.accepted).as_secs();
                }
                self.attempt_succeeded(call, attempt.server);
            }
            Fate::Error | Fate::Silence => {
                tally.errors += u64::from(attempt.counted);
                self.attempt_failed(call, attempt.server, Failure::Failed);
            }
        }
    }

    /// The client turns its back on an attempt; the server goes on with what it has accepted. Tells which server it was.
    pub fn give_up(&mut self, id: Id<Attempt>) -> ServerId {
        let attempt = &mut self.attempts[id];
        let server = attempt.server;
        self.outcome.servers[server.index()].timeouts += u64::from(attempt.counted);
        match attempt.phase {
            Phase::Connecting => self.stop_connecting(id),
            Phase::Silent => drop(self.remove_attempt(id)),
            Phase::Waiting | Phase::Serial | Phase::Parallel => attempt.call = None,
        }
        server
    }

    /// An outage breaks everything that is under way at a server: the clients notice at once.
    pub fn break_attempts(&mut self, server: ServerId) {
        let slots = self.model.servers[server.index()].slots;
        let state = &mut self.servers[server.index()];
        state.waiting.clear();
        state.slots_free = slots;
        // Nobody begins here meanwhile: what follows goes through the calendar.
        let mut broken = std::mem::take(&mut state.under_way);
        for id in broken.drain(..) {
            let Some(attempt) = self.attempts.remove(id) else { continue };
            let tally = &mut self.outcome.servers[server.index()];
            match (attempt.phase, self.model.servers[server.index()].process) {
                // The shared link's own failure is noted where it is lost.
                (Phase::Connecting, Process::Shared) => {}
                (Phase::Connecting, Process::Session) => self.note_connected(server, attempt.counted, false),
                (phase, _) => {
                    if phase == Phase::Serial {
                        tally.busy += self.model.within_window(attempt.started, self.now);
                    }
                    tally.broken += u64::from(attempt.counted && attempt.call.is_some());
                }
            }
            if let Some(call) = attempt.call {
                self.attempt_failed(call, server, Failure::Failed);
            }
        }
        self.servers[server.index()].under_way = broken;
    }

    /// Accounts for the slots that are busy when the run ends.
    pub fn close_slots(&mut self) {
        for attempt in self.attempts.iter().filter(|attempt| attempt.phase == Phase::Serial) {
            self.outcome.servers[attempt.server.index()].busy += self.model.within_window(attempt.started, self.now);
        }
    }
}
