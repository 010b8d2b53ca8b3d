//! Agent configs and server configs become a scenario.

mod agent_file;
mod agents;
mod build;
pub mod call_log;
mod catalogue;
mod client;
mod definition;
mod env_file;
mod front_matter;
mod glob;
mod grant;
mod json;
mod naming;
mod notes;
mod project;
mod reader;
mod samples;
mod server_config;
mod servers;
#[cfg(test)]
mod tests;
mod tree;
mod walk;
mod word_list;
mod yaml;

use std::io;

pub use agent_file::*;
pub use build::import;
pub use catalogue::{Catalogue, CatalogueEntry, Evidence};
pub use client::Client;
pub use definition::{AgentDefinition, Elsewhere, Scope};
pub use env_file::EnvFile;
pub use front_matter::FrontMatter;
pub(crate) use front_matter::{line_of, lines};
pub(crate) use glob::glob_matches;
pub use grant::{Grant, Permit, Written};
pub(crate) use json::{Dialect, parse_json};
pub use notes::{ImportNote, Imported, NoteKind};
pub use project::{Broken, Part, Project, Reading};
pub use samples::{Columns, Group, KEPT, Samples, SamplesError, read_samples};
pub use server_config::{Launch, ServerConfig, ServerEntry};
#[cfg(test)]
pub(crate) use tests::folder;
pub use tree::*;
pub use walk::{Skipped, Unread, sha256};
pub(crate) use word_list::{ListKey, TOOLS, WordList, list_key, place_words};

/// Why a folder cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("folder `{path}` cannot be read: {reason}")]
    Folder { path: String, reason: io::Error },
    #[error("no agents and no servers of any client under `{path}`: is this the project's folder?")]
    Nothing { path: String },
    #[error("more than {most} agent files under `{path}`")]
    TooMany { path: String, most: usize },
    #[error("no agent can be used\n{reasons}")]
    NoValidAgents { reasons: String },
    #[error("no server is configured, and no agent is granted one by name: there is nothing to simulate\n{reasons}")]
    NoServers { reasons: String },
    #[error("the folder does not make a scenario\n{mistakes}")]
    Inconsistent { mistakes: String },
}
