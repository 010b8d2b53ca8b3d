//! The calendar: what happens next. Ties in time are broken by the order of scheduling, and by nothing else.

use std::collections::VecDeque;

use crate::units::SimTime;

use super::far::Far;

/// Delays that are the same for everything have a first-in-first-out lane each: what is scheduled there later is due later,
/// and nearly all of it (time-outs) is called off before it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Timeout,
    QueueTimeout,
    Hedge,
}

const LANES: usize = 3;

/// Children of a node: four are faster than two, as more of them share a cache line.
const WIDTH: usize = 4;

/// With so many entries the heap leaves the later ones to the far future: a larger one falls out of the core's own caches, and then costs
/// more with each entry than the logarithm of their number.
const NEAR: usize = 4096;

#[derive(Debug)]
pub struct Calendar<E> {
    /// A heap: no entry is due before its parent, which stands at (index - 1) / WIDTH. What is scheduled goes here, however far it is.
    heap: Vec<Entry<E>>,
    /// The heap's root was taken out and nothing has come in its place yet. What is scheduled next takes it: nearly every event schedules
    /// another, which then sinks once, instead of the last entry sinking and the new one rising.
    vacant: bool,
    lanes: [VecDeque<Entry<E>>; LANES],
    /// The least key in a lane; the greatest there is, where they are empty.
    lanes_first: u128,
    far: Far<E>,
    /// No key of the far future is less; the greatest there is, where it is empty.
    far_first: u128,
    sequence: u64,
}

#[derive(Debug, Clone, Copy)]
pub struct Entry<E> {
    /// Time in the upper half, sequence number in the lower: one comparison orders both.
    key: u128,
    event: E,
}

impl<E> Entry<E> {
    #[inline(always)]
    pub fn at(&self) -> SimTime {
        SimTime((self.key >> 64) as u64)
    }
}

impl<E: Copy> Calendar<E> {
    pub fn new() -> Calendar<E> {
        Calendar {
            heap: Vec::new(),
            vacant: false,
            lanes: Default::default(),
            far: Far::new(),
            far_first: u128::MAX,
            lanes_first: u128::MAX,
            sequence: 0,
        }
    }

    #[inline(always)]
    pub fn schedule(&mut self, at: SimTime, event: E) {
        let key = self.key(at);
        let hole = if self.vacant {
            self.vacant = false;
            self.sink(key)
        } else {
            if self.heap.len() == self.heap.capacity() {
                self.make_room();
            }
            self.heap.push(Entry { key, event });
            self.rise(self.heap.len() - 1, key)
        };
        self.heap[hole] = Entry { key, event };
    }

    /// Into a lane. Before the lane would grow, what was called off leaves it, so that it holds little more than what is under way.
    #[inline(always)]
    pub fn schedule_in(&mut self, lane: Lane, at: SimTime, event: E, is_called_off: impl Fn(E) -> bool) {
        let entry = Entry { key: self.key(at), event };
        let row = &mut self.lanes[lane as usize];
        if row.len() == row.capacity() {
            forget(row, is_called_off);
            self.note_lanes();
        }
        let row = &mut self.lanes[lane as usize];
        debug_assert!(row.back().is_none_or(|back| back.key < entry.key), "a lane has one delay");
        row.push_back(entry);
        if row.len() == 1 {
            self.lanes_first = self.lanes_first.min(entry.key);
        }
    }

