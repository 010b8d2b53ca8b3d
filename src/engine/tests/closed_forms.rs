//! Behaviours whose mean has a closed form, beside those that `proof` holds. Each is judged on independent replications at a fixed seed: the 99.9 % interval holds the value, and is not
//! wider than stated, so that the test says something. A release build runs longer, for intervals of 1 %.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::build::*;
use crate::engine::*;
use crate::mapping::{Assignment, Mapping};
use crate::scenario::{Arrivals, *};

/// How much longer a release build runs: debug builds are that much slower.
const LONGER: f64 = if cfg!(debug_assertions) { 1.0 } else { 100.0 };

const REPLICATIONS: u32 = 20;

/// What a figure should be, and how wide its interval may be (half, relative, in a debug build).
struct Expected {
    what: &'static str,
    value: f64,
    half_width: f64,
}

fn expected(what: &'static str, value: f64, half_width: f64) -> Expected {
    Expected { what, value, half_width }
}

/// Runs the scenario with need i on server i, `LONGER`, and compares each measured figure with its exact value.
fn check(scenario: Scenario, measure: impl Fn(&Outcome) -> Vec<f64>, expected: &[Expected]) {
    let on: Vec<u32> = (0..scenario.needs.len() as u32).collect();
    check_on(&primaries(&on), scenario, measure, expected);
}

