//! Measured durations: from a file with named columns (CSV with a header, JSON lines, Parquet), or from a trace.

mod of_trace;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::{Map, Value};

use crate::random::Key;
use crate::trace::{
    self, Call, Column, Format, HEAD, Holds, LONGEST, LineEnd, Lines, Measure, Names, Outcome, Record, Records, Rows, Scalar, TableError,
    Told, TraceError, listed,
};
use crate::units::SimTime;

use of_trace::{Part, of_trace};

/// So many samples of a group are kept, each as likely as any other: an interval of a hundredth is far narrower than what any scenario
/// needs.
pub const KEPT: usize = 100_000;
/// Seconds that a duration may take.
const POSSIBLE: RangeInclusive<f64> = 1e-9..=3_153_600_000.0;
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
    /// Which durations of a trace; the two are never mixed.
    pub measure: Measure,
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
    /// Rows without a value, calls without a duration.
    pub empty: u64,
    /// Calls of a trace whose duration is of the other [`Measure`].
    pub left_out: u64,
    /// Calls that failed, other than by a time-out, were refused or never answered: they say nothing of how long an answer takes.
    pub failed: u64,
    /// Whether a trace was read, not a column.
    pub of_trace: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    #[error("cannot read {file}: {source}")]
    Read { file: String, source: io::Error },
    #[error("{file} is not an ordinary file; measured durations are expected here")]
    NoFile { file: String },
    #[error("{file}: measured durations are read from .csv, .jsonl, .ndjson, .parquet or a trace; rename or convert it")]
    Ending { file: String },
    #[error("{file}: no column {column}; the columns found are: {found}")]
    MissingColumn { file: String, column: String, found: String },
    #[error("{file}, line {line}: {reason}")]
    Row { file: String, line: u64, reason: String },
    #[error("{file}: more than {GROUPS} groups by {columns}; choose columns with fewer values")]
    Groups { file: String, columns: String },
    #[error("{file} is a trace, and its calls are told apart by agent, server, tool or capability, not by {column}")]
    By { file: String, column: String },
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Trace(#[from] TraceError),
}

/// Streams the file; what is kept is bounded.
pub fn read_samples(path: &Path, columns: &Columns) -> Result<Samples, SamplesError> {
    let file = path.display().to_string();
    let failed = |source| SamplesError::Read { file: file.clone(), source };
    let collector = Collector { file: file.clone(), columns, groups: BTreeMap::new(), empty: 0, left_out: 0, failures: 0, of_trace: false };
    if path.is_dir() {
        return of_trace(path, collector);
    }
    // Before it is opened: a pipe without a writer would never open.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(SamplesError::NoFile { file });
    }
    let mut reader = File::open(path).map_err(failed)?;
    let mut head = Vec::new();
    (&reader).take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
    reader.rewind().map_err(failed)?;
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match (trace::recognised(path, &head), ending.as_str()) {
        (Some(Format::Transcript | Format::Otlp), _) => of_trace(path, collector),
        // A hook log has the column `duration_ms` too, and is a table where it is asked for by its own keys.
        (Some(Format::Hooks), _)
            if (columns.value == "duration_ms" || !columns.by.is_empty()) && columns.by.iter().all(|by| Part::named(by).is_some()) =>
        {
            of_trace(path, collector)
        }
        (_, "csv") => csv(reader, collector),
        (_, "jsonl" | "ndjson") => json_lines(reader, collector),
        (_, "parquet") => parquet(reader, collector),
        _ => Err(SamplesError::Ending { file }),
    }
}

/// How a call came to its end, as far as its duration is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Answered,
    /// It would have taken longer.
    GivenUp,
    Failed,
}

/// Columns of a table that say how a call ended, where it has them.
const OF_THE_END: [&str; 2] = ["outcome", "error"];

