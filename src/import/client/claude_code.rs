//! Claude Code: agents of the project, of folders in it, of the user and of plugins; `.mcp.json`, `~/.claude.json`, and the settings
//! that turn servers off. <https://docs.claude.com/en/docs/claude-code/sub-agents>, <https://docs.claude.com/en/docs/claude-code/mcp>

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use yaml_serde::Value as Yaml;

use crate::import::reader::{FileText, Reader, in_markdown, is_readme};
use crate::import::server_config::{Spelling, USUAL, read_server, read_servers, texts};
use crate::import::walk::{Skipped, Unread, relative};
use crate::import::yaml::yaml_node;
use crate::import::{
    AGENTS, AgentDefinition, AgentFile, AgentFileError, AgentSource, AgentTree, CONFIG, Dialect, FrontMatter, Grant, Part, Permit, Scope,
    ServerEntry, ToolEntry, ToolGrant, Tools, parse_json,
};
use crate::scenario::document::{Node, Value};

/// <https://code.claude.com/docs/en/plugins-reference>, environment variables
const SPELLING: Spelling = Spelling { provided: &["CLAUDE_PLUGIN_ROOT", "CLAUDE_PLUGIN_DATA", "CLAUDE_PROJECT_DIR"], ..USUAL };
/// Folders below the project that are looked through for more agents and plugins.
const NESTED_MAX: usize = 6;
/// Files and folders that are looked at on the way.
const LOOKED_AT_MAX: usize = 50_000;
/// What others put there, or tools produced.
const NOT_OURS: [&str; 10] = [".git", "node_modules", "target", "vendor", "dist", "build", ".venv", "venv", "__pycache__", ".next"];
/// `~/.claude.json` holds the history of all projects too.
const USER_FILE_LONGEST: u64 = 64 << 20;

pub fn read_project(reader: &mut Reader) {
    let agents = reader.root.join(AGENTS);
    read_agents(reader, &agents, Scope::Project);
    read_mcp_json(reader, CONFIG, Scope::Project);
    let nested = Nested::below(reader);
    for folder in nested.agents {
        let scope = Scope::Nested(relative(reader.root, folder.parent().and_then(Path::parent).unwrap_or(reader.root)));
        read_agents(reader, &folder, scope);
    }
    for folder in nested.plugins {
        read_plugin(reader, &folder);
    }
    for settings in [".claude/settings.json", ".claude/settings.local.json"] {
        turn_off(reader, settings);
    }
}

pub fn read_user(reader: &mut Reader) {
    let agents = reader.root.join(AGENTS);
    read_agents(reader, &agents, Scope::User);
    read_user_file(reader);
    read_installed_plugins(reader);
}

/// Folders of agents and of plugins in the folders of a project.
#[derive(Default)]
struct Nested {
    agents: Vec<PathBuf>,
    plugins: Vec<PathBuf>,
}

impl Nested {
    fn below(reader: &mut Reader) -> Nested {
        let mut found = Nested::default();
        let is_ours = |name: &str| !NOT_OURS.contains(&name);
        let walk = WalkBuilder::new(reader.root)
            .standard_filters(false)
            .max_depth(Some(NESTED_MAX))
            .filter_entry(move |entry| entry.file_type().is_none_or(|kind| !kind.is_dir()) || is_ours(&entry.file_name().to_string_lossy()))
            .build();
        // What cannot be looked into holds nothing that a client would find there.
        for (looked_at, entry) in walk.filter_map(Result::ok).enumerate() {
            if looked_at > LOOKED_AT_MAX {
                reader.skip(".".to_owned(), Unread::TooManyEntries { most: LOOKED_AT_MAX });
                break;
            }
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            if is_folder && entry.path().ends_with(AGENTS) && entry.depth() > 2 {
                found.agents.push(entry.into_path());
            } else if !is_folder && entry.path().ends_with(".claude-plugin/plugin.json") {
                found.plugins.extend(entry.path().parent().and_then(Path::parent).map(Path::to_owned));
            }
        }
        found.agents.sort();
        found.plugins.sort();
        found
    }
}

