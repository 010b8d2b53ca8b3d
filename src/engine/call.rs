//! A call's way to its answer: attempts at its primary, retries after back-off, then the fallbacks in their order; a rejection
//! goes to the fallbacks for overload at once. Reaching the cap on its life ends it wherever it is.

use crate::random::Key;
use crate::scenario::NeedId;

use super::breaker::{Admission, Ended};
use super::*;

#[derive(Debug)]
pub struct Call {
    pub task: Id<Task>,
    pub agent: AgentId,
    need: NeedId,
    pub key: Key,
    issued: SimTime,
    /// Issued within the window.
    pub counted: bool,
    pub reached: bool,
    /// Where it is: index into the model's targets.
    target: u32,
    /// Attempts at this target before the present one.
    pub attempt_number: u32,
    /// The present attempt is a breaker's probe.
    probe: bool,
    /// Under way at a server.
    pub attempt: Option<Id<Attempt>>,
    /// The next fallback of each kind that was not looked at yet: indices into the model's targets.
    on_failure_next: u32,
    on_overload_next: u32,
}

/// Why an attempt came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The server would not take it: its queue was full or its rate limit reached.
    Rejected,
    /// Anything else.
    Failed,
}

impl Simulation<'_> {
    pub fn start_call(&mut self, task: Id<Task>, need: NeedId) {
        let (agent, key) = (self.tasks[task].agent, self.tasks[task].call_key());
        let counted = self.in_window();
        let route = &self.model.needs[need.index()];
        let id = self.calls.insert(Call {
            task,
            agent,
            need,
            key,
            issued: self.now,
            counted,
            reached: false,
            target: route.primary,
            attempt_number: 0,
            probe: false,
            attempt: None,
            on_failure_next: route.on_failure.start,
            on_overload_next: route.on_overload.start,
        });
        if counted {
            self.counted_open += 1;
            self.outcome.agents[agent.index()].issued += 1;
        }
        #[cfg(test)]
        self.trace.iter_mut().for_each(|trace| trace.push(tests::Traced::Call { key, agent, need }));
        let calls = &self.calls;
        let is_over = |event| matches!(event, Event::CallLifeOver(call) if !calls.contains(call));
        self.calendar.schedule_in(Lane::CallLife, self.now + self.model.call_life, Event::CallLifeOver(id), is_over);
        self.attempt_next(id);
    }

    /// An attempt at the call's target, or, where an open breaker stands before it, at the next that has none.
    pub fn attempt_next(&mut self, id: Id<Call>) {
        loop {
            // The call may have reached the cap on its life while it waited to try again.
            let Some(call) = self.calls.get_mut(id) else { return };
            match self.model.targets[call.target as usize].to {
                Target::StandIn(stand_in) => return self.ask_stand_in(id, stand_in),
                Target::Server(server) => {
                    let admission = match self.model.breaker {
                        Some(_) => self.breakers[call.agent.index() * self.model.servers.len() + server.index()].admit(self.now),
                        None => Admission::Pass,
                    };
                    call.probe = admission == Admission::Probe;
                    if admission != Admission::Skip {
                        return self.start_attempt(id, server);
                    }
                }
            }
            if !self.turn_to_next(id, Failure::Failed) {
                return self.call_failed(id);
            }
        }
    }

    /// A stand-in answers after its time and never fails.
    fn ask_stand_in(&mut self, id: Id<Call>, stand_in: StandInId) {
        let call = &mut self.calls[id];
        call.reached = true;
        let time = luck::stand_in(call.key, &self.model.stand_ins[stand_in.index()]);
        self.calendar.schedule(self.now + time, Event::StandInAnswered(id));
    }

    /// The call's attempt at a server came to nothing: what now?
    pub fn attempt_failed(&mut self, id: Id<Call>, server: ServerId, why: Failure) {
        self.note_at_breaker(id, server, false);
        let call = &mut self.calls[id];
        call.attempt = None;
        if why == Failure::Rejected && self.turn_to_next(id, why) {
            self.calendar.schedule(self.now, Event::AttemptDue(id));
            return;
        }
        let call = &mut self.calls[id];
        if call.attempt_number < self.model.retries {
            call.attempt_number += 1;
            let wait = luck::backoff(call.key, self.model.backoff, &self.model.servers[server.index()], call.attempt_number);
            self.calendar.schedule(self.now + wait, Event::AttemptDue(id));
        } else if self.turn_to_next(id, Failure::Failed) {
            self.calendar.schedule(self.now, Event::AttemptDue(id));
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
            targets[route.primary as usize].to == to || on_failure.iter().chain(on_overload).any(|target| target.to == to)
        };
        loop {
            let (next, end) = match why {
                Failure::Rejected => (call.on_overload_next, route.on_overload.end),
                Failure::Failed => (call.on_failure_next, route.on_failure.end),
            };
            if next == end {
                return false;
            }
            let is_new = !seen(call, targets[next as usize].to);
            match why {
                Failure::Rejected => call.on_overload_next += 1,
                Failure::Failed => call.on_failure_next += 1,
            }
            if is_new {
                (call.target, call.attempt_number) = (next, 0);
                return true;
            }
        }
    }

    pub fn attempt_succeeded(&mut self, id: Id<Call>, server: ServerId) {
        self.note_at_breaker(id, server, true);
        self.call_succeeded(id);
    }

    fn note_at_breaker(&mut self, id: Id<Call>, server: ServerId, well: bool) {
        if let Some(policy) = self.model.breaker {
            let call = &self.calls[id];
            let breaker = &mut self.breakers[call.agent.index() * self.model.servers.len() + server.index()];
            breaker.note(policy, self.now, Ended { probe: call.probe, well });
        }
    }

    pub fn call_succeeded(&mut self, id: Id<Call>) {
        // A stand-in's answer may come after the cap on the call's life.
        let Some(call) = self.calls.remove(id) else { return };
        if call.counted {
            let response = self.now - call.issued;
            let quality = self.model.targets[call.target as usize].quality;
            let tally = &mut self.outcome.agents[call.agent.index()];
            tally.succeeded += 1;
            tally.reached += 1;
            tally.degraded += u64::from(quality < 1.0);
            tally.fallen_back += u64::from(call.target != self.model.needs[call.need.index()].primary);
            tally.quality_sum += quality;
            tally.response_sum += response.as_secs();
            self.outcome.response.saturating_record(outcome::micros(response));
            self.counted_open -= 1;
        }
        self.call_is_over(call.task);
    }

    fn call_failed(&mut self, id: Id<Call>) {
        let Some(call) = self.calls.remove(id) else { return };
        if call.counted {
            let tally = &mut self.outcome.agents[call.agent.index()];
            tally.failed += 1;
            tally.reached += u64::from(call.reached);
            tally.failure_time_sum += (self.now - call.issued).as_secs();
            self.counted_open -= 1;
        }
        self.call_is_over(call.task);
    }

    /// The cap on a call's life: wherever the call is, it fails now.
    pub fn call_life_over(&mut self, id: Id<Call>) {
        let Some(call) = self.calls.get(id) else { return };
        if let Some(attempt) = call.attempt {
            let server = self.give_up(attempt);
            self.note_at_breaker(id, server, false);
        }
        self.call_failed(id);
    }

    /// The client's patience with one attempt is over.
    pub fn timed_out(&mut self, attempt: Id<Attempt>) {
        let Some(call) = self.attempts.get(attempt).and_then(|attempt| attempt.call) else { return };
        let server = self.give_up(attempt);
        self.attempt_failed(call, server, Failure::Failed);
    }
}
