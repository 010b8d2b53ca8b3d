//! Linear programs as plain data, solved through good_lp. The search stops on a budget of branch-and-bound nodes, which
//! good_lp does not pass on, so microlp is asked directly for the model that good_lp has built.

use ::microlp as solver;

use super::presolve::presolve;
use good_lp::{Expression, ProblemVariables, Solution as _, SolverModel, constraint, microlp, variable};

/// Minimise the sum of cost x value, subject to the rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Program {
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

/// One variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    pub cost: f64,
    pub lower: f64,
    pub upper: f64,
    pub integer: bool,
}

/// terms <= bound, or terms = bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub terms: Vec<(usize, f64)>,
    pub sense: Sense,
    pub bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    AtMost,
    Equal,
}

/// A sum of terms and a constant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Affine {
    pub constant: f64,
    pub terms: Vec<(usize, f64)>,
}

impl Affine {
    pub fn value(&self, values: &[f64]) -> f64 {
        self.constant + self.terms.iter().map(|(column, factor)| factor * values[*column]).sum::<f64>()
    }

    pub fn add(&mut self, factor: f64, other: &Affine) {
        self.constant += factor * other.constant;
        self.terms.extend(other.terms.iter().map(|(column, f)| (*column, factor * f)));
    }

    /// One term a column, in order of columns.
    pub fn merge(&mut self) {
        self.terms.sort_unstable_by_key(|(column, _)| *column);
        self.terms.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
    }
}

impl Program {
    pub fn add_column(&mut self, column: Column) -> usize {
        self.columns.push(column);
        self.columns.len() - 1
    }

    /// affine <= 0.
    pub fn add_row(&mut self, affine: Affine) {
        self.rows.push(Row { terms: affine.terms, sense: Sense::AtMost, bound: -affine.constant });
    }

    /// affine = 0.
    pub fn add_equality(&mut self, affine: Affine) {
        self.rows.push(Row { terms: affine.terms, sense: Sense::Equal, bound: -affine.constant });
    }
}

/// Whether integer columns have to be integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrality {
    Relaxed,
    /// Branch and bound, at most this many nodes.
    Required {
        nodes: u64,
    },
}

/// What the solver found.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// None where the budget ended before there was a feasible point.
    pub values: Option<Vec<f64>>,
    /// No feasible point costs less; minus infinity where nothing is proven.
    pub bound: f64,
    pub nodes: u64,
    /// The values are optimal, to the solver's tolerance (1e-9).
    pub closed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SolverError {
    #[error("no point satisfies all rows")]
    Infeasible,
    #[error("the solver failed: {0}")]
    Failed(String),
}

/// Deterministic: one thread, no clock. `start` gives values to some columns; where the rest can be completed to a feasible
/// point, branch and bound starts with it. Empty: no start.
pub fn solve(program: &Program, integrality: Integrality, start: &[(usize, f64)]) -> Result<Solution, SolverError> {
    let presolved = presolve(program).ok_or(SolverError::Infeasible)?;
    if presolved.program.columns.is_empty() {
        return Ok(Solution { values: Some(presolved.restore(&[])), bound: presolved.constant, nodes: 0, closed: true });
    }
    let mut solution = solve_reduced(&presolved.program, integrality, &presolved.start(start))?;
    solution.bound += presolved.constant;
    solution.values = solution.values.map(|values| presolved.restore(&values));
    Ok(solution)
}

fn solve_reduced(program: &Program, integrality: Integrality, start: &[(usize, f64)]) -> Result<Solution, SolverError> {
    let mut variables = ProblemVariables::new();
    let columns: Vec<good_lp::Variable> = program
        .columns
        .iter()
        .map(|column| {
            let bounded = variable().min(column.lower).max(column.upper);
            let integer = column.integer && integrality != Integrality::Relaxed;
            variables.add(if integer { bounded.integer() } else { bounded })
        })
        .collect();
    let sum =
        |terms: &mut dyn Iterator<Item = (usize, f64)>| -> Expression { terms.map(|(column, factor)| factor * columns[column]).sum() };
    let cost = sum(&mut program.columns.iter().enumerate().filter(|(_, c)| c.cost != 0.0).map(|(i, c)| (i, c.cost)));
    let mut model = variables.minimise(cost).using(microlp);
    for row in &program.rows {
        let left = sum(&mut row.terms.iter().copied());
        model.add_constraint(match row.sense {
            Sense::AtMost => constraint!(left <= row.bound),
            Sense::Equal => constraint!(left == row.bound),
        });
    }
    match integrality {
        Integrality::Required { nodes } if program.columns.iter().any(|c| c.integer) => branch_and_bound(model.as_inner(), nodes, start),
        _ => {
            let solution = model.solve().map_err(|error| match error {
                good_lp::ResolutionError::Infeasible => SolverError::Infeasible,
                other => SolverError::Failed(other.to_string()),
            })?;
            let values: Vec<f64> = columns.iter().map(|column| solution.value(*column)).collect();
            let bound = program.columns.iter().zip(&values).map(|(column, value)| column.cost * value).sum();
            Ok(Solution { values: Some(values), bound, nodes: 0, closed: true })
        }
    }
}

fn branch_and_bound(problem: &solver::Problem, nodes: u64, start: &[(usize, f64)]) -> Result<Solution, SolverError> {
    let mut options = solver::SolveOptions::default();
    options.node_limit = Some(nodes);
    if !start.is_empty() {
        // A variable's handle is its position; only a problem can make handles.
        let mut handles = solver::Problem::new(solver::OptimizationDirection::Minimize);
        let last = start.iter().map(|(column, _)| *column).max().unwrap_or(0);
        let handles: Vec<solver::Variable> = (0..=last).map(|_| handles.add_var(0.0, (0.0, 0.0))).collect();
        options.warm_start = Some(start.iter().map(|(column, value)| (handles[*column], *value)).collect());
    }
    let outcome = problem.solve_with(options).map_err(|error| match error {
        solver::Error::Infeasible => SolverError::Infeasible,
        other => SolverError::Failed(other.to_string()),
    })?;
    let (closed, stats) = (outcome.is_optimal(), outcome.stats());
    let values: Option<Vec<f64>> = outcome.solution().map(|solution| solution.iter().map(|(_, value)| value).collect());
    Ok(Solution { values, bound: stats.best_bound.unwrap_or(f64::NEG_INFINITY), nodes: stats.nodes_solved, closed })
}
