//! The supermarket model: a hundred single servers, Poisson arrivals at lambda a server, exponential service of mean 1 s; each arrival
//! looks at d distinct servers and joins the shortest queue. Mitzenmacher (2001), The power of two choices in randomized load balancing,
//! IEEE TPDS 12. There is no closed form for d = 2, d = 3 and the shortest of all at a finite number of servers: those values were
//! simulated elsewhere (ten runs of 100,000 s, half-widths of at most .012 s).

use std::borrow::Cow;
use std::fmt::Write;

use super::oracle::{Expected, Oracle, Rule};
use crate::mapping::Dispatch;

const SERVERS: u32 = 100;

/// Loads \[calls/s\] of a server.
const LAMBDAS: [f64; 3] = [0.5, 0.7, 0.9];

/// A dispatcher, and its mean times in system \[s\] at the three loads.
struct Column {
    name: &'static str,
    source: &'static str,
    dispatch: Dispatch,
    means: [f64; 3],
    /// Simulated values have an error of their own.
    rule: Rule,
    /// Counted of one replication \[s\], at the three loads; half as long a warm-up goes before. Random dispatching settles slowly: the
    /// relaxation time of M/M/1 is 1 / (1 - sqrt(lambda))^2, 380 s at lambda = .9.
    counted: [u32; 3],
}

const COLUMNS: [Column; 5] = [
    Column {
        name: "d = 1",
        source: "1 / (1 - lambda)",
        dispatch: Dispatch::PowerOfChoices(1),
        means: [2.0, 3.333_333, 10.0],
        rule: Rule::Holds(0.02),
        counted: [800, 2_000, 12_000],
    },
    Column {
        name: "d = 2",
        source: "simulated elsewhere",
        dispatch: Dispatch::PowerOfChoices(2),
        means: [1.2671, 1.6202, 2.6434],
        rule: Rule::Near(0.02),
        counted: [200, 350, 1_500],
    },
    Column {
        name: "d = 3",
        source: "simulated elsewhere",
        dispatch: Dispatch::PowerOfChoices(3),
        means: [1.1274, 1.3627, 2.0637],
        rule: Rule::Near(0.02),
        counted: [200, 250, 850],
    },
    Column {
        name: "shortest queue",
        source: "simulated elsewhere",
        dispatch: Dispatch::ShortestQueue,
        means: [1.0, 1.0, 1.067],
        rule: Rule::Near(0.02),
        counted: [200, 200, 400],
    },
    // Kleinrock (1975), vol. 1, sec. 6.4: each server is an E100/M/1, W = 1 / (1 - sigma).
    Column {
        name: "round-robin",
        source: "Kleinrock",
        dispatch: Dispatch::RoundRobin,
        means: [1.261_860, 1.890_481, 5.226_811],
        rule: Rule::Holds(0.02),
        counted: [400, 1_200, 9_000],
    },
];

pub(super) fn oracles() -> Vec<Oracle> {
    COLUMNS.iter().flat_map(|column| (0..LAMBDAS.len()).map(move |row| oracle(column, row))).collect()
}

fn oracle(column: &Column, row: usize) -> Oracle {
    let lambda = LAMBDAS[row];
    let expected = Expected { what: "W [s]", value: column.means[row], rule: column.rule, measure: |seen| seen.response() };
    Oracle {
        name: format!("{SERVERS} servers, {}, {lambda}", column.name),
        source: column.source,
        text: Cow::Owned(text(lambda, column.counted[row])),
        dispatch: column.dispatch,
        expected: vec![expected],
    }
}

fn text(lambda: f64, counted: u32) -> String {
    let (warmup, horizon, tasks) = (counted / 2, counted + counted / 2, lambda * f64::from(SERVERS));
    let mut text = format!(
        r#"format = 1
name = "supermarket"
run = {{ horizon = "{horizon}s", warmup = "{warmup}s", replications = 20, seed = 1 }}
agents.poisson = {{ workload.tasks = "{tasks}/s", needs.work = "s0" }}
policy = {{ timeout = "3650d", call_life = "3650d", retries = 0 }}
"#
    );
    for server in 0..SERVERS {
        writeln!(text, r#"servers.s{server} = {{ serial = {{ exponential = "1s" }}, provides.work = 1.0 }}"#)
            .expect("writing into a text cannot fail");
    }
    text
}
