//! One mapping over agents of five clients, in their own files, two of them in one: planned, shown without a secret, written, taken back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::project::{files_in, move_needs};
use super::*;
use crate::mapping::Mapping;

const SECRET: &str = "sk-0123456789";

fn files() -> [(&'static str, String); 8] {
    [
        (
            ".claude/agents/a.md",
            format!(
                "---\nname: claude\ndescription: d\ntools: Read, mcp__fs__*\nmcpServers:\n  - own:\n      env: {{ K: {SECRET} }}\n---\nUse fs.\n"
            ),
        ),
        (
            ".mcp.json",
            format!(
                "{{ \"mcpServers\": {{ \"fs\": {{ \"command\": \"x\", \"env\": {{ \"K\": \"{SECRET}\" }} }}, \"db\": {{ \"command\": \"y\" }} }} }}\n"
            ),
        ),
        (
            ".github/agents/b.agent.md",
            format!(
                "---\nname: copilot\ndescription: d\nmcp-servers:\n  own:\n    command: x\n    env:\n      K: {SECRET}\ntools: ['read', 'fs/*']\n---\nUse fs/read.\n"
            ),
        ),
        (
            ".gemini/agents/c.md",
            format!(
                "---\nname: gemini\ndescription: d\ntools:\n  - read_file\n  - mcp_fs_*\nmcpServers:\n  own:\n    command: x\n    env: {{ K: {SECRET} }}\n---\nCall mcp_fs_read.\n"
            ),
        ),
        (".gemini/settings.json", "{ \"mcpServers\": { \"fs\": { \"command\": \"x\" }, \"db\": { \"command\": \"y\" } } }\n".to_owned()),
        (
            ".codex/agents/d.toml",
            format!(
                "name = \"codex\"\ndescription = \"d\"\ndeveloper_instructions = \"Work.\"\n[mcp_servers.fs]\ncommand = \"x\"\nenv = {{ K = \"{SECRET}\" }}\n[mcp_servers.db]\nenabled = false\n"
            ),
        ),
        (".codex/config.toml", "[mcp_servers.fs]\ncommand = \"x\"\n[mcp_servers.db]\ncommand = \"y\"\n".to_owned()),
        (
            "opencode.json",
            format!(
                "{{\n  \"mcp\": {{\n    \"fs\": {{ \"type\": \"local\", \"command\": [\"x\"], \"environment\": {{ \"K\": \"{SECRET}\" }} }},\n    \"db\": {{ \"type\": \"local\", \"command\": [\"y\"] }}\n  }},\n  \"tools\": {{ \"*\": false }},\n  \"agent\": {{\n    \"open\": {{\n      \"tools\": {{\n        \"fs_*\": true\n      }}\n    }},\n    \"also\": {{ \"tools\": {{ \"fs_*\": true }} }}\n  }}\n}}\n"
            ),
        ),
    ]
}

const SCENARIO: &str = "format = 1\nname = \"all\"\n[workload]\ntasks = \"1/h\"\n[servers]\nfs = { serial = \"1s\", provides = { state = 1 } }\ndb = { serial = \"1s\", provides = { state = 1 } }\n[agents.claude.needs]\nstate = \"fs\"\n[agents.copilot.needs]\nstate = \"fs\"\n[agents.gemini.needs]\nstate = \"fs\"\n[agents.codex]\nwildcard = true\n[agents.codex.needs]\nstate = \"fs\"\n[agents.open.needs]\nstate = \"fs\"\n[agents.also.needs]\nstate = \"fs\"\n";

fn write(dir: &Path, path: &str, text: &str) {
    fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
    fs::write(dir.join(path), text).unwrap();
}

#[test]
fn every_client_s_agents_are_planned_written_and_taken_back() {
    let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    files().iter().for_each(|(path, text)| write(folder.path(), path, text));
    let scenario = crate::scenario::parse("all.toml", SCENARIO).unwrap_or_else(|problems| panic!("{}", problems.render(false))).scenario;
    let mut mapping = Mapping::current(&scenario);
    move_needs(&scenario, &mut mapping, "state", "db");
    let decision = Decision {
        mapping: &mapping,
        title: "state to db",
        sha256: "1".repeat(64),
        verdict: Some("validated"),
        files: BTreeMap::new(),
        servers: BTreeMap::new(),
        origin: Default::default(),
    };
    let planned = |permit: Permit| plan(folder.path(), state.path(), &scenario, &decision, permit);
    let guided = Permit { guidance: true, ..Permit::default() };
    let first = planned(guided).unwrap_or_else(|error| panic!("{error}"));
    let warnings: String = first.warnings.iter().map(|warning| format!("{warning}\n")).collect();
    insta::assert_snapshot!(format!("{}\n{}\n{warnings}", first.diff(), first.gains_and_losses()));

    let before = files_in(folder.path());
    apply(&first, state.path()).unwrap();
    assert!(planned(guided).unwrap().is_empty(), "the second time nothing changes");
    assert_eq!(files_in(folder.path()).len(), before.len());

    // No secret in what is shown or recorded; backups hold whole files, and are private.
    let mut recorded = first.diff() + &first.gains_and_losses() + &warnings + &format!("{:?}", first.grants);
    for (path, file) in files_in(state.path()) {
        if !path.ends_with(".tar") {
            recorded += std::str::from_utf8(&file.bytes).unwrap();
        }
    }
    assert!(!recorded.contains(SECRET));

    rollback(folder.path(), state.path(), None, false).unwrap();
    assert_eq!(files_in(folder.path()), before);
}
