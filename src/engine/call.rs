//! A call's way to its answer: attempts at its first target, retries after back-off, then the fallbacks in their order; a rejection
//! goes to the fallbacks for overload at once. Reaching the cap on its life ends it wherever it is.

use crate::random::Key;
use crate::scenario::NeedId;

use super::breaker::{Admission, Ended};
use super::retry::Retry;
use super::workload::Keys;
use super::*;

#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub task: Id<Task>,
    pub agent: AgentId,
    pub need: NeedId,
    pub key: Key,
    pub issued: SimTime,
    /// Issued within the window.
    pub counted: bool,
    pub reached: bool,
    /// Counts against its agent's limit of calls under way.
    pub entered: bool,
    /// The end of its life is in the calendar.
    life_watched: bool,
    pub hedged: bool,
    /// Where it was sent first, and where it is: indices into the model's targets.
    first: u32,
    pub target: u32,
    /// Attempts at this target before the present one.
    pub attempt_number: u32,
    /// Under way at a server: the present one, and the hedge beside it.
    pub attempt: Option<Id<Attempt>>,
    pub hedge: Option<Id<Attempt>>,
    /// The next fallback of each kind that was not looked at yet: indices into the model's targets.
    pub on_failure_next: u32,
    on_overload_next: u32,
}

/// What a call learns of an attempt of its own that is over.
#[derive(Debug, Clone, Copy)]
pub struct Tried {
    pub server: ServerId,
    pub target: u32,
    pub number: u32,
    /// It reached the server, which took it.
    pub taken: bool,
    pub probe: bool,
    pub at_risk: bool,
}

/// Why an attempt came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The server would not take it: its queue was full, its rate limit reached, the host's memory used up.
    Rejected {
        /// Before that instant it will not take another, where it says so.
        until: SimTime,
    },
    /// Anything else.
    Failed,
}

