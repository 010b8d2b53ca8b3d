//! The narrowest grant that serves a need: single tools where the catalogue knows them by name, else the whole server.

use std::sync::LazyLock;

use crate::import::{Catalogue, Permit};
use crate::mapping::Mapping;
use crate::scenario::{AgentId, CapabilityId, Scenario, ServerId};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::built_in);

/// What a tool's name begins with, or holds as a word, where it changes something.
const WRITING: [&str; 24] = [
    "add", "append", "apply", "commit", "create", "delete", "drop", "edit", "execute", "insert", "merge", "move", "patch", "post", "push",
    "put", "remove", "rename", "replace", "run", "send", "set", "update", "write",
];

/// What an agent is to be granted of a server, by the name that its client has for it.
pub fn permits(scenario: &Scenario, mapping: &Mapping, agent: AgentId, server: ServerId, called: &str) -> Vec<Permit> {
    let served: Vec<CapabilityId> = scenario
        .needs_of(agent)
        .filter(|need| mapping.assignment(*need).servers().any(|used| used == server))
        .map(|need| scenario.need(need).capability)
        .collect();
    let name = &scenario.server(server).name;
    let tools = CATALOGUE.recognise(name, None).and_then(|(entry, _)| {
        let of = |capability: &CapabilityId| {
            let known = CATALOGUE.scenario.capability_named(scenario.capability(*capability))?;
            let (_, tools) = entry.tools.iter().find(|(id, _)| *id == known)?;
            // A pattern is no name: clients grant a tool or the server.
            tools.iter().all(|tool| !tool.contains('*')).then_some(tools)
        };
        served.iter().map(of).collect::<Option<Vec<_>>>()
    });
    let tool = |tool: &String| Permit::Tool { server: called.to_owned(), tool: tool.clone() };
    match tools.filter(|tools| !tools.is_empty()) {
        Some(tools) => tools.into_iter().flatten().map(tool).collect(),
        None => vec![Permit::Server(called.to_owned())],
    }
}

/// Whether an entry grants a tool that changes something, as far as its name tells.
pub fn writes(entry: &str) -> bool {
    let tool = entry.rsplit("__").next().unwrap_or(entry).rsplit('/').next().unwrap_or(entry);
    tool.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| WRITING.contains(&word.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;

    #[test]
    fn single_tools_are_granted_where_they_are_known_by_name() {
        let text = "format = 1\nname = \"a\"\n[workload]\ntasks = \"1/h\"\n[servers]\nfirecrawl = { serial = \"1s\", provides = { web-pages = 1, web-search = 1 } }\nfilesystem = { serial = \"1s\", provides = { files = 1 } }\n[agents.a.needs]\nweb-pages = \"firecrawl\"\nfiles = \"filesystem\"\n";
        let scenario = parse("a.toml", text).unwrap_or_else(|problems| panic!("{}", problems.render(false))).scenario;
        let mapping = Mapping::current(&scenario);
        let granted = |server: &str| {
            let id = scenario.server_named(server).unwrap();
            permits(&scenario, &mapping, scenario.agent_named("a").unwrap(), id, "called")
        };
        assert_eq!(granted("firecrawl"), [Permit::Tool { server: "called".into(), tool: "firecrawl_scrape".into() }]);
        assert_eq!(granted("filesystem"), [Permit::Server("called".into())]);
        assert!(writes("mcp__fs__write_file") && writes("github/create_issue") && !writes("mcp__fs__read_file") && !writes("settings"));
    }
}
