//! Every reason not to apply, as a person reads it.

use std::os::unix::fs::symlink;

use super::project::{AUDITOR, Decided, Project, fall_back};
use super::*;
use crate::scenario::FileSeen;

/// The message of a refused plan; the folder is as it was.
fn refused(change: impl FnOnce(&mut Project)) -> String {
    let mut project = Project::new();
    change(&mut project);
    let before = project.files();
    let message = project.plan().expect_err("refused").to_string();
    assert_eq!(project.files(), before);
    message.replace(&project.dir().display().to_string(), "DIR")
}

fn by_hand(project: &mut Project) {
    project.decided.scenario = project.decided.scenario_by_hand();
}

#[test]
fn verdicts() {
    let messages: Vec<String> =
        [Some("improves"), Some("rejected"), Some("fine"), None].iter().map(|verdict| refused(|p| p.decided.verdict = *verdict)).collect();
    insta::assert_snapshot!(messages.join("\n"));

    let project = Project::new();
    let allowed = |verdict, allow_unvalidated, force| {
        let decided = Decided { verdict, ..project.decided.clone() };
        decided.plan_permitted(&project, Permit { allow_unvalidated, force, ..Permit::default() }).is_ok()
    };
    assert!(allowed(Some("improves"), true, false) && !allowed(Some("improves"), false, false));
    assert!(allowed(Some("rejected"), false, true) && !allowed(Some("rejected"), true, false));
    assert!(allowed(None, false, true) && !allowed(None, true, false));
}

