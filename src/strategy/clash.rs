//! Which limits and planned targets leave no mapping together: an irreducible set of them, by the deletion filter (Chinneck & Dravnieks
//! 1991, ORSA Journal on Computing 3:2). Without any one of the set there is a mapping, as far as the set goes.

use serde::Serialize;

use crate::mapping::{balance_score, primaries_of_today};
use crate::scenario::{Figure, Scenario};

use super::balance::{EXACT_NEEDS, balance_cut, best_balance};
use super::limits::{self, Limit, LimitKind};
use super::linear::{Integrality, SolverError, solve};
use super::loads::{Choices, load_model_within};
use super::objective::Objective;
use super::reach::ReachChange;

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

/// Limits alone where they clash by themselves: they come before targets. None where some mapping keeps them all, where there is too much to decide for a proof, or where the budget ends before one.
pub fn irreducible(objective: &Objective) -> Option<Vec<Constraint>> {
    let scenario = objective.scenario;
    if limits::all(scenario).is_empty() {
        return None;
    }
    let mut set: Vec<Constraint> = limits::all(scenario).into_iter().map(Constraint::Limit).collect();
    if is_possible(objective, &set) != Some(false) {
        set = all_constraints(objective);
        if is_possible(objective, &set) != Some(false) {
            return None;
        }
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

/// A clash, and what would end it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clash {
    pub sentence: String,
    /// Each was tried on the model.
    pub mends: Vec<Mend>,
}

/// The least that has to give of one figure for the rest of the clash to be kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mend {
    pub change: String,
    /// With it, and the first mend of every clash before, some mapping keeps every limit and every planned target; none where that was not
    /// found out.
    pub ends_all: Option<bool>,
    #[serde(skip)]
    world: Scenario,
}

/// Mends that are made one after the other, until a mapping keeps all.
const CLASHES: usize = 6;

/// Of limits and planned targets, the limits' own first: each clash that is left once the first mend of every one before is made.
pub fn clashes(scenario: &Scenario) -> Vec<Clash> {
    let mut clashes: Vec<Clash> = Vec::new();
    let mut world = Scenario { what_ifs: Vec::new(), ..scenario.clone() };
    while clashes.len() < CLASHES && !limits::all(&world).is_empty() {
        let objective = Objective::of(&world);
        let Some(set) = irreducible(&objective) else { break };
        let clash = Clash { sentence: describe(&objective, &set), mends: mends(&objective, &set) };
        let next = clash.mends.first().map(|mend| mend.world.clone());
        clashes.push(clash);
        match next {
            Some(next) => world = next,
            None => break,
        }
    }
    clashes
}

/// The scenario's limits, raised by as little as leaves a mapping; none where they leave one already, or where raising single ones does not do.
pub fn limits_mended(scenario: &Scenario) -> Option<Scenario> {
    let mut world = Scenario { kpis: Vec::new(), what_ifs: Vec::new(), ..scenario.clone() };
    for _ in LimitKind::ALL {
        let objective = Objective::of(&world);
        let Some(set) = irreducible(&objective) else { break };
        world = mends(&objective, &set).into_iter().next()?.world;
    }
    let is_changed = world.limits != scenario.limits;
    is_changed.then(|| Scenario { limits: world.limits, ..scenario.clone() })
}

fn mends(objective: &Objective, set: &[Constraint]) -> Vec<Mend> {
    let scenario = objective.scenario;
    let ends_all = |world: &Scenario| {
        let objective = Objective::of(world);
        is_possible(&objective, &all_constraints(&objective))
    };
    let in_set = || set.iter().filter_map(|c| if let Constraint::Limit(limit) = c { Some(limit.kind()) } else { None });
    let mut kinds: Vec<LimitKind> = in_set().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut mends: Vec<Mend> = Vec::new();
    for kind in kinds {
        let least = least_that_does(scenario, kind, |world| {
            // One figure for all agents: what one of them needs has to do for every other one.
            let same = |c: &Constraint| matches!(c, Constraint::Limit(limit) if limit.kind() == kind) || set.contains(c);
            is_possible(world, &all_constraints(world).into_iter().filter(same).collect::<Vec<_>>())
        });
        if let Some(most) = least {
            let world = with_limit(scenario, kind, most);
            mends.push(Mend { change: kind.raised(&scenario.limits, most), ends_all: ends_all(&world), world });
        }
    }
    for constraint in set {
        let Constraint::Balance(index) = constraint else { continue };
        let balance = &objective.balances[*index];
        let mut within = limits::lifted(scenario);
        in_set().for_each(|kind| kind.set(&mut within.limits, kind.stated(&scenario.limits).unwrap_or_default()));
        let best = best_balance(&within, balance.over);
        if best.keeps_limits && best.score < balance.target {
            // Rounded down: what is written has to be reached.
            let target = (best.score * 10.0).floor() / 10.0;
            let kpi = balance.over.kpi();
            let mut world = Scenario { what_ifs: Vec::new(), ..scenario.clone() };
            world.kpis.iter_mut().filter(|of| of.kpi == kpi).for_each(|of| of.bound = Figure::stated(target));
            let change = format!("ask for a {} of {target} instead of {}", kpi.title(), balance.target);
            mends.push(Mend { change, ends_all: ends_all(&world), world });
        }
    }
    mends
}

