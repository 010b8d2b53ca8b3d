//! Where each entry of a list of words stands in an agent file's front matter: of `tools`, `disallowedTools` and the like. YAML's values
//! are the truth; this scan only finds their places, and what it finds must equal them.

use std::ops::Range;

use yaml_serde::Value;

use super::agent_file::{AgentFileError, ToolEntry, ToolList, ToolStyle};
use super::front_matter::lines;

/// A list of words in front matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordList<'k> {
    pub key: &'k str,
    /// In a text, blanks part words as commas do. Else a word may hold blanks.
    pub blanks_part: bool,
    /// It may be a text with words between commas. Else it is always a list.
    pub is_text: bool,
}

/// As Claude Code reads `tools`.
pub const TOOLS: WordList = WordList { key: "tools", blanks_part: true, is_text: true };

/// The line of a list's key.
#[derive(Debug, Clone, PartialEq)]
pub struct ListKey {
    pub line: Range<usize>,
    pub indent: usize,
    /// From after the colon to the line's end.
    pub value: Range<usize>,
}

/// The key at the front matter's own level; none where no line begins with it, or several do.
pub fn list_key(text: &str, yaml: Range<usize>, words: WordList) -> Option<ListKey> {
    let mut found = None;
    let mut base = None;
    for line in lines(text, yaml) {
        let content = &text[line.clone()];
        let Some(indent) = indent_of(content) else { continue };
        if indent != *base.get_or_insert(indent) {
            continue;
        }
        let spellings = [words.key, &format!("\"{}\"", words.key), &format!("'{}'", words.key)];
        let Some(rest) = spellings.iter().find_map(|key| content[indent..].strip_prefix(key)) else { continue };
        let Some(value) = rest.trim_start_matches([' ', '\t']).strip_prefix(':') else { continue };
        if !value.is_empty() && !value.starts_with([' ', '\t']) {
            continue;
        }
        if found.is_some() {
            return None;
        }
        found = Some(ListKey { value: line.end - value.len()..line.end, line, indent });
    }
    found
}

/// The words that YAML says, with their places.
pub fn place_words(text: &str, yaml: Range<usize>, value: &Value, words: WordList) -> Result<ToolList, AgentFileError> {
    let key = list_key(text, yaml.clone(), words);
    let at = key.as_ref().map_or(yaml.start, |key| key.value.start);
    let expected = words.expected(value).map_err(|error| error.at(text, at))?;
    let placed = key.and_then(|key| words.placed(text, &key, yaml.end));
    let placed = placed.filter(|list| list.entries.iter().map(|entry| &entry.text).eq(&expected));
    let unplaced = || ToolList {
        style: ToolStyle::Unplaced,
        span: at..at,
        entries: expected.iter().map(|tool| ToolEntry { text: tool.clone(), span: at..at }).collect(),
    };
    Ok(placed.unwrap_or_else(unplaced))
}

