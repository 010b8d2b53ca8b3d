//! What-ifs: a named overlay, merged over the document and read as a scenario again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::distribution::DISTRIBUTIONS;
use super::figure::Quantity;
use super::{OverBase, children, read_scenario};
use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::document::{Entry, Fields, Node, Problems, Value, check_name, short, to_table};
use crate::scenario::{Scenario, WhatIf};

/// Keys of a what-if that are its own.
const OWN: [&str; 3] = ["description", "required", "load"];
/// Parts of a scenario that a what-if has no say in.
const BASE_ONLY: [&str; 4] = ["name", "format", "what_if", "imported"];
/// `base` names the scenario itself in every result, `all` every what-if on the command line.
const RESERVED: [&str; 2] = ["base", "all"];
/// What all what-ifs together may make the reader walk over.
const MOST_NODES: usize = 20_000_000;

pub(super) fn read_what_ifs(root: &Node, base: &Scenario, problems: &mut Problems) -> Vec<WhatIf> {
    let Some(what_ifs) = root.get("what_if") else { return Vec::new() };
    let Some(entries) = what_ifs.node.entries() else {
        what_ifs.node.wrong_type("`what_if`", "a table of names", problems);
        return Vec::new();
    };
    let document: Vec<Entry> = root.entries().unwrap_or_default().iter().filter(|e| e.key != "what_if").cloned().collect();
    let document = Node { span: root.span.clone(), value: Value::Table(document) };
    if size(&document).saturating_mul(entries.len()) > MOST_NODES {
        problems.error(&what_ifs.key_span, format!("{} what-ifs of a scenario of this size are too many", entries.len()), "", None);
        return Vec::new();
    }
    // Mistakes of the base are not said again for every what-if.
    let known = problems.places();
    entries.iter().filter_map(|entry| read_what_if(entry, &document, base, &known, problems)).collect()
}

/// A what-if that does not stand in the document: `entry` is its name, and its text as a table.
pub(in crate::scenario) fn read_over(entry: &Entry, document: &Node, base: &Scenario, problems: &mut Problems) -> Option<WhatIf> {
    read_what_if(entry, document, base, &BTreeSet::new(), problems)
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Table(entries) => entries.iter().map(|entry| size(&entry.node)).sum(),
        _ => 0,
    }
}

fn read_what_if(
    entry: &Entry,
    document: &Node,
    base: &Scenario,
    known: &BTreeSet<(Option<usize>, String)>,
    problems: &mut Problems,
) -> Option<WhatIf> {
    check_name(&entry.key, &entry.key_span, problems);
    let what = format!("what-if `{}`", short(&entry.key));
    if RESERVED.contains(&&*entry.key) {
        problems.error(&entry.key_span, format!("{what} has a name that is taken"), "", "choose another one".to_owned());
    }
    let mut own: Vec<Entry> = entry.node.entries().unwrap_or_default().to_vec();
    let overlay: Vec<Entry> = own.extract_if(.., |e| !OWN.contains(&&*e.key)).collect();
    if entry.node.entries().is_none() {
        entry.node.wrong_type(&what, "a table", problems);
        return None;
    }
    let own = Node { span: entry.node.span.clone(), value: Value::Table(own) };
    let mut fields = Fields::of(&own, what.clone(), &entry.key_span, problems)?;
    let description = fields.text("description", problems).unwrap_or_default();
    let required = fields.flag("required", false, problems);
    let load = fields.take("load").and_then(|entry| {
        let load = f64::read(&entry.node, "`load`", problems)?;
        if load <= 0.0 {
            problems.error(&entry.node.span, "`load` has to be above 0", "", "it scales all agents' tasks: 2.0 doubles them".to_owned());
        }
        Some(load)
    });
    fields.finish(problems);
    for entry in overlay.iter().filter(|e| BASE_ONLY.contains(&&*e.key)) {
        problems.error(&entry.key_span, format!("{what} cannot change `{}`", entry.key), "it belongs to the base", None);
    }
    let mut overlay: Vec<Entry> = overlay.into_iter().filter(|e| !BASE_ONLY.contains(&&*e.key)).collect();
    for part in &mut overlay {
        check_additions(part, document, &what, problems);
    }

    let overlay = Node { span: entry.node.span.clone(), value: Value::Table(overlay) };
    let mut own_problems = problems.for_overlay();
    let merged = merge(document, &overlay, &mut Vec::new(), &mut own_problems);
    let messages: BTreeSet<&str> = known.iter().map(|(_, message)| message.as_str()).collect();
    let over = OverBase { capabilities: &base.capabilities, load: load.unwrap_or(1.0) };
    let scenario = read_scenario(&merged, Some(over), &mut own_problems);
    let mut places = Places::default();
    places.collect(&overlay);
    for diagnostic in own_problems.take() {
        let start = diagnostic.span.as_ref().map(|span| span.start);
        // What a merged table lacks, its base lacks too, at another place.
        let is_value = start.is_some_and(|start| places.values.contains(&start));
        let is_known = known.contains(&(start, diagnostic.message.clone())) || !is_value && messages.contains(diagnostic.message.as_str());
        if diagnostic.severity == Severity::Error && !is_known {
            let is_in_overlay = is_value || start.is_some_and(|start| places.keys.contains(&start));
            problems.push(at_overlay(diagnostic, entry, &what, is_in_overlay));
        }
    }
    problems.adopt_secrets(own_problems);
    let overlay = to_table(overlay.entries().unwrap_or_default());
    Some(WhatIf { name: entry.key.to_string(), description, required, overlay, scenario: Box::new(scenario) })
}

