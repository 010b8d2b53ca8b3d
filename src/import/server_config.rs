//! `.mcp.json`: the MCP servers that a project configures. Values of secrets are looked at for the variables they name, and not kept.

use serde_json::{Map, Value};

use super::ImportError;

/// A project's `.mcp.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// Relative to the imported folder.
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
}

/// How a client gets at a server.
#[derive(Debug, Clone, PartialEq)]
pub enum Launch {
    /// A process of the client's own.
    Stdio { command: String, args: Vec<String> },
    /// `http`, `sse` or `ws`, at another host or a server that runs already.
    Remote { kind: String, url: String },
}

impl ServerConfig {
    /// The longest file that is read, in bytes.
    pub const LONGEST: u64 = 4 << 20;

    /// Errors: not JSON (with line and column), no `mcpServers` object, a server without command and url.
    pub fn parse(path: &str, text: &str, sha256: String) -> Result<ServerConfig, ImportError> {
        let wrong = |message: String| ImportError::Config { place: path.to_owned(), message };
        let json: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
            let message = error.to_string();
            // The place stands in front of the message.
            let reason = message.split(" at line ").next().unwrap_or_default().to_owned();
            ImportError::Config { place: format!("{path}:{}:{}", error.line(), error.column()), message: format!("not JSON: {reason}") }
        })?;
        let servers = json.get("mcpServers").and_then(Value::as_object);
        let servers = servers.ok_or_else(|| wrong("no `mcpServers` object; write { \"mcpServers\": { ... } }".to_owned()))?;
        let servers = servers.iter().map(|(name, entry)| server(name, entry).map_err(|reason| wrong(format!("server `{name}` {reason}"))));
        Ok(ServerConfig { path: path.to_owned(), sha256, servers: servers.collect::<Result<_, _>>()? })
    }
}

fn server(name: &str, entry: &Value) -> Result<ServerEntry, String> {
    let entry = entry.as_object().ok_or("is not an object")?;
    let text = |key: &str| match entry.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("has a `{key}` that is not text")),
    };
    let launch = match (text("type")?, text("command")?, text("url")?) {
        (kind, Some(command), None) if kind.as_deref().is_none_or(|kind| kind == "stdio") => {
            Launch::Stdio { command, args: arguments(entry)? }
        }
        (kind, None, Some(url)) if kind.as_deref() != Some("stdio") => {
            Launch::Remote { kind: kind.unwrap_or_else(|| "http".to_owned()), url }
        }
        (_, Some(_), Some(_)) => return Err("has both `command` and `url`".to_owned()),
        (Some(kind), ..) => return Err(format!("of type `{kind}` has no `{}`", if kind == "stdio" { "command" } else { "url" })),
        (None, ..) => return Err("has neither `command` nor `url`".to_owned()),
    };
    Ok(ServerEntry { name: name.to_owned(), launch, env: variables(entry) })
}

fn arguments(entry: &Map<String, Value>) -> Result<Vec<String>, String> {
    let Some(args) = entry.get("args") else { return Ok(Vec::new()) };
    let text = |arg: &Value| arg.as_str().map(str::to_owned);
    args.as_array().and_then(|args| args.iter().map(text).collect()).ok_or_else(|| "has `args` that are not a list of texts".to_owned())
}

/// Keys of `env`, and every `${VAR}` or `${VAR:-default}` anywhere in the entry.
fn variables(entry: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if let Some(Value::Object(env)) = entry.get("env") {
        names.extend(env.keys().cloned());
    }
    entry.values().for_each(|value| referenced(value, &mut names));
    names.retain(|name| is_variable(name));
    names.sort();
    names.dedup();
    names
}

fn referenced(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let references = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
            names.extend(references.map(|(inside, _)| inside.split(":-").next().unwrap_or(inside).to_owned()));
        }
        Value::Array(items) => items.iter().for_each(|item| referenced(item, names)),
        Value::Object(map) => map.values().for_each(|item| referenced(item, names)),
        _ => {}
    }
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ServerConfig, String> {
        ServerConfig::parse(".mcp.json", text, String::new()).map_err(|error| error.to_string())
    }

    #[test]
    fn servers_are_read_without_the_values_of_their_secrets() {
        let text = r#"{ "other": 1, "mcpServers": {
            "github": { "command": "npx", "args": ["-y", "x@1"], "env": { "TOKEN": "ghp_secret", "HOST": "${GH_HOST:-github.com}" } },
            "깃허브": { "type": "http", "url": "https://mcp.example/${REGION}", "headers": { "Authorization": "Bearer ${KEY}" } },
            "plain": { "type": "stdio", "command": "mcp-server-time" } } }"#;
        let config = parse(text).unwrap();
        let stdio =
            |command: &str, args: &[&str]| Launch::Stdio { command: command.into(), args: args.iter().map(|a| a.to_string()).collect() };
        let remote = Launch::Remote { kind: "http".into(), url: "https://mcp.example/${REGION}".into() };
        let found: Vec<(&str, &Launch, String)> = config.servers.iter().map(|s| (s.name.as_str(), &s.launch, s.env.join(" "))).collect();
        assert_eq!(
            found,
            [
                ("github", &stdio("npx", &["-y", "x@1"]), "GH_HOST HOST TOKEN".to_owned()),
                ("깃허브", &remote, "KEY REGION".to_owned()),
                ("plain", &stdio("mcp-server-time", &[]), String::new()),
            ]
        );
        assert!(!format!("{config:?}").contains("ghp_secret"));
    }

    #[test]
    fn a_broken_config_says_where() {
        let broken = [
            "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"npx\", }\n  }\n}",
            "",
            "[]",
            "{ \"servers\": {} }",
            "{ \"mcpServers\": { \"a\": 1 } }",
            "{ \"mcpServers\": { \"a\": {} } }",
            "{ \"mcpServers\": { \"a\": { \"type\": \"http\" } } }",
            "{ \"mcpServers\": { \"a\": { \"command\": [\"npx\"] } } }",
            "{ \"mcpServers\": { \"a\": { \"command\": \"npx\", \"args\": [1] } } }",
            "{ \"mcpServers\": { \"a\": { \"command\": \"npx\", \"url\": \"https://x\" } } }",
        ];
        let messages: Vec<String> = broken.iter().map(|text| parse(text).expect_err(text)).collect();
        insta::assert_snapshot!("broken_server_configs", messages.join("\n"));
    }
}
