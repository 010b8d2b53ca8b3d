//! The shipped scenarios: each is read without a complaint and says what its summary says; the reference ecosystem carries the
//! figures of its plan.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mcplab::engine::{Outcome, Run, expected_calls, simulate};
use mcplab::experiment::{Design, Stage};
use mcplab::judge::Verdict;
use mcplab::mapping::file::{self, MappingFile};
use mcplab::mapping::{Mapping, Over, balance_score, planned_score};
use mcplab::scenario::{self, KpiTarget, Scenario, ServerId};
use mcplab::strategy::Strategy;
use mcplab::study::{Extras, candidates, compare, optimize};

const REFERENCE: &str = "openmanager-vibe-v5.toml";
const PLAN: &str = "openmanager-vibe-v5.plan.toml";

#[test]
fn every_scenario_is_read_and_summed_up() {
    let files = shipped();
    assert!(files.len() >= 6, "{files:?}");
    for file in files.iter().filter(|file| !is_mapping(file)) {
        let scenario = read_scenario(file);
        let name = file.trim_end_matches(".toml");
        assert_eq!(scenario.name, name, "a scenario is called as its file");
        assert!(!scenario.kpis.is_empty() && !scenario.what_ifs.is_empty(), "{name}: something to miss, something to try");
        insta::assert_snapshot!(name, summary(&scenario, &Mapping::current(&scenario)));
    }
}

#[test]
fn every_mapping_file_is_read_and_summed_up() {
    for file in shipped().iter().filter(|file| is_mapping(file)) {
        let scenario = read_scenario(&format!("{}.toml", file.split('.').next().expect("a split has a first part")));
        let given = read_mapping(file, &scenario);
        let mut text = format!("{}\n\n", given.title.as_deref().expect("a shipped mapping has a title"));
        for change in given.mapping.changes_from(&Mapping::current(&scenario)) {
            let need = scenario.need(change.need);
            let (agent, capability) = (&scenario.agent(need.agent).name, scenario.capability(need.capability));
            writeln!(text, "{agent}: {capability} from {} to {}", name(&scenario, change.from), name(&scenario, change.to))
                .expect(IN_MEMORY);
        }
        write!(text, "\n{}", loads(&scenario, &given.mapping)).expect(IN_MEMORY);
        insta::assert_snapshot!(file.trim_end_matches(".toml"), text);
    }
}

/// The figures that the reference plan's own formula gives: before it, as it is written, and with less and less of what no need uses.
#[test]
fn the_reference_table_is_reproduced() {
    let scenario = read_scenario(REFERENCE);
    let today = Mapping::current(&scenario);
    let plan = read_mapping(PLAN, &scenario).mapping;
    let check = |mapping: &Mapping, all: f64, sharing: f64, filesystem: f64, total: f64| {
        let loads = mapping.planned_loads_as_written(&scenario);
        let score = |over: Over| balance_score(over.servers(&scenario).iter().map(|id| loads[id.index()]));
        let found = [score(Over::All), score(Over::Sharing), loads[0], loads.iter().sum()].map(|figure| (figure * 10.0).round() / 10.0);
        assert_eq!(found, [all, sharing, filesystem, total]);
    };
    assert_eq!(scenario.servers[0].name, "filesystem");
    check(&today, 45.3, 53.5, 72.0, 368.0);
    check(&plan, 57.7, 73.7, 47.0, 385.4);
    check(&Mapping { extra_load: Vec::new(), ..plan.clone() }, 59.7, 76.2, 47.0, 379.9);
    check(&Mapping { extra_load: Vec::new(), extra_grants: Vec::new(), ..plan.clone() }, 60.4, 74.8, 47.0, 365.5);

    assert_eq!((agents_by_server(&scenario, &today), scenario.needs.len()), (vec![10, 6, 5, 1, 3, 7, 3, 2, 6, 4], 47));
    let movable = scenario.need_ids().filter(|need| scenario.eligible(*need).len() > 1).count();
    assert_eq!((scenario.agents.len(), movable, scenario.sharing().len()), (17, 14, 6));
    // The plan: filesystem 10 -> 6 agents, supabase 1 -> 5.
    assert_eq!(agents_by_server(&scenario, &plan)[..4], [6, 6, 5, 5]);
}

/// The service times of the reference ecosystem are split, and still have the means that its plan measured [ms].
#[test]
fn serial_and_parallel_parts_add_up_to_the_measured_mean() {
    let scenario = read_scenario(REFERENCE);
    for (server, mean) in scenario.servers.iter().zip([150.0, 100.0, 200.0, 250.0, 500.0, 300.0, 100.0, 200.0, 50.0]) {
        let total = 1000.0 * (server.serial.value.mean() + server.parallel.value.mean());
        assert!((total - mean).abs() < 1e-6, "{}: {total} ms", server.name);
    }
}

