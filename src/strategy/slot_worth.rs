//! What one more slot on a server is worth: the objective's optimum is found anew with it. In a program of integers the prices of the relaxation
//! would say little: capacity is worth something only where it lets a need move.

use serde::Serialize;

use crate::scenario::{Scenario, ServerId};

use super::balance::EXACT_NEEDS;
use super::linear::Integrality;
use super::loads::Choices;
use super::local_search::descend;
use super::milp::{NODES, decide_exactly};
use super::objective::Objective;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlotWorth {
    pub server: String,
    /// Today.
    pub slots: u32,
    /// How much less the best mapping costs with one more, in the objective's units: 1 is a whole KPI's worth.
    pub worth: f64,
    /// Found by the solver; else by a descent from the mapping.
    pub solved: bool,
}

/// Servers looked at where the solver is not asked: the busiest.
const BUSIEST: usize = 20;

/// The most valuable first. `primaries`: of the mapping at hand.
pub fn worth_of_slots(scenario: &Scenario, primaries: &[ServerId]) -> Vec<SlotWorth> {
    let solved = Choices::of(scenario).movable.len() <= EXACT_NEEDS;
    let cost = |scenario: &Scenario| {
        let objective = Objective::of(scenario);
        let best = if solved {
            decide_exactly(&objective, Integrality::Required { nodes: NODES }).primaries
        } else {
            descend(&objective, primaries)
        };
        objective.value(&best).cost
    };
    let now = cost(scenario);
    let mut worth: Vec<SlotWorth> = busiest(scenario, primaries)
        .into_iter()
        .map(|id| {
            let mut world = Scenario { what_ifs: Vec::new(), ..scenario.clone() };
            world.servers[id.index()].slots.value += 1;
            let server = scenario.server(id);
            SlotWorth { server: server.name.clone(), slots: server.slots.value, worth: now - cost(&world), solved }
        })
        .collect();
    // A stable sort: equals stay in the order of use.
    worth.sort_by(|a, b| b.worth.total_cmp(&a.worth));
    worth
}

fn busiest(scenario: &Scenario, primaries: &[ServerId]) -> Vec<ServerId> {
    let objective = Objective::of(scenario);
    let mut busy = vec![0.0; scenario.servers.len()];
    for need in scenario.need_ids() {
        let server = primaries[need.index()];
        let of = &objective.servers[server.index()];
        busy[server.index()] += objective.needs[need.index()].rate * of.serial / of.queue.slots;
    }
    let mut servers: Vec<ServerId> = scenario.server_ids().filter(|id| busy[id.index()] > 0.0).collect();
    servers.sort_by(|a, b| busy[b.index()].total_cmp(&busy[a.index()]));
    servers.truncate(BUSIEST);
    servers
}
