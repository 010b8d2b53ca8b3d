//! A mapping becomes edits of other people's files: planned and shown, all or nothing, always undoable.
//!
//! `plan` reads the folder and says what would change, or every reason why nothing may. `apply` records and backs up, then
//! writes and reads back. `verify` looks at it as a client does, `rollback` takes an action back, `status` tells where things stand, `recover` clears up
//! after a crash.

mod agents;
mod archive;
mod attributes;
mod backup;
mod config;
mod diff;
mod disk;
mod edit;
mod error;
mod git;
mod guidance;
mod journal;
mod json;
mod least;
mod lock;
mod part;
mod plan;
mod record;
mod retention;
mod rollback;
mod status;
#[cfg(test)]
mod tests;
mod tree;
mod verify;
mod warning;

use std::path::{Path, PathBuf};

pub use config::{add_server, secrets};
pub use edit::*;
pub use error::{ApplyError, Refusal};
pub use journal::{Recovered, RecoveryOutcome};
pub use lock::Holder;
pub use part::Phase;
pub use plan::{AgentGrants, Decision, FileChange, Permit, Plan, plan};
pub use record::{Action, Expected, Manifest, Origin, Outcome};
pub use retention::{Backup, Retention, backups, preview_prune, prune};
pub use rollback::{RolledBack, preview_rollback, rollback};
pub use status::{ActionStatus, FileState, FileStatus, Status, Summary, status};
pub use tree::Tree;
pub use verify::{Verified, verify};
pub use warning::Warning;

use crate::import::CONFIG;
use backup::Store;
use disk::{Disk, Image, RealDisk};
use journal::{Site, read};
use record::{Intent, Step, next_id};

/// A plan that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// For `rollback`; none: there was nothing to do, and nothing was written anywhere.
    pub id: Option<String>,
    pub backup: PathBuf,
    pub files: Vec<String>,
    /// What a crash had left and was cleared up first.
    pub recovered: Option<Recovered>,
}

/// Writes all files of a plan, or none. `state_dir` is `$XDG_STATE_HOME` or what stands for it: the record and the backups of
/// this folder lie under `<state_dir>/mcplab/<tree>/`, and nothing else outside the folder is written.
pub fn apply(plan: &Plan, state_dir: &Path) -> Result<Applied, ApplyError> {
    apply_on(&RealDisk, plan, state_dir)
}

/// Finishes or undoes what a crash has interrupted; `apply` and `rollback` do so before anything else. With `force` a file
/// that was edited since is overwritten, and the edit kept beside the backups.
pub fn recover(dir: &Path, state_dir: &Path, force: bool) -> Result<Option<Recovered>, ApplyError> {
    recover_on(&RealDisk, dir, state_dir, force)
}

fn recover_on(disk: &dyn Disk, dir: &Path, state_dir: &Path, force: bool) -> Result<Option<Recovered>, ApplyError> {
    let tree = &Tree::open(dir).map_err(ApplyError::io("open", dir))?;
    let store = &Store::new(state_dir, tree);
    if !store.folder.exists() {
        return Ok(None);
    }
    let _lock = store.lock(disk, tree, "recover")?;
    Site { disk, tree, store }.recover(force)
}

fn apply_on(disk: &dyn Disk, plan: &Plan, state_dir: &Path) -> Result<Applied, ApplyError> {
    let tree = &plan.tree;
    let store = &Store::new(state_dir, tree);
    if plan.is_empty() {
        return Ok(Applied { id: None, backup: store.folder.clone(), files: Vec::new(), recovered: None });
    }
    let _lock = store.lock(disk, tree, "apply")?;
    let site = Site { disk, tree, store };
    let recovered = site.recover(false)?;
    for (path, seen) in &plan.seen {
        if site.hash(path)? != *seen {
            return Err(ApplyError::Stale { path: path.clone() });
        }
    }
    let mut changes = Vec::new();
    for file in &plan.files {
        let before = read(&site.real(&file.path)?)?;
        if before.as_ref().map(|image| &image.bytes) != file.before.as_ref() {
            return Err(ApplyError::Stale { path: file.path.clone() });
        }
        let after = before.as_ref().unwrap_or(&Image::new(Vec::new(), 0o644)).with_bytes(file.after.clone());
        changes.push(Step { path: file.path.clone(), before, after: Some(after) });
    }
    let intent = Intent {
        action: Action::Apply {
            mapping_sha256: plan.mapping_sha256.clone(),
            title: plan.title.clone(),
            scenario: plan.scenario.clone(),
            origin: plan.origin.clone(),
            part: plan.part.clone(),
        },
        kept: untouched(tree, &changes)?,
        changes,
        grants: plan.grants.clone(),
    };
    let id = next_id(&store.actions()?);
    site.carry_out(&intent, &id)?;
    let files = intent.changes.into_iter().map(|step| step.path).collect();
    Ok(Applied { backup: store.action_folder(&id), id: Some(id), files, recovered })
}

/// The agents' files and the server config that the plan leaves alone: backed up with the others, so that one folder holds
/// the whole configuration as it was.
fn untouched(tree: &Tree, changes: &[Step]) -> Result<Vec<(String, Image)>, ApplyError> {
    let agents = tree.agents()?.agents;
    let mut kept: Vec<(String, Image)> = Vec::new();
    for path in agents.iter().map(|source| source.path.as_str()).chain([CONFIG]) {
        // What lies outside the folder is not this project's.
        let Ok(real) = tree.resolve(path) else { continue };
        let relative = tree.relative(&real);
        if changes.iter().any(|step| step.path == relative) || kept.iter().any(|(path, _)| *path == relative) {
            continue;
        }
        if let Some(image) = read(&real)? {
            kept.push((relative, image));
        }
    }
    Ok(kept)
}
