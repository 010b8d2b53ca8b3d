//! A project folder as an import finds it: agents and servers of every client, and what could not be read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::build::is_name;
use super::env_file::EnvFile;
use super::reader::Reader;
use super::walk::{Skipped, Unread};
use super::{AGENTS, AgentDefinition, AgentFileError, CONFIG, Client, Grant, ImportError, Scope, ServerConfig, ServerEntry};

/// Everything that mcplab knows of a project folder. Paths are relative to it, with `/`; `~/...` below the home folder.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Project {
    /// The folder's own name.
    pub name: String,
    /// By client, scope and path.
    pub agents: Vec<AgentDefinition>,
    /// By client, scope and path.
    pub configs: Vec<ServerConfig>,
    /// Files, or parts of them, that their client would not take.
    pub broken: Vec<Broken>,
    pub skipped: Vec<Skipped>,
    /// How many files of each client were read, broken ones with them.
    pub files: BTreeMap<Client, usize>,
    /// What files of variables set, by their path.
    pub env_files: Vec<EnvFile>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    pub client: Client,
    pub part: Part,
    pub path: String,
    pub error: AgentFileError,
}

/// What a client leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// An agent, with its whole file.
    Agent,
    /// A file of servers or settings.
    Config,
    /// One server of a file; the others count.
    Server,
}

/// What is read beside a project's own files.
#[derive(Debug, Clone, Default)]
pub struct Reading<'a> {
    /// Only these; none: all.
    pub clients: Option<&'a [Client]>,
    /// The user's own configs in this home folder.
    pub home: Option<&'a Path>,
    /// Say what lies above the folder that a client working in it would read too.
    pub above: bool,
}

impl Project {
    /// Reads every client's files. A broken file is no error: it is listed.
    ///
    /// Errors: no such folder, nothing of any client in it, more than 10,000 agent files in one folder.
    pub fn read(dir: &Path, reading: &Reading) -> Result<Project, ImportError> {
        let failed = |reason| ImportError::Folder { path: dir.display().to_string(), reason };
        let root = fs::canonicalize(dir).map_err(failed)?;
        if !root.is_dir() {
            return Err(failed(std::io::Error::other("it is a file, not a folder")));
        }
        let name = root.file_name().and_then(|name| name.to_str()).unwrap_or("imported").to_owned();
        let mut project = Project { name, ..Project::default() };
        let home_failed = |home: &Path, reason| ImportError::Folder { path: home.display().to_string(), reason };
        let home = reading.home.map(|home| fs::canonicalize(home).map_err(|reason| home_failed(home, reason))).transpose()?;
        // A client's agents see servers of others, too.
        let is_read = |client: &Client| reading.clients.is_none_or(|only| only.iter().any(|asked| asked.sees().contains(client)));
        for client in Client::ALL.into_iter().filter(is_read) {
            // The user's servers first: some clients' agent files can only be understood where all servers are known.
            if let Some(home) = &home {
                client.read_user(&mut Reader::new(client, home, Scope::User, &root, &mut project));
            }
            // A home folder holds the user's files, not those of a project.
            if home.as_deref() != Some(root.as_path()) {
                client.read_project(&mut Reader::new(client, &root, Scope::Project, &root, &mut project));
            }
        }
        if reading.above && is_read(&Client::ClaudeCode) {
            project.say_what_is_above(&root);
        }
        if let Some(folder) = project.too_many() {
            return Err(folder);
        }
        if project.files.is_empty() && project.skipped.is_empty() {
            return Err(ImportError::Nothing { path: dir.display().to_string() });
        }
        project.leave_out_names();
        project.add_sessions();
        project.agents.sort_by(|a, b| (a.client, &a.scope, &a.path, a.line).cmp(&(b.client, &b.scope, &b.path, b.line)));
        project.configs.sort_by(|a, b| (a.client, &a.scope, &a.path).cmp(&(b.client, &b.scope, &b.path)));
        project.broken.sort_by(|a, b| (&a.path, a.error.line).cmp(&(&b.path, b.error.line)));
        project.skipped.sort();
        project.skipped.dedup();
        project.env_files = EnvFile::read_all(&root, &project);
        Ok(project)
    }

    /// Claude Code reads agents and servers of every folder up to the repository's root.
    fn say_what_is_above(&mut self, root: &Path) {
        let is_repository = |folder: &&Path| folder.join(".git").exists();
        let Some(depth) = root.ancestors().position(|folder| is_repository(&folder)) else { return };
        for (up, folder) in root.ancestors().enumerate().take(depth + 1).skip(1) {
            for place in [AGENTS, CONFIG].iter().filter(|place| folder.join(place).exists()) {
                let path = format!("{}{place}", "../".repeat(up));
                self.skipped.push(Skipped { path, line: None, why: Unread::Above });
            }
        }
    }

