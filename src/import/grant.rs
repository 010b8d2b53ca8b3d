//! What an agent may use of MCP servers, as every client's own spelling says it.

use std::collections::BTreeSet;
use std::ops::Range;

/// A grant. Where nothing is listed and not everything is granted, the agent has no tools.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grant {
    /// Whatever there is: no list at all, or a `*` in it.
    pub everything: bool,
    /// Named one by one, in the file's order.
    pub listed: Vec<Permit>,
    /// Taken away again.
    pub denied: Vec<Permit>,
    /// Where it stands; none where the file says nothing of it.
    pub written: Option<Written>,
}

/// One thing that is granted or denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// All tools of a server.
    Server(String),
    Tool {
        server: String,
        tool: String,
    },
    /// A tool of the client's own, as far as its name tells.
    BuiltIn(String),
}

/// The place of a grant in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// 1-based.
    pub line: usize,
    /// From the key's first byte to the value's last. The text itself stays in the file: it may hold secrets beside the grant.
    pub span: Range<usize>,
}

impl Permit {
    pub fn server(&self) -> Option<&str> {
        match self {
            Permit::Server(server) | Permit::Tool { server, .. } => Some(server),
            Permit::BuiltIn(_) => None,
        }
    }
}

impl Grant {
    pub fn all() -> Grant {
        Grant { everything: true, ..Grant::default() }
    }

    /// Servers that it names and does not take away again, each once, in the order of their first mention.
    pub fn servers(&self) -> Vec<&str> {
        let whole = |permit: &'_ Permit| matches!(permit, Permit::Server(_));
        let mut seen: BTreeSet<&str> = self.denied.iter().filter(|permit| whole(permit)).filter_map(Permit::server).collect();
        self.listed.iter().filter_map(Permit::server).filter(|server| seen.insert(server)).collect()
    }

    /// Whether a server's tools are all taken away.
    pub fn denies(&self, server: &str) -> bool {
        self.denied.iter().any(|permit| matches!(permit, Permit::Server(denied) if denied == server))
    }

    /// Whether a tool of the server can be called.
    pub fn allows(&self, server: &str, tool: &str) -> bool {
        let covers = |permit: &Permit| match permit {
            Permit::Server(known) => known == server,
            Permit::Tool { server: known, tool: name } => known == server && name == tool,
            Permit::BuiltIn(_) => false,
        };
        (self.everything || self.listed.iter().any(covers)) && !self.denied.iter().any(covers)
    }
}
