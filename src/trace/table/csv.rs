//! CSV as RFC 4180 has it: commas, quotes around what holds commas, quotes or line ends, a header.

use std::io::{self, BufRead, BufReader, Read};

use csv_core::{ReadRecordResult, Reader};

use super::super::lines::{LONGEST, without_mark};
use super::super::time::Scalar;
use super::{Columns, Rows, Skipped, TableError, missing};

pub fn read<R: Rows>(reader: impl Read, file: &str, columns: Columns, rows: &mut R) -> Result<(), R::Error> {
    let failed = |source| TableError::Read { file: file.to_owned(), source };
    let mut records = Records::new(reader).map_err(failed)?;
    match records.next_record().map_err(failed)? {
        Record::Whole => {}
        Record::TooLong => return Err(TableError::Header { file: file.to_owned() }.into()),
        Record::End => return Err(TableError::Empty { file: file.to_owned() }.into()),
    }
    let (places, width) = header(&records, file, columns)?;
    // Short ones wait for the next: what is last may be cut off, what is not is broken.
    let mut short = None;
    loop {
        let record = records.next_record().map_err(failed)?;
        if let Some(line) = short.take() {
            rows.skip(line, if record == Record::End { Skipped::CutOff } else { Skipped::Malformed })?;
        }
        match record {
            Record::End => return Ok(()),
            Record::TooLong => rows.skip(records.line, Skipped::TooLong)?,
            Record::Whole if records.width() < width => short = Some(records.line),
            // A comma too many: who knows which column is which.
            Record::Whole if records.width() > width => rows.skip(records.line, Skipped::Malformed)?,
            Record::Whole => match records.text() {
                None => rows.skip(records.line, Skipped::NotUtf8)?,
                Some(text) => {
                    let scalar = |place: &Option<usize>| place.map_or(Scalar::Absent, |i| Scalar::Text(records.field(text, i)));
                    let values: Vec<Scalar> = places.iter().map(scalar).collect();
                    rows.row(records.line, &values)?
                }
            },
        }
    }
}

/// Where each of the columns stands, and how many there are.
fn header<R: Read>(records: &Records<R>, file: &str, columns: Columns) -> Result<(Vec<Option<usize>>, usize), TableError> {
    let text = records.text().ok_or_else(|| TableError::Header { file: file.to_owned() })?;
    let names: Vec<&str> = (0..records.width()).map(|i| records.field(text, i).trim()).collect();
    let mut places = Vec::new();
    for column in columns.columns {
        let mut found = (0..names.len()).filter(|i| names[*i].eq_ignore_ascii_case(column.name));
        places.push(found.next());
        if found.next().is_some() {
            return Err(TableError::TwoColumns { file: file.to_owned(), column: column.name.to_owned() });
        }
    }
    let found: Vec<bool> = places.iter().map(Option::is_some).collect();
    missing(columns, &found, file, names.iter().copied())?;
    Ok((places, names.len()))
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

    pub fn next_record(&mut self) -> io::Result<Record> {
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
