//! The MCP servers that a file configures, in each client's spelling. Values of secrets are looked at for the variables they name,
//! and not kept.

use super::front_matter::line_of;
use super::{AgentFileError, Client, Scope};
use crate::scenario::document::{Entry, Node, Value};

/// One file that configures servers.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    pub client: Client,
    pub scope: Scope,
    /// Relative to the imported folder; `~/...` below the home folder.
    pub path: String,
    /// Of the file's bytes, in hex.
    pub sha256: String,
    /// In the file's order.
    pub servers: Vec<ServerEntry>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ServerEntry {
    pub name: String,
    pub launch: Launch,
    /// Names of the environment variables that it sets or refers to, sorted; never values.
    pub env: Vec<String>,
    /// Those of them that have to be set around the client: it refers to them and has no default for them.
    pub required: Vec<String>,
    /// A file that sets variables for it.
    pub env_file: Option<String>,
    /// 1-based line in its file.
    pub line: usize,
    /// Why the client does not start it.
    pub disabled: Option<String>,
    /// Only some of its tools are let through.
    pub filtered: bool,
}

/// How a client gets at a server.
#[derive(Debug, Clone, PartialEq)]
pub enum Launch {
    /// A process of the client's own.
    Stdio { command: String, args: Vec<String> },
    /// `http`, `sse` or `ws`, at another host or a server that runs already.
    Remote { kind: String, url: String },
}

/// How a client spells what all of them say.
#[derive(Debug, Clone, Copy)]
pub struct Spelling {
    /// Keys of an address, and the transport each means.
    pub urls: &'static [(&'static str, &'static str)],
    pub env: &'static str,
    /// Keys that name a file of variables.
    pub env_file: Option<&'static str>,
    /// A key, and the value with which it turns the server off.
    pub off: Option<(&'static str, bool)>,
    /// Keys that let only some tools through.
    pub filters: &'static [&'static str],
    /// Keys that name variables of the client's own environment.
    pub passed: &'static [&'static str],
    pub references: &'static [Reference],
    /// `command` holds the arguments too.
    pub command_is_list: bool,
    /// `$NAME` is a reference too.
    pub bare_references: bool,
    /// Variables that the client sets itself.
    pub provided: &'static [&'static str],
}

/// What stands around the name of a variable.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    pub open: &'static str,
    pub close: char,
    /// In front of what holds where the variable is not set.
    pub default: Option<&'static str>,
}

/// `${NAME}` and `${NAME:-default}`
pub const BRACES: Reference = Reference { open: "${", close: '}', default: Some(":-") };
/// `${env:NAME}`
pub const ENV_BRACES: Reference = Reference { open: "${env:", close: '}', default: None };

/// As Claude Code and most others spell it.
pub const USUAL: Spelling = Spelling {
    urls: &[("url", "http")],
    env: "env",
    env_file: None,
    off: None,
    filters: &[],
    passed: &[],
    references: &[BRACES],
    command_is_list: false,
    bare_references: false,
    provided: &[],
};

impl ServerConfig {
    /// The longest file that is read, in bytes.
    pub const LONGEST: u64 = 4 << 20;
}

/// Nobody configures more in one file.
const SERVERS_MAX: usize = 1000;

/// The servers of a table of names, and what is wrong with those that no client could start.
pub fn read_servers(text: &str, table: &Node, spelling: &Spelling) -> (Vec<ServerEntry>, Vec<AgentFileError>) {
    let mut found = (Vec::new(), Vec::new());
    let Some(entries) = table.entries() else {
        found.1.push(wrong(text, table.span.start, format!("the servers have to be a table of names, and this is {}", table.kind())));
        return found;
    };
    if entries.len() > SERVERS_MAX {
        let message = format!("{} servers: the first {SERVERS_MAX} of them are read", entries.len());
        found.1.push(wrong(text, table.span.start, message));
    }
    for entry in entries.iter().take(SERVERS_MAX) {
        match read_server(text, &entry.key, entry.key_span.start, &entry.node, spelling) {
            Ok(server) => found.0.push(server),
            Err(reason) => found.1.push(wrong(text, entry.key_span.start, format!("server `{}` {reason}", entry.key))),
        }
    }
    found
}

fn wrong(text: &str, at: usize, message: String) -> AgentFileError {
    let hint = "a client leaves such a server out; state its `command`, or its address";
    AgentFileError::new(message).at(text, text.floor_char_boundary(at.min(text.len()))).hint(hint)
}

