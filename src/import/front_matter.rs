//! The YAML front matter of an agent file: where it stands and what it says.

use std::ops::Range;

use yaml_serde::{Mapping, Value};

use super::Written;
use super::agent_file::{AgentFile, AgentFileError};
use super::word_list::{TOOLS, list_key, plain_end};

#[derive(Debug, Clone, PartialEq)]
pub struct FrontMatter {
    /// Between the two `---` lines.
    pub yaml: Range<usize>,
    /// After the second `---` line.
    pub body: Range<usize>,
    pub values: Mapping,
}

impl FrontMatter {
    pub fn parse(text: &str) -> Result<FrontMatter, AgentFileError> {
        if text.len() > AgentFile::LONGEST {
            AgentFile::text_of(text.as_bytes())?;
        }
        let (yaml, body) = fences(text)?;
        let values = values(text, &yaml)?;
        Ok(FrontMatter { yaml, body, values })
    }

    /// Of a file that may do without: then all of it is body.
    pub fn parse_optional(text: &str) -> Result<FrontMatter, AgentFileError> {
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        match lines(text, start..text.len()).next() {
            Some(first) if text[first.clone()].trim_end() == "---" => FrontMatter::parse(text),
            _ => Ok(FrontMatter { yaml: start..start, body: start..text.len(), values: Mapping::new() }),
        }
    }

    /// A value that a client wants to be there, as text that is not empty.
    pub fn required_text(&self, text: &str, key: &str) -> Result<&str, AgentFileError> {
        let skipped = "clients skip such a file without a word";
        match self.values.get(key) {
            Some(Value::String(value)) if !value.trim().is_empty() => Ok(value),
            None => {
                Err(AgentFileError::new(format!("no `{key}` in the front matter")).line(1).hint(format!("add `{key}: ...`; {skipped}")))
            }
            Some(Value::String(_) | Value::Null) => {
                Err(AgentFileError::new(format!("`{key}` is empty")).line(self.line_of_key(text, key)).hint(format!("state it; {skipped}")))
            }
            Some(_) => {
                Err(AgentFileError::new(format!("`{key}` is not text")).line(self.line_of_key(text, key)).hint("put the value in quotes"))
            }
        }
    }

    /// A text that may be there, and is not empty.
    pub fn text(&self, key: &str) -> Option<String> {
        self.values.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
    }

    pub fn line_of_key(&self, text: &str, key: &str) -> usize {
        line_of(text, self.line_with_key(text, key).map_or(self.yaml.start, |line| line.start))
    }

    /// A key with its value, as the file has them; also over several lines.
    pub fn written(&self, text: &str, key: &str) -> Option<Written> {
        let first = self.line_with_key(text, key)?;
        let mut end = first.end;
        for line in lines(text, first.end..self.yaml.end).skip(1) {
            let content = text[line.clone()].trim_end();
            // What is indented continues the value, as do items of a list; comments and blank lines may stand between.
            if content.starts_with([' ', '\t', '-', ']', '}']) {
                end = line.start + content.len();
            } else if !content.is_empty() && !content.starts_with('#') {
                break;
            }
        }
        let span = first.start..end;
        Some(Written { line: line_of(text, span.start), span })
    }

    fn line_with_key(&self, text: &str, key: &str) -> Option<Range<usize>> {
        lines(text, self.yaml.clone()).find(|line| key_of(&text[line.clone()]) == Some(key))
    }
}

/// The 1-based line in which this byte stands.
pub fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count()
}

/// The lines of a part of the text, without their line endings.
pub fn lines(text: &str, part: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut start = part.start;
    text[part].split_inclusive('\n').map(move |line| {
        let range = start..start + line.trim_end_matches(['\n', '\r']).len();
        start += line.len();
        range
    })
}

/// YAML and body: what stands between the first two lines that are `---`, and what follows.
fn fences(text: &str) -> Result<(Range<usize>, Range<usize>), AgentFileError> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let is_fence = |line: &Range<usize>| text[line.clone()].trim_end() == "---";
    let after = |line: &Range<usize>| text[line.end..].find('\n').map_or(text.len(), |newline| line.end + newline + 1);

    let mut all = lines(text, start..text.len());
    let Some(first) = all.next().filter(is_fence) else {
        return Err(AgentFileError::new("no front matter")
            .line(1)
            .hint("an agent file begins with a line `---`, then `name:` and `description:`, then `---`"));
    };
    let Some(second) = all.find(is_fence) else {
        return Err(AgentFileError::new("the front matter has no end").line(line_of(text, first.start)).hint("close it with a line `---`"));
    };
    Ok((after(&first)..second.start, after(&second)..text.len()))
}

/// A whole file of YAML that holds keys.
pub fn yaml_file(text: &str) -> Result<Mapping, AgentFileError> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    values(text, &(start..text.len()))
        .map_err(|error| AgentFileError { message: error.message.replace("the front matter", "the file"), ..error })
}

