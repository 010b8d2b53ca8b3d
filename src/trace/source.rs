//! The files of a trace: those that are named, and the transcripts in folders that are.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ignore::WalkBuilder;

use super::TraceError;

/// No client writes more transcripts.
const FILES_MAX: usize = 1 << 18;

/// In the order in which they are read; a folder's transcripts in the order of their paths, a session before its subagents.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, TraceError> {
    let mut files = Vec::new();
    let mut known = BTreeSet::new();
    for path in paths {
        let found = if path.is_dir() { transcripts(path)? } else { vec![path.clone()] };
        for file in found {
            // Links may lead to the same file twice.
            let is_new = known.insert(file.canonicalize().unwrap_or_else(|_| file.clone()));
            if is_new {
                files.push(file);
            }
            if files.len() > FILES_MAX {
                return Err(TraceError::TooMany { path: path.display().to_string(), most: FILES_MAX });
            }
        }
    }
    Ok(files)
}

fn transcripts(folder: &Path) -> Result<Vec<PathBuf>, TraceError> {
    let shown = || folder.display().to_string();
    // Everything that is there counts, whatever git ignores; loops of links are found, and are no error.
    let walk = WalkBuilder::new(folder).standard_filters(false).follow_links(true).build();
    let is_transcript = |path: &Path| path.extension().is_some_and(|e| e == "jsonl") && path.is_file();
    let mut found: Vec<PathBuf> =
        walk.filter_map(Result::ok).map(|entry| entry.into_path()).filter(|path| is_transcript(path)).take(FILES_MAX + 1).collect();
    if found.is_empty() {
        return Err(TraceError::NoTranscripts { folder: shown() });
    }
    // As texts, not as parts of paths: `a.jsonl` before `a/subagents/b.jsonl`.
    found.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok(found)
}

/// What a transcript is of, where something beside it says so: `agent-1.meta.json` of a subagent's `agent-1.jsonl`.
pub(super) fn agent_beside(path: &Path) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Meta {
        #[serde(rename = "agentType")]
        agent: String,
    }
    const META_MAX: u64 = 1 << 20;
    let beside = path.with_extension("meta.json");
    if !beside.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(beside).ok()?.take(META_MAX).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice::<Meta>(&bytes).ok().map(|meta| meta.agent)
}

/// Counts what is read.
pub(super) struct Metered<R> {
    pub reader: R,
    pub meter: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.meter.set(self.meter.get() + count as u64);
        Ok(count)
    }
}
