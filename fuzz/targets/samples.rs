//! Measured durations, whatever the table holds: what is kept can be fitted, and reading it twice gives the same.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcplab::import::{Columns, KEPT, read_samples};
use mcplab::trace::Measure;
use mcplab::units::SimTime;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fuzz_target!(|bytes: &[u8]| {
    let timeout = bytes.first().filter(|first| **first % 2 == 0).map(|first| SimTime::from_secs(f64::from(*first)));
    let (value, by) = ("duration_ms".to_owned(), vec!["server".to_owned()]);
    let columns = Columns { value, by, unit: 1e-3, timeout, seed: 1, measure: Measure::Exact };
    for name in ["samples.csv", "samples.jsonl"] {
        let path = FOLDER.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let read = || read_samples(&path, &columns).map_err(|error| error.to_string());
        let samples = read();
        assert_eq!(samples, read());
        for group in samples.iter().flat_map(|samples| &samples.groups) {
            assert!(group.ended.len() + group.given_up.len() <= KEPT && group.seen >= (group.ended.len() + group.given_up.len()) as u64);
            assert!(group.ended.iter().chain(&group.given_up).all(|seconds| seconds.is_finite() && *seconds > 0.0));
        }
    }
});
