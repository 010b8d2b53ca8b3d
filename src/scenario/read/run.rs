//! How long a run is, on which host, and that it ends.

use super::at_least_once;
use super::figure::{Quantity, optional, required, word};
use super::retries::most_retries;
use crate::distribution::Distribution;
use crate::scenario::document::{Entry, Fields, Node, Problems, Value};
use crate::scenario::words::{TERMS, word_for};
use crate::scenario::{Agent, Arrivals, Figure, Host, Limits, Outages, RunSettings, Scenario, Slowdown, Term, defaults};
use crate::units::{Bytes, Probability, SimTime};

/// What keeps a mistaken scenario from running for years, or from taking all memory.
const MOST_CALLS: f64 = 1e9;
const MOST_RETRIES: f64 = 1e8;
const MOST_PERIODS: f64 = 1e9;
const MOST_USERS: f64 = 1e7;

pub(super) fn read_run(entry: &Entry, problems: &mut Problems) -> RunSettings {
    let mut run = defaults::run();
    let Some(mut fields) = Fields::of(&entry.node, "`run`", &entry.key_span, problems) else { return run };
    let horizon = fields.take("horizon");
    if let Some(entry) = horizon {
        match SimTime::read(&entry.node, "`horizon`", problems) {
            Some(SimTime::ZERO) => {
                let hint = "tasks start from 0s to `horizon`".to_owned();
                problems.error(&entry.node.span, "`horizon` has to be longer than 0s", "", hint);
            }
            Some(stated) => run.horizon = stated,
            None => {}
        }
    }
    if let Some(entry) = fields.take("warmup") {
        run.warmup = SimTime::read(&entry.node, "`warmup`", problems);
        if let Some(warmup) = run.warmup.filter(|warmup| *warmup >= run.horizon) {
            let default = if horizon.is_some() { "" } else { ", the default" };
            let message = format!("the warm-up of {warmup} leaves nothing of the horizon of {}{default}", run.horizon);
            let hint = "calls are counted from `warmup` to `horizon`: make it shorter".to_owned();
            problems.error(&entry.node.span, message, "", hint);
        }
    }
    if let Some(entry) = fields.take("replications")
        && let Some(count) = u32::read(&entry.node, "`replications`", problems)
    {
        if !(2..=100_000).contains(&count) {
            let hint = "an interval needs at least two replications".to_owned();
            problems.error(&entry.node.span, "`replications` has to be from 2 to 100000", "", hint);
        }
        run.replications = count;
    }
    if let Some(entry) = fields.take("seed") {
        match entry.node.value {
            Value::Integer(seed) if seed >= 0 => run.seed = u64::try_from(seed).unwrap_or(run.seed),
            _ => entry.node.wrong_type("`seed`", "a whole number, 0 or more", problems),
        }
    }
    fields.finish(problems);
    run
}

pub(super) fn read_host(entry: &Entry, problems: &mut Problems) -> Host {
    let mut host = defaults::host();
    let Some(mut fields) = Fields::of(&entry.node, "`host`", &entry.key_span, problems) else { return host };
    host.memory = optional(&mut fields, "memory", |bytes: &Bytes| (bytes.0 == 0).then_some("more than 0B"), problems);
    if let Some(slowdown) = fields.take("slowdown") {
        host.slowdown = read_slowdown(slowdown, problems);
        if entry.node.get("memory").is_none() {
            let hint = "state how much there is, as in memory = \"8GiB\"".to_owned();
            problems.missing(&slowdown.key_span, "a slow-down by the host's memory, which is not stated", "", hint);
        }
    }
    fields.finish(problems);
    host
}

pub(super) fn read_limits(entry: &Entry, problems: &mut Problems) -> Limits {
    let mut limits = Limits::default();
    let Some(mut fields) = Fields::of(&entry.node, "`limits`", &entry.key_span, problems) else { return limits };
    let mut count = |name: &'static str| fields.take(name).and_then(|entry| u32::read(&entry.node, &format!("`{name}`"), problems));
    limits.changes = count("changes");
    limits.tool_tokens = count("tool_tokens").map(u64::from);
    if let Some(entry) = fields.take("servers_per_agent") {
        limits.servers_per_agent = u32::read(&entry.node, "`servers_per_agent`", problems);
        if limits.servers_per_agent == Some(0) {
            let hint = "an agent that is granted no server can call nothing".to_owned();
            problems.error(&entry.node.span, "`servers_per_agent` has to be at least 1", "", hint);
        }
    }
    if let Some(entry) = fields.take("separate_domains") {
        match entry.node.value {
            Value::Flag(stated) => limits.separate_domains = stated,
            _ => entry.node.wrong_type("`separate_domains`", "true or false", problems),
        }
    }
    fields.finish(problems);
    limits
}

