//! Rules of an agent in the front matter of its Markdown file, as a mapping of one rule a line or in braces: lines go and come.

use std::ops::Range;

use yaml_serde::{Mapping, Value};

use super::{Rule, SECTIONS};
use crate::import::{AgentFileError, FrontMatter, ListKey, TOOLS, WordList, lines, list_key};

pub fn rules(text: &str) -> Result<Vec<Rule>, AgentFileError> {
    let front = FrontMatter::parse(text)?;
    let sections = SECTIONS.iter().filter_map(|section| front.values.get(*section)?.as_mapping());
    let rule = |(pattern, value): (&Value, &Value)| Some(Rule { pattern: pattern.as_str()?.to_owned(), allows: allows(value)? });
    Ok(sections.flatten().filter_map(rule).collect())
}

fn allows(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(allows) => Some(*allows),
        Value::String(action) => Some(action != "deny"),
        _ => None,
    }
}

fn written(section: &str, allows: bool) -> &'static str {
    match (section, allows) {
        ("tools", true) => "true",
        ("tools", false) => "false",
        (_, true) => "allow",
        (_, false) => "deny",
    }
}

pub fn set(text: &str, pattern: &str, allows: bool) -> Result<String, AgentFileError> {
    let front = FrontMatter::parse(text)?;
    let newline = if text[..front.yaml.end].ends_with("\r\n") { "\r\n" } else { "\n" };
    for section in SECTIONS {
        let Some(own) = Section::of(text, &front, section)? else { continue };
        if let Some(rule) = own.rule(text, pattern) {
            return checked(text, &front, pattern, splice(text, rule.value, written(section, allows)));
        }
    }
    for section in SECTIONS {
        let Some(own) = Section::of(text, &front, section)? else { continue };
        let rule = format!("\"{pattern}\": {}", written(section, allows));
        let after = match own.braces {
            Some(braces) => {
                let inside = text[braces.start + 1..braces.end - 1].trim_end();
                let at = braces.start + 1 + inside.len();
                let comma = if inside.trim().is_empty() || inside.ends_with(',') { "" } else { ", " };
                splice(text, at..at, &format!("{comma}{rule}"))
            }
            None => {
                let Some(last) = own.lines.last() else { continue };
                let indent = &text[last.line.start..last.key.start];
                splice(text, last.line.end..last.line.end, &format!("{indent}{rule}{newline}"))
            }
        };
        return checked(text, &front, pattern, after);
    }
    let first = lines(text, front.yaml.clone()).map(|line| &text[line]).find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let indent = first.map_or("", |line| &line[..line.len() - line.trim_start_matches(' ').len()]);
    let added = format!("{indent}permission:{newline}{indent}  \"{pattern}\": {}{newline}", written("permission", allows));
    checked(text, &front, pattern, splice(text, front.yaml.end..front.yaml.end, &added))
}

pub fn remove(text: &str, pattern: &str) -> Result<String, AgentFileError> {
    let front = FrontMatter::parse(text)?;
    for section in SECTIONS {
        let Some(own) = Section::of(text, &front, section)? else { continue };
        let Some(rule) = own.rule(text, pattern) else { continue };
        let after = match &own.braces {
            Some(braces) => {
                let before = text[braces.start + 1..rule.key.start].trim_end();
                let behind = &text[rule.value.end..braces.end - 1];
                let region = match (before.ends_with(','), behind.trim_start().starts_with(',')) {
                    (true, _) => braces.start + before.len()..rule.value.end,
                    (false, true) => {
                        rule.key.start..rule.value.end + behind.find(|c: char| c != ',' && !c.is_whitespace()).unwrap_or(behind.len())
                    }
                    (false, false) => rule.key.start..rule.value.end,
                };
                splice(text, region, "")
            }
            // With the last rule its key goes: without rules it would say nothing.
            None if own.lines.len() == 1 => splice(text, own.key.start..rule.line.end, ""),
            None => splice(text, rule.line.clone(), ""),
        };
        return checked(text, &front, pattern, after);
    }
    Err(AgentFileError::new(format!("no rule `{pattern}`")))
}

/// The place of a mapping of rules.
struct Section {
    /// From the key to the end of its line.
    key: Range<usize>,
    /// Where it stands in braces, on the key's line.
    braces: Option<Range<usize>>,
    /// Else one rule a line.
    lines: Vec<Place>,
}

