//! opencode: `mcp` and `agent` of `opencode.json` or `.jsonc`, and `.opencode/agent/**/*.md`. Grants are rules over names of tools,
//! `server_tool`, of which the last that matches wins. <https://opencode.ai/docs/agents>, <https://opencode.ai/docs/permissions>

use crate::import::reader::{Depth, FileText, Reader, defined, in_markdown};
use crate::import::server_config::{Reference, Spelling, USUAL};
use crate::import::yaml::yaml_node;
use crate::import::{
    AgentDefinition, AgentFileError, Dialect, FrontMatter, Grant, Part, Permit, Written, glob_matches, line_of, parse_json,
};
use crate::scenario::document::{Entry, Node, Value};

const SPELLING: Spelling = Spelling {
    env: "environment",
    command_is_list: true,
    off: Some(("enabled", false)),
    references: &[Reference { open: "{env:", close: '}', default: None }],
    ..USUAL
};

/// Tools and permissions of the client's own. <https://opencode.ai/docs/permissions>
const BUILT_IN: [&str; 20] = [
    "bash",
    "codesearch",
    "doom_loop",
    "edit",
    "external_directory",
    "glob",
    "grep",
    "list",
    "lsp",
    "patch",
    "question",
    "read",
    "skill",
    "task",
    "todoread",
    "todowrite",
    "webfetch",
    "websearch",
    "write",
    "apply_patch",
];

pub fn read_project(reader: &mut Reader) {
    read_folder(reader, &["", ".opencode/"], ".opencode/");
}

pub fn read_user(reader: &mut Reader) {
    read_folder(reader, &[".config/opencode/"], ".config/opencode/");
}

fn read_folder(reader: &mut Reader, configs: &[&str], agents: &str) {
    let mut files = Vec::new();
    for config in configs {
        for ending in ["json", "jsonc"] {
            files.extend(reader.file(&format!("{config}opencode.{ending}")));
        }
    }
    let mut roots: Vec<(&FileText, Node)> = Vec::new();
    for file in &files {
        roots.extend(reader.or_broken(Part::Config, &file.path, parse_json(&file.text, Dialect::Comments)).map(|root| (file, root)));
    }
    for (file, root) in &roots {
        if let Some(servers) = root.get("mcp") {
            reader.add_servers(file, &servers.node, &SPELLING);
        }
    }
    let known = reader.known_servers();
    // What holds for every agent comes in front of an agent's own rules.
    let general: Vec<Rule> = roots.iter().flat_map(|(_, root)| rules(root)).collect();
    for (file, root) in &roots {
        for entry in root.get("agent").and_then(|agents| agents.node.entries()).unwrap_or_default() {
            read_in_json(reader, file, entry, &general, &known);
        }
    }
    for folder in ["agent", "agents"] {
        let folder = format!("{agents}{folder}");
        for file in reader.folder(&folder, Depth::Deep, ".md") {
            read_in_markdown(reader, &file, &folder, &general, &known);
        }
    }
}

fn is_true(node: &Node, key: &str) -> bool {
    matches!(node.get(key).map(|entry| &entry.node.value), Some(Value::Flag(true)))
}

fn read_in_json(reader: &mut Reader, file: &FileText, entry: &Entry, general: &[Rule], known: &[String]) {
    if is_true(&entry.node, "disable") {
        return;
    }
    let own = rules(&entry.node);
    let places = ["tools", "permission"].iter().filter_map(|key| entry.node.get(key));
    let written = places.map(|place| place.key_span.start..place.node.span.end).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
    let written = written.map(|span| Written { line: line_of(&file.text, span.start), span });
    let (instructions, at) = match entry.node.get("prompt") {
        Some(Entry { node: Node { value: Value::Text(text), span }, .. }) => (text.to_string(), span.start),
        _ => (String::new(), entry.key_span.start),
    };
    let agent = AgentDefinition {
        line: line_of(&file.text, entry.key_span.start),
        grant: Grant { written, ..grant(general.iter().chain(&own), known) },
        instructions,
        instructions_line: line_of(&file.text, at),
        ..defined(reader, file, entry.key.to_string())
    };
    reader.add_agent(agent);
}

fn read_in_markdown(reader: &mut Reader, file: &FileText, folder: &str, general: &[Rule], known: &[String]) {
    let Some(front) = reader.or_broken(Part::Agent, &file.path, FrontMatter::parse(&file.text)) else { return };
    let tree = yaml_node(&front.values.clone().into(), &file.text, front.yaml.clone());
    let own = tree.as_ref().map(rules).unwrap_or_default();
    if tree.as_ref().is_some_and(|tree| is_true(tree, "disable")) {
        return;
    }
    let below = reader.shown(folder);
    let name = file.path.strip_prefix(&format!("{below}/")).and_then(|path| path.strip_suffix(".md")).unwrap_or(&file.path).to_owned();
    let written = front.written(&file.text, "permission").or_else(|| front.written(&file.text, "tools"));
    let grant = Grant { written, ..grant(general.iter().chain(&own), known) };
    let agent = AgentDefinition { grant, ..in_markdown(reader, file, &front, name) };
    reader.add_agent(agent);
}

