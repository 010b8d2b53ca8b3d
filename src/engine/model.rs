//! A scenario and a mapping, compiled for the hot loop: plain indices, names hashed once, probabilities summed up.

use rand_distr::Poisson;

use crate::distribution::Distribution;
use crate::mapping::Mapping;
use crate::random::{Key, name_hash};
use crate::scenario::{
    AgentId, Backoff, CallErrors, CapabilityId, Connect, NeedId, Process, RateLimit, RecoveryPolicy, Scenario, Server, ServerId, Target,
};
use crate::units::{Bytes, SimTime};

use super::Run;
use super::breaker::BreakerPolicy;
use super::luck::{self, Purpose};

#[derive(Debug)]
pub struct Model<'a> {
    pub warmup: SimTime,
    pub horizon: SimTime,
    pub timeout: SimTime,
    pub call_life: SimTime,
    pub retries: u32,
    pub backoff: &'a Backoff,
    pub breaker: Option<BreakerPolicy>,
    pub agents: Vec<AgentModel<'a>>,
    pub needs: Vec<NeedModel>,
    /// Where calls may go: each need's own, side by side.
    pub targets: Vec<TargetModel>,
    pub servers: Vec<ServerModel<'a>>,
    pub stand_ins: Vec<StandInModel<'a>>,
    /// What can take servers out.
    pub causes: Vec<CauseModel<'a>>,
    pub memory_limit: Option<Bytes>,
    /// Memory of the shared processes that the mapping uses.
    pub memory_resident: Bytes,
}

#[derive(Debug)]
pub struct AgentModel<'a> {
    pub key: Key,
    /// Task starts [1/s]; zero where it does nothing.
    pub tasks: f64,
    /// None where every task makes one call.
    pub calls_beyond_first: Option<Poisson<f64>>,
    pub think: &'a Distribution,
    /// Index of its first need.
    pub needs_first: u32,
    /// Demand of its needs up to each one, as a share of all its demand.
    pub demand: Vec<f64>,
}

/// Indices into [`Model::targets`].
#[derive(Debug)]
pub struct NeedModel {
    pub primary: u32,
    pub on_failure: std::ops::Range<u32>,
    pub on_overload: std::ops::Range<u32>,
}

#[derive(Debug)]
pub struct TargetModel {
    pub to: Target,
    /// Of what it answers for the need's capability.
    pub quality: f64,
}

#[derive(Debug)]
pub struct ServerModel<'a> {
    pub name_hash: u64,
    /// False: every connection is refused, for the whole run.
    pub up: bool,
    pub slots: u32,
    pub queue: usize,
    pub serial: &'a Distribution,
    pub parallel: &'a Distribution,
    pub errors: ErrorModel,
    pub connect: &'a Connect,
    pub rate_limit: Option<&'a RateLimit>,
    pub memory: Bytes,
    pub process: Process,
}

/// Probabilities summed up: one uniform draw decides.
#[derive(Debug)]
pub struct ErrorModel {
    /// Soft and protocol errors.
    pub answered: f64,
    /// These and stalls.
    pub stalled: f64,
    /// These and calls that are never answered.
    pub unanswered: f64,
    pub stall_time: SimTime,
}

#[derive(Debug)]
pub struct StandInModel<'a> {
    pub name_hash: u64,
    pub time: &'a Distribution,
}

/// One source of outages: of a server itself, or of a dependency.
#[derive(Debug)]
pub struct CauseModel<'a> {
    pub key: Key,
    pub every: &'a Distribution,
    pub lasts: &'a Distribution,
    pub servers: Vec<ServerId>,
    /// The watchdog, and what a restart takes. Only a server's own outages can be shortened.
    pub recovery: Option<(&'a RecoveryPolicy, &'a Distribution)>,
}

