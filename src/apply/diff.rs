//! A plan as people read it: the exact lines that change, and the tools that each agent gains and loses.

use std::ops::Range;

use comfy_table::{Cell, ContentArrangement, Table};
use similar::TextDiff;

use super::plan::{FileChange, Plan};
use super::{config, least};
use crate::import::{CONFIG, Dialect, parse_json};
use crate::scenario::document::{self, Node, Problems, Value};

/// Lines of context around a change.
const CONTEXT: usize = 3;

impl Plan {
    /// A unified diff of all files. Secrets in the lines around a change are hidden.
    pub fn diff(&self) -> String {
        self.files.iter().map(FileChange::diff).collect()
    }

    /// The tools that each agent gains and loses, one agent a row.
    pub fn gains_and_losses(&self) -> String {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(["agent", "gains", "loses"]);
        for grants in &self.grants {
            let shown = |entry: &String| if least::writes(entry) { format!("{entry} (writes)") } else { entry.clone() };
            let cell = |entries: &[String]| {
                let entries: Vec<String> = entries.iter().map(shown).collect();
                Cell::new(if entries.is_empty() { "-".to_owned() } else { entries.join("\n") })
            };
            table.add_row([Cell::new(&grants.agent), cell(&grants.gained), cell(&grants.lost)]);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let lines = table.to_string();
        lines.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

impl FileChange {
    pub fn diff(&self) -> String {
        let shown = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            match self.path.rsplit('.').next() {
                _ if self.path == CONFIG => config::masked(&text),
                Some("toml") => masked(&text, "mcp_servers", document_of_toml(&text)),
                Some("json" | "jsonc") => masked(&text, "mcp", parse_json(&text, Dialect::Comments).ok()),
                _ => mask_inline_servers(&text),
            }
        };
        let before = self.before.as_deref().map(shown).unwrap_or_default();
        let after = shown(&self.after);
        let old = if self.before.is_some() { format!("a/{}", self.path) } else { "/dev/null".to_owned() };
        // Between whole lines with their endings, so that a changed ending would show; printed without what a terminal obeys.
        let diff = TextDiff::from_lines(before.as_str(), after.as_str());
        let text = diff.unified_diff().context_radius(CONTEXT).header(&old, &format!("b/{}", self.path)).to_string();
        let mut printed: String = text.split_inclusive('\n').map(printable).collect();
        if after.contains("\r\n") {
            printed.push_str(&format!("(the lines of {} end in CR LF, before and after)\n", self.path));
        }
        printed
    }
}

/// Control characters and marks that turn the direction of text would let a file show something else than it holds.
fn printable(line: &str) -> String {
    let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
    let content = content.strip_suffix('\r').unwrap_or(content);
    let obeyed = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let shown: String = content.chars().map(|c| if obeyed(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect();
    shown + end
}

fn document_of_toml(text: &str) -> Option<Node<'_>> {
    document::parse(text, &mut Problems::default())
}

/// Of servers nothing is shown but their keys, and what turns them on or off. It has the same lines; a file that cannot be read is not
/// shown at all.
fn masked(text: &str, key: &str, root: Option<Node>) -> String {
    let Some(root) = root else { return text.lines().map(|_| "***\n").collect() };
    let mut spans = Vec::new();
    if let Some(servers) = root.get(key) {
        texts_in(&servers.node, &mut spans);
    }
    config::hidden(text, spans)
}

fn texts_in(node: &Node, spans: &mut Vec<Range<usize>>) {
    match &node.value {
        Value::Table(entries) => entries.iter().for_each(|entry| texts_in(&entry.node, spans)),
        Value::List(items) => items.iter().for_each(|item| texts_in(item, spans)),
        Value::Flag(_) => {}
        _ => spans.push(node.span.clone()),
    }
}

/// Servers defined in an agent's front matter may hold secrets: nothing of them is shown but that they are there.
fn mask_inline_servers(text: &str) -> String {
    let (mut in_front, mut in_servers) = (false, false);
    let mut shown = String::with_capacity(text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim_end_matches(['\r', '\n']);
        let mut visible = content.len();
        if content.trim_start_matches('\u{feff}').trim_end() == "---" {
            (in_front, in_servers) = (number == 0, false);
        } else if in_front && !content.starts_with([' ', '\t', '-', '#']) && !content.is_empty() {
            let key = content.split(':').next().unwrap_or_default();
            in_servers = matches!(key.trim().trim_matches(['"', '\'']), "mcpServers" | "mcp-servers");
            visible = if in_servers { key.len() + 1 } else { visible };
        } else if in_servers {
            visible = content.len() - content.trim_start().len();
        }
        let visible = visible.min(content.len());
        shown.push_str(&content[..visible]);
        shown.push_str(if content[visible..].trim().is_empty() { "" } else { " ***" });
        shown.push_str(&line[content.len()..]);
    }
    shown
}
