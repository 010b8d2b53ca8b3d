//! `--replay`: a log of calls in the place of the workloads, as a user gives it: what is said of it, what is kept of it, what is
//! refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const LOG: &str = "time,agent,capability,server,duration,prompt\n\
    2026-03-02T09:00:00Z,writer,notes,files,0.5,PRIVATE\n\
    2026-03-02T09:20:00Z,planner,notes,files,1.5,PRIVATE\n\
    2026-03-02T09:10:00Z,writer,notes,elsewhere,0.5,PRIVATE\n\
    2026-03-02T09:30:00Z,stranger,notes,files,0.5,PRIVATE\n\
    soon,writer,notes,files,0.5,PRIVATE\n\
    2026-03-02T09:40:00Z,wri";

fn scenario() -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/tutorial.toml").display().to_string()
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcplab")).args(arguments).current_dir(folder).output().expect("mcplab starts")
}

/// Both streams, after a run that made it to its end.
fn ran(folder: &Path, arguments: &[&str]) -> (String, String) {
    let output = run(folder, arguments);
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(matches!(output.status.code(), Some(0 | 1)), "mcplab {arguments:?}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

/// What an error says.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "mcplab {arguments:?}\n{stderr}");
    stderr
}

#[test]
fn a_log_is_summed_up_replayed_and_repeated() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (folder, scenario) = (folder.path(), scenario());
    fs::write(folder.join("calls.csv"), LOG).expect("a log");
    for command in ["simulate", "compare", "optimize"] {
        let arguments = [command, &scenario, "--replay", "calls.csv", "--replications", "2", "--run", command];
        let (stdout, stderr) = ran(folder, &arguments);
        assert!(stdout.contains("replay of calls.csv: 3 calls over 20min"), "{stdout}");
        for said in [
            "replay of calls.csv: 3 of 6 rows are calls of 2 agents over 20min; times are RFC 3339; 2 with a service time",
            "warning: calls.csv:4: this call is out of order, earlier than one above it; they are replayed in order of time",
            "warning: calls.csv:7: the log breaks off in the middle of this record, which is left out",
            "1 name an unknown agent (`stranger`)",
            "1 without a usable time (the first in line 6)",
            "1 name a server that the scenario does not have (`elsewhere`)",
        ] {
            assert!(stderr.contains(said), "{said}:\n{stderr}");
        }
        let results = folder.join("results/tutorial").join(command);
        let manifest = fs::read_to_string(results.join("manifest.json")).expect("a manifest");
        let kept: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
        assert_eq!(kept["replay"]["file"], "calls.csv");
        assert_eq!(kept["replay"]["sha256"].as_str().map(str::len), Some(64));
        let report = fs::read_to_string(results.join("report.json")).expect("a report");
        let report_value: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        assert_eq!(report_value["replay"]["calls"], 3);
        for text in [&stdout, &stderr, &manifest, &report] {
            assert!(!text.contains("PRIVATE"), "only the named columns are read:\n{text}");
        }
        let (repeated, _) = ran(folder, &["repeat", &results.display().to_string()]);
        assert!(repeated.contains("the same, byte for byte"), "{repeated}");
    }
    let mapping = fs::read_to_string(folder.join("results/tutorial/optimize/mapping.toml")).expect("a mapping");
    assert!(mapping.contains("replay_file = \"calls.csv\"") && mapping.contains("replay_sha256"), "{mapping}");
}

#[test]
fn a_log_that_is_gone_or_has_changed_is_not_repeated() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let log = folder.join("calls.csv");
    fs::write(&log, LOG).expect("a log");
    ran(folder, &["simulate", &scenario(), "--replay", "calls.csv", "--replications", "2", "--run", "r"]);
    fs::write(&log, LOG.replace("0.5", "0.6")).expect("another log");
    assert!(refused(folder, &["repeat", "results/tutorial/r"]).contains("calls.csv has changed since the run"));
    fs::remove_file(&log).expect("the log");
    let gone = refused(folder, &["repeat", "results/tutorial/r"]);
    assert!(gone.contains("the run replayed the log calls.csv") && gone.contains("cannot read calls.csv"), "{gone}");
}

#[test]
fn what_is_no_log_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let check = |name: &str, text: &str, why: &str| {
        fs::write(folder.join(name), text).expect("a file");
        let stderr = refused(folder, &["simulate", &scenario(), "--replay", name, "--replications", "2"]);
        assert!(stderr.contains(why) && !stderr.contains("PRIVATE"), "{name}: {stderr}");
    };
    check("calls.log", LOG, "ends in .csv, .jsonl, .ndjson or .parquet");
    check("calls.csv", "when,agent,server\n1,PRIVATE,PRIVATE\n", "no column time; the columns found are: when, agent, server");
    check(
        "calls.jsonl",
        "{\"time\": 1, \"agent\": \"stranger\", \"server\": \"files\", \"prompt\": \"PRIVATE\"}\n",
        "no row belongs to a need",
    );
    check("calls.parquet", "PRIVATE", "calls.parquet is broken");
    check("calls.csv", "", "holds no calls");
    assert!(!folder.join("results").exists());
}

#[test]
fn the_help_says_what_a_log_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for command in ["simulate", "compare", "optimize"] {
        let (stdout, _) = ran(folder.path(), &[command, "--help"]);
        assert!(stdout.contains("--replay") && stdout.contains("RFC 3339") && stdout.contains("speeds up the log's clock"), "{stdout}");
    }
}
