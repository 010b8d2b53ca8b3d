//! Mappings near one: a need moved, or two needs' servers swapped; those that the objective likes best.

use crate::mapping::Mapping;
use crate::scenario::{NeedId, ServerId};
use crate::strategy::{Choices, Objective, State};

/// A mapping that takes part, by a name that people can find again.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    pub name: String,
    pub mapping: Mapping,
}

/// Neighbours of one mapping at most.
const NEIGHBOURS: usize = 24;
/// Above so many movable needs, swaps are not among the neighbours: there are too many of them.
const SWAPS_MAX: usize = 60;

#[derive(Debug, Clone, Copy)]
struct Move {
    need: NeedId,
    server: ServerId,
}

/// Every mapping that one move or one swap leads to, without losing a limit or a planned KPI of the first objective: the new ones with the least
/// cost, as `combine` makes one of each objective's.
pub fn neighbours(
    objectives: &[&Objective],
    combine: &dyn Fn(&[f64]) -> f64,
    of: &Proposal,
    is_new: &dyn Fn(&Mapping) -> bool,
) -> Vec<Proposal> {
    let home = of.mapping.primaries();
    let choices = Choices::of(objectives[0].scenario);
    let mut states: Vec<State> = objectives.iter().map(|objective| State::new(objective, &home)).collect();
    let at_most = states[0].value();
    let mut found: Vec<(f64, Vec<Move>)> = Vec::new();
    let mut consider = |moves: Vec<Move>| {
        let mut costs = Vec::with_capacity(states.len());
        let mut keeps = true;
        for (number, state) in states.iter_mut().enumerate() {
            moves.iter().for_each(|to| state.shift(to.need, to.server));
            let value = state.value();
            moves.iter().for_each(|to| state.shift(to.need, home[to.need.index()]));
            keeps &= number > 0 || value.excess <= at_most.excess && value.shortfall <= at_most.shortfall + 1e-9;
            costs.push(value.cost);
        }
        if keeps {
            found.push((combine(&costs), moves));
        }
    };
    for (position, movable) in choices.movable.iter().enumerate() {
        let here = home[movable.need.index()];
        for server in movable.servers.iter().filter(|server| **server != here) {
            consider(vec![Move { need: movable.need, server: *server }]);
        }
        let others = if choices.movable.len() <= SWAPS_MAX { &choices.movable[position + 1..] } else { &[] };
        for other in others {
            let there = home[other.need.index()];
            if there != here && movable.servers.contains(&there) && other.servers.contains(&here) {
                consider(vec![Move { need: movable.need, server: there }, Move { need: other.need, server: here }]);
            }
        }
    }
    // A stable sort: equals stay in the order of needs.
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let proposals = found.into_iter().map(|(_, moves)| moved(objectives[0], of, &moves));
    proposals.filter(|proposal| is_new(&proposal.mapping)).take(NEIGHBOURS).collect()
}

/// Needs that move get the policy's fallbacks, the others keep what they have.
fn moved(objective: &Objective, of: &Proposal, moves: &[Move]) -> Proposal {
    let scenario = objective.scenario;
    let mut primaries = of.mapping.primaries();
    moves.iter().for_each(|to| primaries[to.need.index()] = to.server);
    let policy = Mapping::with_policy_fallbacks(scenario, &primaries);
    let mut moved = of.mapping.clone();
    moves.iter().for_each(|to| moved.assignments[to.need.index()] = policy.assignments[to.need.index()].clone());
    let described: Vec<String> = moves
        .iter()
        .map(|to| {
            let need = scenario.need(to.need);
            let agent = &scenario.agent(need.agent).name;
            format!("{agent}'s {} on {}", scenario.capability(need.capability), scenario.server(to.server).name)
        })
        .collect();
    Proposal { name: format!("{}, but {}", base_name(&of.name), described.join(", ")), mapping: moved }
}

/// A neighbour of a neighbour is told by its last move alone, with a mark that there were others.
fn base_name(name: &str) -> String {
    match name.split_once(", but ") {
        Some((base, _)) if base.ends_with('*') => base.to_owned(),
        Some((base, _)) => format!("{base}*"),
        None => name.to_owned(),
    }
}
