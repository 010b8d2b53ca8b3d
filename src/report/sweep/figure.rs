//! A sweep as a picture: each KPI over the first parameter, and where targets break.

use crate::scenario::{Kpi, KpiUnit};
use crate::study::sweep::{Break, Crossing, Outcome, Parameter, Point, Setting, Subject, Sweep};

use super::super::format::{bound, count};
use super::super::plot::{self, Axis, Figure, Mark, Panel, Series};
use super::breaks::subjects;
use super::{SweepReport, common_target, shown_kpis};

/// A panel a KPI, and one of what the busiest servers are offered, or, over a second parameter, of where targets break.
pub(super) fn figure(report: &SweepReport) -> Figure {
    let sweep = &report.sweep;
    let mut panels: Vec<Panel> = shown_kpis(sweep).into_iter().map(|kpi| kpi_panel(sweep, kpi)).collect();
    match sweep.parameters.get(1) {
        None => panels.push(servers_panel(sweep)),
        Some(second) => panels.extend(breaks_panel(sweep, second)),
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
        Some(second) => {
            second.values.iter().map(|value| series(sweep, value.text.clone(), |point| point.settings[1] == *value, read)).collect()
        }
    };
    let by = sweep.parameters.get(1).map_or_else(String::new, |second| format!(", by {}", second.path));
    let mut marks: Vec<Mark> = Vec::new();
    if let Some(target) = common_target(sweep, kpi) {
        let sign = if kpi.higher_is_better() { ">=" } else { "<=" };
        marks.push(Mark::Y(scale * target, format!("target {sign} {}", bound(kpi, target))));
    }
    marks.extend(break_marks(sweep, &Subject::Kpi(kpi)));
    Panel {
        title: format!("{}{by}", kpi.title()),
        x: axis(&sweep.parameters[0]),
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
    let servers = sweep.breaks.iter().map(|of| &of.subject).find(|subject| matches!(subject, Subject::Server(_)));
    marks.extend(servers.into_iter().flat_map(|server| break_marks(sweep, server)));
    let y = Axis { title: "work offered [% of what can be served]".to_owned(), names: Vec::new() };
    Panel { title: "servers".to_owned(), x: axis(&sweep.parameters[0]), y, series, marks }
}

/// A line for each value of the second parameter, in its series' colour; or, without one, with a word.
fn break_marks(sweep: &Sweep, subject: &Subject) -> Vec<Mark> {
    let found = sweep.breaks.iter().filter(|of| of.subject == *subject);
    let mark = |of: &Break| {
        let at = of.outcome.crossing()?.at();
        let word = if matches!(of.outcome, Outcome::Breaks(_)) { "breaks" } else { "met" };
        let series = of.held.as_ref().and_then(|held| sweep.parameters[1].values.iter().position(|value| value == held));
        Some(series.map_or_else(|| Mark::X(at, word.to_owned()), |series| Mark::Of(series, at)))
    };
    found.filter_map(mark).collect()
}

/// Where along the first parameter each target breaks, over the second.
fn breaks_panel(sweep: &Sweep, second: &Parameter) -> Option<Panel> {
    let first = &sweep.parameters[0];
    let number = |i: usize| first.values[i].number.unwrap_or(f64::NAN);
    // An interval that leaves what was swept ends there.
    let ends = |at: &Crossing| (at.from.unwrap_or(number(0)), at.to.unwrap_or(number(first.values.len() - 1)));
    let point = |subject: &Subject, i: usize, held: &Setting| {
        let of = sweep.breaks.iter().find(|of| of.held.as_ref() == Some(held) && of.subject == *subject);
        let at = of.and_then(|of| of.outcome.crossing());
        let y = at.map_or(f64::NAN, Crossing::at);
        plot::Point { x: held.number.unwrap_or(i as f64), y, y_interval: at.map(ends), ..plot::Point::default() }
    };
    let series = subjects(sweep).into_iter().map(|subject| Series {
        name: match &subject {
            Subject::Kpi(kpi) => kpi.title().to_owned(),
            Subject::Server(server) => format!("{server} stable"),
        },
        points: second.values.iter().enumerate().map(|(i, held)| point(&subject, i, held)).collect(),
        joined: second.is_numeric(),
    });
    let series: Vec<Series> = series.filter(|of| of.points.iter().any(|point| point.y.is_finite())).collect();
    let (x, y) = (axis(second), Axis { title: axis(first).title, names: Vec::new() });
    (!series.is_empty()).then(|| Panel { title: "where it breaks, 90 % intervals".to_owned(), x, y, series, marks: Vec::new() })
}

fn axis(parameter: &Parameter) -> Axis {
    let names = if parameter.is_numeric() { Vec::new() } else { parameter.values.iter().map(|value| value.text.clone()).collect() };
    let unit = if parameter.path == "load" { " [times today's]".to_owned() } else { String::new() };
    Axis { title: parameter.title() + &unit, names }
}

/// Points that are `chosen`, ascending; texts have no line between them.
fn series(sweep: &Sweep, name: String, chosen: impl Fn(&Point) -> bool, read: impl Fn(&Point) -> Option<(f64, f64)>) -> Series {
    let values = &sweep.parameters[0].values;
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
    Series { name, points, joined: sweep.parameters[0].is_numeric() }
}
