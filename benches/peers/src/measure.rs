//! One run of one contender in a process of its own, so that CPU time and peak memory are its own, and the check of what it computed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::contenders::{Contender, Kind};
use crate::queue::{Queue, Served, tolerance};

/// The line of JSON that a contender's process prints.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Measured {
    pub served: Served,
    /// Of the run, without what comes before it.
    pub cpu_seconds: f64,
    /// The process's at its most; None where the system does not tell.
    pub peak_memory_kib: Option<u64>,
}

/// In the contender's own process.
pub fn run_here(contender: Contender, queue: Queue, customers: u64) -> anyhow::Result<Measured> {
    let Kind::Linked { prepare, .. } = contender.kind else { bail!("{} is not linked in", contender.name) };
    let run = prepare(queue, customers);
    let start = cpu_time();
    let served = run();
    let cpu_seconds = (cpu_time() - start).as_secs_f64();
    Ok(Measured { served, cpu_seconds, peak_memory_kib: peak_memory_kib() })
}

/// In a new process.
pub fn run_apart(contender: Contender, queue: Queue, customers: u64, python: &Path) -> anyhow::Result<Measured> {
    let mut command = match contender.kind {
        Kind::Linked { .. } => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--contender", contender.name, "--queue", queue.name, "--customers"]);
            command
        }
        Kind::Python { name } => {
            let mut command = Command::new(python);
            command.arg(python_file()).args([name, queue.name]);
            command
        }
    };
    let output = command.arg(customers.to_string()).output()?;
    ensure!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    let measured: Measured = serde_json::from_slice(&output.stdout).context("a contender prints a line of JSON")?;
    check(&measured.served, &queue, customers)?;
    Ok(measured)
}

/// None where that Python has all that it needs, else what it says.
pub fn what_python_lacks(python: &Path) -> Option<String> {
    match Command::new(python).args(["-c", "import ciw, simpy"]).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it fails").to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

fn python_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers.py")
}

/// Who simulates something else is no faster and no slower, but wrong.
fn check(served: &Served, queue: &Queue, customers: u64) -> anyhow::Result<()> {
    // By count or by horizon: the number of arrivals until a horizon varies.
    let spread = 5.0 * (customers as f64).sqrt();
    ensure!((served.customers as f64 - customers as f64).abs() <= spread, "{} customers instead of {customers}", served.customers);
    let (wait, theory) = (served.wait / served.customers as f64, queue.mean_wait());
    ensure!((wait / theory - 1.0).abs() <= tolerance(customers), "mean wait {wait:.4} s instead of {theory:.4} s");
    Ok(())
}

fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("CPU time is not negative")
}

fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
