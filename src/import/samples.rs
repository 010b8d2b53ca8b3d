//! Measured durations from a file with named columns: CSV with a header, or JSON lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::{Map, Value};

use crate::random::Key;
use crate::trace::{LONGEST, LineEnd, Lines, Record, Records, listed, shown};
use crate::units::SimTime;

/// So many samples of a group are kept, each as likely as any other: an interval of a hundredth is far narrower than what any scenario
/// needs.
pub const KEPT: usize = 100_000;
/// More groups than this are no groups, but a column of numbers.
const GROUPS: usize = 500;

/// What to read.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// Of the durations.
    pub value: String,
    /// Samples are apart that differ in these.
    pub by: Vec<String>,
    /// Seconds of a unit of the values.
    pub unit: f64,
    /// What took as long or longer was given up then.
    pub timeout: Option<SimTime>,
    /// Of the choice where there are more than [`KEPT`].
    pub seed: u64,
}

/// The samples that are alike in the columns that tell groups apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// Values of those columns.
    pub key: Vec<String>,
    /// Seconds.
    pub ended: Vec<f64>,
    /// Seconds.
    pub given_up: Vec<f64>,
    /// Rows with a value, kept or not.
    pub seen: u64,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Samples {
    /// In the order of their keys.
    pub groups: Vec<Group>,
    /// Rows without a value.
    pub empty: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    #[error("cannot read {file}: {source}")]
    Read { file: String, source: io::Error },
    #[error("{file} is not an ordinary file; measured durations are expected here")]
    NoFile { file: String },
    #[error("{file}: measured durations are read from .csv, .jsonl or .ndjson; rename or convert it")]
    Ending { file: String },
    #[error("{file}: no column {column}; the columns found are: {found}")]
    MissingColumn { file: String, column: String, found: String },
    #[error("{file}, line {line}: {reason}")]
    Row { file: String, line: u64, reason: String },
    #[error("{file}: more than {GROUPS} groups by {columns}; choose columns with fewer values")]
    Groups { file: String, columns: String },
}

/// Streams the file; what is kept is bounded.
pub fn read_samples(path: &Path, columns: &Columns) -> Result<Samples, SamplesError> {
    let file = path.display().to_string();
    let failed = |source| SamplesError::Read { file: file.clone(), source };
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if !["csv", "jsonl", "ndjson"].contains(&ending.as_str()) {
        return Err(SamplesError::Ending { file });
    }
    // Before it is opened: a pipe without a writer would never open.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(SamplesError::NoFile { file });
    }
    let reader = File::open(path).map_err(failed)?;
    let collector = Collector { file: file.clone(), columns, groups: BTreeMap::new(), empty: 0 };
    match ending.as_str() {
        "csv" => csv(reader, collector),
        _ => json_lines(reader, collector),
    }
}

struct Collector<'c> {
    file: String,
    columns: &'c Columns,
    groups: BTreeMap<Vec<String>, Group>,
    empty: u64,
}

impl Collector<'_> {
    fn wrong(&self, line: u64, reason: impl Into<String>) -> SamplesError {
        SamplesError::Row { file: self.file.clone(), line, reason: reason.into() }
    }

    fn failed(&self, source: io::Error) -> SamplesError {
        SamplesError::Read { file: self.file.clone(), source }
    }

    fn missing<'n>(&self, column: &str, found: impl Iterator<Item = &'n str>) -> SamplesError {
        SamplesError::MissingColumn { file: self.file.clone(), column: column.to_owned(), found: listed(found) }
    }

    fn row(&mut self, line: u64, key: Vec<String>, value: &str) -> Result<(), SamplesError> {
        let value = value.trim();
        if value.is_empty() {
            self.empty += 1;
            return Ok(());
        }
        let column = &self.columns.value;
        let number = value.parse::<f64>().ok().filter(|x| x.is_finite());
        let seconds =
            number.ok_or_else(|| self.wrong(line, format!("{column} is `{}`, which is no number", shown(value))))? * self.columns.unit;
        if !(1e-9..=SimTime::LONGEST.as_secs()).contains(&seconds) {
            let reason = format!(
                "{column} is {value}, and a duration to fit is from 1 ns to 100 years (is the clock too coarse, or the unit another?)"
            );
            return Err(self.wrong(line, reason));
        }
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&key) {
            return Err(SamplesError::Groups { file: self.file.clone(), columns: self.columns.by.join(", ") });
        }
        let group = self.groups.entry(key).or_default();
        group.seen += 1;
        let limit = self.columns.timeout.map_or(f64::INFINITY, SimTime::as_secs);
        let (ended, given_up) = (group.ended.len(), group.given_up.len());
        if ended + given_up >= KEPT {
            // Vitter's reservoir (1985, ACM TOMS 11): the new one takes the place of any of those before it, or none.
            let place = (Key::new(self.columns.seed).with(group.seen).uniform() * group.seen as f64) as usize;
            if place < ended {
                group.ended.swap_remove(place);
            } else if place < ended + given_up {
                group.given_up.swap_remove(place - ended);
            } else {
                return Ok(());
            }
        }
        if seconds < limit {
            group.ended.push(seconds)
        } else {
            group.given_up.push(limit)
        }
        Ok(())
    }

    fn finish(self) -> Samples {
        let groups = self.groups.into_iter().map(|(key, group)| Group { key, ..group }).collect();
        Samples { groups, empty: self.empty }
    }
}