fn values(text: &str, yaml: &Range<usize>) -> Result<Mapping, AgentFileError> {
    if nests_too_deep(&text[yaml.clone()]) {
        return Err(AgentFileError::new("the front matter is nested too deep").line(line_of(text, yaml.start)).hint("no agent needs this"));
    }
    let parsed = parse_yaml(&text[yaml.clone()]).or_else(|error| match star_quoted(text, yaml) {
        Some(quoted) => parse_yaml(&quoted),
        None => Err(error),
    });
    match parsed {
        Ok(Value::Mapping(values)) => Ok(values),
        Ok(Value::Null) => Ok(Mapping::new()),
        Ok(_) => Err(AgentFileError::new("the front matter is not a list of `key: value` lines").line(line_of(text, yaml.start))),
        Err(error) => Err(not_yaml(text, yaml, &error)),
    }
}

/// More brackets, or `- - - ` in one line, than anyone writes: the parser's time grows with the square of the depth.
fn nests_too_deep(yaml: &str) -> bool {
    const BRACKETS_MAX: usize = 1000;
    const MARKERS_MAX: usize = 100;
    let markers = |line: &str| line.split_ascii_whitespace().take_while(|word| matches!(*word, "-" | "?" | ":")).count();
    yaml.bytes().filter(|c| matches!(c, b'[' | b'{')).count() > BRACKETS_MAX || yaml.lines().any(|line| markers(line) > MARKERS_MAX)
}

fn parse_yaml(yaml: &str) -> Result<Value, yaml_serde::Error> {
    yaml_serde::from_str(yaml)
}

/// The same YAML with the `*...` of its tools line in quotes.
fn star_quoted(text: &str, yaml: &Range<usize>) -> Option<String> {
    let key = list_key(text, yaml.clone(), TOOLS)?;
    let line = &text[key.value.clone()];
    let start = key.value.start + (line.len() - line.trim_start().len());
    let value = start..start + plain_end(line.trim_start());
    if !text[value.clone()].starts_with('*') {
        return None;
    }
    let quoted = text[value.clone()].replace('\'', "''");
    Some(format!("{}'{quoted}'{}", &text[yaml.start..value.start], &text[value.end..yaml.end]))
}

fn not_yaml(text: &str, yaml: &Range<usize>, error: &yaml_serde::Error) -> AgentFileError {
    let (line, at) = match error.location() {
        // An error at the very end points behind the last line.
        Some(location) => {
            let all: Vec<Range<usize>> = lines(text, yaml.clone()).collect();
            let index = (location.line().max(1) - 1).min(all.len().saturating_sub(1));
            (line_of(text, yaml.start) + index, all.get(index).map_or("", |range| &text[range.clone()]))
        }
        None => (line_of(text, yaml.start), ""),
    };
    let message = error.to_string();
    if let Some(key) = message.strip_prefix("duplicate entry with key \"").and_then(|rest| rest.split('"').next()) {
        let second = lines(text, yaml.clone()).filter(|range| key_of(&text[range.clone()]) == Some(key)).nth(1);
        let line = second.map_or(line, |range| line_of(text, range.start));
        return AgentFileError::new(format!("`{key}` stands twice in the front matter")).line(line).hint("keep one of them");
    }
    // The location is shown in front, counted from the file's first line.
    let reason = message.split(" at line ").next().unwrap_or(&message);
    let key = key_of(at);
    let hint = if message.contains("mapping values are not allowed") {
        format!("a value that holds `: ` needs quotes: {}: \"...\"", key.unwrap_or("description"))
    } else if message.contains("alias") {
        "a value that begins with `*` needs quotes: \"*\"".to_owned()
    } else if at.contains('\t') {
        "YAML is indented with spaces, not with tabs".to_owned()
    } else {
        "clients skip such a file without a word; put values with special characters in quotes".to_owned()
    };
    AgentFileError::new(format!("the front matter is not YAML: {reason}")).line(line).hint(hint)
}

/// The key of a `key: value` line.
pub fn key_of(line: &str) -> Option<&str> {
    let key = line.split_once(':')?.0.trim().trim_matches(['"', '\'']);
    (!key.is_empty() && !line.starts_with([' ', '\t', '#', '-'])).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parser would take half a minute for the first; refused before it sees them.
    #[test]
    fn depth_is_refused_before_it_is_parsed() {
        for deep in ["[".repeat(100_000), "[\n ".repeat(50_000), "{".repeat(100_000), format!("\n  {}x", "- ".repeat(100_000))] {
            let error = FrontMatter::parse(&format!("---\nname: a\ntools: {deep}\n---\n")).expect_err("too deep");
            assert_eq!(error.message, "the front matter is nested too deep");
        }
    }
}
