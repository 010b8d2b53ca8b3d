use crate::engine::{Run, simulate};
use crate::mapping::Mapping;
use crate::scenario;

use super::*;

/// Two replications of the servers, agents and policy in `text`, without a warm-up.
fn summary(horizon: &str, text: &str) -> Summary {
    let text = format!("format = 1\nname = \"one\"\n[run]\nhorizon = \"{horizon}\"\nwarmup = \"0s\"\nreplications = 2\n{text}");
    let scenario = scenario::parse("one.toml", &text).unwrap_or_else(|problems| panic!("{problems:?}")).scenario;
    let mapping = Mapping::current(&scenario);
    let run = |replication| Replication::new(&scenario, &mapping, simulate(&scenario, &mapping, Run { seed: 1, replication }));
    summarize(&scenario, &[run(0), run(1)])
}

/// One server with such settings, 1.5 calls of 1 s a second to it.
fn overfull(server: &str, policy: &str) -> Summary {
    let text = format!(
        "[servers.one]\nserial = {{ exponential = \"1s\" }}\nprovides.work = 1.0\n{server}\n\
         [agents.a]\nworkload = {{ tasks = \"1.5/s\" }}\nneeds.work = \"one\"\n[policy]\nretries = 0\n{policy}"
    );
    summary("2h", &text)
}

#[test]
fn what_cannot_end_is_unstable_and_what_is_turned_away_is_not() {
    let check = |server, policy, unstable: &[&str], overloaded: &[&str]| {
        let summary = overfull(server, policy);
        assert_eq!(
            (summary.unstable.as_slice(), summary.overloaded.as_slice()),
            (&names(unstable)[..], &names(overloaded)[..]),
            "{server} {policy}"
        );
    };
    check("", "timeout = \"1d\"\ncall_life = \"1d\"", &["one"], &[]);
    check("queue = 3", "", &[], &["one"]);
    check("rate_limit = { rate = \"0.5/s\" }", "", &[], &["one"]);
    check("rate_limit = { rate = \"1.4/s\", burst = 100 }", "timeout = \"1d\"\ncall_life = \"1d\"", &["one"], &[]);
    check("", "timeout = \"30s\"\ngiven_up = \"is-cancelled\"", &[], &["one"]);
    check("", "timeout = \"30s\"\ngiven_up = \"goes-on\"", &["one"], &[]);
    // Nobody is so patient within the run.
    check("", "timeout = \"1h\"\ncall_life = \"1h\"\ngiven_up = \"is-cancelled\"", &["one"], &[]);
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn users_who_wait_make_nothing_unstable_whoever_calls_elsewhere() {
    let mixed = summary(
        "2h",
        "[servers.closed]\nserial = \"1s\"\nprovides.work = 1.0\n[servers.open]\nserial = \"1ms\"\nprovides.other = 1.0\n\
         [agents.crowd]\nworkload = { arrivals = { closed = { users = 50, pause = \"1s\" } } }\nneeds.work = \"closed\"\n\
         [agents.stream]\nworkload = { tasks = \"60/h\" }\nneeds.other = \"open\"\n[policy]\ntimeout = \"1h\"\ncall_life = \"2h\"\n",
    );
    assert!(mixed.is_stable() && mixed.overloaded.is_empty() && mixed.servers[0].offered.unwrap().mean >= 1.0);
}

#[test]
fn one_call_is_no_load() {
    let text = "[servers.one]\nserial = \"1s\"\nprovides.work = 1.0\n\
                [agents.a]\nworkload = { tasks = \"2/s\", arrivals = \"deterministic\" }\nneeds.work = \"one\"\n";
    assert!(summary("1s", text).is_stable() && !summary("100s", text).is_stable());
}

#[test]
fn a_run_is_short_for_a_queue_near_its_limit() {
    let near = |horizon, rate| {
        let text = format!(
            "[servers.one]\nserial = {{ exponential = \"1s\" }}\nprovides.work = 1.0\n\
             [agents.a]\nworkload = {{ tasks = \"{rate}/s\" }}\nneeds.work = \"one\"\n[policy]\ntimeout = \"10d\"\ncall_life = \"20d\"\n"
        );
        summary(horizon, &text).short_runs
    };
    // 100 x 1 s / (1 - .95)^2 = 40,000 s.
    let short = near("1h", 0.95);
    assert!(short.len() == 1 && short[0].needed > 10_000.0, "{short:?}");
    assert_eq!((near("20h", 0.9).len(), near("1h", 0.5).len()), (0, 0));
}

#[test]
fn waits_are_those_of_whose_service_began() {
    // Of ten calls in 100 s three begin, at 0, 40 and 80 s, before an outage breaks them all: they came at 0, 10 and 20 s.
    let broken = summary(
        "8h",
        "[servers.one]\nserial = \"40s\"\noutages = { every = \"100s\", lasts = \"0s\" }\nprovides.work = 1.0\n\
         [agents.a]\nworkload = { tasks = \"360/h\", arrivals = \"deterministic\" }\nneeds.work = \"one\"\n\
         [policy]\nretries = 0\ntimeout = \"1h\"\ncall_life = \"2h\"\n",
    );
    let wait = broken.servers[0].wait_mean.unwrap().mean;
    assert!((wait - 30.0).abs() < 1.0, "{wait}");
    // Two calls come a second and one is served: who begins at t came at t / 2; what is still queued at the end, at 3630 s, never began.
    let goes_on = summary(
        "1h",
        "[servers.one]\nserial = \"1s\"\nprovides.work = 1.0\n\
         [agents.a]\nworkload = { tasks = \"2/s\", arrivals = \"deterministic\" }\nneeds.work = \"one\"\n\
         [policy]\nretries = 0\ntimeout = \"30s\"\ncall_life = \"30s\"\n",
    );
    let wait = goes_on.servers[0].wait_mean.unwrap().mean;
    assert!((wait - 907.0).abs() < 2.0, "{wait}");
}
