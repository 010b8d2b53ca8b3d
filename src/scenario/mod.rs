//! Text becomes a checked scenario, or every mistake in it is named with its line.

mod assumptions;
pub mod change;
pub(crate) mod defaults;
pub mod diagnostic;
pub(crate) mod document;
#[cfg(feature = "simulator")]
pub mod edit;
mod kpi;
mod model;
mod priorities;
pub(crate) mod problems;
pub(crate) mod read;
pub(crate) mod spelling;
#[cfg(test)]
mod tests;
mod words;
mod write;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use kpi::{Kpi, KpiTarget, KpiUnit};
pub use model::*;
pub use priorities::Term;
pub use read::{Parsed, parse};
pub use write::{spelled_count, spelled_distribution, spelled_number, spelled_rate, spelled_share, write};
