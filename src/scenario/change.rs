//! Changes asked for on the command line become a what-if: an overlay like those of the scenario's own text, read with the same checks.

mod place;
mod redraw;

use std::fmt;
use std::str::FromStr;

use super::diagnostic::Diagnostics;
use super::document::{self, Entry, Node, Problems, Value, to_table};
use super::problems::hint_from;
use super::read::overlay::read_over;
use super::spelling::{key, number, value as spelled};
use super::{Scenario, WhatIf};
use place::{Overlay, scaled};

pub use redraw::Uncertain;

/// One change, as its flag says it: `--set servers.serena.up=false`.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    flag: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// A what-if of the scenario.
    Overlay(String),
    /// A server, stand-in or dependency that the scenario does not have.
    Add(Vec<String>, toml::Value),
    Set(Vec<String>, toml::Value),
    Scale(Vec<String>, f64),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    #[error("{flag}: {why}")]
    Wrong { flag: String, why: String },
    #[error(transparent)]
    Mistakes(#[from] Diagnostics),
}

/// What `--add` may add.
const ADDABLE: [&str; 3] = ["servers", "stand_ins", "dependencies"];

impl Change {
    pub fn overlay(name: &str) -> Change {
        Change { flag: format!("--overlay {name}"), kind: Kind::Overlay(name.to_owned()) }
    }

    /// Of `servers.NAME={ provides = { files = 1.0 }, serial = "20ms" }`.
    pub fn add(text: &str) -> Result<Change, ChangeError> {
        let flag = format!("--add {text}");
        let example = "as in 'server.spare={ provides = { files = 1.0 }, serial = \"20ms\" }'";
        let wrong = |why: String| ChangeError::Wrong { flag: flag.clone(), why };
        let (path, value) = assignment(text, example).map_err(wrong)?;
        if path.len() != 2 || !ADDABLE.contains(&&*path[0]) {
            return Err(wrong(format!("a server, stand-in or dependency is added by its name, {example}")));
        }
        let table = value_of(value).map_err(wrong)?;
        if !table.is_table() {
            return Err(wrong(format!("what is added is a table, {example}")));
        }
        Ok(Change { kind: Kind::Add(path, table), flag })
    }

    pub fn set(text: &str) -> Result<Change, ChangeError> {
        let flag = format!("--set {text}");
        let wrong = |why: String| ChangeError::Wrong { flag: flag.clone(), why };
        let (path, value) = assignment(text, "as in servers.serena.up=false or load=2").map_err(wrong)?;
        let value = value_of(value).map_err(wrong)?;
        Ok(Change { kind: Kind::Set(path, value), flag })
    }

    /// As [`Change::set`], by the flag of a sweep.
    pub fn vary(path: &str, value: &str) -> Result<Change, ChangeError> {
        let text = format!("{path}={value}");
        let flag = format!("--vary {text}");
        match Change::set(&text) {
            Ok(change) => Ok(Change { flag, ..change }),
            Err(ChangeError::Wrong { why, .. }) => Err(ChangeError::Wrong { flag, why }),
            Err(mistakes) => Err(mistakes),
        }
    }

    pub fn scale(text: &str) -> Result<Change, ChangeError> {
        let flag = format!("--scale {text}");
        let wrong = |why: String| ChangeError::Wrong { flag: flag.clone(), why };
        let (path, factor) = assignment(text, "as in load=2 or servers.filesystem.serial=1.5").map_err(wrong)?;
        match factor.parse::<f64>() {
            Ok(factor) if factor.is_finite() && factor >= 0.0 => Ok(Change { kind: Kind::Scale(path, factor), flag }),
            _ => Err(wrong(format!("the factor has to be a number, 0 or more, not `{factor}`"))),
        }
    }

    /// Every server, stand-in and dependency of a TOML text, each as an addition of its own.
    pub fn additions(file: &str, text: &str) -> Result<Vec<Change>, ChangeError> {
        let flag = format!("--add server={file}");
        let wrong = |why: String| ChangeError::Wrong { flag: flag.clone(), why };
        let table: toml::Table = toml::from_str(text).map_err(|error| wrong(format!("the file is not TOML: {}", error.message())))?;
        let mut changes = Vec::new();
        for (kind, entries) in &table {
            if !ADDABLE.contains(&kind.as_str()) {
                return Err(wrong(format!(
                    "the file may hold only [servers.NAME], [stand_ins.NAME] and [dependencies.NAME], not `{kind}`"
                )));
            }
            for (name, entry) in entries.as_table().ok_or_else(|| wrong(format!("`{kind}` has to be a table of names")))? {
                changes.push(Change::add(&format!("{kind}.{}={}", key(name), spelled(entry)))?);
            }
        }
        if changes.is_empty() {
            return Err(wrong("the file holds no [servers.NAME]".to_owned()));
        }
        Ok(changes)
    }
}

