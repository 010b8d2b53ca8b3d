//! A scenario and a mapping, compiled for the hot loop: plain indices, names hashed once, distributions made ready, probabilities
//! summed up. What is absent costs one test.

use rand_distr::{Gamma, Poisson};

use crate::distribution::{Distribution, Sampler};
use crate::mapping::{Dispatch, Mapping};
use crate::random::{Key, name_hash};
use crate::scenario::{
    AgentId, Arrivals, Beyond, CallErrors, CapabilityId, Discipline, GivenUp, NeedId, Outages, Process, RateLimit, RecoveryPolicy,
    ReplayedCall, Scenario, Server, ServerId, Spread, Target,
};
use crate::units::{Bytes, SimTime};

use super::Run;
use super::breaker::BreakerPolicy;
use super::luck::{self, Purpose};
use super::memory::Pressure;

#[derive(Debug)]
pub struct Model<'a> {
    pub warmup: SimTime,
    pub horizon: SimTime,
    pub policy: PolicyModel,
    pub needs: Vec<NeedModel>,
    /// Where calls may go: each need's own, side by side.
    pub targets: Vec<TargetModel>,
    /// Service times: a server's own at its index, then those of single capabilities.
    pub services: Vec<ServiceModel>,
    pub stand_ins: Vec<StandInModel>,
    /// What can take servers out, stop them or slow them down.
    pub causes: Vec<CauseModel>,
    pub dispatch: Dispatch,
    /// Number of capabilities.
    pub capabilities: usize,
    pub replay: Option<ReplayModel<'a>>,
    pub memory_limit: Option<Bytes>,
    pub memory_pressure: Option<Pressure>,
    /// Something freezes servers now and then.
    pub freezes: bool,
    /// Some server's process grows with use.
    pub memory_grows: bool,
    /// Memory of the shared processes that the mapping uses.
    pub memory_resident: Bytes,
}

/// Everything compiled: what all share, and what the state of each agent and of each server holds.
#[derive(Debug)]
pub struct Compiled<'a> {
    pub model: Model<'a>,
    pub agents: Vec<AgentModel>,
    pub servers: Vec<ServerModel>,
}

/// What every client does with its calls.
#[derive(Debug)]
pub struct PolicyModel {
    pub timeout: Sampler,
    pub queue_timeout: Option<Sampler>,
    pub given_up: GivenUp,
    pub call_life: SimTime,
    pub retries: u32,
    pub backoff: BackoffModel,
    pub retry_budget: Option<BudgetModel>,
    pub breaker: Option<BreakerPolicy>,
    pub hedge_after: Option<SimTime>,
}

#[derive(Debug)]
pub struct BackoffModel {
    pub first: SimTime,
    pub factor: f64,
    pub max: SimTime,
    pub spread: Spread,
}

#[derive(Debug, Clone, Copy)]
pub struct BudgetModel {
    pub ratio: f64,
    pub burst: f64,
}

#[derive(Debug)]
pub struct AgentModel {
    pub key: Key,
    /// Mean gap between task starts [ns], while tasks come; none where it starts none by itself.
    pub gap: Option<f64>,
    pub gaps: Gaps,
    pub rhythm: Rhythm,
    pub closed: Option<ClosedModel>,
    /// None where every task makes one call.
    pub calls_beyond_first: Option<Poisson<f64>>,
    pub think: Sampler,
    pub at_once: u32,
    pub priority: u32,
    /// Calls under way at once.
    pub concurrency: Option<u32>,
    /// Index of its first need.
    pub needs_first: u32,
    /// Demand of its needs up to each one, as a share of all its demand; empty where it has one need or none.
    pub demand: Vec<f64>,
}

/// The shape of the gaps between task starts.
#[derive(Debug)]
pub enum Gaps {
    Exponential,
    Constant,
    /// Mean 1.
    Gamma(Gamma<f64>),
}

/// How the rate of task starts changes over time.
#[derive(Debug)]
pub enum Rhythm {
    Steady,
    /// Relative rates of parts of a day, their mean 1.
    Profile {
        rates: Vec<f64>,
        part: SimTime,
    },
    OnOff {
        on: Sampler,
        off: Sampler,
    },
}

#[derive(Debug)]
pub struct ClosedModel {
    pub users: u32,
    pub pause: Sampler,
    /// Number of its first user among all users of all agents.
    pub users_first: u32,
}

