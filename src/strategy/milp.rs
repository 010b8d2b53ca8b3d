//! The objective's optimum by mixed-integer linear programming, with a proof: outer approximation, round by round, until the solver's
//! bound and the value of its mapping agree.

use serde::Serialize;

use crate::scenario::ServerId;

use super::balance::{EXACT_NEEDS, best_balance_by};
use super::clash::{describe, irreducible};
use super::limits;
use super::linear::{Integrality, SolverError, solve};
use super::loads::Choices;
use super::local_search::descend;
use super::lp_rounding::{Relaxation, relax, round};
use super::model::Model;
use super::objective::{Objective, TOLERANCE, Value};

/// Rounds of tangents.
const ROUNDS: u32 = 100;
/// Branch-and-bound nodes of all rounds together.
pub const NODES: u64 = 8_000;
/// Above `EXACT_NEEDS` movable needs: so many are left to the solver, the others stay where they are.
const FREE_NEEDS: usize = 24;
const NODES_RESTRICTED: u64 = 2_000;

#[derive(Debug, Clone, PartialEq)]
pub struct Solved {
    pub primaries: Vec<ServerId>,
    pub value: Value,
    /// No mapping with as little shortfall costs less. None where nothing is proven.
    pub bound: Option<f64>,
    pub closed: bool,
    /// None where no search was made.
    pub proof: Option<Proof>,
    pub notes: Vec<String>,
}

/// How far the solver came: the cost of its mapping, what no mapping costs less than, and what finding that out took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proof {
    pub cost: f64,
    pub bound: f64,
    /// (cost - bound) / cost.
    pub gap: f64,
    /// The bound is the cost, up to the solver's tolerance.
    pub optimal: bool,
    pub rounds: u32,
    pub nodes: u64,
}

pub fn decide(objective: &Objective) -> Solved {
    let mut solved = if Choices::of(objective.scenario).movable.len() <= EXACT_NEEDS {
        decide_exactly(objective, Integrality::Required { nodes: NODES })
    } else {
        decide_largely(objective)
    };
    solved.notes.extend(irreducible(objective).map(|clash| describe(objective, &clash)));
    solved
}

/// The whole program, at any size.
pub fn decide_exactly(objective: &Objective, integrality: Integrality) -> Solved {
    let Reachable { targets, mut notes, mappings } = reachable_targets(objective);
    match relax(objective, &targets) {
        Ok(relaxation) => {
            let least = shortfall_of(objective, &targets);
            let start = start(&relaxation, &mappings, least);
            // With the relaxation's tangents: without them branch and bound starts from a far worse bound.
            let mut model = relaxation.model;
            let mut search = search(&mut model, Budget { integrality, least }, start);
            search.bound = search.bound.max(relaxation.bound);
            search.solved(notes)
        }
        Err(error) => {
            // Each target can be reached, and not all together; or the solver failed.
            notes.push(format!("the planned KPIs together: {error}; the mapping is the best that a descent found"));
            let primaries = descend(objective, &super::lp_rounding::decide(objective).primaries);
            Solved { value: objective.value(&primaries), primaries, bound: None, closed: false, proof: None, notes }
        }
    }
}

/// The mappings that come after the optimum, best first; none above [`EXACT_NEEDS`] movable needs, nor where the solver fails.
pub fn next_best(objective: &Objective, count: usize) -> Vec<Vec<ServerId>> {
    let choices = Choices::of(objective.scenario);
    if choices.movable.len() > EXACT_NEEDS {
        return Vec::new();
    }
    let mut found = vec![decide_exactly(objective, Integrality::Required { nodes: NODES }).primaries];
    let Reachable { targets, .. } = reachable_targets(objective);
    let Ok(relaxation) = relax(objective, &targets) else { return Vec::new() };
    let mut model = relaxation.model;
    let least = shortfall_of(objective, &targets);
    while found.len() <= count {
        model.forbid(&found[found.len() - 1]);
        let Some(start) = best_neighbour(objective, &choices, &found) else { break };
        let next =
            search(&mut model, Budget { integrality: Integrality::Required { nodes: NODES / (count as u64 + 1) }, least }, start).incumbent;
        if next.value.shortfall > least + TOLERANCE || next.value.excess > TOLERANCE {
            break;
        }
        found.push(next.primaries);
    }
    found.split_off(1)
}

/// The best mapping one move away from one of these, and not among them: for the search to start from.
fn best_neighbour(objective: &Objective, choices: &Choices, of: &[Vec<ServerId>]) -> Option<Incumbent> {
    let mut best: Option<Incumbent> = None;
    for primaries in of {
        for movable in &choices.movable {
            for server in movable.servers.iter().filter(|server| **server != primaries[movable.need.index()]) {
                let mut moved = primaries.clone();
                moved[movable.need.index()] = *server;
                let value = objective.value(&moved);
                if best.as_ref().is_none_or(|best| value.is_better_than(best.value)) && !of.contains(&moved) {
                    best = Some(Incumbent { value, primaries: moved });
                }
            }
        }
    }
    best
}

