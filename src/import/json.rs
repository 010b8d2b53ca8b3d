//! JSON with the place of everything in it, with comments where a client permits them, as the tree that TOML has too.

use std::borrow::Cow;

use jsonc_parser::ast::{ObjectPropName, Value as Ast};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::AgentFileError;
use crate::scenario::document::{Entry, Node, Value};

/// How strictly a client reads JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Strict,
    /// Comments, and commas behind the last of a list.
    Comments,
}

/// The tree; a `null` is as if it were not there. Half a surrogate pair becomes U+FFFD: clients take it, and no text here can hold it.
pub fn parse_json(text: &str, dialect: Dialect) -> Result<Node<'_>, AgentFileError> {
    parse_whole(text, dialect).or_else(|error| match without_half_pairs(text) {
        Some(mended) => Ok(owned(parse_whole(&mended, dialect)?)),
        None => Err(error),
    })
}

/// The same text, at the same places, with `\ufffd` for each half of a surrogate pair; none where there is none.
fn without_half_pairs(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().all(u8::is_ascii_hexdigit).then(|| u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())?
    };
    let mut halves = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        at += match (bytes[at], unit(at)) {
            (b'\\', Some(0xd800..0xdc00)) if matches!(unit(at + 6), Some(0xdc00..0xe000)) => 12,
            (b'\\', Some(0xd800..0xe000)) => {
                halves.push(at);
                6
            }
            (b'\\', _) => 2,
            _ => 1,
        };
    }
    let mut mended = String::with_capacity(text.len());
    let mut start = 0;
    for at in &halves {
        mended.push_str(&text[start..*at]);
        mended.push_str("\\ufffd");
        start = at + 6;
    }
    mended.push_str(&text[start..]);
    (!halves.is_empty()).then_some(mended)
}

fn owned(node: Node) -> Node<'static> {
    let text = |text: Cow<str>| Cow::Owned(text.into_owned());
    let value = match node.value {
        Value::Text(found) => Value::Text(text(found)),
        Value::Float(number, spelled) => Value::Float(number, text(spelled)),
        Value::List(items) => Value::List(items.into_iter().map(owned).collect()),
        Value::Table(entries) => Value::Table(
            entries.into_iter().map(|entry| Entry { key: text(entry.key), key_span: entry.key_span, node: owned(entry.node) }).collect(),
        ),
        Value::Integer(number) => Value::Integer(number),
        Value::Flag(flag) => Value::Flag(flag),
        Value::Date(date) => Value::Date(date),
    };
    Node { span: node.span, value }
}

fn parse_whole(text: &str, dialect: Dialect) -> Result<Node<'_>, AgentFileError> {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let is_loose = dialect == Dialect::Comments;
    let options = ParseOptions {
        allow_comments: is_loose,
        allow_trailing_commas: is_loose,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(&text[mark..], &CollectOptions::default(), &options).map_err(|error| {
        let reason = error.kind().to_string();
        let error = AgentFileError::new(format!("not JSON: {}{}", reason[..1].to_lowercase(), &reason[1..]))
            .at(text, text.floor_char_boundary((mark + error.range().start).min(text.len())));
        if is_loose { error } else { error.hint("this client reads plain JSON: no comments, no comma behind the last entry") }
    })?;
    match parsed.value {
        Some(value) => {
            let span = mark..text.len();
            let root = node(value, mark).unwrap_or(Node { span, value: Value::Table(Vec::new()) });
            match root.value {
                Value::Table(_) => Ok(root),
                _ => Err(AgentFileError::new(format!("the file is {}, and clients want an object", root.kind())).at(text, root.span.start)),
            }
        }
        None => Err(AgentFileError::new("not JSON: the file is empty").line(1)),
    }
}

/// None for `null`. The parser ends at a depth of 512.
fn node<'t>(value: Ast<'t>, mark: usize) -> Option<Node<'t>> {
    let at = |range: jsonc_parser::common::Range| range.start + mark..range.end + mark;
    let (span, value) = match value {
        Ast::StringLit(text) => (at(text.range), Value::Text(text.value)),
        Ast::BooleanLit(flag) => (at(flag.range), Value::Flag(flag.value)),
        Ast::NumberLit(number) => {
            let value = match number.value.parse::<i64>() {
                Ok(integer) => Value::Integer(i128::from(integer)),
                Err(_) => Value::Float(number.value.parse().unwrap_or(f64::NAN), Cow::Borrowed(number.value)),
            };
            (at(number.range), value)
        }
        Ast::NullKeyword(_) => return None,
        Ast::Array(array) => (at(array.range), Value::List(array.elements.into_iter().filter_map(|element| node(element, mark)).collect())),
        Ast::Object(object) => {
            let entries = object.properties.into_iter().filter_map(|property| {
                let start = property.range.start + mark;
                let (key, key_end) = match property.name {
                    ObjectPropName::String(name) => (name.value, name.range.end),
                    ObjectPropName::Word(name) => (Cow::Borrowed(name.value), name.range.end),
                };
                Some(Entry { key, key_span: start..key_end + mark, node: node(property.value, mark)? })
            });
            (at(object.range), Value::Table(entries.collect()))
        }
    };
    Some(Node { span, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::line_of;
    use proptest::prelude::*;

    #[test]
    fn comments_are_read_where_a_client_permits_them() {
        let text = "\u{feff}{ // 서버\r\n \"a\": [1, null, \"🧰\",], /* b */\r\n \"b\": { \"c\": true },\r\n}";
        let root = parse_json(text, Dialect::Comments).unwrap();
        let b = root.get("b").unwrap();
        assert_eq!((&text[b.key_span.clone()], line_of(text, b.key_span.start)), ("\"b\"", 3));
        assert_eq!(b.node.to_toml().to_string(), "{ c = true }");
        let error = parse_json(text, Dialect::Strict).unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (Some(1), "not JSON: comments are not allowed"));
    }

    /// `JSON.parse`, by which clients read, takes them.
    #[test]
    fn half_a_surrogate_pair_is_a_replacement_character() {
        let text = r#"{ "a\ud83d": "\\ud83d \ud83d\ude00 \ude00\ud83d", "b": 1 }"#;
        let root = parse_json(text, Dialect::Strict).unwrap();
        let a = root.get("a\u{fffd}").unwrap();
        assert_eq!((a.node.to_toml().as_str(), &text[a.key_span.clone()]), (Some("\\ud83d 😀 \u{fffd}\u{fffd}"), r#""a\ud83d""#));
    }

    #[test]
    fn oddities_are_refused_with_their_line() {
        let deep = "[".repeat(100_000);
        for (text, line) in [("", 1), ("[]", 1), ("{\n\n", 1), ("{} {}", 1), (deep.as_str(), 1), ("{\"a\" 1}", 1)] {
            let error = parse_json(text, Dialect::Strict).expect_err(text);
            assert_eq!(error.line, Some(line), "{}: {}", &text[..text.len().min(30)], error.message);
        }
        let long = format!("{{\"a\": \"{}\"}}", "가".repeat(1_000_000));
        assert!(parse_json(&long, Dialect::Strict).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]{}\"\\\\u0-9d:,/* \t\r\n가🧰\u{feff}a-c]{0,60}") {
            for dialect in [Dialect::Strict, Dialect::Comments] {
                let _ = parse_json(&text, dialect);
            }
        }
    }
}
