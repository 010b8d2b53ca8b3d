//! A question answered: which mapping is best here, and on what evidence.

mod across;
pub mod benchmark;
mod calibrated;
mod call_log;
mod cheapest;
mod compare;
mod demand;
mod drill;
mod evaluate;
mod explain;
mod fitted;
mod front;
mod neighbours;
mod optimize;
mod outlook;
mod passed;
mod propagate;
mod remedy;
mod search;
pub mod sweep;
mod what_if;

pub use across::{Across, AcrossReport, AcrossRow};
pub use calibrated::{Calibrated, CalibratedError, MOST_CALLS, Place, Reading, Renamed, Unknown, calibrated};
pub use call_log::call_log;
pub use cheapest::Cheapest;
pub use compare::{BalanceFacts, Comparison, GivenScore, TradeOff, Unsure, compare};
pub use drill::{
    Change, Course, Down, DrillError, Drilled, Drills, Held, Hit, Measure, Measured, Seen, Series, Tally, Timing, Unit, Worth, downs, drill,
};
pub use evaluate::{Candidate, Case, Difference, Row, candidates, case, evaluate};
pub use explain::Explained;
pub use fitted::{Fitted, Tested, fitted};
pub use front::FrontPoint;
pub use optimize::{Extras, Recommendation, optimize};
pub use outlook::Outlook;
pub use passed::Passed;
pub use propagate::{KpiRange, PropagateError, Propagated, propagate, propagated_replications};
pub use remedy::Remedy;
pub use search::{INDIFFERENCE, RunnerUp, SearchReport};
pub use what_if::{Effect, KpiEffect, ServerEffect, effect};
