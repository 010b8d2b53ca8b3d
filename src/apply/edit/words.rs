//! One edit of a list of words in front matter: entries go and come, no other byte changes.

use std::ops::Range;

use yaml_serde::Value;

use crate::import::{AgentFile, AgentFileError, FrontMatter, TOOLS, ToolEntry, ToolList, ToolStyle, Tools, WordList, place_words};

/// Entries of `tools` as they are written: `Read`, `mcp__github__*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ToolsEdit<'a> {
    /// Each has to be there.
    pub remove: &'a [&'a str],
    /// None may be there. They come after the last MCP entry, else at the end.
    pub add: &'a [&'a str],
}

/// The text of a Claude Code agent's file with its tools edited, in the style in which they are written; `file` is what was read of it.
///
/// Only bytes of the `tools` value change, and the result is read again: its tools are the expected ones, all else is as it was.
/// Adding entries to a list that has some, then removing them, gives the first text back.
///
/// Errors: tools that permit everything, an entry to remove that is not there, one to add that is, a list left without entries
/// (a client refuses such an agent), comments within a flow list.
pub fn edit_tools(text: &str, file: &AgentFile, edit: ToolsEdit) -> Result<String, AgentFileError> {
    if file.tools.is_wildcard() {
        let error = AgentFileError::new(format!("agent `{}` is granted everything, which an edit cannot narrow or widen", file.name));
        let hint = error.hint("list its tools by name first");
        return Err(match &file.tools {
            Tools::Listed(list) => hint.at(text, list.span.start),
            Tools::Inherited => hint,
        });
    }
    edit_words(text, TOOLS, edit, &|word| word.starts_with("mcp__"))
}

/// The same for any list of words; `is_mcp`: whether a word grants tools of a server.
pub fn edit_words(text: &str, words: WordList, edit: ToolsEdit, is_mcp: &dyn Fn(&str) -> bool) -> Result<String, AgentFileError> {
    let front = FrontMatter::parse(text)?;
    let Some(value) = front.values.get(words.key) else {
        return Err(AgentFileError::new(format!("there is no `{}`", words.key)));
    };
    let list = &place_words(text, front.yaml.clone(), value, words)?;
    let at = |error: AgentFileError| error.at(text, list.span.start);
    check(list, edit).map_err(at)?;
    if edit.remove.is_empty() && edit.add.is_empty() {
        return Ok(text.to_owned());
    }
    let anchor = anchor(list, is_mcp);
    let (region, value) = match list.style {
        ToolStyle::Unplaced => {
            let error = AgentFileError::new(format!("the {} stand in a form that mcplab reads and does not edit", words.key));
            return Err(at(error).hint(format!("write them plainly: `{}: Read, mcp__github__*`, or one `- Read` a line", words.key)));
        }
        _ if list.entries.is_empty() => filled(text, list, edit.add, words),
        ToolStyle::Block => block(text, list, edit, anchor),
        ToolStyle::Commas | ToolStyle::Spaces | ToolStyle::Flow => inline(text, list, edit, anchor).map_err(at)?,
    };
    let edited = format!("{}{value}{}", &text[..region.start], &text[region.end..]);
    if !is_as_expected(text, &front, &edited, words, &expected(list, edit, anchor)) {
        let message = format!("mcplab cannot edit the {} of this file: the result would not read back as meant", words.key);
        let hint = format!("write them plainly: `{}: Read, mcp__github__*`, or one `- Read` a line", words.key);
        return Err(at(AgentFileError::new(message)).hint(hint));
    }
    Ok(edited)
}

fn check(list: &ToolList, edit: ToolsEdit) -> Result<(), AgentFileError> {
    let has = |tool: &str| list.entries.iter().any(|entry| entry.text == tool);
    if let Some(missing) = edit.remove.iter().find(|tool| !has(tool)) {
        return Err(AgentFileError::new(format!("`{missing}` is not among the tools")));
    }
    if let Some(present) = edit.add.iter().enumerate().find(|(i, tool)| has(tool) || edit.add[..*i].contains(tool)) {
        return Err(AgentFileError::new(format!("`{}` would stand among the tools twice", present.1)));
    }
    let kept = list.entries.iter().filter(|entry| is_kept(entry, edit)).count();
    if kept + edit.add.len() == 0 && !list.entries.is_empty() {
        return Err(AgentFileError::new("the agent would be left without tools").hint("clients refuse to start such an agent"));
    }
    Ok(())
}

fn is_kept(entry: &ToolEntry, edit: ToolsEdit) -> bool {
    !edit.remove.contains(&entry.text.as_str())
}

