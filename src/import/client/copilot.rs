//! GitHub Copilot: `.github/agents/*.agent.md` (and `.md`), which VS Code runs too, and its older `.github/chatmodes/*.chatmode.md`.
//! <https://docs.github.com/copilot/reference/custom-agents-configuration>

use yaml_serde::Value as Yaml;

use crate::import::reader::{Depth, FileText, Reader, in_markdown};
use crate::import::server_config::{BRACES, Spelling, USUAL, read_servers};
use crate::import::yaml::yaml_node;
use crate::import::{AgentDefinition, AgentFileError, Dialect, FrontMatter, Grant, Part, Permit};

use super::claude_desktop::read_server_file;

/// A `$` alone stands in front of a variable too.
const SPELLING: Spelling = Spelling { filters: &["tools"], references: &[BRACES], bare_references: true, ..USUAL };

/// Groups of tools that come with the client: `edit/editFiles` is none of a server's.
const BUILT_IN: [&str; 14] = [
    "agent",
    "browser",
    "edit",
    "execute",
    "new",
    "read",
    "runCommands",
    "runNotebooks",
    "runTasks",
    "search",
    "todo",
    "vscode",
    "web",
    "memory",
];

pub fn read_project(reader: &mut Reader) {
    read_agents(reader, ".github/agents");
    for file in reader.folder(".github/chatmodes", Depth::Flat, ".chatmode.md") {
        read_agent(reader, &file, &[".chatmode.md"]);
    }
}

pub fn read_user(reader: &mut Reader) {
    read_agents(reader, ".copilot/agents");
    read_server_file(reader, ".copilot/mcp-config.json", Dialect::Comments, &SPELLING);
}

fn read_agents(reader: &mut Reader, folder: &str) {
    for file in reader.folder(folder, Depth::Flat, ".md") {
        read_agent(reader, &file, &[".agent.md", ".md"]);
    }
}

/// VS Code wants neither a header nor anything in it: <https://code.visualstudio.com/docs/copilot/customization/custom-agents>
fn read_agent(reader: &mut Reader, file: &FileText, endings: &[&str]) {
    let Some(front) = reader.or_broken(Part::Agent, &file.path, FrontMatter::parse_optional(&file.text)) else { return };
    let Some(grant) = reader.or_broken(Part::Agent, &file.path, grant(&file.text, &front)) else { return };
    let mut servers = Vec::new();
    if let Some(table) = front.values.get("mcp-servers").and_then(|value| yaml_node(value, &file.text, front.yaml.clone())) {
        let (found, wrong) = read_servers(&file.text, &table, &SPELLING);
        wrong.into_iter().for_each(|error| reader.broken(Part::Server, &file.path, error));
        servers = found;
    }
    let name = front.text("name").unwrap_or_else(|| file.stem(endings));
    let agent = AgentDefinition { grant, servers, ..in_markdown(reader, file, &front, name) };
    reader.add_agent(agent);
}

/// `tools`: nothing means all; a text between commas or a list; `*`, `server/*`, `server/tool`, or a tool of the client's own.
fn grant(text: &str, front: &FrontMatter) -> Result<Grant, AgentFileError> {
    let Some(value) = front.values.get("tools") else { return Ok(Grant::all()) };
    let wrong = || {
        let error = AgentFileError::new("`tools` is neither text nor a list of texts").line(front.line_of_key(text, "tools"));
        error.hint("write `tools: ['read', 'github/*']`")
    };
    let tools: Vec<&str> = match value {
        Yaml::Null => Vec::new(),
        Yaml::String(tools) => tools.split(',').collect(),
        Yaml::Sequence(items) => items.iter().map(Yaml::as_str).collect::<Option<_>>().ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    let tools = || tools.iter().map(|tool| tool.trim()).filter(|tool| !tool.is_empty());
    Ok(Grant {
        everything: tools().any(|tool| tool == "*"),
        listed: tools().filter(|tool| *tool != "*").map(permit).collect(),
        denied: Vec::new(),
        written: front.written(text, "tools"),
    })
}

pub fn grant_in(text: &str) -> Result<Grant, AgentFileError> {
    grant(text, &FrontMatter::parse(text)?)
}

/// The last `/` parts server and tool: names of servers in registries hold some themselves.
pub fn permit(tool: &str) -> Permit {
    match tool.rsplit_once('/') {
        Some((group, _)) if BUILT_IN.contains(&group) => Permit::BuiltIn(tool.to_owned()),
        Some((server, "*")) => Permit::Server(server.to_owned()),
        Some((server, name)) => Permit::Tool { server: server.to_owned(), tool: name.to_owned() },
        None => Permit::BuiltIn(tool.to_owned()),
    }
}
