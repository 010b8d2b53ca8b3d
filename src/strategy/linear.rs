//! Linear programs as plain data, solved through good_lp. The search stops on a budget of branch-and-bound nodes, which
//! good_lp does not pass on, so the solver is asked directly for the model that good_lp has built.

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

/// Who solves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Solver {
    /// Pure Rust, always there; enough up to some tens of rows.
    Microlp,
    /// Huangfu & Hall (2018); with the cargo feature `highs`.
    #[cfg(feature = "highs")]
    Highs,
}

impl Solver {
    /// The strongest of those that are built in.
    pub const fn best() -> Solver {
        #[cfg(feature = "highs")]
        return Solver::Highs;
        #[cfg(not(feature = "highs"))]
        Solver::Microlp
    }

    /// All that are built in.
    pub const ALL: &[Solver] = &[
        Solver::Microlp,
        #[cfg(feature = "highs")]
        Solver::Highs,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Solver::Microlp => "microlp",
            #[cfg(feature = "highs")]
            Solver::Highs => "highs",
        }
    }
}

impl std::str::FromStr for Solver {
    type Err = String;

    fn from_str(name: &str) -> Result<Solver, String> {
        let unknown = || match name {
            "highs" => "HiGHS is not built in; build with `--features highs`".to_owned(),
            _ => format!("`{name}` is no solver; there are: {}", Solver::ALL.iter().map(|s| s.name()).collect::<Vec<_>>().join(", ")),
        };
        Solver::ALL.iter().copied().find(|solver| solver.name() == name).ok_or_else(unknown)
    }
}

/// Whether integer columns have to be integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Integrality {
    Relaxed,
    /// Branch and bound, at most this many nodes.
    Required {
        nodes: u64,
    },
    /// Branch and bound, so long by the clock: to measure a solver with, for no two runs need be the same.
    RequiredFor {
        seconds: f64,
    },
}

