//! The problem as a program: a binary an item and agent, a row an item, a row an agent. Its relaxation rounded, and branch and bound.

use std::time::Instant;

use super::{Assignment, Instance, greedy};
use crate::strategy::{Column, Integrality, Program, Row, Sense, Solver, SolverError, solve};

/// Best assignment, bound and nodes.
type Solved = (Option<Assignment>, Option<i64>, u64);

/// Places (items x agents) that microlp is given at most: beyond, it takes minutes and gigabytes without an answer.
const MICROLP_PLACES: usize = 10_000;

fn check_size(instance: &Instance, solver: Solver) -> Result<(), SolverError> {
    let places = instance.agents * instance.items;
    if solver == Solver::Microlp && places > MICROLP_PLACES {
        return Err(SolverError::Failed(format!("{places} places are too many for microlp (at most {MICROLP_PLACES})")));
    }
    Ok(())
}

fn program(instance: &Instance) -> Program {
    let Instance { agents, items, .. } = *instance;
    let column = |place: usize| Column { cost: f64::from(instance.cost[place]), lower: 0.0, upper: 1.0, integer: true };
    let place = |item: usize, agent: usize| item * agents + agent;
    let once = |item: usize| Row { terms: (0..agents).map(|agent| (place(item, agent), 1.0)).collect(), sense: Sense::Equal, bound: 1.0 };
    let fits = |agent: usize| Row {
        terms: (0..items).map(|item| (place(item, agent), instance.usage(item, agent) as f64)).collect(),
        sense: Sense::AtMost,
        bound: instance.capacity[agent] as f64,
    };
    Program { columns: (0..agents * items).map(column).collect(), rows: (0..items).map(once).chain((0..agents).map(fits)).collect() }
}

/// Each item to its largest fraction, the largest first, while it fits; what does not fit goes by regret.
pub fn round(instance: &Instance, solver: Solver) -> Result<Solved, SolverError> {
    check_size(instance, solver)?;
    let solution = solve(solver, &program(instance), Integrality::Relaxed, &[])?;
    let Some(values) = &solution.values else { return Ok((None, bound(solution.bound), 0)) };
    let mut largest: Vec<(f64, usize, usize)> = (0..instance.items)
        .map(|item| {
            let fractions = &values[item * instance.agents..][..instance.agents];
            let (agent, fraction) = fractions.iter().enumerate().fold((0, -1.0), |best, (a, f)| if *f > best.1 { (a, *f) } else { best });
            (fraction, item, agent)
        })
        .collect();
    largest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut room = instance.capacity.clone();
    let mut fixed = vec![None; instance.items];
    for (_, item, agent) in largest {
        let usage = instance.usage(item, agent);
        if usage <= room[agent] {
            room[agent] -= usage;
            fixed[item] = Some(agent);
        }
    }
    Ok((greedy::complete(instance, &fixed), bound(solution.bound), 0))
}

/// Moves of the search that gives HiGHS its start: some two seconds.
#[cfg(feature = "highs")]
const START: u64 = 40_000_000;

/// What branch and bound starts from. HiGHS finds little on the hard classes that a short search has not found before.
fn start(instance: &Instance, solver: Solver) -> Option<Assignment> {
    match solver {
        Solver::Microlp => greedy::regret(instance),
        #[cfg(feature = "highs")]
        Solver::Highs => super::search(instance, START, 1).assignment,
    }
}

/// Started with an assignment, where one is at hand; finding it counts against the seconds.
pub fn branch(instance: &Instance, solver: Solver, integrality: Integrality) -> Result<Solved, SolverError> {
    check_size(instance, solver)?;
    let began = Instant::now();
    let start: Vec<(usize, f64)> = start(instance, solver).map_or_else(Vec::new, |assignment| {
        let places = (0..instance.items).flat_map(|item| (0..instance.agents).map(move |agent| (item, agent)));
        places.enumerate().map(|(place, (item, agent))| (place, f64::from(u8::from(assignment[item] == agent)))).collect()
    });
    let integrality = match integrality {
        Integrality::RequiredFor { seconds } => Integrality::RequiredFor { seconds: (seconds - began.elapsed().as_secs_f64()).max(0.1) },
        other => other,
    };
    let solution = solve(solver, &program(instance), integrality, &start)?;
    let assignment = solution.values.map(|values| {
        let chosen = |item: usize| (0..instance.agents).find(|agent| values[item * instance.agents + agent] > 0.5).unwrap_or(usize::MAX);
        (0..instance.items).map(chosen).collect()
    });
    Ok((assignment, bound(solution.bound), solution.nodes))
}

/// Costs are whole: rounded up, but for the solver's tolerance.
fn bound(value: f64) -> Option<i64> {
    value.is_finite().then(|| (value - 1e-6 * (1.0 + value.abs())).ceil() as i64)
}
