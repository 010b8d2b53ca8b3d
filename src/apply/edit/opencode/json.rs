//! Rules of an agent in `opencode.json` or `.jsonc`. The tree of `jsonc-parser` keeps comments and layout; only what differs is taken over.

use super::super::splice::spliced;
use super::{Rule, SECTIONS};
use crate::import::{AgentFileError, Dialect, parse_json};
use crate::scenario::document::{Node, Value};
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstObjectProp, CstRootNode};

/// As the client reads it, and no looser.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub fn rules(text: &str, agent: &str) -> Result<Vec<Rule>, AgentFileError> {
    agent_in(&parsed(text.trim_start_matches('\u{feff}'))?, agent)?;
    let root = parse_json(text, Dialect::Comments)?;
    let Some(agent) = root.get("agent").and_then(|agents| agents.node.get(agent)) else { return Ok(Vec::new()) };
    let sections = SECTIONS.iter().filter_map(|section| agent.node.get(section)?.node.entries());
    let allows = |value: &Value| match value {
        Value::Flag(allows) => Some(*allows),
        Value::Text(action) => Some(action != "deny"),
        _ => None,
    };
    Ok(sections.flatten().filter_map(|rule| Some(Rule { pattern: rule.key.to_string(), allows: allows(&rule.node.value)? })).collect())
}

pub fn set(text: &str, agent: &str, pattern: &str, allows: bool) -> Result<String, AgentFileError> {
    let value = |section: &str| match (section, allows) {
        ("tools", true) => "true",
        ("tools", false) => "false",
        (_, true) => "\"allow\"",
        (_, false) => "\"deny\"",
    };
    let quoted = serde_json::Value::from(pattern).to_string();
    let root = parse_json(text, Dialect::Comments)?;
    agent_in(&parsed(text.trim_start_matches('\u{feff}'))?, agent)?;
    let own = root.get("agent").and_then(|agents| agents.node.get(agent));
    let sections = || SECTIONS.into_iter().filter_map(|section| Some((section, &own?.node.get(section)?.node)));
    let sections = || sections().filter(|(_, rules)| rules.entries().is_some());
    if let Some((section, rule)) = sections().find_map(|(section, rules)| Some((section, rules.get(pattern)?))) {
        let span = rule.node.span.clone();
        return checked(text, agent, pattern, format!("{}{}{}", &text[..span.start], value(section), &text[span.end..]));
    }
    let new_section = if root.get("tools").is_some() { "tools" } else { "permission" };
    let on_one_line = match sections().next() {
        Some((section, rules)) => behind_last(text, rules, &format!("{quoted}: {}", value(section))),
        None => own.and_then(|own| {
            let new = format!("\"{new_section}\": {{ {quoted}: {} }}", value(new_section));
            behind_last(text, &own.node, &new)
        }),
    };
    if let Some(after) = on_one_line {
        return checked(text, agent, pattern, after);
    }
    edited(text, agent, pattern, |object| {
        let input = |section: &str| match section {
            "tools" => CstInputValue::Bool(allows),
            _ => CstInputValue::String(if allows { "allow" } else { "deny" }.to_owned()),
        };
        match SECTIONS.into_iter().find_map(|section| Some((section, object.object_value(section)?))) {
            Some((section, rules)) => drop(rules.append(pattern, input(section))),
            None => drop(object.append(new_section, CstInputValue::Object(vec![(pattern.to_owned(), input(new_section))]))),
        }
    })
}

/// What stands on one line stays there; the tree would part it.
fn behind_last(text: &str, object: &Node, new: &str) -> Option<String> {
    let inside = &text[object.span.clone()];
    if inside.contains('\n') {
        return None;
    }
    if inside.strip_prefix('{')?.strip_suffix('}')?.trim().is_empty() {
        return Some(format!("{}{{ {new} }}{}", &text[..object.span.start], &text[object.span.end..]));
    }
    let last = object.entries()?.last()?.node.span.end;
    Some(format!("{}, {new}{}", &text[..last], &text[last..]))
}