fn read_agents(reader: &mut Reader, folder: &Path, scope: Scope) {
    if !folder.is_dir() {
        return;
    }
    let mut tree = AgentTree::default();
    if tree.read_agents(reader.root, folder).is_err() {
        return reader.too_many(&relative(reader.root, folder));
    }
    reader
        .project
        .skipped
        .extend(tree.skipped.iter().map(|skipped| Skipped { path: reader.shown(&skipped.path), ..skipped.clone() }).collect::<Vec<_>>());
    for source in tree.agents.into_iter().filter(|source| !is_readme(&source.path, &source.text)) {
        reader.count();
        let shown = reader.shown(&source.path);
        match &source.file {
            Err(error) => reader.broken(Part::Agent, &shown, error.clone()),
            Ok(file) => {
                let agent = definition(reader, &source, file, scope.clone(), shown);
                reader.add_agent(agent);
            }
        }
    }
}

fn definition(reader: &mut Reader, source: &AgentSource, file: &AgentFile, scope: Scope, shown: String) -> AgentDefinition {
    let text = FileText { path: shown, text: source.text.clone(), sha256: source.sha256.clone(), outside: source.outside };
    let front = FrontMatter::parse(&text.text).expect("the agent file was read from it");
    let grant = Grant { written: front.written(&text.text, "tools"), ..grant(&file.tools, front.values.get("disallowedTools"), &[]) };
    let (name, servers) = match &scope {
        // A plugin's agents carry its name, and their `mcpServers` are ignored.
        Scope::Plugin(plugin) => (format!("{plugin}:{}", file.name), Vec::new()),
        _ => (file.name.clone(), inline_servers(reader, &text, &front)),
    };
    let server_names = if matches!(scope, Scope::Plugin(_)) { Vec::new() } else { file.mcp_servers.clone() };
    AgentDefinition { scope, grant, servers, server_names, ..in_markdown(reader, &text, &front, name) }
}

fn grant(tools: &Tools, disallowed: Option<&Yaml>, known: &[String]) -> Grant {
    let listed = match tools {
        Tools::Inherited => Vec::new(),
        Tools::Listed(list) => list.entries.iter().filter_map(|entry| permit(&entry.text, known)).collect(),
    };
    let denied = disallowed.map(words).unwrap_or_default();
    // `mcp__*` and `*` take every server away.
    let takes_all = denied.iter().any(|word| matches!(word.as_str(), "mcp__*" | "*"));
    let listed = if takes_all { listed.into_iter().filter(|permit: &Permit| permit.server().is_none()).collect() } else { listed };
    let denied = denied.iter().filter_map(|word| permit(word, known)).collect();
    Grant { everything: tools.is_wildcard() && !takes_all, listed, denied, written: None }
}

/// What a tool's name grants; none: everything. Of known servers whose names begin alike (`a`, `a__b`) the longest is meant.
pub fn permit(word: &str, known: &[String]) -> Option<Permit> {
    let rest = word.strip_prefix("mcp__").unwrap_or_default();
    let fits = |name: &&String| rest.strip_prefix(name.as_str()).is_some_and(|tail| tail.is_empty() || tail.starts_with("__"));
    if let Some(server) = known.iter().filter(fits).max_by_key(|name| name.len()) {
        return Some(match rest[server.len()..].trim_start_matches("__") {
            "" | "*" => Permit::Server(server.clone()),
            tool => Permit::Tool { server: server.clone(), tool: tool.to_owned() },
        });
    }
    match (ToolEntry { text: word.to_owned(), span: 0..0 }).grant() {
        ToolGrant::Everything => None,
        ToolGrant::Server(server) => Some(Permit::Server(server.to_owned())),
        ToolGrant::Tool { server, tool } => Some(Permit::Tool { server: server.to_owned(), tool: tool.to_owned() }),
        ToolGrant::BuiltIn(tool) => Some(Permit::BuiltIn(tool.to_owned())),
    }
}

