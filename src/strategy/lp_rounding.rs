//! The linear relaxation of the MILP, rounded: each need to the server with the largest fraction, then repaired. Its optimum
//! bounds the cost of every mapping, at any size.

use crate::scenario::ServerId;

use super::linear::{Integrality, SolverError, solve};
use super::model::{Model, model};
use super::objective::{Objective, State, TOLERANCE, Value};

/// Rounds of tangents; the bound holds after any number.
const ROUNDS: u32 = 12;
/// Passes of the repair over all moves.
const PASSES: u32 = 20;

/// A relaxation, solved.
pub struct Relaxation<'o, 'a> {
    /// With all tangents that the rounds have added.
    pub model: Model<'o, 'a>,
    /// Of its columns, in the last round.
    pub values: Vec<f64>,
    /// No mapping that reaches the model's targets costs less.
    pub bound: f64,
    pub rounds: u32,
}

/// Fails where no mapping, not even a fractional one, reaches the targets.
pub fn relax<'o, 'a>(objective: &'o Objective<'a>, targets: &[f64]) -> Result<Relaxation<'o, 'a>, SolverError> {
    let mut model = model(objective);
    model.targets = targets.to_vec();
    let mut bound = f64::NEG_INFINITY;
    let mut rounds = 0;
    loop {
        rounds += 1;
        let solution = solve(objective.solver, &model.program, Integrality::Relaxed, &[])?;
        bound = bound.max(solution.bound + model.constant);
        let values = solution.values.expect("a relaxation has no budget");
        if rounds == ROUNDS || model.tighten(&values) == 0 {
            return Ok(Relaxation { model, values, bound, rounds });
        }
    }
}

/// Largest fractions, then single moves, while any reduces the shortfall, and after that while any reduces the cost of
/// what does not fit.
pub fn round(relaxation: &Relaxation, objective: &Objective) -> Vec<ServerId> {
    repair(objective, relaxation.model.loads.primaries(&relaxation.values), &relaxation.model)
}

fn repair(objective: &Objective, primaries: Vec<ServerId>, model: &Model) -> Vec<ServerId> {
    let mut state = State::new(objective, &primaries);
    for _ in 0..PASSES {
        let mut improved = false;
        for movable in &model.loads.choices.movable {
            let home = state.primaries[movable.need.index()];
            let mut best = (state.value(), home);
            for server in movable.servers.iter().filter(|s| **s != home) {
                state.shift(movable.need, *server);
                if is_repair(best.0, state.value()) {
                    best = (state.value(), *server);
                }
            }
            state.shift(movable.need, best.1);
            improved |= best.1 != home;
        }
        if !improved {
            break;
        }
    }
    state.primaries
}

/// A move repairs where it reduces the excess over a limit, the shortfall, or work or memory beyond what there is: nothing else costs more than a
/// whole KPI's worth.
fn is_repair(before: Value, after: Value) -> bool {
    after.is_better_than(before)
        && (after.excess < before.excess || after.shortfall < before.shortfall - TOLERANCE || before.cost - after.cost > 1.0)
}

pub struct Rounded {
    pub primaries: Vec<ServerId>,
    pub bound: Option<f64>,
    pub notes: Vec<String>,
}

pub fn decide(objective: &Objective) -> Rounded {
    let targets: Vec<f64> = objective.balances.iter().map(|b| b.target).collect();
    let mut notes = Vec::new();
    let relaxed = relax(objective, &targets).or_else(|error| {
        notes.push(match error {
            SolverError::Infeasible => "no mapping reaches the planned balance asked for, not even a fractional one".to_owned(),
            SolverError::Failed(why) => format!("the linear relaxation was not solved ({why}); tried without the planned balance"),
        });
        relax(objective, &vec![0.0; targets.len()])
    });
    match relaxed {
        Ok(relaxation) => {
            let primaries = round(&relaxation, objective);
            let split = relaxation.model.loads.choices.movable.iter().zip(&relaxation.model.loads.first);
            let split =
                split.filter(|(m, first)| relaxation.values[**first..**first + m.servers.len()].iter().all(|f| *f < 1.0 - 1e-6)).count();
            notes
                .push(format!("linear relaxation: {} rounds of tangents, {split} needs split over servers and rounded", relaxation.rounds));
            Rounded { primaries, bound: Some(relaxation.bound), notes }
        }
        Err(error) => {
            notes.push(format!("the linear relaxation was not solved: {error}"));
            Rounded { primaries: super::greedy::decide(objective.scenario), bound: None, notes }
        }
    }
}
