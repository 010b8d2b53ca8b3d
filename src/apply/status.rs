//! What mcplab has done to a folder, and whether the files are still as it left them. Reads only.

use std::path::Path;

use serde::Serialize;

use super::backup::Store;
use super::disk::{Image, RealDisk};
use super::journal::{Site, read};
use super::record::{Action, FileRecord, Manifest, Outcome, Recorded, Stamp};
use super::rollback::taken_back;
use super::tree::Tree;
use super::{AgentGrants, ApplyError, FileChange, Plan};
use crate::import::sha256;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    pub summary: Summary,
    /// Every file that mcplab ever changed here, or would by the plan that was given, sorted.
    pub files: Vec<FileStatus>,
    /// Oldest first.
    pub actions: Vec<ActionStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Summary {
    /// mcplab never changed anything here.
    Untouched,
    /// Everything that was applied was rolled back.
    AsBefore,
    /// All files are as this action, the last standing one, left them.
    Applied { id: String },
    /// Some files were edited since mcplab wrote them.
    Drifted,
    /// A crash interrupted this action; the next apply or rollback clears it up.
    Interrupted { id: String },
}

/// A file in three states, each the SHA-256 of its bytes; none: no file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileStatus {
    pub path: String,
    pub state: FileState,
    /// By the plan that was given, else by the applies that stand.
    pub planned: Option<String>,
    /// As mcplab last left it; where it never wrote it, as it is.
    pub written: Option<String>,
    pub now: Option<String>,
    /// The last action that wrote it; none: mcplab never did.
    pub last: Option<String>,
    /// What was edited since, as a unified diff without secrets.
    pub drift: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    AsBefore,
    Applied,
    /// Neither as mcplab wrote it nor as it was before.
    Drifted,
    /// As before, though an apply that changed it still stands.
    Reverted,
    /// Only the plan that was given would change it.
    Untouched,
}

