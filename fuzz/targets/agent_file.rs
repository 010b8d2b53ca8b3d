//! An agent file is read or refused; a grant that is added to it and removed again leaves the bytes as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcplab::apply::{ToolsEdit, edit_tools};
use mcplab::import::{AgentFile, Tools};

const NEW: &str = "mcp__fuzzed__*";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = AgentFile::text_of(bytes) else { return };
    let file = match AgentFile::parse(text) {
        Ok(file) => file,
        Err(error) => return drop(error.render("fuzzed.md")),
    };
    let Tools::Listed(list) = &file.tools else { return };
    if let Ok(wider) = edit_tools(text, &file, ToolsEdit { remove: &[], add: &[NEW] }) {
        let read = AgentFile::parse(&wider).expect("an edited file can be read");
        assert_eq!(&wider[read.body.clone()], &text[file.body.clone()], "the body stays");
        if !list.entries.is_empty() {
            let back = edit_tools(&wider, &read, ToolsEdit { remove: &[NEW], add: &[] });
            assert_eq!(back.ok().as_deref(), Some(text));
        }
    }
    for entry in &list.entries {
        // Whatever comes of it has been read again and compared.
        let _ = edit_tools(text, &file, ToolsEdit { remove: &[&entry.text], add: &[NEW] });
    }
});
