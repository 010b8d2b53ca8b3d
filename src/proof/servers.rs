//! What else a server does: it freezes, serves all at once, shares memory, turns calls away.

use super::oracle::{Expected, Oracle, exact};
use super::probe::{Seen, share};

pub(super) fn oracles() -> Vec<Oracle> {
    vec![
        Oracle::new(
            "M/M/1 with breakdowns",
            "Avi-Itzhak & Naor 1963",
            include_str!("../../scenarios/oracles/breakdowns.toml"),
            vec![exact("L", 3.0, |seen| seen.found_mean()), exact("W [s]", 6.0, |seen| seen.response())],
        ),
        Oracle::new(
            "M/G/1 processor sharing",
            "Kleinrock",
            include_str!("../../scenarios/oracles/processor-sharing.toml"),
            vec![exact("W of 0.5 s [s]", 2.5, |seen| seen.response_of(0)), exact("W of 1.5 s [s]", 7.5, |seen| seen.response_of(1))],
        ),
        Oracle::new(
            "M/M/1 processor sharing",
            "Coffman, Muntz & Trotter 1970",
            include_str!("../../scenarios/oracles/m-m-1-processor-sharing.toml"),
            vec![exact("W [s]", 5.0, |seen| seen.response()), exact("Var W [s2]", 58.333_333, |seen| seen.response_variance())],
        ),
        Oracle::new(
            "memory shared by calls",
            "Kaufman 1981",
            include_str!("../../scenarios/oracles/memory-by-call.toml"),
            blocked(|seen| rejected_for_memory(seen, 0), |seen| rejected_for_memory(seen, 1)),
        ),
        Oracle::new(
            "memory shared by processes",
            "Kaufman 1981",
            include_str!("../../scenarios/oracles/memory-by-session.toml"),
            blocked(|seen| not_connected(seen, 0), |seen| not_connected(seen, 1)),
        ),
        Oracle::new(
            "token bucket, rho 1.2",
            "Brun & Garcia 2000",
            include_str!("../../scenarios/oracles/token-bucket-1-2.toml"),
            vec![exact("P(limited)", 0.199_147, rate_limited)],
        ),
        Oracle::new(
            "token bucket, rho 0.9",
            "Brun & Garcia 2000",
            include_str!("../../scenarios/oracles/token-bucket-0-9.toml"),
            vec![exact("P(limited)", 0.064_362, rate_limited)],
        ),
    ]
}

fn blocked(small: fn(Seen) -> f64, large: fn(Seen) -> f64) -> Vec<Expected> {
    vec![exact("P(blocked), size 1", 0.037_446, small), exact("P(blocked), size 4", 0.195_221, large)]
}

fn rejected_for_memory(seen: Seen, server: usize) -> f64 {
    let server = &seen.outcome.servers[server];
    share(server.rejected_memory, server.attempts)
}

fn not_connected(seen: Seen, server: usize) -> f64 {
    let server = &seen.outcome.servers[server];
    share(server.connect_failures, server.connects)
}

fn rate_limited(seen: Seen) -> f64 {
    share(seen.station().rejected_rate_limit, seen.station().attempts)
}
