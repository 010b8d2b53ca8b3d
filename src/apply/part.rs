//! Not all of a plan at once: some agents, or phase by phase, off the heaviest loaded server first.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Plan;
use crate::mapping::{Mapping, planned_loads, primaries_of_today};
use crate::scenario::{Scenario, ServerId};

/// Agents whose files change together.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    pub title: String,
    pub agents: BTreeSet<String>,
}

impl Plan {
    /// The part of a plan that concerns these agents, named for the record. Agents in one file come together, and a server config
    /// with the first part that gains a server which it adds.
    pub fn part(&self, agents: &BTreeSet<String>, name: &str) -> Plan {
        let together = self.files.iter().filter(|file| file.agents.iter().any(|agent| agents.contains(agent)));
        let agents = &together.flat_map(|file| &file.agents).chain(agents).cloned().collect::<BTreeSet<String>>();
        let grants: Vec<_> = self.grants.iter().filter(|grants| agents.contains(&grants.agent)).cloned().collect();
        let adds = |before: &[u8], after: &[u8]| grants.iter().flat_map(|g| &g.gained).any(|entry| is_added(entry, before, after));
        let is_in = |of: &[String], before: &[u8], after: &[u8]| match of {
            [] => adds(before, after),
            of => of.iter().any(|agent| agents.contains(agent)),
        };
        let is_whole = self.grants.len() == grants.len();
        let files: Vec<_> = self
            .files
            .iter()
            .filter(|file| is_whole || is_in(&file.agents, file.before.as_deref().unwrap_or_default(), &file.after))
            .cloned()
            .collect();
        let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let warnings = self.warnings.iter().filter_map(|warning| warning.within(agents, &paths)).collect();
        Plan { files, grants, warnings, part: Some(name.to_owned()), ..self.clone() }
    }

    /// What is left to do, in the order in which it should be done: a phase for each server that agents leave, the one with the
    /// highest planned load today first, then those that leave none. An agent that leaves several goes with the first.
    pub fn phases(&self, scenario: &Scenario, mapping: &Mapping) -> Vec<Phase> {
        let today = primaries_of_today(scenario);
        let loads = planned_loads(scenario, &today);
        let mut servers: Vec<ServerId> = scenario.server_ids().collect();
        servers.sort_by(|a, b| loads[b.index()].total_cmp(&loads[a.index()]).then(a.cmp(b)));
        let rank: BTreeMap<ServerId, usize> = servers.iter().enumerate().map(|(rank, server)| (*server, rank)).collect();
        let mut by_rank: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for grants in &self.grants {
            let agent = scenario.agent_named(&grants.agent);
            let needs = agent.into_iter().flat_map(|agent| scenario.needs_of(agent));
            let left = needs.filter(|need| mapping.assignment(*need).primary != today[need.index()]).map(|need| rank[&today[need.index()]]);
            by_rank.entry(left.min().unwrap_or(servers.len())).or_default().insert(grants.agent.clone());
        }
        let title = |rank: usize| match servers.get(rank) {
            Some(server) => format!("off {} (planned load {:.1})", scenario.server(*server).name, loads[server.index()]),
            None => "other grants and fallbacks".to_owned(),
        };
        by_rank.into_iter().map(|(rank, agents)| Phase { title: title(rank), agents }).collect()
    }
}

/// Whether the config may have gained the server of this entry: the beginning of its name stands there more often. Once too
/// often is harmless, once too few is not.
fn is_added(entry: &str, before: &[u8], after: &[u8]) -> bool {
    let entry = entry.to_lowercase();
    let server = entry.strip_prefix("mcp__").or_else(|| entry.strip_prefix("mcp_")).unwrap_or(&entry);
    let start = server.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let count = |text: &[u8]| String::from_utf8_lossy(text).to_lowercase().matches(start).count();
    count(after) > count(before)
}