/// Indices into [`Model::targets`].
#[derive(Debug)]
pub struct NeedModel {
    pub capability: CapabilityId,
    pub primary: u32,
    pub on_failure: std::ops::Range<u32>,
    pub on_overload: std::ops::Range<u32>,
    /// What a dispatch policy may choose from; empty where the mapping is fixed.
    pub choices: std::ops::Range<u32>,
    pub cache: Option<CacheModel>,
}

#[derive(Debug, Clone, Copy)]
pub struct CacheModel {
    pub repeats: f64,
    pub ttl: SimTime,
}

#[derive(Debug)]
pub struct TargetModel {
    pub to: Target,
    /// Of what it answers for the need's capability.
    pub quality: f64,
    /// Index into [`Model::services`].
    pub service: u32,
}

#[derive(Debug)]
pub struct ServiceModel {
    pub serial: Sampler,
    pub parallel: Sampler,
    /// Mean serial share of both.
    pub serial_share: f64,
}

#[derive(Debug)]
pub struct ServerModel {
    pub name_hash: u64,
    pub fate_salt: Key,
    pub connect_salt: Key,
    /// False: every connection is refused, for the whole run.
    pub up: bool,
    pub slots: u32,
    pub discipline: Discipline,
    pub queue: usize,
    /// None where nothing goes wrong.
    pub errors: Option<ErrorModel>,
    pub first_call: Sampler,
    pub has_first_call: bool,
    pub connect_time: Sampler,
    pub connect_cold_time: Option<Sampler>,
    pub connect_failure: f64,
    pub connect_failure_time: Sampler,
    pub rate_limit: Option<RateLimit>,
    pub memory: Bytes,
    pub memory_per_call: Bytes,
    pub memory_growth: Bytes,
    pub process: Process,
    /// Something may make service longer: slow periods, or the host's memory.
    pub slows: bool,
    pub safe: Option<SafeModel>,
}

#[derive(Debug, Clone, Copy)]
pub struct SafeModel {
    pub limit: u32,
    pub beyond: Beyond,
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
    /// These and connections that break.
    pub disconnected: f64,
    pub stall_time: SimTime,
}

#[derive(Debug)]
pub struct StandInModel {
    pub salt: Key,
    pub time: Sampler,
}

/// One source of outages, freezes or slow periods: of a server itself, or of a dependency.
#[derive(Debug)]
pub struct CauseModel {
    pub key: Key,
    pub effect: Effect,
    pub every: Sampler,
    pub lasts: Sampler,
    pub servers: Vec<ServerId>,
    /// It comes once and no more.
    pub once: bool,
    /// The watchdog, and what a restart takes. Only a server's own outages can be shortened.
    pub recovery: Option<(RecoveryPolicy, Sampler)>,
}

/// What a cause does to its servers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Effect {
    Out,
    Frozen,
    /// What begins takes so many times as long.
    Slow(f64),
}

#[derive(Debug)]
pub struct ReplayModel<'a> {
    pub key: Key,
    pub calls: &'a [ReplayedCall],
    /// How much faster than the log the run goes through it.
    pub speed: f64,
}

