//! What a mapping may not exceed, by the scenario's `[limits]`: changed assignments, servers an agent, tokens of tool definitions in an
//! agent's context. A server counts where the agent's config has to permit it: for a primary, and for the fallbacks that go with it.

use std::collections::BTreeMap;

use crate::mapping::{Mapping, primaries_of_today};
use crate::scenario::{AgentId, Limits, NeedId, Scenario, ServerId};

use super::linear::{Affine, Column, Program};
use super::loads::Choices;

/// One limit that a program can hold a mapping to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Changes,
    Servers(AgentId),
    Tokens(AgentId),
}

/// A figure of the scenario's `[limits]`: one for all agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitKind {
    Changes,
    Servers,
    Tokens,
}

impl LimitKind {
    pub const ALL: [LimitKind; 3] = [LimitKind::Changes, LimitKind::Servers, LimitKind::Tokens];

    /// What the scenario states of it.
    pub fn stated(self, limits: &Limits) -> Option<u64> {
        match self {
            LimitKind::Changes => limits.changes.map(u64::from),
            LimitKind::Servers => limits.servers_per_agent.map(u64::from),
            LimitKind::Tokens => limits.tool_tokens,
        }
    }

    pub fn set(self, limits: &mut Limits, most: u64) {
        let count = u32::try_from(most).unwrap_or(u32::MAX);
        match self {
            LimitKind::Changes => limits.changes = Some(count),
            LimitKind::Servers => limits.servers_per_agent = Some(count),
            LimitKind::Tokens => limits.tool_tokens = Some(most),
        }
    }

    /// No mapping has more than so many.
    pub fn most(self, scenario: &Scenario) -> u64 {
        match self {
            LimitKind::Changes => scenario.needs.len() as u64,
            LimitKind::Servers => scenario.servers.len() as u64,
            LimitKind::Tokens => scenario.servers.iter().map(|server| u64::from(server.tokens.value)).sum(),
        }
    }

    /// As in `allow 3 changed assignments instead of 2`.
    pub fn raised(self, limits: &Limits, most: u64) -> String {
        let what = match self {
            LimitKind::Changes if most == 1 => "changed assignment",
            LimitKind::Changes => "changed assignments",
            LimitKind::Servers if most == 1 => "server an agent",
            LimitKind::Servers => "servers an agent",
            LimitKind::Tokens => "tokens of tools an agent",
        };
        format!("allow {most} {what} instead of {}", self.stated(limits).unwrap_or_default())
    }
}

impl Limit {
    pub fn kind(self) -> LimitKind {
        match self {
            Limit::Changes => LimitKind::Changes,
            Limit::Servers(_) => LimitKind::Servers,
            Limit::Tokens(_) => LimitKind::Tokens,
        }
    }
}

/// The scenario without what a mapping may not exceed; which server may be a fallback stays as it is.
pub fn lifted(scenario: &Scenario) -> Scenario {
    let limits = Limits { separate_domains: scenario.limits.separate_domains, ..Limits::default() };
    Scenario { what_ifs: Vec::new(), limits, ..scenario.clone() }
}

/// All that the scenario states.
pub fn all(scenario: &Scenario) -> Vec<Limit> {
    let limits = &scenario.limits;
    let mut all: Vec<Limit> = limits.changes.map(|_| Limit::Changes).into_iter().collect();
    for agent in scenario.agent_ids() {
        all.extend(limits.servers_per_agent.map(|_| Limit::Servers(agent)));
        all.extend(limits.tool_tokens.map(|_| Limit::Tokens(agent)));
    }
    all
}

pub fn describe(scenario: &Scenario, limit: Limit) -> String {
    let (limits, name) = (&scenario.limits, |agent: AgentId| &scenario.agent(agent).name);
    match limit {
        Limit::Changes => format!("changed assignments: at most {}", limits.changes.unwrap_or_default()),
        Limit::Servers(agent) => format!("servers of {}: at most {}", name(agent), limits.servers_per_agent.unwrap_or_default()),
        Limit::Tokens(agent) => format!("tokens of tools of {}: at most {}", name(agent), limits.tool_tokens.unwrap_or_default()),
    }
}

/// The servers that an agent's config has to permit where this is a need's primary: itself and its fallbacks.
pub fn context(scenario: &Scenario, need: NeedId, primary: ServerId) -> Vec<ServerId> {
    let mut servers: Vec<ServerId> = Mapping::policy_assignment(scenario, need, primary).servers().collect();
    servers.sort_unstable();
    servers.dedup();
    servers
}

