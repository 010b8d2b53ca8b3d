//! Any scenario and any mapping, for properties.

use proptest::prelude::*;

use super::build::*;
use crate::distribution::{Distribution, Part};
use crate::mapping::{Assignment, Dispatch, Mapping};
use crate::scenario::*;
use crate::units::{Bytes, Probability, Rate};

fn duration() -> impl Strategy<Value = Figure<Distribution>> {
    prop_oneof![
        (0.0..3.0f64).prop_map(constant),
        (0.01..3.0f64).prop_map(exponential),
        (0.01..3.0f64, 0.1..3.0f64).prop_map(|(mean, cv)| Figure::stated(Distribution::Lognormal { mean: secs(mean), cv })),
        (0.0..1.0f64, 1.0..3.0f64).prop_map(|(min, max)| Figure::stated(Distribution::Uniform { min: secs(min), max: secs(max) })),
        (0.0..1.0f64, 0.01..2.0f64, 1.1..9.0f64).prop_map(|(least, mean, shape)| Figure::stated(shifted(least, mean, shape))),
    ]
}

/// At least so long, and beyond it one of two kinds.
fn shifted(least: f64, mean: f64, shape: f64) -> Distribution {
    let weibull = Part { share: 0.25, of: Distribution::Weibull { mean: secs(mean), shape } };
    let pareto = Part { share: 0.75, of: Distribution::Pareto { mean: secs(mean / 2.0), shape } };
    Distribution::Shifted { least: secs(least), beyond: Box::new(Distribution::Mixture(vec![weibull, pareto])) }
}

pub fn any_server() -> impl Strategy<Value = Server> {
    let work = (duration(), duration(), 1..4u32, prop::option::of(0..4u32));
    let errors = (0.0..0.2f64, 0.0..0.2f64, 0.0..0.2f64, 0.0..0.2f64);
    let cold = prop::option::weighted(0.3, duration());
    let connect = (duration(), 0.0..0.3f64, duration(), prop::bool::ANY, 0..60u64, cold);
    let rest =
        (prop::option::of((duration(), duration())), prop::option::of((0.0..2.0f64, 0..4u32, prop::bool::ANY)), prop::bool::ANY, 0..10u32);
    (work, errors, connect, rest, any_extras()).prop_map(|(work, errors, connect, rest, more)| {
        let mut server = server("", work.0);
        (server.parallel, server.slots, server.queue) = (work.1, Figure::stated(work.2), work.3.map(Figure::stated));
        (server.errors.soft, server.errors.protocol) = (share(errors.0), share(errors.1));
        (server.errors.stall, server.errors.unanswered) = (share(errors.2), share(errors.3));
        server.connect = Connect { time: connect.0, failure: share(connect.1), failure_time: connect.2, cold_time: connect.5 };
        server.process = if connect.3 { Process::Session } else { Process::Shared };
        server.memory = Figure::stated(Bytes(connect.4));
        server.outages = rest.0.map(|(every, lasts)| Outages { every: every.map(|d| longer(d, 20.0)), lasts });
        server.rate_limit = rest.1.map(|(rate, burst, retry_after)| RateLimit {
            rate: Figure::stated(Rate::per_hour(rate * 3600.0)),
            burst: Figure::stated(burst),
            retry_after,
        });
        (server.discipline, server.freezes, server.slow, server.first_call, server.safe_concurrency) = more.0;
        (server.memory_per_call, server.memory_growth, server.errors.connection) = more.1;
        server.depends_on = if rest.2 { vec![DependencyId(0)] } else { Vec::new() };
        server.up = rest.3 > 0;
        server
    })
}

type Extras = (
    (Discipline, Option<Outages>, Option<SlowPeriods>, Figure<Distribution>, Option<SafeConcurrency>),
    (Figure<Bytes>, Figure<Bytes>, Figure<Probability>),
);

