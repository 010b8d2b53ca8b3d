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

/// The tree; a `null` is as if it were not there. An empty file is an empty object where comments are allowed.
pub fn parse_json(text: &str, dialect: Dialect) -> Result<Node<'_>, AgentFileError> {
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
            Ok(node(value, mark).unwrap_or(Node { span, value: Value::Table(Vec::new()) }))
        }
        None if is_loose => Ok(Node { span: mark..mark, value: Value::Table(Vec::new()) }),
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

    #[test]
    fn oddities_are_refused_with_their_line() {
        let deep = "[".repeat(100_000);
        for (text, line) in [("", 1), ("{\n \"a\": \"\\ud800\"\n}", 2), ("{\n\n", 1), ("{} {}", 1), (deep.as_str(), 1), ("{\"a\" 1}", 1)] {
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
