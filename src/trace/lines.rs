//! Lines of a text, none of them kept beyond a limit. A line is lent out of the buffer that it was read into.

use std::io::{self, BufRead, BufReader, Read};

use memchr::memchr;

/// A longer line or record holds no call, but where a format says otherwise.
pub const LONGEST: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'b> {
    /// From 1.
    pub number: u64,
    /// Without the line's end; empty where it is too long.
    pub text: &'b [u8],
    pub end: LineEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    Whole,
    /// The last one, without a line's end.
    Unfinished,
    /// Its end was reached, its text dropped.
    TooLong,
}

#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What is read and not yet lent.
    start: usize,
    end: usize,
    number: u64,
    longest: usize,
}

/// Read at once; what a line needs beyond it, the buffer grows by.
const CHUNK: usize = 1 << 18;

impl<R: Read> Lines<R> {
    /// Lines of up to `longest` bytes, behind the byte order mark that some editors write.
    pub fn new(reader: R, longest: usize) -> io::Result<Lines<R>> {
        let mut lines = Lines { reader, buffer: vec![0; CHUNK], start: 0, end: 0, number: 0, longest };
        while lines.end < MARK.len() && lines.fill()? {}
        if lines.buffer[..lines.end].starts_with(MARK) {
            lines.start = MARK.len();
        }
        Ok(lines)
    }

    /// None at the end.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.number += 1;
        let (mut searched, mut too_long) = (self.start, false);
        let (length, end) = loop {
            match memchr(b'\n', &self.buffer[searched..self.end]) {
                Some(at) => break (searched + at - self.start, LineEnd::Whole),
                None if self.end - self.start > self.longest => {
                    (too_long, self.start) = (true, self.end);
                }
                None => {}
            }
            let unsearched = self.end - self.start;
            if !self.fill()? {
                match (self.end - self.start, too_long) {
                    (0, false) => return Ok(None),
                    (rest, _) => break (rest, LineEnd::Unfinished),
                }
            }
            searched = self.start + unsearched;
        };
        let text = self.start..self.start + length;
        self.start = text.end + usize::from(end == LineEnd::Whole);
        Ok(Some(match too_long || length > self.longest {
            true => Line { number: self.number, text: &[], end: LineEnd::TooLong },
            false => Line { number: self.number, text: &self.buffer[text], end },
        }))
    }

    /// Reads on behind what is there; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < CHUNK / 2 {
            // Twice as large, so that a long line is copied few times; no larger than the longest line needs.
            let larger = (2 * self.buffer.len()).min(self.longest + CHUNK).max(self.end + CHUNK / 2);
            self.buffer.resize(larger, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(read) => {
                    self.end += read;
                    return Ok(read > 0);
                }
            }
        }
    }
}

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Buffered, behind the byte order mark.
pub fn without_mark<R: Read>(reader: R) -> io::Result<BufReader<R>> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    if reader.fill_buf()?.starts_with(MARK) {
        reader.consume(MARK.len());
    }
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: impl Read, longest: usize) -> Vec<(LineEnd, Vec<u8>)> {
        let mut lines = Lines::new(text, longest).expect("a slice");
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().expect("a slice") {
            assert_eq!(line.number, found.len() as u64 + 1);
            found.push((line.end, line.text.to_vec()));
        }
        found
    }

    #[test]
    fn lines_are_whole_unfinished_or_too_long() {
        let check = |text: &[u8], expected: &[(LineEnd, usize)]| {
            let found: Vec<_> = all(text, LONGEST).iter().map(|(end, text)| (*end, text.len())).collect();
            assert_eq!(found, expected);
        };
        check(b"", &[]);
        check(b"\xef\xbb\xbf", &[]);
        check(b"\xef\xbb\xbfa\r\n\nbc", &[(LineEnd::Whole, 2), (LineEnd::Whole, 0), (LineEnd::Unfinished, 2)]);
        let mut long = vec![b'x'; LONGEST];
        long.extend_from_slice(b"\n");
        check(&long, &[(LineEnd::Whole, LONGEST)]);
        long.insert(0, b'x');
        long.extend_from_slice(b"next\n");
        check(&long, &[(LineEnd::TooLong, 0), (LineEnd::Whole, 4)]);
        check(&long[..LONGEST + 1], &[(LineEnd::TooLong, 0)]);
        let huge = [vec![b'x'; 5 * LONGEST], b"\nnext".to_vec()].concat();
        check(&huge, &[(LineEnd::TooLong, 0), (LineEnd::Unfinished, 4)]);
    }

    /// Gives a few bytes at a time, as a pipe may.
    struct Slow<'t>(&'t [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn lines_are_those_of_a_split(text in "[ab\n]{0,200}", longest in 1usize..40, step in 1usize..50) {
            let mut expected: Vec<_> = text.split('\n').map(|line| (LineEnd::Whole, line.as_bytes().to_vec())).collect();
            let (_, last) = expected.pop().expect("one at least");
            if !last.is_empty() {
                expected.push((LineEnd::Unfinished, last));
            }
            for (end, text) in &mut expected {
                if text.len() > longest {
                    (*end, *text) = (LineEnd::TooLong, Vec::new());
                }
            }
            prop_assert_eq!(all(Slow(text.as_bytes(), step), longest), expected);
        }
    }
}
