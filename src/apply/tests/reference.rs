//! The reference project: 17 agents, ten servers, the four moves that its plan made by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::project::{files_in, move_needs};
use super::*;
use crate::mapping::Mapping;

const FIXTURE: &str = "tests/fixtures/openmanager-vibe-v5";
/// Their filesystem need is one of records.
const MOVED: [&str; 4] = ["agent-coordinator", "doc-structure-guardian", "execution-tracker", "security-auditor"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// One need a grant; every server is its own capability, and supabase also keeps records, as filesystem does.
fn scenario(tree: &Tree) -> String {
    let mut text = "format = 1\nname = \"reference\"\n[workload]\ntasks = \"10/h\"\n".to_owned();
    let servers =
        ["context7", "filesystem", "github", "memory", "playwright", "sequential-thinking", "serena", "supabase", "tavily-mcp", "time"];
    for server in servers {
        let state = if ["filesystem", "supabase"].contains(&server) { "state = 1.0\n" } else { "" };
        text += &format!("[servers.{server}]\nserial = \"1ms\"\nprovides.of-{server} = 1.0\n{}", state.replace("state", "provides.state"));
    }
    for (source, file) in tree.agents().unwrap().valid() {
        text += &format!("[agents.{}]\nfile = \"{}\"\nsha256 = \"{}\"\n", file.name, source.path, source.sha256);
        text += &format!("wildcard = {}\n", file.tools.is_wildcard());
        for server in file.tools.servers() {
            let records = server == "filesystem" && MOVED.contains(&file.name.as_str());
            let capability = if records { "state".to_owned() } else { format!("of-{server}") };
            text += &format!("needs.{capability} = \"{server}\"\n");
        }
    }
    text
}

#[test]
fn the_plan_of_the_reference_project() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("openmanager");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE), &dir);
    let before = files_in(&dir);
    assert_eq!(before.keys().filter(|path| path.starts_with(".claude/agents/")).count(), 17);

    let text = scenario(&Tree::open(&dir).unwrap());
    let scenario = crate::scenario::parse("reference", &text).unwrap_or_else(|problems| panic!("{}", problems.render(false))).scenario;
    let mut mapping = Mapping::current(&scenario);
    move_needs(&scenario, &mut mapping, "state", "supabase");
    let (files, servers) = (BTreeMap::new(), BTreeMap::new());
    let (sha256, origin) = ("3".repeat(64), Origin::default());
    let decision = Decision { mapping: &mapping, title: "by hand", sha256, verdict: Some("validated"), origin, files, servers };
    let planned = || plan(&dir, folder.path(), &scenario, &decision, Permit::default()).unwrap();

    let shown = planned();
    insta::assert_snapshot!("reference_diff", shown.diff());
    insta::assert_snapshot!("reference_gains_and_losses", shown.gains_and_losses());
    insta::assert_snapshot!("reference_warnings", shown.warnings.iter().map(|w| format!("{w}\n")).collect::<String>());
    // The diff is exact: git makes the same bytes of it.
    let by_git = folder.path().join("by-git");
    copy(&dir, &by_git);
    fs::write(folder.path().join("diff"), shown.diff()).unwrap();
    let git = Command::new("git").args(["apply", "../diff"]).current_dir(&by_git).status();
    apply(&shown, folder.path()).unwrap();
    if let Ok(status) = git {
        assert!(status.success());
        let bytes = |dir: &Path| -> Vec<Vec<u8>> { files_in(dir).into_values().map(|file| file.bytes).collect() };
        assert!(bytes(&by_git) == bytes(&dir));
    }
    assert!(planned().is_empty());
    let after = files_in(&dir);
    let changed: Vec<&str> = before.keys().filter(|path| before[*path] != after[*path]).map(String::as_str).collect();
    assert_eq!(changed, MOVED.map(|name| format!(".claude/agents/{name}.md")));
    rollback(&dir, folder.path(), None, false).unwrap();
    assert_eq!(files_in(&dir), before);
}
