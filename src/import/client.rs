//! The clients whose configs are read: a file each, from text to the same data.

mod claude_code;
mod claude_desktop;
mod codex;
mod continue_dev;
mod copilot;
mod cursor;
mod gemini;
mod opencode;
mod vscode;
mod windsurf;

use super::reader::Reader;

/// A program that runs agents and starts MCP servers. In the order in which names are given out: where two clients use the same
/// one, the first keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Client {
    ClaudeCode,
    Copilot,
    VsCode,
    Gemini,
    Codex,
    OpenCode,
    Cursor,
    ClaudeDesktop,
    Windsurf,
    Continue,
}

impl Client {
    pub const ALL: [Client; 10] = [
        Client::ClaudeCode,
        Client::Copilot,
        Client::VsCode,
        Client::Gemini,
        Client::Codex,
        Client::OpenCode,
        Client::Cursor,
        Client::ClaudeDesktop,
        Client::Windsurf,
        Client::Continue,
    ];

    /// As its makers call it.
    pub fn name(self) -> &'static str {
        match self {
            Client::ClaudeCode => "Claude Code",
            Client::Copilot => "GitHub Copilot",
            Client::VsCode => "VS Code",
            Client::Gemini => "Gemini CLI",
            Client::Codex => "Codex",
            Client::OpenCode => "opencode",
            Client::Cursor => "Cursor",
            Client::ClaudeDesktop => "Claude Desktop",
            Client::Windsurf => "Windsurf",
            Client::Continue => "Continue",
        }
    }

    /// On the command line, and behind names that another client uses too.
    pub fn slug(self) -> &'static str {
        match self {
            Client::ClaudeCode => "claude-code",
            Client::Copilot => "copilot",
            Client::VsCode => "vscode",
            Client::Gemini => "gemini-cli",
            Client::Codex => "codex",
            Client::OpenCode => "opencode",
            Client::Cursor => "cursor",
            Client::ClaudeDesktop => "claude-desktop",
            Client::Windsurf => "windsurf",
            Client::Continue => "continue",
        }
    }

    /// Whose server files its agents see, the closest first.
    pub fn sees(self) -> &'static [Client] {
        match self {
            Client::ClaudeCode => &[Client::ClaudeCode],
            // An agent file of Copilot's runs in VS Code too.
            Client::Copilot => &[Client::Copilot, Client::VsCode],
            Client::VsCode => &[Client::VsCode],
            Client::Gemini => &[Client::Gemini],
            Client::Codex => &[Client::Codex],
            Client::OpenCode => &[Client::OpenCode],
            Client::Cursor => &[Client::Cursor],
            Client::ClaudeDesktop => &[Client::ClaudeDesktop],
            Client::Windsurf => &[Client::Windsurf],
            Client::Continue => &[Client::Continue],
        }
    }

    /// Servers that its agents have although no file configures them.
    pub fn built_in_servers(self) -> &'static [&'static str] {
        match self {
            // https://docs.github.com/copilot/reference/custom-agents-configuration, "out-of-the-box" servers
            Client::Copilot => &["github", "playwright"],
            _ => &[],
        }
    }

    /// Files of variables that it reads by itself.
    pub fn env_files(self) -> &'static [&'static str] {
        match self {
            // https://github.com/google-gemini/gemini-cli/blob/main/docs/get-started/configuration.md
            Client::Gemini => &[".gemini/.env", ".env"],
            _ => &[],
        }
    }

    /// What its files do not hold, whatever they say.
    pub fn cannot_say(self) -> Option<&'static str> {
        match self {
            Client::ClaudeCode => None,
            Client::Copilot => Some("servers of a repository's settings on GitHub are in no file; only those of files are read"),
            Client::VsCode => Some("values of `${input:...}` are asked for at the start, so whether they are there is not known"),
            Client::Gemini => Some("a tool's name joins server and tool by `_`: which is which is told by the servers configured"),
            Client::Codex => {
                Some("an agent has every server of its session; its `mcp_servers` adds some or turns some off, and names no tools")
            }
            Client::OpenCode => Some("a tool's name joins server and tool by `_`: which is which is told by the servers configured"),
            Client::Cursor => Some("a grant per agent is not expressible: agent files have no tools, so each agent has every server"),
            Client::ClaudeDesktop | Client::Windsurf | Client::Continue => {
                Some("a grant per agent is not expressible: it has no agent files, so its one chat has every server")
            }
        }
    }

    /// Reads what a project holds for it.
    pub(super) fn read_project(self, reader: &mut Reader) {
        match self {
            Client::ClaudeCode => claude_code::read_project(reader),
            Client::Copilot => copilot::read_project(reader),
            Client::VsCode => vscode::read_project(reader),
            Client::Gemini => gemini::read(reader),
            Client::Codex => codex::read(reader),
            Client::OpenCode => opencode::read_project(reader),
            Client::Cursor => cursor::read(reader),
            Client::ClaudeDesktop => claude_desktop::read_project(reader),
            Client::Windsurf => windsurf::read_project(reader),
            Client::Continue => continue_dev::read(reader),
        }
    }

    /// Reads what a home folder holds for it.
    pub(super) fn read_user(self, reader: &mut Reader) {
        match self {
            Client::ClaudeCode => claude_code::read_user(reader),
            Client::Copilot => copilot::read_user(reader),
            Client::VsCode => vscode::read_user(reader),
            Client::Gemini => gemini::read(reader),
            Client::Codex => codex::read(reader),
            Client::OpenCode => opencode::read_user(reader),
            Client::Cursor => cursor::read(reader),
            Client::ClaudeDesktop => claude_desktop::read_user(reader),
            Client::Windsurf => windsurf::read_user(reader),
            Client::Continue => continue_dev::read(reader),
        }
    }
}