/// The least figure above the stated one with which it is certain that some mapping does; none where no figure does.
pub fn least_that_does(scenario: &Scenario, kind: LimitKind, does: impl Fn(&Objective) -> Option<bool>) -> Option<u64> {
    let mut too_few = kind.stated(&scenario.limits)?;
    let mut enough = kind.most(scenario);
    let suffices = |most: u64| does(&Objective::of(&with_limit(scenario, kind, most))) == Some(true);
    if enough <= too_few || !suffices(enough) {
        return None;
    }
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if suffices(middle) { enough = middle } else { too_few = middle }
    }
    Some(enough)
}

/// Each stated limit, raised to what it takes to keep the others and the planned targets, and by so much that it never binds.
pub fn raised_limits(scenario: &Scenario) -> Vec<ReachChange> {
    let mut raised = Vec::new();
    for kind in LimitKind::ALL {
        let does = |objective: &Objective| is_possible(objective, &all_constraints(objective));
        let unbound = kind.most(scenario);
        let least = least_that_does(scenario, kind, does);
        raised.extend(least.map(|most| ReachChange::Raise(kind, most)));
        let binds = kind.stated(&scenario.limits).is_some_and(|stated| stated < unbound) && least != Some(unbound);
        raised.extend(binds.then_some(ReachChange::Raise(kind, unbound)));
    }
    raised
}

pub fn with_limit(scenario: &Scenario, kind: LimitKind, most: u64) -> Scenario {
    let mut world = Scenario { what_ifs: Vec::new(), ..scenario.clone() };
    kind.set(&mut world.limits, most);
    world
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
    let forced = forced_moves(objective.scenario);
    match all.as_slice() {
        [only] if set == [Constraint::Limit(Limit::Changes)] && forced > 0 => {
            format!("no mapping keeps this: {only}; as many as {forced} have to change, since today's servers are out of service")
        }
        [only] => format!("no mapping keeps this: {only}"),
        _ => format!("no mapping keeps these together, and without any one of them there is one: {}", all.join("; ")),
    }
}

/// Needs that another server in service could serve, and today's cannot.
fn forced_moves(scenario: &Scenario) -> usize {
    let start = Choices::of(scenario).start;
    let today = primaries_of_today(scenario);
    scenario
        .need_ids()
        .filter(|need| start[need.index()] != today[need.index()] && !scenario.server(today[need.index()]).in_service)
        .count()
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
    fn a_clash_comes_with_the_least_that_ends_it() {
        let mut scenario = ecosystem();
        scenario.limits = Limits { changes: Some(1), ..Limits::default() };
        let found = clashes(&scenario);
        let [clash] = &found[..] else { panic!("{found:?}") };
        // Three changes do and two do not: `fewest` looks at all of them.
        assert_eq!((clash.mends[0].change.as_str(), clash.mends[0].ends_all), ("allow 3 changed assignments instead of 1", Some(true)));
        assert!(clash.mends[1].change.starts_with("ask for a planned balance (sharing) of 6"), "{found:?}");
        // Without the target there is no clash: nothing is to be mended in the limits themselves.
        assert_eq!(limits_mended(&scenario), None);
    }

    /// The needs of a server that is out of service have to move.
    #[test]
    fn an_outage_that_forces_more_changes_than_are_allowed_is_said() {
        let mut scenario = ecosystem();
        scenario.kpis.clear();
        scenario.limits = Limits { changes: Some(2), ..Limits::default() };
        let memory = scenario.server_named("memory").unwrap();
        scenario.servers[memory.index()].in_service = false;
        let on_it = scenario.need_ids().filter(|need| scenario.need(*need).current == Some(memory)).count() as u64;
        let found = clashes(&scenario);
        let expected = format!("as many as {on_it} have to change, since today's servers are out of service");
        assert!(found.len() == 1 && found[0].sentence.ends_with(&expected), "{found:?}");
        assert_eq!(limits_mended(&scenario).unwrap().limits.changes, Some(on_it as u32));
        // What is not known to keep the limits is not said to be within them, and what is out of service is not taken out.
        let best = best_balance(&scenario, crate::mapping::Over::Sharing);
        assert!(!best.keeps_limits);
        assert!(crate::strategy::apply(scenario, ReachChange::OutOfService(memory)).is_none());
    }

    #[test]
    fn a_limit_that_nothing_keeps_stands_alone() {
        let mut scenario = ecosystem();
        scenario.limits.tool_tokens = Some(10);
        let set = irreducible(&Objective::of(&scenario)).expect("no server has so few");
        assert!(matches!(set[..], [Constraint::Limit(Limit::Tokens(_))]), "{set:?}");
    }
}
