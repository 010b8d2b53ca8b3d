//! How fast the engine is. `cargo bench` prints, after what Criterion says: calls simulated a second, on one core; what a call costs
//! when more and more events are pending; and what a second thread brings. `cargo bench -- pending` measures what is called so.

mod scenarios;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};
use mcplab::engine::{IssuedCall, Observer, Run, simulate, simulate_observed};
use mcplab::mapping::Mapping;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

const RUN: Run = Run { seed: 1, replication: 0 };

/// Calls over which pending events are timed.
const TIMED_CALLS: u64 = 500_000;

const REPLICATIONS: u32 = 8;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let table = replications(&mut criterion);
    let pending = pending_events(&mut criterion);
    let threads = threads(&mut criterion);
    criterion.final_summary();
    table.print("replication", |row| format!("{:.2} M calls/s", 1e-6 / row.seconds_a_call));
    print_pending(&pending);
    print_threads(&threads);
}

/// One replication of each scenario, the reading of its text left out.
fn replications(criterion: &mut Criterion) -> Table {
    let scenarios = [
        scenarios::m_m(1),
        scenarios::m_m(4),
        scenarios::shipped("openmanager-vibe-v5"),
        scenarios::shipped("organisation-200x30"),
        scenarios::generated(1000, 100),
    ];
    let mut table = Table::default();
    let mut group = group(criterion, "replication");
    for scenario in scenarios {
        let mapping = Mapping::current(&scenario);
        let calls = simulate(&scenario, &mapping, RUN).calls().issued;
        table.measure(&mut group, &scenario.name, calls, || {
            let start = Instant::now();
            std::hint::black_box(simulate(&scenario, &mapping, RUN));
            start.elapsed()
        });
    }
    table
}

/// What a call costs while so many events are pending: the same number of calls each time, from within the run, so that neither
/// filling the calendar nor its end counts.
fn pending_events(criterion: &mut Criterion) -> Table {
    let mut table = Table::default();
    let mut group = group(criterion, "pending");
    for users in [1_000, 10_000, 100_000, 1_000_000] {
        let scenario = scenarios::pending(users, TIMED_CALLS);
        let mapping = Mapping::current(&scenario);
        table.measure(&mut group, &users.to_string(), TIMED_CALLS, || {
            let mut watch = StopWatch::after(u64::from(users) / 10);
            simulate_observed(&scenario, &mapping, RUN, &mut watch);
            watch.took.expect("the run makes as many calls")
        });
    }
    table
}

fn threads(criterion: &mut Criterion) -> Table {
    let scenario = scenarios::shipped("openmanager-vibe-v5");
    let mapping = Mapping::current(&scenario);
    let all = || -> u64 {
        let issued = |replication| simulate(&scenario, &mapping, Run { seed: 1, replication }).calls().issued;
        (0..REPLICATIONS).into_par_iter().map(issued).sum()
    };
    let mut table = Table::default();
    let mut group = group(criterion, "threads");
    for threads in [1, 2] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
        let calls = pool.install(all);
        table.measure(&mut group, &threads.to_string(), calls, || {
            let start = Instant::now();
            pool.install(all);
            start.elapsed()
        });
    }
    table
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    group
}

/// Times the calls from one number on, from within the run.
struct StopWatch {
    /// Calls until it starts, then until it stops.
    left: u64,
    started: Option<Instant>,
    took: Option<Duration>,
}

impl StopWatch {
    fn after(calls: u64) -> StopWatch {
        StopWatch { left: calls, started: None, took: None }
    }
}

impl Observer for StopWatch {
    fn call_issued(&mut self, _: &IssuedCall) {
        if self.left > 0 {
            self.left -= 1;
        } else if let Some(started) = self.started {
            self.took = self.took.or_else(|| Some(started.elapsed()));
        } else {
            (self.started, self.left) = (Some(Instant::now()), TIMED_CALLS - 1);
        }
    }
}

/// What was measured of one group, beside what Criterion keeps.
#[derive(Default)]
struct Table {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    /// Of the quickest of all runs: whatever else the machine does can only slow one down.
    seconds_a_call: f64,
}

impl Table {
    /// What Criterion is told not to measure makes no row.
    fn measure(&mut self, group: &mut BenchmarkGroup<WallTime>, name: &str, calls: u64, run: impl Fn() -> Duration) {
        let quickest = RefCell::new(Duration::MAX);
        let run = || {
            let took = run();
            quickest.replace_with(|before| took.min(*before));
            took
        };
        group.throughput(Throughput::Elements(calls));
        group.bench_function(name, |bencher| bencher.iter_custom(|runs| (0..runs).map(|_| run()).sum()));
        let quickest = quickest.into_inner();
        if quickest < Duration::MAX {
            self.rows.push(Row { name: name.to_owned(), seconds_a_call: quickest.as_secs_f64() / calls as f64 });
        }
    }

    fn print(&self, head: &str, line: impl Fn(&Row) -> String) {
        if !self.rows.is_empty() {
            println!("\n{head}");
        }
        for row in &self.rows {
            println!("  {:<24} {}", row.name, line(row));
        }
    }
}

fn print_pending(table: &Table) {
    let Some(first) = table.rows.first() else { return };
    // A heap's way from top to bottom is as long as the logarithm: 1.0 means that a call costs as much more as that.
    let log = |row: &Row| row.name.parse::<f64>().expect("the rows are numbers").log2();
    table.print("pending events           ns a call   relative to log2", |row| {
        let relative = row.seconds_a_call / log(row) / (first.seconds_a_call / log(first));
        format!("{:>7.1}     {relative:.2}", row.seconds_a_call * 1e9)
    });
}

fn print_threads(table: &Table) {
    let Some(first) = table.rows.first() else { return };
    table.print("threads                  calls/s     speed-up", |row| {
        format!("{:.2} M      {:.2}", 1e-6 / row.seconds_a_call, first.seconds_a_call / row.seconds_a_call)
    });
}
