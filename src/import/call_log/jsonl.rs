//! JSON lines: an object a line. Values of other keys are passed over without being kept.

use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::collect::{Collector, Row};
use super::lines::{Line, Lines};
use super::summary::Skipped;
use super::time::Scalar;
use super::{COLUMNS, CallLogError, listed};

pub fn read(reader: impl Read, collector: &mut Collector) -> Result<(), CallLogError> {
    let file = collector.file();
    let failed = |source| CallLogError::Read { file: file.clone(), source };
    let mut lines = Lines::new(reader).map_err(failed)?;
    let mut line = Vec::new();
    let mut keys = Keys::default();
    loop {
        let kind = lines.next(&mut line).map_err(failed)?;
        let text = std::str::from_utf8(&line).map(str::trim);
        match (kind, text) {
            (Line::End, _) => break,
            (Line::TooLong, _) => collector.skip(lines.number, Skipped::TooLong),
            (Line::Whole, Ok("")) | (Line::Unfinished, Ok("")) => {}
            (_, Ok(text)) => match object(text, &mut keys) {
                Some(object) => collector.row(lines.number, object.row())?,
                None if kind == Line::Unfinished => collector.skip(lines.number, Skipped::CutOff),
                None => collector.skip(lines.number, Skipped::Malformed),
            },
            (Line::Unfinished, Err(_)) => collector.skip(lines.number, Skipped::CutOff),
            (Line::Whole, Err(_)) => collector.skip(lines.number, Skipped::NotUtf8),
        }
    }
    match keys.missing() {
        Some(missing) => Err(CallLogError::MissingColumn { file, missing, found: listed(keys.first.iter().map(String::as_str)) }),
        None => Ok(()),
    }
}

/// Which keys there are, in place of a header.
#[derive(Debug, Default)]
struct Keys {
    /// Of the first object, as many as a message shows.
    first: Vec<String>,
    /// Objects read.
    objects: u64,
    /// Which of [`COLUMNS`] any object had.
    seen: [bool; COLUMNS.len()],
}

impl Keys {
    /// None too where there is no object at all: then that is what is wrong.
    fn missing(&self) -> Option<&'static str> {
        match self.seen {
            _ if self.objects == 0 => None,
            [false, ..] => Some("time"),
            [_, false, ..] => Some("agent"),
            [_, _, false, false, ..] => Some("capability or server"),
            _ => None,
        }
    }
}

/// The values of [`COLUMNS`].
#[derive(Debug, Default)]
struct Object([Value; COLUMNS.len()]);

#[derive(Debug, Default)]
enum Value {
    #[default]
    Absent,
    Number(f64),
    Text(String),
    Other,
}

impl Value {
    fn scalar(&self) -> Scalar<'_> {
        match self {
            Value::Absent => Scalar::Absent,
            Value::Number(number) => Scalar::Number(*number),
            Value::Text(text) => Scalar::Text(text),
            Value::Other => Scalar::Other,
        }
    }

    fn name(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }
}

impl Object {
    fn row(&self) -> Row<'_> {
        let [time, agent, capability, server, duration, duration_ms] = &self.0;
        Row {
            time: time.scalar(),
            agent: agent.name(),
            capability: capability.name(),
            server: server.name(),
            duration: duration.scalar(),
            duration_ms: duration_ms.scalar(),
        }
    }
}

/// None where the line is no object.
fn object(text: &str, keys: &mut Keys) -> Option<Object> {
    let mut json = serde_json::Deserializer::from_str(text);
    let object = ObjectSeed(keys).deserialize(&mut json).ok()?;
    json.end().ok()?;
    keys.objects += 1;
    Some(object)
}

struct ObjectSeed<'k>(&'k mut Keys);

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Object;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        /// More than a message shows.
        const KEPT: usize = 64;
        let mut object = Object::default();
        while let Some(key) = map.next_key::<String>()? {
            match COLUMNS.iter().position(|column| key.trim().eq_ignore_ascii_case(column)) {
                Some(column) => {
                    object.0[column] = map.next_value_seed(ValueSeed)?;
                    self.0.seen[column] = true;
                }
                None => _ = map.next_value::<IgnoredAny>()?,
            }
            if self.0.objects == 0 && self.0.first.len() < KEPT {
                self.0.first.push(key);
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

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
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