/// A mistake that only the overlay makes is shown at the overlay.
fn at_overlay(diagnostic: Diagnostic, entry: &Entry, what: &str, is_in_overlay: bool) -> Diagnostic {
    let message = format!("in {what}: {}", diagnostic.message);
    if is_in_overlay {
        Diagnostic { message, ..diagnostic }
    } else {
        Diagnostic { message, span: Some(entry.key_span.clone()), ..diagnostic }
    }
}

/// Where an overlay's keys and values start.
#[derive(Default)]
struct Places {
    keys: BTreeSet<usize>,
    values: BTreeSet<usize>,
}

impl Places {
    fn collect(&mut self, node: &Node) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Table(entries) => {
                self.keys.insert(node.span.start);
                for entry in entries {
                    self.keys.insert(entry.key_span.start);
                    self.collect(&entry.node);
                }
                return;
            }
            _ => {}
        }
        self.values.insert(node.span.start);
    }
}

/// Strategies decide for the base's agents and needs, so a what-if has the same. What it names beyond them, or beyond the
/// base's servers without saying what that provides, is a mistake, and taken out.
fn check_additions(part: &mut Entry, document: &Node, what: &str, problems: &mut Problems) {
    let base: BTreeMap<&str, &Entry> = children(document, &part.key).iter().map(|e| (&*e.key, e)).collect();
    let Value::Table(entries) = &mut part.node.value else { return };
    match &*part.key {
        "servers" | "stand_ins" => entries.retain(|entry| {
            let is_right = base.contains_key(&*entry.key) || entry.node.get("provides").is_some();
            if !is_right {
                let message = format!("{what} names `{}`, which the base does not have", short(&entry.key));
                problems.unknown_as(message, &entry.key, &entry.key_span, base.keys().copied(), "what a what-if adds needs its `provides`");
            }
            is_right
        }),
        "agents" => entries.retain_mut(|agent| {
            let Some(of_base) = base.get(&*agent.key) else {
                let message = format!("{what} names the agent `{}`, which the base does not have", short(&agent.key));
                problems.unknown_as(message, &agent.key, &agent.key_span, base.keys().copied(), "a what-if adds no agents");
                return false;
            };
            check_needs(agent, of_base, what, problems);
            true
        }),
        _ => {}
    }
}

fn check_needs(agent: &mut Entry, of_base: &Entry, what: &str, problems: &mut Problems) {
    let known: BTreeSet<&str> = children(&of_base.node, "needs").iter().map(|e| &*e.key).collect();
    let Value::Table(parts) = &mut agent.node.value else { return };
    let Some(Value::Table(needs)) = parts.iter_mut().find(|e| e.key == "needs").map(|e| &mut e.node.value) else { return };
    needs.retain(|need| {
        let is_known = known.contains(&*need.key);
        if !is_known {
            let message = format!("{what} names the need `{}`, which `{}` does not have", short(&need.key), short(&agent.key));
            problems.unknown_as(message, &need.key, &need.key_span, known.iter().copied(), "a what-if adds no needs");
        }
        is_known
    });
}

