//! What safety costs: a mapping applied to 1,000 agent files, beside a plain copy of the same files, each synced to the disk.
//! `cargo bench --bench apply`
//!
//! An apply backs up every file, writes its record and the new files, syncs them, renames each, syncs the folders and reads all
//! back. It may take one and a half times as long as the copy; the ratio is of medians of rounds that take turns.
//!
//! Every round has files of its own, and none is deleted before the end: ext4 looks at every inode that was deleted within the last minute or more
//! before it gives a new one, so a round would pay for the files of the last one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mcplab::apply::{Decision, Origin, Permit, apply, plan};
use mcplab::mapping::Mapping;
use mcplab::scenario::{self, Scenario};

const AGENTS: usize = 1000;
const ROUNDS: usize = 7;
const RATIO_MAX: f64 = 1.5;

/// All agents have their state on `files`.
fn scenario() -> Scenario {
    let mut text = "format = 1\nname = \"thousand\"\n[workload]\ntasks = \"10/h\"\n[servers]\n".to_owned();
    text += "files = { serial = \"10ms\", provides = { state = 0.6 } }\ndatabase = { serial = \"10ms\", provides = { state = 1.0 } }\n[agents]\n";
    (0..AGENTS).for_each(|number| writeln!(text, "agent-{number}.needs = {{ state = \"files\" }}").expect("a String takes all"));
    scenario::parse("thousand.toml", &text).unwrap_or_else(|problems| panic!("{}", problems.render(false))).scenario
}

fn project(dir: &Path) {
    fs::create_dir_all(dir.join(".claude/agents")).expect("created");
    let body = "당신은 전문가입니다. Read the code, then answer.\n".repeat(60);
    for number in 0..AGENTS {
        let text = format!("---\nname: agent-{number}\ndescription: \"Does its work 🔧\"\ntools: mcp__files__*, Read\n---\n\n{body}");
        fs::write(dir.join(format!(".claude/agents/agent-{number}.md")), text).expect("written");
    }
    let config = r#"{ "mcpServers": { "files": { "command": "npx" }, "database": { "command": "npx" } } }"#;
    fs::write(dir.join(".mcp.json"), config).expect("written");
}

/// As `cp` and `sync` on each file, then on the folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("created");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let copied = to.join(path.file_name().expect("a name"));
        fs::copy(&path, &copied).expect("copied");
        File::open(&copied).and_then(|file| file.sync_all()).expect("synced");
    }
    File::open(to).and_then(|folder| folder.sync_all()).expect("synced");
}

/// A second name for each file, so that none is deleted when another takes its place.
fn keep(from: &Path, to: &Path) {
    fs::create_dir(to).expect("created");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        fs::hard_link(&path, to.join(path.file_name().expect("a name"))).expect("linked");
    }
    File::open(to).and_then(|folder| rustix::fs::syncfs(folder).map_err(Into::into)).expect("synced");
}

fn timed<T>(act: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = act();
    (start.elapsed(), done)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn main() -> ExitCode {
    // Beside the build, not in /tmp: that may be memory, which has nothing to sync.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let scenario = scenario();
    let mut mapping = Mapping::current(&scenario);
    let database = scenario.server_named("database").expect("it is there");
    mapping.assignments.iter_mut().for_each(|assignment| assignment.primary = database);
    let decision = Decision {
        mapping: &mapping,
        title: "to the database",
        sha256: "1".repeat(64),
        verdict: Some("validated"),
        origin: Origin::default(),
        files: BTreeMap::new(),
        servers: BTreeMap::new(),
    };
    let (mut copies, mut plans, mut applies) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let of_round = folder.path().join(round.to_string());
        let (dir, state) = (of_round.join("project"), of_round.join("state"));
        let agents = dir.join(".claude/agents");
        project(&dir);
        let (plan_time, plan) = timed(|| plan(&dir, &state, &scenario, &decision, Permit::default()).expect("a plan"));
        assert_eq!(plan.files.len(), AGENTS);
        keep(&agents, &of_round.join("kept"));
        let copied = || timed(|| copy(&agents, &of_round.join("copy"))).0;
        let applied = || timed(|| apply(&plan, &state).expect("applied")).0;
        // By turns, the one first and the other.
        let (copy_time, apply_time) = if round % 2 == 0 {
            (copied(), applied())
        } else {
            let apply_time = applied();
            (copied(), apply_time)
        };
        // The first one warms up.
        if round > 0 {
            copies.push(copy_time);
            plans.push(plan_time);
            applies.push(apply_time);
        }
    }
    let (copy, plan, apply) = (median(copies), median(plans), median(applies));
    let ratio = apply / copy;
    println!("{AGENTS} agent files, medians of {ROUNDS} rounds");
    println!("plain copy, each file synced   {:8.1} ms", 1e3 * copy);
    println!("plan                           {:8.1} ms", 1e3 * plan);
    println!("apply                          {:8.1} ms", 1e3 * apply);
    println!("apply / copy                   {ratio:8.2}     at most {RATIO_MAX}: {}", if ratio <= RATIO_MAX { "met" } else { "missed" });
    if ratio <= RATIO_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
