//! Ways to decide a mapping before the run, one file each.
//!
//! All of them choose primaries among `Scenario::eligible` servers only: a pinned need never moves, and no server gets a
//! need that it cannot serve. Fallbacks are the scenario's policy's.

mod balance;
mod clash;
mod congestion;
mod cost;
mod enumerate;
mod fewest;
mod greedy;
#[cfg(test)]
mod instances;
mod least_loaded;
mod limits;
mod linear;
mod loads;
mod local_search;
mod lp_rounding;
mod milp;
mod model;
mod objective;
mod presolve;
mod priority;
mod random;
mod reach;
#[cfg(test)]
mod reference;
mod round_robin;
mod slot_worth;
mod trade_off;

use crate::mapping::Mapping;
use crate::scenario::{Scenario, ServerId};

pub use balance::{BalanceOptimum, EXACT_NEEDS, best_balance};
pub use clash::{Clash, Mend, clashes, limits_mended, raised_limits};
pub use cost::{Estimate, NeedCost, costs};
pub use enumerate::{Enumeration, enumerate_best};
pub use fewest::{Fewest, fewest_changes};
pub use limits::LimitKind;
pub use linear::{Column, Integrality, Program, Row, Sense, Solution, Solver, SolverError, solve};
pub use loads::{Choices, Movable};
pub use milp::Proof;
pub use objective::{Objective, State, Value};
pub use reach::{Reach, ReachChange, apply, describe, what_would_reach};
pub use slot_worth::{SlotWorth, worth_of_slots};
pub use trade_off::{ServerUse, balance_by_server_use};

/// A way to decide a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strategy {
    Current,
    Random,
    RoundRobin,
    Greedy,
    LeastLoaded,
    Priority,
    LpRounding,
    Milp,
    LocalSearch,
}

/// What a strategy decides, and what it can prove of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub mapping: Mapping,
    /// The objective's cost of the mapping, at the shortfall below; for comparing strategies. None for mappings that no
    /// strategy decided.
    pub objective: Option<f64>,
    /// By how much the scenario's limits are exceeded, relative, summed: 0 where all are kept. It comes before everything.
    pub excess: f64,
    /// Sum over the planned KPIs of the relative shortfall: 0 where all are met. It comes before the cost.
    pub shortfall: f64,
    /// No mapping with the least shortfall there is costs less. None where the strategy proves nothing.
    pub bound: Option<f64>,
    /// What the solver did and proved; none for strategies that prove nothing.
    pub proof: Option<Proof>,
    /// Sentences for the report: objective and proven bound, limits reached, what was rounded.
    pub notes: Vec<String>,
    /// False where a clock, not a budget, ended the search.
    pub reproducible: bool,
}

impl Decision {
    /// Of a mapping that no strategy decided.
    pub fn undecided(mapping: Mapping) -> Decision {
        Decision { mapping, objective: None, excess: 0.0, shortfall: 0.0, bound: None, proof: None, notes: Vec::new(), reproducible: true }
    }
}

impl Strategy {
    pub const ALL: [Strategy; 9] = [
        Strategy::Current,
        Strategy::Random,
        Strategy::RoundRobin,
        Strategy::Greedy,
        Strategy::LeastLoaded,
        Strategy::Priority,
        Strategy::LpRounding,
        Strategy::Milp,
        Strategy::LocalSearch,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Current => "current",
            Strategy::Random => "random",
            Strategy::RoundRobin => "round-robin",
            Strategy::Greedy => "greedy",
            Strategy::LeastLoaded => "least-loaded",
            Strategy::Priority => "priority",
            Strategy::LpRounding => "lp-rounding",
            Strategy::Milp => "milp",
            Strategy::LocalSearch => "local-search",
        }
    }

    pub fn named(name: &str) -> Option<Strategy> {
        Strategy::ALL.into_iter().find(|strategy| strategy.name() == name)
    }

    pub fn description(self) -> &'static str {
        match self {
            Strategy::Current => "Leaves everything as it is today.",
            Strategy::Random => "Puts every movable need on one of its servers by lot.",
            Strategy::RoundRobin => "Deals each capability's needs out to its servers in turn.",
            Strategy::Greedy => "Puts the heaviest need first, onto the server that ends up with the least planned load.",
            Strategy::LeastLoaded => "Takes needs as they come, each onto the server with the least expected utilisation.",
            Strategy::Priority => "Moves needs off overloaded servers onto idle ones, core agents first, then by complexity.",
            Strategy::LpRounding => "Solves the linear relaxation of the objective, rounds it and repairs what rounding broke.",
            Strategy::Milp => "Minimises the objective by mixed-integer programming and proves how good the mapping is.",
            Strategy::LocalSearch => "Improves the best simple mapping by moves and swaps on the objective itself.",
        }
    }

    /// Deterministic; the seed matters to random and local-search only.
    pub fn decide(self, scenario: &Scenario, seed: u64) -> Decision {
        let objective = Objective::of(scenario);
        let plain = |primaries: Vec<ServerId>| decision(&objective, &primaries, None, Vec::new());
        match self {
            Strategy::Current => Decision { mapping: Mapping::current(scenario), ..plain(objective.today.clone()) },
            Strategy::Random => plain(random::decide(scenario, seed)),
            Strategy::RoundRobin => plain(round_robin::decide(scenario)),
            Strategy::Greedy => plain(greedy::decide(scenario)),
            Strategy::LeastLoaded => plain(least_loaded::decide(scenario)),
            Strategy::Priority => plain(priority::decide(scenario)),
            Strategy::LpRounding => {
                let rounded = lp_rounding::decide(&objective);
                decision(&objective, &rounded.primaries, rounded.bound, rounded.notes)
            }
            Strategy::Milp => {
                let solved = milp::decide(&objective);
                Decision { proof: solved.proof, ..decision(&objective, &solved.primaries, solved.bound, solved.notes) }
            }
            Strategy::LocalSearch => {
                let starts = [Choices::of(scenario).start, greedy::decide(scenario), lp_rounding::decide(&objective).primaries];
                let (primaries, evaluated) = local_search::improve(&objective, &starts, seed);
                decision(&objective, &primaries, None, vec![format!("{evaluated} moves evaluated")])
            }
        }
    }
}

