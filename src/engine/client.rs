//! What stands between an agent's call and the first server: its cache, and its limit of calls under way at once.

use std::collections::VecDeque;

use crate::scenario::NeedId;

use super::*;

/// One agent's.
#[derive(Debug)]
pub struct Client {
    /// Calls under way, where they are limited.
    under_way: u32,
    /// Calls that wait for one of those to end, first come, first served; some may have come to the end of their life.
    waiting: VecDeque<Id<Call>>,
    /// Of the retry budget.
    pub retry_tokens: f64,
}

impl Client {
    pub fn new(model: &Model) -> Client {
        let retry_tokens = model.policy.retry_budget.map_or(0.0, |budget| budget.burst);
        Client { under_way: 0, waiting: VecDeque::new(), retry_tokens }
    }
}

impl<O: Observer> Simulation<'_, O> {
    /// True where the call may begin; else it waits for another of its agent's to end.
    #[inline(always)]
    pub fn enter_client(&mut self, id: Id<Call>, agent: AgentId) -> bool {
        let Some(limit) = self.model.agents[agent.index()].concurrency else { return true };
        let client = &mut self.clients[agent.index()];
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
        let client = &mut self.clients[call.agent.index()];
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

    /// Whether the cache answers the call: it asks what the need's last answer told, and that is not too old.
    pub fn is_cached(&self, call: &Call) -> bool {
        let Some(cache) = self.model.needs[call.need.index()].cache else { return false };
        let Some(answered) = self.gateway.answered[call.need.index()] else { return false };
        self.now.saturating_sub(answered) <= cache.ttl && luck::repeat(call.key) < cache.repeats
    }

    /// A server's answer goes into the cache.
    #[inline(always)]
    pub fn fill_cache(&mut self, need: NeedId) {
        if self.model.needs[need.index()].cache.is_some() {
            self.gateway.answered[need.index()] = Some(self.now);
        }
    }
}
