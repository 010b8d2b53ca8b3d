//! A Claude Code transcript: whatever it holds, every call has an account, and reading it twice gives the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcplab::trace::{self, Call, Format, Names};

fuzz_target!(|bytes: &[u8]| {
    let read = || {
        let mut calls = 0;
        let trace = trace::read_from(bytes, Format::Transcript, &mut |_: &Call, _: &Names| calls += 1);
        trace.map(|trace| (calls, format!("{:?}", trace.account))).map_err(|error| error.to_string())
    };
    assert_eq!(read(), read());
});
