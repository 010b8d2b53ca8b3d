//! Every client's files, from a folder to a scenario and back, and what real ones look like.

mod odd;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::scenario::{parse, write};

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder for the test");
    add(dir.path(), files);
    dir
}

fn add(dir: &Path, files: &[(&str, &[u8])]) {
    for (path, bytes) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().expect("within the folder")).expect("created");
        fs::write(path, bytes).expect("written");
    }
}

/// A project of every client.
const PROJECT: [(&str, &str); 22] = [
    (
        ".claude/agents/reviewer.md",
        "---\nname: reviewer\ndescription: 리뷰 🔍\ntools: Read, mcp__github__*, mcp__time\ndisallowedTools: mcp__time\nmcpServers:\n  - notes: { command: npx, args: [\"@modelcontextprotocol/server-memory\"] }\n  - time\n---\n본문\n",
    ),
    ("packages/api/.claude/agents/reviewer.md", "---\nname: reviewer\ndescription: d\ntools: mcp__time__*\n---\n"),
    (
        "plugins/dev/.claude-plugin/plugin.json",
        "{ \"name\": \"dev\", \"mcpServers\": { \"context7\": { \"command\": \"npx\", \"args\": [\"@upstash/context7-mcp\"] } } }",
    ),
    (
        "plugins/dev/agents/helper.md",
        "---\nname: helper\ndescription: d\ntools: mcp__plugin_dev_context7__get-library-docs\nmcpServers: [ignored]\n---\n",
    ),
    (
        ".mcp.json",
        "{ \"mcpServers\": {\n  \"github\": { \"command\": \"npx\", \"args\": [\"@modelcontextprotocol/server-github\"], \"env\": { \"T\": \"${GH}\" } },\n  \"time\": { \"command\": \"uvx\", \"args\": [\"mcp-server-time\"] },\n  \"off\": { \"command\": \"x\" } } }",
    ),
    (".claude/settings.json", "{ \"disabledMcpjsonServers\": [\"off\"] }"),
    (
        ".github/agents/reviewer.agent.md",
        "---\ndescription: d\ntools: ['edit/editFiles', 'github/get_issue', 'io.github.upstash/context7/*', 'playwright/*']\nmcp-servers:\n  wiki:\n    type: local\n    command: ./wiki\n    tools: ['*']\n    env:\n      KEY: $COPILOT_MCP_KEY\n---\nb\n",
    ),
    (".github/agents/all.md", "---\ndescription: d\ntools: \"*\"\n---\n"),
    (".github/chatmodes/old.chatmode.md", "---\ndescription: d\ntools: []\n---\n"),
    (
        ".vscode/mcp.json",
        "{\n  // servers of VS Code\n  \"inputs\": [{ \"id\": \"key\", \"type\": \"promptString\", \"password\": true }],\n  \"servers\": {\n    \"github\": { \"type\": \"http\", \"url\": \"https://api.githubcopilot.com/mcp/\", \"headers\": { \"A\": \"${input:key}\" } },\n    \"io.github.upstash/context7\": { \"command\": \"npx\", \"args\": [\"@upstash/context7-mcp\"], \"envFile\": \".env\" },\n  }\n}",
    ),
    (
        ".gemini/settings.json",
        "{ \"mcpServers\": { \"my_db\": { \"command\": \"./db\", \"includeTools\": [\"query\"] }, \"search\": { \"httpUrl\": \"https://mcp.tavily.com/mcp\" }, \"sse\": { \"url\": \"https://x/sse\" } }, \"mcp\": { \"excluded\": [\"sse\"] } }",
    ),
    (".gemini/agents/scout.md", "---\nname: scout\ndescription: d\ntools:\n  - read_file\n  - mcp_my_db_query\n  - mcp_search_*\n---\n"),
    (
        ".codex/config.toml",
        "[mcp_servers.github]\ncommand = \"npx\"\nargs = [\"@modelcontextprotocol/server-github\"]\nenv = { T = \"x\" }\nenv_vars = [\"GH\"]\n[mcp_servers.context7]\nurl = \"https://mcp.context7.com/mcp\"\nbearer_token_env_var = \"C7\"\nenabled_tools = [\"get-library-docs\"]\n",
    ),
    (
        ".codex/agents/docs.toml",
        "name = \"docs\"\ndescription = \"d\"\ndeveloper_instructions = \"\"\"\nRead.\n\"\"\"\n[mcp_servers.github]\nenabled = false\n[mcp_servers.context7]\nenabled_tools = [\"resolve-library-id\"]\n",
    ),
    (
        "opencode.jsonc",
        "{ /* 설정 */ \"mcp\": { \"context7\": { \"type\": \"remote\", \"url\": \"https://mcp.context7.com/mcp\" }, \"db\": { \"type\": \"local\", \"command\": [\"./db\", \"-q\"], \"environment\": { \"P\": \"{env:DB_PASSWORD}\" } }, \"gone\": { \"type\": \"local\", \"command\": [\"x\"], \"enabled\": false } },\n \"tools\": { \"db*\": false },\n \"agent\": { \"dba\": { \"description\": \"d\", \"prompt\": \"p\", \"tools\": { \"db*\": true } } }, }",
    ),
    (
        ".opencode/agent/team/writer.md",
        "---\ndescription: d\npermission:\n  \"*\": deny\n  context7_get-library-docs: allow\n  edit: ask\n---\n",
    ),
    (
        ".cursor/mcp.json",
        "{ \"mcpServers\": { \"github\": { \"command\": \"npx\", \"args\": [\"@modelcontextprotocol/server-github\"], \"env\": { \"T\": \"${env:GH}\" } } } }",
    ),
    (".cursor/agents/verifier.md", "---\nname: verifier\ndescription: d\nreadonly: true\n---\n"),
    (
        "claude_desktop_config.json",
        "{ \"mcpServers\": { \"filesystem\": { \"command\": \"npx\", \"args\": [\"@modelcontextprotocol/server-filesystem\", \"/x\"] } } }",
    ),
    (
        "mcp_config.json",
        "{ \"mcpServers\": { \"figma\": { \"serverUrl\": \"https://mcp.figma.com/mcp\" }, \"x\": { \"command\": \"x\", \"disabled\": true } } }",
    ),
    (
        ".continue/mcpServers/sqlite.yaml",
        "name: ours\nversion: 0.0.1\nschema: v1\nmcpServers:\n  - name: sqlite\n    command: uvx\n    args:\n      - mcp-server-sqlite\n    env:\n      K: ${{ secrets.K }}\n",
    ),
    (".continue/mcpServers/git.json", "{ \"command\": \"uvx\", \"args\": [\"mcp-server-git\"] }"),
];

