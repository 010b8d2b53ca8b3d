//! The agent files of a project folder, of every client that has grants per agent, found by path or by name.

use std::collections::BTreeMap;

use yaml_serde::Value;

use super::disk::Image;
use super::tree::Tree;
use super::{Refusal, guidance, warning};
use crate::import::{AGENTS, AgentDefinition, AgentFile, Client, FrontMatter, Grant, ImportError, Project, Reading, Scope};
use crate::scenario::Agent;

/// Clients beside Claude Code whose files can say what an agent may use.
const OTHERS: [Client; 5] = [Client::Copilot, Client::VsCode, Client::Gemini, Client::Codex, Client::OpenCode];

/// An agent file that a client would load.
#[derive(Debug, Clone)]
pub struct Found {
    /// Relative, symbolic links followed.
    pub path: String,
    pub text: String,
    pub client: Client,
    /// As its client calls it.
    pub name: String,
    /// As an import reads it.
    pub grant: Grant,
    /// Servers that its client is known to start, itself apart; none: no file says any.
    pub configured: Option<Vec<String>>,
    /// Servers that its own file brings.
    pub brings: Vec<String>,
    /// Of a client whose files hold the instructions behind the front matter.
    pub is_markdown: bool,
    /// Of other files: what the agent is told, and the line on which that begins.
    instructions: (String, usize),
    disallowed: Vec<String>,
}

pub struct Agents {
    /// Paths of Claude Code's agents by their name.
    by_name: BTreeMap<String, Vec<String>>,
    /// What other clients have here.
    others: Project,
}

impl Agents {
    pub fn read(tree: &Tree) -> Result<Agents, ImportError> {
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // What a client would not load is no agent here.
        for (source, file) in tree.agents()?.valid() {
            by_name.entry(file.name.clone()).or_default().push(source.path.clone());
        }
        let mut others = match Project::read(&tree.root, &Reading { clients: Some(&OTHERS), home: None, above: false }) {
            Ok(project) => project,
            Err(ImportError::Nothing { .. }) => Project::default(),
            Err(error) => return Err(error),
        };
        others.agents.retain(|agent| !agent.is_session && !agent.outside && agent.scope == Scope::Project);
        Ok(Agents { by_name, others })
    }

    /// The one file of an agent.
    pub fn find(&self, tree: &Tree, agent: &Agent) -> Result<Found, Refusal> {
        let none = Vec::new();
        let named = self.by_name.get(&agent.name).unwrap_or(&none);
        if named.len() > 1 {
            return Err(Refusal::AgentTwice { agent: agent.name.clone(), paths: named.clone() });
        }
        let file = agent.file.as_ref().map(|file| file.path.as_str());
        let path = match (file, named.first()) {
            (Some(path), _) if is_agent_path(path) => path,
            (None, Some(path)) => path,
            _ => return self.find_other(tree, agent, file),
        };
        let found = load(tree, path)?;
        if found.name != agent.name {
            return Err(Refusal::OtherAgent { agent: agent.name.clone(), path: path.to_owned(), found: found.name });
        }
        Ok(found)
    }

    /// An agent of another client, by its name in the scenario: its own, with the client's behind it where two have the same.
    fn find_other(&self, tree: &Tree, agent: &Agent, file: Option<&str>) -> Result<Found, Refusal> {
        let is_called = |known: &AgentDefinition| {
            let rest = agent.name.strip_prefix(&known.name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(&format!("@{}", known.client.slug())))
        };
        let of_file = |known: &&AgentDefinition| file.is_none_or(|file| known.path == file);
        let named: Vec<&AgentDefinition> = self.others.agents.iter().filter(of_file).filter(|known| is_called(known)).collect();
        match (named.as_slice(), file) {
            ([one], _) => self.load_other(tree, one),
            ([], Some(path)) => Err(match self.others.agents.iter().find(|known| known.path == path) {
                Some(other) => Refusal::OtherAgent { agent: agent.name.clone(), path: path.to_owned(), found: other.name.clone() },
                None => Refusal::NotAgentPath { agent: agent.name.clone(), path: path.to_owned() },
            }),
            ([], None) => Err(Refusal::AgentMissing(agent.name.clone())),
            (many, _) => {
                Err(Refusal::AgentTwice { agent: agent.name.clone(), paths: many.iter().map(|known| known.path.clone()).collect() })
            }
        }
    }

