//! One mapping simulated: system, servers, agents, alerts.

use std::fmt::Write;

use serde::Serialize;

use crate::judge::{Alert, AlertKind, Judged, ShortRun, Summary};
use crate::scenario::{Kpi, Process, Scenario};
use crate::study::{Case, KpiRange, Propagated};
use crate::units::SimTime;

use super::format::{count, estimate, indented, mark, plain_table, quantity, replay_line, scaled, target};

/// A scenario under one mapping, in one or several what-ifs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Simulated {
    pub scenario: String,
    pub mapping: String,
    pub seed: u64,
    pub replications: u32,
    pub assumed_figures: usize,
    pub cases: Vec<Case>,
    /// What the scenario's own intervals make of the KPIs, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagated: Option<Propagated>,
}

pub fn simulation_text(scenario: &Scenario, simulated: &Simulated) -> String {
    let mut text = format!(
        "{} under {}: {} of {} (the first {} not counted), seed {}; ± is a 95 % interval; {} assumed\n",
        simulated.scenario,
        simulated.mapping,
        count(simulated.replications as usize, "replication"),
        scenario.run.horizon,
        scenario.run.warmup.unwrap_or_default().rounded(),
        simulated.seed,
        count(simulated.assumed_figures, "figure"),
    );
    text += &replay_line(scenario);
    for case in &simulated.cases {
        text += &case_text(scenario, case);
    }
    if let Some(propagated) = &simulated.propagated {
        text += &propagated_text("", propagated, &simulated.cases);
    }
    text
}

/// A table a case: each simulated KPI with its interval of luck alone, and of what the scenario is unsure of as well.
pub(super) fn propagated_text(mapping: &str, propagated: &Propagated, cases: &[Case]) -> String {
    let title = if mapping.is_empty() { "With".to_owned() } else { format!("{mapping}, with") };
    let mut text = format!(
        "\n{title} input uncertainty: {} drawn within their intervals, {} draws of {}\n",
        count(propagated.figures, "figure"),
        propagated.draws,
        count(propagated.replications as usize, "replication")
    );
    for (case, ranges) in cases.iter().zip(&propagated.cases) {
        let row = |range: &KpiRange| {
            vec![
                range.kpi.title().to_owned(),
                estimate(range.kpi, case.summary.kpi(range.kpi)),
                format!("{} to {}", quantity(range.kpi, range.low), quantity(range.kpi, range.high)),
                format!("{:.0} %", 100.0 * range.of_inputs),
            ]
        };
        let rows: Vec<Vec<String>> = ranges.iter().filter(|range| !range.kpi.is_planned()).map(row).collect();
        let header = [case.what_if.as_deref().unwrap_or("base"), "simulated", "with input uncertainty", "inputs' share"];
        text += &indented(&plain_table(&header, &rows, &[3]));
    }
    text
}

fn case_text(scenario: &Scenario, case: &Case) -> String {
    let summary = &case.summary;
    let mut text = format!(
        "\n{}: {} calls in all replications\n",
        case.what_if.as_deref().map_or("base".to_owned(), |w| format!("what-if {w}")),
        summary.calls
    );
    let system: Vec<Vec<String>> = summary
        .kpis
        .iter()
        // What has a target and cannot be measured misses it: that has to be seen.
        .filter(|kpi| kpi.estimate.is_some() || case.judged.results.iter().any(|result| result.kpi == kpi.kpi))
        .map(|kpi| {
            let result = case.judged.results.iter().find(|r| r.kpi == kpi.kpi);
            let worst = kpi.worst_agent.as_ref().map(|(agent, value)| format!("{agent} {}", super::format::quantity(kpi.kpi, *value)));
            vec![
                kpi.kpi.title().to_owned(),
                estimate(kpi.kpi, kpi.estimate),
                scenario.target(kpi.kpi).map_or_else(String::new, target),
                result.map_or("", |r| if r.met { "✓ met" } else { "✗ missed" }).to_owned(),
                worst.unwrap_or_default(),
            ]
        })
        .collect();
    text += &indented(&plain_table(&["system", "", "target", "", "worst agent"], &system, &[]));
    let per_session = |name: &str| scenario.servers.iter().any(|s| s.name == name && s.process == Process::Session);
    let servers: Vec<Vec<String>> = summary
        .servers
        .iter()
        .filter(|s| s.calls.is_some_and(|calls| calls.mean > 0.0) || s.connected.is_some())
        .map(|s| {
            vec![
                s.server.clone(),
                scaled(s.calls, 1.0, 0),
                scaled(s.utilisation, 100.0, 1),
                scaled(s.wait_mean, 1e3, 0),
                scaled(s.response_mean, 1e3, 0),
                scaled(s.error_rate, 100.0, 1),
                // A shared process is connected once and then only after outages: its share would say nothing.
                if per_session(&s.server) { scaled(s.connected, 100.0, 1) } else { String::new() },
                scaled(s.up, 100.0, 1),
                s.at_risk.filter(|risk| risk.mean > 0.0).map_or_else(String::new, |risk| scaled(Some(risk), 100.0, 1)),
                state(summary, &s.server).to_owned(),
            ]
        })
        .collect();
    let header =
        ["server", "accepted/h", "busy %", "waits ms", "response ms", "attempts failed %", "sessions got %", "up %", "at risk %", ""];
    let _ = write!(text, "\n{}", indented(&plain_table(&header, &servers, &[])));
    let agents: Vec<Vec<String>> = summary
        .agents
        .iter()
        .filter(|a| a.availability.is_some())
        .map(|a| {
            vec![
                a.agent.clone(),
                scaled(a.calls, 1.0, 0),
                scaled(a.availability, 100.0, 1),
                scaled(a.response_mean, 1e3, 0),
                scaled(a.error_rate, 100.0, 1),
                scaled(a.quality, 1.0, 2),
            ]
        })
        .collect();
    let header = ["agent", "calls/h", "available %", "response ms", "failed %", "quality"];
    let _ = write!(text, "\n{}", indented(&plain_table(&header, &agents, &[])));
    let alerts = alert_lines(&case.alerts);
    if !alerts.is_empty() {
        let _ = write!(text, "\n  alerts\n{}", indented(&indented(&alerts)));
    }
    for note in notes(summary, &case.judged) {
        let _ = writeln!(text, "\n  {note}");
    }
    text
}

