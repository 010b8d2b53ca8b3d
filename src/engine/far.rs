//! The far future: what is due after everything near, where that is too much for one heap. It waits in buckets, the nearest of which are
//! halved as their time comes: the incremental quicksort of Navarro & Paredes (2010, "On sorting, heaps, and minimum spanning trees"),
//! with a heap at its near end. Each entry is moved about once a halving of the number pending, and always in a row with its
//! neighbours, so that it matters little that no cache holds all of them.

use crate::units::SimTime;

use super::calendar::Entry;

#[derive(Debug)]
pub struct Far<E> {
    /// The farthest first: each ends where the one before it begins. Those of no depth are empty, and keep their room.
    buckets: Vec<Bucket<E>>,
    depth: usize,
}

#[derive(Debug)]
struct Bucket<E> {
    /// No entry is due before.
    begins: SimTime,
    /// In any order.
    entries: Vec<Entry<E>>,
}

impl<E: Copy> Far<E> {
    pub fn new() -> Far<E> {
        Far { buckets: Vec::new(), depth: 0 }
    }

    /// Nothing in it is due before; none where nothing is in it.
    #[inline(always)]
    pub fn begins(&self) -> Option<SimTime> {
        self.buckets[..self.depth].last().map(|bucket| bucket.begins)
    }

    /// Leaves in the heap's entries what is due before everything else, and no more than `room` of it where times differ; but something,
    /// where anything is pending. The heap is to be built anew.
    #[cold]
    pub fn settle(&mut self, near: &mut Vec<Entry<E>>, room: usize) {
        let begins = self.begins();
        for entry in near.extract_if(.., |entry| begins.is_some_and(|begins| entry.at() >= begins)) {
            let number = self.buckets[..self.depth].partition_point(|bucket| bucket.begins > entry.at());
            self.buckets[number].entries.push(entry);
        }
        if near.len() > room {
            self.deepen(SimTime::ZERO).append(near);
        }
        while near.is_empty() && self.depth > 0 {
            let nearest = &mut self.buckets[self.depth - 1];
            let middle = if nearest.entries.len() > room { middle(&mut nearest.entries) } else { None };
            if let Some(middle) = middle {
                let begins = std::mem::replace(&mut nearest.begins, middle);
                near.extend(nearest.entries.extract_if(.., |entry| entry.at() < middle));
                self.deepen(begins).append(near);
            } else {
                near.append(&mut nearest.entries);
                self.depth -= 1;
            }
        }
    }

    /// An empty bucket that is nearer than all others.
    fn deepen(&mut self, begins: SimTime) -> &mut Vec<Entry<E>> {
        if self.depth == self.buckets.len() {
            self.buckets.push(Bucket { begins, entries: Vec::new() });
        }
        let bucket = &mut self.buckets[self.depth];
        self.depth += 1;
        bucket.begins = begins;
        &mut bucket.entries
    }
}

/// An instant that about half of them are due before, and some are not; none where all are due at once.
fn middle<E>(entries: &mut [Entry<E>]) -> Option<SimTime> {
    let half = entries.len() / 2;
    let (earlier, median, later) = entries.select_nth_unstable_by_key(half, Entry::at);
    let at = median.at();
    let has_earlier = earlier.iter().any(|entry| entry.at() < at);
    if has_earlier { Some(at) } else { later.iter().map(Entry::at).filter(|later| *later > at).min() }
}
