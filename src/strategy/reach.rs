//! Where a planned balance is out of reach for every mapping: what would bring it within reach. Each change is made to a copy of
//! the scenario and solved there.

use crate::mapping::{Over, planned_loads};
use crate::scenario::{CapabilityId, Figure, KpiTarget, NeedId, Provision, Scenario, ServerId, Target};
use crate::units::Probability;

use super::balance::{BalanceOptimum, EXACT_NEEDS, best_balance, best_balance_within};
use super::clash::{all_constraints, is_possible, least_that_does, with_limit};
use super::limits::LimitKind;
use super::linear::Solver;
use super::loads::Choices;

/// Changes tried of each kind, and branch-and-bound nodes for each.
const TRIES: usize = 8;
const NODES: u64 = 2_000;
/// Tries of each kind above [`EXACT_NEEDS`] movable needs, where each takes seconds; two changes are not combined then.
const TRIES_LARGE: usize = 1;

/// Cheapest first: a limit of one's own, an edit of one need, of the list of servers, one more process to run, a server that learns something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReachChange {
    Raise(LimitKind, u64),
    LiftPin(NeedId),
    OutOfService(ServerId),
    SecondInstance(ServerId),
    Provide(ServerId, CapabilityId),
}

/// One or two changes, and the best planned balance with them.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Reach {
    #[serde(skip)]
    pub changes: Vec<ReachChange>,
    /// The best score found with them, and what no mapping exceeds.
    pub score: f64,
    pub bound: f64,
    /// False where the scenario's limits leave no mapping, as far as is known: then score and bound are those without limits.
    pub keeps_limits: bool,
    /// The score is at least the target, within the limits.
    pub reaches: bool,
    /// For people.
    pub sentence: String,
}

/// Changes that reach the target first, the cheapest of them first; then those that do not, the best first. Two changes are combined only
/// where no single one reaches it: the best with each other. Empty where the target is reached as it is.
pub fn what_would_reach(scenario: &Scenario, target: f64, over: Over) -> Vec<Reach> {
    let now = best_balance(scenario, over);
    if now.keeps_limits && now.score >= target {
        return Vec::new();
    }
    let loads = planned_loads(scenario, &now.primaries);
    let large = Choices::of(scenario).movable.len() > EXACT_NEEDS;
    let mut candidates = candidates(scenario, over, &loads, if large { TRIES_LARGE } else { TRIES });
    candidates.extend(raised_to_reach(scenario, target, over));
    let attempt = |changes: &[ReachChange]| -> Option<Reach> {
        let changed = changes.iter().try_fold(scenario.clone(), |changed, change| apply(changed, *change))?;
        let optimum = best_balance_within(Solver::best(), &changed, over, NODES);
        let reaches = optimum.keeps_limits && optimum.score >= target;
        let what: Vec<String> = changes.iter().map(|change| describe(scenario, *change)).collect();
        let verdict = match (reaches, optimum.bound < target) {
            (true, _) => format!("reaches {target:.0}"),
            (false, true) => format!("proven to stay below {target:.0}"),
            (false, false) => format!("{target:.0} not reached, and not ruled out"),
        };
        let outcome = match optimum.keeps_limits {
            true => format!("best planned balance {:.1} (bound {:.1}), {verdict}", optimum.score, optimum.bound),
            false => format!("no mapping within the limits was found; best planned balance without them {:.1}", optimum.score),
        };
        let sentence = format!("{}: {outcome}", what.join(" and "));
        let BalanceOptimum { score, bound, keeps_limits, .. } = optimum;
        Some(Reach { changes: changes.to_vec(), score, bound, keeps_limits, reaches, sentence })
    };
    let mut tried: Vec<Reach> = candidates.iter().filter_map(|change| attempt(&[*change])).collect();
    if !large
        && !tried.iter().any(|reach| reach.reaches)
        && let Some(first) = tried.iter().reduce(|best, next| if next.score > best.score { next } else { best }).map(|best| best.changes[0])
    {
        tried.extend(candidates.iter().filter(|change| **change != first).filter_map(|change| attempt(&[first, *change])));
    }
    tried.sort_by(|a, b| {
        let by_cost = (a.changes.len(), &a.changes).cmp(&(b.changes.len(), &b.changes));
        b.reaches.cmp(&a.reaches).then(if a.reaches { by_cost } else { b.score.total_cmp(&a.score).then(by_cost) })
    });
    tried
}

/// Of each kind the most promising ones: heavy needs unpinned, loads far from the mean taken out, light servers enabled to do what
/// the heaviest does, heavy servers doubled.
fn candidates(scenario: &Scenario, over: Over, loads: &[f64], tries: usize) -> Vec<ReachChange> {
    let servers = over.servers(scenario);
    let mean = servers.iter().map(|s| loads[s.index()]).sum::<f64>() / servers.len().max(1) as f64;
    let load = |server: &ServerId| loads[server.index()];
    let mut pinned: Vec<NeedId> =
        scenario.need_ids().filter(|n| scenario.need(*n).pinned && scenario.providers(scenario.need(*n).capability).len() > 1).collect();
    let complexity = |need: &NeedId| scenario.agent(scenario.need(*need).agent).complexity.value;
    pinned.sort_by(|a, b| complexity(b).total_cmp(&complexity(a)));

    let mut by_distance = servers.clone();
    by_distance.sort_by(|a, b| (load(b) - mean).abs().total_cmp(&(load(a) - mean).abs()));
    let mut heavy = servers.clone();
    heavy.sort_by(|a, b| load(b).total_cmp(&load(a)));
    let light: Vec<ServerId> = heavy.iter().rev().copied().filter(|s| load(s) < mean).collect();
    let needed = |capability: CapabilityId| scenario.needs.iter().any(|n| n.capability == capability);
    let abilities = heavy.iter().filter(|s| load(s) > mean).flat_map(|s| &scenario.server(*s).provides).map(|p| p.capability);
    let mut provide: Vec<ReachChange> = Vec::new();
    for capability in abilities.filter(|c| needed(*c)) {
        let lacking = light.iter().filter(|s| scenario.quality(Target::Server(**s), capability).is_none());
        for change in lacking.map(|server| ReachChange::Provide(*server, capability)) {
            if !provide.contains(&change) {
                provide.push(change);
            }
        }
    }
    let pinned = pinned.into_iter().map(ReachChange::LiftPin).take(tries);
    let out = by_distance.into_iter().filter(|s| is_spare(scenario, *s)).map(ReachChange::OutOfService).take(tries);
    let second = heavy.into_iter().filter(|s| load(s) > mean).map(ReachChange::SecondInstance).take(tries.div_ceil(2));
    pinned.chain(out).chain(provide.into_iter().take(tries)).chain(second).collect()
}

