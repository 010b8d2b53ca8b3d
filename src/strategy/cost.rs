//! What a need can expect of each server, computed, not simulated: error, response and quality of its calls, after retries
//! and fallbacks, without waiting for a slot (which depends on who else is there: see `congestion` and `objective`).
//!
//! Simplifications, all for speed, all judged by the simulation later: attempts at one server fail independently, except that
//! an outage outlives the retries; fallbacks fail independently of the primary; a breaker, the watchdog, queue limits and
//! rate limits are left out (the first two make outages cheaper than said here; the objective counts overload by itself);
//! every need opens its own sessions.

use crate::scenario::{FallbackRule, NeedId, Scenario, Server, ServerId, Target};

/// What one call of a need can expect with this server as its primary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Probability that the call fails on its primary and on all fallbacks.
    pub error: f64,
    /// \[s\] from issue to end, waiting for a slot excluded; calls that fail included, cut off at the cap on a call's life.
    pub response: f64,
    /// Mean quality of what answers.
    pub quality: f64,
    /// Probability that the primary itself answers.
    pub answered_by_primary: f64,
}

/// How often a need calls, and what it can expect where.
#[derive(Debug, Clone, PartialEq)]
pub struct NeedCost {
    /// [calls/s]: the agent's task rate x calls a task x the need's share of the agent's demand.
    pub rate: f64,
    /// The need's share of all calls.
    pub share: f64,
    /// One a server that provides its capability, in service or not (a given mapping may use it), and today's in any case.
    pub options: Vec<(ServerId, Estimate)>,
}

/// One a need.
pub fn costs(scenario: &Scenario) -> Vec<NeedCost> {
    let mut demand = vec![0.0; scenario.agents.len()];
    scenario.needs.iter().for_each(|need| demand[need.agent.index()] += need.demand.value);
    let today = crate::mapping::primaries_of_today(scenario);
    let mut costs: Vec<NeedCost> = scenario
        .need_ids()
        .map(|id| {
            let need = scenario.need(id);
            let workload = &scenario.agent(need.agent).workload;
            let total = demand[need.agent.index()];
            let calls = if total > 0.0 { workload.calls.value * need.demand.value / total } else { 0.0 };
            let rate = workload.tasks.value.per_second() * scenario.load * calls;
            let provides = |server: &ServerId| scenario.quality(Target::Server(*server), need.capability).is_some();
            let mut servers: Vec<ServerId> = scenario.server_ids().filter(provides).collect();
            if !servers.contains(&today[id.index()]) {
                servers.push(today[id.index()]);
            }
            let options = servers.into_iter().map(|server| (server, estimate(scenario, id, server, Frequency { rate, calls }))).collect();
            NeedCost { rate, share: 0.0, options }
        })
        .collect();
    let rate: f64 = costs.iter().map(|c| c.rate).sum();
    if rate > 0.0 {
        costs.iter_mut().for_each(|c| c.share = c.rate / rate);
    }
    costs
}

/// Of a need's calls.
#[derive(Debug, Clone, Copy)]
struct Frequency {
    /// [calls/s]
    rate: f64,
    /// [calls/task]
    calls: f64,
}

/// A call goes to its primary, then down the policy's fallbacks for its capability, each reached with the probability that all
/// before it failed.
fn estimate(scenario: &Scenario, need: NeedId, primary: ServerId, frequency: Frequency) -> Estimate {
    let capability = scenario.need(need).capability;
    let rule = scenario.policy.fallbacks.iter().find(|rule| rule.capability == capability);
    let usable = |target: &&Target| match target {
        Target::Server(id) => *id != primary && scenario.server(*id).in_service,
        Target::StandIn(_) => true,
    };
    let fallbacks = rule.map_or(&[][..], |rule: &FallbackRule| &rule.on_failure).iter().filter(usable).copied();
    let (mut reached, mut response, mut quality, mut answered_by_primary) = (1.0, 0.0, 0.0, 0.0);
    for (position, target) in std::iter::once(Target::Server(primary)).chain(fallbacks).enumerate() {
        let Some(target_quality) = scenario.quality(target, capability) else { continue };
        let visit = match target {
            Target::Server(id) => visit(scenario, scenario.server(id), frequency),
            Target::StandIn(id) => Visit { failure: 0.0, time: scenario.stand_ins[id.index()].time.value.mean() },
        };
        if position == 0 {
            answered_by_primary = 1.0 - visit.failure;
        }
        response += reached * visit.time;
        quality += reached * (1.0 - visit.failure) * target_quality;
        reached *= visit.failure;
    }
    let answered = 1.0 - reached;
    Estimate {
        error: reached,
        response: response.min(scenario.policy.call_life.value.as_secs()),
        quality: if answered > 0.0 { quality / answered } else { 0.0 },
        answered_by_primary,
    }
}

