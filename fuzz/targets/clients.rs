//! A file of any client, broken or not: a folder that holds it is read, examined, and made a scenario that is written and read again as the
//! same; or refused with a message that can be shown.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcplab::doctor::{self, BUDGET, Platform, Surroundings};
use mcplab::import::{self, Catalogue, Project, Reading};
use mcplab::scenario;

/// The first byte chooses one.
const FILES: [&str; 17] = [
    ".claude/agents/a.md",
    ".mcp.json",
    ".claude/settings.json",
    ".github/agents/a.agent.md",
    ".github/chatmodes/a.chatmode.md",
    ".vscode/mcp.json",
    ".gemini/settings.json",
    ".gemini/agents/a.md",
    ".codex/config.toml",
    ".codex/agents/a.toml",
    "opencode.json",
    ".opencode/agent/a.md",
    ".cursor/mcp.json",
    ".cursor/agents/a.md",
    "claude_desktop_config.json",
    ".continue/config.yaml",
    ".continue/mcpServers/a.yaml",
];

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::built_in);

fuzz_target!(|bytes: &[u8]| {
    let [chosen, text @ ..] = bytes else { return };
    let folder = tempfile::tempdir().expect("a folder for the project");
    let path = folder.path().join(FILES[usize::from(*chosen) % FILES.len()]);
    fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder for the file");
    fs::write(&path, text).expect("the file is written");
    let project = match Project::read(folder.path(), &Reading::default()) {
        Ok(project) => project,
        Err(error) => return drop(error.to_string()),
    };
    let surroundings =
        Surroundings { environment: Default::default(), platform: Platform::Wsl, on_windows_drive: true, budget: BUDGET };
    for finding in doctor::examine(&project, &CATALOGUE, &surroundings) {
        doctor::render(&finding);
    }
    match import::import(&project, None, &CATALOGUE) {
        Ok(imported) => {
            let written = scenario::write(&imported.scenario);
            let again = scenario::parse("written.toml", &written).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{written}"));
            assert_eq!(again.scenario, imported.scenario, "{written}");
        }
        Err(error) => drop(error.to_string()),
    }
});
