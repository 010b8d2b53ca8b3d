//! Which server serves each need of each agent, in which order of preference.

pub mod file;
mod load;
pub mod seal;

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::scenario::{AgentId, NeedId, Scenario, ServerId, Target};

pub use load::{Over, balance_score, planned_loads, planned_score};

/// A need's primary server and its ordered fallbacks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    pub primary: ServerId,
    /// Tried in this order when the primary fails a call. Never holds the primary.
    pub on_failure: Vec<Target>,
    /// Tried in this order when the primary rejects a call. Never holds the primary.
    pub on_overload: Vec<Target>,
}

impl Assignment {
    /// That may be called for the need: the primary first, then the fallbacks; one that is both kinds of fallback comes twice.
    pub fn servers(&self) -> impl Iterator<Item = ServerId> {
        let fallbacks = self.on_failure.iter().chain(&self.on_overload).filter_map(|target| match target {
            Target::Server(id) => Some(*id),
            Target::StandIn(_) => None,
        });
        std::iter::once(self.primary).chain(fallbacks)
    }
}

/// All assignments, one a need, in the order of [`Scenario::needs`].
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    pub assignments: Vec<Assignment>,
    /// Grants that no need uses; they never change a score, except where a plan's own figures are reproduced.
    pub extra_grants: Vec<(AgentId, ServerId)>,
    /// Load that no agent causes; for reproducing a plan's own figures only.
    pub extra_load: Vec<ExtraLoad>,
    /// What chooses the server of each call.
    pub dispatch: Dispatch,
}

/// What chooses the server of a call: the mapping, or a gateway in front of the servers, among all in service that provide the
/// need's capability (the mapping's fallbacks are as they are).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// Each need has its server.
    Fixed,
    /// Any, each as likely.
    Random,
    /// One after the other, in the scenario's order, counted for each capability.
    RoundRobin,
    /// The one with the fewest attempts under way (connecting, waiting, served, parallel parts too): what a gateway sees by itself.
    LeastOutstanding,
    /// Of so many, chosen at random and distinct, the one with the fewest calls waiting or on a slot, per slot.
    PowerOfChoices(u32),
    /// Of all, the one with the fewest calls waiting or on a slot, per slot.
    ShortestQueue,
    /// At random, with probabilities inversely proportional to the servers' smoothed response times.
    LatencyWeighted,
}

impl Dispatch {
    /// What a gateway may do, for a user to compare.
    pub const GATEWAYS: [Dispatch; 6] = [
        Dispatch::Random,
        Dispatch::RoundRobin,
        Dispatch::LeastOutstanding,
        Dispatch::PowerOfChoices(2),
        Dispatch::ShortestQueue,
        Dispatch::LatencyWeighted,
    ];

    /// As on the command line.
    pub fn name(self) -> String {
        match self {
            Dispatch::Fixed => "fixed".to_owned(),
            Dispatch::Random => "random".to_owned(),
            Dispatch::RoundRobin => "round-robin".to_owned(),
            Dispatch::LeastOutstanding => "least-outstanding".to_owned(),
            Dispatch::PowerOfChoices(choices) => format!("power-of-{choices}"),
            Dispatch::ShortestQueue => "shortest-queue".to_owned(),
            Dispatch::LatencyWeighted => "latency-weighted".to_owned(),
        }
    }
}

impl FromStr for Dispatch {
    type Err = String;

    fn from_str(text: &str) -> Result<Dispatch, String> {
        let power = text.strip_prefix("power-of-").and_then(|choices| choices.parse().ok()).filter(|choices| (2..=1000).contains(choices));
        let known = || Dispatch::GATEWAYS.into_iter().chain([Dispatch::Fixed]).find(|policy| policy.name() == text);
        power.map(Dispatch::PowerOfChoices).or_else(known).ok_or_else(|| {
            let names: Vec<String> = Dispatch::GATEWAYS.iter().map(|policy| policy.name()).collect();
            format!("`{text}` is no dispatch policy: it has to be one of {} (or power-of-3, and so on)", names.join(", "))
        })
    }
}

/// A pseudo-agent that a given plan counts on a server.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraLoad {
    pub name: String,
    pub server: ServerId,
    pub complexity: f64,
}

/// An assignment whose primary differs between two mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub need: NeedId,
    pub from: ServerId,
    pub to: ServerId,
}

impl Mapping {
    /// Today's: every need on its current server (or its best provider, where it has none yet), without fallbacks: the
    /// agents' configs name none.
    pub fn current(scenario: &Scenario) -> Mapping {
        let assignments = primaries_of_today(scenario)
            .into_iter()
            .map(|primary| Assignment { primary, on_failure: Vec::new(), on_overload: Vec::new() })
            .collect();
        let extra_grants =
            scenario.agent_ids().flat_map(|agent| scenario.agent(agent).extra_grants.iter().map(move |server| (agent, *server))).collect();
        Mapping { assignments, extra_grants, extra_load: Vec::new(), dispatch: Dispatch::Fixed }
    }

