//! Codex agents: an agent has its session's servers, and its `mcp_servers` turns some off. `toml_edit` decides what to write, and only
//! what differs is taken over.

use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use super::splice::spliced;
use super::{Edited, Todo};
use crate::import::{AgentFileError, Permit};

const SERVERS: &str = "mcp_servers";
const ENABLED: &str = "enabled";

pub fn edit(text: &str, todo: &Todo) -> Result<Edited, AgentFileError> {
    let mut edited = Edited { text: text.to_owned(), gained: todo.gained(), lost: Vec::new() };
    for server in todo.lose {
        edited.text = one(&edited.text, server, false)?;
        edited.lost.push(format!("{} (enabled = false)", todo.client.spelled(&Permit::Server((*server).to_owned()))));
    }
    let mut turned_on: Vec<&str> = todo.gain.iter().filter_map(Permit::server).collect();
    turned_on.dedup();
    for server in turned_on {
        edited.text = one(&edited.text, server, true)?;
    }
    Ok(edited)
}

fn one(text: &str, server: &str, enabled: bool) -> Result<String, AgentFileError> {
    let after = spliced(text, |plain| {
        // The writer ends every line.
        let unended = if plain.is_empty() || plain.ends_with('\n') { "" } else { "\n" };
        let plain = format!("{plain}{unended}");
        let mut document = parsed(&plain)?;
        if document.to_string() != plain {
            return Err(AgentFileError::new("mcplab cannot edit this file: it would not be written back as it is"));
        }
        if enabled {
            turn_on(document.as_table_mut(), server)
        } else {
            turn_off(document.as_table_mut(), server)?
        }
        let after = document.to_string();
        Ok(after.strip_suffix(unended).map_or(after.clone(), str::to_owned))
    })?;
    let rest = |text: &str| -> Result<String, AgentFileError> {
        let mut document = parsed(text.trim_start_matches('\u{feff}'))?;
        forget(document.as_table_mut(), server);
        Ok(toml::from_str::<toml::Table>(&document.to_string()).map_err(|_| not_toml())?.to_string())
    };
    if rest(text)? != rest(&after)? || comments(text) != comments(&after) {
        return Err(AgentFileError::new(format!("mcplab cannot edit `{SERVERS}.{server}` of this file: more than the grant would change")));
    }
    Ok(after)
}

fn parsed(text: &str) -> Result<DocumentMut, AgentFileError> {
    text.parse().map_err(|_| not_toml())
}

fn not_toml() -> AgentFileError {
    AgentFileError::new("not TOML")
}

/// More than real comments, where texts hold the sign; none may vanish or come.
fn comments(text: &str) -> usize {
    text.matches('#').count()
}

fn turn_off(root: &mut Table, server: &str) -> Result<(), AgentFileError> {
    let no_table = |what: &str| AgentFileError::new(format!("`{what}` is no table")).hint("write [mcp_servers.NAME]");
    let servers = root.entry(SERVERS).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let is_inline = servers.is_inline_table();
    let servers = servers.as_table_like_mut().ok_or_else(|| no_table(SERVERS))?;
    let new = || if is_inline { value(toml_edit::InlineTable::new()) } else { Item::Table(Table::new()) };
    let table = servers.entry(server).or_insert_with(new).as_table_like_mut().ok_or_else(|| no_table(server))?;
    set(table, false);
    Ok(())
}

/// The key goes, and a table that holds nothing else; a comment beside it keeps them.
fn turn_on(root: &mut Table, server: &str) {
    let Some(servers) = root.get_mut(SERVERS).and_then(Item::as_table_like_mut) else { return };
    let Some(item) = servers.get_mut(server) else { return };
    let is_commented = format!("{item}").contains('#') || item.as_table().is_some_and(|table| has_comment(table.decor()));
    let Some(table) = item.as_table_like_mut() else { return };
    let of_key = table.key(ENABLED).is_some_and(|key| has_comment(key.leaf_decor()));
    let of_value = table.get(ENABLED).and_then(Item::as_value).is_some_and(|value| has_comment(value.decor()));
    if of_key || of_value {
        return set(table, true);
    }
    if table.len() > 1 || is_commented {
        table.remove(ENABLED);
        return;
    }
    servers.remove(server);
    // A table that only its own tables name is gone with the last of them.
    if servers.is_empty() && root.get(SERVERS).and_then(Item::as_table).is_some_and(Table::is_implicit) {
        root.remove(SERVERS);
    }
}

fn has_comment(decor: &toml_edit::Decor) -> bool {
    [decor.prefix(), decor.suffix()].into_iter().flatten().any(|raw| raw.as_str().is_some_and(|text| text.contains('#')))
}

fn set(table: &mut dyn TableLike, enabled: bool) {
    match table.get_mut(ENABLED).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = toml_edit::Value::from(enabled);
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(ENABLED, value(enabled));
        }
    }
}

/// Takes away what an edit may change.
fn forget(root: &mut Table, server: &str) {
    let Some(servers) = root.get_mut(SERVERS).and_then(Item::as_table_like_mut) else { return };
    if let Some(table) = servers.get_mut(server).and_then(Item::as_table_like_mut) {
        table.remove(ENABLED);
        if table.is_empty() {
            servers.remove(server);
        }
    }
    if servers.is_empty() {
        root.remove(SERVERS);
    }
}
