//! What is measured of a mapping, and the targets that a scenario sets.

use serde::Serialize;

use super::model::Figure;

/// What is measured of a mapping. Simulated ones have intervals; planned ones are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kpi {
    /// Share of calls of which at least one attempt reached a server or a stand-in.
    Availability,
    /// Mean response time of the calls that succeed \[s\].
    ResponseMean,
    ResponseP95,
    ResponseP99,
    /// Share of calls that end in failure.
    ErrorRate,
    /// Mean quality of what answered.
    Quality,
    /// Share of the answered calls whose quality is below 1.
    Degraded,
    /// Share of the answered calls whose work may be lost: their server had more under way than is safe.
    AtRisk,
    /// Largest share of the host's memory in use.
    Memory,
    /// 100 (1 - sd/mean) of the servers' planned loads.
    BalancePlannedAll,
    BalancePlannedSharing,
    /// The same of busy time per slot.
    BalanceSimulatedAll,
    BalanceSimulatedSharing,
}

impl Kpi {
    pub const ALL: [Kpi; 13] = [
        Kpi::Availability,
        Kpi::ResponseMean,
        Kpi::ResponseP95,
        Kpi::ResponseP99,
        Kpi::ErrorRate,
        Kpi::Quality,
        Kpi::Degraded,
        Kpi::AtRisk,
        Kpi::Memory,
        Kpi::BalancePlannedAll,
        Kpi::BalancePlannedSharing,
        Kpi::BalanceSimulatedAll,
        Kpi::BalanceSimulatedSharing,
    ];

    pub fn index(self) -> usize {
        self as usize
    }

    /// As in scenario files.
    pub fn key(self) -> &'static str {
        match self {
            Kpi::Availability => "availability",
            Kpi::ResponseMean => "response_mean",
            Kpi::ResponseP95 => "response_p95",
            Kpi::ResponseP99 => "response_p99",
            Kpi::ErrorRate => "error_rate",
            Kpi::Quality => "quality",
            Kpi::Degraded => "degraded",
            Kpi::AtRisk => "at_risk",
            Kpi::Memory => "memory",
            Kpi::BalancePlannedAll => "balance_planned_all",
            Kpi::BalancePlannedSharing => "balance_planned_sharing",
            Kpi::BalanceSimulatedAll => "balance_simulated_all",
            Kpi::BalanceSimulatedSharing => "balance_simulated_sharing",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Kpi::Availability => "availability",
            Kpi::ResponseMean => "mean response",
            Kpi::ResponseP95 => "response p95",
            Kpi::ResponseP99 => "response p99",
            Kpi::ErrorRate => "error rate",
            Kpi::Quality => "quality",
            Kpi::Degraded => "degraded calls",
            Kpi::AtRisk => "work at risk",
            Kpi::Memory => "host memory peak",
            Kpi::BalancePlannedAll => "planned balance (all)",
            Kpi::BalancePlannedSharing => "planned balance (sharing)",
            Kpi::BalanceSimulatedAll => "simulated balance (all)",
            Kpi::BalanceSimulatedSharing => "simulated balance (sharing)",
        }
    }

    pub fn unit(self) -> KpiUnit {
        match self {
            Kpi::Availability | Kpi::ErrorRate | Kpi::Quality | Kpi::Degraded | Kpi::AtRisk | Kpi::Memory => KpiUnit::Share,
            Kpi::ResponseMean | Kpi::ResponseP95 | Kpi::ResponseP99 => KpiUnit::Time,
            Kpi::BalancePlannedAll | Kpi::BalancePlannedSharing | Kpi::BalanceSimulatedAll | Kpi::BalanceSimulatedSharing => KpiUnit::Score,
        }
    }

    /// Known without a simulation, exactly.
    pub fn is_planned(self) -> bool {
        matches!(self, Kpi::BalancePlannedAll | Kpi::BalancePlannedSharing)
    }

    pub fn higher_is_better(self) -> bool {
        match self {
            Kpi::Availability
            | Kpi::Quality
            | Kpi::BalancePlannedAll
            | Kpi::BalancePlannedSharing
            | Kpi::BalanceSimulatedAll
            | Kpi::BalanceSimulatedSharing => true,
            Kpi::ResponseMean | Kpi::ResponseP95 | Kpi::ResponseP99 | Kpi::ErrorRate | Kpi::Degraded | Kpi::AtRisk | Kpi::Memory => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KpiUnit {
    /// 0 to 1, shown in percent.
    Share,
    /// Seconds.
    Time,
    /// 0 to 100.
    Score,
}

/// Met on the right side of the bound: at least it for KPIs where higher is better, at most it for the others.
#[derive(Debug, Clone, PartialEq)]
pub struct KpiTarget {
    pub kpi: Kpi,
    /// Share (0-1), seconds, or score (0-100), as the KPI's unit says.
    pub bound: Figure<f64>,
}

impl KpiTarget {
    pub fn is_met_by(&self, value: f64) -> bool {
        if self.kpi.higher_is_better() { value >= self.bound.value } else { value <= self.bound.value }
    }
}
