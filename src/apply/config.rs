//! `.mcp.json`: which servers it configures, an entry added with no other byte changed, and what of it may be shown.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

use super::Refusal;
use super::json::{Kind, Node};

/// Names of the configured servers.
pub fn servers(text: &str) -> Result<BTreeSet<String>, String> {
    Ok(Config::read(text)?.names())
}

struct Config {
    root: Node,
}

impl Config {
    fn read(text: &str) -> Result<Config, String> {
        let root = Node::parse(text)?;
        if root.members().is_none() {
            return Err("it is not a JSON object".into());
        }
        let config = Config { root };
        if config.servers()?.is_some_and(|servers| servers.members().is_none()) {
            return Err("`mcpServers` is not a JSON object".into());
        }
        Ok(config)
    }

    fn servers(&self) -> Result<Option<&Node>, String> {
        self.root.get("mcpServers")
    }

    fn names(&self) -> BTreeSet<String> {
        let servers = self.servers().ok().flatten().and_then(Node::members).unwrap_or_default();
        servers.iter().map(|member| member.key.clone()).collect()
    }
}

/// The text with one server's entry added behind the others, in their indentation and line endings; None: there is no file yet.
pub fn add_server(text: Option<&str>, name: &str, entry: &Value) -> Result<String, String> {
    let Some(text) = text else {
        let whole = serde_json::json!({ "mcpServers": { name: entry } });
        return Ok(pretty(&whole, "  ", "\n") + "\n");
    };
    let config = Config::read(text)?;
    let layout = Layout::of(text, &config.root);
    let added = match config.servers()? {
        Some(servers) => layout.insert(text, servers, name, entry),
        None => layout.insert(text, &config.root, "mcpServers", &serde_json::json!({ name: entry })),
    };
    let mut expected: Value = parsed(text)?;
    expected["mcpServers"][name] = entry.clone();
    if parsed(&added)? != expected {
        return Err(format!("the entry of `{name}` cannot be added exactly"));
    }
    Ok(added)
}

fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(|error| format!("not valid JSON: {error}"))
}

/// How a text is laid out.
struct Layout {
    /// None: all on one line.
    indent: Option<String>,
    newline: &'static str,
}

impl Layout {
    fn of(text: &str, root: &Node) -> Layout {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let first = root.members().and_then(<[_]>::first);
        let indent = match first {
            Some(first) => line_indent(text, first.start).map(|indent| {
                let outer = line_indent(text, root.span.start).unwrap_or_default();
                indent.strip_prefix(outer).unwrap_or(indent).to_owned()
            }),
            None => Some("  ".to_owned()),
        };
        Layout { indent, newline }
    }

    fn insert(&self, text: &str, object: &Node, key: &str, value: &Value) -> String {
        let members = object.members().expect("checked: an object");
        let key = Value::from(key);
        // Beside members that share a line the new one stands on it too.
        let own_line = members.last().map_or(self.indent.is_some(), |last| line_indent(text, last.start).is_some());
        let (Some(unit), true) = (&self.indent, own_line) else {
            let at = members.last().map_or(object.span.start + 1, |last| last.value.span.end);
            let comma = if members.is_empty() { "" } else { ", " };
            return splice(text, at..at, &format!("{comma}{key}: {value}"));
        };
        if let Some(last) = members.last() {
            let indent = line_indent(text, last.start).unwrap_or_default();
            let value = pretty(value, unit, &format!("{}{indent}", self.newline));
            let at = last.value.span.end;
            return splice(text, at..at, &format!(",{}{indent}{key}: {value}", self.newline));
        }
        let start = text[..object.span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[start..].trim_start_matches('\u{feff}');
        let outer = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        let value = pretty(value, unit, &format!("{}{outer}{unit}", self.newline));
        let inside = format!("{{{0}{outer}{unit}{key}: {value}{0}{outer}}}", self.newline);
        splice(text, object.span.clone(), &inside)
    }
}

/// The white space before `at`, if nothing else stands before it on its line.
fn line_indent(text: &str, at: usize) -> Option<&str> {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let before = text[start..at].trim_start_matches('\u{feff}');
    before.chars().all(|c| c == ' ' || c == '\t').then_some(before)
}

fn splice(text: &str, span: Range<usize>, new: &str) -> String {
    format!("{}{new}{}", &text[..span.start], &text[span.end..])
}

/// Indented JSON whose lines after the first begin with `newline`.
fn pretty(value: &Value, unit: &str, newline: &str) -> String {
    use serde::Serialize;
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter)).expect("JSON is written to memory");
    // Line feeds within texts are escaped: every real one is the formatter's.
    String::from_utf8(bytes).expect("JSON is UTF-8").replace('\n', newline)
}

