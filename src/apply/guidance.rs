//! A short block in an agent's instructions that says which server serves what, and what to do where it fails. It belongs to mcplab: it is
//! written between two marks, updated in place, and nothing around it changes.

use std::borrow::Cow;
use std::ops::Range;

use crate::import::{AgentFileError, FrontMatter, line_of};
use crate::mapping::Mapping;
use crate::scenario::{AgentId, Scenario, ServerId, Target};

const BEGIN: &str = "<!-- mcplab: begin (written by `mcplab apply --guidance`; edits here are lost) -->";
const BEGINS: &str = "<!-- mcplab: begin";
const END: &str = "<!-- mcplab: end -->";

/// One line a need, where its server is none that the agent has today or something is to be done where it fails.
pub fn lines(scenario: &Scenario, mapping: &Mapping, agent: AgentId, called: &dyn Fn(ServerId) -> String) -> Vec<String> {
    let name = |target: &Target| match target {
        Target::Server(server) => format!("`{}`", called(*server)),
        Target::StandIn(id) => scenario.stand_ins[id.index()].name.clone(),
    };
    let mut lines = Vec::new();
    for id in scenario.needs_of(agent) {
        let (need, assignment) = (scenario.need(id), mapping.assignment(id));
        let mut then: Vec<String> = Vec::new();
        for target in assignment.on_failure.iter().chain(&assignment.on_overload).map(name) {
            if !then.contains(&target) {
                then.push(target);
            }
        }
        if need.current == Some(assignment.primary) && then.is_empty() {
            continue;
        }
        let fallback = if then.is_empty() { String::new() } else { format!("; where it fails or is overloaded: {}", then.join(", then ")) };
        lines.push(format!("- {}: use the MCP server `{}`{fallback}.", scenario.capability(need.capability), called(assignment.primary)));
    }
    lines
}

/// The text of a Markdown file with these lines in its block: put at the end, updated in place, or taken away where there are none.
pub fn written(text: &str, lines: &[String]) -> Result<String, AgentFileError> {
    let front = FrontMatter::parse(text)?;
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let block = format!("{BEGIN}{newline}{}{END}", lines.iter().map(|line| format!("{line}{newline}")).collect::<String>());
    let old = place(text, front.body.clone())?;
    let after = match (old, lines.is_empty()) {
        (None, true) => return Ok(text.to_owned()),
        (Some(old), true) => {
            // With the blank line and the line ending that came with it.
            let before = text[..old.start].strip_suffix(newline).unwrap_or(&text[..old.start]);
            format!("{before}{}", text[old.end..].strip_prefix(newline).unwrap_or(&text[old.end..]))
        }
        (Some(old), false) => format!("{}{block}{}", &text[..old.start], &text[old.end..]),
        (None, false) => {
            let gap = if text.ends_with('\n') { newline.to_owned() } else { newline.repeat(2) };
            format!("{text}{gap}{block}{newline}")
        }
    };
    let read = FrontMatter::parse(&after)?;
    if read.values != front.values || read.yaml != front.yaml {
        return Err(AgentFileError::new("mcplab cannot write guidance into this file: its front matter would change"));
    }
    Ok(after)
}

/// The text with its block blank: what mcplab wrote names servers by intent.
pub fn without(text: &str) -> Cow<'_, str> {
    let whole = FrontMatter::parse(text).ok().and_then(|front| place(text, front.body).ok().flatten());
    match whole {
        None => Cow::Borrowed(text),
        Some(block) => {
            let blank: String = text[block.clone()].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            // Only what stands before the block, and the lines behind it, have to keep their places.
            Cow::Owned(format!("{}{blank}{}", &text[..block.start], &text[block.end..]))
        }
    }
}

/// From the first mark's first byte to the last mark's last.
fn place(text: &str, body: Range<usize>) -> Result<Option<Range<usize>>, AgentFileError> {
    let of = |mark: &str| text[body.clone()].match_indices(mark).map(|(at, _)| body.start + at).collect::<Vec<_>>();
    match (of(BEGINS).as_slice(), of(END).as_slice()) {
        ([], []) => Ok(None),
        ([begin], [end]) if begin < end => Ok(Some(*begin..end + END.len())),
        (begins, ends) => {
            let at = begins.iter().chain(ends).min().copied().unwrap_or(body.start);
            let error =
                AgentFileError::new("mcplab's marks of guidance stand here twice, or one of them is missing").line(line_of(text, at));
            Err(error.hint("keep one `<!-- mcplab: begin -->` and one `<!-- mcplab: end -->` behind it, or neither"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_block_is_put_at_the_end_updated_in_place_and_taken_away() {
        let lines = |text: &str| vec![text.to_owned()];
        for newline in ["\n", "\r\n"] {
            let text = "---\nname: a\n---\nBody.\n".replace('\n', newline);
            let with = written(&text, &lines("- state: use `supabase`.")).unwrap();
            assert_eq!(with, format!("{text}\n{BEGIN}\n- state: use `supabase`.\n{END}\n").replace("\r\n", "\n").replace('\n', newline));
            let more = format!("{with}More.");
            let other = written(&more, &lines("- state: use `memory`.")).unwrap();
            assert_eq!(other, more.replace("supabase", "memory"));
            assert_eq!(written(&with, &[]).unwrap(), text);
            assert_eq!(without(&with).matches('\n').count(), with.matches('\n').count());
            assert!(!without(&with).contains("supabase"));
        }
        let twice = format!("---\nname: a\n---\n{END}\n{BEGIN}\n");
        assert_eq!(written(&twice, &[]).unwrap_err().line, Some(4));
    }

    proptest! {
        #[test]
        fn what_is_written_twice_is_written_once(body in "[a-b \n🧰]{0,20}", first in "[a-z]{1,5}", second in "[a-z]{1,5}") {
            let text = format!("---\nname: a\n---\n{body}");
            let once = written(&text, std::slice::from_ref(&second)).unwrap();
            let via = written(&written(&text, &[first]).unwrap(), std::slice::from_ref(&second)).unwrap();
            prop_assert_eq!(&via, &once);
            prop_assert!(once.starts_with(&text));
            prop_assert_eq!(written(&once, &[second]).unwrap(), once);
        }
    }
}