/// Each stated limit, raised by as little as reaches the target.
fn raised_to_reach(scenario: &Scenario, target: f64, over: Over) -> Vec<ReachChange> {
    let kpis = vec![KpiTarget { kpi: over.kpi(), bound: Figure::stated(target) }];
    let world = Scenario { kpis, what_ifs: Vec::new(), ..scenario.clone() };
    let raise = |kind: LimitKind| {
        least_that_does(&world, kind, |objective| is_possible(objective, &all_constraints(objective)))
            .map(|most| ReachChange::Raise(kind, most))
    };
    LimitKind::ALL.into_iter().filter_map(raise).collect()
}

/// Every need could do without the server.
fn is_spare(scenario: &Scenario, server: ServerId) -> bool {
    scenario.need_ids().all(|need| scenario.eligible(need).iter().any(|s| *s != server))
}

/// None where the change is not possible (the server cannot be spared, or is out of service and would serve nobody), or changes nothing.
pub fn apply(mut scenario: Scenario, change: ReachChange) -> Option<Scenario> {
    match change {
        ReachChange::Raise(kind, most) => {
            kind.stated(&scenario.limits).filter(|stated| most > *stated)?;
            scenario = with_limit(&scenario, kind, most);
        }
        ReachChange::LiftPin(need) => {
            if !scenario.need(need).pinned {
                return None;
            }
            scenario.needs[need.index()].pinned = false;
        }
        ReachChange::OutOfService(server) => {
            if !scenario.server(server).in_service || !is_spare(&scenario, server) {
                return None;
            }
            scenario.servers[server.index()].in_service = false;
        }
        ReachChange::Provide(server, capability) => {
            let quality = Figure::assumed(Probability::ALWAYS, "tried: what if it could");
            if !scenario.server(server).in_service || scenario.quality(Target::Server(server), capability).is_some() {
                return None;
            }
            scenario.servers[server.index()].provides.push(Provision::new(capability, quality));
        }
        ReachChange::SecondInstance(server) => {
            if !scenario.server(server).in_service {
                return None;
            }
            let mut second = scenario.server(server).clone();
            second.name.push_str("-2");
            scenario.servers.push(second);
        }
    }
    Some(scenario)
}

pub fn describe(scenario: &Scenario, change: ReachChange) -> String {
    let name = |server: ServerId| &scenario.server(server).name;
    match change {
        ReachChange::Raise(kind, most) => kind.raised(&scenario.limits, most),
        ReachChange::LiftPin(need) => {
            let need = scenario.need(need);
            format!("lift the pin on `{}` of {}", scenario.capability(need.capability), scenario.agent(need.agent).name)
        }
        ReachChange::OutOfService(server) => format!("take {} out of service", name(server)),
        ReachChange::Provide(server, capability) => format!("let {} serve `{}`", name(server), scenario.capability(capability)),
        ReachChange::SecondInstance(server) => format!("run a second {}", name(server)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::ecosystem;
    use super::*;

    /// The plan's target over all ten servers, which no mapping reaches.
    #[test]
    fn over_all_servers_a_second_context7_brings_the_plans_target_within_reach() {
        let scenario = ecosystem();
        let tried = what_would_reach(&scenario, 70.0, Over::All);
        let context7 = scenario.server_named("context7").unwrap();
        assert_eq!(tried[0].changes, [ReachChange::SecondInstance(context7)]);
        // How near the bound comes depends on the solver.
        let (balance, reaches) = tried[0].sentence.split_once(" (bound ").unwrap();
        assert_eq!(balance, "run a second context7: best planned balance 70.9");
        assert!((70.85..71.05).contains(&tried[0].bound) && reaches.ends_with("), reaches 70"), "{:?}", tried[0]);
        assert!(tried.iter().all(|reach| reach.bound >= reach.score && reach.reaches == (reach.score >= 70.0)));
        assert!(
            tried
                .iter()
                .any(|r| r.sentence == "take serena out of service: best planned balance 58.8 (bound 58.8), proven to stay below 70")
        );
    }

    #[test]
    fn nothing_is_tried_where_the_target_is_reached() {
        assert_eq!(what_would_reach(&ecosystem(), 70.0, Over::Sharing), []);
    }

    #[test]
    fn pins_are_lifted_first() {
        let mut scenario = ecosystem();
        scenario.needs.iter_mut().for_each(|need| need.pinned = true);
        let changes = |target: f64| what_would_reach(&scenario, target, Over::Sharing).swap_remove(0).changes;
        assert!(matches!(changes(60.0)[..], [ReachChange::LiftPin(_)]));
        assert!(matches!(changes(66.0)[..], [ReachChange::LiftPin(a), ReachChange::LiftPin(b)] if a != b), "{:?}", changes(66.0));
    }
}
