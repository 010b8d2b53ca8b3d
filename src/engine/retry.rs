//! Retries at one server: how many, after which back-off, within which budget, and not before a server that turned the call away said.

use crate::scenario::UNLIMITED;

use super::call::Failure;
use super::*;

impl<O: Observer> Simulation<'_, O> {
    /// A call adds its share to its agent's budget of retries.
    #[inline(always)]
    pub fn earn_retries(&mut self, agent: AgentId) {
        if let Some(budget) = self.model.policy.retry_budget {
            let tokens = &mut self.agents[agent.index()].retry_tokens;
            *tokens = (*tokens + budget.ratio).min(budget.burst);
        }
    }

    /// When the call tries its target again; none where it does not.
    pub fn retry_at(&mut self, id: Id<Call>, why: Failure) -> Option<SimTime> {
        let call = &mut self.calls[id];
        let retries = self.model.policy.retries;
        if call.attempt_number >= retries && retries != UNLIMITED {
            return None;
        }
        let Target::Server(server) = self.model.targets[call.target as usize].to else { return None };
        if self.model.policy.retry_budget.is_some() {
            let tokens = &mut self.agents[call.agent.index()].retry_tokens;
            if *tokens < 1.0 {
                return None;
            }
            *tokens -= 1.0;
        }
        call.attempt_number += 1;
        let wait = luck::backoff(call.key, &self.model.policy.backoff, &self.servers[server.index()].model, call.attempt_number);
        let allowed = match why {
            Failure::Rejected { until } => until,
            Failure::Failed => SimTime::ZERO,
        };
        Some((self.now + wait).max(allowed))
    }
}
