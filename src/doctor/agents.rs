//! Agents: grants that come to nothing, instructions that name what they do not have, contexts filled with tools.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Finding, Patient, listed};
use crate::import::{AgentDefinition, Client, Elsewhere, Permit, Unread};
use crate::scenario::Severity;

/// Tokens of one tool's definition, where an agent is granted single ones: as the built-in catalogue assumes.
const TOKENS_OF_A_TOOL: u32 = 200;
/// Different tools in one agent's instructions that are looked at.
const NAMED_MAX: usize = 500;

pub fn check(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    for agent in patient.project.agents.iter().filter(|agent| !agent.is_session) {
        check_grant(patient, agent, &mut findings);
        check_instructions(patient, agent, &mut findings);
    }
    check_budget(patient, &mut findings);
    findings
}

fn finding(agent: &AgentDefinition, severity: Severity, check: Check, what: String, mend: String) -> Finding {
    let line = agent.grant.written.as_ref().map_or(agent.line, |written| written.line);
    Finding { severity, check, path: agent.path.clone(), line: Some(line), what, mend }
}

/// Servers that it names and that are not there.
fn check_grant(patient: &Patient, agent: &AgentDefinition, findings: &mut Vec<Finding>) {
    // What lies above the folder is not read here, and may configure it.
    let is_above = agent.client == Client::ClaudeCode && patient.project.skipped.iter().any(|skipped| skipped.why == Unread::Above);
    let mut is_there = agent.grant.everything || agent.grant.listed.is_empty() || is_above;
    let mut named = BTreeSet::new();
    for permit in &agent.grant.listed {
        let Some(name) = permit.server() else {
            match permit {
                Permit::BuiltIn(tool) if agent.client == Client::ClaudeCode && tool.starts_with("mcp__") => {
                    let what = format!(
                        "agent `{}` lists `{tool}`, which grants nothing: Claude Code knows it in `disallowedTools` alone",
                        agent.name
                    );
                    let mend = "name the servers: `mcp__server__*`; to grant every tool, leave `tools` out".to_owned();
                    findings.push(finding(agent, Severity::Warning, Check::ServerNotConfigured, what, mend));
                }
                _ => is_there = true,
            }
            continue;
        };
        let server = patient.server(agent, name);
        let elsewhere = agent.elsewhere(name);
        is_there |= server.is_some_and(|server| server.disabled.is_none()) || elsewhere.is_some();
        if !named.insert(name) {
            continue;
        }
        match server {
            Some(server) => {
                if let Some(reason) = &server.disabled {
                    let what = format!("agent `{}` is granted `{name}`, which is turned off: {reason}", agent.name);
                    let mend = format!("turn `{name}` on, or take it out of the agent's tools");
                    findings.push(finding(agent, Severity::Warning, Check::ServerOff, what, mend));
                }
            }
            None if elsewhere.is_none_or(|elsewhere| elsewhere == Elsewhere::Plugin) => {
                let what = format!("agent `{}` is granted `{name}`, which is not configured for {}", agent.name, agent.client.name());
                findings.push(finding(agent, Severity::Warning, Check::ServerNotConfigured, what, how_to_configure(patient, agent, name)));
            }
            None => {}
        }
    }
    if !is_there {
        let what = format!("nothing that agent `{}` is granted is there: {} may refuse to start it", agent.name, agent.client.name());
        let mend = "configure a server that it names, or grant it one that is configured".to_owned();
        findings.push(finding(agent, Severity::Error, Check::NoToolResolves, what, mend));
    }
}

fn how_to_configure(patient: &Patient, agent: &AgentDefinition, name: &str) -> String {
    let folded = |name: &str| name.to_lowercase().replace('_', "-");
    let close = patient.configured.keys().find(|(client, known)| agent.client.sees().contains(client) && folded(known) == folded(name));
    if let Some((_, known)) = close {
        return format!("write `{known}`, as it is configured: names are compared letter by letter");
    }
    if agent.elsewhere(name) == Some(Elsewhere::Plugin) {
        return "install the plugin that brings it, or take it out of the agent's tools (with --user, installed plugins are read too)"
            .to_owned();
    }
    let place = match agent.client {
        Client::ClaudeCode => ".mcp.json",
        Client::Copilot | Client::VsCode => ".vscode/mcp.json, or in the repository's settings on GitHub",
        Client::Gemini => ".gemini/settings.json",
        Client::Codex => ".codex/config.toml",
        Client::OpenCode => "opencode.json",
        Client::Cursor => ".cursor/mcp.json",
        Client::ClaudeDesktop | Client::Windsurf | Client::Continue => "the client's settings",
    };
    format!("configure it in {place}, or take it out of the agent's tools (with --user, servers of your home folder count too)")
}

