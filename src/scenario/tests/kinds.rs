//! What the samples say, key by key, and what what-ifs make of it.

use super::*;
use crate::units::{Bytes, Probability};

fn share(value: f64) -> Figure<Probability> {
    Figure::stated(Probability::new(value).unwrap())
}

fn millis(millis: u64) -> Figure<SimTime> {
    Figure::stated(SimTime::from_millis(millis))
}

fn constant(millis: u64) -> Figure<Distribution> {
    Figure::stated(Distribution::Constant(SimTime::from_millis(millis)))
}

fn exponential(millis: u64) -> Figure<Distribution> {
    Figure::stated(Distribution::Exponential { mean: SimTime::from_millis(millis) })
}

#[test]
fn servers_say_how_they_serve_and_what_goes_wrong() {
    let scenario = read(EVERYTHING);
    let slowdown = scenario.host.slowdown.as_ref().unwrap();
    assert_eq!((slowdown.above.clone(), slowdown.factor.value), (share(0.8), 3.0));
    let [filesystem, supabase, time, ..] = &scenario.servers[..] else { panic!("five servers") };
    assert_eq!(
        [filesystem.discipline, supabase.discipline, time.discipline],
        [Discipline::Priority, Discipline::ProcessorSharing, Discipline::Fifo]
    );
    assert_eq!(filesystem.first_call.value, Distribution::Lognormal { mean: SimTime::from_millis(2000), cv: 0.5 });
    assert_eq!(filesystem.errors.connection, share(0.002));
    assert_eq!(filesystem.connect.cold_time.as_ref().unwrap().value, Distribution::Constant(SimTime::from_millis(12_000)));
    let freezes = filesystem.freezes.as_ref().unwrap();
    assert_eq!((freezes.every.clone(), freezes.lasts.value.clone()), (exponential(7_200_000), constant(30_000).value));
    let slow = SlowPeriods { every: exponential(3_600_000), lasts: exponential(300_000), factor: Figure::stated(4.0) };
    assert_eq!(filesystem.slow, Some(slow));
    assert!(filesystem.rate_limit.as_ref().unwrap().retry_after);
    assert_eq!((filesystem.memory_per_call.value, filesystem.memory_growth.value), (Bytes(512 << 10), Bytes(2000)));
    assert_eq!(filesystem.safe_concurrency, Some(SafeConcurrency { limit: Figure::stated(2), beyond: Beyond::Aborted }));
    assert_eq!(supabase.safe_concurrency, Some(SafeConcurrency { limit: Figure::stated(4), beyond: Beyond::Lost }));
    assert_eq!(filesystem.provides[1].serial, Some(constant(40)));
    assert_eq!(filesystem.provides[1].parallel.as_ref().unwrap().value, exponential(60).value);
    assert_eq!((&time.freezes, &time.slow, &time.safe_concurrency, &time.first_call), (&None, &None, &None, &constant(0)));
}

#[test]
fn agents_say_how_their_tasks_come() {
    let scenario = read(EVERYTHING);
    let [tracker, korean, idle] = &scenario.agents[..] else { panic!("three agents") };
    assert_eq!((tracker.priority, tracker.concurrency.clone()), (2, Some(Figure::stated(4))));
    assert_eq!((idle.priority, &idle.concurrency), (0, &None));
    for follower in [tracker, idle] {
        assert_eq!(follower.workload.arrivals, Arrivals::Renewal { cv: Figure::stated(0.5) });
        assert_eq!((&follower.workload.profile[..], &follower.workload.at_once), (&[1.0, 0.5, 2.0][..], &Figure::stated(3)));
    }
    assert_eq!(korean.workload.arrivals, Arrivals::OnOff { on: exponential(600_000), off: constant(3_000_000) });
    assert_eq!((&korean.workload.profile[..], &korean.workload.at_once), (&[][..], &Figure::stated(1)));

    let scenario = read(OTHERWISE);
    let arrivals: Vec<&Arrivals> = scenario.agents.iter().map(|agent| &agent.workload.arrivals).collect();
    assert_eq!(arrivals[..2], [&Arrivals::Poisson, &Arrivals::Renewal { cv: Figure::stated(0.0) }]);
    assert!(matches!(arrivals[2], Arrivals::Renewal { cv } if cv.value == 0.0 && cv.provenance.is_some()));
    assert_eq!(arrivals[5], &Arrivals::Closed { users: Figure::stated(2), pause: constant(1000) });
    assert_eq!(scenario.agents[4].workload.tasks.value.per_second(), 0.0);
    assert_eq!((&scenario.agents[1].workload.profile[..], &scenario.agents[2].workload.profile[..]), (&[0.0, 1.0][..], &[][..]));
    assert_eq!(scenario.run.warmup, None);
}

