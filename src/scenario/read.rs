//! Text becomes a scenario, or every mistake in it is named with its place.

mod agent;
pub(crate) mod distribution;
mod fault;
pub(crate) mod figure;
pub(super) mod overlay;
mod policy;
mod provides;
mod retries;
mod run;
mod server;
mod target;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::diagnostic::{Diagnostics, Severity};
use super::document::{self, Entry, Fields, Node, Problems, Value, named};
use super::{CapabilityId, FileSeen, Scenario, ServerId, defaults};
use crate::distribution::Distribution;
use crate::units::SimTime;
use figure::{Quantity, any};
pub(crate) use workload::{Tasks, WorkloadStated, stated_workload};

/// A scenario without mistakes, and what is odd about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub scenario: Scenario,
    pub warnings: Diagnostics,
}

/// The newest format that is read.
pub(crate) const FORMAT: i128 = 1;

/// What keeps a hostile or mistaken file from taking all memory or running for years.
const MOST_SERVERS: usize = 10_000;
const MOST_AGENTS: usize = 100_000;
const MOST_PAIRS: usize = 10_000_000;

/// Reads a scenario. All mistakes are reported at once.
pub fn parse(file_name: &str, text: &str) -> Result<Parsed, Diagnostics> {
    let mut problems = Problems::default();
    let mut scenario = None;
    if let Some(root) = document::parse(text, &mut problems)
        && format_is_known(&root, "scenario", &mut problems)
        && is_no_mapping(&root, &mut problems)
    {
        let mut base = read_scenario(&root, None, &mut problems);
        base.what_ifs = overlay::read_what_ifs(&root, &base, &mut problems);
        scenario = Some(base);
    }
    let failed = problems.has_errors();
    let mut diagnostics = problems.into_diagnostics(file_name, text);
    match scenario {
        Some(scenario) if !failed => Ok(Parsed { scenario, warnings: diagnostics }),
        _ => {
            // Warnings come first where they stand first, but never push an error off the screen.
            diagnostics.list.sort_by_key(|d| d.severity == Severity::Warning);
            Err(diagnostics)
        }
    }
}

/// False where the rest is not worth reading: it follows other rules.
pub(crate) fn format_is_known(root: &Node, what: &str, problems: &mut Problems) -> bool {
    let Some(entry) = root.get("format") else {
        problems.lacking(format!("the {what} does not say its format"), format!("write `format = {FORMAT}` on top"));
        return true;
    };
    match entry.node.value {
        Value::Integer(FORMAT) => true,
        Value::Integer(newer) if newer > FORMAT => {
            let hint = format!("this version reads format {FORMAT}; a newer mcplab reads this file");
            problems.error(&entry.node.span, format!("format {newer} was written by a newer version of mcplab"), "", hint);
            false
        }
        _ => {
            problems.error(&entry.node.span, "an unsupported format", "", format!("write `format = {FORMAT}`"));
            true
        }
    }
}

/// A mapping file names its scenario; listing all that makes it none would not help.
fn is_no_mapping(root: &Node, problems: &mut Problems) -> bool {
    match (root.get("scenario"), root.get("name")) {
        (Some(scenario), None) => {
            let hint = "give it after --mapping, or to `mcplab apply`".to_owned();
            problems.error(&scenario.node.span, "this is a mapping file, not a scenario", "names the scenario it is for", hint);
            false
        }
        _ => true,
    }
}

/// Names of one kind with their positions.
pub(crate) struct Index<'a> {
    kind: &'static str,
    pub names: Vec<&'a str>,
    positions: BTreeMap<&'a str, usize>,
}

impl<'a> Index<'a> {
    pub fn new(kind: &'static str, names: impl IntoIterator<Item = &'a str>) -> Index<'a> {
        let names: Vec<&str> = names.into_iter().collect();
        let positions = names.iter().enumerate().map(|(position, name)| (*name, position)).collect();
        Index { kind, names, positions }
    }

    pub fn get(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// The position of a name, or a mistake.
    pub fn find(&self, node: &Node, what: &str, problems: &mut Problems) -> Option<usize> {
        let name = node.text(what, problems)?;
        let found = self.get(name);
        if found.is_none() {
            problems.unknown(self.kind, name, &node.span, self.names.iter().copied());
        }
        found
    }

    /// A list of names, each once.
    pub fn find_all(&self, node: &Node, what: &str, problems: &mut Problems) -> Vec<usize> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for item in node.list(what, problems).unwrap_or_default() {
            if let Some(position) = self.find(item, &format!("a name in {what}"), problems) {
                if seen.insert(position) {
                    found.push(position);
                } else {
                    problems.error(&item.span, format!("{what} names `{}` twice", self.names[position]), "", None);
                }
            }
        }
        found
    }
}

/// All names of a scenario, known before anything refers to one.
struct Names<'a> {
    dependencies: Index<'a>,
    servers: Index<'a>,
    stand_ins: Index<'a>,
    agents: Index<'a>,
    capabilities: Index<'a>,
}

