//! Gemini CLI: `.gemini/settings.json` and `.gemini/agents/*.md`.
//! <https://github.com/google-gemini/gemini-cli/blob/main/docs/core/subagents.md>, docs/tools/mcp-server.md

use yaml_serde::Value as Yaml;

use crate::import::reader::{Depth, FileText, Reader, in_markdown};
use crate::import::server_config::{BRACES, Spelling, USUAL, read_servers, texts};
use crate::import::walk::Unread;
use crate::import::yaml::yaml_node;
use crate::import::{AgentDefinition, AgentFileError, Client, Dialect, FrontMatter, Grant, Part, Permit, parse_json};
use crate::scenario::document::Node;

const SPELLING: Spelling = Spelling {
    urls: &[("httpUrl", "http"), ("url", "sse"), ("tcp", "ws")],
    filters: &["includeTools", "excludeTools"],
    references: &[BRACES],
    bare_references: true,
    ..USUAL
};

pub fn read(reader: &mut Reader) {
    read_settings(reader);
    for file in reader.folder(".gemini/agents", Depth::Flat, ".md") {
        // Files that begin with an underscore are drafts.
        if !file.stem(&[]).starts_with('_') {
            read_agent(reader, &file);
        }
    }
}

fn read_settings(reader: &mut Reader) {
    let Some(file) = reader.file(".gemini/settings.json") else { return };
    let Some(root) = reader.or_broken(Part::Config, &file.path, parse_json(&file.text, Dialect::Comments)) else { return };
    if let Some(servers) = root.get("mcpServers") {
        reader.add_servers(&file, &servers.node, &SPELLING);
    }
    if let Some(rules) = root.get("mcp") {
        turn_off(reader, &file.path, &rules.node);
    }
}

/// `mcp.allowed`: only these; `mcp.excluded`: not these.
fn turn_off(reader: &mut Reader, path: &str, rules: &Node) {
    let allowed = rules.get("allowed").map(|_| texts(rules, "allowed").unwrap_or_default());
    let excluded = texts(rules, "excluded").unwrap_or_default();
    for server in reader.project.configs.iter_mut().filter(|config| config.client == Client::Gemini).flat_map(|config| &mut config.servers)
    {
        if excluded.contains(&server.name) {
            server.disabled = Some(format!("`mcp.excluded` of {path} names it"));
        } else if allowed.as_ref().is_some_and(|allowed| !allowed.contains(&server.name)) {
            server.disabled = Some(format!("`mcp.allowed` of {path} does not name it"));
        }
    }
}

fn read_agent(reader: &mut Reader, file: &FileText) {
    let Some(front) = reader.or_broken(Part::Agent, &file.path, FrontMatter::parse(&file.text)) else { return };
    if front.text("kind").as_deref() == Some("remote") {
        return reader.skip(file.path.clone(), Unread::Remote);
    }
    let name = required(file, &front);
    let Some(name) = reader.or_broken(Part::Agent, &file.path, name) else { return };
    let mut servers = Vec::new();
    if let Some(table) = front.values.get("mcpServers").and_then(|value| yaml_node(value, &file.text, front.yaml.clone())) {
        let (found, wrong) = read_servers(&file.text, &table, &SPELLING);
        wrong.into_iter().for_each(|error| reader.broken(Part::Server, &file.path, error));
        servers = found;
    }
    let mut known = reader.known_servers();
    known.extend(servers.iter().map(|server| server.name.clone()));
    let Some(grant) = reader.or_broken(Part::Agent, &file.path, grant(&file.text, &front, &known)) else { return };
    let agent = AgentDefinition { grant, servers, ..in_markdown(reader, file, &front, name) };
    reader.add_agent(agent);
}

fn required(file: &FileText, front: &FrontMatter) -> Result<String, AgentFileError> {
    let name = front.required_text(&file.text, "name")?;
    front.required_text(&file.text, "description")?;
    if name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_')) {
        return Ok(name.to_owned());
    }
    let error = AgentFileError::new(format!("`{name}` is no name for an agent of Gemini CLI")).line(front.line_of_key(&file.text, "name"));
    Err(error.hint("it is a tool's name: lowercase letters, digits, hyphens and underscores"))
}

/// `tools`: nothing means all; `*`, `mcp_*`, `mcp_server_*`, `mcp_server_tool`, or a tool of the client's own.
fn grant(text: &str, front: &FrontMatter, known: &[String]) -> Result<Grant, AgentFileError> {
    let Some(value) = front.values.get("tools") else { return Ok(Grant::all()) };
    let tools: Option<Vec<&str>> = match value {
        Yaml::Null => Some(Vec::new()),
        Yaml::Sequence(items) => items.iter().map(Yaml::as_str).collect(),
        _ => None,
    };
    let Some(tools) = tools else {
        let error = AgentFileError::new("`tools` is no list of texts").line(front.line_of_key(text, "tools"));
        return Err(error.hint("write one `- read_file` a line"));
    };
    Ok(Grant {
        everything: tools.iter().any(|tool| matches!(*tool, "*" | "mcp_*")),
        listed: tools.iter().filter(|tool| !matches!(**tool, "*" | "mcp_*")).map(|tool| permit(tool, known)).collect(),
        denied: Vec::new(),
        written: front.written(text, "tools"),
    })
}

pub fn grant_in(text: &str, known: &[String]) -> Result<Grant, AgentFileError> {
    grant(text, &FrontMatter::parse(text)?, known)
}

pub fn permit(tool: &str, known: &[String]) -> Permit {
    let Some(rest) = tool.strip_prefix("mcp_") else { return Permit::BuiltIn(tool.to_owned()) };
    let of = |server: &&String| rest.strip_prefix(server.as_str()).and_then(|rest| rest.strip_prefix('_')).is_some_and(|t| !t.is_empty());
    let (server, name) = match known.iter().filter(of).max_by_key(|server| server.len()) {
        Some(server) => (server.as_str(), &rest[server.len() + 1..]),
        None => match rest.strip_suffix("_*") {
            Some(server) => (server, "*"),
            None => rest.split_once('_').unwrap_or((rest, "*")),
        },
    };
    match name {
        "*" => Permit::Server(server.to_owned()),
        name => Permit::Tool { server: server.to_owned(), tool: name.to_owned() },
    }
}