/// Tools that its instructions name and it cannot call.
fn check_instructions(patient: &Patient, agent: &AgentDefinition, findings: &mut Vec<Finding>) {
    let mut named: BTreeSet<String> = BTreeSet::new();
    for (number, line) in agent.instructions.lines().enumerate() {
        for (spelled, server, tool) in tools_named(agent.client, line, patient) {
            if named.len() >= NAMED_MAX || !named.insert(spelled.clone()) {
                continue;
            }
            let is_there =
                patient.server(agent, &server).is_some_and(|entry| entry.disabled.is_none()) || agent.elsewhere(&server).is_some();
            let is_granted = match tool.as_str() {
                "" | "*" => agent.grant.everything && !agent.grant.denies(&server) || agent.grant.servers().contains(&server.as_str()),
                tool => agent.grant.allows(&server, tool),
            } || agent.brings(&server);
            if is_granted && is_there {
                continue;
            }
            let reason = if is_granted { "whose server is not there" } else { "which it is not granted" };
            findings.push(Finding {
                severity: Severity::Warning,
                check: Check::BodyNamesTool,
                path: agent.path.clone(),
                line: Some(agent.instructions_line + number),
                what: format!("the instructions of agent `{}` name `{spelled}`, {reason}", agent.name),
                mend: format!("grant `{server}` to the agent, or take the tool out of its instructions"),
            });
        }
    }
}

/// Names of servers' tools in a text, as the client spells them: as written, server, tool.
fn tools_named(client: Client, line: &str, patient: &Patient) -> Vec<(String, String, String)> {
    let mark = match client {
        Client::Copilot | Client::VsCode => "#tool:",
        Client::Gemini => "mcp_",
        _ => "mcp__",
    };
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-') || (client == Client::Copilot && matches!(c, '/' | '.'));
    let mut found = Vec::new();
    for (at, _) in line.match_indices(mark) {
        // In the middle of a word it is no tool's name.
        if line[..at].ends_with(is_part) {
            continue;
        }
        let rest = &line[at + mark.len()..];
        // What ends in a dot ends a sentence.
        let name = rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())].trim_end_matches('.');
        let parts = match client {
            Client::Copilot | Client::VsCode => name.rsplit_once('/'),
            Client::Gemini => {
                let of = |server: &&str| name.strip_prefix(*server).is_some_and(|rest| rest.starts_with('_'));
                let known = patient.configured.keys().filter(|(known, _)| *known == client).map(|(_, name)| name.as_str());
                known.filter(of).max_by_key(|server| server.len()).map(|server| (server, &name[server.len() + 1..]))
            }
            _ => Some(name.split_once("__").unwrap_or((name.trim_end_matches('_'), ""))),
        };
        let Some((server, tool)) = parts.filter(|(server, _)| !server.is_empty()) else { continue };
        found.push((format!("{mark}{name}"), server.to_owned(), tool.trim_end_matches('_').to_owned()));
    }
    found
}

/// Definitions of tools stand in an agent's context whether it calls them or not.
fn check_budget(patient: &Patient, findings: &mut Vec<Finding>) {
    // Agents that have the same are one finding.
    let mut alike: BTreeMap<(Client, Vec<String>), Vec<&AgentDefinition>> = BTreeMap::new();
    for agent in &patient.project.agents {
        let names = patient.callable(agent).into_iter().map(|(name, _)| name).collect();
        alike.entry((agent.client, names)).or_default().push(agent);
    }
    for agents in alike.into_values() {
        let (mut tokens, mut unknown) = (0u32, 0);
        let mut largest: Vec<(u32, String)> = Vec::new();
        for (name, entry) in patient.callable(agents[0]) {
            match patient.catalogue.recognise(&name, Some(&entry.launch)) {
                Some((known, _)) => {
                    let all = patient.catalogue.server(known).tokens.value;
                    let taken = tools_listed(agents[0], &name).map_or(all, |count| all.min(count * TOKENS_OF_A_TOOL));
                    tokens = tokens.saturating_add(taken);
                    largest.push((taken, name));
                }
                None => unknown += 1,
            }
        }
        if tokens <= patient.surroundings.budget {
            continue;
        }
        largest.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let who = match agents.as_slice() {
            [agent] => format!("agent `{}` has", agent.name),
            many => format!("{} agents ({}) have", many.len(), listed(many.iter().map(|agent| agent.name.as_str()))),
        };
        let more = if unknown > 0 { format!(", not counting {unknown} servers of unknown size") } else { String::new() };
        let what = format!("{who} about {tokens} tokens of tools in context, above the budget of {}{more}", patient.surroundings.budget);
        let shares: Vec<String> = largest.iter().take(3).map(|(tokens, name)| format!("`{name}` {tokens}")).collect();
        let mend = format!("grant fewer servers, or single tools of the largest: {}", shares.join(", "));
        findings.push(finding(agents[0], Severity::Warning, Check::TokenBudget, what, mend));
    }
}

/// How many of a server's tools are granted one by one; none where all are.
fn tools_listed(agent: &AgentDefinition, server: &str) -> Option<u32> {
    if agent.grant.everything {
        return None;
    }
    let permits: Vec<&Permit> = agent.grant.listed.iter().filter(|permit| permit.server() == Some(server)).collect();
    let is_tool = |permit: &&Permit| matches!(permit, Permit::Tool { .. });
    permits.iter().all(is_tool).then(|| u32::try_from(permits.len()).unwrap_or(u32::MAX / TOKENS_OF_A_TOOL))
}
