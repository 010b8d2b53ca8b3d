//! One Claude Code agent file: YAML front matter, then the agent's instructions. Read with the place of every tool, so that
//! an applier can change exactly those bytes.

use std::ops::Range;

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

impl ToolEntry {
    pub fn grant(&self) -> ToolGrant<'_> {
        let Some(rest) = self.text.strip_prefix("mcp__") else {
            return if self.text == "*" { ToolGrant::Everything } else { ToolGrant::BuiltIn(&self.text) };
        };
        match rest.split_once("__") {
            None | Some((_, "*")) => ToolGrant::Server(rest.trim_end_matches("__*")),
            Some((server, tool)) => ToolGrant::Tool { server, tool },
        }
    }
}