/// The document with the overlay's keys in place of its own. Tables are merged; figures, distributions and everything else are
/// replaced as a whole. What is new stands at the end. What is merged points to the overlay.
fn merge<'t>(base: &Node<'t>, overlay: &Node<'t>, path: &mut Vec<String>, problems: &mut Problems) -> Node<'t> {
    let (base, overlay) = (written_out(base, path), written_out(overlay, path));
    let (Some(old), Some(new)) = (base.entries(), overlay.entries()) else {
        if base.entries().is_some() && !is_whole(&base, path) {
            overlay.wrong_type(&format!("`{}`", path.join(".")), "a table, as in the base", problems);
            return base.into_owned();
        }
        return overlay.into_owned();
    };
    if is_whole(&base, path) || is_whole(&overlay, path) {
        return overlay.into_owned();
    }
    let positions: BTreeMap<&str, usize> = old.iter().enumerate().map(|(i, entry)| (&*entry.key, i)).collect();
    let mut merged: Vec<Entry> = old.to_vec();
    for entry in new {
        match positions.get(&*entry.key) {
            None => merged.push(entry.clone()),
            Some(position) => {
                path.push(entry.key.to_string());
                let node = merge(&merged[*position].node, &entry.node, path, problems);
                path.pop();
                merged[*position] = Entry { key: entry.key.clone(), key_span: entry.key_span.clone(), node };
            }
        }
    }
    // These exclude one another, so the overlay's replaces the base's.
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let exclusive: &[&str] = match names[..] {
        ["workload"] | ["agents", _, "workload"] => &["tasks", "tasks_per_complexity"],
        ["policy", "backoff"] => &["jitter", "spread"],
        _ => &[],
    };
    if new.iter().any(|e| exclusive.contains(&&*e.key)) {
        merged.retain(|e| !exclusive.contains(&&*e.key) || new.iter().any(|n| n.key == e.key));
    }
    Node { span: overlay.span.clone(), value: Value::Table(merged) }
}

/// True where the keys of the table at this place are names, which may be anything.
fn holds_names(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        path[..],
        [] | ["servers" | "stand_ins" | "dependencies" | "agents" | "kpis"]
            | ["servers" | "stand_ins", _, "provides"]
            | ["agents", _, "needs"]
            | ["policy", "caches" | "fallbacks"]
    )
}

/// True for a table that says one thing, so that its keys make no sense beside those of another: a figure, a distribution, arrivals.
fn is_whole(node: &Node, path: &[String]) -> bool {
    node.entries().map_or_else(|| is_arrivals(path), |entries| says_one_thing(entries.iter().map(|entry| &*entry.key), path))
}

/// As told by its keys.
pub(in crate::scenario) fn says_one_thing<'a>(mut keys: impl Iterator<Item = &'a str>, path: &[String]) -> bool {
    let is_figure = keys.any(|key| key == "value" || DISTRIBUTIONS.contains(&key));
    is_figure && !holds_names(path) || is_arrivals(path)
}

fn is_arrivals(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(path[..], ["workload", "arrivals"] | ["agents", _, "workload", "arrivals"])
}

/// The short spellings as the tables that they are short for: `files = 1.0`, `clock = "time"`, `state = ["local-files"]`,
/// `safe_concurrency = 4`.
fn written_out<'a, 't>(node: &'a Node<'t>, path: &[String]) -> Cow<'a, Node<'t>> {
    let is_plain = node.entries().is_none();
    let key = if is_plain || node.get("value").is_some() { long_key(path, is_plain) } else { None };
    let Some(key) = key else { return Cow::Borrowed(node) };
    let entry = Entry { key: key.into(), key_span: node.span.clone(), node: node.clone() };
    Cow::Owned(Node { span: node.span.clone(), value: Value::Table(vec![entry]) })
}

/// The key that a value at this place is short for; some only where it is no table.
pub(in crate::scenario) fn long_key(path: &[String], is_plain: bool) -> Option<&'static str> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        ["servers" | "stand_ins", _, "provides", _] => Some("quality"),
        ["servers", _, "safe_concurrency"] => Some("limit"),
        ["policy", "caches", _] => Some("repeats"),
        ["agents", _, "needs", _] if is_plain => Some("server"),
        ["policy", "fallbacks", _] if is_plain => Some("on_failure"),
        _ => None,
    }
}