/// The relaxation, rounded and improved by a descent; then the solver decides those needs on which the two agree least.
fn decide_largely(objective: &Objective) -> Solved {
    let asked: Vec<f64> = objective.balances.iter().map(|b| b.target).collect();
    let (Reachable { targets, mut notes, mappings }, relaxation) = match relax(objective, &asked) {
        Ok(relaxation) => (Reachable { targets: asked, notes: Vec::new(), mappings: Vec::new() }, Ok(relaxation)),
        Err(_) => {
            let reachable = reachable_targets(objective);
            let relaxation = relax(objective, &reachable.targets);
            (reachable, relaxation)
        }
    };
    let relaxation = match relaxation {
        Ok(relaxation) => relaxation,
        Err(error) => {
            notes.push(format!("the linear relaxation: {error}; the mapping is the best that a descent found"));
            let primaries = descend(objective, &super::greedy::decide(objective.scenario));
            return Solved { value: objective.value(&primaries), primaries, bound: None, closed: false, proof: None, notes };
        }
    };
    let least = shortfall_of(objective, &targets);
    let start = start(&relaxation, &mappings, least);
    let relaxed_bound = relaxation.bound;
    let (mut restricted, free) = restrict(relaxation, &start.primaries);
    let mut search = search(&mut restricted, Budget { integrality: Integrality::Required { nodes: NODES_RESTRICTED }, least }, start);
    search.bound = relaxed_bound.min(search.incumbent.value.cost);
    search.closed = search.incumbent.value.cost - search.bound <= 1e-6;
    notes.push(format!(
        "more than {EXACT_NEEDS} movable needs: relaxation and descent decided all but {free} of them, the solver those; the bound is the relaxation's"
    ));
    search.solved(notes)
}

/// The relaxation, rounded and improved; where that falls further short than it must, the mappings that do not, improved, are asked too.
fn start(relaxation: &Relaxation, reached: &[Vec<ServerId>], least: f64) -> Incumbent {
    let objective = relaxation.model.objective;
    let descended = |start: &[ServerId]| {
        let primaries = descend(objective, start);
        Incumbent { value: objective.value(&primaries), primaries }
    };
    let rounded = descended(&round(relaxation, objective));
    if rounded.value.shortfall <= least + TOLERANCE {
        return rounded;
    }
    let others = reached.iter().map(|primaries| descended(primaries));
    others.fold(rounded, |best, next| if next.value.is_better_than(best.value) { next } else { best })
}

/// The scenario's targets, those out of reach lowered to the best score there is, so that a mapping is sought that falls
/// short by no more than it must; with the mappings that have those scores.
struct Reachable {
    targets: Vec<f64>,
    notes: Vec<String>,
    mappings: Vec<Vec<ServerId>>,
}

fn reachable_targets(objective: &Objective) -> Reachable {
    let (mut notes, mut mappings) = (Vec::new(), Vec::new());
    let targets = objective
        .balances
        .iter()
        .map(|balance| {
            let best = best_balance_by(objective.solver, objective.scenario, balance.over);
            // Where the limits leave no mapping, the clash says so.
            if !best.keeps_limits || best.bound >= balance.target && best.score >= balance.target {
                return balance.target;
            }
            let within = if limits::all(objective.scenario).is_empty() { "" } else { " within the limits" };
            let proof = if best.bound < balance.target { "proven out of reach" } else { "not reached" };
            notes.push(format!(
                "planned balance over {} servers: {:.1} is {proof}{within}, the best found is {:.2} (bound {:.2})",
                balance.servers.len(),
                balance.target,
                best.score,
                best.bound
            ));
            mappings.push(best.primaries);
            // A hair less, for rounding.
            (best.score - 1e-9).max(0.0)
        })
        .collect();
    Reachable { targets, notes, mappings }
}

fn shortfall_of(objective: &Objective, targets: &[f64]) -> f64 {
    objective.balances.iter().zip(targets).map(|(balance, reached)| (balance.target - reached) / balance.target).sum()
}

#[derive(Debug, Clone, PartialEq)]
struct Incumbent {
    value: Value,
    primaries: Vec<ServerId>,
}

struct Budget {
    /// Nodes are those of all rounds together.
    integrality: Integrality,
    /// Shortfall that no mapping gets below.
    least: f64,
}

struct Search {
    incumbent: Incumbent,
    bound: f64,
    closed: bool,
    rounds: u32,
    nodes: u64,
}

