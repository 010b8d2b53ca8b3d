//! Each modelled behaviour in a scenario so small that its result can be worked out by hand. Calls come at random, but nothing
//! queues where the slots are many, so that every call has the same fate.

use super::build::*;
use crate::engine::*;
use crate::mapping::{Assignment, Mapping};
use crate::scenario::*;
use crate::units::{Bytes, Rate};

const RUN: Run = Run { seed: 7, replication: 0 };

/// Means a call; times in seconds, of the calls that succeeded and of those that failed.
#[derive(Debug, Default, Clone, Copy)]
struct PerCall {
    attempts: f64,
    succeeded: f64,
    reached: f64,
    fallen_back: f64,
    response: f64,
    failure_time: f64,
}

fn check(what: &str, scenario: &Scenario, mapping: &Mapping, expected: PerCall) -> Outcome {
    let outcome = simulate(scenario, mapping, RUN);
    let calls = outcome.calls();
    let issued = calls.issued as f64;
    assert!(calls.issued >= 50, "{what}: only {issued} calls");
    let close = |name: &str, got: f64, expected: f64| assert!((got - expected).abs() < 1e-6, "{what}: {name} {got}, not {expected}");
    close("attempts", calls.attempts as f64 / issued, expected.attempts);
    close("succeeded", calls.succeeded as f64 / issued, expected.succeeded);
    close("reached", calls.reached as f64 / issued, expected.reached);
    close("fallen back", calls.fallen_back as f64 / issued, expected.fallen_back);
    close("response", calls.response_sum / calls.succeeded.max(1) as f64, expected.response);
    close("time to failure", calls.failure_time_sum / calls.failed.max(1) as f64, expected.failure_time);
    outcome
}

/// A server that serves any number at once, each for so many seconds.
fn wide(name: &str, serial: f64) -> Server {
    Server { slots: Figure::stated(1000), ..server(name, constant(serial)) }
}

/// Every attempt opens a connection of its own, which is refused after a second.
fn down(name: &str) -> Server {
    Server { up: false, process: Process::Session, ..wide(name, 1.0) }
}

fn to_server(id: u32) -> Target {
    Target::Server(ServerId(id))
}

const STAND_IN: Target = Target::StandIn(StandInId(0));

fn on_failure(targets: &[Target]) -> Mapping {
    mapping(vec![Assignment { on_failure: targets.to_vec(), ..assignment(0) }])
}

fn on_overload(targets: &[Target]) -> Mapping {
    mapping(vec![Assignment { on_overload: targets.to_vec(), ..assignment(0) }])
}

/// A tenth of a call a second, for 1000 s, on these servers, with the stand-in `local` (0.5 s, quality 0.3).
fn scenario(servers: Vec<Server>) -> Scenario {
    let mut scenario = empty(1000.0);
    scenario.servers = servers;
    scenario.stand_ins.push(stand_in("local", 0.5, 0.3));
    add_agent(&mut scenario, "agent", 0.1);
    scenario
}

#[test]
fn service_is_serial_then_parallel() {
    let server = Server { parallel: constant(2.0), ..wide("s", 1.0) };
    let expected = PerCall { attempts: 1.0, succeeded: 1.0, reached: 1.0, response: 3.0, ..PerCall::default() };
    let outcome = check("serial and parallel", &scenario(vec![server]), &primaries(&[0]), expected);
    let calls = outcome.calls();
    assert!(outcome.servers[0].busy.as_secs() <= calls.issued as f64 && outcome.servers[0].offered == secs(calls.issued as f64));
    assert_eq!((calls.degraded, calls.quality_sum), (0, calls.issued as f64));
    assert!(outcome.response.equivalent(outcome.response.max(), outcome.response.min()));
}

#[test]
fn a_server_that_is_down_fails_its_attempts_until_the_fallback() {
    let mut scenario = scenario(vec![down("s"), down("t"), wide("u", 1.0)]);
    scenario.policy.retries = Figure::stated(2);
    // Three attempts of 1 s each, with 1 s and 2 s of back-off between them.
    let at_one = PerCall { attempts: 3.0, ..PerCall::default() };
    let outcome = check("no fallback", &scenario, &primaries(&[0]), PerCall { failure_time: 6.0, ..at_one });
    assert_eq!((outcome.servers[0].up, outcome.servers[2].up), (SimTime::ZERO, secs(1000.0)));
    assert_eq!(outcome.servers[0].connects, outcome.servers[0].connect_failures);
    let saved = PerCall { succeeded: 1.0, reached: 1.0, fallen_back: 1.0, ..PerCall::default() };
    check("stand-in", &scenario, &on_failure(&[STAND_IN]), PerCall { attempts: 3.0, response: 6.5, ..saved });
    check("third in the row", &scenario, &on_failure(&[to_server(1), to_server(2)]), PerCall { attempts: 7.0, response: 13.0, ..saved });
    scenario.policy.breaker = Some(breaker(1, 1e6));
    let outcome = simulate(&scenario, &on_failure(&[STAND_IN]), RUN);
    // Calls that start within the first second make their attempt before the first failure is known.
    assert!(outcome.calls().attempts < 5 && outcome.calls().succeeded == outcome.calls().issued, "{:?}", outcome.calls());
}

