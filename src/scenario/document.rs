//! A TOML document as a tree with the place of everything in it, in the order of the text, and the walk over it that collects
//! mistakes instead of stopping at the first.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::diagnostic::line_starts;
use super::problems::{MOST_PROBLEMS, hint_from};
pub(crate) use super::problems::{Problems, short};

/// A longer text is refused.
const LONGEST_TEXT: usize = 16 << 20;
/// Tables that may stand after a part of theirs: the parser moves all that follow for each.
const MOST_REOPENED: usize = 1000;
/// What is nested deeper is refused. The parser has its own limit for brackets and for dots, but not for both together.
const DEEPEST: usize = 64;
/// A longer name is refused.
const LONGEST_NAME: usize = 200;

#[derive(Debug, Clone)]
pub(crate) struct Node<'t> {
    pub span: Range<usize>,
    pub value: Value<'t>,
}

#[derive(Debug, Clone)]
pub(crate) enum Value<'t> {
    Text(Cow<'t, str>),
    Integer(i128),
    /// With its text: "0.10" stays what it is.
    Float(f64, Cow<'t, str>),
    Flag(bool),
    Date(toml::value::Datetime),
    List(Vec<Node<'t>>),
    Table(Vec<Entry<'t>>),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry<'t> {
    pub key: Cow<'t, str>,
    pub key_span: Range<usize>,
    pub node: Node<'t>,
}

/// The document as a tree; none where there is nothing to walk over.
pub(crate) fn parse<'t>(text: &'t str, problems: &mut Problems) -> Option<Node<'t>> {
    if text.len() > LONGEST_TEXT {
        problems.lacking(format!("the file is too long: {} MiB", text.len() >> 20), "a scenario or mapping has at most 16 MiB");
        return None;
    }
    if reopened_tables(text) > MOST_REOPENED {
        let hint = "write [servers.a] above [servers.a.provides]";
        problems.lacking(format!("more than {MOST_REOPENED} tables stand below a part of theirs"), hint);
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let starts = line_starts(text);
    let mut lines: BTreeMap<usize, Range<usize>> = BTreeMap::new();
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let line = starts.partition_point(|start| *start <= span.start).max(1);
        // One mistake may confuse the parser more than once in its line; the first message is the one that helps.
        if !lines.contains_key(&line) {
            problems.error(&span, error.message(), "", syntax_hint(error.message()));
        }
        if lines.len() < MOST_PROBLEMS {
            lines.insert(line, starts[line - 1]..starts.get(line).copied().unwrap_or(text.len() + 1));
        }
    }
    problems.broken = lines.into_values().collect();
    Some(Node { span: 0..0, value: Value::Table(entries(table.into_inner(), DEEPEST, problems)) })
}

/// How many tables seem to stand after a part of theirs: `[a.b]`, then `[a]`. Told from the headers alone, so that a hostile
/// file can only make it more.
fn reopened_tables(text: &str) -> usize {
    let mut parents: BTreeSet<String> = BTreeSet::new();
    let mut reopened = 0;
    for line in text.lines().map(str::trim_start).filter(|line| line.starts_with('[')) {
        let header = line[1..].split(']').next().unwrap_or_default();
        let path: String = header.chars().filter(|c| !matches!(c, ' ' | '\t' | '"' | '\'')).collect();
        if parents.contains(&path) || path.contains('\\') {
            reopened += 1;
        }
        let parent = path.rfind('.').map_or("", |dot| &path[..dot]);
        if !parents.contains(parent) {
            let dots = parent.match_indices('.').map(|(dot, _)| &parent[..dot]).take(DEEPEST);
            parents.extend(dots.chain([parent]).map(str::to_owned));
        }
    }
    reopened
}

fn syntax_hint(message: &str) -> Option<String> {
    match message {
        "duplicate key" => Some("a key stands once in its table, and a table once in a file".to_owned()),
        _ if message.starts_with("string values must be quoted") => Some("put it in quotes: \"...\"".to_owned()),
        _ => None,
    }
}

fn entries<'t>(table: DeTable<'t>, depth: usize, problems: &mut Problems) -> Vec<Entry<'t>> {
    let mut entries: Vec<Entry> = table
        .into_iter()
        .map(|(key, value)| {
            let key_span = key.span();
            let key = key.into_inner();
            check_text(&key, &key_span, problems);
            let span = value.span();
            Entry { key, key_span, node: Node { value: node(value.into_inner(), &span, depth, problems), span } }
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}

fn node<'t>(value: DeValue<'t>, span: &Range<usize>, depth: usize, problems: &mut Problems) -> Value<'t> {
    let Some(depth) = depth.checked_sub(1) else {
        problems.error(span, "nested too deep", "", None);
        return Value::Flag(false);
    };
    match value {
        DeValue::String(text) => {
            check_text(&text, span, problems);
            Value::Text(text)
        }
        DeValue::Integer(integer) => match i128::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(value) if i128::from(i64::MIN) <= value && value <= i128::from(u64::MAX) => Value::Integer(value),
            _ => {
                problems.error(span, "the number is too large", "", None);
                Value::Integer(0)
            }
        },
        DeValue::Float(float) => {
            let text: String = float.as_str().chars().filter(|c| *c != '_').collect();
            Value::Float(text.parse().unwrap_or(f64::NAN), Cow::Owned(text))
        }
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(date) => Value::Date(date),
        DeValue::Array(array) => Value::List(
            array
                .into_iter()
                .map(|item| {
                    let span = item.span();
                    Node { value: node(item.into_inner(), &span, depth, problems), span }
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(entries(table, depth, problems)),
    }
}

/// What would garble or disguise a terminal's output has no place in a name, a path or a note.
pub(crate) fn check_text(text: &str, span: &Range<usize>, problems: &mut Problems) {
    let disguises = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.chars().any(|c| (c.is_control() && !matches!(c, '\n' | '\t' | '\r')) || disguises(c)) {
        problems.error(span, "a control character", "text here is shown in terminals", "leave it out".to_owned());
    }
}

impl<'t> Node<'t> {
    /// For messages: what stands here.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Integer(_) | Value::Float(..) => "a number",
            Value::Flag(_) => "true or false",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    pub fn entries(&self) -> Option<&[Entry<'t>]> {
        match &self.value {
            Value::Table(entries) => Some(entries),
            _ => None,
        }
    }

    pub fn get(&self, key: &str) -> Option<&Entry<'t>> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// The text here, or a mistake.
    pub fn text(&self, what: &str, problems: &mut Problems) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => {
                self.wrong_type(what, "a text in quotes", problems);
                None
            }
        }
    }

    pub fn list(&self, what: &str, problems: &mut Problems) -> Option<&[Node<'t>]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => {
                self.wrong_type(what, "a list, as in [\"a\", \"b\"]", problems);
                None
            }
        }
    }

    pub fn wrong_type(&self, what: &str, expected: &str, problems: &mut Problems) {
        problems.error(&self.span, format!("{what} has to be {expected}"), &format!("this is {}", self.kind()), None);
    }

    /// As plain TOML.
    pub fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::Text(text) => toml::Value::String(text.to_string()),
            // Above i64 only a seed makes sense; as a float it stays a number.
            Value::Integer(integer) => i64::try_from(*integer).map_or(toml::Value::Float(*integer as f64), toml::Value::Integer),
            Value::Float(float, _) => toml::Value::Float(*float),
            Value::Flag(flag) => toml::Value::Boolean(*flag),
            Value::Date(date) => toml::Value::Datetime(*date),
            Value::List(items) => toml::Value::Array(items.iter().map(Node::to_toml).collect()),
            Value::Table(entries) => toml::Value::Table(to_table(entries)),
        }
    }
}

