//! What a person sees before anything is written.

use std::process::Command;

use super::project::{AUDITOR, Project, fall_back};
use super::*;

fn warnings(plan: &Plan) -> String {
    plan.warnings.iter().map(|warning| format!("{warning}\n")).collect()
}

#[test]
fn diff_grants_and_warnings() {
    let mut project = Project::new();
    fall_back(&mut project.decided, "execution-tracker", "github");
    let plan = project.plan().unwrap();
    insta::assert_snapshot!("diff", plan.diff());
    insta::assert_snapshot!("gains_and_losses", plan.gains_and_losses());
    insta::assert_snapshot!("warnings", warnings(&plan));
    assert!(!plan.diff().contains("inline-secret"));
}

#[test]
fn a_server_that_comes_with_the_mapping() {
    let mut project = Project::new();
    let text = super::project::CONFIG_TEXT.replace("supabase", "another");
    project.write(".mcp.json", &text);
    project.rehash();
    project.carry_entry();
    let diff = project.plan().unwrap().files[0].diff();
    assert!(!diff.contains(super::project::SECRET));
    insta::assert_snapshot!("diff_of_the_server_config", diff);
}

#[test]
fn what_a_terminal_would_obey_is_spelled_out() {
    let mut project = Project::new();
    project.write(AUDITOR, "---\nname: security-auditor\ndescription: \"a\u{202e}b\"\ntools: mcp__filesystem\n---\n\u{1b}[2J\n");
    project.rehash();
    let diff = project.plan().unwrap().diff();
    assert!(diff.contains("a\\u{202e}b") && diff.contains("\\u{1b}[2J"));
}

#[test]
fn uncommitted_changes_and_hard_links() {
    let project = Project::new();
    let git = |args: &[&str]| {
        let done = Command::new("git").args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args).current_dir(project.dir()).output();
        done.is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q"]) {
        return;
    }
    assert!(git(&["add", "-A"]) && git(&["commit", "-q", "-m", "all"]));
    let told = |project: &Project| -> Vec<Warning> {
        let warnings = project.plan().unwrap().warnings.into_iter();
        warnings.filter(|w| matches!(w, Warning::GitDirty { .. } | Warning::GitUnknown { .. } | Warning::HardLinked { .. })).collect()
    };
    assert_eq!(told(&project), []);
    let text = std::fs::read_to_string(project.dir().join(TRACKER)).unwrap();
    project.write(TRACKER, "");
    assert!(git(&["commit", "-q", "-a", "-m", "emptied"]));
    project.write(TRACKER, &text);
    std::fs::hard_link(project.dir().join(AUDITOR), project.dir().join("other-name")).unwrap();
    assert_eq!(told(&project), [Warning::HardLinked { path: AUDITOR.into() }, Warning::GitDirty { paths: vec![TRACKER.into()] }]);
}
