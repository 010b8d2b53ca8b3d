//! Results rendered: terminal, JSON, Parquet.

mod benchmark;
mod comparison;
mod drill;
mod format;
mod proof;
mod recommendation;
mod run;
mod simulation;
mod tables;

pub use benchmark::{benchmark_tables, benchmark_text};
pub use comparison::comparison_text;
pub use drill::{drill_tables, drill_text};
pub use format::{bar, estimate, plain_table, quantity};
pub use proof::proof_text;
pub use recommendation::{evidence, recommendation_text};
pub use run::{
    BenchmarkAsked, DrillAsked, Input, Manifest, ReplayedLog, RunError, TIMES_FILE, Written, differing_files, folder_name, read_manifest,
    run_id, write_run,
};
pub use simulation::{Simulated, simulation_text};
pub use tables::{Measured, TablesError, tables_of};
