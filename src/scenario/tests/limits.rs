//! A run has to end, and so has reading what it is to be.

use super::*;

fn refused(edits: &[(&str, &str)], expected: &str) {
    let shown = broken(expected, edits);
    assert!(shown.contains(expected), "{expected} is not in:\n{shown}");
}

fn accepted(edits: &[(&str, &str)]) {
    let text = edits.iter().fold(SMALL.to_owned(), |text, (from, to)| text.replacen(from, to, 1));
    read(&text);
}

const WORKLOAD: &str = "workload = { tasks = \"10/h\" }";
const HORIZON: &str = "horizon = \"8h\"";

#[test]
fn too_many_calls_are_refused_however_they_come() {
    let closed = "workload = { arrivals = { closed = { users = 100000, pause = \"100ms\" } } }";
    refused(&[(WORKLOAD, closed)], "would make 2.9e10 calls");
    refused(&[(WORKLOAD, &closed.replace("} } }", "} }, calls = 10 }"))], "would make 2.9e11 calls");
    accepted(&[(WORKLOAD, &closed.replace("100000", "1000"))]);
    let many = "workload = { tasks = \"1000000/s\", arrivals = \"deterministic\" }";
    refused(&[(WORKLOAD, many)], "would make 2.9e10 calls");
    refused(&[(HORIZON, "horizon = \"36500d\""), (WORKLOAD, "workload = { tasks = \"1/s\" }")], "would make 3.2e9 calls");
}

/// Over long enough a time bursts and profiles leave the mean as it is; over a short one they may not.
#[test]
fn bursts_and_profiles_count_with_what_they_have_in_store() {
    let bursts =
        |tasks, on, off| format!("workload = {{ tasks = \"{tasks}\", arrivals = {{ on_off = {{ on = \"{on}\", off = \"{off}\" }} }} }}");
    accepted(&[(WORKLOAD, &bursts("30000/s", "10ms", "10ms"))]);
    refused(&[(WORKLOAD, &bursts("40000/s", "10ms", "10ms"))], "would make 1.2e9 calls");
    // Eight hours of a burst that is to make up for the rest of a year.
    refused(&[(WORKLOAD, &bursts("100/s", "1d", "364d"))], "would make 1.1e9 calls");
    refused(&[(WORKLOAD, &bursts("1/s", "1ms", "36500d"))], "would make 3.2e9 calls");

    let profile = |tasks, profile: &str| format!("workload = {{ tasks = \"{tasks}\", profile = [{profile}] }}");
    accepted(&[(WORKLOAD, &profile("30000/s", "1, 2, 3"))]);
    accepted(&[(WORKLOAD, &profile("30000/s", "0, 0, 1000"))]);
    refused(&[(WORKLOAD, &profile("30000/s", "1000, 0, 0"))], "would make 2.6e9 calls");
    refused(&[(WORKLOAD, &profile("30000/s", "1, 0"))], "would make 1.7e9 calls");
    accepted(&[(HORIZON, "horizon = \"2d\""), (WORKLOAD, &profile("5000/s", "1, 0"))]);
    refused(&[(HORIZON, "horizon = \"2d\""), (WORKLOAD, &profile("6000/s", "1, 0"))], "would make 1.0e9 calls");

    let gamma = "workload = { tasks = \"1/h\", calls = 10000, arrivals = { gamma = { cv = 1000 } } }";
    refused(&[(WORKLOAD, gamma)], "would make 1.0e10 calls");
    accepted(&[(WORKLOAD, &gamma.replace("cv = 1000", "cv = 10"))]);
}

#[test]
fn load_scales_open_arrivals_alone() {
    let load = |load: &'static str| ("servers.supabase.connect.failure = 1.0", load);
    refused(
        &[load("load = 100000"), (WORKLOAD, "workload = { tasks = \"1/s\" }")],
        "in what-if `offline`: one replication would make 2.9e9",
    );
    accepted(&[load("load = 100000"), (WORKLOAD, "workload = { arrivals = { closed = { users = 1, pause = \"1s\" } } }")]);
}

