//! The loop that one would write last: a four-ary heap whose entries are nothing but keys. What is handled stays on top until what
//! follows from it takes its place, so that an event costs one way down the heap and none up.

use crate::queue::{Luck, Queue, Served, Station};

use super::Prepared;

/// Children of a node.
const WIDTH: usize = 4;

const ARRIVAL: u64 = 0;
const DEPARTURE: u64 = 1;

/// Nanoseconds in the upper half, in the lower one the sequence number and, as its last bit, the kind of event.
struct Calendar {
    heap: Vec<u128>,
    sequence: u64,
}

impl Calendar {
    fn key(&mut self, time: u64, kind: u64) -> u128 {
        self.sequence += 1;
        u128::from(time) << 64 | u128::from(self.sequence << 1 | kind)
    }

    fn first(&self) -> Option<(u64, u64)> {
        self.heap.first().map(|key| ((key >> 64) as u64, *key as u64 & 1))
    }

    fn schedule(&mut self, time: u64, kind: u64) {
        let key = self.key(time, kind);
        let mut hole = self.heap.len();
        self.heap.push(key);
        while hole > 0 {
            let parent = (hole - 1) / WIDTH;
            if self.heap[parent] <= key {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        self.heap[hole] = key;
    }

    fn replace_first(&mut self, time: u64, kind: u64) {
        let key = self.key(time, kind);
        self.sink(key);
    }

    fn drop_first(&mut self) {
        if let Some(last) = self.heap.pop()
            && !self.heap.is_empty()
        {
            self.sink(last);
        }
    }

    /// From the top to its place.
    fn sink(&mut self, key: u128) {
        let heap = self.heap.as_mut_slice();
        let mut hole = 0;
        loop {
            let mut smallest = hole * WIDTH + 1;
            if smallest >= heap.len() {
                break;
            }
            for child in smallest + 1..(hole * WIDTH + WIDTH + 1).min(heap.len()) {
                if heap[child] < heap[smallest] {
                    smallest = child;
                }
            }
            if key <= heap[smallest] {
                break;
            }
            heap[hole] = heap[smallest];
            hole = smallest;
        }
        heap[hole] = key;
    }
}

pub fn prepare(queue: Queue, customers: u64) -> Prepared {
    Box::new(move || run(&queue, customers))
}

fn run(queue: &Queue, customers: u64) -> Served {
    let (mut luck, mut station) = (Luck::new(queue), Station::new(queue));
    let mut calendar = Calendar { heap: Vec::new(), sequence: 0 };
    let (mut served, mut to_come) = (Served::default(), customers);
    calendar.schedule(nanoseconds(luck.gap()), ARRIVAL);
    while let Some((now, kind)) = calendar.first() {
        if kind == ARRIVAL {
            to_come -= 1;
            match to_come {
                0 => calendar.drop_first(),
                _ => calendar.replace_first(now + nanoseconds(luck.gap()), ARRIVAL),
            }
            if station.arrive(now) {
                served.note(0.0);
                calendar.schedule(now + nanoseconds(luck.service()), DEPARTURE);
            }
        } else {
            match station.depart() {
                Some(arrived) => {
                    served.note((now - arrived) as f64 * 1e-9);
                    calendar.replace_first(now + nanoseconds(luck.service()), DEPARTURE);
                }
                None => calendar.drop_first(),
            }
        }
    }
    served
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
