//! What is wrong with a project's configs as they stand: each finding with its place and how to mend it.

mod agents;
mod files;
mod places;
mod servers;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::import::{AgentDefinition, Catalogue, Client, Project, ServerConfig, ServerEntry};
use crate::scenario::Severity;
use crate::trace::printable;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Error: the client skips the file, refuses the agent, or cannot start the server.
    pub severity: Severity,
    pub check: Check,
    /// Relative to the folder; `~/...` below the home folder.
    pub path: String,
    /// 1-based.
    pub line: Option<usize>,
    pub what: String,
    pub mend: String,
}

/// What was looked for. In the order in which findings of one place are shown; docs/doctor.md says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    SkippedFile,
    UnreadFile,
    DuplicateAgent,
    NoToolResolves,
    ServerNotConfigured,
    ServerOff,
    BodyNamesTool,
    TokenBudget,
    DuplicateServer,
    WindowsCommand,
    MissingVariable,
    MissingEnvFile,
    SharedBeyondSafe,
    UnusedServer,
    WindowsDrive,
}

/// What a project's files do not say, and a check has to know.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Names of the environment variables that are set and not empty.
    pub environment: BTreeSet<String>,
    pub platform: Platform,
    /// The folder lies on a Windows drive that WSL shows, as `/mnt/c` is.
    pub on_windows_drive: bool,
    /// Tokens that the tools' definitions may take in an agent's context.
    pub budget: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Platform {
    #[default]
    Unix,
    /// Linux within Windows.
    Wsl,
    Windows,
}

/// Claude Code's own `/doctor` warns above so many tokens of tools: <https://github.com/anthropics/claude-code/issues/12241>
pub const BUDGET: u32 = 25_000;

impl Check {
    pub const ALL: [Check; 15] = [
        Check::SkippedFile,
        Check::UnreadFile,
        Check::DuplicateAgent,
        Check::NoToolResolves,
        Check::ServerNotConfigured,
        Check::ServerOff,
        Check::BodyNamesTool,
        Check::TokenBudget,
        Check::DuplicateServer,
        Check::WindowsCommand,
        Check::MissingVariable,
        Check::MissingEnvFile,
        Check::SharedBeyondSafe,
        Check::UnusedServer,
        Check::WindowsDrive,
    ];

    /// As findings and docs/doctor.md name it.
    pub fn name(self) -> &'static str {
        match self {
            Check::SkippedFile => "skipped-file",
            Check::UnreadFile => "unread-file",
            Check::DuplicateAgent => "duplicate-agent",
            Check::NoToolResolves => "no-tool-resolves",
            Check::ServerNotConfigured => "server-not-configured",
            Check::ServerOff => "server-off",
            Check::BodyNamesTool => "body-names-tool",
            Check::TokenBudget => "token-budget",
            Check::DuplicateServer => "duplicate-server",
            Check::WindowsCommand => "windows-command",
            Check::MissingVariable => "missing-variable",
            Check::MissingEnvFile => "missing-env-file",
            Check::SharedBeyondSafe => "shared-beyond-safe",
            Check::UnusedServer => "unused-server",
            Check::WindowsDrive => "windows-drive",
        }
    }
}

/// Everything that is found, by path and line.
pub fn examine(project: &Project, catalogue: &Catalogue, surroundings: &Surroundings) -> Vec<Finding> {
    let patient = Patient::new(project, catalogue, surroundings);
    let mut findings = files::check(&patient);
    findings.extend(agents::check(&patient));
    findings.extend(servers::check(&patient));
    findings.extend(places::check(&patient));
    let order = |f: &Finding| (f.path.clone(), f.line, f.check, f.what.clone());
    findings.sort_by_cached_key(order);
    findings.dedup();
    findings
}

/// A finding as text: severity and check, the place, what is wrong, and the mend on a line of its own.
pub fn render(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let Finding { check, path, what, mend, .. } = finding;
    printable(&format!("{severity}[{}] {path}{line}: {what}\n  mend: {mend}\n", check.name()))
}

/// What all checks look at.
struct Patient<'a> {
    project: &'a Project,
    catalogue: &'a Catalogue,
    surroundings: &'a Surroundings,
    /// By client, and name in grants.
    configured: BTreeMap<(Client, String), (&'a ServerConfig, &'a ServerEntry)>,
}

/// A server that a client starts, and where it is configured.
struct Started<'a> {
    client: Client,
    path: &'a str,
    entry: &'a ServerEntry,
}

impl<'a> Patient<'a> {
    fn new(project: &'a Project, catalogue: &'a Catalogue, surroundings: &'a Surroundings) -> Patient<'a> {
        let of = |client: Client| project.configured(client).map(move |(name, config, entry)| ((client, name), (config, entry)));
        let configured = Client::ALL.into_iter().flat_map(of).collect();
        Patient { project, catalogue, surroundings, configured }
    }

    /// Servers of config files, and those that agents bring in their own.
    fn started(&self) -> impl Iterator<Item = Started<'a>> {
        let configured =
            self.configured.iter().map(|((client, _), (config, entry))| Started { client: *client, path: &config.path, entry });
        let of_agent =
            |agent: &'a AgentDefinition| agent.servers.iter().map(|entry| Started { client: agent.client, path: &agent.path, entry });
        configured.chain(self.project.agents.iter().flat_map(of_agent)).filter(|started| started.entry.disabled.is_none())
    }

    /// The server that an agent means by a name.
    fn server(&self, agent: &'a AgentDefinition, name: &str) -> Option<&'a ServerEntry> {
        let own = agent.servers.iter().find(|entry| entry.name == name);
        own.or_else(|| {
            agent.client.sees().iter().find_map(|client| self.configured.get(&(*client, name.to_owned())).map(|(_, entry)| *entry))
        })
    }

    /// Servers that an agent can call, by their names in grants: those of its list, or all that are configured for it.
    fn callable(&self, agent: &'a AgentDefinition) -> Vec<(String, &'a ServerEntry)> {
        let own = agent.servers.iter().map(|entry| (entry.name.clone(), entry));
        let seen = self.configured.iter().filter(|((client, _), _)| agent.client.sees().contains(client));
        let all = own.chain(seen.map(|((_, name), (_, entry))| (name.clone(), *entry)));
        let listed = agent.grant.servers();
        let is_callable = |name: &str| (agent.grant.everything && !agent.grant.denies(name)) || listed.contains(&name);
        let mut names = BTreeSet::new();
        all.filter(|(name, entry)| is_callable(name) && entry.disabled.is_none() && names.insert(name.clone())).collect()
    }
}

/// Names between commas, the first few of them.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    const FEW: usize = 5;
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.len() {
        count if count > FEW => format!("{} and {} more", names[..FEW].join(", "), count - FEW),
        _ => names.join(", "),
    }
}
