//! What a server does with the attempts that reach it: which it takes, which it turns away, and what becomes of those whose client gave up.

use crate::random::Key;
use crate::scenario::{Beyond, Discipline, GivenUp, Process};

use super::call::{Failure, Tried};
use super::luck::{Fate, ServiceDraw};
use super::model::ServerModel;
use super::queue::Waiting;
use super::rate_limit::TokenBucket;
use super::session::Link;
use super::sharing::Sharing;
use super::*;

/// A server's state, and what is counted of it.
#[derive(Debug)]
pub struct ServerState {
    pub model: ServerModel,
    pub tally: ServerTally,
    /// Causes that hold it down now.
    pub down_causes: u32,
    /// Since when it is down, where it is; and how long it was before, within the window.
    pub down_since: SimTime,
    pub down_before: SimTime,
    /// Since when it is frozen, where it is; how long it was before, in all and within the window.
    pub frozen_since: Option<SimTime>,
    pub frozen_total: SimTime,
    pub frozen_before: SimTime,
    /// What was due while it was frozen: and how much of its work is left.
    pub parked: Vec<(Id<Attempt>, SimTime)>,
    /// What begins takes so many times as long: a slow period.
    pub slow: f64,
    pub link: Link,
    /// The first call on the link has been made.
    pub link_used: bool,
    /// Somebody has connected to it in this run.
    pub warm: bool,
    /// Attempts that wait for the link.
    pub connecting: Vec<Id<Attempt>>,
    /// Ends of sessions by outages, so far.
    pub epoch: u32,
    /// Open and opening sessions of tasks, and by how much their processes have grown; that of the shared process.
    pub sessions: u64,
    pub sessions_grown: u64,
    pub grown: u64,
    pub connect_failures_row: u32,
    tokens: Option<TokenBucket>,
    pub slots_free: u32,
    pub waiting: Waiting,
    pub sharing: Sharing,
    /// Attempts that have begun here and are not over.
    pub outstanding: u32,
    /// Those of them that were taken.
    pub present: u32,
    /// Those of them that wait or are on a slot.
    pub queued: u32,
}

/// One attempt at a server, from its start until the server is done with it: longer than the client cares, where it gave up.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    pub server: ServerId,
    /// Index into the model's targets.
    pub target: u32,
    /// None where the client gave up.
    pub call: Option<Id<Call>>,
    /// The call's.
    pub key: Key,
    pub counted: bool,
    /// A breaker's probe.
    pub probe: bool,
    pub at_risk: bool,
    /// Attempts of the call at this server before.
    pub number: u32,
    pub phase: Phase,
    /// Its task's, where the server has a process a session.
    pub session: Option<Id<Session>>,
    pub begun: SimTime,
    pub accepted: SimTime,
    /// When the present part of its service began, and how long the server had been frozen by then.
    pub started: SimTime,
    pub frozen_by_start: SimTime,
    pub serial: SimTime,
    pub rest: SimTime,
    pub fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Connecting,
    Waiting,
    /// On a slot, or on a share of the slots.
    Serial,
    /// The parallel part, or a stall.
    Parallel,
    /// Done with, without an answer.
    Silent,
}

impl ServerState {
    pub fn new(model: ServerModel) -> ServerState {
        ServerState {
            tally: ServerTally::default(),
            down_causes: u32::from(!model.up),
            down_since: SimTime::ZERO,
            down_before: SimTime::ZERO,
            frozen_since: None,
            frozen_total: SimTime::ZERO,
            frozen_before: SimTime::ZERO,
            parked: Vec::new(),
            slow: 1.0,
            link: Link::Closed,
            link_used: false,
            warm: false,
            connecting: Vec::new(),
            epoch: 0,
            sessions: 0,
            sessions_grown: 0,
            grown: 0,
            connect_failures_row: 0,
            tokens: model.rate_limit.as_ref().map(TokenBucket::new),
            slots_free: model.slots,
            waiting: Waiting::new(model.discipline),
            sharing: Sharing::default(),
            outstanding: 0,
            present: 0,
            queued: 0,
            model,
        }
    }

    #[inline(always)]
    pub fn is_out(&self) -> bool {
        self.down_causes > 0
    }

    #[inline(always)]
    pub fn is_frozen(&self) -> bool {
        self.frozen_since.is_some()
    }
}