/// The flag as it was given.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.flag)
    }
}

/// Of what [`Change`] prints.
impl FromStr for Change {
    type Err = ChangeError;

    fn from_str(flag: &str) -> Result<Change, ChangeError> {
        match flag.split_once(' ') {
            Some(("--overlay", name)) => Ok(Change::overlay(name)),
            Some(("--add", text)) => Change::add(text),
            Some(("--set", text)) => Change::set(text),
            Some(("--scale", text)) => Change::scale(text),
            _ => Err(ChangeError::Wrong { flag: flag.to_owned(), why: "no change of a scenario".to_owned() }),
        }
    }
}

/// `a."b c".d=VALUE`: the path, with the plural of its first part, and the value's text.
fn assignment<'a>(text: &'a str, example: &str) -> Result<(Vec<String>, &'a str), String> {
    let mut quote = None;
    let at = text.char_indices().find(|(_, c)| match (quote, c) {
        (None, '"' | '\'') => {
            quote = Some(*c);
            false
        }
        (Some(open), c) => {
            quote = if open == *c { None } else { quote };
            false
        }
        (None, c) => *c == '=',
    });
    let Some((at, _)) = at else { return Err(format!("it needs a path and a value, {example}")) };
    let path = path(text[..at].trim()).ok_or_else(|| format!("`{}` is no path, {example}", text[..at].trim()))?;
    Ok((path, text[at + 1..].trim()))
}

/// A dotted TOML key. `server.NAME` means `servers.NAME`, and so on.
fn path(text: &str) -> Option<Vec<String>> {
    if text.contains(['\n', '\r', '#']) {
        return None;
    }
    let mut table: toml::Table = toml::from_str(&format!("{text} = 0")).ok()?;
    let mut path = Vec::new();
    loop {
        let (name, value) = std::mem::take(&mut table).into_iter().next()?;
        path.push(name);
        match value {
            toml::Value::Table(inner) => table = inner,
            _ => break,
        }
    }
    let plural = ["server", "stand_in", "dependency", "agent", "kpi"].iter().position(|singular| path[0] == *singular);
    if let Some(plural) = plural {
        path[0] = ["servers", "stand_ins", "dependencies", "agents", "kpis"][plural].to_owned();
    }
    Some(path)
}

/// A TOML value; what is none is a text, so that `200ms` needs no quotes.
fn value_of(text: &str) -> Result<toml::Value, String> {
    if text.is_empty() || text.contains(['\n', '\r']) {
        return Err("it needs a value on one line, as in `=false`, `=3`, `=200ms` or `={ exponential = \"1s\" }`".to_owned());
    }
    match toml::from_str::<toml::Table>(&format!("v = {text}")) {
        Ok(mut table) if table.len() == 1 => Ok(table.remove("v").expect("it is the only key")),
        Err(error) if text.starts_with(['{', '[', '"', '\'']) => Err(format!("the value is not TOML: {}", error.message())),
        _ => Ok(toml::Value::String(text.to_owned())),
    }
}

/// The scenario of this text with the changes, one after the other: named overlays, `--add`, `--set` and `--scale` in the order in which
/// they are given. Loads multiply.
pub fn changed(text: &str, base: &Scenario, name: &str, changes: &[Change]) -> Result<WhatIf, ChangeError> {
    let root = document::parse(text, &mut Problems::default()).expect("the base was read from this text");
    let document = Node { span: root.span.clone(), value: Value::Table(without_what_ifs(&root)) };
    let mut overlay = Overlay::new(to_table(document.entries().unwrap_or_default()));
    let mut load = None;
    for change in changes {
        apply(change, base, &mut overlay, &mut load).map_err(|why| ChangeError::Wrong { flag: change.flag.clone(), why })?;
    }
    let mut snippet = format!("# the scenario {} with what was asked for\n", base.name);
    if let Some((load, flags)) = &load {
        snippet += &format!("load = {}  # {}\n", number(*load), one_line(flags));
    }
    for line in overlay.lines() {
        let path: Vec<_> = line.path.iter().map(|part| key(part)).collect();
        snippet += &format!("{} = {}  # {}\n", path.join("."), spelled(&line.value), one_line(&line.flags));
    }
    let mut what_if = read(text, &document, base, name, &snippet)?;
    what_if.description = changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    Ok(what_if)
}

fn without_what_ifs<'t>(root: &Node<'t>) -> Vec<Entry<'t>> {
    root.entries().unwrap_or_default().iter().filter(|entry| entry.key != "what_if").cloned().collect()
}

