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

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::super::reference::{empty_scenario, plain_agent, plain_server, share};
    use super::*;
    use crate::random::Key;
    use crate::scenario::{AgentId, CapabilityId, Figure, Need, Provision};

    /// Jobs of these lengths on so many equal machines: the longest finishing time that the strategy leaves.
    fn makespan(jobs: &[f64], machines: usize) -> f64 {
        let mut scenario = empty_scenario("makespan");
        scenario.capabilities = vec!["work".to_owned()];
        for number in 0..machines {
            let mut server = plain_server(&format!("machine-{number}"));
            server.provides.push(Provision::new(CapabilityId(0), share(1.0)));
            scenario.servers.push(server);
        }
        for (number, length) in jobs.iter().enumerate() {
            scenario.agents.push(plain_agent(&format!("job-{number}"), *length));
            scenario.needs.push(Need {
                agent: AgentId::from(number),
                capability: CapabilityId(0),
                demand: Figure::stated(1.0),
                current: None,
                pinned: false,
            });
        }
        crate::mapping::planned_loads(&scenario, &decide(&scenario)).into_iter().fold(0.0, f64::max)
    }

    /// Graham (1969): two jobs each of m + 1 to 2m - 1 and three of m take longest first 4m - 1, at best 3m: 4/3 - 1/(3m) times as long.
    #[test]
    fn the_tight_family_takes_just_as_long_as_published() {
        for machines in 2..=12 {
            let m = machines as f64;
            let mut jobs = vec![m; 3];
            jobs.extend((machines + 1..2 * machines).flat_map(|length| [length as f64; 2]));
            let makespan = makespan(&jobs, machines);
            assert_eq!(makespan, 4.0 * m - 1.0);
            assert!((makespan / (3.0 * m) - (4.0 / 3.0 - 1.0 / (3.0 * m))).abs() < 1e-12);
        }
    }

    /// Jobs that were cut from full machines: the best makespan is known.
    #[test]
    fn nothing_takes_longer_than_the_published_bound() {
        for number in 0..200 {
            let mut draw = Key::new(number).named("makespan").generator();
            let machines = draw.random_range(2..=6);
            let mut jobs = Vec::new();
            for _ in 0..machines {
                let mut left = 100;
                while left > 0 {
                    let length = draw.random_range(1..=60).min(left);
                    jobs.push(f64::from(length));
                    left -= length;
                }
            }
            let ratio = makespan(&jobs, machines) / 100.0;
            assert!((1.0..=4.0 / 3.0 - 1.0 / (3.0 * machines as f64)).contains(&ratio), "{ratio} on {machines} machines: {jobs:?}");
        }
    }
}
