//! YAML as the tree that JSON and TOML have too. The parser says no places: a key's is that of the first line that begins with it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use yaml_serde::Value as Yaml;

use super::front_matter::{key_of, lines};
use crate::scenario::document::{Entry, Node, Value};

/// The tree of a value whose text stands in this part of a file.
pub fn yaml_node(value: &Yaml, text: &str, part: Range<usize>) -> Option<Node<'static>> {
    let mut places: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    for line in lines(text, part) {
        let content = &text[line.clone()];
        let start = line.start + (content.len() - content.trim_start_matches([' ', '\t', '-']).len());
        if let Some(key) = key_of(&text[start..line.end]) {
            places.entry(key).or_insert(start..start + key.len());
        }
    }
    node(value, &places)
}

/// None for `null`.
fn node(value: &Yaml, places: &BTreeMap<&str, Range<usize>>) -> Option<Node<'static>> {
    let value = match value {
        Yaml::Null => return None,
        Yaml::Bool(flag) => Value::Flag(*flag),
        Yaml::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(i128::from(integer)),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN), Cow::Owned(number.to_string())),
        },
        Yaml::String(text) => Value::Text(Cow::Owned(text.clone())),
        Yaml::Sequence(items) => Value::List(items.iter().filter_map(|item| node(item, places)).collect()),
        Yaml::Mapping(entries) => {
            let entry = |(key, value): (&Yaml, &Yaml)| {
                let key = key.as_str()?.to_owned();
                let key_span = places.get(key.as_str()).cloned().unwrap_or(0..0);
                Some(Entry { key: Cow::Owned(key), key_span, node: node(value, places)? })
            };
            Value::Table(entries.iter().filter_map(entry).collect())
        }
        Yaml::Tagged(tagged) => return node(&tagged.value, places),
    };
    Some(Node { span: 0..0, value })
}
