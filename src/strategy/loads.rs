//! The part that every model shares: which need can move where, and the planned load that follows from it, linear in
//! binaries of needs and grants.

use std::collections::BTreeMap;

use crate::mapping::primaries_of_today;
use crate::scenario::{AgentId, NeedId, Scenario, ServerId};

use super::limits::{self, Limit};
use super::linear::{Affine, Column, Program};

/// A need with at least two servers to choose from.
#[derive(Debug, Clone, PartialEq)]
pub struct Movable {
    pub need: NeedId,
    pub servers: Vec<ServerId>,
}

/// What can be decided in a scenario, and what cannot.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    pub movable: Vec<Movable>,
    /// One primary a need: the only one there is, or today's where the need can move.
    pub start: Vec<ServerId>,
}

impl Choices {
    /// A need without any server in service that could serve it stays where it is.
    pub fn of(scenario: &Scenario) -> Choices {
        let mut start = primaries_of_today(scenario);
        let mut movable = Vec::new();
        for need in scenario.need_ids() {
            let servers = scenario.eligible(need);
            if !servers.is_empty() && !servers.contains(&start[need.index()]) {
                start[need.index()] = servers[0];
            }
            if servers.len() > 1 {
                movable.push(Movable { need, servers });
            }
        }
        Choices { movable, start }
    }

    /// How many mappings there are; infinity where they cannot be counted.
    pub fn count(&self) -> f64 {
        self.movable.iter().map(|m| m.servers.len() as f64).product()
    }
}

/// Columns for the choices, and each server's planned load in them.
#[derive(Debug, Clone)]
pub struct LoadModel {
    pub program: Program,
    pub choices: Choices,
    /// First column of each movable need: one binary a server, in the order of its servers.
    pub first: Vec<usize>,
    /// By server: weight x complexities of the agents granted it.
    pub loads: Vec<Affine>,
    /// By agent, then server: 1 where the agent has a need on the server, for the pairs that can be.
    pub grants: Vec<(AgentId, ServerId, Affine)>,
}

/// x[need, server] is binary, each movable need on exactly one. A grant y[agent, server] counts an agent once: y >= x of each
/// of its needs, y <= their sum; it is 1 where a need that cannot move forces it, and x itself where only one need could. The scenario's
/// limits are rows.
pub fn load_model(scenario: &Scenario) -> LoadModel {
    load_model_within(scenario, &limits::all(scenario))
}

/// As [`load_model`], held to these limits only.
pub fn load_model_within(scenario: &Scenario, limits: &[Limit]) -> LoadModel {
    let choices = Choices::of(scenario);
    let mut program = Program::default();
    let mut first = Vec::with_capacity(choices.movable.len());
    let mut is_movable = vec![None; scenario.needs.len()];
    for (position, movable) in choices.movable.iter().enumerate() {
        is_movable[movable.need.index()] = Some(position);
        first.push(program.columns.len());
        let mut sum = Affine { constant: -1.0, terms: Vec::new() };
        for _ in &movable.servers {
            let column = program.add_column(Column { cost: 0.0, lower: 0.0, upper: 1.0, integer: true });
            sum.terms.push((column, 1.0));
        }
        program.add_equality(sum);
    }
    let mut grants = Vec::new();
    for agent in scenario.agent_ids() {
        // By server, in order: forced, and the columns of needs that could go there.
        let mut wanted: BTreeMap<ServerId, (bool, Vec<usize>)> = BTreeMap::new();
        for need in scenario.needs_of(agent) {
            match is_movable[need.index()] {
                None => wanted.entry(choices.start[need.index()]).or_default().0 = true,
                Some(position) => {
                    for (k, server) in choices.movable[position].servers.iter().enumerate() {
                        wanted.entry(*server).or_default().1.push(first[position] + k);
                    }
                }
            }
        }
        for (server, (forced, columns)) in wanted {
            let grant = limits::grant(&mut program, forced, &columns);
            grants.push((agent, server, grant));
        }
    }
    let mut loads = vec![Affine::default(); scenario.servers.len()];
    for (agent, server, grant) in &grants {
        loads[server.index()].add(scenario.server(*server).weight.value * scenario.agent(*agent).complexity.value, grant);
    }
    limits::add_rows(&mut program, scenario, &choices, &first, limits);
    LoadModel { program, choices, first, loads, grants }
}

impl LoadModel {
    /// Each movable need on the server whose column is largest, the first of equals.
    pub fn primaries(&self, values: &[f64]) -> Vec<ServerId> {
        let mut primaries = self.choices.start.clone();
        for (movable, first) in self.choices.movable.iter().zip(&self.first) {
            let fractions = &values[*first..*first + movable.servers.len()];
            let best = (0..fractions.len()).reduce(|best, k| if fractions[k] > fractions[best] { k } else { best });
            primaries[movable.need.index()] = movable.servers[best.expect("a movable need has servers")];
        }
        primaries
    }

    /// The column that says where each movable need is.
    pub fn chosen<'m>(&'m self, primaries: &'m [ServerId]) -> impl Iterator<Item = usize> + 'm {
        self.choices.movable.iter().zip(&self.first).map(|(movable, first)| {
            let server = primaries[movable.need.index()];
            first + movable.servers.iter().position(|s| *s == server).expect("a movable need is on one of its servers")
        })
    }

    /// All choices, as a start that the solver completes.
    pub fn start(&self, primaries: &[ServerId]) -> Vec<(usize, f64)> {
        let columns = self.choices.movable.iter().zip(&self.first).map(|(movable, first)| *first..first + movable.servers.len());
        let chosen = self.chosen(primaries);
        columns.zip(chosen).flat_map(|(columns, one)| columns.map(move |c| (c, if c == one { 1.0 } else { 0.0 }))).collect()
    }
}
