//! What-ifs and sweeps as a user runs them: what is printed, that it can be repeated, and that a killed sweep goes on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A queue that breaks its target between the points of a grid, and tips over later. As long a run as leaves time to kill it.
const QUEUE: &str = r#"format = 1
name = "queue"
run = { horizon = "8h", warmup = "1h", replications = 12 }
servers.files = { serial = { exponential = "1s" }, provides = { notes = 1.0 } }
servers.spare = { serial = { exponential = "1s" }, provides = { notes = 1.0 } }
workload = { tasks = "120/h", calls = 6, think = "1s" }
agents.writer.needs.notes = "files"
agents.reviewer.needs.notes = "files"
agents.planner.needs.notes = "spare"
policy = { timeout = "5min", call_life = "1h" }
kpis = { response_mean = { max = "2500ms" }, error_rate = { max = "10%" } }
what_if.late = { load = 1.5 }
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("queue.toml"), QUEUE).expect("a scenario");
        Folder(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcplab"));
        command.args(arguments).current_dir(self.0.path());
        command
    }

    /// Runs, asks for this exit code, and returns stdout and stderr.
    fn run(&self, arguments: &[&str], code: i32) -> (String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().expect("mcplab starts");
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned());
        assert_eq!(status.code(), Some(code), "mcplab {arguments:?}\n{stdout}\n{stderr}");
        (stdout, stderr)
    }

    /// The only run there is.
    fn results(&self) -> PathBuf {
        let runs: Vec<PathBuf> =
            fs::read_dir(self.0.path().join("results/queue")).expect("results").map(|e| e.expect("a run").path()).collect();
        assert_eq!(runs.len(), 1, "one input, one folder: {runs:?}");
        runs[0].clone()
    }

    /// Starts it, and waits until so many points are in the journal.
    fn started_until(&self, arguments: &[&str], points: usize) -> Child {
        let child = self.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("mcplab starts");
        let waited = Instant::now();
        while journal(self.0.path()).len() < points {
            assert!(waited.elapsed() < Duration::from_secs(300), "the journal grows");
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }
}

/// Whole lines of the journal of the only run; none before there is one.
fn journal(folder: &Path) -> Vec<String> {
    let runs = fs::read_dir(folder.join("results/queue")).into_iter().flatten().flatten();
    let texts = runs.filter_map(|run| fs::read_to_string(run.path().join("points.jsonl")).ok());
    texts.flat_map(|text| text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let named = entries.map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&path).expect("bytes")));
    named.filter(|(name, _)| name != "times.json").collect()
}

const SWEEP: [&str; 4] = ["sweep", "queue.toml", "--vary", "load=0.5..3:0.5"];

#[test]
fn a_killed_sweep_goes_on_and_comes_out_the_same() {
    let whole = Folder::new();
    let (text, _) = whole.run(&SWEEP, 1);
    insta::assert_snapshot!("sweep", without_path(&text));

    let killed = Folder::new();
    let mut there = 0;
    for more in [2, 3] {
        let mut child = killed.started_until(&SWEEP, there + more);
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let lines = journal(killed.0.path());
        assert!(lines.len() >= there + more, "nothing is lost: {} of {}", lines.len(), there + more);
        there = lines.len();
        // As if the kill had come in the middle of a line.
        let path = killed.results().join("points.jsonl");
        fs::write(&path, lines.concat() + &lines[0][..lines[0].len() / 2]).expect("a torn line");
    }
    let (again, notes) = killed.run(&SWEEP, 1);
    assert_eq!(without_path(&again), without_path(&text));
    let points = journal(killed.0.path()).len();
    assert!(notes.contains(&format!("{points} points: {there} were there already, {} simulated", points - there)), "{there}: {notes}");
    let hashes: std::collections::BTreeSet<String> = journal(killed.0.path()).iter().map(|line| line.chars().take(30).collect()).collect();
    assert_eq!(hashes.len(), points, "no point twice");
    let (a, b) = (files(&whole.results()), files(&killed.results()));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    a.iter().for_each(|(name, bytes)| assert!(b[name] == *bytes, "{name} is the same"));

    // Once more, there is nothing left to do, and nothing changes.
    let (_, notes) = killed.run(&SWEEP, 1);
    assert!(notes.contains(&format!("{points} points: {points} were there already, 0 simulated")), "{notes}");
    assert!(files(&killed.results()) == b);
    let run = killed.results().display().to_string();
    assert!(killed.run(&["repeat", &run], 0).0.contains("the same, byte for byte"));
}

/// For each value of the second parameter; what a bisection asked for is in the journal too.
#[test]
fn a_sweep_over_two_parameters_finds_where_each_line_breaks_and_goes_on() {
    let folder = Folder::new();
    let arguments = ["sweep", "queue.toml", "--vary", "load=2,1", "--vary", "servers.files.slots=1..2:1", "--replications", "4"];
    let (text, _) = folder.run(&arguments, 1);
    insta::assert_snapshot!("sweep_of_two", without_path(&text));
    let (whole, lines) = (files(&folder.results()), journal(folder.0.path()));
    let kept = lines.len() - 2;
    fs::write(folder.results().join("points.jsonl"), lines[..kept].concat()).expect("a journal");
    let (again, notes) = folder.run(&arguments, 1);
    assert!(again == text && files(&folder.results()) == whole);
    assert!(notes.contains(&format!("{} points: {kept} were there already, 2 simulated", lines.len())), "{notes}");
}