pub fn grant_in(text: &str, known: &[String]) -> Result<Grant, AgentFileError> {
    let (file, front) = (AgentFile::parse(text)?, FrontMatter::parse(text)?);
    Ok(grant(&file.tools, front.values.get("disallowedTools"), known))
}

/// A text of words between commas and blanks, or a list of such.
fn words(value: &Yaml) -> Vec<String> {
    match value {
        Yaml::String(text) => text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        Yaml::Sequence(items) => items.iter().flat_map(words).collect(),
        _ => Vec::new(),
    }
}

/// `mcpServers` of an agent: a list of names and of inline `{ name: config }`.
fn inline_servers(reader: &mut Reader, file: &FileText, front: &FrontMatter) -> Vec<ServerEntry> {
    let Some(value) = front.values.get("mcpServers") else { return Vec::new() };
    let tables: Vec<&Yaml> = match value {
        Yaml::Sequence(items) => items.iter().filter(|item| matches!(item, Yaml::Mapping(_))).collect(),
        Yaml::Mapping(_) => vec![value],
        _ => Vec::new(),
    };
    let mut servers = Vec::new();
    for table in tables.into_iter().filter_map(|table| yaml_node(table, &file.text, front.yaml.clone())) {
        for entry in table.entries().unwrap_or_default().iter().filter(|entry| entry.node.entries().is_some()) {
            match read_server(&file.text, &entry.key, entry.key_span.start, &entry.node, &SPELLING) {
                Ok(server) => servers.push(server),
                Err(reason) => {
                    let error = AgentFileError::new(format!("server `{}` {reason}", entry.key));
                    reader.broken(Part::Server, &file.path, error.at(&file.text, entry.key_span.start));
                }
            }
        }
    }
    servers
}

fn read_mcp_json(reader: &mut Reader, path: &str, scope: Scope) {
    let Some(file) = reader.file(path) else { return };
    let Some(root) = reader.or_broken(Part::Config, &file.path, parse_json(&file.text, Dialect::Strict)) else { return };
    // A plugin's file may leave the key out.
    let servers = match root.get("mcpServers") {
        Some(servers) => &servers.node,
        None if matches!(scope, Scope::Plugin(_)) => &root,
        None => {
            let error = AgentFileError::new("no `mcpServers`").line(1).hint("write { \"mcpServers\": { ... } }");
            return reader.broken(Part::Config, &file.path, error);
        }
    };
    add(reader, &file, servers, scope);
}

fn add(reader: &mut Reader, file: &FileText, table: &Node, scope: Scope) {
    let (servers, wrong) = read_servers(&file.text, table, &SPELLING);
    wrong.into_iter().for_each(|error| reader.broken(Part::Server, &file.path, error));
    reader.add_config(file, scope, servers);
}

/// Servers that settings reject. What they accept needs no word: the others are asked for.
fn turn_off(reader: &mut Reader, path: &str) {
    let Some(file) = reader.file(path) else { return };
    let Some(root) = reader.or_broken(Part::Config, &file.path, parse_json(&file.text, Dialect::Strict)) else { return };
    let rejected = texts(&root, "disabledMcpjsonServers").unwrap_or_default();
    reject(reader, &rejected, &file.path);
}

fn reject(reader: &mut Reader, rejected: &[String], by: &str) {
    let client = reader.client;
    let of_project = reader.project.configs.iter_mut().filter(|config| config.client == client && config.scope == Scope::Project);
    for server in of_project.flat_map(|config| &mut config.servers).filter(|server| rejected.contains(&server.name)) {
        server.disabled.get_or_insert(format!("`disabledMcpjsonServers` of {by} names it"));
    }
}

