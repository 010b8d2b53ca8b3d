//! Names of agents, servers, tools, capabilities and kinds of errors: each kept once, and no more of them than a bounded number.

use std::collections::HashMap;

/// A name's place among [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(u32);

#[derive(Debug, Clone)]
pub struct Names {
    texts: Vec<Box<str>>,
    places: HashMap<Box<str>, Name>,
    /// Names that were not kept, for there are too many of them or they are too long.
    pub refused: u64,
}

/// More names than this are no names, but numbers or texts.
const NAMES_MAX: usize = 1 << 14;
/// In bytes. MCP clients refuse tools with longer names than 128.
const NAME_LONGEST: usize = 256;
/// Stands for all names that are not kept.
const OTHER: Name = Name(0);

impl Default for Names {
    fn default() -> Names {
        let mut names = Names { texts: Vec::new(), places: HashMap::new(), refused: 0 };
        names.add("(other)");
        names
    }
}

impl Names {
    /// Blanks around a name are no part of it; an empty one is none.
    pub fn name(&mut self, text: &str) -> Option<Name> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        if let Some(name) = self.places.get(text) {
            return Some(*name);
        }
        if self.texts.len() >= NAMES_MAX || text.len() > NAME_LONGEST {
            self.refused += 1;
            return Some(OTHER);
        }
        Some(self.add(text))
    }

    fn add(&mut self, text: &str) -> Name {
        let name = Name(u32::try_from(self.texts.len()).expect("few names"));
        self.texts.push(text.into());
        self.places.insert(text.into(), name);
        name
    }

    /// A kind of error, where the text is one: a word with a code of at most five digits (`-32602`, `HTTP_500`). A message may hold
    /// anything, and what has more digits may be a key: neither is a kind.
    pub fn error_kind(&mut self, text: &str) -> Name {
        let text = text.trim();
        let is_word = !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:-".contains(&b));
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let parts_with_digits = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).count();
        let is_kind = is_word && digits <= 5 && parts_with_digits <= 1;
        self.name(if is_kind { text } else { "error" }).unwrap_or(OTHER)
    }

    /// Whether a kind of error says that the call was given up: `timeout`, `TimeoutError`, `timed_out`, or the code that MCP's SDKs
    /// write for it.
    pub fn is_timeout(&self, kind: Name) -> bool {
        let kind = self.text(kind).to_ascii_lowercase();
        kind.contains("timeout") || kind.contains("timed_out") || kind == "-32001"
    }

    pub fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }
}

/// Server and tool of a name as Claude Code writes it: `mcp__server__tool`, `mcp__plugin_name_server__tool`. None where it is another
/// tool's name.
pub fn mcp_tool(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("mcp__")?.split_once("__").filter(|(server, tool)| !server.is_empty() && !tool.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_of_mcp_are_known_by_their_prefix() {
        let check = |name: &str, expected: Option<(&str, &str)>| assert_eq!(mcp_tool(name), expected, "{name}");
        check("mcp__github__create_issue", Some(("github", "create_issue")));
        check("mcp__plugin_memory_store__search", Some(("plugin_memory_store", "search")));
        check("mcp__tavily-mcp__tavily__search", Some(("tavily-mcp", "tavily__search")));
        check("mcp__한국어__검색", Some(("한국어", "검색")));
        for other in ["Bash", "mcp__github", "mcp____tool", "mcp__github__", "mcp_github_tool", ""] {
            check(other, None);
        }
    }

    #[test]
    fn names_are_bounded() {
        let mut names = Names::default();
        let first = names.name(" a ").expect("a name");
        assert_eq!((names.name("a"), names.name(" "), names.text(first)), (Some(first), None, "a"));
        for i in 0..2 * NAMES_MAX {
            names.name(&format!("tool {i}"));
        }
        let long = names.name(&"긴".repeat(NAME_LONGEST)).expect("a name");
        assert_eq!((names.text(long), names.texts.len()), ("(other)", NAMES_MAX));
        assert_eq!(names.name("a"), Some(first));
        let message = names.error_kind("cannot open /home/somebody/secret");
        assert_eq!(names.text(message), "(other)", "there is no room for `error` any more, but none for a message either");
    }

    #[test]
    fn kinds_of_errors_are_words() {
        let mut names = Names::default();
        for (text, kind, is_timeout) in [
            ("TimeoutError", "TimeoutError", true),
            ("-32001", "-32001", true),
            ("HTTP_500", "HTTP_500", false),
            ("sk-live-4eC39HqLyjW", "error", false),
            ("ghp_123456", "error", false),
            ("no such issue", "error", false),
        ] {
            let name = names.error_kind(text);
            assert_eq!((names.text(name), names.is_timeout(name)), (kind, is_timeout), "{text}");
        }
    }
}
