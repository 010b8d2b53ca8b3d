//! VS Code: `.vscode/mcp.json` with `servers` and `inputs`. Its agents are files of GitHub Copilot's.
//! <https://code.visualstudio.com/docs/copilot/reference/mcp-configuration>

use crate::import::reader::Reader;
use crate::import::server_config::{ENV_BRACES, Spelling, USUAL};
use crate::import::{AgentFileError, Dialect, Part, parse_json};
use crate::scenario::document::{Node, Value};

const SPELLING: Spelling = Spelling { env_file: Some("envFile"), references: &[ENV_BRACES], ..USUAL };

pub fn read_project(reader: &mut Reader) {
    read_file(reader, ".vscode/mcp.json");
}

pub fn read_user(reader: &mut Reader) {
    // Linux, macOS, Windows.
    for folder in [".config/Code/User", "Library/Application Support/Code/User", "AppData/Roaming/Code/User"] {
        read_file(reader, &format!("{folder}/mcp.json"));
    }
}

fn read_file(reader: &mut Reader, path: &str) {
    let Some(file) = reader.file(path) else { return };
    let Some(root) = reader.or_broken(Part::Config, &file.path, parse_json(&file.text, Dialect::Comments)) else { return };
    match root.get("servers") {
        Some(servers) => reader.add_servers(&file, &servers.node, &SPELLING),
        None if root.get("mcpServers").is_some() => {
            let hint = "VS Code reads `servers`; `mcpServers` is the key of other clients";
            reader.broken(Part::Config, &file.path, AgentFileError::new("no `servers`").line(1).hint(hint));
        }
        None => reader.add_servers(&file, &Node { span: 0..0, value: Value::Table(Vec::new()) }, &SPELLING),
    }
}
