//! Cursor: `.cursor/mcp.json`, and agents whose files have no tools, so that each has every server.

use super::claude_desktop::read_server_file;
use crate::import::reader::{Depth, Reader, in_markdown};
use crate::import::server_config::{ENV_BRACES, Spelling, USUAL};
use crate::import::{Dialect, FrontMatter, Part};

const SPELLING: Spelling = Spelling { env_file: Some("envFile"), off: Some(("disabled", true)), references: &[ENV_BRACES], ..USUAL };

pub fn read(reader: &mut Reader) {
    read_server_file(reader, ".cursor/mcp.json", Dialect::Comments, &SPELLING);
    for file in reader.folder(".cursor/agents", Depth::Flat, ".md") {
        let Some(front) = reader.or_broken(Part::Agent, &file.path, FrontMatter::parse(&file.text)) else { continue };
        let name = front.text("name").unwrap_or_else(|| file.stem(&[".md"]));
        let agent = in_markdown(reader, &file, &front, name);
        reader.add_agent(agent);
    }
}
