//! mcplab's own folder for one project: the lock, and of each action its record and its backups.
//!
//! ```text
//! <state>/mcplab/<tree>/            0700
//!     tree                          the project folder's path
//!     lock                          process id of the holder
//!     0001/                         one action; it appears as a whole, before the first file is written
//!         manifest.json             what was to be done
//!         before/0000 ...           every file as it was
//!         outcome                   "done" or "undone"; without it the action was interrupted
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::disk::{Disk, Image};
use super::tree::Tree;
use super::{AgentGrants, ApplyError};
use crate::import::sha256;

/// Bytes of room that an action leaves on the disk beside what it writes.
const SPARE: u64 = 1 << 20;

/// The record of one action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// `0001`, `0002`, ... in order of time.
    pub id: String,
    pub mcplab: String,
    /// Seconds since 1970, by the machine's clock.
    pub time: u64,
    pub tree: PathBuf,
    pub action: Action,
    /// The files that it changes, in the order in which it writes them.
    pub changes: Vec<FileRecord>,
    /// Backed up too, not changed.
    pub kept: Vec<FileRecord>,
    pub grants: Vec<AgentGrants>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Apply {
        /// Of the mapping file.
        mapping_sha256: String,
        title: String,
        scenario: String,
    },
    Rollback {
        /// The action that it takes back.
        of: String,
    },
}

/// One file; None: there is none. Of a kept file both are the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Relative to the folder, symbolic links followed.
    pub path: String,
    pub before: Option<Stamp>,
    pub after: Option<Stamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    pub sha256: String,
    pub mode: u32,
    pub owner: Option<(u32, u32)>,
    /// Seconds and nanoseconds since 1970; none: when it is written.
    pub modified: Option<(u64, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Undone,
}

/// An action as recorded; without an outcome it was interrupted.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub manifest: Manifest,
    pub outcome: Option<Outcome>,
}

/// One file of an action about to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub path: String,
    pub before: Option<Image>,
    pub after: Option<Image>,
}

/// What an action is about to do.
pub struct Intent {
    pub action: Action,
    pub changes: Vec<Step>,
    /// To be backed up only.
    pub kept: Vec<(String, Image)>,
    pub grants: Vec<AgentGrants>,
}

/// The folder for one project.
pub struct Store {
    pub folder: PathBuf,
}

/// Nobody else works on the project's files until it is dropped.
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process started meanwhile by another thread may hold a copy of the open file for a moment.
        // Where unlocking fails, closing it comes next.
        let _ = self.file.unlock();
    }
}

impl Stamp {
    fn of(image: &Image) -> Stamp {
        let since = image.modified.map(|at| at.duration_since(UNIX_EPOCH).unwrap_or_default());
        Stamp {
            sha256: sha256(&image.bytes),
            mode: image.mode,
            owner: image.owner,
            modified: since.map(|since| (since.as_secs(), since.subsec_nanos())),
        }
    }
}

impl FileRecord {
    pub fn is_before(&self, now: Option<&str>) -> bool {
        self.before.as_ref().map(|s| s.sha256.as_str()) == now
    }

    pub fn is_after(&self, now: Option<&str>) -> bool {
        self.after.as_ref().map(|s| s.sha256.as_str()) == now
    }
}

impl Store {
    pub fn new(state: &Path, tree: &Tree) -> Store {
        Store { folder: state.join("mcplab").join(tree.id()) }
    }

    pub fn action_folder(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// Makes the folder and takes the lock. A crashed holder's lock is free: it dies with its process.
    pub fn lock(&self, disk: &dyn Disk, tree: &Tree) -> Result<Lock, ApplyError> {
        disk.create_dir(&self.folder).map_err(ApplyError::io("create", &self.folder))?;
        let path = self.folder.join("lock");
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open().map_err(ApplyError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let pid = file.read_to_string(&mut holder).ok().and_then(|_| holder.trim().parse().ok());
                return Err(ApplyError::Locked { pid, lock: path });
            }
            Err(TryLockError::Error(source)) => return Err(ApplyError::Io { doing: "lock", path, source }),
        }
        let write = |file: &mut File| file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        let mut lock = Lock { file };
        write(&mut lock.file).map_err(ApplyError::io("write", &path))?;
        self.claim(disk, tree)?;
        Ok(lock)
    }