impl<O: Observer> Simulation<'_, O> {
    #[inline(always)]
    pub fn start_call(&mut self, task: Id<Task>, agent: AgentId, keys: Keys, need: NeedId) {
        let key = keys.call;
        let counted = self.in_window();
        let first = self.first_target(need, key);
        let route = &self.model.needs[need.index()];
        let has_cache = route.cache.is_some();
        let (on_failure_next, on_overload_next, now) = (route.on_failure.start, route.on_overload.start, self.now);
        let id = self.calls.insert(move || Call {
            task,
            agent,
            need,
            key,
            issued: now,
            counted,
            reached: false,
            entered: false,
            life_watched: false,
            hedged: false,
            first,
            target: first,
            attempt_number: 0,
            attempt: None,
            hedge: None,
            on_failure_next,
            on_overload_next,
        });
        let client = &mut self.agents[agent.index()];
        client.tally.issued += u64::from(counted);
        let is_limited = client.model.concurrency.is_some();
        self.counted_open += u64::from(counted);
        self.observer.call_issued(&IssuedCall { at: self.now, key: key.number(), task: keys.task.number(), agent, need });
        self.earn_retries(agent);
        if has_cache && let Some(target) = self.cached(&self.calls[id]) {
            self.calls[id].target = target;
            self.agents[agent.index()].tally.cached += u64::from(counted);
            return self.call_succeeded(id);
        }
        if !is_limited || self.enter_client(id, agent) {
            self.attempt_next(id);
        }
    }

    /// When the call's life is over, whatever happens.
    #[inline(always)]
    pub fn life_ends(&self, call: &Call) -> SimTime {
        call.issued + self.model.policy.call_life
    }

    /// Puts the end of the call's life into the calendar, once. A call whose only attempt times out before needs no such entry.
    pub fn watch_life(&mut self, id: Id<Call>) {
        let ends = self.life_ends(&self.calls[id]);
        let call = &mut self.calls[id];
        if !call.life_watched {
            call.life_watched = true;
            self.calendar.schedule(ends, Event::CallLifeOver(id));
        }
    }

    /// An attempt at the call's target, or, where an open breaker stands before it, at the next that has none.
    #[inline(always)]
    pub fn attempt_next(&mut self, id: Id<Call>) {
        loop {
            // The call may have reached the cap on its life while it waited to try again.
            let Some(&Call { agent, target, attempt_number: number, .. }) = self.calls.get(id) else { return };
            match self.model.targets[target as usize].to {
                Target::StandIn(stand_in) => return self.ask_stand_in(id, stand_in),
                Target::Server(server) => {
                    let admission = self.admit(agent, server);
                    if admission != Admission::Skip {
                        let attempt = self.begin_attempt(id, server, target, number, admission == Admission::Probe);
                        self.plan_hedge(attempt);
                        return self.connect_attempt(attempt, server);
                    }
                }
            }
            if !self.turn_to_next(id, Failure::Failed) {
                return self.call_failed(id);
            }
        }
    }

    #[inline(always)]
    pub fn admit(&mut self, agent: AgentId, server: ServerId) -> Admission {
        match self.model.policy.breaker {
            Some(_) => self.breakers[agent.index() * self.servers.len() + server.index()].admit(self.now),
            None => Admission::Pass,
        }
    }

    /// A stand-in answers after its time and never fails.
    fn ask_stand_in(&mut self, id: Id<Call>, stand_in: StandInId) {
        let call = &mut self.calls[id];
        call.reached = true;
        let at = self.now + luck::stand_in(call.key, &self.model.stand_ins[stand_in.index()]);
        if at >= self.life_ends(&self.calls[id]) {
            return self.watch_life(id);
        }
        self.calendar.schedule(at, Event::StandInAnswered(id));
    }

    /// One of the call's attempts, which is over, came to nothing: what now?
    pub fn attempt_failed(&mut self, id: Id<Call>, attempt: Tried, why: Failure) {
        self.note_at_breaker(id, attempt, false);
        self.calls[id].reached |= attempt.taken;
        if self.other_goes_on(id, attempt) {
            return;
        }
        self.calls[id].attempt = None;
        if matches!(why, Failure::Rejected { .. }) && self.turn_to_next(id, why) {
            self.calendar.schedule(self.now, Event::AttemptDue(id));
            return;
        }
        let retry = self.retry(id, why);
        if let Retry::At(at) = retry {
            self.calendar.schedule(at, Event::AttemptDue(id));
        } else if self.turn_to_next(id, Failure::Failed) {
            self.calendar.schedule(self.now, Event::AttemptDue(id));
        } else if retry == Retry::TooLate {
            self.watch_life(id);
        } else {
            self.call_failed(id);
        }
    }

    /// Turns the call to its next fallback for such a failure; false where none is left. A target that the call has turned to
    /// before, from either list, is left out.
    fn turn_to_next(&mut self, id: Id<Call>, why: Failure) -> bool {
        let call = &mut self.calls[id];
        let route = &self.model.needs[call.need.index()];
        let targets = &self.model.targets;
        let seen = |call: &Call, to: Target| {
            let on_failure = &targets[route.on_failure.start as usize..call.on_failure_next as usize];
            let on_overload = &targets[route.on_overload.start as usize..call.on_overload_next as usize];
            targets[call.first as usize].to == to || on_failure.iter().chain(on_overload).any(|target| target.to == to)
        };
        let is_rejected = matches!(why, Failure::Rejected { .. });
        loop {
            let (next, end) = match is_rejected {
                true => (call.on_overload_next, route.on_overload.end),
                false => (call.on_failure_next, route.on_failure.end),
            };
            if next == end {
                return false;
            }
            let is_new = !seen(call, targets[next as usize].to);
            match is_rejected {
                true => call.on_overload_next += 1,
                false => call.on_failure_next += 1,
            }
            if is_new {
                (call.target, call.attempt_number) = (next, 0);
                return true;
            }
        }
    }

    /// The call's target that this attempt went to has answered it.
    #[inline(always)]
    pub fn attempt_succeeded(&mut self, id: Id<Call>, attempt: Tried) {
        self.note_at_breaker(id, attempt, true);
        if self.calls[id].hedge.is_some() {
            self.drop_other(id, attempt);
        }
        let call = &mut self.calls[id];
        (call.target, call.attempt) = (attempt.target, None);
        let (need, agent, counted) = (call.need, call.agent, call.counted);
        if attempt.at_risk && counted {
            self.agents[agent.index()].tally.at_risk += 1;
        }
        self.fill_cache(need, attempt.target);
        self.call_succeeded(id);
    }

    #[inline(always)]
    pub fn note_at_breaker(&mut self, id: Id<Call>, attempt: Tried, well: bool) {
        if let Some(policy) = self.model.policy.breaker {
            let agent = self.calls[id].agent;
            let breaker = &mut self.breakers[agent.index() * self.servers.len() + attempt.server.index()];
            breaker.note(policy, self.now, Ended { probe: attempt.probe, well });
        }
    }

    /// A probe that is given up because the call has its answer says nothing about its server.
    pub fn call_off_probe(&mut self, id: Id<Call>, server: ServerId) {
        let agent = self.calls[id].agent;
        self.breakers[agent.index() * self.servers.len() + server.index()].call_off_probe(self.now);
    }

    #[inline(always)]
    pub fn call_succeeded(&mut self, id: Id<Call>) {
        // A stand-in's answer may come after the cap on the call's life.
        let Some(call) = self.calls.remove(id) else { return };
        if call.counted {
            let response = self.now - call.issued;
            let quality = self.model.targets[call.target as usize].quality;
            let tally = &mut self.agents[call.agent.index()].tally;
            tally.succeeded += 1;
            tally.reached += 1;
            tally.degraded += u64::from(quality < 1.0);
            tally.fallen_back += u64::from(call.target != call.first);
            tally.quality_sum += quality;
            tally.response_sum += response;
            self.response.saturating_record(outcome::micros(response));
        }
        self.close_call(&call, true);
    }

    fn call_failed(&mut self, id: Id<Call>) {
        let Some(call) = self.calls.remove(id) else { return };
        if call.counted {
            let tally = &mut self.agents[call.agent.index()].tally;
            tally.failed += 1;
            tally.reached += u64::from(call.reached);
            tally.failure_time_sum += self.now - call.issued;
        }
        self.close_call(&call, false);
    }

    #[inline(always)]
    fn close_call(&mut self, call: &Call, succeeded: bool) {
        self.counted_open -= u64::from(call.counted);
        let Call { issued, agent, need, counted, .. } = *call;
        let reached = succeeded || call.reached;
        let answered_by = self.model.targets.get(call.target as usize).filter(|_| succeeded).map(|target| target.to);
        self.observer.call_ended(&EndedCall { at: self.now, issued, agent, need, succeeded, reached, answered_by, counted });
        self.leave_client(call);
        self.call_is_over(call.task);
    }

    /// The cap on a call's life: wherever the call is, it fails now.
    pub fn call_life_over(&mut self, id: Id<Call>) {
        let Some(call) = self.calls.get(id) else { return };
        for attempt in [call.attempt, call.hedge].into_iter().flatten() {
            let given_up = self.give_up(attempt);
            self.note_at_breaker(id, given_up.tried(), false);
            self.calls[id].reached |= given_up.was_taken();
        }
        self.call_failed(id);
    }

    /// The client's patience with one attempt is over.
    #[inline(always)]
    pub fn timed_out(&mut self, attempt: Id<Attempt>) {
        let Some(call) = self.attempts.get(attempt).and_then(|attempt| attempt.call) else { return };
        let given_up = self.give_up(attempt);
        self.note_latency(given_up.server, self.now - given_up.begun);
        self.attempt_failed(call, given_up.tried(), Failure::Failed);
    }

    /// ... or with waiting for a slot.
    pub fn queue_timed_out(&mut self, attempt: Id<Attempt>) {
        if self.attempts.get(attempt).is_some_and(|attempt| attempt.phase == server::Phase::Waiting) {
            self.timed_out(attempt);
        }
    }
}
