//! What a person should know before a plan is applied; none of it stops the apply.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::mapping::Mapping;
use crate::scenario::{AgentId, CapabilityId, Scenario, ServerId};

/// Capabilities of which a server keeps what agents entrust to it.
const STORING: [&str; 2] = ["state", "notes"];

/// Servers whose tools reach further than a need is likely to.
const REACH: [(&str, &str); 3] = [
    ("supabase", "writing SQL and changing tables"),
    ("filesystem", "writing, moving and overwriting files in its folders"),
    ("github", "pushing, merging and creating repositories"),
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The agent's instructions name a server that it no longer has.
    StillNamed { path: String, agent: String, server: String, lines: Vec<usize> },
    /// The server that a need leaves keeps what was stored there.
    RecordsStay { capability: String, from: String, to: String, agents: Vec<String> },
    /// A grant permits more than the need asks for.
    WideGrant { server: String, agents: Vec<String>, needs: Vec<String>, reach: String },
    /// Files with changes that are not committed.
    GitDirty { paths: Vec<String> },
    /// There is a git repository, and it did not tell.
    GitUnknown { message: String },
    /// Another name of the file keeps the old content.
    HardLinked { path: String },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::StillNamed { path, agent, server, lines } => {
                let word = if lines.len() == 1 { "line" } else { "lines" };
                let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
                write!(f, "{path}: the instructions of {agent} still name {server}, which it no longer has ({word} {})", lines.join(", "))
            }
            Warning::RecordsStay { capability, from, to, agents } => {
                write!(f, "{capability} moves from {from} to {to}; the records kept so far stay on {from} ({})", agents.join(", "))
            }
            Warning::WideGrant { server, agents, needs, reach } => {
                let (needs, agents) = (needs.join(", "), agents.join(", "));
                match needs.is_empty() {
                    true => write!(f, "mcp__{server}__* serves no need; it permits {reach} ({agents})"),
                    false => write!(f, "mcp__{server}__* is wider than the need ({needs}): it also permits {reach} ({agents})"),
                }
            }
            Warning::GitDirty { paths } => {
                write!(f, "not committed in git: {}; commit first, so that the change can be told apart", paths.join(", "))
            }
            Warning::GitUnknown { message } => write!(f, "git did not say whether the files are committed: {message}"),
            Warning::HardLinked { path } => write!(f, "{path} has another hard link, which keeps the old content"),
        }
    }
}

impl Warning {
    /// What of it concerns these agents and files.
    pub fn within(&self, agents: &BTreeSet<String>, paths: &BTreeSet<&str>) -> Option<Warning> {
        let mut warning = self.clone();
        let is_left = match &mut warning {
            Warning::StillNamed { agent, .. } => agents.contains(agent),
            Warning::RecordsStay { agents: concerned, .. } | Warning::WideGrant { agents: concerned, .. } => {
                concerned.retain(|agent| agents.contains(agent));
                !concerned.is_empty()
            }
            Warning::GitDirty { paths: dirty } => {
                dirty.retain(|path| paths.contains(path.as_str()));
                !dirty.is_empty()
            }
            Warning::GitUnknown { .. } => !paths.is_empty(),
            Warning::HardLinked { path } => paths.contains(path.as_str()),
        };
        is_left.then_some(warning)
    }
}

/// Lines (from 1) of `text` after byte `start` that name a server: as a tool, or as a word of its own.
pub fn lines_naming(text: &str, start: usize, server: &str) -> Vec<usize> {
    let first = 1 + text[..start].matches('\n').count();
    let lines = text[start..].lines().enumerate();
    lines.filter(|(_, line)| names(line, server)).map(|(index, _)| first + index).collect()
}

fn names(line: &str, server: &str) -> bool {
    let (line, server) = (line.to_ascii_lowercase(), server.to_ascii_lowercase());
    // Korean particles follow a word without a space: only what a server's name may consist of continues it.
    let continues = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    line.match_indices(&server).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + server.len()..]);
        if before.ends_with("mcp_") && !before.ends_with("__") {
            return after.starts_with('_') || !after.starts_with(continues);
        }
        if before.ends_with("mcp__") {
            return after.starts_with("__") || !after.starts_with(continues);
        }
        !before.ends_with(continues) && !after.starts_with(continues)
    })
}

/// One warning a move of needs that leave records behind, of the agents given.
pub fn records_left(scenario: &Scenario, mapping: &Mapping, agents: &[AgentId]) -> Vec<Warning> {
    let mut moves: BTreeMap<(CapabilityId, ServerId, ServerId), Vec<String>> = BTreeMap::new();
    for id in scenario.need_ids() {
        let need = scenario.need(id);
        let to = mapping.assignment(id).primary;
        let stores = STORING.contains(&scenario.capability(need.capability));
        if let Some(from) = need.current.filter(|from| *from != to && stores && agents.contains(&need.agent)) {
            moves.entry((need.capability, from, to)).or_default().push(scenario.agent(need.agent).name.clone());
        }
    }
    let name = |server| scenario.server(server).name.clone();
    let warning = |((capability, from, to), agents)| Warning::RecordsStay {
        capability: scenario.capability(capability).to_owned(),
        from: name(from),
        to: name(to),
        agents,
    };
    moves.into_iter().map(warning).collect()
}

/// One warning a server newly granted to some agents.
pub fn wide_grants(scenario: &Scenario, mapping: &Mapping, gained: &[(AgentId, ServerId)]) -> Vec<Warning> {
    let of_server = |server: ServerId| {
        let agents: Vec<AgentId> = gained.iter().filter(|(_, s)| *s == server).map(|(agent, _)| *agent).collect();
        let served = |need| mapping.assignment(need).servers().any(|used| used == server);
        let mut needs: Vec<&str> = Vec::new();
        for need in agents.iter().flat_map(|agent| scenario.needs_of(*agent)).filter(|need| served(*need)) {
            let capability = scenario.capability(scenario.need(need).capability);
            if !needs.contains(&capability) {
                needs.push(capability);
            }
        }
        let name = &scenario.server(server).name;
        let provided = scenario.server(server).provides.iter().map(|p| scenario.capability(p.capability));
        let others: Vec<&str> = provided.filter(|capability| !needs.contains(capability)).collect();
        let known = REACH.iter().find(|(known, _)| known == name).map(|(_, reach)| (*reach).to_owned());
        let reach = known.or_else(|| (!others.is_empty()).then(|| format!("what it offers for {}", others.join(", "))))?;
        let agents = agents.iter().map(|agent| scenario.agent(*agent).name.clone()).collect::<Vec<_>>();
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        (!agents.is_empty()).then(|| Warning::WideGrant { server: name.clone(), agents, needs, reach })
    };
    scenario.server_ids().filter_map(of_server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_as_a_tool_or_as_a_word() {
        let check = |line: &str, expected: bool| assert_eq!(names(line, "filesystem"), expected, "{line}");
        check("filesystem에 기록한다", true);
        check("Use `filesystem` 📁", true);
        check("the Filesystem server", true);
        check("mcp__filesystem__write_file", true);
        check("mcp__filesystem, Read", true);
        check("mcp_filesystem_read_file of Gemini, filesystem/read_file of Copilot", true);
        check("mcp__filesystem-two__write", false);
        check("filesystem-like", false);
        check("my_filesystem", false);
        check("file system", false);
        assert_eq!(lines_naming("time\nbody\r\nat this time\r\ntime", 5, "time"), [3, 4]);
    }
}
