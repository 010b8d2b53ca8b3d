//! One mcplab at a time on a project: a lock that dies with its holder, and says who that is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ApplyError;
use crate::trace::utc;

/// More than a holder is ever written with.
const HOLDER_MAX: u64 = 1 << 10;

/// Nobody else works on the project's files until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub process: u32,
    /// `apply`, `rollback` and so on.
    pub command: String,
    /// Seconds since 1970.
    pub since: u64,
}

impl Lock {
    /// Takes the lock, or says who has it. The system frees a crashed holder's lock with its process: what is left of that one is
    /// its name, and it is overwritten.
    pub fn take(path: &Path, holder: &Holder) -> Result<Lock, ApplyError> {
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = open().map_err(ApplyError::io("open", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ApplyError::Locked { holder: named(&file), lock: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(ApplyError::Io { doing: "lock", path: path.to_owned(), source }),
        }
        let text = serde_json::to_string(holder).expect("plain data");
        file.set_len(0).and_then(|()| writeln!(file, "{text}")).map_err(ApplyError::io("write", path))?;
        Ok(Lock { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process started meanwhile by another thread may hold a copy of the open file for a moment.
        // Where unlocking fails, closing it comes next.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let since = i64::try_from(self.since).unwrap_or(i64::MAX);
        write!(f, "process {}, `mcplab {}`, since {}", self.process, self.command.escape_debug(), utc(since))
    }
}

fn named(file: &File) -> Option<Holder> {
    let mut text = String::new();
    file.take(HOLDER_MAX).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
