//! A file of variables: names come out of any bytes, and no value of a line with it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcplab::import::EnvFile;

fuzz_target!(|bytes: &[u8]| {
    let file = EnvFile::parse(".env", bytes);
    for name in &file.names {
        assert!(!name.contains(['=', '\n']) && name.trim() == name, "{name:?}");
    }
});