    /// Takes out what is due first.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        if self.vacant {
            self.vacant = false;
            let last = self.heap.pop().expect("a vacant root has its place");
            if !self.heap.is_empty() {
                let hole = self.sink(last.key);
                self.heap[hole] = last;
            }
        }
        let mut first = self.heap_first();
        if self.far_first < first {
            self.settle();
            first = self.heap_first();
        }
        if self.lanes_first < first {
            let entry = self.pop_lane()?;
            return Some((entry.at(), entry.event));
        }
        let entry = *self.heap.first()?;
        self.vacant = true;
        Some((entry.at(), entry.event))
    }

    /// Takes out the first in any lane.
    #[inline(always)]
    fn pop_lane(&mut self) -> Option<Entry<E>> {
        let first = self.lanes_first;
        let lane = self.lanes.iter_mut().find(|lane| lane.front().is_some_and(|entry| entry.key == first))?;
        let entry = lane.pop_front();
        self.note_lanes();
        entry
    }

    /// The least key in the heap; the greatest there is, where it is empty.
    #[inline(always)]
    fn heap_first(&self) -> u128 {
        self.heap.first().map_or(u128::MAX, |entry| entry.key)
    }

    #[inline(always)]
    fn note_lanes(&mut self) {
        let first = |lane: &VecDeque<Entry<E>>| lane.front().map_or(u128::MAX, |entry| entry.key);
        self.lanes_first = self.lanes.iter().map(first).fold(u128::MAX, u128::min);
    }

    #[inline(always)]
    fn key(&mut self, at: SimTime) -> u128 {
        self.sequence += 1;
        before(at) | u128::from(self.sequence)
    }

    /// Where that key belongs on the way from a free place to the root; what is due later has moved down the way.
    #[inline(always)]
    fn rise(&mut self, mut hole: usize, key: u128) -> usize {
        while hole > 0 {
            let parent = (hole - 1) / WIDTH;
            if self.heap[parent].key <= key {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        hole
    }

    /// The heap is full: it grows while it is small, or where it is full of what is due next.
    #[cold]
    fn make_room(&mut self) {
        if self.heap.len() >= NEAR {
            self.settle();
        }
        if self.heap.len() * 2 > self.heap.capacity() {
            self.heap.reserve_exact(self.heap.len().max(4));
        }
    }

    /// The heap holds what is due first, and not too much of it.
    #[cold]
    fn settle(&mut self) {
        self.far.settle(&mut self.heap, NEAR / 2);
        self.far_first = self.far.begins().map_or(u128::MAX, before);
        for end in 0..self.heap.len() {
            let entry = self.heap[end];
            let hole = self.rise(end, entry.key);
            self.heap[hole] = entry;
        }
    }

    /// Where that key belongs on the way down from the root, which is free; what is due before has moved up the way.
    #[inline(always)]
    fn sink(&mut self, key: u128) -> usize {
        let mut hole = 0;
        loop {
            let first = hole * WIDTH + 1;
            let children = match self.heap.get(first..first + WIDTH) {
                Some(all) => all,
                None if first < self.heap.len() => &self.heap[first..],
                None => return hole,
            };
            let (mut smallest, mut least) = (0, children[0].key);
            for (index, child) in children.iter().enumerate().skip(1) {
                if child.key < least {
                    (smallest, least) = (index, child.key);
                }
            }
            if key <= least {
                return hole;
            }
            self.heap[hole] = children[smallest];
            hole = first + smallest;
        }
    }
}

/// The key that precedes all of that instant.
fn before(at: SimTime) -> u128 {
    u128::from(at.0) << 64
}

/// A full lane forgets what was called off; it grows where that is less than half of it, so that each entry pays for little.
#[cold]
fn forget<E: Copy>(row: &mut VecDeque<Entry<E>>, is_called_off: impl Fn(E) -> bool) {
    row.retain(|entry| !is_called_off(entry.event));
    row.reserve(row.len().max(32));
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use proptest::prelude::*;
    use rand::RngExt;

    use super::*;
    use crate::random::Key;

    proptest! {
        #[test]
        fn comes_out_by_time_then_by_order_of_scheduling(times in prop::collection::vec((0..20u64, 0..3u8, 0..3u8), 0..200)) {
            let mut calendar = Calendar::new();
            let mut expected: Vec<(u64, usize)> = Vec::new();
            let (mut now, mut popped) = (0, Vec::new());
            for (order, (delay, lane, pops)) in times.into_iter().enumerate() {
                let at = match lane {
                    0 => now + 7,
                    1 => now + 13,
                    _ => now + delay,
                };
                match lane {
                    0 => calendar.schedule_in(Lane::Timeout, SimTime(at), order, |_| false),
                    1 => calendar.schedule_in(Lane::Hedge, SimTime(at), order, |_| false),
                    _ => calendar.schedule(SimTime(at), order),
                }
                expected.push((at, order));
                for _ in 0..pops {
                    if let Some((time, event)) = calendar.pop() {
                        prop_assert!(time.0 >= now, "time goes back");
                        now = time.0;
                        expected.sort_unstable();
                        prop_assert_eq!((time.0, event), expected.remove(0));
                        popped.push(event);
                    }
                }
            }
            expected.sort_unstable();
            let rest: Vec<_> = std::iter::from_fn(|| calendar.pop()).map(|(time, event)| (time.0, event)).collect();
            prop_assert_eq!(rest, expected);
        }
    }

    /// More than one heap takes, most of it spread over an hour, much of it due at once: as a plain heap would have it.
    #[test]
    fn the_far_future_comes_in_order() {
        let mut calendar = Calendar::new();
        let mut plain = BinaryHeap::new();
        let mut luck = Key::new(5).generator();
        let mut now = 0;
        for order in 0..100_000u64 {
            let (lane, at) = match luck.random_range(0..8) {
                0 => (Some(Lane::Timeout), now + 40_000_000),
                1 => (None, now + luck.random_range(0..3)),
                2..4 => (None, now.max(1_000_000_000)),
                _ => (None, now + luck.random_range(0..3_600_000_000)),
            };
            match lane {
                Some(lane) => calendar.schedule_in(lane, SimTime(at), order, |_| false),
                None => calendar.schedule(SimTime(at), order),
            }
            plain.push(Reverse((at, order)));
            // Many more come in than go out, then as many.
            if order % 50 == 0 || order > 50_000 {
                let (time, event) = calendar.pop().expect("something is pending");
                assert_eq!(plain.pop(), Some(Reverse((time.0, event))));
                now = time.0;
            }
        }
        while let Some((time, event)) = calendar.pop() {
            assert_eq!(plain.pop(), Some(Reverse((time.0, event))));
        }
        assert!(plain.is_empty());
    }

    #[test]
    fn a_lane_drops_what_is_called_off() {
        let mut calendar = Calendar::new();
        (0..1000u64).for_each(|i| calendar.schedule_in(Lane::Timeout, SimTime(i + 5), i, |event| event < i));
        assert!(calendar.lanes[0].capacity() < 200, "{}", calendar.lanes[0].capacity());
        assert_eq!(std::iter::from_fn(|| calendar.pop()).last(), Some((SimTime(1004), 999)));
    }
}
