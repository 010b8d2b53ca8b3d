//! What a mapping would change in a project folder: every file's new bytes, or every reason why not. Reads only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::agents::{Agents, Found};
use super::backup::Store;
use super::disk::Image;
use super::record::{Action, Expected, FileRecord, Manifest, Origin};
use super::status::standing;
use super::tree::Tree;
use super::{ApplyError, GrantEdit, Refusal, Warning, config, edit_grant, git, guidance, least, warning};
use crate::import::{CONFIG, Client, Grant, Permit as Granted, sha256};
use crate::mapping::Mapping;
use crate::mapping::file::MappingFile;
use crate::mapping::seal::is_sealed;
use crate::scenario::{Agent, AgentId, Scenario, ServerId};

/// A mapping, and what its file says of how it was decided.
#[derive(Debug, Clone)]
pub struct Decision<'a> {
    pub mapping: &'a Mapping,
    /// For people: the strategy's or the mapping's name.
    pub title: &'a str,
    /// Of the mapping file's text.
    pub sha256: String,
    /// `validated`, `improves` or `rejected`.
    pub verdict: Option<&'a str>,
    pub origin: Origin,
    /// SHA-256 of the files on which it was made; where it names none, those of the scenario count.
    pub files: BTreeMap<String, String>,
    /// Entries for `.mcp.json`, used where a server is missing there.
    pub servers: BTreeMap<String, Value>,
}

/// What a person allows beyond a validated mapping.
#[derive(Debug, Clone, Copy, Default)]
pub struct Permit {
    pub allow_unvalidated: bool,
    pub force: bool,
    /// Agents that are granted everything lose servers too: these are denied.
    pub narrow: bool,
    /// A block in the agents' instructions says which server serves what.
    pub guidance: bool,
}

/// What an apply will do; nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub tree: Tree,
    /// In the order in which they will be written: the server config first, so that no agent is granted what is not there.
    pub files: Vec<FileChange>,
    /// One an agent whose file changes.
    pub grants: Vec<AgentGrants>,
    pub warnings: Vec<Warning>,
    /// Files that the plan rests on, with the SHA-256 they had when it was made.
    pub seen: BTreeMap<String, Option<String>>,
    pub mapping_sha256: String,
    pub title: String,
    pub scenario: String,
    pub origin: Origin,
    /// Which part of the mapping, where it is not all of it.
    pub part: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FileChange {
    /// Relative, symbolic links followed.
    pub path: String,
    /// Whose grants stand in it; empty: the server config.
    pub agents: Vec<String>,
    /// None: the file is new.
    pub before: Option<Vec<u8>>,
    pub after: Vec<u8>,
}

/// Entries of an agent's `tools` that come and go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentGrants {
    pub agent: String,
    pub path: String,
    pub gained: Vec<String>,
    pub lost: Vec<String>,
}

impl Decision<'_> {
    /// As a mapping file says; `text` is the file's. A verdict that was given to something else is none.
    pub fn from_file<'a>(file: &'a MappingFile, text: &str, scenario: &Scenario) -> Decision<'a> {
        let json = |entry: &toml::Value| serde_json::to_value(entry).expect("TOML's values are text, numbers, lists and tables");
        let evidence = file.evidence.as_ref().filter(|_| is_sealed(file, scenario));
        Decision {
            mapping: &file.mapping,
            title: file.title.as_deref().unwrap_or("a mapping without a title"),
            sha256: sha256(text.as_bytes()),
            verdict: evidence.and_then(|evidence| evidence.get("verdict")).and_then(toml::Value::as_str),
            origin: evidence.map(Origin::of_evidence).unwrap_or_default(),
            files: file.files.clone(),
            servers: file.servers.iter().map(|(name, entry)| (name.clone(), json(entry))).collect(),
        }
    }
}