pub(crate) fn to_table(entries: &[Entry]) -> toml::Table {
    entries.iter().map(|entry| (entry.key.to_string(), entry.node.to_toml())).collect()
}

/// A table of known keys. Those that nobody takes are unknown.
pub(crate) struct Fields<'a, 't> {
    /// What the table is, for messages: "server `time`".
    pub what: String,
    /// Where to point when something is missing.
    pub span: Range<usize>,
    entries: &'a [Entry<'t>],
    taken: Vec<bool>,
    known: Vec<&'static str>,
}

impl<'a, 't> Fields<'a, 't> {
    /// `span`: where to point when something is missing.
    pub fn of(node: &'a Node<'t>, what: impl Into<String>, span: &Range<usize>, problems: &mut Problems) -> Option<Fields<'a, 't>> {
        let what = what.into();
        let Some(entries) = node.entries() else {
            node.wrong_type(&what, "a table", problems);
            return None;
        };
        Some(Fields { what, span: span.clone(), entries, taken: vec![false; entries.len()], known: Vec::new() })
    }

    pub fn take(&mut self, key: &'static str) -> Option<&'a Entry<'t>> {
        self.known.push(key);
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        self.taken[at] = true;
        Some(&self.entries[at])
    }

    /// As [`Fields::take`], and a mistake where it is not there.
    pub fn need(&mut self, key: &'static str, hint: &str, problems: &mut Problems) -> Option<&'a Entry<'t>> {
        let entry = self.take(key);
        if entry.is_none() {
            problems.missing(&self.span, format!("{} has no `{key}`", self.what), "", hint.to_owned());
        }
        entry
    }

    pub fn text(&mut self, key: &'static str, problems: &mut Problems) -> Option<String> {
        self.take(key)?.node.text(&format!("`{key}`"), problems).map(str::to_owned)
    }

    pub fn flag(&mut self, key: &'static str, default: bool, problems: &mut Problems) -> bool {
        match self.take(key) {
            None => default,
            Some(Entry { node: Node { value: Value::Flag(flag), .. }, .. }) => *flag,
            Some(entry) => {
                entry.node.wrong_type(&format!("`{key}`"), "true or false", problems);
                default
            }
        }
    }

    /// Names what nobody took.
    pub fn finish(self, problems: &mut Problems) {
        for (entry, _) in self.entries.iter().zip(&self.taken).filter(|(_, taken)| !**taken) {
            let hint = if problems.is_crowded() { None } else { hint_from(&entry.key, self.known.iter().copied()) };
            let hint = hint.or_else(|| Some(format!("known here: {}", self.known.join(", "))));
            problems.error(&entry.key_span, format!("unknown key `{}` in {}", short(&entry.key), self.what), "", hint);
        }
    }
}

/// The entries of a table whose keys are names, each checked to be one.
pub(crate) fn named<'a, 't>(node: &'a Node<'t>, what: &str, problems: &mut Problems) -> &'a [Entry<'t>] {
    let Some(entries) = node.entries() else {
        node.wrong_type(what, "a table of names", problems);
        return &[];
    };
    for entry in entries {
        check_name(&entry.key, &entry.key_span, problems);
    }
    entries
}

pub(crate) fn check_name(name: &str, span: &Range<usize>, problems: &mut Problems) {
    if name.trim().is_empty() {
        problems.error(span, "an empty name", "", None);
    } else if name.contains(['\n', '\t', '\r']) {
        problems.error(span, "a name of more than one line", "", None);
    } else if name.len() > LONGEST_NAME {
        problems.error(span, format!("a name of {} bytes", name.len()), "", format!("a name has at most {LONGEST_NAME}"));
    }
}