fn project() -> tempfile::TempDir {
    let files: Vec<(&str, &[u8])> = PROJECT.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    folder(&files)
}

fn read(dir: &Path, reading: &Reading) -> Project {
    Project { name: "folder".to_owned(), ..Project::read(dir, reading).unwrap_or_else(|error| panic!("{error}")) }
}

/// Out and in again, without loss.
fn imported(project: &Project) -> Imported {
    let imported = import(project, None, &Catalogue::built_in()).unwrap_or_else(|error| panic!("{error}"));
    let text = write(&imported.scenario);
    let again = parse("written", &text).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}")).scenario;
    assert_eq!(again, imported.scenario, "{text}");
    imported
}

#[test]
fn one_scenario_joins_every_client() {
    let dir = project();
    let project = read(dir.path(), &Reading::default());
    let imported = imported(&project);
    insta::assert_snapshot!("every_client", imported.render());

    let mut grants = String::new();
    for agent in &project.agents {
        let shown = |permits: &[Permit]| permits.iter().map(|permit| format!(" {permit:?}")).collect::<String>();
        let everything = if agent.grant.everything { " everything" } else { "" };
        grants += &format!("{} {}:{}\n  granted:{everything}{}\n", agent.client.name(), agent.path, agent.line, shown(&agent.grant.listed));
        if !agent.grant.denied.is_empty() {
            grants += &format!("  denied:{}\n", shown(&agent.grant.denied));
        }
        if let Some(written) = &agent.grant.written {
            let text = fs::read_to_string(dir.path().join(&agent.path)).unwrap();
            grants += &format!("  line {}: {:?}\n", written.line, &text[written.span.clone()]);
        }
    }
    insta::assert_snapshot!("grants", grants);

    let mut servers = String::new();
    for config in &project.configs {
        for server in &config.servers {
            let disabled = server.disabled.as_ref().map(|reason| format!(", off: {reason}")).unwrap_or_default();
            servers += &format!(
                "{} {}:{} {} {:?}, variables {:?}, required {:?}, file {:?}{disabled}\n",
                config.client.name(),
                config.path,
                server.line,
                server.name,
                server.launch,
                server.env,
                server.required,
                server.env_file
            );
        }
    }
    insta::assert_snapshot!("servers", servers);
}

