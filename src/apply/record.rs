//! What is written down of an action: what it was to do, to which files, on whose word.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::AgentGrants;
use super::attributes::Attributes;
use super::disk::Image;
use crate::import::sha256;

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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Apply {
        /// Of the mapping file.
        mapping_sha256: String,
        title: String,
        scenario: String,
        #[serde(default)]
        origin: Origin,
        /// Which part of the mapping, where it was not all of it: `phase 1 of 3`, `only execution-tracker`.
        #[serde(default)]
        part: Option<String>,
    },
    Rollback {
        /// The action that it takes back.
        of: String,
    },
}

/// Where a mapping comes from, as far as its file says so and nobody edited that by hand.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The run that chose it.
    pub run: Option<String>,
    pub verdict: Option<String>,
    /// The KPIs in the base, as they were simulated before it was applied.
    pub expected: Vec<Expected>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    pub kpi: String,
    pub mean: Option<f64>,
    /// The one-sided 95 % bound that was held against the target.
    pub bound: Option<f64>,
    pub target: Option<f64>,
    pub met: bool,
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
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
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
    /// Its backups were removed on request: it can no longer be taken back.
    pub pruned: bool,
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

impl Stamp {
    pub fn of(image: &Image) -> Stamp {
        let since = image.modified.map(|at| at.duration_since(UNIX_EPOCH).unwrap_or_default());
        Stamp {
            sha256: sha256(&image.bytes),
            mode: image.mode,
            owner: image.owner,
            modified: since.map(|since| (since.as_secs(), since.subsec_nanos())),
            attributes: image.attributes.clone(),
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

/// The id after these.
pub fn next_id(actions: &[Recorded]) -> String {
    let last = actions.last().and_then(|a| a.manifest.id.parse::<u32>().ok()).unwrap_or(0);
    format!("{:04}", last + 1)
}
