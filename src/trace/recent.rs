//! What was seen lately, in bounded memory: of two generations the older is forgotten when the younger is full.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::random::{bytes_hash, name_hash};

/// An id, as a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(pub u64);

impl Id {
    /// Of an id's text; `purpose` keeps ids of different kinds apart.
    pub fn new(purpose: &str, text: &str) -> Id {
        Id::of(purpose, text.as_bytes())
    }

    /// As [`Id::new`], of the text's bytes.
    pub fn of(purpose: &str, bytes: &[u8]) -> Id {
        Id(crate::random::Key::new(name_hash(purpose)).with(bytes_hash(bytes)).number())
    }
}

/// Ids are hashes already.
#[derive(Debug, Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("an id is one number")
    }
    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}

type ById = BuildHasherDefault<AsItIs>;

/// The last ids, at least [`Seen::KEPT`] of them.
#[derive(Debug, Default)]
pub struct Seen {
    young: HashSet<Id, ById>,
    old: HashSet<Id, ById>,
}

impl Seen {
    pub const KEPT: usize = 1 << 20;

    pub fn contains(&self, id: Id) -> bool {
        self.young.contains(&id) || self.old.contains(&id)
    }

    /// Whether it is new.
    pub fn insert(&mut self, id: Id) -> bool {
        if self.old.contains(&id) || !self.young.insert(id) {
            return false;
        }
        if self.young.len() > Seen::KEPT {
            self.old = std::mem::take(&mut self.young);
        }
        true
    }
}

/// What waits for its other half.
#[derive(Debug)]
pub struct Pending<T> {
    young: HashMap<Id, T, ById>,
    old: HashMap<Id, T, ById>,
}

impl<T> Default for Pending<T> {
    fn default() -> Pending<T> {
        Pending { young: HashMap::default(), old: HashMap::default() }
    }
}

impl<T> Pending<T> {
    /// More calls than this are never under way.
    const KEPT: usize = 1 << 16;

    /// What is forgotten for it: nothing, mostly.
    pub fn insert(&mut self, id: Id, waiting: T) -> impl Iterator<Item = T> + use<T> {
        self.young.insert(id, waiting);
        let forgotten = match self.young.len() > Pending::<T>::KEPT {
            true => std::mem::replace(&mut self.old, std::mem::take(&mut self.young)),
            false => HashMap::default(),
        };
        forgotten.into_values()
    }

    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        self.young.get_mut(&id).or_else(|| self.old.get_mut(&id))
    }

    pub fn contains(&self, id: Id) -> bool {
        self.young.contains_key(&id) || self.old.contains_key(&id)
    }

    pub fn take(&mut self, id: Id) -> Option<T> {
        match self.young.entry(id) {
            Entry::Occupied(entry) => Some(entry.remove()),
            Entry::Vacant(_) => self.old.remove(&id),
        }
    }

    pub fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        let (old, young) = (std::mem::take(&mut self.old), std::mem::take(&mut self.young));
        old.into_values().chain(young.into_values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_remembered_for_long_but_not_for_ever() {
        let mut seen = Seen::default();
        let id = |i: usize| Id::new("record", &i.to_string());
        assert!(seen.insert(id(0)) && !seen.insert(id(0)));
        for i in 1..=3 * Seen::KEPT {
            assert!(seen.insert(id(i)));
        }
        assert!(!seen.insert(id(3 * Seen::KEPT)) && !seen.insert(id(2 * Seen::KEPT + 1)));
        assert!(seen.young.len() + seen.old.len() <= 2 * Seen::KEPT + 2);
    }

    #[test]
    fn what_waits_is_found_until_it_is_forgotten() {
        let mut pending = Pending::default();
        let id = |i: usize| Id::new("call", &i.to_string());
        let forgotten: usize = (0..3 * Pending::<usize>::KEPT).map(|i| pending.insert(id(i), i).count()).sum();
        assert_eq!(forgotten, Pending::<usize>::KEPT + 1);
        let last = 3 * Pending::<usize>::KEPT - 1;
        assert_eq!((pending.take(id(last)), pending.take(id(last)), pending.take(id(0))), (Some(last), None, None));
        assert_eq!(pending.drain().count() + forgotten + 1, 3 * Pending::<usize>::KEPT);
    }
}
