mod kinds;
mod limits;
mod mistakes;
mod reference;

use super::*;
use crate::distribution::Distribution;
use crate::units::SimTime;
use proptest::prelude::*;

const EVERYTHING: &str = include_str!("samples/everything.toml");
const OTHERWISE: &str = include_str!("samples/otherwise.toml");
const ASSUMED: &str = include_str!("samples/assumed.toml");
const SMALL: &str = include_str!("samples/small.toml");

fn read(text: &str) -> Scenario {
    match parse("scenario.toml", text) {
        Ok(parsed) => parsed.scenario,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

#[test]
fn everything_is_read() {
    let scenario = read(EVERYTHING);
    assert_eq!(scenario.run.seed, u64::MAX);
    assert_eq!(scenario.capabilities, ["clock", "files", "state", "symbols"]);
    let names: Vec<&str> = scenario.servers.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["filesystem", "supabase", "time", "serena", "context 7"]);

    let filesystem = scenario.server(ServerId(0));
    let serial = filesystem.serial.provenance.as_ref().unwrap();
    assert_eq!(filesystem.serial.value, Distribution::Lognormal { mean: SimTime::from_millis(15), cv: 0.3 });
    assert_eq!((serial.source, serial.n), (Source::Measured, Some(300)));
    assert_eq!(serial.interval, Some(["14ms".to_owned(), "16ms".to_owned()]));
    assert_eq!(filesystem.process, Process::Session);
    assert_eq!(filesystem.provides[1].tokens, Some(Figure::stated(1200)));
    assert_eq!(filesystem.errors.stall_time, Figure::stated(SimTime::from_millis(20_000)));
    let Distribution::Lognormal { cv, .. } = scenario.server(ServerId(1)).parallel.value else { panic!("a lognormal") };
    assert_eq!(Some(cv), crate::distribution::lognormal_cv(0.150, 0.400));

    let tracker = scenario.agent(AgentId(0));
    assert_eq!(tracker.workload.tasks.value.to_string(), "10/h");
    assert_eq!(tracker.workload.calls, Figure::stated(6.0));
    assert_eq!(tracker.extra_grants, [ServerId(2)]);
    let needs: Vec<(&str, Option<u32>, bool)> = scenario
        .needs_of(AgentId(0))
        .map(|id| scenario.need(id))
        .map(|need| (scenario.capability(need.capability), need.current.map(|id| id.0), need.pinned))
        .collect();
    assert_eq!(needs, [("state", Some(0), false), ("clock", Some(2), false), ("files", Some(0), true)]);
    assert_eq!(scenario.policy.fallbacks[1].on_failure, [Target::StandIn(StandInId(0))]);
    assert_eq!(scenario.target(Kpi::ResponseMean).unwrap().bound.value, 3.0);
    assert_eq!(scenario.assumed_figures(), 5);
    insta::assert_snapshot!("assumptions", scenario.assumptions().join("\n"));
}

#[test]
fn what_ifs_are_overlays() {
    let scenario = read(EVERYTHING);
    let [down, busy, elsewhere] = &scenario.what_ifs[..] else { panic!("three what-ifs") };
    assert!(down.required);
    assert_eq!(down.scenario.server(ServerId(3)).connect.failure.value.get(), 1.0);
    assert_eq!(down.scenario.server(ServerId(3)).serial.value, Distribution::Exponential { mean: SimTime::from_millis(2000) });
    assert_eq!((busy.scenario.load, scenario.load), (2.0, 1.0));

    let changed = &elsewhere.scenario;
    assert_eq!(changed.capabilities, ["clock", "files", "state", "symbols", "alpha", "zeta"]);
    let added: Vec<&str> = changed.servers[5..].iter().map(|s| s.name.as_str()).collect();
    assert_eq!(added, ["zwei", "another"]);
    assert_eq!(changed.agent(AgentId(0)).workload.tasks.value.to_string(), "3/h");
    assert_eq!(changed.agent(AgentId(1)).workload.tasks.value.to_string(), "10/h");
    // The short spelling changes the server and leaves the demand.
    assert_eq!((changed.needs[0].current, changed.needs[0].demand.value), (Some(ServerId(1)), 2.5));
    assert_eq!((changed.needs[1].current, changed.needs[1].demand.value), (Some(ServerId(2)), 2.0));
    assert_eq!(changed.policy.fallbacks[1].on_failure, scenario.policy.fallbacks[1].on_failure);
    assert_eq!(changed.policy.fallbacks[1].on_overload, [Target::StandIn(StandInId(0))]);
}

#[test]
fn what_is_written_is_worth_reading() {
    insta::assert_snapshot!("written", write(&read(EVERYTHING)));
    insta::assert_snapshot!("written_otherwise", write(&read(OTHERWISE)));
}

/// What is said of the small scenario with something replaced.
fn broken(name: &str, edits: &[(&str, &str)]) -> String {
    let mut text = SMALL.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{name}: nothing to replace: {from}");
        text = text.replacen(from, to, 1);
    }
    parse("small.toml", &text).expect_err(name).render(false)
}

