use super::*;
use crate::import::{Reading, folder};

fn found(files: &[(&str, &str)], surroundings: &Surroundings) -> String {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    let dir = folder(&files);
    let project = Project::read(dir.path(), &Reading::default()).unwrap_or_else(|error| panic!("{error}"));
    let findings = examine(&project, &Catalogue::built_in(), surroundings);
    findings.iter().map(render).collect()
}

fn usual() -> Surroundings {
    Surroundings { budget: BUDGET, ..Surroundings::default() }
}

#[test]
fn every_check_finds_what_it_is_for() {
    let agent = |name: &str, tools: &str, body: &str| format!("---\nname: {name}\ndescription: d\n{tools}\n---\n{body}\n");
    let everything = agent("all", "model: opus", "Ask mcp__github__get_issue, then mcp__nowhere__x.");
    let reader = agent("reader", "tools: Read, mcp__time__*, mcp__GitHub__get_issue", "`mcp__time__now`, `mcp__github__get_issue`");
    let lost = agent("lost", "tools: [mcp__gone__*, mcp__off]", "");
    let copilot = "---\ndescription: d\ntools: ['read', 'docs/*', 'ms-python.python/run', 'playwright/*', 'wiki/find']\n---\nUse #tool:docs/search and #tool:github/get_issue.\n";
    let gemini = "---\nname: scout\ndescription: d\ntools: [read_file]\n---\nCall mcp_my_db_query.\n";
    let text = found(
        &[
            (".claude/agents/all.md", &everything),
            (".claude/agents/again.md", &agent("reader", "tools: Read", "")),
            (".claude/agents/reader.md", &reader),
            (".claude/agents/lost.md", &lost),
            (".claude/agents/broken.md", "---\nname: b\ndescription: a: b\n---\n"),
            (
                ".mcp.json",
                r#"{ "mcpServers": {
  "github": { "command": "npx", "args": ["@modelcontextprotocol/server-github"], "env": { "T": "${GITHUB_TOKEN}", "U": "${HOME}" } },
  "time": { "command": "cmd", "args": ["/c", "uvx", "mcp-server-time"] },
  "memory": { "command": "npx", "args": ["@modelcontextprotocol/server-memory", "C:\\notes"] },
  "off": { "command": "x" },
  "memory": { "command": "npx" }
} }"#,
            ),
            (".claude/settings.json", r#"{ "disabledMcpjsonServers": ["off"] }"#),
            (".github/agents/helper.agent.md", copilot),
            (
                ".vscode/mcp.json",
                "{ // comment\n \"servers\": {\n  \"docs\": { \"url\": \"https://learn.microsoft.com/api/mcp\" },\n  \"unused\": { \"command\": \"x\", \"envFile\": \"${workspaceFolder}/.env.mcp\", \"env\": { \"A\": \"${env:ABSENT}\" } },\n } }",
            ),
            (".gemini/settings.json", r#"{ "mcpServers": { "my_db": { "command": "x" } } }"#),
            (".gemini/agents/scout.md", gemini),
            (".env.local", "GITHUB_TOKEN=\nHOME=/x\n"),
        ],
        &Surroundings { budget: 4000, environment: BTreeSet::from(["PATH".to_owned()]), ..Surroundings::default() },
    );
    insta::assert_snapshot!("every_check", text);
}

#[test]
fn under_wsl_a_windows_drive_and_its_programs_are_named() {
    let files = [
        (".claude/agents/a.md", "---\nname: a\ndescription: d\n---\n"),
        (
            ".mcp.json",
            r#"{ "mcpServers": { "time": { "command": "cmd", "args": ["/c", "npx", "x"] }, "ok": { "command": "npx" },
  "exe": { "command": "/mnt/c/tools/server.exe" }, "path": { "command": "npx", "args": ["C:\\data"] } } }"#,
        ),
    ];
    let wsl = Surroundings { platform: Platform::Wsl, on_windows_drive: true, ..usual() };
    let windows = Surroundings { platform: Platform::Windows, ..usual() };
    insta::assert_snapshot!("windows", format!("# WSL\n{}\n# Windows\n{}", found(&files, &wsl), found(&files, &windows)));
}

