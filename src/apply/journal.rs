//! Carries out an action that the record holds, all of it or nothing, and clears up after a crash.

use std::path::{Path, PathBuf};

use super::ApplyError;
use super::backup::{Intent, Manifest, Outcome, Recorded, Store};
use super::disk::{Disk, Image, replace};
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
        let mut attempted = 0;
        let Err(cause) = self.write(intent, id, &mut attempted) else {
            // Everything is there and read back: a record that cannot be closed is no reason to undo it.
            let closed = self.store.finish(self.disk, id, Outcome::Done);
            return closed.map_err(|cause| ApplyError::NotClosed { id: id.to_owned(), cause: Box::new(cause) });
        };
        let undone = self.undo(&recorded.manifest, attempted, false).and_then(|()| self.store.finish(self.disk, id, Outcome::Undone));
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
        for Recorded { manifest, outcome } in self.store.actions()?.iter().rev() {
            if outcome.is_some() {
                continue;
            }
            let now = self.hashes(manifest)?;
            let all_after = manifest.changes.iter().zip(&now).all(|(file, now)| file.is_after(now.as_deref()));
            let none_after = manifest.changes.iter().zip(&now).all(|(file, now)| !file.is_after(now.as_deref()));
            let outcome = if all_after {
                // The last rename may not have reached the disk yet.
                for file in &manifest.changes {
                    let folder = self.real(&file.path)?.parent().expect("a file stands in a folder").to_owned();
                    self.disk.sync(&folder).map_err(ApplyError::io("sync", &folder))?;
                }
                RecoveryOutcome::Finished
            } else {
                // Where no file is as the action meant it, nothing of its work is left: what else was edited is not its own.
                let undone =
                    if none_after { self.remove_temporaries(manifest) } else { self.undo(manifest, manifest.changes.len(), force) };
                undone?;
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

    fn write(&self, intent: &Intent, id: &str, attempted: &mut usize) -> Result<(), ApplyError> {
        for (number, step) in intent.changes.iter().enumerate() {
            let real = self.real(&step.path)?;
            if read(&real)?.map(|image| image.bytes).as_deref() != step.before.as_ref().map(|image| image.bytes.as_slice()) {
                return Err(ApplyError::Stale { path: step.path.clone() });
            }
            *attempted = number + 1;
            replace(self.disk, &real, &temporary(&real, id, number), step.after.as_ref()).map_err(ApplyError::io("write", &real))?;
        }
        for step in &intent.changes {
            let found = read(&self.real(&step.path)?)?;
            if !same(found.as_ref(), step.after.as_ref()) {
                return Err(ApplyError::NotVerified { path: step.path.clone() });
            }
        }
        Ok(())
    }

    /// Puts the first `attempted` files back, the last one first.
    fn undo(&self, manifest: &Manifest, attempted: usize, force: bool) -> Result<(), ApplyError> {
        for (number, file) in manifest.changes.iter().enumerate().take(attempted).rev() {
            let real = self.real(&file.path)?;
            let temporary = temporary(&real, &manifest.id, number);
            self.remove_if_there(&temporary)?;
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
            found.bytes == meant.bytes && found.mode == meant.mode && (meant.owner.is_none() || found.owner == meant.owner)
        }
        (found, meant) => found.is_none() && meant.is_none(),
    }
}
