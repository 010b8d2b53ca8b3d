//! Numbers with their unit, interval and target; tables; bars.

use comfy_table::{CellAlignment, Row, Table};

use crate::judge::{Estimate, KpiResult};
use crate::scenario::{Kpi, KpiTarget, KpiUnit, Scenario};
use crate::units::SimTime;

/// `replay of calls.csv: 812 calls over 8h`, as a line of its own; empty where the scenario's own workloads run.
pub(super) fn replay_line(scenario: &Scenario) -> String {
    let Some(replay) = &scenario.replay else { return String::new() };
    let span = replay.calls.last().map_or(SimTime::ZERO, |call| call.at);
    format!("replay of {}: {} over {}\n", replay.file, count(replay.calls.len(), "call"), span.rounded())
}

/// A KPI's value with its unit: `98.7 %`, `212 ms`, `57.7`.
pub fn quantity(kpi: Kpi, value: f64) -> String {
    match kpi.unit() {
        KpiUnit::Share => format!("{:.1} %", 100.0 * value),
        KpiUnit::Time if value.abs() < 9.9995 => format!("{:.0} ms", 1e3 * value),
        KpiUnit::Time => format!("{value:.1} s"),
        KpiUnit::Score => format!("{value:.1}"),
    }
}

/// With its 95 % interval: `212 ms ± 9`; a planned KPI is exact and has none.
pub fn estimate(kpi: Kpi, estimate: Option<Estimate>) -> String {
    let Some(estimate) = estimate else { return "-".to_owned() };
    if kpi.is_planned() {
        return quantity(kpi, estimate.mean);
    }
    let half_width = match kpi.unit() {
        KpiUnit::Share => digits(100.0 * estimate.half_width, 1),
        KpiUnit::Time if estimate.mean.abs() < 9.9995 => digits(1e3 * estimate.half_width, 0),
        KpiUnit::Time | KpiUnit::Score => digits(estimate.half_width, 1),
    };
    format!("{} ± {half_width}", quantity(kpi, estimate.mean))
}

/// An estimate of a plain number in a given scale, as `12.3 ± 0.4`.
pub(super) fn scaled(estimate: Option<Estimate>, scale: f64, decimals: usize) -> String {
    estimate.map_or_else(|| "-".to_owned(), |e| format!("{:.decimals$} ± {}", scale * e.mean, digits(scale * e.half_width, decimals)))
}

/// So many decimals, but never a zero that is none: what is smaller reads `<0.1`.
fn digits(value: f64, decimals: usize) -> String {
    let smallest = 10f64.powi(-(decimals as i32));
    match value > 0.0 && value < smallest / 2.0 {
        true => format!("<{smallest}"),
        false => format!("{value:.decimals$}"),
    }
}

/// With its sign, but a zero never has a minus.
pub(super) fn signed(value: f64, decimals: usize) -> String {
    let scale = 10f64.powi(decimals as i32);
    format!("{:+.decimals$}", (value * scale).round() / scale + 0.0)
}

/// The first few, and how many more there are.
pub(super) fn shortened(all: &[String], shown: usize) -> String {
    match all.len().saturating_sub(shown) {
        0 => all.join("; "),
        more => format!("{}; and {more} more", all[..shown].join("; ")),
    }
}

pub(super) fn target(target: &KpiTarget) -> String {
    let sign = if target.kpi.higher_is_better() { ">=" } else { "<=" };
    format!("{sign} {}", bound(target.kpi, target.bound.value))
}

/// A target's figure, as short as it is exact: `97 %`, `3 s`.
pub(super) fn bound(kpi: Kpi, value: f64) -> String {
    match kpi.unit() {
        KpiUnit::Share => format!("{} %", shortest(100.0 * value)),
        KpiUnit::Time if value < 1.0 => format!("{} ms", shortest(1e3 * value)),
        KpiUnit::Time => format!("{} s", shortest(value)),
        KpiUnit::Score => shortest(value),
    }
}

fn shortest(value: f64) -> String {
    format!("{}", (value * 1e6).round() / 1e6)
}

/// A KPI against its target: `98.7 % ± 0.2 ✓`.
pub(super) fn result(result: &KpiResult) -> String {
    format!("{} {}", estimate(result.kpi, result.estimate), mark(result.met))
}

pub(super) fn mark(met: bool) -> &'static str {
    if met { "✓" } else { "✗" }
}

/// A bar of `value` on a scale to `full`, `width` characters long, to an eighth of a character.
pub fn bar(value: f64, full: f64, width: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let share = if full > 0.0 { (value / full).clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (share * width as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    let length = bar.chars().count();
    bar + &" ".repeat(width - length)
}

/// Columns apart by two blanks, no lines but one below the header; the columns in `right` are aligned to the right.
pub fn plain_table(header: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(Row::from(header.to_vec()));
    for row in rows {
        table.add_row(Row::from(row.clone()));
    }
    let columns = header.len();
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index + 1 == columns { 0 } else { 2 }));
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// `text` with every line indented by two blanks.
pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}

/// `1 need`, `2 needs`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_carry_their_unit() {
        let of = |mean, half_width| Some(Estimate { mean, half_width, error: half_width / 2.0, n: 20 });
        let check = |kpi, e, expected: &str| assert_eq!(estimate(kpi, e), expected);
        check(Kpi::Availability, of(0.9871, 0.002), "98.7 % ± 0.2");
        check(Kpi::Availability, of(0.9871, 0.0002), "98.7 % ± <0.1");
        check(Kpi::ResponseMean, of(0.2123, 0.009), "212 ms ± 9");
        check(Kpi::ResponseP99, of(12.34, 0.5), "12.3 s ± 0.5");
        check(Kpi::BalancePlannedAll, of(57.71, 0.0), "57.7");
        check(Kpi::Quality, None, "-");
    }

    #[test]
    fn bars_fill_to_an_eighth() {
        assert_eq!(bar(5.0, 10.0, 4), "██  ");
        assert_eq!(bar(10.0, 10.0, 4), "████");
        assert_eq!(bar(99.0, 10.0, 4), "████");
        assert_eq!(bar(1.0, 32.0, 4), "▏   ");
        assert_eq!(bar(f64::NAN, 0.0, 2), "  ");
    }
}
