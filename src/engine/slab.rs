//! Places for what is under way, used again and again: no allocation once a run has seen its peak. An id names one tenant of
//! a place; when the tenant has left, its id finds nothing, so a late event cannot touch the next tenant.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

pub struct Id<T> {
    index: u32,
    /// Odd; not zero, so that an `Option<Id>` takes no more room.
    generation: NonZeroU32,
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
    /// The place that was left last, which knows the one left before: [`NONE`] where none is free.
    free: u32,
}

const NONE: u32 = u32::MAX;

#[derive(Debug)]
#[repr(align(64))]
struct Place<T> {
    /// Odd while a tenant is in, even while the place is free: one comparison tells whether an id's tenant is there.
    generation: u32,
    /// Where it is free: the next free one.
    free_next: u32,
    /// The last one stays where none is in.
    tenant: T,
}

impl<T: Copy> Slab<T> {
    pub fn new() -> Slab<T> {
        Slab { places: Vec::new(), free: NONE }
    }

    #[inline(always)]
    pub fn insert(&mut self, tenant: impl FnOnce() -> T) -> Id<T> {
        let index = self.free;
        let generation = if let Some(place) = self.places.get_mut(index as usize) {
            self.free = place.free_next;
            // 2^31 tenants later an id would fit again; no event waits that long.
            place.generation = place.generation.wrapping_add(1);
            place.tenant = tenant();
            place.generation
        } else {
            return self.insert_anew(tenant());
        };
        Id { index, generation: NonZeroU32::new(generation).expect("odd"), of: PhantomData }
    }

    #[cold]
    fn insert_anew(&mut self, tenant: T) -> Id<T> {
        let index = u32::try_from(self.places.len()).ok().filter(|index| *index != NONE);
        self.places.push(Place { generation: 1, free_next: NONE, tenant });
        let index = index.expect("memory ends before 2^32 things are under way at once");
        Id { index, generation: NonZeroU32::MIN, of: PhantomData }
    }

    #[inline(always)]
    pub fn get(&self, id: Id<T>) -> Option<&T> {
        let place = &self.places[id.index as usize];
        if place.generation == id.generation.get() { Some(&place.tenant) } else { None }
    }

    #[inline(always)]
    pub fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        let place = &mut self.places[id.index as usize];
        if place.generation == id.generation.get() { Some(&mut place.tenant) } else { None }
    }

    /// The tenant leaves; the copy of it is the caller's.
    #[inline(always)]
    pub fn remove(&mut self, id: Id<T>) -> Option<T> {
        let place = &mut self.places[id.index as usize];
        if place.generation != id.generation.get() {
            return None;
        }
        place.generation = place.generation.wrapping_add(1);
        place.free_next = self.free;
        self.free = id.index;
        Some(place.tenant)
    }

    #[inline(always)]
    pub fn contains(&self, id: Id<T>) -> bool {
        self.get(id).is_some()
    }

    /// Everything that is in, in the order of places.
    pub fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        self.places.iter().enumerate().filter(|(_, place)| place.generation % 2 == 1).map(|(index, place)| {
            let generation = NonZeroU32::new(place.generation).expect("odd");
            (Id { index: index as u32, generation, of: PhantomData }, &place.tenant)
        })
    }
}

/// For ids whose tenant is in: whoever holds them keeps it. That is checked where debug assertions are.
impl<T: Copy> Index<Id<T>> for Slab<T> {
    type Output = T;
    #[inline(always)]
    fn index(&self, id: Id<T>) -> &T {
        let place = &self.places[id.index as usize];
        debug_assert_eq!(place.generation, id.generation.get(), "whoever holds this id keeps its tenant");
        &place.tenant
    }
}

impl<T: Copy> IndexMut<Id<T>> for Slab<T> {
    #[inline(always)]
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        let place = &mut self.places[id.index as usize];
        debug_assert_eq!(place.generation, id.generation.get(), "whoever holds this id keeps its tenant");
        &mut place.tenant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_finds_its_own_tenant_only() {
        let mut slab = Slab::new();
        let first = slab.insert(|| 'a');
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert(|| 'b');
        assert_eq!((slab.get(first), slab.get(second)), (None, Some(&'b')));
        assert_eq!((slab.remove(first), slab.places.len()), (None, 1));
        assert_eq!(slab.iter().map(|(_, tenant)| *tenant).collect::<String>(), "b");
    }
}
