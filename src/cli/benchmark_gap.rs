//! Generalised assignment: every method on every instance, its distance from the best known value, its time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use mcplab::experiment::Watch as _;
use mcplab::gap::{self, BestKnown, Budget, Instance, Integrality, Method, Order};
use mcplab::report::plain_table;
use serde_json::{Value, json};

use super::progress::Progress;
use super::{Exit, input, output};

/// Our search has to be this near. [%]
const GAP_MOST: f64 = 0.5;

#[derive(Debug, clap::Args)]
pub struct Options {
    /// A folder of generalised assignment instances; files with a dot in their name are left out
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scenarios", "run"])]
    gap: Option<PathBuf>,

    /// Best known values: a CSV file with the columns `instance` and `best_known`
    #[arg(long, value_name = "FILE", requires = "gap")]
    best_known: Option<PathBuf>,

    /// Draw instances of the published classes (a to e) instead
    #[arg(long, value_name = "CLASS:AGENTSxITEMS", value_delimiter = ',', conflicts_with_all = ["scenarios", "run"])]
    generate: Vec<Order>,

    /// Who solves the linear programs of generalised assignment
    #[arg(long, value_name = "SOLVER", default_value = gap::Solver::best().name())]
    solver: gap::Solver,

    /// Branch and bound stops there after so many nodes
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    nodes: u64,

    /// And instead after so many seconds, whatever the nodes: figures that differ from run to run
    #[arg(long, value_parser = seconds, value_name = "SECONDS", conflicts_with = "nodes")]
    seconds: Option<f64>,
}

impl Options {
    pub fn is_asked(&self) -> bool {
        self.gap.is_some() || !self.generate.is_empty()
    }
}

struct Run {
    method: Method,
    cost: Option<i64>,
    bound: Option<i64>,
    effort: u64,
    /// Why there is no answer, where the solver says so.
    error: Option<String>,
    seconds: f64,
}

struct Row {
    name: String,
    agents: usize,
    items: usize,
    known: Option<i64>,
    runs: Vec<Run>,
}

impl Row {
    /// The largest value that is proven to be a lower bound.
    fn bound(&self) -> Option<i64> {
        self.runs.iter().filter_map(|run| run.bound).max()
    }

    /// In % of the best known value, else of the bound.
    fn gap(&self, run: &Run) -> Option<f64> {
        let reference = self.known.or(self.bound())?.max(1) as f64;
        run.cost.map(|cost| 100.0 * (cost as f64 - reference) / reference)
    }

    /// A bound alone judges nobody: the optimum itself may lie further above it.
    fn is_met(&self) -> bool {
        self.known.is_none()
            || self.runs.iter().filter(|run| run.method == Method::Search).all(|run| self.gap(run).is_some_and(|gap| gap <= GAP_MOST))
    }
}

/// A solver's time.
pub fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds: &f64| (0.1..=86_400.0).contains(seconds))
        .ok_or_else(|| "a number of seconds, from 0.1 to a day".to_owned())
}

pub fn run(asked: &Options, seed: u64, as_json: bool) -> anyhow::Result<Exit> {
    let branching = match asked.seconds {
        Some(seconds) => Integrality::RequiredFor { seconds },
        None => Integrality::Required { nodes: asked.nodes },
    };
    let budget = Budget { solver: asked.solver, branching, moves: gap::MOVES, seed };
    let known = match &asked.best_known {
        Some(path) => {
            let read = input::read(path)?;
            gap::best_known(&read.file, &read.text)?
        }
        None => BTreeMap::new(),
    };
    let instances = instances(asked, seed)?;
    if let Some(name) = known.keys().find(|name| !instances.iter().any(|(found, _)| found == *name)) {
        output::warning(&format!("`{name}` has a best known value, but no instance"));
    }
    let watch = Progress::default();
    watch.phase("generalised assignment", (instances.len() * Method::ALL.len()) as u64);
    let rows: Vec<Row> = instances.iter().map(|(name, instance)| row(name, instance, known.get(name), budget, &watch)).collect();
    drop(watch);
    match as_json {
        true => output::json(&json!({ "solver": budget.solver.name(), "instances": rows.iter().map(row_as_json).collect::<Vec<_>>() }))?,
        false => output::text(&table(&rows, budget)),
    }
    Ok(if rows.iter().all(Row::is_met) { Exit::Met } else { Exit::Missed })
}

