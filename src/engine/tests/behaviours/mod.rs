//! Each modelled behaviour in a scenario so small that its result can be worked out by hand. Calls come at random where nothing queues,
//! so that every call has the same fate (`check`), or from a log, at stated times (`check_log`). Where chance is what is modelled, a long
//! run is held against a closed formula.

mod clients;
mod dispatch;
mod faults;
mod hedges;
mod limits;
mod memory;
mod servers;
mod sessions;
mod workloads;

use super::build::*;
use crate::engine::*;
use crate::mapping::{Assignment, Mapping};
use crate::scenario::{Arrivals, *};

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
    close("response", calls.response_sum.as_secs() / calls.succeeded.max(1) as f64, expected.response);
    close("time to failure", calls.failure_time_sum.as_secs() / calls.failed.max(1) as f64, expected.failure_time);
    outcome
}

/// When a call is answered, or fails \[s\].
type End = Result<f64, f64>;

/// Runs the calls of a log, one of need 0 at each of these seconds, and compares when they end.
fn check_log(what: &str, scenario: &Scenario, mapping: &Mapping, log: &[f64], expected: &[End]) -> Outcome {
    let log: Vec<(f64, u32)> = log.iter().map(|at| (*at, 0)).collect();
    check_log_of_needs(what, scenario, mapping, &log, expected)
}

/// As [`check_log`]: a call of this need at that second. Those at the same second are in order of their ends.
fn check_log_of_needs(what: &str, scenario: &Scenario, mapping: &Mapping, log: &[(f64, u32)], expected: &[End]) -> Outcome {
    let mut scenario = scenario.clone();
    scenario.replay = replay(log);
    let mut observer = Ends::default();
    let outcome = simulate_observed(&scenario, mapping, RUN, &mut observer);
    observer.0.sort_by_key(|call| (call.issued, call.at));
    let ends: Vec<End> =
        observer.0.iter().map(|call| if call.succeeded { Ok(call.at.as_secs()) } else { Err(call.at.as_secs()) }).collect();
    // Shared slots are rounded to nanoseconds.
    let is_close = |end: &End, expected: &End| match (end, expected) {
        (Ok(end), Ok(expected)) | (Err(end), Err(expected)) => (end - expected).abs() < 1e-7,
        _ => false,
    };
    let all_close = ends.len() == expected.len() && ends.iter().zip(expected).all(|(end, expected)| is_close(end, expected));
    assert!(all_close, "{what}: ends at {ends:?}, not {expected:?}");
    outcome
}

/// The calls that ended, in the order in which they did.
#[derive(Debug, Default, PartialEq)]
struct Ends(Vec<EndedCall>);

impl Observer for Ends {
    fn call_ended(&mut self, call: &EndedCall) {
        self.0.push(*call);
    }
}

/// Expects about this much: chance is part of what is modelled.
fn about(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() < tolerance, "{what}: {got}, not {expected} ± {tolerance}");
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
