//! opencode agents, in `opencode.json(c)` or in a Markdown file: rules over names of tools, of which the last that matches wins. A rule
//! of the agent's own comes or goes; what holds for every agent is not touched.

mod json;
mod markdown;

use super::{Edited, Todo, has};
use crate::import::{AgentFileError, FrontMatter, Grant, Permit};

/// Where an agent's own rules stand, the stronger first.
const SECTIONS: [&str; 2] = ["permission", "tools"];

/// A rule of an agent's own.
struct Rule {
    pattern: String,
    allows: bool,
}

pub fn edit(text: &str, todo: &Todo) -> Result<Edited, AgentFileError> {
    let file = if FrontMatter::parse(text).is_ok() { File::Markdown } else { File::Json(todo.agent) };
    let mut edited = Edited { text: text.to_owned(), gained: todo.gained(), lost: Vec::new() };
    let grant = |text: &str| todo.client.grant_in(text, todo.agent, todo.known);
    // First what comes: a mapping of rules that is empty in between would lose its layout.
    for gain in todo.gain {
        let denials =
            file.rules(&edited.text)?.into_iter().filter(|rule| !rule.allows && about(todo, &rule.pattern, &|permit| permit == gain));
        let mut without = edited.text.clone();
        for rule in denials {
            without = file.remove(&without, &rule.pattern)?;
        }
        edited.text = match has(&grant(&without)?, gain) {
            true => without,
            false => file.set(&edited.text, &todo.client.spelled(gain), true)?,
        };
    }
    for server in todo.lose {
        let whole = todo.client.spelled(&Permit::Server((*server).to_owned()));
        let is_of = |permit: &Permit| permit.server() == Some(server) && !todo.gain.contains(permit);
        let own = file.rules(&edited.text)?.into_iter().filter(|rule| rule.allows && about(todo, &rule.pattern, &is_of));
        for rule in own {
            edited.text = file.remove(&edited.text, &rule.pattern)?;
            edited.lost.push(rule.pattern);
        }
        if !is_lost(&grant(&edited.text)?, server, todo.gain) {
            edited.text = file.set(&edited.text, &whole, false)?;
            edited.lost.push(format!("{whole} (denied)"));
        }
    }
    Ok(edited)
}

/// Whether a rule is about this and nothing else.
fn about(todo: &Todo, pattern: &str, is_of: &dyn Fn(&Permit) -> bool) -> bool {
    let permits = todo.client.permits(pattern, todo.known);
    pattern != "*" && !permits.is_empty() && permits.iter().all(is_of)
}

/// Single tools that are gained may stay.
fn is_lost(grant: &Grant, server: &str, gain: &[Permit]) -> bool {
    let stays = |permit: &Permit| permit.server() == Some(server) && !gain.contains(permit);
    grant.denies(server) || (!grant.everything && !grant.listed.iter().any(stays))
}

enum File<'a> {
    Json(&'a str),
    Markdown,
}

impl File<'_> {
    fn rules(&self, text: &str) -> Result<Vec<Rule>, AgentFileError> {
        match self {
            File::Json(agent) => json::rules(text, agent),
            File::Markdown => markdown::rules(text),
        }
    }

    fn set(&self, text: &str, pattern: &str, allows: bool) -> Result<String, AgentFileError> {
        match self {
            File::Json(agent) => json::set(text, agent, pattern, allows),
            File::Markdown => markdown::set(text, pattern, allows),
        }
    }

    fn remove(&self, text: &str, pattern: &str) -> Result<String, AgentFileError> {
        match self {
            File::Json(agent) => json::remove(text, agent, pattern),
            File::Markdown => markdown::remove(text, pattern),
        }
    }
}
