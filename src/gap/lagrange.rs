//! Lagrangian relaxation, by subgradients (Held & Karp 1971; Fisher 1981): first of the capacities, which gives prices of capacity and the linear
//! relaxation's bound, then of "every item once", which leaves a knapsack an agent and a tighter bound (Fisher, Jaikumar & Van Wassenhove 1986).

use super::Instance;

/// Steps on the capacities, and on the items.
const STEPS_CAPACITY: u32 = 600;
const STEPS_ITEM: u32 = 200;
/// Of one pass over all knapsacks: cells of their tables. Beyond that the first bound has to do.
const CELLS_MAX: u64 = 40_000_000;
/// Steps without a better bound before they get shorter.
const PATIENCE: u32 = 12;

/// What the relaxation tells a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Relaxed {
    /// No assignment costs less: rounded up, since costs are whole.
    pub bound: i64,
    /// By agent: the cost of a unit of its capacity.
    pub prices: Vec<f64>,
}

pub fn relax(instance: &Instance) -> Relaxed {
    let (capacity_bound, prices) = relax_capacities(instance);
    let mut bound = capacity_bound;
    if cells(instance) <= CELLS_MAX {
        let multipliers = (0..instance.items).map(|item| priced(instance, &prices, item).1).collect();
        bound = bound.max(relax_items(instance, multipliers));
    }
    // Rounding errors must not prove too much.
    Relaxed { bound: (bound - 1e-6 * (1.0 + bound.abs())).ceil() as i64, prices }
}

/// An item's cheapest agent, capacity at its price, and what it costs there.
fn priced(instance: &Instance, prices: &[f64], item: usize) -> (usize, f64) {
    let costs =
        instance.costs(item).iter().zip(instance.usages(item)).zip(prices).map(|((c, r), price)| f64::from(*c) + price * f64::from(*r));
    costs.enumerate().fold((0, f64::INFINITY), |best, (agent, cost)| if cost < best.1 { (agent, cost) } else { best })
}

/// Polyak's step towards a target beyond the best bound so far, further beyond while that succeeds and nearer after failures (Nedić &
/// Bertsekas 2001): no assignment has to be known.
#[derive(Debug)]
struct Step {
    best: Option<f64>,
    /// The first target's distance, as a share of the first bound.
    first: f64,
    beyond: f64,
    failures: u32,
}

impl Step {
    fn new(first: f64) -> Step {
        Step { best: None, first, beyond: 0.0, failures: 0 }
    }

    /// Whether this bound is the best so far.
    fn improves(&mut self, bound: f64) -> bool {
        let Some(best) = self.best else {
            (self.best, self.beyond) = (Some(bound), self.first * bound.abs().max(1.0));
            return true;
        };
        if bound > best {
            (self.best, self.failures, self.beyond) = (Some(bound), 0, self.beyond * 1.1);
        } else {
            self.failures += 1;
            if self.failures == PATIENCE {
                (self.beyond, self.failures) = (self.beyond / 2.0, 0);
            }
        }
        bound > best
    }

    fn length(&self, bound: f64, subgradient: &[f64]) -> f64 {
        let norm: f64 = subgradient.iter().map(|g| g * g).sum();
        let target = self.best.unwrap_or(bound) + self.beyond;
        if norm == 0.0 { 0.0 } else { (target - bound) / norm }
    }
}

fn relax_capacities(instance: &Instance) -> (f64, Vec<f64>) {
    let mut prices = vec![0.0; instance.agents];
    let mut best = prices.clone();
    let mut step = Step::new(0.05);
    for _ in 0..STEPS_CAPACITY {
        let mut excess: Vec<f64> = instance.capacity.iter().map(|capacity| -(*capacity as f64)).collect();
        let mut bound: f64 = prices.iter().zip(&excess).map(|(price, excess)| price * excess).sum();
        for item in 0..instance.items {
            let (agent, cost) = priced(instance, &prices, item);
            bound += cost;
            excess[agent] += instance.usage(item, agent) as f64;
        }
        if step.improves(bound) {
            best.clone_from(&prices);
        }
        // A price of nothing does not fall.
        excess.iter_mut().zip(&prices).for_each(|(excess, price)| *excess = if *price == 0.0 { excess.max(0.0) } else { *excess });
        let length = step.length(bound, &excess);
        if length == 0.0 {
            break;
        }
        prices.iter_mut().zip(&excess).for_each(|(price, excess)| *price = (*price + length * excess).max(0.0));
    }
    (step.best.unwrap_or(0.0), best)
}

fn cells(instance: &Instance) -> u64 {
    let capacities: u64 = instance.capacity.iter().map(|capacity| *capacity as u64).fold(0, u64::saturating_add);
    capacities.saturating_mul(instance.items as u64)
}

fn relax_items(instance: &Instance, mut multipliers: Vec<f64>) -> f64 {
    let mut step = Step::new(0.005);
    let mut knapsack = Knapsack::default();
    for _ in 0..STEPS_ITEM {
        let mut missing = vec![1.0; instance.items];
        let mut bound: f64 = multipliers.iter().sum();
        for agent in 0..instance.agents {
            bound -= knapsack.fill(instance, agent, &multipliers);
            knapsack.chosen.iter().for_each(|item| missing[*item] -= 1.0);
        }
        step.improves(bound);
        let length = step.length(bound, &missing);
        if length == 0.0 {
            break;
        }
        multipliers.iter_mut().zip(&missing).for_each(|(multiplier, missing)| *multiplier += length * missing);
    }
    step.best.unwrap_or(0.0)
}

/// 0-1 knapsack by dynamic programming over its capacity (Bellman 1957).
#[derive(Debug, Default)]
struct Knapsack {
    best: Vec<f64>,
    /// By item, then capacity: is it in?
    taken: Vec<bool>,
    chosen: Vec<usize>,
}

impl Knapsack {
    /// The most that an agent's capacity can hold of what its items are worth beyond their cost; which ones, in `chosen`.
    fn fill(&mut self, instance: &Instance, agent: usize, worth: &[f64]) -> f64 {
        let capacity = instance.capacity[agent];
        let profit = |item: usize| worth[item] - instance.cost(item, agent) as f64;
        let items: Vec<usize> =
            (0..instance.items).filter(|item| profit(*item) > 0.0 && instance.usage(*item, agent) <= capacity).collect();
        let width = capacity as usize + 1;
        self.best.clear();
        self.best.resize(width, 0.0);
        self.taken.clear();
        self.taken.resize(width * items.len(), false);
        for (item, taken) in items.iter().zip(self.taken.chunks_exact_mut(width)) {
            let (usage, profit) = (instance.usage(*item, agent) as usize, profit(*item));
            for room in (usage..width).rev() {
                let with = self.best[room - usage] + profit;
                if with > self.best[room] {
                    (self.best[room], taken[room]) = (with, true);
                }
            }
        }
        self.chosen.clear();
        let mut room = width - 1;
        for (item, taken) in items.iter().zip(self.taken.chunks_exact(width)).rev() {
            if taken[room] {
                self.chosen.push(*item);
                room -= instance.usage(*item, agent) as usize;
            }
        }
        self.best[width - 1]
    }
}
