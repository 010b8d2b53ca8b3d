//! Places for what is under way, used again and again: no allocation once a run has seen its peak. An id names one tenant of
//! a place; when the tenant has left, its id finds nothing, so a late event cannot touch the next tenant.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

pub struct Id<T> {
    index: u32,
    generation: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Id<T> {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Id<T>) -> bool {
        (self.index, self.generation) == (other.index, other.generation)
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "#{}.{}", self.index, self.generation)
    }
}

#[derive(Debug)]
pub struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    /// Of the tenant, or of the next one where there is none.
    generation: u32,
    tenant: Option<T>,
}

impl<T> Slab<T> {
    pub fn new() -> Slab<T> {
        Slab { places: Vec::new(), free: Vec::new() }
    }

    pub fn insert(&mut self, tenant: T) -> Id<T> {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { generation: 0, tenant: None });
            u32::try_from(self.places.len() - 1).expect("memory ends before 2^32 things are under way at once")
        });
        let place = &mut self.places[index as usize];
        place.tenant = Some(tenant);
        Id { index, generation: place.generation, of: PhantomData }
    }

    pub fn get(&self, id: Id<T>) -> Option<&T> {
        let place = &self.places[id.index as usize];
        if place.generation == id.generation { place.tenant.as_ref() } else { None }
    }

    pub fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        let place = &mut self.places[id.index as usize];
        if place.generation == id.generation { place.tenant.as_mut() } else { None }
    }

    pub fn remove(&mut self, id: Id<T>) -> Option<T> {
        let place = &mut self.places[id.index as usize];
        if place.generation != id.generation {
            return None;
        }
        let tenant = place.tenant.take()?;
        // 2^32 tenants later an id would fit again; no event waits that long.
        place.generation = place.generation.wrapping_add(1);
        self.free.push(id.index);
        Some(tenant)
    }

    pub fn contains(&self, id: Id<T>) -> bool {
        self.get(id).is_some()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|place| place.tenant.as_ref())
    }
}

impl<T> Index<Id<T>> for Slab<T> {
    type Output = T;
    fn index(&self, id: Id<T>) -> &T {
        self.get(id).expect("whoever holds this id keeps its tenant")
    }
}

impl<T> IndexMut<Id<T>> for Slab<T> {
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        self.get_mut(id).expect("whoever holds this id keeps its tenant")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_finds_its_own_tenant_only() {
        let mut slab = Slab::new();
        let first = slab.insert('a');
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('b');
        assert_eq!((slab.get(first), slab.get(second)), (None, Some(&'b')));
        assert_eq!((slab.remove(first), slab.places.len()), (None, 1));
        assert_eq!(slab.iter().collect::<String>(), "b");
    }
}