fn csv(reader: impl Read, mut collector: Collector) -> Result<Samples, SamplesError> {
    let mut records = Records::new(reader).map_err(|e| collector.failed(e))?;
    let header = match records.next().map_err(|e| collector.failed(e))? {
        Record::Whole => {
            records.text().map(|text| (0..records.width()).map(|i| records.field(text, i).trim().to_owned()).collect::<Vec<_>>())
        }
        Record::TooLong | Record::End => None,
    };
    let header = header.ok_or_else(|| collector.wrong(1, "a header with the columns' names is expected, in UTF-8"))?;
    let place = |column: &str| {
        let found = header.iter().position(|name| name == column);
        found.ok_or_else(|| collector.missing(column, header.iter().map(String::as_str)))
    };
    let value = place(&collector.columns.value)?;
    let by = collector.columns.by.iter().map(|column| place(column)).collect::<Result<Vec<_>, _>>()?;
    loop {
        match records.next().map_err(|e| collector.failed(e))? {
            Record::End => return Ok(collector.finish()),
            Record::TooLong => return Err(collector.wrong(records.line, "it is longer than any row; is a quote never closed?")),
            Record::Whole if records.width() != header.len() => {
                let reason = format!("it has {} fields, the header {}", records.width(), header.len());
                return Err(collector.wrong(records.line, reason));
            }
            Record::Whole => {
                let text = records.text().ok_or_else(|| collector.wrong(records.line, "it is not UTF-8 text"))?;
                let key = by.iter().map(|i| records.field(text, *i).to_owned()).collect();
                collector.row(records.line, key, records.field(text, value))?;
            }
        }
    }
}

fn json_lines(reader: impl Read, mut collector: Collector) -> Result<Samples, SamplesError> {
    let mut lines = Lines::new(reader, LONGEST).map_err(|e| collector.failed(e))?;
    while let Some(line) = lines.next().map_err(|e| collector.failed(e))? {
        if line.end == LineEnd::TooLong {
            return Err(collector.wrong(line.number, "it is longer than any row"));
        }
        if line.text.trim_ascii().is_empty() {
            continue;
        }
        let object: Map<String, Value> =
            serde_json::from_slice(line.text).map_err(|e| collector.wrong(line.number, format!("it is no JSON object: {e}")))?;
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let of = |column: &String| object.get(column).map(text).unwrap_or_default();
        let column = &collector.columns.value;
        let value = object.get(column).map(text).ok_or_else(|| {
            let found = listed(object.keys().map(String::as_str));
            collector.wrong(line.number, format!("no {column}; the keys found are: {found}"))
        })?;
        let key = collector.columns.by.iter().map(of).collect();
        collector.row(line.number, key, &value)?;
    }
    Ok(collector.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(by: &[&str]) -> Columns {
        Columns {
            value: "took".to_owned(),
            by: by.iter().map(|s| (*s).to_owned()).collect(),
            unit: 1e-3,
            timeout: Some(SimTime::from_millis(100)),
            seed: 1,
        }
    }

    fn read(ending: &str, text: &str, by: &[&str]) -> Result<Samples, SamplesError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(format!("calls.{ending}"));
        std::fs::write(&path, text).expect("it can be written");
        read_samples(&path, &columns(by))
    }

    #[test]
    fn both_formats_give_the_same_groups() {
        let csv = read("csv", "tool,took\na,5\nb,\"7.5\"\na,\na,250\n", &["tool"]).unwrap();
        let json = "{\"tool\":\"a\",\"took\":5}\n{\"tool\":\"b\",\"took\":\"7.5\"}\n\n{\"tool\":\"a\",\"took\":null}\n{\"tool\":\"a\",\"took\":250}";
        assert_eq!(read("jsonl", json, &["tool"]).unwrap(), csv);
        assert_eq!((csv.groups.len(), csv.empty), (2, 1));
        assert_eq!(csv.groups[0], Group { key: vec!["a".to_owned()], ended: vec![0.005], given_up: vec![0.1], seen: 2 });
        assert_eq!(csv.groups[1].ended, [0.0075]);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let message = |ending, text, by: &[&str]| read(ending, text, by).expect_err("a mistake").to_string();
        for (ending, text, by, part) in [
            ("csv", "tool,took\na,5\na,fast\n", vec![], "line 3: took is `fast`, which is no number"),
            ("csv", "tool,took\na,0\n", vec![], "line 2: took is 0, and a duration"),
            ("csv", "tool,took\na,5,6\n", vec![], "line 2: it has 3 fields, the header 2"),
            ("csv", "tool,ms\n", vec![], "no column took; the columns found are: tool, ms"),
            ("csv", "took\n1\n", vec!["tool"], "no column tool"),
            ("csv", "", vec![], "a header"),
            ("jsonl", "{\"took\":1}\n[1]\n", vec![], "line 2: it is no JSON object"),
            ("jsonl", "{\"ms\":1}\n", vec![], "line 1: no took; the keys found are: ms"),
            ("txt", "", vec![], ".csv, .jsonl or .ndjson"),
        ] {
            let said = message(ending, text, &by);
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn what_is_kept_of_many_is_drawn_from_all() {
        let rows: String = (1..=300_000).map(|i| format!("{}\n", f64::from(i) / 3001.0)).collect();
        let samples = read("csv", &format!("took\n{rows}"), &[]).unwrap();
        let group = &samples.groups[0];
        assert_eq!((group.seen, group.ended.len() + group.given_up.len()), (300_000, KEPT));
        let mean = group.ended.iter().sum::<f64>() / group.ended.len() as f64;
        assert!((mean / 0.05 - 1.0).abs() < 0.02, "{mean}");
    }
}
