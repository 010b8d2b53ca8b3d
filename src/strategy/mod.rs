//! Ways to decide a mapping before the run, one file each.

use crate::mapping::Mapping;

/// What a strategy decides, and what it can prove of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub mapping: Mapping,
    /// Sentences for the report: objective and proven bound, limits reached, what was rounded.
    pub notes: Vec<String>,
    /// False where a clock, not a budget, ended the search.
    pub reproducible: bool,
}
