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
use super::word_list::{TOOLS, WordList};
use super::{AgentFileError, Grant, Permit};

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

    /// The list in its agents' front matter that grants tools; none where grants are written otherwise, or not at all.
    pub fn tools_list(self) -> Option<WordList<'static>> {
        match self {
            Client::ClaudeCode => Some(TOOLS),
            Client::Copilot | Client::VsCode => Some(WordList { blanks_part: false, ..TOOLS }),
            Client::Gemini => Some(WordList { blanks_part: false, is_text: false, ..TOOLS }),
            _ => None,
        }
    }

    /// What a word of such a list grants, where servers of these names are known; none: everything.
    pub fn permit(self, word: &str, known: &[String]) -> Option<Permit> {
        match self {
            Client::Copilot | Client::VsCode => (word != "*").then(|| copilot::permit(word)),
            Client::Gemini => (!matches!(word, "*" | "mcp_*")).then(|| gemini::permit(word, known)),
            _ => claude_code::permit(word, known),
        }
    }

    /// What the name in a rule is about, where rules permit or deny what their names match.
    pub fn permits(self, pattern: &str, known: &[String]) -> Vec<Permit> {
        match self {
            Client::OpenCode => opencode::permits(pattern, known),
            _ => self.permit(pattern, known).into_iter().collect(),
        }
    }

    /// A grant in the client's own words; where grants are no words, as people may call it.
    pub fn spelled(self, permit: &Permit) -> String {
        match (self, permit) {
            (_, Permit::BuiltIn(tool)) => tool.clone(),
            (Client::Copilot | Client::VsCode, Permit::Server(server)) => format!("{server}/*"),
            (Client::Copilot | Client::VsCode, Permit::Tool { server, tool }) => format!("{server}/{tool}"),
            (Client::Gemini, Permit::Server(server)) => format!("mcp_{server}_*"),
            (Client::Gemini, Permit::Tool { server, tool }) => format!("mcp_{server}_{tool}"),
            (Client::Codex, Permit::Server(server)) => format!("mcp_servers.{server}"),
            (Client::Codex, Permit::Tool { server, tool }) => format!("mcp_servers.{server}.{tool}"),
            (Client::OpenCode, Permit::Server(server)) => format!("{}_*", opencode::in_names(server)),
            (Client::OpenCode, Permit::Tool { server, tool }) => format!("{}_{tool}", opencode::in_names(server)),
            (_, Permit::Server(server)) => format!("mcp__{server}__*"),
            (_, Permit::Tool { server, tool }) => format!("mcp__{server}__{tool}"),
        }
    }

    /// The grant of the agent called `agent` in the text of its file, as an import reads it; of opencode's rules those of this file.
    pub fn grant_in(self, text: &str, agent: &str, known: &[String]) -> Result<Grant, AgentFileError> {
        match self {
            Client::ClaudeCode => claude_code::grant_in(text, known),
            Client::Copilot | Client::VsCode => copilot::grant_in(text),
            Client::Gemini => gemini::grant_in(text, known),
            Client::Codex => codex::grant_in(text),
            Client::OpenCode => opencode::grant_in(text, agent, known),
            Client::Cursor | Client::ClaudeDesktop | Client::Windsurf | Client::Continue => Ok(Grant::all()),
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
