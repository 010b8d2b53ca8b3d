//! The mapping file: a mapping by names, with what an applier needs beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Assignment, Dispatch, ExtraLoad, Mapping, primaries_of_today};
use crate::scenario::document::{self, Entry, Fields, Node, Problems, Value, named, short, to_table};
use crate::scenario::read::figure::Quantity;
use crate::scenario::read::{FORMAT, format_is_known, read_files};
use crate::scenario::spelling::{key, list, number, paragraph, table, text};
use crate::scenario::{AgentId, CapabilityId, Diagnostics, NeedId, Scenario, ServerId, StandInId, Target};

/// A mapping of a scenario, and what was written beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct MappingFile {
    /// Shown as the strategy's name.
    pub title: Option<String>,
    pub mapping: Mapping,
    /// `.mcp.json` entries for servers that may be missing there, by name.
    pub servers: toml::Table,
    /// Path to SHA-256 of the files that the decision was made on.
    pub files: BTreeMap<String, String>,
    pub evidence: Option<toml::Table>,
}

/// A mapping file without a scenario to hold it against: names only.
#[derive(Debug, Clone, PartialEq)]
pub struct RawMapping {
    /// The scenario's name.
    pub scenario: String,
    pub title: Option<String>,
    /// Agent, then need (its capability).
    pub agents: BTreeMap<String, BTreeMap<String, RawAssignment>>,
    pub extra_grants: BTreeMap<String, Vec<String>>,
    pub servers: toml::Table,
    pub files: BTreeMap<String, String>,
    pub evidence: Option<toml::Table>,
}

/// Names of servers, or of stand-ins among the fallbacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAssignment {
    pub primary: String,
    pub on_failure: Vec<String>,
    pub on_overload: Vec<String>,
}

/// Reads a mapping file for a scenario. Needs that it does not list stay on today's server, without fallbacks. All mistakes
/// are reported at once.
pub fn parse(file_name: &str, text: &str, scenario: &Scenario) -> Result<MappingFile, Diagnostics> {
    let mut problems = Problems::default();
    let file = read_names(text, &mut problems).map(|names| {
        let mapping = resolve(&names, scenario, &mut problems);
        MappingFile { title: names.title, mapping, servers: names.servers, files: names.files, evidence: names.evidence }
    });
    finished(file, problems, file_name, text)
}

/// Reads a mapping file as far as it can be checked without its scenario.
pub fn parse_raw(file_name: &str, text: &str) -> Result<RawMapping, Diagnostics> {
    let mut problems = Problems::default();
    let raw = read_names(text, &mut problems).map(|names| names.into_raw());
    finished(raw, problems, file_name, text)
}

fn finished<T>(read: Option<T>, problems: Problems, file_name: &str, text: &str) -> Result<T, Diagnostics> {
    let failed = problems.has_errors();
    let diagnostics = problems.into_diagnostics(file_name, text);
    read.filter(|_| !failed).ok_or(diagnostics)
}

/// A name, and where it stands.
struct Name {
    text: String,
    span: Range<usize>,
}

/// The file's content with the places of all names.
struct Names {
    scenario: Name,
    title: Option<String>,
    agents: Vec<(Name, Vec<(Name, Places)>)>,
    extra_grants: Vec<(Name, Vec<Name>)>,
    extra_load: Vec<(String, Name, f64)>,
    servers: toml::Table,
    server_names: Vec<Name>,
    files: BTreeMap<String, String>,
    evidence: Option<toml::Table>,
}

struct Places {
    primary: Name,
    on_failure: Vec<Name>,
    on_overload: Vec<Name>,
}

impl Name {
    fn of_key(entry: &Entry) -> Name {
        Name { text: entry.key.to_string(), span: entry.key_span.clone() }
    }

    fn of_text(node: &Node, what: &str, problems: &mut Problems) -> Option<Name> {
        let text = node.text(what, problems)?.to_owned();
        document::check_name(&text, &node.span, problems);
        Some(Name { text, span: node.span.clone() })
    }

