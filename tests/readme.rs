//! What the README shows is what the commands print.

use std::fs;
use std::path::Path;
use std::process::Command;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The README's main output is the report of the committed reference run; `.ci/run` repeats that run and compares every byte.
#[test]
fn the_main_output_is_the_reference_runs() {
    let readme = read("README.md");
    let report = read("results/openmanager-vibe-v5/reference/report.txt");
    let shown = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the README shows the output");
    let expected = format!("{report}Results: results/openmanager-vibe-v5/");
    assert!(shown.starts_with(&expected), "the README's output is not that of results/openmanager-vibe-v5/reference/report.txt");
}

#[test]
fn the_reference_run_is_of_the_shipped_scenario() {
    let manifest: serde_json::Value = serde_json::from_str(&read("results/openmanager-vibe-v5/reference/manifest.json")).expect("JSON");
    assert_eq!(manifest["scenario"]["text"], read("scenarios/openmanager-vibe-v5.toml"));
    assert_eq!(manifest["mappings"][0]["text"], read("scenarios/openmanager-vibe-v5.plan.toml"));
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
}

/// Every `mcplab` command that the README names exists.
#[test]
fn every_command_of_the_readme_exists() {
    let readme = read("README.md");
    let mut commands: Vec<&str> = readme.split("`mcplab ").skip(1).filter_map(|rest| rest.split([' ', '`']).next()).collect();
    commands.sort_unstable();
    commands.dedup();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_mcplab")).args([command, "--help"]).output().expect("mcplab starts");
        assert!(output.status.success(), "`mcplab {command}` is in the README and does not exist");
        assert!(String::from_utf8_lossy(&output.stdout).contains("Example"), "`mcplab {command} --help` shows an example");
    }
}
