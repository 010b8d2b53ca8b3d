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
    let files: Vec<_> = plan.files.iter().filter_map(|file| Some((file, file.agent.clone()?))).collect();
    for (index, (file, agent)) in files.iter().enumerate() {
        output::text(&file.diff());
        loop {
            let typed = answer(&format!("({}/{}) Change {} [y,n,a,q,?]?", index + 1, files.len(), file.path))?;
            match typed.as_deref().map(|typed| typed.trim().to_lowercase()).as_deref() {
                Some("y") => drop(picked.insert(agent.clone())),
                Some("n") => {}
                Some("a") => {
                    picked.extend(files[index..].iter().map(|(_, agent)| agent.clone()));
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
