//! The host's memory: who holds it, who finds none, what it slows down.

use super::*;
use crate::units::{Bytes, Rate};

fn bytes(count: u64) -> Figure<Bytes> {
    Figure::stated(Bytes(count))
}

#[test]
fn calls_take_memory_until_they_are_over() {
    let mut scenario = scenario(vec![Server { memory: bytes(10), memory_per_call: bytes(40), ..wide("s", 10.0) }]);
    scenario.host.memory = Some(bytes(100));
    let log = [0.0, 1.0, 2.0, 10.5];
    let check = |what, scenario: &Scenario, expected, rejected| {
        let outcome = check_log(what, scenario, &primaries(&[0]), &log, expected);
        assert_eq!((outcome.servers[0].rejected_memory, outcome.memory_peak), (rejected, Bytes(90)), "{what}");
    };
    check("answered", &scenario, &[Ok(10.0), Ok(11.0), Err(2.0), Ok(20.5)], 1);
    // Those that wait take it too: the slot is free at 10 s, and the second call's memory only at 20 s.
    scenario.servers[0].slots = Figure::stated(1);
    check("waiting", &scenario, &[Ok(10.0), Ok(20.0), Err(2.0), Ok(30.0)], 1);
    scenario.servers[0].slots = Figure::stated(9);
    scenario.policy.timeout = constant(9.0);
    check("given up, and cancelled", &with_given_up(&scenario, GivenUp::IsCancelled), &[Err(9.0), Err(10.0), Err(2.0), Err(19.5)], 1);
    scenario.servers[0].serial = constant(20.0);
    check("given up, and going on", &with_given_up(&scenario, GivenUp::GoesOn), &[Err(9.0), Err(10.0), Err(2.0), Err(10.5)], 2);
}

fn with_given_up(scenario: &Scenario, given_up: GivenUp) -> Scenario {
    let mut scenario = scenario.clone();
    scenario.policy.given_up = given_up;
    scenario
}

#[test]
fn an_outage_gives_the_memory_of_calls_back() {
    let broken = Server { memory_per_call: bytes(60), outages: outages(constant(5.0), constant(1.0)), ..wide("s", 10.0) };
    let mut scenario = scenario(vec![broken, Server { memory_per_call: bytes(60), ..wide("t", 3.0) }]);
    add_need(&mut scenario, AgentId(0));
    scenario.host.memory = Some(bytes(100));
    let log = [(0.0, 0), (1.0, 1), (5.5, 1)];
    check_log_of_needs("outage", &scenario, &primaries(&[0, 1]), &log, &[Err(5.0), Err(1.0), Ok(8.5)]);
}

#[test]
fn a_process_grows_with_each_answer_until_it_ends() {
    let mut scenario = scenario(vec![Server { memory: bytes(10), memory_growth: bytes(5), ..wide("s", 1.0) }]);
    let log = [0.0, 10.0, 120.0];
    let ends = [Ok(1.0), Ok(11.0), Ok(121.0)];
    let peak = |what, scenario: &Scenario, peak| {
        assert_eq!(check_log(what, scenario, &primaries(&[0]), &log, &ends).memory_peak, Bytes(peak), "{what}");
    };
    peak("shared", &scenario, 25);
    scenario.servers[0].outages = outages(constant(100.0), constant(10.0));
    peak("small again after an outage", &scenario, 20);
    scenario.host.memory = Some(bytes(18));
    peak("as far as the host has room", &scenario, 15);
    scenario.servers[0].process = Process::Session;
    peak("gone with the session of each call", &scenario, 10);
}

#[test]
fn a_session_grows_with_the_calls_of_its_task() {
    let grows = Server { memory: bytes(10), memory_growth: bytes(5), process: Process::Session, ..wide("s", 1.0) };
    let mut scenario = scenario(vec![grows]);
    scenario.agents[0].workload.calls = Figure::stated(4.0);
    scenario.agents[0].workload.arrivals = Arrivals::Renewal { cv: Figure::stated(0.0) };
    scenario.agents[0].workload.tasks = Figure::stated(Rate::per_hour(36.0));
    let mut ends = Ends::default();
    let outcome = simulate_observed(&scenario, &primaries(&[0]), RUN, &mut ends);
    // A task every 100 s. The last answer of a task is its process's end.
    let most = (0..10).map(|task| ends.0.iter().filter(|call| call.at.0 / secs(100.0).0 == task).count()).max().unwrap() as u64;
    assert!(most > 3);
    assert_eq!(outcome.memory_peak, Bytes(10 + 5 * (most - 1)));
}

#[test]
fn a_host_that_is_nearly_full_is_slow() {
    let process = Server { memory: bytes(60), process: Process::Session, parallel: constant(2.0), ..wide("s", 1.0) };
    let mut scenario = scenario(vec![process]);
    scenario.host.memory = Some(bytes(100));
    scenario.host.slowdown = Some(Slowdown { above: share(0.5), factor: Figure::stated(3.0) });
    // 60 % in use: a fifth of the way from 50 % to full, so 1.4 times as long.
    check_log("always", &scenario, &primaries(&[0]), &[0.0, 100.0], &[Ok(4.2), Ok(104.2)]);
    scenario.servers[0].memory = bytes(30);
    check_log("what begins while two are there", &scenario, &primaries(&[0]), &[0.0, 1.0, 100.0], &[Ok(3.0), Ok(5.2), Ok(103.0)]);
    scenario.servers[0].memory = bytes(100);
    check_log("full", &scenario, &primaries(&[0]), &[0.0], &[Ok(9.0)]);
}
