//! No mapping meets the KPIs: which change of the world would? Each is tried for real, on the same randomness.

use serde::Serialize;

use crate::experiment::{self, Design, Watch};
use crate::judge::{Judged, KpiResult, Replication, summarize};
use crate::mapping::Mapping;
use crate::scenario::{Figure, NeedId, Scenario, ServerId};
use crate::strategy::{LimitKind, ReachChange, Strategy, apply, describe, limits_mended, raised_limits};
use crate::units::Bytes;

use super::evaluate::Row;

/// A change of the scenario that was tried, and what became of the KPIs that no mapping met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Remedy {
    pub change: String,
    /// In the base.
    pub results: Vec<KpiResult>,
    /// Assignments that its mapping changes.
    pub changed: usize,
    /// Limits that its mapping does not keep, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceeded: Vec<String>,
    /// Every limit is kept, and every KPI is met in the base and in all required what-ifs.
    pub meets_all: bool,
}

/// Servers tried of each kind, the most pressed first.
const SERVERS_TRIED: usize = 3;

/// For the simulated KPIs that `best`, the best mapping there is, misses. A mapping is decided anew for each change. Raising a limit comes first: where
/// that does, nothing else is tried; where the limits leave no mapping, all else is tried with them raised by as little as leaves one.
pub fn remedies(scenario: &Scenario, best: &Row, design: Design, watch: &dyn Watch) -> Vec<Remedy> {
    let raised = raised_limits(scenario).into_iter().map(Change::Reach).collect::<Vec<_>>();
    let mut remedies = tried(scenario, &raised, "", design, watch);
    if remedies.iter().any(|remedy| remedy.meets_all) {
        return remedies;
    }
    let mended = limits_mended(scenario);
    let with = mended.as_ref().map_or_else(String::new, |mended| {
        let raised = LimitKind::ALL.into_iter().filter(|kind| kind.stated(&mended.limits) != kind.stated(&scenario.limits));
        let raised = raised.map(|kind| kind.raised(&scenario.limits, kind.stated(&mended.limits).unwrap_or_default()));
        raised.map(|raise| format!("{raise}, and ")).collect()
    });
    let world = mended.as_ref().unwrap_or(scenario);
    remedies.extend(tried(world, &changes(world, best), &with, design, watch));
    remedies
}

/// `with`: what was changed before, for people.
fn tried(scenario: &Scenario, changes: &[Change], with: &str, design: Design, watch: &dyn Watch) -> Vec<Remedy> {
    let worlds: Vec<(Scenario, Vec<Scenario>)> = changes
        .iter()
        .map(|change| {
            let of_what_ifs = scenario.what_ifs.iter().filter(|w| w.required).map(|w| change.applied_to(&w.scenario)).collect();
            (change.applied_to(scenario), of_what_ifs)
        })
        .collect();
    let mappings: Vec<Mapping> = worlds.iter().map(|(world, _)| Strategy::LocalSearch.decide(world, design.seed).mapping).collect();
    let cases: Vec<experiment::Case> = worlds
        .iter()
        .zip(&mappings)
        .flat_map(|((world, what_ifs), mapping)| {
            std::iter::once(world).chain(what_ifs).map(move |scenario| experiment::Case { scenario, mapping })
        })
        .collect();
    let mut replications = experiment::run(&cases, design, watch).into_iter();
    changes
        .iter()
        .zip(worlds.iter().zip(&mappings))
        .map(|(change, ((world, what_ifs), mapping))| {
            let mut judge = |world: &Scenario, what_if: Option<&str>| {
                let replications: Vec<Replication> = replications.next().expect("one result a case");
                Judged::new(world, what_if, true, &summarize(world, &replications))
            };
            let base = judge(world, None);
            let others: Vec<Judged> = what_ifs.iter().map(|world| judge(world, Some(""))).collect();
            let exceeded = mapping.limits_exceeded(world);
            let meets_all = exceeded.is_empty() && base.met() && others.iter().all(Judged::met);
            let changed = mapping.changes_from(&Mapping::current(world)).len();
            Remedy { change: format!("{with}{}", change.sentence(scenario)), results: base.results, changed, exceeded, meets_all }
        })
        .collect()
}

#[derive(Debug, Clone, Copy)]
enum Change {
    OneMoreSlot(ServerId),
    TwiceTheRate(ServerId),
    NeverOut(ServerId),
    HalfMoreMemory,
    /// Those that planned balances are tried with, too.
    Reach(ReachChange),
}

