//! A mapping applied in parts is the mapping applied.

use std::collections::BTreeSet;

use super::project::{AUDITOR, COORDINATOR, Project, TRACKER, fall_back};
use super::*;

fn agents(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn paths(plan: &Plan) -> Vec<&str> {
    plan.files.iter().map(|file| file.path.as_str()).collect()
}

/// The server that is moved to is missing in the config, and one agent only gains a fallback.
fn project() -> Project {
    let mut project = Project::new();
    project.write(".mcp.json", &super::project::CONFIG_TEXT.replace("supabase", "another"));
    fall_back(&mut project.decided, "reviewer", "github");
    project.rehash();
    project.carry_entry();
    project
}

#[test]
fn only_some_agents_then_the_rest() {
    let (project, whole) = (project(), project());
    apply(&whole.plan().unwrap(), whole.state()).unwrap();
    let before = project.bytes();

    // It gains no server that is missing.
    let part = project.plan().unwrap().part(&agents(&["reviewer"]), "only reviewer");
    assert_eq!(paths(&part), [super::project::REVIEWER]);
    assert_eq!(part.part.as_deref(), Some("only reviewer"));
    apply(&part, project.state()).unwrap();
    let part = project.plan().unwrap().part(&agents(&["execution-tracker"]), "only execution-tracker");
    assert_eq!(paths(&part), [".mcp.json", TRACKER]);
    assert!(part.warnings.iter().all(|warning| !warning.to_string().contains("auditor")), "{:?}", part.warnings);
    apply(&part, project.state()).unwrap();
    assert!(project.plan().unwrap().part(&agents(&["execution-tracker"]), "").is_empty());

    let rest = project.plan().unwrap();
    assert_eq!(paths(&rest), [COORDINATOR, AUDITOR]);
    assert_eq!(rest.part(&agents(&["agent-coordinator", "security-auditor"]), "both").files, rest.files);
    apply(&rest, project.state()).unwrap();
    assert_eq!(project.bytes(), whole.bytes());
    assert!(project.plan().unwrap().is_empty());
    (0..3).for_each(|_| drop(project.rollback(None, false).unwrap()));
    assert_eq!(project.bytes(), before);
}

#[test]
fn phases_begin_with_the_heaviest_loaded_server() {
    let (mut project, mut whole) = (project(), project());
    for project in [&mut project, &mut whole] {
        // filesystem serves four agents, memory two. The tracker leaves both and goes with the heavier, the coordinator leaves memory only.
        let decided = &mut project.decided;
        super::project::move_needs(&decided.scenario, &mut decided.mapping, "notes", "supabase");
        let coordinator = decided.scenario.agent_named("agent-coordinator").unwrap();
        let state = decided
            .scenario
            .needs_of(coordinator)
            .find(|need| decided.scenario.capability(decided.scenario.need(*need).capability) == "state")
            .unwrap();
        decided.mapping.assignments[state.index()].primary = decided.scenario.server_named("filesystem").unwrap();
    }
    apply(&whole.plan().unwrap(), whole.state()).unwrap();
    let mut titles = Vec::new();
    loop {
        let plan = project.plan().unwrap();
        let phases = plan.phases(&project.decided.scenario, &project.decided.mapping);
        let Some(phase) = phases.first() else { break };
        titles.push((phases.len(), phase.title.clone(), phase.agents.iter().cloned().collect::<Vec<_>>().join(" ")));
        apply(&plan.part(&phase.agents, &phase.title), project.state()).unwrap();
        assert_eq!(verify(&project.dir(), project.state()).unwrap().problems, []);
    }
    insta::assert_debug_snapshot!(titles);
    assert_eq!(project.bytes(), whole.bytes());
}
