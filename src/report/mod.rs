//! Results rendered: terminal, JSON, Parquet.

mod benchmark;
mod calibrated;
mod comparison;
mod drill;
mod fitted;
mod format;
mod front;
mod journal;
pub mod plot;
mod proof;
mod recommendation;
mod run;
mod simulation;
mod sweep;
mod tables;
mod trace;
mod what_if;

pub use benchmark::{benchmark_tables, benchmark_text};
pub use calibrated::{calibrated_diff, calibrated_text};
pub use comparison::comparison_text;
pub use drill::{drill_tables, drill_text};
pub use fitted::{FitReport, fit_plot, fit_text};
pub use format::{bar, estimate, plain_table, quantity};
pub use front::{FRONT_PLOT, front_plot, front_text};
pub use journal::{JOURNAL_FILE, Journal, journal_line};
pub use proof::proof_text;
pub use recommendation::{evidence, recommendation_text};
pub use run::{
    BenchmarkAsked, DrillAsked, Input, Manifest, ReplayedLog, RunError, TIMES_FILE, Written, begin_run, differing_files, finish_run,
    folder_name, read_manifest, run_id, write_run,
};
pub use simulation::{Simulated, simulation_text};
pub use sweep::{SWEEP_PLOT, SweepReport, sweep_files, sweep_text};
pub use tables::{Measured, TablesError, tables_of};
pub use trace::{TraceTable, trace_text};
pub use what_if::{WhatIfReport, what_if_text};