/// `~/.claude.json`: the user's servers, and those for this project alone.
fn read_user_file(reader: &mut Reader) {
    let Some(file) = reader.file_up_to(".claude.json", USER_FILE_LONGEST) else { return };
    let Some(root) = reader.or_broken(Part::Config, &file.path, parse_json(&file.text, Dialect::Strict)) else { return };
    if let Some(servers) = root.get("mcpServers") {
        add(reader, &file, &servers.node, Scope::User);
    }
    let folder = reader.folder.to_string_lossy().into_owned();
    let own = root.get("projects").and_then(|projects| projects.node.get(&folder));
    if let Some(servers) = own.and_then(|own| own.node.get("mcpServers")) {
        add(reader, &file, &servers.node, Scope::Local);
    }
}

/// Plugins that are installed and not turned off.
fn read_installed_plugins(reader: &mut Reader) {
    let off = disabled_plugins(reader);
    let Some(file) = reader.file(".claude/plugins/installed_plugins.json") else { return };
    let Some(root) = reader.or_broken(Part::Config, &file.path, parse_json(&file.text, Dialect::Strict)) else { return };
    let Some(plugins) = root.get("plugins") else { return };
    for plugin in plugins.node.entries().unwrap_or_default() {
        if off.get(&*plugin.key).copied().unwrap_or(false) {
            continue;
        }
        let place = install_path(&plugin.node);
        // Only what lies below the home folder is the user's own.
        if let Some(folder) = place.map(PathBuf::from).filter(|folder| folder.starts_with(reader.root) && folder.is_dir()) {
            read_plugin(reader, &folder);
        }
    }
}

fn install_path(node: &Node) -> Option<String> {
    match &node.value {
        Value::List(items) => items.first().and_then(install_path),
        _ => match &node.get("installPath")?.node.value {
            Value::Text(path) => Some(path.to_string()),
            _ => None,
        },
    }
}

fn disabled_plugins(reader: &mut Reader) -> BTreeMap<String, bool> {
    let Some(file) = reader.file(".claude/settings.json") else { return BTreeMap::new() };
    let Some(root) = reader.or_broken(Part::Config, &file.path, parse_json(&file.text, Dialect::Strict)) else { return BTreeMap::new() };
    let Some(enabled) = root.get("enabledPlugins") else { return BTreeMap::new() };
    let is_off = |value: &Value| matches!(value, Value::Flag(false));
    enabled.node.entries().unwrap_or_default().iter().map(|entry| (entry.key.to_string(), is_off(&entry.node.value))).collect()
}

/// A plugin's folder: `agents/`, and servers in `.mcp.json` or in `plugin.json` itself.
fn read_plugin(reader: &mut Reader, folder: &Path) {
    let inside = relative(reader.root, folder);
    let path = |file: &str| if inside.is_empty() { file.to_owned() } else { format!("{inside}/{file}") };
    let Some(file) = reader.file(&path(".claude-plugin/plugin.json")) else { return };
    let Some(root) = reader.or_broken(Part::Config, &file.path, parse_json(&file.text, Dialect::Strict)) else { return };
    let name = match root.get("name").map(|entry| &entry.node.value) {
        Some(Value::Text(name)) if !name.trim().is_empty() => name.to_string(),
        _ => {
            let error = AgentFileError::new("a plugin without a `name`").line(1).hint("state `\"name\": \"...\"`");
            return reader.broken(Part::Config, &file.path, error);
        }
    };
    read_agents(reader, &folder.join("agents"), Scope::Plugin(name.clone()));
    if let Some(servers) = root.get("mcpServers").filter(|servers| servers.node.entries().is_some()) {
        add(reader, &file, &servers.node, Scope::Plugin(name.clone()));
    }
    // At the project's own root this is the project's file too.
    read_mcp_json(reader, &path(CONFIG), Scope::Plugin(name));
}
