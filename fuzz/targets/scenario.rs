//! A scenario is read, or refused with messages that can be shown; what was read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcplab::scenario;

fuzz_target!(|text: &str| {
    match scenario::parse("fuzzed.toml", text) {
        Ok(parsed) => {
            let written = scenario::write(&parsed.scenario);
            let again = scenario::parse("written.toml", &written).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{written}"));
            assert_eq!(again.scenario, parsed.scenario, "{written}");
        }
        Err(mistakes) => drop(mistakes.to_string()),
    }
});