pub fn grant_in(text: &str, agent: &str, known: &[String]) -> Result<Grant, AgentFileError> {
    if let Ok(front) = FrontMatter::parse(text) {
        let tree = yaml_node(&front.values.clone().into(), text, front.yaml.clone());
        return Ok(grant(tree.as_ref().map(rules).unwrap_or_default().iter(), known));
    }
    let root = parse_json(text, Dialect::Comments)?;
    let own = root.get("agent").and_then(|agents| agents.node.get(agent)).map(|entry| rules(&entry.node)).unwrap_or_default();
    Ok(grant(rules(&root).iter().chain(&own), known))
}

/// Tools whose names match are permitted, or not.
struct Rule {
    pattern: String,
    allows: bool,
}

/// `tools` first, whose successor is `permission`.
fn rules(node: &Node) -> Vec<Rule> {
    let mut rules = Vec::new();
    if let Some(tools) = node.get("tools") {
        for entry in tools.node.entries().unwrap_or_default() {
            if let Value::Flag(allows) = entry.node.value {
                rules.push(Rule { pattern: entry.key.to_string(), allows });
            }
        }
    }
    match node.get("permission").map(|entry| &entry.node) {
        Some(Node { value: Value::Text(action), .. }) => rules.push(Rule { pattern: "*".to_owned(), allows: action != "deny" }),
        Some(permission) => {
            for entry in permission.entries().unwrap_or_default() {
                // Rules over arguments are about the client's own tools.
                if let Value::Text(action) = &entry.node.value {
                    rules.push(Rule { pattern: entry.key.to_string(), allows: action != "deny" });
                }
            }
        }
        None => {}
    }
    rules
}

fn grant<'r>(rules: impl Iterator<Item = &'r Rule>, known: &[String]) -> Grant {
    let mut grant = Grant::all();
    for rule in rules {
        if rule.pattern == "*" {
            grant = Grant { everything: rule.allows, ..Grant::default() };
            continue;
        }
        for permit in permits(&rule.pattern, known) {
            let is_same = |other: &Permit| match &permit {
                Permit::Server(server) => other.server() == Some(server),
                permit => other == permit,
            };
            grant.listed.retain(|other| !is_same(other));
            grant.denied.retain(|other| !is_same(other));
            if rule.allows { grant.listed.push(permit) } else { grant.denied.push(permit) }
        }
    }
    grant
}

/// What a pattern is about: whole servers, one tool, or a tool of the client's own.
pub fn permits(pattern: &str, known: &[String]) -> Vec<Permit> {
    /// No server has a tool of this name, so what matches it matches all.
    const ANY: &str = "\u{1}";
    if BUILT_IN.contains(&pattern) {
        return vec![Permit::BuiltIn(pattern.to_owned())];
    }
    let whole = |server: &&String| glob_matches(pattern, &format!("{}_{ANY}", in_names(server)));
    let servers: Vec<Permit> = known.iter().filter(whole).cloned().map(Permit::Server).collect();
    if !servers.is_empty() {
        return servers;
    }
    let of = |server: &&String| pattern.strip_prefix(&in_names(server)).is_some_and(|rest| rest.starts_with('_') && rest.len() > 1);
    if let Some(server) = known.iter().filter(of).max_by_key(|server| server.len()) {
        let tool = pattern[in_names(server).len() + 1..].to_owned();
        return vec![Permit::Tool { server: server.clone(), tool }];
    }
    match pattern.strip_suffix('*') {
        Some(server) => vec![Permit::Server(server.trim_end_matches('_').to_owned())],
        None => vec![Permit::BuiltIn(pattern.to_owned())],
    }
}

/// A server's name as names of tools hold it.
pub fn in_names(server: &str) -> String {
    server.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_matches_wins() {
        let known = ["github".to_owned(), "my db".to_owned()];
        let check = |rules: &[(&str, bool)], expected: &str| {
            let rules: Vec<Rule> = rules.iter().map(|(pattern, allows)| Rule { pattern: (*pattern).to_owned(), allows: *allows }).collect();
            let grant = grant(rules.iter(), &known);
            let shown = |permits: &[Permit]| permits.iter().map(|p| format!("{p:?}")).collect::<Vec<_>>().join(" ");
            assert_eq!(format!("{} | {} | {}", grant.everything, shown(&grant.listed), shown(&grant.denied)), expected);
        };
        check(&[], "true |  | ");
        check(&[("github*", false)], r#"true |  | Server("github")"#);
        check(&[("github*", false), ("github_*", true)], r#"true | Server("github") | "#);
        check(&[("github_*", true), ("*", false)], "false |  | ");
        check(&[("*", false), ("my_db_*", true), ("bash", true)], r#"false | Server("my db") BuiltIn("bash") | "#);
        check(&[("github_create_issue", false)], r#"true |  | Tool { server: "github", tool: "create_issue" }"#);
        check(&[("*", false), ("g*b_*", true), ("wiki_*", true)], r#"false | Server("github") Server("wiki") | "#);
    }
}
