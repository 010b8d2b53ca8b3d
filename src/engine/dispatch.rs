//! A gateway in front of the servers, which chooses one for each call: random, round-robin, least outstanding, power of d choices
//! (Mitzenmacher 2001), join the shortest queue (Winston 1977), weighted by latency. What it draws is keyed by the call.

use rand::RngExt;

use crate::mapping::Dispatch;
use crate::random::{Generator, Key};
use crate::scenario::NeedId;

use super::*;

/// How fast the smoothed response time forgets: the weight of a new one.
const SMOOTHING: f64 = 0.1;

/// What the gateway and the clients remember of needs and servers.
#[derive(Debug)]
pub struct Gateway {
    /// Next turn of round-robin, by capability.
    turns: Vec<u32>,
    /// Smoothed response times \[ns\] of the servers; none before the first answer.
    latency: Vec<Option<f64>>,
    /// Of needs with a cache: when a server last answered, and which of the model's targets it was.
    pub answered: Vec<Option<(SimTime, u32)>>,
    /// Room for drawing without replacement.
    lots: Vec<u32>,
}

impl Gateway {
    pub fn new(model: &Model, servers: usize) -> Gateway {
        let caches = if model.needs.iter().any(|need| need.cache.is_some()) { model.needs.len() } else { 0 };
        Gateway {
            turns: vec![0; if model.dispatch == Dispatch::Fixed { 0 } else { model.capabilities }],
            latency: vec![None; if model.dispatch == Dispatch::LatencyWeighted { servers } else { 0 }],
            answered: vec![None; caches],
            lots: Vec::new(),
        }
    }
}

impl<O: Observer> Simulation<'_, O> {
    /// The target that the call goes to first: index into the model's targets.
    #[inline(always)]
    pub fn first_target(&mut self, need: NeedId, call: Key) -> u32 {
        let route = &self.model.needs[need.index()];
        if route.choices.is_empty() {
            return route.primary;
        }
        route.choices.start + self.choose(need, call)
    }

    fn choose(&mut self, need: NeedId, call: Key) -> u32 {
        let route = &self.model.needs[need.index()];
        let count = route.choices.len() as u32;
        let mut generator = luck::dispatch(call);
        match self.model.dispatch {
            Dispatch::Fixed | Dispatch::Random => generator.random_range(0..count),
            Dispatch::RoundRobin => {
                let turn = &mut self.gateway.turns[route.capability.index()];
                let chosen = *turn % count;
                *turn = (chosen + 1) % count;
                chosen
            }
            Dispatch::LeastOutstanding => self.least(need, 0..count, &mut generator, |state, _| f64::from(state.outstanding)),
            Dispatch::ShortestQueue => self.least(need, 0..count, &mut generator, queue_per_slot),
            Dispatch::PowerOfChoices(choices) => {
                let mut lots = std::mem::take(&mut self.gateway.lots);
                lots.clear();
                // Floyd's way to draw distinct ones (Bentley & Floyd 1987).
                for highest in count - choices.clamp(1, count)..count {
                    let lot = generator.random_range(0..=highest);
                    lots.push(if lots.contains(&lot) { highest } else { lot });
                }
                let chosen = self.least(need, lots.iter().copied(), &mut generator, queue_per_slot);
                self.gateway.lots = lots;
                chosen
            }
            Dispatch::LatencyWeighted => {
                let weight = |choice: u32| 1.0 / self.latency_of(need, choice);
                let total: f64 = (0..count).map(weight).sum();
                let mut draw = generator.uniform() * total;
                for choice in 0..count {
                    draw -= weight(choice);
                    if draw < 0.0 {
                        return choice;
                    }
                }
                count - 1
            }
        }
    }

    /// The one with the least load; any of several, each as likely.
    fn least(
        &self,
        need: NeedId,
        among: impl Iterator<Item = u32>,
        generator: &mut Generator,
        load: impl Fn(&ServerState, u32) -> f64,
    ) -> u32 {
        let (mut best, mut equals) = ((f64::INFINITY, 0), 0);
        for choice in among {
            let Some(server) = self.choice(need, choice) else { continue };
            let load = load(&self.servers[server.index()], self.servers[server.index()].model.slots);
            if load < best.0 {
                (best, equals) = ((load, choice), 1);
            } else if load == best.0 {
                // The k-th of them takes the place of the one before with probability 1/k.
                equals += 1;
                if generator.random_range(0..equals) == 0 {
                    best.1 = choice;
                }
            }
        }
        best.1
    }

    fn choice(&self, need: NeedId, choice: u32) -> Option<ServerId> {
        match self.model.targets[(self.model.needs[need.index()].choices.start + choice) as usize].to {
            Target::Server(server) => Some(server),
            Target::StandIn(_) => None,
        }
    }

    /// \[ns\], never zero; a second where nothing is known yet, so that new servers are tried.
    fn latency_of(&self, need: NeedId, choice: u32) -> f64 {
        let known = self.choice(need, choice).and_then(|server| self.gateway.latency[server.index()]);
        known.unwrap_or(1e9).max(1.0)
    }

    /// An attempt ended: with an answer, or without one after so long.
    #[inline(always)]
    pub fn note_latency(&mut self, server: ServerId, took: SimTime) {
        if let Some(latency) = self.gateway.latency.get_mut(server.index()) {
            let took = took.0 as f64;
            *latency = Some(latency.map_or(took, |before| before + SMOOTHING * (took - before)));
        }
    }
}

/// Calls that wait or are on a slot, per slot.
fn queue_per_slot(state: &ServerState, slots: u32) -> f64 {
    f64::from(state.queued) / f64::from(slots.max(1))
}
