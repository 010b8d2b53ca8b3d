//! One file a subcommand. Results go to stdout, progress, warnings and errors to stderr.

mod apply;
mod backups;
mod benchmark;
mod benchmark_gap;
mod calibrate;
mod check;
mod compare;
mod completions;
mod doctor;
mod drill;
mod fit;
mod import;
mod input;
mod interrupt;
mod job;
mod log;
mod optimize;
mod output;
mod pick;
mod progress;
mod prove;
mod repeat;
mod rollback;
mod simulate;
mod status;
mod sweep;
mod trace;
mod verify;
mod what_if;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mcplab::scenario::Diagnostics;

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is met.
    Met,
    /// It ran, and a KPI or a check is missed.
    Missed,
}

/// A lab for AI agents over MCP servers: simulate the load, compare ways to assign servers to agents, apply the validated
/// mapping to the agents' configs, undo it.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP, propagate_version = true)]
struct Cli {
    /// Worker threads; all cores if not given. The results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  mcplab compare scenarios/openmanager-vibe-v5.toml           which strategies meet the KPIs
  mcplab what-if scenarios/openmanager-vibe-v5.toml --set server.serena.up=false --scale load=2
  mcplab sweep scenarios/openmanager-vibe-v5.toml --vary load=0.5..4:0.25
  mcplab doctor .                                             what is wrong with the configs as they stand
  mcplab import . --base scenarios/openmanager-vibe-v5.toml -o mine.toml
  mcplab optimize mine.toml -o mapping.toml                   the validated mapping, with its evidence
  mcplab apply mapping.toml --to . --dry-run                  what would change, exactly
  mcplab apply mapping.toml --to .                            ... then change it
  mcplab rollback --to .                                      ... and undo it

Exit code: 0 when met, 1 when a KPI or a check is missed, 2 for an error.";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Doctor(doctor::Args),
    Fit(fit::Args),
    Trace(trace::Args),
    Calibrate(calibrate::Args),
    Import(import::Args),
    Simulate(simulate::Args),
    Compare(compare::Args),
    Optimize(optimize::Args),
    WhatIf(what_if::Args),
    Sweep(sweep::Args),
    Drill(drill::Args),
    Benchmark(benchmark::Args),
    Apply(apply::Args),
    Verify(verify::Args),
    Rollback(rollback::Args),
    Status(status::Args),
    Log(log::Args),
    Backups(backups::Args),
    Repeat(repeat::Args),
    Prove(prove::Args),
    Completions(completions::Args),
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(threads) = cli.threads
        && let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build_global()
    {
        output::error(&format!("cannot start {threads} threads: {error}"));
        return ExitCode::from(2);
    }
    let ended = match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Fit(args) => fit::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Optimize(args) => optimize::run(&args),
        Command::WhatIf(args) => what_if::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Drill(args) => drill::run(&args),
        Command::Benchmark(args) => benchmark::run(&args),
        Command::Apply(args) => apply::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Rollback(args) => rollback::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Log(args) => log::run(&args),
        Command::Backups(args) => backups::run(&args),
        Command::Repeat(args) => repeat::run(&args),
        Command::Prove(args) => prove::run(&args),
        Command::Completions(args) => completions::run::<Cli>(&args),
    };
    match ended {
        Ok(Exit::Met) => ExitCode::SUCCESS,
        Ok(Exit::Missed) => ExitCode::from(1),
        Err(error) => {
            match error.downcast_ref::<Diagnostics>() {
                Some(diagnostics) => output::diagnostics(diagnostics),
                None => output::error(&chain(&error)),
            }
            ExitCode::from(2)
        }
    }
}

/// What went wrong, then why, as far as the message does not say so itself.
fn chain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |message, cause| match message.contains(&cause) {
        true => message,
        false if message.is_empty() => cause,
        false => format!("{message}: {cause}"),
    })
}