impl End {
    /// An `error` alone is anything: only the word `timeout` is known.
    fn of_columns(outcome: &str, error: &str) -> End {
        match Told::of(outcome) {
            Some(Told::TimedOut) => End::GivenUp,
            _ if error.trim().eq_ignore_ascii_case("timeout") => End::GivenUp,
            Some(Told::Failed | Told::Refused | Told::Unanswered) => End::Failed,
            Some(Told::Succeeded) | None => End::Answered,
        }
    }

    fn of_call(call: &Call, names: &Names) -> End {
        match call.outcome {
            Outcome::Succeeded | Outcome::Unknown => End::Answered,
            Outcome::Failed(kind) if names.is_timeout(kind) => End::GivenUp,
            Outcome::Failed(_) | Outcome::Refused | Outcome::Unanswered => End::Failed,
        }
    }
}

struct Collector<'c> {
    file: String,
    columns: &'c Columns,
    groups: BTreeMap<Vec<String>, Group>,
    empty: u64,
    left_out: u64,
    failures: u64,
    of_trace: bool,
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

    fn row(&mut self, line: u64, key: Vec<String>, value: &str, end: End) -> Result<(), SamplesError> {
        let value = value.trim();
        if value.is_empty() {
            self.empty += 1;
            return Ok(());
        }
        let column = &self.columns.value;
        let number = value.parse::<f64>().ok().filter(|x| x.is_finite());
        let seconds =
            // Not what it is: in a table of calls it may be what was said in one.
            number.ok_or_else(|| self.wrong(line, format!("{column} is no number")))? * self.columns.unit;
        if !POSSIBLE.contains(&seconds) {
            let reason = format!(
                "{column} is {value}, and a duration to fit is from 1 ns to 100 years (is the clock too coarse, or the unit another?)"
            );
            return Err(self.wrong(line, reason));
        }
        self.sample(key, seconds, end)
    }

    /// `seconds`: among [`POSSIBLE`].
    fn sample(&mut self, key: Vec<String>, seconds: f64, end: End) -> Result<(), SamplesError> {
        if end == End::Failed {
            self.failures += 1;
            return Ok(());
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
        if end == End::Answered && seconds < limit {
            group.ended.push(seconds)
        } else {
            group.given_up.push(seconds.min(limit))
        }
        Ok(())
    }

    fn finish(self) -> Samples {
        let groups = self.groups.into_iter().map(|(key, group)| Group { key, ..group }).collect();
        Samples { groups, empty: self.empty, left_out: self.left_out, failed: self.failures, of_trace: self.of_trace }
    }
}

fn csv(reader: impl Read, mut collector: Collector) -> Result<Samples, SamplesError> {
    let mut records = Records::new(reader).map_err(|e| collector.failed(e))?;
    let header = match records.next_record().map_err(|e| collector.failed(e))? {
        Record::Whole => {
            records.text().map(|text| (0..records.width()).map(|i| records.field(text, i).trim().to_owned()).collect::<Vec<_>>())
        }
        Record::TooLong | Record::End => None,
    };
    let header = header.ok_or_else(|| collector.wrong(1, "a header with the columns' names is expected, in UTF-8"))?;
    let place = |column: &str| {
        let found = header.iter().position(|name| name.eq_ignore_ascii_case(column));
        found.ok_or_else(|| collector.missing(column, header.iter().map(String::as_str)))
    };
    let value = place(&collector.columns.value)?;
    let by = collector.columns.by.iter().map(|column| place(column)).collect::<Result<Vec<_>, _>>()?;
    let of_the_end = OF_THE_END.map(|column| place(column).ok());
    loop {
        match records.next_record().map_err(|e| collector.failed(e))? {
            Record::End => return Ok(collector.finish()),
            Record::TooLong => return Err(collector.wrong(records.line, "it is longer than any row; is a quote never closed?")),
            Record::Whole if records.width() != header.len() => {
                let reason = format!("it has {} fields, the header {}", records.width(), header.len());
                return Err(collector.wrong(records.line, reason));
            }
            Record::Whole => {
                let text = records.text().ok_or_else(|| collector.wrong(records.line, "it is not UTF-8 text"))?;
                let key = by.iter().map(|i| records.field(text, *i).to_owned()).collect();
                let [outcome, error] = of_the_end.map(|place| place.map_or("", |place| records.field(text, place)));
                collector.row(records.line, key, records.field(text, value), End::of_columns(outcome, error))?;
            }
        }
    }
}

