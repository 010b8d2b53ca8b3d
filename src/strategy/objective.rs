//! What a good mapping is: one that keeps the scenario's limits; then as little shortfall of the planned KPIs as there can be; and among those
//! the least cost.
//!
//! cost = sum over needs of share x loss                         what a call can expect, from `cost`: error and response
//!      + response x mean wait for a slot / allowed response     by Allen-Cunneen, from `congestion`
//!      + imbalance x largest planned load / today's mean load   of the servers that can share work
//!      + changes x share of the assignments that differ from today's
//!      + affinity x servers of each agent, summed / needs       fewest where an agent's needs are together
//!      + `OVERLOAD` x work beyond a safe utilisation of each server's slots and rate limit, and beyond its safe concurrency
//!      + `MEMORY` x memory beyond the host's, relative
//!
//! Loss and what is allowed are [`Allowed`]'s, by which the simulation ranks mappings too. One unit of cost is one KPI's worth. What each term
//! weighs is [`Scenario::weight`]'s.

use crate::judge::Allowed;
use crate::mapping::{Over, planned_loads, primaries_of_today};
use crate::scenario::{Kpi, NeedId, Process, Scenario, ServerId, Term};

use super::congestion::{Queue, UTILISATION_LIMIT, mean_within};
use super::cost::{NeedCost, costs};
use super::limits::Tracker;
use super::linear::Solver;

/// A server offered one slot's work too much loses that work: it weighs more than all that a mapping can gain elsewhere.
pub const OVERLOAD: f64 = 100.0;
/// As above: what does not fit the host does not run.
pub const MEMORY: f64 = 100.0;
/// Of the time, in which more calls may be under way than is safe.
const UNSAFE_SHARE: f64 = 0.01;
/// Differences below this are rounding.
pub const TOLERANCE: f64 = 1e-9;

/// Ordered: limits first, then shortfall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// By how much the scenario's limits are exceeded, each relative, summed.
    pub excess: f64,
    /// Sum over the planned KPIs of (target - score) / target, where the score is below.
    pub shortfall: f64,
    pub cost: f64,
}

impl Value {
    pub fn is_better_than(self, other: Value) -> bool {
        if (self.excess - other.excess).abs() > TOLERANCE {
            self.excess < other.excess
        } else if (self.shortfall - other.shortfall).abs() > TOLERANCE {
            self.shortfall < other.shortfall
        } else {
            self.cost < other.cost - TOLERANCE * (1.0 + other.cost.abs())
        }
    }
}

/// Everything about a scenario that the value of a mapping depends on, in tables; and who solves programs about it.
#[derive(Debug, Clone)]
pub struct Objective<'a> {
    pub scenario: &'a Scenario,
    pub solver: Solver,
    pub needs: Vec<NeedCost>,
    pub today: Vec<ServerId>,
    /// By server.
    pub servers: Vec<ServerCost>,
    pub balances: Vec<Balance>,
    /// Cost of one waiting call: 1 / (calls/s of all x allowed response).
    pub per_waiting: f64,
    /// Cost of one changed assignment.
    per_change: f64,
    /// None where it weighs nothing.
    pub imbalance: Option<Imbalance>,
    /// Cost of one (agent, server) pair: the agent has a need there.
    pub per_grant: f64,
    allowed: Allowed,
    /// \[bytes\]
    pub memory: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerCost {
    pub queue: Queue,
    /// \[s\], mean serial part of a call.
    pub serial: f64,
    /// [calls/s]
    pub rate_limit: Option<f64>,
    /// [calls/s] at which more calls are under way than is safe in one percent of the time.
    pub safe_rate: Option<f64>,
    /// \[bytes\]
    pub memory: f64,
    pub process: Process,
    pub weight: f64,
}

/// How far the most loaded of the servers that can share work is above the mean of today's loads.
#[derive(Debug, Clone, PartialEq)]
pub struct Imbalance {
    pub servers: Vec<ServerId>,
    /// Planned, of these servers.
    pub mean_today: f64,
    pub weight: f64,
}

impl Imbalance {
    fn of(scenario: &Scenario, today: &[ServerId]) -> Option<Imbalance> {
        let (servers, loads) = (Over::Sharing.servers(scenario), planned_loads(scenario, today));
        let mean_today = servers.iter().map(|s| loads[s.index()]).sum::<f64>() / servers.len().max(1) as f64;
        let weight = scenario.weight(Term::Imbalance);
        (weight > 0.0 && mean_today > 0.0).then_some(Imbalance { servers, mean_today, weight })
    }