    /// All recorded actions, oldest first. Reads only.
    pub fn actions(&self) -> Result<Vec<Recorded>, ApplyError> {
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
        let size = |image: &Option<Image>| image.as_ref().map_or(0, |image| image.bytes.len() as u64);
        self.enough_room(disk, tree, steps.iter().map(|s| size(&s.before) + size(&s.after)).sum())?;

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
            time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            tree: tree.root.clone(),
            action: intent.action.clone(),
            changes: changes.iter().map(record).collect(),
            kept: kept.iter().map(record).collect(),
            grants: intent.grants.clone(),
        };

        let preparing = self.folder.join(format!("{id}.preparing"));
        let make_dir = |path: &Path| disk.create_dir(path).map_err(ApplyError::io("create", path));
        make_dir(&preparing.join("before"))?;
        for (number, step) in steps.iter().enumerate() {
            if let Some(image) = &step.before {
                self.put(disk, &preparing.join("before").join(name(number)), &image.bytes)?;
            }
        }
        let text = serde_json::to_vec_pretty(&manifest).expect("a record is plain data with text keys");
        self.put(disk, &preparing.join("manifest.json"), &text)?;
        for folder in [&preparing.join("before"), &preparing] {
            disk.sync(folder).map_err(ApplyError::io("sync", folder))?;
        }
        let folder = self.action_folder(id);
        disk.rename(&preparing, &folder).map_err(ApplyError::io("rename", &preparing))?;
        disk.sync(&self.folder).map_err(ApplyError::io("sync", &self.folder))?;
        Ok(Recorded { manifest, outcome: None })
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
        let path = self.action_folder(&manifest.id).join("before").join(name(change));
        let bytes = fs::read(&path).map_err(ApplyError::io("read", &path))?;
        if sha256(&bytes) != stamp.sha256 {
            return Err(ApplyError::State { path, message: "it is not the file that the record names".into() });
        }
        let modified = stamp.modified.map(|(seconds, nanoseconds)| UNIX_EPOCH + Duration::new(seconds, nanoseconds.min(999_999_999)));
        Ok(Some(Image { bytes, mode: stamp.mode & 0o7777, owner: stamp.owner, modified }))
    }

    /// Keeps a file that a forced recovery is about to overwrite.
    pub fn keep_edited(&self, disk: &dyn Disk, id: &str, change: usize, bytes: &[u8]) -> Result<(), ApplyError> {
        let folder = self.action_folder(id).join("edited");
        disk.create_dir(&folder).map_err(ApplyError::io("create", &folder))?;
        let path = folder.join(format!("{}-{}", name(change), &sha256(bytes)[..12]));
        if path.exists() { Ok(()) } else { self.put(disk, &path, bytes) }
    }

    fn put(&self, disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), ApplyError> {
        let image = Image { bytes: bytes.to_vec(), mode: 0o600, owner: None, modified: None };
        disk.create(path, &image).map_err(ApplyError::io("write", path))?;
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
        Ok(Recorded { manifest, outcome })
    }

    /// The backups go to one file system, the new files perhaps to another.
    fn enough_room(&self, disk: &dyn Disk, tree: &Tree, bytes: u64) -> Result<(), ApplyError> {
        let needed = 2 * bytes + SPARE;
        for path in [&self.folder, &tree.root] {
            let free = disk.free(path).map_err(ApplyError::io("read the free space of", path))?;
            if free < needed {
                return Err(ApplyError::NoSpace { path: path.clone(), needed, free });
            }
        }
        Ok(())
    }
}

/// The id after these.
pub fn next_id(actions: &[Recorded]) -> String {
    let last = actions.last().and_then(|a| a.manifest.id.parse::<u32>().ok()).unwrap_or(0);
    format!("{:04}", last + 1)
}

fn name(number: usize) -> String {
    format!("{number:04}")
}
