//! A few agents' items assigned anew among these agents, by branch and bound with the Lagrangian bound at fixed prices: a very large
//! neighbourhood (Mitrović-Minić & Punnen 2009), searched within a limit of nodes.

use super::state::State;
use crate::random::Generator;

/// For rounding of prices: far below the unit in which costs differ.
const TOLERANCE: f64 = 1e-6;
/// What setting up an item costs, in nodes.
const SETUP: u64 = 5;

/// Scratch space, kept between calls.
#[derive(Debug, Default)]
pub struct Reassign {
    items: Vec<Item>,
    /// By item in the order of branching, as many as there are agents, the cheapest first.
    choices: Vec<Choice>,
    scratch: Vec<Choice>,
    /// By place in the list of agents.
    prices: Vec<f64>,
    room: Vec<i64>,
    /// From each item on: the least that the rest takes of all agents together.
    rest: Vec<i64>,
    chosen: Vec<usize>,
    best: Vec<usize>,
    /// A solution has to be below this: priced as the bound is, beyond the bound.
    limit: f64,
    nodes: u64,
    found: bool,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    item: usize,
    home: usize,
    /// Where its choices start in `scratch`.
    start: usize,
    /// What the second choice costs more than the first, capacity at its price.
    regret: f64,
}

#[derive(Debug, Clone, Copy)]
struct Choice {
    /// Place in the list of agents.
    agent: usize,
    usage: i64,
    /// Cost beyond the item's cheapest choice, capacity at its price.
    dearer: f64,
}

/// Which part of the assignment is open.
#[derive(Debug, Clone, Copy)]
pub struct Open<'o> {
    pub agents: &'o [usize],
    /// Of their items, drawn.
    pub share: f64,
    /// Of what it costs now beyond the bound, a new assignment may cost so much: the smaller the share, the smaller the tree.
    pub aim: f64,
    /// Where the share is 1: it may cost so much more.
    pub allowance: f64,
    pub nodes: u64,
}

impl Reassign {
    /// Puts the open items elsewhere among these agents, where that costs at most the allowance more: the cheapest way found within the
    /// nodes. The state has no excess, before and after. Returns the work done, in nodes.
    pub fn improve(&mut self, state: &mut State, prices: &[f64], open: Open, generator: &mut Generator) -> u64 {
        let Open { agents, share, aim, allowance, nodes } = open;
        let (instance, width) = (state.instance, agents.len());
        self.items.clear();
        self.scratch.clear();
        self.room.clear();
        self.prices.clear();
        // Cost = the least priced cost - prices x room + what choices cost beyond the least + prices x what stays idle.
        let (mut least, mut now, mut seen) = (0.0, 0, 0);
        for (home, agent) in agents.iter().enumerate() {
            let mut room = instance.capacity[*agent] - state.load[*agent];
            seen += state.on[*agent].len() as u64;
            for item in &state.on[*agent] {
                if share < 1.0 && generator.uniform() >= share {
                    continue;
                }
                room += instance.usage(*item, *agent);
                now += instance.cost(*item, *agent);
                let start = self.scratch.len();
                self.scratch.extend(agents.iter().enumerate().map(|(place, agent)| {
                    let usage = instance.usage(*item, *agent);
                    Choice { agent: place, usage, dearer: instance.cost(*item, *agent) as f64 + prices[*agent] * usage as f64 }
                }));
                let choices = &mut self.scratch[start..];
                choices.sort_unstable_by(|a, b| a.dearer.total_cmp(&b.dearer).then(a.agent.cmp(&b.agent)));
                let cheapest = choices[0].dearer;
                least += cheapest;
                choices.iter_mut().for_each(|choice| choice.dearer -= cheapest);
                let regret = choices.get(1).map_or(f64::INFINITY, |choice| choice.dearer);
                self.items.push(Item { item: *item, home, start, regret });
            }
            least -= prices[*agent] * room as f64;
            self.room.push(room);
            self.prices.push(prices[*agent]);
        }
        // What is nearly decided comes first, so that the many ways are at the bottom.
        self.items.sort_unstable_by(|a, b| b.regret.total_cmp(&a.regret).then(a.item.cmp(&b.item)));
        let count = self.items.len();
        self.choices.clear();
        self.rest.clear();
        self.rest.resize(count + 1, 0);
        for item in &self.items {
            self.choices.extend_from_slice(&self.scratch[item.start..item.start + width]);
        }
        for (depth, choices) in self.choices.chunks_exact(width).enumerate().rev() {
            self.rest[depth] = self.rest[depth + 1] + choices.iter().map(|choice| choice.usage).min().unwrap_or(0);
        }
        self.chosen.clear();
        self.chosen.resize(count, 0);
        let beyond = now as f64 - least;
        self.limit = if aim < 1.0 { aim * beyond } else { beyond + allowance } + TOLERANCE;
        (self.nodes, self.found) = (nodes, false);
        let free = self.room.iter().sum();
        self.branch(0, 0.0, free, false);
        if self.found {
            for (item, to) in self.items.iter().zip(&self.best) {
                if *to != item.home {
                    state.shift(item.item, agents[*to]);
                }
            }
        }
        nodes - self.nodes + SETUP * seen
    }

    /// `dearer` so far; `free`: room left over all agents; `moved`: is an item away from home?
    fn branch(&mut self, depth: usize, dearer: f64, free: i64, moved: bool) {
        if depth == self.items.len() {
            let idle: f64 = self.room.iter().zip(&self.prices).map(|(room, price)| *room as f64 * price).sum();
            if moved && dearer + idle < self.limit {
                // Costs are whole: the next one has to be better by one.
                self.limit = dearer + idle - 1.0 + TOLERANCE;
                self.best.clone_from(&self.chosen);
                self.found = true;
            }
            return;
        }
        if self.rest[depth] > free {
            return;
        }
        let width = self.room.len();
        for place in depth * width..(depth + 1) * width {
            let choice = self.choices[place];
            if dearer + choice.dearer >= self.limit || self.nodes == 0 {
                return;
            }
            if self.room[choice.agent] < choice.usage {
                continue;
            }
            self.nodes -= 1;
            self.room[choice.agent] -= choice.usage;
            self.chosen[depth] = choice.agent;
            self.branch(depth + 1, dearer + choice.dearer, free - choice.usage, moved || choice.agent != self.items[depth].home);
            self.room[choice.agent] += choice.usage;
        }
    }
}
