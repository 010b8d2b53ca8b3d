//! KPIs with their intervals, alerts, paired comparisons, the verdict.

mod alert;
mod kpi;
mod selection;
mod stability;
mod statistics;
#[cfg(test)]
mod tests;
mod verdict;

pub use alert::{Alert, AlertKind, alerts};
pub use kpi::{AgentSummary, Allowed, KpiSummary, Kpis, Replication, ServerSummary, Summary, loss, summarize};
pub use selection::{Demand, Samples, Selection, probability_within, select};
pub use stability::{ShortRun, Stability};
pub use statistics::{Estimate, Paired, estimate, holm, mser5, paired};
pub use verdict::{Judged, KpiResult, Verdict, judge};