    fn too_many(&self) -> Option<ImportError> {
        let most = super::walk::FILES_MAX;
        let folder = self.skipped.iter().find(|skipped| skipped.why == Unread::TooManyFiles)?;
        Some(ImportError::TooMany { path: folder.path.clone(), most })
    }

    /// Agents and servers whose names no scenario can hold.
    fn leave_out_names(&mut self) {
        let Project { agents, configs, skipped, name, .. } = self;
        if !is_name(name) {
            "imported".clone_into(name);
        }
        let mut take = |what: &'static str, name: &str, known_as: &str, path: &str, line: usize| {
            let is_taken = is_name(known_as);
            if !is_taken {
                let why = Unread::Name { what, name: name.to_owned() };
                skipped.push(Skipped { path: path.to_owned(), line: Some(line), why });
            }
            is_taken
        };
        agents.retain(|agent| take("agent", &agent.name, &agent.name, &agent.path, agent.line));
        for AgentDefinition { servers, path, .. } in agents {
            servers.retain(|server| take("server", &server.name, &server.name, path, server.line));
        }
        for ServerConfig { servers, path, scope, .. } in configs {
            servers.retain(|server| take("server", &server.name, &name_in_grants(scope, &server.name), path, server.line));
        }
    }

    /// A client that has servers and no agents still has a chat that calls them.
    fn add_sessions(&mut self) {
        let with_servers: BTreeSet<Client> =
            self.configs.iter().filter(|config| !config.servers.is_empty()).map(|config| config.client).collect();
        for client in with_servers {
            let has_agents = |agent: &AgentDefinition| agent.client.sees().contains(&client);
            // Once mended, a broken agent is one of the client's agents.
            let is_agent = |broken: &Broken| broken.part == Part::Agent && broken.client.sees().contains(&client);
            if self.agents.iter().any(has_agents) || self.broken.iter().any(is_agent) {
                continue;
            }
            let config = self.configs.iter().find(|config| config.client == client).expect("it has servers");
            let listed = self.configured(client).map(|(name, _, _)| super::Permit::Server(name)).collect();
            self.agents.push(AgentDefinition {
                client,
                scope: config.scope.clone(),
                name: client.name().to_owned(),
                path: config.path.clone(),
                line: 1,
                sha256: config.sha256.clone(),
                outside: false,
                is_session: true,
                grant: Grant { listed, ..Grant::all() },
                servers: Vec::new(),
                server_names: Vec::new(),
                instructions: String::new(),
                instructions_line: 1,
            });
        }
    }

    /// The servers that a client starts, each name once: of several files the one that counts most. With their names in grants.
    pub fn configured(&self, client: Client) -> impl Iterator<Item = (String, &ServerConfig, &ServerEntry)> {
        let mut seen = BTreeSet::new();
        let mut configs: Vec<&ServerConfig> = self.configs.iter().filter(|config| config.client == client).collect();
        configs.sort_by(|a, b| a.scope.cmp(&b.scope));
        let entries = configs.into_iter().flat_map(|config| config.servers.iter().map(move |entry| (config, entry)));
        let named = entries.map(|(config, entry)| (name_in_grants(&config.scope, &entry.name), config, entry));
        named.filter(move |(name, _, _)| seen.insert(name.clone())).collect::<Vec<_>>().into_iter()
    }

    /// Agents of one client and scope that share a name, with their files: which one counts depends on the file system.
    pub fn duplicates(&self) -> BTreeMap<(Client, &Scope, &str), Vec<&AgentDefinition>> {
        let mut by_name: BTreeMap<(Client, &Scope, &str), Vec<&AgentDefinition>> = BTreeMap::new();
        for agent in &self.agents {
            by_name.entry((agent.client, &agent.scope, &agent.name)).or_default().push(agent);
        }
        by_name.retain(|_, agents| agents.len() > 1);
        by_name
    }

    /// Whether a stronger file of the same client defines an agent of this name: then this one never runs.
    pub fn is_shadowed(&self, agent: &AgentDefinition) -> bool {
        let stronger = |other: &AgentDefinition| other.client == agent.client && other.name == agent.name && other.scope == Scope::Project;
        agent.scope == Scope::User && self.agents.iter().any(stronger)
    }
}

/// A plugin's server is called plugin_<plugin>_<server> in grants.
fn name_in_grants(scope: &Scope, server: &str) -> String {
    match scope {
        Scope::Plugin(plugin) => format!("plugin_{plugin}_{server}"),
        _ => server.to_owned(),
    }
}
