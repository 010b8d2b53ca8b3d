//! A user's catalogue: every text is read or refused with a message that can be shown, and what is read recognises servers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcplab::import::{Catalogue, Launch};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let catalogue = match Catalogue::extended("fuzzed.toml", text) {
        Ok(catalogue) => catalogue,
        Err(mistakes) => return drop(mistakes.to_string()),
    };
    // Words of the text itself, so that patterns in it are met.
    for word in text.split_ascii_whitespace().take(50) {
        let word = word.trim_matches(['"', ',', '[', ']']).to_owned();
        let launch = Launch::Stdio { command: word.clone(), args: vec![word.clone()] };
        catalogue.recognise(&word, Some(&launch));
        catalogue.recognise(&word, Some(&Launch::Remote { kind: "http".to_owned(), url: word.clone() }));
    }
});
