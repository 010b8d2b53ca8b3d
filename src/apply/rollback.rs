//! Takes an action back: exactly its files, byte for byte, with their modes and times. It is an action of its own, so a
//! rollback can be rolled back too.

use std::path::Path;

use super::backup::Store;
use super::disk::{Disk, RealDisk};
use super::journal::{Site, read};
use super::record::{Action, Intent, Outcome, Recorded, Step, next_id};
use super::tree::Tree;
use super::{ApplyError, Recovered, RecoveryOutcome};
use crate::import::sha256;

/// A rollback that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct RolledBack {
    /// The rollback's own id: rolling that back brings the change back. None: the action had been interrupted, and undoing
    /// what it had begun was all.
    pub id: Option<String>,
    pub of: String,
    /// The files that were written.
    pub files: Vec<String>,
    /// What a crash had left and was cleared up first.
    pub recovered: Option<Recovered>,
}

/// Rolls back the last apply, or the action named. Files edited since then stop it, unless `force`: the edits are kept in
/// the rollback's own backup.
pub fn rollback(dir: &Path, state_dir: &Path, id: Option<&str>, force: bool) -> Result<RolledBack, ApplyError> {
    rollback_on(&RealDisk, dir, state_dir, id, force)
}

pub(super) fn rollback_on(disk: &dyn Disk, dir: &Path, state_dir: &Path, id: Option<&str>, force: bool) -> Result<RolledBack, ApplyError> {
    let tree = &Tree::open(dir).map_err(ApplyError::io("open", dir))?;
    let store = &Store::new(state_dir, tree);
    if store.actions()?.is_empty() {
        return Err(ApplyError::NothingApplied);
    }
    let _lock = store.lock(disk, tree, "rollback")?;
    let site = Site { disk, tree, store };
    let recovered = site.recover(force)?;
    let undone = recovered.as_ref().filter(|r| r.outcome == RecoveryOutcome::Undone && id.is_none_or(|id| number(id) == number(&r.id)));
    if let Some(of) = undone.map(|r| r.id.clone()) {
        return Ok(RolledBack { id: None, of, files: Vec::new(), recovered });
    }
    let actions = store.actions()?;
    let (target, changes) = prepared(&site, &actions, id, force)?;
    let of = target.manifest.id.clone();
    let files = changes.iter().map(|step| step.path.clone()).collect();
    let grants = target.manifest.grants.iter().map(|grants| grants.reversed()).collect();
    let id = next_id(&actions);
    site.carry_out(&Intent { action: Action::Rollback { of: of.clone() }, changes, kept: Vec::new(), grants }, &id)?;
    Ok(RolledBack { id: Some(id), of, files, recovered })
}

/// What [`rollback`] with the same arguments would restore: the action's id and its files. Writes nothing; after a crash it
/// says that there is something to clear up first.
pub fn preview_rollback(dir: &Path, state_dir: &Path, id: Option<&str>, force: bool) -> Result<(String, Vec<String>), ApplyError> {
    let tree = &Tree::open(dir).map_err(ApplyError::io("open", dir))?;
    let store = &Store::new(state_dir, tree);
    let actions = store.actions()?;
    if actions.is_empty() {
        return Err(ApplyError::NothingApplied);
    }
    if let Some(interrupted) = actions.iter().find(|action| action.outcome.is_none()) {
        return Err(ApplyError::Interrupted { id: interrupted.manifest.id.clone() });
    }
    let (target, changes) = prepared(&Site { disk: &RealDisk, tree, store }, &actions, id, force)?;
    Ok((target.manifest.id.clone(), changes.into_iter().map(|step| step.path).collect()))
}

