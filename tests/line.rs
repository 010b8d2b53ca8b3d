//! The whole line as a user walks it, on a real project folder: import, compare, optimize, apply, status, rollback.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of the reference project and a place for mcplab's own state; both go when this goes.
struct Project {
    folder: tempfile::TempDir,
}

/// What has to be the same after a rollback: bytes, mode and time of modification.
#[derive(Debug, PartialEq)]
struct FileState {
    bytes: Vec<u8>,
    mode: u32,
    modified: (i64, i64),
}

impl Project {
    fn new() -> Project {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = Project { folder };
        copy(&repository().join("tests/fixtures/openmanager-vibe-v5"), &project.tree());
        project
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_mcplab"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .output()
            .expect("mcplab starts")
    }

    /// Runs, asks for this exit code, and returns stdout.
    fn stdout(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "mcplab {arguments:?}\n{stdout}\n{stderr}");
        stdout.into_owned()
    }

    fn states(&self) -> BTreeMap<PathBuf, FileState> {
        let mut states = BTreeMap::new();
        let mut folders = vec![self.tree()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let metadata = fs::symlink_metadata(&path).expect("metadata");
                if metadata.is_dir() {
                    folders.push(path);
                } else {
                    let modified = (metadata.mtime(), metadata.mtime_nsec());
                    states.insert(path.clone(), FileState { bytes: fs::read(&path).expect("bytes"), mode: metadata.mode(), modified });
                }
            }
        }
        states
    }
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the fixture") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(|_| ()).expect("a copy") }
    }
}

#[test]
fn from_agent_files_to_an_applied_mapping_and_back() {
    let project = Project::new();
    // Something private and something executable: modes have to survive.
    let coordinator = project.tree().join(".claude/agents/agent-coordinator.md");
    fs::set_permissions(&coordinator, fs::Permissions::from_mode(0o600)).expect("a mode");
    let before = project.states();
    assert!(before.len() > 18, "17 agents, the servers and more: {}", before.len());
    let base = repository().join("scenarios/openmanager-vibe-v5.toml").display().to_string();
    let (mine, mapping) = (project.path("mine.toml"), project.path("mapping.toml"));

    let imported = project.stdout(&["import", "project", "--base", &base, "-o", &mine], 0);
    assert!(imported.contains("17"), "{imported}");
    project.stdout(&["check", &mine], 0);

    let compared = project.stdout(&["compare", &mine, "--replications", "4"], 0);
    for strategy in ["current", "random", "round-robin", "greedy", "least-loaded", "priority", "lp-rounding", "milp", "local-search"] {
        assert!(compared.contains(strategy), "{strategy} takes part:\n{compared}");
    }

    let optimized = project.stdout(&["optimize", &mine, "--replications", "8", "-o", &mapping], 0);
    assert!(optimized.contains("Verdict: validated"), "{optimized}");
    let text = fs::read_to_string(&mapping).expect("the mapping");
    assert!(text.contains("verdict = \"validated\"") && text.contains("scenario_sha256"), "{text}");
    assert_eq!(project.states(), before, "nothing was touched so far");

    let shown = project.stdout(&["apply", &mapping, "--to", "project", "--dry-run"], 1);
    assert!(shown.contains("-tools:") && shown.contains("+tools:"), "{shown}");
    assert_eq!(project.states(), before, "a dry run touches nothing");

    let checked = project.stdout(&["apply", &mapping, "--to", "project", "--check"], 1);
    assert!(checked.contains("would change:"), "{checked}");
    assert_eq!(project.states(), before, "a check touches nothing");
    assert_eq!(project.run(&["apply", "missing.toml", "--to", "project", "--check"]).status.code(), Some(2));
    assert_eq!(project.run(&["apply", &mapping, "--to", "project", "--interactive"]).status.code(), Some(2), "nobody can be asked");
    assert!(project.stdout(&["status", "project", "--mapping", &mapping], 1).contains("to be written"));

    let applied = project.stdout(&["apply", &mapping, "--to", "project", "--phases", "--yes"], 0);
    assert!(applied.contains("mcplab rollback --to project"), "the undo command is shown:\n{applied}");
    assert!(applied.starts_with("Phase 1 of ") && applied.contains("Verified: "), "{applied}");
    let after = project.states();
    let changed: Vec<&PathBuf> = before.keys().filter(|path| before[*path].bytes != after[*path].bytes).collect();
    assert!(!changed.is_empty());
    for path in before.keys() {
        assert_eq!(before[path].mode, after[path].mode, "{}", path.display());
        if !changed.contains(&path) {
            assert_eq!(before[path], after[path], "{} was not to change", path.display());
        } else {
            only_tools_differ(path, &before[path].bytes, &after[path].bytes);
        }
    }
    assert!(project.stdout(&["status", "project"], 0).contains("applied"));
    project.stdout(&["apply", &mapping, "--to", "project", "--dry-run"], 0);
    project.stdout(&["apply", &mapping, "--to", "project", "--yes"], 0);
    project.stdout(&["apply", &mapping, "--to", "project", "--check"], 0);
    assert_eq!(project.states(), after, "applying twice changes nothing the second time");
    project.stdout(&["verify", "project"], 0);
    let log = project.stdout(&["log", "project"], 0);
    assert!(log.contains(", validated, run ") && log.contains("expected ") && log.contains(": met"), "{log}");
    assert!(project.stdout(&["backups", "list", "project"], 0).contains("for ever"));

    let phases = log.matches("  apply of ").count();
    assert!(phases > 0, "{log}");
    (0..phases).for_each(|_| drop(project.stdout(&["rollback", "--to", "project"], 0)));
    assert_eq!(project.states(), before, "byte for byte, with modes and times");
}