    fn load_other(&self, tree: &Tree, known: &AgentDefinition) -> Result<Found, Refusal> {
        let (path, text) = read(tree, &known.path)?;
        let configs = self.others.configs.iter().filter(|config| known.client.sees().contains(&config.client));
        let servers: Vec<String> = configs.clone().flat_map(|config| &config.servers).map(|server| server.name.clone()).collect();
        let built_in = known.client.built_in_servers().iter().map(|name| (*name).to_owned());
        // Servers of a repository's settings are in no file.
        let says_all = !matches!(known.client, Client::Copilot | Client::VsCode) && configs.clone().next().is_some();
        Ok(Found {
            path,
            is_markdown: FrontMatter::parse(&text).is_ok(),
            text,
            client: known.client,
            name: known.name.clone(),
            grant: known.grant.clone(),
            configured: says_all.then(|| servers.into_iter().chain(built_in).collect()),
            brings: known.servers.iter().map(|server| server.name.clone()).chain(known.server_names.iter().cloned()).collect(),
            instructions: (known.instructions.clone(), known.instructions_line),
            disallowed: Vec::new(),
        })
    }

    /// Whether a server has to stand in `.mcp.json` for this agent: it is Claude Code's, and does not bring the server itself.
    pub fn needs_config(&self, tree: &Tree, agent: &Agent, server: &str) -> bool {
        self.find(tree, agent).map_or(true, |found| found.client == Client::ClaudeCode && !found.brings.iter().any(|name| name == server))
    }
}

impl Found {
    /// `disallowedTools` names the server, or all of them: it wins over `tools`.
    pub fn disallows(&self, server: &str) -> bool {
        let whole = [format!("mcp__{server}"), format!("mcp__{server}__*"), "mcp__*".to_owned(), "*".to_owned()];
        self.disallowed.iter().any(|entry| whole.contains(entry))
    }

    /// Its client's files configure servers, and not this one.
    pub fn lacks(&self, server: &str) -> bool {
        let brings = self.brings.iter().any(|name| name == server);
        self.configured.as_ref().is_some_and(|configured| !brings && !configured.iter().any(|name| name == server))
    }

    /// What the agent's client calls a server of the scenario.
    pub fn called(&self, server: &str) -> String {
        let knows = |name: &str| self.configured.iter().flatten().chain(&self.brings).any(|known| known == name);
        match server.split_once('@') {
            Some((name, _)) if !knows(server) && knows(name) => name.to_owned(),
            _ => server.to_owned(),
        }
    }

    /// The lines (from 1) of its instructions, as they stand in `text`, that name a server.
    pub fn lines_naming(&self, text: &str, server: &str) -> Vec<usize> {
        match FrontMatter::parse(text) {
            Ok(front) if self.is_markdown => warning::lines_naming(&guidance::without(text), front.body.start, server),
            _ => {
                let (instructions, first) = &self.instructions;
                warning::lines_naming(instructions, 0, server).into_iter().map(|line| first + line - 1).collect()
            }
        }
    }
}

fn read(tree: &Tree, path: &str) -> Result<(String, String), Refusal> {
    let real = tree.resolve(path)?;
    let image = Image::read(&real).map_err(|source| Refusal::Unreadable { path: path.to_owned(), source })?;
    let bytes = image.ok_or_else(|| Refusal::Gone { path: path.to_owned() })?.bytes;
    let text = AgentFile::text_of(&bytes).map_err(|error| Refusal::AgentInvalid { path: path.to_owned(), error })?;
    Ok((tree.relative(&real), text.to_owned()))
}

/// An agent of Claude Code.
fn load(tree: &Tree, path: &str) -> Result<Found, Refusal> {
    let (real, text) = read(tree, path)?;
    let invalid = |error| Refusal::AgentInvalid { path: path.to_owned(), error };
    let file = AgentFile::parse(&text).map_err(invalid)?;
    let front = FrontMatter::parse(&text).map_err(invalid)?;
    let grant = Client::ClaudeCode.grant_in(&text, &file.name, &[]).map_err(invalid)?;
    let disallowed = front.values.get("disallowedTools").map(entries).unwrap_or_default();
    Ok(Found {
        path: real,
        text,
        client: Client::ClaudeCode,
        name: file.name,
        grant,
        configured: None,
        brings: file.mcp_servers,
        is_markdown: true,
        instructions: (String::new(), 1),
        disallowed,
    })
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
