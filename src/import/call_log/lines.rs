//! Lines of a text, none of them kept beyond a limit.

use std::io::{self, BufRead, BufReader, Read};

/// A longer line or record holds no call.
pub const LONGEST: usize = 1 << 20;

/// What has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A whole line is in the buffer.
    Whole,
    /// The last one, without a line's end.
    Unfinished,
    /// Its end is reached, its text dropped.
    TooLong,
    End,
}

#[derive(Debug)]
pub struct Lines<R> {
    reader: BufReader<R>,
    pub number: u64,
}

impl<R: Read> Lines<R> {
    pub fn new(reader: R) -> io::Result<Lines<R>> {
        Ok(Lines { reader: without_mark(reader)?, number: 0 })
    }

    /// The next line, without its end, into `line`.
    pub fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Line> {
        line.clear();
        self.number += 1;
        let (mut too_long, mut begun) = (false, false);
        loop {
            let chunk = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let end = chunk.iter().position(|b| *b == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            too_long |= line.len() + part.len() > LONGEST;
            if too_long {
                line.clear()
            } else {
                line.extend_from_slice(part)
            }
            let (at_end, used) = (chunk.is_empty(), end.map_or(chunk.len(), |end| end + 1));
            begun |= !at_end;
            self.reader.consume(used);
            match (end, at_end) {
                (Some(_), _) | (None, true) if too_long => return Ok(Line::TooLong),
                (Some(_), _) => return Ok(Line::Whole),
                (None, true) if begun => return Ok(Line::Unfinished),
                (None, true) => return Ok(Line::End),
                (None, false) => {}
            }
        }
    }
}

/// Buffered, behind the byte order mark that some editors write.
pub fn without_mark<R: Read>(reader: R) -> io::Result<BufReader<R>> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    if reader.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<(Line, usize)> {
        let mut lines = Lines::new(text).expect("a slice");
        let (mut line, mut found) = (Vec::new(), Vec::new());
        loop {
            match lines.next(&mut line).expect("a slice") {
                Line::End => return found,
                other => found.push((other, line.len())),
            }
        }
    }

    #[test]
    fn lines_are_whole_unfinished_or_too_long() {
        assert_eq!(all(b""), []);
        assert_eq!(all(b"\xef\xbb\xbfa\r\n\nbc"), [(Line::Whole, 2), (Line::Whole, 0), (Line::Unfinished, 2)]);
        let mut long = vec![b'x'; LONGEST];
        long.extend_from_slice(b"\n");
        assert_eq!(all(&long), [(Line::Whole, LONGEST)]);
        long.insert(0, b'x');
        long.extend_from_slice(b"next\n");
        assert_eq!(all(&long), [(Line::TooLong, 0), (Line::Whole, 4)]);
        assert_eq!(all(&long[..LONGEST + 1]), [(Line::TooLong, 0)]);
    }
}
