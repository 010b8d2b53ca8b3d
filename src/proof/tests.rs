//! The expected values once more, each from its formula: what the engine is held to is itself held to something.

use super::*;

/// The value that an oracle is held to.
fn stated(oracle: &str, figure: &str) -> f64 {
    let all: Vec<Oracle> = Group::ALL.into_iter().flat_map(Group::oracles).collect();
    let found = all.iter().find(|o| o.name == oracle).unwrap_or_else(|| panic!("no oracle {oracle}"));
    found.expected.iter().find(|e| e.what == figure).unwrap_or_else(|| panic!("{oracle} has no {figure}")).value
}

fn check(oracle: &str, figure: &str, formula: f64) {
    let stated = stated(oracle, figure);
    assert!((stated - formula).abs() < 2e-6 * stated.max(1.0), "{oracle}, {figure}: stated {stated}, by formula {formula}");
}

/// The stationary distribution of a birth-death chain on 0..=last.
fn birth_death(last: usize, birth: impl Fn(f64) -> f64, death: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut weights = vec![1.0];
    for n in 1..=last {
        weights.push(weights[n - 1] * birth((n - 1) as f64) / death(n as f64));
    }
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

fn mean(distribution: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    distribution.iter().enumerate().map(|(n, p)| p * of(n as f64)).sum()
}

fn erlang_b(slots: u32, load: f64) -> f64 {
    (1..=slots).fold(1.0, |b, k| load * b / (f64::from(k) + load * b))
}

#[test]
fn every_oracle_is_read_without_a_complaint_and_named_as_its_file() {
    let mut names = std::collections::BTreeSet::new();
    for oracle in Group::ALL.into_iter().flat_map(Group::oracles) {
        let parsed = crate::scenario::parse(&oracle.name, &oracle.text).unwrap_or_else(|mistakes| panic!("{}: {mistakes}", oracle.name));
        assert!(parsed.warnings.is_empty(), "{}: {}", oracle.name, parsed.warnings);
        assert!(parsed.scenario.run.replications >= 20, "{}: too few for an interval", oracle.name);
        assert!(names.insert(oracle.name.clone()), "{}: twice", oracle.name);
    }
    assert!(names.len() > 40);
}

#[test]
fn stations_by_formula() {
    let c = {
        let b = erlang_b(4, 3.2);
        b / (1.0 - 0.8 * (1.0 - b))
    };
    check("M/M/1", "W p99 [s]", 100f64.ln() / 0.2);
    check("M/M/4", "P(wait)", c);
    check("M/M/4", "Wq [s]", c / 0.8);
    check("M/M/4", "Wq p99 [s]", (c / 0.01).ln() / 0.8);
    for (oracle, lambda) in [("M/M/10", 9.0), ("M/M/10 at .95", 9.5)] {
        let b = erlang_b(10, lambda);
        let c = b / (1.0 - lambda / 10.0 * (1.0 - b));
        check(oracle, "P(wait)", c);
        check(oracle, "W [s]", 1.0 + c / (10.0 - lambda));
    }
    let states = birth_death(5, |_| 4.0, |n| 1.5 * n.min(3.0));
    check("M/M/3/5", "P(blocked)", states[5]);
    check("M/M/3/5", "W [s]", mean(&states, |n| n) / (4.0 * (1.0 - states[5])));
    check("Erlang B(5, 3)", "P(blocked)", erlang_b(5, 3.0));
    // E[S^2] = 1 + 4.
    check("M/G/1, lognormal", "Wq [s]", 0.7 * 5.0 / (2.0 * 0.3));
    check("M/D/1", "Wq [s]", 0.8 / (2.0 * 0.2));
    check("M/D/1", "Var Wq [s2]", 2.0 * 2.0 + 0.8 / (3.0 * 0.2));
    let poisson = birth_death(100, |_| 7.0, |n| n);
    check("M/G/infinity", "P(N > 10)", poisson[11..].iter().sum());
}

/// Mean time in a G/M/1 with mu = 1 whose gaps have this Laplace-Stieltjes transform.
fn time_in_g_m_1(transform: impl Fn(f64) -> f64) -> f64 {
    let sigma = (0..100_000).fold(0.5, |sigma, _| transform(1.0 - sigma));
    1.0 / (1.0 - sigma)
}

fn erlang_gaps(k: i32, lambda: f64) -> impl Fn(f64) -> f64 {
    move |s| (f64::from(k) * lambda / (f64::from(k) * lambda + s)).powi(k)
}

#[test]
fn renewal_arrivals_by_formula() {
    check("D/M/1", "Wq [s]", time_in_g_m_1(|s| (-s / 0.8).exp()) - 1.0);
    check("E4/M/1", "Wq [s]", time_in_g_m_1(erlang_gaps(4, 0.8)) - 1.0);
    check("4 servers, round-robin", "W [s]", time_in_g_m_1(erlang_gaps(4, 0.8)));
    for lambda in [0.5, 0.7, 0.9] {
        check(&format!("100 servers, d = 1, {lambda}"), "W [s]", 1.0 / (1.0 - lambda));
        check(&format!("100 servers, round-robin, {lambda}"), "W [s]", time_in_g_m_1(erlang_gaps(100, lambda)));
    }
}

#[test]
fn servers_by_formula() {
    let (lambda, failures, repairs) = (0.5, 0.05, 0.2);
    let sum: f64 = failures + repairs;
    let l = lambda / (repairs / sum - lambda) * (1.0 + failures / sum.powi(2));
    check("M/M/1 with breakdowns", "L", l);
    check("M/M/1 with breakdowns", "W [s]", l / lambda);
    check("M/M/1 processor sharing", "Var W [s2]", 2.8 / (1.2 * 0.04));
    // Kaufman (1981), Roberts (1981): j q(j) = sum of load x size x q(j - size).
    let mut q = vec![1.0];
    for j in 1..=16 {
        q.push((4.0 * q[j - 1] + if j >= 4 { 1.5 * 4.0 * q[j - 4] } else { 0.0 }) / j as f64);
    }
    let full = |from: usize| q[from..].iter().sum::<f64>() / q.iter().sum::<f64>();
    for oracle in ["memory shared by calls", "memory shared by processes"] {
        check(oracle, "P(blocked), size 1", full(16));
        check(oracle, "P(blocked), size 4", full(13));
    }
    for rho in [1.2, 0.9] {
        check(&format!("token bucket, rho {rho}"), "P(limited)", m_d_1_5_blocking(rho));
    }
}

/// Brun & Garcia (2000): b(n) = sum over k = 0..n of (-1)^k / k! (n - k)^k e^((n - k) rho) rho^k; blocked are
/// 1 - b(n - 1) / (1 + rho b(n - 1)) with n = 5 places, the one in service included.
fn m_d_1_5_blocking(rho: f64) -> f64 {
    let n = 4;
    let mut factorial = 1.0;
    let mut b = 0.0;
    for k in 0..=n {
        factorial *= f64::from(k.max(1));
        let left = f64::from(n - k);
        b += (-1f64).powi(k) / factorial * left.powi(k) * (left * rho).exp() * rho.powi(k);
    }
    1.0 - b / (1.0 + rho * b)
}

#[test]
fn clients_by_formula() {
    let states = birth_death(400, |_| 10.0, |n| n.min(10.0) + 0.5 * (n - 10.0).max(0.0));
    let waiting = mean(&states, |n| (n - 10.0).max(0.0)) / 10.0;
    check("Erlang-A", "P(abandon)", 0.5 * waiting);
    check("Erlang-A", "P(wait)", states[10..].iter().sum());
    check("Erlang-A", "E[W] of all [s]", waiting);
    let states = birth_death(400, |_| 4.0, |n| n.min(4.0) + 0.2 * n);
    check("M/M/4, clients cancel", "W of all [s]", mean(&states, |n| n) / 4.0);
    check("M/M/4, clients cancel", "P(time-out)", 0.2 * mean(&states, |n| n) / 4.0);
    check("M/M/1 with a retry orbit", "N between attempts", 0.5 * (0.5 + 0.25 * 0.5) / (0.25 * 0.5));
    check("circuit breaker", "P(skipped)", 50.0 / (50.0 + 0.3f64.powi(-5)));
    check("independent retries", "attempts a call", (1.0 - 0.2f64.powi(4)) / 0.8);
    let states = birth_death(10, |n| (10.0 - n) / 5.0, |n| n.min(2.0));
    let throughput = mean(&states, |n| n.min(2.0));
    check("M/M/2//10, repairmen", "throughput [1/s]", throughput);
    check("M/M/2//10, repairmen", "response [s]", mean(&states, |n| n) / throughput);
    let (throughput, response) = mean_value_analysis(20, 1.0, &[0.1, 0.06, 0.03]);
    check("closed network", "throughput [1/s]", throughput);
    check("closed network", "response [s]", response);
}

#[test]
fn patience_by_formula() {
    check_patience("patience of 0.5 s, 4 slots", 4, 4.0, 0.5);
    check_patience("patience of 3 s, 1 slot", 1, 0.9, 3.0);
}

/// Baccelli & Hebuterne (1981): the virtual wait of M/M/c with patience tau. Below tau it is as in M/M/c; above, nobody joins, and it
/// only drains. Integrated numerically.
fn check_patience(oracle: &str, slots: u32, lambda: f64, tau: f64) {
    let c = f64::from(slots);
    // The chain up to c - 1 busy slots, unnormalised; the density at 0 is lambda p(c - 1).
    let mut states = vec![1.0];
    for n in 1..slots {
        states.push(states[n as usize - 1] * lambda / f64::from(n));
    }
    let start = lambda * states[slots as usize - 1];
    let density = |x: f64| start * if x < tau { (-(c - lambda) * x).exp() } else { (lambda * tau - c * x).exp() };
    let integral = |from: f64, to: f64, f: &dyn Fn(f64) -> f64| {
        const STEPS: u32 = 100_000;
        let step = (to - from) / f64::from(STEPS);
        (0..STEPS).map(|i| f(from + (f64::from(i) + 0.5) * step) * step).sum::<f64>()
    };
    let (served_at_once, waits) = (states.iter().sum::<f64>(), integral(0.0, tau, &density));
    let gives_up = integral(tau, tau + 40.0, &density);
    check(oracle, "P(time-out)", gives_up / (served_at_once + waits + gives_up));
    check(oracle, "E[W] served [s]", integral(0.0, tau, &|x| x * density(x)) / (served_at_once + waits));
}

/// Throughput \[1/s\] and response \[s\] of a closed network. Reiser & Lavenberg (1980).
fn mean_value_analysis(users: u32, think: f64, demands: &[f64]) -> (f64, f64) {
    let mut present = vec![0.0; demands.len()];
    let (mut throughput, mut response) = (0.0, 0.0);
    for n in 1..=users {
        let times: Vec<f64> = demands.iter().zip(&present).map(|(demand, present)| demand * (1.0 + present)).collect();
        response = times.iter().sum();
        throughput = f64::from(n) / (think + response);
        present = times.iter().map(|time| throughput * time).collect();
    }
    (throughput, response)
}

#[test]
fn dispatching_by_markov_chain() {
    check("4 servers, best of two", "W [s]", time_at_four_servers(2));
    check("4 servers, shortest queue", "W [s]", time_at_four_servers(4));
}

/// Mean time in system of four servers at lambda = .8 each, where an arrival joins the shortest of `looks_at` distinct ones: the chain of
/// the lengths in ascending order (the servers are alike), cut off where it hardly ever is, uniformised and iterated to its end.
fn time_at_four_servers(looks_at: u64) -> f64 {
    const LONGEST: u8 = 24;
    const RATE: f64 = 3.2 + 4.0;
    let up_to = |end: u8| 0..=end;
    let states: Vec<[u8; 4]> =
        up_to(LONGEST).flat_map(|d| up_to(d).flat_map(move |c| up_to(c).flat_map(move |b| up_to(b).map(move |a| [a, b, c, d])))).collect();
    let places: std::collections::HashMap<[u8; 4], usize> = states.iter().enumerate().map(|(place, state)| (*state, place)).collect();
    let place_of = |mut state: [u8; 4]| {
        state.sort_unstable();
        places.get(&state).copied()
    };
    let choose = |n: u64, k: u64| (0..k).fold(1.0, |product, i| product * (n as f64 - i as f64) / (i + 1) as f64);
    let mut steps = Vec::new();
    for (from, state) in states.iter().enumerate() {
        for server in 0..4 {
            // The others that are looked at stand behind it.
            let joins = 3.2 * choose(3 - server as u64, looks_at - 1) / choose(4, looks_at);
            let (mut longer, mut shorter) = (*state, *state);
            longer[server] += 1;
            shorter[server] = shorter[server].saturating_sub(1);
            steps.push((from, place_of(longer).unwrap_or(from), joins / RATE));
            steps.push((from, place_of(shorter).unwrap_or(from), 1.0 / RATE));
        }
    }
    let mut now = vec![1.0 / states.len() as f64; states.len()];
    // The slowest part dies out by (sqrt(4) - sqrt(3.2))^2 / RATE = 0.6 % a step.
    for _ in 0..4000 {
        let mut next = vec![0.0; states.len()];
        steps.iter().for_each(|(from, to, share)| next[*to] += share * now[*from]);
        now = next;
    }
    let present: f64 = states.iter().zip(&now).map(|(state, share)| share * state.iter().map(|n| f64::from(*n)).sum::<f64>()).sum();
    present / 3.2
}
