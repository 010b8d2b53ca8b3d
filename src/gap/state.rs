//! An assignment under change: loads, cost and excess kept up to date, so that a move is evaluated and made in constant time.

use super::{Assignment, Instance};

#[derive(Debug, Clone)]
pub struct State<'a> {
    pub instance: &'a Instance,
    pub agent: Assignment,
    pub load: Vec<i64>,
    /// By agent, in no order.
    pub on: Vec<Vec<usize>>,
    /// Where each item stands among those of its agent.
    place: Vec<usize>,
    pub cost: i64,
    /// Load beyond capacity, summed over agents.
    pub excess: i64,
}

impl<'a> State<'a> {
    pub fn new(instance: &'a Instance, agent: Assignment) -> State<'a> {
        let mut state = State {
            instance,
            load: vec![0; instance.agents],
            on: vec![Vec::new(); instance.agents],
            place: vec![0; instance.items],
            cost: 0,
            excess: 0,
            agent,
        };
        for item in 0..instance.items {
            let agent = state.agent[item];
            state.load[agent] += instance.usage(item, agent);
            state.cost += instance.cost(item, agent);
            state.place[item] = state.on[agent].len();
            state.on[agent].push(item);
        }
        state.excess = (0..instance.agents).map(|agent| state.over(agent, 0)).sum();
        state
    }

    /// An agent's load beyond its capacity, after a change of its load.
    pub fn over(&self, agent: usize, change: i64) -> i64 {
        (self.load[agent] + change - self.instance.capacity[agent]).max(0)
    }

    pub fn shift(&mut self, item: usize, to: usize) {
        let instance = self.instance;
        let from = self.agent[item];
        self.excess -= self.over(from, 0);
        self.load[from] -= instance.usage(item, from);
        self.excess += self.over(from, 0) - self.over(to, 0);
        self.load[to] += instance.usage(item, to);
        self.excess += self.over(to, 0);
        self.cost += instance.cost(item, to) - instance.cost(item, from);
        let place = self.place[item];
        self.on[from].swap_remove(place);
        if let Some(moved) = self.on[from].get(place) {
            self.place[*moved] = place;
        }
        self.place[item] = self.on[to].len();
        self.on[to].push(item);
        self.agent[item] = to;
    }
}