/// What the teaching scenarios' comments say of today's mapping, and that a better one is not hard to find.
#[test]
fn the_teaching_scenarios_show_what_they_claim() {
    let share = |part: u64, of: u64| part as f64 / of as f64;
    let response = |outcome: &Outcome| outcome.calls().response_sum.as_secs() / outcome.calls().succeeded as f64;
    let failed = |outcome: &Outcome| share(outcome.calls().failed, outcome.calls().issued);

    let [today, greedy] = run_twice("tutorial.toml");
    assert!((2.2..2.9).contains(&response(&today)) && response(&greedy) < 1.7);

    let [today, greedy] = run_twice("overloaded-server.toml");
    assert!(failed(&today) > 0.9 && failed(&greedy) < 0.01 && response(&greedy) < 2.5);
    let work = |outcome: &Outcome| outcome.servers[0].offered.as_secs() / outcome.servers[0].up.as_secs();
    assert!(work(&today) > 3.0 * 1.4 && work(&greedy) < 0.9, "retries treble what it is offered");

    let [today, greedy] = run_twice("unstable-dependency.toml");
    assert!((0.05..0.2).contains(&failed(&today)) && failed(&greedy) < 0.001);

    let [today, greedy] = run_twice("memory-bound-host.toml");
    let browser = &today.servers[0];
    assert!(share(browser.connect_failures, browser.connects) > 0.5 && failed(&today) > 0.15 && failed(&greedy) < 0.02);

    let [today, greedy] = run_twice("organisation-200x30.toml");
    let full = |outcome: &Outcome| outcome.servers.iter().filter(|server| server.offered.as_secs() > server.up.as_secs()).count();
    assert_eq!((full(&today), full(&greedy)), (3, 0));
    assert!(failed(&today) > 0.1 && failed(&greedy) < 0.001);
}

/// What the search over the simulator is for: each strategy's mapping misses the target, and loses significantly to the one that it finds.
#[test]
fn the_search_finds_what_no_strategy_does() {
    let scenario = read_scenario("paging.toml");
    let (seed, few) = (scenario.run.seed, 6);
    let strategies = |given| candidates(&scenario, given, seed, &());
    let design = |stage| Design { seed, replications: few, stage };
    let found = optimize(&scenario, strategies(Vec::new()), design(Stage::Selection), &Extras::default(), &());
    let moved: Vec<&str> = scenario
        .need_ids()
        .filter(|need| found.mapping.assignment(*need).primary != Mapping::current(&scenario).assignment(*need).primary)
        .map(|need| scenario.agent(scenario.need(need).agent).name.as_str())
        .collect();
    assert_eq!((moved, found.verdict), (vec!["researcher", "copy-editor", "translator"], Verdict::Validated));

    let comparison = compare(&scenario, strategies(vec![("found".to_owned(), found.mapping)]), design(Stage::Comparison), &());
    assert_eq!(comparison.recommended().map(|row| row.name.as_str()), Some("found"));
    for row in comparison.rows.iter().filter(|row| row.name != "found") {
        assert!(row.verdict != Verdict::Validated, "{}", row.name);
        let figures = row.same_as.as_ref().unwrap_or(&row.name);
        let difference = comparison.differences.iter().find(|of| of.a == *figures).expect("each is held against the best");
        assert!(difference.significant && difference.loss.difference > 0.2, "{}: {difference:?}", row.name);
    }
    let milp = comparison.rows.iter().find(|row| row.name == "milp").expect("it takes part");
    assert!(milp.notes.iter().any(|note| note.contains("proven optimal")), "{:?}", milp.notes);
}

/// A few replications together: under today's mapping, and with needs spread by planned load, with fallbacks.
fn run_twice(file: &str) -> [Outcome; 2] {
    let scenario = read_scenario(file);
    [Strategy::Current, Strategy::Greedy].map(|strategy| {
        let mapping = strategy.decide(&scenario, scenario.run.seed).mapping;
        let run = |replication| simulate(&scenario, &mapping, Run { seed: scenario.run.seed, replication });
        (1..6).map(run).fold(run(0), |mut sum, outcome| {
            sum.agents.iter_mut().zip(&outcome.agents).for_each(|(sum, tally)| sum.add(tally));
            for (sum, tally) in sum.servers.iter_mut().zip(&outcome.servers) {
                sum.connects += tally.connects;
                sum.connect_failures += tally.connect_failures;
                sum.offered += tally.offered;
                sum.up += tally.up;
            }
            sum
        })
    })
}