fn json_lines(reader: impl Read, mut collector: Collector) -> Result<Samples, SamplesError> {
    let mut lines = Lines::new(reader, LONGEST).map_err(|e| collector.failed(e))?;
    while let Some(line) = lines.next_line().map_err(|e| collector.failed(e))? {
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
        let get = |column: &str| object.iter().find(|(key, _)| key.trim().eq_ignore_ascii_case(column)).map(|(_, value)| text(value));
        let of = |column: &String| get(column).unwrap_or_default();
        let column = &collector.columns.value;
        let value = get(column).ok_or_else(|| {
            let found = listed(object.keys().map(String::as_str));
            collector.wrong(line.number, format!("no {column}; the keys found are: {found}"))
        })?;
        let key = collector.columns.by.iter().map(of).collect();
        let [outcome, error] = OF_THE_END.map(|column| get(column).unwrap_or_default());
        collector.row(line.number, key, &value, End::of_columns(&outcome, &error))?;
    }
    Ok(collector.finish())
}

fn parquet(file: File, mut collector: Collector) -> Result<Samples, SamplesError> {
    let size = file.metadata().map_err(|e| collector.failed(e))?.len();
    let (name, of) = (collector.file.clone(), collector.columns);
    let value = Column { name: &of.value, holds: Holds::Numbers };
    let by = of.by.iter().map(|name| Column { name, holds: Holds::Texts });
    let columns: Vec<Column> =
        std::iter::once(value).chain(OF_THE_END.map(|name| Column { name, holds: Holds::Outcomes })).chain(by).collect();
    let is_missing = |(place, found): (usize, &bool)| !found && !OF_THE_END.contains(&columns[place].name);
    let missing = |found: &[bool]| found.iter().enumerate().position(is_missing).map(|place| columns[place].name.to_owned());
    trace::read_parquet(file, size, &name, trace::Columns { columns: &columns, missing: &missing }, &mut collector)?;
    Ok(collector.finish())
}

