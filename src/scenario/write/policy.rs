//! What clients do with their calls.

use super::{Inline, Lines, count, distribution, quoted, real, share, spelled};
use crate::scenario::spelling::{list, table, text};
use crate::scenario::words::{EXPONENTIAL_SPREAD, GIVEN_UP, UNLIMITED_RETRIES, word_for};
use crate::scenario::{Backoff, CacheRule, Scenario, Spread, Target, UNLIMITED, defaults};

pub(super) fn write_policy(out: &mut Lines, scenario: &Scenario) {
    let (policy, usual) = (&scenario.policy, defaults::policy());
    if *policy == usual {
        return;
    }
    out.header(&["policy"]);
    out.figure("timeout", &policy.timeout, &usual.timeout, distribution);
    out.optional("queue_timeout", policy.queue_timeout.as_ref(), distribution);
    if policy.given_up != usual.given_up {
        out.pair("given_up", text(word_for(&GIVEN_UP, &policy.given_up)));
    }
    out.figure("call_life", &policy.call_life, &usual.call_life, quoted);
    out.figure("retries", &policy.retries, &usual.retries, |retries| match *retries {
        UNLIMITED => text(UNLIMITED_RETRIES),
        limited => count(&limited),
    });
    write_backoff(out, &policy.backoff, &usual.backoff);
    if let Some(budget) = &policy.retry_budget {
        out.pair("retry_budget", table(&[("ratio", spelled(&budget.ratio, real)), ("burst", spelled(&budget.burst, count))]));
    }
    if let Some(breaker) = &policy.breaker {
        let fields = [("failures", spelled(&breaker.failures, count)), ("cool_down", spelled(&breaker.cool_down, quoted))];
        out.pair("breaker", table(&fields));
    }
    if let Some(hedge) = &policy.hedge {
        out.pair("hedge", table(&[("after", spelled(&hedge.after, quoted))]));
    }
    write_caches(out, &policy.caches, scenario);
    write_fallbacks(out, scenario);
}

fn write_backoff(out: &mut Lines, backoff: &Backoff, usual: &Backoff) {
    let mut fields = Inline(Vec::new());
    fields.figure("first", &backoff.first, &usual.first, quoted);
    fields.figure("factor", &backoff.factor, &usual.factor, real);
    fields.figure("max", &backoff.max, &usual.max, quoted);
    if backoff.spread != usual.spread {
        fields.0.push(match &backoff.spread {
            Spread::Jitter(jitter) => ("jitter", spelled(jitter, share)),
            Spread::Exponential => ("spread", text(EXPONENTIAL_SPREAD)),
        });
    }
    fields.write("backoff", out);
}

fn write_caches(out: &mut Lines, caches: &[CacheRule], scenario: &Scenario) {
    if caches.is_empty() {
        return;
    }
    out.header(&["policy", "caches"]);
    for rule in caches {
        let repeats = spelled(&rule.repeats, share);
        let spelled = match &rule.ttl {
            None => repeats,
            Some(ttl) => table(&[("repeats", repeats), ("ttl", spelled(ttl, quoted))]),
        };
        out.pair(scenario.capability(rule.capability), spelled);
    }
}

fn write_fallbacks(out: &mut Lines, scenario: &Scenario) {
    if scenario.policy.fallbacks.is_empty() {
        return;
    }
    out.header(&["policy", "fallbacks"]);
    for rule in &scenario.policy.fallbacks {
        let names = |targets: &[Target]| list(targets.iter().map(|target| scenario.target_name(*target)));
        let on_failure = names(&rule.on_failure);
        let spelled = if rule.on_overload.is_empty() {
            on_failure
        } else {
            table(&[("on_failure", on_failure), ("on_overload", names(&rule.on_overload))])
        };
        out.pair(scenario.capability(rule.capability), spelled);
    }
}