    fn cost(&self, loads: &[f64]) -> f64 {
        self.weight * self.servers.iter().map(|s| loads[s.index()]).fold(0.0, f64::max) / self.mean_today
    }
}

/// A planned KPI.
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    pub over: Over,
    pub servers: Vec<ServerId>,
    /// By server: whether it is scored.
    pub scored: Vec<bool>,
    /// Score, 0 to 100.
    pub target: f64,
}

impl<'a> Objective<'a> {
    pub fn of(scenario: &'a Scenario) -> Objective<'a> {
        let needs = costs(scenario);
        let rate: f64 = needs.iter().map(|n| n.rate).sum();
        let today = primaries_of_today(scenario);
        let count = scenario.needs.len().max(1) as f64;
        let allowed = Allowed::of(scenario);
        let balance = |kpi, over: Over| {
            scenario.target(kpi).map(|target| {
                let servers = over.servers(scenario);
                let scored = scenario.server_ids().map(|id| servers.contains(&id)).collect();
                Balance { over, servers, scored, target: target.bound.value }
            })
        };
        Objective {
            scenario,
            solver: Solver::best(),
            needs,
            servers: scenario
                .servers
                .iter()
                .map(|s| ServerCost {
                    queue: Queue { slots: f64::from(s.slots.value), scv: s.serial.value.scv() },
                    serial: s.serial.value.mean(),
                    rate_limit: s.rate_limit.as_ref().map(|limit| limit.rate.value.per_second().max(f64::MIN_POSITIVE.sqrt())),
                    safe_rate: s.safe_concurrency.as_ref().map(|safe| {
                        let occupied = s.serial.value.mean() + s.parallel.value.mean();
                        (mean_within(safe.limit.value, UNSAFE_SHARE) / occupied.max(1e-9)).max(f64::MIN_POSITIVE.sqrt())
                    }),
                    memory: s.memory.value.0 as f64,
                    process: s.process,
                    weight: s.weight.value,
                })
                .collect(),
            balances: [balance(Kpi::BalancePlannedSharing, Over::Sharing), balance(Kpi::BalancePlannedAll, Over::All)]
                .into_iter()
                .flatten()
                .filter(|b| b.target > 0.0 && !b.servers.is_empty())
                .collect(),
            per_waiting: if rate > 0.0 { scenario.weight(Term::Response) / (rate * allowed.response) } else { 0.0 },
            per_change: scenario.weight(Term::Changes) / count,
            imbalance: Imbalance::of(scenario, &today),
            per_grant: scenario.weight(Term::Affinity) / count,
            today,
            allowed,
            memory: scenario.host.memory.as_ref().map(|m| (m.value.0 as f64).max(1.0)),
        }
    }

    /// Of a need on a server: all of the cost that does not depend on the other needs.
    pub fn own_cost(&self, need: NeedId, server: ServerId) -> f64 {
        let costs = &self.needs[need.index()];
        let (_, estimate) = costs.options.iter().find(|(s, _)| *s == server).expect("a primary provides the capability, or is today's");
        let service = self.allowed.loss(estimate.error, estimate.quality, estimate.response);
        let change = if self.today[need.index()] == server { 0.0 } else { self.per_change };
        costs.share * service + change
    }

    /// Cost of the calls that wait at a server, and of its overload, when it is offered this many calls [calls/s].
    pub fn server_cost(&self, server: ServerId, calls: f64) -> f64 {
        let s = &self.servers[server.index()];
        let work = calls * s.serial;
        let slots = OVERLOAD * (work / s.queue.slots - UTILISATION_LIMIT).max(0.0);
        let limited = s.rate_limit.map_or(0.0, |limit| OVERLOAD * (calls / limit - UTILISATION_LIMIT).max(0.0));
        let unsafe_calls = s.safe_rate.map_or(0.0, |limit| OVERLOAD * (calls / limit - 1.0).max(0.0));
        self.per_waiting * s.queue.waiting(work) + slots + limited + unsafe_calls
    }

    /// Cost of memory in use \[bytes\].
    pub fn memory_cost(&self, used: f64) -> f64 {
        self.memory.map_or(0.0, |host| MEMORY * (used / host - 1.0).max(0.0))
    }

    /// What of the cost no simulation tells: imbalance, changed assignments, affinity.
    pub fn planned_cost(&self, primaries: &[ServerId]) -> f64 {
        let changed = self.today.iter().zip(primaries).filter(|(today, now)| today != now).count();
        changed as f64 * self.per_change + State::new(self, primaries).placement_cost()
    }

    /// From scratch.
    pub fn value(&self, primaries: &[ServerId]) -> Value {
        State::new(self, primaries).value()
    }
}

/// A mapping with the sums that its value is made of; one move updates them in O(1).
#[derive(Debug, Clone)]
pub struct State<'o, 'a> {
    objective: &'o Objective<'a>,
    pub primaries: Vec<ServerId>,
    /// By agent, then server: its needs there.
    counts: Vec<u32>,
    /// By server.
    agents: Vec<u32>,
    /// (agent, server) pairs.
    grants: u32,
    calls: Vec<f64>,
    loads: Vec<f64>,
    own: f64,
    shared: f64,
    memory: f64,
    /// One a balance: sum of the loads, sum of their squares.
    sums: Vec<(f64, f64)>,
    limits: Option<Tracker>,
}

impl<'o, 'a> State<'o, 'a> {
    pub fn new(objective: &'o Objective<'a>, primaries: &[ServerId]) -> State<'o, 'a> {
        let scenario = objective.scenario;
        let width = scenario.servers.len();
        let mut state = State {
            objective,
            primaries: primaries.to_vec(),
            counts: vec![0; scenario.agents.len() * width],
            agents: vec![0; width],
            grants: 0,
            calls: vec![0.0; width],
            loads: vec![0.0; width],
            own: 0.0,
            shared: 0.0,
            memory: 0.0,
            sums: vec![(0.0, 0.0); objective.balances.len()],
            limits: Tracker::new(scenario, primaries),
        };
        scenario.need_ids().for_each(|need| state.put(need, primaries[need.index()]));
        state
    }

