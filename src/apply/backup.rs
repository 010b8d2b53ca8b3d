//! mcplab's own folder for one project: the lock, and of each action its record and its backups.
//!
//! ```text
//! <state>/mcplab/<tree>/            0700
//!     tree                          the project folder's path
//!     lock                          who works on it, if anyone does
//!     0001/                         one action; it appears as a whole, before the first file is written
//!         manifest.json             what was to be done
//!         before.tar                every file as it was
//!         after.tar                 every file that changes, as it was to be: for showing what was edited since
//!         outcome                   "done" or "undone"; without it the action was interrupted
//!         pruned                    its backups were removed on request
//! ```

use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::ApplyError;
use super::archive::{self, Files};
use super::disk::{Disk, Image, NewFile, make_folder};
use super::lock::{Holder, Lock};
use super::record::{FileRecord, Intent, Manifest, Outcome, Recorded, Stamp, Step};
use super::tree::Tree;
use crate::import::sha256;

/// Bytes of room that an action leaves on the disk beside what it writes.
const SPARE: u64 = 1 << 20;

/// What clients search for agents, servers and instructions: no backup may come to lie in one of these.
const CLIENT_FOLDERS: [&str; 11] =
    [".agents", ".claude", ".codex", ".continue", ".cursor", ".devcontainer", ".gemini", ".github", ".opencode", ".vscode", ".windsurf"];

/// Marks an action whose backups were removed on request.
pub const PRUNED: &str = "pruned";

pub const BEFORE: &str = "before.tar";
pub const AFTER: &str = "after.tar";
/// A folder.
pub const EDITED: &str = "edited";

/// The folder for one project.
pub struct Store {
    pub folder: PathBuf,
    /// The archive that was read last: it is asked for one file after another, and never changes once it is there.
    last_read: RefCell<Option<(PathBuf, Files)>>,
}

impl Store {
    pub fn new(state: &Path, tree: &Tree) -> Store {
        Store { folder: state.join("mcplab").join(tree.id()), last_read: RefCell::new(None) }
    }

    pub fn action_folder(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// Makes the folder and takes the lock.
    pub fn lock(&self, disk: &dyn Disk, tree: &Tree, command: &str) -> Result<Lock, ApplyError> {
        let outer = self.folder.parent().expect("it lies in mcplab's folder");
        let state = outer.parent().expect("that lies in the state folder");
        self.check_place()?;
        make_folder(disk, &self.folder).map_err(ApplyError::io("create", &self.folder))?;
        self.check_private()?;
        // Also where they are there already: who made them may have been killed before they were safe.
        for folder in [outer, state] {
            disk.sync(folder).map_err(ApplyError::io("sync", folder))?;
        }
        let holder = Holder { process: std::process::id(), command: command.to_owned(), since: now() };
        let lock = Lock::take(&self.folder.join("lock"), &holder)?;
        self.claim(disk, tree)?;
        Ok(lock)
    }

    /// A client would take a backed-up agent for one of its own.
    fn check_place(&self) -> Result<(), ApplyError> {
        let there = self.folder.ancestors().find(|folder| folder.exists()).unwrap_or(&self.folder);
        let real = there.canonicalize().map_err(ApplyError::io("open", there))?;
        let names = |path: &Path| path.components().find_map(|part| CLIENT_FOLDERS.iter().copied().find(|name| part.as_os_str() == *name));
        match names(&real).or_else(|| names(&self.folder)) {
            None => Ok(()),
            Some(name) => {
                let message = format!("it lies in a `{name}` folder, which clients search: set XDG_STATE_HOME to another place");
                Err(ApplyError::State { path: self.folder.clone(), message })
            }
        }
    }

    /// Records and backups are only believed where nobody else can have written them.
    fn check_private(&self) -> Result<(), ApplyError> {
        let untrusted = |message: &str| ApplyError::State { path: self.folder.clone(), message: message.to_owned() };
        match fs::symlink_metadata(&self.folder) {
            Ok(meta) if !meta.is_dir() => Err(untrusted("it is not a folder")),
            Ok(meta) if meta.permissions().mode() & 0o022 != 0 => Err(untrusted("others may write to it (`chmod 700` it if you trust it)")),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(ApplyError::Io { doing: "read", path: self.folder.clone(), source }),
        }
    }

    /// All recorded actions, oldest first. Reads only.
    pub fn actions(&self) -> Result<Vec<Recorded>, ApplyError> {
        self.check_private()?;
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(ApplyError::Io { doing: "read", path: self.folder.clone(), source }),
        };
        let mut ids: Vec<(u32, String)> = Vec::new();
        for entry in entries {
            let name = entry.map_err(ApplyError::io("read", &self.folder))?.file_name().to_string_lossy().into_owned();
            if let Ok(number) = name.parse() {
                ids.push((number, name));
            }
        }
        ids.sort();
        ids.iter().map(|(_, id)| self.recorded(id)).collect()
    }

