//! Four servers behind a dispatcher. One central queue, the best there is, is M/M/4.

use super::oracle::{Oracle, exact};
use crate::mapping::Dispatch;

pub(super) fn oracles() -> Vec<Oracle> {
    let oracle = |name, source, text, dispatch, mean| {
        let expected = vec![exact("W [s]", mean, |seen| seen.response())];
        Oracle { dispatch, ..Oracle::new(name, source, text, expected) }
    };
    vec![
        oracle("4 servers, random", "Gross & Harris", include_str!("../../scenarios/oracles/dispatch-random.toml"), Dispatch::Random, 5.0),
        oracle(
            "4 servers, round-robin",
            "Kleinrock",
            include_str!("../../scenarios/oracles/dispatch-round-robin.toml"),
            Dispatch::RoundRobin,
            3.267_384,
        ),
        oracle(
            "4 servers, best of two",
            "Markov chain",
            include_str!("../../scenarios/oracles/dispatch-two-choices.toml"),
            Dispatch::PowerOfChoices(2),
            2.330_157,
        ),
        oracle(
            "4 servers, shortest queue",
            "Markov chain",
            include_str!("../../scenarios/oracles/dispatch-shortest.toml"),
            Dispatch::ShortestQueue,
            1.953_134,
        ),
    ]
}
