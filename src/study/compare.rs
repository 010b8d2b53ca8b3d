//! All strategies side by side: who meets the KPIs, which differences are real, what nobody can reach.

use serde::Serialize;

use crate::experiment::{self, Design, Watch};
use crate::judge::{Estimate, Verdict, summarize};
use crate::mapping::{Mapping, Over, balance_score, planned_score};
use crate::scenario::{Kpi, NeedId, Scenario, ServerId};
use crate::strategy::{BalanceOptimum, LimitKind, Reach, balance_by_server_use, best_balance, what_would_reach};

use super::evaluate::{Candidate, Difference, Row, differences, evaluate, least_loss, mean_loss, recommend};
use super::propagate::Propagated;
use super::remedy::{Remedy, remedies};

/// What is true of the planned balance score over some servers, whatever the mapping.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BalanceFacts {
    pub over: Over,
    pub servers: Vec<String>,
    pub today: f64,
    pub given: Vec<GivenScore>,
    /// The best that moves of needs can reach, and the proven bound that no mapping exceeds.
    pub best: f64,
    pub bound: f64,
    /// The scenario states limits; `best` and `bound` are of mappings within them where `keeps_limits` is true, and of all others else.
    pub limited: bool,
    pub keeps_limits: bool,
    /// Needs that the best mapping moves.
    pub best_changes: usize,
    /// The target that the scenario sets for this score, or for the other planned one.
    pub target: Option<f64>,
    /// True where the scenario's target is on this very score.
    pub is_kpi: bool,
    /// What would make the target reachable, tried for real; empty where it is reachable.
    pub reach: Vec<Reach>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GivenScore {
    pub name: String,
    pub needs_alone: f64,
    /// With its extra grants and extra load.
    pub as_written: f64,
}

/// How the balance pulls against a server's unreliability: the best planned balance with so many needs left on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TradeOff {
    pub server: String,
    pub needs_left: usize,
    /// Over the sharing servers, then with the server taken out of service where no need is left on it.
    pub balance: f64,
    pub error_rate: Option<Estimate>,
    pub response_mean: Option<Estimate>,
    pub quality: Option<Estimate>,
    pub loss: Option<Estimate>,
    /// True for the row in which the server is out of service, so that no score counts it.
    pub out_of_service: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    pub scenario: String,
    pub servers: Vec<String>,
    pub seed: u64,
    pub replications: u32,
    pub assumed_figures: usize,
    pub movable_needs: usize,
    pub rows: Vec<Row>,
    pub differences: Vec<Difference>,
    pub balance: Vec<BalanceFacts>,
    pub trade_off: Vec<TradeOff>,
    /// Where no mapping is validated: changes of the scenario that were tried on the simulated KPIs.
    pub remedies: Vec<Remedy>,
    /// Index into `rows`.
    pub recommended: Option<usize>,
    /// Of the rows that are shown in full, where it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsure: Vec<Unsure>,
}

/// What the scenario's own intervals make of a mapping's KPIs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unsure {
    pub mapping: String,
    #[serde(flatten)]
    pub propagated: Propagated,
}

impl Comparison {
    pub fn recommended(&self) -> Option<&Row> {
        self.recommended.map(|index| &self.rows[index])
    }

    /// Today's mapping, the given ones and the recommended one.
    pub fn shown(&self) -> Vec<&Row> {
        let mut shown: Vec<&Row> = self.rows.iter().filter(|row| row.name == self.rows[0].name || row.given).collect();
        if let Some(recommended) = self.recommended()
            && !shown.iter().any(|row| row.name == recommended.name)
        {
            shown.push(recommended);
        }
        shown
    }
}

/// Evaluates every candidate, chooses, and says what is true whatever the mapping. The first candidate has to be today's mapping.
pub fn compare(scenario: &Scenario, candidates: Vec<Candidate>, design: Design, watch: &dyn Watch) -> Comparison {
    let today = candidates[0].decision.mapping.clone();
    let rows = evaluate(scenario, candidates, design, watch);
    let recommended = recommend(scenario, &rows);
    let differences = recommended.map_or_else(Vec::new, |best| differences(scenario, &rows, best));
    let given: Vec<&Row> = rows.iter().filter(|row| row.given).collect();
    watch.phase("proving what is reachable", 2);
    let balance = [Over::All, Over::Sharing]
        .into_iter()
        .map(|over| {
            let facts = balance_facts(scenario, over, &today, &given);
            watch.step();
            facts
        })
        .collect();
    let trade_off = trade_off(scenario, &today, design, watch);
    let best = recommended.unwrap_or_else(|| least_loss(&rows));
    let missed = rows[best].cases.iter().any(|case| case.judged.results.iter().any(|r| !r.met && !r.kpi.is_planned()));
    let remedies =
        if rows[best].verdict != Verdict::Validated && missed { remedies(scenario, &rows[best], design, watch) } else { Vec::new() };
    Comparison {
        scenario: scenario.name.clone(),
        servers: scenario.servers.iter().map(|s| s.name.clone()).collect(),
        seed: design.seed,
        replications: design.replications,
        assumed_figures: scenario.assumed_figures(),
        movable_needs: scenario.need_ids().filter(|need| scenario.eligible(*need).len() > 1).count(),
        rows,
        differences,
        balance,
        trade_off,
        remedies,
        recommended,
        unsure: Vec::new(),
    }
}

