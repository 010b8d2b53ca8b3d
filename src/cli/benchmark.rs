//! `mcplab benchmark`: our solvers on problems on which others have published figures.

use std::path::PathBuf;

use mcplab::gap::{self, Order};

use super::{Exit, benchmark_gap};

/// Hold our solvers against published figures: generalised assignment instances with their best known values
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab benchmark --gap instances/ --best-known best_known.csv\n  mcplab benchmark --generate d:5x100,e:10x200 --seed 7     instances of the published classes, drawn\n  mcplab benchmark --gap instances/ --json\n\nAn instance is a file `agents items`, a row of costs an agent, a row of uses an agent, the capacities; to be minimised.\nThe gap is to the best known value, else to the best proven bound. Takes up to a minute an instance.\n\nExit code: 0 our search is within 0.5 % everywhere, 1 it is not, 2 an error."
)]
pub struct Args {
    /// A folder of instances; files with a dot in their name are left out
    #[arg(long, value_name = "DIR", required_unless_present = "generate")]
    gap: Option<PathBuf>,

    /// Best known values: a CSV file with the columns `instance` and `best_known`
    #[arg(long, value_name = "FILE", requires = "gap")]
    best_known: Option<PathBuf>,

    /// Draw instances instead: class (a to e) and size
    #[arg(long, value_name = "CLASS:AGENTSxITEMS", value_delimiter = ',')]
    generate: Vec<Order>,

    /// Who solves the linear programs
    #[arg(long, value_name = "SOLVER", default_value = gap::Solver::best().name())]
    solver: gap::Solver,

    /// Branch and bound stops after so many nodes
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    nodes: u64,

    /// Of the search and of drawn instances
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    benchmark_gap::run(&benchmark_gap::Asked {
        folder: args.gap.as_deref(),
        best_known: args.best_known.as_deref(),
        generate: &args.generate,
        budget: gap::Budget { solver: args.solver, nodes: args.nodes, moves: gap::MOVES, seed: args.seed },
        json: args.json,
    })
}
