//! Nobody measured the demand? Then the verdict has to hold under another one too.

use crate::scenario::{Agent, Arrivals, Figure, Scenario};
use crate::units::Rate;

/// The scenario with the same total of tasks, spread evenly: every agent with needs starts as many, and uses each need as
/// often. What-ifs are left out, and a log that
/// is replayed: it has its own demand.
pub fn uniform_demand(scenario: &Scenario) -> Scenario {
    let mut uniform = Scenario { what_ifs: Vec::new(), replay: None, ..scenario.clone() };
    let busy: Vec<usize> = scenario
        .agent_ids()
        .filter(|id| is_open(scenario.agent(*id)) && scenario.needs_of(*id).next().is_some())
        .map(|id| id.index())
        .collect();
    let total: f64 = busy.iter().map(|i| scenario.agents[*i].workload.tasks.value.per_second() * 3600.0).sum();
    for i in &busy {
        uniform.agents[*i].workload.tasks = Figure::assumed(Rate::per_hour(total / busy.len() as f64), "uniform demand");
    }
    uniform.needs.iter_mut().for_each(|need| need.demand = Figure::assumed(1.0, "uniform demand"));
    uniform
}

/// A closed loop's users come as often as they are answered: there is no demand to spread.
fn is_open(agent: &Agent) -> bool {
    !matches!(agent.workload.arrivals, Arrivals::Closed { .. })
}