/// All attempts of one call at one target.
#[derive(Debug, Clone, Copy)]
struct Visit {
    /// Probability that none of them succeeds.
    failure: f64,
    /// \[s\] expected until the first success or the last failure, back-off included.
    time: f64,
}

/// With retries r and per-attempt failure q, the visit fails with (1 - up) + up (c q1^(r+1) + (1-c) q0^(r+1)): up is the share of
/// time up, c the share of calls that have to connect first, q1 and q0 the failure with and without connecting.
fn visit(scenario: &Scenario, server: &Server, frequency: Frequency) -> Visit {
    let policy = &scenario.policy;
    // As many as matter: of a hundred attempts in a row none makes a difference to the next.
    let retries = policy.retries.value.min(100);
    let timeout = policy.timeout.value.mean();
    let refused = server.connect.failure.value.get();
    let refused_time = server.connect.failure_time.value.mean().min(timeout);
    let errors = &server.errors;
    let (soft, stall, unanswered) =
        (errors.soft.value.get() + errors.protocol.value.get(), errors.stall.value.get(), errors.unanswered.value.get());
    let wrong = (soft + stall + unanswered).min(1.0);
    let service = (server.serial.value.mean() + server.parallel.value.mean()).min(timeout);
    // Time of an attempt that is accepted and goes wrong, times its probability.
    let wrong_time = soft * service + stall * errors.stall_time.value.as_secs().min(timeout) + unanswered * timeout;

    let connecting = connecting_share(scenario, server, frequency);
    let down = 1.0 - up_share(scenario, server);
    let connected = attempts(scenario, retries, Attempt { failure: wrong, failure_time: ratio(wrong_time, wrong), time: service });
    let failure = refused + (1.0 - refused) * wrong;
    let connect_time = server.connect.time.value.mean();
    let failure_time = ratio(refused * refused_time + (1.0 - refused) * (wrong_time + wrong * connect_time), failure);
    let fresh = attempts(scenario, retries, Attempt { failure, failure_time, time: connect_time + service });
    let out = attempts(scenario, retries, Attempt { failure: 1.0, failure_time: refused_time, time: 0.0 });
    let mix = |of: fn(&Visit) -> f64| down * of(&out) + (1.0 - down) * (connecting * of(&fresh) + (1.0 - connecting) * of(&connected));
    Visit { failure: mix(|v| v.failure), time: mix(|v| v.time) }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    failure: f64,
    failure_time: f64,
    time: f64,
}

/// Retries until one attempt succeeds; before retry k the policy's mean back-off, min(first x factor^(k-1), max) x the mean of its spread.
fn attempts(scenario: &Scenario, retries: u32, attempt: Attempt) -> Visit {
    let backoff = &scenario.policy.backoff;
    let (mut reached, mut time) = (1.0, 0.0);
    for k in 0..=retries {
        if k > 0 {
            let wait = backoff.first.value.as_secs() * backoff.factor.value.powi(k as i32 - 1);
            time += reached * wait.min(backoff.max.value.as_secs()) * backoff.spread.mean();
        }
        time += reached * (attempt.failure * attempt.failure_time + (1.0 - attempt.failure) * attempt.time);
        reached *= attempt.failure;
        // What is left is below any figure that is shown.
        if reached < 1e-12 {
            break;
        }
    }
    Visit { failure: reached, time }
}

/// Share of time in which the server and all that it depends on are up: the product of E[every] / (E[every] + E[lasts]).
fn up_share(scenario: &Scenario, server: &Server) -> f64 {
    if !server.up {
        return 0.0;
    }
    let shared = server.depends_on.iter().map(|id| &scenario.dependencies[id.index()].outages);
    std::iter::once(&server.outages)
        .chain(shared)
        .flatten()
        .map(|outages| {
            let (every, lasts) = (outages.every.value.mean(), outages.lasts.value.mean());
            if every + lasts > 0.0 { every / (every + lasts) } else { 1.0 }
        })
        .product()
}