fn check_on(mapping: &Mapping, mut scenario: Scenario, measure: impl Fn(&Outcome) -> Vec<f64>, expected: &[Expected]) {
    scenario.run.horizon = scenario.run.horizon * LONGER;
    let runs: Vec<Vec<f64>> =
        (0..REPLICATIONS).map(|replication| measure(&simulate(&scenario, mapping, Run { seed: 20_261_123, replication }))).collect();
    for (index, expected) in expected.iter().enumerate() {
        let n = f64::from(REPLICATIONS);
        let mean = runs.iter().map(|run| run[index]).sum::<f64>() / n;
        let sd = (runs.iter().map(|run| (run[index] - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        let half = StudentsT::new(0.0, 1.0, n - 1.0).unwrap().inverse_cdf(0.9995) * sd / n.sqrt();
        println!("{}: {mean:.6} ± {half:.6} for {:.6} (half-width {:.2} %)", expected.what, expected.value, 100.0 * half / expected.value);
        assert!((mean - expected.value).abs() <= half, "{}: {mean} ± {half}, exact {}", expected.what, expected.value);
        let allowed = (expected.half_width / LONGER.sqrt()).max(0.01);
        assert!(half <= allowed * expected.value, "{}: ± {:.3} % says too little", expected.what, 100.0 * half / expected.value);
    }
}

/// Mean response time \[s\] of the calls that succeeded.
fn response(outcome: &Outcome) -> f64 {
    let calls = outcome.calls();
    calls.response_sum.as_secs() / calls.succeeded as f64
}

/// Mean wait \[s\] of the calls at the only server, which has no parallel part.
fn wait(outcome: &Outcome) -> f64 {
    let server = &outcome.servers[0];
    (server.response_sum.as_secs() - server.busy.as_secs()) / server.succeeded as f64
}

/// The mean wait grows from an empty system: this much is left out \[s\].
fn after_warmup(mut scenario: Scenario) -> Scenario {
    scenario.run.warmup = Some(secs(500.0));
    scenario
}

#[test]
fn m_m_1_with_priorities() {
    // Cobham (1954): W_k = R / ((1 - s_(k-1)) (1 - s_k)), R = sum of lambda E[S^2] / 2, s_k the load of the classes up to k.
    let mut scenario = queue(25_000.0, 0.4, Server { discipline: Discipline::Priority, ..server("s", exponential(1.0)) });
    add_agent(&mut scenario, "urgent", 0.3);
    scenario.agents[1].priority = 1;
    let wait = |o: &Outcome, agent: usize| o.agents[agent].response_sum.as_secs() / o.agents[agent].succeeded as f64 - 1.0;
    let expected = [expected("priority Wq, low", 0.7 / (0.7 * 0.3), 0.12), expected("priority Wq, high", 0.7 / 0.7, 0.07)];
    check_on(&primaries(&[0, 0]), after_warmup(scenario), |o| vec![wait(o, 0), wait(o, 1)], &expected);
}

#[test]
fn m_g_1_with_a_shared_slot() {
    // Kleinrock (1976), vol. 2, sec. 4.4: W = E[S] / (1 - rho), whatever the distribution of the service time.
    let lognormal = Figure::stated(crate::distribution::Distribution::Lognormal { mean: secs(1.0), cv: 2.0 });
    for (what, serial) in [("M/D/1-PS W", constant(1.0)), ("M/G/1-PS W", lognormal)] {
        let station = Server { discipline: Discipline::ProcessorSharing, ..server("s", serial) };
        check(after_warmup(queue(25_000.0, 0.7, station)), |o| vec![response(o)], &[expected(what, 1.0 / 0.3, 0.1)]);
    }
}

#[test]
fn e2_m_1() {
    // Kleinrock (1975), vol. 1, sec. 6.4: Wq = s / (mu (1 - s)), s the root of s = A*(mu - mu s), A* = (2 lambda / (2 lambda + z))^2.
    let root = (0..200).fold(0.5f64, |s, _| (1.6 / (1.6 + 1.0 - s)).powi(2));
    let mut scenario = queue(25_000.0, 0.8, server("s", exponential(1.0)));
    scenario.agents[0].workload.arrivals = Arrivals::Renewal { cv: Figure::stated(0.5f64.sqrt()) };
    check(after_warmup(scenario), |o| vec![wait(o)], &[expected("E2/M/1 Wq", root / (1.0 - root), 0.1)]);
}

#[test]
fn closed_loop() {
    // Machine repair, M/M/1//4: p_0 = 1 / sum of 4! / (4 - n)! r^n, r = 1 s / 5 s; throughput 1 - p_0, W = 4 / throughput - 5 s.
    let throughput = 1.0 - 1.0 / (1.0 + 4.0 * 0.2 + 12.0 * 0.04 + 24.0 * 0.008 + 24.0 * 0.0016);
    let mut scenario = queue(10_000.0, 0.0, server("s", exponential(1.0)));
    scenario.agents[0].workload.arrivals = Arrivals::Closed { users: Figure::stated(4), pause: exponential(5.0) };
    check(
        after_warmup(scenario),
        |o| vec![o.calls().issued as f64 / o.window.as_secs(), response(o)],
        &[expected("M/M/1//4 throughput", throughput, 0.01), expected("M/M/1//4 W", 4.0 / throughput - 5.0, 0.03)],
    );
}

#[test]
fn hedged_calls() {
    // Exponential service of 1 s on a wide server, hedged after d with independent luck: (1 - e^-d) + e^-d / 2; e^-d of them.
    let station = |name| Server { slots: Figure::stated(1000), ..server(name, exponential(1.0)) };
    let mut scenario = queue(4_000.0, 2.0, station("s"));
    scenario.servers.push(station("t"));
    scenario.policy.hedge = Some(Hedge { after: Figure::stated(secs(0.5)) });
    let hedged = (-0.5f64).exp();
    let measure = |o: &Outcome| vec![response(o), o.calls().hedges as f64 / o.calls().issued as f64];
    let expected = [expected("hedged W", 1.0 - hedged / 2.0, 0.01), expected("hedges", hedged, 0.01)];
    check(scenario.clone(), measure, &expected);
    let fallback = mapping(vec![Assignment { on_failure: vec![Target::Server(ServerId(1))], ..assignment(0) }]);
    check_on(&fallback, scenario, measure, &expected);
}

#[test]
fn cache_with_a_time_to_live() {
    // A renewal cycle from one answer of the server to the next. While it is fresh, for T, calls that do not repeat end it (rate
    // a = l (1 - r)); afterwards any call does. The share of calls answered from it: r times the share of fresh time.
    let (l, r, ttl) = (1.0, 0.6, 5.0f64);
    let a = l * (1.0 - r);
    let (fresh, stale) = ((1.0 - (-a * ttl).exp()) / a, (-a * ttl).exp() / l);
    let mut scenario = queue(12_000.0, l, server("s", constant(0.0)));
    let rule = CacheRule { capability: CapabilityId(0), repeats: share(r), ttl: Some(Figure::stated(secs(ttl))) };
    scenario.policy.caches = vec![rule];
    let cached = |o: &Outcome| vec![o.calls().cached as f64 / o.calls().issued as f64];
    check(scenario, cached, &[expected("cached", r * fresh / (fresh + stale), 0.01)]);
}
