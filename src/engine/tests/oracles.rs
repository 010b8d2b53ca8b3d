//! Exact values. Each is judged on independent replications at a fixed seed: the 99.9 % interval holds the value, and is not
//! wider than stated, so that the test says something. A release build runs longer, for intervals of 1 %.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::build::*;
use crate::engine::*;
use crate::mapping::{Assignment, Mapping};
use crate::scenario::{Arrivals, *};
use crate::units::{Bytes, Rate};

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
    calls.response_sum / calls.succeeded as f64
}

/// Mean wait \[s\] of the calls at the only server, which has no parallel part.
fn wait(outcome: &Outcome) -> f64 {
    let server = &outcome.servers[0];
    (server.response_sum - server.busy.as_secs()) / server.succeeded as f64
}

fn failed_share(outcome: &Outcome) -> f64 {
    outcome.calls().failed as f64 / outcome.calls().issued as f64
}

/// The mean wait grows from an empty system: this much is left out \[s\].
fn after_warmup(mut scenario: Scenario) -> Scenario {
    scenario.run.warmup = Some(secs(500.0));
    scenario
}

#[test]
fn m_m_1() {
    // Gross & Harris: W ~ Exp(mu - lambda).
    let p99 = |o: &Outcome| o.response.value_at_quantile(0.99) as f64 / 1e6;
    check(
        after_warmup(queue(25_000.0, 0.8, server("s", exponential(1.0)))),
        |o| vec![wait(o), p99(o), o.servers[0].busy.as_secs() / o.window.as_secs()],
        &[expected("M/M/1 Wq", 4.0, 0.1), expected("M/M/1 W p99", 23.025_851, 0.2), expected("M/M/1 utilisation", 0.8, 0.012)],
    );
}

#[test]
fn m_m_4() {
    // Kleinrock (1975), vol. 1: Wq = C / (c mu - lambda), C by Erlang C.
    let mut station = server("s", exponential(1.0));
    station.slots = Figure::stated(4);
    check(after_warmup(queue(7_000.0, 3.2, station)), |o| vec![wait(o)], &[expected("M/M/4 Wq", 0.745_541, 0.12)]);
}

#[test]
fn m_m_3_5_and_erlang_b() {
    // Gross & Harris: five places, three of them slots.
    let mut station = server("s", exponential(1.0 / 1.5));
    (station.slots, station.queue) = (Figure::stated(3), Some(Figure::stated(2)));
    check(
        queue(4_000.0, 4.0, station),
        |o| vec![failed_share(o), response(o)],
        &[expected("M/M/3/5 blocked", 0.159_165, 0.04), expected("M/M/3/5 W", 0.814_553, 0.015)],
    );
    // Erlang B (5, 3), insensitive to the distribution of the service time.
    let mut station = server("s", Figure::stated(crate::distribution::Distribution::Lognormal { mean: secs(3.0), cv: 1.0 }));
    (station.slots, station.queue) = (Figure::stated(5), Some(Figure::stated(0)));
    check(queue(16_000.0, 1.0, station), failed_share_only, &[expected("Erlang B(5, 3)", 0.110_054, 0.045)]);
}

fn failed_share_only(outcome: &Outcome) -> Vec<f64> {
    vec![failed_share(outcome)]
}

#[test]
fn m_g_1() {
    // Pollaczek-Khinchine: Wq = lambda E[S^2] / (2 (1 - rho)).
    let lognormal = Figure::stated(crate::distribution::Distribution::Lognormal { mean: secs(1.0), cv: 2.0 });
    check(after_warmup(queue(30_000.0, 0.7, server("s", lognormal))), |o| vec![wait(o)], &[expected("M/G/1 Wq", 5.833_333, 0.25)]);
    let variance = |o: &Outcome| (o.response.stdev() / 1e6).powi(2);
    check(
        after_warmup(queue(20_000.0, 0.8, server("s", constant(1.0)))),
        |o| vec![wait(o), variance(o)],
        &[expected("M/D/1 Wq", 2.0, 0.08), expected("M/D/1 Var Wq", 5.333_333, 0.25)],
    );
}

#[test]
fn memory_shared_by_two_classes() {
    // Kaufman (1981): 16 units of memory; loads 4 and 1.5 of sizes 1 and 4; a session a task, a call a task, served in parallel.
    let mut scenario = empty(4_000.0);
    scenario.host.memory = Some(Figure::stated(Bytes(16)));
    for (name, tasks, memory) in [("small", 4.0, 1), ("large", 1.5, 4)] {
        let mut process = server(name, constant(0.0));
        (process.parallel, process.memory, process.process) = (exponential(1.0), Figure::stated(Bytes(memory)), Process::Session);
        scenario.servers.push(process);
        add_agent(&mut scenario, name, tasks);
    }
    let blocked = |o: &Outcome, agent: usize| o.agents[agent].failed as f64 / o.agents[agent].issued as f64;
    check(
        after_warmup(scenario),
        |o| vec![blocked(o, 0), blocked(o, 1)],
        &[expected("blocked, size 1", 0.037_446, 0.08), expected("blocked, size 4", 0.195_221, 0.05)],
    );
}

#[test]
fn token_bucket() {
    // Brun & Garcia (2000): a bucket of 5 turns away what an M/D/1/5 queue would.
    for (rho, value) in [(1.2, 0.199_147), (0.9, 0.064_362)] {
        let mut limited = server("s", constant(0.0));
        limited.rate_limit = Some(RateLimit { rate: Figure::stated(Rate::per_hour(3600.0)), burst: Figure::stated(5), retry_after: false });
        let share = expected("limited by a token bucket", value, 0.085);
        check(queue(12_000.0, rho, limited), |o| vec![o.servers[0].rejected_rate_limit as f64 / o.servers[0].attempts as f64], &[share]);
    }
}

#[test]
fn circuit_breaker() {
    // lambda T / (lambda T + p^-k): calls arrive at 10/s, fail with .3, five failures in a row open it for 5 s, then one probe.
    let mut flaky = server("s", constant(0.0));
    flaky.errors.soft = share(0.3);
    let mut scenario = queue(4_000.0, 10.0, flaky);
    scenario.policy.breaker = Some(breaker(5, 5.0));
    let skipped = |o: &Outcome| (o.calls().issued - o.calls().attempts) as f64 / o.calls().issued as f64;
    check(scenario, |o| vec![skipped(o)], &[expected("skipped by a breaker", 0.108_337, 0.18)]);
}

#[test]
fn independent_retries() {
    let mut flaky = server("s", constant(0.0));
    flaky.errors.protocol = share(0.2);
    let mut scenario = queue(4_000.0, 10.0, flaky);
    scenario.policy.retries = Figure::stated(3);
    let per_call = |o: &Outcome, count: u64| count as f64 / o.calls().issued as f64;
    check(
        scenario,
        |o| vec![per_call(o, o.calls().attempts), per_call(o, o.calls().succeeded)],
        &[expected("attempts", 1.248, 0.01), expected("succeeded", 0.9984, 0.01)],
    );
}

#[test]
fn m_m_1_with_priorities() {
    // Cobham (1954): W_k = R / ((1 - s_(k-1)) (1 - s_k)), R = sum of lambda E[S^2] / 2, s_k the load of the classes up to k.
    let mut scenario = queue(25_000.0, 0.4, Server { discipline: Discipline::Priority, ..server("s", exponential(1.0)) });
    add_agent(&mut scenario, "urgent", 0.3);
    scenario.agents[1].priority = 1;
    let wait = |o: &Outcome, agent: usize| o.agents[agent].response_sum / o.agents[agent].succeeded as f64 - 1.0;
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
