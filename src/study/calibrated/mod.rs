//! A trace's figures in a scenario's place: each with where it is from, how many calls say so and how sure they are; what the trace cannot tell
//! stays as it is, and says why. `docs/calibration.md` has the rules.

mod faults;
mod observed;
mod service;
#[cfg(test)]
mod tests;
mod workload;

use std::path::PathBuf;

use serde::Serialize;

use crate::experiment::Watch;
use crate::import::Catalogue;
use crate::random::Key;
use crate::scenario::edit::{Edit, EditError, edited, stated};
use crate::scenario::{Diagnostics, Figure, Provenance, Scenario, Source, parse};
use crate::trace::{self, Account, Format, Measure, TraceError};

use observed::Observed;

pub use observed::{MOST_CALLS, Renamed, Unknown};

/// How to read a trace's calls as those of a scenario.
#[derive(Debug, Clone)]
pub struct Reading {
    pub format: Option<Format>,
    /// Which durations are fitted; the two are never mixed.
    pub measure: Measure,
    /// A pause of so many seconds begins a new task; none: a session is one, or where there are no sessions what the pauses say.
    pub idle: Option<f64>,
    /// Names of the trace that are other names in the scenario.
    pub renamed: Vec<Renamed>,
    /// Seconds east of Greenwich, of the day's profile.
    pub utc_offset: i64,
    pub seed: u64,
}

/// One place of the scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// `servers.github.serial`.
    pub path: Vec<String>,
    /// As the scenario states it; none where it does not.
    pub was: Option<String>,
    /// As it is stated now; none: it stays as it is.
    pub now: Option<String>,
    /// Which measurement, or why it stays.
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrated {
    pub scenario: String,
    /// What was read.
    pub account: Account,
    /// From the first call to the last end, in seconds; none where the trace has no times.
    pub span: Option<f64>,
    /// In the scenario's order.
    pub places: Vec<Place>,
    pub unknown: Unknown,
    /// Servers and agents of the scenario without a call.
    pub silent: Vec<String>,
    pub notes: Vec<String>,
    /// The scenario with what was found.
    #[serde(skip)]
    pub text: String,
}

#[derive(Debug, thiserror::Error)]
pub enum CalibratedError {
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error(transparent)]
    Mistakes(#[from] Diagnostics),
}

impl Calibrated {
    /// Figures that the trace gave.
    pub fn found(&self) -> usize {
        self.places.iter().filter(|place| place.now.is_some()).count()
    }
}

/// Reads the traces as one, and puts what they say into the text that the scenario was read from. `catalogue`: for what is assumed, where the trace
/// says too little.
pub fn calibrated(
    (file, text, scenario): (&str, &str, &Scenario),
    traces: &[PathBuf],
    reading: &Reading,
    catalogue: &Catalogue,
    watch: &dyn Watch,
) -> Result<Calibrated, CalibratedError> {
    let mut observed = Observed::new(scenario, reading);
    let trace = trace::read(traces, reading.format, &mut observed)?;
    observed.finish();
    let calls = observed.servers.len() + observed.agents.len();
    watch.phase("calibrating", calls as u64);
    let from = source(&trace.account.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>());
    let mut found = Findings { scenario, catalogue, reading, from, key: Key::new(reading.seed).named("calibrated"), places: Vec::new() };
    for (server, calls) in scenario.servers.iter().zip(&observed.servers) {
        if !calls.is_empty() {
            faults::calibrate(server, calls, &mut found);
        }
        watch.step();
    }
    for (id, calls) in scenario.agent_ids().zip(&observed.agents) {
        if !calls.is_empty() {
            workload::calibrate(id, calls, observed.span(), &mut found);
        }
        watch.step();
    }
    let mut edits = Vec::new();
    for place in &mut found.places {
        place.was = stated(text, &place.path);
        let Some(value) = &place.now else { continue };
        if place.path.ends_with(&["workload".to_owned(), "tasks".to_owned()]) {
            let mut other = place.path.clone();
            other.pop();
            other.push("tasks_per_complexity".to_owned());
            edits.push(Edit { path: other, value: None });
        }
        edits.push(Edit { path: place.path.clone(), value: Some(value.clone()) });
    }
    let text = edited(text, &edits)?;
    // What was written is read, so that no mistake is left for later.
    parse(file, &text)?;
    let names = scenario.servers.iter().map(|s| &s.name).zip(observed.servers.iter().map(Vec::is_empty));
    let agents = scenario.agents.iter().map(|a| &a.name).zip(observed.agents.iter().map(Vec::is_empty));
    let silent = |(name, empty): (&String, bool), kind: &str| empty.then(|| format!("{kind} {name}"));
    Ok(Calibrated {
        scenario: scenario.name.clone(),
        account: trace.account,
        span: observed.span().map(|(from, until)| until - from),
        places: found.places,
        silent: names.filter_map(|of| silent(of, "server")).chain(agents.filter_map(|of| silent(of, "agent"))).collect(),
        notes: observed.notes(),
        unknown: observed.unknown,
        text,
    })
}

/// Names of files without their folders, which are nobody else's business.
fn source(files: &[&str]) -> String {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    match files {
        [] => "no file".to_owned(),
        [one] => name(one),
        [first, ..] => format!("{} and {} more", name(first), files.len() - 1),
    }
}

/// What is found, as it is found.
struct Findings<'a> {
    scenario: &'a Scenario,
    catalogue: &'a Catalogue,
    reading: &'a Reading,
    /// The trace, in a note's words.
    from: String,
    key: Key,
    places: Vec<Place>,
}

impl Findings<'_> {
    fn states(&mut self, path: &[&str], value: String, why: impl Into<String>) {
        self.place(path, Some(value), why.into());
    }

    fn keeps(&mut self, path: &[&str], why: impl Into<String>) {
        self.place(path, None, why.into());
    }

    fn place(&mut self, path: &[&str], now: Option<String>, why: String) {
        self.places.push(Place { path: path.iter().map(|part| (*part).to_owned()).collect(), was: None, now, why });
    }

    /// A figure with where it is from. An interval without width says nothing.
    fn measured<T>(&self, value: T, n: u64, interval: Option<[String; 2]>, what: &str) -> Figure<T> {
        let interval = interval.filter(|[low, high]| low != high);
        let note = Some(format!("{}: {what}", self.from));
        Figure { value, provenance: Some(Provenance { source: Source::Measured, n: Some(n), interval, note }) }
    }
}

/// `1 call`, `2 calls`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