    /// These primaries, one a need, with the fallbacks that the scenario's policy names for each capability.
    pub fn with_policy_fallbacks(scenario: &Scenario, primaries: &[ServerId]) -> Mapping {
        assert_eq!(primaries.len(), scenario.needs.len(), "one primary a need");
        let assignments =
            scenario.need_ids().zip(primaries).map(|(need, primary)| Mapping::policy_assignment(scenario, need, *primary)).collect();
        Mapping { assignments, extra_grants: Vec::new(), extra_load: Vec::new(), dispatch: Dispatch::Fixed }
    }

    /// This primary, with the usable fallbacks that the scenario's policy names.
    pub fn policy_assignment(scenario: &Scenario, need: NeedId, primary: ServerId) -> Assignment {
        let capability = scenario.need(need).capability;
        let rule = scenario.policy.fallbacks.iter().find(|rule| rule.capability == capability);
        let usable = |targets: &[Target]| targets.iter().copied().filter(|target| scenario.can_fall_back(primary, *target)).collect();
        Assignment {
            primary,
            on_failure: rule.map_or_else(Vec::new, |r| usable(&r.on_failure)),
            on_overload: rule.map_or_else(Vec::new, |r| usable(&r.on_overload)),
        }
    }

    /// Each limit of the scenario that this mapping exceeds, in a sentence.
    pub fn limits_exceeded(&self, scenario: &Scenario) -> Vec<String> {
        let limits = &scenario.limits;
        let mut exceeded = Vec::new();
        let changed = self.assignments.iter().zip(primaries_of_today(scenario)).filter(|(to, today)| to.primary != *today).count();
        if let Some(most) = limits.changes.filter(|most| changed > *most as usize) {
            exceeded.push(format!("changed assignments: {changed}, at most {most}"));
        }
        for agent in scenario.agent_ids() {
            let (name, servers) = (&scenario.agent(agent).name, self.grants(scenario, agent).len());
            if let Some(most) = limits.servers_per_agent.filter(|most| servers > *most as usize) {
                exceeded.push(format!("servers of {name}: {servers}, at most {most}"));
            }
            let tokens = self.granted_tokens(scenario, agent);
            if let Some(most) = limits.tool_tokens.filter(|most| tokens > *most) {
                exceeded.push(format!("tokens of tools of {name}: {tokens}, at most {most}"));
            }
        }
        exceeded
    }

    pub fn assignment(&self, need: NeedId) -> &Assignment {
        &self.assignments[need.index()]
    }

    pub fn primaries(&self) -> Vec<ServerId> {
        self.assignments.iter().map(|a| a.primary).collect()
    }

    /// The servers that an agent's config has to permit: of its needs' primaries and fallbacks, and its extra grants.
    pub fn grants(&self, scenario: &Scenario, agent: AgentId) -> BTreeSet<ServerId> {
        let of_needs = scenario.needs_of(agent).flat_map(|need| self.assignment(need).servers());
        of_needs.chain(self.extra_grants.iter().filter(|(a, _)| *a == agent).map(|(_, server)| *server)).collect()
    }

    /// Tokens of the tools' definitions in an agent's context: of every server that its config permits, whole (a grant is the server's).
    pub fn granted_tokens(&self, scenario: &Scenario, agent: AgentId) -> u64 {
        self.grants(scenario, agent).iter().map(|id| u64::from(scenario.server(*id).tokens.value)).sum()
    }

    /// Needs that have somewhere else to go.
    pub fn fallbacks(&self) -> usize {
        self.assignments.iter().filter(|a| !(a.on_failure.is_empty() && a.on_overload.is_empty())).count()
    }

    /// Needs whose primary is another one than in `from`.
    pub fn changes_from(&self, from: &Mapping) -> Vec<Change> {
        self.assignments
            .iter()
            .zip(&from.assignments)
            .enumerate()
            .filter(|(_, (to, from))| to.primary != from.primary)
            .map(|(need, (to, from))| Change { need: NeedId::from(need), from: from.primary, to: to.primary })
            .collect()
    }
}

/// Each need's current server, or its best provider where it has none yet.
pub fn primaries_of_today(scenario: &Scenario) -> Vec<ServerId> {
    scenario
        .needs
        .iter()
        .map(|need| {
            let best = || *scenario.providers(need.capability).first().expect("checked: every needed capability has a provider");
            need.current.unwrap_or_else(best)
        })
        .collect()
}
