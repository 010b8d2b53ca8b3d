//! What clients do with their calls.

use super::figure::{any, figure, figure_by, optional, or, required, word};
use super::provides::Providers;
use super::{Names, at_least_once, at_least_one, positive_mean, positive_time};
use crate::scenario::document::{Entry, Fields, Node, Problems, Value, named, short};
use crate::scenario::read::figure::Quantity;
use crate::scenario::words::{EXPONENTIAL_SPREAD, GIVEN_UP, UNLIMITED_RETRIES};
use crate::scenario::{
    Backoff, Breaker, CacheRule, CallPolicy, CapabilityId, FallbackRule, Figure, Hedge, RetryBudget, ServerId, Spread, StandInId, Target,
    UNLIMITED, defaults,
};
use crate::units::SimTime;

pub(super) fn read_policy(entry: Option<&Entry>, names: &Names, providers: &Providers, problems: &mut Problems) -> CallPolicy {
    let mut policy = defaults::policy();
    let Some(entry) = entry else { return policy };
    let Some(mut fields) = Fields::of(&entry.node, "`policy`", &entry.key_span, problems) else { return policy };
    policy.timeout = or(&mut fields, "timeout", policy.timeout, positive_mean, problems);
    policy.queue_timeout = optional(&mut fields, "queue_timeout", positive_mean, problems);
    if let Some(entry) = fields.take("given_up") {
        policy.given_up = word(&entry.node, "`given_up`", "fate of given-up work", &GIVEN_UP, problems).unwrap_or(policy.given_up);
    }
    policy.call_life = or(&mut fields, "call_life", policy.call_life, positive_time, problems);
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
    let retries = fields.take("retries");
    policy.retries = retries.and_then(|entry| read_retries(&entry.node, problems)).unwrap_or(policy.retries);
    if let Some(entry) = fields.take("backoff") {
        policy.backoff = read_backoff(entry, problems);
    }
    if let Some(entry) = retries {
        check_end_of_retries(&policy, entry, problems);
    }
    policy.retry_budget = fields.take("retry_budget").and_then(|entry| read_retry_budget(entry, problems));
    policy.breaker = fields.take("breaker").and_then(|entry| read_breaker(entry, problems));
    policy.hedge = fields.take("hedge").and_then(|entry| read_hedge(entry, problems));
    if let Some(entry) = fields.take("caches") {
        let rules = named(&entry.node, "`caches`", problems);
        policy.caches = rules.iter().filter_map(|entry| read_cache(entry, names, problems)).collect();
    }
    if let Some(entry) = fields.take("fallbacks") {
        let rules = named(&entry.node, "`fallbacks`", problems);
        policy.fallbacks = rules.iter().filter_map(|entry| read_fallback(entry, names, providers, problems)).collect();
    }
    fields.finish(problems);
    policy
}

/// A number, or that there is no limit.
fn read_retries(node: &Node, problems: &mut Problems) -> Option<Figure<u32>> {
    figure_by(node, "`retries`", &u32::interval_end, problems, |node, problems| match &node.value {
        Value::Text(text) if text == UNLIMITED_RETRIES => Some(UNLIMITED),
        Value::Integer(_) => {
            let retries = u32::read(node, "`retries`", problems)?;
            if retries > 100 {
                let hint = format!("or \"{UNLIMITED_RETRIES}\": until the call's life is over");
                problems.error(&node.span, "`retries` has to be at most 100", "", hint);
            }
            Some(retries)
        }
        Value::Text(text) => {
            let message = format!("`retries` has to be a whole number or \"{UNLIMITED_RETRIES}\"");
            problems.unknown_as(message, text, &node.span, [UNLIMITED_RETRIES], "write a number without quotes");
            None
        }
        _ => {
            node.wrong_type("`retries`", &format!("a whole number or \"{UNLIMITED_RETRIES}\""), problems);
            None
        }
    })
}

