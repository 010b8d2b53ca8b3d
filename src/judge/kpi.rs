//! KPIs of one replication, and of many with their intervals: of the whole system, of each server and of each agent.

use serde::Serialize;

use crate::engine::{CallTally, Outcome, ServerTally};
use crate::mapping::{Dispatch, Mapping, Over, balance_score, planned_loads};
use crate::scenario::{Kpi, Scenario, Term};
use crate::units::{Bytes, SimTime};

use super::stability::{ShortRun, Stability, short_run, stability};
use super::statistics::{Estimate, estimate};

/// One value a KPI, in its unit (share 0-1, seconds, score 0-100); none where nothing was there to measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Kpis([Option<f64>; Kpi::ALL.len()]);

impl Kpis {
    pub fn get(&self, kpi: Kpi) -> Option<f64> {
        self.0[kpi.index()]
    }
}

/// What is kept of one replication.
#[derive(Debug, Clone, PartialEq)]
pub struct Replication {
    pub kpis: Kpis,
    pub window: SimTime,
    pub agents: Vec<CallTally>,
    pub servers: Vec<ServerTally>,
    pub memory_peak: Bytes,
}

impl Replication {
    pub fn new(scenario: &Scenario, mapping: &Mapping, outcome: Outcome) -> Replication {
        Replication {
            kpis: kpis(scenario, mapping, &outcome),
            window: outcome.window,
            agents: outcome.agents,
            servers: outcome.servers,
            memory_peak: outcome.memory_peak,
        }
    }
}

fn kpis(scenario: &Scenario, mapping: &Mapping, outcome: &Outcome) -> Kpis {
    let calls = outcome.calls();
    let planned = planned_loads(scenario, &mapping.primaries());
    // A gateway decides call by call: nothing is planned.
    let is_planned = mapping.dispatch == Dispatch::Fixed;
    let is_risky = scenario.servers.iter().any(|server| server.safe_concurrency.is_some());
    let simulated: Vec<f64> =
        scenario.servers.iter().zip(&outcome.servers).map(|(server, tally)| tally.busy.as_secs() / f64::from(server.slots.value)).collect();
    let score = |loads: &[f64], over: Over| Some(balance_score(over.servers(scenario).iter().map(|id| loads[id.index()])));
    let quantile = |q: f64| (!outcome.response.is_empty()).then(|| outcome.response.value_at_quantile(q) as f64 / 1e6);
    Kpis(Kpi::ALL.map(|kpi| match kpi {
        Kpi::Availability => share(calls.reached, calls.issued),
        Kpi::ResponseMean => ratio(calls.response_sum.as_secs(), calls.succeeded as f64),
        Kpi::ResponseP95 => quantile(0.95),
        Kpi::ResponseP99 => quantile(0.99),
        Kpi::ErrorRate => share(calls.failed, calls.issued),
        Kpi::Quality => ratio(calls.quality_sum, calls.succeeded as f64),
        Kpi::Degraded => share(calls.degraded, calls.succeeded),
        Kpi::AtRisk => share(calls.at_risk, calls.succeeded).filter(|_| is_risky),
        Kpi::Memory => scenario.host.memory.as_ref().and_then(|memory| ratio(outcome.memory_peak.0 as f64, memory.value.0 as f64)),
        Kpi::BalancePlannedAll => score(&planned, Over::All).filter(|_| is_planned),
        Kpi::BalancePlannedSharing => score(&planned, Over::Sharing).filter(|_| is_planned),
        Kpi::BalanceSimulatedAll => score(&simulated, Over::All),
        Kpi::BalanceSimulatedSharing => score(&simulated, Over::Sharing),
    }))
}

/// How much of a KPI is as bad as missing its target: what one unit of loss is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowed {
    /// Share of calls.
    pub error: f64,
    /// \[s\]
    pub response: f64,
    error_weight: f64,
    response_weight: f64,
}