#[test]
fn mistakes_are_named_with_their_place_and_a_hint() {
    let check = |name: &str, edits: &[(&str, &str)]| insta::assert_snapshot!(format!("broken_{name}"), broken(name, edits));
    check("syntax", &[("horizon = \"8h\"", "horizon = 8h"), ("slots = 1", "slots = = 1"), ("complexity = 5", "complexity 5")]);
    check("duplicate_key", &[("slots = 1", "slots = 1\nslots = 2"), ("[agents.worker]", "[servers.supabase]\nslots = 3\n[agents.worker]")]);
    check("no_format", &[("format = 1\n", "")]);
    check("mapping_file", &[("name = \"small\"", "scenario = \"small\"")]);
    check("newer_format", &[("format = 1", "format = 2\nnew_key = true")]);
    check("no_name", &[("name = \"small\"\n", "")]);
    check("unknown_key", &[("slots = 1", "slot = 1"), ("[kpis]", "[kpi]"), ("complexity", "colour = 3\ncomplexity")]);
    check("wrong_type", &[("slots = 1", "slots = \"one\""), ("[\"network\"]", "\"network\""), ("complexity = 5", "complexity = true")]);
    check("bad_unit", &[("\"250ms\"", "250"), ("\"8h\"", "\"8 hours\""), ("\"10/h\"", "\"10\"")]);
    check("unknown_server", &[("state = \"filesystem\"", "state = \"supabse\""), ("[\"supabase\", ", "[\"github\", ")]);
    check("unknown_dependency", &[("[\"network\"]", "[\"netwrok\"]")]);
    check("unknown_capability", &[("[policy.fallbacks]\nstate", "[policy.fallbacks]\nstat")]);
    check(
        "not_provided",
        &[("files = \"filesystem\"", "files = \"supabase\""), ("\"local-files\"]", "\"local-files\"]\nfiles = [\"local-files\"]")],
    );
    check("no_provider", &[("files = \"filesystem\"", "file = {}, symbols = {}")]);
    check("pinned_to_nothing", &[("files = \"filesystem\"", "files = { pinned = true }")]);
    check("share_out_of_range", &[("soft = 0.1", "soft = 1.5"), ("\"90%\"", "90"), ("state = 0.6", "state = \"-3%\"")]);
    check("errors_above_one", &[("soft = 0.1", "soft = 0.95")]);
    check("warmup_too_long", &[("warmup = \"1h\"", "warmup = \"8h\"")]);
    check("no_slots", &[("slots = 1", "slots = 0")]);
    check("p95_out_of_reach", &[("\"400ms\"", "\"4s\"")]);
    check(
        "not_a_number",
        &[("complexity = 5", "complexity = nan"), ("slots = 1", "slots = -1\nweight = inf"), ("soft = 0.1", "soft = nan")],
    );
    check("wrong_side", &[("{ min = \"90%\" }", "{ max = \"90%\" }\nresponse_mean = { min = \"3s\" }\nresponse_p59 = { max = \"3s\" }")]);
    check("secret", &[("[\"SUPABASE_ACCESS_TOKEN\"]", "[\"SUPABASE_ACCESS_TOKEN=sbp_verysecret\"]")]);
    check("secret_table", &[("[\"SUPABASE_ACCESS_TOKEN\"]", "{ SUPABASE_ACCESS_TOKEN = \"sbp_verysecret\" }")]);
    check(
        "nothing_stated",
        &[("serial = \"250ms\"\n", ""), ("provides = { state = 1.0 }\n", ""), ("workload = { tasks = \"10/h\" }\n", "")],
    );
    check("distribution", &[("p95 = \"400ms\"", "p59 = \"400ms\""), ("\"250ms\"", "{ lognormle = { mean = \"1s\" } }")]);
    check(
        "fitted",
        &[
            (
                "\"250ms\"",
                "{ mixture = [{ share = 0.7, weibull = { mean = \"1s\", shape = 0 } }, { share = 0.2, pareto = { mean = \"1s\", shape = 1 } }] }",
            ),
            ("p95 = \"400ms\"", "cv = 0.5 }, shifted = { exponential = \"1s\""),
        ],
    );
    check("shifted", &[("\"250ms\"", "{ shifted = { exponential = \"1s\" } }")]);
    check("mixture", &[("\"250ms\"", "{ mixture = [{ share = 0.3, exponential = \"1s\" }, { share = 0.3, gama = \"1s\" }] }")]);
    check("mixture_of_one", &[("\"250ms\"", "{ mixture = [{ share = 1, exponential = \"1s\" }] }")]);
    check(
        "source",
        &[("complexity = 5", "complexity = { value = 5, source = \"guessed\" }"), ("slots = 1", "slots = { value = 1, n = 3 }")],
    );
    check("wide_characters", &[("slots = 1", "memory = { value = \"1GiB\", source = \"assumed\", note = \"한국어 🚀\", nn = 3 }")]);
    check("control_characters", &[("name = \"small\"", "name = \"a\\u001b[31mred\"")]);
    check("not_in_service", &[("slots = 1", "in_service = false"), ("files = \"filesystem\"", "files = {}")]);
    check("memory_without_host", &[("[kpis]", "[kpis]\nmemory = { max = \"80%\" }")]);
    check("too_many_calls", &[("\"10/h\"", "\"1000000000/s\"")]);
    check("what_if_key", &[("servers.supabase.connect.failure = 1.0", "servers.supabase.conect.failure = 1.0\nname = \"x\"\nload = 0")]);
    check("what_if_value", &[("servers.supabase.connect.failure = 1.0", "servers.supabase.errors.soft = 0.95\nservers.filesystem = 3")]);
    check(
        "what_if_adds",
        &[(
            "servers.supabase.connect.failure = 1.0",
            "agents.wroker.complexity = 3\nagents.worker.needs.symbols = \"supabase\"\nservers.filesystm.slots = 2",
        )],
    );
    check("what_if_on_broken_base", &[("slots = 1", "slots = 0")]);
    check(
        "what_if_out_of_service",
        &[("files = \"filesystem\"", "files = {}"), ("servers.supabase.connect.failure = 1.0", "servers.filesystem.in_service = false")],
    );
}