#[test]
fn files_that_changed() {
    let messages = [
        refused(|p| p.append(TRACKER, "x")),
        refused(|p| std::fs::remove_file(p.dir().join(TRACKER)).unwrap()),
        refused(|p| p.write(".mcp.json", "{}")),
        // What the decision was made on counts more than the scenario.
        refused(|p| drop(p.decided.files.insert(REVIEWER.into(), "0".repeat(64)))),
        refused(|p| {
            p.append(TRACKER, "x");
            p.append(AUDITOR, "x");
            p.decided.verdict = None;
        }),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn grants_that_a_hand_written_scenario_gets_wrong() {
    let replaced = |path: &'static str, from: &'static str, to: &'static str| {
        refused(move |p| {
            by_hand(p);
            let text = std::fs::read_to_string(p.dir().join(path)).unwrap();
            p.write(path, &text.replace(from, to));
        })
    };
    let messages = [
        replaced(TRACKER, "mcp__filesystem__*", "mcp__github"),
        replaced(REVIEWER, "tools: mcp__filesystem__*, Read\n", ""),
        replaced(".claude/agents/central-supervisor.md", "*", "Read"),
    ];
    insta::assert_snapshot!(messages.join("\n"));
    // Those that it gets right are applied, and once applied they are as planned.
    let mut project = Project::new();
    by_hand(&mut project);
    apply(&project.plan().unwrap(), project.state()).unwrap();
    assert!(project.plan().unwrap().is_empty());
}

#[test]
fn agents_that_cannot_be_edited() {
    let messages = [
        refused(|p| {
            by_hand(p);
            std::fs::remove_file(p.dir().join(TRACKER)).unwrap();
        }),
        refused(|p| {
            p.write(TRACKER, "---\nname: execution-tracker\ndescription: a: b\ntools: mcp__filesystem\n---\n");
            p.rehash();
        }),
        refused(|p| p.write(".claude/agents/copy.md", "---\nname: execution-tracker\ndescription: x\n---\n")),
        refused(|p| {
            p.write(TRACKER, "---\nname: other\ndescription: x\n---\n");
            p.rehash();
        }),
        refused(|p| {
            p.write(TRACKER, "---\nname: execution-tracker\ndescription: x\ntools: [Read, # why\n mcp__filesystem]\n---\n");
            p.rehash();
        }),
        refused(|p| {
            p.write(
                TRACKER,
                "---\nname: execution-tracker\ndescription: x\ntools: mcp__filesystem\ndisallowedTools: Bash, mcp__supabase\n---\n",
            );
            p.rehash();
        }),
        refused(|p| {
            std::fs::write(p.dir().join(TRACKER), b"---\nname: execution-tracker\xff\n---\n").unwrap();
            p.rehash();
        }),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn servers_that_are_not_configured() {
    let without = |p: &mut Project| {
        p.write(".mcp.json", &super::project::CONFIG_TEXT.replace("supabase", "another"));
        p.rehash();
    };
    let messages = [
        refused(without),
        refused(|p| {
            without(p);
            let entry =
                serde_json::json!({ "command": "npx", "args": ["--access-token=sbp_1"], "env": { "SUPABASE_ACCESS_TOKEN": "sbp_1" } });
            p.decided.servers.insert("supabase".into(), entry);
        }),
        refused(|p| {
            p.write(".mcp.json", "{ // servers\n}");
            p.rehash();
        }),
    ];
    assert!(!messages.concat().contains("sbp_1"));
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn paths_that_lead_out() {
    let at = |path: &'static str| {
        refused(move |p| {
            std::fs::write(p.state().join("outside.md"), "---\nname: execution-tracker\ndescription: x\n---\n").unwrap();
            let tracker = p.decided.scenario.agent_named("execution-tracker").unwrap();
            std::fs::remove_file(p.dir().join(TRACKER)).unwrap();
            symlink("../../../outside.md", p.dir().join(TRACKER)).unwrap();
            p.decided.scenario.agents[tracker.index()].file = Some(FileSeen { path: path.into(), sha256: None });
        })
    };
    let messages = [
        at("../outside.md"),
        at("/etc/passwd"),
        at(TRACKER),
        at(".claude/agents/../../../outside.md"),
        at("README.md"),
        refused(|p| drop(p.decided.files.insert("../outside.md".into(), "0".repeat(64)))),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn claude_code_s_own_file_is_never_written() {
    let message = refused(|p| {
        p.carry_entry();
        // A home folder whose .mcp.json leads to it.
        p.write(".claude.json", r#"{ "mcpServers": {} }"#);
        std::fs::remove_file(p.dir().join(".mcp.json")).unwrap();
        symlink(".claude.json", p.dir().join(".mcp.json")).unwrap();
        p.decided.scenario.config_files.clear();
    });
    assert!(message.contains("which mcplab never writes"), "{message}");

    // Nor is a record believed that names it.
    let project = Project::new();
    project.write(".claude.json", "{}");
    let applied = apply(&project.plan().unwrap(), project.state()).unwrap();
    let manifest = applied.backup.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace(TRACKER, ".claude.json")).unwrap();
    assert!(
        matches!(project.rollback(None, true), Err(ApplyError::Refused(reasons)) if matches!(reasons[..], [Refusal::ClientState { .. }]))
    );
    assert_eq!(project.bytes()[".claude.json"], b"{}");
}

/// Of everything that a hostile mapping and scenario name, only agent files and the server config inside the folder are written.
#[test]
fn nothing_else_is_written() {
    let mut project = Project::new();
    project.write(".mcp.json", &super::project::CONFIG_TEXT.replace("supabase", "another"));
    project.rehash();
    project.carry_entry();
    let outside = |project: &Project| -> Vec<String> {
        let files = super::project::files_in(project.state());
        files.into_keys().filter(|path| !path.starts_with("project/") && !path.starts_with("mcplab/")).collect()
    };
    std::fs::write(project.state().join("beside"), "").unwrap();
    apply(&project.plan().unwrap(), project.state()).unwrap();
    project.rollback(None, false).unwrap();
    assert_eq!(outside(&project), ["beside"]);
    let in_project: Vec<String> = project.files().into_keys().collect();
    assert_eq!(in_project, Project::new().files().into_keys().collect::<Vec<_>>(), "no file beside the originals");
}

#[test]
fn backups_never_lie_where_clients_search() {
    let project = Project::new();
    let plan = project.plan().unwrap();
    let before = project.files();
    for state in [project.dir().join(".claude"), project.dir().join(".github/agents"), project.state().join(".codex/state")] {
        match apply(&plan, &state) {
            Err(ApplyError::State { message, .. }) => assert!(message.contains("which clients search"), "{message}"),
            other => panic!("{other:?}"),
        }
    }
    let link = project.state().join("link");
    symlink(project.dir().join(".claude"), &link).unwrap();
    assert!(matches!(apply(&plan, &link), Err(ApplyError::State { .. })));
    assert_eq!(project.files(), before);
}

#[test]
fn an_agent_keeps_a_tool_that_resolves() {
    let message = refused(|p| {
        // Everything but filesystem, which it leaves, is granted and not configured.
        let tools = "mcp__filesystem, mcp__supabase, mcp__memory__*, mcp__time, mcp__gone";
        p.write(TRACKER, &format!("---\nname: execution-tracker\ndescription: x\ntools: {tools}\n---\n"));
        p.write(".mcp.json", r#"{ "mcpServers": { "filesystem": { "command": "npx" } } }"#);
        p.rehash();
        let scenario = &p.decided.scenario;
        let tracker: Vec<_> = scenario.needs_of(scenario.agent_named("execution-tracker").unwrap()).collect();
        let others = scenario.need_ids().filter(|need| !tracker.contains(need));
        let today = crate::mapping::primaries_of_today(scenario);
        others.for_each(|need| p.decided.mapping.assignments[need.index()].primary = today[need.index()]);
    });
    assert_eq!(message, "not applied: `.claude/agents/execution-tracker.md` would be left without a tool that resolves");
}

#[test]
fn a_server_granted_in_another_spelling_is_granted() {
    let mut project = Project::new();
    fall_back(&mut project.decided, "execution-tracker", "github");
    project.write(
        TRACKER,
        "---\nname: execution-tracker\ndescription: x\ntools: mcp__filesystem, mcp__github__get_issue, mcp__supabase\n---\n",
    );
    project.rehash();
    let plan = project.plan().unwrap();
    let grants = plan.grants.iter().find(|grants| grants.agent == "execution-tracker").unwrap();
    assert_eq!(grants.lost, ["mcp__filesystem"]);
    // The rest of what its needs use was not in the file; single tools of github are a grant of github.
    assert_eq!(grants.gained, ["mcp__memory__*", "mcp__time__*"]);
}