impl<'a> Names<'a> {
    fn new(root: &'a Node, base_capabilities: Option<&'a [String]>) -> Names<'a> {
        let keys = |table: &str| children(root, table).iter().map(|entry| &*entry.key);
        let of = |table: &str, inner: &str| -> BTreeSet<&'a str> {
            children(root, table).iter().flat_map(|entry| entry_children(entry, inner)).map(|entry| &*entry.key).collect()
        };
        let mut all = of("servers", "provides");
        all.extend(of("stand_ins", "provides"));
        all.extend(of("agents", "needs"));
        // A what-if's capabilities keep their base's places; its own come after them.
        let known: BTreeSet<&str> = base_capabilities.unwrap_or_default().iter().map(String::as_str).collect();
        let base = base_capabilities.unwrap_or_default().iter().map(String::as_str);
        let capabilities: Vec<&str> = base.chain(all.into_iter().filter(|name| !known.contains(name))).collect();
        Names {
            dependencies: Index::new("dependency", keys("dependencies")),
            servers: Index::new("server", keys("servers")),
            stand_ins: Index::new("stand-in", keys("stand_ins")),
            agents: Index::new("agent", keys("agents")),
            capabilities: Index::new("capability", capabilities),
        }
    }
}

fn children<'a, 't>(root: &'a Node<'t>, table: &str) -> &'a [Entry<'t>] {
    root.get(table).map_or(&[], |entry| entry.node.entries().unwrap_or_default())
}

fn entry_children<'a, 't>(entry: &'a Entry<'t>, table: &str) -> &'a [Entry<'t>] {
    children(&entry.node, table)
}

/// What a what-if's scenario takes from its base.
struct OverBase<'a> {
    capabilities: &'a [String],
    load: f64,
}

/// The scenario of a tree. After a mistake something stands in for what could not be read, so that the rest is checked too.
fn read_scenario(root: &Node, over: Option<OverBase>, problems: &mut Problems) -> Scenario {
    let names = Names::new(root, over.as_ref().map(|base| base.capabilities));
    let load = over.as_ref().map_or(1.0, |base| base.load);
    let mut fields = Fields::of(root, "the scenario", &(0..0), problems).expect("a document is a table");
    fields.take("format");
    fields.take("what_if");
    check_limits(&names, problems);
    let name = read_name(&mut fields, problems);
    let description = fields.text("description", problems).unwrap_or_default();
    let run = fields.take("run").map_or_else(defaults::run, |entry| run::read_run(entry, problems));
    let host = fields.take("host").map(|entry| run::read_host(entry, problems)).unwrap_or_else(defaults::host);
    let limits = fields.take("limits").map(|entry| run::read_limits(entry, problems)).unwrap_or_default();
    let priorities = fields.take("objective").and_then(|entry| run::read_objective(entry, problems));

    let dependencies = entries_of(fields.take("dependencies"), "`dependencies`", problems)
        .iter()
        .map(|entry| server::read_dependency(entry, problems))
        .collect();
    let servers: Vec<_> = entries_of(fields.take("servers"), "`servers`", problems)
        .iter()
        .map(|entry| server::read_server(entry, &names, problems))
        .collect();
    let stand_ins: Vec<_> = entries_of(fields.take("stand_ins"), "`stand_ins`", problems)
        .iter()
        .map(|entry| provides::read_stand_in(entry, &names, problems))
        .collect();
    let providers = provides::Providers::new(&servers, &stand_ins, names.capabilities.names.len());
    let workload = fields.take("workload").map(|entry| workload::read_workload(&entry.node, "`workload`", problems)).unwrap_or_default();
    let (agents, needs) = agent::read_agents(
        entries_of(fields.take("agents"), "`agents`", problems),
        &agent::Surroundings { names: &names, providers: &providers, servers: &servers, defaults: &workload },
        problems,
    );
    if over.is_none() {
        if agents.is_empty() {
            problems.lacking("the scenario has no agents", "add one, as in [agents.my-agent], with its [agents.my-agent.needs]");
        }
        if servers.is_empty() {
            problems.lacking("the scenario has no servers", "add one, as in [servers.my-server], with its [servers.my-server.provides]");
        }
    }
    let policy = policy::read_policy(fields.take("policy"), &names, &providers, problems);
    let recovery = fields.take("recovery").and_then(|entry| target::read_recovery(entry, problems));
    let kpis = target::read_kpis(entries_of(fields.take("kpis"), "`kpis`", problems), host.memory.is_some(), problems);
    let alerts = fields.take("alerts").map(|entry| target::read_alerts(entry, host.memory.is_some(), problems)).unwrap_or_default();
    let config_files = fields.take("imported").map(|entry| read_imported(entry, problems)).unwrap_or_default();
    fields.finish(problems);

    let scenario = Scenario {
        name,
        description,
        run,
        host,
        limits,
        priorities,
        capabilities: names.capabilities.names.iter().map(|name| (*name).to_owned()).collect(),
        dependencies,
        servers,
        stand_ins,
        agents,
        needs,
        policy,
        recovery,
        kpis,
        alerts,
        what_ifs: Vec::new(),
        config_files,
        load,
        replay: None,
        drills: Vec::new(),
    };
    run::check_size(&scenario, root, problems);
    if over.is_none() {
        warn(&scenario, root, problems);
    }
    scenario
}

