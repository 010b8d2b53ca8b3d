//! Hedged calls (Dean & Barroso 2013, The Tail at Scale): an attempt that has not answered after a while gets a second one beside it, at
//! the call's next fallback server, or at the same server where there is none. The first answer counts; the other is given up. A call is
//! hedged once.

use super::breaker::Admission;
use super::call::Tried;
use super::*;

/// Added to the number of an attempt that is a hedge: the same server has other luck for it.
const HEDGE: u32 = 1 << 31;

impl<O: Observer> Simulation<'_, O> {
    #[inline(always)]
    pub fn plan_hedge(&mut self, id: Id<Attempt>) {
        if let Some(after) = self.model.policy.hedge_after {
            let attempts = &self.attempts;
            let is_over = |event| matches!(event, Event::HedgeDue(id) if !attempts.contains(id));
            self.calendar.schedule_in(Lane::Hedge, self.now + after, Event::HedgeDue(id), is_over);
        }
    }

    pub fn hedge_due(&mut self, attempt: Id<Attempt>) {
        let Some(id) = self.attempts.get(attempt).and_then(|attempt| attempt.call) else { return };
        let call = &self.calls[id];
        if call.hedged || call.attempt != Some(attempt) {
            return;
        }
        let Some((target, server)) = self.hedge_target(call) else { return };
        let (agent, counted, number) = (call.agent, call.counted, call.attempt_number | HEDGE);
        let admission = self.admit(agent, server);
        if admission == Admission::Skip {
            return;
        }
        let hedge = self.begin_attempt(id, server, target, number, admission == Admission::Probe);
        self.calls[id].hedged = true;
        self.agents[agent.index()].tally.hedges += u64::from(counted);
        self.connect_attempt(hedge, server);
    }

    /// The next fallback that is a server, or the present target.
    fn hedge_target(&self, call: &Call) -> Option<(u32, ServerId)> {
        let fallbacks = call.on_failure_next..self.model.needs[call.need.index()].on_failure.end;
        let present = self.model.targets[call.target as usize].to;
        let server = |target: u32| match self.model.targets[target as usize].to {
            Target::Server(server) => Some((target, server)),
            Target::StandIn(_) => None,
        };
        fallbacks.filter_map(server).find(|(_, server)| Target::Server(*server) != present).or_else(|| server(call.target))
    }

    /// One of a call's attempts is over without an answer: true where the other is still under way.
    #[inline(always)]
    pub fn other_goes_on(&mut self, id: Id<Call>, over: Tried) -> bool {
        let call = &mut self.calls[id];
        if call.hedge.is_none() {
            return false;
        }
        if is_hedge(over.number) {
            call.hedge = None;
            return call.attempt.is_some();
        }
        call.attempt = call.hedge.take();
        true
    }

    /// One of a call's attempts was answered: the other is given up.
    pub fn drop_other(&mut self, id: Id<Call>, answered: Tried) {
        let call = &mut self.calls[id];
        let Some(hedge) = call.hedge.take() else { return };
        let other = if is_hedge(answered.number) { call.attempt.take() } else { Some(hedge) };
        let Some(other) = other else { return };
        let given_up = self.give_up(other);
        if given_up.probe {
            self.call_off_probe(id, given_up.server);
        }
    }
}

pub fn is_hedge(number: u32) -> bool {
    number & HEDGE != 0
}