impl WordList<'_> {
    /// What stands behind the key, as far as its form tells.
    fn placed(self, text: &str, key: &ListKey, end: usize) -> Option<ToolList> {
        let line = &text[key.value.clone()];
        let start = key.value.start + (line.len() - line.trim_start_matches([' ', '\t']).len());
        match text[start..key.value.end].chars().next() {
            Some('|' | '>') => None,
            Some('[') => flow(text, start, end),
            Some(quote @ ('"' | '\'')) => self.quoted(text, start, quote, end),
            Some(c) if c != '#' => Some(self.plain(text, key, start, end)),
            _ => self.block_or_nothing(text, key, end),
        }
    }

    /// What the value means, as clients read it.
    fn expected(self, value: &Value) -> Result<Vec<String>, AgentFileError> {
        let key = self.key;
        match value {
            Value::Null => Ok(Vec::new()),
            Value::String(words) => Ok(self.split(words).into_iter().map(|range| words[range].to_owned()).collect()),
            Value::Sequence(items) => items
                .iter()
                .map(|item| match item {
                    Value::String(word) if self.split(word).len() == 1 => Ok(word.trim().to_owned()),
                    Value::String(word) => {
                        Err(AgentFileError::new(format!("`{word}` in the list of {key} is not one tool")).hint("write one tool an entry"))
                    }
                    _ => Err(AgentFileError::new(format!("an entry of `{key}` is not text")).hint("write one tool an entry")),
                })
                .collect(),
            _ => {
                Err(AgentFileError::new(format!("`{key}` is neither text nor a list")).hint(format!("write `{key}: Read, mcp__github__*`")))
            }
        }
    }

    /// Words in a text: separated by commas and perhaps white space, but not within parentheses: `Bash(git add:*, git rm:*)` is one.
    fn split(self, words: &str) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        let (mut depth, mut start, mut end) = (0usize, None, 0);
        for (at, c) in words.char_indices() {
            if depth == 0 && (c == ',' || (self.blanks_part && c.is_whitespace())) {
                ranges.extend(start.take().map(|start| start..end));
                continue;
            }
            if c.is_whitespace() {
                continue;
            }
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            start.get_or_insert(at);
            end = at + c.len_utf8();
        }
        ranges.extend(start.map(|start| start..end));
        ranges
    }

    /// The entries of a text that stands in `region`.
    fn split_list(self, text: &str, region: Range<usize>) -> ToolList {
        let shift = |range: Range<usize>| region.start + range.start..region.start + range.end;
        let words = self.split(&text[region.clone()]).into_iter().map(shift);
        let entries: Vec<ToolEntry> = words.map(|span| ToolEntry { text: text[span.clone()].to_owned(), span }).collect();
        let spaced = entries.len() > 1 && entries.windows(2).all(|pair| !text[pair[0].span.end..pair[1].span.start].contains(','));
        let style = if spaced { ToolStyle::Spaces } else { ToolStyle::Commas };
        ToolList { style, span: span_of(&entries).unwrap_or(region), entries }
    }

    /// A plain scalar, also over several lines: those that are indented deeper than the key continue it.
    fn plain(self, text: &str, key: &ListKey, start: usize, end: usize) -> ToolList {
        let mut last = start + plain_end(&text[start..key.value.end]);
        if matches!(&text[start..last], "~" | "null" | "Null" | "NULL") {
            return ToolList { style: ToolStyle::Commas, span: start..last, entries: Vec::new() };
        }
        // A comment ends the scalar, so nothing can continue it.
        if last == start + text[start..key.value.end].trim_end().len() {
            last = continued(text, key, end).unwrap_or(last);
        }
        self.split_list(text, start..last)
    }

    /// A scalar in quotes. One with escapes has other bytes than YAML says, and is found out by the comparison.
    fn quoted(self, text: &str, start: usize, quote: char, end: usize) -> Option<ToolList> {
        Some(self.split_list(text, start + 1..closing_quote(text, start, quote, end)?))
    }

    /// Nothing behind the colon: one `- word` a line follows, or a text on the next lines, or nothing at all.
    fn block_or_nothing(self, text: &str, key: &ListKey, end: usize) -> Option<ToolList> {
        let mut entries: Vec<ToolEntry> = Vec::new();
        let mut list_indent = None;
        for line in lines(text, next_line(text, key.line.end)..end) {
            let content = &text[line.clone()];
            let Some(indent) = indent_of(content) else { continue };
            let item = content[indent..].strip_prefix('-').filter(|rest| rest.starts_with([' ', '\t']));
            let Some(item) = item.filter(|_| indent >= key.indent && *list_indent.get_or_insert(indent) == indent) else {
                if entries.is_empty() && indent > key.indent {
                    return self.next_lines_text(text, key, line.start + indent, end);
                }
                break;
            };
            let value = item.trim_start_matches([' ', '\t']);
            let start = line.end - value.len();
            let (word, span) = match value.chars().next()? {
                quote @ ('"' | '\'') => {
                    let close = closing_quote(text, start, quote, line.end)?;
                    (start + 1..close, start..close + 1)
                }
                _ => (start..start + plain_end(value), start..start + plain_end(value)),
            };
            entries.push(ToolEntry { text: text[word].to_owned(), span });
        }
        match span_of(&entries) {
            Some(span) => Some(ToolList { style: ToolStyle::Block, span, entries }),
            None => Some(ToolList { style: ToolStyle::Commas, span: key.value.start..key.value.start, entries }),
        }
    }

    /// `tools:` with its text, flow list or quoted scalar beginning on the next line.
    fn next_lines_text(self, text: &str, key: &ListKey, start: usize, end: usize) -> Option<ToolList> {
        match text[start..end].chars().next()? {
            '[' => flow(text, start, end),
            quote @ ('"' | '\'') => self.quoted(text, start, quote, end),
            _ => Some(self.split_list(text, start..continued(text, key, end)?)),
        }
    }
}

