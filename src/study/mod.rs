//! A question answered: which mapping is best here, and on what evidence.

pub mod benchmark;
mod compare;
mod demand;
mod drill;
mod evaluate;
mod optimize;
mod remedy;

pub use compare::{BalanceFacts, Comparison, GivenScore, TradeOff, compare};
pub use drill::{
    Change, Course, Down, DrillError, Drilled, Drills, Held, Hit, Measure, Measured, Seen, Series, Tally, Timing, Unit, Worth, downs, drill,
};
pub use evaluate::{Candidate, Case, Difference, Row, candidates, case, evaluate};
pub use optimize::{Explained, Passed, Recommendation, optimize};
pub use remedy::Remedy;
