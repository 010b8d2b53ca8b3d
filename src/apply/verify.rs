//! Whether clients would still load what was written, and find every server that was granted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::ApplyError;
use super::backup::Store;
use super::status::standing;
use super::tree::Tree;
use crate::doctor::{Check, Finding, Surroundings, examine};
use crate::import::{Catalogue, Project, Reading};
use crate::scenario::Severity;

/// What makes a client skip a file, refuse an agent, or miss a server.
const CHECKS: [Check; 6] =
    [Check::SkippedFile, Check::UnreadFile, Check::DuplicateAgent, Check::NoToolResolves, Check::ServerNotConfigured, Check::ServerOff];

/// What was found after an apply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// Files that the standing applies have written.
    pub written: usize,
    /// In these files. None: everything loads, and every granted server is configured.
    pub problems: Vec<Finding>,
    /// In files, or of grants, that mcplab did not touch.
    pub others: Vec<Finding>,
    /// The last apply that still stands: what a rollback would take back.
    pub last: Option<String>,
}

/// Reads the folder as its clients do. Writes nothing.
pub fn verify(dir: &Path, state_dir: &Path) -> Result<Verified, ApplyError> {
    let tree = &Tree::open(dir).map_err(ApplyError::io("open", dir))?;
    let actions = Store::new(state_dir, tree).actions()?;
    let applies = standing(&actions);
    let written: BTreeSet<&str> = applies.iter().flat_map(|apply| apply.changes.iter().map(|file| file.path.as_str())).collect();
    let mut gained: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for grants in applies.iter().flat_map(|apply| &apply.grants) {
        gained.entry(&grants.path).or_default().extend(grants.gained.iter().map(String::as_str));
    }

    let project = Project::read(&tree.root, &Reading::default())?;
    let loads = |path: &str| project.agents.iter().any(|a| a.path == path) || project.configs.iter().any(|c| c.path == path);
    let findings = examine(&project, &Catalogue::built_in(), &Surroundings::default());
    let mut verified = Verified { written: written.len(), problems: Vec::new(), others: Vec::new(), last: None };
    verified.last = applies.last().map(|apply| apply.id.clone());
    verified.problems = written.iter().filter(|path| !tree.root.join(path).exists()).map(|path| gone(path)).collect();
    for finding in findings.into_iter().filter(|finding| CHECKS.contains(&finding.check)) {
        // Records name the file behind a link.
        let path = tree.resolve(&finding.path).map_or_else(|_| finding.path.clone(), |real| tree.relative(&real));
        let is_ours = written.contains(path.as_str())
            && match finding.check {
                // What a client leaves out of a file that it loads was there before: mcplab writes nothing of the kind.
                Check::SkippedFile => !loads(&finding.path),
                // A grant that was there before is not ours.
                Check::ServerNotConfigured | Check::ServerOff => server(&finding.what)
                    .is_none_or(|server| gained.get(path.as_str()).is_some_and(|gained| gained.iter().any(|entry| entry.contains(server)))),
                _ => true,
            };
        if is_ours { verified.problems.push(finding) } else { verified.others.push(finding) }
    }
    Ok(verified)
}

/// The server that a finding is about: "agent `a` is granted `server`, which ...".
fn server(what: &str) -> Option<&str> {
    what.split_once(" is granted `")?.1.split('`').next()
}

fn gone(path: &str) -> Finding {
    Finding {
        severity: Severity::Error,
        check: Check::UnreadFile,
        path: path.to_owned(),
        line: None,
        what: "the file that mcplab wrote is gone".to_owned(),
        mend: "roll the apply back, or apply again after an import".to_owned(),
    }
}
