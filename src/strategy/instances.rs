//! Small random scenarios for the tests: pins, capacities, rate limits, memory and balance targets at random.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::random::Key;
use crate::scenario::*;
use crate::units::{Bytes, Rate};

use super::reference::{empty_scenario, exponential, plain_agent, plain_server, share};

/// The same for the same number. At most a few thousand mappings.
pub fn small(number: u64) -> Scenario {
    let mut draw = draws(Key::new(number).named("small instance"));
    let mut scenario = empty_scenario(&format!("small-{number}"));
    let (capabilities, servers, agents) = (draw.random_range(1..=3), draw.random_range(2..=4), draw.random_range(2..=5));
    scenario.capabilities = (0..capabilities).map(|c| format!("capability-{c}")).collect();
    for j in 0..servers {
        let mut server = plain_server(&format!("server-{j}"));
        server.weight = Figure::stated(f64::from(draw.random_range(5..=15)) / 10.0);
        server.slots = Figure::stated(draw.random_range(1..=3));
        server.serial = exponential(draw.random_range(0.1..8.0));
        server.parallel = exponential(draw.random_range(0.0..2.0));
        server.errors.soft = share(draw.random_range(0.0..0.2));
        server.connect.failure = share(if draw.random_bool(0.3) { draw.random_range(0.0..1.0) } else { 0.0 });
        server.process = if draw.random_bool(0.3) { Process::Session } else { Process::Shared };
        server.memory = Figure::stated(Bytes(draw.random_range(10..300) << 20));
        if draw.random_bool(0.3) {
            server.outages = Some(Outages { every: exponential(7200.0), lasts: exponential(draw.random_range(0.0..3600.0)) });
        }
        if draw.random_bool(0.2) {
            server.rate_limit = Some(RateLimit {
                rate: Figure::stated(Rate::per_hour(draw.random_range(50.0..500.0))),
                burst: Figure::stated(5),
                retry_after: false,
            });
        }
        for c in 0..capabilities {
            // Server 0 provides everything, so that every capability has a provider.
            if j == 0 || draw.random_bool(0.5) {
                let quality = share(f64::from(draw.random_range(3..=10)) / 10.0);
                server.provides.push(Provision::new(CapabilityId::from(c), quality));
            }
        }
        scenario.servers.push(server);
    }
    for a in 0..agents {
        scenario.agents.push(plain_agent(&format!("agent-{a}"), f64::from(draw.random_range(1..=10))));
        for c in 0..capabilities {
            let capability = CapabilityId::from(c);
            if draw.random_bool(0.6) {
                let providers = scenario.providers(capability);
                let current = draw.random_bool(0.9).then(|| providers[draw.random_range(0..providers.len())]);
                let demand = Figure::stated(f64::from(draw.random_range(1..=4)));
                scenario.needs.push(Need { agent: AgentId::from(a), capability, demand, current, pinned: draw.random_bool(0.15) });
            }
        }
    }
    scenario.load = draw.random_range(0.2..2.0);
    if draw.random_bool(0.4) {
        scenario.host.memory = Some(Figure::stated(Bytes(draw.random_range(50..900) << 20)));
    }
    if draw.random_bool(0.7) {
        let kpi = if draw.random_bool(0.5) { Kpi::BalancePlannedAll } else { Kpi::BalancePlannedSharing };
        scenario.kpis.push(KpiTarget { kpi, bound: Figure::stated(f64::from(draw.random_range(30..=95))) });
    }
    if let Some(name) = scenario.capabilities.first() {
        let capability = scenario.capability_named(name).expect("it is there");
        scenario.policy.fallbacks.push(FallbackRule { capability, on_failure: vec![Target::Server(ServerId(0))], on_overload: Vec::new() });
    }
    // After all else: so these change none of the draws above.
    if number % 5 == 1 {
        let limit = Figure::stated(draw.random_range(1..=3));
        scenario.servers[0].safe_concurrency = Some(SafeConcurrency { limit, beyond: Beyond::Lost });
    }
    scenario.limits.changes = (number % 4 == 2).then(|| draw.random_range(1..=4));
    scenario.limits.servers_per_agent = (number % 7 == 3).then(|| draw.random_range(1..=3));
    scenario.limits.tool_tokens = (number % 6 == 5).then(|| draw.random_range(1_000..=6_000));
    if number % 6 == 5 {
        scenario.servers.iter_mut().for_each(|server| server.tokens = Figure::stated(draw.random_range(200..=2_500)));
    }
    if number % 3 == 1 {
        let mut left = Term::ALL.to_vec();
        let listed = draw.random_range(1..=left.len());
        scenario.priorities = Some((0..listed).map(|_| left.swap_remove(draw.random_range(0..left.len()))).collect());
    }
    scenario
}

/// An organisation: so many agents with one to five needs each, so many servers, three to six a capability.
pub fn large(agents: usize, servers: usize) -> Scenario {
    let mut draw = draws(Key::new(7).named("large instance"));
    let mut scenario = empty_scenario(&format!("large-{agents}x{servers}"));
    let capabilities = (servers / 3).max(1);
    scenario.capabilities = (0..capabilities).map(|c| format!("capability-{c:03}")).collect();
    for j in 0..servers {
        let mut server = plain_server(&format!("server-{j}"));
        server.weight = Figure::stated(f64::from(draw.random_range(5..=15)) / 10.0);
        server.slots = Figure::stated(4);
        server.serial = exponential(draw.random_range(0.1..1.0));
        server.parallel = exponential(draw.random_range(0.0..1.0));
        server.errors.soft = share(draw.random_range(0.0..0.1));
        for c in 0..capabilities {
            if j % capabilities == c || draw.random_bool(0.05) {
                let quality = share(f64::from(draw.random_range(5..=10)) / 10.0);
                server.provides.push(Provision::new(CapabilityId::from(c), quality));
            }
        }
        scenario.servers.push(server);
    }
    for a in 0..agents {
        scenario.agents.push(plain_agent(&format!("agent-{a}"), f64::from(draw.random_range(1..=10))));
        let mut wanted: Vec<usize> = (0..draw.random_range(1..=5)).map(|_| draw.random_range(0..capabilities)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        for c in wanted {
            let capability = CapabilityId::from(c);
            let current = scenario.providers(capability).first().copied();
            scenario.needs.push(Need {
                agent: AgentId::from(a),
                capability,
                demand: Figure::stated(1.0),
                current,
                pinned: draw.random_bool(0.1),
            });
        }
    }
    scenario.kpis.push(KpiTarget { kpi: Kpi::BalancePlannedSharing, bound: Figure::stated(70.0) });
    scenario
}

/// The instances are drawn by a generator of their own, so that they stay what they are whatever the engine draws with.
fn draws(key: Key) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(key.number())
}
