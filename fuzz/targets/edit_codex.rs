//! A file of Codex is edited or refused.
#![no_main]

mod edits;

use libfuzzer_sys::fuzz_target;
use mcplab::import::Client;

fuzz_target!(|text: &str| edits::check(text, &[Client::Codex]));
