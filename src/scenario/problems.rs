//! The mistakes in a document, collected while it is walked over: with hints, without secrets.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::document::{Node, Value};

/// Mistakes beyond these are counted, not kept.
pub(super) const MOST_PROBLEMS: usize = 500;

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Diagnostic>,
    omitted: usize,
    errors: usize,
    /// Lines whose syntax is broken. What is missing may have been lost there, so nothing is said of it, nor of what was read there.
    pub(super) broken: Vec<Range<usize>>,
    /// Never shown, nor anything else that is quoted from there.
    secrets: Vec<Range<usize>>,
}

impl Problems {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.errors += 1;
        }
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.list.push(diagnostic);
        }
    }

    pub fn is_full(&self) -> bool {
        self.list.len() >= MOST_PROBLEMS
    }

    /// So many that nobody needs a hint for the next one, which takes a search.
    pub fn is_crowded(&self) -> bool {
        self.list.len() >= 100
    }

    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    pub fn error(&mut self, span: &Range<usize>, message: impl Into<String>, label: &str, hint: impl Into<Option<String>>) {
        let is_lost = span.is_empty() || self.broken.iter().any(|line| line.contains(&span.start));
        if !self.broken.is_empty() && is_lost {
            return;
        }
        self.push(Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            span: Some(span.clone()),
            label: label.to_owned(),
            hint: hint.into(),
        });
    }

    /// Something that is not there, or does not fit what stands elsewhere: not said where the syntax is broken.
    pub fn missing(&mut self, span: &Range<usize>, message: impl Into<String>, label: &str, hint: impl Into<Option<String>>) {
        if self.broken.is_empty() {
            self.error(span, message, label, hint);
        }
    }

    pub fn warning(&mut self, span: &Range<usize>, message: impl Into<String>, hint: impl Into<Option<String>>) {
        if self.broken.is_empty() {
            self.push(Diagnostic {
                severity: Severity::Warning,
                message: message.into(),
                span: Some(span.clone()),
                label: String::new(),
                hint: hint.into(),
            });
        }
    }

    /// Something that the file as a whole lacks.
    pub fn lacking(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        if self.broken.is_empty() {
            self.push(Diagnostic {
                severity: Severity::Error,
                message: message.into(),
                span: Some(0..0),
                label: String::new(),
                hint: Some(hint.into()),
            });
        }
    }

    /// A name that should be one of `known`.
    pub fn unknown<'a>(&mut self, kind: &str, name: &str, span: &Range<usize>, known: impl IntoIterator<Item = &'a str>) {
        if !self.broken.is_empty() {
            return;
        }
        let hint = if self.is_crowded() { None } else { hint_from(name, known) };
        self.error(span, format!("unknown {kind} `{}`", short(name)), &format!("no such {kind}"), hint);
    }

    /// As [`Problems::unknown`], with a message and a hint of its own for where nothing is close.
    pub fn unknown_as<'a>(
        &mut self,
        message: String,
        name: &str,
        span: &Range<usize>,
        known: impl IntoIterator<Item = &'a str>,
        otherwise: &str,
    ) {
        if self.broken.is_empty() {
            let close = if self.is_crowded() { None } else { close_to(name, &known.into_iter().collect::<Vec<_>>()) };
            let hint = close.map_or_else(|| otherwise.to_owned(), |close| format!("did you mean `{close}`?"));
            self.error(span, message, "", hint);
        }
    }

    /// Where something is wrong, and what.
    pub fn places(&self) -> BTreeSet<(Option<usize>, String)> {
        self.list.iter().map(|d| (d.span.as_ref().map(|s| s.start), d.message.clone())).collect()
    }

    /// An empty collection for another walk over the same text.
    pub fn for_overlay(&self) -> Problems {
        Problems { broken: self.broken.clone(), ..Problems::default() }
    }

    pub fn adopt_secrets(&mut self, other: Problems) {
        self.secrets.extend(other.secrets);
    }

    /// Masks a part of the text in everything that is shown.
    pub fn hide(&mut self, node: &Node) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.hide(item)),
            Value::Table(entries) => entries.iter().for_each(|entry| self.hide(&entry.node)),
            _ => self.secrets.push(node.span.clone()),
        }
    }

    pub fn take(&mut self) -> Vec<Diagnostic> {
        self.errors = 0;
        std::mem::take(&mut self.list)
    }

    /// In the order of the text, each once.
    pub fn into_diagnostics(mut self, file_name: &str, text: &str) -> Diagnostics {
        self.list.sort_by_key(|d| (d.span.as_ref().map(|s| s.start), d.severity));
        let mut seen = BTreeSet::new();
        self.list.retain(|d| seen.insert((d.span.as_ref().map(|s| s.start), d.message.clone())));
        Diagnostics { file_name: file_name.to_owned(), text: masked(text, &self.secrets), list: self.list, omitted: self.omitted }
    }
}

/// The text with every secret replaced by stars, byte for byte, so that places stay.
fn masked(text: &str, secrets: &[Range<usize>]) -> String {
    let mut secrets: Vec<Range<usize>> = secrets.iter().cloned().chain(assignments_in_quotes(text)).collect();
    secrets.sort_by_key(|s| s.start);
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for secret in secrets {
        let start = text.floor_char_boundary(secret.start.max(done).min(text.len()));
        let end = text.ceil_char_boundary(secret.end.clamp(start, text.len()));
        masked.push_str(&text[done..start]);
        masked.extend(text[start..end].bytes().map(|b| if matches!(b, b'\n' | b'\r' | b'"' | b'\'') { char::from(b) } else { '*' }));
        done = end;
    }
    masked.push_str(&text[done..]);
    masked
}

/// What follows `"NAME=` up to the end of its quotes: a value where a name is asked for, found even where the syntax is broken.
fn assignments_in_quotes(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let quote = bytes[at];
        at += 1;
        if !matches!(quote, b'"' | b'\'') {
            continue;
        }
        let name = bytes[at..].iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b'_').count();
        if name > 0 && bytes.get(at + name) == Some(&b'=') {
            let start = at + name + 1;
            let end = bytes[start..].iter().position(|b| *b == quote || *b == b'\n').map_or(bytes.len(), |length| start + length);
            found.push(start..end);
            at = end;
        }
    }
    found
}

/// "did you mean `supabase`?", or which there are where these are few.
pub(crate) fn hint_from<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const FEW: usize = 12;
    let known: Vec<&str> = known.into_iter().collect();
    match close_to(name, &known) {
        Some(candidate) => Some(format!("did you mean `{candidate}`?")),
        None if !known.is_empty() && known.len() <= FEW => {
            Some(format!("known: {}", known.iter().map(|k| format!("`{}`", short(k))).collect::<Vec<_>>().join(", ")))
        }
        None => None,
    }
}

/// The one of `known` that was most likely meant.
fn close_to<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let length = name.chars().count();
    if length > 60 {
        return None;
    }
    let lower = name.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let most = length.max(candidate.chars().count()).div_ceil(3).min(4);
        if candidate.chars().count().abs_diff(length) <= most {
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
            if distance <= most && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, candidate));
            }
        }
    }
    let alike = |c: &&&str| length >= 3 && c.len() >= 3 && c.len() <= 60 && (c.contains(name) || name.contains(**c));
    best.map(|(_, candidate)| candidate).or_else(|| known.iter().find(alike).copied())
}

/// Short enough for a message.
pub(crate) fn short(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(60) {
        Some((end, _)) => Cow::Owned(format!("{}...", &name[..end])),
        None => Cow::Borrowed(name),
    }
}