impl Allowed {
    /// The scenario's own targets; without one, or with one of zero (which allows nothing and measures nothing), those of the
    /// reference plan: 10 % and 3 s.
    pub fn of(scenario: &Scenario) -> Allowed {
        let bound = |kpi, default| scenario.target(kpi).map(|t| t.bound.value).filter(|bound| *bound > 0.0).unwrap_or(default);
        Allowed {
            error: bound(Kpi::ErrorRate, 0.1),
            response: bound(Kpi::ResponseMean, 3.0),
            error_weight: scenario.weight(Term::Error),
            response_weight: scenario.weight(Term::Response),
        }
    }

    /// (share of calls that were of no use) / allowed error + mean response / allowed response. An answer of quality q counts
    /// as q of a useful one: it is what the quality means. Each weighs what the scenario's priorities say. By this mappings are ranked that meet
    /// the KPIs, and strategies choose.
    pub fn loss(self, error: f64, quality: f64, response: f64) -> f64 {
        self.error_weight * (1.0 - (1.0 - error) * quality) / self.error + self.response_weight * response / self.response
    }
}

/// [`Allowed::loss`] of one replication; none where no call succeeded.
pub fn loss(scenario: &Scenario, kpis: &Kpis) -> Option<f64> {
    let (error, quality, response) = (kpis.get(Kpi::ErrorRate)?, kpis.get(Kpi::Quality)?, kpis.get(Kpi::ResponseMean)?);
    Some(Allowed::of(scenario).loss(error, quality, response))
}

