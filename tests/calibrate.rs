//! `mcplab calibrate`, as a user runs it: shown first, then written whole.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SCENARIO: &str = "# mine
format = 1
name = \"mine\"
[run]
horizon = \"2h\"
warmup = \"0s\"
replications = 2
[servers.files]
slots = 4
serial = { exponential = \"1s\" }  # guessed
provides.notes = 1.0
[agents.writer]
workload.tasks = \"400/h\"
needs.notes = \"files\"
";

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcplab")).args(arguments).current_dir(folder).output().expect("mcplab starts")
}

fn stdout(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = run(folder, arguments);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "mcplab {arguments:?}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

#[test]
fn a_simulated_log_is_calibrated_shown_and_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    fs::write(folder.join("mine.toml"), SCENARIO).expect("a file");
    stdout(folder, &["simulate", "mine.toml", "--no-results", "--calls", "calls.csv"], 0);
    fs::write(folder.join("guess.toml"), SCENARIO.replace("\"1s\"", "\"9s\"").replace("400/h", "1/h")).expect("a file");
    let before = fs::read_to_string(folder.join("guess.toml")).expect("a file");

    let shown = stdout(folder, &["calibrate", "calls.csv", "--into", "guess.toml"], 0);
    for part in
        ["servers.files", "agents.writer", "-serial = { exponential = \"9s\" }  # guessed", "+serial = { value =", "Nothing is written"]
    {
        assert!(shown.contains(part), "{part} is in\n{shown}");
    }
    assert_eq!(fs::read_to_string(folder.join("guess.toml")).expect("a file"), before, "only shown");

    stdout(folder, &["calibrate", "calls.csv", "--into", "guess.toml", "--in-place"], 0);
    let after = fs::read_to_string(folder.join("guess.toml")).expect("a file");
    assert!(after.starts_with("# mine\nformat = 1\n") && after.contains("}  # guessed\n") && after.contains("calls.csv: "), "{after}");
    let json = stdout(folder, &["calibrate", "calls.csv", "--into", "guess.toml", "--json", "--output", "again.toml"], 0);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((json["diff"].as_str(), json["written"].as_str()), (Some(""), Some("again.toml")), "the same trace says the same");
    assert_eq!(fs::read_to_string(folder.join("again.toml")).expect("a file"), after);

    let unsure = stdout(folder, &["simulate", "guess.toml", "--no-results", "--propagate", "20"], 0);
    assert!(unsure.contains("With input uncertainty: ") && unsure.contains("20 draws of 2 replications"), "{unsure}");
    let unsure = run(folder, &["compare", "guess.toml", "--no-results", "--propagate", "20"]);
    let unsure = String::from_utf8_lossy(&unsure.stdout);
    assert!(unsure.contains("current, with input uncertainty: "), "{unsure}");
}

#[test]
fn mistakes_are_told_before_anything_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    fs::write(folder.join("mine.toml"), SCENARIO).expect("a file");
    fs::write(folder.join("calls.csv"), "time,agent,server,duration_ms\n2026-03-02T09:00:00Z,main,elsewhere,5\n").expect("a file");
    let text = stdout(folder, &["calibrate", "calls.csv", "--into", "mine.toml"], 1);
    assert!(text.contains("Unknown servers of the trace") && text.contains("elsewhere: 1 call"), "{text}");
    stdout(folder, &["calibrate", "calls.csv", "--into", "mine.toml", "--output", "mine.toml"], 2);
    stdout(folder, &["calibrate", "calls.csv", "--into", "mine.toml", "--name", "main=nobody"], 2);
    stdout(folder, &["calibrate", "none.csv", "--into", "mine.toml"], 2);
}

/// What docs/calibration.md shows is what the commands in it print.
#[test]
fn the_documented_example_is_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_to_string(root.join("docs/calibration.md")).expect("the page is there");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    for path in ["scenarios/oracles/calibration.toml", "tests/fixtures/calibrate/guess.toml"] {
        let copy = folder.join(path);
        fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
        fs::copy(root.join(path), copy).expect("a copy");
    }
    let mut printed =
        stdout(root, &["import", "tests/fixtures/openmanager-vibe-v5", "-o", &folder.join("imported.toml").display().to_string()], 0);
    let mut commands = 0;
    for line in docs.lines().filter_map(|line| line.strip_prefix("    mcplab ")) {
        // Above the example stands what is not about these files.
        if line.contains(" calls.csv") || line.contains(" calibrated.toml") {
            printed += &String::from_utf8_lossy(&run(folder, &line.split(' ').collect::<Vec<_>>()).stdout);
            commands += 1;
        }
    }
    assert_eq!(commands, 5);
    let blocks: Vec<&str> = docs.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 6);
    for line in blocks.iter().flat_map(|block| block.lines()) {
        assert!(printed.contains(line), "is not printed: {line}\n{printed}");
    }
}
