//! A run's folder: everything that is needed to repeat it exactly, and what came out.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::import::sha256;

/// A text that went into a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// As it was given on the command line.
    pub file: String,
    pub sha256: String,
    pub text: String,
}

impl Input {
    pub fn new(file: impl Into<String>, text: String) -> Input {
        Input { file: file.into(), sha256: sha256(text.as_bytes()), text }
    }
}

/// A log that a run replayed. Its text is not kept: it may be large, and more may stand in it than what is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedLog {
    /// As it was given on the command line.
    pub file: String,
    pub sha256: String,
}

/// What a run did, on what. Nothing here depends on the clock, the machine or the number of threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub version: String,
    /// The subcommand.
    pub command: String,
    pub seed: u64,
    pub replications: u32,
    /// What-ifs of the scenario that were asked for, where a command leaves the choice.
    pub what_ifs: Vec<String>,
    /// False where a clock ended a search, so that a repetition may differ.
    pub reproducible: bool,
    pub scenario: Input,
    pub mappings: Vec<Input>,
    /// Dispatch policies of gateways that take part. Left out where there are none, as are replays: runs from before keep their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayedLog>,
    /// Draws of the inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagate: Option<u32>,
    /// The Pareto front is shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pareto: bool,
    /// The load at which targets break is looked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub breaks: bool,
    /// The mapping is to be best across the what-ifs: in the `worst` case, or by weights, `base=2,load-x2=1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub across: Option<String>,
    /// Flags that change the scenario, as `scenario::change` prints them; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// What a sweep varies: `load=0.5..4:0.25`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vary: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillAsked>,
    /// Then there is no one scenario: its text is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<BenchmarkAsked>,
}

/// What `benchmark` was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchmarkAsked {
    pub scenarios: Vec<Input>,
    /// Of made-up scenarios: agents x servers.
    pub sizes: Vec<String>,
    /// Of each size.
    pub instances: u32,
}

/// What `drill` was asked for; times as they were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillAsked {
    /// Empty: each server and each dependency.
    pub down: Vec<String>,
    pub at: Option<String>,
    pub lasts: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("cannot write {path}: {source}")]
    Write { path: String, source: io::Error },
    #[error("cannot read {path}: {source}")]
    Read { path: String, source: io::Error },
    #[error("{path} is not a run's manifest: {source}")]
    Manifest { path: String, source: serde_json::Error },
    #[error("{path} was written in format {format}; this version reads format 1")]
    Format { path: String, format: u32 },
    #[error("{path} exists and is not a run's folder (it has no manifest.json); choose another name")]
    Foreign { path: String },
    #[error("`{0}` cannot name a run's folder: use letters, digits, `.`, `-` and `_`")]
    Name(String),
}

/// Where a run's files went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub id: String,
    pub folder: PathBuf,
}

/// The first twelve digits of the manifest's hash.
pub fn run_id(manifest: &Manifest) -> String {
    // Known only afterwards: what came out is no part of what went in.
    let key = Manifest { reproducible: true, ..manifest.clone() };
    let text = serde_json::to_string(&key).expect("strings and numbers always have a JSON form");
    sha256(text.as_bytes())[..12].to_owned()
}

/// Writes `<root>/<scenario>/<name, else the run's id>/` with the manifest and `files`; all of it or nothing. An older run of that name is replaced,
/// nothing else.
pub fn write_run(
    root: &Path,
    scenario_name: &str,
    name: Option<&str>,
    manifest: &Manifest,
    files: &[(String, Vec<u8>)],
) -> Result<Written, RunError> {
    let id = run_id(manifest);
    let parent = root.join(folder_name(scenario_name)?);
    let folder = parent.join(name.map_or(Ok(id.clone()), folder_name)?);
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| RunError::Write { path, source }
    };
    fs::create_dir_all(&parent).map_err(failed(&parent))?;
    let unfinished = tempfile::Builder::new().prefix(".unfinished-").tempdir_in(&parent).map_err(failed(&parent))?;
    let mut manifest = serde_json::to_string_pretty(manifest).expect("strings and numbers always have a JSON form");
    manifest.push('\n');
    let all = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    for (name, bytes) in all.chain([("manifest.json", manifest.as_bytes())]) {
        let path = unfinished.path().join(name);
        fs::write(&path, bytes).map_err(failed(&path))?;
    }
    if folder.exists() {
        if !folder.join("manifest.json").is_file() {
            return Err(RunError::Foreign { path: folder.display().to_string() });
        }
        fs::remove_dir_all(&folder).map_err(failed(&folder))?;
    }
    fs::rename(unfinished.path(), &folder).map_err(failed(&folder))?;
    // Under its new name it stays.
    let _ = unfinished.keep();
    // A temporary folder is private; results are not.
    #[cfg(unix)]
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).map_err(failed(&folder))?;
    Ok(Written { id, folder })
}

