//! The same queues in several simulators, and one table of how many times as fast each of them mcplab is. README.md says what is
//! measured, and how it is kept fair.

mod compare;
mod contenders;
mod measure;
mod queue;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

use compare::Field;
use contenders::Contender;
use queue::Queue;

/// The same queues in several simulators, and how many times as fast each of them mcplab is.
#[derive(Parser)]
struct Options {
    /// Customers that each simulator serves; those of Python serve a tenth
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100_000..=100_000_000))]
    calls: u64,
    /// Runs of each, of which the fastest counts
    #[arg(long, value_name = "R", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// The Python that has benches/peers/requirements.txt installed
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// Leaves out the simulators of Python
    #[arg(long)]
    without_python: bool,
    /// What this program starts itself with, once for every run
    #[arg(long, hide = true, requires_all = ["queue", "customers"])]
    contender: Option<String>,
    #[arg(long, hide = true)]
    queue: Option<String>,
    #[arg(long, hide = true)]
    customers: Option<u64>,
}

/// Something that this needs is not there.
const MISSING: u8 = 2;

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if let (Some(contender), Some(queue), Some(customers)) = (&options.contender, &options.queue, options.customers) {
        run_one(contender, queue, customers)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !options.without_python
        && let Some(problem) = measure::what_python_lacks(&options.python)
    {
        eprintln!("{}", advice(&options, &problem));
        return Ok(ExitCode::from(MISSING));
    }
    let field =
        Field { customers: options.calls, repeats: options.repeats, python: (!options.without_python).then_some(options.python.as_path()) };
    let rows = compare::compare(&field);
    print!("{}\n{}", heading(&options), table::render(&rows));
    let failed = rows.iter().any(|row| row.cells.iter().any(Result::is_err));
    Ok(ExitCode::from(u8::from(failed)))
}

fn run_one(contender: &str, queue: &str, customers: u64) -> anyhow::Result<()> {
    let contender = Contender::named(contender).context("no such contender")?;
    let queue = Queue::named(queue).context("no such queue")?;
    println!("{}", serde_json::to_string(&measure::run_here(contender, queue, customers)?)?);
    Ok(())
}

fn advice(options: &Options, problem: &str) -> String {
    format!(
        "error: `{}` cannot run the simulators of Python: {problem}\n\
         Install them:  python3 -m venv benches/peers/venv && benches/peers/venv/bin/pip install -r benches/peers/requirements.txt\n\
         and add        --python benches/peers/venv/bin/python\n\
         or leave them out:  --without-python",
        options.python.display()
    )
}

fn heading(options: &Options) -> String {
    let python = if options.without_python { "" } else { " (those of Python a tenth)" };
    format!(
        "{} customers each{python}; the least CPU time of {} runs, taken by turns; \"mcplab is\" compares with the row's simulator\n",
        table::grouped(options.calls),
        options.repeats
    )
}