#[test]
fn what_is_odd_is_a_warning() {
    let text = SMALL.replacen("[agents.worker]", "[agents.idle]\nworkload = { tasks = \"1/h\" }\n\n[agents.worker]", 1).replacen(
        "[stand_ins.local-files]",
        "[servers.clock]\nserial = \"1ms\"\nprovides = { time = 1.0 }\n\n[stand_ins.local-files]",
        1,
    );
    let parsed = parse("small.toml", &text).unwrap();
    insta::assert_snapshot!("warnings", parsed.warnings.render(false));
    assert_eq!(parse("small.toml", SMALL).unwrap().warnings.render(false), "");
    for sample in [EVERYTHING, OTHERWISE, ASSUMED] {
        assert_eq!(parse("sample.toml", sample).unwrap().warnings.render(false), "");
    }
}

#[test]
fn no_secret_is_shown_even_beside_other_mistakes() {
    for env in [
        r#"env = ["TOKEN=verysecret"], slots = x"#,
        r#"env = ["TOKEN=verysecret" slots = 0"#,
        r#"env = { TOKEN = "verysecret" }; x"#,
        "env = [\"TOKEN=verysecret\n\"]",
        r#"env = "TOKEN=verysecret""#,
        r#"env = [["verysecret"], { a = "verysecret" }]"#,
        r#"env = ["verysecret!"]"#,
    ] {
        let text = SMALL.replacen("env = [\"SUPABASE_ACCESS_TOKEN\"]", env, 1);
        let shown = parse("small.toml", &text).unwrap_err();
        assert!(!format!("{shown:?} {shown}").contains("verysecret"), "{env}: {shown}");
    }
}

