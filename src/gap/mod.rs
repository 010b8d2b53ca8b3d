//! The generalised assignment problem, on which others have published figures: every item on one agent, no agent beyond its capacity,
//! at the least cost. Our solvers against the best known values, and against a proven bound.

mod anneal;
mod generate;
mod greedy;
mod lagrange;
mod linear;
mod read;
mod reassign;
mod search;
mod state;
#[cfg(test)]
mod tests;

use crate::strategy::SolverError;

pub use crate::strategy::{Integrality, Solver};

pub use generate::{Class, Order, generate};
pub use lagrange::{Relaxed, relax};
pub use read::{BestKnown, InstanceError, best_known, parse};
pub use search::{Found, MOVES, search};

/// Costs and uses are whole numbers, as in all published instances: so sums are exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    pub agents: usize,
    pub items: usize,
    /// Item by item, agent by agent within: what is looked at together lies together.
    cost: Vec<i32>,
    usage: Vec<i32>,
    /// By agent.
    pub capacity: Vec<i64>,
}

/// The agent of every item.
pub type Assignment = Vec<usize>;

impl Instance {
    pub fn cost(&self, item: usize, agent: usize) -> i64 {
        i64::from(self.cost[item * self.agents + agent])
    }

    /// What the item takes of the agent's capacity.
    pub fn usage(&self, item: usize, agent: usize) -> i64 {
        i64::from(self.usage[item * self.agents + agent])
    }

    fn costs(&self, item: usize) -> &[i32] {
        &self.cost[item * self.agents..][..self.agents]
    }

    fn usages(&self, item: usize) -> &[i32] {
        &self.usage[item * self.agents..][..self.agents]
    }

    /// What every solver's answer is checked with: the cost, where every item has an agent and no capacity is exceeded.
    pub fn evaluate(&self, assignment: &[usize]) -> Option<i64> {
        if assignment.len() != self.items || assignment.iter().any(|agent| *agent >= self.agents) {
            return None;
        }
        let mut loads = vec![0; self.agents];
        let mut cost = 0;
        for (item, agent) in assignment.iter().enumerate() {
            loads[*agent] += self.usage(item, *agent);
            cost += self.cost(item, *agent);
        }
        loads.iter().zip(&self.capacity).all(|(load, capacity)| load <= capacity).then_some(cost)
    }
}

/// A way to solve an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Greedy,
    LpRounding,
    Milp,
    Search,
}

impl Method {
    pub const ALL: [Method; 4] = [Method::Greedy, Method::LpRounding, Method::Milp, Method::Search];

    pub const fn name(self) -> &'static str {
        match self {
            Method::Greedy => "greedy",
            Method::LpRounding => "lp-rounding",
            Method::Milp => "milp",
            Method::Search => "search",
        }
    }
}

/// What a method found, and what it proves.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// With its cost; None where no feasible one was found.
    pub best: Option<(Assignment, i64)>,
    /// No assignment costs less.
    pub bound: Option<i64>,
    /// In whatever the method counts: nodes, evaluated moves.
    pub effort: u64,
}

/// Budgets that bound each method's time, and the solver of LP rounding and MILP.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    pub solver: Solver,
    pub branching: Integrality,
    /// Of the search.
    pub moves: u64,
    pub seed: u64,
}

/// Deterministic, but for a budget in seconds. A solver's answer counts only where our own evaluation confirms it.
pub fn solve(instance: &Instance, method: Method, budget: Budget) -> Result<Outcome, SolverError> {
    let (assignment, bound, effort) = match method {
        Method::Greedy => (greedy::regret(instance), None, 0),
        Method::LpRounding => linear::round(instance, budget.solver)?,
        Method::Milp => linear::branch(instance, budget.solver, budget.branching)?,
        Method::Search => {
            let found = search(instance, budget.moves, budget.seed);
            (found.assignment, Some(found.bound), found.moves)
        }
    };
    let best = assignment.and_then(|assignment| instance.evaluate(&assignment).map(|cost| (assignment, cost)));
    Ok(Outcome { best, bound, effort })
}
