//! The best planned balance by looking at every mapping: the oracle that the solver is held against.

use crate::mapping::Over;
use crate::scenario::{Scenario, ServerId};

use super::loads::Choices;

/// The best balance of each class of mappings, where `class` of them is the number of movable needs on `server`.
pub struct Enumeration {
    pub score: f64,
    pub primaries: Vec<ServerId>,
    pub mappings: u64,
}

/// All mappings are visited in Gray-code-like depth-first order; a step changes one need and updates the sums in O(1).
pub fn enumerate_best(scenario: &Scenario, over: Over) -> Enumeration {
    let mut best = enumerate_by_use(scenario, over, None);
    best.swap_remove(0)
}

/// As [`enumerate_best`], apart for each number of movable needs on `server`, from none to all that could be.
pub fn enumerate_by_use(scenario: &Scenario, over: Over, server: Option<ServerId>) -> Vec<Enumeration> {
    let choices = Choices::of(scenario);
    let mut walk = Walk::new(scenario, over, &choices, server);
    walk.visit(0, 0);
    walk.best
        .into_iter()
        .map(|(ratio, positions, mappings)| {
            let mut primaries = choices.start.clone();
            for (movable, position) in choices.movable.iter().zip(&positions) {
                primaries[movable.need.index()] = movable.servers[*position];
            }
            Enumeration { score: 100.0 * (1.0 - ratio.sqrt()).max(0.0), primaries, mappings }
        })
        .collect()
}

struct Walk<'a> {
    choices: &'a Choices,
    counted: Option<ServerId>,
    /// By agent, then server: needs there.
    grants: Vec<u32>,
    /// Of each movable need, of each of its servers: which grant, and the load it adds (0 where it is not scored).
    options: Vec<Vec<(usize, usize, f64)>>,
    loads: Vec<f64>,
    sum: f64,
    squares: f64,
    servers: f64,
    chosen: Vec<usize>,
    /// By class: squared coefficient of variation and its mapping.
    best: Vec<(f64, Vec<usize>, u64)>,
}

impl Walk<'_> {
    fn new<'a>(scenario: &Scenario, over: Over, choices: &'a Choices, counted: Option<ServerId>) -> Walk<'a> {
        let scored = over.servers(scenario);
        let width = scenario.servers.len();
        let mut grants = vec![0; scenario.agents.len() * width];
        let mut loads = vec![0.0; width];
        let weight = |agent: usize, server: ServerId| {
            if scored.contains(&server) { scenario.server(server).weight.value * scenario.agents[agent].complexity.value } else { 0.0 }
        };
        let movable: Vec<_> = choices.movable.iter().map(|m| m.need).collect();
        for need in scenario.need_ids().filter(|need| !movable.contains(need)) {
            let (agent, server) = (scenario.need(need).agent.index(), choices.start[need.index()]);
            if grants[agent * width + server.index()] == 0 {
                loads[server.index()] += weight(agent, server);
            }
            grants[agent * width + server.index()] += 1;
        }
        let options = choices
            .movable
            .iter()
            .map(|m| {
                let agent = scenario.need(m.need).agent.index();
                m.servers.iter().map(|s| (agent * width + s.index(), s.index(), weight(agent, *s))).collect()
            })
            .collect();
        let classes = counted.map_or(1, |s| 1 + choices.movable.iter().filter(|m| m.servers.contains(&s)).count());
        Walk {
            choices,
            counted,
            grants,
            options,
            sum: loads.iter().sum(),
            squares: loads.iter().map(|l| l * l).sum(),
            loads,
            servers: scored.len() as f64,
            chosen: vec![0; choices.movable.len()],
            best: vec![(f64::INFINITY, Vec::new(), 0); classes],
        }
    }

    fn visit(&mut self, depth: usize, class: usize) {
        if depth == self.chosen.len() {
            // (sd/mean)^2 = S x squares / sum^2 - 1.
            let ratio = if self.sum > 0.0 { (self.servers * self.squares / (self.sum * self.sum) - 1.0).max(0.0) } else { 1.0 };
            let best = &mut self.best[class];
            best.2 += 1;
            if ratio < best.0 {
                best.0 = ratio;
                best.1.clone_from(&self.chosen);
            }
            return;
        }
        for position in 0..self.options[depth].len() {
            let (grant, server, load) = self.options[depth][position];
            let here = class + usize::from(self.counted == Some(self.choices.movable[depth].servers[position]));
            let (sum, squares, before) = (self.sum, self.squares, self.loads[server]);
            if self.grants[grant] == 0 {
                self.loads[server] += load;
                self.sum += load;
                self.squares += load * (2.0 * before + load);
            }
            self.grants[grant] += 1;
            self.chosen[depth] = position;
            self.visit(depth + 1, here);
            self.grants[grant] -= 1;
            // Restored, not subtracted: no rounding adds up.
            (self.sum, self.squares, self.loads[server]) = (sum, squares, before);
        }
    }
}