#[test]
fn a_sound_project_has_no_findings() {
    let files = [
        (".claude/agents/a.md", "---\nname: a\ndescription: d\ntools: Read, mcp__time__*\n---\nAsk `mcp__time__get_current_time`.\n"),
        (".mcp.json", r#"{ "mcpServers": { "time": { "command": "uvx", "args": ["mcp-server-time"], "env": { "TZ": "${TZ:-UTC}" } } } }"#),
    ];
    assert_eq!(found(&files, &usual()), "");
}

#[test]
fn no_value_of_a_variable_is_told() {
    let files = [
        (
            ".mcp.json",
            r#"{ "mcpServers": { "x": { "command": "x", "env": { "A": "hunter2-${ABSENT}" }, "headers": { "B": "hunter2" } }, "y": { "command": 1, "env": { "C": "hunter2" } } } }"#,
        ),
        (".env", "OTHER=hunter2\nABSENTEE=hunter2"),
    ];
    let text = found(&files, &usual());
    assert!(text.contains("needs ABSENT: not set in the environment\n") && !text.contains("hunter2"), "{text}");
}

#[test]
fn variables_are_looked_for_where_the_client_looks_for_them() {
    let files = [
        (".claude/agents/a.md", "---\nname: a\ndescription: d\nmcpServers:\n  - own: { command: x, env: { K: \"${ABSENT}\" } }\n---\n"),
        (".github/agents/b.agent.md", "---\ndescription: d\nmcp-servers:\n  wiki:\n    command: x\n    env:\n      K: ${ABSENT2}\n---\n"),
        (
            ".mcp.json",
            r#"{ "mcpServers": { "local": { "command": "${CLAUDE_PROJECT_DIR}/x", "env": { "A": "${LOCAL}", "B": "${OTHERS}" } } } }"#,
        ),
        (
            ".vscode/mcp.json",
            r#"{ "servers": { "e": { "command": "x", "envFile": ".env.x", "env": { "B": "${env:OTHERS}" } }, "f": { "command": "x", "env": { "B": "${env:OTHERS}" } } } }"#,
        ),
        (".gemini/settings.json", r#"{ "mcpServers": { "g": { "command": "x", "env": { "A": "$DOTENV", "B": "$LOCAL" } } } }"#),
        (".claude-plugin/plugin.json", r#"{ "name": "p", "mcpServers": { "s": { "command": "${CLAUDE_PLUGIN_ROOT}/x" } } }"#),
        (".env", "DOTENV=x\n"),
        (".env.local", "LOCAL=x\n"),
        (".env.x", "OTHERS=x\n"),
    ];
    insta::assert_snapshot!("variables", found(&files, &usual()));
}

#[test]
fn grants_of_what_is_no_server_here() {
    let files = [
        (".mcp.json", r#"{ "mcpServers": { "time": { "command": "uvx" } } }"#),
        (".claude/agents/a.md", "---\nname: a\ndescription: d\ntools: mcp__*, mcp__time, mcp__plugin_nosuch_zz__t\n---\n"),
        (".claude/agents/b.md", "---\nname: b\ndescription: d\ntools: mcp__*\n---\n"),
        (".claude/agents/README.md", "# Our agents\n"),
        (".gemini/agents/README.md", "# Our agents\n"),
        (".github/agents/README.md", "# Our agents\n"),
    ];
    insta::assert_snapshot!("no_servers", found(&files, &usual()));
}

#[test]
fn one_broken_server_or_name_is_one_finding() {
    let check = |files: &[(&str, &str)], expected: &[&str]| {
        let text = found(files, &usual());
        let heads: Vec<&str> = text.lines().filter(|line| !line.starts_with("  mend: ")).collect();
        assert_eq!(heads, expected);
    };
    check(
        &[(".cursor/mcp.json", r#"{"mcpServers":{"good":{"command":"a"},"bad":{"type":"http"}}}"#)],
        &["error[skipped-file] .cursor/mcp.json:1: server `bad` of type `http` has no `url`, so Cursor leaves it out"],
    );
    check(
        &[(".cursor/mcp.json", r#"{"mcpServers":{"good":{"command":"a"},"b\u001b[31m":{"command":"a"}}}"#)],
        &[
            "warning[unread-file] .cursor/mcp.json:1: not read: server `b\\u{1b}[31m`: its name is empty, too long or holds a control character, and mcplab takes none such",
        ],
    );
}

#[test]
fn the_manual_explains_every_check() {
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.md")).expect("docs/doctor.md");
    for check in Check::ALL {
        assert!(manual.contains(&format!("| `{}` |", check.name())), "{}", check.name());
        assert_eq!(serde_json::to_value(check).unwrap(), check.name());
    }
}
