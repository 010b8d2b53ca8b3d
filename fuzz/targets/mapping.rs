//! A mapping is read for a scenario, or refused with messages that can be shown; what was read is written and read again as the same.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcplab::mapping::file;
use mcplab::scenario::{self, Scenario};

static REFERENCE: LazyLock<Scenario> = LazyLock::new(|| {
    let text = include_str!("../../scenarios/openmanager-vibe-v5.toml");
    scenario::parse("openmanager-vibe-v5.toml", text).expect("the reference is a scenario").scenario
});

fuzz_target!(|text: &str| {
    let _ = file::parse_raw("fuzzed.toml", text);
    match file::parse("fuzzed.toml", text, &REFERENCE) {
        Ok(read) => {
            let written = file::write(&read, &REFERENCE);
            let again = file::parse("written.toml", &written, &REFERENCE).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{written}"));
            assert_eq!(again.mapping, read.mapping, "{written}");
        }
        Err(mistakes) => drop(mistakes.to_string()),
    }
});
