//! What a run takes of the machine's memory: nothing for another call. A run of ten times the length allocates no more often, and holds
//! no more at its most, than what the rarer peaks of a longer run explain.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;

use mcplab::engine::{Run, simulate};
use mcplab::mapping::Mapping;
use mcplab::scenario::{self, Scenario};
use mcplab::units::SimTime;

/// The system's allocator, which counts. Of each thread apart, so that other tests do not count.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes held now, and at the most.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

// SAFETY: everything is the system's allocator's; the counters do not allocate, and have no destructor that a thread's end could run.
// What grows in place goes through both of these, so at that instant its old and its new place count: the peak is rather too high.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        HELD.set(HELD.get() + layout.size() as i64);
        PEAK.set(PEAK.get().max(HELD.get()));
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size() as i64);
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What one replication took.
#[derive(Debug, Clone, Copy)]
struct Taken {
    calls: u64,
    allocations: u64,
    /// Bytes at its most, beyond what was held before.
    peak: i64,
}

fn taken(scenario: &Scenario, times: u64) -> Taken {
    let mut scenario = scenario.clone();
    scenario.run.horizon = SimTime(scenario.run.horizon.0 * times);
    let mapping = Mapping::current(&scenario);
    let (allocations, held) = (ALLOCATIONS.get(), HELD.get());
    PEAK.set(held);
    let outcome = simulate(&scenario, &mapping, Run { seed: 1, replication: 0 });
    Taken { calls: outcome.calls().issued, allocations: ALLOCATIONS.get() - allocations, peak: PEAK.get() - held }
}

/// A few vectors may see their greatest length only in the longer run, and double; that they take more for every call would show
/// a hundredfold.
const RARE_GROWTH: u64 = 40;
const RARE_BYTES: i64 = 64 << 10;

/// The same luck twice: the longer run begins as the shorter one, so what it takes beyond that, it takes later.
fn check(name: &str, scenario: &Scenario) {
    let (short, long) = (taken(scenario, 1), taken(scenario, 10));
    println!("{name}: {short:?}, ten times as long {long:?}");
    assert!(long.calls > short.calls * 8, "{name}: {short:?} {long:?}");
    assert!(long.allocations <= short.allocations + RARE_GROWTH, "{name} allocates as it goes: {short:?} {long:?}");
    // A longer run meets longer bursts, and a full vector doubles; what is kept of every call would show tenfold.
    assert!(long.peak <= short.peak * 2 + RARE_BYTES, "{name} holds more, the longer it runs: {short:?} {long:?}");
}

fn read(name: &str, text: &str) -> Scenario {
    scenario::parse(name, text).unwrap_or_else(|error| panic!("{name}: {error:?}")).scenario
}

#[test]
fn shipped_scenarios_take_nothing_for_another_call() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut checked = 0;
    for entry in fs::read_dir(folder).expect("the scenarios are shipped") {
        let path = entry.expect("a folder entry can be read").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        if name.ends_with(".toml") && !name.ends_with(".plan.toml") {
            check(&name, &read(&name, &fs::read_to_string(&path).expect("a scenario can be read")));
            checked += 1;
        }
    }
    assert!(checked >= 6, "{checked}");
}