    /// Each once.
    fn list(node: &Node, what: &str, problems: &mut Problems) -> Vec<Name> {
        let mut seen = BTreeSet::new();
        let mut names = Vec::new();
        for item in node.list(what, problems).unwrap_or_default() {
            let Some(name) = Name::of_text(item, &format!("a name in {what}"), problems) else { continue };
            if seen.insert(name.text.clone()) {
                names.push(name);
            } else {
                problems.error(&item.span, format!("{what} names `{}` twice", short(&name.text)), "", None);
            }
        }
        names
    }
}

impl Names {
    fn into_raw(self) -> RawMapping {
        let texts = |names: Vec<Name>| names.into_iter().map(|name| name.text).collect();
        let assignment = |(need, places): (Name, Places)| {
            let assignment = RawAssignment {
                primary: places.primary.text,
                on_failure: texts(places.on_failure),
                on_overload: texts(places.on_overload),
            };
            (need.text, assignment)
        };
        let agents = self.agents.into_iter().map(|(agent, needs)| (agent.text, needs.into_iter().map(assignment).collect())).collect();
        RawMapping {
            scenario: self.scenario.text,
            title: self.title,
            agents,
            extra_grants: self.extra_grants.into_iter().map(|(agent, servers)| (agent.text, texts(servers))).collect(),
            servers: self.servers,
            files: self.files,
            evidence: self.evidence,
        }
    }
}

fn read_names(text: &str, problems: &mut Problems) -> Option<Names> {
    let root = document::parse(text, problems)?;
    if !format_is_known(&root, "mapping", problems) {
        return None;
    }
    let mut fields = Fields::of(&root, "the mapping", &(0..0), problems)?;
    fields.take("format");
    let scenario = match fields.take("scenario") {
        Some(entry) => Name::of_text(&entry.node, "`scenario`", problems),
        None => {
            problems.lacking(
                "the mapping does not say which scenario it is for",
                "write `scenario = \"...\"`, the scenario's name, below the format",
            );
            None
        }
    };
    let title = fields.text("title", problems);
    let agents = fields.take("agents").map(|entry| read_agents(&entry.node, problems)).unwrap_or_default();
    let extra_grants = fields.take("extra_grants").map_or(&[][..], |entry| named(&entry.node, "`extra_grants`", problems));
    let extra_grants =
        extra_grants.iter().map(|entry| (Name::of_key(entry), Name::list(&entry.node, "`extra_grants`", problems))).collect();
    let extra_load = fields.take("extra_load").map(|entry| read_extra_load(&entry.node, problems)).unwrap_or_default();
    let servers = fields.take("servers").map_or(&[][..], |entry| named(&entry.node, "`servers`", problems));
    check_servers(servers, problems);
    let files = fields.take("files").map(|entry| read_files(&entry.node, problems)).unwrap_or_default();
    let evidence = fields.take("evidence").and_then(|entry| read_evidence(entry, problems));
    fields.finish(problems);
    Some(Names {
        scenario: scenario.unwrap_or(Name { text: String::new(), span: 0..0 }),
        title,
        agents,
        extra_grants,
        extra_load,
        servers: to_table(servers),
        server_names: servers.iter().map(Name::of_key).collect(),
        files: files.into_iter().filter_map(|file| Some((file.path, file.sha256?))).collect(),
        evidence,
    })
}

fn read_agents(node: &Node, problems: &mut Problems) -> Vec<(Name, Vec<(Name, Places)>)> {
    let mut agents = Vec::new();
    for agent in named(node, "`agents`", problems) {
        let what = format!("the needs of agent `{}`", short(&agent.key));
        let needs = named(&agent.node, &what, problems);
        let needs = needs.iter().filter_map(|need| Some((Name::of_key(need), read_places(need, problems)?))).collect();
        agents.push((Name::of_key(agent), needs));
    }
    agents
}

