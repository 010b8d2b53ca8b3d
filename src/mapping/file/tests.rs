use super::*;
use proptest::prelude::*;

fn scenario() -> Scenario {
    crate::scenario::parse("everything.toml", include_str!("../../scenario/samples/everything.toml")).expect("the sample is right").scenario
}

const PLAN: &str = r#"format = 1
scenario = "everything"
title = "by hand"

[agents.execution-tracker]
state = "supabase"
clock = { primary = "serena", on_failure = ["time"] }

[agents."한국 agent"]
state = { primary = "filesystem", on_failure = ["supabase", "local-files"], on_overload = ["local-files"] }

[extra_grants]
idle = ["time", "serena"]

[[extra_load]]
name = "fallback"
server = "supabase"
complexity = 5

[servers.supabase]
command = "npx"
args = ["-y", "@supabase/mcp-server-supabase"]
env = { SUPABASE_ACCESS_TOKEN = "${SUPABASE_ACCESS_TOKEN}" }

[files]
".claude/agents/execution-tracker.md" = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

[evidence]
verdict = "improves"
seed = 1
kpis = { availability = { bound = 0.91, met = true } }
"#;

#[test]
fn a_plan_is_read() {
    let scenario = scenario();
    let file = match parse("plan.toml", PLAN, &scenario) {
        Ok(file) => file,
        Err(diagnostics) => panic!("{diagnostics}"),
    };
    let name = |target: &Target| scenario.target_name(*target).to_owned();
    let assignments: Vec<String> = scenario
        .need_ids()
        .map(|need| {
            let assignment = file.mapping.assignment(need);
            let capability = scenario.capability(scenario.need(need).capability);
            let fallbacks: Vec<String> = assignment.on_failure.iter().map(name).collect();
            format!("{capability}: {} {}", name(&Target::Server(assignment.primary)), fallbacks.join(" "))
        })
        .collect();
    let expected =
        ["state: supabase ", "clock: serena time", "files: filesystem ", "symbols: serena ", "state: filesystem supabase local-files"];
    assert_eq!(assignments, expected);
    assert_eq!(file.mapping.extra_grants, [(AgentId(2), ServerId(2)), (AgentId(2), ServerId(3))]);
    assert_eq!(file.mapping.extra_load[0].complexity, 5.0);
    assert_eq!(file.servers["supabase"]["args"][1].as_str(), Some("@supabase/mcp-server-supabase"));
    assert_eq!(file.evidence.as_ref().unwrap()["kpis"]["availability"]["met"].as_bool(), Some(true));

    let written = write(&file, &scenario);
    insta::assert_snapshot!("written", written);
    assert_eq!(parse("again.toml", &written, &scenario).unwrap(), file);

    let raw = parse_raw("plan.toml", PLAN).unwrap();
    assert_eq!(raw.scenario, "everything");
    assert_eq!(raw.agents["execution-tracker"]["clock"].on_failure, ["time"]);
    assert_eq!((raw.servers, raw.files, raw.evidence), (file.servers, file.files, file.evidence));
}

#[test]
fn mappings_of_today_survive_a_round_trip() {
    let scenario = scenario();
    let today = Mapping::current(&scenario);
    for mapping in [Mapping::with_policy_fallbacks(&scenario, &today.primaries()), today] {
        let file = MappingFile { title: None, mapping, servers: toml::Table::new(), files: BTreeMap::new(), evidence: None };
        assert_eq!(parse("today.toml", &write(&file, &scenario), &scenario).unwrap(), file);
    }
}

#[test]
fn mistakes_are_named_with_their_place_and_a_hint() {
    let scenario = scenario();
    let check = |name: &str, edits: &[(&str, &str)]| {
        let mut text = PLAN.to_owned();
        for (from, to) in edits {
            assert!(text.contains(from), "{name}: nothing to replace: {from}");
            text = text.replacen(from, to, 1);
        }
        let diagnostics = parse("plan.toml", &text, &scenario).expect_err(name);
        insta::assert_snapshot!(format!("broken_{name}"), diagnostics.render(false));
    };
    check(
        "names",
        &[
            ("state = \"supabase\"", "state = \"supabse\""),
            ("[agents.\"한국 agent\"]", "[agents.\"한국 agnt\"]"),
            ("clock = {", "clok = {"),
            ("server = \"supabase\"", "server = \"x\""),
            ("idle =", "idel ="),
        ],
    );
    check("not_provided", &[("state = \"supabase\"", "state = \"time\""), ("[\"supabase\", \"local-files\"]", "[\"serena\"]")]);
    check(
        "pinned",
        &[("clock = {", "files = \"supabase\"\nclock = {"), ("on_failure = [\"time\"]", "on_failure = [\"serena\", \"time\", \"time\"]")],
    );
    check(
        "other_scenario",
        &[("scenario = \"everything\"", "scenario = \"openmanager\""), ("\"improves\"", "\"validatd\""), ("= \"9f86", "= \"9g86")],
    );
    check("keys", &[("title", "titel"), ("primary = \"serena\"", "prmary = \"serena\""), ("complexity = 5", "complexity = -5\nx = 1")]);
    check("not_for_anything", &[("scenario = \"everything\"\n", ""), ("format = 1", "format = \"1\"")]);
    let secret = PLAN.replacen("\"${SUPABASE_ACCESS_TOKEN}\"", "\"verysecret\", }, x = {", 1);
    assert!(!format!("{:?}", parse("plan.toml", &secret.replace("title", "titel"), &scenario)).contains("verysecret"));
    assert!(parse_raw("plan.toml", &PLAN.replacen("execution-tracker]", "somebody]", 1)).is_ok());
}

proptest! {
    #[test]
    fn mutations_are_named_or_survive_a_round_trip(at in 0..PLAN.len(), length in 0..20usize, inserted in "|[a-z0-9\\[\\]{}\"=.\n]{1,4}|\\PC") {
        let (from, to) = (PLAN.floor_char_boundary(at), PLAN.ceil_char_boundary((at + length).min(PLAN.len())));
        let text = format!("{}{inserted}{}", &PLAN[..from], &PLAN[to..]);
        let scenario = scenario();
        let _ = parse_raw("any.toml", &text);
        match parse("any.toml", &text, &scenario) {
            Ok(file) => {
                let written = write(&file, &scenario);
                let again = parse("again.toml", &written, &scenario).map_err(|d| TestCaseError::fail(format!("{d}\n{written}")))?;
                prop_assert_eq!(again, file);
            }
            Err(diagnostics) => prop_assert!(!diagnostics.is_empty() && !diagnostics.to_string().is_empty()),
        }
    }
}
