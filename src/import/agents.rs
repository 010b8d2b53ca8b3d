//! The agents of an imported scenario: the base's, by name, with what their files grant today; new ones by stated assumptions.

use super::build::Building;
use super::naming::{Meaning, Names};
use super::{AgentDefinition, ImportNote, NoteKind, Permit};
use crate::distribution::Distribution;
use crate::scenario::{Agent, AgentId, CapabilityId, Figure, FileSeen, Need, Scenario, ServerId, Target, Workload, defaults};
use crate::units::{Rate, SimTime};

/// Of an agent that nobody has rated.
const COMPLEXITY: f64 = 5.0;

/// An agent to add, by its name in the scenario, and the servers that are granted by name.
struct Added<'a> {
    name: &'a str,
    definition: &'a AgentDefinition,
    /// With the names that its grant uses.
    granted: Vec<(ServerId, &'a str)>,
}

impl Added<'_> {
    fn servers(&self) -> Vec<ServerId> {
        self.granted.iter().map(|(server, _)| *server).collect()
    }

    fn file(&self) -> Option<FileSeen> {
        (!self.definition.is_session).then(|| seen(self.definition))
    }
}

impl Building<'_> {
    pub fn add_agents(&mut self, names: &Names) {
        for (name, definition) in &names.agents {
            if definition.outside {
                let text = format!("{} is a link to a file outside the folder: it is read, and never written", definition.path);
                self.note(NoteKind::Differs, text);
            }
            self.note_denied(name, definition);
            let added = Added { name, definition, granted: self.granted(names, definition) };
            let known = self.base.and_then(|base| base.agent_named(name).map(|id| (base, id)));
            match known {
                Some((base, id)) => self.add_known_agent(&added, base, id),
                None => self.add_new_agent(&added),
            }
        }
        let missing = |name: &str| self.scenario.agent_named(name).is_none();
        let gone: Vec<&str> =
            self.base.iter().flat_map(|base| &base.agents).map(|agent| agent.name.as_str()).filter(|name| missing(name)).collect();
        for name in gone {
            self.note(NoteKind::Skipped, format!("agent `{name}` of the base has no valid file here"));
        }
    }

    /// A scenario speaks of whole servers that are granted, or of all.
    fn note_denied(&mut self, name: &str, definition: &AgentDefinition) {
        let tools = definition.grant.denied.iter().filter(|permit| matches!(permit, Permit::Tool { .. })).count();
        if tools > 0 {
            self.note(NoteKind::CannotSay, format!("agent `{name}`: {tools} single tools are denied, and a scenario grants whole servers"));
        }
        let servers: Vec<String> = definition
            .grant
            .denied
            .iter()
            .filter(|permit| matches!(permit, Permit::Server(_)))
            .filter_map(Permit::server)
            .map(|s| format!("`{s}`"))
            .collect();
        if definition.grant.everything && !servers.is_empty() {
            let text = format!("agent `{name}`: everything is granted but {}, and a scenario has no such exception", servers.join(", "));
            self.note(NoteKind::CannotSay, text);
        }
    }

    /// Needs are the base's; what it is granted says where they are served today.
    fn add_known_agent(&mut self, added: &Added, base: &Scenario, id: AgentId) {
        let granted = added.servers();
        let known = base.agent(id);
        let (agent, first) = (AgentId::from(self.scenario.agents.len()), self.scenario.needs.len());
        let wildcard = added.definition.grant.everything;
        for need in base.needs_of(id).map(|need| base.need(need)) {
            let is_granted = |server: &ServerId| wildcard || granted.contains(server);
            let current = need.current.filter(is_granted).or_else(|| self.best_provider(&granted, need.capability));
            if current != need.current {
                self.note_moved(added.name, need, current);
            }
            self.scenario.needs.push(Need { agent, current, pinned: need.pinned && current.is_some(), ..need.clone() });
        }
        let extra_grants = self.unused(&granted, first);
        for server in extra_grants.iter().filter(|server| !known.extra_grants.contains(server)) {
            let name = &self.scenario.server(*server).name;
            self.notes.push(ImportNote {
                kind: NoteKind::Differs,
                text: format!("agent `{}` is granted `{name}`, which none of its needs uses: an extra grant", added.name),
            });
        }
        if wildcard != known.wildcard {
            let here = if wildcard {
                "is granted everything here, and not in the base"
            } else {
                "is granted everything in the base, and not here"
            };
            self.note(NoteKind::Differs, format!("agent `{}` {here}", added.name));
        }
        self.scenario.agents.push(Agent { wildcard, extra_grants, file: added.file(), ..known.clone() });
    }

    fn note_moved(&mut self, agent: &str, need: &Need, current: Option<ServerId>) {
        let capability = self.scenario.capability(need.capability);
        let here = current.map_or("nothing that provides it".to_owned(), |server| format!("`{}`", self.scenario.server(server).name));
        let unpinned = if need.pinned && current.is_none() { "; it is no longer pinned" } else { "" };
        let text = match need.current.map(|server| &self.scenario.server(server).name) {
            Some(base) => format!("agent `{agent}`: `{capability}` is served by `{base}` in the base; here it is granted {here}{unpinned}"),
            None => format!("agent `{agent}`: `{capability}` has no server in the base; here it is granted {here}"),
        };
        self.note(NoteKind::Differs, text);
    }

    /// One need for each server that is granted by name, or for each kind of its tools that are granted one by one.
    fn add_new_agent(&mut self, added: &Added) {
        self.note_new("agent", added.name);
        let (agent, first) = (AgentId::from(self.scenario.agents.len()), self.scenario.needs.len());
        let mut needs: Vec<String> = Vec::new();
        for (server, granted_as) in &added.granted {
            for capability in self.needed(*server, added.definition, granted_as) {
                if self.scenario.needs[first..].iter().any(|need| need.capability == capability) {
                    continue;
                }
                needs.push(format!("{} ({})", self.scenario.capability(capability), self.scenario.server(*server).name));
                let demand = Figure::assumed(1.0, "an agent's file says nothing about demand");
                self.scenario.needs.push(Need { agent, capability, demand, current: Some(*server), pinned: false });
            }
        }
        let wildcard = added.definition.grant.everything;
        let everything = if wildcard { "everything is granted; " } else { "" };
        let needs =
            if needs.is_empty() { "no needs: it names no server".to_owned() } else { format!("one need a grant: {}", needs.join(", ")) };
        self.note(NoteKind::Assumed, format!("agent `{}`: {everything}{needs}", added.name));
        let extra_grants = self.unused(&added.servers(), first);
        for server in &extra_grants {
            let text = format!(
                "agent `{}`: `{}` is an extra grant beside the server that does the same",
                added.name,
                self.scenario.server(*server).name
            );
            self.notes.push(ImportNote { kind: NoteKind::Assumed, text });
        }
        self.scenario.agents.push(Agent {
            complexity: Figure::assumed(COMPLEXITY, "an agent's file says nothing about complexity"),
            workload: usual_workload(),
            wildcard,
            file: added.file(),
            extra_grants,
            ..defaults::agent(added.name)
        });
    }

    /// Capabilities of this scenario: what a well-known server's tools are for, where these are granted one by one.
    fn needed(&self, server: ServerId, definition: &AgentDefinition, granted_as: &str) -> Vec<CapabilityId> {
        let main = self.main[server.index()];
        let known = self
            .catalogue
            .entries
            .iter()
            .find(|entry| self.catalogue.scenario.capability(entry.capability) == self.scenario.capability(main));
        let Some(known) = known else { return vec![main] };
        let names = known.needed(&definition.grant, granted_as).into_iter().map(|id| self.catalogue.scenario.capability(id));
        let provided = |id: &CapabilityId| self.scenario.quality(Target::Server(server), *id).is_some();
        let found: Vec<CapabilityId> = names.filter_map(|name| self.scenario.capability_named(name)).filter(provided).collect();
        if found.is_empty() { vec![main] } else { found }
    }

    /// Servers granted by name, in the order of the file: with everything granted, those that its own file brings too.
    fn granted<'d>(&self, names: &Names, definition: &'d AgentDefinition) -> Vec<(ServerId, &'d str)> {
        let grant = &definition.grant;
        let mut named: Vec<&str> = grant.servers();
        if grant.everything {
            let own = definition.servers.iter().map(|entry| &entry.name).chain(&definition.server_names);
            named.extend(own.map(String::as_str).filter(|name| !grant.denies(name)));
        }
        let mut found: Vec<(ServerId, &str)> = Vec::new();
        for granted_as in named {
            let name = match names.meaning(definition, granted_as) {
                Meaning::Server(name) => name,
                Meaning::Disabled => continue,
                Meaning::Unknown => granted_as,
            };
            if let Some(server) = self.scenario.server_named(name)
                && !found.iter().any(|(known, _)| *known == server)
            {
                found.push((server, granted_as));
            }
        }
        found
    }

    fn best_provider(&self, granted: &[ServerId], capability: CapabilityId) -> Option<ServerId> {
        let provides = |server: &ServerId| self.scenario.quality(Target::Server(*server), capability).is_some();
        let in_service = self.scenario.providers(capability).into_iter().find(|server| granted.contains(server));
        in_service.or_else(|| granted.iter().copied().find(provides))
    }

    /// Grants that no need of this agent uses; its needs are the last ones, from `first` on.
    fn unused(&self, granted: &[ServerId], first: usize) -> Vec<ServerId> {
        let used = |server: &ServerId| self.scenario.needs[first..].iter().any(|need| need.current == Some(*server));
        granted.iter().copied().filter(|server| !used(server)).collect()
    }
}

pub(super) fn seen(definition: &AgentDefinition) -> FileSeen {
    FileSeen { path: definition.path.clone(), sha256: Some(definition.sha256.clone()) }
}

fn usual_workload() -> Workload {
    Workload {
        tasks: Figure::assumed(Rate::per_hour(COMPLEXITY * 2.0), "nothing was measured: 2 tasks an hour for each point of complexity"),
        calls: Figure::assumed(6.0, "public agent benchmarks see 3-8 calls a task"),
        think: Figure::assumed(Distribution::Exponential { mean: SimTime::from_millis(2000) }, "the model's time between two calls"),
        ..defaults::workload()
    }
}