#[test]
fn too_many_users_are_refused() {
    let agents: String = (0..11)
        .map(|i| format!("[agents.a{i}]\nworkload = {{ arrivals = {{ closed = {{ users = 1000000, pause = \"30000d\" }} }} }}\n"))
        .collect();
    refused(&[("[policy.fallbacks]", &format!("{agents}[policy.fallbacks]"))], "closed loops have 1.1e7 users");
}

#[test]
fn too_many_outages_freezes_and_bursts_are_refused() {
    let long = (HORIZON, "horizon = \"36500d\"");
    let often = "{ every = \"1ms\", lasts = \"0s\" }";
    refused(&[long, ("[dependencies.network]", &format!("[dependencies.network]\noutages = {often}"))], "3.2e12 outages");
    refused(&[long, ("slots = 1", &format!("freezes = {often}"))], "3.2e12 outages, freezes");
    refused(&[long, ("slots = 1", "slow = { every = \"1ms\", lasts = \"0s\", factor = 2 }")], "3.2e12 outages, freezes");
    let bursts = "workload = { tasks = \"1/d\", arrivals = { on_off = { on = \"1ms\", off = \"1ms\" } } }";
    refused(&[long, (WORKLOAD, bursts)], "1.6e12 outages, freezes");
    accepted(&[("slots = 1", &format!("freezes = {often}\nslow = {{ every = \"1s\", lasts = \"1s\", factor = 1 }}"))]);
}

#[test]
fn too_many_agents_are_refused() {
    let no_what_if = ("[what_if.offline]\nservers.supabase.connect.failure = 1.0", "");
    let agents: String = (0..100_001).map(|i| format!("[agents.a{i}]\n")).collect();
    let edit = ("[policy.fallbacks]", &*format!("{agents}[policy.fallbacks]"));
    refused(&[no_what_if, edit], "the scenario is too large: 100002 agents x 2 servers");
    let servers: String = (0..10_001).map(|i| format!("[servers.s{i}]\nserial = \"1s\"\nprovides.state = 0.1\n")).collect();
    let edit = ("[agents.worker]", &*format!("{servers}[agents.worker]"));
    refused(&[no_what_if, edit], "the scenario is too large: 1 agents x 10003 servers");
}

#[test]
fn what_is_not_finite_is_refused_wherever_a_number_stands() {
    for number in ["inf", "-inf", "nan", "1e999", "1e300", "-1"] {
        for (from, to) in [
            ("[dependencies.network]", "[host]\nmemory = \"1GiB\"\nslowdown = { above = 0.5, factor = N }\n[dependencies.network]"),
            ("slots = 1", "slow = { every = \"1h\", lasts = \"1s\", factor = N }"),
            ("slots = 1", "errors.connection = N"),
            ("slots = 1", "safe_concurrency = N"),
            (WORKLOAD, "workload = { tasks = \"1/h\", arrivals.gamma.cv = N }"),
            (WORKLOAD, "workload = { tasks = \"1/h\", profile = [1, N] }"),
            (WORKLOAD, "workload = { tasks = \"1/h\", at_once = N }"),
            (WORKLOAD, "workload = { arrivals.closed = { users = N, pause = \"1s\" } }"),
            ("complexity = 5", "complexity = 5\npriority = N"),
            ("complexity = 5", "complexity = 5\nconcurrency = N"),
            ("[policy.fallbacks]", "[policy]\nretry_budget = { ratio = N, burst = 3 }\n[policy.fallbacks]"),
            ("[policy.fallbacks]", "[policy.caches]\nstate = N\n[policy.fallbacks]"),
            ("servers.supabase.connect.failure = 1.0", "policy.caches.state.repeats = N"),
        ] {
            refused(&[(from, &to.replace('N', number))], "has to be");
        }
    }
}