impl<'a> Model<'a> {
    pub fn new(scenario: &'a Scenario, mapping: &Mapping, run: Run) -> Model<'a> {
        let key = luck::run_key(run);
        let (needs, targets) = needs_with_targets(scenario, mapping);
        let used = used_servers(scenario, &targets);
        let resident =
            |(server, used): (&Server, &bool)| if *used && server.process == Process::Shared { server.memory.value.0 } else { 0 };
        Model {
            warmup: scenario.run.warmup.unwrap_or_default(),
            horizon: scenario.run.horizon,
            timeout: SimTime::from_secs(scenario.policy.timeout.value.mean()),
            call_life: scenario.policy.call_life.value,
            retries: scenario.policy.retries.value,
            backoff: &scenario.policy.backoff,
            breaker: scenario.policy.breaker.as_ref().map(|b| BreakerPolicy { failures: b.failures.value, cool_down: b.cool_down.value }),
            agents: scenario.agent_ids().map(|id| agent_model(scenario, id, key)).collect(),
            needs,
            targets,
            servers: scenario.servers.iter().map(server_model).collect(),
            stand_ins: scenario.stand_ins.iter().map(|s| StandInModel { name_hash: name_hash(&s.name), time: &s.time.value }).collect(),
            causes: causes(scenario, key),
            memory_limit: scenario.host.memory.as_ref().map(|memory| memory.value),
            memory_resident: Bytes(scenario.servers.iter().zip(&used).map(resident).fold(0, u64::saturating_add)),
        }
    }
}

/// Task starts a second of an agent; zero where it has nothing to do.
pub fn task_rate(scenario: &Scenario, agent: AgentId) -> f64 {
    let demand: f64 = scenario.needs_of(agent).map(|need| scenario.need(need).demand.value).sum();
    if demand > 0.0 { scenario.agent(agent).workload.tasks.value.per_second() * scenario.load } else { 0.0 }
}

fn agent_model(scenario: &Scenario, id: AgentId, run: Key) -> AgentModel<'_> {
    let agent = scenario.agent(id);
    let demand: Vec<f64> = scenario.needs_of(id).map(|need| scenario.need(need).demand.value).collect();
    let total: f64 = demand.iter().sum();
    let mut sum = 0.0;
    AgentModel {
        key: luck::agent_key(run, name_hash(&agent.name)),
        tasks: task_rate(scenario, id),
        // A mean of zero is no Poisson distribution for rand_distr, but means the same: no more calls.
        calls_beyond_first: Poisson::new(agent.workload.calls.value - 1.0).ok(),
        think: &agent.workload.think.value,
        needs_first: scenario.needs.partition_point(|need| need.agent < id) as u32,
        demand: demand
            .iter()
            .map(|demand| {
                sum += demand;
                sum / total
            })
            .collect(),
    }
}

impl AgentModel<'_> {
    /// The need that a uniform draw from [0, 1) picks.
    pub fn need(&self, draw: f64) -> NeedId {
        let last = self.demand.len() - 1;
        NeedId(self.needs_first + self.demand.partition_point(|share| *share <= draw).min(last) as u32)
    }
}

fn needs_with_targets(scenario: &Scenario, mapping: &Mapping) -> (Vec<NeedModel>, Vec<TargetModel>) {
    let mut targets = Vec::new();
    let mut add = |list: &[Target], capability: CapabilityId| {
        let first = targets.len() as u32;
        targets.extend(list.iter().map(|to| {
            // What does not provide the capability answers with nothing of worth.
            TargetModel { to: *to, quality: scenario.quality(*to, capability).unwrap_or(0.0) }
        }));
        first..targets.len() as u32
    };
    let needs = scenario
        .needs
        .iter()
        .zip(&mapping.assignments)
        .map(|(need, assignment)| NeedModel {
            primary: add(&[Target::Server(assignment.primary)], need.capability).start,
            on_failure: add(&assignment.on_failure, need.capability),
            on_overload: add(&assignment.on_overload, need.capability),
        })
        .collect();
    (needs, targets)
}

/// Which servers a mapping may ever call.
fn used_servers(scenario: &Scenario, targets: &[TargetModel]) -> Vec<bool> {
    let mut used = vec![false; scenario.servers.len()];
    for target in targets {
        if let Target::Server(id) = target.to {
            used[id.index()] = true;
        }
    }
    used
}

fn server_model(server: &Server) -> ServerModel<'_> {
    ServerModel {
        name_hash: name_hash(&server.name),
        up: server.up && server.in_service,
        slots: server.slots.value,
        queue: server.queue.as_ref().map_or(usize::MAX, |queue| queue.value as usize),
        serial: &server.serial.value,
        parallel: &server.parallel.value,
        errors: error_model(&server.errors),
        connect: &server.connect,
        rate_limit: server.rate_limit.as_ref(),
        memory: server.memory.value,
        process: server.process,
    }
}

fn error_model(errors: &CallErrors) -> ErrorModel {
    let answered = errors.soft.value.get() + errors.protocol.value.get();
    let stalled = answered + errors.stall.value.get();
    ErrorModel { answered, stalled, unanswered: stalled + errors.unanswered.value.get(), stall_time: errors.stall_time.value }
}

fn causes(scenario: &Scenario, run: Key) -> Vec<CauseModel<'_>> {
    let own = scenario.server_ids().filter_map(|id| {
        let server = scenario.server(id);
        let outages = server.outages.as_ref()?;
        Some(CauseModel {
            key: luck::outage_key(run, Purpose::ServerOutage, name_hash(&server.name)),
            every: &outages.every.value,
            lasts: &outages.lasts.value,
            servers: vec![id],
            recovery: scenario.recovery.as_ref().map(|policy| (policy, &server.connect.time.value)),
        })
    });
    let shared = scenario.dependencies.iter().enumerate().filter_map(|(index, dependency)| {
        let outages = dependency.outages.as_ref()?;
        let depends = |id: &ServerId| scenario.server(*id).depends_on.iter().any(|d| d.index() == index);
        Some(CauseModel {
            key: luck::outage_key(run, Purpose::DependencyOutage, name_hash(&dependency.name)),
            every: &outages.every.value,
            lasts: &outages.lasts.value,
            servers: scenario.server_ids().filter(depends).collect(),
            recovery: None,
        })
    });
    own.chain(shared).collect()
}
