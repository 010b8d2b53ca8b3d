//! A log of a known scenario, calibrated into a version that knows nothing: the figures have to come back.

use super::*;
use crate::engine::Run;
use crate::mapping::Mapping;
use crate::study::call_log;
use crate::units::SimTime;

/// What is to be found again: two slots, time-outs, failures, outages, tasks of several calls, two needs.
const TRUTH: &str = r#"# A comment of the author's.
format = 1
name = "round"
[run]
horizon = "48h"
warmup = "0s"

[servers.quick]  # answers at once
parallel = { lognormal = { mean = "150ms", cv = 0.8 } }
errors = { soft = 0.05, connection = 0.02 }
provides.answers = 1.0

[servers.flaky]
parallel = "10ms"
errors.soft = 0.01
outages = { every = { exponential = "2h" }, lasts = { exponential = "10min" } }
provides.state = 1.0

[servers.narrow]
slots = 2
serial = { exponential = "20s" }
provides.pages = 1.0

[agents.asking]
workload = { tasks = "30/h", calls = 4, think = { lognormal = { mean = "5s", cv = 0.5 } } }
needs.answers = { server = "quick", demand = 3 }
needs.state = "flaky"

[agents.watching]
workload.tasks = "240/h"
needs.state = "flaky"

[agents.reading]
workload.tasks = "290/h"
needs.pages = "narrow"

[policy]
timeout = "400s"
call_life = "500s"
retries = 0
"#;

fn blank() -> String {
    let mut text = TRUTH.to_owned();
    for (truth, guess) in [
        ("{ lognormal = { mean = \"150ms\", cv = 0.8 } }", "\"1s\""),
        ("errors = { soft = 0.05, connection = 0.02 }", "errors = {}"),
        ("errors.soft = 0.01\n", ""),
        ("outages = { every = { exponential = \"2h\" }, lasts = { exponential = \"10min\" } }\n", ""),
        ("slots = 2\n", ""),
        ("{ exponential = \"20s\" }", "{ value = \"1s\", source = \"assumed\" }  # a guess"),
        ("tasks = \"30/h\", calls = 4, think = { lognormal = { mean = \"5s\", cv = 0.5 } }", "tasks = \"1/h\""),
        ("{ server = \"quick\", demand = 3 }", "\"quick\""),
        ("\"240/h\"", "\"1/h\""),
        ("\"290/h\"", "\"1/h\""),
    ] {
        assert!(text.contains(truth), "{truth}");
        text = text.replace(truth, guess);
    }
    text
}

fn read(text: &str) -> Scenario {
    parse("round.toml", text).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false))).scenario
}

fn reading() -> Reading {
    Reading { format: None, measure: Measure::Exact, idle: None, renamed: Vec::new(), utc_offset: 0, seed: 1 }
}

fn calibrated_from(log: &str, ending: &str, text: &str, reading: &Reading) -> Calibrated {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(format!("calls.{ending}"));
    std::fs::write(&path, log).expect("it can be written");
    let scenario = read(text);
    calibrated(("round.toml", text, &scenario), &[path], reading, &Catalogue::built_in(), &()).unwrap_or_else(|error| panic!("{error}"))
}

fn provenance<T>(figure: &Figure<T>) -> &Provenance {
    figure.provenance.as_ref().expect("it says where it is from")
}

#[test]
fn what_made_the_log_is_found_again() {
    let truth = read(TRUTH);
    let log = call_log(&truth, &Mapping::current(&truth), Run { seed: 3, replication: 0 });
    let found = calibrated_from(&log, "csv", &blank(), &reading());
    for place in &found.places {
        println!("{}: {:?} -> {:?} ({})", place.path.join("."), place.was, place.now, place.why);
    }
    assert!(found.unknown == Unknown::default() && found.silent.is_empty(), "{found:?}");
    let scenario = read(&found.text);
    let time = |text: &str| text.parse::<SimTime>().map(SimTime::as_secs).or_else(|_| text.parse::<f64>()).ok();
    let end = |text: &String| time(text).or_else(|| text.parse::<crate::units::Rate>().ok().map(|rate| 3600.0 * rate.per_second()));
    let mut intervals = 0;
    let mut check = |of: &Provenance, truth: f64, n: u64| {
        let [low, high] = of.interval.as_ref().expect("an interval").each_ref().map(|text| end(text).expect("a number"));
        assert!((low..=high).contains(&truth), "{truth} in {low} to {high}: {of:?}");
        assert!(high - low < 2.0 * truth.max(0.01) && of.n.is_some_and(|found| found >= n), "{of:?}");
        assert!(of.source == Source::Measured && of.note.as_ref().is_some_and(|note| note.starts_with("calls.csv")), "{of:?}");
        intervals += 1;
    };
    let [quick, flaky, narrow] = &scenario.servers[..] else { panic!("{scenario:?}") };
    check(provenance(&quick.parallel), 0.150, 1000);
    check(provenance(&quick.errors.soft), 0.05, 1000);
    check(provenance(&quick.errors.connection), 0.02, 1000);
    check(provenance(&quick.errors.protocol), 0.0, 1000);
    check(provenance(&flaky.errors.soft), 0.01, 5000);
    let outages = flaky.outages.as_ref().expect("outages were found");
    check(provenance(&outages.every), 7200.0, 10);
    check(provenance(&outages.lasts), 600.0, 10);
    check(provenance(&narrow.serial), 20.0, 100);
    assert_eq!((narrow.slots.value, &quick.slots), (2, &Figure::stated(1)));
    let [asking, watching, reading] = [0, 1, 2].map(|i| &scenario.agents[i].workload);
    check(provenance(&asking.tasks), 30.0, 1000);
    check(provenance(&asking.calls), 4.0, 1000);
    check(provenance(&asking.think), 5.0, 1000);
    check(provenance(&watching.tasks), 240.0, 1000);
    check(provenance(&reading.tasks), 290.0, 1000);
    check(provenance(&scenario.needs[0].demand), 0.75, 1000);
    assert_eq!(intervals, 14);
    assert_eq!(reading.calls.value, 1.0);
    // All that the trace does not tell is as it was.
    for kept in ["# A comment of the author's.", "[servers.quick]  # answers at once", "# a guess", "timeout = \"400s\""] {
        assert!(found.text.contains(kept), "{kept} is in\n{}", found.text);
    }
    assert_eq!(read(&crate::scenario::write(&scenario)), scenario, "out and in again without loss");
    let again = calibrated_from(&log, "csv", &found.text, &super::tests::reading());
    assert_eq!(again.text, found.text, "the same trace says the same");
}