fn read_name(fields: &mut Fields, problems: &mut Problems) -> String {
    let Some(entry) = fields.take("name") else {
        problems.lacking("the scenario has no name", "write `name = \"...\"` below the format");
        return String::new();
    };
    let name = entry.node.text("`name`", problems);
    if let Some(name) = name {
        document::check_name(name, &entry.node.span, problems);
    }
    name.unwrap_or_default().to_owned()
}

fn entries_of<'a, 't>(entry: Option<&'a Entry<'t>>, what: &str, problems: &mut Problems) -> &'a [Entry<'t>] {
    entry.map_or(&[], |entry| named(&entry.node, what, problems))
}

fn check_limits(names: &Names, problems: &mut Problems) {
    let (servers, agents) = (names.servers.names.len(), names.agents.names.len());
    if servers > MOST_SERVERS || agents > MOST_AGENTS || servers * agents > MOST_PAIRS {
        problems.lacking(
            format!("the scenario is too large: {agents} agents x {servers} servers"),
            format!("there may be {MOST_AGENTS} agents and {MOST_SERVERS} servers, and {MOST_PAIRS} pairs of them"),
        );
    }
}

/// The files that an import has seen: path = hash.
pub(crate) fn read_files(node: &Node, problems: &mut Problems) -> Vec<FileSeen> {
    let mut files = Vec::new();
    for file in named(node, "`files`", problems) {
        if let Some(hash) = file.node.text("a file's SHA-256", problems) {
            check_hash(hash, &file.node.span, problems);
            files.push(FileSeen { path: file.key.to_string(), sha256: Some(hash.to_owned()) });
        }
    }
    files
}

fn check_hash(hash: &str, span: &Range<usize>, problems: &mut Problems) {
    if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        problems.error(span, "not a SHA-256", "", "64 hexadecimal digits, as `sha256sum` prints them".to_owned());
    }
}

fn read_imported(entry: &Entry, problems: &mut Problems) -> Vec<FileSeen> {
    let Some(mut fields) = Fields::of(&entry.node, "`imported`", &entry.key_span, problems) else { return Vec::new() };
    let files = fields.take("files").map(|entry| read_files(&entry.node, problems)).unwrap_or_default();
    fields.finish(problems);
    files
}

/// What is most likely not meant.
fn warn(scenario: &Scenario, root: &Node, problems: &mut Problems) {
    let needed: BTreeSet<CapabilityId> = scenario.needs.iter().map(|need| need.capability).collect();
    let depended: BTreeSet<ServerId> = scenario
        .needs
        .iter()
        .filter_map(|need| need.current)
        .chain(scenario.agents.iter().flat_map(|agent| agent.extra_grants.iter().copied()))
        .collect();
    for (id, entry) in scenario.server_ids().zip(children(root, "servers")) {
        let provides = &scenario.server(id).provides;
        if !depended.contains(&id) && !provides.is_empty() && !provides.iter().any(|p| needed.contains(&p.capability)) {
            let message = format!("no agent needs anything that `{}` provides", scenario.server(id).name);
            problems.warning(&entry.key_span, message, "it takes part in every balance over all servers".to_owned());
        }
    }
    for (agent, entry) in scenario.agent_ids().zip(children(root, "agents")) {
        if let Some(own) = entry.node.get("workload") {
            workload::warn(&own.node, scenario.agent(agent), problems);
        }
        if scenario.needs_of(agent).next().is_none() && entry.node.get("workload").is_some() {
            let message = format!("agent `{}` has a workload but no needs, so it calls nothing", scenario.agent(agent).name);
            problems.warning(&entry.key_span, message, None);
        }
    }
    if let Some(horizon) = root.get("run").and_then(|run| run.node.get("horizon")).filter(|_| scenario.run.horizon.as_secs() < 60.0) {
        problems.warning(&horizon.node.span, "a horizon of less than a minute", "is it meant?".to_owned());
    }
}

/// For figures that must not be zero.
fn positive(value: &f64) -> Option<&'static str> {
    (*value <= 0.0).then_some("above 0")
}

/// So that time goes on.
fn positive_mean(time: &Distribution) -> Option<&'static str> {
    (time.mean() <= 0.0).then_some("longer than 0s")
}

/// So that a run has a bounded number of what happens this often.
fn at_least_a_millisecond(every: &Distribution) -> Option<&'static str> {
    (every.mean() < 0.001).then_some("at least 1ms on average")
}

/// For what multiplies a time.
fn at_least_once(factor: &f64) -> Option<&'static str> {
    (!(1.0..=1e6).contains(factor)).then_some("from 1 to 1000000")
}

fn positive_time(time: &SimTime) -> Option<&'static str> {
    (*time == SimTime::ZERO).then_some("longer than 0s")
}

fn at_least_one(count: &u32) -> Option<&'static str> {
    (*count == 0).then_some("at least 1")
}

fn any_of<T>(fields: &mut Fields, key: &'static str, default: super::Figure<T>, problems: &mut Problems) -> super::Figure<T>
where
    T: Quantity,
{
    figure::or(fields, key, default, any, problems)
}