/// One server, which stands at this byte of the text.
pub fn read_server(text: &str, name: &str, at: usize, node: &Node, spelling: &Spelling) -> Result<ServerEntry, String> {
    let entries = node.entries().ok_or("is not a table of keys")?;
    let text_at = |key: &str| match node.get(key).map(|entry| &entry.node.value) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.to_string())),
        Some(_) => Err(format!("has a `{key}` that is not text")),
    };
    let kind = text_at("type")?;
    let (command, mut args) = match node.get("command").map(|entry| &entry.node) {
        // A command and its arguments in one list.
        Some(Node { value: Value::List(_), .. }) => {
            let mut words = texts(node, "command")?;
            if words.is_empty() {
                return Err("has an empty `command`".to_owned());
            }
            (Some(words.remove(0)), words)
        }
        Some(_) if spelling.command_is_list => return Err("has a `command` that is not a list of words".to_owned()),
        _ => (text_at("command")?, Vec::new()),
    };
    args.extend(texts(node, "args")?);
    let mut url = None;
    for (key, transport) in spelling.urls {
        if let Some(address) = text_at(key)? {
            url.get_or_insert((address, *transport));
        }
    }
    if command.as_deref().is_some_and(|command| command.trim().is_empty()) {
        return Err("has an empty `command`".to_owned());
    }
    if url.as_ref().is_some_and(|(address, _)| address.trim().is_empty()) {
        return Err("has an empty address".to_owned());
    }
    let is_stdio = kind.as_deref().is_none_or(|kind| matches!(kind, "stdio" | "local"));
    let launch = match (command, url) {
        (Some(_), Some(_)) => return Err("has both `command` and an address".to_owned()),
        (Some(command), None) if is_stdio => Launch::Stdio { command, args },
        (None, Some((url, transport))) if kind.is_none() || !is_stdio => {
            Launch::Remote { kind: kind.filter(|kind| kind != "remote").unwrap_or_else(|| transport.to_owned()), url }
        }
        _ => {
            let missing = if is_stdio { "command" } else { "url" };
            return Err(match kind {
                Some(kind) => format!("of type `{kind}` has no `{missing}`"),
                None => "has neither `command` nor an address".to_owned(),
            });
        }
    };
    let variables = variables(node, spelling);
    let is_off = spelling.off.filter(|(key, value)| matches!(node.get(key).map(|e| &e.node.value), Some(Value::Flag(v)) if v == value));
    Ok(ServerEntry {
        name: name.to_owned(),
        launch,
        env: variables.all,
        required: variables.required,
        env_file: spelling.env_file.and_then(|key| text_at(key).ok().flatten()),
        line: line_of(text, text.floor_char_boundary(at.min(text.len()))),
        disabled: is_off.map(|(key, value)| format!("`{key}` is {value}")),
        filtered: entries.iter().any(|entry| {
            let all = matches!(&entry.node.value, Value::List(items) if items.iter().any(|item| is_text(item, "*")));
            spelling.filters.contains(&&*entry.key) && !all
        }),
    })
}

fn is_text(node: &Node, expected: &str) -> bool {
    matches!(&node.value, Value::Text(text) if text == expected)
}

/// A list of texts; empty where the key is not there.
pub fn texts(node: &Node, key: &str) -> Result<Vec<String>, String> {
    let Some(entry) = node.get(key) else { return Ok(Vec::new()) };
    let text = |item: &Node| match &item.value {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    };
    let items = match &entry.node.value {
        Value::List(items) => items.iter().map(text).collect(),
        _ => None,
    };
    items.ok_or_else(|| format!("has `{key}` that is not a list of texts"))
}

struct Variables {
    all: Vec<String>,
    required: Vec<String>,
}

/// Keys of its environment, and every reference to a variable anywhere in the entry.
fn variables(node: &Node, spelling: &Spelling) -> Variables {
    let mut set: Vec<String> = Vec::new();
    let mut referred: Vec<(String, bool)> = Vec::new();
    if let Some(entry) = node.get(spelling.env) {
        set.extend(entry.node.entries().unwrap_or_default().iter().map(|entry| entry.key.to_string()));
    }
    for entry in spelling.passed.iter().filter_map(|key| node.get(key)) {
        names_in(&entry.node, &mut referred);
    }
    node.entries().unwrap_or_default().iter().for_each(|entry| references_in(&entry.node, spelling, &mut referred));
    let sorted = |mut names: Vec<String>| {
        names.retain(|name| is_variable(name) && !spelling.provided.contains(&name.as_str()));
        names.sort();
        names.dedup();
        names
    };
    let required = referred.iter().filter(|(_, has_default)| !has_default).map(|(name, _)| name.clone()).collect();
    let all = set.into_iter().chain(referred.into_iter().map(|(name, _)| name)).collect();
    Variables { all: sorted(all), required: sorted(required) }
}

