//! What real projects hold beside what the manuals show: each is read, or left out with its place and reason, and nothing else with it.

use super::*;

/// The report of these files; or why there is none.
fn report(files: &[(&str, &str)]) -> String {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    let dir = folder(&files);
    let project = Project { name: "folder".to_owned(), ..Project::read(dir.path(), &Reading::default()).expect("a project") };
    match import(&project, None, &Catalogue::built_in()) {
        Ok(imported) => imported.render(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn one_broken_server_leaves_the_clients_chat_and_its_other_servers() {
    let text = report(&[(".cursor/mcp.json", r#"{"mcpServers":{"good":{"command":"a"},"bad":{"type":"http"}}}"#)]);
    assert!(text.contains("its own chat stands for one") && text.contains("server `bad` of type `http` has no `url`"), "{text}");
    // Once it is mended, the broken agent is the client's agent.
    let text = report(&[(".cursor/mcp.json", r#"{"mcpServers":{"good":{"command":"a"}}}"#), (".cursor/agents/a.md", "no front matter")]);
    assert!(text.starts_with("no agent can be used"), "{text}");
}

#[test]
fn names_that_a_terminal_would_obey_are_left_out_and_shown_escaped() {
    let files = [
        (".claude/agents/esc.md", "---\nname: \"esc\\e[31m\"\ndescription: d\ntools: mcp__time\n---\n"),
        (".claude/agents/rtl.md", "---\nname: \"rtl\\u202egpj\"\ndescription: d\n---\n"),
        (".claude/agents/sound.md", "---\nname: sound\ndescription: d\ntools: \"mcp__a\\e[1m, mcp__time\"\n---\n"),
        (
            ".mcp.json",
            "{\"mcpServers\": {\n\"b\\u001b[31m\": {\"command\": \"x\"},\n\"c\\u001b[31m\": {},\n\"time\": {\"command\": \"uvx\"}, \"\": {\"command\": \"x\"}}}",
        ),
    ];
    let text = report(&files);
    assert!(!text.contains(['\u{1b}', '\u{202e}']));
    insta::assert_snapshot!("names_left_out", text);
}

#[test]
fn an_agent_of_vs_code_needs_no_header() {
    let dir = folder(&[
        (".github/agents/bare.agent.md", b"Only instructions.\n"),
        (".github/agents/plain.agent.md", b"---\ntools: ['read']\n---\nb\n"),
        (".github/agents/broken.agent.md", b"---\ntools: [\n---\n"),
    ]);
    let project = read(dir.path(), &Reading::default());
    let found: Vec<_> =
        project.agents.iter().map(|agent| (agent.name.as_str(), agent.grant.everything, agent.instructions.as_str())).collect();
    assert_eq!(found, [("bare", true, "Only instructions.\n"), ("plain", false, "b\n")]);
    assert_eq!(project.broken.len(), 1);
}

#[test]
fn what_is_no_server_becomes_none() {
    let text = report(&[
        (".mcp.json", r#"{ "mcpServers": { "time": { "command": "uvx" } } }"#),
        (".claude/agents/a.md", "---\nname: a\ndescription: d\ntools: mcp__*, mcp__time, mcp__plugin_nosuch_zz__t\n---\n"),
        (".github/agents/b.agent.md", "---\ntools: ['pub.ext/run', 'time/*']\n---\n"),
    ]);
    assert!(text.contains("`pub.ext` is an extension of VS Code, no server") && !text.contains("server `pub.ext`"), "{text}");
    assert!(text.contains("server `plugin_nosuch_zz` is granted to `a`, and not configured") && !text.contains("server `*`"), "{text}");
}

#[test]
fn what_lies_above_in_the_repository_is_said() {
    let agent: &[u8] = b"---\nname: a\ndescription: d\ntools: mcp__time\n---\n";
    let dir = folder(&[
        (".git/HEAD", b""),
        (".claude/agents/r.md", agent),
        ("packages/.mcp.json", b"{}"),
        ("packages/x/.claude/agents/p.md", agent),
    ]);
    let of = |path: &str| {
        let project = Project::read(&dir.path().join(path), &Reading { above: true, ..Reading::default() }).expect("a project");
        project.skipped.iter().map(|skipped| skipped.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("packages/x"), ["../../.claude/agents", "../.mcp.json"]);
    assert_eq!(of(""), Vec::<String>::new());
}

#[test]
fn a_home_folder_that_is_not_there_is_an_error() {
    let dir = folder(&[(".mcp.json", b"{}")]);
    let home = dir.path().join("nobody");
    let error = Project::read(dir.path(), &Reading { home: Some(&home), ..Reading::default() }).expect_err("no home");
    assert!(error.to_string().contains("nobody` cannot be read"), "{error}");
}