/// The whole program, given to the solver for so long by the clock in each round of tangents, whatever its size: to measure the strategies against.
pub fn decide_by_whole_program(scenario: &Scenario, seconds: f64) -> Decision {
    let objective = Objective::of(scenario);
    let solved = milp::decide_exactly(&objective, Integrality::RequiredFor { seconds });
    Decision { reproducible: false, ..decision(&objective, &solved.primaries, solved.bound, solved.notes) }
}

/// The best mappings by the objective, after the best of all: what the solver finds when each one found is forbidden. Fewer where there are
/// not as many, or where there is too much to decide for an exact search.
pub fn next_best(scenario: &Scenario, count: usize) -> Vec<Decision> {
    let objective = Objective::of(scenario);
    milp::next_best(&objective, count).iter().map(|primaries| decision(&objective, primaries, None, Vec::new())).collect()
}

fn decision(objective: &Objective, primaries: &[ServerId], bound: Option<f64>, notes: Vec<String>) -> Decision {
    let value = objective.value(primaries);
    Decision {
        mapping: Mapping::with_policy_fallbacks(objective.scenario, primaries),
        objective: Some(value.cost),
        excess: value.excess,
        shortfall: value.shortfall,
        bound,
        proof: None,
        notes,
        // Every search here stops on a budget of rounds, nodes or moves.
        reproducible: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::{Over, planned_loads, planned_score, primaries_of_today};
    use crate::scenario::{AgentId, CapabilityId, Figure, Kpi, KpiTarget, Need, NeedId, Provision, Term};

    fn value_of(decision: &Decision) -> Value {
        Value { excess: decision.excess, shortfall: decision.shortfall, cost: decision.objective.unwrap() }
    }

    #[test]
    fn names_lead_back() {
        for strategy in Strategy::ALL {
            assert_eq!(Strategy::named(strategy.name()), Some(strategy));
        }
    }

    #[test]
    fn every_strategy_stays_among_the_eligible_servers_and_repeats_itself() {
        for number in 0..30 {
            let mut scenario = instances::small(number);
            // The last server can be spared: server 0 provides everything.
            let last = scenario.servers.len() - 1;
            scenario.servers[last].in_service = number % 3 != 0;
            for strategy in Strategy::ALL.into_iter().filter(|s| *s != Strategy::Current) {
                let decision = strategy.decide(&scenario, number);
                assert_eq!(decision, strategy.decide(&scenario, number), "{}", strategy.name());
                for (need, primary) in decision.mapping.primaries().into_iter().enumerate() {
                    let eligible = scenario.eligible(NeedId::from(need));
                    assert!(eligible.contains(&primary), "{} puts need {need} on {primary:?}, not on one of {eligible:?}", strategy.name());
                }
                if let Some(bound) = decision.bound.filter(|_| decision.shortfall == 0.0) {
                    assert!(bound <= decision.objective.unwrap() + 1e-6, "{} {number}: {decision:?}", strategy.name());
                }
            }
        }
    }

    #[test]
    fn on_the_reference_ecosystem_the_solver_proves_its_mapping_best_of_all() {
        let scenario = reference::ecosystem();
        let score = |decision: &Decision| planned_score(&scenario, &decision.mapping.primaries(), Over::Sharing);
        let current = Strategy::Current.decide(&scenario, 1);
        assert_eq!(current.mapping.primaries(), primaries_of_today(&scenario));
        let milp = Strategy::Milp.decide(&scenario, 1);
        assert!((milp.objective.unwrap() - milp.bound.unwrap()).abs() < 1e-6 && milp.shortfall == 0.0 && score(&milp) >= 70.0);
        assert!(milp.notes[0].starts_with("proven optimal: "), "{:?}", milp.notes);
        for strategy in Strategy::ALL {
            let decision = strategy.decide(&scenario, 1);
            assert!(!value_of(&decision).is_better_than(value_of(&milp)), "{} beats the optimum", strategy.name());
        }
        let search = Strategy::LocalSearch.decide(&scenario, 1);
        assert!((search.objective.unwrap() - milp.objective.unwrap()).abs() < 1e-9);
        let relaxed = Strategy::LpRounding.decide(&scenario, 1);
        assert!(relaxed.bound.unwrap() <= milp.bound.unwrap() + 1e-9);
    }

    /// Two agents with two needs each, all on a server that is quick and fails; the other one is slow and never does.
    #[test]
    fn the_users_order_decides() {
        let mut scenario = reference::empty_scenario("order");
        scenario.capabilities = ["files", "notes"].map(str::to_owned).to_vec();
        for (name, seconds, errors) in [("quick", 0.1, 0.2), ("slow", 2.0, 0.0)] {
            let mut server = reference::plain_server(name);
            server.serial = reference::constant(seconds);
            server.errors.soft = reference::share(errors);
            server.provides = [0, 1].map(|c| Provision::new(CapabilityId(c), reference::share(1.0))).to_vec();
            scenario.servers.push(server);
        }
        scenario.policy.retries = Figure::stated(0);
        for (agent, capability) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            scenario.agents.extend((capability == 0).then(|| reference::plain_agent(&format!("agent-{agent}"), 5.0)));
            scenario.needs.push(Need {
                agent: AgentId(agent),
                capability: CapabilityId(capability),
                demand: Figure::stated(1.0),
                current: Some(ServerId(0)),
                pinned: false,
            });
        }
        let by = |scenario: &Scenario, priorities: &[Term]| -> Vec<u32> {
            let scenario = Scenario { priorities: Some(priorities.to_vec()), ..scenario.clone() };
            let decision = Strategy::Milp.decide(&scenario, 1);
            assert!(decision.notes[0].starts_with("proven optimal"), "{:?}", decision.notes);
            decision.mapping.primaries().iter().map(|server| server.0).collect()
        };
        let loads = |scenario: &Scenario, priorities: &[Term]| {
            planned_loads(scenario, &by(scenario, priorities).into_iter().map(ServerId).collect::<Vec<_>>())
        };
        assert_eq!(by(&scenario, &[Term::Error, Term::Response]), [1, 1, 1, 1]);
        assert_eq!(by(&scenario, &[Term::Response, Term::Error]), [0, 0, 0, 0]);
        assert_eq!(by(&scenario, &[Term::Changes, Term::Error]), [0, 0, 0, 0]);
        // One agent a server, whichever.
        for priorities in [&[Term::Imbalance][..], &[Term::Affinity, Term::Imbalance], &[Term::Imbalance, Term::Affinity, Term::Error]] {
            assert_eq!(loads(&scenario, priorities), [5.0, 5.0], "{priorities:?}");
        }
        // Each agent's needs together, and then the fewest errors.
        assert_eq!(by(&scenario, &[Term::Affinity, Term::Error]), [1, 1, 1, 1]);
        // The planned KPI comes before them all.
        scenario.kpis.push(KpiTarget { kpi: Kpi::BalancePlannedSharing, bound: Figure::stated(100.0) });
        let balanced = loads(&scenario, &[Term::Response]);
        assert_eq!(balanced[0], balanced[1]);
    }

    #[test]
    fn an_organisation_gets_a_mapping_with_a_bound() {
        for priorities in [None, Some(vec![Term::Imbalance, Term::Error, Term::Affinity])] {
            let scenario = Scenario { priorities, ..instances::large(60, 15) };
            let relaxed = Strategy::LpRounding.decide(&scenario, 1);
            for strategy in [Strategy::LpRounding, Strategy::Milp, Strategy::LocalSearch] {
                let decision = strategy.decide(&scenario, 1);
                assert_eq!(decision.shortfall, 0.0, "{}", strategy.name());
                let gap = decision.objective.unwrap() / relaxed.bound.unwrap() - 1.0;
                assert!((0.0..0.15).contains(&gap), "{}: {gap}", strategy.name());
            }
        }
    }

    #[test]
    fn nothing_to_decide_is_no_problem() {
        let mut scenario = reference::ecosystem();
        scenario.needs.clear();
        for strategy in Strategy::ALL {
            assert_eq!(strategy.decide(&scenario, 1).mapping.assignments, [], "{}", strategy.name());
        }
        assert_eq!(best_balance(&scenario, Over::All).score, 0.0);
    }
}
