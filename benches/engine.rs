//! How fast one replication is: calls simulated a second, on one core. `cargo bench` prints them.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcplab::engine::{Run, simulate};
use mcplab::mapping::Mapping;
use mcplab::scenario::{self, Scenario};

/// M/M/1 at 80 %: Poisson arrivals at one server, exponential service, nothing else.
const M_M_1: &str = r#"
format = 1
name = "m-m-1"
[run]
horizon = "28h"
warmup = "1h"
[servers.one]
serial = { exponential = "1s" }
provides.work = 1.0
[agents.poisson]
workload = { tasks = "2880/h", calls = 1 }
needs.work = "one"
[policy]
timeout = "1d"
call_life = "2d"
"#;

fn replications(criterion: &mut Criterion) {
    let shipped = |name: &str| {
        let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        (name.to_owned(), std::fs::read_to_string(&path).expect("the scenario is shipped"))
    };
    let scenarios = [("m-m-1".to_owned(), M_M_1.to_owned()), shipped("openmanager-vibe-v5"), shipped("organisation-200x30")];
    let mut group = criterion.benchmark_group("replication");
    for (name, text) in scenarios {
        let scenario: Scenario = scenario::parse(&name, &text).expect("the scenario is correct").scenario;
        let mapping = Mapping::current(&scenario);
        let run = Run { seed: 1, replication: 0 };
        let issued = simulate(&scenario, &mapping, run).calls().issued;
        group.throughput(Throughput::Elements(issued));
        group.bench_function(name.as_str(), |bencher| bencher.iter(|| simulate(&scenario, &mapping, run)));
    }
    group.finish();
}

criterion_group!(benches, replications);
criterion_main!(benches);
