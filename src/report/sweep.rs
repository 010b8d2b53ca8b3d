//! A sweep: a table of its points, where targets break, the same as Parquet and as a picture.

use std::fmt::Write;

use polars::prelude::Column;
use serde::Serialize;

use crate::scenario::{Kpi, KpiUnit, Scenario};
use crate::study::sweep::{Break, Crossing, HALVINGS, KpiReading, Outcome, Parameter, Point, Setting, Subject, Sweep};

use super::format::{bound, count, estimate, indented, mark, plain_table, replay_line};
use super::plot::{self, Axis, Figure, Mark, Panel, PlotError, Series};
use super::tables::{TablesError, parquet};

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
    let titles: Vec<String> = shown
        .iter()
        .map(|kpi| {
            let sign = if kpi.higher_is_better() { ">=" } else { "<=" };
            // A target that is varied itself stands in no header.
            let target = common_target(sweep, *kpi).map_or_else(String::new, |target| format!(" {sign} {}", bound(*kpi, target)));
            format!("{}{target}", kpi.title())
        })
        .collect();
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
    if let ([parameter], false) = (&sweep.parameters[..], sweep.breaks.is_empty()) {
        let _ = write!(text, "\nWhere it breaks\n{}", indented(&breaks_text(parameter, sweep)));
    }
    text
}

fn cell(of: &KpiReading) -> String {
    format!("{} {}", estimate(of.kpi, of.estimate), of.met.map_or("", mark)).trim_end().to_owned()
}

pub(super) fn breaks_text(parameter: &Parameter, sweep: &Sweep) -> String {
    let (first, last) = (&sweep.points[0].settings[0].text, &parameter.values[parameter.values.len() - 1].text);
    let mut text = String::new();
    for of in &sweep.breaks {
        let (what, target) = match &of.subject {
            Subject::Kpi(kpi) => (kpi.title().to_owned(), format!("its target of {}", bound(*kpi, of.target))),
            Subject::Server(server) => (server.clone(), "it can serve".to_owned()),
        };
        let is_server = matches!(of.subject, Subject::Server(_));
        let path = &parameter.path;
        let place = |crossing: &Crossing| place(parameter, crossing, first, last);
        let _ = match &of.outcome {
            Outcome::Holds => match stable_until(sweep) {
                Some(stable) if stable != last => {
                    writeln!(text, "{what} keeps {target} from {path} {first} to {stable} {}; beyond that a server is unstable", mark(true))
                }
                _ => writeln!(text, "{what} keeps {target} from {path} {first} to {last} {}", mark(true)),
            },
            Outcome::Missed if is_server => {
                writeln!(text, "{what} is offered more than {target} from {path} {first} to {last} {}", mark(false))
            }
            Outcome::Missed => writeln!(text, "{what} misses {target} from {path} {first} to {last} {}", mark(false)),
            Outcome::Breaks(at) if is_server => writeln!(text, "{what} becomes unstable {}: it is offered more than {target}", place(at)),
            Outcome::Breaks(at) => writeln!(text, "{what} breaks {target} {}", place(at)),
            Outcome::Mends(at) if is_server => writeln!(text, "{what} is no longer unstable {}", place(at)),
            Outcome::Mends(at) => writeln!(text, "{what} meets {target} {}", place(at)),
        };
        if of.again {
            let _ = writeln!(text, "  and changes again further on: see the table");
        }
    }
    let crossings = || {
        sweep.breaks.iter().filter_map(|of| match &of.outcome {
            Outcome::Breaks(at) | Outcome::Mends(at) => Some(at),
            Outcome::Holds | Outcome::Missed => None,
        })
    };
    if crossings().any(|at| at.bisected) {
        let _ = writeln!(text, "A place is where the mean crosses, by bisection to 1/{} of a step.", 1 << HALVINGS);
    }
    if crossings().next().is_some() {
        let _ = writeln!(text, "Its interval is where the one-sided 95 % bounds cross: together 90 %.");
    }
    if sweep.points.iter().any(|point| !point.reading.unstable.is_empty()) {
        let _ = writeln!(text, "Where a server is unstable, means depend on the run's length, and no target counts as met.");
    }
    text
}

/// The last point of the grid before the first at which a server is unstable.
fn stable_until(sweep: &Sweep) -> Option<&String> {
    let stable = sweep.points.iter().filter(|point| point.on_grid).take_while(|point| point.reading.unstable.is_empty());
    stable.last().map(|point| &point.settings[0].text)
}

