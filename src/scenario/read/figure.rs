//! Figures: a quantity, bare or with where it comes from.

use std::ops::Range;
use std::str::FromStr;

use crate::scenario::document::{Entry, Fields, Node, Problems, Value};
use crate::scenario::words::SOURCES;
use crate::scenario::{Figure, Provenance, Source};
use crate::units::{Bytes, Probability, Rate, SimTime};

/// What a figure can be of.
pub(crate) trait Quantity: Sized {
    /// The value here; none after a mistake was named.
    fn read(node: &Node, what: &str, problems: &mut Problems) -> Option<Self>;

    /// One end of an interval, as a number that can be compared; none where it is not of this unit.
    fn interval_end(text: &str) -> Option<f64>;
}

/// A quantity written as a text with its unit.
fn read_text<T: FromStr<Err = crate::units::UnitError>>(node: &Node, what: &str, example: &str, problems: &mut Problems) -> Option<T> {
    match &node.value {
        Value::Text(text) => match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                problems.error(&node.span, format!("{what}: {error}"), "", None);
                None
            }
        },
        Value::Integer(_) | Value::Float(..) => {
            problems.error(&node.span, format!("{what} needs a unit"), "", format!("write it as in \"{example}\""));
            None
        }
        _ => {
            node.wrong_type(what, &format!("a text with a unit, as in \"{example}\""), problems);
            None
        }
    }
}

impl Quantity for SimTime {
    fn read(node: &Node, what: &str, problems: &mut Problems) -> Option<SimTime> {
        read_text(node, what, "150ms", problems)
    }

    fn interval_end(text: &str) -> Option<f64> {
        text.parse::<SimTime>().ok().map(SimTime::as_secs)
    }
}

impl Quantity for Bytes {
    fn read(node: &Node, what: &str, problems: &mut Problems) -> Option<Bytes> {
        read_text(node, what, "90MiB", problems)
    }

    fn interval_end(text: &str) -> Option<f64> {
        text.parse::<Bytes>().ok().map(|bytes| bytes.0 as f64)
    }
}

impl Quantity for Rate {
    fn read(node: &Node, what: &str, problems: &mut Problems) -> Option<Rate> {
        read_text(node, what, "20/h", problems)
    }

    fn interval_end(text: &str) -> Option<f64> {
        text.parse::<Rate>().ok().map(Rate::per_second)
    }
}

impl Quantity for Probability {
    fn read(node: &Node, what: &str, problems: &mut Problems) -> Option<Probability> {
        let number = match &node.value {
            Value::Text(_) => return read_text(node, what, "5%", problems),
            Value::Integer(integer) => *integer as f64,
            Value::Float(float, _) => *float,
            _ => {
                node.wrong_type(what, "a share, as in 0.05 or \"5%\"", problems);
                return None;
            }
        };
        let probability = Probability::new(number);
        if probability.is_none() {
            let hint = if (1.0..=100.0).contains(&number) {
                format!("for {number} percent write \"{number}%\"")
            } else {
                "as in 0.05 or \"5%\"".to_owned()
            };
            problems.error(&node.span, format!("{what} has to be from 0 to 1"), "", hint);
        }
        probability
    }

    fn interval_end(text: &str) -> Option<f64> {
        text.parse::<Probability>().ok().map(Probability::get)
    }
}

impl Quantity for f64 {
    fn read(node: &Node, what: &str, problems: &mut Problems) -> Option<f64> {
        let number = match &node.value {
            Value::Integer(integer) => *integer as f64,
            Value::Float(float, _) => *float,
            Value::Text(text) if text.trim().parse::<f64>().is_ok() => {
                problems.error(&node.span, format!("{what} has to be a number"), "this is a text", "leave the quotes out".to_owned());
                return None;
            }
            _ => {
                node.wrong_type(what, "a number", problems);
                return None;
            }
        };
        // Far beyond anything meant, and far from where sums overflow.
        if !number.is_finite() || number.abs() > 1e15 {
            problems.error(&node.span, format!("{what} has to be a finite number"), "", None);
            return None;
        }
        Some(number)
    }

    fn interval_end(text: &str) -> Option<f64> {
        text.parse().ok()
    }
}

impl Quantity for u32 {
    fn read(node: &Node, what: &str, problems: &mut Problems) -> Option<u32> {
        let Value::Integer(integer) = &node.value else {
            node.wrong_type(what, "a whole number", problems);
            return None;
        };
        let number = u32::try_from(*integer).ok();
        if number.is_none() {
            let asked = if *integer < 0 { "0 or more".to_owned() } else { format!("at most {}", u32::MAX) };
            problems.error(&node.span, format!("{what} has to be {asked}"), "", None);
        }
        number
    }

    fn interval_end(text: &str) -> Option<f64> {
        text.parse().ok()
    }
}

/// What a value has to be beyond its type: none, or what is asked of it.
pub(crate) type Check<T> = fn(&T) -> Option<&'static str>;

pub(crate) fn any<T>(_: &T) -> Option<&'static str> {
    None
}

