//! A project folder becomes a scenario: what its files say, and from a base scenario or by stated assumptions what they do not.

use std::collections::{BTreeMap, BTreeSet};

use super::servers::{Used, add_server, empty_scenario, main_capability};
use super::{AgentFile, AgentSource, AgentTree, CONFIG, Catalogue, ImportError, ImportNote, Imported, NoteKind};
use crate::scenario::document::{Problems, check_name};
use crate::scenario::{AgentId, CapabilityId, Figure, FileSeen, Kpi, KpiTarget, Scenario, WhatIf, parse, write};

/// Builds a scenario from a folder.
///
/// With a base: all figures, needs, policies, targets and what-ifs are the base's, by name; grants say where each need is served
/// today. Agents and servers that the base does not know are added, its agents that the folder lacks are left out. Without:
/// servers have the catalogue's figures, each grant of a server is one need, and the rest is assumed and marked so.
///
/// Errors: no valid agent file; a folder and a base that do not make a scenario together.
pub fn import(tree: &AgentTree, base: Option<&Scenario>) -> Result<Imported, ImportError> {
    let catalogue = Catalogue::built_in();
    let mut building = Building::new(&catalogue, tree, base);
    building.note_reading(tree);
    let agents = building.usable_agents(tree);
    if agents.is_empty() {
        let notes = Imported { scenario: building.scenario, report: building.notes };
        return Err(ImportError::NoValidAgents { reasons: notes.render() });
    }
    building.add_servers(tree, &agents);
    building.add_agents(&agents);
    building.keep_what_ifs();
    building.finish()
}

/// A scenario that grows.
pub(super) struct Building<'a> {
    pub catalogue: &'a Catalogue,
    pub base: Option<&'a Scenario>,
    pub scenario: Scenario,
    /// What each server is mainly for, in the order of servers.
    pub main: Vec<CapabilityId>,
    /// The catalogue's servers that stand for one of these.
    pub used: Used,
    pub notes: Vec<ImportNote>,
}

pub(super) type Usable<'t> = Vec<(&'t AgentSource, &'t AgentFile)>;

