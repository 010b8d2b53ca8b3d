//! How fast transcripts are read, and in how much memory. `cargo bench --bench trace` writes a made-up transcript of 1 GiB into a temporary folder, then
//! reads it in turns: as a trace, and only validating its lines with serde_json's `IgnoredAny`. `cargo bench --bench trace -- 100`: of 100 MiB.

mod transcripts;

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use mcplab::trace::summary::Summing;
use mcplab::trace::{self, Lines};
use serde::de::IgnoredAny;

const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured but by cargo bench");
        return;
    }
    let mib = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(1024);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("session.jsonl");
    let made = {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).expect("a temporary file"));
        let made = transcripts::write(&mut out, mib << 20, 1).expect("room for the transcript");
        out.flush().expect("room for the transcript");
        made
    };
    println!(
        "transcript of {:.0} MiB, {} lines, {} calls of MCP servers; {ROUNDS} rounds, the fastest counts",
        mebibytes(made.bytes),
        made.lines,
        made.mcp_calls
    );
    let (mut validating, mut reading) = (Duration::MAX, Duration::MAX);
    let before = peak();
    for _ in 0..ROUNDS {
        validating = validating.min(timed(|| assert_eq!(validate(&path), made.lines)));
        reading = reading.min(timed(|| {
            let mut summing = Summing::default();
            let read = trace::read(std::slice::from_ref(&path), None, &mut summing).expect("a transcript");
            assert_eq!((read.account.calls, read.account.other_tools, read.account.lines), (made.mcp_calls, made.other_tools, made.lines));
            black_box(summing.finish(read, 0));
        }));
    }
    let row = |name: &str, time: Duration| {
        println!("{name:24} {:6.2} s  {:7.0} MiB/s", time.as_secs_f64(), mebibytes(made.bytes) / time.as_secs_f64())
    };
    row("validated (IgnoredAny)", validating);
    row("read and summarised", reading);
    println!("ratio {:.2} (at most 1.5 is asked for)", reading.as_secs_f64() / validating.as_secs_f64());
    match (before, peak()) {
        (Some(before), Some(held)) => println!(
            "peak memory {:.0} MiB resident, {:.0} MiB of it before anything was read (below 200 MB is asked for)",
            mebibytes(held),
            mebibytes(before)
        ),
        _ => println!("peak memory: not known on this system"),
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Both read lines in the same way.
fn validate(path: &Path) -> u64 {
    let mut lines = Lines::new(File::open(path).expect("it was written"), 16 << 20).expect("it can be read");
    let mut count = 0;
    while let Some(line) = lines.next_line().expect("it can be read") {
        serde_json::from_slice::<IgnoredAny>(line.text).expect("JSON");
        count += 1;
    }
    count
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Bytes resident at the most so far, as Linux counts them.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}