/// What most servers do without.
fn any_extras() -> impl Strategy<Value = Extras> {
    let discipline = prop::sample::select(vec![Discipline::Fifo, Discipline::Fifo, Discipline::Priority, Discipline::ProcessorSharing]);
    let alternating =
        || prop::option::weighted(0.3, (duration(), duration()).prop_map(|(every, lasts)| (every.map(|d| longer(d, 10.0)), lasts)));
    let freezes = alternating().prop_map(|a| a.map(|(every, lasts)| Outages { every, lasts }));
    let slow = alternating().prop_map(|a| a.map(|(every, lasts)| SlowPeriods { every, lasts, factor: Figure::stated(3.0) }));
    let first_call = prop_oneof![Just(constant(0.0)), duration()];
    let beyond = prop::sample::select(vec![Beyond::Lost, Beyond::Aborted]);
    let safe =
        prop::option::weighted(0.3, (1..3u32, beyond).prop_map(|(limit, beyond)| SafeConcurrency { limit: Figure::stated(limit), beyond }));
    let memory = || prop_oneof![Just(0u64), 0..20u64].prop_map(|bytes| Figure::stated(Bytes(bytes)));
    ((discipline, freezes, slow, first_call, safe), (memory(), memory(), (0.0..0.2f64).prop_map(share)))
}

fn longer(distribution: &Distribution, factor: f64) -> Distribution {
    Distribution::Exponential { mean: secs(distribution.mean() * factor) }
}

pub const SERVERS: usize = 3;

pub fn any_scenario() -> impl Strategy<Value = Scenario> {
    let agents = prop::collection::vec((0.0..1.0f64, 1.0..4.0f64, duration(), 1..4usize), 1..4);
    let retries = prop_oneof![4 => 0..3u32, 1 => Just(UNLIMITED)];
    let breakers = prop::option::of((1..4u32, 0.0..20.0f64));
    let policy = (0.0..10.0f64, prop::bool::ANY, 0.0..20.0f64, retries, 0.0..2.0f64, 0.0..1.0f64, breakers);
    let rest = (prop::option::of(duration()), prop::bool::ANY, prop::option::of(50..200u64), 0.0..50.0f64);
    let clients = (any_clients(), any_arrivals());
    (prop::collection::vec(any_server(), SERVERS), agents, policy, rest, clients).prop_map(|(servers, agents, policy, rest, clients)| {
        let mut scenario = empty(200.0);
        scenario.servers = servers;
        scenario.servers.iter_mut().enumerate().for_each(|(i, server)| server.name = format!("server{i}"));
        scenario.stand_ins.push(stand_in("local", 0.2, 0.5));
        for (index, (tasks, calls, think, needs)) in agents.into_iter().enumerate() {
            let id = add_agent(&mut scenario, &format!("agent{index}"), tasks);
            let workload = &mut scenario.agents[index].workload;
            (workload.calls, workload.think) = (Figure::stated(calls), think);
            (1..needs).for_each(|_| add_need(&mut scenario, id));
        }
        let (timeout, is_drawn, more_life, retries, backoff, jitter, breakers) = policy;
        // Without end and without a wait, retries would be endless in no time: such scenarios are refused.
        let backoff = if retries == UNLIMITED { backoff.max(0.1) } else { backoff };
        scenario.policy.timeout = if is_drawn { exponential(timeout.max(0.01)) } else { constant(timeout) };
        scenario.policy.call_life = Figure::stated(secs(timeout + more_life));
        scenario.policy.retries = Figure::stated(retries);
        scenario.policy.backoff.first = Figure::stated(secs(backoff));
        scenario.policy.backoff.spread = Spread::Jitter(share(jitter));
        scenario.policy.breaker = breakers.map(|(failures, cool_down)| breaker(failures, cool_down));
        let (dependency, watchdog, memory, warmup) = rest;
        let outages = dependency.map(|d| Outages { every: d.map(|d| longer(d, 30.0)), lasts: d });
        scenario.dependencies.push(Dependency { name: "network".into(), outages });
        scenario.recovery = watchdog.then(|| RecoveryPolicy {
            every: Figure::stated(secs(5.0)),
            timeout: Figure::stated(secs(0.5)),
            tries: Figure::stated(2),
            backoff: Figure::stated(secs(0.5)),
            limit: Figure::stated(secs(2.0)),
            success: share(0.7),
        });
        scenario.host.memory = memory.map(|bytes| Figure::stated(Bytes(bytes)));
        scenario.run.warmup = Some(secs(warmup));
        let (clients, arrivals) = clients;
        (scenario.policy.given_up, scenario.policy.queue_timeout, scenario.policy.hedge, scenario.policy.retry_budget) = clients.0;
        scenario.policy.caches = clients.1.into_iter().collect();
        if clients.2 {
            scenario.policy.backoff.spread = Spread::Exponential;
        }
        scenario.host.slowdown = Some(Slowdown { above: share(0.5), factor: Figure::stated(2.0) });
        for (index, agent) in scenario.agents.iter_mut().enumerate() {
            let (arrivals, at_once, concurrency) = &arrivals[index];
            (agent.workload.arrivals, agent.workload.at_once) = (arrivals.clone(), Figure::stated(*at_once));
            (agent.concurrency, agent.priority) = (concurrency.map(Figure::stated), index as u32);
            agent.workload.profile = if index == 0 { vec![1.0, 0.0, 2.0] } else { Vec::new() };
        }
        scenario
    })
}