impl<'a> Building<'a> {
    fn new(catalogue: &'a Catalogue, tree: &AgentTree, base: Option<&'a Scenario>) -> Building<'a> {
        let scenario = match base {
            Some(base) => Scenario { agents: Vec::new(), needs: Vec::new(), ..base.clone() },
            None => Scenario { kpis: usual_targets(), ..empty_scenario(catalogue, &tree.name) },
        };
        let main = scenario.servers.iter().map(main_capability).collect();
        let config_files =
            tree.config.iter().map(|config| FileSeen { path: config.path.clone(), sha256: Some(config.sha256.clone()) }).collect();
        let used = scenario.servers.iter().filter_map(|server| catalogue.recognise(&server.name, None)).map(|(known, _)| known.server);
        let used = used.collect();
        Building { catalogue, base, scenario: Scenario { config_files, ..scenario }, main, used, notes: Vec::new() }
    }

    pub fn note(&mut self, kind: NoteKind, text: String) {
        self.notes.push(ImportNote { kind, text });
    }

    fn note_reading(&mut self, tree: &AgentTree) {
        let servers = match &tree.config {
            Some(config) => format!("{} servers in {CONFIG}", config.servers.len()),
            None => format!("no {CONFIG}: servers are those that agents name"),
        };
        self.note(NoteKind::Read, format!("{} agent files, {servers}", tree.agents.len()));
        for skipped in &tree.skipped {
            self.note(NoteKind::Skipped, format!("{}: {}", skipped.path, skipped.reason));
        }
    }

    /// Valid files, each name once.
    fn usable_agents<'t>(&mut self, tree: &'t AgentTree) -> Usable<'t> {
        for source in &tree.agents {
            if let Err(error) = &source.file {
                self.note(NoteKind::Skipped, error.render(&source.path));
            }
        }
        for (source, file) in tree.valid() {
            if !is_name(&file.name) {
                self.note(NoteKind::Skipped, format!("{}: its name is none that a scenario can hold", source.path));
            }
        }
        let duplicates = tree.duplicates();
        for (name, paths) in &duplicates {
            let text = format!("agent `{name}` stands in {} files, of which a client takes any: {}", paths.len(), paths.join(", "));
            self.note(NoteKind::Skipped, text);
        }
        let mut usable: Usable =
            tree.valid().filter(|(_, file)| is_name(&file.name) && !duplicates.contains_key(file.name.as_str())).collect();
        // The base's agents in its order, then the new ones in that of their paths.
        let place = |file: &AgentFile| self.base.and_then(|base| base.agent_named(&file.name)).map_or(usize::MAX, |id| id.index());
        usable.sort_by_cached_key(|(_, file)| place(file));
        usable
    }

    fn add_servers(&mut self, tree: &AgentTree, agents: &Usable) {
        let configured: BTreeSet<&str> = tree.config.iter().flat_map(|config| &config.servers).map(|entry| entry.name.as_str()).collect();
        if let (Some(base), Some(_)) = (self.base, &tree.config) {
            for server in base.servers.iter().filter(|server| !configured.contains(server.name.as_str())) {
                self.note(NoteKind::Differs, format!("server `{}` of the base is not in {CONFIG}", server.name));
            }
        }
        for entry in tree.config.iter().flat_map(|config| &config.servers) {
            if !is_name(&entry.name) {
                self.note(NoteKind::Skipped, format!("a server in {CONFIG} whose name is none that a scenario can hold"));
            } else if self.scenario.server_named(&entry.name).is_none() {
                self.note_new("server", &entry.name);
                add_server(self, &entry.name, Some(entry));
            }
        }
        for (name, by) in named_servers(agents) {
            if !is_name(name) {
                let text = format!("agent `{}`: a grant of a server whose name is none that a scenario can hold", by[0].name);
                self.note(NoteKind::Skipped, text);
                continue;
            }
            let is_elsewhere = name.starts_with("plugin_") || by.iter().any(|file| file.mcp_servers.iter().any(|server| server == name));
            if tree.config.is_some() && !configured.contains(name) && !is_elsewhere {
                let agents: Vec<String> = by.iter().map(|file| format!("`{}`", file.name)).collect();
                self.note(
                    NoteKind::Differs,
                    format!("server `{name}` is granted to {}, and not configured in {CONFIG}", agents.join(", ")),
                );
            }
            if self.scenario.server_named(name).is_none() {
                self.note_new("server", name);
                add_server(self, name, None);
            }
        }
    }

    pub fn note_new(&mut self, what: &str, name: &str) {
        if self.base.is_some() {
            self.note(NoteKind::Differs, format!("{what} `{name}` is not in the base"));
        }
    }

    /// A what-if may speak of agents that are not here.
    fn keep_what_ifs(&mut self) {
        let mut what_ifs = std::mem::take(&mut self.scenario.what_ifs);
        for what_if in &mut what_ifs {
            let Some(toml::Value::Table(agents)) = what_if.overlay.get_mut("agents") else { continue };
            let missing: Vec<String> = agents.keys().filter(|name| self.scenario.agent_named(name).is_none()).cloned().collect();
            for name in missing {
                agents.remove(&name);
                self.note(NoteKind::Skipped, format!("what the what-if `{}` says about agent `{name}`", what_if.name));
            }
        }
        self.scenario.what_ifs = what_ifs;
    }

    fn note_assumptions(&mut self, scenario: &Scenario) {
        let known = |name: &str| self.base.is_some_and(|base| base.agent_named(name).is_some());
        let new: Vec<AgentId> = scenario.agent_ids().filter(|id| !known(&scenario.agent(*id).name)).collect();
        let servers = scenario.servers.len() - self.base.map_or(0, |base| base.servers.len());
        if servers > 0 {
            self.note(NoteKind::Assumed, format!("servers ({servers}): weight 1"));
        }
        if !new.is_empty() {
            let needs: usize = new.iter().map(|id| scenario.needs_of(*id).count()).sum();
            let text = "complexity 5, 10 tasks an hour, 6 calls a task, 2 s of thinking between them";
            self.note(NoteKind::Assumed, format!("agents ({}): {text}", new.len()));
            self.note(NoteKind::Assumed, format!("needs ({needs}): demand 1"));
        }
        if self.base.is_none() {
            self.note(
                NoteKind::Assumed,
                "targets: availability of 90 % or more, mean response up to 3 s, error rate up to 10 %".to_owned(),
            );
        }
        let count = scenario.assumed_figures();
        if count > 0 {
            self.note(NoteKind::Assumed, format!("in all {count} figures, each marked `source = \"assumed\"` in the scenario"));
        }
    }

    /// Written and read again: the reader checks it, and reads what-ifs over what is new.
    fn finish(mut self) -> Result<Imported, ImportError> {
        let text = write(&self.scenario);
        let parsed = parse("imported", &text).or_else(|mistakes| {
            let what_ifs: Vec<WhatIf> = std::mem::take(&mut self.scenario.what_ifs);
            let without =
                parse("imported", &write(&self.scenario)).map_err(|_| ImportError::Inconsistent { mistakes: mistakes.to_string() })?;
            let names: Vec<String> = what_ifs.iter().map(|what_if| format!("`{}`", what_if.name)).collect();
            self.note(NoteKind::Skipped, format!("all what-ifs ({}), which do not fit this folder:\n{mistakes}", names.join(", ")));
            Ok(without)
        })?;
        self.note_assumptions(&parsed.scenario);
        Ok(Imported { scenario: parsed.scenario, report: self.notes })
    }
}

