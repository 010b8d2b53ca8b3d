//! Longest processing time first: the heaviest need onto the server that ends up least loaded. Graham (1969): within 4/3 of the
//! best makespan on equal machines.

use crate::scenario::{NeedId, Scenario, ServerId};

use super::loads::Choices;

/// Load is planned load: an agent that is on a server anyway adds nothing. Heaviest is the agent's complexity; ties: the scenario's
/// order of needs, the server of best quality.
pub fn decide(scenario: &Scenario) -> Vec<ServerId> {
    let choices = Choices::of(scenario);
    let mut primaries = choices.start.clone();
    let mut placed = Placed::without(scenario, &choices);
    let mut order: Vec<_> = choices.movable.iter().collect();
    let complexity = |need: NeedId| scenario.agent(scenario.need(need).agent).complexity.value;
    order.sort_by(|a, b| complexity(b.need).total_cmp(&complexity(a.need)));
    for movable in order {
        let after = |server: &ServerId| placed.loads[server.index()] + placed.added(scenario, movable.need, *server);
        let best = movable.servers.iter().copied().reduce(|best, server| if after(&server) < after(&best) { server } else { best });
        let server = best.expect("a movable need has servers");
        placed.loads[server.index()] += placed.added(scenario, movable.need, server);
        placed.granted[scenario.need(movable.need).agent.index()][server.index()] = true;
        primaries[movable.need.index()] = server;
    }
    primaries
}

/// Planned loads of the needs that are placed so far.
struct Placed {
    loads: Vec<f64>,
    /// By agent, then server.
    granted: Vec<Vec<bool>>,
}

impl Placed {
    /// Only the needs that cannot move.
    fn without(scenario: &Scenario, choices: &Choices) -> Placed {
        let mut granted = vec![vec![false; scenario.servers.len()]; scenario.agents.len()];
        let mut loads = vec![0.0; scenario.servers.len()];
        let mut movable = choices.movable.iter().map(|m| m.need).peekable();
        for need in scenario.need_ids() {
            if movable.next_if_eq(&need).is_some() {
                continue;
            }
            let (agent, server) = (scenario.need(need).agent, choices.start[need.index()]);
            if !granted[agent.index()][server.index()] {
                granted[agent.index()][server.index()] = true;
                loads[server.index()] += scenario.server(server).weight.value * scenario.agent(agent).complexity.value;
            }
        }
        Placed { loads, granted }
    }

    fn added(&self, scenario: &Scenario, need: NeedId, server: ServerId) -> f64 {
        let agent = scenario.need(need).agent;
        if self.granted[agent.index()][server.index()] {
            0.0
        } else {
            scenario.server(server).weight.value * scenario.agent(agent).complexity.value
        }
    }
}