fn read_places(entry: &Entry, problems: &mut Problems) -> Option<Places> {
    const HINT: &str = "as in { primary = \"memory\", on_failure = [\"supabase\"] }";
    let what = format!("need `{}`", short(&entry.key));
    let mut places = Places { primary: Name { text: String::new(), span: 0..0 }, on_failure: Vec::new(), on_overload: Vec::new() };
    if entry.node.entries().is_none() {
        places.primary = Name::of_text(&entry.node, &what, problems)?;
        return Some(places);
    }
    let mut fields = Fields::of(&entry.node, what, &entry.key_span, problems)?;
    let primary = fields.need("primary", HINT, problems).and_then(|entry| Name::of_text(&entry.node, "`primary`", problems));
    let mut fallbacks = |key, what| fields.take(key).map(|entry| Name::list(&entry.node, what, problems)).unwrap_or_default();
    places.on_failure = fallbacks("on_failure", "`on_failure`");
    places.on_overload = fallbacks("on_overload", "`on_overload`");
    fields.finish(problems);
    places.primary = primary?;
    for fallback in places.on_failure.iter().chain(&places.on_overload).filter(|name| name.text == places.primary.text) {
        problems.error(&fallback.span, format!("`{}` is its own fallback", short(&fallback.text)), "", None);
    }
    Some(places)
}

fn read_extra_load(node: &Node, problems: &mut Problems) -> Vec<(String, Name, f64)> {
    const HINT: &str = "[[extra_load]] has a name, a server and a complexity";
    let mut loads = Vec::new();
    let Value::List(items) = &node.value else {
        node.wrong_type("`extra_load`", "a list of tables, each under [[extra_load]]", problems);
        return loads;
    };
    for item in items {
        let Some(mut fields) = Fields::of(item, "an `extra_load`", &item.span, problems) else { continue };
        let name = fields.need("name", HINT, problems).and_then(|entry| Name::of_text(&entry.node, "`name`", problems));
        let server = fields.need("server", HINT, problems).and_then(|entry| Name::of_text(&entry.node, "`server`", problems));
        let complexity = fields.need("complexity", HINT, problems).and_then(|entry| {
            let complexity = f64::read(&entry.node, "`complexity`", problems)?;
            if complexity <= 0.0 {
                problems.error(&entry.node.span, "`complexity` has to be above 0", "", None);
            }
            Some(complexity)
        });
        fields.finish(problems);
        if let (Some(name), Some(server), Some(complexity)) = (name, server, complexity) {
            loads.push((name.text, server, complexity));
        }
    }
    loads
}

/// Kept as they are. A value that is no reference to a variable may be a secret, so no message quotes it.
fn check_servers(servers: &[Entry], problems: &mut Problems) {
    for server in servers {
        if server.node.entries().is_none() {
            problems.hide(&server.node);
            server.node.wrong_type(&format!("server `{}`", short(&server.key)), "a table, as in .mcp.json", problems);
        }
        for secret in ["env", "headers"] {
            if let Some(entry) = server.node.get(secret) {
                problems.hide(&entry.node);
            }
        }
    }
}

fn read_evidence(entry: &Entry, problems: &mut Problems) -> Option<toml::Table> {
    let Some(entries) = entry.node.entries() else {
        entry.node.wrong_type("`evidence`", "a table", problems);
        return None;
    };
    const VERDICTS: [&str; 3] = ["validated", "improves", "rejected"];
    if let Some(verdict) = entry.node.get("verdict")
        && let Some(text) = verdict.node.text("`verdict`", problems).filter(|text| !VERDICTS.contains(text))
    {
        problems.unknown("verdict", text, &verdict.node.span, VERDICTS);
    }
    Some(to_table(entries))
}

/// A scenario's names with their positions.
struct Known<'a> {
    scenario: &'a Scenario,
    servers: BTreeMap<&'a str, ServerId>,
    stand_ins: BTreeMap<&'a str, StandInId>,
    agents: BTreeMap<&'a str, AgentId>,
}