/// Rows that hold a program to these limits. `first`: of each movable need, the column of its first server.
pub fn add_rows(program: &mut Program, scenario: &Scenario, choices: &Choices, first: &[usize], limits: &[Limit]) {
    if limits.contains(&Limit::Changes) {
        program.add_row(changes(scenario, choices, first));
    }
    for agent in scenario.agent_ids() {
        let [servers, tokens] = [Limit::Servers(agent), Limit::Tokens(agent)].map(|limit| limits.contains(&limit));
        if !servers && !tokens {
            continue;
        }
        let granted = granted(program, scenario, choices, first, agent);
        if servers {
            let most = f64::from(scenario.limits.servers_per_agent.unwrap_or_default());
            let mut row = Affine { constant: -most, terms: Vec::new() };
            granted.iter().for_each(|(_, grant)| row.add(1.0, grant));
            row.merge();
            program.add_row(row);
        }
        if tokens {
            // In units of the limit: tokens come in tens of thousands, and all else in ones.
            let most = (scenario.limits.tool_tokens.unwrap_or_default() as f64).max(1.0);
            let mut row = Affine { constant: -1.0, terms: Vec::new() };
            granted.iter().for_each(|(server, grant)| row.add(f64::from(scenario.server(*server).tokens.value) / most, grant));
            row.merge();
            program.add_row(row);
        }
    }
}

fn changes(scenario: &Scenario, choices: &Choices, first: &[usize]) -> Affine {
    let today = primaries_of_today(scenario);
    let mut row = Affine { constant: -f64::from(scenario.limits.changes.unwrap_or_default()), terms: Vec::new() };
    let mut movable = vec![false; scenario.needs.len()];
    for (choice, first) in choices.movable.iter().zip(first) {
        movable[choice.need.index()] = true;
        let others = choice.servers.iter().enumerate().filter(|(_, server)| **server != today[choice.need.index()]);
        row.terms.extend(others.map(|(k, _)| (first + k, 1.0)));
    }
    let moved = scenario.need_ids().filter(|need| !movable[need.index()] && choices.start[need.index()] != today[need.index()]);
    row.constant += moved.count() as f64;
    row
}

/// 1 for each server that the agent's config has to permit, fallbacks included.
fn granted(program: &mut Program, scenario: &Scenario, choices: &Choices, first: &[usize], agent: AgentId) -> Vec<(ServerId, Affine)> {
    // By server: forced by a need, and the columns of those that bring it along.
    let mut wanted: BTreeMap<ServerId, (bool, Vec<usize>)> = BTreeMap::new();
    for need in scenario.needs_of(agent) {
        // Needs are in order, and so are the movable ones.
        match choices.movable.binary_search_by_key(&need, |movable| movable.need) {
            Err(_) => {
                let servers = context(scenario, need, choices.start[need.index()]);
                servers.into_iter().for_each(|server| wanted.entry(server).or_default().0 = true);
            }
            Ok(position) => {
                let options = &choices.movable[position].servers;
                let mut brought: BTreeMap<ServerId, Vec<usize>> = BTreeMap::new();
                for (k, server) in options.iter().enumerate() {
                    context(scenario, need, *server).into_iter().for_each(|s| brought.entry(s).or_default().push(first[position] + k));
                }
                for (server, columns) in brought {
                    let entry = wanted.entry(server).or_default();
                    entry.0 |= columns.len() == options.len();
                    entry.1.extend(columns);
                }
            }
        }
    }
    wanted.into_iter().map(|(server, (forced, columns))| (server, grant(program, forced, &columns))).collect()
}

/// 1 where any of these binaries is 1, or in any case. Integral wherever they are: no branching needed.
pub fn grant(program: &mut Program, forced: bool, columns: &[usize]) -> Affine {
    match (forced, columns) {
        (true, _) => Affine { constant: 1.0, terms: Vec::new() },
        (false, [only]) => Affine { constant: 0.0, terms: vec![(*only, 1.0)] },
        (false, several) => {
            let y = program.add_column(Column { cost: 0.0, lower: 0.0, upper: 1.0, integer: false });
            let mut sum = Affine { constant: 0.0, terms: vec![(y, 1.0)] };
            for x in several {
                program.add_row(Affine { constant: 0.0, terms: vec![(*x, 1.0), (y, -1.0)] });
                sum.terms.push((*x, -1.0));
            }
            program.add_row(sum);
            Affine { constant: 0.0, terms: vec![(y, 1.0)] }
        }
    }
}

/// By how much a mapping with these primaries exceeds its limits, each relative, summed; 0 where it keeps them all.
pub fn excess(scenario: &Scenario, primaries: &[ServerId]) -> f64 {
    Tracker::new(scenario, primaries).map_or(0.0, |tracker| tracker.excess())
}