#[test]
fn long_files_and_deep_ones_are_refused() {
    let check = |text: &str, expected: &str| {
        let shown = parse("hostile.toml", text).unwrap_err().render(false);
        assert!(shown.contains(expected) && shown.len() < 30_000, "{}", &shown[..shown.len().min(3000)]);
    };
    check(&" ".repeat((16 << 20) + 1), "too long");
    let parts: String = (0..30_000).map(|i| format!("[a.k{i}.y]\n")).collect();
    let tables: String = (0..30_000).map(|i| format!("[ a.\"k{i}\"]\n")).collect();
    check(&(parts + &tables), "stand below a part of theirs");
    check(&format!("a = {}", "[".repeat(100_000)), "recurse");
    check(&format!("a = {}", "{a=".repeat(100_000)), "recurse");
    check(&format!("{}a = 1", "a.".repeat(100_000)), "recursion");
    let key = "a.".repeat(78) + "a";
    check(&format!("[{key}]\n{key} = {}1{}", format!("{{ {key} = ").repeat(79), "}".repeat(79)), "nested too deep");
    check(&format!("x = {}1", "\"a\" ".repeat(10_000)), "error");
    check(&"bad\n".repeat(10_000), "and 9950 more");
    check(&format!("format = 1\nname = \"{}\"\nx = 1", "n".repeat(100_000)), "a name of 100000 bytes");
    let servers: String =
        (0..400).map(|i| format!("[servers.s{i}]\nserial = \"1s\"\nprovides = {{ a = 1.0 }}\ndepends_on = [\"x{i}\"]\n")).collect();
    check(&format!("format = 1\nname = \"n\"\n{servers}"), "more");
}

#[test]
fn a_large_scenario_is_read_at_once() {
    let servers: String = (0..100)
        .map(|i| {
            format!(
                "[servers.server-{i}]\nserial = {{ exponential = \"{}ms\" }}\nprovides = {{ c{} = 1.0, c{} = 0.5 }}\n",
                i + 1,
                i % 20,
                i % 7 + 30
            )
        })
        .collect();
    let agents: String = (0..1000)
        .map(|i| {
            format!(
                "[agents.agent-{i}]\ncomplexity = {}\nneeds = {{ c{} = {{ demand = 2 }}, c{} = {{}} }}\n",
                i % 9 + 1,
                i % 20,
                i % 7 + 30
            )
        })
        .collect();
    let text =
        format!("format = 1\nname = \"large\"\n[workload]\ntasks_per_complexity = \"1/h\"\n{servers}{agents}[what_if.a]\nload = 2\n");
    let start = std::time::Instant::now();
    let scenario = read(&text);
    assert_eq!((scenario.agents.len(), scenario.servers.len(), scenario.needs.len()), (1000, 100, 2000));
    let written = write(&scenario);
    assert_eq!(read(&written), scenario);
    assert!(written.contains("tasks_per_complexity = \"1/h\""));
    println!("{:?}", start.elapsed());
}