/// The folder of a run that writes while it goes on, with its manifest. What an interrupted run of the same input left there stays; an
/// older run of that name is replaced.
pub fn begin_run(root: &Path, scenario_name: &str, name: Option<&str>, manifest: &Manifest) -> Result<Written, RunError> {
    let id = run_id(manifest);
    let folder = root.join(folder_name(scenario_name)?).join(name.map_or(Ok(id.clone()), folder_name)?);
    let goes_on = folder.join("manifest.json").is_file() && read_manifest(&folder).is_ok_and(|of| run_id(&of) == id);
    if goes_on { Ok(Written { id, folder }) } else { write_run(root, scenario_name, name, manifest, &[]) }
}

/// Puts the files into a folder that [`begin_run`] made, each whole or not at all.
pub fn finish_run(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<(), RunError> {
    for (name, bytes) in files {
        let path = folder.join(name);
        let failed = |source| RunError::Write { path: path.display().to_string(), source };
        // A name of its own would be left over where the program is killed; this one is taken again.
        let unfinished = folder.join(UNFINISHED);
        fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, &path)).map_err(failed)?;
    }
    let _ = fs::remove_file(folder.join(UNFINISHED));
    Ok(())
}

const UNFINISHED: &str = ".unfinished";

/// A run's own name has to be plain: it becomes a folder.
pub fn folder_name(name: &str) -> Result<String, RunError> {
    let plain = !name.is_empty() && !name.starts_with('.') && name.chars().all(|c| c.is_alphanumeric() || ".-_".contains(c));
    if plain { Ok(name.to_owned()) } else { Err(RunError::Name(name.to_owned())) }
}

/// A scenario and its mappings are each at most 16 MiB on the command line; JSON adds to that.
const MANIFEST_MAX: u64 = 256 << 20;

pub fn read_manifest(folder: &Path) -> Result<Manifest, RunError> {
    let path = folder.join("manifest.json");
    let shown = path.display().to_string();
    let failed = |source| RunError::Read { path: shown.clone(), source };
    let mut text = String::new();
    fs::File::open(&path).and_then(|file| file.take(MANIFEST_MAX + 1).read_to_string(&mut text)).map_err(failed)?;
    if text.len() as u64 > MANIFEST_MAX {
        return Err(failed(io::Error::other("it is too large for a run's manifest")));
    }
    let manifest: Manifest = serde_json::from_str(&text).map_err(|source| RunError::Manifest { path: shown.clone(), source })?;
    if manifest.format != 1 {
        return Err(RunError::Format { path: shown, format: manifest.format });
    }
    Ok(manifest)
}

/// Times are the one thing that may differ between two runs of the same manifest.
pub const TIMES_FILE: &str = "times.json";

/// Names of the files that are not the same, byte for byte, in both folders; times left out.
pub fn differing_files(a: &Path, b: &Path) -> Result<Vec<String>, RunError> {
    let names = |folder: &Path| -> Result<Vec<String>, RunError> {
        let failed = |source| RunError::Read { path: folder.display().to_string(), source };
        let entries: Result<Vec<fs::DirEntry>, io::Error> = fs::read_dir(folder).map_err(failed)?.collect();
        Ok(entries.map_err(failed)?.iter().map(|e| e.file_name().to_string_lossy().into_owned()).collect())
    };
    let mut all = names(a)?;
    all.extend(names(b)?);
    all.sort();
    all.dedup();
    all.retain(|name| name != TIMES_FILE && fs::read(a.join(name)).ok() != fs::read(b.join(name)).ok());
    Ok(all)
}
