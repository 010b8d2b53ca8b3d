//! Codex: `[mcp_servers]` of `.codex/config.toml`, and `.codex/agents/*.toml`, whose `mcp_servers` is laid over the session's.
//! <https://developers.openai.com/codex/mcp>, <https://developers.openai.com/codex/subagents>

use crate::import::reader::{Depth, FileText, Reader, defined};
use crate::import::server_config::{Spelling, USUAL, read_server};
use crate::import::{AgentDefinition, AgentFileError, Grant, Part, Permit, ServerEntry, Written, line_of};
use crate::scenario::document::{self, Node, Problems, Value};

const SPELLING: Spelling = Spelling {
    off: Some(("enabled", false)),
    filters: &["enabled_tools", "disabled_tools"],
    passed: &["env_vars", "bearer_token_env_var", "env_http_headers"],
    references: &[],
    ..USUAL
};

pub fn read(reader: &mut Reader) {
    if let Some(file) = reader.file(".codex/config.toml")
        && let Some(root) = reader.or_broken(Part::Config, &file.path, parse_toml(&file.text))
        && let Some(servers) = root.get("mcp_servers")
    {
        reader.add_servers(&file, &servers.node, &SPELLING);
    }
    for file in reader.folder(".codex/agents", Depth::Flat, ".toml") {
        read_agent(reader, &file);
    }
}

fn parse_toml(text: &str) -> Result<Node<'_>, AgentFileError> {
    let mut problems = Problems::default();
    let root = document::parse(text, &mut problems);
    match (root, problems.take().into_iter().next()) {
        (Some(root), None) => Ok(root),
        (_, Some(problem)) => {
            let at = problem.span.map_or(0, |span| span.start);
            let error =
                AgentFileError::new(format!("not TOML: {}", problem.message)).at(text, text.floor_char_boundary(at.min(text.len())));
            Err(AgentFileError { hint: problem.hint, ..error })
        }
        (None, None) => Err(AgentFileError::new("not TOML")),
    }
}

fn read_agent(reader: &mut Reader, file: &FileText) {
    let Some(root) = reader.or_broken(Part::Agent, &file.path, parse_toml(&file.text)) else { return };
    let texts = ["name", "description", "developer_instructions"].map(|key| required_text(&root, key));
    let [name, description, instructions] = texts;
    let Some(name) = reader.or_broken(Part::Agent, &file.path, name) else { return };
    let Some(_) = reader.or_broken(Part::Agent, &file.path, description) else { return };
    let Some(instructions) = reader.or_broken(Part::Agent, &file.path, instructions) else { return };
    let (grant, servers, wrong) = grant(&file.text, &root);
    wrong.into_iter().for_each(|error| reader.broken(Part::Server, &file.path, error));
    let line = |key: &str| root.get(key).map_or(1, |entry| line_of(&file.text, entry.node.span.start));
    let instructions_line = line("developer_instructions");
    reader.add_agent(AgentDefinition { grant, servers, instructions, instructions_line, ..defined(reader, file, name) });
}

fn required_text(root: &Node, key: &str) -> Result<String, AgentFileError> {
    match root.get(key).map(|entry| &entry.node.value) {
        Some(Value::Text(text)) if !text.trim().is_empty() => Ok(text.to_string()),
        _ => Err(AgentFileError::new(format!("no `{key}`")).line(1).hint(format!("add `{key} = \"...\"`: Codex takes no agent without"))),
    }
}

pub fn grant_in(text: &str) -> Result<Grant, AgentFileError> {
    Ok(grant(text, &parse_toml(text)?).0)
}

/// An agent has its session's servers; its own table adds some, turns some off, or lets only some tools through.
fn grant(text: &str, root: &Node) -> (Grant, Vec<ServerEntry>, Vec<AgentFileError>) {
    let mut grant = Grant::all();
    let (mut servers, mut wrong) = (Vec::new(), Vec::new());
    let Some(table) = root.get("mcp_servers") else { return (grant, servers, wrong) };
    let entries = table.node.entries().unwrap_or_default();
    for entry in entries {
        let name = entry.key.to_string();
        if matches!(entry.node.get("enabled").map(|e| &e.node.value), Some(Value::Flag(false))) {
            grant.denied.push(Permit::Server(name));
            continue;
        }
        grant.listed.push(Permit::Server(name.clone()));
        if ["command", "url"].iter().any(|key| entry.node.get(key).is_some()) {
            match read_server(text, &name, entry.key_span.start, &entry.node, &SPELLING) {
                Ok(server) => servers.push(server),
                Err(reason) => wrong.push(AgentFileError::new(format!("server `{name}` {reason}")).at(text, entry.key_span.start)),
            }
        }
    }
    let ends = entries.iter().flat_map(|entry| entry.node.entries().unwrap_or_default()).map(|entry| entry.node.span.end);
    let start = entries.first().map_or(table.key_span.start, |entry| table.key_span.start.min(entry.key_span.start));
    let span = start..ends.max().unwrap_or(table.node.span.end).max(start);
    grant.written = Some(Written { line: line_of(text, span.start), span });
    (grant, servers, wrong)
}
