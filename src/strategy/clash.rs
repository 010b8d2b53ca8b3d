//! Which limits and planned targets leave no mapping together: an irreducible set of them, by the deletion filter (Chinneck & Dravnieks
//! 1991, ORSA Journal on Computing 3:2). Without any one of the set there is a mapping, as far as the set goes.

use crate::mapping::balance_score;

use super::balance::{EXACT_NEEDS, balance_cut};
use super::limits::{self, Limit};
use super::linear::{Integrality, SolverError, solve};
use super::loads::load_model_within;
use super::objective::Objective;

/// Of one question.
const NODES: u64 = 2_000;
const ROUNDS: u32 = 60;
const ROUNDS_RELAXED: u32 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    Limit(Limit),
    /// Index into [`Objective::balances`].
    Balance(usize),
}

/// None where some mapping keeps them all, where there is too much to decide for a proof, or where the budget ends before one.
pub fn irreducible(objective: &Objective) -> Option<Vec<Constraint>> {
    let scenario = objective.scenario;
    if limits::all(scenario).is_empty() {
        return None;
    }
    let mut set = all_constraints(objective);
    if is_possible(objective, &set) != Some(false) {
        return None;
    }
    // Whole kinds first: there are as many of them as agents.
    for kind in [
        |c: &Constraint| matches!(c, Constraint::Limit(Limit::Servers(_))),
        |c: &Constraint| matches!(c, Constraint::Limit(Limit::Tokens(_))),
    ] {
        let without: Vec<Constraint> = set.iter().copied().filter(|c| !kind(c)).collect();
        if is_possible(objective, &without) == Some(false) {
            set = without;
        }
    }
    for constraint in set.clone() {
        let without: Vec<Constraint> = set.iter().copied().filter(|other| *other != constraint).collect();
        if is_possible(objective, &without) == Some(false) {
            set = without;
        }
    }
    Some(set)
}

/// Every planned target and every limit.
pub fn all_constraints(objective: &Objective) -> Vec<Constraint> {
    let limits = limits::all(objective.scenario).into_iter().map(Constraint::Limit);
    (0..objective.balances.len()).map(Constraint::Balance).chain(limits).collect()
}

pub fn describe(objective: &Objective, set: &[Constraint]) -> String {
    let one = |constraint: &Constraint| match constraint {
        Constraint::Limit(limit) => limits::describe(objective.scenario, *limit),
        Constraint::Balance(index) => {
            let balance = &objective.balances[*index];
            format!("planned balance over {} servers >= {}", balance.servers.len(), balance.target)
        }
    };
    let all: Vec<String> = set.iter().map(one).collect();
    match all.as_slice() {
        [only] => format!("no mapping keeps this: {only}"),
        _ => format!("no mapping keeps these together, and without any one of them there is one: {}", all.join("; ")),
    }
}

/// Whether some mapping keeps these; none where that was not found out.
pub fn is_possible(objective: &Objective, set: &[Constraint]) -> Option<bool> {
    let limits: Vec<Limit> = set.iter().filter_map(|c| if let Constraint::Limit(limit) = c { Some(*limit) } else { None }).collect();
    let mut model = load_model_within(objective.scenario, &limits);
    let exact = model.choices.movable.len() <= EXACT_NEEDS;
    // Relaxations are cheap, and often prove it.
    let mut relaxed = true;
    for round in 0..ROUNDS {
        let integrality = if relaxed { Integrality::Relaxed } else { Integrality::Required { nodes: NODES } };
        let values = match solve(objective.solver, &model.program, integrality, &[]) {
            Ok(solution) => solution.values?,
            Err(SolverError::Infeasible) => return Some(false),
            Err(SolverError::Failed(_)) => return None,
        };
        let mut cut = false;
        let mut kept = true;
        for constraint in set {
            let Constraint::Balance(index) = constraint else { continue };
            let balance = &objective.balances[*index];
            let loads: Vec<f64> = balance.servers.iter().map(|s| model.loads[s.index()].value(&values)).collect();
            if balance_score(loads.iter().copied()) < balance.target - 1e-9 {
                kept = false;
                if let Some(row) = balance_cut(&model, &balance.servers, balance.target, &loads) {
                    model.program.add_row(row);
                    cut = true;
                }
            }
        }
        match (relaxed, kept) {
            (false, true) => return Some(true),
            (false, false) if !cut => return None,
            (true, _) if !cut || round >= ROUNDS_RELAXED => {
                if !exact {
                    return None;
                }
                relaxed = false;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::reference::ecosystem;
    use super::*;
    use crate::scenario::Limits;

    /// The reference plan moves four needs; 70 is not reached by moving one.
    #[test]
    fn one_change_and_the_planned_balance_exclude_each_other() {
        let mut scenario = ecosystem();
        scenario.limits = Limits { changes: Some(1), servers_per_agent: Some(9), ..Limits::default() };
        let objective = Objective::of(&scenario);
        let set = irreducible(&objective).expect("they clash");
        assert_eq!(set, [Constraint::Balance(0), Constraint::Limit(Limit::Changes)]);
        assert_eq!(
            describe(&objective, &set),
            "no mapping keeps these together, and without any one of them there is one: planned balance over 6 servers >= 70; changed assignments: at most 1"
        );
        scenario.limits.changes = Some(6);
        assert_eq!(irreducible(&Objective::of(&scenario)), None);
    }

    #[test]
    fn a_limit_that_nothing_keeps_stands_alone() {
        let mut scenario = ecosystem();
        scenario.limits.tool_tokens = Some(10);
        let set = irreducible(&Objective::of(&scenario)).expect("no server has so few");
        assert!(matches!(set[..], [Constraint::Limit(Limit::Tokens(_))]), "{set:?}");
    }
}
