//! A sweep: a table of its points, where targets break, the same as Parquet and as a picture.

mod breaks;
mod columns;
mod figure;

use std::fmt::Write;

use serde::Serialize;

use crate::scenario::{Kpi, Scenario};
use crate::study::sweep::{KpiReading, Sweep};

use super::format::{bound, count, estimate, indented, mark, plain_table, replay_line};
use super::plot::{self, PlotError};
use super::tables::{TablesError, parquet};

use breaks::breaks_table;

pub(super) use breaks::breaks_text;

/// A scenario under one mapping, swept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepReport {
    pub scenario: String,
    pub mapping: String,
    /// Flags that change the scenario at every point.
    pub changes: Vec<String>,
    pub seed: u64,
    pub replications: u32,
    pub assumed_figures: usize,
    pub sweep: Sweep,
}

/// In the run's folder.
pub const SWEEP_PLOT: &str = "sweep.svg";

pub fn sweep_text(scenario: &Scenario, report: &SweepReport) -> String {
    let sweep = &report.sweep;
    let paths: Vec<&str> = sweep.parameters.iter().map(|p| p.path.as_str()).collect();
    let extra = sweep.points.iter().filter(|point| !point.on_grid).count();
    let mut text = format!(
        "{} under {}: {} varied, {}{}, each with {} of {} (the first {} not counted), seed {}; {} assumed\n\
         Every point meets the same tasks, luck and outages; ± is a 95 % interval.\n",
        report.scenario,
        report.mapping,
        paths.join(" and "),
        count(sweep.points.len() - extra, "point"),
        if extra > 0 { format!(" and {extra} between them") } else { String::new() },
        count(report.replications as usize, "replication"),
        scenario.run.horizon,
        scenario.run.warmup.unwrap_or_default().rounded(),
        report.seed,
        count(report.assumed_figures, "figure"),
    );
    if !report.changes.is_empty() {
        let _ = writeln!(text, "changed throughout: {}", report.changes.join(" "));
    }
    text += &replay_line(scenario);
    let shown = shown_kpis(sweep);
    let titles: Vec<String> = shown.iter().map(|kpi| headline(sweep, *kpi)).collect();
    let header: Vec<&str> = paths.iter().copied().chain(titles.iter().map(String::as_str)).chain(["unstable"]).collect();
    let rows: Vec<Vec<String>> = sweep
        .points
        .iter()
        .filter(|point| point.on_grid)
        .map(|point| {
            let settings = point.settings.iter().map(|setting| setting.text.clone());
            settings.chain(shown.iter().map(|kpi| cell(point.reading.kpi(*kpi)))).chain([point.reading.unstable.join(", ")]).collect()
        })
        .collect();
    let _ = write!(text, "\n{}", indented(&plain_table(&header, &rows, &[])));
    let breaks = match &sweep.parameters[..] {
        _ if sweep.breaks.is_empty() => why_none(sweep),
        [parameter] => breaks_text(parameter, sweep),
        _ => breaks_table(sweep),
    };
    let _ = write!(text, "\nWhere it breaks\n{}", indented(&breaks));
    text
}

fn why_none(sweep: &Sweep) -> String {
    let first = &sweep.parameters[0];
    let why = match (first.is_bisected(), first.is_numeric()) {
        (true, _) => "the scenario has no KPI with a target, and no server becomes unstable".to_owned(),
        (false, true) => format!("{} has one value, and what breaks is looked for between two", first.path),
        (false, false) => format!("the values of {} are no numbers of one unit, so that there is nothing between them", first.path),
    };
    let other = sweep.parameters.get(1).filter(|second| !first.is_bisected() && second.is_bisected());
    let mend = other.map_or_else(String::new, |second| format!("; give --vary {}=.. first", second.path));
    format!("not looked for: {why}{mend}\n")
}

/// `mean response <= 2 s`.
fn headline(sweep: &Sweep, kpi: Kpi) -> String {
    let sign = if kpi.higher_is_better() { ">=" } else { "<=" };
    // A target that is varied itself stands in no header.
    let target = common_target(sweep, kpi).map_or_else(String::new, |target| format!(" {sign} {}", bound(kpi, target)));
    format!("{}{target}", kpi.title())
}

fn cell(of: &KpiReading) -> String {
    format!("{} {}", estimate(of.kpi, of.estimate), of.met.map_or("", mark)).trim_end().to_owned()
}

/// Those with a target; without any, the most telling.
fn shown_kpis(sweep: &Sweep) -> Vec<Kpi> {
    let has_target = |kpi: &Kpi| sweep.points.iter().any(|point| point.reading.kpi(*kpi).target.is_some());
    let targets: Vec<Kpi> = Kpi::ALL.into_iter().filter(has_target).collect();
    if targets.is_empty() { vec![Kpi::Availability, Kpi::ResponseMean, Kpi::ResponseP95, Kpi::ErrorRate] } else { targets }
}

/// The target of a KPI, where all points have the same.
fn common_target(sweep: &Sweep, kpi: Kpi) -> Option<f64> {
    let first = sweep.points[0].reading.kpi(kpi).target?;
    sweep.points.iter().all(|point| point.reading.kpi(kpi).target == Some(first)).then_some(first)
}

/// `kpis.parquet`, one row a point and KPI; `servers.parquet`, one a point and server; `breaks.parquet`, one a place that was
/// looked for; the picture.
pub fn sweep_files(report: &SweepReport) -> Result<Vec<(String, Vec<u8>)>, SweepFilesError> {
    let sweep = &report.sweep;
    Ok(vec![
        parquet("kpis", columns::kpi_columns(sweep))?,
        parquet("servers", columns::server_columns(sweep))?,
        parquet("breaks", columns::break_columns(sweep))?,
        (SWEEP_PLOT.to_owned(), plot::svg(&figure::figure(report))?.into_bytes()),
    ])
}

#[derive(Debug, thiserror::Error)]
pub enum SweepFilesError {
    #[error(transparent)]
    Table(#[from] TablesError),
    #[error(transparent)]
    Plot(#[from] PlotError),
}
