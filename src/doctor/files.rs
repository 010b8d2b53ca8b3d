//! Files that a client would skip, and names that stand twice.

use std::collections::BTreeSet;

use super::{Check, Finding, Patient};
use crate::scenario::Severity;

pub fn check(patient: &Patient) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for broken in &patient.project.broken {
        findings.push(Finding {
            severity: Severity::Error,
            check: Check::SkippedFile,
            path: broken.path.clone(),
            line: broken.error.line,
            what: format!("{}, so {} leaves it out", broken.error.message, broken.client.name()),
            mend: broken.error.hint.clone().unwrap_or_else(|| "correct the file at this place".to_owned()),
        });
    }
    for skipped in &patient.project.skipped {
        findings.push(Finding {
            severity: Severity::Warning,
            check: Check::UnreadFile,
            path: skipped.path.clone(),
            line: skipped.line,
            what: format!("not read: {}", skipped.why),
            mend: skipped.why.mend().to_owned(),
        });
    }
    for ((client, _, name), agents) in patient.project.duplicates() {
        let others = super::listed(agents[1..].iter().map(|agent| agent.path.as_str()));
        findings.push(Finding {
            severity: Severity::Error,
            check: Check::DuplicateAgent,
            path: agents[0].path.clone(),
            line: Some(agents[0].line),
            what: format!("agent `{name}` of {} is defined in {others} too: which one counts is left to chance", client.name()),
            mend: "give each file a name of its own, or remove all but one".to_owned(),
        });
    }
    for config in &patient.project.configs {
        let mut seen = BTreeSet::new();
        for server in config.servers.iter().filter(|server| !seen.insert(&server.name)) {
            findings.push(Finding {
                severity: Severity::Warning,
                check: Check::DuplicateServer,
                path: config.path.clone(),
                line: Some(server.line),
                what: format!("server `{}` stands twice in this file: the client takes one of them", server.name),
                mend: "remove one, or give it another name".to_owned(),
            });
        }
    }
    findings
}
