//! The built-in catalogue of well-known MCP servers: how to recognise them, and the figures that an import takes from it.

use serde::Deserialize;

use super::Launch;
use crate::scenario::{CapabilityId, Scenario, Server, ServerId, parse};

const TEXT: &str = include_str!("catalogue.toml");

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    capability: String,
    names: Vec<String>,
    packages: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
}

impl Catalogue {
    pub fn built_in() -> Catalogue {
        let servers = format!("format = 1\nname = \"catalogue\"\n{}\n[agents.any]\n", without_matches(TEXT));
        let scenario = parse("catalogue.toml", &servers).expect("a test reads the built-in catalogue").scenario;
        let table: toml::Table = toml::from_str(TEXT).expect("a test reads the built-in catalogue");
        let matches = table["match"].as_table().expect("the built-in catalogue has matches");
        let entry = |server: ServerId| {
            let known = matches[&scenario.server(server).name].clone();
            let known: Match = known.try_into().expect("a test reads the built-in catalogue");
            let capability = scenario.capability_named(&known.capability).expect("a match names a capability of its server");
            CatalogueEntry { server, capability, names: known.names, packages: known.packages, hosts: known.hosts }
        };
        let entries = scenario.server_ids().map(entry).collect();
        Catalogue { scenario, entries }
    }

    pub fn server(&self, entry: &CatalogueEntry) -> &Server {
        self.scenario.server(entry.server)
    }

    /// Which well-known server this is: by its command line or address, else by its name.
    pub fn recognise(&self, name: &str, launch: Option<&Launch>) -> Option<(&CatalogueEntry, Evidence<'_>)> {
        let by_launch = match launch {
            Some(Launch::Stdio { command, args }) => std::iter::once(command).chain(args).find_map(|word| self.by_package(word)),
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

/// The catalogue as the scenario reader knows it; lines stay where they are.
fn without_matches(text: &str) -> String {
    let mut is_match = false;
    let keep = |line: &str| {
        if line.starts_with('[') {
            is_match = line.starts_with("[match.");
        }
        if is_match { "\n".to_owned() } else { format!("{line}\n") }
    };
    text.lines().map(keep).collect()
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
        bare.retain(|place| !place.contains("match.") && !place.ends_with(".process") && !place.contains(".provides."));
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
        assert_eq!(catalogue.entries.len(), 14);
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
