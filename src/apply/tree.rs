//! A project folder: every path that is read or written is resolved here, and none leads out of it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::Refusal;
use crate::import::{AGENTS, AgentTree, ImportError, sha256};

/// Claude Code's own file in the home folder: sessions, sign-in and servers of all projects. It is rewritten while the client
/// runs, so nobody else writes it, whichever link leads there.
const CLIENT_STATE: &str = ".claude.json";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Absolute, without symbolic links.
    pub root: PathBuf,
}

impl Tree {
    pub fn open(dir: &Path) -> io::Result<Tree> {
        let root = dir.canonicalize()?;
        if !root.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        Ok(Tree { root })
    }

    /// Names this folder among all folders of the machine: its own name, for people, and a hash of its whole path.
    pub fn id(&self) -> String {
        let name = self.root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' }).take(40).collect();
        format!("{plain}-{}", &sha256(self.root.as_os_str().as_encoded_bytes())[..12])
    }

    /// The real file behind a relative path, symbolic links followed; it need not exist.
    pub fn resolve(&self, path: &str) -> Result<PathBuf, Refusal> {
        let outside = || Refusal::Outside { path: path.to_owned() };
        let plain = |c: Component| matches!(c, Component::Normal(_) | Component::CurDir);
        if path.is_empty() || path.contains('\0') || !Path::new(path).components().all(plain) {
            return Err(outside());
        }
        let full = self.root.join(path);
        let real = match full.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&full).is_err() => {
                let parent = full.parent().unwrap_or(&self.root);
                match (parent.canonicalize(), full.file_name()) {
                    (Ok(parent), Some(name)) => parent.join(name),
                    // Neither the file nor its folder is there: nothing that a link could lead astray.
                    _ => full,
                }
            }
            // A link to nowhere, a loop, a folder that may not be read: not a file of this tree.
            Err(_) => return Err(outside()),
        };
        if real.file_name().is_some_and(|name| name.eq_ignore_ascii_case(CLIENT_STATE)) {
            return Err(Refusal::ClientState { path: path.to_owned() });
        }
        if real.starts_with(&self.root) && real != self.root { Ok(real) } else { Err(outside()) }
    }

    /// As plans and records name it: relative, with forward slashes.
    pub fn relative(&self, real: &Path) -> String {
        let inside = real.strip_prefix(&self.root).unwrap_or(real);
        inside.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    /// Whether the file has another name: a file put in its place does not change that one.
    pub fn is_hard_linked(&self, path: &str) -> bool {
        fs::metadata(self.root.join(path)).is_ok_and(|meta| meta.nlink() > 1)
    }

    /// The files under `.claude/agents`, as an import finds them.
    pub fn agents(&self) -> Result<AgentTree, ImportError> {
        let mut found = AgentTree::default();
        let folder = self.root.join(AGENTS);
        if folder.is_dir() {
            found.read_agents(&self.root, &folder)?;
        }
        Ok(found)
    }
}
