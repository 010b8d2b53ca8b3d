//! Agents of Claude Code, GitHub Copilot (VS Code) and Gemini CLI: words in `tools`; of Claude Code also in `disallowedTools`, where
//! everything else is granted.

use super::words::{ToolsEdit, edit_words, others};
use super::{Edited, Todo};
use crate::import::{AgentFileError, Client, FrontMatter, Permit, TOOLS, WordList, lines, place_words};

/// What wins over `tools`.
const DENIED: WordList = WordList { key: "disallowedTools", ..TOOLS };

pub fn edit(text: &str, todo: &Todo) -> Result<Edited, AgentFileError> {
    let mut edited = Edited { text: text.to_owned(), gained: todo.gained(), lost: Vec::new() };
    let denied_gains: Vec<&Permit> =
        todo.gain.iter().filter(|gain| gain.server().is_some_and(|server| todo.before.denies(server))).collect();
    if let (Some(gain), false) = (denied_gains.first(), todo.narrow) {
        let message = format!("`disallowedTools` forbids what is to be granted: {}", todo.client.spelled(gain));
        return Err(AgentFileError::new(message).hint("take it out there, or give --narrow"));
    }
    if !denied_gains.is_empty() {
        let allowed = |word: &str| {
            let denies = |gain: &&Permit| matches!(todo.client.permit(word, todo.known), Some(Permit::Server(server)) if gain.server() == Some(&server));
            denied_gains.iter().any(denies)
        };
        edited.text = allow(&edited.text, &allowed)?;
    }
    if todo.before.everything {
        deny(&mut edited, todo)?;
        return Ok(edited);
    }
    let words = todo.client.tools_list().expect("grants of this client are words");
    let is_of = |word: &str| todo.client.permit(word, todo.known).and_then(|permit| permit.server().map(str::to_owned));
    if !FrontMatter::parse(&edited.text)?.values.contains_key(words.key) {
        let error = AgentFileError::new("`disallowedTools` forbids all servers, and there are no `tools` to add to");
        return Err(error.hint("deny the servers by name, or list the tools"));
    }
    let found = words_in(&edited.text, words)?;
    let mut remove: Vec<&str> = Vec::new();
    for word in &found {
        if is_of(word).is_some_and(|server| todo.lose.contains(&server.as_str())) && !remove.contains(&word.as_str()) {
            remove.push(word);
        }
    }
    // What goes and comes back as the same word stays.
    let gained = todo.gained();
    let add: Vec<&str> =
        gained.iter().map(String::as_str).filter(|word| !found.iter().any(|f| f == word) || remove.contains(word)).collect();
    let (add, remove) = unequal(&add, &remove);
    edited.text = edit_words(&edited.text, words, ToolsEdit { remove: &remove, add: &add }, &|word| is_of(word).is_some())?;
    edited.lost = remove.iter().map(|word| (*word).to_owned()).collect();
    edited.gained = add.iter().map(|word| (*word).to_owned()).collect();
    Ok(edited)
}

fn unequal<'a>(add: &[&'a str], remove: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let only = |of: &[&'a str], other: &[&'a str]| of.iter().copied().filter(|word| !other.contains(word)).collect();
    (only(add, remove), only(remove, add))
}

fn words_in(text: &str, words: WordList) -> Result<Vec<String>, AgentFileError> {
    let front = FrontMatter::parse(text)?;
    match front.values.get(words.key) {
        Some(value) => Ok(place_words(text, front.yaml.clone(), value, words)?.entries.into_iter().map(|entry| entry.text).collect()),
        None => Ok(Vec::new()),
    }
}

/// Denies what is lost, in a list of its own: a line more where there is none yet.
fn deny(edited: &mut Edited, todo: &Todo) -> Result<(), AgentFileError> {
    if todo.lose.is_empty() {
        return Ok(());
    }
    if todo.client != Client::ClaudeCode {
        let message = format!("the agent is granted everything, and {} has no list of what is denied", todo.client.name());
        return Err(AgentFileError::new(message).hint("list its tools by name first"));
    }
    let denied: Vec<String> = todo.lose.iter().map(|server| todo.client.spelled(&Permit::Server((*server).to_owned()))).collect();
    let front = FrontMatter::parse(&edited.text)?;
    if front.values.contains_key(DENIED.key) {
        let add: Vec<&str> = denied.iter().map(String::as_str).collect();
        edited.text = edit_words(&edited.text, DENIED, ToolsEdit { remove: &[], add: &add }, &|word| word.starts_with("mcp__"))?;
    } else {
        let text = &edited.text;
        let first = lines(text, front.yaml.clone()).map(|line| &text[line]).find(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let indent = first.map_or("", |line| &line[..line.len() - line.trim_start_matches(' ').len()]);
        let newline = if text[..front.yaml.end].ends_with("\r\n") { "\r\n" } else { "\n" };
        let line = format!("{indent}{}: {}{newline}", DENIED.key, denied.join(", "));
        let after = format!("{}{line}{}", &text[..front.yaml.end], &text[front.yaml.end..]);
        only_denials_differ(text, &front, &after)?;
        edited.text = after;
    }
    edited.lost = denied.iter().map(|word| format!("{word} (denied)")).collect();
    Ok(())
}

/// Takes words out of what is denied; the line with the last one goes too.
fn allow(text: &str, allowed: &dyn Fn(&str) -> bool) -> Result<String, AgentFileError> {
    let words = words_in(text, DENIED)?;
    let remove: Vec<&str> = words.iter().map(String::as_str).filter(|word| allowed(word)).collect();
    if remove.len() < words.len() {
        return edit_words(text, DENIED, ToolsEdit { remove: &remove, add: &[] }, &|word| word.starts_with("mcp__"));
    }
    let front = FrontMatter::parse(text)?;
    let written = front.written(text, DENIED.key).map(|written| written.span).unwrap_or_default();
    let end = text[written.end..].find('\n').map_or(text.len(), |at| written.end + at + 1);
    let after = format!("{}{}", &text[..written.start], &text[end..]);
    if text[written.start..end].contains('#') {
        return Err(AgentFileError::new("a comment stands beside what would be allowed again").at(text, written.start));
    }
    only_denials_differ(text, &front, &after)?;
    Ok(after)
}

fn only_denials_differ(text: &str, before: &FrontMatter, edited: &str) -> Result<(), AgentFileError> {
    let after = FrontMatter::parse(edited)?;
    if others(before, DENIED.key) == others(&after, DENIED.key) && text[before.body.clone()] == edited[after.body.clone()] {
        return Ok(());
    }
    Err(AgentFileError::new("mcplab cannot edit the disallowedTools of this file: the result would not read back as meant"))
}
