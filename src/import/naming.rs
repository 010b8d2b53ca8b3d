//! Who is called what in the scenario: agents and servers of several clients, of which each knows only its own names.

use std::collections::{BTreeMap, BTreeSet};

use super::build::is_name;
use super::{AgentDefinition, Client, ImportNote, Launch, NoteKind, Project, Scope, ServerEntry};

/// Agents and servers with their names in the scenario.
pub(super) struct Names<'p> {
    pub agents: Vec<(String, &'p AgentDefinition)>,
    pub servers: Vec<NamedServer<'p>>,
    /// By whose file and name in grants.
    configured: BTreeMap<(Client, String), Option<String>>,
    /// By the agent's place in memory, and the name there: no order of it reaches a result.
    own: BTreeMap<(*const AgentDefinition, String), String>,
    project: &'p Project,
}

pub(super) struct NamedServer<'p> {
    pub name: String,
    pub entry: &'p ServerEntry,
    /// Where it is configured.
    pub path: &'p str,
}

/// What a grant's name of a server means.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning<'n> {
    /// The scenario's name of it.
    Server(&'n str),
    /// It is configured, and turned off.
    Disabled,
    Unknown,
}

impl<'p> Names<'p> {
    /// Gives names, in the order of clients; what is left out or called otherwise is noted.
    pub fn give(project: &'p Project, notes: &mut Vec<ImportNote>) -> Names<'p> {
        let mut names = Names { agents: Vec::new(), servers: Vec::new(), configured: BTreeMap::new(), own: BTreeMap::new(), project };
        names.name_agents(notes);
        names.name_servers(notes);
        names
    }

    fn name_agents(&mut self, notes: &mut Vec<ImportNote>) {
        let mut note = |kind, text| notes.push(ImportNote { kind, text });
        let duplicates = self.project.duplicates();
        for ((client, _, name), agents) in &duplicates {
            let paths: Vec<&str> = agents.iter().map(|agent| agent.path.as_str()).collect();
            let of = if *client == Client::ClaudeCode { String::new() } else { format!(" of {}", client.name()) };
            note(
                NoteKind::Skipped,
                format!("agent `{name}`{of} stands in {} files, of which a client takes any: {}", paths.len(), paths.join(", ")),
            );
        }
        let mut taken: BTreeMap<String, Client> = BTreeMap::new();
        for agent in &self.project.agents {
            if duplicates.contains_key(&(agent.client, &agent.scope, agent.name.as_str())) {
                continue;
            }
            if self.project.is_shadowed(agent) {
                note(NoteKind::Skipped, format!("{}: the project has an agent `{}` of its own", agent.path, agent.name));
                continue;
            }
            let folder = match &agent.scope {
                Scope::Nested(folder) => Some(format!("{}@{folder}", agent.name)),
                _ => None,
            };
            let by_client = std::iter::once(format!("{}@{}", agent.name, agent.client.slug()));
            let numbered = (2..).map(|i| format!("{}@{}-{i}", agent.name, agent.client.slug()));
            let mut candidates = std::iter::once(agent.name.clone()).chain(folder).chain(by_client).chain(numbered);
            let name = candidates.find(|name| !taken.contains_key(name)).expect("numbers do not end");
            if !is_name(&name) {
                note(NoteKind::Skipped, format!("{}: its name is none that a scenario can hold beside another one", agent.path));
                continue;
            }
            if name != agent.name {
                let first = taken[&agent.name].name();
                let text = format!("agent `{}` of {} is called `{name}` here: one of {first} has its name", agent.name, agent.path);
                note(NoteKind::Differs, text);
            }
            taken.insert(name.clone(), agent.client);
            self.agents.push((name, agent));
        }
    }

    fn name_servers(&mut self, notes: &mut Vec<ImportNote>) {
        let mut shared: BTreeMap<String, BTreeSet<Client>> = BTreeMap::new();
        for client in Client::ALL {
            for (granted_as, config, entry) in self.project.configured(client) {
                if let Some(reason) = &entry.disabled {
                    let text = format!("server `{}` in {}: {reason}", entry.name, config.path);
                    notes.push(ImportNote { kind: NoteKind::Skipped, text });
                    self.configured.insert((client, granted_as), None);
                    continue;
                }
                let name = self.name_server(&granted_as, client.slug(), entry, &config.path, notes);
                shared.entry(name.clone()).or_default().insert(client);
                self.configured.insert((client, granted_as), Some(name));
            }
        }
        for agent in &self.project.agents {
            for entry in &agent.servers {
                let name = self.name_server(&entry.name, &agent.name, entry, &agent.path, notes);
                self.own.insert((std::ptr::from_ref(agent), entry.name.clone()), name);
            }
        }
        for (name, clients) in shared.iter().filter(|(_, clients)| clients.len() > 1) {
            let clients: Vec<&str> = clients.iter().map(|client| client.name()).collect();
            let text = format!("server `{name}` is configured alike for {}: one server", clients.join(", "));
            notes.push(ImportNote { kind: NoteKind::Read, text });
        }
    }

    /// A name that another server has goes to this one too where both are launched alike.
    fn name_server(&mut self, name: &str, of: &str, entry: &'p ServerEntry, path: &'p str, notes: &mut Vec<ImportNote>) -> String {
        let candidates = [name.to_owned(), format!("{name}@{of}")].into_iter().chain((2..).map(|i| format!("{name}@{of}-{i}")));
        for candidate in candidates {
            match self.servers.iter().find(|known| known.name == candidate) {
                Some(known) if is_alike(&known.entry.launch, &entry.launch) => return candidate,
                Some(_) => {}
                None => {
                    if candidate != name {
                        let text = format!("server `{name}` of {path} is called `{candidate}` here: another one has its name");
                        notes.push(ImportNote { kind: NoteKind::Differs, text });
                    }
                    self.servers.push(NamedServer { name: candidate.clone(), entry, path });
                    return candidate;
                }
            }
        }
        unreachable!("numbers do not end")
    }

    /// What an agent's grant of this name means.
    pub fn meaning(&self, agent: &AgentDefinition, granted_as: &str) -> Meaning<'_> {
        if let Some(name) = self.own.get(&(std::ptr::from_ref(agent), granted_as.to_owned())) {
            return Meaning::Server(name);
        }
        let seen = agent.client.sees().iter().find_map(|client| self.configured.get(&(*client, granted_as.to_owned())));
        match seen {
            Some(Some(name)) => Meaning::Server(name),
            Some(None) => Meaning::Disabled,
            None => Meaning::Unknown,
        }
    }

    /// Whether there is a file that could configure this agent's servers.
    pub fn has_config(&self, agent: &AgentDefinition) -> bool {
        self.project.configs.iter().any(|config| agent.client.sees().contains(&config.client))
    }
}

/// Reached in the same way; the name of the transport may differ.
fn is_alike(a: &Launch, b: &Launch) -> bool {
    match (a, b) {
        (Launch::Remote { url: a, .. }, Launch::Remote { url: b, .. }) => a == b,
        _ => a == b,
    }
}
