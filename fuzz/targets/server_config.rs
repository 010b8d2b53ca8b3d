//! A server config is read or refused; an entry added to it adds bytes and changes none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcplab::apply::add_server;
use mcplab::import::ServerConfig;

const NAME: &str = "fuzzed";

fuzz_target!(|text: &str| {
    if let Err(error) = ServerConfig::parse(".mcp.json", text, String::new()) {
        drop(error.to_string());
    }
    let entry = serde_json::json!({ "command": "npx", "args": ["-y", "fuzzed"] });
    if let Ok(added) = add_server(Some(text), NAME, &entry) {
        let mut rest = added.bytes();
        assert!(text.trim_start_matches('\u{feff}').bytes().filter(|b| !b.is_ascii_whitespace()).all(|byte| rest.any(|b| b == byte)));
    }
});
