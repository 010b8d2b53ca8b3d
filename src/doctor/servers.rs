//! Servers: those that nobody uses, those that too many use at once, variables that are not set.

use std::collections::BTreeSet;

use super::{Check, Finding, Patient, listed};
use crate::import::{AgentDefinition, Client, ServerConfig, ServerEntry};
use crate::scenario::Severity;

pub fn check(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    let set: BTreeSet<&str> = patient
        .surroundings
        .environment
        .iter()
        .chain(patient.project.env_files.iter().flat_map(|file| &file.names))
        .map(String::as_str)
        .collect();
    for ((client, name), (config, entry)) in patient.configured.iter().filter(|(_, (_, entry))| entry.disabled.is_none()) {
        let users: Vec<&AgentDefinition> = users(patient, *client, name);
        if users.is_empty() {
            findings.push(unused(patient, *client, name, config, entry));
        }
        findings.extend(shared(patient, name, config, entry, &users));
        findings.extend(missing_variables(patient, name, config, entry, &set));
        findings.extend(missing_env_file(patient, name, config, entry));
    }
    findings
}

fn finding(config: &ServerConfig, entry: &ServerEntry, check: Check, what: String, mend: String) -> Finding {
    Finding { severity: Severity::Warning, check, path: config.path.clone(), line: Some(entry.line), what, mend }
}

/// Agents that can call a server.
fn users<'a>(patient: &Patient<'a>, client: Client, name: &str) -> Vec<&'a AgentDefinition> {
    let uses = |agent: &&AgentDefinition| {
        let grant = &agent.grant;
        let is_named = grant.servers().contains(&name) || agent.server_names.iter().any(|known| known == name);
        agent.client.sees().contains(&client) && ((grant.everything && !grant.denies(name)) || is_named)
    };
    patient.project.agents.iter().filter(uses).collect()
}

fn unused(patient: &Patient, client: Client, name: &str, config: &ServerConfig, entry: &ServerEntry) -> Finding {
    let tokens = patient.catalogue.recognise(name, Some(&entry.launch)).map(|(known, _)| patient.catalogue.server(known).tokens.value);
    let cost = tokens.map(|tokens| format!(" and its tools take about {tokens} tokens")).unwrap_or_default();
    let what = format!("server `{name}` is configured for {}, and no agent is granted it; each session starts it{cost}", client.name());
    finding(config, entry, Check::UnusedServer, what, format!("remove `{name}`, or grant it to the agent that needs it"))
}

fn shared(patient: &Patient, name: &str, config: &ServerConfig, entry: &ServerEntry, users: &[&AgentDefinition]) -> Option<Finding> {
    let (known, _) = patient.catalogue.recognise(name, Some(&entry.launch))?;
    let stated = patient.catalogue.server(known).safe_concurrency.as_ref().map(|safe| safe.limit.value);
    let safe = stated.or(known.at_once)?;
    if users.len() <= usize::try_from(safe).unwrap_or(usize::MAX) {
        return None;
    }
    let who = listed(users.iter().map(|agent| agent.name.as_str()));
    let what = format!("{} agents can call server `{name}` at the same time ({who}), and it bears {safe} at once", users.len());
    let mend = "grant it to fewer agents, or run them one after another; with `safe_concurrency` in a scenario, `mcplab simulate` shows what goes wrong".to_owned();
    Some(finding(config, entry, Check::SharedBeyondSafe, what, mend))
}

/// Names only: values are nobody's business.
fn missing_variables(patient: &Patient, name: &str, config: &ServerConfig, entry: &ServerEntry, set: &BTreeSet<&str>) -> Option<Finding> {
    let missing: Vec<&str> = entry.required.iter().map(String::as_str).filter(|variable| !set.contains(variable)).collect();
    if missing.is_empty() {
        return None;
    }
    let files: Vec<String> = patient.project.env_files.iter().map(|file| file.path.clone()).collect();
    let nor = if files.is_empty() { String::new() } else { format!(", nor in {}", files.join(", ")) };
    let what = format!("server `{name}` needs {}: not set in the environment{nor}", missing.join(", "));
    let mend = format!(
        "set {} where the client is started, or write a default where the format has one",
        if missing.len() == 1 { "it" } else { "them" }
    );
    Some(finding(config, entry, Check::MissingVariable, what, mend))
}

fn missing_env_file(patient: &Patient, name: &str, config: &ServerConfig, entry: &ServerEntry) -> Option<Finding> {
    let path = entry.env_file.as_ref()?;
    if patient.project.env_files.iter().any(|file| file.path == *path) {
        return None;
    }
    let what = format!("server `{name}` takes its variables from {path}, which is not there");
    Some(finding(config, entry, Check::MissingEnvFile, what, "write the file, or take `envFile` out".to_owned()))
}
