//! Alerts: what the scenario's thresholds would have raised.

use serde::Serialize;

use crate::scenario::Scenario;

use super::kpi::Replication;

/// A threshold that was passed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    pub kind: AlertKind,
    /// None: the host.
    pub server: Option<String>,
    /// Share of the replications in which it was raised.
    pub share: f64,
    /// The worst value seen, and the threshold, both in the kind's unit.
    pub worst: f64,
    pub threshold: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A server's mean response \[s\].
    Response,
    /// Share of a server's attempts that failed.
    ErrorRate,
    /// Connection failures in a row.
    ConnectFailures,
    /// Share of the host's memory.
    Memory,
}

/// A server's rate says nothing before this many attempts (the usual minimum of monitoring rules).
const ATTEMPTS_MIN: u64 = 10;

/// All alerts that at least one replication raises, in order of servers, the host last.
pub fn alerts(scenario: &Scenario, replications: &[Replication]) -> Vec<Alert> {
    let rules = &scenario.alerts;
    let mut alerts = Vec::new();
    let mut check = |kind: AlertKind, server: Option<&str>, threshold: Option<f64>, value: &dyn Fn(&Replication) -> Option<f64>| {
        let Some(threshold) = threshold else { return };
        let raised: Vec<f64> = replications.iter().filter_map(value).filter(|v| *v > threshold).collect();
        if !raised.is_empty() {
            let share = raised.len() as f64 / replications.len() as f64;
            let worst = raised.iter().copied().fold(threshold, f64::max);
            alerts.push(Alert { kind, server: server.map(str::to_owned), share, worst, threshold });
        }
    };
    for (i, server) in scenario.servers.iter().enumerate() {
        let name = Some(server.name.as_str());
        check(AlertKind::Response, name, rules.response.as_ref().map(|f| f.value.as_secs()), &|r| {
            let tally = &r.servers[i];
            (tally.succeeded >= ATTEMPTS_MIN).then(|| tally.response_sum.as_secs() / tally.succeeded as f64)
        });
        check(AlertKind::ErrorRate, name, rules.error_rate.as_ref().map(|f| f.value.get()), &|r| {
            let tally = &r.servers[i];
            (tally.attempts >= ATTEMPTS_MIN).then(|| (tally.attempts - tally.succeeded) as f64 / tally.attempts as f64)
        });
        check(AlertKind::ConnectFailures, name, rules.connect_failures.as_ref().map(|f| f64::from(f.value)), &|r| {
            Some(f64::from(r.servers[i].connect_failures_row))
        });
    }
    if let Some(memory) = &scenario.host.memory {
        check(AlertKind::Memory, None, rules.memory.as_ref().map(|f| f.value.get()), &|r| {
            Some(r.memory_peak.0 as f64 / memory.value.0 as f64)
        });
    }
    alerts
}