/// None where it states no priorities.
pub(super) fn read_objective(entry: &Entry, problems: &mut Problems) -> Option<Vec<Term>> {
    let mut fields = Fields::of(&entry.node, "`objective`", &entry.key_span, problems)?;
    let priorities = fields.take("priorities").and_then(|entry| read_priorities(&entry.node, problems));
    fields.finish(problems);
    priorities
}

fn read_priorities(node: &Node, problems: &mut Problems) -> Option<Vec<Term>> {
    let items = node.list("`priorities`", problems)?;
    if items.is_empty() {
        let hint = "as in [\"response\", \"error\"]; without `priorities` these two count alike".to_owned();
        problems.error(&node.span, "`priorities` names no term of the objective", "", hint);
    }
    let mut priorities = Vec::new();
    for item in items {
        if matches!(&item.value, Value::Text(text) if text == "kpis") {
            problems.error(&item.span, "the planned KPIs always come first", "", "leave `kpis` out".to_owned());
            continue;
        }
        let Some(term) = word(item, "a term in `priorities`", "term", &TERMS, problems) else { continue };
        if priorities.contains(&term) {
            let message = format!("`priorities` names `{}` twice", word_for(&TERMS, &term));
            problems.error(&item.span, message, "", "a term stands once, where it matters most".to_owned());
        } else {
            priorities.push(term);
        }
    }
    Some(priorities)
}

fn read_slowdown(entry: &Entry, problems: &mut Problems) -> Option<Slowdown> {
    const HINT: &str = "as in { above = \"80%\", factor = 3 }";
    // At 100 % there would be nothing left to grow over.
    let leaves_room = |above: &Probability| (above.get() >= 1.0).then_some("below 100%");
    let mut fields = Fields::of(&entry.node, "`slowdown`", &entry.key_span, problems)?;
    let above = required(&mut fields, "above", HINT, leaves_room, problems);
    let factor = required(&mut fields, "factor", HINT, at_least_once, problems);
    fields.finish(problems);
    Some(Slowdown { above: above?, factor: factor? })
}

/// A run has to end some day.
pub(super) fn check_size(scenario: &Scenario, root: &Node, problems: &mut Problems) {
    let span = |table: &str| root.get(table).map_or(0..0, |entry| entry.key_span.clone());
    let of_agents: Vec<f64> = scenario.agents.iter().map(|agent| most_tasks(agent, scenario) * agent.workload.calls.value).collect();
    let calls: f64 = of_agents.iter().sum();
    let retries = most_retries(scenario, &of_agents);
    if calls > MOST_CALLS {
        let hint = "lower the agents' tasks or calls, or shorten the horizon".to_owned();
        let message = format!("one replication would make {calls:.1e} calls: at most {MOST_CALLS:.0e} are simulated");
        problems.error(&span("agents"), message, "", hint);
    } else if retries > MOST_RETRIES.max(10.0 * calls) {
        let message = format!(
            "one replication of {calls:.1e} calls would make {retries:.1e} retries: at most {MOST_RETRIES:.0e}, or ten a call, are simulated"
        );
        let hint = "allow fewer `retries`, lengthen `backoff`, shorten `call_life`, or lower the agents' tasks".to_owned();
        problems.error(&span("policy"), message, "", hint);
    }
    let users: f64 = scenario.agents.iter().map(|agent| users(agent).unwrap_or(0.0)).sum();
    if users > MOST_USERS {
        let message = format!("the agents' closed loops have {users:.1e} users: at most {MOST_USERS:.0e} are simulated");
        problems.error(&span("agents"), message, "", None);
    }
    let periods = periods(scenario);
    if periods > MOST_PERIODS {
        let message = format!(
            "one replication would have {periods:.1e} outages, freezes, slow and busy periods: at most {MOST_PERIODS:.0e} are simulated"
        );
        problems.error(
            &span("run"),
            message,
            "",
            "let them come less often, or shorten the horizon or `call_life`: servers run until the last call's life is over".to_owned(),
        );
    }
}