/// Every value in an entry that could be a secret and is not a reference to a variable.
pub fn secrets(server: &str, entry: &Value) -> Vec<Refusal> {
    let text = entry.to_string();
    let node = Node::parse(&text).expect("it was just written");
    let refuse = |secret: &Sensitive| {
        let name: String = secret.name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        Refusal::Secret { server: server.to_owned(), key: secret.key.clone(), example: name.trim_matches('_').to_owned() }
    };
    sensitive(&node).iter().map(refuse).collect()
}

/// The text as it may be shown: each such value is `***`. It has the same lines. A text that is not JSON is not shown at all.
pub fn masked(text: &str) -> String {
    let Ok(config) = Config::read(text) else {
        return text.lines().map(|_| "***\n").collect();
    };
    let servers = config.servers().ok().flatten().and_then(Node::members).unwrap_or_default();
    let spans: Vec<Range<usize>> = servers.iter().flat_map(|member| sensitive(&member.value)).map(|secret| secret.span).collect();
    hidden(text, spans)
}

/// The text with these spans hidden, line for line.
pub fn hidden(text: &str, mut spans: Vec<Range<usize>>) -> String {
    spans.sort_by_key(|span| span.start);
    let mut shown = text.to_owned();
    for span in spans.into_iter().rev() {
        // A nested value may take several lines.
        let lines = text[span.clone()].matches('\n').count();
        shown.replace_range(span, &format!("\"***\"{}", "\n".repeat(lines)));
    }
    shown
}

/// A value that is no reference where a secret may stand.
struct Sensitive {
    /// For people: `env.TOKEN`, `args[2]`, `url`.
    key: String,
    /// What a variable for it could be called.
    name: String,
    span: Range<usize>,
}

fn sensitive(entry: &Node) -> Vec<Sensitive> {
    let mut found = Vec::new();
    for member in entry.members().unwrap_or_default() {
        match member.key.as_str() {
            "env" | "headers" => match &member.value.kind {
                Kind::Object(variables) => found.extend(variables.iter().filter(|v| !is_reference(&v.value)).map(|v| Sensitive {
                    key: format!("{}.{}", member.key, v.key),
                    name: v.key.clone(),
                    span: v.value.span.clone(),
                })),
                _ => found.push(Sensitive { key: member.key.clone(), name: "NAME".into(), span: member.value.span.clone() }),
            },
            _ => texts(&member.key, &member.key, &member.value, &mut found),
        }
    }
    found
}

/// Texts anywhere else in an entry: `--api-key`, VALUE; `--api-key=VALUE`; `https://user:VALUE@host/?token=VALUE`; `"password": VALUE`.
fn texts(path: &str, key: &str, node: &Node, found: &mut Vec<Sensitive>) {
    match &node.kind {
        Kind::Text(text) => {
            let secret = if is_secret_name(key) && !is_reference(node) { Some(key.to_owned()) } else { secret_within(text) };
            if let Some(name) = secret {
                found.push(Sensitive { key: path.to_owned(), name, span: node.span.clone() });
            }
        }
        Kind::Array(items) => {
            let mut before = key.to_owned();
            for (number, item) in items.iter().enumerate() {
                texts(&format!("{path}[{number}]"), &before, item, found);
                before = match &item.kind {
                    // Only an option names what follows it.
                    Kind::Text(text) if text.starts_with('-') && !text.contains('=') => text.trim_start_matches('-').to_owned(),
                    _ => key.to_owned(),
                };
            }
        }
        Kind::Object(members) => members.iter().for_each(|m| texts(&format!("{path}.{}", m.key), &m.key, &m.value, found)),
        Kind::Other => {}
    }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "password", "passwd", "apikey", "api-key", "api_key", "auth", "credential", "private", "access-key", "access_key"]
        .iter()
        .any(|word| name.contains(word))
        || name == "key"
}

