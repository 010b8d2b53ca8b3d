//! In order of arrival, each movable need onto the server with the least expected utilisation: what a dispatcher that knows
//! the past but not the future would do.

use crate::scenario::{NeedId, Scenario, ServerId};

use super::cost::{NeedCost, costs};
use super::loads::Choices;

/// Utilisation is offered work per slot: calls/s x mean serial time / slots, this need's included. Ties: the server of best quality.
pub fn decide(scenario: &Scenario) -> Vec<ServerId> {
    let choices = Choices::of(scenario);
    let costs = costs(scenario);
    let mut utilisation = vec![0.0; scenario.servers.len()];
    let mut primaries = choices.start.clone();
    let mut movable = choices.movable.iter().peekable();
    let mut later: Vec<(NeedId, &[ServerId])> = Vec::new();
    for need in scenario.need_ids() {
        match movable.next_if(|m| m.need == need) {
            Some(m) => later.push((need, &m.servers)),
            None => utilisation[primaries[need.index()].index()] += work(scenario, &costs[need.index()], primaries[need.index()]),
        }
    }
    for (need, servers) in later {
        let after = |server: ServerId| utilisation[server.index()] + work(scenario, &costs[need.index()], server);
        let best = servers.iter().copied().reduce(|best, server| if after(server) < after(best) { server } else { best });
        let server = best.expect("a movable need has servers");
        utilisation[server.index()] = after(server);
        primaries[need.index()] = server;
    }
    primaries
}

fn work(scenario: &Scenario, cost: &NeedCost, server: ServerId) -> f64 {
    let server = scenario.server(server);
    cost.rate * server.serial.value.mean() / f64::from(server.slots.value.max(1))
}
