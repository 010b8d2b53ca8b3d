//! The points of a sweep that are finished, a line each: what a killed sweep goes on from.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::judge::Estimate;
use crate::scenario::Kpi;
use crate::study::sweep::{KpiReading, Reading, ServerReading};

use super::run::RunError;

/// In the run's folder.
pub const JOURNAL_FILE: &str = "points.jsonl";

/// Appended to by every point that is finished. One process has it at a time.
#[derive(Debug)]
pub struct Journal {
    file: Mutex<File>,
    shown: String,
    /// By the hash of what each point was, as they were when it was opened.
    pub done: BTreeMap<String, Reading>,
}

impl Journal {
    /// What is no whole line at the end, or no line of a journal, is dropped: its point was not finished.
    pub fn open(folder: &Path) -> Result<Journal, RunError> {
        let path = folder.join(JOURNAL_FILE);
        let shown = path.display().to_string();
        let failed = |source| RunError::Write { path: shown.clone(), source };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(failed(io::Error::other("another mcplab is at work on this sweep"))),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed)?;
        let lines = bytes[..whole].split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
        let done = lines.filter_map(|line| Some((line.point.clone(), line.reading()?))).collect();
        Ok(Journal { file: Mutex::new(file), shown, done })
    }

    /// On the disk when this returns.
    pub fn append(&self, point: &str, settings: &[String], reading: &Reading) -> Result<(), RunError> {
        let line = journal_line(point, settings, reading);
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(|source| RunError::Write { path: self.shown.clone(), source })
    }
}

/// One point, with all that was measured of it, to the last bit.
pub fn journal_line(point: &str, settings: &[String], reading: &Reading) -> String {
    let line = Line {
        point: point.to_owned(),
        settings: settings.to_vec(),
        kpis: reading.kpis.iter().map(|of| (of.estimate.map(Exact::of), of.target.map(exact), of.met)).collect(),
        servers: reading.servers.iter().map(|of| (of.server.clone(), of.utilisation.map(Exact::of), of.offered.map(Exact::of))).collect(),
        unstable: reading.unstable.clone(),
    };
    let mut text = serde_json::to_string(&line).expect("strings and numbers always have a JSON form");
    text.push('\n');
    text
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// The hash of what it was.
    point: String,
    settings: Vec<String>,
    /// In the order of [`Kpi::ALL`]: estimate, target, met.
    kpis: Vec<(Option<Exact>, Option<String>, Option<bool>)>,
    /// Name, utilisation, offered.
    servers: Vec<(String, Option<Exact>, Option<Exact>)>,
    unstable: Vec<String>,
}

/// An estimate. As texts, since a JSON number may be read back as its neighbour.
#[derive(Debug, Serialize, Deserialize)]
struct Exact {
    mean: String,
    half_width: String,
    error: String,
    n: usize,
}

fn exact(number: f64) -> String {
    format!("{number:?}")
}

impl Exact {
    fn of(estimate: Estimate) -> Exact {
        let Estimate { mean, half_width, error, n } = estimate;
        Exact { mean: exact(mean), half_width: exact(half_width), error: exact(error), n }
    }

    fn estimate(&self) -> Option<Estimate> {
        let number = |text: &String| text.parse().ok();
        Some(Estimate { mean: number(&self.mean)?, half_width: number(&self.half_width)?, error: number(&self.error)?, n: self.n })
    }
}

impl Line {
    fn reading(&self) -> Option<Reading> {
        if self.kpis.len() != Kpi::ALL.len() {
            return None;
        }
        let of = |exact: &Option<Exact>| exact.as_ref().map(Exact::estimate);
        // None where a number is not one.
        let sound = |estimate: Option<Option<Estimate>>| match estimate {
            Some(None) => None,
            other => Some(other.flatten()),
        };
        let kpis = Kpi::ALL.iter().zip(&self.kpis).map(|(kpi, (estimate, target, met))| {
            let target = target.as_ref().map(|text| text.parse().ok());
            let target = if target == Some(None) { return None } else { target.flatten() };
            Some(KpiReading { kpi: *kpi, estimate: sound(of(estimate))?, target, met: *met })
        });
        let servers = self.servers.iter().map(|(server, utilisation, offered)| {
            Some(ServerReading { server: server.clone(), utilisation: sound(of(utilisation))?, offered: sound(of(offered))? })
        });
        Some(Reading { kpis: kpis.collect::<Option<_>>()?, servers: servers.collect::<Option<_>>()?, unstable: self.unstable.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reading(mean: f64, error: f64) -> Reading {
        let estimate = Some(Estimate { mean, half_width: 2.0 * error, error, n: 20 });
        let kpis = Kpi::ALL.map(|kpi| KpiReading { kpi, estimate, target: Some(mean / 3.0), met: Some(true) }).to_vec();
        let servers = vec![ServerReading { server: "files".to_owned(), utilisation: None, offered: estimate }];
        Reading { kpis, servers, unstable: vec!["files".to_owned()] }
    }

    proptest! {
        #[test]
        fn what_is_appended_is_there_again_to_the_last_bit(mean in proptest::num::f64::NORMAL, error in 0.0..1e9f64) {
            let folder = tempfile::tempdir().unwrap();
            let of = reading(mean, error);
            Journal::open(folder.path()).unwrap().append("p", &["2".to_owned()], &of).unwrap();
            prop_assert_eq!(&Journal::open(folder.path()).unwrap().done["p"], &of);
        }
    }

    #[test]
    fn a_torn_line_is_dropped_and_a_broken_one_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(JOURNAL_FILE);
        let whole = journal_line("a", &[], &reading(1.0, 0.1));
        let torn = &journal_line("b", &[], &reading(2.0, 0.1))[..40];
        std::fs::write(&path, format!("no JSON\n{whole}{torn}")).unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.done.keys().collect::<Vec<_>>(), ["a"]);
        journal.append("c", &[], &reading(3.0, 0.1)).unwrap();
        assert!(Journal::open(folder.path()).unwrap_err().to_string().contains("another mcplab"));
        drop(journal);
        assert_eq!(Journal::open(folder.path()).unwrap().done.keys().collect::<Vec<_>>(), ["a", "c"]);
    }
}
