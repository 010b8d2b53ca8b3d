//! Files as an import finds them: links are followed as clients do, loops and what is no text file are said and left alone.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use sha2::{Digest, Sha256};

/// A file or folder that was not looked into.
#[derive(Debug, Clone, PartialEq)]
pub struct Skipped {
    pub path: String,
    pub reason: String,
}

/// Files of a folder, in the order of their paths.
#[derive(Debug, Default)]
pub struct Walked {
    /// With their paths relative to the root.
    pub files: Vec<(PathBuf, String)>,
    pub skipped: Vec<Skipped>,
}

/// More files than this are no folder of agents.
pub const FILES_MAX: usize = 10_000;
/// Folders below a folder of agents that are looked into.
pub const DEPTH_MAX: usize = 16;

/// The files of a folder whose names end so, not more than [`FILES_MAX`] and one. Symbolic links are followed, as clients do; loops are
/// skipped, `.gitignore` does not count.
pub fn files_below(root: &Path, folder: &Path, depth: usize, ending: &str) -> Walked {
    let mut walked = Walked::default();
    let walk = WalkBuilder::new(folder).standard_filters(false).follow_links(true).max_depth(Some(depth + 1)).build();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                walked.skipped.push(unwalked(root, folder, &error));
                continue;
            }
        };
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let is_wanted = !is_folder && entry.file_name().to_string_lossy().ends_with(ending);
        let path = relative(root, entry.path());
        if is_folder && entry.depth() > depth && depth == DEPTH_MAX {
            walked.skipped.push(Skipped { path, reason: format!("more than {DEPTH_MAX} folders deep") });
        } else if is_wanted && entry.path().to_str().is_none() {
            walked.skipped.push(Skipped { path, reason: "its name is not UTF-8".to_owned() });
        } else if is_wanted {
            walked.files.push((entry.into_path(), path));
        }
        if walked.files.len() > FILES_MAX {
            break;
        }
    }
    walked.files.sort_by(|a, b| a.1.cmp(&b.1));
    walked.skipped.sort_by(|a, b| (&a.path, &a.reason).cmp(&(&b.path, &b.reason)));
    walked
}

/// A regular file's bytes, and not many more than `most`: a longer file is found out by its length, not by filling the memory.
pub fn read_limited(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unwalked(root: &Path, folder: &Path, error: &ignore::Error) -> Skipped {
    // The error names its place in several nested ways; a person wants path and reason.
    fn place(error: &ignore::Error) -> Option<&Path> {
        match error {
            ignore::Error::Loop { child, .. } => Some(child),
            ignore::Error::WithPath { path, .. } => Some(path),
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place(err),
            _ => None,
        }
    }
    fn reason(error: &ignore::Error) -> String {
        match error {
            ignore::Error::Loop { .. } => "a symbolic link that leads back to a folder around it".to_owned(),
            ignore::Error::WithPath { err, .. } | ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
                reason(err)
            }
            other => other.to_string(),
        }
    }
    Skipped { path: relative(root, place(error).unwrap_or(folder)), reason: reason(error) }
}

pub fn relative(root: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes every write");
        hex
    })
}
