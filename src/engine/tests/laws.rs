//! What holds in every scenario under every mapping.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Trace;
use super::build::*;
use crate::distribution::Distribution;
use crate::engine::*;
use crate::mapping::{Assignment, Mapping};
use crate::scenario::{Arrivals, *};
use crate::units::{Bytes, Probability, Rate};

fn duration() -> impl Strategy<Value = Figure<Distribution>> {
    prop_oneof![
        (0.0..3.0f64).prop_map(constant),
        (0.01..3.0f64).prop_map(exponential),
        (0.01..3.0f64, 0.1..3.0f64).prop_map(|(mean, cv)| Figure::stated(Distribution::Lognormal { mean: secs(mean), cv })),
        (0.0..1.0f64, 1.0..3.0f64).prop_map(|(min, max)| Figure::stated(Distribution::Uniform { min: secs(min), max: secs(max) })),
    ]
}

fn any_server() -> impl Strategy<Value = Server> {
    let work = (duration(), duration(), 1..4u32, prop::option::of(0..4u32));
    let errors = (0.0..0.2f64, 0.0..0.2f64, 0.0..0.2f64, 0.0..0.2f64);
    let connect = (duration(), 0.0..0.3f64, duration(), prop::bool::ANY, 0..60u64);
    let rest = (prop::option::of((duration(), duration())), prop::option::of((0.0..2.0f64, 0..4u32)), prop::bool::ANY, 0..10u32);
    (work, errors, connect, rest, any_extras()).prop_map(|(work, errors, connect, rest, more)| {
        let mut server = server("", work.0);
        (server.parallel, server.slots, server.queue) = (work.1, Figure::stated(work.2), work.3.map(Figure::stated));
        (server.errors.soft, server.errors.protocol) = (share(errors.0), share(errors.1));
        (server.errors.stall, server.errors.unanswered) = (share(errors.2), share(errors.3));
        server.connect = Connect { time: connect.0, failure: share(connect.1), failure_time: connect.2, cold_time: None };
        server.process = if connect.3 { Process::Session } else { Process::Shared };
        server.memory = Figure::stated(Bytes(connect.4));
        server.outages = rest.0.map(|(every, lasts)| Outages { every: every.map(|d| longer(d, 20.0)), lasts });
        server.rate_limit = rest.1.map(|(rate, burst)| RateLimit {
            rate: Figure::stated(Rate::per_hour(rate * 3600.0)),
            burst: Figure::stated(burst),
            retry_after: false,
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

const SERVERS: usize = 3;

fn any_scenario() -> impl Strategy<Value = Scenario> {
    let agents = prop::collection::vec((0.0..1.0f64, 1.0..4.0f64, duration(), 1..4usize), 1..4);
    let policy = (0.0..10.0f64, 0.0..20.0f64, 0..3u32, 0.0..2.0f64, 0.0..1.0f64, prop::option::of((1..4u32, 0.0..20.0f64)));
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
        let (timeout, more_life, retries, backoff, jitter, breakers) = policy;
        scenario.policy.timeout = constant(timeout);
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

/// For up to twelve needs: primary, fallbacks for failure and for overload (the stand-in comes after the servers).
fn any_mapping() -> impl Strategy<Value = Vec<Assignment>> {
    let targets = || prop::collection::vec(0..=SERVERS as u32, 0..4);
    let assignment = (0..SERVERS as u32, targets(), targets()).prop_map(|(primary, on_failure, on_overload)| {
        let others = |list: Vec<u32>| {
            let target = |id| if id < SERVERS as u32 { Target::Server(ServerId(id)) } else { Target::StandIn(StandInId(0)) };
            list.into_iter().filter(|id| *id != primary).map(target).collect()
        };
        Assignment { primary: ServerId(primary), on_failure: others(on_failure), on_overload: others(on_overload) }
    });
    prop::collection::vec(assignment, 12)
}

fn fit(scenario: &Scenario, assignments: &[Assignment]) -> Mapping {
    mapping(assignments[..scenario.needs.len()].to_vec())
}

fn traced(scenario: &Scenario, mapping: &Mapping, run: Run) -> Trace {
    let mut trace = Trace::default();
    simulate_observed(scenario, mapping, run, &mut trace);
    trace
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn counts_add_up(scenario in any_scenario(), assignments in any_mapping(), seed in 0..u64::MAX) {
        let mapping = fit(&scenario, &assignments);
        let run = Run { seed, replication: 3 };
        let outcome = simulate(&scenario, &mapping, run);
        for calls in &outcome.agents {
            prop_assert_eq!(calls.issued, calls.succeeded + calls.failed);
            prop_assert!(calls.succeeded <= calls.reached && calls.reached <= calls.issued);
            prop_assert!(calls.degraded <= calls.fallen_back && calls.fallen_back <= calls.succeeded && calls.cached <= calls.succeeded);
            prop_assert!(calls.at_risk <= calls.succeeded && calls.hedges + calls.retries <= calls.attempts);
            prop_assert!(calls.quality_sum <= calls.succeeded as f64);
        }
        let calls = outcome.calls();
        prop_assert_eq!(calls.succeeded, outcome.response.len());
        let life = scenario.policy.call_life.value.as_secs() * 1.000_001;
        prop_assert!(calls.response_sum <= life * calls.succeeded as f64 && calls.failure_time_sum <= life * calls.failed as f64);
        prop_assert_eq!(calls.attempts, outcome.servers.iter().map(|s| s.attempts).sum::<u64>());
        for (tally, server) in outcome.servers.iter().zip(&scenario.servers) {
            let rejected = tally.rejected_queue_full + tally.rejected_rate_limit + tally.rejected_memory;
            prop_assert!(tally.accepted + rejected <= tally.attempts);
            prop_assert!(tally.succeeded + tally.errors + tally.broken <= tally.accepted);
            prop_assert!(tally.accepted <= tally.succeeded + tally.errors + tally.broken + tally.timeouts);
            prop_assert!(tally.connect_failures <= tally.connects && u64::from(tally.connect_failures_row) <= tally.connect_failures);
            // Without up time there is no busy time: what an outage interrupts is broken.
            prop_assert!(tally.busy.0 <= u64::from(server.slots.value) * tally.up.0 && tally.up <= outcome.window);
            prop_assert!(server.up || tally.up == SimTime::ZERO);
        }
        prop_assert_eq!(&simulate(&scenario, &mapping, run), &outcome, "the same run twice");
    }

    #[test]
    fn an_unused_server_changes_nothing(scenario in any_scenario(), more in any_server(), assignments in any_mapping(), seed in 0..u64::MAX) {
        let mapping = fit(&scenario, &assignments);
        let run = Run { seed, replication: 0 };
        let without = simulate(&scenario, &mapping, run);
        let mut scenario = scenario;
        scenario.servers.push(Server { name: "more".into(), ..more });
        let mut with = simulate(&scenario, &mapping, run);
        with.servers.pop();
        prop_assert_eq!(with, without);
    }

    #[test]
    fn luck_is_the_same_under_every_mapping(
        scenario in any_scenario(), one in any_mapping(), other in any_mapping(), seed in 0..u64::MAX,
    ) {
        let run = Run { seed, replication: 0 };
        let (one, other) = (traced(&scenario, &fit(&scenario, &one), run), traced(&scenario, &fit(&scenario, &other), run));
        // How far a task gets by the horizon depends on the answers; what its calls ask for, and what each server would do, does not.
        let asked: BTreeMap<u64, NeedId> = one.calls.iter().map(|call| (call.key, call.need)).collect();
        for call in &other.calls {
            prop_assert!(asked.get(&call.key).is_none_or(|need| *need == call.need));
        }
        let luck = |a: &Arrival| ((a.key, a.server, a.attempt), (a.serial, a.parallel, a.fate));
        let met: BTreeMap<_, _> = one.arrivals.iter().map(luck).collect();
        for arrival in &other.arrivals {
            let (key, found) = luck(arrival);
            prop_assert!(met.get(&key).is_none_or(|luck| *luck == found));
        }
        // One run may end before the other, when its last call is over.
        prop_assert!(one.outages.iter().zip(&other.outages).all(|(one, other)| one == other));
    }

    #[test]
    fn no_slot_is_idle_while_work_waits(scenario in any_scenario(), assignments in any_mapping(), seed in 0..u64::MAX) {
        let mut observer = ();
        let mut simulation = Simulation::new(Compiled::new(&scenario, &fit(&scenario, &assignments), Run { seed, replication: 0 }), &mut observer);
        simulation.begin();
        while simulation.step() {
            for (id, (state, server)) in simulation.servers.iter().zip(&scenario.servers).enumerate() {
                let count = |is: &dyn Fn(&Attempt) -> bool| {
                    simulation.attempts.iter().filter(|(_, attempt)| attempt.server.index() == id && is(attempt)).count()
                };
                let (on_slots, waiting) = (count(&|a| a.phase == server::Phase::Serial), count(&|a| a.phase == server::Phase::Waiting));
                let taken = count(&|a| a.phase != server::Phase::Connecting);
                prop_assert_eq!(waiting, state.waiting.len());
                prop_assert_eq!((state.outstanding as usize, state.present as usize), (count(&|_| true), taken));
                prop_assert_eq!(state.queued as usize, waiting + on_slots);
                if server.discipline == Discipline::ProcessorSharing {
                    prop_assert!(waiting == 0 || state.is_frozen());
                } else {
                    prop_assert_eq!(state.slots_free as usize + on_slots, server.slots.value as usize);
                    // A slot that was left before its time is given to the next by an event of the same instant.
                    let given_up = scenario.policy.given_up == GivenUp::IsCancelled;
                    prop_assert!(waiting == 0 || state.slots_free == 0 || state.is_frozen() || given_up);
                }
                let limit = server.queue.as_ref().filter(|_| server.freezes.is_none());
                prop_assert!(limit.is_none_or(|limit| state.waiting.len() <= limit.value as usize));
                prop_assert!(!state.is_out() || taken == 0);
            }
        }
    }

    #[test]
    fn little_s_law(mut scenario in any_scenario(), seed in 0..u64::MAX) {
        // Where every call is served in the end, the time integral of the number in service is the sum of the response times.
        scenario.servers.iter_mut().for_each(|s| *s = Server { slots: s.slots.clone(), parallel: s.parallel.clone(), ..server(&s.name, s.serial.clone()) });
        let policy = &mut scenario.policy;
        (policy.breaker, policy.hedge, policy.queue_timeout, policy.caches) = (None, None, None, Vec::new());
        scenario.policy.timeout = constant(1e6);
        scenario.policy.call_life = Figure::stated(secs(1e6));
        scenario.run.warmup = Some(SimTime::ZERO);
        let mapping = primaries(&(0..scenario.needs.len() as u32).map(|need| need % SERVERS as u32).collect::<Vec<_>>());
        let mut observer = ();
        let mut simulation = Simulation::new(Compiled::new(&scenario, &mapping, Run { seed, replication: 0 }), &mut observer);
        simulation.begin();
        let (mut last, mut areas, mut numbers) = (SimTime::ZERO, [0.0; SERVERS], [0u32; SERVERS]);
        while simulation.step() {
            let dt = (simulation.now - last).as_secs();
            last = simulation.now;
            for (id, state) in simulation.servers.iter().enumerate() {
                areas[id] += f64::from(numbers[id]) * dt;
                numbers[id] = state.outstanding;
            }
        }
        let outcome = simulation.finish();
        for (area, tally) in areas.iter().zip(&outcome.servers) {
            prop_assert!((area - tally.response_sum).abs() <= 1e-6 * (1.0 + area), "{area} {}", tally.response_sum);
        }
    }
}

#[test]
fn traces_of_two_mappings_have_much_in_common() {
    let mut scenario = queue(4000.0, 0.2, server("a", exponential(0.5)));
    scenario.servers.push(server("b", exponential(0.7)));
    scenario.agents[0].workload.calls = Figure::stated(3.0);
    scenario.servers[0].errors.soft = share(0.3);
    scenario.policy.retries = Figure::stated(2);
    let run = Run { seed: 1, replication: 0 };
    let fallback = mapping(vec![Assignment { on_failure: vec![Target::Server(ServerId(0))], ..assignment(1) }]);
    let calls = |trace: Trace| trace.calls.iter().map(|call| (call.key, call.need)).collect::<Vec<_>>();
    let (one, other) = (calls(traced(&scenario, &primaries(&[0]), run)), calls(traced(&scenario, &fallback, run)));
    let common = one.iter().filter(|call| other.contains(call)).count();
    assert!(common as f64 > 0.98 * one.len() as f64, "{common} of {}", one.len());
}