/// Line by line: what differs is the value of `tools`, and nothing else.
fn only_tools_differ(path: &Path, before: &[u8], after: &[u8]) {
    let (before, after) = (String::from_utf8_lossy(before).into_owned(), String::from_utf8_lossy(after).into_owned());
    let lines = |text: &str| -> Vec<String> {
        text.split('\n').filter(|l| !l.starts_with("tools:") && !l.trim_start().starts_with("- mcp__")).map(str::to_owned).collect()
    };
    assert_eq!(lines(&before), lines(&after), "{}", path.display());
}

#[test]
fn what_was_not_validated_or_has_changed_is_refused() {
    let project = Project::new();
    let base = repository().join("scenarios/openmanager-vibe-v5.toml").display().to_string();
    let plan = repository().join("scenarios/openmanager-vibe-v5.plan.toml").display().to_string();
    let before = project.states();
    // The plan by hand has no evidence.
    let refused = project.run(&["apply", &plan, "--scenario", &base, "--to", "project", "--yes"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"), "{refused:?}");
    assert_eq!(project.states(), before);

    let (mine, mapping) = (project.path("mine.toml"), project.path("mapping.toml"));
    project.stdout(&["import", "project", "--base", &base, "-o", &mine], 0);
    project.stdout(&["optimize", &mine, "--replications", "8", "-o", &mapping], 0);
    let agent = project.tree().join(".claude/agents/execution-tracker.md");
    let mut text = fs::read(&agent).expect("the agent");
    text.extend_from_slice("\n한 줄 더\n".as_bytes());
    fs::write(&agent, text).expect("an edit");
    let edited = project.states();
    let refused = project.run(&["apply", &mapping, "--to", "project", "--yes"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("execution-tracker.md"), "{refused:?}");
    assert_eq!(project.states(), edited);
}

#[test]
fn the_same_bytes_twice_and_on_any_number_of_threads() {
    let project = Project::new();
    let scenario = repository().join("scenarios/openmanager-vibe-v5.toml").display().to_string();
    for command in ["compare", "optimize"] {
        let run = |threads: &str, name: &str| {
            let out = project.run(&[command, &scenario, "--replications", "3", "--threads", threads, "--results", name, "--run", "run"]);
            assert!(matches!(out.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&out.stderr));
            String::from_utf8_lossy(&out.stdout).replace(name, "results")
        };
        let results = ["results-1-thread", "results-again", "results-2-threads"];
        let texts = [run("1", results[0]), run("1", results[1]), run("2", results[2])];
        assert_eq!(texts[0], texts[1], "{command} twice");
        assert_eq!(texts[0], texts[2], "{command} on one thread and on two");
        let folder = |name: &str| project.folder.path().join(name).join("openmanager-vibe-v5/run");
        let files: Vec<String> = fs::read_dir(folder(results[0]))
            .expect("results")
            .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        assert!(files.len() >= 7, "{files:?}");
        for file in files.iter().filter(|file| *file != "times.json") {
            for other in &results[1..] {
                assert_eq!(fs::read(folder(results[0]).join(file)).ok(), fs::read(folder(other).join(file)).ok(), "{command}: {file}");
            }
        }
        for name in results {
            fs::remove_dir_all(project.folder.path().join(name)).expect("results of this test");
        }
    }
}

#[test]
fn a_run_is_repeated_from_its_manifest() {
    let project = Project::new();
    let scenario = repository().join("scenarios/tutorial.toml").display().to_string();
    for command in ["simulate", "compare"] {
        let out = project.run(&[command, &scenario, "--replications", "3", "--run", command]);
        assert!(matches!(out.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&out.stderr));
        let folder = format!("results/tutorial/{command}");
        assert!(project.stdout(&["repeat", &folder], 0).contains("the same, byte for byte"));
        let kpis = project.folder.path().join(&folder).join("kpis.parquet");
        fs::write(&kpis, b"something else").expect("a change");
        assert!(project.stdout(&["repeat", &folder], 1).contains("kpis.parquet"));
    }
}

#[test]
fn json_is_json_on_every_command_that_reports() {
    let project = Project::new();
    let scenario = repository().join("scenarios/tutorial.toml").display().to_string();
    let check = |arguments: &[&str]| {
        let out = project.run(arguments);
        let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&out.stdout);
        assert!(parsed.is_ok(), "mcplab {arguments:?}: {}\n{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    };
    check(&["check", &scenario, "--json"]);
    check(&["simulate", &scenario, "--replications", "3", "--json"]);
    check(&["compare", &scenario, "--replications", "3", "--json", "--run", "r"]);
    check(&["optimize", &scenario, "--replications", "3", "--json", "-o", "m.toml"]);
    check(&["repeat", "results/tutorial/r", "--json"]);
    check(&["import", "project", "-o", "i.toml", "--json"]);
    check(&["status", "project", "--json"]);
}

#[test]
fn a_verdict_holds_for_the_mapping_it_was_given_to() {
    let project = Project::new();
    let base = repository().join("scenarios/openmanager-vibe-v5.toml").display().to_string();
    let (mine, mapping) = (project.path("mine.toml"), project.path("mapping.toml"));
    project.stdout(&["import", "project", "--base", &base, "-o", &mine], 0);
    project.stdout(&["optimize", &mine, "--replications", "8", "-o", &mapping], 0);
    let written = fs::read_to_string(&mapping).expect("the mapping");
    let apply = ["apply", &mapping, "--to", "project", "--dry-run"];
    project.stdout(&apply, 1);
    // A comment and the entry of a server are a person's to add.
    fs::write(&mapping, format!("# looked at\n{written}\n[servers.supabase]\ncommand = \"npx\"\n")).expect("a mapping");
    project.stdout(&apply, 1);
    for edited in [
        written.replacen("\"supabase\"", "\"filesystem\"", 1),
        written.replacen("replications = 8", "replications = 800", 1),
        written.lines().filter(|line| !line.starts_with("sealed_sha256")).map(|line| format!("{line}\n")).collect(),
    ] {
        assert_ne!(edited, written);
        fs::write(&mapping, edited).expect("a mapping");
        let output = project.run(&apply);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("was edited since"), "{output:?}");
    }
}

#[test]
fn what_is_private_stays_out_of_messages_and_results() {
    let project = Project::new();
    let scenario = repository().join("scenarios/openmanager-vibe-v5.toml").display().to_string();
    let head = "format = 1\nscenario = \"openmanager-vibe-v5\"\n";
    let refused = |arguments: &[&str], why: &str| {
        let output = project.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr.contains(why) && !stderr.contains("PRIVATE"), "{stderr}");
    };
    // A mapping from elsewhere names a file of this machine as its scenario.
    fs::write(project.path("private.txt"), "PRIVATE words\n").expect("a file");
    let evidence = "[evidence]\nverdict = \"validated\"\nscenario_file = \"private.txt\"\n";
    fs::write(project.path("hostile.toml"), format!("{head}{evidence}")).expect("a mapping");
    refused(&["apply", "hostile.toml", "--to", "project", "--dry-run", "--force"], "is not the text");
    // A run keeps its mappings' texts.
    let entry = "[servers.supabase]\ncommand = \"npx\"\nenv = { TOKEN = \"sk-PRIVATE\" }\n";
    fs::write(project.path("secret.toml"), format!("{head}{entry}")).expect("a mapping");
    refused(&["simulate", &scenario, "--mapping", "secret.toml", "--replications", "2"], "env.TOKEN holds a value");
    assert!(!project.folder.path().join("results").exists());
}

#[test]
fn an_endless_manifest_is_refused() {
    let project = Project::new();
    std::os::unix::fs::symlink("/dev/zero", project.path("manifest.json")).expect("a link");
    project.stdout(&["repeat", "."], 2);
}
