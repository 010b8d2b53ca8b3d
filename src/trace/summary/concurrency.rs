//! How many calls are under way at once. Calls come in the order of their ends, or in none: they are sorted before they are counted, a
//! bounded number of them at a time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use serde::Serialize;

use super::super::call::UnixTime;
use super::super::names::Name;
use crate::units::SimTime;

/// Calls that wait to be sorted; half of them are counted when there are more. A call that comes later than so many others with later
/// beginnings is out of its place.
const WAITING_MAX: usize = 1 << 20;
/// More calls are never under way; what is beyond is not counted, so the maximum is a lower bound then.
const AT_ONCE_MAX: usize = 1 << 14;
/// More servers than a table has lines are not counted apart.
const SERVERS_MAX: usize = super::GROUPS_MAX;

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AtOnce {
    /// Calls under way, at the most.
    pub most: usize,
    /// Over the whole trace, weighted by time.
    pub mean: f64,
    /// Over the time in which any is under way.
    pub mean_busy: f64,
}

#[derive(Debug, Default)]
pub(super) struct Concurrency {
    waiting: Vec<Interval>,
    /// By server; under none, all.
    under_way: BTreeMap<Option<Name>, UnderWay>,
    /// What begins before this came too late to be counted in its place.
    counted_to: Option<UnixTime>,
    pub out_of_place: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Interval {
    start: UnixTime,
    end: UnixTime,
    server: Option<Name>,
}

#[derive(Debug, Default)]
struct UnderWay {
    ends: BinaryHeap<Reverse<UnixTime>>,
    most: usize,
    /// Sums of nanoseconds: of all calls, and of the time that any of them covers.
    total: u128,
    covered: u128,
    covered_to: Option<UnixTime>,
}

impl Concurrency {
    /// `server`: none where it is not known.
    pub fn add(&mut self, start: UnixTime, time: SimTime, server: Option<Name>) {
        if self.counted_to.is_some_and(|counted_to| start < counted_to) {
            self.out_of_place += 1;
        }
        self.waiting.push(Interval { start, end: start.after(time), server });
        if self.waiting.len() > WAITING_MAX {
            self.count(WAITING_MAX / 2);
        }
    }

    fn count(&mut self, calls: usize) {
        self.waiting.sort_unstable();
        for Interval { start, end, server } in self.waiting.drain(..calls) {
            self.counted_to = self.counted_to.max(Some(start));
            self.under_way.entry(None).or_default().add(start, end);
            if server.is_some() && (self.under_way.len() <= SERVERS_MAX || self.under_way.contains_key(&server)) {
                self.under_way.entry(server).or_default().add(start, end);
            }
        }
    }

    /// By server; under none, all.
    pub fn finish(mut self, span: Option<SimTime>) -> BTreeMap<Option<Name>, AtOnce> {
        self.count(self.waiting.len());
        let span = span.map_or(0, |span| span.0);
        let of = |under_way: &UnderWay| AtOnce {
            most: under_way.most,
            mean: if span > 0 { under_way.total as f64 / span as f64 } else { 0.0 },
            mean_busy: if under_way.covered > 0 { under_way.total as f64 / under_way.covered as f64 } else { 0.0 },
        };
        self.under_way.iter().map(|(server, under_way)| (*server, of(under_way))).collect()
    }
}

impl UnderWay {
    fn add(&mut self, start: UnixTime, end: UnixTime) {
        // What ends as another begins is not at once with it.
        while self.ends.peek().is_some_and(|Reverse(ended)| *ended <= start) {
            self.ends.pop();
        }
        if self.ends.len() < AT_ONCE_MAX {
            self.ends.push(Reverse(end));
        }
        self.most = self.most.max(self.ends.len());
        self.total += u128::from(end.since(start).unwrap_or_default().0);
        let uncovered = self.covered_to.map_or(start, |covered_to| covered_to.max(start));
        self.covered += u128::from(end.since(uncovered).unwrap_or_default().0);
        self.covered_to = self.covered_to.max(Some(end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_at_once_are_counted_in_any_order() {
        let mut calls = [(0, 10), (2, 4), (3, 5), (5, 6), (20, 22)];
        for _ in 0..2 {
            let mut concurrency = Concurrency::default();
            calls.iter().for_each(|(start, end)| concurrency.add(UnixTime(*start), SimTime((end - start) as u64), None));
            let found = concurrency.finish(Some(SimTime(22)));
            // 0-10 alone 4 s of 10, never more than three at once; 17 of calls in 22, of which 12 have any.
            assert_eq!(found[&None], AtOnce { most: 3, mean: 17.0 / 22.0, mean_busy: 17.0 / 12.0 });
            calls.reverse();
        }
    }

    #[test]
    fn many_calls_take_bounded_memory() {
        let mut concurrency = Concurrency::default();
        for i in 0..3 * WAITING_MAX as i64 {
            concurrency.add(UnixTime(10 * i), SimTime(25), None);
        }
        assert!(concurrency.waiting.len() <= WAITING_MAX && concurrency.out_of_place == 0);
        let found = concurrency.finish(Some(SimTime(30 * WAITING_MAX as u64)));
        assert_eq!(found[&None].most, 3);
        assert!((found[&None].mean - 2.5).abs() < 1e-4);
    }
}
