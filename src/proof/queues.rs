//! One station: how calls come, how long they are served, how many at once, how many may wait.

use super::oracle::{Oracle, exact};

pub(super) fn oracles() -> Vec<Oracle> {
    vec![
        Oracle::new(
            "M/M/1",
            "Gross & Harris",
            include_str!("../../scenarios/oracles/m-m-1.toml"),
            vec![
                exact("Wq [s]", 4.0, |seen| seen.wait()),
                exact("W p99 [s]", 23.025_851, |seen| seen.response_quantile(0.99)),
                exact("utilisation", 0.8, |seen| seen.busy()),
            ],
        ),
        Oracle::new(
            "M/M/4",
            "Kleinrock",
            include_str!("../../scenarios/oracles/m-m-4.toml"),
            vec![
                exact("P(wait)", 0.596_432, |seen| seen.delayed()),
                exact("Wq [s]", 0.745_541, |seen| seen.wait()),
                exact("Wq p99 [s]", 5.110_476, |seen| seen.wait_quantile(0.99)),
                exact("W [s]", 1.745_541, |seen| seen.response()),
            ],
        ),
        Oracle::new(
            "M/M/10",
            "Kleinrock",
            include_str!("../../scenarios/oracles/m-m-10.toml"),
            vec![exact("P(wait)", 0.668_732, |seen| seen.delayed()), exact("W [s]", 1.668_732, |seen| seen.response())],
        ),
        Oracle::new(
            "M/M/10 at .95",
            "Kleinrock",
            include_str!("../../scenarios/oracles/m-m-10-95.toml"),
            vec![exact("P(wait)", 0.825_586, |seen| seen.delayed()), exact("W [s]", 2.651_171, |seen| seen.response())],
        ),
        Oracle::new(
            "M/M/3/5",
            "Gross & Harris",
            include_str!("../../scenarios/oracles/m-m-3-5.toml"),
            vec![exact("P(blocked)", 0.159_165, |seen| seen.failed()), exact("W [s]", 0.814_553, |seen| seen.response())],
        ),
        Oracle::new(
            "Erlang B(5, 3)",
            "Gross & Harris",
            include_str!("../../scenarios/oracles/erlang-b.toml"),
            vec![exact("P(blocked)", 0.110_054, |seen| seen.failed())],
        ),
        Oracle::new(
            "M/G/1, lognormal",
            "Pollaczek-Khinchine",
            include_str!("../../scenarios/oracles/m-g-1.toml"),
            vec![exact("Wq [s]", 5.833_333, |seen| seen.wait())],
        ),
        Oracle::new(
            "M/D/1",
            "Pollaczek-Khinchine",
            include_str!("../../scenarios/oracles/m-d-1.toml"),
            vec![exact("Wq [s]", 2.0, |seen| seen.wait()), exact("Var Wq [s2]", 5.333_333, |seen| seen.response_variance())],
        ),
        Oracle::new(
            "M/G/infinity",
            "Gross & Harris",
            include_str!("../../scenarios/oracles/m-g-infinity.toml"),
            vec![exact("P(N > 10)", 0.098_521, |seen| seen.found_more_than(10))],
        ),
        Oracle::new(
            "D/M/1",
            "Kleinrock",
            include_str!("../../scenarios/oracles/d-m-1.toml"),
            vec![exact("Wq [s]", 1.692_731, |seen| seen.wait())],
        ),
        Oracle::new(
            "E4/M/1",
            "Kleinrock",
            include_str!("../../scenarios/oracles/e4-m-1.toml"),
            vec![exact("Wq [s]", 2.267_384, |seen| seen.wait())],
        ),
    ]
}
