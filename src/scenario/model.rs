//! The scenario's data: plain, checked once when read, then trusted. References between parts are indices.

use std::sync::Arc;

use serde::Serialize;

use crate::distribution::Distribution;
use crate::units::{Bytes, Probability, Rate, SimTime};

use super::kpi::{Kpi, KpiTarget};
use super::priorities::Term;

/// A figure and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure<T> {
    pub value: T,
    /// None for a bare value: the scenario's author states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// Where a figure comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    pub source: Source,
    /// Sample size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// 95 % interval, as written (it has the figure's unit).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[String; 2]>,
    /// Which measurement, which document, why this assumption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Measured,
    Fitted,
    Published,
    Catalogue,
    Assumed,
}

impl<T> Figure<T> {
    /// A bare value.
    pub fn stated(value: T) -> Figure<T> {
        Figure { value, provenance: None }
    }

    pub fn with_source(value: T, source: Source, note: impl Into<String>) -> Figure<T> {
        Figure { value, provenance: Some(Provenance { source, n: None, interval: None, note: Some(note.into()) }) }
    }

    pub fn assumed(value: T, note: impl Into<String>) -> Figure<T> {
        Figure::with_source(value, Source::Assumed, note)
    }

    pub fn is_assumed(&self) -> bool {
        self.provenance.as_ref().is_some_and(|p| p.source == Source::Assumed)
    }

    pub fn map<U>(&self, f: impl FnOnce(&T) -> U) -> Figure<U> {
        Figure { value: f(&self.value), provenance: self.provenance.clone() }
    }
}

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

/// A failure domain that several servers share (a network, git). While it is out, every server that depends on it is out.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    pub name: String,
    pub outages: Option<Outages>,
}

/// Alternating up and down times, independent of load.
#[derive(Debug, Clone, PartialEq)]
pub struct Outages {
    /// Time between failures: from the end of one outage to the start of the next.
    pub every: Figure<Distribution>,
    /// Repair time: how long an outage lasts.
    pub lasts: Figure<Distribution>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    pub name: String,
    /// False in what-ifs that take the server down for the whole run: every connection is refused.
    pub up: bool,
    /// False in what-ifs that take the server out of service: no strategy may assign it, no score counts it.
    pub in_service: bool,
    /// Calls whose serial part runs at the same time.
    pub slots: Figure<u32>,
    pub discipline: Discipline,
    /// Calls that may wait for a slot; one more is rejected. None: no limit.
    pub queue: Option<Figure<u32>>,
    /// The part of the service time that occupies a slot.
    pub serial: Figure<Distribution>,
    /// The part that waits on disk, network or a browser, without a slot.
    pub parallel: Figure<Distribution>,
    /// What the first call on a new session takes on its slot beyond its serial part (a browser that is launched).
    pub first_call: Figure<Distribution>,
    pub errors: CallErrors,
    pub connect: Connect,
    /// The process dies, and comes back: everything under way breaks, connections are refused meanwhile.
    pub outages: Option<Outages>,
    /// The process stops, and goes on: connections still come about and calls queue up, but nothing is answered meanwhile; only a time-out
    /// sees it.
    pub freezes: Option<Outages>,
    pub slow: Option<SlowPeriods>,
    pub depends_on: Vec<DependencyId>,
    pub rate_limit: Option<RateLimit>,
    /// Resident memory of one process.
    pub memory: Figure<Bytes>,
    /// More for each call that waits or is served; a call that finds no room on the host is rejected.
    pub memory_per_call: Figure<Bytes>,
    /// By how much a process has grown after each call that it answered, until it ends or the host is full.
    pub memory_growth: Figure<Bytes>,
    pub process: Process,
    /// None: any number of calls at once is safe.
    pub safe_concurrency: Option<SafeConcurrency>,
    /// Weight in the planned load.
    pub weight: Figure<f64>,
    /// Names of environment variables that the server needs; never values.
    pub env: Vec<String>,
    pub provides: Vec<Provision>,
    /// Tokens of all its tools' definitions in an agent's context.
    pub tokens: Figure<u32>,
}

/// What a server can do, and how well.
#[derive(Debug, Clone, PartialEq)]
pub struct Provision {
    pub capability: CapabilityId,
    /// 1: the real thing. Below: a call served here counts as degraded.
    pub quality: Figure<Probability>,
    /// Tokens of the tools that this capability needs, where they are fewer than the server's.
    pub tokens: Option<Figure<u32>>,
    /// Service times of calls for this capability, where they are not the server's.
    pub serial: Option<Figure<Distribution>>,
    pub parallel: Option<Figure<Distribution>>,
}

impl Provision {
    pub fn new(capability: CapabilityId, quality: Figure<Probability>) -> Provision {
        Provision { capability, quality, tokens: None, serial: None, parallel: None }
    }
}

/// Who is served next, where slots are fewer than calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// The call of the agent with the highest priority; first come, first served among equals. What is served is not interrupted.
    Priority,
    /// All at once, each at an equal share of the slots, at most one slot each.
    ProcessorSharing,
}

