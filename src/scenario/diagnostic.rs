//! What is wrong with a file, where, and what to write instead; shown as rustc shows it.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::ser::{Serialize, SerializeSeq, Serializer};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Bytes of the text that it is about; none: the file as a whole.
    pub span: Option<Range<usize>>,
    /// Stands beside the carets; may be empty.
    pub label: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// All mistakes of one file, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.render(false))]
pub struct Diagnostics {
    pub file_name: String,
    /// The file's text, with secrets masked: it is quoted in messages.
    pub text: String,
    pub list: Vec<Diagnostic>,
    /// Found beyond those in the list.
    pub omitted: usize,
}

/// More are counted, not shown.
const SHOWN: usize = 50;
/// Bytes of a long line that are quoted on either side of what is meant.
const QUOTED: usize = 100;

impl Diagnostics {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many of this severity are in the list.
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|d| d.severity == severity).count()
    }

    /// As rustc shows its own: the message, file and line, the line itself with carets, the hint.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let starts = line_starts(&self.text);
        let mut shown: Vec<String> = self.list.iter().take(SHOWN).map(|d| renderer.render(&[self.group(d, &starts)])).collect();
        let more = self.list.len().saturating_sub(SHOWN) + self.omitted;
        if more > 0 {
            shown.push(format!("... and {more} more"));
        }
        shown.join("\n\n")
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic, starts: &[usize]) -> Group<'a> {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
        match &diagnostic.span {
            None => group = group.element(Origin::path(self.file_name.as_str())),
            Some(span) => {
                let quote = self.quote(span, starts);
                let label = (!diagnostic.label.is_empty()).then_some(diagnostic.label.as_str());
                let mut snippet = Snippet::source(quote.text).line_start(quote.line);
                if quote.is_whole {
                    snippet = snippet.path(self.file_name.as_str());
                } else {
                    // The snippet cannot know the column.
                    group = group.element(Origin::path(self.file_name.as_str()).line(quote.line).char_column(quote.column));
                }
                group = group.element(snippet.annotation(AnnotationKind::Primary.span(quote.span).label(label)));
            }
        }
        match &diagnostic.hint {
            Some(hint) => group.element(Level::HELP.message(hint.as_str())),
            None => group,
        }
    }

    /// The line in which a span starts (of a long line only what is around the span).
    fn quote(&self, span: &Range<usize>, starts: &[usize]) -> Quote<'_> {
        let text = self.text.as_str();
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let line = starts.partition_point(|s| *s <= start).max(1);
        let line_start = starts[line - 1];
        let line_end = text[line_start..].find('\n').map_or(text.len(), |length| line_start + length);
        let line_end = if text[..line_end].ends_with('\r') { line_end - 1 } else { line_end };
        let start = start.min(line_end);
        let end = text.floor_char_boundary(span.end.clamp(start, line_end));
        let (mut from, mut to) = (line_start, line_end);
        if to - from > 4 * QUOTED {
            from = text.floor_char_boundary(start.saturating_sub(QUOTED)).max(from);
            to = text.ceil_char_boundary((start + 2 * QUOTED).min(to)).min(to);
        }
        let end = end.clamp(start, to);
        Quote {
            line,
            column: text[line_start..start].chars().count() + 1,
            text: &text[from..to],
            is_whole: (from, to) == (line_start, line_end),
            span: start - from..end - from,
        }
    }
}

/// What is quoted of a file.
struct Quote<'a> {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    text: &'a str,
    /// The text is the line.
    is_whole: bool,
    /// Within `text`.
    span: Range<usize>,
}

/// For machines: what a person sees, with the place in numbers.
#[derive(serde::Serialize)]
struct Placed<'a> {
    severity: Severity,
    message: &'a str,
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    hint: Option<&'a str>,
}

impl Serialize for Diagnostics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let starts = line_starts(&self.text);
        let mut list = serializer.serialize_seq(Some(self.list.len()))?;
        for diagnostic in &self.list {
            let place = diagnostic.span.as_ref().map(|span| self.quote(span, &starts));
            list.serialize_element(&Placed {
                severity: diagnostic.severity,
                message: &diagnostic.message,
                file: &self.file_name,
                line: place.as_ref().map(|p| p.line),
                column: place.as_ref().map(|p| p.column),
                hint: diagnostic.hint.as_deref(),
            })?;
        }
        list.end()
    }
}

/// Where each line starts; there is at least one.
pub(super) fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1)).collect()
}

impl fmt::Display for Diagnostic {
    /// Without the file's text.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}
