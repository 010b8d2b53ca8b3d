//! All contenders on all queues, several times over; what each did best; and whether those that have to agree do.

use std::path::Path;

use crate::contenders::{CONTENDERS, Contender, Kind};
use crate::measure::{Measured, run_apart};
use crate::queue::QUEUES;

pub struct Field<'a> {
    pub customers: u64,
    pub repeats: u32,
    /// None leaves out the simulators of Python.
    pub python: Option<&'a Path>,
}

/// What came of a contender's runs: one cell a queue, in the order of `QUEUES`.
pub struct Row {
    pub contender: Contender,
    pub cells: [Result<Best, String>; QUEUES.len()],
}

/// The best of several runs of the same.
#[derive(Debug, Clone, Copy)]
pub struct Best {
    customers: u64,
    wait: f64,
    cpu_seconds: f64,
    pub peak_memory_kib: Option<u64>,
}

impl Best {
    fn of(measured: Measured) -> Best {
        let Measured { served, cpu_seconds, peak_memory_kib } = measured;
        Best { customers: served.customers, wait: served.wait, cpu_seconds, peak_memory_kib }
    }

    /// Noise only ever adds, to the time as to the memory; what is computed is the same every time.
    fn and(self, other: Best) -> Result<Best, String> {
        if (self.customers, self.wait) != (other.customers, other.wait) {
            return Err("the same run came out differently".to_owned());
        }
        let cpu_seconds = self.cpu_seconds.min(other.cpu_seconds);
        Ok(Best { cpu_seconds, peak_memory_kib: self.peak_memory_kib.min(other.peak_memory_kib), ..self })
    }

    /// Customers a second of CPU time.
    pub fn rate(&self) -> f64 {
        self.customers as f64 / self.cpu_seconds
    }

    fn mean_wait(&self) -> f64 {
        self.wait / self.customers as f64
    }
}

/// Everybody takes turns, so that whatever else the machine does hits all alike.
pub fn compare(field: &Field) -> Vec<Row> {
    let takes_part = |contender: &Contender| field.python.is_some() || matches!(contender.kind, Kind::Linked { .. });
    let contenders = CONTENDERS.into_iter().filter(takes_part);
    let mut rows: Vec<Row> = contenders.map(|contender| Row { contender, cells: round(contender, field, 1) }).collect();
    for repeat in 2..=field.repeats {
        for row in &mut rows {
            let runs = round(row.contender, field, repeat);
            for (cell, run) in row.cells.iter_mut().zip(runs) {
                // An error once is an error.
                *cell = std::mem::replace(cell, Err(String::new())).and_then(|best| best.and(run?));
            }
        }
    }
    refuse_disagreement(&mut rows);
    rows
}

fn round(contender: Contender, field: &Field, repeat: u32) -> [Result<Best, String>; QUEUES.len()] {
    QUEUES.map(|queue| {
        eprintln!("run {repeat} of {}: {}, {}", field.repeats, contender.name, queue.name);
        let python = field.python.unwrap_or(Path::new("python3"));
        let run = run_apart(contender, queue, field.customers / contender.share, python);
        run.map(Best::of).map_err(|error| format!("{error:#}"))
    })
}

/// Those that share their luck have the same waits, but for how they round time: who differs by more simulates something else.
fn refuse_disagreement(rows: &mut [Row]) {
    for queue in 0..QUEUES.len() {
        let sharing = rows.iter_mut().filter(|row| matches!(row.contender.kind, Kind::Linked { shares_luck: true, .. }));
        let mut agreed = None;
        for cell in sharing.map(|row| &mut row.cells[queue]) {
            let Ok(wait) = cell.as_ref().map(Best::mean_wait) else { continue };
            let agreed = *agreed.get_or_insert(wait);
            if (wait / agreed - 1.0).abs() > 1e-6 {
                *cell = Err(format!("mean wait {wait} s instead of {agreed} s, on the same luck"));
            }
        }
    }
}
