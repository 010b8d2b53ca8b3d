//! The model that everybody simulates, M/M/c, with what theory says of it, and the luck that those written here share.

use std::collections::VecDeque;

use rand_distr::{Distribution as _, Exp1};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng as _;
use serde::{Deserialize, Serialize};

/// Poisson arrivals, one line, first come first served; service is exponential with a mean of one second.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    pub name: &'static str,
    pub slots: u32,
    /// [1/s]
    pub arrival_rate: f64,
}

/// All at 80 %.
pub const QUEUES: [Queue; 2] = [Queue { name: "M/M/1", slots: 1, arrival_rate: 0.8 }, Queue { name: "M/M/4", slots: 4, arrival_rate: 3.2 }];

impl Queue {
    pub fn named(name: &str) -> Option<Queue> {
        QUEUES.into_iter().find(|queue| queue.name == name)
    }

    /// \[s\] in the line, by Erlang's formulas.
    pub fn mean_wait(&self) -> f64 {
        let (load, slots) = (self.arrival_rate, f64::from(self.slots));
        let blocked = (1..=self.slots).fold(1.0, |blocked, slot| load * blocked / (f64::from(slot) + load * blocked));
        let waiting = slots * blocked / (slots - load * (1.0 - blocked));
        waiting / (slots - load)
    }
}

/// How far from theory the mean wait of so many customers may lie: 10 %, or four standard errors where these are more (the root of the
/// customers times the relative standard error is 10.4 for M/M/1 and 13.5 for M/M/4 at 80 %: waits hang together over long busy
/// times). Of what draws from `Luck`, much more is asked: `compare::refuse_disagreement`.
pub fn tolerance(customers: u64) -> f64 {
    (4.0 * 13.5 / (customers as f64).sqrt()).max(0.1)
}

/// What a simulation says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Served {
    pub customers: u64,
    /// \[s\], sum over the customers.
    pub wait: f64,
}

impl Served {
    pub fn note(&mut self, wait: f64) {
        self.customers += 1;
        self.wait += wait;
    }
}

/// Arrivals and services from a stream each. The line keeps the order of arrival, so the n-th service drawn is that of the n-th
/// customer in every simulator, and all that draw from here have to agree on the waits.
#[derive(Debug, Serialize, Deserialize)]
pub struct Luck {
    arrivals: Xoshiro256PlusPlus,
    services: Xoshiro256PlusPlus,
    mean_gap: f64,
}

impl Luck {
    pub fn new(queue: &Queue) -> Luck {
        let stream = Xoshiro256PlusPlus::seed_from_u64;
        Luck { arrivals: stream(1), services: stream(2), mean_gap: 1.0 / queue.arrival_rate }
    }

    /// \[s\] to the next arrival.
    pub fn gap(&mut self) -> f64 {
        let unit: f64 = Exp1.sample(&mut self.arrivals);
        unit * self.mean_gap
    }

    /// \[s\]
    pub fn service(&mut self) -> f64 {
        Exp1.sample(&mut self.services)
    }
}

/// What a station does with its customers, for every simulator that has no station of its own. `Time` is what its clock counts in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Station<Time> {
    idle: u32,
    line: VecDeque<Time>,
}

impl<Time: Copy> Station<Time> {
    pub fn new(queue: &Queue) -> Station<Time> {
        Station { idle: queue.slots, line: VecDeque::new() }
    }

    /// True where service starts at once.
    #[inline]
    pub fn arrive(&mut self, now: Time) -> bool {
        let starts = self.idle > 0;
        if starts {
            self.idle -= 1;
        } else {
            self.line.push_back(now);
        }
        starts
    }

    /// When the customer arrived who is served next on the slot that comes free.
    #[inline]
    pub fn depart(&mut self) -> Option<Time> {
        let next = self.line.pop_front();
        self.idle += u32::from(next.is_none());
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn theory_of_m_m_1_and_of_m_m_4() {
        let [one, four] = QUEUES.map(|queue| queue.mean_wait());
        assert!((one - 4.0).abs() < 1e-12, "{one}");
        assert!((four - 0.745_541).abs() < 1e-6, "{four}");
    }
}