/// An upper bound of an agent's mean number of tasks in one replication.
fn most_tasks(agent: &Agent, scenario: &Scenario) -> f64 {
    let workload = &agent.workload;
    let horizon = scenario.run.horizon.as_secs();
    let rate = workload.tasks.value.per_second() * scenario.load;
    match &workload.arrivals {
        Arrivals::Poisson => rate * in_own_time(&workload.profile, horizon),
        Arrivals::Renewal { cv } if rate > 0.0 => rate * in_own_time(&workload.profile, horizon) + cv.value * cv.value,
        Arrivals::Renewal { .. } => 0.0,
        // On at first: what comes in `on` would come in the whole cycle if it were spread evenly.
        Arrivals::OnOff { on, off } => {
            let cycle = on.value.mean() + off.value.mean();
            let begun = most_cycles(&on.value, &off.value, horizon);
            rate * (horizon * cycle / on.value.mean().max(0.001)).min(begun * cycle)
        }
        Arrivals::Closed { users, pause } => f64::from(users.value) * most_cycles(&pause.value, &Distribution::ZERO, horizon),
    }
}

/// The horizon in \[s\] of a time that runs at the profile's rates, 1 on average.
fn in_own_time(profile: &[f64], horizon: f64) -> f64 {
    const DAY: f64 = 24.0 * 3600.0;
    let part = DAY / profile.len().max(1) as f64;
    let sum: f64 = profile.iter().sum();
    if sum <= 0.0 {
        return horizon;
    }
    let whole_days = (horizon / DAY).floor() * DAY;
    let rest = horizon - whole_days;
    let of_rest = profile.iter().enumerate().map(|(i, rate)| rate * (rest - i as f64 * part).clamp(0.0, part)).sum::<f64>();
    whole_days + of_rest * profile.len() as f64 / sum
}

/// An upper bound of the mean number of cycles, each of these two one after the other, that begin within the horizon: Lorden (1970), "On
/// excess over the boundary", bounds the mean excess of a renewal process by E X^2 / E X.
fn most_cycles(first: &Distribution, second: &Distribution, horizon: f64) -> f64 {
    let variance = |time: &Distribution| time.scv() * time.mean().powi(2);
    let mean = (first.mean() + second.mean()).max(0.001);
    1.0 + horizon / mean + (variance(first) + variance(second)) / (mean * mean)
}

fn users(agent: &Agent) -> Option<f64> {
    match &agent.workload.arrivals {
        Arrivals::Closed { users, .. } => Some(f64::from(users.value)),
        Arrivals::Poisson | Arrivals::Renewal { .. } | Arrivals::OnOff { .. } => None,
    }
}

/// What comes and goes in one replication, whatever the load: at the servers until the last call's life is over.
fn periods(scenario: &Scenario) -> f64 {
    let horizon = scenario.run.horizon.as_secs();
    let end = horizon + scenario.policy.call_life.value.as_secs();
    let cycles = |a: &Figure<Distribution>, b: &Figure<Distribution>| most_cycles(&a.value, &b.value, end);
    let outages = |outages: &Option<Outages>| outages.as_ref().map_or(0.0, |outages| cycles(&outages.every, &outages.lasts));
    let of_dependencies = scenario.dependencies.iter().map(|dependency| outages(&dependency.outages));
    let of_servers = scenario.servers.iter().map(|server| {
        let slow = server.slow.as_ref().map_or(0.0, |slow| cycles(&slow.every, &slow.lasts));
        outages(&server.outages) + outages(&server.freezes) + slow
    });
    let of_agents = scenario.agents.iter().map(|agent| match &agent.workload.arrivals {
        Arrivals::OnOff { on, off } => most_cycles(&on.value, &off.value, horizon),
        Arrivals::Poisson | Arrivals::Renewal { .. } | Arrivals::Closed { .. } => 0.0,
    });
    of_dependencies.chain(of_servers).chain(of_agents).sum()
}