#[test]
fn who_takes_a_workload_over_survives_a_round_trip() {
    let agents = |workloads: [&str; 3]| -> String {
        let agent = |(i, workload)| format!("[agents.a{i}]\ncomplexity = {}\n{workload}\nneeds = {{ files = {{}} }}\n", i + 2);
        workloads.iter().enumerate().map(agent).collect()
    };
    let mut round_trips = 0;
    for shared in [
        "tasks = \"6/h\"",
        "tasks_per_complexity = \"3/h\"",
        "tasks_per_complexity = \"3/h\"\ncalls = 2\nthink = \"1s\"",
        "tasks = \"6/h\"\narrivals = \"deterministic\"\nprofile = [1, 2]\nat_once = 3",
        "arrivals = { closed = { users = 2, pause = \"1s\" } }",
        "tasks = \"5/h\"\narrivals = { closed = { users = 2, pause = \"1s\" } }",
    ] {
        for own in [
            ["", "", ""],
            ["workload = { tasks = \"6/h\" }", "", ""],
            ["workload = { tasks_per_complexity = \"3/h\" }", "workload = { tasks = \"9/h\", calls = 2 }", ""],
            ["workload = { calls = 1 }", "workload = { calls = 1 }", "workload = { think = \"0s\" }"],
            [
                "workload = { profile = [1, 2] }",
                "workload = { profile = [1, 2], at_once = 2 }",
                "workload = { profile = [3], at_once = 2 }",
            ],
            [
                "workload = { arrivals = { closed = { users = 2, pause = \"1s\" } } }",
                "workload = { arrivals = \"poisson\", tasks = \"1/h\" }",
                "workload = { arrivals = { gamma = { cv = 2 } }, tasks = \"1/h\" }",
            ],
        ] {
            let figures = "[what_if.x]\nworkload.tasks = \"8/h\"\nworkload.calls = 5\n[what_if.y]\nagents.a0.complexity = 7\n[what_if.z]\n\
                agents.a1.workload.tasks_per_complexity = \"1/h\"\nagents.a2.workload.calls = 9\nworkload.think = \"3s\"\n";
            let kinds = "[what_if.x]\nworkload.arrivals.closed = { users = 1, pause = \"2s\" }\n[what_if.y]\nworkload.arrivals = \"poisson\"\n\
                workload.profile = [1, 2, 3]\n[what_if.z]\nagents.a0.workload = { arrivals = \"deterministic\", at_once = 7, tasks = \"2/h\" }\n";
            let opened = "[what_if.x]\nworkload = { arrivals = \"deterministic\", tasks = \"7/h\", profile = [4] }\n";
            for what_ifs in ["", figures, kinds, opened] {
                let text = format!(
                    "format = 1\nname = \"n\"\n[workload]\n{shared}\n[servers.s]\nserial = \"1s\"\nprovides = {{ files = 1.0 }}\n{}{what_ifs}",
                    agents(own)
                );
                // Where all loops are closed, a what-if may open one that has no tasks.
                let Ok(parsed) = parse("workload.toml", &text) else {
                    assert!(shared.starts_with("arrivals"), "{text}");
                    continue;
                };
                let written = write(&parsed.scenario);
                assert_eq!(read(&written), parsed.scenario, "{text}\n{written}");
                round_trips += 1;
            }
        }
    }
    assert!(round_trips > 120, "{round_trips}");
}

/// A sample with a part cut out, doubled, or replaced by another.
fn mutated() -> impl Strategy<Value = String> {
    let part = |sample: &'static str| {
        (0..sample.len(), 0..30usize).prop_map(move |(at, length)| {
            let (from, to) = (sample.floor_char_boundary(at), sample.ceil_char_boundary((at + length).min(sample.len())));
            (from, to)
        })
    };
    let inserted = move |sample: &'static str| {
        prop_oneof![
            Just("".to_owned()),
            Just("0".to_owned()),
            Just("-1".to_owned()),
            Just("\"".to_owned()),
            Just("nan".to_owned()),
            Just("[".to_owned()),
            Just("}".to_owned()),
            Just("\n".to_owned()),
            Just("=".to_owned()),
            Just("[x]".to_owned()),
            Just("1e999".to_owned()),
            Just("\"\"".to_owned()),
            Just("한".to_owned()),
            Just("servers".to_owned()),
            Just("value".to_owned()),
            Just(".".to_owned()),
            "\\PC{1,4}",
            part(sample).prop_map(move |(from, to)| sample[from..to].to_owned()),
        ]
    };
    let sample = prop_oneof![Just(EVERYTHING), Just(OTHERWISE), Just(ASSUMED)];
    sample
        .prop_flat_map(move |sample| (Just(sample), part(sample), inserted(sample)))
        .prop_map(|(sample, (from, to), inserted)| format!("{}{inserted}{}", &sample[..from], &sample[to..]))
}