impl Origin {
    /// As `mcplab optimize` writes it: of each case the KPIs, the base first.
    fn of_evidence(evidence: &toml::Table) -> Origin {
        let text = |key: &str| evidence.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        let cases = evidence.get("kpis").and_then(toml::Value::as_array).into_iter().flatten();
        let mut base =
            cases.filter_map(toml::Value::as_table).filter(|case| case.get("case").and_then(toml::Value::as_str) == Some("base"));
        let kpi = |(name, value): (&String, &toml::Value)| {
            let of = value.as_table()?;
            let number = |key: &str| of.get(key).and_then(toml::Value::as_float);
            let met = of.get("met").and_then(toml::Value::as_bool)?;
            Some(Expected { kpi: name.clone(), mean: number("mean"), bound: number("bound"), target: number("target"), met })
        };
        let expected = base.next().into_iter().flatten().filter_map(kpi).collect();
        Origin { run: text("run"), verdict: text("verdict"), expected }
    }
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl FileChange {
    pub fn sha256_before(&self) -> Option<String> {
        self.before.as_deref().map(sha256)
    }

    pub fn sha256_after(&self) -> String {
        sha256(&self.after)
    }
}

impl AgentGrants {
    pub fn reversed(&self) -> AgentGrants {
        AgentGrants { gained: self.lost.clone(), lost: self.gained.clone(), ..self.clone() }
    }
}

/// What applying a mapping to the folder `dir` would change. `state_dir` is looked into for what was applied before.
///
/// Grants are those of the mapping's primaries and fallbacks, and today's that no need uses (no strategy has judged those).
/// A file that an earlier apply of the same mapping wrote counts as it was before that: planning again gives an empty plan.
pub fn plan(dir: &Path, state_dir: &Path, scenario: &Scenario, decision: &Decision, permit: Permit) -> Result<Plan, ApplyError> {
    let tree = Tree::open(dir).map_err(ApplyError::io("open", dir))?;
    let applied = applied(&Store::new(state_dir, &tree), &decision.sha256)?;
    let mut planner = Planner {
        scenario,
        decision,
        agents: Agents::read(&tree)?,
        applied,
        refusals: verdict(decision.verdict, permit),
        seen: BTreeMap::new(),
        checked: BTreeSet::new(),
        gained: Vec::new(),
        edited: BTreeMap::new(),
        permit,
        tree,
    };
    let config = planner.config();
    planner.check_hashes();
    let mut edits: Vec<Edit> = scenario.agent_ids().filter_map(|agent| planner.edit(agent, config.as_ref())).collect();
    let config_change = config.as_ref().and_then(|config| planner.config_change(config));
    // Without any config a client has its servers from elsewhere.
    if let Some(servers) = config_change.as_ref().map_or(config.as_ref().and_then(Config::known), |(_, servers)| Some(servers.clone())) {
        planner.refusals.extend(edits.iter().filter(|edit| !edit.resolves(&servers)).map(Edit::nothing_left));
    }
    let config_change = config_change.map(|(change, _)| change);
    if !planner.refusals.is_empty() {
        return Err(ApplyError::Refused(planner.refusals));
    }
    // A stable order: of a file that holds several agents, each edit goes on from the one before.
    edits.sort_by(|a, b| a.change.path.cmp(&b.change.path));
    let warnings = planner.warnings(&edits, config_change.as_ref());
    Ok(Plan {
        grants: edits.iter().map(|edit| edit.grants.clone()).collect(),
        files: config_change.into_iter().chain(one_a_file(edits)).collect(),
        warnings,
        seen: planner.seen,
        mapping_sha256: decision.sha256.clone(),
        title: decision.title.to_owned(),
        scenario: scenario.name.clone(),
        origin: decision.origin.clone(),
        part: None,
        tree: planner.tree,
    })
}

/// Of edits in the order of their paths.
fn one_a_file(edits: Vec<Edit>) -> Vec<FileChange> {
    let mut files: Vec<FileChange> = Vec::new();
    for Edit { change, .. } in edits {
        match files.last_mut().filter(|file| file.path == change.path) {
            Some(file) => {
                file.after = change.after;
                file.agents.extend(change.agents);
            }
            None => files.push(change),
        }
    }
    files
}

fn verdict(verdict: Option<&str>, permit: Permit) -> Vec<Refusal> {
    let refusal = match verdict {
        Some("validated") => return Vec::new(),
        Some("improves") if permit.allow_unvalidated || permit.force => return Vec::new(),
        _ if permit.force => return Vec::new(),
        Some("improves") => Refusal::OnlyImproves,
        Some("rejected") => Refusal::Rejected,
        Some(other) => Refusal::UnknownVerdict(other.to_owned()),
        None => Refusal::NoVerdict,
    };
    vec![refusal]
}

/// The records of the last applies that still stand, as far as they were all of this mapping: it may be applied in parts.
fn applied(store: &Store, mapping_sha256: &str) -> Result<Vec<Manifest>, ApplyError> {
    let actions = store.actions()?;
    if let Some(open) = actions.iter().find(|a| a.outcome.is_none()) {
        return Err(ApplyError::Interrupted { id: open.manifest.id.clone() });
    }
    let of_this = |m: &&Manifest| matches!(&m.action, Action::Apply { mapping_sha256: applied, .. } if applied == mapping_sha256);
    let mut last: Vec<Manifest> = standing(&actions).into_iter().rev().take_while(of_this).cloned().collect();
    last.reverse();
    Ok(last)
}

/// `.mcp.json` as it is.
struct Config {
    text: Option<String>,
    /// Where it really lies.
    path: String,
    servers: BTreeSet<String>,
}

impl Config {
    /// The servers that it configures; none where there is no such file.
    fn known(&self) -> Option<BTreeSet<String>> {
        self.text.as_ref().map(|_| self.servers.clone())
    }
}

struct Edit {
    change: FileChange,
    grants: AgentGrants,
    found: Found,
    /// As the edited file has it.
    after: Grant,
    text: String,
    lost_servers: Vec<String>,
}

impl Edit {
    /// At least one entry is a tool of the client's own or of a configured server.
    fn resolves(&self, servers: &BTreeSet<String>) -> bool {
        let known = |name: &str| match &self.found.configured {
            Some(configured) => configured.iter().any(|server| server == name),
            None => self.found.client != Client::ClaudeCode || servers.contains(name),
        };
        let brings = |name: &str| self.found.brings.iter().any(|server| server == name);
        self.after.everything || self.after.listed.iter().any(|permit| permit.server().is_none_or(|name| known(name) || brings(name)))
    }

