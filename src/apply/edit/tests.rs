//! Edits of every format: some by hand, and ten thousand generated ones, each of which changes the grant and nothing else, changes
//! nothing a second time, and is undone to the byte by its inverse.

use proptest::prelude::*;

use super::*;

fn known() -> Vec<String> {
    ["zqa", "zqb", "zqc-d", "zq_e", "zqnew"].map(str::to_owned).to_vec()
}

fn whole(server: &str) -> Permit {
    Permit::Server(server.to_owned())
}

/// `lose` and `gain` are servers, or `server/tool`.
fn edited(client: Client, text: &str, lose: &[&str], gain: &[&str], narrow: bool) -> Result<Edited, AgentFileError> {
    let permit = |name: &&str| match name.split_once('/') {
        Some((server, tool)) => Permit::Tool { server: server.to_owned(), tool: tool.to_owned() },
        None => whole(name),
    };
    let gain: Vec<Permit> = gain.iter().map(permit).collect();
    edit_grant(client, text, "helper", &known(), GrantEdit { lose, gain: &gain, narrow })
}

fn check(client: Client, text: &str, lose: &[&str], gain: &[&str], narrow: bool, expected: &str) {
    for (newline, mark) in [("\n", ""), ("\r\n", ""), ("\n", "\u{feff}"), ("\r\n", "\u{feff}")] {
        let file = |text: &str| format!("{mark}{}", text.replace('\n', newline));
        let result = edited(client, &file(text), lose, gain, narrow).unwrap_or_else(|error| panic!("{text}: {}", error.render("file")));
        assert_eq!(result.text, file(expected), "{client:?} {text}");
    }
}

/// The same in front matter.
fn check_front(client: Client, grant: &str, lose: &[&str], gain: &[&str], narrow: bool, expected: &str) {
    let file = |grant: &str| format!("---\nname: helper\ndescription: 돕는다 🧰\n{grant}---\n\nBody: tools.\n");
    check(client, &file(grant), lose, gain, narrow, &file(expected));
}

#[test]
fn words_in_front_matter_come_and_go_in_every_spelling() {
    let claude =
        |grant: &str, lose: &[&str], gain: &[&str], expected: &str| check_front(Client::ClaudeCode, grant, lose, gain, false, expected);
    claude("tools: Read, mcp__zqa__*, mcp__zqa__get\n", &["zqa"], &["zqnew"], "tools: Read, mcp__zqnew__*\n");
    claude("tools:\n  - mcp__zqa # a\n  - Bash\n", &["zqa"], &["zqb/get"], "tools:\n  - mcp__zqb__get\n  - Bash\n");
    claude("tools: Read, mcp__zqa\n", &["zqb"], &["zqa"], "tools: Read, mcp__zqa\n");
    claude("tools: mcp__zqa__get, Read\n", &["zqa"], &["zqa/get", "zqa/put"], "tools: mcp__zqa__get, mcp__zqa__put, Read\n");
    claude("", &["zqa"], &["zqb"], "");

    let copilot =
        |grant: &str, lose: &[&str], gain: &[&str], expected: &str| check_front(Client::Copilot, grant, lose, gain, false, expected);
    copilot("tools: ['read', 'zqa/*', 'a tool']\n", &["zqa"], &["zqnew"], "tools: ['read', 'zqnew/*', 'a tool']\n");
    copilot("tools: read, zqa/get\n", &["zqa"], &["zqb/get"], "tools: read, zqb/get\n");
    copilot("tools: []\n", &[], &["zqb"], "tools: [zqb/*]\n");
    copilot("tools: ['*']\n", &["zqa"], &["zqb"], "tools: ['*']\n");

    let gemini =
        |grant: &str, lose: &[&str], gain: &[&str], expected: &str| check_front(Client::Gemini, grant, lose, gain, false, expected);
    gemini("tools:\n  - read_file\n  - mcp_zqa_*\n", &["zqa"], &["zq_e/get"], "tools:\n  - read_file\n  - mcp_zq_e_get\n");
    gemini("tools:\n", &[], &["zqb", "zqa"], "tools: [mcp_zqb_*, mcp_zqa_*]\n");
}

