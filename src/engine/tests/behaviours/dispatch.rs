//! A gateway chooses the server of each call.

use super::*;
use crate::engine::tests::Trace;
use crate::mapping::Dispatch;

fn dispatched(dispatch: Dispatch) -> Mapping {
    Mapping { dispatch, ..primaries(&[0]) }
}

/// The servers of a log's calls, in their order.
fn chosen(scenario: &Scenario, mapping: &Mapping, log: &[(f64, u32)]) -> Vec<u32> {
    let mut scenario = scenario.clone();
    scenario.replay = replay(log);
    let mut trace = Trace::default();
    simulate_observed(&scenario, mapping, RUN, &mut trace);
    trace.arrivals.iter().map(|arrival| arrival.server.0).collect()
}

fn at(times: &[f64]) -> Vec<(f64, u32)> {
    times.iter().map(|at| (*at, 0)).collect()
}

#[test]
fn by_turns() {
    let mut scenario = scenario(vec![wide("a", 1.0), wide("b", 5.0), wide("c", 9.0)]);
    let log = at(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(chosen(&scenario, &dispatched(Dispatch::RoundRobin), &log), [0, 1, 2, 0, 1, 2, 0]);
    scenario.servers[1].in_service = false;
    assert_eq!(chosen(&scenario, &dispatched(Dispatch::RoundRobin), &log), [0, 2, 0, 2, 0, 2, 0]);
    scenario.servers[2].provides.clear();
    assert_eq!(chosen(&scenario, &dispatched(Dispatch::RoundRobin), &log), [0; 7]);
}

#[test]
fn by_turns_of_each_capability() {
    let mut scenario = scenario(vec![wide("a", 1.0), wide("b", 1.0)]);
    scenario.capabilities.push("docs".into());
    scenario.servers.iter_mut().for_each(|server| server.provides.push(Provision::new(CapabilityId(1), share(1.0))));
    add_need(&mut scenario, AgentId(0));
    scenario.needs[1].capability = CapabilityId(1);
    let mapping = Mapping { dispatch: Dispatch::RoundRobin, ..primaries(&[0, 0]) };
    let log = [(0.0, 0), (1.0, 0), (2.0, 1), (3.0, 0), (4.0, 1), (5.0, 1)];
    assert_eq!(chosen(&scenario, &mapping, &log), [0, 1, 0, 0, 1, 0]);
}

#[test]
fn a_busy_server_is_avoided() {
    let mut scenario = scenario(vec![wide("a", 100.0), wide("b", 100.0)]);
    let log = at(&[0.0, 1.0, 2.0, 3.0]);
    let loads = |scenario: &Scenario, dispatch, log: &[(f64, u32)]| {
        let chosen = chosen(scenario, &dispatched(dispatch), log);
        [0, 1].map(|server| chosen.iter().filter(|chosen| **chosen == server).count())
    };
    assert_eq!(loads(&scenario, Dispatch::LeastOutstanding, &log), [2, 2]);
    assert_eq!(loads(&scenario, Dispatch::ShortestQueue, &log), [2, 2]);
    assert_eq!(loads(&scenario, Dispatch::PowerOfChoices(2), &log), [2, 2]);
    assert_eq!(loads(&scenario, Dispatch::PowerOfChoices(9), &log), [2, 2]);
    // Per slot: the third of three calls goes where there are two slots.
    (scenario.servers[0].slots, scenario.servers[1].slots) = (Figure::stated(1), Figure::stated(2));
    assert_eq!(loads(&scenario, Dispatch::ShortestQueue, &log[..3]), [1, 2]);
    // One server is free again and again, the other never.
    scenario.servers[1].serial = constant(0.1);
    let log: Vec<f64> = (0..30).map(f64::from).collect();
    assert_eq!(loads(&scenario, Dispatch::LeastOutstanding, &at(&log))[0], 1);
    // A call in its parallel part is outstanding, and stands in no queue.
    (scenario.servers[0].serial, scenario.servers[0].parallel) = (constant(0.0), constant(100.0));
    assert_eq!(loads(&scenario, Dispatch::LeastOutstanding, &at(&log))[0], 1);
    assert!(loads(&scenario, Dispatch::ShortestQueue, &at(&log))[0] > 5);
}

#[test]
fn of_some_that_are_drawn_the_least_loaded_is_chosen() {
    // Five calls that only the first server can serve keep it busy.
    let mut scenario = scenario(vec![wide("a", 0.1), wide("b", 0.1), wide("c", 0.1)]);
    scenario.capabilities.push("docs".into());
    scenario.servers[0].provides.push(Provision { serial: Some(constant(1e4)), ..Provision::new(CapabilityId(1), share(1.0)) });
    add_need(&mut scenario, AgentId(0));
    scenario.needs[1].capability = CapabilityId(1);
    let log: Vec<(f64, u32)> = (0..5).map(|_| (0.0, 1)).chain((1..901).map(|at| (f64::from(at), 0))).collect();
    let shares = |choices| {
        let mapping = Mapping { dispatch: Dispatch::PowerOfChoices(choices), ..primaries(&[0, 0]) };
        let chosen = chosen(&scenario, &mapping, &log);
        assert_eq!(chosen[..5], [0; 5]);
        [0, 1, 2].map(|server| chosen[5..].iter().filter(|chosen| **chosen == server).count() as f64 / 900.0)
    };
    // Of two it is never the less loaded one; alone it is as likely as any.
    assert_eq!(shares(2)[0], 0.0);
    assert_eq!(shares(3)[0], 0.0);
    about("one choice", shares(1)[0], 1.0 / 3.0, 0.06);
    about("two choices", shares(2)[1], 0.5, 0.06);
    about("all choices", shares(3)[1], 0.5, 0.06);
}

#[test]
fn at_random_or_by_latency() {
    let mut scenario = scenario(vec![wide("quick", 1.0), wide("slow", 3.0)]);
    scenario.run.horizon = secs(200_000.0);
    let share = |dispatch| {
        let outcome = simulate(&scenario, &dispatched(dispatch), RUN);
        outcome.servers[0].attempts as f64 / outcome.calls().attempts as f64
    };
    about("random", share(Dispatch::Random), 0.5, 0.015);
    // Weights of 1 and 1/3.
    about("by latency", share(Dispatch::LatencyWeighted), 0.75, 0.015);
}

#[test]
fn what_the_gateway_chose_is_no_fallback() {
    let mut scenario = scenario(vec![down("a"), wide("b", 1.0)]);
    let mut mapping = on_failure(&[to_server(1), to_server(0)]);
    mapping.dispatch = Dispatch::RoundRobin;
    // The first call goes to the server that is down, then to the other; the second to that one at once.
    let outcome = check_log("one is down", &scenario, &mapping, &[0.0, 10.0], &[Ok(2.0), Ok(11.0)]);
    assert_eq!((outcome.calls().fallen_back, outcome.calls().attempts), (1, 3));
    // What failed is not asked again as a fallback, wherever it stands.
    scenario.servers[1] = down("b");
    let outcome = check_log("both are down", &scenario, &mapping, &[0.0, 10.0], &[Err(2.0), Err(12.0)]);
    assert_eq!((outcome.servers[0].attempts, outcome.servers[1].attempts), (2, 2));
}

#[test]
fn equals_are_chosen_alike() {
    let mut scenario = scenario(vec![wide("a", 0.0), wide("b", 0.0), wide("c", 0.0), wide("d", 0.0)]);
    // One that always has more to do than the others, which are idle.
    scenario.capabilities.push("docs".into());
    scenario.servers[1].provides.push(Provision { serial: Some(constant(1e4)), ..Provision::new(CapabilityId(1), share(1.0)) });
    add_need(&mut scenario, AgentId(0));
    scenario.needs[1].capability = CapabilityId(1);
    let log: Vec<(f64, u32)> = [(0.0, 1)].into_iter().chain((1..1000).map(|at| (f64::from(at), 0))).collect();
    for dispatch in [Dispatch::LeastOutstanding, Dispatch::ShortestQueue, Dispatch::PowerOfChoices(2), Dispatch::PowerOfChoices(4)] {
        let chosen = chosen(&scenario, &Mapping { dispatch, ..primaries(&[0, 1]) }, &log);
        for (server, expected) in [(0, 1.0 / 3.0), (1, 0.0), (2, 1.0 / 3.0), (3, 1.0 / 3.0)] {
            let share = chosen[1..].iter().filter(|chosen| **chosen == server).count() as f64 / 999.0;
            about(&format!("{dispatch:?}, server {server}"), share, expected, 0.05);
        }
    }
}