/// What presses most, by what the simulation saw under the best mapping.
fn changes(scenario: &Scenario, best: &Row) -> Vec<Change> {
    let servers = &best.base().summary.servers;
    let in_service = || scenario.server_ids().filter(|id| scenario.server(*id).in_service);
    let ranked = |value: &dyn Fn(usize) -> f64| -> Vec<ServerId> {
        let mut ranked: Vec<(ServerId, f64)> = in_service().map(|id| (id, value(id.index()))).filter(|(_, v)| *v > 0.0).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.into_iter().take(SERVERS_TRIED).map(|(id, _)| id).collect()
    };
    let calls = |i: usize| servers[i].calls.map_or(0.0, |e| e.mean);
    let mean = |estimate: Option<crate::judge::Estimate>| estimate.map_or(0.0, |e| e.mean);
    let mut changes: Vec<Change> = ranked(&|i| mean(servers[i].offered)).into_iter().map(Change::OneMoreSlot).collect();
    let limited = |i: usize| best.base().replications.iter().map(|r| r.servers[i].rejected_rate_limit as f64).sum::<f64>();
    changes.extend(ranked(&limited).into_iter().map(Change::TwiceTheRate));
    let down = |i: usize| calls(i).max(1.0) * (1.0 - servers[i].up.map_or(1.0, |e| e.mean));
    let can_be_out = |id: &ServerId| scenario.server(*id).outages.is_some() || !scenario.server(*id).depends_on.is_empty();
    changes.extend(ranked(&down).into_iter().filter(can_be_out).map(Change::NeverOut));
    let unreachable = |i: usize| if servers[i].connected.is_some() { 1.0 - mean(servers[i].connected) } else { 0.0 };
    let mut reach: Vec<ReachChange> = ranked(&unreachable).into_iter().map(ReachChange::OutOfService).collect();
    let trouble = |i: usize| down(i) + calls(i) * unreachable(i) + mean(servers[i].offered);
    for server in ranked(&trouble) {
        reach.push(ReachChange::SecondInstance(server));
        reach.extend(pinned_to(scenario, server).map(ReachChange::LiftPin));
        reach.extend(stand_in_of(scenario, server, &|id| mean(servers[id.index()].offered)));
    }
    changes.extend(reach.into_iter().filter(|change| apply(scenario.clone(), *change).is_some()).map(Change::Reach));
    if scenario.host.memory.is_some() {
        changes.push(Change::HalfMoreMemory);
    }
    changes
}

/// Needs that could go elsewhere, were they not pinned to this server: the first of them.
fn pinned_to(scenario: &Scenario, server: ServerId) -> impl Iterator<Item = NeedId> {
    let could_move = move |id: &NeedId| {
        let need = scenario.need(*id);
        need.pinned && need.current == Some(server) && scenario.providers(need.capability).len() > 1
    };
    scenario.need_ids().filter(could_move).take(1)
}

/// What only this server provides, of a need: on the server that is offered least.
fn stand_in_of(scenario: &Scenario, server: ServerId, offered: &dyn Fn(ServerId) -> f64) -> Option<ReachChange> {
    let alone = scenario.needs.iter().map(|need| need.capability).find(|capability| scenario.providers(*capability) == [server])?;
    let others = scenario.server_ids().filter(|id| *id != server && scenario.server(*id).in_service);
    others.min_by(|a, b| offered(*a).total_cmp(&offered(*b))).map(|other| ReachChange::Provide(other, alone))
}

impl Change {
    fn applied_to(self, scenario: &Scenario) -> Scenario {
        let mut world = Scenario { what_ifs: Vec::new(), ..scenario.clone() };
        match self {
            Change::OneMoreSlot(id) => world.servers[id.index()].slots.value += 1,
            Change::TwiceTheRate(id) => {
                if let Some(limit) = &mut world.servers[id.index()].rate_limit {
                    limit.rate = limit.rate.map(|rate| rate.scaled(2.0));
                }
            }
            Change::NeverOut(id) => {
                world.servers[id.index()].outages = None;
                world.servers[id.index()].depends_on.clear();
            }
            // In a what-if it may be impossible: then the world stays as it is.
            Change::Reach(change) => world = apply(world.clone(), change).unwrap_or(world),
            Change::HalfMoreMemory => world.host.memory = world.host.memory.map(|memory| Figure::stated(Bytes(memory.value.0 / 2 * 3))),
        }
        world
    }

    fn sentence(self, scenario: &Scenario) -> String {
        let name = |id: ServerId| &scenario.server(id).name;
        match self {
            Change::OneMoreSlot(id) => {
                format!("one more slot on {} ({} -> {})", name(id), scenario.server(id).slots.value, scenario.server(id).slots.value + 1)
            }
            Change::TwiceTheRate(id) => format!("twice the rate limit of {}", name(id)),
            Change::NeverOut(id) => format!("{} without outages, its dependencies' included", name(id)),
            Change::Reach(change) => describe(scenario, change),
            Change::HalfMoreMemory => "half as much memory again on the host".to_owned(),
        }
    }
}
