//! Why nothing was applied, or what was done about it; every message names the file and what mends it.

use std::io;
use std::path::{Path, PathBuf};

use super::lock::Holder;
use crate::import::{AgentFileError, Client, ImportError};

/// Why a command on a project folder did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Found while planning, all at once: nothing was written.
    #[error("{}", list(.0))]
    Refused(Vec<Refusal>),
    #[error(transparent)]
    Folder(#[from] ImportError),
    #[error("another mcplab{} is at work on this folder (lock: {}); try again when it is done", named(.holder), .lock.display())]
    Locked { holder: Option<Holder>, lock: PathBuf },
    #[error("`{path}` changed after the plan was made: plan again")]
    Stale { path: String },
    #[error("not enough free disk for `{}`: {needed} bytes needed, {free} free", .path.display())]
    NoSpace { path: PathBuf, needed: u64, free: u64 },
    #[error("cannot {doing} `{}`: {source}", .path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("`{path}` does not read back as it was written")]
    NotVerified { path: String },
    #[error("{cause}; what had been written was undone: the folder is as it was before")]
    Undone { cause: Box<ApplyError> },
    #[error(
        "all files are written and read back, yet the record of action {id} could not be closed ({cause}): the next mcplab command does it"
    )]
    NotClosed { id: String, cause: Box<ApplyError> },
    #[error("{cause}; undoing failed too: {undo}. The next mcplab command on this folder finishes that (backup: {})", .backup.display())]
    Stuck { cause: Box<ApplyError>, undo: Box<ApplyError>, backup: PathBuf },
    #[error(
        "action {id} was interrupted, and `{path}` was edited since: put it back by hand (backup: {}), or let a forced rollback overwrite it (the edited file is kept there)",
        .backup.display()
    )]
    RecoveryBlocked { id: String, path: String, backup: PathBuf },
    #[error("action {id} was interrupted, and its work is half done: `mcplab rollback` on this folder clears it up")]
    Interrupted { id: String },
    #[error("mcplab's own record `{}` cannot be trusted: {message}", .path.display())]
    State { path: PathBuf, message: String },
    #[error("the backups of action {id} were removed (`mcplab backups prune`): it can no longer be taken back")]
    Pruned { id: String },
    #[error("nothing is applied to this folder: there is nothing to roll back")]
    NothingApplied,
    #[error("no action {id} is recorded for this folder (recorded: {known})")]
    UnknownAction { id: String, known: String },
    #[error("action {id} is rolled back already (by action {by})")]
    RolledBack { id: String, by: String },
    #[error("edited since action {id}: {}; a rollback would lose that: keep it, or give --force to `mcplab rollback` (the edited file is kept beside the backups)", .paths.join(", "))]
    Edited { id: String, paths: Vec<String> },
    #[error("action {later} came after {id} and changed the same files ({}): roll that back first", .paths.join(", "))]
    Covered { id: String, later: String, paths: Vec<String> },
}

/// One reason why a mapping is not applied.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the mapping's verdict is `improves`, not `validated`: allow that with --allow-unvalidated")]
    OnlyImproves,
    #[error("the mapping's verdict is `rejected`: only --force applies it")]
    Rejected,
    #[error("the mapping carries no verdict, or was edited since it got one: write it with `mcplab optimize`, or apply it with --force")]
    NoVerdict,
    #[error("the mapping's verdict `{0}` is unknown: expected `validated`, `improves` or `rejected`")]
    UnknownVerdict(String),
    #[error("`{path}` changed since it was imported: import the folder again and decide on that")]
    Changed { path: String },
    #[error("`{path}` is gone since it was imported: import the folder again and decide on that")]
    Gone { path: String },
    #[error(
        "agent `{agent}`: `{path}` does not say what the scenario says of its grants ({difference}): correct the scenario, or import the folder"
    )]
    GrantsDiffer { agent: String, path: String, difference: String },
    #[error("no file of agent `{0}` under .claude/agents: add it, or name its `file` in the scenario")]
    AgentMissing(String),
    #[error("agent `{agent}`: `{path}` is no agent file of a client with grants per agent, such as .claude/agents/NAME.md")]
    NotAgentPath { agent: String, path: String },
    #[error("`{path}` is the file of agent `{found}`, not of `{agent}`: correct `file` in the scenario")]
    OtherAgent { agent: String, path: String, found: String },
    #[error("{}; a client would not load it, so it is not edited", of_file(.path, .error))]
    AgentInvalid { path: String, error: AgentFileError },
    #[error("agent `{agent}` has more than one file ({}): which one a client takes is not defined; keep one", .paths.join(", "))]
    AgentTwice { agent: String, paths: Vec<String> },
    #[error("{}", of_file(.path, .error))]
    NotEditable { path: String, error: AgentFileError },
    #[error("`{path}` is to be granted `{server}`, which its `disallowedTools` forbids: take it out there, or pin the need")]
    Disallowed { path: String, server: String },
    #[error("`{path}` would be left without a tool that resolves")]
    NothingLeft { path: String },
    #[error("server `{server}` (for {}) is not in .mcp.json: add it there, or carry its entry in the mapping as [servers.{server}]", .agents.join(", "))]
    ServerMissing { server: String, agents: Vec<String> },
    #[error("`{path}` is to be granted `{server}`, which no file of {} configures: add it there, and import the folder again", .client.name())]
    NotConfigured { path: String, server: String, client: Client },
    #[error("`.mcp.json`: {0}")]
    ConfigInvalid(String),
    #[error("[servers.{server}] {key} holds a value: write a reference such as ${{{example}}} (a secret never gets into a config)")]
    Secret { server: String, key: String, example: String },
    #[error("`{path}` leads out of the folder: only files inside it are ever changed")]
    Outside { path: String },
    #[error("`{path}` is Claude Code's own `.claude.json`, which mcplab never writes: configure the server in the project's .mcp.json")]
    ClientState { path: String },
    #[error("cannot read `{path}`: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("`{path}` is not UTF-8 text")]
    NotText { path: String },
}

impl ApplyError {
    pub(super) fn not_written((path, source): (std::path::PathBuf, io::Error)) -> ApplyError {
        ApplyError::Io { doing: "write", path, source }
    }

    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ApplyError {
        let path = path.to_owned();
        move |source| ApplyError::Io { doing, path, source }
    }
}

fn list(refusals: &[Refusal]) -> String {
    match refusals {
        [one] => format!("not applied: {one}"),
        many => {
            let lines: Vec<String> = many.iter().map(|refusal| format!("\n  - {refusal}")).collect();
            format!("not applied, for {} reasons:{}", many.len(), lines.concat())
        }
    }
}

fn named(holder: &Option<Holder>) -> String {
    holder.as_ref().map_or_else(String::new, |holder| format!(" ({holder})"))
}

fn of_file(path: &str, error: &AgentFileError) -> String {
    let line = error.line.map_or_else(String::new, |line| format!(", line {line}"));
    let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
    format!("`{path}`{line}: {}{hint}", error.message)
}
