//! Agents and their needs.

use super::figure::{Quantity, figure, optional, or};
use super::provides::Providers;
use super::workload::{WorkloadStated, read_workload};
use super::{Names, at_least_one, check_hash, positive};
use crate::scenario::document::{Entry, Fields, Problems, named, short};
use crate::scenario::{Agent, AgentId, CapabilityId, Figure, FileSeen, Need, Server, ServerId, Target, defaults};

/// What agents are read among.
pub(super) struct Surroundings<'a> {
    pub names: &'a Names<'a>,
    pub providers: &'a Providers,
    pub servers: &'a [Server],
    pub defaults: &'a WorkloadStated,
}

pub(super) fn read_agents(entries: &[Entry], around: &Surroundings, problems: &mut Problems) -> (Vec<Agent>, Vec<Need>) {
    let (mut agents, mut needs) = (Vec::new(), Vec::new());
    for entry in entries {
        let id = AgentId::from(agents.len());
        agents.push(read_agent(entry, id, around, &mut needs, problems));
    }
    (agents, needs)
}

fn read_agent(entry: &Entry, id: AgentId, around: &Surroundings, needs: &mut Vec<Need>, problems: &mut Problems) -> Agent {
    let mut agent = defaults::agent(&entry.key);
    let what = format!("agent `{}`", short(&entry.key));
    let Some(mut fields) = Fields::of(&entry.node, what.clone(), &entry.key_span, problems) else { return agent };
    agent.complexity = or(&mut fields, "complexity", agent.complexity, positive, problems);
    if let Some(entry) = fields.take("priority") {
        agent.priority = u32::read(&entry.node, "`priority`", problems).unwrap_or(agent.priority);
    }
    agent.concurrency = optional(&mut fields, "concurrency", at_least_one, problems);
    agent.wildcard = fields.flag("wildcard", false, problems);
    agent.core = fields.flag("core", false, problems);
    agent.file = read_file(&mut fields, problems);
    if let Some(entry) = fields.take("extra_grants") {
        let found = around.names.servers.find_all(&entry.node, "`extra_grants`", problems);
        agent.extra_grants = found.into_iter().map(ServerId::from).collect();
    }
    let workload = fields.take("workload");
    let own = workload.map(|entry| read_workload(&entry.node, &format!("the workload of {what}"), problems)).unwrap_or_default();
    let first_need = needs.len();
    if let Some(entry) = fields.take("needs") {
        for entry in named(&entry.node, &format!("the needs of {what}"), problems) {
            needs.extend(read_need(entry, id, around, problems));
        }
    }
    fields.finish(problems);

    let (does, is_known) = own.over(around.defaults, agent.complexity.value);
    agent.workload = does;
    if !is_known && needs.len() > first_need {
        let hint = "state `tasks`, as in tasks = \"10/h\", for all agents in [workload] or for this one in its `workload`".to_owned();
        problems.missing(&entry.key_span, format!("{what} has needs but no tasks"), "", hint);
    } else if needs.len() > first_need && own.starts_none(around.defaults, &agent.workload) {
        let tasks = workload.and_then(|entry| entry.node.get("tasks").or(entry.node.get("tasks_per_complexity")));
        let span = tasks.map_or(&entry.key_span, |tasks| &tasks.node.span);
        let hint = "leave out the agent, or its needs: they would never be called".to_owned();
        problems.error(span, format!("{what} has needs, but its tasks are 0"), "", hint);
    }
    agent
}

fn read_file(fields: &mut Fields, problems: &mut Problems) -> Option<FileSeen> {
    let path = fields.text("file", problems);
    let hash = fields.take("sha256");
    match (path, hash) {
        (None, Some(entry)) => {
            problems.missing(&entry.key_span, "a `sha256` without a `file`", "", "name the file that it is of".to_owned());
            None
        }
        (None, None) => None,
        (Some(path), hash) => {
            let sha256 = hash.and_then(|entry| {
                let text = entry.node.text("`sha256`", problems)?;
                check_hash(text, &entry.node.span, problems);
                Some(text.to_owned())
            });
            Some(FileSeen { path, sha256 })
        }
    }
}

fn read_need(entry: &Entry, agent: AgentId, around: &Surroundings, problems: &mut Problems) -> Option<Need> {
    let names = around.names;
    let capability = CapabilityId::from(names.capabilities.get(&entry.key)?);
    let mut need = Need { agent, capability, demand: Figure::stated(1.0), current: None, pinned: false };
    let mut stated = None;
    if entry.node.entries().is_none() {
        stated = Some(&entry.node);
    } else {
        let mut fields = Fields::of(&entry.node, format!("need `{}`", short(&entry.key)), &entry.key_span, problems)?;
        stated = fields.take("server").map(|entry| &entry.node).or(stated);
        need.demand = fields.take("demand").and_then(|entry| figure(&entry.node, "`demand`", positive, problems)).unwrap_or(need.demand);
        need.pinned = fields.flag("pinned", false, problems);
        fields.finish(problems);
        if need.pinned && stated.is_none() {
            let hint = "a pinned need stays where it is: add server = \"...\"".to_owned();
            problems.missing(&entry.key_span, format!("need `{}` is pinned, but to no server", short(&entry.key)), "", hint);
        }
    }
    match stated {
        Some(node) => {
            let server = names.servers.find(node, "the server of a need", problems).map(ServerId::from);
            if let Some(server) = server.filter(|id| !around.providers.provides(Target::Server(*id), capability)) {
                let server_name = short(names.servers.names[server.index()]);
                let hint = around
                    .providers
                    .list(capability, names)
                    .unwrap_or_else(|| format!("add `{}` to [servers.{server_name}.provides]", short(&entry.key)));
                problems.missing(&node.span, format!("`{server_name}` does not provide `{}`", short(&entry.key)), "", hint);
            }
            need.current = server;
        }
        None => check_provider(entry, capability, around, problems),
    }
    Some(need)
}

/// A need without a server goes to the best provider in service, so there has to be one.
fn check_provider(entry: &Entry, capability: CapabilityId, around: &Surroundings, problems: &mut Problems) {
    let providers = around.providers.servers_of(capability);
    let name = short(&entry.key);
    if providers.is_empty() {
        let provided = around.names.capabilities.names.iter().enumerate();
        let provided = provided.filter(|(id, _)| !around.providers.servers_of(CapabilityId::from(*id)).is_empty()).map(|(_, name)| *name);
        let otherwise = format!("a server provides it by `{name} = 1.0` in its [servers.NAME.provides]");
        problems.unknown_as(format!("no server provides `{name}`"), &entry.key, &entry.key_span, provided, &otherwise);
    } else if !providers.iter().any(|id| around.servers[id.index()].in_service) {
        let hint = "put one in service, or name the need's server".to_owned();
        problems.missing(&entry.key_span, format!("every server that provides `{name}` is out of service"), "", hint);
    }
}