/// Retries without a limit end with the call's life, so their waits must not be too short for it.
fn check_end_of_retries(policy: &CallPolicy, retries: &Entry, problems: &mut Problems) {
    const MOST_RETRIES: f64 = 1e6;
    if policy.retries.value != UNLIMITED {
        return;
    }
    let backoff = &policy.backoff;
    let shortest = backoff.first.value.min(backoff.max.value).as_secs();
    if shortest * backoff.spread.mean() < 0.001 {
        let hint = "without a limit a call would be tried for ever at one instant: make backoff.first and backoff.max longer".to_owned();
        problems.error(&retries.key_span, "unlimited retries need a back-off of at least 1ms on average", "", hint);
    } else if policy.call_life.value.as_secs() / shortest > MOST_RETRIES {
        let message = format!("in a call's life of {} there is room for more than {MOST_RETRIES:.0e} retries", policy.call_life.value);
        let hint = "shorten `call_life`, make backoff.first and backoff.max longer, or limit the retries".to_owned();
        problems.error(&retries.key_span, message, "", hint);
    }
}

fn read_backoff(entry: &Entry, problems: &mut Problems) -> Backoff {
    let usual = defaults::backoff();
    let Some(mut fields) = Fields::of(&entry.node, "`backoff`", &entry.key_span, problems) else { return usual };
    let mut backoff = Backoff {
        first: or(&mut fields, "first", usual.first, any, problems),
        factor: or(&mut fields, "factor", usual.factor, at_least_once, problems),
        max: or(&mut fields, "max", usual.max, any, problems),
        spread: usual.spread,
    };
    let jitter = optional(&mut fields, "jitter", any, problems);
    let spread = fields.take("spread");
    if let Some(jitter) = jitter {
        backoff.spread = Spread::Jitter(jitter);
    }
    if let Some(spread) = spread {
        let known = [(EXPONENTIAL_SPREAD, ())];
        if word(&spread.node, "`spread`", "spread", &known, problems).is_some() {
            backoff.spread = Spread::Exponential;
        }
        if entry.node.get("jitter").is_some() {
            problems.error(&spread.key_span, "`backoff` has both jitter and spread", "", "state one of them".to_owned());
        }
    }
    fields.finish(problems);
    backoff
}

fn read_retry_budget(entry: &Entry, problems: &mut Problems) -> Option<RetryBudget> {
    const HINT: &str = "as in { ratio = 0.2, burst = 10 }";
    let mut fields = Fields::of(&entry.node, "`retry_budget`", &entry.key_span, problems)?;
    let not_negative = |ratio: &f64| (*ratio < 0.0).then_some("0 or more");
    let ratio = required(&mut fields, "ratio", HINT, not_negative, problems);
    let burst = required(&mut fields, "burst", HINT, at_least_one, problems);
    fields.finish(problems);
    Some(RetryBudget { ratio: ratio?, burst: burst? })
}

fn read_hedge(entry: &Entry, problems: &mut Problems) -> Option<Hedge> {
    let mut fields = Fields::of(&entry.node, "`hedge`", &entry.key_span, problems)?;
    let after = required(&mut fields, "after", "as in { after = \"2s\" }", positive_time, problems);
    fields.finish(problems);
    Some(Hedge { after: after? })
}

fn read_cache(entry: &Entry, names: &Names, problems: &mut Problems) -> Option<CacheRule> {
    let Some(capability) = names.capabilities.get(&entry.key).map(CapabilityId::from) else {
        problems.unknown("capability", &entry.key, &entry.key_span, names.capabilities.names.iter().copied());
        return None;
    };
    if entry.node.entries().is_none() || entry.node.get("value").is_some() {
        let what = format!("the share of repeats of `{}`", short(&entry.key));
        return figure(&entry.node, &what, any, problems).map(|repeats| CacheRule { capability, repeats, ttl: None });
    }
    let mut fields = Fields::of(&entry.node, format!("the cache of `{}`", short(&entry.key)), &entry.key_span, problems)?;
    let repeats = required(&mut fields, "repeats", "as in { repeats = 0.3, ttl = \"5min\" }", any, problems);
    let ttl = optional(&mut fields, "ttl", positive_time, problems);
    fields.finish(problems);
    Some(CacheRule { capability, repeats: repeats?, ttl })
}

fn read_breaker(entry: &Entry, problems: &mut Problems) -> Option<Breaker> {
    const HINT: &str = "as in { failures = 5, cool_down = \"60s\" }";
    let mut fields = Fields::of(&entry.node, "`breaker`", &entry.key_span, problems)?;
    let failures = required(&mut fields, "failures", HINT, at_least_one, problems);
    let cool_down = required(&mut fields, "cool_down", HINT, positive_time, problems);
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
