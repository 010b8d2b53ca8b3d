//! Claude Desktop: `claude_desktop_config.json`, servers alone. It fills in no variables: `${NAME}` stays as it stands.

use crate::import::reader::Reader;
use crate::import::server_config::{Spelling, USUAL};
use crate::import::{AgentFileError, Dialect, Part, parse_json};

const SPELLING: Spelling = Spelling { references: &[], ..USUAL };

pub fn read_project(reader: &mut Reader) {
    read_server_file(reader, "claude_desktop_config.json", Dialect::Strict, &SPELLING);
}

pub fn read_user(reader: &mut Reader) {
    // Linux, macOS, Windows.
    for folder in [".config/Claude", "Library/Application Support/Claude", "AppData/Roaming/Claude"] {
        read_server_file(reader, &format!("{folder}/claude_desktop_config.json"), Dialect::Strict, &SPELLING);
    }
}

/// A file that holds `mcpServers`.
pub fn read_server_file(reader: &mut Reader, path: &str, dialect: Dialect, spelling: &Spelling) {
    let Some(file) = reader.file(path) else { return };
    let Some(root) = reader.or_broken(Part::Config, &file.path, parse_json(&file.text, dialect)) else { return };
    match root.get("mcpServers") {
        Some(servers) => reader.add_servers(&file, &servers.node, spelling),
        None => {
            let error = AgentFileError::new("no `mcpServers`").line(1).hint("write { \"mcpServers\": { ... } }");
            reader.broken(Part::Config, &file.path, error);
        }
    }
}
