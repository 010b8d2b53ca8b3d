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

    /// Whether and when the call tries its target again.
    pub fn retry(&mut self, id: Id<Call>, why: Failure) -> Retry {
        let call = &mut self.calls[id];
        let policy = &self.model.policy;
        if call.attempt_number >= policy.retries && policy.retries != UNLIMITED {
            return Retry::No;
        }
        let Target::Server(server) = self.model.targets[call.target as usize].to else { return Retry::No };
        let state = &mut self.agents[call.agent.index()];
        if policy.retry_budget.is_some() && state.retry_tokens < 1.0 {
            return Retry::No;
        }
        let wait = luck::backoff(call.key, &policy.backoff, &self.servers[server.index()].model, call.attempt_number + 1);
        let allowed = match why {
            Failure::Rejected { until } => until,
            Failure::Failed => SimTime::ZERO,
        };
        let at = (self.now + wait).max(allowed);
        if at >= call.issued + policy.call_life {
            return Retry::TooLate;
        }
        state.retry_tokens -= 1.0;
        call.attempt_number += 1;
        Retry::At(at)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    At(SimTime),
    /// The call's life would be over.
    TooLate,
    No,
}