impl FileStatus {
    pub fn is_as_planned(&self) -> bool {
        self.planned == self.now
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionStatus {
    pub id: String,
    pub action: Action,
    /// Seconds since 1970.
    pub time: u64,
    pub files: Vec<String>,
    pub grants: Vec<AgentGrants>,
    /// None: interrupted.
    pub outcome: Option<Outcome>,
    /// The rollback by which it stands taken back.
    pub taken_back_by: Option<String>,
}

/// Where the files of a folder stand; with a plan, also against what that would write.
pub fn status(dir: &Path, state_dir: &Path, plan: Option<&Plan>) -> Result<Status, ApplyError> {
    let tree = &Tree::open(dir).map_err(ApplyError::io("open", dir))?;
    let store = &Store::new(state_dir, tree);
    let actions = store.actions()?;
    let by = taken_back(&actions);
    let site = Site { disk: &RealDisk, tree, store };
    let changes = plan.map(|plan| plan.files.as_slice()).unwrap_or_default();
    let written = done(&actions).flat_map(|a| a.changes.iter().map(|file| &file.path));
    let mut paths: Vec<&String> = written.chain(changes.iter().map(|file| &file.path)).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut files = paths.iter().map(|path| file_status(&site, &actions, path)).collect::<Result<Vec<_>, _>>()?;
    if plan.is_some() {
        for file in &mut files {
            let change = changes.iter().find(|change| change.path == file.path);
            file.planned = change.map(FileChange::sha256_after).or_else(|| file.now.clone());
        }
    }

    let summary = if let Some(open) = actions.iter().find(|a| a.outcome.is_none()) {
        Summary::Interrupted { id: open.manifest.id.clone() }
    } else if files.iter().any(|file| matches!(file.state, FileState::Drifted | FileState::Reverted)) {
        Summary::Drifted
    } else if let Some(last) = standing(&actions).last() {
        Summary::Applied { id: last.id.clone() }
    } else if files.iter().all(|file| file.last.is_none()) {
        Summary::Untouched
    } else {
        Summary::AsBefore
    };
    let actions = actions.iter().zip(by).map(|(recorded, taken_back_by)| ActionStatus {
        id: recorded.manifest.id.clone(),
        action: recorded.manifest.action.clone(),
        time: recorded.manifest.time,
        files: recorded.manifest.changes.iter().map(|file| file.path.clone()).collect(),
        grants: recorded.manifest.grants.clone(),
        outcome: recorded.outcome,
        taken_back_by,
    });
    Ok(Status { summary, files, actions: actions.collect() })
}

fn done(actions: &[Recorded]) -> impl DoubleEndedIterator<Item = &Manifest> {
    actions.iter().filter(|a| a.outcome == Some(Outcome::Done)).map(|a| &a.manifest)
}

/// The applies that nothing has taken back, oldest first.
pub(super) fn standing(actions: &[Recorded]) -> Vec<&Manifest> {
    let by = taken_back(actions);
    let is_standing = |(action, by): &(&Recorded, &Option<String>)| {
        by.is_none() && action.outcome == Some(Outcome::Done) && matches!(action.manifest.action, Action::Apply { .. })
    };
    actions.iter().zip(&by).filter(is_standing).map(|(action, _)| &action.manifest).collect()
}

fn file_status(site: &Site, actions: &[Recorded], path: &str) -> Result<FileStatus, ApplyError> {
    // A link where the file stood, for one: not as mcplab left it.
    let found = match site.real(path).and_then(|real| read(&real)) {
        Err(ApplyError::Stale { .. } | ApplyError::Refused(_)) => None,
        found => Some(found?),
    };
    let now = found.as_ref().and_then(Option::as_ref).map(|image| sha256(&image.bytes));
    let of = |manifest: &'_ Manifest| -> Option<usize> { manifest.changes.iter().position(|file| file.path == path) };
    let Some((last, number)) = done(actions).rev().find_map(|m| Some((m, of(m)?))) else {
        let (planned, written) = (now.clone(), now.clone());
        return Ok(FileStatus { path: path.to_owned(), state: FileState::Untouched, planned, written, now, last: None, drift: None });
    };
    let written = &last.changes[number];
    let record = |manifest: &'_ Manifest| -> Option<FileRecord> { of(manifest).map(|number| manifest.changes[number].clone()) };
    // As it was before the first apply that still stands, and as the last of them left it.
    let standing = standing(actions);
    let original = standing.iter().copied().find_map(record);
    let planned = standing.iter().rev().copied().find_map(record).and_then(|file| file.after);
    let as_written = found.is_some() && written.is_after(now.as_deref());
    let state = match &original {
        None if as_written => FileState::AsBefore,
        Some(_) if as_written => FileState::Applied,
        Some(original) if found.is_some() && original.is_before(now.as_deref()) => FileState::Reverted,
        _ => FileState::Drifted,
    };
    let drift = (!as_written).then(|| match &found {
        Some(image) => drift(site, last, number, image.as_ref()),
        None => format!("{path} is a link now, or its folder is\n"),
    });
    let hash = |stamp: &Option<Stamp>| stamp.as_ref().map(|stamp| stamp.sha256.clone());
    Ok(FileStatus {
        path: path.to_owned(),
        state,
        planned: if original.is_some() { planned.map(|stamp| stamp.sha256) } else { hash(&written.after) },
        written: hash(&written.after),
        now,
        last: Some(last.id.clone()),
        drift,
    })
}

/// The lines that differ between what an action wrote and what is there.
fn drift(site: &Site, manifest: &Manifest, number: usize, now: Option<&Image>) -> String {
    let FileRecord { path, after, .. } = &manifest.changes[number];
    let written = site.store.after(manifest, number);
    match (after, written, now) {
        (_, _, None) => format!("{path} is gone\n"),
        (Some(_), None, Some(_)) => format!("{path} is another; what was written is no longer kept, only its hash\n"),
        (_, before, Some(now)) => FileChange { path: path.clone(), agents: Vec::new(), before, after: now.bytes.clone() }.diff(),
    }
}