/// Few calls, upper bounds, and names of others.
#[test]
fn what_a_trace_does_not_tell_stays() {
    let few =
        "time,agent,server,duration_ms,outcome\n2026-03-02T09:00:00Z,asking,quick,100,ok\n2026-03-02T09:01:00Z,nobody,elsewhere,100,ok\n";
    let found = calibrated_from(few, "csv", &blank(), &reading());
    assert_eq!((found.found(), &found.text), (0, &blank()));
    assert_eq!((found.unknown.servers.get("elsewhere"), found.unknown.agents.get("nobody")), (Some(&1), Some(&1)));
    assert!(found.silent.contains(&"server narrow".to_owned()) && !found.silent.contains(&"agent asking".to_owned()), "{:?}", found.silent);
    let why =
        |found: &Calibrated, path: &str| found.places.iter().find(|place| place.path.join(".") == path).map(|place| place.why.clone());
    assert!(why(&found, "servers.quick.parallel").is_some_and(|why| why.contains("1 call that ended and did not wait, fewer than 10")));

    let hooks: String = (0..20)
        .map(|i| {
            let event = |name: &str, second: u32| {
                format!("{{\"hook_event_name\":\"{name}\",\"tool_name\":\"mcp__theirs__x\",\"tool_use_id\":\"{i}\",\"session_id\":\"s\",\"agent_type\":\"asking\",\"timestamp\":\"2026-03-02T09:{i:02}:{second:02}Z\"}}\n")
            };
            event("PreToolUse", 0) + &event("PostToolUse", 1 + i % 9)
        })
        .collect();
    let named = Reading { renamed: vec![Renamed { trace: "theirs".to_owned(), scenario: "quick".to_owned() }], ..reading() };
    let found = calibrated_from(&hooks, "jsonl", &blank(), &named);
    let said = why(&found, "servers.quick.parallel").expect("it is said");
    assert!(said.contains("20 durations are at most so long (upper bounds), and not mixed in"), "{said}");
    let bounds = calibrated_from(&hooks, "jsonl", &blank(), &Reading { measure: Measure::UpperBound, ..named });
    assert!(bounds.text.contains("calls.jsonl, upper bounds: "), "{}", bounds.text);
}

/// What hung is told from what took long by how far away the time-out is.
#[test]
fn time_outs_far_away_are_calls_that_nobody_answered() {
    let truth = TRUTH.replace("errors = { soft = 0.05, connection = 0.02 }", "errors = { unanswered = 0.05 }");
    let log = |text: &str| {
        let truth = read(text);
        call_log(&truth, &Mapping::current(&truth), Run { seed: 1, replication: 0 })
    };
    let far = read(&calibrated_from(&log(&truth.replace("48h", "12h")), "csv", &blank(), &reading()).text);
    let unanswered = &far.servers[0].errors.unanswered;
    assert!((0.03..0.07).contains(&unanswered.value.get()), "{unanswered:?}");
    let near = TRUTH.replace("48h", "12h").replace("\"400s\"", "\"400ms\"");
    let near = read(&calibrated_from(&log(&near), "csv", &blank(), &reading()).text);
    assert_eq!(near.servers[0].errors.unanswered, Figure::stated(crate::units::Probability::NEVER));
    assert!((near.servers[0].parallel.value.mean() - 0.15).abs() < 0.03, "{:?}", near.servers[0].parallel);
}
