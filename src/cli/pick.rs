//! File by file, as `git add -p` goes hunk by hunk: which agents' files are to change.

use std::collections::BTreeSet;
use std::io;

use mcplab::apply::Plan;

use super::output;

const HELP: &str = "\
y - change this file
n - leave this file
a - change this file and all that follow
q - leave this file and all that follow
? - this help";

/// The agents whose files are to change. `answer` asks a question and returns what was typed; None: the input has ended.
pub fn pick(plan: &Plan, mut answer: impl FnMut(&str) -> io::Result<Option<String>>) -> io::Result<BTreeSet<String>> {
    let mut picked = BTreeSet::new();
    let files: Vec<_> = plan.files.iter().filter(|file| !file.agents.is_empty()).collect();
    for (index, file) in files.iter().enumerate() {
        output::text(&file.diff());
        loop {
            let typed = answer(&format!("({}/{}) Change {} [y,n,a,q,?]?", index + 1, files.len(), file.path))?;
            match typed.as_deref().map(|typed| typed.trim().to_lowercase()).as_deref() {
                Some("y") => picked.extend(file.agents.iter().cloned()),
                Some("n") => {}
                Some("a") => {
                    picked.extend(files[index..].iter().flat_map(|file| file.agents.iter().cloned()));
                    return Ok(picked);
                }
                Some("q") | None => return Ok(picked),
                Some(_) => {
                    output::note(HELP);
                    continue;
                }
            }
            break;
        }
    }
    Ok(picked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcplab::apply::{FileChange, Origin, Tree};

    fn check(answers: &[&str], expected: &[&str]) {
        let change = |agent: Option<&str>, path: &str| FileChange {
            path: path.to_owned(),
            agents: agent.map(str::to_owned).into_iter().collect(),
            before: Some(b"a\n".to_vec()),
            after: b"b\n".to_vec(),
        };
        let plan = Plan {
            tree: Tree { root: "/project".into() },
            files: vec![
                change(None, ".mcp.json"),
                change(Some("one"), "one.md"),
                change(Some("two"), "two.md"),
                change(Some("three"), "three.md"),
            ],
            grants: Vec::new(),
            warnings: Vec::new(),
            seen: Default::default(),
            mapping_sha256: String::new(),
            title: String::new(),
            scenario: String::new(),
            origin: Origin::default(),
            part: None,
        };
        let mut answers = answers.iter();
        let picked = pick(&plan, |_| Ok(answers.next().map(|answer| format!("{answer}\n")))).unwrap();
        assert_eq!(picked.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(answers.next(), None, "every answer was asked for");
    }

    #[test]
    fn each_file_is_asked_for() {
        check(&["y", "n", "Y"], &["one", "three"]);
        check(&["n", "a"], &["three", "two"]);
        check(&["y", "q"], &["one"]);
        check(&["what", "?", "y", "n", "n"], &["one"]);
        check(&["y"], &["one"]);
        check(&[], &[]);
    }
}