/// A comment ends with its line.
fn one_line(flags: &[String]) -> String {
    flags.join(" ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn apply(change: &Change, base: &Scenario, overlay: &mut Overlay, load: &mut Option<(f64, Vec<String>)>) -> Result<(), String> {
    let mut loaded = |factor: f64, replaces: bool| {
        let (load, flags) = load.get_or_insert_with(|| (1.0, Vec::new()));
        *load = if replaces { factor } else { *load * factor };
        flags.push(change.flag.clone());
    };
    match &change.kind {
        Kind::Overlay(name) => {
            let Some(what_if) = base.what_ifs.iter().find(|what_if| what_if.name == *name) else {
                let hint = hint_from(name, base.what_ifs.iter().map(|what_if| what_if.name.as_str()));
                return Err(format!(
                    "the scenario {} has no what-if `{name}`; {}",
                    base.name,
                    hint.unwrap_or_else(|| "see `mcplab check`".to_owned())
                ));
            };
            if what_if.scenario.load != 1.0 {
                loaded(what_if.scenario.load, false);
            }
            overlay.merge(&mut Vec::new(), &toml::Value::Table(what_if.overlay.clone()), &change.flag);
        }
        Kind::Add(path, table) => {
            if overlay.get(path).is_some() {
                return Err(format!("the scenario has `{}` already; --set changes it", path.join(".")));
            }
            overlay.put(path, table.clone(), &change.flag);
        }
        Kind::Set(path, value) if path[..] == ["load"] => match value.as_float().or(value.as_integer().map(|i| i as f64)) {
            Some(load) => loaded(load, true),
            None => return Err("`load` is a number above 0: how many times as often tasks start".to_owned()),
        },
        Kind::Scale(path, factor) if path[..] == ["load"] => loaded(*factor, false),
        Kind::Set(path, value) => {
            if let ["run", own @ ("seed" | "replications")] = path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                return Err(format!("base and what-if share theirs, or they could not be compared; give --{own}"));
            }
            match overlay.find(path) {
                Ok(found) if !found.inner.is_empty() => {
                    let mut leaf = found.leaf;
                    *place::inside(&mut leaf, &found.inner).map_err(|known| missing(path, &known, &found.inner))? = value.clone();
                    overlay.put(&found.at, leaf, &change.flag);
                }
                // What the text does not state has its default; whether it may be stated, the reader says.
                _ => overlay.merge(&mut path.clone(), value, &change.flag),
            }
        }
        Kind::Scale(path, factor) => {
            let found = overlay.find(path).map_err(|(known, wrong)| {
                format!("{}; --set gives a value to what the scenario does not state", missing(path, &known, std::slice::from_ref(&wrong)))
            })?;
            let mut leaf = found.leaf;
            let part = place::inside(&mut leaf, &found.inner).map_err(|known| missing(path, &known, &found.inner))?;
            *part = scaled(part, *factor).map_err(|why| format!("`{}` {why}", path.join(".")))?;
            overlay.put(&found.at, leaf, &change.flag);
        }
    }
    Ok(())
}

fn missing(path: &[String], known: &[String], wrong: &[String]) -> String {
    let wrong = wrong.first().map_or("", String::as_str);
    let hint = hint_from(wrong, known.iter().map(String::as_str)).map_or_else(String::new, |hint| format!(" ({hint})"));
    format!("the scenario states no `{}`: there is no `{wrong}`{hint}", path.join("."))
}

/// Mistakes are shown in the lines that the flags became.
fn read(text: &str, document: &Node, base: &Scenario, name: &str, snippet: &str) -> Result<WhatIf, ChangeError> {
    // Places in the overlay lie behind those in the scenario, so that no two are the same.
    let offset = text.len() + 1;
    let padded = format!("{}\n{snippet}", " ".repeat(text.len()));
    let mut problems = Problems::default();
    let header = offset..offset + snippet.find('\n').unwrap_or(0);
    let what_if = document::parse(&padded, &mut problems)
        .and_then(|node| read_over(&Entry { key: name.into(), key_span: header, node }, document, base, &mut problems));
    let failed = problems.has_errors();
    let mut mistakes = problems.into_diagnostics("command line", &padded);
    mistakes.text.drain(..offset);
    for span in mistakes.list.iter_mut().filter_map(|mistake| mistake.span.as_mut()) {
        *span = span.start.saturating_sub(offset)..span.end.saturating_sub(offset);
    }
    what_if.filter(|_| !failed).ok_or(ChangeError::Mistakes(mistakes))
}

#[cfg(test)]
mod tests;
