//! Text becomes a checked scenario, or every mistake in it is named with its line.

mod model;

pub use model::*;