/// Share of a need's calls that have to connect first. A call connects, with all its retries, with probability 1 - refused^(r+1);
/// so each time a session is needed, 1 / that many calls try. A session is needed once a task (a process a session), or once an
/// outage (a shared process).
fn connecting_share(scenario: &Scenario, server: &Server, frequency: Frequency) -> f64 {
    let connects = 1.0 - server.connect.failure.value.get().powi(scenario.policy.retries.value as i32 + 1);
    if connects <= 0.0 {
        return 1.0;
    }
    let needed_per_call = match server.process {
        crate::scenario::Process::Session => ratio(1.0, frequency.calls),
        crate::scenario::Process::Shared => {
            let shared = server.depends_on.iter().map(|id| &scenario.dependencies[id.index()].outages);
            let outages: f64 = std::iter::once(&server.outages)
                .chain(shared)
                .flatten()
                .map(|o| ratio(1.0, o.every.value.mean() + o.lasts.value.mean()))
                .sum();
            ratio(outages, frequency.rate)
        }
    };
    (needed_per_call / connects).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::super::reference::{constant, ecosystem, exponential, share};
    use super::*;
    use crate::scenario::{Outages, Process};

    fn estimates_of(scenario: &Scenario, capability: &str) -> Vec<(ServerId, Estimate)> {
        let capability = scenario.capability_named(capability);
        let need = scenario.needs.iter().position(|n| Some(n.capability) == capability).unwrap();
        costs(scenario).swap_remove(need).options
    }

    #[test]
    fn shares_add_up_and_rates_are_the_agents() {
        let scenario = ecosystem();
        let costs = costs(&scenario);
        assert!((costs.iter().map(|c| c.share).sum::<f64>() - 1.0).abs() < 1e-12);
        // 116 points of complexity that have needs, x 2 tasks an hour x 6 calls.
        let rate: f64 = costs.iter().map(|c| c.rate).sum();
        assert!((rate - 116.0 * 12.0 / 3600.0).abs() < 1e-12, "{rate}");
    }

    #[test]
    fn a_server_that_never_fails_takes_its_service_time() {
        let mut scenario = ecosystem();
        scenario.servers.iter_mut().for_each(|s| {
            (s.outages, s.errors.soft, s.connect.failure) = (None, share(0.0), share(0.0));
            (s.serial, s.parallel, s.process) = (constant(0.1), exponential(0.2), Process::Shared);
            s.depends_on.clear();
        });
        for (_, estimate) in estimates_of(&scenario, "files") {
            assert_eq!((estimate.error, estimate.quality, estimate.answered_by_primary), (0.0, 1.0, 1.0));
            assert!((estimate.response - 0.3).abs() < 1e-12);
        }
    }

    #[test]
    fn retries_and_outages_add_up() {
        let mut scenario = ecosystem();
        let server = &mut scenario.servers[0];
        (server.outages, server.errors.soft, server.serial, server.parallel) = (None, share(0.2), constant(1.0), constant(0.0));
        scenario.policy.retries.value = 3;
        scenario.policy.backoff.first.value = crate::units::SimTime::ZERO;
        // 1.248 attempts of 1 s, .9984 succeed.
        let (_, estimate) = estimates_of(&scenario, "files")[0];
        assert!((estimate.error - 0.0016).abs() < 1e-12);
        assert!((estimate.response - 1.248).abs() < 1e-12);
        // Down one tenth of the time, which no retry outlives.
        scenario.servers[0].outages = Some(Outages { every: exponential(900.0), lasts: exponential(100.0) });
        let (_, estimate) = estimates_of(&scenario, "files")[0];
        assert!((estimate.error - (0.1 + 0.9 * estimate_error_up())).abs() < 2e-3, "{estimate:?}");

        fn estimate_error_up() -> f64 {
            0.0016
        }
    }

    #[test]
    fn serena_costs_what_its_connections_cost() {
        let scenario = ecosystem();
        let serena = scenario.server_named("serena").unwrap();
        let estimate_on = |scenario: &Scenario| estimates_of(scenario, "symbols").into_iter().find(|(s, _)| *s == serena).unwrap().1;
        let unstable = estimate_on(&scenario);
        let mut down = scenario.clone();
        down.servers[serena.index()].connect.failure = share(1.0);
        let down = estimate_on(&down);
        let mut fixed = scenario.clone();
        fixed.servers[serena.index()].connect.failure = share(0.0);
        let fixed = estimate_on(&fixed);
        assert!(fixed.response < unstable.response && unstable.response < down.response);
        assert_eq!(down.answered_by_primary, 0.0);
        // All of it answered by context7 (0.6) and, where that is out, github (0.4).
        assert!(down.quality < 0.6 && down.quality > 0.58 && down.error < 0.01, "{down:?}");
        assert!(unstable.quality < fixed.quality);
    }
}
