//! Simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983) by shifts, swaps and ejections, through assignments that exceed capacities at a price that
//! rises while the temperature falls (after Yagiura, Ibaraki & Glover 2004).

use super::state::State;
use super::{Assignment, Instance};
use crate::random::Generator;

/// Temperatures between the first, a share of what the second-best agent costs an item more, and the last, in units of cost.
const TEMPERATURES: u64 = 500;
const HOT: f64 = 0.5;
const COLD: f64 = 0.2;
/// A unit of excess costs this multiple of the capacity's price: at first, and in the end.
const EXCESS_FIRST: f64 = 1.5;
const EXCESS_LAST: f64 = 10.0;
/// Of the moves: shifts; the rest puts an item in another's place, and half of those swap the two.
const SHIFTS: f64 = 0.3;
const SWAPS: f64 = 0.35;

/// Where items may go, and what capacity is worth.
#[derive(Debug)]
pub struct Guide {
    /// By item: its cheapest agents, capacity at its price, the cheapest first. Never empty.
    pub candidates: Vec<Vec<usize>>,
    /// By agent, of a unit of capacity. Not quite nothing where it is plenty: excess must cost something.
    pub prices: Vec<f64>,
    /// What an item's second-best agent costs more than its best, on average.
    pub regret: f64,
}

impl Guide {
    pub fn new(instance: &Instance, prices: &[f64], most: usize) -> Guide {
        let floor = (0.1 * prices.iter().sum::<f64>() / prices.len() as f64).max(0.01);
        let mut regret = 0.0;
        let candidates = (0..instance.items)
            .map(|item| {
                let priced = |agent: &usize| instance.cost(item, *agent) as f64 + prices[*agent] * instance.usage(item, *agent) as f64;
                let fits = |agent: &usize| instance.usage(item, *agent) <= instance.capacity[*agent];
                let mut agents: Vec<usize> = (0..instance.agents).filter(fits).collect();
                agents.sort_by(|a, b| priced(a).total_cmp(&priced(b)));
                agents.truncate(most);
                if let [first, second, ..] = &agents[..] {
                    regret += priced(second) - priced(first);
                }
                if agents.is_empty() { vec![0] } else { agents }
            })
            .collect();
        Guide { candidates, prices: prices.iter().map(|price| price.max(floor)).collect(), regret: regret / instance.items as f64 }
    }

    pub fn cheapest(&self) -> Assignment {
        self.candidates.iter().map(|agents| agents[0]).collect()
    }
}

/// The best feasible assignment met on the way, with its cost. `severity` multiplies the price of excess; where 1 ends in excess, more may not.
pub fn anneal(state: &mut State, guide: &Guide, severity: f64, moves: u64, generator: &mut Generator) -> Option<(i64, Assignment)> {
    let cold = COLD.min(HOT * guide.regret).max(1e-3);
    let hot = (HOT * guide.regret).max(cold);
    let mut walk = Walk { state, guide, generator, penalties: Vec::new(), temperature: hot, best: None };
    for block in 0..TEMPERATURES {
        let done = block as f64 / TEMPERATURES as f64;
        walk.temperature = hot * (cold / hot).powf(done);
        let multiple = severity * EXCESS_FIRST * (EXCESS_LAST / EXCESS_FIRST).powf(done);
        walk.penalties = guide.prices.iter().map(|price| multiple * price).collect();
        for _ in 0..moves / TEMPERATURES {
            walk.propose();
        }
    }
    walk.best
}

struct Walk<'w, 'a> {
    state: &'w mut State<'a>,
    guide: &'w Guide,
    generator: &'w mut Generator,
    /// By agent, of a unit of excess.
    penalties: Vec<f64>,
    temperature: f64,
    best: Option<(i64, Assignment)>,
}

impl Walk<'_, '_> {
    fn propose(&mut self) {
        let item = self.below(self.state.instance.items);
        let to = self.candidate(item);
        let from = self.state.agent[item];
        if to == from {
            return;
        }
        let instance = self.state.instance;
        let cost = |item: usize, to: usize, from: usize| instance.cost(item, to) - instance.cost(item, from);
        let usage = |item: usize, agent: usize| instance.usage(item, agent);
        let (change, leaves, comes) = (cost(item, to, from), usage(item, from), usage(item, to));
        let (kind, count) = (self.generator.uniform(), self.state.on[to].len());
        if kind < SHIFTS || count == 0 {
            let dearer = change as f64 + self.excess(from, -leaves) + self.excess(to, comes);
            if self.accepts(dearer) {
                self.state.shift(item, to);
                self.record();
            }
            return;
        }
        let other = self.state.on[to][(self.generator.uniform() * count as f64) as usize];
        let last = if kind < SHIFTS + SWAPS { from } else { self.candidate(other) };
        if last == to {
            return;
        }
        let (change, comes, ends) = (change + cost(other, last, to), comes - usage(other, to), usage(other, last));
        let elsewhere = if last == from { self.excess(from, ends - leaves) } else { self.excess(from, -leaves) + self.excess(last, ends) };
        if self.accepts(change as f64 + self.excess(to, comes) + elsewhere) {
            self.state.shift(item, to);
            self.state.shift(other, last);
            self.record();
        }
    }

    fn below(&mut self, count: usize) -> usize {
        (self.generator.uniform() * count as f64) as usize
    }

    fn candidate(&mut self, item: usize) -> usize {
        let place = self.below(self.guide.candidates[item].len());
        self.guide.candidates[item][place]
    }

    /// What a change of an agent's load costs in excess.
    fn excess(&self, agent: usize, change: i64) -> f64 {
        self.penalties[agent] * (self.state.over(agent, change) - self.state.over(agent, 0)) as f64
    }

    /// Metropolis' rule.
    fn accepts(&mut self, dearer: f64) -> bool {
        dearer <= 0.0 || (dearer < 20.0 * self.temperature && self.generator.uniform() < (-dearer / self.temperature).exp())
    }

    fn record(&mut self) {
        if self.state.excess == 0 && self.best.as_ref().is_none_or(|(best, _)| self.state.cost < *best) {
            self.best = Some((self.state.cost, self.state.agent.clone()));
        }
    }
}
