//! JSON lines: an object a line. Values of other keys are passed over without being kept.

use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::lines::{LONGEST, LineEnd, Lines};
use super::super::time::Scalar;
use super::{Column, Columns, Rows, Skipped, TableError, missing};

pub fn read<R: Rows>(reader: impl Read, file: &str, columns: Columns, rows: &mut R) -> Result<(), R::Error> {
    let failed = |source| TableError::Read { file: file.to_owned(), source };
    let mut lines = Lines::new(reader, LONGEST).map_err(failed)?;
    let mut keys = Keys { seen: vec![false; columns.columns.len()], ..Keys::default() };
    while let Some(line) = lines.next_line().map_err(failed)? {
        let text = std::str::from_utf8(line.text).map(str::trim);
        match (line.end, text) {
            (LineEnd::TooLong, _) => rows.skip(line.number, Skipped::TooLong)?,
            (_, Ok("")) => {}
            (end, Ok(text)) => match object(text, columns.columns, &mut keys) {
                Some(values) => rows.row(line.number, &values.iter().map(Value::scalar).collect::<Vec<_>>())?,
                None if end == LineEnd::Unfinished => rows.skip(line.number, Skipped::CutOff)?,
                None => rows.skip(line.number, Skipped::Malformed)?,
            },
            (LineEnd::Unfinished, Err(_)) => rows.skip(line.number, Skipped::CutOff)?,
            (LineEnd::Whole, Err(_)) => rows.skip(line.number, Skipped::NotUtf8)?,
        }
    }
    // Where there is no object at all, that is what is wrong.
    if keys.objects > 0 {
        missing(columns, &keys.seen, file, keys.first.iter().map(String::as_str))?;
    }
    Ok(())
}

/// Which keys there are, in place of a header.
#[derive(Debug, Default)]
struct Keys {
    /// Of the first object, as many as a message shows.
    first: Vec<String>,
    /// Objects read.
    objects: u64,
    /// Which of the columns any object had.
    seen: Vec<bool>,
}

#[derive(Debug, Default, Clone)]
enum Value {
    #[default]
    Absent,
    Number(f64),
    Text(String),
    Truth(bool),
    Other,
}

impl Value {
    fn scalar(&self) -> Scalar<'_> {
        match self {
            Value::Absent => Scalar::Absent,
            Value::Number(number) => Scalar::Number(*number),
            Value::Text(text) => Scalar::Text(text),
            Value::Truth(truth) => Scalar::Truth(*truth),
            Value::Other => Scalar::Other,
        }
    }
}

/// Values of the columns; none where the line is no object.
fn object(text: &str, columns: &[Column], keys: &mut Keys) -> Option<Vec<Value>> {
    let mut json = serde_json::Deserializer::from_str(text);
    let object = ObjectSeed { columns, keys }.deserialize(&mut json).ok()?;
    json.end().ok()?;
    keys.objects += 1;
    Some(object)
}

struct ObjectSeed<'k> {
    columns: &'k [Column<'k>],
    keys: &'k mut Keys,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Vec<Value>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Value>, A::Error> {
        /// More than a message shows.
        const KEPT: usize = 64;
        let mut object = vec![Value::Absent; self.columns.len()];
        while let Some(key) = map.next_key::<String>()? {
            match self.columns.iter().position(|column| key.trim().eq_ignore_ascii_case(column.name)) {
                Some(column) => {
                    object[column] = map.next_value_seed(ValueSeed)?;
                    self.keys.seen[column] = true;
                }
                None => _ = map.next_value::<IgnoredAny>()?,
            }
            if self.keys.objects == 0 && self.keys.first.len() < KEPT {
                self.keys.first.push(key);
            }
        }
        Ok(object)
    }
}

struct ValueSeed;

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a number or a text")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Truth(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}