fn secret_within(text: &str) -> Option<String> {
    // NAME=VALUE, as an option or in a URL's query.
    let pairs = text.split(['?', '&', '#', ' ', ',']).filter_map(|part| part.split_once('='));
    for (name, value) in pairs {
        let name = name.trim_start_matches('-');
        if is_secret_name(name) && !value.is_empty() && !is_variable(value) {
            return Some(name.to_owned());
        }
    }
    let (_, rest) = text.split_once("://")?;
    let (user, _) = rest.split(['/', '?']).next()?.rsplit_once('@')?;
    let secret = user.split_once(':').map_or(user, |(_, password)| password);
    (!is_variable(secret)).then(|| "PASSWORD".to_owned())
}

/// `${NAME}`, for a header also `Bearer ${NAME}`. A default (`${NAME:-value}`) could itself be the secret.
fn is_reference(node: &Node) -> bool {
    let Kind::Text(text) = &node.kind else { return false };
    let value = ["Bearer ", "Basic ", "Token ", "token "].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    is_variable(value)
}

fn is_variable(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        plain && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Value {
        serde_json::json!({ "command": "npx", "args": ["-y", "db"], "env": { "TOKEN": "${TOKEN}" } })
    }

    fn check(before: &str, expected: &str) {
        assert_eq!(add_server(Some(before), "db", &entry()).as_deref(), Ok(expected));
    }

    #[test]
    fn an_entry_is_added_in_the_text_s_own_layout() {
        check(
            "{\n  \"mcpServers\": {\n    \"fs\": { \"command\": \"x\" }\n  },\n  \"other\": 1\n}\n",
            "{\n  \"mcpServers\": {\n    \"fs\": { \"command\": \"x\" },\n    \"db\": {\n      \"command\": \"npx\",\n      \"args\": [\n        \"-y\",\n        \"db\"\n      ],\n      \"env\": {\n        \"TOKEN\": \"${TOKEN}\"\n      }\n    }\n  },\n  \"other\": 1\n}\n",
        );
        // Tabs, CRLF, byte-order mark, no final newline.
        check(
            "\u{feff}{\r\n\t\"mcpServers\": {\r\n\t\t\"fs\": {}\r\n\t}\r\n}",
            "\u{feff}{\r\n\t\"mcpServers\": {\r\n\t\t\"fs\": {},\r\n\t\t\"db\": {\r\n\t\t\t\"command\": \"npx\",\r\n\t\t\t\"args\": [\r\n\t\t\t\t\"-y\",\r\n\t\t\t\t\"db\"\r\n\t\t\t],\r\n\t\t\t\"env\": {\r\n\t\t\t\t\"TOKEN\": \"${TOKEN}\"\r\n\t\t\t}\r\n\t\t}\r\n\t}\r\n}",
        );
        let compact = r#""db": {"command":"npx","args":["-y","db"],"env":{"TOKEN":"${TOKEN}"}}"#;
        check(r#"{"mcpServers":{"fs":{}}}"#, &format!(r#"{{"mcpServers":{{"fs":{{}}, {compact}}}}}"#));
        check(r#"{"mcpServers":{}}"#, &format!(r#"{{"mcpServers":{{{compact}}}}}"#));
        let block = |indent: &str| {
            format!(
                "{indent}\"db\": {{\n{indent}  \"command\": \"npx\",\n{indent}  \"args\": [\n{indent}    \"-y\",\n{indent}    \"db\"\n{indent}  ],\n{indent}  \"env\": {{\n{indent}    \"TOKEN\": \"${{TOKEN}}\"\n{indent}  }}\n{indent}}}"
            )
        };
        check("{\n  \"mcpServers\": {}\n}\n", &format!("{{\n  \"mcpServers\": {{\n{}\n  }}\n}}\n", block("    ")));
        check("{}\n", &format!("{{\n  \"mcpServers\": {{\n{}\n  }}\n}}\n", block("    ")));
        check("{\n  \"a\": \"}\\\"{\"\n}", &format!("{{\n  \"a\": \"}}\\\"{{\",\n  \"mcpServers\": {{\n{}\n  }}\n}}", block("    ")));
        assert_eq!(add_server(None, "db", &entry()), Ok(format!("{{\n  \"mcpServers\": {{\n{}\n  }}\n}}\n", block("    "))));
    }

    #[test]
    fn what_cannot_be_edited_says_why() {
        let wrong = |text: &str| add_server(Some(text), "db", &entry()).expect_err("refused");
        assert_eq!(wrong("[]"), "it is not a JSON object");
        assert_eq!(wrong(r#"{"mcpServers": []}"#), "`mcpServers` is not a JSON object");
        assert_eq!(wrong(r#"{"mcpServers": {}, "mcpServers": {}}"#), "`mcpServers` stands there twice");
        assert!(wrong("{ // note\n}").starts_with("not valid JSON"));
        assert!(wrong(&"[".repeat(100_000)).starts_with("not valid JSON"));
    }

    fn secret_keys(entry: &str) -> Vec<String> {
        let refusals = secrets("s", &serde_json::from_str(entry).unwrap());
        refusals.iter().map(|refusal| if let Refusal::Secret { key, .. } = refusal { key.clone() } else { panic!("{refusal}") }).collect()
    }

    #[test]
    fn only_references_stand_where_a_secret_could() {
        let none: [String; 0] = [];
        assert_eq!(
            secret_keys(r#"{ "command": "npx", "args": ["-y", "x", "--access-token", "${T}", "--key=${K}"], "env": { "A": "${A}" } }"#),
            none
        );
        assert_eq!(
            secret_keys(r#"{ "url": "https://x/mcp?token=${T}&page=2", "headers": { "Authorization": "Bearer ${T}" }, "timeout": 5 }"#),
            none
        );
        assert_eq!(
            secret_keys(
                r#"{ "env": { "A": "sk-1", "B": "${B:-sk-1}", "C": "x${C}", "D": 1, "E": { "F": "sk" } }, "headers": "Bearer sk" }"#
            ),
            ["env.A", "env.B", "env.C", "env.D", "env.E", "headers"]
        );
        assert_eq!(
            secret_keys(
                r#"{ "args": ["--access-token", "sbp_1", "--api-key=sk", "DB_PASSWORD=pw", "--page=3", "postgres://u:pw@host/db"] }"#
            ),
            ["args[1]", "args[2]", "args[3]", "args[5]"]
        );
        assert_eq!(
            secret_keys(r#"{ "url": "https://x/mcp?tavilyApiKey=tvly-1", "oauth": { "clientSecret": "s" } }"#),
            ["url", "oauth.clientSecret"]
        );
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let text = "{\n  \"mcpServers\": {\n    \"s\": {\n      \"url\": \"https://h/?apiKey=k1\",\n      \"args\": [\"--token\", \"t1\"],\n      \"env\": { \"A\": \"v1\", \"B\": \"${B}\", \"C\": [\n        \"v2\" ] }\n    }\n  }\n}\n";
        insta::assert_snapshot!(masked(text));
        assert_eq!(masked(text).lines().count(), text.lines().count());
        assert_eq!(masked("{ \"env\": \"sk\""), "***\n");
    }
}