impl Rows for Collector<'_> {
    type Error = SamplesError;

    fn row(&mut self, line: u64, values: &[Scalar]) -> Result<(), SamplesError> {
        let text = |value: &Scalar| match value {
            Scalar::Text(text) => (*text).to_owned(),
            Scalar::Number(number) => number.to_string(),
            Scalar::Truth(truth) => truth.to_string(),
            _ => String::new(),
        };
        let [value, outcome, error, key @ ..] = values else { unreachable!("a value for each column") };
        let end = End::of_columns(&text(outcome), &text(error));
        Collector::row(self, line, key.iter().map(text).collect(), &text(value), end)
    }

    fn skip(&mut self, line: u64, _: trace::Skipped) -> Result<(), SamplesError> {
        Err(self.wrong(line, "it is not UTF-8 text"))
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    fn columns(by: &[&str]) -> Columns {
        Columns {
            value: "took".to_owned(),
            by: by.iter().map(|s| (*s).to_owned()).collect(),
            unit: 1e-3,
            timeout: Some(SimTime::from_millis(100)),
            seed: 1,
            measure: Measure::Exact,
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
    fn failures_are_left_out_and_time_outs_are_given_up() {
        let text = "tool,Took,outcome,error\na,5,ok,\na,50,timeout,\na,60,error,timeout\na,1,failed,gone\na,2,refused,\na,9,,odd\n";
        let expected = Group { key: Vec::new(), ended: vec![5.0 * 1e-3, 9.0 * 1e-3], given_up: vec![0.05, 0.06], seen: 4 };
        let samples = read("csv", text, &[]).unwrap();
        assert_eq!((&samples.groups[..], samples.failed), (&[expected][..], 2));
        let row = |line: &str| {
            let fields: Vec<&str> = line.split(',').collect();
            format!("{{\"took\":{},\"outcome\":\"{}\",\"error\":\"{}\"}}\n", fields[1], fields[2], fields[3])
        };
        let json: String = text.lines().skip(1).map(row).collect();
        assert_eq!(read("jsonl", &json, &[]).unwrap(), samples);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let message = |ending, text, by: &[&str]| read(ending, text, by).expect_err("a mistake").to_string();
        for (ending, text, by, part) in [
            ("csv", "tool,took\na,5\na,fast\n", vec![], "line 3: took is no number"),
            ("csv", "tool,took\na,0\n", vec![], "line 2: took is 0, and a duration"),
            ("csv", "tool,took\na,5,6\n", vec![], "line 2: it has 3 fields, the header 2"),
            ("csv", "tool,ms\n", vec![], "no column took; the columns found are: tool, ms"),
            ("csv", "took\n1\n", vec!["tool"], "no column tool"),
            ("csv", "", vec![], "a header"),
            ("jsonl", "{\"took\":1}\n[1]\n", vec![], "line 2: it is no JSON object"),
            ("jsonl", "{\"ms\":1}\n", vec![], "line 1: no took; the keys found are: ms"),
            ("txt", "", vec![], ".csv, .jsonl, .ndjson, .parquet or a trace"),
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

    #[test]
    fn parquet_gives_the_same_groups_too() {
        use polars::prelude::{Column, DataFrame, ParquetWriter};
        let columns_of = vec![
            Column::new("tool".into(), vec!["a", "b", "a", "a"]),
            Column::new("Took".into(), vec![Some(5.0), Some(7.5), None, Some(250.0)]),
        ];
        let mut frame = DataFrame::new_infer_height(columns_of).expect("columns of one height");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("calls.parquet");
        ParquetWriter::new(File::create(&path).expect("a file")).finish(&mut frame).expect("a Parquet file");
        let csv = read("csv", "tool,took\na,5\nb,7.5\na,\na,250\n", &["tool"]).unwrap();
        assert_eq!(read_samples(&path, &columns(&["tool"])).unwrap(), csv);
        let error = read_samples(&path, &columns(&["server"])).expect_err("no such column").to_string();
        assert!(error.contains("no column server; the columns found are: tool, Took"), "{error}");
    }

    #[test]
    fn exact_durations_of_a_trace_and_upper_bounds_stay_apart() {
        let pre = |id: u32| {
            format!("{{\"hook_event_name\":\"PreToolUse\",\"tool_use_id\":\"{id}\",\"tool_name\":\"mcp__a__b\",\"time\":{id}}}\n")
        };
        let post = |id: u32, more: &str| {
            format!(
                "{{\"hook_event_name\":\"PostToolUse\",\"tool_use_id\":\"{id}\",\"tool_name\":\"mcp__a__b\",\"time\":{}{more}}}\n",
                id + 2
            )
        };
        let text = [pre(1), post(1, ",\"duration_ms\":7"), pre(2), post(2, ""), post(3, ",\"duration_ms\":0")].concat();
        let samples = read("jsonl", &text, &["server", "tool"]).unwrap();
        let group = Group { key: vec!["a".to_owned(), "b".to_owned()], ended: vec![0.007], given_up: vec![], seen: 1 };
        assert_eq!((samples.groups, samples.empty, samples.left_out), (vec![group], 1, 1));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hooks.jsonl");
        std::fs::write(&path, text).expect("it can be written");
        let columns = Columns { measure: Measure::UpperBound, timeout: None, ..columns(&["server"]) };
        assert_eq!(read_samples(&path, &columns).unwrap().groups[0].ended, [2.0]);
        let otlp = "{\"resourceSpans\":[]}\n";
        assert!(read("jsonl", otlp, &["region"]).expect_err("no such part").to_string().contains("not by region"));
        // By its own keys a hook log is a table.
        assert!(read("jsonl", "{\"tool_name\":\"x\",\"tool_input\":{},\"took\":7}\n", &["tool_name"]).is_ok());
    }
}
