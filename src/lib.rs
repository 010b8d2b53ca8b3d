//! mcplab: a lab for AI agents over MCP servers. It simulates the agents' load, compares ways to assign servers to
//! agents, and writes the chosen mapping into the agents' configs, reversibly.
//!
//! The modules stand in the order in which data flows, and each imports only from those above it
//! (`tests/architecture.rs` holds them to it).

// What only Parquet and the command line use is no mistake where they are left out.
#![cfg_attr(not(feature = "cli"), allow(dead_code))]

/// Quantities that carry their unit, parsed and printed with it.
pub mod units;

/// Generators keyed by what they decide, so that the same thing has the same luck under every strategy.
pub mod random;

/// What a latency, an interarrival time or a repair time is drawn from.
pub mod distribution;

/// Records of calls that really happened, in the formats that there are, become a stream of calls without anything private.
pub mod trace;

/// Measured durations become a distribution, with how far to believe it.
pub mod calibrate;

/// Text becomes a checked scenario, or every mistake in it is named with its line.
pub mod scenario;

/// Agent configs and server configs become a scenario.
pub mod import;

/// What is wrong with a project's configs as they stand.
pub mod doctor;

/// Which server serves each need of each agent, in which order of preference.
pub mod mapping;

#[cfg(feature = "simulator")]
/// One replication of the simulation.
pub mod engine;

#[cfg(feature = "simulator")]
/// KPIs with their intervals, alerts, paired comparisons, the verdict.
pub mod judge;

#[cfg(feature = "simulator")]
/// Many replications of many mappings and what-ifs, in parallel, on the same randomness.
pub mod experiment;

#[cfg(feature = "simulator")]
/// Exact oracles, the coverage of our own intervals, what common random numbers are worth: the engine proven right.
pub mod proof;

#[cfg(feature = "simulator")]
/// Ways to decide a mapping, one file each.
pub mod strategy;

#[cfg(feature = "simulator")]
/// The generalised assignment problem, with published figures: our solvers against what others know.
pub mod gap;

#[cfg(feature = "simulator")]
/// A question answered: which mapping is best here, and on what evidence.
pub mod study;

#[cfg(feature = "cli")]
/// Results rendered: terminal, JSON, Parquet.
pub mod report;

/// A mapping becomes reversible edits of real files.
pub mod apply;
