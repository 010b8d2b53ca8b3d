//! One mcplab at a time, also where the one before was killed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;
use project::Project;

const STATE: &str = "MCPLAB_TEST_LOCKED_STATE";

/// Run by the test below, in a process of its own: holds the lock of a project until it is killed.
#[test]
fn a_holder() {
    let Some(state) = std::env::var_os(STATE).map(PathBuf::from) else { return };
    let tree = Tree::open(&state.join("project")).unwrap();
    let _lock = Store::new(&state, &tree).lock(&RealDisk, &tree, "apply").unwrap();
    println!("\nlocked");
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[test]
fn a_killed_holder_s_lock_is_free_and_a_living_one_s_is_named() {
    let project = Project::new();
    let plan = project.plan().unwrap();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "apply::tests::holder::a_holder", "--nocapture"])
        .env(STATE, project.state())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "locked"));
    match apply(&plan, project.state()) {
        Err(error @ ApplyError::Locked { holder: Some(_), .. }) => {
            assert!(error.to_string().contains(&format!("process {}, `mcplab apply`", holder.id())), "{error}");
        }
        other => panic!("{other:?}"),
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    apply(&plan, project.state()).unwrap();
}
