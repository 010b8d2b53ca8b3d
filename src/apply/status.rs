//! What mcplab has done to a folder, and whether the files are still as it left them. Reads only.

use std::path::Path;

use serde::Serialize;

use super::ApplyError;
use super::backup::Store;
use super::disk::RealDisk;
use super::journal::Site;
use super::record::{Action, FileRecord, Manifest, Outcome, Recorded};
use super::rollback::taken_back;
use super::tree::Tree;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    pub summary: Summary,
    /// Every file that mcplab ever changed here, sorted.
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

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileStatus {
    pub path: String,
    pub state: FileState,
    /// The last action that wrote it.
    pub last: String,
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
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionStatus {
    pub id: String,
    pub action: Action,
    /// Seconds since 1970.
    pub time: u64,
    pub files: usize,
    /// None: interrupted.
    pub outcome: Option<Outcome>,
    /// The rollback by which it stands taken back.
    pub taken_back_by: Option<String>,
}

pub fn status(dir: &Path, state_dir: &Path) -> Result<Status, ApplyError> {
    let tree = &Tree::open(dir).map_err(ApplyError::io("open", dir))?;
    let store = &Store::new(state_dir, tree);
    let actions = store.actions()?;
    let by = taken_back(&actions);
    let site = Site { disk: &RealDisk, tree, store };
    let mut paths: Vec<&str> = done(&actions).flat_map(|a| a.changes.iter().map(|f| f.path.as_str())).collect();
    paths.sort_unstable();
    paths.dedup();
    let files = paths.iter().map(|path| file_status(&site, &actions, &by, path)).collect::<Result<Vec<_>, _>>()?;

    let mut standing = actions
        .iter()
        .zip(&by)
        .filter(|(a, by)| by.is_none() && a.outcome == Some(Outcome::Done) && matches!(a.manifest.action, Action::Apply { .. }));
    let summary = if let Some(open) = actions.iter().find(|a| a.outcome.is_none()) {
        Summary::Interrupted { id: open.manifest.id.clone() }
    } else if files.iter().any(|file| matches!(file.state, FileState::Drifted | FileState::Reverted)) {
        Summary::Drifted
    } else if let Some((last, _)) = standing.next_back() {
        Summary::Applied { id: last.manifest.id.clone() }
    } else if files.is_empty() {
        Summary::Untouched
    } else {
        Summary::AsBefore
    };
    let actions = actions.iter().zip(by).map(|(recorded, taken_back_by)| ActionStatus {
        id: recorded.manifest.id.clone(),
        action: recorded.manifest.action.clone(),
        time: recorded.manifest.time,
        files: recorded.manifest.changes.len(),
        outcome: recorded.outcome,
        taken_back_by,
    });
    Ok(Status { summary, files, actions: actions.collect() })
}

fn done(actions: &[Recorded]) -> impl DoubleEndedIterator<Item = &Manifest> {
    actions.iter().filter(|a| a.outcome == Some(Outcome::Done)).map(|a| &a.manifest)
}

fn file_status(site: &Site, actions: &[Recorded], by: &[Option<String>], path: &str) -> Result<FileStatus, ApplyError> {
    let of = |manifest: &'_ Manifest| -> Option<FileRecord> { manifest.changes.iter().find(|file| file.path == path).cloned() };
    let (last, written) =
        done(actions).rev().find_map(|m| of(m).map(|file| (m.id.clone(), file))).expect("the path comes from these actions");
    // A link where the file stood, for one: not as mcplab left it.
    let now = match site.hash(path) {
        Ok(now) => now,
        Err(ApplyError::Stale { .. } | ApplyError::Refused(_)) => {
            return Ok(FileStatus { path: path.to_owned(), state: FileState::Drifted, last });
        }
        Err(error) => return Err(error),
    };
    let applies = actions
        .iter()
        .zip(by)
        .filter(|(a, by)| by.is_none() && a.outcome == Some(Outcome::Done) && matches!(a.manifest.action, Action::Apply { .. }));
    // As it was before the first apply that still stands.
    let original = applies.map(|(a, _)| &a.manifest).find_map(of);
    let as_written = written.is_after(now.as_deref());
    let state = match original {
        None if as_written => FileState::AsBefore,
        Some(_) if as_written => FileState::Applied,
        Some(original) if original.is_before(now.as_deref()) => FileState::Reverted,
        _ => FileState::Drifted,
    };
    Ok(FileStatus { path: path.to_owned(), state, last })
}
