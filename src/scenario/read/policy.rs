//! What clients do with their calls, what the watchdog does, and what is aimed at.

use super::figure::{any, figure, figure_by, optional, or};
use super::server::{Providers, required, time};
use super::{Names, at_least_one, positive_time};
use crate::distribution::Distribution;
use crate::scenario::document::{Entry, Fields, Node, Problems, named, short};
use crate::scenario::read::figure::Quantity;
use crate::scenario::{
    AlertRules, Backoff, Breaker, CallPolicy, CapabilityId, FallbackRule, Figure, Kpi, KpiTarget, KpiUnit, RecoveryPolicy, ServerId,
    Spread, StandInId, Target, defaults,
};
use crate::units::{Probability, SimTime};

pub(super) fn read_policy(entry: Option<&Entry>, names: &Names, providers: &Providers, problems: &mut Problems) -> CallPolicy {
    let mut policy = defaults::policy();
    let Some(entry) = entry else { return policy };
    let Some(mut fields) = Fields::of(&entry.node, "`policy`", &entry.key_span, problems) else { return policy };
    policy.timeout = or(&mut fields, "timeout", policy.timeout, above_zero, problems);
    policy.call_life = time(&mut fields, "call_life", policy.call_life, problems);
    if policy.call_life.value.as_secs() < policy.timeout.value.mean() {
        let at = |key| entry.node.get(key).map(|entry| &entry.node.span);
        let span = at("call_life").or(at("timeout")).unwrap_or(&entry.key_span);
        let message = format!(
            "a call's life of {} ends before its time-out of {}",
            policy.call_life.value,
            SimTime::from_secs(policy.timeout.value.mean())
        );
        problems.error(span, message, "", "`call_life` caps all attempts together: make it longer than one".to_owned());
    }
    let few = |count: &u32| (*count > 100).then_some("at most 100");
    policy.retries = or(&mut fields, "retries", policy.retries, few, problems);
    if let Some(entry) = fields.take("backoff") {
        policy.backoff = read_backoff(entry, problems);
    }
    policy.breaker = fields.take("breaker").and_then(|entry| read_breaker(entry, problems));
    if let Some(entry) = fields.take("fallbacks") {
        let rules = named(&entry.node, "`fallbacks`", problems);
        policy.fallbacks = rules.iter().filter_map(|entry| read_fallback(entry, names, providers, problems)).collect();
    }
    fields.finish(problems);
    policy
}

/// So that time goes on.
fn above_zero(time: &Distribution) -> Option<&'static str> {
    (time.mean() <= 0.0).then_some("longer than 0s")
}

fn read_backoff(entry: &Entry, problems: &mut Problems) -> Backoff {
    let usual = defaults::backoff();
    let Some(mut fields) = Fields::of(&entry.node, "`backoff`", &entry.key_span, problems) else { return usual };
    let grows = |factor: &f64| (!(1.0..=1e6).contains(factor)).then_some("at least 1");
    let backoff = Backoff {
        first: or(&mut fields, "first", usual.first, any, problems),
        factor: or(&mut fields, "factor", usual.factor, grows, problems),
        max: or(&mut fields, "max", usual.max, any, problems),
        spread: optional(&mut fields, "jitter", any, problems).map_or(usual.spread, Spread::Jitter),
    };
    fields.finish(problems);
    backoff
}

fn read_breaker(entry: &Entry, problems: &mut Problems) -> Option<Breaker> {
    const HINT: &str = "as in { failures = 5, cool_down = \"60s\" }";
    let mut fields = Fields::of(&entry.node, "`breaker`", &entry.key_span, problems)?;
    let failures = required(&mut fields, "failures", HINT, at_least_one, problems);
    let cool_down = required(&mut fields, "cool_down", HINT, any, problems);
    fields.finish(problems);
    Some(Breaker { failures: failures?, cool_down: cool_down? })
}

fn read_fallback(entry: &Entry, names: &Names, providers: &Providers, problems: &mut Problems) -> Option<FallbackRule> {
    let Some(capability) = names.capabilities.get(&entry.key).map(CapabilityId::from) else {
        problems.unknown("capability", &entry.key, &entry.key_span, names.capabilities.names.iter().copied());
        return None;
    };
    let mut rule = FallbackRule { capability, on_failure: Vec::new(), on_overload: Vec::new() };
    if entry.node.entries().is_none() {
        rule.on_failure = read_targets(&entry.node, capability, names, providers, problems);
        return Some(rule);
    }
    let mut fields = Fields::of(&entry.node, format!("the fallbacks of `{}`", short(&entry.key)), &entry.key_span, problems)?;
    let mut targets = |key| fields.take(key).map(|e| read_targets(&e.node, capability, names, providers, problems)).unwrap_or_default();
    rule.on_failure = targets("on_failure");
    rule.on_overload = targets("on_overload");
    fields.finish(problems);
    Some(rule)
}

