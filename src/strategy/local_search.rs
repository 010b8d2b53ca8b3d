//! Iterated local search on the objective itself (Lourenço, Martin & Stützle 2003): descend by single moves and swaps, kick the best
//! found out of its valley, descend again, until the budget of evaluated moves is spent.

use rand::RngExt;

use crate::random::{Generator, Key};
use crate::scenario::{NeedId, ServerId};

use super::loads::Choices;
use super::objective::{Objective, State, Value};

/// Evaluated moves a movable need, and at most (about 0.1 microseconds each).
const MOVES_PER_NEED: u64 = 2_000;
const MOVES_MOST: u64 = 2_000_000;
/// Needs that a kick puts elsewhere.
const KICK: usize = 4;

/// The best of the starts, improved. Returns the number of moves evaluated, too.
pub fn improve(objective: &Objective, starts: &[Vec<ServerId>], seed: u64) -> (Vec<ServerId>, u64) {
    let choices = Choices::of(objective.scenario);
    let start = starts.iter().reduce(|best, next| if objective.value(next).is_better_than(objective.value(best)) { next } else { best });
    let start = start.unwrap_or(&choices.start).clone();
    if choices.movable.is_empty() {
        return (start, 0);
    }
    let budget = (choices.movable.len() as u64 * MOVES_PER_NEED).min(MOVES_MOST);
    let mut climb = Climb {
        choices: &choices,
        state: State::new(objective, &start),
        evaluated: 0,
        budget,
        generator: Key::new(seed).named("local search").generator(),
    };
    climb.descend();
    let mut best = (climb.state.value(), climb.state.primaries.clone());
    while climb.evaluated < budget {
        climb.kick();
        climb.descend();
        let value = climb.state.value();
        if value.is_better_than(best.0) {
            best = (value, climb.state.primaries.clone());
        } else {
            // From scratch: rounding does not add up over the search.
            climb.state = State::new(objective, &best.1);
        }
    }
    (best.1, climb.evaluated)
}

/// One descent, without kicks.
pub fn descend(objective: &Objective, start: &[ServerId]) -> Vec<ServerId> {
    let choices = Choices::of(objective.scenario);
    if choices.movable.is_empty() {
        return start.to_vec();
    }
    let budget = (choices.movable.len() as u64 * MOVES_PER_NEED).min(MOVES_MOST);
    let generator = Key::new(0).named("descent").generator();
    let mut climb = Climb { choices: &choices, state: State::new(objective, start), evaluated: 0, budget, generator };
    climb.descend();
    climb.state.primaries
}

struct Climb<'c, 'o, 'a> {
    choices: &'c Choices,
    state: State<'o, 'a>,
    evaluated: u64,
    budget: u64,
    generator: Generator,
}

impl Climb<'_, '_, '_> {
    fn descend(&mut self) {
        loop {
            while self.move_single() {}
            if self.evaluated >= self.budget || !self.swap() {
                return;
            }
        }
    }

    /// One pass over all needs, each to its best server. False where nothing improved.
    fn move_single(&mut self) -> bool {
        let mut improved = false;
        for movable in &self.choices.movable {
            if self.evaluated >= self.budget {
                return false;
            }
            let home = self.state.primaries[movable.need.index()];
            let mut best = (self.state.value(), home);
            for server in movable.servers.iter().filter(|s| **s != home) {
                self.state.shift(movable.need, *server);
                let value = self.value();
                if value.is_better_than(best.0) {
                    best = (value, *server);
                }
            }
            self.state.shift(movable.need, best.1);
            improved |= best.1 != home;
        }
        improved
    }

    /// One round of swaps of two needs' servers: each need with as many drawn partners as there are needs in a small scenario.
    /// False where nothing improved.
    fn swap(&mut self) -> bool {
        const PARTNERS: usize = 20;
        let count = self.choices.movable.len();
        for first in 0..count {
            let a = &self.choices.movable[first];
            for k in 0..PARTNERS.min(count - 1) {
                if self.evaluated >= self.budget {
                    return false;
                }
                let second = if count <= PARTNERS { (first + 1 + k) % count } else { self.generator.random_range(0..count) };
                let b = &self.choices.movable[second];
                let (here, there) = (self.state.primaries[a.need.index()], self.state.primaries[b.need.index()]);
                if here == there || !a.servers.contains(&there) || !b.servers.contains(&here) {
                    continue;
                }
                let before = self.state.value();
                self.exchange(a.need, b.need);
                if self.value().is_better_than(before) {
                    return true;
                }
                self.exchange(a.need, b.need);
            }
        }
        false
    }

    fn exchange(&mut self, a: NeedId, b: NeedId) {
        let (of_a, of_b) = (self.state.primaries[a.index()], self.state.primaries[b.index()]);
        self.state.shift(a, of_b);
        self.state.shift(b, of_a);
    }

    fn kick(&mut self) {
        for _ in 0..KICK {
            let movable = &self.choices.movable[self.generator.random_range(0..self.choices.movable.len())];
            let server = movable.servers[self.generator.random_range(0..movable.servers.len())];
            self.state.shift(movable.need, server);
        }
        self.evaluated += KICK as u64;
    }

    fn value(&mut self) -> Value {
        self.evaluated += 1;
        self.state.value()
    }
}