pub(super) fn balance_facts(scenario: &Scenario, over: Over, today: &Mapping, given: &[&Row]) -> BalanceFacts {
    let servers = over.servers(scenario);
    let BalanceOptimum { score: best, bound, primaries, keeps_limits, .. } = best_balance(scenario, over);
    let own = scenario.target(over.kpi());
    let target = own.or(scenario.target(Kpi::BalancePlannedAll)).or(scenario.target(Kpi::BalancePlannedSharing)).map(|t| t.bound.value);
    let score_of = |loads: &[f64]| balance_score(servers.iter().map(|id| loads[id.index()]));
    BalanceFacts {
        over,
        servers: servers.iter().map(|id| scenario.server(*id).name.clone()).collect(),
        today: planned_score(scenario, &today.primaries(), over),
        given: given
            .iter()
            .map(|row| GivenScore {
                name: row.name.clone(),
                needs_alone: planned_score(scenario, &row.mapping.primaries(), over),
                as_written: score_of(&row.mapping.planned_loads_as_written(scenario)),
            })
            .collect(),
        best,
        bound,
        limited: LimitKind::ALL.iter().any(|kind| kind.stated(&scenario.limits).is_some()),
        keeps_limits,
        best_changes: primaries.iter().zip(today.primaries()).filter(|(a, b)| **a != *b).count(),
        target,
        is_kpi: own.is_some(),
        reach: target
            .filter(|target| !keeps_limits || bound < *target - 1e-9)
            .map_or_else(Vec::new, |target| what_would_reach(scenario, target, over)),
    }
}

/// A server that fails more than this share of what it is asked is worth a table of its own.
const UNRELIABLE: f64 = 0.1;

/// For the least reliable server on which movable needs are today: the best balance with 0, 1, 2 ... of them left on it, and
/// what the simulation says of it.
fn trade_off(scenario: &Scenario, today: &Mapping, design: Design, watch: &dyn Watch) -> Vec<TradeOff> {
    let movable = |id: ServerId| {
        scenario.need_ids().filter(|need: &NeedId| today.assignment(*need).primary == id && scenario.eligible(*need).len() > 1).count()
    };
    let Some((server, _)) = scenario
        .server_ids()
        .filter(|id| scenario.server(*id).in_service && movable(*id) > 0)
        .map(|id| (id, scenario.server(id).connect.failure.value.get()))
        .filter(|(_, failure)| *failure > UNRELIABLE)
        .max_by(|a, b| a.1.total_cmp(&b.1))
    else {
        return Vec::new();
    };
    let name = scenario.server(server).name.clone();
    let mut without = Scenario { what_ifs: Vec::new(), ..scenario.clone() };
    without.servers[server.index()].in_service = false;
    let mut plans: Vec<(usize, f64, Mapping, bool)> = balance_by_server_use(scenario, server)
        .into_iter()
        .map(|with| (with.needs, with.optimum.score, Mapping::with_policy_fallbacks(scenario, &with.optimum.primaries), false))
        .collect();
    // Without the server, only needs that another one can serve can be judged.
    if without.need_ids().all(|need| !without.eligible(need).is_empty()) {
        let optimum = best_balance(&without, Over::Sharing);
        plans.push((0, optimum.score, Mapping::with_policy_fallbacks(&without, &optimum.primaries), true));
    }
    let cases: Vec<experiment::Case> = plans.iter().map(|(_, _, mapping, _)| experiment::Case { scenario, mapping }).collect();
    experiment::run(&cases, design, watch)
        .into_iter()
        .zip(&plans)
        .map(|(replications, (needs_left, balance, mapping, out_of_service))| {
            let summary = summarize(scenario, &replications);
            TradeOff {
                server: name.clone(),
                needs_left: *needs_left,
                balance: *balance,
                error_rate: summary.kpi(Kpi::ErrorRate),
                response_mean: summary.kpi(Kpi::ResponseMean),
                quality: summary.kpi(Kpi::Quality),
                loss: mean_loss(scenario, mapping, &replications),
                out_of_service: *out_of_service,
            }
        })
        .collect()
}
