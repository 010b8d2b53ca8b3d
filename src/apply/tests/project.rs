//! A small project: six agents, five servers, in all the spellings.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use tempfile::TempDir;

use super::*;
use crate::import::sha256;
use crate::mapping::Mapping;
use crate::scenario::{FileSeen, Scenario, Target};

pub const TRACKER: &str = ".claude/agents/execution-tracker.md";
pub const COORDINATOR: &str = ".claude/agents/agent-coordinator.md";
pub const AUDITOR: &str = ".claude/agents/security/auditor.md";
pub const REVIEWER: &str = ".claude/agents/reviewer.md";
pub const SECRET: &str = "ghp_0123456789";

pub const CONFIG_TEXT: &str = r#"{
  "mcpServers": {
    "filesystem": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "."] },
    "memory": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"] },
    "time": { "command": "uvx", "args": ["mcp-server-time"] },
    "supabase": { "command": "npx", "args": ["-y", "@supabase/mcp-server-supabase"] },
    "github": {
      "command": "npx",
      "env": {
        "GITHUB_TOKEN": "ghp_0123456789"
      }
    }
  }
}
"#;

const FILES: [(&str, &str); 7] = [
    (
        TRACKER,
        "---\nname: execution-tracker\ndescription: 실행 기록 📋 Tracks what ran\ntools: mcp__filesystem__*, mcp__memory__*, Read, Write, Bash, mcp__time__*\n---\n\n# 실행 추적 🧭\n\n결과를 filesystem에 기록한다.\nCall `mcp__filesystem__write_file` for each record.\nThe memory server holds notes.\n",
    ),
    (
        COORDINATOR,
        "---\r\nname: agent-coordinator\r\ndescription: 조정 🤝\r\ntools:\r\n  - Bash\r\n  - mcp__filesystem # records\r\n  - mcp__memory__*\r\nmcpServers:\r\n  - notes:\r\n      env: { TOKEN: inline-secret }\r\nmodel: sonnet\r\n---\r\n조정한다.\r\n",
    ),
    (
        AUDITOR,
        "---\nname: security-auditor\ndescription: \"audits: all of it\"\ntools: [\"mcp__filesystem__read_file\", \"mcp__filesystem__write_file\", \"mcp__github__*\", Grep]\n---\nNo word of servers.",
    ),
    (REVIEWER, "---\nname: reviewer\ndescription: Reviews\ntools: mcp__filesystem__*, Read\n---\nRead files.\n"),
    (".claude/agents/central-supervisor.md", "---\nname: central-supervisor\ndescription: 총괄 👑\ntools: *\n---\nAll.\n"),
    (".claude/agents/broken.md", "---\nname: broken\ndescription: a: b: c\n---\n"),
    ("README.md", "# A project\n"),
];

const SCENARIO: &str = r#"
format = 1
name = "small"
[workload]
tasks = "10/h"
[servers]
filesystem = { serial = "10ms", provides = { files = 1.0, state = 0.6 } }
memory = { serial = "10ms", provides = { notes = 1.0, state = 0.5 } }
time = { serial = "10ms", provides = { clock = 1.0 } }
supabase = { serial = "10ms", provides = { state = 1.0, sql = 1.0, notes = 0.8 } }
github = { serial = "10ms", provides = { repository = 1.0 } }
[agents.execution-tracker.needs]
state = "filesystem"
notes = "memory"
clock = "time"
[agents.agent-coordinator.needs]
state = "filesystem"
notes = "memory"
[agents.security-auditor.needs]
state = "filesystem"
repository = "github"
[agents.reviewer.needs]
files = "filesystem"
[agents.central-supervisor]
wildcard = true
"#;

pub struct FileNow {
    pub bytes: Vec<u8>,
    pub mode: u32,
    pub modified: SystemTime,
}

impl PartialEq for FileNow {
    fn eq(&self, other: &FileNow) -> bool {
        (&self.bytes, self.mode, self.modified) == (&other.bytes, other.mode, other.modified)
    }
}

impl std::fmt::Debug for FileNow {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{:o} {:?} {}", self.mode, self.modified, String::from_utf8_lossy(&self.bytes))
    }
}

/// A mapping, the scenario it was decided on, and what its file says.
#[derive(Clone)]
pub struct Decided {
    pub scenario: Scenario,
    pub mapping: Mapping,
    pub sha256: String,
    pub verdict: Option<&'static str>,
    pub files: BTreeMap<String, String>,
    pub servers: BTreeMap<String, serde_json::Value>,
}

pub struct Project {
    folder: TempDir,
    pub decided: Decided,
}