#[test]
fn every_client_alone_makes_a_scenario_that_is_read_again() {
    let dir = project();
    for client in Client::ALL {
        let project = read(dir.path(), &Reading { clients: Some(&[client]), ..Reading::default() });
        assert_eq!(project.files.keys().copied().collect::<Vec<_>>(), client.sees());
        let scenario = imported(&project).scenario;
        assert!(!scenario.agents.is_empty() && !scenario.servers.is_empty(), "{}", client.name());
    }
}

#[test]
fn the_users_own_files_come_after_the_projects() {
    let home = folder(&[]);
    let dir = home.path().canonicalize().unwrap().join("work");
    let agent = |name: &str| format!("---\nname: {name}\ndescription: d\ntools: mcp__wiki__*, mcp__time\n---\n");
    let claude = format!(
        "{{ \"mcpServers\": {{ \"wiki\": {{ \"command\": \"user\" }}, \"time\": {{ \"command\": \"user\" }} }}, \"projects\": {{ \"{0}\": {{ \"mcpServers\": {{ \"time\": {{ \"command\": \"local\" }} }} }}, \"/other\": {{ \"mcpServers\": {{ \"x\": {{ \"command\": \"x\" }} }} }} }} }}",
        dir.display()
    );
    let plugin = home.path().canonicalize().unwrap().join(".claude/plugins/cache/m/dev/1");
    let installed = format!(
        "{{ \"plugins\": {{ \"dev@m\": [{{ \"installPath\": \"{0}\" }}], \"off@m\": [{{ \"installPath\": \"{0}\" }}], \"out@m\": [{{ \"installPath\": \"/etc\" }}] }} }}",
        plugin.display()
    );
    add(
        home.path(),
        &[
            (".claude/agents/both.md", agent("both").as_bytes()),
            (".claude/agents/mine.md", agent("mine").as_bytes()),
            (".claude.json", claude.as_bytes()),
            (".claude/settings.json", b"{ \"enabledPlugins\": { \"dev@m\": true, \"off@m\": false } }"),
            (".claude/plugins/installed_plugins.json", installed.as_bytes()),
            (".claude/plugins/cache/m/dev/1/.claude-plugin/plugin.json", b"{ \"name\": \"dev\" }"),
            (".claude/plugins/cache/m/dev/1/agents/helper.md", agent("helper").as_bytes()),
            (".claude/plugins/cache/m/dev/1/.mcp.json", b"{ \"docs\": { \"command\": \"x\" } }"),
            (".codex/config.toml", b"[mcp_servers.wiki]\ncommand = \"codex\"\n"),
            (".config/opencode/opencode.json", b"{ \"mcp\": { \"wiki\": { \"type\": \"local\", \"command\": [\"oc\"] } } }"),
            (".codeium/windsurf/mcp_config.json", b"{ \"mcpServers\": {} }"),
            ("work/.claude/agents/both.md", agent("both").as_bytes()),
            ("work/.mcp.json", b"{ \"mcpServers\": { \"wiki\": { \"command\": \"project\" } } }"),
        ],
    );
    assert_eq!(read(&dir, &Reading::default()).agents.len(), 1);
    let project = read(&dir, &Reading { home: Some(home.path()), ..Reading::default() });
    let configured: Vec<String> = project
        .configured(Client::ClaudeCode)
        .map(|(name, config, server)| format!("{name} {} {:?}", config.path, server.launch))
        .collect();
    insta::assert_snapshot!("user_files", format!("{}\n{}", configured.join("\n"), imported(&project).render()));
}

#[test]
fn a_folder_that_is_no_project_says_so() {
    let message = |dir: &Path| {
        let error = Project::read(dir, &Reading::default()).expect_err("no project");
        error.to_string().replace(&dir.display().to_string(), "DIR")
    };
    let empty = folder(&[("README.md", b"x")]);
    let messages = [message(empty.path()), message(&empty.path().join("missing")), message(&empty.path().join("README.md"))];
    insta::assert_snapshot!("no_project", messages.join("\n"));
}

