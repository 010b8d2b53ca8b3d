//! Distributions fitted to measured durations: a table a group, the lines for the scenario, quantiles against quantiles.

use serde::Serialize;

use crate::calibrate::{Estimated, Unit};
use crate::study::{Fitted, Tested};
use crate::trace::Measure;

use super::format::plain_table;
use super::plot::{Axis, Figure, Panel, Point, Series};

/// More pictures than this in one are not looked at.
const PANELS: usize = 24;

#[derive(Debug, Serialize)]
pub struct FitReport {
    pub file: String,
    /// None of a trace.
    pub column: Option<String>,
    /// Of a trace: which of its durations.
    pub measure: Option<Measure>,
    /// The columns that tell groups apart.
    pub by: Vec<String>,
    /// Rows without a value.
    pub empty: u64,
    pub groups: Vec<Fitted>,
}

pub fn fit_text(report: &FitReport) -> String {
    let mut text = format!("{}\n", source(report));
    if report.empty > 0 {
        text += &format!("{} rows without a value\n", report.empty);
    }
    for group in &report.groups {
        text += &format!("\n{}", group_text(report, group));
    }
    text
}

fn source(report: &FitReport) -> String {
    match (&report.column, report.measure) {
        (Some(column), _) => format!("{}, column {column}", report.file),
        (None, Some(Measure::UpperBound)) => format!("{}, upper bounds of durations", report.file),
        (None, _) => format!("{}, exact durations", report.file),
    }
}

fn group_text(report: &FitReport, group: &Fitted) -> String {
    let mut text = format!("{}: n {}, {} timed out", title(report, group), group.n, group.censored);
    if group.seen > group.n as u64 {
        text += &format!(" (drawn from {})", group.seen);
    }
    text.push('\n');
    if let Some(why) = &group.unfit {
        text += &format!("  {why}\n");
    }
    if let Some(best) = group.fits.first() {
        let least_aicc = group.fits.iter().map(|of| of.fit.aicc).fold(f64::INFINITY, f64::min);
        let rows: Vec<Vec<String>> = group.fits.iter().map(|of| row(of, least_aicc, best.fit.bic)).collect();
        let table = plain_table(&["family", "parameters [95 %]", "mean [95 %]", "AICc +", "BIC +", "p"], &rows, &[3, 4, 5]);
        table.lines().for_each(|line| text += &format!("  {line}\n"));
    }
    group.lines.iter().for_each(|line| text += &format!("  {line}\n"));
    text
}

fn row(of: &Tested, least_aicc: f64, least_bic: f64) -> Vec<String> {
    let parameters: Vec<String> = of.fit.parameters.iter().map(|p| format!("{} {}", p.name, estimated(p))).collect();
    vec![
        of.fit.family.name().to_owned(),
        parameters.join(", "),
        estimated(&of.fit.mean),
        format!("{:.1}", of.fit.aicc - least_aicc),
        format!("{:.1}", of.fit.bic - least_bic),
        of.goodness.map_or_else(|| "-".to_owned(), |of| format!("{:.3}", of.p)),
    ]
}

/// `1.23 ms [1.2, 1.26]`.
fn estimated(of: &Estimated) -> String {
    let (factor, unit) = match of.unit {
        Unit::None => (1.0, ""),
        Unit::Seconds if of.value < 1e-3 => (1e6, " us"),
        Unit::Seconds if of.value < 1.0 => (1e3, " ms"),
        Unit::Seconds => (1.0, " s"),
    };
    match of.interval {
        _ if !of.value.is_finite() => "infinite".to_owned(),
        Some((low, high)) => format!("{}{unit} [{}, {}]", digits(of.value * factor), digits(low * factor), digits(high * factor)),
        None => format!("{}{unit}", digits(of.value * factor)),
    }
}

/// Four of them, and all that stand before the point.
fn digits(value: f64) -> String {
    match value.abs() {
        size if !(1e-3..1e6).contains(&size) => format!("{value:.3e}").replace("0.000e0", "0"),
        size => format!("{value:.*}", (3 - size.log10().floor() as i32).max(0) as usize),
    }
}

fn title(report: &FitReport, group: &Fitted) -> String {
    match report.by.is_empty() {
        true => "all".to_owned(),
        false => group.key.join(", "),
    }
}

/// The sample's quantiles over those of the best fit: on the line where they agree.
pub fn fit_plot(report: &FitReport) -> Figure {
    let axis = |title: &str| Axis { title: title.to_owned(), names: Vec::new() };
    let panels: Vec<Panel> = report
        .groups
        .iter()
        .filter_map(|group| {
            let (best, last) = (group.fits.first()?, group.quantiles.last()?);
            let points =
                |of: &mut dyn Iterator<Item = (f64, f64)>| of.map(|(x, y)| Point { x: 1e3 * x, y: 1e3 * y, ..Point::default() }).collect();
            let most = last.0.max(last.1);
            let least = group.quantiles.first().map_or(0.0, |(x, y)| x.min(*y));
            Some(Panel {
                title: format!("{}: {}", title(report, group), best.fit.family.name()),
                x: axis("fitted quantile [ms]"),
                y: axis("measured quantile [ms]"),
                series: vec![
                    Series { name: String::new(), points: points(&mut group.quantiles.iter().copied()), joined: false },
                    Series { name: String::new(), points: points(&mut [(least, least), (most, most)].into_iter()), joined: true },
                ],
                marks: Vec::new(),
            })
        })
        .take(PANELS)
        .collect();
    let columns = if panels.len() > 4 { 3 } else { 2 };
    Figure { title: format!("{}: quantiles of the sample and of the best fit", source(report)), panels, columns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Group;
    use crate::report::plot::svg;
    use crate::study::fitted;

    #[test]
    fn a_group_is_told_with_all_that_was_asked() {
        let ended: Vec<f64> = (1..200).map(|i| 0.002 * -(1.0 - f64::from(i) / 200.0).ln()).collect();
        let group = |key: &str, ended: Vec<f64>| Group { key: vec![key.to_owned()], seen: ended.len() as u64, ended, given_up: Vec::new() };
        let groups = vec![fitted(group("search", ended), "calls.csv", 1), fitted(group("rare", vec![0.1]), "calls.csv", 1)];
        let report = FitReport {
            file: "calls.csv".to_owned(),
            column: Some("ms".to_owned()),
            measure: None,
            by: vec!["tool".to_owned()],
            empty: 3,
            groups,
        };
        let text = fit_text(&report);
        for part in [
            "calls.csv, column ms",
            "3 rows without",
            "search: n 199, 0 timed out",
            "exponential",
            "serial = { value = { exponential",
            "too few",
        ] {
            assert!(text.contains(part), "{part} is in\n{text}");
        }
        assert!(svg(&fit_plot(&report)).expect("it can be drawn").contains("search: "));
    }

    #[test]
    fn numbers_have_four_digits() {
        for (value, text) in
            [(1.23456, "1.235"), (12.3456, "12.35"), (123_456.0, "123456"), (0.0, "0"), (1.5e-7, "1.500e-7"), (1e9, "1.000e9")]
        {
            assert_eq!(digits(value), text);
        }
    }
}