/// Alternating with normal periods: a call that arrives in a slow one takes `factor` times as long.
#[derive(Debug, Clone, PartialEq)]
pub struct SlowPeriods {
    pub every: Figure<Distribution>,
    pub lasts: Figure<Distribution>,
    /// At least 1.
    pub factor: Figure<f64>,
}

/// Above `limit` calls that the server has taken and is not done with, waiting ones too, the work of each further one is at risk.
#[derive(Debug, Clone, PartialEq)]
pub struct SafeConcurrency {
    pub limit: Figure<u32>,
    pub beyond: Beyond,
}

/// What happens to work above the safe concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beyond {
    /// Answered as if all were well, and lost: only counted.
    Lost,
    /// Aborted: answered with an error.
    Aborted,
}

/// Probabilities of the ways in which an accepted call can go wrong; what is left succeeds. At most one a call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallErrors {
    /// Answered with an error result, after its service.
    pub soft: Figure<Probability>,
    /// Answered with a JSON-RPC error, after its service.
    pub protocol: Figure<Probability>,
    /// Answered with an error after `stall_time` (a dead DNS, for one).
    pub stall: Figure<Probability>,
    pub stall_time: Figure<SimTime>,
    /// Never answered: only the client's time-out ends it.
    pub unanswered: Figure<Probability>,
    /// After its service the connection breaks instead of carrying an answer: the client notices at once, and connects anew for its
    /// next attempt there.
    pub connection: Figure<Probability>,
}

/// How a client gets a session with a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Connect {
    /// Until a session that comes about is ready.
    pub time: Figure<Distribution>,
    /// The same for the run's first connection to the server (packages are fetched, caches are cold). None: as any other.
    pub cold_time: Option<Figure<Distribution>>,
    /// That it does not come about.
    pub failure: Figure<Probability>,
    /// Until a failure is noticed; also when the server is down.
    pub failure_time: Figure<Distribution>,
}

/// A token bucket at the server: `burst` calls at once, refilled at `rate`.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    pub rate: Figure<Rate>,
    pub burst: Figure<u32>,
    /// A rejection says when the next call will be taken, and clients wait that long before they try there again.
    pub retry_after: bool,
}

/// Who shares a server's process and connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Process {
    /// One process for all agents, connected until an outage ends it.
    Shared,
    /// One process and one connection a task.
    Session,
}

/// Something built into the client that can stand in for a capability (local files, for one). It never fails and never queues.
#[derive(Debug, Clone, PartialEq)]
pub struct StandIn {
    pub name: String,
    pub time: Figure<Distribution>,
    pub provides: Vec<Provision>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub name: String,
    pub complexity: Figure<f64>,
    pub workload: Workload,
    /// Where servers serve by priority: the higher, the sooner.
    pub priority: u32,
    /// Calls that it has under way at once; further ones wait at the client. None: no limit.
    pub concurrency: Option<Figure<u32>>,
    /// Its grant is everything there is (`tools: *` or no `tools`): a mapping does not narrow it.
    pub wildcard: bool,
    /// True where the plan names it a core agent, whose moves come first.
    pub core: bool,
    pub file: Option<FileSeen>,
    /// Servers granted today that no need of the agent uses.
    pub extra_grants: Vec<ServerId>,
}

/// What an agent does: tasks start, by default as a Poisson process; a task makes calls, with thinking between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Mean number of tasks that start; without meaning where arrivals are closed.
    pub tasks: Figure<Rate>,
    pub arrivals: Arrivals,
    /// Relative task rates of parts of a day of equal length, the first from the run's start: mean 1 when scaled. Empty: all alike.
    pub profile: Vec<f64>,
    /// Mean number of calls a task: 1 + Poisson(calls - 1).
    pub calls: Figure<f64>,
    /// Before each call but the first: from the last call's end.
    pub think: Figure<Distribution>,
    /// Calls of one task that may be under way at the same time: 1, one after the other.
    pub at_once: Figure<u32>,
}

/// How an agent's tasks come.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// Independent of each other: exponential gaps.
    Poisson,
    /// Gamma gaps with this coefficient of variation: 0, all alike (deterministic); 1/sqrt(k), Erlang-k.
    Renewal { cv: Figure<f64> },
    /// Bursts: Poisson while on, nothing while off; the rate while on is such that the mean over both is the workload's.
    OnOff { on: Figure<Distribution>, off: Figure<Distribution> },
    /// A closed loop: so many users, each of whom starts its next task a pause after the last one's end.
    Closed { users: Figure<u32>, pause: Figure<Distribution> },
}

/// A log of calls to run again.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// Where it comes from.
    pub file: String,
    /// In order of time.
    pub calls: Vec<ReplayedCall>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplayedCall {
    /// Since the start of the run.
    pub at: SimTime,
    pub need: NeedId,
    /// What its service took at the server that served it, where the log says so.
    pub served: Option<Served>,
}

/// A service time of a log: it holds where the call goes to the same server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
    pub server: ServerId,
    pub took: SimTime,
}

/// A file that an import has read: relative to the imported folder, with its SHA-256 in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSeen {
    pub path: String,
    pub sha256: Option<String>,
}