    pub fn value(&self) -> Value {
        let shortfall = self
            .objective
            .balances
            .iter()
            .zip(&self.sums)
            .map(|(balance, (sum, squares))| {
                // (sd/mean)^2 = n x squares / sum^2 - 1.
                let n = balance.servers.len() as f64;
                let ratio = if *sum > 0.0 { (n * squares / (sum * sum) - 1.0).max(0.0).sqrt() } else { 1.0 };
                let score = 100.0 * (1.0 - ratio).max(0.0);
                ((balance.target - score) / balance.target).max(0.0)
            })
            // An empty sum is -0.
            .fold(0.0, |sum, shortfall| sum + shortfall);
        let excess = self.limits.as_ref().map_or(0.0, Tracker::excess);
        let cost = self.own + self.shared + self.objective.memory_cost(self.memory) + self.placement_cost();
        Value { excess, shortfall, cost }
    }

    /// Imbalance and affinity.
    fn placement_cost(&self) -> f64 {
        self.objective.imbalance.as_ref().map_or(0.0, |imbalance| imbalance.cost(&self.loads))
            + self.objective.per_grant * f64::from(self.grants)
    }

    pub fn shift(&mut self, need: NeedId, to: ServerId) {
        if let Some(limits) = &mut self.limits {
            limits.take(need, self.primaries[need.index()]);
            limits.put(need, to);
        }
        self.take(need);
        self.put(need, to);
    }

    fn put(&mut self, need: NeedId, server: ServerId) {
        self.primaries[need.index()] = server;
        self.own += self.objective.own_cost(need, server);
        self.offer(server, self.objective.needs[need.index()].rate);
        self.count(need, server, 1);
    }

    fn take(&mut self, need: NeedId) {
        let server = self.primaries[need.index()];
        self.own -= self.objective.own_cost(need, server);
        self.offer(server, -self.objective.needs[need.index()].rate);
        self.count(need, server, -1);
    }

    fn offer(&mut self, server: ServerId, calls: f64) {
        let offered = &mut self.calls[server.index()];
        self.shared -= self.objective.server_cost(server, *offered);
        *offered += calls;
        self.shared += self.objective.server_cost(server, *offered);
    }