/// Behind which entry the new ones come: the last that grants MCP tools (it may be one that goes), else the last.
fn anchor(list: &ToolList, is_mcp: &dyn Fn(&str) -> bool) -> usize {
    list.entries.iter().rposition(|entry| is_mcp(&entry.text)).unwrap_or(list.entries.len().saturating_sub(1))
}

fn expected<'a>(list: &'a ToolList, edit: ToolsEdit<'a>, anchor: usize) -> Vec<&'a str> {
    let end = if list.entries.is_empty() { 0 } else { anchor + 1 };
    let kept = |entries: &'a [ToolEntry]| entries.iter().filter(move |entry| is_kept(entry, edit)).map(|entry| entry.text.as_str());
    kept(&list.entries[..end]).chain(edit.add.iter().copied()).chain(kept(&list.entries[end..])).collect()
}

/// In place of an empty value.
fn filled(text: &str, list: &ToolList, add: &[&str], words: WordList) -> (Range<usize>, String) {
    let gap = if text[..list.span.start].ends_with(':') { " " } else { "" };
    let (open, close) = if words.is_text || list.style == ToolStyle::Flow { ("", "") } else { ("[", "]") };
    (list.span.clone(), format!("{gap}{open}{}{close}", add.join(", ")))
}

/// Whole lines go and come.
fn block(text: &str, list: &ToolList, edit: ToolsEdit, anchor: usize) -> (Range<usize>, String) {
    let line_of = |entry: &ToolEntry| {
        let start = text[..entry.span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[entry.span.end..].find('\n').map_or(text.len(), |newline| entry.span.end + newline + 1);
        start..end
    };
    let region = line_of(&list.entries[0]).start..line_of(&list.entries[list.entries.len() - 1]).end;
    let mut value = String::new();
    let mut at = region.start;
    for (i, entry) in list.entries.iter().enumerate() {
        let line = line_of(entry);
        value.push_str(&text[at..line.start]);
        if is_kept(entry, edit) {
            value.push_str(&text[line.clone()]);
        }
        if i == anchor {
            let newline = if text[line.clone()].ends_with("\r\n") { "\r\n" } else { "\n" };
            for tool in edit.add {
                value.push_str(&format!("{}{}{newline}", &text[line.start..entry.span.start], like(text, entry, tool)));
            }
        }
        at = line.end;
    }
    (region, value)
}

/// Entries on one line or several, with something between them: each new one is separated as its neighbour is.
fn inline(text: &str, list: &ToolList, edit: ToolsEdit, anchor: usize) -> Result<(Range<usize>, String), AgentFileError> {
    let entries = &list.entries;
    let between = |i: usize| &text[entries[i].span.end..entries[i + 1].span.start];
    // What stands between is white space and commas, or a comment in a flow list: it would be unclear to which entry it belongs.
    let tail = text[list.span.end..].split(']').next().unwrap_or_default();
    let comment_behind = list.style == ToolStyle::Flow && tail.contains('#');
    if comment_behind || (1..entries.len()).any(|i| between(i - 1).contains('#')) {
        return Err(AgentFileError::new("mcplab does not edit a list of tools in brackets with comments in it")
            .hint("write one `- Read` a line; comments may stay there"));
    }
    let default = if list.style == ToolStyle::Spaces { " " } else { ", " };
    let separator = match entries.len() {
        1 => default,
        _ => between(anchor.max(1) - 1),
    };
    // Each piece with what separates it from the one before.
    let mut value = String::new();
    let mut push = |separator: &str, piece: &str| {
        if !value.is_empty() {
            value.push_str(separator);
        }
        value.push_str(piece);
    };
    for (i, entry) in entries.iter().enumerate() {
        if is_kept(entry, edit) {
            push(if i == 0 { "" } else { between(i - 1) }, &text[entry.span.clone()]);
        }
        if i == anchor {
            for tool in edit.add {
                push(separator, &like(text, entry, tool));
            }
        }
    }
    Ok((list.span.clone(), value))
}

/// A tool in quotes where the entry has its own.
fn like(text: &str, entry: &ToolEntry, tool: &str) -> String {
    let quote = &text[entry.span.start..entry.span.start + (entry.span.len() - entry.text.len()) / 2];
    format!("{quote}{tool}{quote}")
}

/// Reads the result: the words are these, and everything else is as it was.
fn is_as_expected(text: &str, before: &FrontMatter, edited: &str, words: WordList, expected: &[&str]) -> bool {
    let Ok(after) = FrontMatter::parse(edited) else { return false };
    let Some(Ok(list)) = after.values.get(words.key).map(|value| place_words(edited, after.yaml.clone(), value, words)) else {
        return false;
    };
    list.entries.iter().map(|entry| entry.text.as_str()).eq(expected.iter().copied())
        && others(before, words.key) == others(&after, words.key)
        && edited[after.body] == text[before.body.clone()]
}

/// What front matter says beside one key.
pub fn others<'f>(front: &'f FrontMatter, key: &str) -> Vec<(&'f Value, &'f Value)> {
    front.values.iter().filter(|(name, _)| name.as_str() != Some(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "---\nname: 기록자\ndescription: Keeps records 📋\n";
    const TAIL: &str = "model: sonnet # the usual\n---\n\n본문은 그대로 🧰\ntools: Fake\n";

    fn edited(tools: &str, remove: &[&str], add: &[&str]) -> Result<String, String> {
        let text = format!("{HEAD}{tools}{TAIL}");
        let file = AgentFile::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let result = edit_tools(&text, &file, ToolsEdit { remove, add });
        result.map_err(|error| error.render("a.md")).map(|edited| {
            let middle = edited.strip_prefix(HEAD).and_then(|rest| rest.strip_suffix(TAIL));
            middle.expect("nothing around the tools changes").to_owned()
        })
    }

    fn check(tools: &str, remove: &[&str], add: &[&str], expected: &str) {
        for newline in ["\n", "\r\n"] {
            let tools = tools.replace('\n', newline);
            assert_eq!(edited(&tools, remove, add), Ok(expected.replace('\n', newline)), "{tools}");
        }
    }

    #[test]
    fn tools_are_edited_in_their_own_style() {
        let (fs, db) = (&["mcp__fs__*"][..], &["mcp__db__*"][..]);
        check("tools: mcp__fs__*, mcp__m, Read, mcp__time__*\n", fs, db, "tools: mcp__m, Read, mcp__time__*, mcp__db__*\n");
        check("tools: Read,mcp__fs__*,Bash # three\n", fs, db, "tools: Read,mcp__db__*,Bash # three\n");
        check("tools: Read, Bash\n", &[], db, "tools: Read, Bash, mcp__db__*\n");
        check("tools: \"Read, mcp__fs__*\"\n", fs, db, "tools: \"Read, mcp__db__*\"\n");
        check("tools: mcp__fs__* Read\n", &[], db, "tools: mcp__fs__* mcp__db__* Read\n");
        check("tools: mcp__fs__*\n", fs, db, "tools: mcp__db__*\n");
        check("tools: Read,\n  mcp__fs__*,\n  Bash\n", &[], db, "tools: Read,\n  mcp__fs__*,\n  mcp__db__*,\n  Bash\n");
        check("tools: [Read, 'mcp__fs__*', \"Bash\"]\n", &[], db, "tools: [Read, 'mcp__fs__*', 'mcp__db__*', \"Bash\"]\n");
        check("tools: [\n  Read,\n  mcp__fs__*,\n]\n", fs, db, "tools: [\n  Read,\n  mcp__db__*,\n]\n");
        check(
            "tools:\n  - Read # r\n  # m\n  - mcp__fs__* # f\n  - Bash\n",
            fs,
            db,
            "tools:\n  - Read # r\n  # m\n  - mcp__db__*\n  - Bash\n",
        );
        check("tools:\n-   \"mcp__fs__*\"\n- Read\n", &[], db, "tools:\n-   \"mcp__fs__*\"\n-   \"mcp__db__*\"\n- Read\n");
        check("tools: Read, mcp__fs__*, Bash, mcp__fs__*\n", fs, &[], "tools: Read, Bash\n");
        check("tools:\n", &[], db, "tools: mcp__db__*\n");
        check("tools: ~\n", &[], db, "tools: mcp__db__*\n");
        check("tools: []\n", &[], db, "tools: [mcp__db__*]\n");
        check("tools: '' # none\n", &[], &["mcp__db__*", "Read"], "tools: 'mcp__db__*, Read' # none\n");
        check("tools: Read\n", &[], &[], "tools: Read\n");
    }

    #[test]
    fn what_cannot_be_edited_says_why() {
        let refused = [
            edited("tools: *\n", &[], &["mcp__a"]),
            edited("tools: *, mcp__github__*\n", &["mcp__github__*"], &[]),
            edited("", &[], &["mcp__a"]),
            edited("tools: Read\n", &["mcp__a"], &[]),
            edited("tools: Read, mcp__a\n", &[], &["mcp__a"]),
            edited("tools: mcp__a\n", &["mcp__a"], &[]),
            edited("tools: [Read, # r\n  mcp__a]\n", &["mcp__a"], &[]),
            edited("tools: Read\n", &[], &["mcp__a #b"]),
            edited("tools: Read\n", &[], &["mcp__a: b"]),
            edited("tools:\n  - Read\n", &[], &["- x"]),
        ];
        let messages: Vec<String> = refused.into_iter().map(|result| result.expect_err("refused")).collect();
        insta::assert_snapshot!("refused_edits", messages.join("\n\n"));
    }

    /// Tools of their own, in one of the styles, as lines of front matter.
    fn tools_in_style() -> impl Strategy<Value = (Vec<String>, String)> {
        let tool = prop_oneof![
            "[A-Z][a-z]{2,6}",
            "mcp__[a-z]{2,5}__\\*",
            "mcp__[a-z-]{2,5}[a-z]",
            "mcp__[a-z]{2,4}__[a-z_]{1,5}x",
            "mcp__[가-힣]{1,3}__\\*"
        ];
        let tools = prop::collection::btree_set(tool, 1..7).prop_map(|set| set.into_iter().collect::<Vec<_>>()).prop_shuffle();
        (tools, 0..9usize, prop_oneof!["\n", "\r\n"]).prop_map(|(tools, style, newline)| {
            let list = |before: &str, after: &str| tools.iter().map(|tool| format!("{before}{tool}{after}")).collect::<String>();
            let lines = match style {
                0 => format!("tools: {}\n", tools.join(", ")),
                1 => format!("tools: {} # comment\n", tools.join(",")),
                2 => format!("tools:  \"{}\"\n", tools.join(" , ")),
                3 => format!("tools: {}\n", tools.join(" ")),
                4 => format!("tools: [{}]\n", tools.join(", ")),
                5 => format!("tools: [\n{}]\n", list("    '", "',\n")),
                6 => format!("tools:\n{}", list("  - ", "\n")),
                7 => format!("tools: # some\n{}", list("- \"", "\" # why\n# own line\n")),
                _ => format!("tools: {}\n", tools.join(",\n  ")),
            };
            (tools, lines.replace('\n', &newline))
        })
    }

    proptest! {
        #[test]
        fn what_was_added_can_be_removed_to_the_byte((_, lines) in tools_in_style(), add in prop::collection::btree_set("mcp__new[a-z]{1,3}__\\*", 1..4)) {
            let add: Vec<&str> = add.iter().map(String::as_str).collect();
            let wider = edited(&lines, &[], &add).map_err(TestCaseError::fail)?;
            prop_assert_eq!(edited(&wider, &add, &[]), Ok(lines));
        }

        #[test]
        fn only_the_named_entries_go_and_come((tools, lines) in tools_in_style(), goes in prop::collection::vec(any::<bool>(), 7), adds in 0..3usize) {
            let remove: Vec<&str> = tools.iter().zip(&goes).filter(|(_, goes)| **goes).map(|(tool, _)| tool.as_str()).collect();
            let add = &["mcp__new-a__*", "mcp__새것"][..adds.min(2)];
            // `edited` asserts that nothing around the value changes.
            let result = edited(&lines, &remove, add);
            if remove.len() == tools.len() && add.is_empty() {
                prop_assert!(result.is_err());
                return Ok(());
            }
            let result = result.map_err(TestCaseError::fail)?;
            let after = AgentFile::parse(&format!("{HEAD}{result}{TAIL}")).unwrap();
            let Tools::Listed(list) = after.tools else { panic!("not a list") };
            let mut found: Vec<&str> = list.entries.iter().map(|entry| entry.text.as_str()).collect();
            let mut expected: Vec<&str> = tools.iter().map(String::as_str).filter(|tool| !remove.contains(tool)).chain(add.iter().copied()).collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
            // Comments of the key's line and on lines of their own stay.
            prop_assert_eq!(result.matches("# own line").count(), lines.matches("# own line").count());
        }

        #[test]
        fn odd_spellings_are_edited_rightly_or_refused(tools in "[-\\[\\]#'\"(),: \t\na-c가🧰~]{0,20}", which in any::<prop::sample::Index>()) {
            let text = format!("{HEAD}tools:{tools}\n{TAIL}");
            let Ok(file) = AgentFile::parse(&text) else { return Ok(()) };
            let Tools::Listed(list) = &file.tools else { return Ok(()) };
            let wider = edit_tools(&text, &file, ToolsEdit { remove: &[], add: &["mcp__new__*"] });
            if let (Ok(wider), false) = (&wider, list.entries.is_empty()) {
                let read = AgentFile::parse(wider).unwrap();
                let back = edit_tools(wider, &read, ToolsEdit { remove: &["mcp__new__*"], add: &[] });
                prop_assert_eq!(back.as_ref().ok(), Some(&text));
            }
            if !list.entries.is_empty() {
                // Whatever comes of it has been read again and compared.
                let _ = edit_tools(&text, &file, ToolsEdit { remove: &[&which.get(&list.entries).text], add: &["mcp__new__*"] });
            }
        }
    }
}
