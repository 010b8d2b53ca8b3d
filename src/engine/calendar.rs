//! The calendar: what happens next. Ties in time are broken by the order of scheduling, and by nothing else.

use std::collections::VecDeque;

use crate::units::SimTime;

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

#[derive(Debug)]
pub struct Calendar<E> {
    /// A heap: no entry is due before its parent, which stands at (index - 1) / WIDTH.
    heap: Vec<Entry<E>>,
    /// The heap's root was taken out and nothing has come in its place yet. What is scheduled next takes it: nearly every event schedules
    /// another, which then sinks once, instead of the last entry sinking and the new one rising.
    vacant: bool,
    lanes: [VecDeque<Entry<E>>; LANES],
    /// The least key in a lane; the greatest there is, where they are empty.
    lanes_first: u128,
    sequence: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry<E> {
    /// Time in the upper half, sequence number in the lower: one comparison orders both.
    key: u128,
    event: E,
}

impl<E: Copy> Calendar<E> {
    pub fn new() -> Calendar<E> {
        Calendar { heap: Vec::new(), vacant: false, lanes: Default::default(), lanes_first: u128::MAX, sequence: 0 }
    }

    #[inline(always)]
    pub fn schedule(&mut self, at: SimTime, event: E) {
        let entry = self.entry(at, event);
        if self.vacant {
            self.vacant = false;
            return self.sink(entry);
        }
        let mut hole = self.heap.len();
        self.heap.push(entry);
        while hole > 0 {
            let parent = (hole - 1) / WIDTH;
            if self.heap[parent].key <= entry.key {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        self.heap[hole] = entry;
    }

    /// Into a lane. Before the lane would grow, what was called off leaves it, so that it holds little more than what is under way.
    #[inline(always)]
    pub fn schedule_in(&mut self, lane: Lane, at: SimTime, event: E, is_called_off: impl Fn(E) -> bool) {
        let entry = self.entry(at, event);
        let row = &mut self.lanes[lane as usize];
        if row.len() == row.capacity() {
            make_room(row, is_called_off);
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
                self.sink(last);
            }
        }
        let first = self.heap.first().map_or(u128::MAX, |entry| entry.key);
        if self.lanes_first < first {
            let entry = self.pop_lane()?;
            return Some((SimTime((entry.key >> 64) as u64), entry.event));
        }
        let entry = *self.heap.first()?;
        self.vacant = true;
        Some((SimTime((entry.key >> 64) as u64), entry.event))
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

    #[inline(always)]
    fn note_lanes(&mut self) {
        let first = |lane: &VecDeque<Entry<E>>| lane.front().map_or(u128::MAX, |entry| entry.key);
        self.lanes_first = self.lanes.iter().map(first).fold(u128::MAX, u128::min);
    }

    #[inline(always)]
    fn entry(&mut self, at: SimTime, event: E) -> Entry<E> {
        self.sequence += 1;
        Entry { key: u128::from(at.0) << 64 | u128::from(self.sequence), event }
    }

    /// From the root to its place.
    #[inline(always)]
    fn sink(&mut self, entry: Entry<E>) {
        let mut hole = 0;
        loop {
            let first = hole * WIDTH + 1;
            let children = match self.heap.get(first..first + WIDTH) {
                Some(all) => all,
                None if first < self.heap.len() => &self.heap[first..],
                None => break,
            };
            let (mut smallest, mut key) = (0, children[0].key);
            for (index, child) in children.iter().enumerate().skip(1) {
                if child.key < key {
                    (smallest, key) = (index, child.key);
                }
            }
            if entry.key <= key {
                break;
            }
            self.heap[hole] = children[smallest];
            hole = first + smallest;
        }
        self.heap[hole] = entry;
    }
}

/// A full lane forgets what was called off; it grows where that is less than half of it, so that each entry pays for little.
#[cold]
fn make_room<E: Copy>(row: &mut VecDeque<Entry<E>>, is_called_off: impl Fn(E) -> bool) {
    row.retain(|entry| !is_called_off(entry.event));
    row.reserve(row.len().max(32));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    #[test]
    fn a_lane_drops_what_is_called_off() {
        let mut calendar = Calendar::new();
        (0..1000u64).for_each(|i| calendar.schedule_in(Lane::Timeout, SimTime(i + 5), i, |event| event < i));
        assert!(calendar.lanes[0].capacity() < 200, "{}", calendar.lanes[0].capacity());
        assert_eq!(std::iter::from_fn(|| calendar.pop()).last(), Some((SimTime(1004), 999)));
    }
}
