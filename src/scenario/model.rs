//! The scenario's data: plain, checked once when read, then trusted. References between parts are indices.

mod agent;
mod figure;
mod policy;
mod server;

use std::sync::Arc;

use serde::Serialize;

use crate::distribution::Distribution;
use crate::units::{Bytes, Probability, SimTime};

use super::kpi::{Kpi, KpiTarget};
use super::priorities::Term;

pub use agent::*;
pub use figure::*;
pub use policy::*;
pub use server::*;

macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $id(pub u32);

        impl $id {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl From<usize> for $id {
            fn from(index: usize) -> $id {
                $id(u32::try_from(index).expect("a scenario is far below 2^32 parts: its text is limited"))
            }
        }
    )*};
}
ids! {
    /// Index into [`Scenario::servers`].
    ServerId,
    /// Index into [`Scenario::agents`].
    AgentId,
    /// Index into [`Scenario::needs`].
    NeedId,
    /// Index into [`Scenario::capabilities`].
    CapabilityId,
    /// Index into [`Scenario::dependencies`].
    DependencyId,
    /// Index into [`Scenario::stand_ins`].
    StandInId,
}

/// Everything a run needs to know: agents with their needs, servers with their behaviour, the clients' policies, the targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub name: String,
    pub description: String,
    pub run: RunSettings,
    pub host: Host,
    pub limits: Limits,
    /// Terms of the objective, the most important first, each once; see [`Scenario::weight`].
    pub priorities: Option<Vec<Term>>,
    /// Names of all capabilities that a need asks for or a server provides, sorted.
    pub capabilities: Vec<String>,
    pub dependencies: Vec<Dependency>,
    pub servers: Vec<Server>,
    pub stand_ins: Vec<StandIn>,
    pub agents: Vec<Agent>,
    /// All needs, in order of agents, then as written.
    pub needs: Vec<Need>,
    pub policy: CallPolicy,
    pub recovery: Option<RecoveryPolicy>,
    pub kpis: Vec<KpiTarget>,
    pub alerts: AlertRules,
    pub what_ifs: Vec<WhatIf>,
    /// Files that an import has seen beside the agents' own (`.mcp.json`).
    pub config_files: Vec<FileSeen>,
    /// How much more often tasks start than the agents' workloads say: 1, unless a what-if scales it.
    pub load: f64,
    /// Calls of a log, instead of those that the workloads make up. No part of the scenario's text.
    pub replay: Option<Arc<Replay>>,
    /// Outages that happen once, beside those that happen by chance. No part of the scenario's text.
    pub drills: Vec<Drill>,
}

/// Servers that are out from an instant on for a time, whatever a watchdog does.
#[derive(Debug, Clone, PartialEq)]
pub struct Drill {
    pub servers: Vec<ServerId>,
    pub from: SimTime,
    pub lasts: SimTime,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RunSettings {
    /// Simulated time in which tasks start; what is under way then is followed to its end.
    pub horizon: SimTime,
    /// Calls issued before this instant are not counted. None: found by MSER-5 before the run (`experiment::settle`).
    pub warmup: Option<SimTime>,
    pub replications: u32,
    pub seed: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Memory for servers on the host that all of them share; none: not a constraint.
    pub memory: Option<Figure<Bytes>>,
    /// None: memory in use slows nothing down.
    pub slowdown: Option<Slowdown>,
}

/// What a mapping may not exceed. A decision, not a measurement: plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Assignments that differ from today's.
    pub changes: Option<u32>,
    /// Servers that one agent is granted, for primaries and fallbacks.
    pub servers_per_agent: Option<u32>,
    /// Tokens of tool definitions in one agent's context.
    pub tool_tokens: Option<u64>,
    /// A server that shares a dependency with the primary is no fallback for it.
    pub separate_domains: bool,
}

/// Paging: a call that arrives while more than the share `above` of the host's memory is in use takes longer, by a factor that grows linearly
/// from 1 there to `factor` at full memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Slowdown {
    pub above: Figure<Probability>,
    /// At least 1.
    pub factor: Figure<f64>,
}

/// Something built into the client that can stand in for a capability (local files, for one). It never fails and never queues.
#[derive(Debug, Clone, PartialEq)]
pub struct StandIn {
    pub name: String,
    pub time: Figure<Distribution>,
    pub provides: Vec<Provision>,
}

/// A file that an import has read: relative to the imported folder, with its SHA-256 in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSeen {
    pub path: String,
    pub sha256: Option<String>,
}

/// A named overlay on the scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct WhatIf {
    pub name: String,
    pub description: String,
    /// A mapping is validated only if it meets the KPIs here too.
    pub required: bool,
    /// The overlay as written, without the three keys above.
    pub overlay: toml::Table,
    /// The scenario with the overlay applied; it has no what-ifs of its own, and the same agents, needs and servers
    /// (servers may be added at the end).
    pub scenario: Box<Scenario>,
}