/// Every behaviour that keeps something under way: sessions, retries, fallbacks, hedges, breakers, priorities, shared slots, memory,
/// outages, freezes, caches, users who come back, bursts, several calls at once, limits of calls under way.
const EVERYTHING: &str = r#"
format = 1
name = "everything"
[run]
horizon = "4h"
warmup = "30min"
[host]
memory = "16GiB"
slowdown = { above = "60%", factor = 3 }
[dependencies.network]
outages = { every = { exponential = "20min" }, lasts = { exponential = "1min" } }
[servers.browser]
slots = 4
discipline = "priority"
serial = { lognormal = { mean = "700ms", p95 = "1200ms" } }
first_call = "2s"
connect = { time = "1s", cold_time = "15s", failure = 0.1 }
freezes = { every = { exponential = "20min" }, lasts = "30s" }
errors = { soft = 0.01, protocol = 0.01, stall = 0.01, unanswered = 0.01, connection = 0.02 }
process = "session"
memory = "200MiB"
memory_per_call = "80MiB"
memory_growth = "100KiB"
safe_concurrency = { limit = 2, beyond = "aborted" }
depends_on = ["network"]
provides = { pages = 1.0, docs = { quality = 0.4, serial = "2s" } }
[servers.documents]
serial = "5ms"
parallel = { lognormal = { mean = "400ms", cv = 0.8 } }
queue = 20
rate_limit = { rate = "20000/h", burst = 100, retry_after = true }
slow = { every = { exponential = "30min" }, lasts = "2min", factor = 4 }
errors = { unanswered = 0.02, connection = 0.01 }
connect = { time = "500ms", failure = 0.1 }
depends_on = ["network"]
provides = { docs = 1.0 }
[servers.database]
discipline = "processor-sharing"
slots = 4
serial = { exponential = "200ms" }
freezes = { every = { exponential = "30min" }, lasts = "20s" }
outages = { every = { exponential = "10min" }, lasts = "1min" }
provides = { state = 1.0 }
[stand_ins.local-files]
time = "5ms"
provides = { state = 0.3 }
[workload]
tasks = "300/h"
calls = 6
think = { exponential = "2s" }
[agents.writer]
priority = 2
workload = { profile = [1, 1, 0.5], at_once = 3 }
needs = { docs = "documents", state = { server = "database", demand = 0.5 } }
[agents.nightly]
workload = { tasks = "200/h", arrivals = { on_off = { on = { exponential = "10min" }, off = { exponential = "10min" } } } }
needs = { pages = "browser", state = "database" }
[agents.bursty]
workload = { arrivals = { gamma = { cv = 3 } } }
needs = { docs = "documents" }
[agents.crowd]
concurrency = 10
workload = { arrivals = { closed = { users = 50, pause = { exponential = "1min" } } } }
needs = { pages = "browser", state = "database" }
[policy]
timeout = "20s"
queue_timeout = "10s"
given_up = "is-cancelled"
retries = 3
backoff = { first = "500ms", max = "20s", spread = "exponential" }
retry_budget = { ratio = 0.2, burst = 10 }
breaker = { failures = 5, cool_down = "1min" }
hedge = { after = "3s" }
caches = { docs = { repeats = 0.3, ttl = "5min" } }
[policy.fallbacks]
docs = ["documents", "browser"]
state = ["local-files"]
[recovery]
every = "1min"
success = 0.9
"#;

#[test]
fn nor_does_any_behaviour() {
    let everything = read("everything", EVERYTHING);
    check("everything", &everything);
    let edited = |from: &str, to: &str| {
        assert!(EVERYTHING.contains(from), "{from}");
        read(to, &EVERYTHING.replace(from, to))
    };
    // Work goes on when its client has left, and patience is drawn, so that time-outs stand in the heap.
    check("goes on", &edited("given_up = \"is-cancelled\"", "given_up = \"goes-on\""));
    check("drawn patience", &edited("timeout = \"20s\"\n", "timeout = { exponential = \"20s\" }\n"));
    check("fifo", &edited("discipline = \"priority\"", "discipline = \"fifo\""));
}

/// Who has no priority never gets a slot here and gives up: the queue must not remember everybody who ever came.
const STARVED: &str = r#"
format = 1
name = "starved"
[run]
horizon = "4h"
warmup = "30min"
[servers.one]
discipline = "priority"
serial = "1s"
provides.work = 1.0
[workload]
calls = 1
[agents.first]
priority = 1
workload.tasks = "7200/h"
needs.work = "one"
[agents.last]
workload.tasks = "7200/h"
needs.work = "one"
[policy]
timeout = "10s"
call_life = "10s"
retries = 0
given_up = "is-cancelled"
"#;

#[test]
fn a_queue_forgets_who_gave_up() {
    check("starved", &read("starved", STARVED));
    // Likewise those who came with a day's work to a server that shares its time, and never idles.
    let shared = STARVED.replace("priority\"\nserial = \"1s\"", "processor-sharing\"\nserial = { empirical = [\"1s\", \"1d\"] }");
    assert!(shared.contains("1d"));
    check("shared", &read("shared", &shared));
}

const M_M_1: &str = r#"
format = 1
name = "m-m-1"
[run]
horizon = "355h"
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

#[test]
fn a_million_calls_fit_into_five_megabytes() {
    let taken = taken(&read("m-m-1", M_M_1), 1);
    println!("{taken:?}");
    assert!(taken.calls >= 1_000_000 && taken.peak < 5_000_000, "{taken:?}");
}