/// Where stderr is no terminal: a line once two seconds are over, then one in ten seconds, and none where all is done before.
#[test]
fn what_takes_long_says_what_it_does() {
    let folder = Folder::new();
    let log = folder.0.path().join("stderr");
    let stderr = fs::File::create(&log).expect("a file");
    let long = ["sweep", "queue.toml", "--vary", "load=0.5..3:0.5", "--replications", "2000", "--no-results"];
    let mut child = folder.command(&long).stdout(Stdio::null()).stderr(stderr).spawn().expect("mcplab starts");
    let begun = Instant::now();
    while fs::read_to_string(&log).expect("the file").is_empty() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(2));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let said = fs::read_to_string(&log).expect("the file");
    let is_progress = |line: &str| line.starts_with("simulating points: ") && line.contains(" of 12000; ") && line.ends_with(" s so far");
    assert!(said.lines().count() == 1 && said.lines().all(is_progress), "{said}");

    let (_, notes) = folder.run(&["simulate", "queue.toml", "--replications", "2", "--no-results"], 0);
    assert_eq!(notes.lines().filter(|line| !line.starts_with("took ")).count(), 0, "{notes}");
}

#[test]
fn control_c_says_how_to_go_on() {
    let folder = Folder::new();
    let child = folder.started_until(&SWEEP, 1);
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(sent.success());
    let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("To go on") && stderr.contains("sweep queue.toml --vary load=0.5..3:0.5"), "{stderr}");
}

#[test]
fn a_what_if_is_compared_and_can_be_repeated() {
    let folder = Folder::new();
    let spare = "server.third={ serial = \"500ms\", provides = { notes = 1.0 } }";
    let flags = ["--overlay", "late", "--add", spare, "--set", "agents.writer.needs.notes=third", "--scale", "servers.files.serial=3.5"];
    let (text, _) = folder.run(&[&["what-if", "queue.toml"], &flags[..]].concat(), 1);
    insta::assert_snapshot!("what_if", without_path(&text));
    let run = folder.results().display().to_string();
    assert!(folder.run(&["repeat", &run], 0).0.contains("the same, byte for byte"));
}

#[test]
fn nothing_changed_is_no_difference() {
    let folder = Folder::new();
    let arguments = ["what-if", "queue.toml", "--set", "servers.files.slots=1", "--no-results", "--json"];
    let report: serde_json::Value = serde_json::from_str(&folder.run(&arguments, 0).0).expect("JSON");
    for kpi in report["effects"][0]["kpis"].as_array().expect("KPIs") {
        assert_eq!((&kpi["difference"]["difference"], &kpi["significant"]), (&0.0.into(), &false.into()), "{kpi}");
    }
}

/// What was asked for beside the mapping is in the report, and comes out again.
#[test]
fn a_mapping_for_the_worst_case_and_the_load_that_breaks_it_can_be_repeated() {
    let folder = Folder::new();
    let (text, _) = folder.run(&["optimize", "queue.toml", "--replications", "4", "--across", "what-ifs", "--breaks"], 0);
    for part in ["least loss in the worst case", "mean response breaks its target of 2.5 s at load", "What one more slot is worth"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    folder.run(&["repeat", folder.results().to_str().expect("a path")], 0);
}

#[test]
fn mistakes_name_the_flag() {
    let folder = Folder::new();
    let cases: [&[&str]; 9] = [
        &["what-if", "queue.toml"],
        &["what-if", "queue.toml", "--set", "server.fles.up=false"],
        &["what-if", "queue.toml", "--scale", "servers.files.queue=2"],
        &["sweep", "queue.toml", "--vary", "load=0..1:0.5"],
        &["sweep", "queue.toml", "--vary", "servers.files.slots=1..2:0.5"],
        &["sweep", "queue.toml", "--vary", "load=1..2:0.1", "--replications", "10000"],
        &["optimize", "queue.toml", "--across", "what-ifs", "--weights", "base=2,lat=1"],
        &["optimize", "queue.toml", "--across", "what-ifs", "--weights", "base=2,late=-1"],
        &["optimize", "queue.toml", "--across", "what-ifs", "--weights", "base=0"],
    ];
    let said: Vec<String> = cases.iter().map(|arguments| folder.run(arguments, 2).1).collect();
    insta::assert_snapshot!("mistakes", said.join("\n"));
    assert!(!folder.0.path().join("results").exists(), "nothing was written");
}

/// The folder's name depends on the version.
fn without_path(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("Results: ")).map(|line| format!("{}\n", line.trim_end())).collect()
}
