//! Each capability's movable needs in turn over its servers, as a rotating DNS entry would.

use crate::scenario::{Scenario, ServerId};

use super::loads::Choices;

/// Best quality first; every capability has a turn of its own.
pub fn decide(scenario: &Scenario) -> Vec<ServerId> {
    let choices = Choices::of(scenario);
    let mut primaries = choices.start;
    let mut turns = vec![0_usize; scenario.capabilities.len()];
    for movable in &choices.movable {
        let turn = &mut turns[scenario.need(movable.need).capability.index()];
        primaries[movable.need.index()] = movable.servers[*turn % movable.servers.len()];
        *turn += 1;
    }
    primaries
}
