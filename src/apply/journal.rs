//! Carries out an action that the record holds, all of it or nothing, and clears up after a crash.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::ApplyError;
use super::backup::Store;
use super::disk::{Disk, Image, NewFile, replace};
use super::record::{Intent, Manifest, Outcome, Recorded};
use super::tree::Tree;
use crate::import::sha256;

/// What was done about an interrupted action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    pub id: String,
    pub outcome: RecoveryOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryOutcome {
    /// Every file had been written: it counts as done.
    Finished,
    /// The folder is as it was before.
    Undone,
}

/// Where an action works.
pub struct Site<'a> {
    pub disk: &'a dyn Disk,
    pub tree: &'a Tree,
    pub store: &'a Store,
}

impl Site<'_> {
    /// Records the action, writes its files, reads them back. On any failure everything is as before, or, where even that
    /// cannot be written, the record stays open and the next command goes on from it.
    pub fn carry_out(&self, intent: &Intent, id: &str) -> Result<(), ApplyError> {
        let recorded = self.store.begin(self.disk, self.tree, intent, id)?;
        let mut renamed = 0;
        let Err(cause) = self.write(intent, id, &mut renamed) else {
            // Everything is there and read back: a record that cannot be closed is no reason to undo it.
            let closed = self.store.finish(self.disk, id, Outcome::Done);
            return closed.map_err(|cause| ApplyError::NotClosed { id: id.to_owned(), cause: Box::new(cause) });
        };
        let undone = self.undo(&recorded.manifest, renamed, false).and_then(|()| self.store.finish(self.disk, id, Outcome::Undone));
        Err(match undone {
            Ok(()) => ApplyError::Undone { cause: Box::new(cause) },
            Err(undo) => ApplyError::Stuck { cause: Box::new(cause), undo: Box::new(undo), backup: self.store.action_folder(id) },
        })
    }

    /// Finishes or undoes what a crash has interrupted. `force` overwrites a file that was edited since, keeping the edit
    /// beside the backups.
    pub fn recover(&self, force: bool) -> Result<Option<Recovered>, ApplyError> {
        self.store.sweep(self.disk)?;
        let mut recovered = None;
        for Recorded { manifest, outcome, .. } in self.store.actions()?.iter().rev() {
            if outcome.is_some() {
                continue;
            }
            let now = self.hashes(manifest)?;
            let all_after = manifest.changes.iter().zip(&now).all(|(file, now)| file.is_after(now.as_deref()));
            let none_after = manifest.changes.iter().zip(&now).all(|(file, now)| !file.is_after(now.as_deref()));
            let outcome = if all_after {
                // The last renames may not have reached the disk yet.
                self.sync_folders(manifest)?;
                RecoveryOutcome::Finished
            } else {
                // Where no file is as the action meant it, nothing of its work is left: what else was edited is not its own.
                self.undo(manifest, if none_after { 0 } else { manifest.changes.len() }, force)?;
                RecoveryOutcome::Undone
            };
            let as_recorded = if all_after { Outcome::Done } else { Outcome::Undone };
            self.store.finish(self.disk, &manifest.id, as_recorded)?;
            recovered = Some(Recovered { id: manifest.id.clone(), outcome });
        }
        Ok(recovered)
    }

    /// The real file behind a recorded path: links were followed when it was recorded, so none may stand there now.
    pub fn real(&self, path: &str) -> Result<PathBuf, ApplyError> {
        let real = self.tree.resolve(path).map_err(|refusal| ApplyError::Refused(vec![refusal]))?;
        if real == self.tree.root.join(path) { Ok(real) } else { Err(ApplyError::Stale { path: path.to_owned() }) }
    }

    pub fn hash(&self, path: &str) -> Result<Option<String>, ApplyError> {
        Ok(read(&self.real(path)?)?.map(|image| sha256(&image.bytes)))
    }

    fn hashes(&self, manifest: &Manifest) -> Result<Vec<Option<String>>, ApplyError> {
        manifest.changes.iter().map(|file| self.hash(&file.path)).collect()
    }

    /// All new files first, synced together, then the renames one after another: as few waits for the disk as it takes.
    fn write(&self, intent: &Intent, id: &str, renamed: &mut usize) -> Result<(), ApplyError> {
        let mut temporaries = Vec::new();
        for (number, step) in intent.changes.iter().enumerate() {
            if let Some(after) = &step.after {
                temporaries.push(NewFile { path: temporary(&self.real(&step.path)?, id, number), image: after.clone() });
            }
        }
        self.disk.create_all(&temporaries, true).map_err(ApplyError::not_written)?;
        for (number, step) in intent.changes.iter().enumerate() {
            let real = self.real(&step.path)?;
            if read(&real)?.map(|image| image.bytes).as_deref() != step.before.as_ref().map(|image| image.bytes.as_slice()) {
                return Err(ApplyError::Stale { path: step.path.clone() });
            }
            *renamed = number + 1;
            let done = match step.after {
                Some(_) => self.disk.rename(&temporary(&real, id, number), &real),
                None => self.disk.remove(&real),
            };
            done.map_err(ApplyError::io("write", &real))?;
        }
        self.sync(intent.changes.iter().map(|step| step.path.as_str()))?;
        for step in &intent.changes {
            let found = read(&self.real(&step.path)?)?;
            if !same(found.as_ref(), step.after.as_ref()) {
                return Err(ApplyError::NotVerified { path: step.path.clone() });
            }
        }
        Ok(())
    }

    /// Puts the first `renamed` files back, the last one first, and removes what was prepared for the others.
    fn undo(&self, manifest: &Manifest, renamed: usize, force: bool) -> Result<(), ApplyError> {
        self.remove_temporaries(manifest)?;
        for (number, file) in manifest.changes.iter().enumerate().take(renamed).rev() {
            let real = self.real(&file.path)?;
            let temporary = temporary(&real, &manifest.id, number);
            let found = read(&real)?;
            let now = found.as_ref().map(|image| sha256(&image.bytes));
            if file.is_before(now.as_deref()) {
                continue;
            }
            if !file.is_after(now.as_deref()) {
                if !force {
                    let backup = self.store.action_folder(&manifest.id);
                    return Err(ApplyError::RecoveryBlocked { id: manifest.id.clone(), path: file.path.clone(), backup });
                }
                if let Some(edited) = &found {
                    self.store.keep_edited(self.disk, &manifest.id, number, &edited.bytes)?;
                }
            }
            let before = self.store.before(manifest, number)?;
            replace(self.disk, &real, &temporary, before.as_ref()).map_err(ApplyError::io("restore", &real))?;
            if !same(read(&real)?.as_ref(), before.as_ref()) {
                return Err(ApplyError::NotVerified { path: file.path.clone() });
            }
        }
        // Also what an earlier attempt did: it may not have reached the disk yet.
        self.sync_folders(manifest)
    }

    fn sync_folders(&self, manifest: &Manifest) -> Result<(), ApplyError> {
        self.sync(manifest.changes.iter().map(|file| file.path.as_str()))
    }

    /// The folders of these files, each once.
    fn sync<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Result<(), ApplyError> {
        let folder = |path| Ok(self.real(path)?.parent().expect("a file stands in a folder").to_owned());
        let folders: BTreeSet<PathBuf> = paths.map(folder).collect::<Result<_, ApplyError>>()?;
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            self.disk.sync(folder).map_err(ApplyError::io("sync", folder))?;
        }
        Ok(())
    }

    fn remove_temporaries(&self, manifest: &Manifest) -> Result<(), ApplyError> {
        for (number, file) in manifest.changes.iter().enumerate() {
            self.remove_if_there(&temporary(&self.real(&file.path)?, &manifest.id, number))?;
        }
        Ok(())
    }

    fn remove_if_there(&self, path: &Path) -> Result<(), ApplyError> {
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        self.disk.remove(path).map_err(ApplyError::io("remove", path))
    }
}

/// Beside the real file, so that the rename stays within one file system; hidden, and without `.md`: clients watch the folder.
fn temporary(real: &Path, id: &str, number: usize) -> PathBuf {
    real.with_file_name(format!(".mcplab-{id}-{number:04}"))
}

pub fn read(path: &Path) -> Result<Option<Image>, ApplyError> {
    Image::read(path).map_err(ApplyError::io("read", path))
}

fn same(found: Option<&Image>, meant: Option<&Image>) -> bool {
    match (found, meant) {
        (Some(found), Some(meant)) => {
            let owned = meant.owner.is_none() || found.owner == meant.owner;
            found.bytes == meant.bytes && found.mode == meant.mode && owned && meant.attributes.are_in(&found.attributes)
        }
        (found, meant) => found.is_none() && meant.is_none(),
    }
}
