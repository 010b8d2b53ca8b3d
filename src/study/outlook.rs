//! What lies beyond the chosen mapping: the best planned balance that any mapping reaches, the cheapest change that meets every KPI, the
//! load at which each target breaks, and what one more slot would be worth.

use std::convert::Infallible;

use serde::Serialize;

use crate::engine::expected_calls;
use crate::experiment::{self, Design, Watch};
use crate::judge::{Verdict, summarize};
use crate::mapping::{Mapping, Over};
use crate::scenario::Scenario;
use crate::strategy::{SlotWorth, worth_of_slots};

use super::cheapest::{Cheapest, cheapest};
use super::compare::{BalanceFacts, balance_facts};
use super::evaluate::Row;
use super::optimize::Trials;
use super::remedy::{Remedy, remedies};
use super::sweep::{Measure, Parameter, Reading, Setting, Sweep, climb};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlook {
    /// Of the planned balances that have a target.
    pub balance: Vec<BalanceFacts>,
    /// None where no mapping meets every KPI, or where there are too many needs to prove it.
    pub cheapest: Option<Cheapest>,
    /// Where no mapping meets every simulated KPI: changes of the scenario, each tried.
    pub remedies: Vec<Remedy>,
    /// Of the chosen mapping, as the load grows from the scenario's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Sweep>,
    pub load_replications: u32,
    /// The most valuable first.
    pub slots: Vec<SlotWorth>,
}

/// Of the load sweep: enough for intervals.
const REPLICATIONS: u32 = 5;
/// Calls simulated for the load sweep, and for one of its points: a minute.
const CALLS: f64 = 2e8;
const CALLS_A_POINT: f64 = 2e7;
/// Doublings of the load.
const DOUBLINGS: i32 = 12;

/// The chosen mapping, and the row that it came from.
pub(super) struct Held<'a> {
    pub row: &'a Row,
    pub mapping: &'a Mapping,
    pub verdict: Verdict,
    /// All mappings that took part.
    pub simulated: &'a [&'a Mapping],
}

/// With the load at which each target breaks only where `breaks` asks for it: that takes long.
pub(super) fn outlook(trials: &Trials, held: Held, breaks: bool, watch: &dyn Watch) -> Outlook {
    let (scenario, design) = (trials.scenario, trials.design);
    let Held { row: best, mapping, verdict, simulated } = held;
    let today = &trials.today.mapping;
    let balance = [Over::All, Over::Sharing].into_iter().filter(|over| scenario.target(over.kpi()).is_some());
    watch.phase("proving what is reachable", 1);
    let missed = best.cases.iter().any(|case| case.judged.results.iter().any(|r| !r.met && !r.kpi.is_planned()));
    Outlook {
        balance: balance.map(|over| balance_facts(scenario, over, today, &[])).collect(),
        cheapest: if verdict == Verdict::Validated { cheapest(trials, mapping, simulated, watch) } else { None },
        remedies: if verdict != Verdict::Validated && missed { remedies(scenario, best, design, watch) } else { Vec::new() },
        load: breaks.then(|| load(scenario, mapping, design, watch)),
        load_replications: design.replications.min(REPLICATIONS),
        slots: {
            watch.phase("weighing slots", 1);
            worth_of_slots(scenario, &mapping.primaries())
        },
    }
}

fn load(scenario: &Scenario, mapping: &Mapping, design: Design, watch: &dyn Watch) -> Sweep {
    let mut parameter = Parameter { path: "load".to_owned(), values: Vec::new(), unit: String::new() };
    parameter.values = (0..=DOUBLINGS).map(|doublings| parameter.setting(2f64.powi(doublings))).collect();
    let design = Design { replications: design.replications.min(REPLICATIONS), ..design };
    match climb(parameter, &mut Loads { scenario, mapping, design, watch, spent: 0.0 }, is_over) {
        Ok(sweep) => sweep,
    }
}

/// The scenario at several times its load.
struct Loads<'a> {
    scenario: &'a Scenario,
    mapping: &'a Mapping,
    design: Design,
    watch: &'a dyn Watch,
    /// Calls expected of what was measured so far.
    spent: f64,
}

impl Loads<'_> {
    fn world(&self, point: &[Setting]) -> Scenario {
        let load = point[0].number.unwrap_or(1.0);
        Scenario { load: self.scenario.load * load, what_ifs: Vec::new(), ..self.scenario.clone() }
    }

    fn calls(&self, points: &[Vec<Setting>]) -> f64 {
        points.iter().map(|point| expected_calls(&self.world(point))).sum::<f64>() * f64::from(self.design.replications)
    }
}

impl Measure for Loads<'_> {
    type Error = Infallible;

    fn admits(&self, points: &[Vec<Setting>]) -> bool {
        points.iter().all(|point| self.calls(std::slice::from_ref(point)) <= CALLS_A_POINT) && self.spent + self.calls(points) <= CALLS
    }

    fn measure(&mut self, points: &[Vec<Setting>]) -> Result<Vec<Reading>, Infallible> {
        self.spent += self.calls(points);
        let worlds: Vec<Scenario> = points.iter().map(|point| self.world(point)).collect();
        let cases: Vec<experiment::Case> = worlds.iter().map(|scenario| experiment::Case { scenario, mapping: self.mapping }).collect();
        let runs = experiment::run(&cases, self.design, self.watch);
        Ok(worlds.iter().zip(runs).map(|(world, replications)| Reading::new(world, &summarize(world, &replications))).collect())
    }
}

/// Every simulated target is missed, or means say nothing any more.
fn is_over(reading: &Reading) -> bool {
    let mut simulated = reading.kpis.iter().filter(|of| !of.kpi.is_planned()).filter_map(|of| of.met);
    !reading.unstable.is_empty() || simulated.all(|met| !met)
}