impl<'a> Compiled<'a> {
    pub fn new(scenario: &'a Scenario, mapping: &Mapping, run: Run) -> Compiled<'a> {
        let key = luck::run_key(run);
        let mut routes = Routes::new(scenario);
        let needs = (0..scenario.needs.len()).map(|need| routes.need(NeedId::from(need), mapping)).collect();
        let (targets, services) = (routes.targets, routes.services);
        let used = used_servers(scenario, &targets);
        let resident =
            |(server, used): (&Server, &bool)| if *used && server.process == Process::Shared { server.memory.value.0 } else { 0 };
        let mut users = 0;
        let agents = scenario.agent_ids().map(|id| agent_model(scenario, id, key, &mut users)).collect();
        let servers = scenario.servers.iter().map(|server| server_model(server, scenario)).collect();
        let model = Model {
            warmup: scenario.run.warmup.unwrap_or_default(),
            horizon: scenario.run.horizon,
            policy: policy(scenario),
            needs,
            targets,
            services,
            stand_ins: scenario
                .stand_ins
                .iter()
                .map(|s| StandInModel { salt: luck::server_salt(Purpose::StandIn, name_hash(&s.name)), time: s.time.value.sampler() })
                .collect(),
            causes: causes(scenario, key),
            dispatch: mapping.dispatch,
            capabilities: scenario.capabilities.len(),
            replay: scenario.replay.as_ref().map(|replay| ReplayModel { key, calls: &replay.calls, speed: scenario.load.max(1e-9) }),
            freezes: scenario.servers.iter().any(|server| server.freezes.is_some()),
            memory_grows: scenario.servers.iter().any(|server| server.memory_growth.value.0 > 0),
            memory_limit: scenario.host.memory.as_ref().map(|memory| memory.value),
            memory_pressure: Pressure::of(&scenario.host),
            memory_resident: Bytes(scenario.servers.iter().zip(&used).map(resident).fold(0, u64::saturating_add)),
        };
        Compiled { model, agents, servers }
    }
}

/// Task starts a second of an agent; zero where it has nothing to do. Of a closed loop at most as many: as if its tasks took no time.
pub fn task_rate(scenario: &Scenario, agent: AgentId) -> f64 {
    let demand: f64 = scenario.needs_of(agent).map(|need| scenario.need(need).demand.value).sum();
    if demand <= 0.0 {
        return 0.0;
    }
    let workload = &scenario.agent(agent).workload;
    match &workload.arrivals {
        // A pause of no time at all is cut off at a millisecond, so that a run ends.
        Arrivals::Closed { users, pause } => f64::from(users.value) / pause.value.mean().max(0.001),
        _ => workload.tasks.value.per_second() * scenario.load,
    }
}

fn policy(scenario: &Scenario) -> PolicyModel {
    let policy = &scenario.policy;
    PolicyModel {
        timeout: policy.timeout.value.sampler(),
        queue_timeout: policy.queue_timeout.as_ref().map(|time| time.value.sampler()),
        given_up: policy.given_up,
        call_life: policy.call_life.value,
        retries: policy.retries.value,
        backoff: BackoffModel {
            first: policy.backoff.first.value,
            factor: policy.backoff.factor.value,
            max: policy.backoff.max.value,
            spread: policy.backoff.spread.clone(),
        },
        retry_budget: policy.retry_budget.as_ref().map(|b| BudgetModel { ratio: b.ratio.value, burst: f64::from(b.burst.value) }),
        breaker: policy.breaker.as_ref().map(|b| BreakerPolicy { failures: b.failures.value, cool_down: b.cool_down.value }),
        hedge_after: policy.hedge.as_ref().map(|hedge| hedge.after.value),
    }
}

fn agent_model(scenario: &Scenario, id: AgentId, run: Key, users: &mut u32) -> AgentModel {
    let agent = scenario.agent(id);
    let workload = &agent.workload;
    let rate = if scenario.replay.is_some() { 0.0 } else { task_rate(scenario, id) };
    let (gaps, rhythm, closed, burst) = match &workload.arrivals {
        Arrivals::Poisson => (Gaps::Exponential, profile(&workload.profile), None, 1.0),
        Arrivals::Renewal { cv } => (renewal(cv.value), profile(&workload.profile), None, 1.0),
        Arrivals::OnOff { on, off } => {
            let on_share = on.value.mean() / (on.value.mean() + off.value.mean()).max(1e-9);
            let rhythm = Rhythm::OnOff { on: on.value.sampler(), off: off.value.sampler() };
            (Gaps::Exponential, rhythm, None, 1.0 / on_share.max(1e-9))
        }
        Arrivals::Closed { users: count, pause } => {
            let count = if rate > 0.0 { count.value } else { 0 };
            let closed = ClosedModel { users: count, pause: pause.value.sampler(), users_first: *users };
            *users += count;
            (Gaps::Exponential, Rhythm::Steady, Some(closed), 1.0)
        }
    };
    AgentModel {
        key: luck::named_key(run, Purpose::Agent, name_hash(&agent.name)),
        gap: (rate > 0.0 && closed.is_none()).then_some(1e9 / (rate * burst)),
        gaps,
        rhythm,
        closed,
        // A mean of zero is no Poisson distribution for rand_distr, but means the same: no more calls.
        calls_beyond_first: Poisson::new(workload.calls.value - 1.0).ok(),
        think: workload.think.value.sampler(),
        at_once: workload.at_once.value.max(1),
        priority: agent.priority,
        concurrency: agent.concurrency.as_ref().map(|limit| limit.value.max(1)),
        needs_first: scenario.needs.partition_point(|need| need.agent < id) as u32,
        demand: demand(scenario, id),
    }
}

fn renewal(cv: f64) -> Gaps {
    if cv == 1.0 {
        return Gaps::Exponential;
    }
    let shape = 1.0 / (cv * cv);
    Gamma::new(shape, 1.0 / shape).map_or(Gaps::Constant, Gaps::Gamma)
}

fn profile(rates: &[f64]) -> Rhythm {
    const DAY: u64 = 24 * 3600 * 1_000_000_000;
    let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
    if mean <= 0.0 {
        return Rhythm::Steady;
    }
    Rhythm::Profile { rates: rates.iter().map(|rate| rate / mean).collect(), part: SimTime(DAY / rates.len() as u64) }
}

fn demand(scenario: &Scenario, id: AgentId) -> Vec<f64> {
    let demand: Vec<f64> = scenario.needs_of(id).map(|need| scenario.need(need).demand.value).collect();
    if demand.len() < 2 {
        return Vec::new();
    }
    let total: f64 = demand.iter().sum();
    let mut sum = 0.0;
    let summed = demand.iter().map(|demand| {
        sum += demand;
        sum / total
    });
    summed.collect()
}

impl AgentModel {
    /// The need that a call picks.
    #[inline(always)]
    pub fn need(&self, call: Key) -> NeedId {
        if self.demand.is_empty() {
            return NeedId(self.needs_first);
        }
        let draw = luck::need(call);
        let last = self.demand.len() - 1;
        NeedId(self.needs_first + self.demand.partition_point(|share| *share <= draw).min(last) as u32)
    }
}

/// The ways of all needs, as they are compiled.
struct Routes<'a> {
    scenario: &'a Scenario,
    targets: Vec<TargetModel>,
    services: Vec<ServiceModel>,
}

