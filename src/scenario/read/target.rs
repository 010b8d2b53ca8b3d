//! What the watchdog does, what is aimed at, and what raises an alert.

use super::figure::{Quantity, any, figure, figure_by, optional, or, required};
use super::{at_least_one, positive_time};
use crate::scenario::document::{Entry, Fields, Node, Problems};
use crate::scenario::{AlertRules, Figure, Kpi, KpiTarget, KpiUnit, RecoveryPolicy};
use crate::units::{Probability, SimTime};

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
        KpiUnit::Time => figure::<SimTime>(node, what, positive_time, problems).map(|time| time.map(|time| time.as_secs())),
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
        response: optional(&mut fields, "response", positive_time, problems),
        error_rate: optional(&mut fields, "error_rate", any, problems),
        connect_failures: optional(&mut fields, "connect_failures", at_least_one, problems),
        memory: optional(&mut fields, "memory", any, problems),
    };
    fields.finish(problems);
    if let Some(entry) = entry.node.get("memory").filter(|_| !memory_is_limited) {
        needs_memory(entry, problems);
    }
    alerts
}
