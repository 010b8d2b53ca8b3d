//! The reference plan's rules: off the overloaded server first, then onto the idle one, core agents first, then by complexity.
//!
//! Precisely, over the servers in service that share a needed capability with another: a server is overloaded while its planned load is
//! above their mean, idle while it is below. The most overloaded server comes first; its movable needs leave in the order
//! core agents first, then complexity descending, then the scenario's order, as long as it is overloaded; each goes to
//! the least loaded of its idle providers, and only where the planned balance becomes better by it. A need moves at most once. Then the next
//! overloaded server, until none has a need left to consider.

use crate::mapping::planned_loads;
use crate::scenario::{NeedId, Scenario, ServerId};

use super::loads::Choices;

pub fn decide(scenario: &Scenario) -> Vec<ServerId> {
    let choices = Choices::of(scenario);
    let sharing = scenario.sharing();
    let mut primaries = choices.start.clone();
    let mut considered = vec![false; scenario.needs.len()];
    loop {
        let loads = planned_loads(scenario, &primaries);
        let mean = sharing.iter().map(|s| loads[s.index()]).sum::<f64>() / sharing.len() as f64;
        let waiting = |server: ServerId| -> Option<NeedId> {
            let here = choices.movable.iter().map(|m| m.need).filter(|need| primaries[need.index()] == server && !considered[need.index()]);
            here.reduce(|first, need| if comes_before(scenario, need, first) { need } else { first })
        };
        let overloaded = sharing
            .iter()
            .filter(|s| loads[s.index()] > mean)
            .filter_map(|s| waiting(*s).map(|need| (loads[s.index()], need)))
            .reduce(|most, next| if next.0 > most.0 { next } else { most });
        let Some((_, need)) = overloaded else { return primaries };
        considered[need.index()] = true;
        let movable = choices.movable.iter().find(|m| m.need == need).expect("taken from them");
        let idle = movable.servers.iter().copied().filter(|s| loads[s.index()] < mean);
        let Some(target) = idle.reduce(|least, s| if loads[s.index()] < loads[least.index()] { s } else { least }) else { continue };
        let home = std::mem::replace(&mut primaries[need.index()], target);
        if unevenness(scenario, &sharing, &primaries) >= unevenness_of(&sharing, &loads) {
            primaries[need.index()] = home;
        }
    }
}

fn unevenness(scenario: &Scenario, sharing: &[ServerId], primaries: &[ServerId]) -> f64 {
    unevenness_of(sharing, &planned_loads(scenario, primaries))
}

/// (sd/mean)^2: what the score is made of, and unlike the score it still tells apart what scores 0.
fn unevenness_of(sharing: &[ServerId], loads: &[f64]) -> f64 {
    let (n, sum) = (sharing.len() as f64, sharing.iter().map(|s| loads[s.index()]).sum::<f64>());
    n * sharing.iter().map(|s| loads[s.index()].powi(2)).sum::<f64>() / (sum * sum) - 1.0
}

fn comes_before(scenario: &Scenario, a: NeedId, b: NeedId) -> bool {
    let agent = |need: NeedId| scenario.agent(scenario.need(need).agent);
    let rank = |need: NeedId| (agent(need).core, agent(need).complexity.value);
    rank(a).partial_cmp(&rank(b)).is_some_and(|order| order.is_gt())
}

#[cfg(test)]
mod tests {
    use super::super::reference::{ecosystem, plan_moves};
    use super::*;

    #[test]
    fn on_the_reference_ecosystem_the_rules_make_the_plans_four_moves() {
        let scenario = ecosystem();
        assert_eq!(decide(&scenario), plan_moves(&scenario).primaries());
    }
}
