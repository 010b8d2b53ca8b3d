//! What stands between an agent's call and the first server: its cache, and its limit of calls under way at once.

use std::collections::VecDeque;

use crate::scenario::NeedId;

use super::arrivals::Stream;
use super::model::{AgentModel, PolicyModel};
use super::*;

/// One agent's client, and what is counted of its calls.
#[derive(Debug)]
pub struct AgentState {
    pub model: AgentModel,
    pub tally: CallTally,
    pub stream: Stream,
    /// Calls under way, where they are limited.
    under_way: u32,
    /// Calls that wait for one of those to end, first come, first served; some may have come to the end of their life.
    waiting: VecDeque<Id<Call>>,
    /// Of the retry budget.
    pub retry_tokens: f64,
}

impl AgentState {
    pub fn new(model: AgentModel, policy: &PolicyModel) -> AgentState {
        let retry_tokens = policy.retry_budget.map_or(0.0, |budget| budget.burst);
        AgentState { model, tally: CallTally::default(), stream: Stream::default(), under_way: 0, waiting: VecDeque::new(), retry_tokens }
    }
}

impl<O: Observer> Simulation<'_, O> {
    /// True where the call may begin; else it waits for another of its agent's to end.
    pub fn enter_client(&mut self, id: Id<Call>, agent: AgentId) -> bool {
        let client = &mut self.agents[agent.index()];
        let Some(limit) = client.model.concurrency else { return true };
        if client.under_way >= limit {
            client.waiting.push_back(id);
            self.watch_life(id);
            return false;
        }
        client.under_way += 1;
        self.calls[id].entered = true;
        true
    }

    /// A call is over; where it counted against its agent's limit, the next one begins.
    #[inline(always)]
    pub fn leave_client(&mut self, call: &Call) {
        if !call.entered {
            return;
        }
        let client = &mut self.agents[call.agent.index()];
        client.under_way -= 1;
        while let Some(next) = client.waiting.pop_front() {
            if let Some(waiting) = self.calls.get_mut(next) {
                waiting.entered = true;
                client.under_way += 1;
                self.calendar.schedule(self.now, Event::AttemptDue(next));
                return;
            }
        }
    }

    /// The target whose answer the cache holds, where that is the call's answer: it asks what the need's last answer told, and that is not
    /// too old.
    pub fn cached(&self, call: &Call) -> Option<u32> {
        let cache = self.model.needs[call.need.index()].cache?;
        let (answered, target) = self.gateway.answered[call.need.index()]?;
        let is_hit = self.now.saturating_sub(answered) <= cache.ttl && luck::repeat(call.key) < cache.repeats;
        is_hit.then_some(target)
    }

    /// A server's answer goes into the cache.
    #[inline(always)]
    pub fn fill_cache(&mut self, need: NeedId, target: u32) {
        if !self.gateway.answered.is_empty() && self.model.needs[need.index()].cache.is_some() {
            self.gateway.answered[need.index()] = Some((self.now, target));
        }
    }
}
