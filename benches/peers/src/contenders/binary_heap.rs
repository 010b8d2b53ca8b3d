//! The loop that one would write first: std's binary heap, time in floating-point seconds.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::queue::{Luck, Queue, Served, Station};

use super::Prepared;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Arrival,
    Departure,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Event {
    time: f64,
    sequence: u64,
    kind: Kind,
}

impl Eq for Event {}

impl Ord for Event {
    /// The heap has its greatest on top: what is due first is the greatest.
    fn cmp(&self, other: &Event) -> Ordering {
        other.time.total_cmp(&self.time).then(other.sequence.cmp(&self.sequence))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Event) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Default)]
struct Calendar {
    heap: BinaryHeap<Event>,
    sequence: u64,
}

impl Calendar {
    fn schedule(&mut self, time: f64, kind: Kind) {
        self.sequence += 1;
        self.heap.push(Event { time, sequence: self.sequence, kind });
    }
}

pub fn prepare(queue: Queue, customers: u64) -> Prepared {
    Box::new(move || run(&queue, customers))
}

fn run(queue: &Queue, customers: u64) -> Served {
    let (mut luck, mut station, mut calendar) = (Luck::new(queue), Station::new(queue), Calendar::default());
    let (mut served, mut to_come) = (Served::default(), customers);
    calendar.schedule(luck.gap(), Kind::Arrival);
    while let Some(Event { time: now, kind, .. }) = calendar.heap.pop() {
        let starts = match kind {
            Kind::Arrival => {
                to_come -= 1;
                if to_come > 0 {
                    calendar.schedule(now + luck.gap(), Kind::Arrival);
                }
                station.arrive(now).then_some(now)
            }
            Kind::Departure => station.depart(),
        };
        if let Some(arrived) = starts {
            served.note(now - arrived);
            calendar.schedule(now + luck.service(), Kind::Departure);
        }
    }
    served
}
