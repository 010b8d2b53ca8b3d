//! An entry added to a server config adds bytes and changes none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcplab::apply::add_server;

fuzz_target!(|text: &str| {
    let entry = serde_json::json!({ "command": "npx", "args": ["-y", "fuzzed"] });
    if let Ok(added) = add_server(Some(text), "fuzzed", &entry) {
        let mut rest = added.bytes();
        let kept = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
        assert!(kept.into_iter().all(|byte| rest.any(|other| other == byte)), "{added}");
    }
});