#[test]
fn what_is_granted_with_everything_is_denied_only_where_asked() {
    let claude =
        |grant: &str, lose: &[&str], gain: &[&str], expected: &str| check_front(Client::ClaudeCode, grant, lose, gain, true, expected);
    claude("model: x\n", &["zqa"], &[], "model: x\ndisallowedTools: mcp__zqa__*\n");
    claude("tools: *\ndisallowedTools: [Bash]\n", &["zqa"], &[], "tools: *\ndisallowedTools: [Bash, mcp__zqa__*]\n");
    claude("disallowedTools: mcp__zqa__*\nmodel: x\n", &[], &["zqa"], "model: x\n");
    claude("disallowedTools:\n  - mcp__zqa\n  - Bash\n", &["zqb"], &["zqa"], "disallowedTools:\n  - Bash\n  - mcp__zqb__*\n");
    let refused = |client, text: &str, lose: &[&str], gain: &[&str], narrow| {
        let text = format!("---\nname: helper\ndescription: d\n{text}---\n");
        edited(client, &text, lose, gain, narrow).expect_err("refused").message
    };
    let messages = [
        refused(Client::ClaudeCode, "disallowedTools: mcp__zqa__*\n", &[], &["zqa"], false),
        refused(Client::ClaudeCode, "disallowedTools: mcp__*\n", &[], &["zqa"], true),
        refused(Client::ClaudeCode, "tools: mcp__zqa__*\n", &["zqa"], &[], false),
        refused(Client::Copilot, "", &["zqa"], &[], true),
        refused(Client::Cursor, "", &["zqa"], &[], true),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn codex_turns_servers_off_and_on() {
    const HEAD: &str =
        "name = \"helper\" # who\ndescription = \"d\"\ndeveloper_instructions = \"\"\"\nbody\n  [mcp_servers.fake]\n\"\"\"\n";
    let codex = |tables: &str, lose: &[&str], gain: &[&str], expected: &str| {
        check(Client::Codex, &format!("{HEAD}{tables}"), lose, gain, true, &format!("{HEAD}{expected}"));
    };
    codex("", &["zqa"], &[], "\n[mcp_servers.zqa]\nenabled = false\n");
    codex("\n[mcp_servers.zqa]\nenabled = false\n", &[], &["zqa"], "");
    codex("\n[mcp_servers.zqa] # a\ncommand = \"x\"\n", &["zqa"], &[], "\n[mcp_servers.zqa] # a\ncommand = \"x\"\nenabled = false\n");
    codex("[mcp_servers.zqa]\nenabled = true # on\nurl='u'\n", &["zqa"], &[], "[mcp_servers.zqa]\nenabled = false # on\nurl='u'\n");
    codex("[mcp_servers.zqa]\nenabled = false # off\n", &[], &["zqa"], "[mcp_servers.zqa]\nenabled = true # off\n");
    codex(
        "[mcp_servers]\nzqb = { enabled = false }\n[other]\n",
        &["zqa"],
        &["zqb"],
        "[mcp_servers]\n\n[mcp_servers.zqa]\nenabled = false\n[other]\n",
    );
    let text = format!("{HEAD}[mcp_servers.zqa]\n");
    assert_eq!(edited(Client::Codex, &text, &["zqa"], &["zqa"], false).unwrap().text, text);
}

#[test]
fn rules_of_opencode_come_and_go() {
    let json =
        |text: &str, lose: &[&str], gain: &[&str], narrow, expected: &str| check(Client::OpenCode, text, lose, gain, narrow, expected);
    json(
        "{\n  // all\n  \"tools\": { \"zqa_*\": false },\n  \"agent\": {\n    \"helper\": {\n      \"mode\": \"primary\", // x\n    },\n  },\n}\n",
        &[],
        &["zqa"],
        false,
        "{\n  // all\n  \"tools\": { \"zqa_*\": false },\n  \"agent\": {\n    \"helper\": {\n      \"mode\": \"primary\", // x\n      \"tools\": {\n        \"zqa_*\": true,\n      },\n    },\n  },\n}\n",
    );
    json(
        r#"{"permission":{"*":"deny"},"agent":{"helper":{"permission":{"bash":"ask","zqa_*":"allow"}}}}"#,
        &["zqa"],
        &["zqb/get"],
        false,
        r#"{"permission":{"*":"deny"},"agent":{"helper":{"permission":{"bash":"ask", "zqb_get": "allow"}}}}"#,
    );
    let front = |grant: &str, lose: &[&str], gain: &[&str], narrow, expected: &str| {
        check_front(Client::OpenCode, grant, lose, gain, narrow, expected)
    };
    front("tools:\n  \"*\": false\n  zqa_*: true # a\n", &["zqa"], &["zqb"], false, "tools:\n  \"*\": false\n  \"zqb_*\": true\n");
    front(
        "permission: { \"*\": deny, zqa_*: allow }\n",
        &[],
        &["zqb/get"],
        false,
        "permission: { \"*\": deny, zqa_*: allow, \"zqb_get\": allow }\n",
    );
    front("mode: all\n", &["zqa"], &[], true, "mode: all\npermission:\n  \"zqa_*\": deny\n");
    front("mode: all\n", &["zqa"], &[], false, "mode: all\n");
    // A rule that is about more than the server stays; one of its own comes behind it.
    front("tools:\n  \"*\": false\n  zq*: true\n", &["zqa"], &[], false, "tools:\n  \"*\": false\n  zq*: true\n  \"zqa_*\": false\n");
}

/// A file of one of the formats, whose agent is granted some of the servers or all.
#[derive(Debug, Clone)]
struct Generated {
    client: Client,
    text: String,
}

const OWN: [&str; 4] = ["zqa", "zqb", "zqc-d", "zq_e"];

fn granted() -> impl Strategy<Value = Vec<Permit>> {
    let one = (prop::sample::select(&OWN[..]), any::<bool>());
    let permit = |(server, is_whole): (&str, bool)| match is_whole {
        true => whole(server),
        false => Permit::Tool { server: server.to_owned(), tool: "get".to_owned() },
    };
    prop::collection::btree_set(one, 0..4).prop_map(move |set| set.into_iter().map(permit).collect())
}

/// Line endings, byte-order mark, last newline.
fn finished(text: String, layout: (bool, bool, bool)) -> String {
    let text = if layout.2 { text } else { text.trim_end_matches('\n').to_owned() };
    let text = if layout.0 { text.replace('\n', "\r\n") } else { text };
    if layout.1 { format!("\u{feff}{text}") } else { text }
}

fn in_words() -> impl Strategy<Value = Generated> {
    let client = prop::sample::select(&[Client::ClaudeCode, Client::Copilot, Client::Gemini][..]);
    (client, granted(), 0..8usize, any::<(bool, bool, bool)>()).prop_map(|(client, granted, style, layout)| {
        let words: Vec<String> = ["read_it".to_owned()].into_iter().chain(granted.iter().map(|permit| client.spelled(permit))).collect();
        let list = |before: &str, after: &str| words.iter().map(|word| format!("{before}{word}{after}")).collect::<String>();
        let style = if client == Client::Gemini { style % 4 } else { style };
        let tools = match style {
            0 => format!("tools: [{}] # some\n", words.join(", ")),
            1 => format!("tools:\n{}", list("  - ", "\n")),
            2 => format!("tools: # why\n{}# end\n", list("- \"", "\" # z\n# own\n")),
            3 => format!("tools: [\n{}]\n", list("    '", "',\n")),
            4 => format!("tools: {}\n", words.join(", ")),
            5 => format!("tools:  \"{}\"   # some\n", words.join(" , ")),
            6 => format!("tools: {}\n", words.join(",\n  ")),
            _ => String::new(),
        };
        let text = format!("---\nname: helper\n# 메모\ndescription: \"d: 돕는다 🧰\"\n{tools}model: m # one\n---\n\n# Body\ntools: zq\n");
        Generated { client, text: finished(text, layout) }
    })
}

fn in_toml() -> impl Strategy<Value = Generated> {
    let entry = (prop::sample::select(&OWN[..]), 0..6usize);
    (prop::collection::btree_map(prop::sample::select(&OWN[..]), 0..6usize, 0..4), entry, any::<(bool, bool, bool)>()).prop_map(
        |(tables, (_, inline), layout)| {
            let body = |form: usize| match form {
                0 => "enabled = false\n",
                1 => "command = 'x'\nargs = [ \"-y\", # yes\n  'b' ]\n",
                2 => "url = \"https://x/\" # where\nenabled = true\n",
                3 => "enabled=false # off\nenv = { A = \"${A}\" }\n",
                4 => "# nothing\n",
                _ => "startup_timeout_sec = 5\n\n",
            };
            let mut text =
                "name = \"helper\"\n# 메모\ndescription = 'd'\ndeveloper_instructions = \"\"\"\n돕는다 🧰\n[mcp_servers.zqa]\n\"\"\"\n"
                    .to_owned();
            if inline == 0 && !tables.is_empty() {
                let of = |server: &&str| format!("\"{server}\" = {{ enabled = false }}");
                text += &format!("mcp_servers = {{ {} }}\n", tables.keys().map(of).collect::<Vec<_>>().join(", "));
            } else {
                tables.iter().for_each(|(server, form)| text += &format!("\n[mcp_servers.{server}] # {server}\n{}", body(*form)));
            }
            Generated { client: Client::Codex, text: finished(text + "\n[other]\nx = 1 # end\n", layout) }
        },
    )
}

fn rules_of(granted: &[Permit], is_permission: bool) -> Vec<(String, &'static str)> {
    let value = if is_permission { "\"allow\"" } else { "true" };
    granted.iter().map(|permit| (Client::OpenCode.spelled(permit), value)).collect()
}

fn in_json() -> impl Strategy<Value = Generated> {
    (granted(), 0..4usize, any::<(bool, bool, bool, bool)>(), any::<(bool, bool, bool)>()).prop_map(|(granted, style, (all, key, comma, _), layout)| {
        let section = if key { "permission" } else { "tools" };
        let rules: Vec<String> = rules_of(&granted, key).into_iter().map(|(pattern, value)| format!("\"{pattern}\": {value}")).collect();
        let comma = if comma { "," } else { "" };
        let own = if key { "\"bash\": \"ask\"" } else { "\"bash\": true" };
        let one_line: Vec<String> = [own.to_owned()].into_iter().chain(rules.clone()).collect();
        let general = match (all, key) {
            (true, _) => String::new(),
            (false, true) => "\"permission\": { \"*\": \"deny\" }, ".to_owned(),
            (false, false) => "\"tools\": { \"*\": false }, ".to_owned(),
        };
        let text = match style {
            0 => format!("{{{general}\"agent\":{{\"helper\":{{\"{section}\":{{{}}}}},\"other\":{{}}}}}}\n", one_line.join(",")),
            1 => format!(
                "{{\n  // 모두\n  {general}\n  \"agent\": {{\n    \"helper\": {{\n      \"prompt\": \"// no\",\n      \"{section}\": {{ // rules\n        {own}{}{comma}\n      }}{comma}\n    }} /* end */\n  }}\n}}\n",
                rules.iter().map(|rule| format!(",\n        {rule}")).collect::<String>(),
            ),
            2 => format!("{{\n\t{general}\"agent\": {{ \"helper\": {{ \"mode\": \"all\"{comma} }} }}, // one\n\t\"mcp\": {{ \"zqa\": {{}} }}{comma}\n}}"),
            _ => format!("{{ {general}\"agent\": {{ \"helper\": {{ \"{section}\": {{ {}{comma} }} }} }} }}", one_line.join(", ")),
        };
        Generated { client: Client::OpenCode, text: finished(text, layout) }
    })
}

fn in_mapping() -> impl Strategy<Value = Generated> {
    (granted(), 0..4usize, any::<(bool, bool, bool)>()).prop_map(|(granted, style, layout)| {
        let rules: Vec<(String, &str)> = rules_of(&granted, style < 2);
        let block: String = rules.iter().map(|(pattern, value)| format!("  {pattern}: {}\n", value.trim_matches('"'))).collect();
        let rules = match style {
            0 => format!("permission: # own\n  \"*\": deny # all\n{block}# end\n"),
            1 => format!("permission: {{ '*': deny{} }}\n", rules.iter().map(|(p, v)| format!(", \"{p}\": {v}")).collect::<String>()),
            2 => format!("tools:\n  \"*\": false\n  # some\n  bash: true\n\n{block}"),
            _ => String::new(),
        };
        let text = format!("---\ndescription: 돕는다 🧰\n{rules}mode: all # one\n---\nBody\n  zqa_*: true\n");
        Generated { client: Client::OpenCode, text: finished(text, layout) }
    })
}

fn files() -> impl Strategy<Value = Generated> {
    prop_oneof![2 => in_words(), 1 => in_toml(), 1 => in_json(), 1 => in_mapping()]
}

/// Lines that no edit may touch: those without a server's name, and without what opens or closes a grant.
fn foreign(text: &str) -> Vec<String> {
    let is_grant = |line: &&str| {
        ["zq", "read_it", "\"helper\": {", "tools", "permission", "enabled", "mcp_servers", "disallowedTools"]
            .iter()
            .any(|word| line.contains(word))
    };
    let is_layout = |line: &&str| line.trim().trim_end_matches(',').trim_matches(['{', '}', '[', ']']).is_empty();
    // A comma behind a neighbour comes and goes with what stands behind it.
    let uncomma = |line: &str| line.replace(",\r\n", "\r\n").replace(",\n", "\n");
    // A last line without an end gets one where something comes behind it.
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let text = if text.ends_with('\n') { text.to_owned() } else { format!("{text}{newline}") };
    text.split_inclusive('\n').filter(|line| !is_grant(line) && !is_layout(line)).map(uncomma).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn an_edit_is_exact_idempotent_and_undone_by_its_inverse(
        file in files(),
        lose in prop::sample::subsequence(&OWN[..], 0..3),
        gain in prop::collection::btree_set((prop::sample::select(&["zqnew", "zqa", "zqb"][..]), any::<bool>()), 0..3),
        narrow in any::<bool>(),
    ) {
        let gain: Vec<Permit> = gain.into_iter().filter(|(server, _)| !lose.contains(server)).map(|(server, is_whole)| {
            if is_whole { whole(server) } else { Permit::Tool { server: server.to_owned(), tool: "put".to_owned() } }
        }).collect();
        let Generated { client, text } = file;
        let edit = |text: &str, lose: &[&str], gain: &[Permit]| edit_grant(client, text, "helper", &known(), GrantEdit { lose, gain, narrow });
        let before = client.grant_in(&text, "helper", &known()).map_err(|error| TestCaseError::fail(error.render(&text)))?;
        let after = match edit(&text, &lose, &gain) {
            Ok(after) => after,
            Err(error) => {
                let allowed = ["without tools", "no list of what is denied", "a comment", "more than the grant", "forbids", "comments in it"];
                prop_assert!(allowed.iter().any(|part| error.message.contains(part)), "{}: {text}", error.message);
                return Ok(());
            }
        };
        prop_assert_eq!(foreign(&after.text), foreign(&text));
        prop_assert_eq!(after.text.ends_with('\n'), text.ends_with('\n'));
        prop_assert_eq!(after.text.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
        prop_assert_eq!(&edit(&after.text, &lose, &gain).map_err(|error| TestCaseError::fail(error.message))?.text, &after.text);

        // What it had nothing of goes again without a trace; where all is granted, what is denied comes back.
        let is_new = |permit: &Permit| permit.server().is_some_and(|server| !names(&before.listed, server) && !names(&before.denied, server));
        if lose.is_empty() && !before.everything && !gain.is_empty() && gain.iter().all(is_new) {
            let servers: Vec<&str> = gain.iter().filter_map(Permit::server).collect();
            prop_assert_eq!(edit(&after.text, &servers, &[]).map_err(|error| TestCaseError::fail(error.message))?.text, text);
        } else if gain.is_empty() && before.everything && narrow && !lose.is_empty() && lose.iter().all(|server| is_new(&whole(server))) {
            let back: Vec<Permit> = lose.iter().map(|server| whole(server)).collect();
            prop_assert_eq!(edit(&after.text, &[], &back).map_err(|error| TestCaseError::fail(error.message))?.text, text);
        }
    }
}