/// Texts that are names of variables: one, a list of them, or the values of a table.
fn names_in(node: &Node, names: &mut Vec<(String, bool)>) {
    match &node.value {
        Value::Text(name) => names.push((name.to_string(), false)),
        Value::List(items) => items.iter().for_each(|item| names_in(item, names)),
        Value::Table(entries) => match node.get("name") {
            // Codex: { name = "TOKEN", source = "local" }
            Some(name) => names_in(&name.node, names),
            None => entries.iter().for_each(|entry: &Entry| names_in(&entry.node, names)),
        },
        _ => {}
    }
}

fn references_in(node: &Node, spelling: &Spelling, names: &mut Vec<(String, bool)>) {
    match &node.value {
        Value::Text(text) => references(text, spelling, names),
        Value::List(items) => items.iter().for_each(|item| references_in(item, spelling, names)),
        Value::Table(entries) => entries.iter().for_each(|entry| references_in(&entry.node, spelling, names)),
        _ => {}
    }
}

fn references(text: &str, spelling: &Spelling, names: &mut Vec<(String, bool)>) {
    for reference in spelling.references {
        for rest in text.split(reference.open).skip(1) {
            let Some((inside, _)) = rest.split_once(reference.close) else { continue };
            match reference.default.and_then(|mark| inside.split_once(mark)) {
                Some((name, _)) => names.push((name.to_owned(), true)),
                None => names.push((inside.to_owned(), false)),
            }
        }
    }
    if spelling.bare_references {
        let word = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
        names.extend(text.split('$').skip(1).map(|rest| (word(rest), false)));
    }
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Dialect, parse_json};

    fn servers(text: &str, spelling: &Spelling) -> (Vec<ServerEntry>, Vec<AgentFileError>) {
        read_servers(text, &parse_json(text, Dialect::Strict).expect("JSON"), spelling)
    }

    #[test]
    fn servers_are_read_without_the_values_of_their_secrets() {
        let text = r#"{
            "github": { "command": "npx", "args": ["-y", "x@1"], "env": { "TOKEN": "ghp_secret", "HOST": "${GH_HOST:-github.com}" } },
            "깃허브": { "type": "http", "url": "https://mcp.example/${REGION}", "headers": { "Authorization": "Bearer ${KEY}" } },
            "plain": { "type": "stdio", "command": "mcp-server-time" } }"#;
        let (found, wrong) = servers(text, &USUAL);
        assert_eq!(wrong, []);
        let stdio =
            |command: &str, args: &[&str]| Launch::Stdio { command: command.into(), args: args.iter().map(|a| a.to_string()).collect() };
        let remote = Launch::Remote { kind: "http".into(), url: "https://mcp.example/${REGION}".into() };
        let told: Vec<_> = found.iter().map(|s| (s.name.as_str(), &s.launch, s.env.join(" "), s.required.join(" "), s.line)).collect();
        assert_eq!(
            told,
            [
                ("github", &stdio("npx", &["-y", "x@1"]), "GH_HOST HOST TOKEN".to_owned(), String::new(), 2),
                ("깃허브", &remote, "KEY REGION".to_owned(), "KEY REGION".to_owned(), 3),
                ("plain", &stdio("mcp-server-time", &[]), String::new(), String::new(), 4),
            ]
        );
        assert!(!format!("{found:?}").contains("ghp_secret"));
    }

    #[test]
    fn a_server_that_cannot_start_says_why_and_leaves_the_others() {
        let text = r#"{
            "good": { "command": "npx" },
            "a": 1,
            "b": {},
            "c": { "type": "http" },
            "d": { "command": 7 },
            "e": { "command": [] },
            "e2": { "command": " " },
            "e3": { "url": "" },
            "f": { "command": "npx", "args": [1] },
            "g": { "command": "npx", "url": "https://x" },
            "h": { "type": "stdio", "url": "https://x" } }"#;
        let (found, wrong) = servers(text, &USUAL);
        assert_eq!(found.len(), 1);
        let messages: Vec<String> = wrong.iter().map(|error| error.render(".mcp.json")).collect();
        insta::assert_snapshot!("broken_server_configs", messages.join("\n"));
    }
}