    /// Writes record and backups of an action, safe against a power cut, then lets it appear. From here on it has to be
    /// carried out or undone.
    pub fn begin(&self, disk: &dyn Disk, tree: &Tree, intent: &Intent, id: &str) -> Result<Recorded, ApplyError> {
        let kept =
            intent.kept.iter().map(|(path, image)| Step { path: path.clone(), before: Some(image.clone()), after: Some(image.clone()) });
        let steps: Vec<Step> = intent.changes.iter().cloned().chain(kept).collect();
        let record = |step: &Step| FileRecord {
            path: step.path.clone(),
            before: step.before.as_ref().map(Stamp::of),
            after: step.after.as_ref().map(Stamp::of),
        };
        let (changes, kept) = steps.split_at(intent.changes.len());
        let manifest = Manifest {
            format: 1,
            id: id.to_owned(),
            mcplab: env!("CARGO_PKG_VERSION").to_owned(),
            time: now(),
            tree: tree.root.clone(),
            action: intent.action.clone(),
            changes: changes.iter().map(record).collect(),
            kept: kept.iter().map(record).collect(),
            grants: intent.grants.clone(),
        };

        let preparing = self.folder.join(format!("{id}.preparing"));
        let before = packed(preparing.join(BEFORE), steps.iter().filter_map(|step| Some((step.path.as_str(), step.before.as_ref()?))))?;
        let after = packed(preparing.join(AFTER), changes.iter().filter_map(|step| Some((step.path.as_str(), step.after.as_ref()?))))?;
        let record = serde_json::to_vec_pretty(&manifest).expect("a record is plain data with text keys");
        let record = NewFile { path: preparing.join("manifest.json"), image: Image::new(record, 0o600) };
        // The new files take no more than their archive.
        let size = |file: &NewFile| file.image.bytes.len() as u64;
        self.enough_room(disk, tree, size(&before) + 2 * size(&after) + size(&record))?;

        make_folder(disk, &preparing).map_err(ApplyError::io("create", &preparing))?;
        disk.create_all(&[before, record], true).map_err(ApplyError::not_written)?;
        // Not synced: nothing is restored from it, and what is shown of it is checked first.
        disk.create_all(&[after], false).map_err(ApplyError::not_written)?;
        disk.sync(&preparing).map_err(ApplyError::io("sync", &preparing))?;
        let folder = self.action_folder(id);
        disk.rename(&preparing, &folder).map_err(ApplyError::io("rename", &preparing))?;
        disk.sync(&self.folder).map_err(ApplyError::io("sync", &self.folder))?;
        Ok(Recorded { manifest, outcome: None, pruned: false })
    }

    pub fn finish(&self, disk: &dyn Disk, id: &str, outcome: Outcome) -> Result<(), ApplyError> {
        let folder = self.action_folder(id);
        let (temporary, path) = (folder.join("outcome.new"), folder.join("outcome"));
        let text: &[u8] = match outcome {
            Outcome::Done => b"done\n",
            Outcome::Undone => b"undone\n",
        };
        if temporary.exists() {
            disk.remove(&temporary).map_err(ApplyError::io("remove", &temporary))?;
        }
        self.put(disk, &temporary, text)?;
        disk.rename(&temporary, &path).map_err(ApplyError::io("rename", &temporary))?;
        disk.sync(&folder).map_err(ApplyError::io("sync", &folder))
    }

    /// What a crash has left of actions that never began.
    pub fn sweep(&self, disk: &dyn Disk) -> Result<(), ApplyError> {
        for entry in fs::read_dir(&self.folder).map_err(ApplyError::io("read", &self.folder))? {
            let path = entry.map_err(ApplyError::io("read", &self.folder))?.path();
            if path.extension().is_some_and(|e| e == "preparing") {
                disk.remove_dir(&path).map_err(ApplyError::io("remove", &path))?;
            }
        }
        Ok(())
    }

    /// A file as it was before an action, checked against the record; None where there was none.
    pub fn before(&self, manifest: &Manifest, change: usize) -> Result<Option<Image>, ApplyError> {
        let Some(stamp) = &manifest.changes[change].before else { return Ok(None) };
        let folder = self.action_folder(&manifest.id);
        if folder.join(PRUNED).exists() {
            return Err(ApplyError::Pruned { id: manifest.id.clone() });
        }
        let path = folder.join(BEFORE);
        let name = &manifest.changes[change].path;
        let bytes = self.archived(&path, name)?;
        let Some(bytes) = bytes.filter(|bytes| sha256(bytes) == stamp.sha256) else {
            return Err(ApplyError::State { path, message: format!("its {name} is not the file that the record names") });
        };
        let modified = stamp.modified.map(|(seconds, nanoseconds)| UNIX_EPOCH + Duration::new(seconds, nanoseconds.min(999_999_999)));
        Ok(Some(Image { bytes, mode: stamp.mode & 0o7777, owner: stamp.owner, modified, attributes: stamp.attributes.clone() }))
    }