/// By name.
fn instances(asked: &Options, seed: u64) -> anyhow::Result<Vec<(String, Instance)>> {
    let mut instances: Vec<(String, Instance)> =
        asked.generate.iter().map(|order| (order.to_string(), gap::generate(*order, seed))).collect();
    if let Some(folder) = &asked.gap {
        let context = || format!("cannot read the folder {}", folder.display());
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(context)? {
            let entry = entry.with_context(context)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.contains('.') && entry.path().is_file() {
                names.push(name);
            }
        }
        names.sort();
        if names.is_empty() {
            bail!("{} holds no instance: files without a dot in their name are read", folder.display());
        }
        for name in names {
            let read = input::read(&folder.join(&name))?;
            instances.push((name, gap::parse(&read.file, &read.text)?));
        }
    }
    Ok(instances)
}

fn row(name: &str, instance: &Instance, known: Option<&BestKnown>, budget: Budget, watch: &Progress) -> Row {
    let runs = Method::ALL.map(|method| {
        let started = Instant::now();
        let solved = gap::solve(instance, method, budget);
        watch.step();
        let seconds = started.elapsed().as_secs_f64();
        match solved {
            Ok(outcome) => {
                let cost = outcome.best.map(|(_, cost)| cost);
                Run { method, cost, bound: outcome.bound, effort: outcome.effort, error: None, seconds }
            }
            Err(error) => Run { method, cost: None, bound: None, effort: 0, error: Some(error.to_string()), seconds },
        }
    });
    Row { name: name.to_owned(), agents: instance.agents, items: instance.items, known: known.map(|known| known.value), runs: runs.into() }
}

fn table(rows: &[Row], budget: Budget) -> String {
    let mut header = vec!["instance", "size", "best known", "bound"];
    for method in Method::ALL {
        header.extend([method.name(), "s"]);
    }
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut cells = vec![
                row.name.clone(),
                format!("{} x {}", row.agents, row.items),
                or_dash(row.known.map(|value| value.to_string())),
                or_dash(row.bound().map(|bound| bound.to_string())),
            ];
            for run in &row.runs {
                cells.extend([or_dash(row.gap(run).map(|gap| format!("{gap:.2} %"))), format!("{:.2}", run.seconds)]);
            }
            cells
        })
        .collect();
    let mut text = plain_table(&header, &cells, &(2..header.len()).collect::<Vec<_>>());
    let limit = match budget.branching {
        Integrality::Required { nodes } => format!("{nodes} nodes"),
        Integrality::RequiredFor { seconds } => format!("{seconds} seconds"),
        Integrality::Relaxed => "the relaxation".to_owned(),
    };
    text += &format!(
        "\n\nGap of each method to the best known value, else to the bound; -: no feasible assignment found. bound: the best that is proven here\n\
         (Lagrangian relaxation, {solver}). milp: {solver}, at most {limit}. search: at most {} million moves; ",
        budget.moves / 1_000_000,
        solver = budget.solver.name()
    );
    let far: Vec<&str> = rows.iter().filter(|row| !row.is_met()).map(|row| row.name.as_str()).collect();
    let judged = rows.iter().filter(|row| row.known.is_some()).count();
    text + &match (far.is_empty(), judged) {
        (true, 0) => "not judged without best known values\n".to_owned(),
        (true, _) => format!("✓ within {GAP_MOST} % of every best known value\n"),
        (false, _) => format!("✗ further than {GAP_MOST} % above the best known value on {}\n", far.join(", ")),
    }
}

fn row_as_json(row: &Row) -> Value {
    let runs: serde_json::Map<String, Value> = row
        .runs
        .iter()
        .map(|run| {
            let figures = json!({
                "cost": run.cost, "gap_percent": row.gap(run), "bound": run.bound, "effort": run.effort, "error": run.error, "seconds": run.seconds,
            });
            (run.method.name().to_owned(), figures)
        })
        .collect();
    json!({ "instance": row.name, "agents": row.agents, "items": row.items, "best_known": row.known, "bound": row.bound(), "methods": runs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_best_known_value_judges() {
        let is_met = |known| {
            let search = Run { method: Method::Search, cost: Some(1008), bound: Some(1000), effort: 0, error: None, seconds: 0.0 };
            Row { name: String::new(), agents: 5, items: 20, known, runs: vec![search] }.is_met()
        };
        assert_eq!([None, Some(1008), Some(1004), Some(1000)].map(is_met), [true, true, true, false]);
    }
}