const IN_MEMORY: &str = "writing into a text cannot fail";

fn summary(scenario: &Scenario, mapping: &Mapping) -> String {
    let mut text = format!("{}: {}\n\n", scenario.name, scenario.description);
    let movable = scenario.need_ids().filter(|need| scenario.eligible(*need).len() > 1).count();
    let (needs, sharing) = (scenario.needs.len(), scenario.sharing().len());
    let run = &scenario.run;
    let kpi = |t: &KpiTarget| format!("{} {} {}", t.kpi.title(), if t.kpi.higher_is_better() { ">=" } else { "<=" }, t.bound.value);
    let what_ifs = scenario.what_ifs.iter().map(|w| format!("{}{}", w.name, if w.required { " (required)" } else { "" }));
    let lines = [
        format!("{} agents with {needs} needs, {movable} of which can move", scenario.agents.len()),
        format!("{} servers, {sharing} of which share work; shared dependencies: {}", scenario.servers.len(), scenario.dependencies.len()),
        format!("capabilities: {}", scenario.capabilities.join(", ")),
        format!(
            "run: {} after {}, {} replications",
            run.horizon,
            run.warmup.map_or("a warm-up that is found".to_owned(), |warmup| format!("{warmup} of warm-up")),
            run.replications
        ),
        format!("calls expected: {:.0} a replication", expected_calls(scenario)),
        format!("KPIs: {}", scenario.kpis.iter().map(kpi).collect::<Vec<_>>().join("; ")),
        format!("what-ifs: {}", what_ifs.collect::<Vec<_>>().join(", ")),
        format!("assumed figures: {}", scenario.assumed_figures()),
    ];
    text.push_str(&lines.join("\n"));
    write!(text, "\n\n{}", loads(scenario, mapping)).expect(IN_MEMORY);
    text
}

/// Agents and planned load of each server, as the mapping counts them, and the scores.
fn loads(scenario: &Scenario, mapping: &Mapping) -> String {
    let loads = mapping.planned_loads_as_written(scenario);
    let total: f64 = loads.iter().sum();
    let mut text = format!("{:20} agents   load  share\n", "planned");
    for ((server, agents), load) in scenario.servers.iter().zip(agents_by_server(scenario, mapping)).zip(&loads) {
        writeln!(text, "{:20} {agents:6} {load:6.1} {:5.1}%", server.name, 100.0 * load / total).expect(IN_MEMORY);
    }
    let score = |over: Over| {
        (balance_score(over.servers(scenario).iter().map(|id| loads[id.index()])), planned_score(scenario, &mapping.primaries(), over))
    };
    let ((all, all_needs), (sharing, sharing_needs)) = (score(Over::All), score(Over::Sharing));
    writeln!(text, "{:20} {:6} {total:6.1}", "total", "").expect(IN_MEMORY);
    writeln!(text, "balance over all {all:.1} (needs alone {all_needs:.1}), over those sharing {sharing:.1} ({sharing_needs:.1})")
        .expect(IN_MEMORY);
    text
}

/// How many agents have a need whose primary the server is.
fn agents_by_server(scenario: &Scenario, mapping: &Mapping) -> Vec<usize> {
    let uses = |agent, server: ServerId| scenario.needs_of(agent).any(|need| mapping.assignment(need).primary == server);
    scenario.server_ids().map(|server| scenario.agent_ids().filter(|agent| uses(*agent, server)).count()).collect()
}

fn name(scenario: &Scenario, server: ServerId) -> &str {
    &scenario.server(server).name
}

/// The folder's files, in order.
fn shipped() -> Vec<String> {
    let entries = fs::read_dir(folder()).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("it can be read").file_name().into_string().expect("names are ASCII"));
    let mut files: Vec<String> = names.filter(|name| name.ends_with(".toml")).collect();
    files.sort();
    files
}

/// `<scenario>.<which>.toml` maps `<scenario>.toml`.
fn is_mapping(file: &str) -> bool {
    file.matches('.').count() > 1
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn read(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn read_scenario(file: &str) -> Scenario {
    let parsed = scenario::parse(file, &read(file)).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(parsed.warnings.is_empty(), "{}", parsed.warnings);
    parsed.scenario
}

fn read_mapping(name: &str, scenario: &Scenario) -> MappingFile {
    file::parse(name, &read(name), scenario).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}
