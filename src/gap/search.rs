//! Our own search, in rounds: annealed from the Lagrangian relaxation's assignment, then a few agents at a time assigned anew. Each round draws its own
//! luck; the best of all rounds counts.

use super::anneal::{Guide, anneal};
use super::lagrange::relax;
use super::reassign::{Open, Reassign};
use super::state::State;
use super::{Assignment, Instance, greedy};
use crate::random::{Generator, Key};

/// Evaluated moves of a round's annealing, and nodes of its reassigning.
const ANNEAL: u64 = 5_000_000;
const REASSIGN: u64 = 115_000_000;
/// Agents and items that are open at a time, and nodes to assign them anew. Many small trees find more than few large ones.
const AGENTS_LEAST: usize = 3;
const AGENTS_MOST: usize = 8;
const ITEMS: f64 = 28.0;
const NODES: u64 = 400;
/// The first temperature of reassigning, as a share of what the second-best agent costs an item more.
const HOT: f64 = 5.0;
/// How often the aim is a much better assignment of the open items, and the tree small.
const AIMED: f64 = 0.5;
/// Agents that annealing may move an item to.
const CANDIDATES: usize = 6;

/// About ten seconds on one slow core, at most.
pub const MOVES: u64 = 240_000_000;
/// Places (items x agents) are few in small instances, which then take fewer moves: what there is to find is found early, and their trees cost more
/// than their nodes.
const MOVES_A_PLACE: u64 = 400_000;

/// What the search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// None where no feasible one was met.
    pub assignment: Option<Assignment>,
    /// No assignment costs less.
    pub bound: i64,
    /// Evaluated moves and nodes.
    pub moves: u64,
}

/// Ends with the budget of moves, or with an assignment that meets the proven bound.
pub fn search(instance: &Instance, budget: u64, seed: u64) -> Found {
    let budget = budget.min(MOVES_A_PLACE * (instance.agents * instance.items) as u64);
    let relaxed = relax(instance);
    let guide = Guide::new(instance, &relaxed.prices, CANDIDATES);
    let key = Key::new(seed).named("generalised assignment");
    let mut best = Best { bound: relaxed.bound, found: None };
    if let Some(assignment) = greedy::regret(instance) {
        best.offer(&State::new(instance, assignment));
    }
    let (mut moves, mut round, mut severity) = (0, 0, 1.0);
    // A small budget still leaves most of itself to reassigning.
    let annealing = ANNEAL.min(budget / 6).max(1);
    while moves < budget && !best.is_closed() {
        round += 1;
        let mut generator = key.with(round).generator();
        let mut state = State::new(instance, guide.cheapest());
        let annealed = anneal(&mut state, &guide, severity, annealing, &mut generator);
        moves += annealing;
        match annealed {
            Some((_, assignment)) => {
                let mut state = State::new(instance, assignment);
                best.offer(&state);
                moves += polish(&mut state, &guide, &mut best, REASSIGN.min(budget.saturating_sub(moves)), &mut generator);
            }
            // Too cheap an excess.
            None => severity *= 2.0,
        }
    }
    Found { assignment: best.found.map(|(_, assignment)| assignment), bound: relaxed.bound, moves }
}

struct Best {
    bound: i64,
    found: Option<(i64, Assignment)>,
}

impl Best {
    /// A state without excess.
    fn offer(&mut self, state: &State) {
        if self.found.as_ref().is_none_or(|(cost, _)| state.cost < *cost) {
            self.found = Some((state.cost, state.agent.clone()));
        }
    }

    fn is_closed(&self) -> bool {
        self.found.as_ref().is_some_and(|(cost, _)| *cost <= self.bound)
    }
}

/// Few agents at a time, drawn as neighbours of each other. Returns the work done.
fn polish(state: &mut State, guide: &Guide, best: &mut Best, budget: u64, generator: &mut Generator) -> u64 {
    let mut reassign = Reassign::default();
    let mut agents = Vec::new();
    let mut done = 0;
    while done < budget && !best.is_closed() {
        neighbours(state, guide, generator, &mut agents);
        let items: usize = agents.iter().map(|agent| state.on[*agent].len()).sum();
        let temperature = HOT * guide.regret * (1.0 - done as f64 / budget as f64).powi(2);
        let open = Open {
            agents: &agents,
            share: ITEMS / items.max(1) as f64,
            aim: if generator.uniform() < AIMED { generator.uniform() } else { 1.0 },
            allowance: (-temperature * (1.0 - generator.uniform()).ln()).floor(),
            nodes: NODES,
        };
        done += 1 + reassign.improve(state, &guide.prices, open, generator);
        best.offer(state);
    }
    done
}

/// As many agents as hold the items that are to be open, each one a candidate of an item of another.
fn neighbours(state: &State, guide: &Guide, generator: &mut Generator, agents: &mut Vec<usize>) {
    let instance = state.instance;
    let mut draw = |count: usize| (generator.uniform() * count as f64) as usize;
    let count = (ITEMS * instance.agents as f64 / instance.items as f64).round() as usize;
    let count = count.clamp(AGENTS_LEAST, AGENTS_MOST).min(instance.agents);
    agents.clear();
    agents.push(draw(instance.agents));
    // A few agents that nothing leads to, or away from, must not hold it up.
    for _ in 0..20 * count {
        if agents.len() == count {
            return;
        }
        let items = &state.on[agents[draw(agents.len())]];
        let next = match items.is_empty() {
            true => draw(instance.agents),
            false => {
                let candidates = &guide.candidates[items[draw(items.len())]];
                candidates[draw(candidates.len())]
            }
        };
        if !agents.contains(&next) {
            agents.push(next);
        }
    }
}
