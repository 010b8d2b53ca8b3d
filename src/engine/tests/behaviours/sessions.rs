//! Connecting: whose a session is, what its start takes, how it breaks.

use super::*;
use crate::units::{Bytes, Rate};

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
    assert_eq!(outcome.calls().failure_time_sum.as_secs(), outcome.calls().failed as f64);
}

#[test]
fn the_first_call_on_a_session_takes_longer() {
    let browser = Server { first_call: constant(4.0), ..wide("s", 1.0) };
    let mut scenario = scenario(vec![browser]);
    let log = [0.0, 10.0, 20.0];
    let check = |what, scenario: &Scenario, expected| check_log(what, scenario, &primaries(&[0]), &log, expected);
    check("shared", &scenario, &[Ok(5.0), Ok(11.0), Ok(21.0)]);
    scenario.servers[0].outages = outages(constant(15.0), constant(1.0));
    check("shared, and a new session after an outage", &scenario, &[Ok(5.0), Ok(11.0), Ok(25.0)]);
    scenario.servers[0].outages = None;
    scenario.servers[0].process = Process::Session;
    check("each call of a log has a session of its own", &scenario, &[Ok(5.0), Ok(15.0), Ok(25.0)]);
    let (calls, tasks) = tasks_of_about_four_calls(&scenario);
    assert_eq!(calls.response_sum.as_secs(), (calls.issued + 4 * tasks) as f64);
}

/// All calls of tasks that do not overlap, and the number of tasks, each with a session of its own.
fn tasks_of_about_four_calls(scenario: &Scenario) -> (CallTally, u64) {
    let mut scenario = scenario.clone();
    scenario.run.horizon = secs(20_000.0);
    scenario.agents[0].workload.calls = Figure::stated(4.0);
    scenario.agents[0].workload.arrivals = Arrivals::Renewal { cv: Figure::stated(0.0) };
    scenario.agents[0].workload.tasks = Figure::stated(Rate::per_hour(36.0));
    let outcome = simulate(&scenario, &primaries(&[0]), RUN);
    assert_eq!(outcome.calls().succeeded, outcome.calls().issued);
    (outcome.calls(), outcome.servers[0].connects)
}

#[test]
fn a_call_that_is_turned_away_is_no_first_call() {
    let rate_limit = Some(RateLimit { rate: Figure::stated(Rate::per_hour(36.0)), burst: Figure::stated(1), retry_after: true });
    let browser = Server { first_call: constant(4.0), rate_limit, process: Process::Session, ..wide("s", 1.0) };
    let mut scenario = scenario(vec![browser]);
    scenario.policy.retries = Figure::stated(1);
    // The second call's task has its session from 1 s on, but its browser is launched by the call that is let in.
    check_log("turned away, then let in", &scenario, &primaries(&[0]), &[0.0, 1.0], &[Ok(5.0), Ok(105.0)]);
}

#[test]
fn the_first_connection_of_a_run_is_cold() {
    let connect = Connect { time: constant(2.0), cold_time: Some(constant(20.0)), failure: share(0.0), failure_time: constant(1.0) };
    let mut scenario = scenario(vec![Server { connect, process: Process::Session, ..wide("s", 1.0) }]);
    let log = [0.0, 100.0, 200.0];
    check_log("a session a task", &scenario, &primaries(&[0]), &log, &[Ok(21.0), Ok(103.0), Ok(203.0)]);
    scenario.servers[0].process = Process::Shared;
    check_log("shared", &scenario, &primaries(&[0]), &log, &[Ok(21.0), Ok(101.0), Ok(201.0)]);
    scenario.servers[0].outages = outages(constant(150.0), constant(10.0));
    check_log("shared, and warm after an outage", &scenario, &primaries(&[0]), &log, &[Ok(21.0), Ok(101.0), Ok(203.0)]);
}

#[test]
fn a_connection_that_breaks_is_made_anew() {
    let mut server = Server { parallel: constant(2.0), ..wide("s", 1.0) };
    server.errors.connection = share(1.0);
    let mut scenario = scenario(vec![server]);
    let check = |what, scenario: &Scenario, log: &[f64], expected: &[End], connects| {
        let outcome = check_log(what, scenario, &primaries(&[0]), log, expected);
        assert_eq!((outcome.servers[0].connects, outcome.servers[0].connect_failures), (connects, 0), "{what}");
        assert_eq!(outcome.servers[0].errors, outcome.servers[0].attempts, "{what}");
    };
    check("shared", &scenario, &[0.0, 10.0, 20.0], &[Err(3.0), Err(13.0), Err(23.0)], 3);
    // The second came through the connection of the first, and goes on when that breaks.
    check("shared by two at once", &scenario, &[0.0, 1.0, 10.0], &[Err(3.0), Err(4.0), Err(13.0)], 2);
    scenario.policy.retries = Figure::stated(2);
    scenario.servers[0].process = Process::Session;
    // Attempts from 0, 4 and 9 s.
    check("a session a task", &scenario, &[0.0], &[Err(12.0)], 3);
    (scenario.servers[0].errors.connection, scenario.servers[0].errors.soft) = (share(0.0), share(1.0));
    check("an error result breaks nothing", &scenario, &[0.0], &[Err(12.0)], 1);
}

#[test]
fn sessions_that_have_ended_are_forgotten_before_their_task_ends() {
    let mut own = Server { process: Process::Session, ..wide("s", 1.0) };
    own.errors.connection = share(1.0);
    let mut scenario = scenario(vec![own]);
    scenario.agents[0].workload.calls = Figure::stated(50.0);
    scenario.run.horizon = secs(5000.0);
    let mapping = primaries(&[0]);
    let observer = &mut ();
    let mut simulation = Simulation::new(Compiled::new(&scenario, &mapping, RUN), observer);
    simulation.begin();
    while simulation.step() {
        let (sessions, tasks) = (simulation.sessions.iter().count(), simulation.tasks.iter().count());
        assert!(sessions <= 2 * tasks, "{sessions} of {tasks} tasks: each has the one that broke last and its next");
    }
    let tally = &simulation.servers[0].tally;
    assert!(tally.connects == tally.attempts && tally.connects > 100);
}