    /// A file as an action was to leave it, where that is still known.
    pub fn after(&self, manifest: &Manifest, change: usize) -> Option<Vec<u8>> {
        let file = &manifest.changes[change];
        let stamp = file.after.as_ref()?;
        let bytes = self.archived(&self.action_folder(&manifest.id).join(AFTER), &file.path).ok()?;
        bytes.filter(|bytes| sha256(bytes) == stamp.sha256)
    }

    /// One file of an archive, if it holds it.
    fn archived(&self, archive: &Path, name: &str) -> Result<Option<Vec<u8>>, ApplyError> {
        let damaged = |error: io::Error| {
            let message = format!("it is damaged, so nothing is restored from it ({error}); `mcplab backups list` shows what else is kept");
            ApplyError::State { path: archive.to_owned(), message }
        };
        let mut last = self.last_read.borrow_mut();
        let files = match last.take() {
            Some((path, files)) if path == archive => files,
            _ => archive::unpack(&fs::read(archive).map_err(ApplyError::io("read", archive))?).map_err(damaged)?,
        };
        let (_, files) = last.insert((archive.to_owned(), files));
        Ok(files.get(name).cloned())
    }

    /// Keeps a file that a forced recovery is about to overwrite.
    pub fn keep_edited(&self, disk: &dyn Disk, id: &str, change: usize, bytes: &[u8]) -> Result<(), ApplyError> {
        let folder = self.action_folder(id).join(EDITED);
        make_folder(disk, &folder).map_err(ApplyError::io("create", &folder))?;
        let path = folder.join(format!("{change:04}-{}", &sha256(bytes)[..12]));
        if !path.exists() {
            self.put(disk, &path, bytes)?;
        }
        disk.sync(&folder).map_err(ApplyError::io("sync", &folder))
    }

    pub fn put(&self, disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), ApplyError> {
        disk.create(path, &Image::new(bytes.to_vec(), 0o600)).map_err(ApplyError::io("write", path))?;
        disk.sync(path).map_err(ApplyError::io("sync", path))
    }

    /// The folder belongs to one project; two whose hashed paths collide never share it.
    fn claim(&self, disk: &dyn Disk, tree: &Tree) -> Result<(), ApplyError> {
        let path = self.folder.join("tree");
        let ours = tree.root.as_os_str().as_encoded_bytes();
        match fs::read(&path) {
            Ok(theirs) if theirs == ours => Ok(()),
            // Cut short by a crash.
            Ok(theirs) if ours.starts_with(&theirs) => {
                disk.remove(&path).map_err(ApplyError::io("remove", &path))?;
                self.put(disk, &path, ours)
            }
            Ok(_) => Err(ApplyError::State { path, message: "the record is of another folder".into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.put(disk, &path, ours),
            Err(source) => Err(ApplyError::Io { doing: "read", path, source }),
        }
    }

    fn recorded(&self, id: &str) -> Result<Recorded, ApplyError> {
        let folder = self.action_folder(id);
        let path = folder.join("manifest.json");
        let untrusted = |message: String| ApplyError::State { path: path.clone(), message };
        let text = fs::read(&path).map_err(ApplyError::io("read", &path))?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| untrusted(error.to_string()))?;
        if manifest.format != 1 {
            return Err(untrusted(format!("its format is {}, this mcplab knows format 1", manifest.format)));
        }
        if manifest.id != id {
            return Err(untrusted(format!("it is the record of action {}", manifest.id)));
        }
        let outcome = match fs::read_to_string(folder.join("outcome")) {
            Ok(text) if text == "done\n" => Some(Outcome::Done),
            Ok(text) if text == "undone\n" => Some(Outcome::Undone),
            Ok(text) => return Err(untrusted(format!("its outcome `{}` is unknown", text.trim().escape_debug()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(ApplyError::Io { doing: "read", path: folder.join("outcome"), source }),
        };
        Ok(Recorded { manifest, outcome, pruned: folder.join(PRUNED).exists() })
    }

    /// The backups go to one file system, the new files perhaps to another.
    fn enough_room(&self, disk: &dyn Disk, tree: &Tree, bytes: u64) -> Result<(), ApplyError> {
        let needed = bytes + SPARE;
        for path in [&self.folder, &tree.root] {
            let free = disk.free(path).map_err(ApplyError::io("read the free space of", path))?;
            if free < needed {
                return Err(ApplyError::NoSpace { path: path.clone(), needed, free });
            }
        }
        Ok(())
    }
}

/// These files as one, to be created there.
fn packed<'a>(path: PathBuf, files: impl Iterator<Item = (&'a str, &'a Image)>) -> Result<NewFile, ApplyError> {
    let bytes = archive::pack(files).map_err(ApplyError::io("write", &path))?;
    Ok(NewFile { path, image: Image::new(bytes, 0o600) })
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
