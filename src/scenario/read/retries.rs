//! How many retries a replication may make: what a mistaken scenario may multiply its calls by.

use crate::distribution::Distribution;
use crate::scenario::{CallPolicy, Outages, Scenario, Server, Target, UNLIMITED};

/// Mean number of retries in one replication, where each agent makes so many calls: an estimate from above, under whatever mapping. An
/// attempt fails as often as its server says; always where the server is down, serves longer than clients wait, or may turn calls away
/// and would be offered more than it can serve if all that it can do came to it.
pub(super) fn most_retries(scenario: &Scenario, calls: &[f64]) -> f64 {
    let mut of_capability = vec![0.0; scenario.capabilities.len()];
    for agent in scenario.agent_ids() {
        let demand = |need| scenario.need(need).demand.value;
        let whole: f64 = scenario.needs_of(agent).map(demand).sum();
        for need in scenario.needs_of(agent).filter(|need| demand(*need) > 0.0) {
            of_capability[scenario.need(need).capability.index()] += calls[agent.index()] * demand(need) / whole;
        }
    }
    let horizon = scenario.run.horizon.as_secs();
    let of_server: Vec<f64> = scenario
        .servers
        .iter()
        .map(|server| {
            let all: f64 = server.provides.iter().map(|provision| of_capability[provision.capability.index()]).sum();
            retries_of_a_call(&scenario.policy, server, all / horizon)
        })
        .collect();
    let most = |capability: usize| {
        let provides = |server: &Server| server.provides.iter().any(|provision| provision.capability.index() == capability);
        let first =
            scenario.servers.iter().zip(&of_server).filter(|(server, _)| provides(server)).map(|(_, most)| *most).fold(0.0, f64::max);
        let rules = scenario.policy.fallbacks.iter().filter(|rule| rule.capability.index() == capability);
        let others = rules.flat_map(|rule| rule.on_failure.iter().chain(&rule.on_overload));
        first + others.map(|target| if let Target::Server(server) = target { of_server[server.index()] } else { 0.0 }).sum::<f64>()
    };
    of_capability.iter().enumerate().filter(|(_, calls)| **calls > 0.0).map(|(capability, calls)| calls * most(capability)).sum()
}

/// Of a call that goes to the server, where `rate` calls a second may come.
fn retries_of_a_call(policy: &CallPolicy, server: &Server, rate: f64) -> f64 {
    let (serial, parallel) = (server.serial.value.mean(), server.parallel.value.mean());
    let is_bounded = server.queue.is_some() || server.memory_per_call.value.0 > 0;
    let limit = server.rate_limit.as_ref().map_or(f64::INFINITY, |limit| limit.rate.value.per_second());
    let is_overloaded = (is_bounded && rate * serial >= f64::from(server.slots.value)) || rate >= limit;
    let patience = policy.timeout.value.mean();
    let errors = &server.errors;
    let wrong = [&errors.soft, &errors.protocol, &errors.stall, &errors.unanswered, &errors.connection, &server.connect.failure];
    // One attempt fails so often, and takes so long.
    let (fails, takes): (f64, f64) = match () {
        () if !server.up => (1.0, server.connect.failure_time.value.mean()),
        () if serial + parallel > patience => (1.0, patience),
        () if is_overloaded => (1.0, 0.0),
        () => (wrong.iter().map(|share| share.value.get()).sum::<f64>().min(1.0), serial + parallel),
    };
    let life = policy.call_life.value.as_secs();
    let room = room(policy, takes, life);
    let usual = if fails < 1.0 { fails * (1.0 - fails.powf(room)) / (1.0 - fails) } else { room };
    let in_outages = |outages: &Outages| {
        let (up, down) = (outages.every.value.mean(), outages.lasts.value.mean());
        let meets = down / (up + down).max(0.001);
        meets * self::room(policy, server.connect.failure_time.value.mean(), life.min(still_lasts(&outages.lasts.value)))
    };
    usual + server.outages.as_ref().map_or(0.0, in_outages)
}

/// Mean time that an outage still lasts for who comes upon it: the renewal theory's E X^2 / (2 E X).
fn still_lasts(time: &Distribution) -> f64 {
    time.mean() * (1.0 + time.scv()) / 2.0
}

/// Retries that there is room for within such a time, where each attempt takes so long.
fn room(policy: &CallPolicy, takes: f64, time: f64) -> f64 {
    /// Back-offs grow to their longest in few steps, or hardly at all.
    const STEPS: u32 = 1000;
    let allowed = if policy.retries.value == UNLIMITED { f64::INFINITY } else { f64::from(policy.retries.value) };
    let (longest, spread) = (policy.backoff.max.value.as_secs(), policy.backoff.spread.mean());
    let (mut wait, mut left, mut count) = (policy.backoff.first.value.as_secs().min(longest), time, 0.0);
    for _ in 0..STEPS {
        let gap = wait * spread + takes;
        if count >= allowed || left < gap {
            return count;
        }
        (left, count) = (left - gap, count + 1.0);
        wait = (wait * policy.backoff.factor.value).min(longest);
    }
    (count + left / (wait * spread + takes)).min(allowed)
}
