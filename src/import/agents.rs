//! The agents of an imported scenario: the base's, by name, with what their files grant today; new ones by stated assumptions.

use super::build::{Building, Usable};
use super::{AgentFile, AgentSource, FrontMatter, ImportNote, NoteKind, Tools};
use crate::distribution::Distribution;
use crate::scenario::{Agent, AgentId, CapabilityId, Figure, FileSeen, Need, Scenario, ServerId, Target, Workload, defaults};
use crate::units::{Rate, SimTime};

/// Of an agent that nobody has rated.
const COMPLEXITY: f64 = 5.0;

impl Building<'_> {
    pub fn add_agents(&mut self, agents: &Usable) {
        for (source, file) in agents {
            if source.outside {
                let text = format!("{} is a link to a file outside the folder: it is read, and never written", source.path);
                self.note(NoteKind::Differs, text);
            }
            if FrontMatter::parse(&source.text).is_ok_and(|front| front.values.contains_key("disallowedTools")) {
                self.note(NoteKind::Skipped, format!("the `disallowedTools` of agent `{}`: grants are what its `tools` say", file.name));
            }
            let known = self.base.and_then(|base| base.agent_named(&file.name).map(|id| (base, id)));
            match known {
                Some((base, id)) => self.add_known_agent(source, file, base, id),
                None => self.add_new_agent(source, file),
            }
        }
        let missing = |name: &str| self.scenario.agent_named(name).is_none();
        let gone: Vec<&str> =
            self.base.iter().flat_map(|base| &base.agents).map(|agent| agent.name.as_str()).filter(|name| missing(name)).collect();
        for name in gone {
            self.note(NoteKind::Skipped, format!("agent `{name}` of the base has no valid file here"));
        }
    }

    /// Needs are the base's; what it is granted says where they are served today.
    fn add_known_agent(&mut self, source: &AgentSource, file: &AgentFile, base: &Scenario, id: AgentId) {
        let granted = self.granted(&file.tools);
        let known = base.agent(id);
        let (agent, first) = (AgentId::from(self.scenario.agents.len()), self.scenario.needs.len());
        let wildcard = file.tools.is_wildcard();
        for need in base.needs_of(id).map(|need| base.need(need)) {
            let is_granted = |server: &ServerId| wildcard || granted.contains(server);
            let current = need.current.filter(is_granted).or_else(|| self.best_provider(&granted, need.capability));
            if current != need.current {
                self.note_moved(&file.name, need, current);
            }
            self.scenario.needs.push(Need { agent, current, pinned: need.pinned && current.is_some(), ..need.clone() });
        }
        let extra_grants = self.unused(&granted, first);
        for server in extra_grants.iter().filter(|server| !known.extra_grants.contains(server)) {
            let name = &self.scenario.server(*server).name;
            self.notes.push(ImportNote {
                kind: NoteKind::Differs,
                text: format!("agent `{}` is granted `{name}`, which none of its needs uses: an extra grant", file.name),
            });
        }
        if wildcard != known.wildcard {
            let here = if wildcard {
                "is granted everything here, and not in the base"
            } else {
                "is granted everything in the base, and not here"
            };
            self.note(NoteKind::Differs, format!("agent `{}` {here}", file.name));
        }
        self.scenario.agents.push(Agent { wildcard, extra_grants, file: Some(seen(source)), ..known.clone() });
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

    /// One need for each server that is granted by name.
    fn add_new_agent(&mut self, source: &AgentSource, file: &AgentFile) {
        self.note_new("agent", &file.name);
        let granted = self.granted(&file.tools);
        let (agent, first) = (AgentId::from(self.scenario.agents.len()), self.scenario.needs.len());
        let mut needs: Vec<String> = Vec::new();
        for server in &granted {
            let capability = self.main[server.index()];
            if self.scenario.needs[first..].iter().any(|need| need.capability == capability) {
                continue;
            }
            needs.push(format!("{} ({})", self.scenario.capability(capability), self.scenario.server(*server).name));
            let demand = Figure::assumed(1.0, "an agent's file says nothing about demand");
            self.scenario.needs.push(Need { agent, capability, demand, current: Some(*server), pinned: false });
        }
        let wildcard = file.tools.is_wildcard();
        let everything = if wildcard { "everything is granted; " } else { "" };
        let needs =
            if needs.is_empty() { "no needs: it names no server".to_owned() } else { format!("one need a grant: {}", needs.join(", ")) };
        self.note(NoteKind::Assumed, format!("agent `{}`: {everything}{needs}", file.name));
        let extra_grants = self.unused(&granted, first);
        for server in &extra_grants {
            let text = format!(
                "agent `{}`: `{}` is an extra grant beside the server that does the same",
                file.name,
                self.scenario.server(*server).name
            );
            self.notes.push(ImportNote { kind: NoteKind::Assumed, text });
        }
        self.scenario.agents.push(Agent {
            complexity: Figure::assumed(COMPLEXITY, "an agent's file says nothing about complexity"),
            workload: usual_workload(),
            wildcard,
            file: Some(seen(source)),
            extra_grants,
            ..defaults::agent(&file.name)
        });
    }

    /// Servers granted by name, in the order of the file.
    fn granted(&self, tools: &Tools) -> Vec<ServerId> {
        tools.servers().into_iter().filter_map(|name| self.scenario.server_named(name)).collect()
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

pub(super) fn seen(source: &AgentSource) -> FileSeen {
    FileSeen { path: source.path.clone(), sha256: Some(source.sha256.clone()) }
}

fn usual_workload() -> Workload {
    Workload {
        tasks: Figure::assumed(Rate::per_hour(COMPLEXITY * 2.0), "nothing was measured: 2 tasks an hour for each point of complexity"),
        calls: Figure::assumed(6.0, "public agent benchmarks see 3-8 calls a task"),
        think: Figure::assumed(Distribution::Exponential { mean: SimTime::from_millis(2000) }, "the model's time between two calls"),
        ..defaults::workload()
    }
}
