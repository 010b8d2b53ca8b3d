//! Windsurf: `mcp_config.json`, servers alone. <https://docs.windsurf.com/windsurf/cascade/mcp>

use super::claude_desktop::read_server_file;
use crate::import::Dialect;
use crate::import::reader::Reader;
use crate::import::server_config::{ENV_BRACES, Spelling, USUAL};

const SPELLING: Spelling = Spelling {
    urls: &[("serverUrl", "http"), ("url", "http")],
    off: Some(("disabled", true)),
    filters: &["disabledTools"],
    references: &[ENV_BRACES],
    ..USUAL
};

pub fn read_project(reader: &mut Reader) {
    read_server_file(reader, "mcp_config.json", Dialect::Comments, &SPELLING);
}

pub fn read_user(reader: &mut Reader) {
    read_server_file(reader, ".codeium/windsurf/mcp_config.json", Dialect::Comments, &SPELLING);
}
