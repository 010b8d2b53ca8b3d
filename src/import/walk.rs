//! Files as an import finds them: links are followed as clients do, loops and what is no text file are said and left alone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ignore::{DirEntry, WalkBuilder};
use sha2::{Digest, Sha256};

use crate::scenario::document::{Problems, check_text};
use crate::trace::shown;

/// A file or folder that was not looked into, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    pub path: String,
    /// 1-based.
    pub line: Option<usize>,
    pub why: Unread,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unread {
    #[error("more files than any folder of agents has")]
    TooManyFiles,
    #[error("folders in it beyond the first {most} entries were not looked through for agents")]
    TooManyEntries { most: usize },
    #[error("more than {DEPTH_MAX} folders deep")]
    TooDeep,
    #[error("longer than {mebibytes} MiB: mcplab reads no longer one")]
    TooLong { mebibytes: u64 },
    #[error("a symbolic link to nothing")]
    Dangling,
    #[error("a symbolic link that leads back to a folder around it")]
    Loop,
    #[error("a second way to `{first}`")]
    SecondWay { first: String },
    #[error("its name is not UTF-8")]
    NotUtf8,
    #[error("its path holds a control character")]
    ControlCharacter,
    #[error("{what} `{}`: its name is empty, too long or holds a control character, and mcplab takes none such", shown(name))]
    Name { what: &'static str, name: String },
    #[error("above this folder, and Claude Code reads it up to the repository's root")]
    Above,
    #[error("a remote agent: what it may use is said elsewhere")]
    Remote,
    #[error("{reason}")]
    Unreadable { reason: String },
}

impl Unread {
    /// What a person can do about it.
    pub fn mend(&self) -> &'static str {
        match self {
            Unread::TooManyFiles | Unread::TooManyEntries { .. } | Unread::TooDeep => "check a folder with less in it",
            Unread::TooLong { .. } => "make it shorter, or check it by hand: its client may well read it",
            Unread::Dangling => "remove the link, or put a file where it leads",
            Unread::Loop | Unread::SecondWay { .. } => "remove the link",
            Unread::NotUtf8 | Unread::ControlCharacter => "give it a name in plain UTF-8",
            Unread::Name { .. } => "give it a short name without such characters",
            Unread::Above => "take the repository's root instead, so that it is read",
            Unread::Remote => "nothing, if this is meant",
            Unread::Unreadable { .. } => "remove it, or put a file in its place that can be read",
        }
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Unread {
        Unread::Unreadable { reason: error.to_string() }
    }
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

/// The files of a folder whose names end so, not more than [`FILES_MAX`] and one. Symbolic links are followed, as clients do; loops and
/// second ways to the same file are skipped, `.gitignore` does not count.
pub fn files_below(root: &Path, folder: &Path, depth: usize, ending: &str) -> Walked {
    let mut walked = Walked::default();
    let around: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
    let walk = WalkBuilder::new(folder)
        .standard_filters(false)
        .follow_links(true)
        .max_depth(Some(depth + 1))
        .filter_entry(leads_on(folder, &around))
        .build();
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
            walked.skipped.push(Skipped { path, line: None, why: Unread::TooDeep });
        } else if is_wanted && entry.path().to_str().is_none() {
            walked.skipped.push(Skipped { path, line: None, why: Unread::NotUtf8 });
        } else if is_wanted && !is_plain(&path) {
            walked.skipped.push(Skipped { path, line: None, why: Unread::ControlCharacter });
        } else if is_wanted {
            walked.files.push((entry.into_path(), path));
        }
        if walked.files.len() > FILES_MAX {
            break;
        }
    }
    let around = around.lock().map(|mut around| std::mem::take(&mut *around)).unwrap_or_default();
    walked.skipped.extend(around.iter().map(|path| Skipped { path: relative(root, path), line: None, why: Unread::Loop }));
    walked.files.sort_by(|a, b| a.1.cmp(&b.1));
    walked.keep_first_ways();
    walked.skipped.sort();
    walked
}

/// Whether an entry is anything but a link to a folder around the one that is walked. Such links are kept: behind them the walk would see
/// all that lies beside the folder, and the folder itself once more.
fn leads_on(folder: &Path, around: &Arc<Mutex<Vec<PathBuf>>>) -> impl Fn(&DirEntry) -> bool + Send + Sync + 'static {
    let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let around = Arc::clone(around);
    move |entry| {
        let is_back = entry.depth() > 0
            && entry.path_is_symlink()
            && entry.file_type().is_some_and(|kind| kind.is_dir())
            && fs::canonicalize(entry.path()).is_ok_and(|target| real.starts_with(target));
        if is_back && let Ok(mut around) = around.lock() {
            around.push(entry.path().to_owned());
        }
        !is_back
    }
}

impl Walked {
    /// Of several ways to one file the one without a link counts, else the first.
    fn keep_first_ways(&mut self) {
        let real: Vec<PathBuf> = self.files.iter().map(|(path, _)| fs::canonicalize(path).unwrap_or_else(|_| path.clone())).collect();
        let mut first: BTreeMap<&Path, usize> = BTreeMap::new();
        for (index, real) in real.iter().enumerate() {
            let place = first.entry(real).or_insert(index);
            if self.files[index].0 == *real {
                *place = index;
            }
        }
        let kept: Vec<usize> = real.iter().map(|real| first[real.as_path()]).collect();
        let seconds = kept.iter().enumerate().filter(|(index, first)| index != *first).map(|(index, first)| Skipped {
            path: self.files[index].1.clone(),
            line: None,
            why: Unread::SecondWay { first: self.files[*first].1.clone() },
        });
        self.skipped.extend(seconds);
        let mut index = 0;
        self.files.retain(|_| {
            index += 1;
            kept[index - 1] == index - 1
        });
    }
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
    let path = place(error).unwrap_or(folder);
    let why = match error.io_error() {
        _ if is_loop(error) => Unread::Loop,
        Some(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => Unread::Dangling,
        Some(error) => Unread::Unreadable { reason: without_path(error) },
        None => Unread::Unreadable { reason: "it cannot be looked into".to_owned() },
    };
    Skipped { path: relative(root, path), line: None, why }
}

fn is_loop(error: &ignore::Error) -> bool {
    match error {
        ignore::Error::Loop { .. } => true,
        ignore::Error::WithPath { err, .. } | ignore::Error::WithDepth { err, .. } => is_loop(err),
        _ => false,
    }
}

/// The reason alone: the walk's errors repeat the absolute path, which a report shows nobody.
fn without_path(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code).to_string(),
        None => error.kind().to_string(),
    }
}

/// Whether a scenario can hold such a path or name.
pub fn is_plain(text: &str) -> bool {
    let mut problems = Problems::default();
    check_text(text, &(0..0), &mut problems);
    !problems.has_errors()
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