impl Scenario {
    pub fn server(&self, id: ServerId) -> &Server {
        &self.servers[id.index()]
    }

    pub fn agent(&self, id: AgentId) -> &Agent {
        &self.agents[id.index()]
    }

    pub fn need(&self, id: NeedId) -> &Need {
        &self.needs[id.index()]
    }

    pub fn capability(&self, id: CapabilityId) -> &str {
        &self.capabilities[id.index()]
    }

    pub fn target_name(&self, target: Target) -> &str {
        match target {
            Target::Server(id) => &self.server(id).name,
            Target::StandIn(id) => &self.stand_ins[id.index()].name,
        }
    }

    pub fn server_ids(&self) -> impl Iterator<Item = ServerId> + use<> {
        (0..self.servers.len()).map(ServerId::from)
    }

    pub fn agent_ids(&self) -> impl Iterator<Item = AgentId> + use<> {
        (0..self.agents.len()).map(AgentId::from)
    }

    pub fn need_ids(&self) -> impl Iterator<Item = NeedId> + use<> {
        (0..self.needs.len()).map(NeedId::from)
    }

    pub fn server_named(&self, name: &str) -> Option<ServerId> {
        self.servers.iter().position(|s| s.name == name).map(ServerId::from)
    }

    pub fn agent_named(&self, name: &str) -> Option<AgentId> {
        self.agents.iter().position(|a| a.name == name).map(AgentId::from)
    }

    pub fn capability_named(&self, name: &str) -> Option<CapabilityId> {
        self.capabilities.iter().position(|c| c == name).map(CapabilityId::from)
    }

    /// The needs of one agent, in their order.
    pub fn needs_of(&self, agent: AgentId) -> impl Iterator<Item = NeedId> {
        let start = self.needs.partition_point(|n| n.agent < agent);
        (start..self.needs.len()).take_while(move |i| self.needs[*i].agent == agent).map(NeedId::from)
    }

    /// How well `target` provides `capability`; none where it does not.
    pub fn quality(&self, target: Target, capability: CapabilityId) -> Option<f64> {
        let provides = match target {
            Target::Server(id) => &self.server(id).provides,
            Target::StandIn(id) => &self.stand_ins[id.index()].provides,
        };
        provides.iter().find(|p| p.capability == capability).map(|p| p.quality.value.get())
    }

    /// The servers in service that provide a capability, best quality first, then in the scenario's order.
    pub fn providers(&self, capability: CapabilityId) -> Vec<ServerId> {
        let mut providers: Vec<(ServerId, f64)> = self
            .server_ids()
            .filter(|id| self.server(*id).in_service)
            .filter_map(|id| self.quality(Target::Server(id), capability).map(|quality| (id, quality)))
            .collect();
        providers.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        providers.into_iter().map(|(id, _)| id).collect()
    }

    /// The servers that a strategy may choose for a need: where it is pinned, today's alone. Where domains have to be separate, those that
    /// have a fallback in another domain, if there are any and the policy has fallbacks at all.
    pub fn eligible(&self, need: NeedId) -> Vec<ServerId> {
        let need = self.need(need);
        let providers = match need.current {
            Some(current) if need.pinned => return vec![current],
            _ => self.providers(need.capability),
        };
        let rule = self.policy.fallbacks.iter().find(|rule| rule.capability == need.capability);
        let Some(rule) = rule.filter(|_| self.limits.separate_domains) else { return providers };
        let separate = |server: &ServerId| rule.on_failure.iter().any(|target| self.can_fall_back(*server, *target));
        let safe: Vec<ServerId> = providers.iter().copied().filter(separate).collect();
        if safe.is_empty() { providers } else { safe }
    }

    /// Whether a target can be a fallback of this primary: another one, in service, and in another failure domain where that is asked for.
    pub fn can_fall_back(&self, primary: ServerId, to: Target) -> bool {
        let Target::Server(id) = to else { return true };
        let shared = || self.server(id).depends_on.iter().any(|dependency| self.server(primary).depends_on.contains(dependency));
        id != primary && self.server(id).in_service && !(self.limits.separate_domains && shared())
    }

    /// Servers in service that share at least one needed capability with another (the others can take nobody's work).
    pub fn sharing(&self) -> Vec<ServerId> {
        let mut sharing = vec![false; self.servers.len()];
        for capability in (0..self.capabilities.len()).map(CapabilityId::from) {
            if self.needs.iter().any(|n| n.capability == capability) {
                let providers = self.providers(capability);
                if providers.len() > 1 {
                    providers.iter().for_each(|id| sharing[id.index()] = true);
                }
            }
        }
        self.server_ids().filter(|id| sharing[id.index()]).collect()
    }

    pub fn target(&self, kpi: Kpi) -> Option<&KpiTarget> {
        self.kpis.iter().find(|t| t.kpi == kpi)
    }
}