fn state(summary: &Summary, server: &String) -> &'static str {
    match () {
        () if summary.unstable.contains(server) => "unstable",
        () if summary.overloaded.contains(server) => "overloaded",
        () => "",
    }
}

/// What the figures above do not say of themselves.
fn notes(summary: &Summary, judged: &Judged) -> Vec<String> {
    let unstable = summary.unstable.iter().map(|server| {
        format!("{server} is unstable: it is offered more than it can serve; its means depend on the run's length {}", mark(false))
    });
    let missing = judged.results.iter().filter(|result| result.estimate.is_none());
    let missing = missing.map(|result| {
        format!("{} cannot be measured, as no call succeeded or was made: its target is missed {}", result.kpi.title(), mark(false))
    });
    let memory = summary.kpi(Kpi::Memory).filter(|peak| peak.mean > 1.0);
    let memory =
        memory.map(|_| "the shared processes alone need more memory than the host has: they are taken to run nevertheless".to_owned());
    unstable.chain(load_notes(summary)).chain(missing).chain(memory).chain(few_calls(summary)).collect()
}

/// Of servers that get more than they can serve, or nearly as much.
pub(super) fn load_notes(summary: &Summary) -> impl Iterator<Item = String> {
    let overloaded = summary.overloaded.iter().map(|server| overloaded_note(server, ""));
    overloaded.chain(summary.short_runs.iter().map(|short| short_run_note(short, "")))
}

/// `under`: the mapping, as ` under greedy`.
pub(super) fn overloaded_note(server: &str, under: &str) -> String {
    format!("{server} is overloaded{under}: it is offered more than it can serve; what is too much is turned away, or its clients give up")
}

pub(super) fn short_run_note(short: &ShortRun, under: &str) -> String {
    format!(
        "{} is offered {:.0} % of what it can serve{under}: its queue changes so slowly that the means may lie outside their intervals; \
         a `horizon` of about {} would do",
        short.server,
        100.0 * short.offered,
        SimTime::from_secs(short.needed).rounded()
    )
}

/// Ten calls beyond a quantile are the fewest that place it: with fewer, the quantiles of replications lie too low on average.
fn few_calls(summary: &Summary) -> Option<String> {
    const BEYOND: f64 = 10.0;
    let calls = summary.calls as f64 / summary.replications.max(1) as f64;
    let is_few = |(kpi, q): &(Kpi, f64)| summary.kpi(*kpi).is_some() && calls < BEYOND / (1.0 - q);
    let (kpi, q) = [(Kpi::ResponseP99, 0.99), (Kpi::ResponseP95, 0.95)].into_iter().find(is_few)?;
    let needed = BEYOND / (1.0 - q);
    Some(format!(
        "{} of {calls:.0} calls a replication lies too low on average: lengthen `horizon` until there are {needed:.0}",
        kpi.title()
    ))
}

/// A line an alert; empty where there is none.
pub(super) fn alert_lines(alerts: &[Alert]) -> String {
    let line = |alert: &Alert| {
        let name = alert.server.as_deref().unwrap_or("host");
        let (what, worst, threshold) = match alert.kind {
            AlertKind::Response => ("mean response", format!("{:.1} s", alert.worst), format!("{} s", alert.threshold)),
            AlertKind::ErrorRate => ("failed attempts", format!("{:.1} %", 100.0 * alert.worst), format!("{} %", 100.0 * alert.threshold)),
            AlertKind::ConnectFailures => ("connection failures in a row", format!("{}", alert.worst), format!("{}", alert.threshold)),
            AlertKind::Memory => ("memory", format!("{:.0} %", 100.0 * alert.worst), format!("{} %", 100.0 * alert.threshold)),
        };
        vec![
            name.to_owned(),
            format!("{what} > {threshold}"),
            format!("in {:.0} % of the runs", 100.0 * alert.share),
            format!("worst {worst}"),
        ]
    };
    if alerts.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = alerts.iter().map(line).collect();
    // Without a header of its own: the caller's line stands above.
    let table = plain_table(&["", "", "", ""], &rows, &[]);
    table.lines().skip(1).map(|line| format!("{}\n", line.trim_end())).collect()
}
