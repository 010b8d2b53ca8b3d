//! Who is compared, a file each. Every contender simulates a queue from empty until so many customers were served.

mod binary_heap;
mod mcplab;
mod nexosim;
mod packed_heap;
mod recursion;
mod simcore;

use crate::queue::{Queue, Served};

/// A simulation that is set up and only has to run: this is what is timed. Where it cannot, it panics: its process is its own.
pub type Prepared = Box<dyn FnOnce() -> Served>;

#[derive(Debug, Clone, Copy)]
pub struct Contender {
    pub name: &'static str,
    pub kind: Kind,
    /// Of so many customers it serves one: who is slow serves fewer.
    pub share: u64,
}

#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Linked into this program.
    Linked {
        prepare: fn(Queue, u64) -> Prepared,
        /// It draws from `Luck`, and so has to agree with all others that do.
        shares_luck: bool,
    },
    /// In `peers.py`, under this name.
    Python { name: &'static str },
}

pub const CONTENDERS: [Contender; 8] = [
    Contender { name: "mcplab", kind: Kind::Linked { prepare: mcplab::prepare, shares_luck: false }, share: 1 },
    linked("no events: Lindley's recursion", recursion::prepare),
    linked("bare loop, 4-ary heap of keys", packed_heap::prepare),
    linked("bare loop, std BinaryHeap", binary_heap::prepare),
    linked("SimCore 0.1.0", simcore::prepare),
    linked("NeXosim 1.0.0", nexosim::prepare),
    Contender { name: "SimPy 4.1.2", kind: Kind::Python { name: "simpy" }, share: 10 },
    Contender { name: "Ciw 3.2.7", kind: Kind::Python { name: "ciw" }, share: 10 },
];

const fn linked(name: &'static str, prepare: fn(Queue, u64) -> Prepared) -> Contender {
    Contender { name, kind: Kind::Linked { prepare, shares_luck: true }, share: 1 }
}

impl Contender {
    pub fn named(name: &str) -> Option<Contender> {
        CONTENDERS.into_iter().find(|contender| contender.name == name)
    }
}