/// `at load 2.41 (90 % interval 2.33 to 2.48)`.
fn place(parameter: &Parameter, crossing: &Crossing, first: &str, last: &str) -> String {
    let (low, high) = crossing.between;
    let decimals = (-(high - low).log10()).ceil().clamp(0.0, 12.0) as usize;
    let show = |value: f64| {
        let text = format!("{value:.decimals$}");
        format!("{}{}", if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text }, parameter.unit)
    };
    let path = &parameter.path;
    let from = crossing.from.map_or_else(|| format!("below {first}"), show);
    let to = crossing.to.map_or_else(|| format!("beyond {last}"), show);
    match crossing.bisected {
        true => format!("at {path} {} (90 % interval: {from} to {to})", show(crossing.at())),
        false => format!("between {path} {} and {} (90 % interval: {from} to {to})", show(low), show(high)),
    }
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

/// `kpis.parquet`, one row a point and KPI; `servers.parquet`, one a point and server; the picture.
pub fn sweep_files(report: &SweepReport) -> Result<Vec<(String, Vec<u8>)>, SweepFilesError> {
    let sweep = &report.sweep;
    Ok(vec![
        parquet("kpis", kpi_columns(sweep))?,
        parquet("servers", server_columns(sweep))?,
        (SWEEP_PLOT.to_owned(), plot::svg(&figure(report))?.into_bytes()),
    ])
}