#[test]
fn the_client_gives_up_and_the_server_goes_on() {
    let mut scenario = scenario(vec![wide("s", 10.0)]);
    scenario.policy.timeout = constant(2.0);
    let expected = PerCall { attempts: 1.0, reached: 1.0, failure_time: 2.0, ..PerCall::default() };
    let outcome = check("time-out", &scenario, &primaries(&[0]), expected);
    let (server, issued) = (&outcome.servers[0], outcome.calls().issued);
    assert_eq!((server.timeouts, server.succeeded), (issued, 0));
    assert!(server.busy.as_secs() > 9.5 * issued as f64, "work of 10 s a call goes on");

    scenario.policy.retries = Figure::stated(9);
    scenario.policy.call_life = Figure::stated(secs(4.5));
    let expected = PerCall { attempts: 2.0, reached: 1.0, failure_time: 4.5, ..PerCall::default() };
    check("call life ends the second attempt", &scenario, &primaries(&[0]), expected);
    scenario.policy.call_life = Figure::stated(secs(2.5));
    let expected = PerCall { attempts: 1.0, reached: 1.0, failure_time: 2.5, ..PerCall::default() };
    check("call life ends the back-off", &scenario, &primaries(&[0]), expected);
}

#[test]
fn errors_of_each_kind() {
    let with = |set: fn(&mut CallErrors)| {
        let mut server = Server { parallel: constant(2.0), ..wide("s", 1.0) };
        set(&mut server.errors);
        let mut scenario = scenario(vec![server]);
        scenario.policy.timeout = constant(20.0);
        scenario
    };
    let failed = PerCall { attempts: 1.0, reached: 1.0, ..PerCall::default() };
    let check = |what, scenario: Scenario, failure_time| check(what, &scenario, &primaries(&[0]), PerCall { failure_time, ..failed });
    check("soft", with(|errors| errors.soft = share(1.0)), 3.0);
    check("protocol", with(|errors| errors.protocol = share(1.0)), 3.0);
    let outcome = check("stall", with(|errors| errors.stall = share(1.0)), 10.0);
    assert_eq!(outcome.servers[0].errors, outcome.calls().issued);
    let outcome = check("unanswered", with(|errors| errors.unanswered = share(1.0)), 20.0);
    assert_eq!(outcome.servers[0].timeouts, outcome.calls().issued);
    assert!(outcome.servers[0].busy <= secs(outcome.calls().issued as f64), "the slot is free after the serial part");
}

#[test]
fn a_rejection_goes_to_the_fallbacks_for_overload_at_once() {
    let mut limited = wide("s", 0.0);
    limited.rate_limit = Some(RateLimit { rate: Figure::stated(Rate::per_hour(0.0)), burst: Figure::stated(0), retry_after: false });
    let mut scenario = scenario(vec![limited, wide("t", 1.0)]);
    scenario.policy.retries = Figure::stated(1);
    let saved = PerCall { succeeded: 1.0, reached: 1.0, fallen_back: 1.0, ..PerCall::default() };
    check("to a stand-in", &scenario, &on_overload(&[STAND_IN]), PerCall { attempts: 1.0, response: 0.5, ..saved });
    check("to a server", &scenario, &on_overload(&[to_server(1), STAND_IN]), PerCall { attempts: 2.0, response: 1.0, ..saved });
    // Nowhere to go for overload: a failed attempt, one back-off, a second, then the fallback for failures.
    let outcome = check("as a failure", &scenario, &on_failure(&[STAND_IN]), PerCall { attempts: 2.0, response: 1.5, ..saved });
    assert_eq!(outcome.servers[0].rejected_rate_limit, 2 * outcome.calls().issued);
    assert_eq!(outcome.calls().degraded, outcome.calls().issued);

    let full = Server { queue: Some(Figure::stated(0)), ..server("s", constant(1e6)) };
    scenario.servers[0] = full;
    let outcome = simulate(&scenario, &on_overload(&[STAND_IN]), RUN);
    assert_eq!(outcome.servers[0].rejected_queue_full, outcome.calls().issued - 1, "all but the first");
    // A target that stands in both lists is asked once.
    scenario.servers[1] = down("t");
    let both = Assignment { primary: ServerId(0), on_failure: vec![to_server(1), STAND_IN], on_overload: vec![to_server(1)] };
    let outcome = simulate(&scenario, &mapping(vec![both]), RUN);
    assert_eq!(outcome.servers[1].attempts, 2 * (outcome.calls().issued - 1), "each attempt and its retry");
}