impl<'a> Routes<'a> {
    fn new(scenario: &'a Scenario) -> Routes<'a> {
        let services = scenario.servers.iter().map(|server| service(&server.serial.value, &server.parallel.value)).collect();
        Routes { scenario, targets: Vec::new(), services }
    }

    fn need(&mut self, id: NeedId, mapping: &Mapping) -> NeedModel {
        let (need, assignment) = (self.scenario.need(id), mapping.assignment(id));
        let cache = self.scenario.policy.caches.iter().find(|rule| rule.capability == need.capability);
        let choices: Vec<Target> = match mapping.dispatch {
            Dispatch::Fixed => Vec::new(),
            _ => {
                let mut providers = self.scenario.providers(need.capability);
                providers.sort_unstable();
                providers.into_iter().map(Target::Server).collect()
            }
        };
        NeedModel {
            capability: need.capability,
            primary: self.add(&[Target::Server(assignment.primary)], need.capability).start,
            on_failure: self.add(&assignment.on_failure, need.capability),
            on_overload: self.add(&assignment.on_overload, need.capability),
            choices: self.add(&choices, need.capability),
            cache: cache.map(|rule| CacheModel {
                repeats: rule.repeats.value.get(),
                ttl: rule.ttl.as_ref().map_or(SimTime::LONGEST, |ttl| ttl.value),
            }),
        }
    }

    fn add(&mut self, list: &[Target], capability: CapabilityId) -> std::ops::Range<u32> {
        let first = self.targets.len() as u32;
        for to in list {
            let service = self.service_of(*to, capability);
            // What does not provide the capability answers with nothing of worth.
            self.targets.push(TargetModel { to: *to, quality: self.scenario.quality(*to, capability).unwrap_or(0.0), service });
        }
        first..self.targets.len() as u32
    }

    /// The server's own times, or those that it has for this capability.
    fn service_of(&mut self, to: Target, capability: CapabilityId) -> u32 {
        let Target::Server(id) = to else { return 0 };
        let server = self.scenario.server(id);
        let own = server.provides.iter().find(|p| p.capability == capability).filter(|p| p.serial.is_some() || p.parallel.is_some());
        let Some(own) = own else { return id.0 };
        let serial = own.serial.as_ref().unwrap_or(&server.serial);
        let parallel = own.parallel.as_ref().unwrap_or(&server.parallel);
        self.services.push(service(&serial.value, &parallel.value));
        self.services.len() as u32 - 1
    }
}

fn service(serial: &Distribution, parallel: &Distribution) -> ServiceModel {
    let (serial_mean, total) = (serial.mean(), serial.mean() + parallel.mean());
    let serial_share = if total > 0.0 { serial_mean / total } else { 1.0 };
    ServiceModel { serial: serial.sampler(), parallel: parallel.sampler(), serial_share }
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

fn server_model(server: &Server, scenario: &Scenario) -> ServerModel {
    let name_hash = name_hash(&server.name);
    ServerModel {
        name_hash,
        fate_salt: luck::server_salt(Purpose::Fate, name_hash),
        connect_salt: luck::server_salt(Purpose::Connect, name_hash),
        up: server.up && server.in_service,
        slots: server.slots.value,
        discipline: server.discipline,
        queue: server.queue.as_ref().map_or(usize::MAX, |queue| queue.value as usize),
        errors: error_model(&server.errors),
        first_call: server.first_call.value.sampler(),
        has_first_call: server.first_call.value != Distribution::ZERO,
        connect_time: server.connect.time.value.sampler(),
        connect_cold_time: server.connect.cold_time.as_ref().map(|time| time.value.sampler()),
        connect_failure: server.connect.failure.value.get(),
        connect_failure_time: server.connect.failure_time.value.sampler(),
        rate_limit: server.rate_limit.clone(),
        memory: server.memory.value,
        memory_per_call: server.memory_per_call.value,
        memory_growth: server.memory_growth.value,
        process: server.process,
        slows: server.slow.is_some() || scenario.host.slowdown.is_some(),
        safe: server.safe_concurrency.as_ref().map(|safe| SafeModel { limit: safe.limit.value, beyond: safe.beyond }),
    }
}

fn error_model(errors: &CallErrors) -> Option<ErrorModel> {
    let answered = errors.soft.value.get() + errors.protocol.value.get();
    let stalled = answered + errors.stall.value.get();
    let unanswered = stalled + errors.unanswered.value.get();
    let disconnected = unanswered + errors.connection.value.get();
    (disconnected > 0.0).then_some(ErrorModel { answered, stalled, unanswered, disconnected, stall_time: errors.stall_time.value })
}

fn causes(scenario: &Scenario, run: Key) -> Vec<CauseModel> {
    let mut causes = Vec::new();
    for id in scenario.server_ids() {
        let server = scenario.server(id);
        let key = |purpose| luck::named_key(run, purpose, name_hash(&server.name));
        if let Some(outages) = &server.outages {
            let recovery = scenario.recovery.clone().map(|policy| (policy, server.connect.time.value.sampler()));
            causes.push(CauseModel { recovery, ..outages_of(outages, key(Purpose::ServerOutage), Effect::Out, vec![id]) });
        }
        if let Some(freezes) = &server.freezes {
            causes.push(outages_of(freezes, key(Purpose::Freeze), Effect::Frozen, vec![id]));
        }
        if let Some(slow) = &server.slow {
            let periods = Outages { every: slow.every.clone(), lasts: slow.lasts.clone() };
            causes.push(outages_of(&periods, key(Purpose::SlowPeriod), Effect::Slow(slow.factor.value), vec![id]));
        }
    }
    for (index, dependency) in scenario.dependencies.iter().enumerate() {
        if let Some(outages) = &dependency.outages {
            let depends = |id: &ServerId| scenario.server(*id).depends_on.iter().any(|d| d.index() == index);
            let key = luck::named_key(run, Purpose::DependencyOutage, name_hash(&dependency.name));
            causes.push(outages_of(outages, key, Effect::Out, scenario.server_ids().filter(depends).collect()));
        }
    }
    causes.extend(scenario.drills.iter().map(|drill| CauseModel {
        key: run,
        effect: Effect::Out,
        every: Distribution::Constant(drill.from).sampler(),
        lasts: Distribution::Constant(drill.lasts).sampler(),
        servers: drill.servers.clone(),
        once: true,
        recovery: None,
    }));
    causes
}

fn outages_of(outages: &Outages, key: Key, effect: Effect, servers: Vec<ServerId>) -> CauseModel {
    let (every, lasts) = (outages.every.value.sampler(), outages.lasts.value.sampler());
    CauseModel { key, effect, every, lasts, servers, once: false, recovery: None }
}
