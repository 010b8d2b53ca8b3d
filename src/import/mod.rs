//! Agent configs and server configs become a scenario.

mod agent_file;
mod agents;
mod build;
pub mod call_log;
mod catalogue;
mod front_matter;
mod notes;
mod samples;
mod server_config;
mod servers;
mod tools_scan;
mod tree;

use std::io;

pub use agent_file::*;
pub use build::import;
pub use catalogue::{Catalogue, CatalogueEntry, Evidence};
pub use front_matter::FrontMatter;
pub use notes::{ImportNote, Imported, NoteKind};
pub use samples::{Columns, Group, KEPT, Samples, SamplesError, read_samples};
pub use server_config::{Launch, ServerConfig, ServerEntry};
pub use tree::*;

/// Why a folder cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("folder `{path}` cannot be read: {reason}")]
    Folder { path: String, reason: io::Error },
    #[error("no agent files under `{path}`: is this the project's folder?")]
    NoAgents { path: String },
    #[error("more than {most} agent files under `{path}`")]
    TooMany { path: String, most: usize },
    #[error("no agent file can be used\n{reasons}")]
    NoValidAgents { reasons: String },
    #[error("the folder does not make a scenario\n{mistakes}")]
    Inconsistent { mistakes: String },
    /// `.mcp.json`, with line and column where its JSON is broken.
    #[error("{place}: {message}")]
    Config { place: String, message: String },
}
