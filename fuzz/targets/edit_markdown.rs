//! A file of agents with a list of tools (Claude Code, GitHub Copilot, Gemini CLI) is edited or refused.
#![no_main]

mod edits;

use libfuzzer_sys::fuzz_target;
use mcplab::import::Client;

fuzz_target!(|text: &str| edits::check(text, &[Client::ClaudeCode, Client::Copilot, Client::Gemini]));
