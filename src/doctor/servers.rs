//! Servers: those that nobody uses, those that too many use at once, variables that are not set.

use super::{Check, Finding, Patient, Started, listed};
use crate::import::{AgentDefinition, Client, EnvFile, ServerConfig, ServerEntry};
use crate::scenario::Severity;

pub fn check(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((client, name), (config, entry)) in patient.configured.iter().filter(|(_, (_, entry))| entry.disabled.is_none()) {
        let users: Vec<&AgentDefinition> = users(patient, *client, name);
        if users.is_empty() {
            findings.push(unused(patient, *client, name, config, entry));
        }
        findings.extend(shared(patient, name, config, entry, &users));
    }
    for started in patient.started() {
        findings.extend(missing_variables(patient, &started));
        findings.extend(missing_env_file(patient, &started));
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
fn missing_variables(patient: &Patient, started: &Started) -> Option<Finding> {
    let Started { client, entry, .. } = started;
    // Files that count for this server: those that its client reads, and its own.
    let counts = |file: &&EnvFile| client.env_files().contains(&file.path.as_str()) || entry.env_file.as_ref() == Some(&file.path);
    let (read, unread): (Vec<&EnvFile>, Vec<&EnvFile>) = patient.project.env_files.iter().partition(counts);
    let is_set = |name: &String| patient.surroundings.environment.contains(name) || read.iter().any(|file| file.names.contains(name));
    let missing: Vec<&String> = entry.required.iter().filter(|name| !is_set(name)).collect();
    if missing.is_empty() {
        return None;
    }
    let nor: Vec<&str> = read.iter().map(|file| file.path.as_str()).collect();
    let nor = if nor.is_empty() { String::new() } else { format!(", nor in {}", nor.join(", ")) };
    let names: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
    // Where a person may think that they are set.
    let in_vain = unread.iter().filter(|file| EnvFile::USUAL.contains(&file.path.as_str())).filter_map(|file| {
        let there: Vec<&str> = names.iter().copied().filter(|name| file.names.contains(*name)).collect();
        let them = there.join(", ");
        (!there.is_empty()).then(|| format!("; {} sets {them}, and {} does not read it", file.path, client.name()))
    });
    let in_vain: String = in_vain.collect();
    let what = format!("server `{}` needs {}: not set in the environment{nor}{in_vain}", entry.name, names.join(", "));
    let them = if names.len() == 1 { "it" } else { "them" };
    let mend = format!("set {them} where the client is started, or write a default where the format has one");
    Some(of_started(started, Check::MissingVariable, what, mend))
}

fn missing_env_file(patient: &Patient, started: &Started) -> Option<Finding> {
    let path = started.entry.env_file.as_ref()?;
    if patient.project.env_files.iter().any(|file| file.path == *path) {
        return None;
    }
    let what = format!("server `{}` takes its variables from {path}, which is not there", started.entry.name);
    Some(of_started(started, Check::MissingEnvFile, what, "write the file, or take `envFile` out".to_owned()))
}

fn of_started(started: &Started, check: Check, what: String, mend: String) -> Finding {
    Finding { severity: Severity::Warning, check, path: started.path.to_owned(), line: Some(started.entry.line), what, mend }
}
