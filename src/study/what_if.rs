//! What a change of the world does, under the same mapping and on the same randomness: every KPI, the servers, what becomes unstable.

use serde::Serialize;

use crate::judge::{Estimate, Paired, Replication, holm, paired};
use crate::scenario::{Kpi, Scenario};

use super::evaluate::Case;

/// One what-if against the base.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    pub what_if: String,
    /// What was changed, as it was asked for.
    pub changes: String,
    pub kpis: Vec<KpiEffect>,
    /// Those whose utilisation changes, the most changed first.
    pub servers: Vec<ServerEffect>,
    /// Offered more than they can serve here, and not in the base.
    pub unstable: Vec<String>,
    /// The other way round.
    pub stabilised: Vec<String>,
    /// Servers that the what-if adds and nobody calls.
    pub idle: Vec<String>,
    pub met: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KpiEffect {
    pub kpi: Kpi,
    pub base: Option<Estimate>,
    pub what_if: Option<Estimate>,
    /// What-if minus base, paired by replication.
    pub difference: Option<Paired>,
    /// Corrected for the number of KPIs (Holm).
    pub p_corrected: Option<f64>,
    pub significant: bool,
    /// In the what-if, and whether it is met in both; none without a target.
    pub target: Option<f64>,
    pub met_in_base: Option<bool>,
    pub met: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerEffect {
    pub server: String,
    /// Busy time a slot; none in the base for a server that is added.
    pub base: Option<Estimate>,
    pub what_if: Option<Estimate>,
    pub difference: Option<Paired>,
}

/// What a planned score, a computed number, may differ by rounding.
const ROUNDING: f64 = 1e-9;

/// `base` and `case` hold the replications of the same runs; `world` is the what-if's scenario.
pub fn effect(scenario: &Scenario, base: &Case, world: &Scenario, case: &Case, changes: &str) -> Effect {
    let servers = server_effects(scenario, base, world, case);
    let known = |name: &String, of: &Case| of.summary.unstable.contains(name);
    let is_idle = |i: usize| case.replications.iter().all(|r| r.servers[i].attempts == 0);
    Effect {
        what_if: case.what_if.clone().unwrap_or_default(),
        changes: changes.to_owned(),
        kpis: kpi_effects(base, case),
        unstable: case.summary.unstable.iter().filter(|name| !known(name, base)).cloned().collect(),
        stabilised: base.summary.unstable.iter().filter(|name| !known(name, case)).cloned().collect(),
        idle: (scenario.servers.len()..world.servers.len()).filter(|i| is_idle(*i)).map(|i| world.servers[i].name.clone()).collect(),
        met: case.judged.met(),
        servers,
    }
}

fn kpi_effects(base: &Case, case: &Case) -> Vec<KpiEffect> {
    let values = |kpi: Kpi, of: &Case| -> Vec<Option<f64>> { of.replications.iter().map(|r| r.kpis.get(kpi)).collect() };
    let mut effects: Vec<KpiEffect> = Kpi::ALL
        .into_iter()
        .map(|kpi| {
            let result = |of: &Case| of.judged.results.iter().find(|r| r.kpi == kpi).cloned();
            KpiEffect {
                kpi,
                base: base.summary.kpi(kpi),
                what_if: case.summary.kpi(kpi),
                difference: paired(&values(kpi, case), &values(kpi, base)),
                p_corrected: None,
                significant: false,
                target: result(case).map(|r| r.target),
                met_in_base: result(base).map(|r| r.met),
                met: result(case).map(|r| r.met),
            }
        })
        .filter(|effect| effect.base.is_some() || effect.what_if.is_some())
        .collect();
    let drawn: Vec<(usize, f64)> = effects
        .iter()
        .enumerate()
        .filter(|(_, effect)| !effect.kpi.is_planned())
        .filter_map(|(i, effect)| Some((i, effect.difference?.p)))
        .collect();
    for ((i, _), p) in drawn.iter().zip(holm(&drawn.iter().map(|(_, p)| *p).collect::<Vec<f64>>())) {
        effects[*i].p_corrected = Some(p);
        effects[*i].significant = p < 0.05;
    }
    // A planned score has no luck in it: what differs, differs.
    for effect in effects.iter_mut().filter(|effect| effect.kpi.is_planned()) {
        effect.significant = effect.difference.is_some_and(|d| d.difference.abs() > ROUNDING);
    }
    effects
}

fn server_effects(scenario: &Scenario, base: &Case, world: &Scenario, case: &Case) -> Vec<ServerEffect> {
    let utilisation = |world: &Scenario, i: usize, replications: &[Replication]| -> Vec<Option<f64>> {
        let slots = f64::from(world.servers[i].slots.value);
        replications.iter().map(|r| Some(r.servers[i].busy.as_secs() / (slots * r.window.as_secs())).filter(|u| u.is_finite())).collect()
    };
    let mut effects: Vec<ServerEffect> = (0..world.servers.len())
        .map(|i| {
            let ours = utilisation(world, i, &case.replications);
            // An added server was never busy in the base.
            let theirs =
                if i < scenario.servers.len() { utilisation(scenario, i, &base.replications) } else { vec![Some(0.0); ours.len()] };
            ServerEffect {
                server: world.servers[i].name.clone(),
                base: base.summary.servers.get(i).and_then(|s| s.utilisation),
                what_if: case.summary.servers[i].utilisation,
                difference: paired(&ours, &theirs),
            }
        })
        .filter(|effect| effect.difference.is_some_and(|d| d.difference != 0.0))
        .collect();
    let size = |effect: &ServerEffect| effect.difference.map_or(0.0, |d| d.difference.abs());
    effects.sort_by(|a, b| size(b).total_cmp(&size(a)));
    effects
}
