//! A log to be run again: its calls come in order of time and belong to the scenario's needs, or a message says why it is none.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcplab::import::call_log::{self, attach};
use mcplab::scenario::{self, Scenario};
use tempfile::TempDir;

static REFERENCE: LazyLock<Scenario> = LazyLock::new(|| {
    let text = include_str!("../../scenarios/openmanager-vibe-v5.toml");
    scenario::parse("openmanager-vibe-v5.toml", text).expect("the reference is a scenario").scenario
});

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fuzz_target!(|bytes: &[u8]| {
    for name in ["log.csv", "log.jsonl"] {
        let path = FOLDER.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        match call_log::read(&path, &REFERENCE) {
            Ok(log) => {
                assert!(!log.calls.is_empty() && log.calls.is_sorted_by_key(|call| call.at));
                assert!(log.calls.iter().all(|call| call.need.index() < REFERENCE.needs.len()));
                attach(&mut REFERENCE.clone(), log);
            }
            Err(error) => drop(error.to_string()),
        }
    }
});