type Clients = ((GivenUp, Option<Figure<Distribution>>, Option<Hedge>, Option<RetryBudget>), Option<CacheRule>, bool);

fn any_clients() -> impl Strategy<Value = Clients> {
    let given_up = prop::sample::select(vec![GivenUp::GoesOn, GivenUp::IsCancelled]);
    let hedge = prop::option::weighted(0.3, (0.1..3.0f64).prop_map(|after| Hedge { after: Figure::stated(secs(after)) }));
    let budget =
        (0.0..1.0f64, 1..5u32).prop_map(|(ratio, burst)| RetryBudget { ratio: Figure::stated(ratio), burst: Figure::stated(burst) });
    let cache = (0.0..1.0f64, prop::option::of(0.0..20.0f64)).prop_map(|(repeats, ttl)| CacheRule {
        capability: CapabilityId(0),
        repeats: share(repeats),
        ttl: ttl.map(|ttl| Figure::stated(secs(ttl))),
    });
    let first = (given_up, prop::option::weighted(0.3, duration()), hedge, prop::option::weighted(0.3, budget));
    (first, prop::option::weighted(0.3, cache), prop::bool::ANY)
}

/// For up to three agents.
fn any_arrivals() -> impl Strategy<Value = Vec<(Arrivals, u32, Option<u32>)>> {
    let figure = |seconds: f64| exponential(seconds);
    let arrivals = prop_oneof![
        Just(Arrivals::Poisson),
        (0.0..2.0f64).prop_map(|cv| Arrivals::Renewal { cv: Figure::stated(cv) }),
        (1.0..20.0f64, 1.0..20.0f64).prop_map(move |(on, off)| Arrivals::OnOff { on: figure(on), off: figure(off) }),
        (1..4u32, 1.0..20.0f64).prop_map(move |(users, pause)| Arrivals::Closed { users: Figure::stated(users), pause: figure(pause) }),
    ];
    prop::collection::vec((arrivals, 1..4u32, prop::option::of(1..4u32)), 3)
}

/// For up to twelve needs: primary, fallbacks for failure and for overload (the stand-in comes after the servers); and who chooses the
/// server of a call.
pub fn any_mapping() -> impl Strategy<Value = (Vec<Assignment>, Dispatch)> {
    let targets = || prop::collection::vec(0..=SERVERS as u32, 0..4);
    let assignment = (0..SERVERS as u32, targets(), targets()).prop_map(|(primary, on_failure, on_overload)| {
        let others = |list: Vec<u32>| {
            let target = |id| if id < SERVERS as u32 { Target::Server(ServerId(id)) } else { Target::StandIn(StandInId(0)) };
            list.into_iter().filter(|id| *id != primary).map(target).collect()
        };
        Assignment { primary: ServerId(primary), on_failure: others(on_failure), on_overload: others(on_overload) }
    });
    let dispatch = prop_oneof![3 => Just(Dispatch::Fixed), 2 => prop::sample::select(Dispatch::GATEWAYS.to_vec())];
    (prop::collection::vec(assignment, 12), dispatch)
}

pub fn fit(scenario: &Scenario, (assignments, dispatch): &(Vec<Assignment>, Dispatch)) -> Mapping {
    Mapping { dispatch: *dispatch, ..mapping(assignments[..scenario.needs.len()].to_vec()) }
}
