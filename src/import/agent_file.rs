//! One Claude Code agent file: YAML front matter, then the agent's instructions. Read with the place of every tool, so that
//! an applier can change exactly those bytes.

use std::ops::Range;

use yaml_serde::Value;

use super::front_matter::{FrontMatter, line_of};
use super::word_list::{TOOLS, place_words};

/// What mcplab knows of an agent file. Spans are byte ranges in the file's text, a byte-order mark included.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentFile {
    pub name: String,
    pub tools: Tools,
    /// Servers named under `mcpServers`.
    pub mcp_servers: Vec<String>,
    /// The agent's instructions, after the front matter.
    pub body: Range<usize>,
}

/// What the `tools` key permits.
#[derive(Debug, Clone, PartialEq)]
pub enum Tools {
    /// No `tools` key: everything is inherited.
    Inherited,
    /// Its entries, in order; empty: no tools at all.
    Listed(ToolList),
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolList {
    pub style: ToolStyle,
    /// From the first entry's first byte to the last entry's last (quotes of a quoted scalar and brackets are outside).
    /// Without entries: what stands in their place, mostly nothing.
    pub span: Range<usize>,
    pub entries: Vec<ToolEntry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolStyle {
    /// `tools: Read, Grep`, also quoted: entries separated by a comma and what stands around it.
    Commas,
    /// `tools: Read Grep`
    Spaces,
    /// `tools: [Read, Grep]`
    Flow,
    /// One `- Read` a line.
    Block,
    /// In a form whose place in the text is not certain: a text over several lines (`|`, `>`), escapes, anchors, a flow mapping around it
    /// all. The entries are YAML's, their spans are empty, and they are never edited.
    Unplaced,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolEntry {
    /// Without quotes: `Read`, `*`, `mcp__github__*`, `mcp__github`, `mcp__github__create_issue`.
    pub text: String,
    /// With its quotes, if the entry has its own.
    pub span: Range<usize>,
}

/// What an entry of `tools` grants of MCP servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolGrant<'a> {
    /// `*`
    Everything,
    /// `mcp__s` or `mcp__s__*`
    Server(&'a str),
    /// `mcp__s__tool`
    Tool { server: &'a str, tool: &'a str },
    /// A tool of the client's own: `Read`.
    BuiltIn(&'a str),
}

/// Why a client would not load this file, or mcplab will not edit it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct AgentFileError {
    pub message: String,
    /// 1-based line in the file, where known.
    pub line: Option<usize>,
    pub hint: Option<String>,
}

impl AgentFile {
    /// The longest file that is read, in bytes. Real agent files stay below 100 kB.
    pub const LONGEST: usize = 1 << 20;

    /// A file's bytes as text. Errors: longer than [`AgentFile::LONGEST`], or not UTF-8.
    pub fn text_of(bytes: &[u8]) -> Result<&str, AgentFileError> {
        if bytes.len() > AgentFile::LONGEST {
            return Err(
                AgentFileError::new(format!("{} bytes are too long for an agent file", bytes.len())).hint("1 MiB is the most that is read")
            );
        }
        std::str::from_utf8(bytes).map_err(|error| {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count();
            AgentFileError::new("not UTF-8 text").line(line).hint("save the file as UTF-8")
        })
    }

    /// Reads front matter and places its tools.
    ///
    /// Values are YAML's, with one exception: `tools: *` and `tools: *, mcp__github__*` are broken aliases in YAML, yet clients
    /// read them. Where the front matter is not YAML and its `tools` line begins with `*`, that line is read as plain text.
    ///
    /// Errors: what a client skips (no front matter, not YAML, a key twice, no name, no description), and tools that are no texts.
    pub fn parse(text: &str) -> Result<AgentFile, AgentFileError> {
        let front = FrontMatter::parse(text)?;
        let name = front.required_text(text, "name")?.to_owned();
        front.required_text(text, "description")?;
        let tools = match front.values.get("tools") {
            None => Tools::Inherited,
            Some(value) => Tools::Listed(place_words(text, front.yaml.clone(), value, TOOLS)?),
        };
        let mcp_servers = front.values.get("mcpServers").map(server_names).unwrap_or_default();
        Ok(AgentFile { name, tools, mcp_servers, body: front.body })
    }
}

/// `mcpServers` is a list of names and of inline `{ name: config }`; other clients write one such mapping.
fn server_names(value: &Value) -> Vec<String> {
    match value {
        Value::String(name) => vec![name.clone()],
        Value::Mapping(servers) => servers.keys().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Sequence(items) => items.iter().flat_map(server_names).collect(),
        _ => Vec::new(),
    }
}

impl AgentFileError {
    pub fn new(message: impl Into<String>) -> AgentFileError {
        AgentFileError { message: message.into(), line: None, hint: None }
    }

    pub fn line(self, line: usize) -> AgentFileError {
        AgentFileError { line: Some(line), ..self }
    }

    /// The line in which this byte of `text` stands.
    pub fn at(self, text: &str, offset: usize) -> AgentFileError {
        self.line(line_of(text, offset))
    }

    pub fn hint(self, hint: impl Into<String>) -> AgentFileError {
        AgentFileError { hint: Some(hint.into()), ..self }
    }

    /// `path:line: message`, and the hint on a line of its own.
    pub fn render(&self, path: &str) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let hint = self.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
        format!("{path}{line}: {}{hint}", self.message)
    }
}

impl Tools {
    /// Everything there is: no `tools` key, or a `*` among its entries.
    pub fn is_wildcard(&self) -> bool {
        match self {
            Tools::Inherited => true,
            Tools::Listed(list) => list.entries.iter().any(|entry| entry.grant() == ToolGrant::Everything),
        }
    }

    /// The servers that entries name, each once, in the order of their first mention.
    pub fn servers(&self) -> Vec<&str> {
        let mut servers = Vec::new();
        if let Tools::Listed(list) = self {
            for entry in &list.entries {
                if let Some(server) = entry.server().filter(|server| !servers.contains(server)) {
                    servers.push(server);
                }
            }
        }
        servers
    }
}

impl ToolEntry {
    pub fn grant(&self) -> ToolGrant<'_> {
        let Some(rest) = self.text.strip_prefix("mcp__") else {
            return if self.text == "*" { ToolGrant::Everything } else { ToolGrant::BuiltIn(&self.text) };
        };
        match rest.split_once("__") {
            // `mcp__*` names no server: Claude Code knows it in `disallowedTools` alone.
            None | Some((_, "*")) if matches!(rest, "" | "*" | "__*") => ToolGrant::BuiltIn(&self.text),
            None | Some((_, "*")) => ToolGrant::Server(rest.trim_end_matches("__*")),
            Some((server, tool)) => ToolGrant::Tool { server, tool },
        }
    }

    /// The server whose tools it grants.
    pub fn server(&self) -> Option<&str> {
        match self.grant() {
            ToolGrant::Server(server) | ToolGrant::Tool { server, .. } => Some(server),
            ToolGrant::Everything | ToolGrant::BuiltIn(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An agent file whose front matter has these lines among others, read.
    fn read(tools: &str, newline: &str) -> (String, AgentFile) {
        let text = format!(
            "---\nname: 기록자\ndescription: \"Keeps records 📋: all of them\"\n{tools}model: sonnet\n---\n\n본문 # body\ntools: Fake\n"
        );
        let text = text.replace('\n', newline);
        let file = AgentFile::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (text, file)
    }

    fn check(tools: &str, style: ToolStyle, expected: &[&str]) {
        for newline in ["\n", "\r\n"] {
            let (text, file) = read(tools, newline);
            let Tools::Listed(list) = &file.tools else { panic!("{tools}: not a list") };
            let entries: Vec<&str> = list.entries.iter().map(|entry| entry.text.as_str()).collect();
            assert_eq!((list.style, entries.as_slice()), (style, expected), "{text}");
            for entry in &list.entries {
                assert_eq!(text[entry.span.clone()].trim_matches(['"', '\'']), entry.text, "{text}");
            }
            assert_eq!(text[file.body.clone()].trim_start(), format!("본문 # body{newline}tools: Fake{newline}"));
        }
    }

    #[test]
    fn every_spelling_of_tools_is_placed() {
        use ToolStyle::*;
        let three = ["mcp__github__*", "Read", "Bash(git add:*, git rm:*)"];
        check("tools: mcp__github__*, Read, Bash(git add:*, git rm:*)\n", Commas, &three);
        check("tools:   mcp__github__* ,Read,Bash(git add:*, git rm:*)   # the usual, and git\n", Commas, &three);
        check("tools:\tmcp__github__*, Read, Bash(git add:*, git rm:*)\n", Commas, &three);
        check("'tools' : \"mcp__github__*, Read, Bash(git add:*, git rm:*)\"\n", Commas, &three);
        check("tools: 'mcp__github__*, Read,Bash(git add:*, git rm:*)' # quoted\n", Commas, &three);
        check("tools: mcp__github__*,\n  Read,\n\n  Bash(git add:*, git rm:*)\n", Commas, &three);
        check("tools:\n  mcp__github__*,\n  Read, Bash(git add:*, git rm:*)\n", Commas, &three);
        check("tools: mcp__github__* Read Bash(git add:*, git rm:*)\n", Spaces, &three);
        check("tools: [mcp__github__*, \"Read\", 'Bash(git add:*, git rm:*)']\n", Flow, &three);
        check("tools: [\n  mcp__github__*, # issues\n  Read,\n  # shell\n  \"Bash(git add:*, git rm:*)\",\n]\n", Flow, &three);
        check("tools:\n  [mcp__github__*,Read, 'Bash(git add:*, git rm:*)']\n", Flow, &three);
        check("tools:\n  - mcp__github__*\n  - Read\n  - Bash(git add:*, git rm:*)\n", Block, &three);
        check(
            "tools: # all\n# of\n- mcp__github__*\n\n-   \"Read\"  # twice\n  # a comment\n- 'Bash(git add:*, git rm:*)'\n",
            Block,
            &three,
        );
        check("tools:\n      - mcp__github__*\n      - Read\n      - Bash(git add:*, git rm:*)\n", Block, &three);

        check("tools: Read\n", Commas, &["Read"]);
        check("tools: mcp__서버__*, mcp__🧰\n", Commas, &["mcp__서버__*", "mcp__🧰"]);
        check("tools:\n", Commas, &[]);
        check("tools: # none\n", Commas, &[]);
        check("tools: ~\n", Commas, &[]);
        check("tools: \"\"\n", Commas, &[]);
        check("tools: []\n", Flow, &[]);
        check("tools: [ ]\n", Flow, &[]);

        // Not YAML, and yet read by clients.
        check("tools: *\n", Commas, &["*"]);
        check("tools: *, mcp__github__*  # 'all'\n", Commas, &["*", "mcp__github__*"]);
        check("tools: \"*\"\n", Commas, &["*"]);
        check("hooks:\n  tools: Edit\ntools: Read\n", Commas, &["Read"]);
        check("note: |\n  tools: Edit\ntools: Read\n", Commas, &["Read"]);
    }

    #[test]
    fn tools_without_a_certain_place_are_read_all_the_same() {
        let check = |front: &str| {
            let file = AgentFile::parse(&format!("---\n{front}---\n")).unwrap_or_else(|error| panic!("{front}: {error}"));
            let Tools::Listed(list) = &file.tools else { panic!("{front}: not a list") };
            let entries: Vec<&str> = list.entries.iter().map(|entry| entry.text.as_str()).collect();
            assert_eq!((list.style, entries.as_slice()), (ToolStyle::Unplaced, ["Read", "mcp__a"].as_slice()), "{front}");
        };
        check("name: a\ndescription: d\ntools: |\n  Read, mcp__a\n");
        check("name: a\ndescription: d\ntools: >-\n  Read,\n  mcp__a\n");
        check("name: a\ndescription: d\ntools: \"Re\\u0061d, mcp__a\"\n");
        check("name: a\ndescription: d\ntools: &t Read, mcp__a\n");
        check("{ name: a, description: d, tools: [Read, mcp__a] }\n");
    }

    #[test]
    fn a_byte_order_mark_and_a_missing_last_newline_are_nothing_special() {
        let text = "\u{feff}---\nname: a\ndescription: d\ntools: Read, *\n---";
        let file = AgentFile::parse(text).unwrap();
        let Tools::Listed(list) = &file.tools else { panic!("not a list") };
        assert_eq!(&text[list.span.clone()], "Read, *");
        assert!(file.tools.is_wildcard());
        assert_eq!(file.body, text.len()..text.len());
        assert_eq!(AgentFile::parse("---\nname: a\ndescription: d\n---\n").unwrap().tools, Tools::Inherited);
        assert_eq!(AgentFile::parse("---\n  name: a\n  tools: Read\n  description: d\n---\n").unwrap().tools.servers(), Vec::<&str>::new());
    }

    #[test]
    fn entries_say_what_they_grant() {
        let check = |text: &str, expected| {
            let entry = ToolEntry { text: text.into(), span: 0..0 };
            assert_eq!(entry.grant(), expected, "{text}");
        };
        check("*", ToolGrant::Everything);
        check("Read", ToolGrant::BuiltIn("Read"));
        check("mcp__*", ToolGrant::BuiltIn("mcp__*"));
        check("mcp__github", ToolGrant::Server("github"));
        check("mcp__tavily-mcp__*", ToolGrant::Server("tavily-mcp"));
        check("mcp__github__create_issue", ToolGrant::Tool { server: "github", tool: "create_issue" });
        check("mcp__plugin_dev_github__create_issue", ToolGrant::Tool { server: "plugin_dev_github", tool: "create_issue" });
        let (_, file) = read("tools: mcp__b__x, Read, mcp__a, mcp__b__y\nmcpServers: [c, { d: { command: x } }]\n", "\n");
        assert_eq!((file.tools.servers(), file.mcp_servers), (vec!["b", "a"], vec!["c".to_owned(), "d".to_owned()]));
    }

    #[test]
    fn a_broken_file_says_where_and_what_to_do() {
        let huge = format!("---\nname: a\n{}", "x".repeat(AgentFile::LONGEST));
        let broken = [
            ("no front matter", "# An agent\n\nDoes things.\n"),
            ("blank line before the front matter", "\n---\nname: a\ndescription: d\n---\n"),
            ("unterminated", "---\nname: a\ndescription: d\n\nDoes things.\n"),
            ("empty front matter", "---\n---\nDoes things.\n"),
            ("no name", "---\ndescription: d\ntools: Read\n---\n"),
            ("empty name", "---\ndescription: d\nname:\n---\n"),
            ("name is a number", "---\ndescription: d\nname: 7\n---\n"),
            ("no description", "---\nname: a\n---\n"),
            ("colon in description", "---\nname: a\ndescription: Use this: 코드 리뷰 🔍\n---\n"),
            ("tab", "---\nname: a\ndescription: d\ntools:\n\t- Read\n---\n"),
            ("blank tools and broken YAML", "---\nname: a\ntools:\t\n}\n---\n"),
            ("not a mapping", "---\n- name\n- description\n---\n"),
            ("tools twice", "---\nname: a\ndescription: d\ntools: Read\nmodel: opus\ntools: Write\n---\n"),
            ("name twice", "---\nname: a\ndescription: d\nname: b\n---\n"),
            ("star in a list", "---\nname: a\ndescription: d\ntools: [Read, *]\n---\n"),
            ("open flow list", "---\nname: a\ndescription: d\ntools: [Read, Write\n---\n"),
            ("number among tools", "---\nname: a\ndescription: d\ntools: [Read, 5]\n---\n"),
            ("two tools in one entry", "---\nname: a\ndescription: d\ntools:\n  - Read, Write\n---\n"),
            ("tools are a mapping", "---\nname: a\ndescription: d\ntools:\n  Read: true\n---\n"),
            ("too long", &huge),
        ];
        let mut messages: Vec<String> = broken
            .iter()
            .map(|(what, text)| format!("# {what}\n{}\n", AgentFile::parse(text).expect_err(what).render(".claude/agents/a.md")))
            .collect();
        let error = AgentFile::text_of(b"---\nname: \xb1\xe2\n").expect_err("not UTF-8");
        messages.push(format!("# not UTF-8\n{}\n", error.render(".claude/agents/a.md")));
        insta::assert_snapshot!("broken_agent_files", messages.join("\n"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(---\n)?(name: a\n)?(description: d\n)?(tools:)?[-\\[\\]{}#'\"\\\\|>*&!,: \t\r\na-c가🧰]{0,40}(\n---\n)?[a-z\n]{0,5}") {
            let _ = AgentFile::parse(&text);
        }

        #[test]
        fn what_is_placed_stands_there(tools in "[-\\[\\]#'\"(),: \t\r\na-c가🧰*~]{0,20}") {
            let text = format!("---\nname: a\ndescription: d\ntools:{tools}\n---\n");
            if let Ok(AgentFile { tools: Tools::Listed(list), .. }) = AgentFile::parse(&text) {
                for entry in list.entries.iter().filter(|_| list.style != ToolStyle::Unplaced) {
                    prop_assert_eq!(text[entry.span.clone()].trim_matches(['"', '\'']), entry.text.trim_matches(['"', '\'']));
                }
            }
        }
    }
}