/// The action to take back and the steps that do so, if nothing stands against it.
fn prepared<'a>(site: &Site, actions: &'a [Recorded], id: Option<&str>, force: bool) -> Result<(&'a Recorded, Vec<Step>), ApplyError> {
    let target = target(actions, id)?;

    let mut changes = Vec::new();
    let mut edited: Vec<(String, Option<String>)> = Vec::new();
    for (number, file) in target.manifest.changes.iter().enumerate() {
        let found = read(&site.real(&file.path)?)?;
        let now = found.as_ref().map(|image| sha256(&image.bytes));
        if file.is_before(now.as_deref()) {
            continue;
        }
        if !file.is_after(now.as_deref()) {
            edited.push((file.path.clone(), now));
        }
        let after = site.store.before(&target.manifest, number)?;
        changes.push(Step { path: file.path.clone(), before: found, after });
    }
    if !force && !edited.is_empty() {
        return Err(refusal(actions, target, edited));
    }

    Ok((target, changes))
}

/// Of each action the id of the rollback by which it stands taken back.
pub(super) fn taken_back(actions: &[Recorded]) -> Vec<Option<String>> {
    let mut by = vec![None; actions.len()];
    for (index, action) in actions.iter().enumerate() {
        if let (Some(Outcome::Done), Some(of)) = (action.outcome, taken_by(actions, index)) {
            take_back(actions, &mut by, of, index);
        }
    }
    by
}

/// Taking a rollback back brings back what it had taken back.
fn take_back(actions: &[Recorded], by: &mut [Option<String>], index: usize, rollback: usize) {
    by[index] = Some(actions[rollback].manifest.id.clone());
    let mut taken = index;
    while let Some(brought_back) = taken_by(actions, taken) {
        by[brought_back] = None;
        let Some(again_taken) = taken_by(actions, brought_back) else { return };
        by[again_taken] = Some(actions[brought_back].manifest.id.clone());
        taken = again_taken;
    }
}

/// The index of the action that this one, if it is a rollback, takes back. It is always an earlier one.
fn taken_by(actions: &[Recorded], index: usize) -> Option<usize> {
    match &actions[index].manifest.action {
        Action::Rollback { of } => actions[..index].iter().position(|a| a.manifest.id == *of),
        Action::Apply { .. } => None,
    }
}

/// `1` is `0001`.
fn number(id: &str) -> Option<u32> {
    id.parse().ok()
}

fn target<'a>(actions: &'a [Recorded], id: Option<&str>) -> Result<&'a Recorded, ApplyError> {
    let by = taken_back(actions);
    let done = || actions.iter().zip(&by).filter(|(a, _)| a.outcome == Some(Outcome::Done));
    let Some(id) = id else {
        let standing = done().filter(|(a, by)| by.is_none() && matches!(a.manifest.action, Action::Apply { .. }));
        return standing.map(|(action, _)| action).next_back().ok_or(ApplyError::NothingApplied);
    };
    match done().find(|(a, _)| number(&a.manifest.id) == number(id) && number(id).is_some()) {
        Some((action, None)) => Ok(action),
        Some((action, Some(by))) => Err(ApplyError::RolledBack { id: action.manifest.id.clone(), by: by.clone() }),
        None => {
            let known: Vec<&str> = done().map(|(a, _)| a.manifest.id.as_str()).collect();
            Err(ApplyError::UnknownAction { id: id.to_owned(), known: known.join(", ") })
        }
    }
}

/// A later action of mcplab's own is told apart from an edit by anyone else.
fn refusal(actions: &[Recorded], target: &Recorded, edited: Vec<(String, Option<String>)>) -> ApplyError {
    let id = target.manifest.id.clone();
    let later = actions.iter().rev().take_while(|a| a.manifest.id != id).filter(|a| a.outcome == Some(Outcome::Done));
    for action in later {
        let wrote = |(path, now): &&(String, Option<String>)| {
            action.manifest.changes.iter().any(|file| file.path == *path && file.is_after(now.as_deref()))
        };
        let paths: Vec<String> = edited.iter().filter(wrote).map(|(path, _)| path.clone()).collect();
        if !paths.is_empty() {
            return ApplyError::Covered { id, later: action.manifest.id.clone(), paths };
        }
    }
    ApplyError::Edited { id, paths: edited.into_iter().map(|(path, _)| path).collect() }
}
