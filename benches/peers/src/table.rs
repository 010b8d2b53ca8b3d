//! The one table that is printed: customers a second, and how many times as fast mcplab is.

use std::fmt::Write as _;

use crate::compare::Row;
use crate::queue::QUEUES;

/// The first row is the one that all others are compared with.
pub fn render(rows: &[Row]) -> String {
    let header = std::iter::once("simulator".to_owned())
        .chain(QUEUES.iter().flat_map(|queue| [format!("{} customers/s", queue.name), "mcplab is".to_owned()]))
        .chain(["peak memory".to_owned()]);
    let mut lines = vec![header.collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| columns(row, &rows[0])));
    let mut text = aligned(&lines);
    for row in rows {
        for (cell, queue) in row.cells.iter().zip(QUEUES) {
            if let Err(error) = cell {
                _ = writeln!(text, "error: {}, {}: {error}", row.contender.name, queue.name);
            }
        }
    }
    text
}

fn columns(row: &Row, reference: &Row) -> Vec<String> {
    let mut columns = vec![row.contender.name.to_owned()];
    for (cell, reference) in row.cells.iter().zip(&reference.cells) {
        columns.extend(match (cell, reference) {
            (Ok(best), Ok(reference)) => [rounded(best.rate()), times(reference.rate() / best.rate())],
            (Ok(best), Err(_)) => [rounded(best.rate()), "-".to_owned()],
            (Err(_), _) => ["error".to_owned(), "-".to_owned()],
        });
    }
    let peak = row.cells.iter().flatten().filter_map(|best| best.peak_memory_kib).max();
    columns.push(peak.map_or("-".to_owned(), |kib| format!("{:.1} MiB", kib as f64 / 1024.0)));
    columns
}

/// No more digits than a rate has.
fn times(ratio: f64) -> String {
    let digits = match ratio {
        ..0.1 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{ratio:.digits$} x as fast")
}

/// To three digits, as more would be noise: 1234567 is 1,230,000.
fn rounded(rate: f64) -> String {
    let unit = 10f64.powf((rate.log10().floor() - 2.0).max(0.0));
    grouped(((rate / unit).round() * unit) as u64)
}

/// 1234567 is 1,234,567.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).expect("digits are ASCII"));
    groups.collect::<Vec<_>>().join(",")
}

/// The first column to the left, the others to the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for line in lines {
        _ = write!(text, "{:<width$}", line[0], width = widths[0]);
        for (cell, width) in line.iter().zip(&widths).skip(1) {
            _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_digits_than_mean_something() {
        assert_eq!([1_234_567.0, 999_600.0, 31_049.0, 12.3].map(rounded), ["1,230,000", "1,000,000", "31,000", "12"]);
        assert_eq!(
            [0.0486, 0.254, 9.87, 45.67, 123.4].map(times),
            ["0.049 x as fast", "0.25 x as fast", "9.87 x as fast", "45.7 x as fast", "123 x as fast"]
        );
    }
}
