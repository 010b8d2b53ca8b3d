//! The engine against exact theory (`oracles`), against laws that hold in every scenario (`laws`), and each modelled behaviour
//! in a scenario so small that its result can be worked out by hand (`behaviours`).

mod behaviours;
mod build;
mod laws;
mod oracles;

use crate::random::Key;
use crate::scenario::{AgentId, NeedId, ServerId};

use super::luck::ServiceDraw;

/// What a run met, for comparing runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Traced {
    Call { key: Key, agent: AgentId, need: NeedId },
    Arrival { key: Key, server: ServerId, attempt: u32, draw: ServiceDraw },
}
