//! A project folder becomes a scenario: what its files say, and from a base scenario or by stated assumptions what they do not.

use std::collections::{BTreeMap, BTreeSet};

use super::naming::{Meaning, Names};
use super::servers::{Used, add_server, empty_scenario, main_capability};
use super::walk::is_plain;
use super::{AgentDefinition, Catalogue, Client, Elsewhere, ImportError, ImportNote, Imported, NoteKind, Project};
use crate::scenario::document::{Problems, check_name};
use crate::scenario::{AgentId, CapabilityId, Figure, FileSeen, Kpi, KpiTarget, Scenario, WhatIf, parse, write};

/// Builds a scenario from a folder.
///
/// With a base: all figures, needs, policies, targets and what-ifs are the base's, by name; grants say where each need is served
/// today. Agents and servers that the base does not know are added, its agents that the folder lacks are left out. Without:
/// servers have the catalogue's figures, each grant of a server is one need, and the rest is assumed and marked so.
///
/// Errors: no valid agent; a folder and a base that do not make a scenario together.
pub fn import(project: &Project, base: Option<&Scenario>, catalogue: &Catalogue) -> Result<Imported, ImportError> {
    let mut building = Building::new(catalogue, project, base);
    building.note_reading(project);
    let mut names = Names::give(project, &mut building.notes);
    if names.agents.is_empty() {
        let notes = Imported { scenario: building.scenario, report: building.notes };
        return Err(ImportError::NoValidAgents { reasons: notes.render() });
    }
    // The base's agents in its order, then the new ones in that of their clients and paths.
    let place = |name: &str| base.and_then(|base| base.agent_named(name)).map_or(usize::MAX, |id| id.index());
    names.agents.sort_by_cached_key(|(name, _)| place(name));
    building.add_servers(&names);
    if building.scenario.servers.is_empty() {
        let notes = Imported { scenario: building.scenario, report: building.notes };
        return Err(ImportError::NoServers { reasons: notes.render() });
    }
    building.add_agents(&names);
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

impl<'a> Building<'a> {
    fn new(catalogue: &'a Catalogue, project: &Project, base: Option<&'a Scenario>) -> Building<'a> {
        let scenario = match base {
            Some(base) => Scenario { agents: Vec::new(), needs: Vec::new(), ..base.clone() },
            None => Scenario { kpis: usual_targets(), ..empty_scenario(catalogue, &project.name) },
        };
        let main = scenario.servers.iter().map(main_capability).collect();
        let mut config_files: Vec<FileSeen> = Vec::new();
        for config in &project.configs {
            if !config_files.iter().any(|seen| seen.path == config.path) {
                config_files.push(FileSeen { path: config.path.clone(), sha256: Some(config.sha256.clone()) });
            }
        }
        let used = scenario.servers.iter().filter_map(|server| catalogue.recognise(&server.name, None)).map(|(known, _)| known.server);
        let used = used.collect();
        Building { catalogue, base, scenario: Scenario { config_files, ..scenario }, main, used, notes: Vec::new() }
    }

    pub fn note(&mut self, kind: NoteKind, text: String) {
        self.notes.push(ImportNote { kind, text });
    }

    /// What was found of each client, what was not read, and what formats do not hold.
    fn note_reading(&mut self, project: &Project) {
        for client in Client::ALL.into_iter().filter(|client| project.files.contains_key(client)) {
            let agents = project.agents.iter().filter(|agent| agent.client == client && !agent.is_session).count();
            let configs = project.configs.iter().filter(|config| config.client == client);
            let mut parts: Vec<String> = Vec::new();
            if agents > 0 {
                parts.push(counted(agents, "agent"));
            }
            parts.extend(configs.map(|config| format!("{} in {}", counted(config.servers.len(), "server"), config.path)));
            let broken = project.broken.iter().filter(|broken| broken.client == client).count();
            if broken > 0 {
                parts.push(format!("{broken} broken"));
            }
            if parts.is_empty() {
                parts.push("neither agents nor servers".to_owned());
            }
            self.note(NoteKind::Read, format!("{}: {}", client.name(), parts.join(", ")));
            if let Some(text) = client.cannot_say() {
                self.note(NoteKind::CannotSay, format!("{}: {text}", client.name()));
            }
        }
        for agent in project.agents.iter().filter(|agent| agent.is_session) {
            let text = format!("{} has servers here and no agents: its own chat stands for one, and has every server", agent.client.name());
            self.note(NoteKind::Read, text);
        }
        for broken in &project.broken {
            self.note(NoteKind::Skipped, broken.error.render(&broken.path));
        }
        for skipped in &project.skipped {
            let line = skipped.line.map(|line| format!(":{line}")).unwrap_or_default();
            self.note(NoteKind::Skipped, format!("{}{line}: {}", skipped.path, skipped.why));
        }
    }

    fn add_servers(&mut self, names: &Names) {
        let configured: BTreeSet<&str> = names.servers.iter().map(|server| server.name.as_str()).collect();
        if let (Some(base), false) = (self.base, self.scenario.config_files.is_empty()) {
            for server in base.servers.iter().filter(|server| !configured.contains(server.name.as_str())) {
                self.note(NoteKind::Differs, format!("server `{}` of the base is not configured here", server.name));
            }
        }
        for server in &names.servers {
            if server.entry.filtered {
                let text =
                    format!("server `{}`: {} lets only some of its tools through; its tokens are those of all", server.name, server.path);
                self.note(NoteKind::CannotSay, text);
            }
            if self.scenario.server_named(&server.name).is_none() {
                self.note_new("server", &server.name);
                add_server(self, &server.name, Some(server.entry));
            }
        }
        for (name, by) in unknown_servers(names) {
            if !is_name(name) {
                let text = format!("agent `{}`: a grant of a server whose name is none that a scenario can hold", by[0].0);
                self.note(NoteKind::Skipped, text);
                continue;
            }
            let by: Vec<(&str, &AgentDefinition)> =
                by.into_iter().filter(|(_, agent)| agent.elsewhere(name) != Some(Elsewhere::Extension)).collect();
            if by.is_empty() {
                self.note(NoteKind::CannotSay, format!("`{name}` is an extension of VS Code, no server: its tools are left out"));
                continue;
            }
            let is_lacking = |agent: &AgentDefinition| match agent.elsewhere(name) {
                None => names.has_config(agent),
                Some(elsewhere) => elsewhere == Elsewhere::Plugin,
            };
            let lacking: Vec<&(&str, &AgentDefinition)> = by.iter().filter(|(_, agent)| is_lacking(agent)).collect();
            if let Some((_, first)) = lacking.first() {
                let agents: Vec<String> = lacking.iter().map(|(agent, _)| format!("`{agent}`")).collect();
                let stands = if configured.contains(name) { "; another client's server of that name stands for it" } else { "" };
                let client = first.client.name();
                let text = format!("server `{name}` is granted to {}, and not configured for {client}{stands}", agents.join(", "));
                self.note(NoteKind::Differs, text);
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

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The scenario reader's rules for names.
pub(super) fn is_name(name: &str) -> bool {
    let mut problems = Problems::default();
    check_name(name, &(0..0), &mut problems);
    !problems.has_errors() && is_plain(name)
}

/// Servers that agents name and no file configures, in the order of their first mention, and the agents that do.
fn unknown_servers<'n>(names: &'n Names) -> Vec<(&'n str, Vec<(&'n str, &'n AgentDefinition)>)> {
    let mut order: Vec<&str> = Vec::new();
    let mut by: BTreeMap<&str, Vec<(&str, &AgentDefinition)>> = BTreeMap::new();
    for (agent, definition) in &names.agents {
        for name in definition.grant.servers().into_iter().filter(|name| names.meaning(definition, name) == Meaning::Unknown) {
            if !by.contains_key(name) {
                order.push(name);
            }
            by.entry(name).or_default().push((agent, definition));
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
    use crate::import::{CONFIG, Reading};
    use crate::scenario::Need;

    fn repository() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
    }

    fn read_scenario(path: &Path) -> Scenario {
        let text = std::fs::read_to_string(path).expect("a scenario of the repository");
        parse("scenario", &text).unwrap_or_else(|mistakes| panic!("{mistakes}")).scenario
    }

    fn reference() -> (Project, Scenario) {
        let project = Project::read(&repository().join("tests/fixtures/openmanager-vibe-v5"), &Reading::default()).expect("the fixture");
        (project, read_scenario(&repository().join("scenarios/openmanager-vibe-v5.toml")))
    }

    /// A folder with these agents (name, tools line) and this `.mcp.json`.
    fn folder(agents: &[(&str, &str)], config: Option<&str>) -> Project {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let agents_dir = dir.path().join(".claude/agents");
        std::fs::create_dir_all(&agents_dir).expect("created");
        for (name, tools) in agents {
            let file = agents_dir.join(format!("{}.md", &name[..name.len().min(60)]));
            std::fs::write(file, format!("---\nname: {name}\ndescription: d\n{tools}\n---\n")).expect("written");
        }
        if let Some(config) = config {
            std::fs::write(dir.path().join(CONFIG), config).expect("written");
        }
        let project = Project::read(dir.path(), &Reading::default()).expect("a project");
        Project { name: "folder".to_owned(), ..project }
    }

    fn imported(project: &Project, base: Option<&Scenario>) -> Imported {
        let imported = import(project, base, &Catalogue::built_in()).unwrap_or_else(|error| panic!("{error}"));
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
            scenario.config_files = vec![FileSeen { path: CONFIG.into(), sha256: Some(tree.configs[0].sha256.clone()) }];
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
    fn a_folder_without_a_valid_agent_says_why() {
        let project = folder(&[("a", "tools: [Read"), ("b", "tools: [5]")], None);
        insta::assert_snapshot!("no_valid_agent", import(&project, None, &Catalogue::built_in()).expect_err("no agent").to_string());
    }
}
