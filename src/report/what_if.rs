//! What a what-if changes: every KPI beside its base, the difference with its interval, targets, stability, servers.

use std::fmt::Write;

use serde::Serialize;

use crate::judge::{Estimate, Paired};
use crate::scenario::{Kpi, KpiUnit, Scenario};
use crate::study::{Case, Effect, KpiEffect};

use super::format::{bound, count, estimate, indented, mark, plain_table, quantity, replay_line, scaled};

/// A scenario beside its what-ifs, under the same mapping.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhatIfReport {
    pub scenario: String,
    pub mapping: String,
    pub seed: u64,
    pub replications: u32,
    pub assumed_figures: usize,
    pub effects: Vec<Effect>,
    /// The base first.
    pub cases: Vec<Case>,
}

/// Servers that are shown; all are in the JSON.
const SERVERS_SHOWN: usize = 5;

pub fn what_if_text(scenario: &Scenario, report: &WhatIfReport) -> String {
    let mut text = format!(
        "{} under {}: {} of {} (the first {} not counted), seed {}; {} assumed\n\
         Base and what-if meet the same tasks, luck and outages: differences are paired, ± is a 95 % interval, and significant is what\n\
         has p < 5 % after Holm's correction for the number of KPIs.\n",
        report.scenario,
        report.mapping,
        count(report.replications as usize, "replication"),
        scenario.run.horizon,
        scenario.run.warmup.unwrap_or_default().rounded(),
        report.seed,
        count(report.assumed_figures, "figure"),
    );
    text += &replay_line(scenario);
    report.effects.iter().for_each(|effect| text += &effect_text(effect));
    text
}

fn effect_text(effect: &Effect) -> String {
    let mut text = format!("\nwhat-if {}: {}\n", effect.what_if, effect.changes);
    let rows: Vec<Vec<String>> = effect.kpis.iter().map(kpi_row).collect();
    text += &indented(&plain_table(&["KPI", "base", "what-if", "difference", "significant", "target", "base", "what-if"], &rows, &[]));
    let (lost, won) = (changed_targets(effect, true), changed_targets(effect, false));
    if !lost.is_empty() {
        let _ = writeln!(text, "\n  no longer met: {} {}", lost.join(", "), mark(false));
    }
    if !won.is_empty() {
        let _ = writeln!(text, "\n  met now: {} {}", won.join(", "), mark(true));
    }
    for server in &effect.unstable {
        let _ = writeln!(
            text,
            "\n  {server} becomes unstable: it is offered more than it can serve; means depend on the run's length {}",
            mark(false)
        );
    }
    for server in &effect.stabilised {
        let _ = writeln!(text, "\n  {server} is no longer unstable {}", mark(true));
    }
    for server in &effect.idle {
        let _ = writeln!(
            text,
            "\n  {server} is called by nobody under this mapping: --set agents.AGENT.needs.CAPABILITY={server} moves a need to it, \
             and policy.fallbacks may name it"
        );
    }
    let rows: Vec<Vec<String>> = effect
        .servers
        .iter()
        .take(SERVERS_SHOWN)
        .map(|s| {
            vec![s.server.clone(), scaled(s.base, 100.0, 1), scaled(s.what_if, 100.0, 1), s.difference.map_or_else(String::new, points)]
        })
        .collect();
    if !rows.is_empty() {
        let _ = write!(text, "\n{}", indented(&plain_table(&["server, busy %", "base", "what-if", "difference"], &rows, &[])));
        if effect.servers.len() > SERVERS_SHOWN {
            let _ = writeln!(text, "  and {} that change less", effect.servers.len() - SERVERS_SHOWN);
        }
    }
    text
}

fn kpi_row(effect: &KpiEffect) -> Vec<String> {
    let met = |met: Option<bool>| met.map_or("", |met| if met { "✓ met" } else { "✗ missed" }).to_owned();
    let sign = if effect.kpi.higher_is_better() { ">=" } else { "<=" };
    vec![
        effect.kpi.title().to_owned(),
        estimate(effect.kpi, effect.base),
        estimate(effect.kpi, effect.what_if),
        effect.difference.map_or_else(|| "-".to_owned(), |d| difference(effect.kpi, d)),
        match effect.difference {
            None => "",
            Some(_) if effect.significant => "yes",
            Some(_) => "no",
        }
        .to_owned(),
        effect.target.map_or_else(String::new, |target| format!("{sign} {}", bound(effect.kpi, target))),
        met(effect.met_in_base),
        met(effect.met),
    ]
}

/// KPIs whose target is met in the base and not in the what-if, or the other way round.
fn changed_targets(effect: &Effect, met_in_base: bool) -> Vec<&'static str> {
    effect
        .kpis
        .iter()
        .filter(|kpi| kpi.met_in_base == Some(met_in_base) && kpi.met == Some(!met_in_base))
        .map(|kpi| kpi.kpi.title())
        .collect()
}

/// `+1.2 % ± 0.3`: a difference of shares is in percentage points.
fn difference(kpi: Kpi, paired: Paired) -> String {
    let sign = if paired.difference >= 0.0 { "+" } else { "" };
    if kpi.is_planned() {
        return format!("{sign}{}", quantity(kpi, paired.difference));
    }
    let of = Estimate { mean: paired.difference, half_width: paired.half_width, error: 0.0, n: 0 };
    let text = estimate(kpi, Some(of));
    format!("{sign}{}", if kpi.unit() == KpiUnit::Share { text.replacen('%', "pp", 1) } else { text })
}

fn points(paired: Paired) -> String {
    let of = Estimate { mean: paired.difference, half_width: paired.half_width, error: 0.0, n: 0 };
    format!("{}{} pp", if paired.difference >= 0.0 { "+" } else { "" }, scaled(Some(of), 100.0, 1))
}