/// Servers and stand-ins that provide a capability, each once.
fn read_targets(node: &Node, capability: CapabilityId, names: &Names, providers: &Providers, problems: &mut Problems) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for item in node.list("fallbacks", problems).unwrap_or_default() {
        let Some(name) = item.text("a fallback", problems) else { continue };
        let server = names.servers.get(name).map(|id| Target::Server(ServerId::from(id)));
        let stand_in = names.stand_ins.get(name).map(|id| Target::StandIn(StandInId::from(id)));
        let Some(target) = server.or(stand_in) else {
            problems.unknown("server or stand-in", name, &item.span, names.servers.names.iter().chain(&names.stand_ins.names).copied());
            continue;
        };
        if targets.contains(&target) {
            problems.error(&item.span, format!("`{}` is named twice", short(name)), "", None);
        } else if !providers.provides(target, capability) {
            let hint = providers.list(capability, names);
            let capability = short(names.capabilities.names[capability.index()]);
            problems.missing(&item.span, format!("`{}` does not provide `{capability}`", short(name)), "", hint);
        } else {
            targets.push(target);
        }
    }
    targets
}

pub(super) fn read_recovery(entry: &Entry, problems: &mut Problems) -> Option<RecoveryPolicy> {
    const HINT: &str = "as in every = \"300s\" (between health checks) and success = 0.9 (of one restart)";
    let mut fields = Fields::of(&entry.node, "`recovery`", &entry.key_span, problems)?;
    let seconds = |count: u64| Figure::stated(SimTime::from_millis(count * 1000));
    let few = |count: &u32| (*count > 1000).then_some("at most 1000");
    let every = required(&mut fields, "every", HINT, positive_time, problems);
    let timeout = or(&mut fields, "timeout", seconds(10), any, problems);
    let tries = or(&mut fields, "tries", Figure::stated(3), few, problems);
    let backoff = or(&mut fields, "backoff", seconds(2), any, problems);
    let limit = or(&mut fields, "limit", seconds(30), positive_time, problems);
    let success = required(&mut fields, "success", HINT, any, problems);
    fields.finish(problems);
    Some(RecoveryPolicy { every: every?, timeout, tries, backoff, limit, success: success? })
}

pub(super) fn read_kpis(entries: &[Entry], memory_is_limited: bool, problems: &mut Problems) -> Vec<KpiTarget> {
    entries.iter().filter_map(|entry| read_kpi(entry, memory_is_limited, problems)).collect()
}

fn read_kpi(entry: &Entry, memory_is_limited: bool, problems: &mut Problems) -> Option<KpiTarget> {
    let Some(kpi) = Kpi::ALL.into_iter().find(|kpi| kpi.key() == entry.key) else {
        problems.unknown("KPI", &entry.key, &entry.key_span, Kpi::ALL.map(Kpi::key));
        return None;
    };
    if kpi == Kpi::Memory && !memory_is_limited {
        needs_memory(entry, problems);
    }
    let (key, wrong, better) = if kpi.higher_is_better() { ("min", "max", "higher") } else { ("max", "min", "lower") };
    let example = match kpi.unit() {
        KpiUnit::Share => "\"90%\"",
        KpiUnit::Time => "\"3s\"",
        KpiUnit::Score => "70",
    };
    let hint = format!("`{}` is better when it is {better}: write {{ {key} = {example} }}", entry.key);
    if entry.node.entries().is_none() {
        problems.error(&entry.node.span, format!("KPI `{}` needs a bound", entry.key), "", hint);
        return None;
    }
    let mut fields = Fields::of(&entry.node, format!("KPI `{}`", entry.key), &entry.key_span, problems)?;
    if let Some(other) = fields.take(wrong) {
        problems.error(&other.key_span, format!("KPI `{}` has a `{wrong}`", entry.key), "the wrong side", hint);
        fields.take(key);
        fields.finish(problems);
        return None;
    }
    let bound = fields.need(key, &hint, problems);
    fields.finish(problems);
    let what = format!("the bound of `{}`", entry.key);
    let bound = read_bound(&bound?.node, &what, kpi.unit(), problems)?;
    Some(KpiTarget { kpi, bound })
}

fn read_bound(node: &Node, what: &str, unit: KpiUnit, problems: &mut Problems) -> Option<Figure<f64>> {
    match unit {
        KpiUnit::Share => figure::<Probability>(node, what, any, problems).map(|share| share.map(|share| share.get())),
        KpiUnit::Time => figure::<SimTime>(node, what, any, problems).map(|time| time.map(|time| time.as_secs())),
        KpiUnit::Score => figure_by(node, what, &f64::interval_end, problems, |node, problems| {
            let score = f64::read(node, what, problems)?;
            if !(0.0..=100.0).contains(&score) {
                problems.error(&node.span, format!("{what} has to be from 0 to 100"), "", None);
            }
            Some(score)
        }),
    }
}

fn needs_memory(entry: &Entry, problems: &mut Problems) {
    let hint = "state the host's: [host] memory = \"8GiB\"".to_owned();
    problems.missing(&entry.key_span, "a share of the host's memory, which is not stated", "", hint);
}

pub(super) fn read_alerts(entry: &Entry, memory_is_limited: bool, problems: &mut Problems) -> AlertRules {
    let Some(mut fields) = Fields::of(&entry.node, "`alerts`", &entry.key_span, problems) else { return AlertRules::default() };
    let alerts = AlertRules {
        response: optional(&mut fields, "response", any, problems),
        error_rate: optional(&mut fields, "error_rate", any, problems),
        connect_failures: optional(&mut fields, "connect_failures", any, problems),
        memory: optional(&mut fields, "memory", any, problems),
    };
    fields.finish(problems);
    if let Some(entry) = entry.node.get("memory").filter(|_| !memory_is_limited) {
        needs_memory(entry, problems);
    }
    alerts
}