impl<'a> Known<'a> {
    fn new(scenario: &'a Scenario) -> Known<'a> {
        Known {
            scenario,
            servers: scenario.server_ids().map(|id| (scenario.server(id).name.as_str(), id)).collect(),
            stand_ins: scenario.stand_ins.iter().enumerate().map(|(i, s)| (s.name.as_str(), StandInId::from(i))).collect(),
            agents: scenario.agent_ids().map(|id| (scenario.agent(id).name.as_str(), id)).collect(),
        }
    }

    fn agent(&self, name: &Name, problems: &mut Problems) -> Option<AgentId> {
        let found = self.agents.get(name.text.as_str()).copied();
        if found.is_none() {
            problems.unknown("agent", &name.text, &name.span, self.agents.keys().copied());
        }
        found
    }

    fn server(&self, name: &Name, problems: &mut Problems) -> Option<ServerId> {
        let found = self.servers.get(name.text.as_str()).copied();
        if found.is_none() {
            problems.unknown("server", &name.text, &name.span, self.servers.keys().copied());
        }
        found
    }

    fn target(&self, name: &Name, problems: &mut Problems) -> Option<Target> {
        let server = self.servers.get(name.text.as_str()).map(|id| Target::Server(*id));
        let found = server.or_else(|| self.stand_ins.get(name.text.as_str()).map(|id| Target::StandIn(*id)));
        if found.is_none() {
            problems.unknown("server or stand-in", &name.text, &name.span, self.servers.keys().chain(self.stand_ins.keys()).copied());
        }
        found
    }

    /// The target, where it can serve the capability.
    fn usable(&self, target: Target, capability: CapabilityId, name: &Name, problems: &mut Problems) -> Option<Target> {
        let wanted = self.scenario.capability(capability);
        if self.scenario.quality(target, capability).is_none() {
            let providers: Vec<String> =
                self.scenario.providers(capability).iter().take(5).map(|id| format!("`{}`", self.scenario.server(*id).name)).collect();
            let hint = (!providers.is_empty()).then(|| format!("`{wanted}` is provided by {}", providers.join(", ")));
            problems.missing(&name.span, format!("`{}` does not provide `{wanted}`", short(&name.text)), "", hint);
            return None;
        }
        if matches!(target, Target::Server(id) if !self.scenario.server(id).in_service) {
            problems.missing(&name.span, format!("`{}` is out of service", short(&name.text)), "", None);
            return None;
        }
        Some(target)
    }
}

fn resolve(names: &Names, scenario: &Scenario, problems: &mut Problems) -> Mapping {
    if names.scenario.text != scenario.name && !names.scenario.text.is_empty() {
        let message = format!("this mapping is for the scenario `{}`, not for `{}`", short(&names.scenario.text), short(&scenario.name));
        problems.missing(&names.scenario.span, message, "", "name the scenario that it belongs to".to_owned());
    }
    let known = Known::new(scenario);
    let mut assignments: Vec<Assignment> = primaries_of_today(scenario)
        .into_iter()
        .map(|primary| Assignment { primary, on_failure: Vec::new(), on_overload: Vec::new() })
        .collect();
    for (agent, needs) in &names.agents {
        let Some(id) = known.agent(agent, problems) else { continue };
        let of_agent: BTreeMap<&str, NeedId> =
            scenario.needs_of(id).map(|need| (scenario.capability(scenario.need(need).capability), need)).collect();
        for (need, places) in needs {
            match of_agent.get(need.text.as_str()) {
                None => problems.unknown(&format!("need of `{}`", short(&agent.text)), &need.text, &need.span, of_agent.keys().copied()),
                Some(id) => assignments[id.index()] = assignment(*id, places, &assignments[id.index()], &known, problems),
            }
        }
    }
    let mut extra_grants = Vec::new();
    for (agent, servers) in &names.extra_grants {
        let agent = known.agent(agent, problems);
        for server in servers {
            let server = known.server(server, problems);
            extra_grants.extend(agent.zip(server));
        }
    }
    let extra_load = names.extra_load.iter().filter_map(|(name, server, complexity)| {
        Some(ExtraLoad { name: name.clone(), server: known.server(server, problems)?, complexity: *complexity })
    });
    let extra_load = extra_load.collect();
    for server in &names.server_names {
        known.server(server, problems);
    }
    Mapping { assignments, extra_grants, extra_load, dispatch: Dispatch::Fixed }
}

fn assignment(id: NeedId, places: &Places, today: &Assignment, known: &Known, problems: &mut Problems) -> Assignment {
    let need = known.scenario.need(id);
    let mut fallbacks = |names: &[Name]| -> Vec<Target> {
        let targets = names.iter().map(|name| known.usable(known.target(name, problems)?, need.capability, name, problems));
        targets.collect::<Vec<_>>().into_iter().flatten().collect()
    };
    let (on_failure, on_overload) = (fallbacks(&places.on_failure), fallbacks(&places.on_overload));
    let name = &places.primary;
    let mut primary = today.primary;
    if let Some(server) = known.server(name, problems)
        && server != today.primary
    {
        if need.pinned {
            let stays = &known.scenario.server(today.primary).name;
            problems.missing(&name.span, format!("this need is pinned to `{stays}`"), "", "a pinned need never moves".to_owned());
        } else if known.usable(Target::Server(server), need.capability, name, problems).is_some() {
            primary = server;
        }
    }
    Assignment { primary, on_failure, on_overload }
}

/// The file's text. `parse` reads the same from it.
pub fn write(file: &MappingFile, scenario: &Scenario) -> String {
    let mut lines = vec![format!("format = {FORMAT}"), format!("scenario = {}", text(&scenario.name))];
    lines.extend(file.title.as_ref().map(|title| format!("title = {}", paragraph(title))));
    for agent in scenario.agent_ids() {
        let needs: Vec<String> = scenario.needs_of(agent).map(|need| written(need, &file.mapping, scenario)).collect();
        if !needs.is_empty() {
            lines.push(format!("\n[agents.{}]", key(&scenario.agent(agent).name)));
            lines.extend(needs);
        }
    }
    write_extras(&file.mapping, scenario, &mut lines);
    let mut text = lines.join("\n") + "\n";
    if !file.servers.is_empty() {
        text += &free("servers", &file.servers);
    }
    if !file.files.is_empty() {
        text += "\n[files]\n";
        file.files.iter().for_each(|(path, hash)| text += &format!("{} = {}\n", key(path), self::text(hash)));
    }
    if let Some(evidence) = &file.evidence {
        text += &free("evidence", evidence);
    }
    text
}

fn written(need: NeedId, mapping: &Mapping, scenario: &Scenario) -> String {
    let assignment = mapping.assignment(need);
    let names = |targets: &[Target]| list(targets.iter().map(|target| scenario.target_name(*target)));
    let primary = text(&scenario.server(assignment.primary).name);
    let mut fields = vec![("primary", primary.clone())];
    if !assignment.on_failure.is_empty() {
        fields.push(("on_failure", names(&assignment.on_failure)));
    }
    if !assignment.on_overload.is_empty() {
        fields.push(("on_overload", names(&assignment.on_overload)));
    }
    let spelled = if fields.len() == 1 { primary } else { table(&fields) };
    format!("{} = {spelled}", key(scenario.capability(scenario.need(need).capability)))
}

fn write_extras(mapping: &Mapping, scenario: &Scenario, lines: &mut Vec<String>) {
    let mut granted: Vec<(AgentId, Vec<&str>)> = Vec::new();
    for (agent, server) in &mapping.extra_grants {
        let name = scenario.server(*server).name.as_str();
        match granted.iter_mut().find(|(id, _)| id == agent) {
            Some((_, names)) => names.push(name),
            None => granted.push((*agent, vec![name])),
        }
    }
    if !granted.is_empty() {
        lines.push("\n[extra_grants]".to_owned());
    }
    for (agent, servers) in granted {
        lines.push(format!("{} = {}", key(&scenario.agent(agent).name), list(servers)));
    }
    for extra in &mapping.extra_load {
        lines.push("\n[[extra_load]]".to_owned());
        lines.push(format!("name = {}", text(&extra.name)));
        lines.push(format!("server = {}", text(&scenario.server(extra.server).name)));
        lines.push(format!("complexity = {}", number(extra.complexity)));
    }
}

/// A table whose keys mean nothing here.
fn free(name: &str, content: &toml::Table) -> String {
    let table = toml::Table::from_iter([(name.to_owned(), toml::Value::Table(content.clone()))]);
    format!("\n{}", toml::to_string(&table).expect("a table of TOML values is a document"))
}

#[cfg(test)]
mod tests;