impl Project {
    /// The project and the mapping that moves the three needs of `state` to supabase.
    pub fn new() -> Project {
        let folder = TempDir::new().unwrap();
        let scenario =
            crate::scenario::parse("small.toml", SCENARIO).unwrap_or_else(|problems| panic!("{}", problems.render(false))).scenario;
        let mut mapping = Mapping::current(&scenario);
        move_needs(&scenario, &mut mapping, "state", "supabase");
        let decided = Decided {
            scenario,
            mapping,
            sha256: "1".repeat(64),
            verdict: Some("validated"),
            files: BTreeMap::new(),
            servers: BTreeMap::new(),
        };
        let mut project = Project { folder, decided };
        fs::create_dir(project.dir()).unwrap();
        FILES.iter().for_each(|(path, text)| project.write(path, text));
        project.write(".mcp.json", CONFIG_TEXT);
        project.rehash();
        project
    }

    pub fn dir(&self) -> std::path::PathBuf {
        self.folder.path().join("project")
    }

    /// Beside the project, so that nothing of it is found in `files`.
    pub fn state(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.dir().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn append(&self, path: &str, text: &str) {
        let before = fs::read_to_string(self.dir().join(path)).unwrap();
        self.write(path, &(before + text));
    }

    /// As if imported just now.
    pub fn rehash(&mut self) {
        let dir = self.dir();
        let seen = |path: &str| fs::read(dir.join(path)).ok().map(|bytes| FileSeen { path: path.into(), sha256: Some(sha256(&bytes)) });
        let files =
            [("execution-tracker", TRACKER), ("agent-coordinator", COORDINATOR), ("security-auditor", AUDITOR), ("reviewer", REVIEWER)];
        for agent in &mut self.decided.scenario.agents {
            agent.file = files.iter().find(|(name, _)| *name == agent.name).and_then(|(_, path)| seen(path));
        }
        self.decided.scenario.config_files = seen(".mcp.json").into_iter().collect();
    }

    /// The mapping brings the entry of supabase.
    pub fn carry_entry(&mut self) {
        let entry =
            serde_json::json!({ "command": "npx", "args": ["-y", "db"], "env": { "SUPABASE_ACCESS_TOKEN": "${SUPABASE_ACCESS_TOKEN}" } });
        self.decided.servers.insert("supabase".into(), entry);
    }

    pub fn plan(&self) -> Result<Plan, ApplyError> {
        self.decided.plan_in(self)
    }

    pub fn status(&self) -> Status {
        status(&self.dir(), self.state(), None).unwrap()
    }

    pub fn rollback(&self, id: Option<&str>, force: bool) -> Result<RolledBack, ApplyError> {
        rollback(&self.dir(), self.state(), id, force)
    }

    pub fn files(&self) -> BTreeMap<String, FileNow> {
        files_in(&self.dir())
    }

    pub fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        self.files().into_iter().map(|(path, file)| (path, file.bytes)).collect()
    }

    /// A mapping decided on the project as the first one has left it: the notes move to supabase too.
    pub fn second_mapping(&self) -> Decided {
        let mut second = self.decided.clone();
        second.sha256 = "2".repeat(64);
        move_needs(&second.scenario, &mut second.mapping, "notes", "supabase");
        let first = self.decided.mapping.primaries();
        second.scenario.needs.iter_mut().zip(first).for_each(|(need, primary)| need.current = Some(primary));
        second
    }
}

impl Decided {
    pub fn plan_in(&self, project: &Project) -> Result<Plan, ApplyError> {
        self.plan_permitted(project, Permit::default())
    }

    pub fn plan_permitted(&self, project: &Project, permit: Permit) -> Result<Plan, ApplyError> {
        let decision = Decision {
            mapping: &self.mapping,
            title: "state to supabase",
            sha256: self.sha256.clone(),
            verdict: self.verdict,
            origin: Origin::default(),
            files: self.files.clone(),
            servers: self.servers.clone(),
        };
        plan(&project.dir(), project.state(), &self.scenario, &decision, permit)
    }

    /// The scenario without anything that an import has seen.
    pub fn scenario_by_hand(&self) -> Scenario {
        let mut scenario = self.scenario.clone();
        scenario.config_files.clear();
        scenario.agents.iter_mut().for_each(|agent| agent.file = None);
        scenario
    }
}

/// Every file, with mode and time.
pub fn files_in(dir: &Path) -> BTreeMap<String, FileNow> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let meta = fs::metadata(&path).unwrap();
            let relative = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            let (mode, modified) = (meta.permissions().mode() & 0o7777, meta.modified().unwrap());
            files.insert(relative, FileNow { bytes: fs::read(&path).unwrap(), mode, modified });
        }
    }
    files
}

pub fn move_needs(scenario: &Scenario, mapping: &mut Mapping, capability: &str, to: &str) {
    let to = scenario.server_named(to).unwrap();
    for need in scenario.need_ids().filter(|need| scenario.capability(scenario.need(*need).capability) == capability) {
        mapping.assignments[need.index()].primary = to;
    }
}

/// The first need of an agent falls back to a server.
pub fn fall_back(decided: &mut Decided, agent: &str, to: &str) {
    let scenario = &decided.scenario;
    let need = scenario.needs_of(scenario.agent_named(agent).unwrap()).next().unwrap();
    decided.mapping.assignments[need.index()].on_failure = vec![Target::Server(scenario.server_named(to).unwrap())];
}
