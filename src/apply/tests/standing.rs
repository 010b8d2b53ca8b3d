//! Where things stand: as planned, as last written, as it is now; and what clients make of it.

use super::project::{AUDITOR, COORDINATOR, Project, REVIEWER, TRACKER};
use super::*;
use crate::import::sha256;

fn file(status: &Status, path: &str) -> FileStatus {
    status.files.iter().find(|file| file.path == path).unwrap().clone()
}

#[test]
fn three_columns() {
    let project = Project::new();
    let hash = |project: &Project| Some(sha256(&project.bytes()[TRACKER]));
    let (before, plan) = (hash(&project), project.plan().unwrap());
    let after = Some(plan.files.iter().find(|file| file.path == TRACKER).unwrap().sha256_after());
    let check = |plan: Option<&Plan>, expected: [&Option<String>; 3], state: FileState, last: Option<&str>| {
        let found = file(&status(&project.dir(), project.state(), plan).unwrap(), TRACKER);
        assert_eq!([&found.planned, &found.written, &found.now], expected);
        assert_eq!((found.state, found.last.as_deref()), (state, last));
        found
    };
    assert!(project.status().files.is_empty());
    check(Some(&plan), [&after, &before, &before], FileState::Untouched, None);
    apply(&plan, project.state()).unwrap();
    check(None, [&after, &after, &after], FileState::Applied, Some("0001"));
    check(Some(&project.plan().unwrap()), [&after, &after, &after], FileState::Applied, Some("0001"));
    project.append(TRACKER, "A line of mine.\n");
    let edited = hash(&project);
    let drifted = check(None, [&after, &after, &edited], FileState::Drifted, Some("0001"));
    assert!(drifted.drift.unwrap().ends_with("\n+A line of mine.\n"));
    project.rollback(None, true).unwrap();
    check(None, [&before, &before, &before], FileState::AsBefore, Some("0002"));
    std::fs::remove_file(project.dir().join(TRACKER)).unwrap();
    let gone = check(None, [&before, &before, &None], FileState::Drifted, Some("0002"));
    assert_eq!(gone.drift.unwrap(), format!("{TRACKER} is gone\n"));
}

#[test]
fn drift_shows_no_secret() {
    let mut project = Project::new();
    project.write(".mcp.json", &super::project::CONFIG_TEXT.replace("supabase", "another"));
    project.rehash();
    project.carry_entry();
    apply(&project.plan().unwrap(), project.state()).unwrap();
    let text = String::from_utf8(project.bytes()[".mcp.json"].clone()).unwrap();
    project.write(".mcp.json", &text.replace("${SUPABASE_ACCESS_TOKEN}", "sbp_secret"));
    let drift = file(&project.status(), ".mcp.json").drift.unwrap();
    assert!(drift.contains("-        \"SUPABASE_ACCESS_TOKEN\": \"${SUPABASE_ACCESS_TOKEN}\""), "{drift}");
    assert!(drift.contains("+        \"SUPABASE_ACCESS_TOKEN\": \"***\"") && !drift.contains("sbp_secret"), "{drift}");
    let bytes = project.bytes();
    let text = String::from_utf8(bytes[COORDINATOR].clone()).unwrap();
    project.write(COORDINATOR, &text.replace("inline-secret", "another-secret"));
    let drift = file(&project.status(), COORDINATOR).drift.unwrap();
    assert!(!drift.contains("secret"), "{drift}");
}

#[test]
fn what_clients_would_not_load_is_found() {
    let project = Project::new();
    apply(&project.plan().unwrap(), project.state()).unwrap();
    let verified = verify(&project.dir(), project.state()).unwrap();
    assert_eq!((verified.written, verified.last.as_deref()), (3, Some("0001")));
    assert_eq!(verified.problems, []);
    // What was broken before is not ours: a server that an agent's file defines without a command, a file.
    assert_eq!(verified.others.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), [COORDINATOR, ".claude/agents/broken.md"]);

    let found = |change: &dyn Fn()| -> Vec<String> {
        let bytes = project.bytes();
        change();
        let verified = verify(&project.dir(), project.state()).unwrap();
        bytes.iter().for_each(|(path, bytes)| std::fs::write(project.dir().join(path), bytes).unwrap());
        verified.problems.iter().map(|f| format!("{} {}", f.path.rsplit('/').next().unwrap(), f.check.name())).collect()
    };
    let replaced = |path: &str, from: &str, to: &str| {
        let text = String::from_utf8(project.bytes()[path].clone()).unwrap();
        project.write(path, &text.replace(from, to));
    };
    assert_eq!(
        found(&|| replaced(".mcp.json", "supabase", "another")),
        ["agent-coordinator.md server-not-configured", "execution-tracker.md server-not-configured", "auditor.md server-not-configured"]
    );
    assert_eq!(found(&|| replaced(".mcp.json", "memory", "another")), [""; 0], "granted before, and so not by us");
    assert_eq!(found(&|| replaced(TRACKER, "name: execution-tracker\n", "")), ["execution-tracker.md skipped-file"]);
    assert_eq!(found(&|| std::fs::remove_file(project.dir().join(AUDITOR)).unwrap()), ["auditor.md unread-file"]);
    assert_eq!(found(&|| replaced(REVIEWER, "name: reviewer\n", "")), [""; 0], "not ours either");
}