impl Search {
    fn solved(self, mut notes: Vec<String>) -> Solved {
        let Search { incumbent: Incumbent { value, primaries }, bound, closed, rounds, nodes } = self;
        let bound = bound.min(value.cost);
        let gap = (value.cost - bound) / value.cost.max(f64::MIN_POSITIVE);
        let proven = if closed { "proven optimal".to_owned() } else { format!("within {:.1} % of the optimum", 100.0 * gap) };
        let proof = bound.is_finite().then_some(Proof { cost: value.cost, bound, gap, optimal: closed, rounds, nodes });
        notes.push(format!("{proven}: cost {:.4}, bound {bound:.4}, {rounds} rounds, {nodes} nodes", value.cost));
        Solved { primaries, value, bound: bound.is_finite().then_some(bound), closed, proof, notes }
    }
}

fn search(model: &mut Model, budget: Budget, start: Incumbent) -> Search {
    let mut search = Search { incumbent: start, bound: f64::NEG_INFINITY, closed: false, rounds: 0, nodes: 0 };
    let fits = |value: Value| value.excess <= TOLERANCE && value.shortfall <= budget.least + TOLERANCE;
    let mut last: Option<Vec<ServerId>> = None;
    while search.rounds < ROUNDS
        && let Some(integrality) = budget.integrality.after(search.nodes)
    {
        search.rounds += 1;
        let hint = if fits(search.incumbent.value) { model.loads.start(&search.incumbent.primaries) } else { Vec::new() };
        let solution = match solve(model.objective.solver, &model.program, integrality, &hint) {
            Ok(solution) => solution,
            Err(SolverError::Infeasible | SolverError::Failed(_)) => break,
        };
        search.nodes += solution.nodes;
        search.bound = search.bound.max(solution.bound + model.constant);
        let Some(values) = solution.values else { break };
        let primaries = model.loads.primaries(&values);
        let value = model.objective.value(&primaries);
        if value.is_better_than(search.incumbent.value) {
            search.incumbent = Incumbent { value, primaries: primaries.clone() };
        }
        let incumbent = search.incumbent.value;
        if fits(incumbent) && incumbent.cost - search.bound <= 1e-7 * (1.0 + incumbent.cost.abs()) {
            search.closed = true;
            break;
        }
        let tightened = model.tighten(&values);
        if !solution.closed {
            break;
        }
        if !fits(value) && (tightened == 0 || last.as_ref() == Some(&primaries)) {
            // The rows are violated by less than the solver's tolerance.
            model.forbid(&primaries);
        } else if tightened == 0 {
            break;
        }
        last = Some(primaries);
    }
    search
}

/// All needs but the most split ones fixed where `primaries` has them. Returns how many are free.
fn restrict<'o, 'a>(relaxation: Relaxation<'o, 'a>, primaries: &[ServerId]) -> (Model<'o, 'a>, usize) {
    let Relaxation { mut model, values, .. } = relaxation;
    let chosen: Vec<usize> = model.loads.chosen(primaries).collect();
    let mut split: Vec<usize> = (0..chosen.len()).filter(|k| values[chosen[*k]] < 1.0 - 1e-6).collect();
    // The smallest fraction first: there the relaxation and the rounding agree least.
    split.sort_by(|a, b| values[chosen[*a]].total_cmp(&values[chosen[*b]]).then(a.cmp(b)));
    split.truncate(FREE_NEEDS);
    for (position, (movable, first)) in model.loads.choices.movable.iter().zip(&model.loads.first).enumerate() {
        if !split.contains(&position) {
            for column in *first..first + movable.servers.len() {
                let value = if column == chosen[position] { 1.0 } else { 0.0 };
                (model.program.columns[column].lower, model.program.columns[column].upper) = (value, value);
            }
        }
    }
    (model, split.len())
}

#[cfg(test)]
mod tests {
    use super::super::instances::small;
    use super::*;
    use crate::scenario::{Limits, Scenario};

    /// All mappings, each evaluated from scratch by the objective itself, which knows nothing of columns and rows.
    fn best_of_all(scenario: &Scenario, objective: &Objective) -> Value {
        values_of_all(scenario, objective).into_iter().reduce(|best, next| if next.is_better_than(best) { next } else { best }).unwrap()
    }

    fn values_of_all(scenario: &Scenario, objective: &Objective) -> Vec<Value> {
        let choices = Choices::of(scenario);
        let mut primaries = choices.start.clone();
        let mut positions = vec![0; choices.movable.len()];
        let mut values = Vec::new();
        loop {
            for (movable, position) in choices.movable.iter().zip(&positions) {
                primaries[movable.need.index()] = movable.servers[*position];
            }
            values.push(objective.value(&primaries));
            let Some(next) = (0..positions.len()).find(|k| positions[*k] + 1 < choices.movable[*k].servers.len()) else {
                return values;
            };
            positions[next] += 1;
            positions[..next].fill(0);
        }
    }

