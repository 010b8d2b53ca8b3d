//! Planned load and its balance, by the reference plan's formula.

use crate::scenario::{AgentId, Kpi, Scenario, ServerId};

use super::Mapping;

/// Which servers a balance score is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// All servers in service.
    All,
    /// Those that share a needed capability with another.
    Sharing,
}

impl Over {
    pub fn servers(self, scenario: &Scenario) -> Vec<ServerId> {
        match self {
            Over::All => scenario.server_ids().filter(|id| scenario.server(*id).in_service).collect(),
            Over::Sharing => scenario.sharing(),
        }
    }

    /// The planned balance over these servers.
    pub fn kpi(self) -> Kpi {
        match self {
            Over::All => Kpi::BalancePlannedAll,
            Over::Sharing => Kpi::BalancePlannedSharing,
        }
    }
}

/// Planned load of each server: its weight x the complexities of the agents with at least one need whose primary it is,
/// each agent once. Fallbacks and grants that no need uses do not count.
pub fn planned_loads(scenario: &Scenario, primaries: &[ServerId]) -> Vec<f64> {
    let mut loads = vec![0.0; scenario.servers.len()];
    // Needs stand in order of agents: the last agent counted on a server tells whether this one already is.
    let mut last: Vec<Option<AgentId>> = vec![None; scenario.servers.len()];
    for (need, primary) in scenario.needs.iter().zip(primaries) {
        if last[primary.index()] != Some(need.agent) {
            last[primary.index()] = Some(need.agent);
            loads[primary.index()] += scenario.agent(need.agent).complexity.value;
        }
    }
    loads.iter_mut().zip(&scenario.servers).for_each(|(load, server)| *load *= server.weight.value);
    loads
}

/// 100 x max(0, 1 - sd/mean), population standard deviation. 0 where nothing carries any load.
pub fn balance_score(loads: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = loads.clone().count() as f64;
    let mean = loads.clone().sum::<f64>() / count;
    if count == 0.0 || mean <= 0.0 {
        return 0.0;
    }
    let variance = loads.map(|load| (load - mean).powi(2)).sum::<f64>() / count;
    100.0 * (1.0 - variance.sqrt() / mean).max(0.0)
}

/// Balance score of the planned loads of the needs alone.
pub fn planned_score(scenario: &Scenario, primaries: &[ServerId], over: Over) -> f64 {
    let loads = planned_loads(scenario, primaries);
    balance_score(over.servers(scenario).iter().map(|id| loads[id.index()]))
}

impl Mapping {
    /// Planned loads as a given plan counts them: its extra grants and extra load included.
    pub fn planned_loads_as_written(&self, scenario: &Scenario) -> Vec<f64> {
        let mut loads = planned_loads(scenario, &self.primaries());
        for (agent, server) in &self.extra_grants {
            let counted = scenario.needs_of(*agent).any(|need| self.assignment(need).primary == *server);
            if !counted {
                loads[server.index()] += scenario.server(*server).weight.value * scenario.agent(*agent).complexity.value;
            }
        }
        for extra in &self.extra_load {
            loads[extra.server.index()] += scenario.server(extra.server).weight.value * extra.complexity;
        }
        loads
    }
}