#[test]
fn sessions_are_shared_or_a_task_s_own() {
    let connect = Connect { time: constant(5.0), failure: share(0.0), failure_time: constant(1.0), cold_time: None };
    let own = Server { connect, process: Process::Session, memory: Figure::stated(Bytes(10)), ..wide("s", 1.0) };
    let mut scenario = scenario(vec![own.clone()]);
    let every_call = PerCall { attempts: 1.0, succeeded: 1.0, reached: 1.0, response: 6.0, ..PerCall::default() };
    let outcome = check("a session a task", &scenario, &primaries(&[0]), every_call);
    assert_eq!((outcome.servers[0].connects, outcome.memory_peak.0 % 10), (outcome.calls().issued, 0));
    assert!(outcome.memory_peak > Bytes(0));

    scenario.servers[0] = Server { process: Process::Shared, ..own.clone() };
    let outcome = simulate(&scenario, &primaries(&[0]), RUN);
    assert_eq!((outcome.servers[0].connects, outcome.memory_peak), (1, Bytes(10)));
    assert!(outcome.response.equivalent(outcome.response.value_at_quantile(0.5), outcome.response.min()));

    scenario.servers[0] = Server { memory: Figure::stated(Bytes(200)), ..own };
    scenario.host.memory = Some(Figure::stated(Bytes(100)));
    let at_once = PerCall { attempts: 1.0, ..PerCall::default() };
    let outcome = check("no memory", &scenario, &primaries(&[0]), at_once);
    assert_eq!((outcome.servers[0].connect_failures, outcome.memory_peak), (outcome.calls().issued, Bytes(0)));
    assert_eq!(u64::from(outcome.servers[0].connect_failures_row), outcome.calls().issued);
}

#[test]
fn a_task_opens_its_session_once() {
    let own = Server { process: Process::Session, ..wide("s", 1.0) };
    let mut scenario = scenario(vec![own]);
    scenario.agents[0].workload.calls = Figure::stated(4.0);
    scenario.agents[0].workload.think = constant(2.0);
    scenario.run.horizon = secs(20_000.0);
    let outcome = simulate(&scenario, &primaries(&[0]), RUN);
    let (calls, sessions) = (outcome.calls().issued as f64, outcome.servers[0].connects as f64);
    assert!((calls / sessions - 4.0).abs() < 0.1, "{} calls a task", calls / sessions);
    assert!((calls / expected_calls(&scenario) - 1.0).abs() < 0.05, "{calls} of {}", expected_calls(&scenario));
}

#[test]
fn connections_that_fail_are_made_again() {
    let mut server = Server { process: Process::Session, ..wide("s", 1.0) };
    server.connect.failure = share(0.3);
    let mut scenario = scenario(vec![server]);
    scenario.run.horizon = secs(100_000.0);
    let outcome = simulate(&scenario, &primaries(&[0]), RUN);
    let share = outcome.servers[0].connect_failures as f64 / outcome.servers[0].connects as f64;
    assert!((share - 0.3).abs() < 0.02, "{share}");
    assert_eq!(outcome.calls().failed, outcome.servers[0].connect_failures);
    assert_eq!(outcome.calls().failure_time_sum, outcome.calls().failed as f64);
}

#[test]
fn outages_break_what_is_under_way() {
    let mut server = wide("s", 20.0);
    server.outages = outages(constant(100.0), constant(10.0));
    let mut scenario = scenario(vec![server, wide("t", 1.0)]);
    scenario.run.horizon = secs(1100.0);
    let outcome = simulate(&scenario, &primaries(&[0]), RUN);
    let (calls, tally) = (outcome.calls(), &outcome.servers[0]);
    assert_eq!((tally.up, outcome.servers[1].up), (secs(1000.0), secs(1100.0)));
    assert!(tally.broken > 5 && tally.connect_failures > 5);
    // Attempts that wait for the same session fail with it.
    assert_eq!(calls.failed, tally.broken + (tally.attempts - tally.accepted));
    assert!(tally.busy < tally.offered);

    // The same outage of something that both depend on: both are down, and the watchdog does not help.
    scenario.dependencies.push(Dependency { name: "git".into(), outages: scenario.servers[0].outages.take() });
    scenario.servers.iter_mut().for_each(|server| server.depends_on = vec![DependencyId(0)]);
    scenario.recovery = Some(recovery(30.0, 1.0));
    let outcome = simulate(&scenario, &primaries(&[0]), RUN);
    assert_eq!((outcome.servers[0].up, outcome.servers[1].up), (secs(1000.0), secs(1000.0)));
}