/// One case (a scenario under a mapping) over its replications.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// In the order of [`Kpi::ALL`].
    pub kpis: Vec<KpiSummary>,
    pub agents: Vec<AgentSummary>,
    pub servers: Vec<ServerSummary>,
    /// Calls counted, all replications together.
    pub calls: u64,
    pub replications: usize,
    /// Servers that are offered more than they can serve, and whose queues grow for as long as the run lasts.
    pub unstable: Vec<String>,
    /// Servers that are offered more than they can serve, and whose excess is turned away or gives up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overloaded: Vec<String>,
    /// Servers whose queues settle too slowly for the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub short_runs: Vec<ShortRun>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KpiSummary {
    pub kpi: Kpi,
    /// None where no replication had anything to measure.
    pub estimate: Option<Estimate>,
    /// The agent that has it worst, for the KPIs that agents have.
    pub worst_agent: Option<(String, f64)>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentSummary {
    pub agent: String,
    /// Calls an hour.
    pub calls: Option<Estimate>,
    pub availability: Option<Estimate>,
    pub error_rate: Option<Estimate>,
    /// \[s\]
    pub response_mean: Option<Estimate>,
    pub quality: Option<Estimate>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerSummary {
    pub server: String,
    /// Calls accepted an hour.
    pub calls: Option<Estimate>,
    /// Busy time a slot.
    pub utilisation: Option<Estimate>,
    /// Serial work offered a slot and time in which it can be served (up, and not frozen); 1 or more: overloaded, or unstable.
    pub offered: Option<Estimate>,
    /// \[s\] from acceptance to answer.
    pub response_mean: Option<Estimate>,
    /// \[s\] in the queue, of those whose service began.
    pub wait_mean: Option<Estimate>,
    /// Share of the attempts that did not succeed.
    pub error_rate: Option<Estimate>,
    /// Share of the answers above the safe concurrency.
    pub at_risk: Option<Estimate>,
    /// Share of the sessions tried that came about.
    pub connected: Option<Estimate>,
    /// Share of time.
    pub up: Option<Estimate>,
}

impl Summary {
    pub fn kpi(&self, kpi: Kpi) -> Option<Estimate> {
        self.kpis[kpi.index()].estimate
    }

    pub fn is_stable(&self) -> bool {
        self.unstable.is_empty()
    }
}

pub fn summarize(scenario: &Scenario, replications: &[Replication]) -> Summary {
    let over = |value: &dyn Fn(&Replication) -> Option<f64>| estimate(&replications.iter().filter_map(value).collect::<Vec<f64>>());
    let agents: Vec<AgentSummary> = scenario
        .agents
        .iter()
        .enumerate()
        .map(|(i, agent)| AgentSummary {
            agent: agent.name.clone(),
            calls: over(&|r| ratio(r.agents[i].issued as f64 * 3600.0, r.window.as_secs())),
            availability: over(&|r| share(r.agents[i].reached, r.agents[i].issued)),
            error_rate: over(&|r| share(r.agents[i].failed, r.agents[i].issued)),
            response_mean: over(&|r| ratio(r.agents[i].response_sum.as_secs(), r.agents[i].succeeded as f64)),
            quality: over(&|r| ratio(r.agents[i].quality_sum, r.agents[i].succeeded as f64)),
        })
        .collect();
    let servers: Vec<ServerSummary> = scenario
        .servers
        .iter()
        .enumerate()
        .map(|(i, server)| {
            let slots = f64::from(server.slots.value);
            ServerSummary {
                server: server.name.clone(),
                calls: over(&|r| ratio(r.servers[i].accepted as f64 * 3600.0, r.window.as_secs())),
                utilisation: over(&|r| ratio(r.servers[i].busy.as_secs(), slots * r.window.as_secs())),
                offered: over(&|r| {
                    ratio(r.servers[i].offered.as_secs(), slots * r.servers[i].up.saturating_sub(r.servers[i].frozen).as_secs())
                }),
                response_mean: over(&|r| ratio(r.servers[i].response_sum.as_secs(), r.servers[i].succeeded as f64)),
                wait_mean: over(&|r| ratio(r.servers[i].wait_sum.as_secs(), r.servers[i].served as f64)),
                at_risk: over(&|r| share(r.servers[i].at_risk, r.servers[i].succeeded + r.servers[i].errors)),
                error_rate: over(&|r| share(r.servers[i].attempts - r.servers[i].succeeded, r.servers[i].attempts)),
                connected: over(&|r| share(r.servers[i].connects - r.servers[i].connect_failures, r.servers[i].connects)),
                up: over(&|r| ratio(r.servers[i].up.as_secs(), r.window.as_secs())),
            }
        })
        .collect();
    let kpis = Kpi::ALL
        .iter()
        .map(|kpi| KpiSummary { kpi: *kpi, estimate: over(&|r| r.kpis.get(*kpi)), worst_agent: worst_agent(*kpi, &agents) })
        .collect();
    let offered: Vec<f64> = servers.iter().map(|s| s.offered.map_or(0.0, |offered| offered.mean)).collect();
    let that_are = |what: Stability| {
        let is = |i: &usize| stability(scenario, *i, offered[*i], replications) == what;
        (0..servers.len()).filter(is).map(|i| servers[i].server.clone()).collect()
    };
    let (unstable, overloaded) = (that_are(Stability::Unstable), that_are(Stability::Overloaded));
    let short_runs = (0..servers.len()).filter_map(|i| short_run(scenario, i, offered[i], replications)).collect();
    let calls = replications.iter().flat_map(|r| &r.agents).map(|a| a.issued).sum();
    Summary { kpis, agents, servers, calls, replications: replications.len(), unstable, overloaded, short_runs }
}

fn worst_agent(kpi: Kpi, agents: &[AgentSummary]) -> Option<(String, f64)> {
    let of = |agent: &AgentSummary| match kpi {
        Kpi::Availability => agent.availability,
        Kpi::ResponseMean => agent.response_mean,
        Kpi::ErrorRate => agent.error_rate,
        Kpi::Quality => agent.quality,
        _ => None,
    };
    let sign = if kpi.higher_is_better() { 1.0 } else { -1.0 };
    agents
        .iter()
        .filter_map(|agent| of(agent).map(|estimate| (agent.agent.clone(), estimate.mean)))
        .min_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)))
}

fn share(part: u64, whole: u64) -> Option<f64> {
    ratio(part as f64, whole as f64)
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then_some(part / whole)
}
