//! Continue: blocks of servers under `.continue/mcpServers/`, and `.continue/config.yaml`. Secrets are Continue's own:
//! `${{ secrets.NAME }}` is no variable of the environment. <https://docs.continue.dev/customize/deep-dives/mcp>

use crate::import::front_matter::yaml_file;
use crate::import::reader::{Depth, FileText, Reader};
use crate::import::server_config::{Spelling, USUAL, read_server};
use crate::import::yaml::yaml_node;
use crate::import::{AgentFileError, Dialect, Part, ServerEntry, line_of, parse_json};
use crate::scenario::document::{Node, Value};

const SPELLING: Spelling = Spelling { references: &[], ..USUAL };

pub fn read(reader: &mut Reader) {
    for ending in [".yaml", ".yml"] {
        for file in reader.folder(".continue/mcpServers", Depth::Flat, ending) {
            read_yaml(reader, &file);
        }
    }
    for file in reader.folder(".continue/mcpServers", Depth::Flat, ".json") {
        // Copied from other clients: `mcpServers`, or one server alone.
        let Some(root) = reader.or_broken(Part::Config, &file.path, parse_json(&file.text, Dialect::Comments)) else { continue };
        match root.get("mcpServers") {
            Some(servers) => reader.add_servers(&file, &servers.node, &SPELLING),
            None => {
                let server = read_server(&file.text, &file.stem(&[".json"]), 0, &root, &SPELLING);
                let server = server.map_err(|reason| AgentFileError::new(format!("the server {reason}")).line(1));
                if let Some(server) = reader.or_broken(Part::Config, &file.path, server) {
                    reader.add_config(&file, reader.scope.clone(), vec![server]);
                }
            }
        }
    }
    if let Some(file) = reader.file(".continue/config.yaml") {
        read_yaml(reader, &file);
    }
}

/// `mcpServers` is a list in which each server states its name.
fn read_yaml(reader: &mut Reader, file: &FileText) {
    let Some(values) = reader.or_broken(Part::Config, &file.path, yaml_file(&file.text)) else { return };
    let Some(list) = values.get("mcpServers").and_then(|value| yaml_node(value, &file.text, 0..file.text.len())) else { return };
    let Value::List(items) = &list.value else {
        let error = AgentFileError::new("`mcpServers` has to be a list").hint("write `- name: ...` for each server");
        return reader.broken(Part::Config, &file.path, error);
    };
    let mut servers: Vec<ServerEntry> = Vec::new();
    for item in items {
        let name = match item.get("name").map(|entry| &entry.node.value) {
            Some(Value::Text(name)) => name.to_string(),
            _ => {
                reader.broken(
                    Part::Server,
                    &file.path,
                    AgentFileError::new("a server without a `name`").hint("write `- name: ...` for each server"),
                );
                continue;
            }
        };
        match read_server(&file.text, &name, 0, item, &SPELLING) {
            Ok(server) => servers.push(ServerEntry { line: line_of_name(file, item, &name), ..server }),
            Err(reason) => reader.broken(Part::Server, &file.path, AgentFileError::new(format!("server `{name}` {reason}"))),
        }
    }
    reader.add_config(file, reader.scope.clone(), servers);
}

fn line_of_name(file: &FileText, _item: &Node, name: &str) -> usize {
    let states = |line: &&str| {
        line.trim_start_matches([' ', '-']).strip_prefix("name:").is_some_and(|rest| rest.trim().trim_matches(['"', '\'']) == name)
    };
    let line = file.text.lines().find(states);
    line.map_or(1, |line| line_of(&file.text, line.as_ptr() as usize - file.text.as_ptr() as usize))
}
