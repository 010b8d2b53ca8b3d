//! Every movable need on one of its servers by lot: what no thought at all achieves.

use crate::random::Key;
use crate::scenario::{Scenario, ServerId};

use super::loads::Choices;

/// Keyed by (seed, agent, capability): another agent more reshuffles nothing.
pub fn decide(scenario: &Scenario, seed: u64) -> Vec<ServerId> {
    let choices = Choices::of(scenario);
    let mut primaries = choices.start;
    for movable in &choices.movable {
        let need = scenario.need(movable.need);
        let key =
            Key::new(seed).named("strategy random").named(&scenario.agent(need.agent).name).named(scenario.capability(need.capability));
        let lot = (key.uniform() * movable.servers.len() as f64) as usize;
        primaries[movable.need.index()] = movable.servers[lot];
    }
    primaries
}