fn recovery(every: f64, success: f64) -> RecoveryPolicy {
    RecoveryPolicy {
        every: Figure::stated(secs(every)),
        timeout: Figure::stated(secs(2.0)),
        tries: Figure::stated(3),
        backoff: Figure::stated(secs(1.0)),
        limit: Figure::stated(secs(30.0)),
        success: share(success),
    }
}

#[test]
fn the_watchdog_ends_a_server_s_own_outage() {
    let check = |connect: f64, success: f64, lasts: f64, down: f64| {
        let mut server = wide("s", 1.0);
        server.outages = outages(constant(100.0), constant(lasts));
        server.connect.time = constant(connect);
        let mut scenario = scenario(vec![server]);
        scenario.run.horizon = secs(200.0);
        scenario.recovery = Some(recovery(30.0, success));
        let outcome = simulate(&scenario, &primaries(&[0]), RUN);
        assert_eq!(outcome.window.as_secs() - outcome.servers[0].up.as_secs(), down, "{connect} {success} {lasts}");
    };
    // From 100 s: the check at 120 s, two seconds until it counts as failed, one of back-off, the restart.
    check(0.5, 1.0, 1000.0, 23.5);
    check(0.5, 1.0, 10.0, 10.0);
    check(0.5, 0.0, 90.0, 90.0);
    // A restart that takes too long is given up, three times.
    check(31.0, 1.0, 95.0, 95.0);
}

#[test]
fn nothing_hangs_at_the_edges() {
    let mut worst = server("s", constant(0.0));
    worst.outages = outages(constant(0.0), constant(0.0));
    worst.errors.soft = share(0.5);
    let mut scenario = scenario(vec![worst]);
    scenario.agents[0].workload.calls = Figure::stated(1000.0);
    scenario.policy.backoff.first = Figure::stated(SimTime::ZERO);
    scenario.policy.retries = Figure::stated(3);
    scenario.recovery = Some(RecoveryPolicy { every: Figure::stated(SimTime::ZERO), ..recovery(1.0, 0.0) });
    scenario.run.horizon = secs(30.0);
    for (timeout, call_life) in [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
        scenario.policy.timeout = constant(timeout);
        scenario.policy.call_life = Figure::stated(secs(call_life));
        let calls = simulate(&scenario, &on_failure(&[STAND_IN]), RUN).calls();
        assert!(calls.issued > 1000 && calls.issued == calls.succeeded + calls.failed, "{calls:?}");
    }
    let nobody = |change: fn(&mut Scenario)| {
        let mut idle = scenario.clone();
        change(&mut idle);
        let mapping = primaries(&vec![0; idle.needs.len()]);
        assert_eq!((simulate(&idle, &mapping, RUN).calls(), expected_calls(&idle)), (CallTally::default(), 0.0));
    };
    nobody(|s| s.needs.clear());
    nobody(|s| s.needs[0].demand = Figure::stated(0.0));
    nobody(|s| s.agents[0].workload.tasks = Figure::stated(Rate::per_hour(0.0)));
    nobody(|s| s.run.horizon = SimTime::ZERO);
    let mut absurd = scenario.clone();
    absurd.agents[0].workload.tasks = Figure::stated(Rate::per_hour(1e12));
    assert!(expected_calls(&absurd) > 1e12);
}

#[test]
fn calls_before_the_warm_up_leave_no_trace_in_the_counts() {
    let mut scenario = scenario(vec![wide("s", 1.0)]);
    let whole = simulate(&scenario, &primaries(&[0]), RUN);
    scenario.run.warmup = Some(secs(500.0));
    let half = simulate(&scenario, &primaries(&[0]), RUN);
    assert_eq!(half.window, secs(500.0));
    assert!(half.calls().issued > 20 && half.calls().issued < whole.calls().issued - 20);
    assert_eq!(half.servers[0].up, secs(500.0));
    assert!(half.servers[0].busy < whole.servers[0].busy);
    assert_eq!(half.servers[0].accepted, half.calls().issued);
}
