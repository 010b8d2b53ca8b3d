//! What clients do: they run out of patience, try again, hold back, and wait for their last answer before they ask again.

use super::oracle::{Oracle, exact};
use super::probe::Seen;

pub(super) fn oracles() -> Vec<Oracle> {
    let mut all = patience();
    all.extend(persistence());
    all.extend(closed_loops());
    all
}

fn patience() -> Vec<Oracle> {
    vec![
        Oracle::new(
            "Erlang-A",
            "Garnett, Mandelbaum & Reiman 2002",
            include_str!("../../scenarios/oracles/erlang-a.toml"),
            vec![
                exact("P(abandon)", 0.103_913, |seen| seen.gave_up()),
                exact("P(wait)", 0.619_655, |seen| seen.delayed()),
                exact("E[W] of all [s]", 0.207_826, wait_of_all),
            ],
        ),
        Oracle::new(
            "patience of 0.5 s, 4 slots",
            "Baccelli & Hebuterne 1981",
            include_str!("../../scenarios/oracles/patience-4.toml"),
            vec![exact("P(time-out)", 0.191_617, |seen| seen.gave_up()), exact("E[W] served [s]", 0.118_519, |seen| seen.wait())],
        ),
        Oracle::new(
            "patience of 3 s, 1 slot",
            "Baccelli & Hebuterne 1981",
            include_str!("../../scenarios/oracles/patience-1.toml"),
            vec![exact("P(time-out)", 0.166_710, |seen| seen.gave_up()), exact("E[W] served [s]", 0.997_489, |seen| seen.wait())],
        ),
        Oracle::new(
            "M/M/4, clients cancel",
            "Gross & Harris",
            include_str!("../../scenarios/oracles/patience-sojourn.toml"),
            vec![exact("P(time-out)", 0.219_228, |seen| seen.failed()), exact("W of all [s]", 1.096_140, time_of_all)],
        ),
    ]
}

fn persistence() -> Vec<Oracle> {
    vec![
        Oracle::new(
            "M/M/1 with a retry orbit",
            "Falin & Templeton",
            include_str!("../../scenarios/oracles/retry-orbit.toml"),
            vec![exact("N between attempts", 2.5, between_attempts)],
        ),
        Oracle::new(
            "circuit breaker",
            "renewal argument",
            include_str!("../../scenarios/oracles/breaker.toml"),
            vec![exact("P(skipped)", 0.108_337, |seen| 1.0 - attempts_a_call(seen))],
        ),
        Oracle::new(
            "independent retries",
            "geometric series",
            include_str!("../../scenarios/oracles/retries.toml"),
            vec![exact("attempts a call", 1.248, attempts_a_call), exact("P(success)", 0.9984, |seen| 1.0 - seen.failed())],
        ),
    ]
}

fn closed_loops() -> Vec<Oracle> {
    vec![
        Oracle::new(
            "M/M/2//10, repairmen",
            "Gross & Harris",
            include_str!("../../scenarios/oracles/machine-repairman.toml"),
            vec![exact("throughput [1/s]", 1.519_256, |seen| seen.throughput()), exact("response [s]", 1.582_170, |seen| seen.response())],
        ),
        Oracle::new(
            "closed network",
            "Reiser & Lavenberg 1980",
            include_str!("../../scenarios/oracles/closed-network.toml"),
            vec![exact("throughput [1/s]", 9.876_227, |seen| seen.throughput()), exact("response [s]", 1.025_065, |seen| seen.response())],
        ),
    ]
}

/// In the queue, whether it ended on a slot or in giving up.
fn wait_of_all(seen: Seen) -> f64 {
    let station = seen.station();
    (station.wait_sum.as_secs() + station.wait_given_up_sum.as_secs()) / station.accepted as f64
}

/// From issue to answer or cancellation.
fn time_of_all(seen: Seen) -> f64 {
    let calls = seen.outcome.calls();
    (calls.response_sum.as_secs() + calls.failure_time_sum.as_secs()) / calls.issued as f64
}

/// Mean number of calls that wait to try again: all their time but that on the slot, by Little's law.
fn between_attempts(seen: Seen) -> f64 {
    (seen.outcome.calls().response_sum.as_secs() - seen.station().response_sum.as_secs()) / seen.window()
}

fn attempts_a_call(seen: Seen) -> f64 {
    seen.outcome.calls().attempts as f64 / seen.outcome.calls().issued as f64
}