/// A figure of a table.
pub(crate) fn optional<T: Quantity>(fields: &mut Fields, key: &'static str, check: Check<T>, problems: &mut Problems) -> Option<Figure<T>> {
    let entry = fields.take(key)?;
    figure(&entry.node, &format!("`{key}`"), check, problems)
}

/// A figure of a table whose key is required.
pub(crate) fn required<T: Quantity>(
    fields: &mut Fields,
    key: &'static str,
    hint: &str,
    check: Check<T>,
    problems: &mut Problems,
) -> Option<Figure<T>> {
    let entry = fields.need(key, hint, problems)?;
    figure(&entry.node, &format!("`{key}`"), check, problems)
}

/// A figure of a table that has a default.
pub(crate) fn or<T: Quantity>(
    fields: &mut Fields,
    key: &'static str,
    default: Figure<T>,
    check: Check<T>,
    problems: &mut Problems,
) -> Figure<T> {
    optional(fields, key, check, problems).unwrap_or(default)
}

/// A figure, bare or with its provenance.
pub(crate) fn figure<T: Quantity>(node: &Node, what: &str, check: Check<T>, problems: &mut Problems) -> Option<Figure<T>> {
    figure_by(node, what, &T::interval_end, problems, |node, problems| {
        let value = T::read(node, what, problems)?;
        if let Some(asked) = check(&value) {
            problems.error(&node.span, format!("{what} has to be {asked}"), "", None);
        }
        Some(value)
    })
}

/// A figure whose value `read` reads.
pub(crate) fn figure_by<T>(
    node: &Node,
    what: &str,
    interval_end: &dyn Fn(&str) -> Option<f64>,
    problems: &mut Problems,
    read: impl FnOnce(&Node, &mut Problems) -> Option<T>,
) -> Option<Figure<T>> {
    if node.get("value").is_none() {
        // A table without `value` can only be a distribution, whose reader knows its keys.
        return read(node, problems).map(Figure::stated);
    }
    let mut fields = Fields::of(node, what, &node.span, problems)?;
    let value = fields.take("value")?;
    let source = fields.take("source").map(|entry| (entry, source(entry, problems)));
    let n = fields.take("n").and_then(|entry| count(&entry.node, problems));
    let interval = fields.take("interval").and_then(|entry| interval(&entry.node, what, interval_end, problems));
    let note = fields.text("note", problems);
    if source.is_none() && (n.is_some() || interval.is_some() || note.is_some()) {
        let hint = "add source = \"measured\", \"fitted\", \"published\", \"catalogue\" or \"assumed\"".to_owned();
        problems.missing(&node.span, format!("{what} does not say its source"), "", hint);
    }
    fields.finish(problems);
    let provenance = source.and_then(|(_, source)| source).map(|source| Provenance { source, n, interval, note });
    Some(Figure { value: read(&value.node, problems)?, provenance })
}

fn source(entry: &Entry, problems: &mut Problems) -> Option<Source> {
    word(&entry.node, "`source`", "source", &SOURCES, problems)
}

/// One of a few words.
pub(crate) fn word<T: Copy>(node: &Node, what: &str, kind: &str, words: &[(&'static str, T)], problems: &mut Problems) -> Option<T> {
    let text = node.text(what, problems)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        problems.unknown(kind, text, &node.span, words.iter().map(|(word, _)| *word));
    }
    found
}

fn count(node: &Node, problems: &mut Problems) -> Option<u64> {
    let Value::Integer(integer) = &node.value else {
        node.wrong_type("`n`", "a whole number", problems);
        return None;
    };
    let number = u64::try_from(*integer).ok();
    if number.is_none() {
        problems.error(&node.span, "`n` is a sample size: it has to be 0 or more", "", None);
    }
    number
}

fn interval(node: &Node, what: &str, end: &dyn Fn(&str) -> Option<f64>, problems: &mut Problems) -> Option<[String; 2]> {
    let Some([low, high]) = node.list("`interval`", problems)?.first_chunk::<2>().filter(|_| node_len(node) == 2) else {
        problems.error(&node.span, "`interval` has to be two values", "", "as in [\"140ms\", \"160ms\"]".to_owned());
        return None;
    };
    let mut read = |node: &Node, span: &Range<usize>| {
        let text = match &node.value {
            Value::Text(text) => text.to_string(),
            Value::Integer(integer) => integer.to_string(),
            Value::Float(_, text) => text.to_string(),
            _ => String::new(),
        };
        let value = end(&text).filter(|value| !value.is_nan());
        if value.is_none() {
            problems.error(span, format!("{what}: an end of its interval is not in its unit"), "", None);
        }
        value.map(|value| (text, value))
    };
    let (low, high) = (read(low, &low.span), read(high, &high.span));
    let ((low, low_value), (high, high_value)) = (low?, high?);
    if low_value > high_value {
        problems.error(&node.span, format!("{what}: its interval's ends are the wrong way round"), "", None);
    }
    Some([low, high])
}

fn node_len(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => items.len(),
        _ => 0,
    }
}
