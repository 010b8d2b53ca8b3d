//! Errors, outages, freezes, slow periods and the watchdog.

use super::*;
use crate::units::Rate;

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
    assert!(outcome.servers[0].busy <= sum(outcome.calls().issued as f64), "the slot is free after the serial part");
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
        assert!(calls.issued > 100 && calls.issued == calls.succeeded + calls.failed, "{calls:?}");
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
fn a_freeze_delays_and_refuses_nothing() {
    // Frozen from 100 to 120 s, from 220 to 240 s, and so on.
    let frozen = |station: Server| scenario(vec![Server { freezes: outages(constant(100.0), constant(20.0)), ..station }]);
    let check = |what, scenario: &Scenario, log: &[f64], expected: &[End]| check_log(what, scenario, &primaries(&[0]), log, expected);
    let log = [85.0, 95.0, 105.0, 130.0];
    let outcome = check("on a slot", &frozen(wide("s", 10.0)), &log, &[Ok(95.0), Ok(125.0), Ok(130.0), Ok(140.0)]);
    // Eight freezes within 1000 s; a frozen server is up.
    assert_eq!((outcome.servers[0].frozen, outcome.servers[0].up), (secs(160.0), secs(1000.0)));
    assert_eq!(outcome.servers[0].busy, sum(10.0 + 30.0 + 10.0 + 10.0), "a frozen slot is held");
    let parallel = Server { parallel: constant(10.0), ..wide("s", 0.0) };
    check("in the parallel part", &frozen(parallel), &log, &[Ok(95.0), Ok(125.0), Ok(130.0), Ok(140.0)]);
    let both = Server { parallel: constant(5.0), ..wide("s", 5.0) };
    check("in either part", &frozen(both), &[92.0, 97.0], &[Ok(122.0), Ok(127.0)]);
    check("two freezes", &frozen(wide("s", 160.0)), &[50.0], &[Ok(250.0)]);
    check("waiting for the slot", &frozen(server("s", constant(10.0))), &[95.0, 96.0], &[Ok(125.0), Ok(135.0)]);
    let no_queue = Server { queue: Some(Figure::stated(0)), ..server("s", constant(10.0)) };
    check("no place to wait", &frozen(no_queue), &[101.0, 102.0], &[Ok(130.0), Ok(140.0)]);
    let shared = Server { discipline: Discipline::ProcessorSharing, ..server("s", constant(10.0)) };
    // A quarter of the work is done when it stops.
    check("on a shared slot", &frozen(shared), &[95.0, 95.0], &[Ok(135.0), Ok(135.0)]);
    let mut impatient = frozen(server("s", constant(5.0)));
    impatient.policy.timeout = constant(8.0);
    // The work goes on where it stopped, from 120 to 124 s.
    check("a time-out", &impatient, &[99.0, 119.0], &[Err(107.0), Err(127.0)]);
    impatient.policy.given_up = GivenUp::IsCancelled;
    check("a time-out that cancels", &impatient, &[99.0, 119.0], &[Err(107.0), Ok(125.0)]);
}

#[test]
fn outages_and_freezes_overlap() {
    let with = |frozen_every, frozen_for| {
        let freezes = outages(constant(frozen_every), constant(frozen_for));
        scenario(vec![Server { outages: outages(constant(100.0), constant(30.0)), freezes, ..server("s", constant(5.0)) }])
    };
    // Out from 100 to 130 s, frozen from 120 to 140 s.
    let ends = [Err(100.0), Err(111.0), Err(126.0), Ok(145.0), Ok(150.0), Ok(205.0)];
    let log = [99.0, 110.0, 125.0, 131.0, 132.0, 200.0];
    check_log("frozen when it comes back", &with(120.0, 20.0), &primaries(&[0]), &log, &ends);
    // Frozen from 95 to 115 s, out from 100 to 130 s.
    let ends = [Err(100.0), Err(100.0), Err(117.0), Ok(136.0), Ok(205.0)];
    check_log("frozen when it goes down", &with(95.0, 20.0), &primaries(&[0]), &[94.0, 96.0, 116.0, 131.0, 200.0], &ends);
    // Frozen from 90 to 160 s, out from 100 to 130 s.
    let ends = [Err(100.0), Err(100.0), Ok(165.0), Ok(170.0), Ok(205.0)];
    check_log("out while it is frozen", &with(90.0, 70.0), &primaries(&[0]), &[89.0, 96.0, 131.0, 132.0, 200.0], &ends);
}

#[test]
fn what_begins_in_a_slow_period_takes_longer() {
    // Slow from 100 to 120 s.
    let slow = Some(SlowPeriods { every: constant(100.0), lasts: constant(20.0), factor: Figure::stated(3.0) });
    let scenario = scenario(vec![Server { slow, parallel: constant(1.0), ..wide("s", 2.0) }]);
    let log = [99.0, 105.0, 119.0, 125.0];
    let outcome = check_log("slow", &scenario, &primaries(&[0]), &log, &[Ok(102.0), Ok(114.0), Ok(128.0), Ok(128.0)]);
    assert_eq!((outcome.servers[0].busy, outcome.servers[0].offered), (sum(16.0), sum(16.0)));
}