    /// An agent counts on a server while it has at least one need there.
    fn count(&mut self, need: NeedId, server: ServerId, change: i32) {
        let objective = self.objective;
        let agent = objective.scenario.need(need).agent;
        let j = server.index();
        let count = &mut self.counts[agent.index() * objective.servers.len() + j];
        let before = *count;
        *count = before.saturating_add_signed(change);
        let sign = match (before, *count) {
            (0, 1) => 1.0,
            (1, 0) => -1.0,
            _ => return,
        };
        let cost = &objective.servers[j];
        let load = sign * cost.weight * objective.scenario.agent(agent).complexity.value;
        for (balance, sum) in objective.balances.iter().zip(&mut self.sums) {
            if balance.scored[j] {
                sum.0 += load;
                sum.1 += load * (2.0 * self.loads[j] + load);
            }
        }
        self.loads[j] += load;
        self.grants = self.grants.saturating_add_signed(if sign > 0.0 { 1 } else { -1 });
        let agents = self.agents[j];
        self.agents[j] = agents.saturating_add_signed(if sign > 0.0 { 1 } else { -1 });
        match cost.process {
            // One process an agent, at least: as many sessions as it has tasks under way.
            Process::Session => self.memory += sign * cost.memory,
            Process::Shared if agents == 0 || self.agents[j] == 0 => self.memory += sign * cost.memory,
            Process::Shared => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::super::instances::small;
    use super::super::loads::Choices;
    use super::*;
    use crate::mapping::planned_score;
    use crate::random::Key;

    #[test]
    fn moves_keep_the_value_that_a_fresh_state_has() {
        for number in 0..50 {
            let scenario = small(number);
            let objective = Objective::of(&scenario);
            let choices = Choices::of(&scenario);
            let mut state = State::new(&objective, &choices.start);
            let mut draw = Key::new(number).generator();
            for _ in 0..if choices.movable.is_empty() { 0 } else { 200 } {
                let movable = &choices.movable[draw.random_range(0..choices.movable.len())];
                state.shift(movable.need, movable.servers[draw.random_range(0..movable.servers.len())]);
            }
            let (kept, fresh) = (state.value(), objective.value(&state.primaries));
            assert!(
                (kept.cost - fresh.cost).abs() < 1e-9 * (1.0 + fresh.cost) && (kept.shortfall - fresh.shortfall).abs() < 1e-9,
                "{number}"
            );
            for balance in &objective.balances {
                let score = planned_score(&scenario, &state.primaries, balance.over);
                assert!((fresh.shortfall - ((balance.target - score) / balance.target).max(0.0)).abs() < 1e-9, "{number}");
            }
        }
    }

    /// From the mapping alone, without the sums that a state keeps.
    #[test]
    fn planned_terms_are_what_they_say() {
        let mut seen = [0; 3];
        for number in 0..100 {
            let scenario = small(number);
            let (objective, choices) = (Objective::of(&scenario), Choices::of(&scenario));
            let mut primaries = choices.start.clone();
            let mut draw = Key::new(number).generator();
            for movable in &choices.movable {
                primaries[movable.need.index()] = movable.servers[draw.random_range(0..movable.servers.len())];
            }
            let of_sharing = |loads: Vec<f64>| -> Vec<f64> { scenario.sharing().iter().map(|s| loads[s.index()]).collect() };
            let today = of_sharing(planned_loads(&scenario, &objective.today));
            let largest = of_sharing(planned_loads(&scenario, &primaries)).into_iter().fold(0.0, f64::max);
            let mean = today.iter().sum::<f64>() / today.len() as f64;
            let mut pairs: Vec<_> = scenario.needs.iter().zip(&primaries).map(|(need, server)| (need.agent, *server)).collect();
            pairs.sort();
            pairs.dedup();
            let needs = scenario.needs.len().max(1) as f64;
            let changed = primaries.iter().zip(&objective.today).filter(|(now, today)| now != today).count();
            let terms = [
                if mean > 0.0 { scenario.weight(Term::Imbalance) * largest / mean } else { 0.0 },
                scenario.weight(Term::Affinity) * pairs.len() as f64 / needs,
                scenario.weight(Term::Changes) * changed as f64 / needs,
            ];
            let (expected, found) = (terms.iter().sum::<f64>(), objective.planned_cost(&primaries));
            assert!((expected - found).abs() < 1e-12 * (1.0 + expected), "{number}: {terms:?}, {found}");
            seen.iter_mut().zip(terms).for_each(|(seen, term)| *seen += usize::from(term > 0.0));
        }
        assert!(seen.into_iter().all(|count| count > 10), "{seen:?}");
    }

    #[test]
    fn shortfall_comes_first_and_rounding_does_not_count() {
        let value = |shortfall, cost| Value { excess: 0.0, shortfall, cost };
        assert!(value(0.0, 9.0).is_better_than(value(0.1, 1.0)));
        assert!(value(0.1, 1.0).is_better_than(value(0.1 + 1e-12, 1.1)));
        assert!(!value(0.0, 1.0).is_better_than(value(1e-12, 1.0)));
    }
}
