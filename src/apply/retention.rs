//! Which backups are kept, and for how long: the first of every file for ever, the others until someone asks for their room.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::ApplyError;
use super::backup::{AFTER, BEFORE, EDITED, PRUNED, Store};
use super::disk::{Disk, Image, RealDisk};
use super::record::{Action, Recorded};
use super::tree::Tree;

/// What an action keeps of the files as they were.
const KEPT: [&str; 3] = [BEFORE, AFTER, EDITED];

/// The backups of one action.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backup {
    pub id: String,
    pub action: Action,
    /// Seconds since 1970.
    pub time: u64,
    pub bytes: u64,
    pub retention: Retention,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retention {
    /// It holds some file as it was before mcplab ever wrote it.
    ForEver,
    /// Until it is pruned.
    Kept,
    /// Only its record is left.
    Pruned,
}

/// All backups of a folder, oldest first. Reads only.
pub fn backups(dir: &Path, state_dir: &Path) -> Result<Vec<Backup>, ApplyError> {
    let tree = &Tree::open(dir).map_err(ApplyError::io("open", dir))?;
    listed(&Store::new(state_dir, tree))
}

/// Removes the backups of all but the last `keep` actions that still have some, and never the first of any file. The records
/// stay; what is removed can no longer be rolled back. Says what was removed.
pub fn prune(dir: &Path, state_dir: &Path, keep: usize) -> Result<Vec<Backup>, ApplyError> {
    prune_on(&RealDisk, dir, state_dir, keep)
}

/// What [`prune`] would remove.
pub fn preview_prune(dir: &Path, state_dir: &Path, keep: usize) -> Result<Vec<Backup>, ApplyError> {
    Ok(chosen(backups(dir, state_dir)?, keep))
}

pub(super) fn prune_on(disk: &dyn Disk, dir: &Path, state_dir: &Path, keep: usize) -> Result<Vec<Backup>, ApplyError> {
    let tree = &Tree::open(dir).map_err(ApplyError::io("open", dir))?;
    let store = &Store::new(state_dir, tree);
    if store.actions()?.is_empty() {
        return Ok(Vec::new());
    }
    let _lock = store.lock(disk, tree, "backups prune")?;
    if let Some(open) = store.actions()?.iter().find(|action| action.outcome.is_none()) {
        return Err(ApplyError::Interrupted { id: open.manifest.id.clone() });
    }
    let listed = listed(store)?;
    // What an interrupted prune has left goes too.
    for half in listed.iter().filter(|backup| backup.retention == Retention::Pruned) {
        remove(disk, store, &half.id)?;
    }
    let chosen = chosen(listed, keep);
    for backup in &chosen {
        mark(disk, store, &backup.id)?;
        remove(disk, store, &backup.id)?;
    }
    Ok(chosen)
}

fn chosen(mut backups: Vec<Backup>, keep: usize) -> Vec<Backup> {
    backups.retain(|backup| backup.retention != Retention::Pruned);
    let old = backups.len().saturating_sub(keep);
    backups.truncate(old);
    backups.retain(|backup| backup.retention == Retention::Kept);
    backups
}

fn listed(store: &Store) -> Result<Vec<Backup>, ApplyError> {
    let mut seen = BTreeSet::new();
    let mut backups = Vec::new();
    for Recorded { manifest, pruned, .. } in store.actions()? {
        let files = manifest.changes.iter().chain(&manifest.kept).filter(|file| file.before.is_some());
        let known = seen.len();
        seen.extend(files.map(|file| file.path.clone()));
        let is_first = seen.len() > known;
        let retention = match (pruned, is_first) {
            (true, _) => Retention::Pruned,
            (false, true) => Retention::ForEver,
            (false, false) => Retention::Kept,
        };
        let folder = store.action_folder(&manifest.id);
        let bytes = KEPT.iter().map(|name| size(&folder.join(name))).sum::<io::Result<u64>>().map_err(ApplyError::io("read", &folder))?;
        backups.push(Backup { id: manifest.id, action: manifest.action, time: manifest.time, bytes, retention });
    }
    Ok(backups)
}

/// Safe on the disk before the first backup goes: none is ever missed where it is believed to be there.
fn mark(disk: &dyn Disk, store: &Store, id: &str) -> Result<(), ApplyError> {
    let folder = store.action_folder(id);
    let path = folder.join(PRUNED);
    disk.create(&path, &Image::new(Vec::new(), 0o600)).map_err(ApplyError::io("write", &path))?;
    disk.sync(&folder).map_err(ApplyError::io("sync", &folder))
}

fn remove(disk: &dyn Disk, store: &Store, id: &str) -> Result<(), ApplyError> {
    for path in KEPT.iter().map(|name| store.action_folder(id).join(name)).filter(|path| path.exists()) {
        let removed = if path.is_dir() { disk.remove_dir(&path) } else { disk.remove(&path) };
        removed.map_err(ApplyError::io("remove", &path))?;
    }
    Ok(())
}

/// Of a file, or of the files in a folder \[bytes\].
fn size(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => fs::read_dir(path)?.map(|entry| Ok(entry?.metadata()?.len())).sum(),
        Ok(meta) => Ok(meta.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}