/// (agent, capability), unique in a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    pub agent: AgentId,
    pub capability: CapabilityId,
    /// Relative frequency among the agent's calls.
    pub demand: Figure<f64>,
    /// The server it uses today.
    pub current: Option<ServerId>,
    /// A pinned need never moves.
    pub pinned: bool,
}

/// What every client does with its calls.
#[derive(Debug, Clone, PartialEq)]
pub struct CallPolicy {
    /// An attempt is given up this long after its start, connecting included.
    pub timeout: Figure<Distribution>,
    /// An attempt is given up when it has waited this long for a slot. None: it waits as long as the time-out lets it.
    pub queue_timeout: Option<Figure<Distribution>>,
    /// What becomes of the work of an attempt that was given up.
    pub given_up: GivenUp,
    /// Cap on a call's life, all attempts and fallbacks included; reaching it is a failure.
    pub call_life: Figure<SimTime>,
    /// Attempts at one server after the first; [`UNLIMITED`]: until the call's life is over.
    pub retries: Figure<u32>,
    pub backoff: Backoff,
    pub retry_budget: Option<RetryBudget>,
    pub breaker: Option<Breaker>,
    pub hedge: Option<Hedge>,
    /// At most one rule a capability.
    pub caches: Vec<CacheRule>,
    /// At most one rule a capability.
    pub fallbacks: Vec<FallbackRule>,
}

/// Retries without a limit.
pub const UNLIMITED: u32 = u32::MAX;

/// What a server does with an attempt that its client gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GivenUp {
    /// The server does not notice: it goes on, and its answer finds nobody.
    GoesOn,
    /// The client cancels it: its place in the queue or on a slot is free at once.
    IsCancelled,
}

/// Wait before retry k (from 1): min(first * factor^(k-1), max), then spread.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    pub first: Figure<SimTime>,
    pub factor: Figure<f64>,
    pub max: Figure<SimTime>,
    pub spread: Spread,
}

/// How the waits of clients that failed together are kept from ending together.
#[derive(Debug, Clone, PartialEq)]
pub enum Spread {
    /// Shortened by up to this share, uniformly.
    Jitter(Figure<Probability>),
    /// Drawn from the exponential distribution with this mean.
    Exponential,
}

impl Spread {
    /// Of what the wait is multiplied with.
    pub fn mean(&self) -> f64 {
        match self {
            Spread::Jitter(jitter) => 1.0 - jitter.value.get() / 2.0,
            Spread::Exponential => 1.0,
        }
    }
}

/// An agent's retries as a share of its calls: each call puts `ratio` of a token into a bucket that holds `burst`, a retry takes a whole
/// one; without one there is no retry.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryBudget {
    pub ratio: Figure<f64>,
    pub burst: Figure<u32>,
}

/// A second attempt beside one that has not answered after this long: at the call's next fallback server, or the same server where there
/// is none. The first answer counts, the other attempt is given up.
#[derive(Debug, Clone, PartialEq)]
pub struct Hedge {
    pub after: Figure<SimTime>,
}

/// A cache at the client, in front of a need's servers: a call that asks again what the need's last answer told is answered from it,
/// at once, as long as that is not older than `ttl`.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheRule {
    pub capability: CapabilityId,
    /// Probability that a call asks what the answer before it told.
    pub repeats: Figure<Probability>,
    /// None: an answer never gets old.
    pub ttl: Option<Figure<SimTime>>,
}

/// Of each agent for each server: after so many failures in a row no attempt is made until the cool-down is over; then one probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Breaker {
    pub failures: Figure<u32>,
    pub cool_down: Figure<SimTime>,
}

/// Where a call of this capability goes when its primary fails it, in this order. Those that the agent is not granted are left out.
#[derive(Debug, Clone, PartialEq)]
pub struct FallbackRule {
    pub capability: CapabilityId,
    /// After the last retry failed, or while the breaker is open.
    pub on_failure: Vec<Target>,
    /// As soon as a call is rejected (queue full, rate limit). Empty: as a failure.
    pub on_overload: Vec<Target>,
}

/// What can answer a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Target {
    Server(ServerId),
    StandIn(StandInId),
}

/// The watchdog on the host: notices an outage at its next health check and restarts the server, ending the outage early.
#[derive(Debug, Clone, PartialEq)]
pub struct RecoveryPolicy {
    /// Between health checks.
    pub every: Figure<SimTime>,
    /// Until a check without answer counts as failed.
    pub timeout: Figure<SimTime>,
    /// Restarts tried.
    pub tries: Figure<u32>,
    /// Before try k: k times this.
    pub backoff: Figure<SimTime>,
    /// The longest that one restart may take.
    pub limit: Figure<SimTime>,
    /// That one restart brings a server back whose dependencies are there.
    pub success: Figure<Probability>,
}

/// Thresholds above which an alert is raised; none: not watched.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlertRules {
    /// A server's mean response time.
    pub response: Option<Figure<SimTime>>,
    /// A server's share of failed attempts.
    pub error_rate: Option<Figure<Probability>>,
    /// Connection failures in a row, more than.
    pub connect_failures: Option<Figure<u32>>,
    /// Share of the host's memory.
    pub memory: Option<Figure<Probability>>,
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
