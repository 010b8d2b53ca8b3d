//! Well-known MCP servers: how to recognise them, and the figures that an import takes from them. Built in, and a user's own beside it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::servers::adopt;
use super::{Grant, Launch, Permit};
use crate::scenario::{CapabilityId, Diagnostic, Diagnostics, Scenario, Server, ServerId, Severity, parse};

const TEXT: &str = include_str!("catalogue.toml");

#[derive(Debug, Clone)]
pub struct Catalogue {
    /// Its servers, dependencies and defaults; its one agent means nothing.
    pub scenario: Scenario,
    pub entries: Vec<CatalogueEntry>,
}

/// A well-known server.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueEntry {
    pub server: ServerId,
    /// What an agent that is granted the server is taken to need.
    pub capability: CapabilityId,
    /// What an agent needs that is granted only tools whose names are like these (`*` stands for any text).
    pub tools: Vec<(CapabilityId, Vec<String>)>,
    /// Calls at once that it is known to bear.
    pub at_once: Option<u32>,
    names: Vec<String>,
    packages: Vec<String>,
    hosts: Vec<String>,
}

/// What told which server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence<'a> {
    /// A package, an image or a repository in its command line.
    Package(&'a str),
    /// The host of its address.
    Host(&'a str),
    /// Only what it is called.
    Name(&'a str),
}

/// The part of a catalogue that no scenario has.
#[derive(Deserialize)]
struct Matches {
    #[serde(default, rename = "match")]
    matches: BTreeMap<String, Spanned<Match>>,
    /// For their names; the scenario reader reads them.
    #[serde(default)]
    servers: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    capability: Option<Spanned<String>>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    tools: BTreeMap<String, Spanned<Vec<String>>>,
    at_once: Option<AtOnce>,
}

/// A number, or one that says where it comes from.
#[derive(Deserialize)]
#[serde(untagged)]
enum AtOnce {
    Plain(u32),
    Stated {
        value: u32,
        #[serde(rename = "source")]
        _source: String,
        #[serde(rename = "note")]
        _note: String,
    },
}

/// What a catalogue's text holds.
struct Text {
    scenario: Scenario,
    matches: BTreeMap<String, Spanned<Match>>,
}

impl Catalogue {
    pub fn built_in() -> Catalogue {
        let text = format!("format = 1\nname = \"catalogue\"\n{TEXT}");
        let read = read("catalogue.toml", &text).unwrap_or_else(|mistakes| panic!("a test reads the built-in catalogue: {mistakes}"));
        let scenario = Scenario { servers: Vec::new(), ..read.scenario.clone() };
        let mut catalogue = Catalogue { scenario, entries: Vec::new() };
        catalogue.add(read).unwrap_or_else(|mistake| panic!("a test reads the built-in catalogue: {}", mistake.message));
        catalogue
    }

    /// The built-in catalogue with a user's own: servers of the same name are replaced, `[match]` tables of the same name add to the
    /// built-in ones. Every mistake in it, with its line.
    pub fn extended(file_name: &str, text: &str) -> Result<Catalogue, Diagnostics> {
        let mut catalogue = Catalogue::built_in();
        let read = read(file_name, text)?;
        let wrong = |mistake| Diagnostics { file_name: file_name.to_owned(), text: text.to_owned(), list: vec![mistake], omitted: 0 };
        catalogue.add(read).map_err(wrong)?;
        Ok(catalogue)
    }

    fn add(&mut self, text: Text) -> Result<(), Diagnostic> {
        for server in &text.scenario.servers {
            let adopted = adopt(&mut self.scenario, &text.scenario, server.clone());
            match self.scenario.server_named(&server.name) {
                Some(id) => self.scenario.servers[id.index()] = adopted,
                None if text.matches.contains_key(&server.name) => self.scenario.servers.push(adopted),
                None => {
                    let hint = format!("write [match.{}] with its capability, and names, packages or hosts", server.name);
                    return Err(mistake(None, format!("server `{}` has no [match] that says how to recognise it", server.name), &hint));
                }
            }
        }
        // In the order of the servers, so that which one is recognised first does not depend on names.
        let mut added: Vec<CatalogueEntry> = Vec::new();
        let mut matches: Vec<(String, Spanned<Match>)> = text.matches.into_iter().collect();
        matches.sort_by_key(|(_, known)| known.span().start);
        for (name, known) in matches {
            let span = known.span();
            let Some(server) = self.scenario.server_named(&name) else {
                return Err(mistake(
                    Some(span),
                    format!("[match.{name}] is for no server"),
                    &format!("write [servers.{name}] with its figures"),
                ));
            };
            match self.entries.iter_mut().find(|entry| entry.server == server) {
                Some(entry) => entry.extend(known.into_inner(), &self.scenario)?,
                None => added.push(CatalogueEntry::new(server, known, &self.scenario)?),
            }
        }
        // What a user knows better comes first.
        self.entries.splice(0..0, added);
        Ok(())
    }

    pub fn server(&self, entry: &CatalogueEntry) -> &Server {
        self.scenario.server(entry.server)
    }

    /// Which well-known server this is: by its command line or address, else by its name.
    pub fn recognise(&self, name: &str, launch: Option<&Launch>) -> Option<(&CatalogueEntry, Evidence<'_>)> {
        let by_launch = match launch {
            // `npx mcp-remote https://...` is a process in front of an address.
            Some(Launch::Stdio { command, args }) => {
                std::iter::once(command).chain(args).find_map(|word| self.by_package(word).or_else(|| self.by_host(word)))
            }
            Some(Launch::Remote { url, .. }) => self.by_host(url),
            None => None,
        };
        by_launch.or_else(|| self.by_name(name))
    }

    fn by_package(&self, word: &str) -> Option<(&CatalogueEntry, Evidence<'_>)> {
        self.first(|entry| entry.packages.iter().find(|package| is_package(word, package)).map(|package| Evidence::Package(package)))
    }

    fn by_host(&self, url: &str) -> Option<(&CatalogueEntry, Evidence<'_>)> {
        let host = url.split_once("://")?.1.split(['/', ':', '?']).next()?;
        self.first(|entry| entry.hosts.iter().find(|known| *known == host).map(|host| Evidence::Host(host)))
    }

    fn by_name(&self, name: &str) -> Option<(&CatalogueEntry, Evidence<'_>)> {
        // A plugin's server is called plugin_<plugin>_<server> in grants; either part may hold underscores.
        let of_plugin =
            |known: &str| name.strip_prefix("plugin_").and_then(|rest| rest.strip_suffix(known)).is_some_and(|rest| rest.ends_with('_'));
        let is_called = |known: &str| name == known || of_plugin(known);
        self.first(|entry| entry.names.iter().find(|known| is_called(known)).map(|known| Evidence::Name(known)))
    }

    fn first<'a>(&'a self, found: impl Fn(&'a CatalogueEntry) -> Option<Evidence<'a>>) -> Option<(&'a CatalogueEntry, Evidence<'a>)> {
        self.entries.iter().find_map(|entry| found(entry).map(|evidence| (entry, evidence)))
    }
}

impl CatalogueEntry {
    fn new(server: ServerId, known: Spanned<Match>, scenario: &Scenario) -> Result<CatalogueEntry, Diagnostic> {
        let Some(capability) = &known.get_ref().capability else {
            let name = &scenario.server(server).name;
            return Err(mistake(Some(known.span()), format!("[match.{name}] has no `capability`"), "state one that its server provides"));
        };
        let capability = provided(server, capability.get_ref(), capability.span(), scenario)?;
        let empty = CatalogueEntry {
            server,
            capability,
            tools: Vec::new(),
            at_once: None,
            names: Vec::new(),
            packages: Vec::new(),
            hosts: Vec::new(),
        };
        let mut entry = empty;
        entry.extend(known.into_inner(), scenario)?;
        Ok(entry)
    }

    fn extend(&mut self, known: Match, scenario: &Scenario) -> Result<(), Diagnostic> {
        if let Some(capability) = &known.capability {
            self.capability = provided(self.server, capability.get_ref(), capability.span(), scenario)?;
        }
        for (capability, tools) in &known.tools {
            self.tools.push((provided(self.server, capability, tools.span(), scenario)?, tools.get_ref().clone()));
        }
        self.names.extend(known.names);
        self.packages.extend(known.packages);
        self.hosts.extend(known.hosts);
        self.at_once = known
            .at_once
            .map(|at_once| match at_once {
                AtOnce::Plain(value) | AtOnce::Stated { value, .. } => value,
            })
            .or(self.at_once);
        Ok(())
    }

    /// What an agent needs that has this grant: where single tools are named, what they are for; else the main capability.
    pub fn needed(&self, grant: &Grant, server: &str) -> Vec<CapabilityId> {
        let mut needed = Vec::new();
        for permit in grant.listed.iter().filter(|permit| permit.server() == Some(server)) {
            let capability = match permit {
                Permit::Tool { tool, .. } => self.capability_of(tool),
                _ => return vec![self.capability],
            };
            if !needed.contains(&capability) {
                needed.push(capability);
            }
        }
        if needed.is_empty() { vec![self.capability] } else { needed }
    }

    fn capability_of(&self, tool: &str) -> CapabilityId {
        let is_for = |patterns: &Vec<String>| patterns.iter().any(|pattern| super::glob_matches(pattern, tool));
        self.tools.iter().find(|(_, patterns)| is_for(patterns)).map_or(self.capability, |(capability, _)| *capability)
    }
}

fn provided(server: ServerId, capability: &str, span: Range<usize>, scenario: &Scenario) -> Result<CapabilityId, Diagnostic> {
    let server = scenario.server(server);
    let found = scenario.capability_named(capability);
    found.filter(|id| server.provides.iter().any(|provision| provision.capability == *id)).ok_or_else(|| {
        let message = format!("server `{}` does not provide `{capability}`", server.name);
        mistake(Some(span), message, "a capability here is one that its server provides")
    })
}

fn mistake(span: Option<Range<usize>>, message: String, hint: &str) -> Diagnostic {
    Diagnostic { severity: Severity::Error, message, span, label: String::new(), hint: Some(hint.to_owned()) }
}

/// A catalogue's text: the scenario reader's part of it, and the matches.
fn read(file_name: &str, text: &str) -> Result<Text, Diagnostics> {
    let shown = |list| Diagnostics { file_name: file_name.to_owned(), text: text.to_owned(), list, omitted: 0 };
    let matches: Matches = toml::from_str(text).map_err(|error: toml::de::Error| {
        let hint = "a [match] has capability, names, packages, hosts, tools, at_once";
        shown(vec![mistake(error.span(), error.message().to_owned(), hint)])
    })?;
    // A scenario has agents and servers; a catalogue may only add to what is known of others.
    let server = if matches.servers.is_empty() { "[servers.any]\nserial = \"1s\"\nweight = 1\nprovides = { any = 1 }\n" } else { "" };
    let parsed = parse(file_name, &format!("{}\n{server}[agents.any]\n", without_matches(text)));
    let mut scenario = parsed
        .map_err(|mistakes| shown(mistakes.list.into_iter().filter(|mistake| mistake.severity == Severity::Error).collect()))?
        .scenario;
    scenario.servers.retain(|server| matches.servers.contains_key(&server.name));
    Ok(Text { scenario, matches: matches.matches })
}

/// The catalogue as the scenario reader knows it: what is about matches is blank, so that every byte stays where it is.
fn without_matches(text: &str) -> String {
    let mut is_match = false;
    let keep = |line: &str| {
        let header = line.trim_start();
        if header.starts_with('[') {
            is_match = header.starts_with("[match.") || header.starts_with("[match]");
        }
        if is_match {
            line.bytes().map(|b| if matches!(b, b'\n' | b'\r') { char::from(b) } else { ' ' }).collect()
        } else {
            line.to_owned()
        }
    };
    text.split_inclusive('\n').map(keep).collect()
}

/// `@x/server`, `@x/server@1.2`, `mcp-server==1.2`, `image:tag`, `/path/node_modules/@x/server/dist/index.js`, `git+https://host/server@main`.
fn is_package(word: &str, package: &str) -> bool {
    let version = |rest: &str| rest.is_empty() || rest.starts_with(['@', '=', '>', '<', '~', '[', ':', '#']) || rest.starts_with(".git");
    word.strip_prefix(package).is_some_and(version)
        || word.ends_with(&format!("/{package}"))
        || word.contains(&format!("/node_modules/{package}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_of_the_catalogue_says_where_it_comes_from() {
        let table: toml::Table = toml::from_str(TEXT).unwrap();
        let mut bare = Vec::new();
        bare_figures("", &toml::Value::Table(table), &mut bare);
        // What a server is: its own capability at quality 1, names, and who shares its process.
        let is_match = |place: &str| place.contains("match.") && !place.contains(".at_once");
        bare.retain(|place| !is_match(place) && !place.ends_with(".process") && !place.contains(".provides."));
        assert_eq!(bare, Vec::<String>::new());
    }

    /// Values that have no note beside them.
    fn bare_figures(place: &str, value: &toml::Value, bare: &mut Vec<String>) {
        match value {
            toml::Value::Table(table) if table.contains_key("value") => {
                let note = table.get("note").and_then(toml::Value::as_str).unwrap_or_default();
                if note.is_empty() || !table.contains_key("source") {
                    bare.push(place.to_owned());
                }
            }
            toml::Value::Table(table) => table.iter().for_each(|(key, value)| bare_figures(&format!("{place}.{key}"), value, bare)),
            toml::Value::Array(_) => {}
            _ => bare.push(place.to_owned()),
        }
    }

    #[test]
    fn the_catalogue_knows_its_servers_and_their_own_capability() {
        let catalogue = Catalogue::built_in();
        let capability = |entry: &CatalogueEntry| catalogue.scenario.capability(entry.capability).to_owned();
        for entry in &catalogue.entries {
            let server = catalogue.server(entry);
            let quality = catalogue.scenario.quality(crate::scenario::Target::Server(entry.server), entry.capability);
            assert_eq!(quality, Some(1.0), "{}", server.name);
            let others = catalogue.entries.iter().filter(|other| capability(other) == capability(entry));
            assert_eq!(others.count(), 1, "{}", server.name);
            assert!(server.tokens.value > 0 && server.memory.value.0 > 0, "{}", server.name);
        }
        assert!(catalogue.entries.len() >= 40, "{}", catalogue.entries.len());
        let mut names: Vec<&String> = catalogue.entries.iter().flat_map(|e| e.names.iter().chain(&e.packages).chain(&e.hosts)).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert!(count - names.len() <= 20, "a server and its package may share a name, nothing else: {}", count - names.len());
    }

    #[test]
    fn single_tools_say_what_an_agent_needs() {
        let catalogue = Catalogue::built_in();
        let check = |server: &str, tools: &[&str], expected: &[&str]| {
            let (entry, _) = catalogue.recognise(server, None).expect("well-known");
            let permit = |tool: &&str| match *tool {
                "*" => Permit::Server("x".into()),
                tool => Permit::Tool { server: "x".into(), tool: tool.into() },
            };
            let grant = Grant { listed: tools.iter().map(permit).collect(), ..Grant::default() };
            let needed = entry.needed(&grant, "x");
            assert_eq!(needed.iter().map(|id| catalogue.scenario.capability(*id)).collect::<Vec<_>>(), expected, "{server} {tools:?}");
        };
        check("atlassian", &["jira_get_issue", "confluence_search", "jira_search"], &["tickets", "wiki"]);
        check("atlassian", &["confluence_search", "*"], &["tickets"]);
        check("firecrawl", &["firecrawl_scrape"], &["web-pages"]);
        check("github", &["create_issue"], &["repository"]);
        check("github", &[], &["repository"]);
    }

    #[test]
    fn a_catalogue_of_ones_own_extends_and_overrides() {
        let own = r#"format = 1
name = "ours"
[match.wiki]
capability = "team-wiki"
names = ["wiki"]
packages = ["@ours/wiki-mcp"]
[servers.wiki]
serial = "20ms"
weight = 1
tokens = 700
provides = { team-wiki = 1.0, notes = 0.9 }
[match.github]
hosts = ["git.ours.example"]
[servers.time]
serial = "1s"
weight = 1
provides = { clock = 1.0 }
"#;
        let catalogue = Catalogue::extended("ours.toml", own).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let found = |name: &str, word: &str| {
            let launch = Launch::Stdio { command: "npx".into(), args: vec![word.to_owned()] };
            catalogue.recognise(name, Some(&launch)).map(|(entry, _)| catalogue.server(entry).name.clone())
        };
        assert_eq!(found("x", "@ours/wiki-mcp@2").as_deref(), Some("wiki"));
        assert_eq!(found("x", "https://git.ours.example/mcp").as_deref(), Some("github"));
        let (time, _) = catalogue.recognise("time", None).unwrap();
        assert_eq!(catalogue.server(time).tokens.value, 0);
        let wiki = catalogue.recognise("wiki", None).unwrap().0;
        assert_eq!(catalogue.server(wiki).tokens.value, 700);
        assert_eq!(catalogue.entries.len(), Catalogue::built_in().entries.len() + 1);
        let only_names = "format = 1\nname = \"ours\"\n[match.github]\nnames = [\"forge\"]\n";
        let catalogue = Catalogue::extended("ours.toml", only_names).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(catalogue.recognise("forge", None).map(|(entry, _)| catalogue.server(entry).name.as_str()), Some("github"));
    }

    #[test]
    fn mistakes_in_a_catalogue_of_ones_own_are_shown_where_they_are() {
        let head = "format = 1\nname = \"ours\"\n";
        let broken = [
            "[servers.wiki]\nserial = \"1s\"\nweight = 1\nprovides = { wiki = 1.0 }\n",
            "[match.wiki]\ncapability = \"wiki\"\nnames = [\"wiki\"]\n",
            "[match.wiki]\nnames = [\"wiki\"]\n[servers.wiki]\nserial = \"1s\"\nweight = 1\nprovides = { wiki = 1.0 }\n",
            "[match.wiki]\ncapability = \"docs\"\n[servers.wiki]\nserial = \"1s\"\nweight = 1\nprovides = { wiki = 1.0 }\n",
            "[match.wiki]\ncapability = \"wiki\"\nname = [\"wiki\"]\n[servers.wiki]\nserial = \"1s\"\nweight = 1\nprovides = { wiki = 1.0 }\n",
            "[match.wiki]\ncapability = \"wiki\"\n[servers.wiki]\nserial = \"1s\"\nweight = 1\nprovides = { wiki = 1.0 }\nslot = 1\n",
        ];
        let message = |text: &&str| Catalogue::extended("ours.toml", &format!("{head}{text}")).expect_err("a mistake").to_string();
        insta::assert_snapshot!("mistakes", broken.iter().map(message).collect::<Vec<_>>().join("\n\n"));
    }

    #[test]
    fn servers_are_recognised() {
        let catalogue = Catalogue::built_in();
        let check = |name: &str, line: &str, expected: Option<(&str, Evidence)>| {
            let launch = match line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().split_first() {
                None => None,
                Some((url, [])) if url.contains("://") => Some(Launch::Remote { kind: "http".into(), url: url.clone() }),
                Some((command, args)) => Some(Launch::Stdio { command: command.clone(), args: args.to_vec() }),
            };
            let found =
                catalogue.recognise(name, launch.as_ref()).map(|(entry, evidence)| (catalogue.server(entry).name.as_str(), evidence));
            assert_eq!(found, expected, "{name}: {line}");
        };
        use Evidence::*;
        let filesystem = "@modelcontextprotocol/server-filesystem";
        check(
            "fs",
            "npx -y @modelcontextprotocol/server-filesystem@latest /home/mcp-server-time",
            Some(("filesystem", Package(filesystem))),
        );
        check(
            "fs",
            "node /opt/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js",
            Some(("filesystem", Package(filesystem))),
        );
        check("fs", "cmd /c npx @modelcontextprotocol/server-filesystem", Some(("filesystem", Package(filesystem))));
        check("fs", "npx -y @modelcontextprotocol/server-filesystem-plus", None);
        check("clock", "uvx mcp-server-time==2026.10.19", Some(("time", Package("mcp-server-time"))));
        check("clock", "python -m mcp_server_time", Some(("time", Package("mcp_server_time"))));
        check("clock", "/home/u/.venv/bin/mcp-server-time", Some(("time", Package("mcp-server-time"))));
        check(
            "code",
            "uvx --from git+https://github.com/oraios/serena@main serena",
            Some(("serena", Package("git+https://github.com/oraios/serena"))),
        );
        check("gh", "docker run -i ghcr.io/github/github-mcp-server:v1", Some(("github", Package("ghcr.io/github/github-mcp-server"))));
        check("gh", "https://api.githubcopilot.com/mcp/", Some(("github", Host("api.githubcopilot.com"))));
        check("github", "./my-own-server", Some(("github", Name("github"))));
        check("tavily", "", Some(("tavily-mcp", Name("tavily"))));
        check("plugin_my_dev_context7", "", Some(("context7", Name("context7"))));
        check("plugin_git", "", None);
        check("GitHub", "", None);
        check("", "", None);
    }
}