pub fn remove(text: &str, agent: &str, pattern: &str) -> Result<String, AgentFileError> {
    edited(text, agent, pattern, |object| {
        for section in SECTIONS {
            let Some(rules) = object.object_value(section) else { continue };
            let Some(rule) = rules.get(pattern) else { continue };
            if rules.properties().len() > 1 {
                rule.remove();
            } else if let Some(section) = object.get(section) {
                section.remove();
            }
        }
    })
}

fn edited(text: &str, agent: &str, pattern: &str, change: impl FnOnce(&CstObject)) -> Result<String, AgentFileError> {
    let after = spliced(text, |plain| {
        let root = parsed(plain)?;
        change(&agent_in(&root, agent)?);
        Ok::<String, AgentFileError>(root.to_string())
    })?;
    checked(text, agent, pattern, after)
}

fn checked(text: &str, agent: &str, pattern: &str, after: String) -> Result<String, AgentFileError> {
    let comments = |text: &str| (text.matches("//").count(), text.matches("/*").count());
    if rest(text, agent, pattern)? != rest(&after, agent, pattern)? || comments(text) != comments(&after) {
        let message = format!("mcplab cannot edit the rules of agent `{agent}`: more than the grant would change");
        return Err(AgentFileError::new(message).hint("a comment beside the rule, perhaps: put it on a line of its own"));
    }
    Ok(after)
}

fn parsed(text: &str) -> Result<CstRootNode, AgentFileError> {
    CstRootNode::parse(text, &OPTIONS).map_err(|error| AgentFileError::new(format!("not JSON: {}", error.kind())))
}

fn agent_in(root: &CstRootNode, agent: &str) -> Result<CstObject, AgentFileError> {
    let missing = || AgentFileError::new(format!("no agent `{agent}` in this file"));
    let agents = only(&root.object_value().ok_or_else(missing)?, "agent")?.and_then(|agents| agents.object_value()).ok_or_else(missing)?;
    let object = only(&agents, agent)?.and_then(|agent| agent.object_value()).ok_or_else(missing)?;
    for section in SECTIONS {
        if let Some(rules) = only(&object, section)?.and_then(|section| section.object_value()) {
            for rule in rules.properties() {
                only(&rules, &rule.decoded_name().unwrap_or_default())?;
            }
        }
    }
    Ok(object)
}

/// Of a key that stands there twice, clients differ in which one they take.
fn only(object: &CstObject, key: &str) -> Result<Option<CstObjectProp>, AgentFileError> {
    let mut found = object.properties().into_iter().filter(|property| property.decoded_name().as_deref() == Some(key));
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(AgentFileError::new(format!("`{key}` stands there twice")).hint("keep one of them")),
    }
}

/// What the file says beside what an edit may change: every value with its path, in order.
fn rest(text: &str, agent: &str, pattern: &str) -> Result<Vec<String>, AgentFileError> {
    let root = parse_json(text, Dialect::Comments)?;
    let mut said = Vec::new();
    values(&root, text, &mut Vec::new(), &mut said);
    let owned = SECTIONS.map(|section| said_at(&["agent", agent, section, pattern]));
    // An empty mapping of rules says nothing: only values count.
    said.retain(|value| !owned.iter().any(|owned| value.starts_with(owned.as_str())));
    Ok(said)
}

fn said_at(path: &[&str]) -> String {
    format!("{}\u{1}", path.join("\u{0}"))
}

fn values<'t>(node: &'t Node, text: &str, path: &mut Vec<&'t str>, said: &mut Vec<String>) {
    let at = said_at(path);
    match &node.value {
        Value::Table(entries) => {
            for entry in entries {
                path.push(&entry.key);
                values(&entry.node, text, path, said);
                path.pop();
            }
        }
        Value::List(items) => {
            said.push(format!("{at}{}", items.len()));
            items.iter().for_each(|item| values(item, text, path, said));
        }
        _ => said.push(at + &text[node.span.clone()]),
    }
}