    #[test]
    fn on_random_small_scenarios_its_objective_and_bound_are_those_of_exhaustive_enumeration() {
        let (mut short, mut overloaded, mut choices, mut limited, mut clashing, mut held) = (0, 0, 0.0_f64, 0, 0, 0);
        // With priorities: with a planned KPI, and without.
        let mut ordered = [0, 0];
        for number in 0..200 {
            let scenario = small(number);
            let objective = Objective::of(&scenario);
            let (solved, best) = (decide(&objective), best_of_all(&scenario, &objective));
            if best.excess > 0.0 {
                assert!(solved.notes.iter().any(|note| note.starts_with("no mapping keeps")), "{number}: {solved:?}, best {best:?}");
                clashing += 1;
                continue;
            }
            assert_eq!(solved.value.excess, 0.0, "{number}");
            held += usize::from(scenario.limits != Limits::default());
            assert!(solved.closed, "{number}: {solved:?}, best {best:?}");
            assert!((solved.value.shortfall - best.shortfall).abs() < 1e-6, "{number}: {solved:?}, best {best:?}");
            assert!((solved.value.cost - best.cost).abs() < 1e-6 * (1.0 + best.cost), "{number}: {solved:?}, best {best:?}");
            assert!((solved.bound.unwrap() - best.cost).abs() < 1e-6 * (1.0 + best.cost), "{number}: {solved:?}, best {best:?}");
            if scenario.priorities.is_some() {
                // What comes late weighs little, and counts all the same.
                assert!(!best.is_better_than(solved.value), "{number}: {solved:?}, best {best:?}");
                ordered[usize::from(scenario.kpis.is_empty())] += 1;
            }
            short += usize::from(best.shortfall > 0.0);
            overloaded += usize::from(best.cost > 10.0);
            limited += usize::from(scenario.host.memory.is_some());
            choices = choices.max(Choices::of(&scenario).count());
        }
        // The instances are of all kinds: with targets out of reach, with more work or memory than there is, and not.
        assert!(short > 20 && overloaded > 10 && limited > 40 && choices > 500.0);
        assert!(clashing > 1 && held > 40, "{clashing} {held}");
        assert!(ordered.iter().all(|count| *count > 10), "{ordered:?}");
    }

    #[test]
    #[cfg(feature = "highs")]
    fn both_solvers_decide_mappings_of_the_same_value_up_to_twenty_needs() {
        use super::super::instances::large;
        use super::super::linear::Solver;
        use super::super::reference::ecosystem;
        let scenarios = (0..200).map(small).chain([ecosystem(), large(4, 6), large(5, 6)]);
        let mut most = 0;
        for scenario in scenarios {
            let [of_microlp, of_highs] = [Solver::Microlp, Solver::Highs].map(|solver| {
                let mut objective = Objective::of(&scenario);
                objective.solver = solver;
                decide(&objective)
            });
            let (a, b) = (of_microlp.value, of_highs.value);
            let both = format!("{}: {of_microlp:?} {of_highs:?}", scenario.name);
            assert!(of_microlp.closed && of_highs.closed || a.excess > 0.0, "{both}");
            assert!((a.excess - b.excess).abs() < 1e-6 && (a.shortfall - b.shortfall).abs() < 1e-6, "{both}");
            assert!((a.cost - b.cost).abs() < 1e-6 * (1.0 + a.cost), "{both}");
            most = most.max(Choices::of(&scenario).movable.len());
        }
        assert!((14..=20).contains(&most), "{most}");
    }

    #[test]
    fn the_next_best_are_those_of_exhaustive_enumeration() {
        for number in 0..60 {
            let scenario = small(number);
            let objective = Objective::of(&scenario);
            let mut all = values_of_all(&scenario, &objective);
            all.retain(|value| value.excess == 0.0);
            let least = all.iter().map(|value| value.shortfall).fold(f64::INFINITY, f64::min);
            all.retain(|value| value.shortfall <= least + TOLERANCE);
            all.sort_by(|a, b| a.cost.total_cmp(&b.cost));
            let found = next_best(&objective, 4);
            assert!(found.len() >= all.len().saturating_sub(1).min(4), "{number}: {} of {}", found.len(), all.len());
            for (primaries, expected) in found.iter().zip(all.iter().skip(1)) {
                let value = objective.value(primaries);
                assert!((value.cost - expected.cost).abs() < 1e-6 * (1.0 + expected.cost), "{number}: {value:?}, {expected:?}");
            }
        }
    }
}
