//! One replication of the simulation: deterministic, and it cannot fail.

mod outcome;

pub use outcome::*;

/// Which replication of which seed. The same run meets the same luck under every mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub seed: u64,
    pub replication: u32,
}