/// Whatever is wrong is named; whatever is right is written and read back the same.
fn check_any(text: &str) -> Result<(), TestCaseError> {
    match parse("any.toml", text) {
        Err(diagnostics) => {
            prop_assert!(diagnostics.count(Severity::Error) > 0);
            prop_assert!(!diagnostics.render(true).is_empty() && !diagnostics.render(false).is_empty());
        }
        Ok(parsed) => {
            let written = write(&parsed.scenario);
            match parse("again.toml", &written) {
                Ok(again) => prop_assert_eq!(again.scenario, parsed.scenario, "{}", written),
                Err(diagnostics) => return Err(TestCaseError::fail(format!("{diagnostics}\n{written}"))),
            }
        }
    }
    Ok(())
}

#[test]
fn every_truncation_is_an_answer() {
    for (sample, step) in [(EVERYTHING, 41), (OTHERWISE, 41)] {
        for (at, _) in sample.char_indices().step_by(step) {
            check_any(&sample[..at]).unwrap_or_else(|error| panic!("cut at {at}: {error}"));
            check_any(&sample[at..]).unwrap_or_else(|error| panic!("from {at}: {error}"));
        }
    }
}

fn any_distribution() -> impl Strategy<Value = Distribution> {
    let time = || (0..SimTime::LONGEST.0 >> 11).prop_map(SimTime);
    let plain = prop_oneof![
        time().prop_map(Distribution::Constant),
        time().prop_map(|mean| Distribution::Exponential { mean }),
        (time(), 0.0..1e3f64).prop_map(|(mean, cv)| Distribution::Lognormal { mean, cv }),
        (time(), 1e-6..1e3f64).prop_map(|(mean, cv)| Distribution::Gamma { mean, cv }),
        (time(), 0.1..1e3f64).prop_map(|(mean, shape)| Distribution::Weibull { mean, shape }),
        (time(), 1.001..1e3f64).prop_map(|(mean, shape)| Distribution::Pareto { mean, shape }),
        time().prop_map(|min| Distribution::Uniform { min, max: SimTime::LONGEST }),
        prop::collection::vec(time(), 1..4).prop_map(Distribution::Empirical),
    ];
    plain.prop_recursive(3, 8, 3, |inner| {
        let part = |(share, of)| crate::distribution::Part { share, of };
        prop_oneof![
            ((0..1u64 << 50).prop_map(SimTime), inner.clone())
                .prop_map(|(least, beyond)| Distribution::Shifted { least, beyond: Box::new(beyond) }),
            (0.001..0.999f64, inner.clone(), inner)
                .prop_map(move |(share, a, b)| Distribution::Mixture(vec![part((share, a)), part((1.0 - share, b))])),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_distribution_is_written_and_read_back(of in any_distribution()) {
        let line = spelled_distribution(&Figure::stated(of.clone()));
        let text = format!("format = 1\nname = \"n\"\n[servers.s]\nserial = {line}\nprovides = {{ a = 1.0 }}\n[agents.b]\n");
        prop_assert_eq!(&read(&text).servers[0].serial.value, &of, "{}", line);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "\\PC{0,200}|[a-z\\[\\]{}=\". \n0-9]{0,300}") {
        check_any(&text)?;
        check_any(&format!("format = 1\n{text}"))?;
    }

    #[test]
    fn mutations_are_named_or_survive_a_round_trip(text in mutated()) {
        check_any(&text)?;
    }
}