    fn nothing_left(&self) -> Refusal {
        Refusal::NothingLeft { path: self.change.path.clone() }
    }
}

struct Planner<'a> {
    scenario: &'a Scenario,
    decision: &'a Decision<'a>,
    tree: Tree,
    agents: Agents,
    /// Oldest first.
    applied: Vec<Manifest>,
    refusals: Vec<Refusal>,
    seen: BTreeMap<String, Option<String>>,
    /// Paths, links followed, whose hash is the one of the import.
    checked: BTreeSet<String>,
    gained: Vec<(AgentId, ServerId)>,
    /// Files as edited so far, by path: one may hold several agents.
    edited: BTreeMap<String, String>,
    permit: Permit,
}

impl Planner<'_> {
    /// Every file that the import has seen is still the same, or was written by an apply of this very mapping.
    fn check_hashes(&mut self) {
        let scenario = self.scenario;
        let files = scenario.agents.iter().filter_map(|agent| agent.file.as_ref()).chain(&scenario.config_files);
        let mut expected: BTreeMap<String, String> = files.filter_map(|file| Some((file.path.clone(), file.sha256.clone()?))).collect();
        expected.extend(self.decision.files.clone());
        for (path, expected) in expected {
            let real = match self.tree.resolve(&path) {
                Ok(real) => real,
                Err(refusal) => {
                    self.refusals.push(refusal);
                    continue;
                }
            };
            let relative = self.tree.relative(&real);
            match Image::read(&real) {
                Ok(Some(image)) => {
                    let now = sha256(&image.bytes);
                    if now != expected.to_ascii_lowercase() && !self.was_applied(&relative, &now, Some(&expected)) {
                        self.refusals.push(Refusal::Changed { path });
                    }
                    self.seen.insert(relative.clone(), Some(now));
                    self.checked.insert(relative);
                }
                Ok(None) => self.refusals.push(Refusal::Gone { path }),
                Err(source) => self.refusals.push(Refusal::Unreadable { path, source }),
            }
        }
    }

    /// The file is as the standing applies of this mapping wrote it, from what it is expected to have been.
    fn was_applied(&self, path: &str, now: &str, before: Option<&str>) -> bool {
        let changes: Vec<&FileRecord> = self.applied.iter().flat_map(|m| &m.changes).filter(|file| file.path == path).collect();
        let is_last = changes.last().is_some_and(|file| file.is_after(Some(now)));
        is_last && before.is_none_or(|before| changes.iter().any(|file| file.is_before(Some(before))))
    }

    fn config(&mut self) -> Option<Config> {
        let read = || -> Result<Config, Refusal> {
            let real = self.tree.resolve(CONFIG)?;
            let image = Image::read(&real).map_err(|source| Refusal::Unreadable { path: CONFIG.into(), source })?;
            let text =
                image.map(|image| String::from_utf8(image.bytes)).transpose().map_err(|_| Refusal::NotText { path: CONFIG.into() })?;
            let servers = text.as_deref().map(config::servers).transpose().map_err(Refusal::ConfigInvalid)?.unwrap_or_default();
            Ok(Config { text, path: self.tree.relative(&real), servers })
        };
        read().map_err(|refusal| self.refusals.push(refusal)).ok()
    }

    /// The edit of one agent's file, if it needs one.
    fn edit(&mut self, id: AgentId, config: Option<&Config>) -> Option<Edit> {
        let agent = self.scenario.agent(id);
        let today = today(self.scenario, id);
        let wanted: BTreeSet<ServerId> =
            self.decision.mapping.grants(self.scenario, id).into_iter().chain(agent.extra_grants.iter().copied()).collect();
        let found = match self.agents.find(&self.tree, agent) {
            Ok(found) => found,
            // Who gains and loses nothing needs no file here.
            Err(_) if wanted == today => return None,
            Err(refusal) => {
                // That its file is gone or leads astray has been said already, where its hash is known.
                let said = agent.file.as_ref().is_some_and(|file| file.sha256.is_some())
                    && matches!(refusal, Refusal::Gone { .. } | Refusal::Outside { .. });
                self.refusals.extend((!said).then_some(refusal));
                return None;
            }
        };
        self.edit_found(id, &found, &today, &wanted, config).map_err(|refusal| self.refusals.push(refusal)).ok().flatten()
    }

    fn edit_found(
        &mut self,
        id: AgentId,
        found: &Found,
        today: &BTreeSet<ServerId>,
        wanted: &BTreeSet<ServerId>,
        config: Option<&Config>,
    ) -> Result<Option<Edit>, Refusal> {
        let agent = self.scenario.agent(id);
        let servers = self.scenario.servers.iter().map(|server| found.called(&server.name));
        let configured = config.iter().flat_map(|config| config.servers.iter().cloned());
        let known: Vec<String> = servers.chain(configured).chain(found.configured.iter().flatten().cloned()).collect();
        let now = sha256(found.text.as_bytes());
        self.seen.insert(found.path.clone(), Some(now.clone()));
        let invalid = |error| Refusal::AgentInvalid { path: found.path.clone(), error };
        let read = match found.client {
            Client::ClaudeCode => found.client.grant_in(&found.text, &found.name, &known).map_err(invalid)?,
            // Of a client whose rules stand in several files, an import knows more than one file says.
            _ => found.grant.clone(),
        };
        let named: BTreeSet<&str> = read.listed.iter().filter_map(Granted::server).collect();
        let granted: BTreeSet<ServerId> =
            self.scenario.server_ids().filter(|id| named.contains(found.called(&self.scenario.server(*id).name).as_str())).collect();
        let wildcard = read.everything;
        let as_planned = granted == *wanted && wildcard == agent.wildcard;
        if !self.checked.contains(&found.path) && !self.was_applied(&found.path, &now, None) && !as_planned {
            self.same_grants(agent, wildcard, found, &granted, today)?;
        }
        // Everything is granted, whatever else is listed: that is narrowed only where asked. Rules that deny are another thing.
        let is_ruled = matches!(found.client, Client::OpenCode | Client::Codex);
        let edits = !wildcard || self.permit.narrow || is_ruled;
        let called = |server: &ServerId| found.called(&self.scenario.server(*server).name);
        let leaves: Vec<String> = today.difference(wanted).map(called).filter(|_| edits).collect();
        let comes: Vec<ServerId> = wanted.difference(&granted).copied().filter(|_| edits).collect();
        if let Some(server) = comes.iter().map(called).find(|server| found.disallows(server) && !self.permit.narrow) {
            return Err(Refusal::Disallowed { path: found.path.clone(), server });
        }
        let (lose, gain): (Vec<&str>, Vec<Granted>) = (
            leaves.iter().map(String::as_str).collect(),
            comes.iter().flat_map(|server| least::permits(self.scenario, self.decision.mapping, id, *server, &called(server))).collect(),
        );
        let left: Vec<&Granted> =
            read.listed.iter().filter(|permit| permit.server().is_none_or(|server| !lose.contains(&server))).collect();
        if !wildcard && left.is_empty() && gain.is_empty() && !read.listed.is_empty() && !lose.is_empty() {
            return Err(Refusal::NothingLeft { path: found.path.clone() });
        }
        let not_editable = |error| Refusal::NotEditable { path: found.path.clone(), error };
        let edit = GrantEdit { lose: &lose, gain: &gain, narrow: self.permit.narrow };
        let start = self.edited.get(&found.path).unwrap_or(&found.text);
        let edited = edit_grant(found.client, start, &found.name, &known, edit).map_err(not_editable)?;
        let mut text = edited.text;
        if self.permit.guidance && found.is_markdown {
            let lines = guidance::lines(self.scenario, self.decision.mapping, id, &|server| called(&server));
            text = guidance::written(&text, &lines).map_err(not_editable)?;
        }
        if text == *start {
            return Ok(None);
        }
        if let Some(missing) = comes.iter().map(called).find(|server| found.lacks(server)) {
            return Err(Refusal::NotConfigured { path: found.path.clone(), server: missing, client: found.client });
        }
        let after = found.client.grant_in(&text, &found.name, &known).map_err(not_editable)?;
        if !edited.gained.is_empty() {
            self.gained.extend(comes.into_iter().map(|server| (id, server)));
        }
        self.edited.insert(found.path.clone(), text.clone());
        Ok(Some(Edit {
            change: FileChange {
                path: found.path.clone(),
                agents: vec![agent.name.clone()],
                before: Some(found.text.clone().into_bytes()),
                after: text.clone().into_bytes(),
            },
            grants: AgentGrants { agent: agent.name.clone(), path: found.path.clone(), lost: edited.lost, gained: edited.gained },
            found: found.clone(),
            after,
            text,
            lost_servers: leaves,
        }))
    }

    /// A scenario written by hand says what each agent is granted today; where its file says otherwise, one of them is wrong.
    fn same_grants(
        &self,
        agent: &Agent,
        wildcard: bool,
        found: &Found,
        granted: &BTreeSet<ServerId>,
        today: &BTreeSet<ServerId>,
    ) -> Result<(), Refusal> {
        let names = |servers: &mut dyn Iterator<Item = &ServerId>| -> Vec<&str> {
            servers.map(|s| self.scenario.server(*s).name.as_str()).collect()
        };
        let mut differences = Vec::new();
        match (wildcard, agent.wildcard) {
            (true, false) => differences.push("the file grants everything, the scenario does not".to_owned()),
            (false, true) => differences.push("the scenario grants everything, the file does not".to_owned()),
            (true, true) => {}
            (false, false) => {
                let (missing, more) = (names(&mut today.difference(granted)), names(&mut granted.difference(today)));
                differences.extend((!missing.is_empty()).then(|| format!("not granted by the file: {}", missing.join(", "))));
                differences.extend((!more.is_empty()).then(|| format!("granted by the file alone: {}", more.join(", "))));
            }
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(Refusal::GrantsDiffer { agent: agent.name.clone(), path: found.path.clone(), difference: differences.join("; ") })
    }

    /// The entries of servers that agents gain and that are not configured yet, and all servers that are then configured.
    fn config_change(&mut self, config: &Config) -> Option<(FileChange, BTreeSet<String>)> {
        let mut text = config.text.clone();
        let mut configured = config.servers.clone();
        let servers: BTreeSet<ServerId> = self.gained.iter().map(|(_, server)| *server).collect();
        for server in servers {
            let name = self.scenario.server(server).name.as_str();
            let agents: Vec<&Agent> =
                self.gained.iter().filter(|(_, s)| *s == server).map(|(agent, _)| self.scenario.agent(*agent)).collect();
            // An agent may bring the server itself.
            let without: Vec<String> =
                agents.iter().filter(|agent| self.agents.needs_config(&self.tree, agent, name)).map(|agent| agent.name.clone()).collect();
            if config.servers.contains(name) || without.is_empty() {
                continue;
            }
            let Some(entry) = self.decision.servers.get(name) else {
                self.refusals.push(Refusal::ServerMissing { server: name.to_owned(), agents: without });
                continue;
            };
            let secrets = config::secrets(name, entry);
            if secrets.is_empty() {
                match config::add_server(text.as_deref(), name, entry) {
                    Ok(added) => {
                        text = Some(added);
                        configured.insert(name.to_owned());
                    }
                    Err(message) => self.refusals.push(Refusal::ConfigInvalid(message)),
                }
            }
            self.refusals.extend(secrets);
        }
        self.seen.insert(config.path.clone(), config.text.as_ref().map(|text| sha256(text.as_bytes())));
        let after = text.filter(|text| config.text.as_ref() != Some(text))?;
        let before = config.text.as_ref().map(|text| text.clone().into_bytes());
        Some((FileChange { path: config.path.clone(), agents: Vec::new(), before, after: after.into_bytes() }, configured))
    }

    fn warnings(&self, edits: &[Edit], config_change: Option<&FileChange>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for edit in edits {
            for server in &edit.lost_servers {
                let lines = edit.found.lines_naming(&edit.text, server);
                if !lines.is_empty() {
                    let (path, agent) = (edit.change.path.clone(), edit.grants.agent.clone());
                    warnings.push(Warning::StillNamed { path, agent, server: server.clone(), lines });
                }
            }
        }
        let agents: Vec<AgentId> = edits.iter().filter_map(|edit| self.scenario.agent_named(&edit.grants.agent)).collect();
        warnings.extend(warning::records_left(self.scenario, self.decision.mapping, &agents));
        warnings.extend(warning::wide_grants(self.scenario, self.decision.mapping, &self.gained));
        let paths: Vec<String> =
            config_change.into_iter().chain(edits.iter().map(|edit| &edit.change)).map(|change| change.path.clone()).collect();
        warnings.extend(paths.iter().filter(|path| self.tree.is_hard_linked(path)).map(|path| Warning::HardLinked { path: path.clone() }));
        warnings.extend(git::uncommitted(&self.tree.root, &paths));
        warnings
    }
}

/// The servers that an agent is granted today, as the scenario says.
fn today(scenario: &Scenario, agent: AgentId) -> BTreeSet<ServerId> {
    let of_needs = scenario.needs_of(agent).filter_map(|need| scenario.need(need).current);
    of_needs.chain(scenario.agent(agent).extra_grants.iter().copied()).collect()
}