impl Integrality {
    /// What is left of the budget after so many nodes.
    pub fn after(self, nodes: u64) -> Option<Integrality> {
        match self {
            Integrality::Required { nodes: all } if all <= nodes => None,
            Integrality::Required { nodes: all } => Some(Integrality::Required { nodes: all - nodes }),
            unlimited => Some(unlimited),
        }
    }
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

/// Deterministic, but for a limit in seconds: one thread, no clock. `start` gives values to some columns; where the rest can be completed to a feasible
/// point, branch and bound starts with it. Empty: no start.
pub fn solve(solver: Solver, program: &Program, integrality: Integrality, start: &[(usize, f64)]) -> Result<Solution, SolverError> {
    let presolved = presolve(program).ok_or(SolverError::Infeasible)?;
    if presolved.program.columns.is_empty() {
        return Ok(Solution { values: Some(presolved.restore(&[])), bound: presolved.constant, nodes: 0, closed: true });
    }
    let mut solution = solve_reduced(solver, &presolved.program, integrality, &presolved.start(start))?;
    solution.bound += presolved.constant;
    solution.values = solution.values.map(|values| presolved.restore(&values));
    Ok(solution)
}

fn solve_reduced(solver: Solver, program: &Program, integrality: Integrality, start: &[(usize, f64)]) -> Result<Solution, SolverError> {
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
    let rows = program.rows.iter().map(|row| {
        let left = sum(&mut row.terms.iter().copied());
        match row.sense {
            Sense::AtMost => constraint!(left <= row.bound),
            Sense::Equal => constraint!(left == row.bound),
        }
    });
    let objective = variables.minimise(cost);
    match solver {
        Solver::Microlp => {
            let mut model = objective.using(microlp);
            for row in rows {
                model.add_constraint(row);
            }
            by_microlp(model, program, &columns, integrality, start)
        }
        #[cfg(feature = "highs")]
        Solver::Highs => {
            let mut model = objective.using(good_lp::highs);
            for row in rows {
                model.add_constraint(row);
            }
            by_highs(model, program, integrality, start)
        }
    }
}

fn by_microlp(
    model: good_lp::solvers::microlp::MicroLpProblem,
    program: &Program,
    columns: &[good_lp::Variable],
    integrality: Integrality,
    start: &[(usize, f64)],
) -> Result<Solution, SolverError> {
    match integrality != Integrality::Relaxed && program.columns.iter().any(|c| c.integer) {
        true => branch_and_bound(model.as_inner(), integrality, start),
        false => {
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

fn branch_and_bound(problem: &::microlp::Problem, integrality: Integrality, start: &[(usize, f64)]) -> Result<Solution, SolverError> {
    let mut options = ::microlp::SolveOptions::default();
    match integrality {
        Integrality::Relaxed => {}
        Integrality::Required { nodes } => options.node_limit = Some(nodes),
        Integrality::RequiredFor { seconds } => options.time_limit = Some(std::time::Duration::from_secs_f64(seconds)),
    }
    if !start.is_empty() {
        // A variable's handle is its position; only a problem can make handles.
        let mut handles = ::microlp::Problem::new(::microlp::OptimizationDirection::Minimize);
        let last = start.iter().map(|(column, _)| *column).max().unwrap_or(0);
        let handles: Vec<::microlp::Variable> = (0..=last).map(|_| handles.add_var(0.0, (0.0, 0.0))).collect();
        options.warm_start = Some(start.iter().map(|(column, value)| (handles[*column], *value)).collect());
    }
    let outcome = problem.solve_with(options).map_err(|error| match error {
        ::microlp::Error::Infeasible => SolverError::Infeasible,
        other => SolverError::Failed(other.to_string()),
    })?;
    let (closed, stats) = (outcome.is_optimal(), outcome.stats());
    let values: Option<Vec<f64>> = outcome.solution().map(|solution| solution.iter().map(|(_, value)| value).collect());
    Ok(Solution { values, bound: stats.best_bound.unwrap_or(f64::NEG_INFINITY), nodes: stats.nodes_solved, closed })
}

/// HiGHS's tolerances (of rows, bounds, reduced costs, whole numbers) and gap: what microlp keeps to, too. By default it stops at 1e-6, where a bound and
/// the value of its mapping do not meet.
#[cfg(feature = "highs")]
const PRECISION: [&str; 5] =
    ["primal_feasibility_tolerance", "dual_feasibility_tolerance", "mip_feasibility_tolerance", "mip_rel_gap", "mip_abs_gap"];
#[cfg(feature = "highs")]
const TOLERANCE: f64 = 1e-9;

/// One thread and no clock, as with microlp.
#[cfg(feature = "highs")]
fn by_highs(
    problem: good_lp::solvers::highs::HighsProblem,
    program: &Program,
    integrality: Integrality,
    start: &[(usize, f64)],
) -> Result<Solution, SolverError> {
    use highs::{HighsModelStatus, HighsSolutionStatus};
    let failed = |what: &str| SolverError::Failed(format!("HiGHS: {what}"));
    let mut model = problem.try_into_inner().map_err(|error| failed(&error.to_string()))?;
    let integer = integrality != Integrality::Relaxed && program.columns.iter().any(|c| c.integer);
    let mut set = model.try_set_option("threads", 1).and(model.try_set_option("parallel", "off"));
    for option in PRECISION {
        set = set.and(model.try_set_option(option, TOLERANCE));
    }
    match integrality {
        Integrality::Relaxed => {}
        Integrality::Required { nodes } => {
            set = set.and(model.try_set_option("mip_max_nodes", i32::try_from(nodes).unwrap_or(i32::MAX)));
        }
        Integrality::RequiredFor { seconds } => set = set.and(model.try_set_option("time_limit", seconds)),
    }
    set.map_err(|_| failed("it does not know an option"))?;
    if integer && !start.is_empty() && !give_start(&mut model, start) {
        return Err(failed("it does not take the start"));
    }
    let solved = model.try_solve().map_err(|status| failed(&format!("{status:?}")))?;
    let optimal = match solved.status() {
        HighsModelStatus::Infeasible | HighsModelStatus::UnboundedOrInfeasible => return Err(SolverError::Infeasible),
        HighsModelStatus::Optimal => true,
        HighsModelStatus::ReachedSolutionLimit | HighsModelStatus::ReachedTimeLimit if integer => false,
        other => return Err(failed(&format!("{other:?}"))),
    };
    let values = (solved.primal_solution_status() == HighsSolutionStatus::Feasible).then(|| solved.get_solution().columns().to_vec());
    if values.as_ref().is_some_and(|values| !program.holds(values, integer)) {
        return Err(failed("its solution breaks a row or a bound"));
    }
    let bound = match &values {
        Some(_) if !integer => solved.objective_value(),
        _ => solved.double_info_value(c"mip_dual_bound").map_err(|_| failed("it gives no bound"))?,
    };
    Ok(Solution { closed: optimal && values.is_some(), values, bound, nodes: if integer { nodes_of(&solved) } else { 0 } })
}

/// HiGHS completes a start that leaves columns out.
#[cfg(feature = "highs")]
fn give_start(model: &mut highs::Model, start: &[(usize, f64)]) -> bool {
    let (columns, values): (Vec<highs_sys::HighsInt>, Vec<f64>) =
        start.iter().map(|(column, value)| (*column as highs_sys::HighsInt, *value)).unzip();
    let count = columns.len() as highs_sys::HighsInt;
    // SAFETY: the pointer is the model's own, and both lists have `count` entries.
    let status = unsafe { highs_sys::Highs_setSparseSolution(model.as_mut_ptr(), count, columns.as_ptr(), values.as_ptr()) };
    status == highs_sys::STATUS_OK
}

#[cfg(feature = "highs")]
fn nodes_of(solved: &highs::SolvedModel) -> u64 {
    let mut nodes = 0;
    // SAFETY: the pointer is the solved model's own, and lives as long; the name is one of HiGHS's 64-bit values, and ends with a zero.
    let status = unsafe { highs_sys::Highs_getInt64InfoValue(solved.as_ptr(), c"mip_node_count".as_ptr(), &mut nodes) };
    if status == highs_sys::STATUS_OK { u64::try_from(nodes).unwrap_or(0) } else { 0 }
}

#[cfg(feature = "highs")]
impl Program {
    /// Do these values satisfy all bounds and rows, to the solvers' tolerance? What a solver says is checked with this.
    fn holds(&self, values: &[f64], integer: bool) -> bool {
        const SLACK: f64 = 1e-6;
        let in_bounds = self.columns.iter().zip(values).all(|(column, value)| {
            let slack = SLACK * (1.0 + value.abs());
            let whole = !(integer && column.integer) || (value - value.round()).abs() <= 10.0 * SLACK;
            (column.lower - slack..=column.upper + slack).contains(value) && whole
        });
        in_bounds
            && self.rows.iter().all(|row| {
                let (left, size) = row.terms.iter().fold((0.0, 1.0 + row.bound.abs()), |(left, size), (column, factor)| {
                    (left + factor * values[*column], size + (factor * values[*column]).abs())
                });
                match row.sense {
                    Sense::AtMost => left <= row.bound + SLACK * size,
                    Sense::Equal => (left - row.bound).abs() <= SLACK * size,
                }
            })
    }
}

#[cfg(all(test, feature = "highs"))]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::random::Key;

    /// Up to ten items on up to four places: some of them do not fit.
    fn small(number: u64) -> Program {
        let mut generator = Key::new(number).named("small program").generator();
        let (places, items) = (generator.random_range(2..=4), generator.random_range(2..=10));
        let mut program = Program::default();
        for _ in 0..places * items {
            program.add_column(Column { cost: f64::from(generator.random_range(1..=20)), lower: 0.0, upper: 1.0, integer: true });
        }
        for item in 0..items {
            let terms = (0..places).map(|place| (item * places + place, 1.0)).collect();
            program.add_equality(Affine { constant: -1.0, terms });
        }
        for place in 0..places {
            let terms = (0..items).map(|item| (item * places + place, f64::from(generator.random_range(1..=9)))).collect();
            program.add_row(Affine { constant: -f64::from(6 * items as u32 / places as u32), terms });
        }
        program
    }

    #[test]
    fn both_solvers_find_the_same_optimum_of_small_programs() {
        let (mut solved, mut infeasible) = (0, 0);
        for number in 0..200 {
            let program = small(number);
            for integrality in [Integrality::Relaxed, Integrality::Required { nodes: 100_000 }] {
                let [of_microlp, of_highs] = [Solver::Microlp, Solver::Highs].map(|solver| solve(solver, &program, integrality, &[]));
                match (of_microlp, of_highs) {
                    (Ok(a), Ok(b)) => {
                        assert!(a.closed && b.closed, "{number}: {a:?} {b:?}");
                        assert!((a.bound - b.bound).abs() < 1e-6 * (1.0 + a.bound.abs()), "{number}: {a:?} {b:?}");
                        let cost =
                            |s: &Solution| program.columns.iter().zip(s.values.as_ref().unwrap()).map(|(c, v)| c.cost * v).sum::<f64>();
                        assert!((cost(&a) - cost(&b)).abs() < 1e-6 * (1.0 + cost(&a).abs()), "{number}: {a:?} {b:?}");
                        solved += 1;
                    }
                    (a, b) => {
                        assert_eq!((a.unwrap_err(), b.unwrap_err()), (SolverError::Infeasible, SolverError::Infeasible), "{number}");
                        infeasible += 1;
                    }
                }
            }
        }
        assert!(solved > 150 && infeasible > 10, "{solved} solved, {infeasible} infeasible");
    }
}
