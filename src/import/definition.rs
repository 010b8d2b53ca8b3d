//! An agent as a file of its client defines it.

use super::{Client, Grant, ServerEntry};

#[derive(Debug, Clone, PartialEq)]
pub struct AgentDefinition {
    pub client: Client,
    pub scope: Scope,
    /// As the client knows it.
    pub name: String,
    /// Relative to the imported folder; `~/...` below the home folder.
    pub path: String,
    /// 1-based line where its definition begins.
    pub line: usize,
    /// Of the file's bytes, in hex.
    pub sha256: String,
    /// Reached over a symbolic link that leaves the folder: never to be written.
    pub outside: bool,
    /// No file defines it: it stands for the chat of a client that has servers, and no agents.
    pub is_session: bool,
    pub grant: Grant,
    /// Servers that its own file configures.
    pub servers: Vec<ServerEntry>,
    /// Configured servers that its own file names beside its grant.
    pub server_names: Vec<String>,
    /// What it is told to do, and the line on which that begins.
    pub instructions: String,
    pub instructions_line: usize,
}

/// For whom a file counts, the strongest first: what a client takes where several files use one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The user's own settings for this project.
    Local,
    Project,
    /// Only for work in this folder of the project.
    Nested(String),
    User,
    /// A plugin of this name; its names carry the plugin's in front.
    Plugin(String),
}

/// Where a server comes from that no file of servers configures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// The agent's own file brings or names it.
    Own,
    /// It comes with the client.
    BuiltIn,
    /// It is no server: an extension's tools in VS Code are called as the extension is, `publisher.name/tool`.
    Extension,
    /// A plugin's, by its name; whether the plugin is installed is not known here.
    Plugin,
}

impl AgentDefinition {
    /// Where else a server of this name would come from, which no file that was read configures for it.
    pub fn elsewhere(&self, server: &str) -> Option<Elsewhere> {
        if self.brings(server) {
            Some(Elsewhere::Own)
        } else if self.client.built_in_servers().contains(&server) {
            Some(Elsewhere::BuiltIn)
        } else if self.client == Client::Copilot && server.contains('.') && !server.contains('/') {
            Some(Elsewhere::Extension)
        } else if self.client == Client::ClaudeCode && server.starts_with("plugin_") {
            Some(Elsewhere::Plugin)
        } else {
            None
        }
    }

    /// Whether its own file brings a server of this name.
    pub fn brings(&self, server: &str) -> bool {
        self.servers.iter().any(|entry| entry.name == server) || self.server_names.iter().any(|name| name == server)
    }
}