/// The scenario reader's rule for names.
fn is_name(name: &str) -> bool {
    let mut problems = Problems::default();
    check_name(name, &(0..0), &mut problems);
    !problems.has_errors()
}

/// Servers that agents name, in the order of their first mention, and the agents that do.
fn named_servers<'t>(agents: &Usable<'t>) -> Vec<(&'t str, Vec<&'t AgentFile>)> {
    let mut order: Vec<&str> = Vec::new();
    let mut by: BTreeMap<&str, Vec<&AgentFile>> = BTreeMap::new();
    for (_, file) in agents {
        for name in file.tools.servers() {
            if !by.contains_key(name) {
                order.push(name);
            }
            by.entry(name).or_default().push(file);
        }
    }
    order.into_iter().map(|name| (name, by.remove(name).unwrap_or_default())).collect()
}

/// So that there is something to meet; whoever owns the project puts in their own.
fn usual_targets() -> Vec<KpiTarget> {
    let target = |kpi: Kpi, bound: f64| KpiTarget { kpi, bound: Figure::assumed(bound, "a usual target: state your own") };
    vec![target(Kpi::Availability, 0.9), target(Kpi::ResponseMean, 3.0), target(Kpi::ErrorRate, 0.1)]
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::import::agents::seen;
    use crate::import::{ServerConfig, sha256};
    use crate::scenario::Need;

    fn repository() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
    }

    fn read_scenario(path: &Path) -> Scenario {
        let text = std::fs::read_to_string(path).expect("a scenario of the repository");
        parse("scenario", &text).unwrap_or_else(|mistakes| panic!("{mistakes}")).scenario
    }

    fn reference() -> (AgentTree, Scenario) {
        let tree = AgentTree::read(&repository().join("tests/fixtures/openmanager-vibe-v5")).expect("the fixture");
        (tree, read_scenario(&repository().join("scenarios/openmanager-vibe-v5.toml")))
    }

    /// A folder with these agents (name, tools line) and this `.mcp.json`.
    fn folder(agents: &[(&str, &str)], config: Option<&str>) -> AgentTree {
        let source = |(name, tools): &(&str, &str)| {
            let text = format!("---\nname: {name}\ndescription: d\n{tools}\n---\n");
            AgentSource {
                path: format!(".claude/agents/{name}.md"),
                sha256: sha256(text.as_bytes()),
                file: AgentFile::parse(&text),
                outside: false,
                text,
            }
        };
        AgentTree {
            name: "folder".to_owned(),
            agents: agents.iter().map(source).collect(),
            config: config.map(|text| ServerConfig::parse(CONFIG, text, sha256(text.as_bytes())).expect("valid JSON")),
            skipped: Vec::new(),
        }
    }

    fn imported(tree: &AgentTree, base: Option<&Scenario>) -> Imported {
        let imported = import(tree, base).unwrap_or_else(|error| panic!("{error}"));
        let text = write(&imported.scenario);
        let read = parse("written", &text).unwrap_or_else(|mistakes| panic!("{mistakes}")).scenario;
        assert_eq!(read, imported.scenario, "{text}");
        imported
    }

    #[test]
    fn the_reference_folder_with_its_base_is_the_reference_scenario() {
        let (tree, base) = reference();
        let found = imported(&tree, Some(&base));
        let mut expected = base.clone();
        let fill = |scenario: &mut Scenario| {
            for agent in &mut scenario.agents {
                let source = tree.agents.iter().find(|source| source.path.ends_with(&format!("/{}.md", agent.name)));
                agent.file = source.map(seen);
            }
            scenario.config_files =
                vec![FileSeen { path: CONFIG.into(), sha256: tree.config.as_ref().map(|config| config.sha256.clone()) }];
        };
        fill(&mut expected);
        expected.what_ifs.iter_mut().for_each(|what_if| fill(&mut what_if.scenario));
        assert_eq!(found.scenario, expected);
        assert!(found.scenario.agents.iter().all(|agent| agent.file.is_some()));
        assert_eq!(found.notes(NoteKind::Differs).collect::<Vec<_>>(), Vec::<&str>::new());
        assert_eq!(found.notes(NoteKind::Skipped).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn the_reference_folder_alone_makes_a_scenario_of_stated_assumptions() {
        let (tree, base) = reference();
        let found = imported(&tree, None);
        let pairs = |scenario: &Scenario| -> BTreeSet<(String, String)> {
            let name = |need: &Need| need.current.map(|server| scenario.server(server).name.clone()).unwrap_or_default();
            scenario.needs.iter().map(|need| (scenario.agent(need.agent).name.clone(), name(need))).collect()
        };
        assert_eq!(found.scenario.needs.len(), 47);
        assert_eq!(pairs(&found.scenario), pairs(&base));
        insta::assert_snapshot!("reference_without_base", found.render());
    }

    #[test]
    fn what_differs_from_the_base_is_said() {
        let base = parse(
            "base",
            r#"
format = 1
name = "base"
[servers.fs]
serial = "10ms"
provides = { files = 1.0, state = 0.6 }
[servers.db]
serial = "10ms"
provides = { sql = 1.0, state = 1.0 }
[servers.old]
serial = "10ms"
provides = { old = 1.0 }
[workload]
tasks = "1/h"
[agents.kept]
needs = { files = "fs", state = "fs" }
[agents.moved]
needs = { state = { server = "fs", pinned = true } }
[agents.gone]
needs = { old = "old" }
[agents.lost]
needs = { sql = { server = "db", pinned = true } }
[what_if.busy]
agents.gone.complexity = 7
agents.kept.complexity = 7
"#,
        )
        .unwrap()
        .scenario;
        let config = r#"{ "mcpServers": { "fs": { "command": "x" }, "db": { "command": "x" }, "clock": { "command": "uvx", "args": ["mcp-server-time"] } } }"#;
        let tree = folder(
            &[
                ("new", "tools: Read, mcp__clock__*, mcp__wiki, mcp__plugin_dev_github__get_issue"),
                ("kept", "tools: mcp__fs__*, mcp__clock__*"),
                ("moved", "tools: mcp__db"),
                ("lost", "tools: Read"),
                ("broken", "tools: [Read"),
            ],
            Some(config),
        );
        let found = imported(&tree, Some(&base));
        let names: Vec<&str> = found.scenario.agents.iter().map(|agent| agent.name.as_str()).collect();
        assert_eq!(names, ["kept", "moved", "lost", "new"]);
        assert_eq!(found.scenario.what_ifs[0].scenario.agents[0].complexity.value, 7.0);
        insta::assert_snapshot!("differs_from_base", found.render());
    }

    #[test]
    fn grants_of_all_kinds_become_needs() {
        let config = r#"{ "mcpServers": {
            "docs-a": { "command": "npx", "args": ["@modelcontextprotocol/server-filesystem", "/a"], "env": { "LOG": "1" } },
            "docs-b": { "command": "npx", "args": ["@modelcontextprotocol/server-filesystem", "/b"] },
            "docs": { "command": "./own", "env": { "KEY": "${OWN_KEY}" } },
            "gh": { "type": "http", "url": "https://api.githubcopilot.com/mcp/" } } }"#;
        let tree = folder(
            &[
                ("all", "tools: *"),
                ("inherits", "model: opus"),
                ("none", "tools: []"),
                ("한국어", "tools: [mcp__docs-a__*, mcp__docs-b__read_file, mcp__docs-b__list, mcp__docs, mcp__gh__*]"),
                ("twice", "tools: mcp__docs-a Read\ndisallowedTools: mcp__docs-a__write_file"),
                ("nameless", "tools: mcp____x, Read"),
                (&"n".repeat(201), "tools: Read"),
            ],
            Some(config),
        );
        let found = imported(&tree, None);
        let agent = |name: &str| found.scenario.agent(found.scenario.agent_named(name).expect(name));
        let wildcards: Vec<bool> = ["all", "inherits", "none", "twice"].iter().map(|name| agent(name).wildcard).collect();
        assert_eq!(wildcards, [true, true, false, false]);
        let github = found.scenario.server(found.scenario.server_named("gh").unwrap());
        assert_eq!((github.memory.value.0, github.rate_limit.is_some()), (0, true));
        insta::assert_snapshot!("grants_of_all_kinds", found.render());
        insta::assert_snapshot!("grants_of_all_kinds_scenario", write(&found.scenario));
    }

    #[test]
    fn agents_that_share_a_name_are_left_out() {
        let mut tree = folder(&[("a", "tools: mcp__time"), ("b", "tools: mcp__time")], None);
        tree.agents.push(AgentSource { path: ".claude/agents/sub/a.md".into(), ..tree.agents[0].clone() });
        let found = imported(&tree, None);
        assert_eq!(found.scenario.agents.len(), 1);
        assert_eq!(
            found.notes(NoteKind::Skipped).collect::<Vec<_>>(),
            ["agent `a` stands in 2 files, of which a client takes any: .claude/agents/a.md, .claude/agents/sub/a.md"]
        );
    }

    #[test]
    fn a_folder_without_a_valid_agent_says_why() {
        let tree = folder(&[("a", "tools: [Read"), ("b", "tools: >\n  Read")], None);
        insta::assert_snapshot!("no_valid_agent", import(&tree, None).expect_err("no agent").to_string());
    }
}