#[derive(Debug, thiserror::Error)]
pub enum SweepFilesError {
    #[error(transparent)]
    Table(#[from] TablesError),
    #[error(transparent)]
    Plot(#[from] PlotError),
}

/// The settings of each row's point, a column a parameter: numbers in its unit, or texts.
fn setting_columns(sweep: &Sweep, rows: &[&Point]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for (i, parameter) in sweep.parameters.iter().enumerate() {
        let of = |point: &&Point| point.settings[i].clone();
        let name = parameter.title().into();
        columns.push(match parameter.values.iter().all(|value| value.number.is_some()) {
            true => Column::new(name, rows.iter().map(|p| of(p).number).collect::<Vec<Option<f64>>>()),
            false => Column::new(name, rows.iter().map(|p| of(p).text).collect::<Vec<String>>()),
        });
    }
    columns.push(Column::new("on_grid".into(), rows.iter().map(|point| point.on_grid).collect::<Vec<bool>>()));
    columns
}

fn kpi_columns(sweep: &Sweep) -> Vec<Column> {
    let rows: Vec<(&Point, &KpiReading)> = sweep
        .points
        .iter()
        .flat_map(|point| point.reading.kpis.iter().filter(|of| of.estimate.is_some() || of.target.is_some()).map(move |of| (point, of)))
        .collect();
    let mut columns = setting_columns(sweep, &rows.iter().map(|(point, _)| *point).collect::<Vec<_>>());
    let each = |value: &dyn Fn(&KpiReading) -> Option<f64>| rows.iter().map(|(_, of)| value(of)).collect::<Vec<Option<f64>>>();
    columns.push(Column::new("kpi".into(), rows.iter().map(|(_, of)| of.kpi.key()).collect::<Vec<&str>>()));
    columns.push(Column::new("mean".into(), each(&|of| Some(of.estimate?.mean))));
    columns.push(Column::new("half_width".into(), each(&|of| Some(of.estimate?.half_width))));
    columns.push(Column::new("n".into(), rows.iter().map(|(_, of)| of.estimate.map_or(0, |e| e.n as u32)).collect::<Vec<u32>>()));
    columns.push(Column::new("target".into(), each(&|of| of.target)));
    columns.push(Column::new("met".into(), rows.iter().map(|(_, of)| of.met).collect::<Vec<Option<bool>>>()));
    columns
}

fn server_columns(sweep: &Sweep) -> Vec<Column> {
    let rows: Vec<_> = sweep.points.iter().flat_map(|point| point.reading.servers.iter().map(move |of| (point, of))).collect();
    let mut columns = setting_columns(sweep, &rows.iter().map(|(point, _)| *point).collect::<Vec<_>>());
    columns.push(Column::new("server".into(), rows.iter().map(|(_, of)| of.server.as_str()).collect::<Vec<&str>>()));
    let mut pair = |name: &str, of: Vec<Option<crate::judge::Estimate>>| {
        columns.push(Column::new(name.into(), of.iter().map(|e| e.map(|e| e.mean)).collect::<Vec<Option<f64>>>()));
        columns.push(Column::new(
            format!("{name}_half_width").into(),
            of.iter().map(|e| e.map(|e| e.half_width)).collect::<Vec<Option<f64>>>(),
        ));
    };
    pair("utilisation", rows.iter().map(|(_, of)| of.utilisation).collect());
    pair("offered", rows.iter().map(|(_, of)| of.offered).collect());
    let unstable = rows.iter().map(|(point, of)| point.reading.unstable.contains(&of.server)).collect::<Vec<bool>>();
    columns.push(Column::new("unstable".into(), unstable));
    columns
}

/// A panel a KPI, and one of what the busiest servers are offered.
fn figure(report: &SweepReport) -> Figure {
    let sweep = &report.sweep;
    let mut panels: Vec<Panel> = shown_kpis(sweep).into_iter().map(|kpi| kpi_panel(sweep, kpi)).collect();
    if sweep.parameters.len() == 1 {
        panels.push(servers_panel(sweep));
    }
    let title =
        format!("{} under {}: {}, 95 % intervals", report.scenario, report.mapping, count(report.replications as usize, "replication"));
    Figure { title, panels, columns: 2 }
}

fn kpi_panel(sweep: &Sweep, kpi: Kpi) -> Panel {
    let (scale, unit) = match kpi.unit() {
        KpiUnit::Share => (100.0, " [%]"),
        KpiUnit::Time => (1.0, " [s]"),
        KpiUnit::Score => (1.0, " [0 to 100]"),
    };
    let read = |point: &Point| {
        let e = point.reading.kpi(kpi).estimate?;
        Some((scale * e.mean, scale * e.half_width))
    };
    // A second parameter is told apart by colour.
    let series = match sweep.parameters.get(1) {
        None => vec![series(sweep, String::new(), |_| true, read)],
        Some(second) => second
            .values
            .iter()
            .map(|value| series(sweep, format!("{} = {}", second.path, value.text), |point| point.settings[1] == *value, read))
            .collect(),
    };
    let mut marks: Vec<Mark> = Vec::new();
    if let Some(target) = common_target(sweep, kpi) {
        let sign = if kpi.higher_is_better() { ">=" } else { "<=" };
        marks.push(Mark::Y(scale * target, format!("target {sign} {}", bound(kpi, target))));
    }
    marks.extend(break_mark(sweep, |of| of.subject == Subject::Kpi(kpi)));
    Panel {
        title: kpi.title().to_owned(),
        x: x_axis(sweep),
        y: Axis { title: format!("{}{unit}", kpi.title()), names: Vec::new() },
        series,
        marks,
    }
}

/// Servers that are drawn: those offered most at some point.
const SERVERS_DRAWN: usize = 5;

fn servers_panel(sweep: &Sweep) -> Panel {
    let names = sweep.points[0].reading.servers.iter().map(|of| of.server.clone());
    let offered = |point: &Point, name: &str| point.reading.servers.iter().find(|of| of.server == name).and_then(|of| of.offered);
    let most = |name: &String| sweep.points.iter().filter_map(|point| offered(point, name)).map(|e| e.mean).fold(0.0, f64::max);
    let mut ranked: Vec<(String, f64)> = names.map(|name| (name.clone(), most(&name))).filter(|(_, most)| *most > 0.0).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let series = ranked
        .into_iter()
        .take(SERVERS_DRAWN)
        .map(|(name, _)| {
            series(sweep, name.clone(), |_| true, |point| offered(point, &name).map(|e| (100.0 * e.mean, 100.0 * e.half_width)))
        })
        .collect();
    let mut marks = vec![Mark::Y(100.0, "unstable above 100 %".to_owned())];
    marks.extend(break_mark(sweep, |of| matches!(of.subject, Subject::Server(_))));
    let y = Axis { title: "work offered [% of what can be served]".to_owned(), names: Vec::new() };
    Panel { title: "servers".to_owned(), x: x_axis(sweep), y, series, marks }
}

fn break_mark(sweep: &Sweep, of: impl Fn(&Break) -> bool) -> Option<Mark> {
    let found = sweep.breaks.iter().find(|b| of(b))?;
    match &found.outcome {
        Outcome::Breaks(at) => Some(Mark::X(at.at(), "breaks".to_owned())),
        Outcome::Mends(at) => Some(Mark::X(at.at(), "met".to_owned())),
        Outcome::Holds | Outcome::Missed => None,
    }
}

fn x_axis(sweep: &Sweep) -> Axis {
    let parameter = &sweep.parameters[0];
    let is_numeric = parameter.values.iter().all(|value| value.number.is_some());
    let names = if is_numeric { Vec::new() } else { parameter.values.iter().map(|value| value.text.clone()).collect() };
    let unit = if parameter.path == "load" { " [times today's]".to_owned() } else { String::new() };
    Axis { title: parameter.title() + &unit, names }
}

/// Points that are `chosen`, ascending; texts have no line between them.
fn series(sweep: &Sweep, name: String, chosen: impl Fn(&Point) -> bool, read: impl Fn(&Point) -> Option<(f64, f64)>) -> Series {
    let values = &sweep.parameters[0].values;
    let is_numeric = values.iter().all(|value| value.number.is_some());
    let place = |of: &Setting| of.number.or_else(|| values.iter().position(|value| value == of).map(|i| i as f64)).unwrap_or(f64::NAN);
    let mut points: Vec<plot::Point> = sweep
        .points
        .iter()
        .filter(|point| chosen(point))
        .map(|point| {
            let (y, half) = read(point).unwrap_or((f64::NAN, 0.0));
            plot::Point { x: place(&point.settings[0]), y, y_interval: Some((y - half, y + half)), ..plot::Point::default() }
        })
        .collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    Series { name, points, joined: is_numeric }
}
