//! `mcplab trace` and `mcplab fit` on records of real calls, as a user runs them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcplab")).args(arguments).current_dir(folder).output().expect("mcplab starts")
}

/// Runs, asks for this exit code, and returns stdout.
fn stdout(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = run(folder, arguments);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "mcplab {arguments:?}\n{stdout}\n{stderr}");
    assert!(!stdout.contains("PRIVATE") && !stderr.contains("PRIVATE"), "{stdout}{stderr}");
    stdout.into_owned()
}

/// A session of 40 calls, the first half with exact times.
fn session() -> String {
    let mut lines = String::new();
    for i in 0..40 {
        let record = |kind: &str, part: u32, second: u32, rest: &str| {
            format!(r#"{{"type":"{kind}","uuid":"{i}-{part}","timestamp":"2026-03-01T08:{i:02}:{second:02}Z","sessionId":"s",{rest}}}"#)
                + "\n"
        };
        let took = 100 + 37 * i * i % 900;
        lines += &record(
            "assistant",
            0,
            0,
            &format!(
                r#""message":{{"content":[{{"type":"tool_use","id":"t{i}","name":"mcp__github__search","input":{{"q":"PRIVATE"}}}}]}}"#
            ),
        );
        if i < 20 {
            lines += &record(
                "progress",
                1,
                2,
                &format!(r#""data":{{"type":"mcp_progress","status":"completed","elapsedTimeMs":{took}}},"toolUseID":"t{i}""#),
            );
        }
        lines += &record(
            "user",
            2,
            3 + i % 7,
            &format!(r#""message":{{"content":[{{"type":"tool_result","tool_use_id":"t{i}","content":"PRIVATE"}}]}}"#),
        );
    }
    lines + r#"{"type":"user","message":{"content":"PRIVATE and cut o"#
}

#[test]
fn a_folder_of_transcripts_is_summarised_and_fitted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = folder.path().join("project");
    fs::create_dir(&project).expect("a folder");
    fs::write(project.join("s.jsonl"), session()).expect("a file");
    let text = stdout(folder.path(), &["trace", "summary", "project", "--by", "server"], 0);
    for part in ["cut-off last lines: 1", "40 calls over", "exact    20", "at most  20", "calls by hour of day"] {
        assert!(text.contains(part), "{part} is in\n{text}");
    }
    assert!(!text.contains("agent"), "only the servers were asked for\n{text}");
    let json = stdout(folder.path(), &["trace", "summary", "project", "--json", "--utc-offset", "-03:30"], 0);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["account"]["calls"], &json["servers"][0]["exact"]["n"]), (&40.into(), &20.into()));
    assert_eq!((&json["day"]["hours"][4], &json["day"]["hours"][5]), (&30.into(), &10.into()));

    let fitted = |more: &[&str]| stdout(folder.path(), &[&["fit", "project", "--by", "server,tool"], more].concat(), 0);
    let exact = fitted(&[]);
    assert!(exact.contains("project, exact durations") && exact.contains("github, search: n 20,"), "{exact}");
    let bounds = fitted(&["--upper-bounds"]);
    assert!(bounds.contains("project, upper bounds of durations") && bounds.contains("github, search: n 20,"), "{bounds}");
}

#[test]
fn what_is_no_trace_is_said_to_be_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("notes.txt"), "PRIVATE").expect("a file");
    fs::write(folder.path().join("empty.jsonl"), "{\"type\":\"summary\",\"leafUuid\":\"1\",\"summary\":\"PRIVATE\"}\n").expect("a file");
    stdout(folder.path(), &["trace", "summary", "notes.txt"], 2);
    stdout(folder.path(), &["trace", "summary", "."], 1);
    let text = stdout(folder.path(), &["trace", "summary", "empty.jsonl"], 1);
    assert!(text.contains("No calls of MCP servers."), "{text}");
}