impl<O: Observer> Simulation<'_, O> {
    /// Enters an attempt in the books: it has begun, nothing has happened yet.
    #[inline(always)]
    pub fn begin_attempt(&mut self, call_id: Id<Call>, server: ServerId, target: u32, number: u32, probe: bool) -> Id<Attempt> {
        let call = &mut self.calls[call_id];
        let (agent, counted, key, issued, now) = (call.agent, call.counted, call.key, call.issued, self.now);
        let id = self.attempts.insert(move || Attempt {
            server,
            target,
            call: Some(call_id),
            key,
            counted,
            probe,
            at_risk: false,
            number,
            phase: Phase::Connecting,
            session: None,
            begun: now,
            accepted: SimTime::ZERO,
            started: SimTime::ZERO,
            frozen_by_start: SimTime::ZERO,
            serial: SimTime::ZERO,
            rest: SimTime::ZERO,
            fate: Fate::Success,
        });
        *(if hedge::is_hedge(number) { &mut call.hedge } else { &mut call.attempt }) = Some(id);
        let state = &mut self.servers[server.index()];
        state.outstanding += 1;
        if counted {
            let calls = &mut self.agents[agent.index()].tally;
            calls.attempts += 1;
            calls.retries += u64::from(number > 0 && !hedge::is_hedge(number));
            state.tally.attempts += 1;
        }
        self.plan_timeout(id, call_id, issued + self.model.policy.call_life);
        id
    }

    /// When the client gives the attempt up, unless its call's life is over before.
    #[inline(always)]
    fn plan_timeout(&mut self, id: Id<Attempt>, call: Id<Call>, life_ends: SimTime) {
        let constant = self.model.policy.timeout.constant();
        let timeout = constant.unwrap_or_else(|| {
            let attempt = &self.attempts[id];
            luck::patience(attempt.key, &self.servers[attempt.server.index()].model, attempt.number, &self.model.policy.timeout, 0)
        });
        let at = self.now + timeout;
        if at >= life_ends {
            self.watch_life(call);
        } else if constant.is_some() {
            let attempts = &self.attempts;
            let is_over = |event| matches!(event, Event::TimedOut(id) if attempts.get(id).is_none_or(|attempt| attempt.call.is_none()));
            self.calendar.schedule_in(Lane::Timeout, at, Event::TimedOut(id), is_over);
        } else {
            self.calendar.schedule(at, Event::TimedOut(id));
        }
    }

    /// Takes an attempt out of the books.
    #[inline(always)]
    pub fn remove_attempt(&mut self, id: Id<Attempt>) -> Option<Attempt> {
        let attempt = self.attempts.remove(id)?;
        let state = &mut self.servers[attempt.server.index()];
        state.outstanding -= 1;
        if attempt.was_taken() {
            state.present -= 1;
            state.queued -= u32::from(matches!(attempt.phase, Phase::Waiting | Phase::Serial));
            if state.model.memory_per_call.0 > 0 {
                self.memory.release(self.now, state.model.memory_per_call);
            }
        }
        Some(attempt)
    }

    /// A connected attempt reaches the server, which takes it or turns it away.
    #[inline(always)]
    pub fn arrive(&mut self, id: Id<Attempt>) {
        let draw = self.draw_service(id);
        let in_window = self.in_window();
        let attempt = &mut self.attempts[id];
        let server = attempt.server.index();
        let state = &mut self.servers[server];
        if in_window {
            state.tally.offered += draw.serial;
        }
        if let Some(tokens) = &mut state.tokens
            && let Err(next) = tokens.take(self.now)
        {
            state.tally.rejected_rate_limit += u64::from(attempt.counted);
            let says = state.model.rate_limit.as_ref().is_some_and(|limit| limit.retry_after);
            return self.reject(id, if says { next } else { SimTime::ZERO });
        }
        if state.is_full() {
            state.tally.rejected_queue_full += u64::from(attempt.counted);
            return self.reject(id, SimTime::ZERO);
        }
        if state.model.memory_per_call.0 > 0 && !self.memory.take(self.now, state.model.memory_per_call) {
            state.tally.rejected_memory += u64::from(attempt.counted);
            return self.reject(id, SimTime::ZERO);
        }
        state.tally.accepted += u64::from(attempt.counted);
        (attempt.accepted, attempt.serial, attempt.rest, attempt.fate) = (self.now, draw.serial, draw.rest, draw.fate);
        if let Some(safe) = state.model.safe
            && state.present >= safe.limit
        {
            attempt.at_risk = true;
            if safe.beyond == Beyond::Aborted && attempt.fate == Fate::Success {
                attempt.fate = Fate::Error;
            }
        }
        state.present += 1;
        state.queued += 1;
        let is_shared = state.model.discipline == Discipline::ProcessorSharing;
        let begins = !state.is_frozen() && (is_shared || state.slots_free > 0);
        if state.model.has_first_call {
            self.use_session(id);
        }
        if begins { self.start_service(id) } else { self.wait_for_slot(id) }
    }

    /// What the attempt meets there: luck's, or the log's; as it is today, where something slows the server down.
    #[inline(always)]
    fn draw_service(&mut self, id: Id<Attempt>) -> ServiceDraw {
        let attempt = &self.attempts[id];
        let (key, server, number) = (attempt.key, attempt.server, attempt.number);
        let state = &self.servers[server.index()];
        let (has_first_call, slows) = (state.model.has_first_call, state.model.slows);
        let service = &self.model.services[self.model.targets[attempt.target as usize].service as usize];
        let mut draw = luck::service(key, &state.model, service, number);
        self.observer.attempt_arrives(&Arrival {
            at: self.now,
            key: key.number(),
            server,
            attempt: number,
            present: state.present,
            serial: draw.serial,
            parallel: draw.rest,
            fate: draw.fate,
        });
        if self.model.replay.is_some()
            && let Some(took) = attempt.call.and_then(|call| self.served_in_log(self.calls[call].task, server))
        {
            draw.serial = took * service.serial_share;
            if draw.fate != Fate::Stall {
                draw.rest = took.saturating_sub(draw.serial);
            }
        }
        if has_first_call && self.is_first_call(id) {
            draw.serial += luck::first_call(key, &self.servers[server.index()].model, number);
        }
        if slows {
            let factor = self.servers[server.index()].slow * self.memory.slowdown();
            if factor != 1.0 {
                draw.serial = draw.serial * factor;
                // A stall waits for something else.
                if draw.fate != Fate::Stall {
                    draw.rest = draw.rest * factor;
                }
            }
        }
        draw
    }

    fn reject(&mut self, id: Id<Attempt>, until: SimTime) {
        let Some(attempt) = self.remove_attempt(id) else { return };
        if let Some(call) = attempt.call {
            self.attempt_failed(call, attempt.tried(), Failure::Rejected { until });
        }
    }

    /// The client turns its back on an attempt, which is told as it was. The server goes on with what it has taken, or drops it, as the
    /// policy says.
    pub fn give_up(&mut self, id: Id<Attempt>) -> Attempt {
        let attempt = self.attempts[id];
        self.servers[attempt.server.index()].tally.timeouts += u64::from(attempt.counted);
        match (attempt.phase, self.model.policy.given_up) {
            (Phase::Connecting, _) => self.stop_connecting(id),
            (Phase::Silent, _) => drop(self.remove_attempt(id)),
            (_, GivenUp::GoesOn) => self.attempts[id].call = None,
            (_, GivenUp::IsCancelled) => self.cancel(id, &attempt),
        }
        attempt
    }

    fn cancel(&mut self, id: Id<Attempt>, attempt: &Attempt) {
        self.remove_attempt(id);
        match attempt.phase {
            Phase::Waiting => self.leave_queue(attempt),
            Phase::Serial => {
                self.leave_slot(attempt.server, attempt.started);
                self.slot_is_left(attempt.server);
            }
            Phase::Connecting | Phase::Parallel | Phase::Silent => {}
        }
    }

    /// An outage breaks everything that is under way at a server: the clients notice at once.
    pub fn break_attempts(&mut self, server: ServerId) {
        let mut broken = std::mem::take(&mut self.broken);
        // Most outages of a server that is hardly used break nothing: then nobody has to look through what is under way elsewhere.
        if self.servers[server.index()].outstanding > 0 {
            broken.extend(self.attempts.iter().filter(|(_, attempt)| attempt.server == server).map(|(id, _)| id));
        }
        self.update_share(server);
        self.servers[server.index()].clear();
        // Nobody begins here meanwhile: what follows goes through the calendar.
        for id in broken.drain(..) {
            let Some(attempt) = self.remove_attempt(id) else { continue };
            let state = &mut self.servers[server.index()];
            match (attempt.phase, state.model.process) {
                // The shared link's own failure is noted where it is lost.
                (Phase::Connecting, Process::Shared) => {}
                (Phase::Connecting, Process::Session) => {
                    self.note_connected(server, attempt.counted, false);
                    self.drop_opening(&attempt);
                }
                (phase, _) => {
                    if phase == Phase::Serial && state.model.discipline != Discipline::ProcessorSharing {
                        state.tally.busy += self.model.within_window(attempt.started, self.now);
                    }
                    state.tally.broken += u64::from(attempt.counted && attempt.call.is_some());
                }
            }
            if let Some(call) = attempt.call {
                self.attempt_failed(call, attempt.tried(), Failure::Failed);
            }
        }
        self.broken = broken;
    }
}

impl Attempt {
    /// It reached the server, which took it.
    #[inline(always)]
    pub fn was_taken(&self) -> bool {
        self.phase != Phase::Connecting
    }

    #[inline(always)]
    pub fn tried(&self) -> Tried {
        let Attempt { server, target, number, probe, at_risk, .. } = *self;
        Tried { server, target, number, taken: self.was_taken(), probe, at_risk }
    }
}

impl ServerState {
    /// One more would neither be served nor find a place to wait. What is frozen turns nobody away.
    #[inline(always)]
    fn is_full(&self) -> bool {
        let model = &self.model;
        match model.discipline {
            _ if model.queue == usize::MAX => false,
            _ if self.is_frozen() => false,
            Discipline::ProcessorSharing => self.queued as usize >= model.queue.saturating_add(model.slots as usize),
            Discipline::Fifo | Discipline::Priority => self.slots_free == 0 && self.waiting.len() >= model.queue,
        }
    }

    /// Everything that was there is gone.
    fn clear(&mut self) {
        self.waiting.clear();
        self.parked.clear();
        self.sharing.clear();
        self.slots_free = self.model.slots;
    }
}
