//! The grant of one agent changed in its file, a file a format: only the bytes of the grant, the result read again and compared.

mod codex;
mod markdown;
mod opencode;
mod splice;
#[cfg(test)]
mod tests;
mod words;

pub use words::{ToolsEdit, edit_tools};

use crate::import::{AgentFileError, Client, Grant, Permit};

/// What an agent loses and gains, with servers as its client calls them.
#[derive(Debug, Clone, Copy, Default)]
pub struct GrantEdit<'a> {
    /// Servers of which nothing is to be granted any more.
    pub lose: &'a [&'a str],
    pub gain: &'a [Permit],
    /// Also where everything is granted: there a server is denied, and a server that is denied may be gained.
    pub narrow: bool,
}

/// A file with the edit, and what came and went in the client's own words. A text that is as it was: there was nothing to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    pub text: String,
    pub gained: Vec<String>,
    pub lost: Vec<String>,
}

/// The text of the file that defines `agent` for `client`, with its grant edited; `known` are all servers that the client could mean.
///
/// What it has is not gained, and what it has not is not lost. Where everything is granted, a server is lost only with `narrow`.
///
/// Errors: a file that its client would not load, a grant that the client cannot express or that stands in a form whose place is not
/// certain, a result that does not read back as meant.
pub fn edit_grant(client: Client, text: &str, agent: &str, known: &[String], edit: GrantEdit) -> Result<Edited, AgentFileError> {
    let known = &all_known(known, edit);
    let before = client.grant_in(text, agent, known)?;
    // Rules name a server although everything is granted: it is what they say then, and no matter of everything.
    let is_ruled = |server: &str| client == Client::OpenCode && names(&before.listed, server);
    let is_had = |server: &&str| match before.everything {
        true => !before.denies(server) && (edit.narrow || is_ruled(server)),
        false => names(&before.listed, server),
    };
    let lose: Vec<&str> = edit.lose.iter().copied().filter(is_had).collect();
    // Of a server that is lost as a whole, single tools may stay.
    let is_new = |permit: &&Permit| !has(&before, permit) || permit.server().is_some_and(|server| lose.contains(&server));
    let gain: Vec<Permit> = edit.gain.iter().filter(is_new).cloned().collect();
    let todo = Todo { client, agent, known, lose: &lose, gain: &gain, narrow: edit.narrow, before: &before };
    if lose.is_empty() && gain.is_empty() {
        return Ok(Edited { text: text.to_owned(), gained: Vec::new(), lost: Vec::new() });
    }
    let edited = match client {
        Client::ClaudeCode | Client::Copilot | Client::VsCode | Client::Gemini => markdown::edit(text, &todo)?,
        Client::Codex => codex::edit(text, &todo)?,
        Client::OpenCode => opencode::edit(text, &todo)?,
        Client::Cursor | Client::ClaudeDesktop | Client::Windsurf | Client::Continue => {
            return Err(AgentFileError::new(format!("{} has no grants per agent: nothing can be edited", client.name())));
        }
    };
    let after = client.grant_in(&edited.text, agent, known)?;
    if !todo.is_done(&after) {
        let error = AgentFileError::new("mcplab cannot edit the grant of this file: the result would not read back as meant");
        let line = before.written.as_ref().map_or(1, |written| written.line);
        return Err(error.line(line).hint("other rules or entries of the same servers stand in the way: put them in order by hand"));
    }
    Ok(edited)
}

/// A server whose name begins as another's is told apart only where both are known.
fn all_known(known: &[String], edit: GrantEdit) -> Vec<String> {
    let named = edit.lose.iter().copied().chain(edit.gain.iter().filter_map(Permit::server));
    let mut all: Vec<String> = known.iter().map(String::as_str).chain(named).map(str::to_owned).collect();
    all.sort();
    all.dedup();
    all
}

/// Whether an agent may use this.
pub fn has(grant: &Grant, permit: &Permit) -> bool {
    match permit {
        Permit::Server(server) => (grant.everything || grant.listed.contains(permit)) && !grant.denies(server),
        Permit::Tool { server, tool } => grant.allows(server, tool),
        Permit::BuiltIn(_) => grant.everything || grant.listed.contains(permit),
    }
}

fn names(permits: &[Permit], server: &str) -> bool {
    permits.iter().any(|permit| permit.server() == Some(server))
}

/// What is left to do in a file.
struct Todo<'a> {
    client: Client,
    agent: &'a str,
    known: &'a [String],
    lose: &'a [&'a str],
    gain: &'a [Permit],
    narrow: bool,
    before: &'a Grant,
}

impl Todo<'_> {
    /// The new grant has what was to come, nothing of what was to go, and all else as before.
    fn is_done(&self, after: &Grant) -> bool {
        let touched = |permit: &&Permit| {
            permit.server().is_none_or(|server| !self.lose.contains(&server) && !self.gain.iter().any(|gain| gain.server() == Some(server)))
        };
        let rest = |permits: &[Permit]| permits.iter().filter(touched).cloned().collect::<Vec<_>>();
        let is_lost = |server: &&str| {
            let again = self.gain.iter().any(|gain| gain.server() == Some(*server));
            again || after.denies(server) || (!after.everything && !names(&after.listed, server))
        };
        after.everything == self.before.everything
            && rest(&after.listed) == rest(&self.before.listed)
            && rest(&after.denied) == rest(&self.before.denied)
            && self.gain.iter().all(|gain| has(after, gain))
            && self.lose.iter().all(is_lost)
    }

    fn gained(&self) -> Vec<String> {
        self.gain.iter().map(|permit| self.client.spelled(permit)).collect()
    }
}
