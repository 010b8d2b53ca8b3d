//! Measured durations become a distribution: maximum-likelihood fits that know time-outs for what they are (samples that are censored),
//! the choice among them, and how far to believe it. `docs/fitting.md` has the formulas and their sources.

mod arrivals;
mod choice;
mod concurrency;
mod empirical;
mod exponential;
mod failures;
mod gamma;
mod goodness;
mod information;
mod law;
mod levels;
mod lognormal;
mod lomax;
mod mixture;
mod optimise;
mod outages;
mod proportion;
mod sample;
mod shifted;
mod tasks;
#[cfg(test)]
mod tests;
mod weibull;

pub use arrivals::{ArrivalProcess, ArrivalsError, PartOfDay, Profile, Statistic, Watched, arrivals};
pub use choice::{Estimated, Family, Fit, fits};
pub use concurrency::{Concurrency, ConcurrencyError, FEWEST_LEVELS, Level, concurrency};
pub use empirical::empirical;
pub use failures::{Call, Failures, FailuresError, failures};
pub use goodness::{Goodness, goodness};
pub use law::{Law, Unit};
pub use levels::levels;
pub use outages::Outage;
pub use proportion::{Proportion, proportion};
pub use sample::{FEWEST, Sample, SampleError};
pub use tasks::{AgentCall, TaskStructure, TasksError, idle_cut, tasks};
