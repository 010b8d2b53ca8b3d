//! CSV as RFC 4180 has it: commas, quotes around what holds commas, quotes or line ends, a header.

use std::io::{self, BufRead, BufReader, Read};

use csv_core::{ReadRecordResult, Reader};

use super::collect::{Collector, Row};
use super::lines::{LONGEST, without_mark};
use super::summary::Skipped;
use super::time::Scalar;
use super::{COLUMNS, CallLogError, listed};

/// Where each of [`COLUMNS`] stands.
type Places = [Option<usize>; COLUMNS.len()];

pub fn read(reader: impl Read, collector: &mut Collector) -> Result<(), CallLogError> {
    let file = collector.file();
    let failed = |source| CallLogError::Read { file: file.clone(), source };
    let mut records = Records::new(reader).map_err(failed)?;
    match records.next().map_err(failed)? {
        Record::Whole => {}
        Record::TooLong => return Err(CallLogError::Header { file }),
        Record::End => return Err(CallLogError::Empty { file }),
    }
    let (places, width) = header(&records, &file)?;
    // Short ones wait for the next: what is last may be cut off, what is not is broken.
    let mut short = None;
    loop {
        let record = records.next().map_err(failed)?;
        if let Some(line) = short.take() {
            collector.skip(line, if record == Record::End { Skipped::CutOff } else { Skipped::Malformed });
        }
        match record {
            Record::End => return Ok(()),
            Record::TooLong => collector.skip(records.line, Skipped::TooLong),
            Record::Whole if records.width() < width => short = Some(records.line),
            // A comma too many: who knows which column is which.
            Record::Whole if records.width() > width => collector.skip(records.line, Skipped::Malformed),
            Record::Whole => match records.text() {
                None => collector.skip(records.line, Skipped::NotUtf8),
                Some(text) => collector.row(records.line, row(&records, text, &places))?,
            },
        }
    }
}

fn header<R: Read>(records: &Records<R>, file: &str) -> Result<(Places, usize), CallLogError> {
    let file = || file.to_owned();
    let text = records.text().ok_or_else(|| CallLogError::Header { file: file() })?;
    let names: Vec<&str> = (0..records.width()).map(|i| records.field(text, i).trim()).collect();
    let mut places = [None; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let mut found = (0..names.len()).filter(|i| names[*i].eq_ignore_ascii_case(column));
        *place = found.next();
        if found.next().is_some() {
            return Err(CallLogError::TwoColumns { file: file(), column });
        }
    }
    let missing = match places {
        [None, ..] => Some("time"),
        [_, None, ..] => Some("agent"),
        [_, _, None, None, ..] => Some("capability or server"),
        _ => None,
    };
    match missing {
        Some(missing) => Err(CallLogError::MissingColumn { file: file(), missing, found: listed(names.into_iter()) }),
        None => Ok((places, names.len())),
    }
}

fn row<'a, R: Read>(records: &'a Records<R>, text: &'a str, places: &Places) -> Row<'a> {
    let [time, agent, capability, server, duration, duration_ms] = places.map(|place| place.map(|i| records.field(text, i)));
    let scalar = |field: Option<&'a str>| field.map_or(Scalar::Absent, Scalar::Text);
    Row { time: scalar(time), agent, capability, server, duration: scalar(duration), duration_ms: scalar(duration_ms) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    Whole,
    TooLong,
    End,
}

/// One record at a time, in buffers that a hostile file cannot make grow: a quote that is never closed makes one record of all that
/// follows it.
pub struct Records<R> {
    reader: BufReader<R>,
    parser: Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    used: (usize, usize),
    /// Where the record begins.
    pub line: u64,
}

impl<R: Read> Records<R> {
    pub fn new(reader: R) -> io::Result<Records<R>> {
        Ok(Records {
            reader: without_mark(reader)?,
            parser: Reader::new(),
            bytes: vec![0; 1 << 12],
            ends: vec![0; 64],
            used: (0, 0),
            line: 1,
        })
    }

    pub fn next(&mut self) -> io::Result<Record> {
        self.used = (0, 0);
        self.skip_line_ends()?;
        self.line = self.parser.line();
        let mut too_long = false;
        loop {
            let input = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let (bytes, ends) = (&mut self.bytes[self.used.0..], &mut self.ends[self.used.1..]);
            let (result, read, written, ended) = self.parser.read_record(input, bytes, ends);
            self.reader.consume(read);
            self.used.0 += written;
            self.used.1 += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.bytes.len() < LONGEST => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if self.ends.len() < LONGEST => self.ends.resize(self.ends.len() * 2, 0),
                // Read on to its end, without keeping it.
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => (too_long, self.used) = (true, (0, 0)),
                ReadRecordResult::Record if too_long => return Ok(Record::TooLong),
                ReadRecordResult::Record => return Ok(Record::Whole),
                ReadRecordResult::End => return Ok(Record::End),
            }
        }
    }

    /// The parser counts line ends as it passes them, and those before a record belong to none: passed first, they leave its line.
    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let input = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let ends = input.iter().take_while(|b| matches!(b, b'\n' | b'\r')).count();
            let lines = input[..ends].iter().filter(|b| **b == b'\n').count();
            self.parser.set_line(self.parser.line() + lines as u64);
            self.reader.consume(ends);
            if ends == 0 {
                return Ok(());
            }
        }
    }

    pub fn width(&self) -> usize {
        self.used.1
    }

    /// The whole record; none where it is not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes[..self.used.0]).ok()
    }

    /// Of the record's text. A character over a field's end would make it none.
    pub fn field<'t>(&self, text: &'t str, index: usize) -> &'t str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        text.get(start..self.ends[index]).unwrap_or_default()
    }
}