/// What the limits depend on, kept up to date move by move.
#[derive(Debug, Clone)]
pub struct Tracker {
    changes_most: Option<u32>,
    servers_most: Option<u32>,
    tokens_most: Option<u64>,
    today: Vec<ServerId>,
    agents: Vec<AgentId>,
    /// By server.
    tokens: Vec<u64>,
    /// Of each need, of each server that it may be on: the servers that its agent is granted for it.
    contexts: Vec<Vec<(ServerId, Vec<ServerId>)>>,
    /// By agent, then server: needs that bring it along.
    counts: Vec<u32>,
    /// By agent.
    servers: Vec<u32>,
    agent_tokens: Vec<u64>,
    changed: u32,
    servers_over: u64,
    tokens_over: u64,
}

impl Tracker {
    /// None where there are no limits.
    pub fn new(scenario: &Scenario, primaries: &[ServerId]) -> Option<Tracker> {
        let limits = &scenario.limits;
        if limits.changes.is_none() && limits.servers_per_agent.is_none() && limits.tool_tokens.is_none() {
            return None;
        }
        let of_agents = limits.servers_per_agent.is_some() || limits.tool_tokens.is_some();
        let today = primaries_of_today(scenario);
        let contexts = |need: NeedId| -> Vec<(ServerId, Vec<ServerId>)> {
            let mut servers = scenario.providers(scenario.need(need).capability);
            servers.extend([today[need.index()], primaries[need.index()]]);
            servers.sort_unstable();
            servers.dedup();
            servers.into_iter().map(|server| (server, context(scenario, need, server))).collect()
        };
        let mut tracker = Tracker {
            changes_most: limits.changes,
            servers_most: limits.servers_per_agent,
            tokens_most: limits.tool_tokens,
            agents: scenario.needs.iter().map(|need| need.agent).collect(),
            tokens: scenario.servers.iter().map(|server| u64::from(server.tokens.value)).collect(),
            contexts: if of_agents { scenario.need_ids().map(contexts).collect() } else { Vec::new() },
            counts: vec![0; if of_agents { scenario.agents.len() * scenario.servers.len() } else { 0 }],
            servers: vec![0; scenario.agents.len()],
            agent_tokens: vec![0; scenario.agents.len()],
            today,
            changed: 0,
            servers_over: 0,
            tokens_over: 0,
        };
        scenario.need_ids().for_each(|need| tracker.put(need, primaries[need.index()]));
        Some(tracker)
    }

    pub fn put(&mut self, need: NeedId, server: ServerId) {
        self.changed += u32::from(self.today[need.index()] != server);
        self.count(need, server, 1);
    }

    pub fn take(&mut self, need: NeedId, server: ServerId) {
        self.changed -= u32::from(self.today[need.index()] != server);
        self.count(need, server, -1);
    }

    fn count(&mut self, need: NeedId, server: ServerId, change: i32) {
        let Some(contexts) = self.contexts.get(need.index()) else { return };
        let Ok(position) = contexts.binary_search_by_key(&server, |(server, _)| *server) else { return };
        let agent = self.agents[need.index()].index();
        let over = |most: u64, has: u64| has.saturating_sub(most);
        let (servers_most, tokens_most) = (self.servers_most.map_or(u64::MAX, u64::from), self.tokens_most.unwrap_or(u64::MAX));
        self.servers_over -= over(servers_most, u64::from(self.servers[agent]));
        self.tokens_over -= over(tokens_most, self.agent_tokens[agent]);
        for granted in &contexts[position].1 {
            let count = &mut self.counts[agent * self.tokens.len() + granted.index()];
            let before = *count;
            *count = before.saturating_add_signed(change);
            match (before, *count) {
                (0, 1) => {
                    self.servers[agent] += 1;
                    self.agent_tokens[agent] += self.tokens[granted.index()];
                }
                (1, 0) => {
                    self.servers[agent] -= 1;
                    self.agent_tokens[agent] -= self.tokens[granted.index()];
                }
                _ => {}
            }
        }
        self.servers_over += over(servers_most, u64::from(self.servers[agent]));
        self.tokens_over += over(tokens_most, self.agent_tokens[agent]);
    }

    /// Relative to each limit, summed over limits and agents.
    pub fn excess(&self) -> f64 {
        let relative = |over: f64, most: f64| over / most.max(1.0);
        let changes = self.changes_most.map_or(0.0, |most| relative(f64::from(self.changed.saturating_sub(most)), f64::from(most)));
        let servers = self.servers_most.map_or(0.0, |most| relative(self.servers_over as f64, f64::from(most)));
        let tokens = self.tokens_most.map_or(0.0, |most| relative(self.tokens_over as f64, most as f64));
        changes + servers + tokens
    }
}
