//! The agent files of a project folder, found by path or by name.

use std::collections::BTreeMap;

use yaml_serde::Value;

use super::Refusal;
use super::disk::Image;
use super::tree::Tree;
use crate::import::{AGENTS, AgentFile, FrontMatter, ImportError};
use crate::scenario::Agent;

/// An agent file that a client would load.
#[derive(Debug, Clone)]
pub struct Found {
    /// Relative, symbolic links followed.
    pub path: String,
    pub text: String,
    pub file: AgentFile,
    disallowed: Vec<String>,
}

pub struct Agents {
    /// Paths by the name of the agent.
    by_name: BTreeMap<String, Vec<String>>,
}

impl Agents {
    pub fn read(tree: &Tree) -> Result<Agents, ImportError> {
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // What a client would not load is no agent here.
        for (source, file) in tree.agents()?.valid() {
            by_name.entry(file.name.clone()).or_default().push(source.path.clone());
        }
        Ok(Agents { by_name })
    }

    /// The one file of an agent.
    pub fn find(&self, tree: &Tree, agent: &Agent) -> Result<Found, Refusal> {
        let none = Vec::new();
        let named = self.by_name.get(&agent.name).unwrap_or(&none);
        if named.len() > 1 {
            return Err(Refusal::AgentTwice { agent: agent.name.clone(), paths: named.clone() });
        }
        let path = match (&agent.file, named.first()) {
            (Some(file), _) => &file.path,
            (None, Some(path)) => path,
            (None, None) => return Err(Refusal::AgentMissing(agent.name.clone())),
        };
        if !is_agent_path(path) {
            return Err(Refusal::NotAgentPath { agent: agent.name.clone(), path: path.clone() });
        }
        let found = load(tree, path)?;
        if found.file.name != agent.name {
            return Err(Refusal::OtherAgent { agent: agent.name.clone(), path: path.clone(), found: found.file.name });
        }
        Ok(found)
    }

    /// Whether an agent's own file defines a server.
    pub fn brings(&self, tree: &Tree, agent: &Agent, server: &str) -> bool {
        self.find(tree, agent).is_ok_and(|found| found.file.mcp_servers.iter().any(|name| name == server))
    }
}

impl Found {
    /// `disallowedTools` names the server, or all of them: it wins over `tools`.
    pub fn disallows(&self, server: &str) -> bool {
        let whole = [format!("mcp__{server}"), format!("mcp__{server}__*"), "mcp__*".to_owned(), "*".to_owned()];
        self.disallowed.iter().any(|entry| whole.contains(entry))
    }
}

fn load(tree: &Tree, path: &str) -> Result<Found, Refusal> {
    let real = tree.resolve(path)?;
    let image = Image::read(&real).map_err(|source| Refusal::Unreadable { path: path.to_owned(), source })?;
    let bytes = image.ok_or_else(|| Refusal::Gone { path: path.to_owned() })?.bytes;
    let invalid = |error| Refusal::AgentInvalid { path: path.to_owned(), error };
    let text = AgentFile::text_of(&bytes).map_err(invalid)?.to_owned();
    let file = AgentFile::parse(&text).map_err(invalid)?;
    let front = FrontMatter::parse(&text).map_err(invalid)?;
    let disallowed = front.values.get("disallowedTools").map(entries).unwrap_or_default();
    Ok(Found { path: tree.relative(&real), text, file, disallowed })
}

fn entries(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        Value::Sequence(items) => items.iter().flat_map(entries).collect(),
        _ => Vec::new(),
    }
}

/// Only what a client would take for an agent is ever edited, whatever a scenario says.
fn is_agent_path(path: &str) -> bool {
    path.ends_with(".md") && format!("/{path}").contains(&format!("/{AGENTS}/"))
}