fn span_of(entries: &[ToolEntry]) -> Option<Range<usize>> {
    Some(entries.first()?.span.start..entries.last()?.span.end)
}

/// Where a plain scalar ends in the rest of a line: before a comment and the white space in front of it.
pub fn plain_end(line: &str) -> usize {
    let comment = line.char_indices().find(|(at, c)| *c == '#' && (*at == 0 || line[..*at].ends_with([' ', '\t'])));
    line[..comment.map_or(line.len(), |(at, _)| at)].trim_end().len()
}

/// Where the last line that is indented deeper than the key ends; none where none follows.
fn continued(text: &str, key: &ListKey, end: usize) -> Option<usize> {
    let mut last = None;
    for line in lines(text, next_line(text, key.line.end)..end) {
        let content = &text[line.clone()];
        match indent_of(content) {
            Some(indent) if indent > key.indent => last = Some(line.start + plain_end(content)),
            // Blank lines may stand between.
            None if content.trim().is_empty() => {}
            _ => break,
        }
    }
    last
}

/// The place of the quote that closes the one at `start`.
fn closing_quote(text: &str, start: usize, quote: char, end: usize) -> Option<usize> {
    let mut escaped = false;
    let mut chars = text[start + 1..end].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote == '"' {
            escaped = true;
        } else if c == quote && quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') {
            chars.next();
        } else if c == quote {
            return Some(start + 1 + at);
        }
    }
    None
}

/// `[a, "b"]`, also over several lines and with comments.
fn flow(text: &str, start: usize, end: usize) -> Option<ToolList> {
    let mut entries = Vec::new();
    let mut at = start + 1;
    loop {
        at = skip_blank(text, at, end);
        let rest = &text[at..end];
        match rest.chars().next()? {
            ']' => break,
            ',' => at += 1,
            quote @ ('"' | '\'') => {
                let close = closing_quote(text, at, quote, end)?;
                entries.push(ToolEntry { text: text[at + 1..close].to_owned(), span: at..close + 1 });
                at = close + 1;
            }
            '[' | '{' => return None,
            _ => {
                let line = &rest[..rest.find([',', ']', '\n']).unwrap_or(rest.len())];
                let span = at..at + plain_end(line);
                if span.is_empty() {
                    return None;
                }
                entries.push(ToolEntry { text: text[span.clone()].to_owned(), span: span.clone() });
                at = span.end;
            }
        }
    }
    Some(ToolList { style: ToolStyle::Flow, span: span_of(&entries).unwrap_or(start + 1..at), entries })
}

/// Behind white space, line breaks and comments.
fn skip_blank(text: &str, start: usize, end: usize) -> usize {
    let mut at = start;
    loop {
        let rest = &text[at..end];
        at += rest.len() - rest.trim_start().len();
        if !text[at..end].starts_with('#') {
            return at;
        }
        at = next_line(text, at).min(end);
    }
}

/// Spaces in front of a line's content; none for a line that is blank or a comment.
fn indent_of(line: &str) -> Option<usize> {
    let content = line.trim_start_matches(' ');
    (!content.trim().is_empty() && !content.starts_with('#')).then(|| line.len() - content.len())
}

/// Where the next line starts.
fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}