#[derive(Clone)]
struct Place {
    /// With its line ending.
    line: Range<usize>,
    key: Range<usize>,
    value: Range<usize>,
}

impl Section {
    fn of(text: &str, front: &FrontMatter, section: &str) -> Result<Option<Section>, AgentFileError> {
        let words = WordList { key: section, ..TOOLS };
        if !front.values.get(section).is_some_and(Value::is_mapping) {
            return Ok(None);
        }
        let Some(key) = list_key(text, front.yaml.clone(), words) else {
            return Err(AgentFileError::new(format!("mcplab cannot place the {section} of this file")).hint("write one rule a line"));
        };
        let value = &text[key.value.clone()];
        let start = key.value.start + (value.len() - value.trim_start().len());
        if text[start..].starts_with('{') {
            let Some(close) = text[start..key.value.end].find('}').filter(|_| !value.contains('#')) else {
                return Err(
                    AgentFileError::new(format!("mcplab edits `{section}` in braces only on one line, without comments")).at(text, start)
                );
            };
            return Ok(Some(Section { key: key.line, braces: Some(start..start + close + 1), lines: Vec::new() }));
        }
        Ok(Some(Section { lines: places(text, &key, front.yaml.end), key: key.line, braces: None }))
    }

    fn rule(&self, text: &str, pattern: &str) -> Option<Place> {
        match &self.braces {
            None => self.lines.iter().find(|place| unquoted(&text[place.key.clone()]) == pattern).cloned(),
            Some(braces) => {
                let mut at = braces.start + 1;
                for part in text[at..braces.end - 1].split_inclusive(',') {
                    let content = part.trim_end_matches(',');
                    let place = place(text, at..at + part.len(), at..at + content.len());
                    at += part.len();
                    if let Some(place) = place.filter(|place| unquoted(&text[place.key.clone()]) == pattern) {
                        return Some(place);
                    }
                }
                None
            }
        }
    }
}

/// The lines of a block mapping that are at its first level.
fn places(text: &str, key: &ListKey, end: usize) -> Vec<Place> {
    let after = |at: usize| text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
    let mut places = Vec::new();
    let mut level = None;
    for line in lines(text, after(key.line.end).min(end)..end) {
        let content = &text[line.clone()];
        let indent = content.len() - content.trim_start_matches(' ').len();
        if content.trim().is_empty() || content[indent..].starts_with('#') {
            continue;
        }
        if indent <= key.indent {
            break;
        }
        if *level.get_or_insert(indent) == indent {
            places.extend(place(text, line.start..after(line.end), line));
        }
    }
    places
}

/// `"pattern": value`, perhaps with a comment behind it.
fn place(text: &str, line: Range<usize>, part: Range<usize>) -> Option<Place> {
    let content = &text[part.clone()];
    let start = part.start + (content.len() - content.trim_start().len());
    let content = &text[start..part.end];
    let key_end = match content.chars().next()? {
        quote @ ('"' | '\'') => content[1..].find(quote)? + 2,
        _ => content.find(':')?,
    };
    let rest = content[key_end..].trim_start().strip_prefix(':')?;
    let value = rest.trim_start();
    let value_start = part.end - value.len();
    let value = value.split(" #").next()?.trim_end();
    Some(Place { line, key: start..start + key_end, value: value_start..value_start + value.len() })
}

fn unquoted(key: &str) -> &str {
    key.trim().trim_matches(['"', '\''])
}

fn splice(text: &str, span: Range<usize>, new: &str) -> String {
    format!("{}{new}{}", &text[..span.start], &text[span.end..])
}

fn checked(text: &str, before: &FrontMatter, pattern: &str, edited: String) -> Result<String, AgentFileError> {
    let fail = || {
        AgentFileError::new("mcplab cannot edit the rules of this file: the result would not read back as meant")
            .hint("write one rule a line: `\"github_*\": allow`")
    };
    let after = FrontMatter::parse(&edited).map_err(|_| fail())?;
    let rest = |front: &FrontMatter| {
        let mut values: Mapping = front.values.clone();
        for section in SECTIONS {
            let Some(Value::Mapping(rules)) = values.get_mut(section) else { continue };
            rules.shift_remove(pattern);
            if rules.is_empty() {
                values.shift_remove(section);
            }
        }
        values
    };
    let same = rest(before).iter().eq(rest(&after).iter()) && edited[after.body] == text[before.body.clone()];
    if same { Ok(edited) } else { Err(fail()) }
}