#[test]
fn users_say_what_matters_most() {
    let everything = read(EVERYTHING);
    assert_eq!(everything.priorities.as_deref(), Some(&Term::ALL[..]));
    assert_eq!(
        everything.limits,
        Limits { changes: Some(6), servers_per_agent: Some(8), tool_tokens: Some(30_000), separate_domains: true }
    );
    let weights = |scenario: &Scenario| Term::ALL.map(|term| scenario.weight(term));
    assert_eq!(weights(&everything), [1.0, 1e-2, 1e-4, 1e-6, 1e-8]);
    let otherwise = read(OTHERWISE);
    assert_eq!(weights(&otherwise), [0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(weights(&otherwise.what_ifs[2].scenario), [0.0, 0.0, 1e-2, 1e-4, 1.0]);
    assert_eq!(weights(&read(SMALL)), [1.0, 1.0, 0.0, 1e-2, 0.0]);
}

#[test]
fn clients_say_how_patient_they_are() {
    let policy = read(EVERYTHING).policy;
    let (from, to) = (SimTime::from_millis(5000), SimTime::from_millis(10_000));
    assert_eq!(policy.queue_timeout, Some(Figure::stated(Distribution::Uniform { min: from, max: to })));
    assert_eq!(policy.given_up, GivenUp::IsCancelled);
    assert_eq!(policy.backoff.spread, Spread::Jitter(share(0.1)));
    assert_eq!(policy.retry_budget, Some(RetryBudget { ratio: Figure::stated(0.2), burst: Figure::stated(10) }));
    assert_eq!(policy.hedge, Some(Hedge { after: millis(2000) }));
    assert_eq!(policy.caches[0], CacheRule { capability: CapabilityId(0), repeats: share(0.9), ttl: None });
    assert_eq!((policy.caches[1].repeats.value.get(), &policy.caches[1].ttl), (0.3, &Some(millis(300_000))));

    let policy = read(OTHERWISE).policy;
    assert_eq!((policy.retries.value, policy.backoff.spread, policy.given_up), (UNLIMITED, Spread::Exponential, GivenUp::GoesOn));
    assert_eq!((policy.caches[0].repeats.value.get(), policy.caches[0].repeats.provenance.is_some()), (0.25, true));
}

/// Alternatives replace each other as a whole, short spellings change what they are short for, and the rest stays.
#[test]
fn what_ifs_replace_alternatives_and_keep_the_rest() {
    let scenario = read(OTHERWISE);
    let [open, patient, harder] = &scenario.what_ifs[..] else { panic!("three what-ifs") };
    let of = |name: &str| &open.scenario.agents[scenario.agent_named(name).unwrap().index()].workload;
    assert_eq!(of("plain").arrivals, Arrivals::Closed { users: Figure::stated(5), pause: constant(60_000) });
    assert_eq!(of("people").arrivals, Arrivals::Poisson);
    assert_eq!(of("robots").arrivals, Arrivals::Renewal { cv: Figure::stated(2.0) });
    assert_eq!((of("robots").tasks.value.to_string(), of("robots").at_once.value, of("robots").calls.value), ("15/h".to_owned(), 8, 10.0));
    assert_eq!(of("bursts").arrivals, Arrivals::OnOff { on: constant(60_000), off: constant(60_000) });
    assert_eq!((of("plain").profile.len(), of("clockwork").profile.len(), of("even").profile.len()), (2, 2, 0));

    let policy = &patient.scenario.policy;
    assert_eq!((policy.retries.value, policy.given_up), (2, GivenUp::IsCancelled));
    assert_eq!(policy.backoff, Backoff { spread: Spread::Jitter(share(0.2)), ..scenario.policy.backoff.clone() });
    assert_eq!(policy.timeout, scenario.policy.timeout);
    assert_eq!((&policy.caches[0].repeats, &policy.caches[0].ttl), (&share(0.5), &None));
    assert_eq!((&policy.caches[1].repeats, &policy.caches[1].ttl), (&share(0.5), &Some(millis(3_600_000))));
    assert_eq!((&policy.hedge, &scenario.policy.hedge), (&Some(Hedge { after: millis(3000) }), &None));

    let [fetch, browser] = &harder.scenario.servers[..] else { panic!("two servers") };
    let safe = |server: &Server| server.safe_concurrency.clone().map(|safe| (safe.limit.value, safe.beyond));
    assert_eq!((safe(fetch), safe(browser)), (Some((2, Beyond::Aborted)), Some((6, Beyond::Lost))));
    assert_eq!((&fetch.provides[0].quality, &fetch.provides[0].serial), (&share(0.8), &Some(constant(700))));
    assert_eq!((fetch.provides[1].quality.value.get(), &fetch.provides[1].serial), (0.7, &Some(constant(1000))));
    let slow = fetch.slow.as_ref().unwrap();
    assert_eq!((slow.factor.value, &slow.every), (9.0, &constant(3_600_000)));
    assert_eq!(harder.scenario.run.warmup, Some(SimTime::from_millis(3_600_000)));
}

#[test]
fn what_ifs_replace_an_exponential_spread_and_back() {
    let overlaid = |backoff: &str, overlay: &str| {
        let policy = format!("[policy]\nretries = 1\nbackoff = {backoff}\n\n[policy.fallbacks]");
        let text = SMALL.replacen("[policy.fallbacks]", &policy, 1).replacen("servers.supabase.connect.failure = 1.0", overlay, 1);
        read(&text).what_ifs[0].scenario.policy.backoff.clone()
    };
    let backoff = overlaid("{ first = \"3s\", jitter = 0.3 }", "policy.backoff.spread = \"exponential\"");
    assert_eq!((backoff.first, backoff.spread), (millis(3000), Spread::Exponential));
    let backoff = overlaid("{ first = \"3s\", spread = \"exponential\" }", "policy.backoff.jitter = 0.3");
    assert_eq!((backoff.first, backoff.spread), (millis(3000), Spread::Jitter(share(0.3))));
    let backoff = overlaid("{ first = \"3s\", spread = \"exponential\" }", "policy.backoff.max = \"9s\"");
    assert_eq!((backoff.first, backoff.spread), (millis(3000), Spread::Exponential));
}

#[test]
fn every_assumed_figure_is_counted_with_its_place() {
    let scenario = read(ASSUMED);
    insta::assert_snapshot!("every_assumption", scenario.assumptions().join("\n"));
    assert_eq!(scenario.assumed_figures(), ASSUMED.matches("source = \"assumed\"").count());
    let written = write(&scenario);
    assert_eq!(read(&written), scenario);
    assert_eq!(written.matches("source = \"assumed\"").count(), scenario.assumed_figures(), "{written}");
}

#[test]
fn samples_survive_a_round_trip() {
    for sample in [EVERYTHING, OTHERWISE, ASSUMED, SMALL] {
        let scenario = read(sample);
        let written = write(&scenario);
        let again = read(&written);
        assert_eq!(again, scenario, "{written}");
        assert_eq!(write(&again), written);
    }
}

#[test]
fn shipped_scenarios_survive_a_round_trip() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files =
        [folder.clone(), folder.join("oracles")].map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let is_scenario = |file: &std::path::PathBuf| {
        let name = file.to_string_lossy();
        name.ends_with(".toml") && !name.ends_with(".plan.toml")
    };
    let mut count = 0;
    for file in files.into_iter().flatten().filter(is_scenario) {
        let scenario = read(&std::fs::read_to_string(&file).unwrap());
        let written = write(&scenario);
        assert_eq!(read(&written), scenario, "{}\n{written}", file.display());
        count += 1;
    }
    assert!(count >= 30, "{count}");
}