/// What real files look like, or what a broken editor leaves behind: read, or listed with the reason; never more.
#[test]
fn oddities_are_read_or_listed() {
    let crlf = |text: &str| text.replace('\n', "\r\n").into_bytes();
    let bom = |text: &str| format!("\u{feff}{text}").into_bytes();
    let both = |text: &str| bom(&text.replace('\n', "\r\n"));
    // A byte-order mark or other line ends change nothing.
    let plain = read(project().path(), &Reading::default());
    let known = |project: &Project| {
        let agents: Vec<_> = project.agents.iter().map(|a| (a.name.clone(), a.grant.everything, a.grant.listed.clone(), a.line)).collect();
        let servers: Vec<_> = project.configs.iter().flat_map(|c| c.servers.clone()).collect();
        (agents, servers, project.broken.clone())
    };
    for change in [&crlf as &dyn Fn(&str) -> Vec<u8>, &bom, &both] {
        let dir = folder(&[]);
        for (path, text) in PROJECT {
            add(dir.path(), &[(path, &change(text))]);
        }
        assert_eq!(known(&read(dir.path(), &Reading::default())), known(&plain));
    }
    // What no client can read is listed, whatever kind of file it is.
    let deep = "[".repeat(100_000);
    let deep_table = "{\"a\":".repeat(100_000);
    let hostile: [(&str, &[u8]); 7] = [
        ("not UTF-8", b"\xff\xfe{\0}\0"),
        ("deep", deep.as_bytes()),
        ("deep tables", deep_table.as_bytes()),
        ("tabs", b"---\nname:\tx\n\t- y\n---\n"),
        ("lone surrogate", b"{ \"mcpServers\": { \"\\ud800\": {} } }"),
        ("control", b"\0\x07\x1b[31m"),
        ("empty", b""),
    ];
    for (path, _) in PROJECT {
        for (what, bytes) in hostile {
            let dir = folder(&[(path, bytes)]);
            let Ok(project) = Project::read(dir.path(), &Reading::default()) else {
                // Alone it belongs to no plugin.
                assert_eq!(path, "plugins/dev/agents/helper.md");
                continue;
            };
            let is_said = !project.broken.is_empty() || project.agents.iter().all(|agent| agent.is_session);
            // To Copilot any text is an agent's instructions.
            assert!(is_said || path.starts_with(".github/"), "{path}, {what}");
        }
        // A folder where a file should be.
        let dir = folder(&[(&format!("{path}/x"), b"x")]);
        if let Ok(project) = Project::read(dir.path(), &Reading::default()) {
            assert_eq!(project.agents.len(), 0, "{path}");
        }
    }
    let long = format!("---\nname: a\ndescription: {}\ntools: {}\n---\n", "긴 줄 🧵 ".repeat(20_000), "mcp__time__x, ".repeat(20_000));
    let dir = folder(&[(".claude/agents/a.md", long.as_bytes())]);
    assert_eq!(read(dir.path(), &Reading::default()).agents[0].grant.servers(), ["time"]);
}

#[cfg(unix)]
#[test]
fn loops_of_links_end_for_every_client() {
    let dir = project();
    for (path, _) in PROJECT {
        let folder = dir.path().join(path);
        let folder = folder.parent().expect("within the folder");
        if folder != dir.path() && !folder.join("loop").exists() {
            std::os::unix::fs::symlink(folder, folder.join("loop")).unwrap();
            std::os::unix::fs::symlink("loop-b", folder.join("loop-b")).unwrap();
        }
    }
    let project = read(dir.path(), &Reading::default());
    assert_eq!(project.agents.len(), read(self::project().path(), &Reading::default()).agents.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A file with something in it that does not belong there: what can be read makes a scenario that is read again.
    #[test]
    fn a_damaged_file_never_panics(
        file in 0..PROJECT.len(),
        at in 0.0..1.0f64,
        cut in 0usize..20,
        added in "[-\\[\\]{}#'\"\\\\|>*&!,:=/ \t\r\n\u{0}a-c가🧰_]{0,12}",
    ) {
        let (path, text) = PROJECT[file];
        let start = text.floor_char_boundary((at * text.len() as f64) as usize);
        let end = text.floor_char_boundary((start + cut).min(text.len())).max(start);
        let damaged = format!("{}{added}{}", &text[..start], &text[end..]);
        let dir = folder(&[(path, damaged.as_bytes()), (".claude/agents/sound.md", b"---\nname: sound\ndescription: d\ntools: mcp__time\n---\n")]);
        imported(&read(dir.path(), &Reading::default()));
    }
}
