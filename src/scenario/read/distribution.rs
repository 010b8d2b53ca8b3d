//! Distributions of times: a time alone, or a table that names one.

use std::ops::RangeInclusive;

use super::figure::Quantity;
use crate::distribution::{Distribution, PARETO_SHAPES, Part, WEIBULL_SHAPES, lognormal_cv};
use crate::scenario::document::{Entry, Fields, Node, Problems};
use crate::units::SimTime;

/// The keys of the tables that a distribution can be written as.
pub(crate) const DISTRIBUTIONS: [&str; 10] =
    ["constant", "exponential", "lognormal", "gamma", "weibull", "pareto", "uniform", "empirical", "shifted", "mixture"];

/// A mixture of more parts is no mixture, but a sample: empirical.
const MOST_PARTS: usize = 20;

impl Quantity for Distribution {
    fn read(node: &Node, what: &str, problems: &mut Problems) -> Option<Distribution> {
        let Some(entries) = node.entries() else {
            return SimTime::read(node, what, problems).map(Distribution::Constant);
        };
        one_of(node, &entries.iter().collect::<Vec<_>>(), what, problems)
    }

    fn interval_end(text: &str) -> Option<f64> {
        SimTime::interval_end(text)
    }
}

/// The distribution that is the one entry here.
fn one_of(node: &Node, entries: &[&Entry], what: &str, problems: &mut Problems) -> Option<Distribution> {
    let [entry] = entries else {
        let message = format!("{what} has to be one distribution");
        problems.error(&node.span, message, "", format!("one of {}", DISTRIBUTIONS.join(", ")));
        return None;
    };
    let inner = |key| format!("the {key} of {what}");
    let node = &entry.node;
    match &*entry.key {
        "constant" => SimTime::read(node, &inner("constant"), problems).map(Distribution::Constant),
        "exponential" if node.entries().is_none() => {
            let mean = SimTime::read(node, &inner("exponential"), problems)?;
            check_mean(mean, node, &inner("exponential"), problems);
            Some(Distribution::Exponential { mean })
        }
        "exponential" => {
            let mut fields = Fields::of(node, inner("exponential"), &entry.key_span, problems)?;
            let mean = read_mean(&mut fields, problems);
            fields.finish(problems);
            Some(Distribution::Exponential { mean: mean? })
        }
        "lognormal" => lognormal(entry, &inner("lognormal"), problems),
        "gamma" => {
            let (mean, cv) = mean_and(entry, "cv", &inner("gamma"), 1e-6..=1e3, ("above 0, and at most 1000", NO_SPREAD), problems)?;
            Some(Distribution::Gamma { mean, cv })
        }
        "weibull" => {
            let allowed = WEIBULL_SHAPES.0..=WEIBULL_SHAPES.1;
            let (mean, shape) = mean_and(entry, "shape", &inner("weibull"), allowed, ("from 0.1 to 1000", NO_SPREAD), problems)?;
            Some(Distribution::Weibull { mean, shape })
        }
        "pareto" => {
            let allowed = PARETO_SHAPES.0.next_up()..=PARETO_SHAPES.1;
            let asked = ("above 1, and at most 1000", "at 1 and below, the tail is so heavy that there is no mean");
            let (mean, shape) = mean_and(entry, "shape", &inner("pareto"), allowed, asked, problems)?;
            Some(Distribution::Pareto { mean, shape })
        }
        "uniform" => {
            let mut fields = Fields::of(node, inner("uniform"), &entry.key_span, problems)?;
            let min = needed::<SimTime>(&mut fields, "min", problems);
            let max = needed::<SimTime>(&mut fields, "max", problems);
            fields.finish(problems);
            let (min, max) = (min?, max?);
            if min > max {
                problems.error(&node.span, format!("the uniform of {what} goes from {min} to {max}"), "min is above max", None);
            }
            Some(Distribution::Uniform { min, max })
        }
        "empirical" => {
            let items = node.list(&inner("empirical"), problems)?;
            if items.is_empty() {
                problems.error(&node.span, format!("{what}: an empirical distribution needs at least one time"), "", None);
            }
            items.iter().map(|item| SimTime::read(item, &inner("empirical"), problems)).collect::<Option<_>>().map(Distribution::Empirical)
        }
        "shifted" => {
            let (least, beyond) = beside(node, "least", &inner("shifted"), "{ least = \"90ms\", exponential = \"60ms\" }", problems)?;
            let least = SimTime::read(&least.node, &format!("the least of {}", inner("shifted")), problems);
            Some(Distribution::Shifted { least: least?, beyond: Box::new(beyond?) })
        }
        "mixture" => mixture(entry, &inner("mixture"), problems),
        _ => {
            problems.unknown("distribution", &entry.key, &entry.key_span, DISTRIBUTIONS);
            None
        }
    }
}

const NO_SPREAD: &str = "for a time without spread write { constant = ... }";

/// A mean, and a number beside it. `asked`: what it has to be, and a hint.
fn mean_and(
    entry: &Entry,
    key: &'static str,
    what: &str,
    allowed: RangeInclusive<f64>,
    asked: (&str, &str),
    problems: &mut Problems,
) -> Option<(SimTime, f64)> {
    let mut fields = Fields::of(&entry.node, what, &entry.key_span, problems)?;
    let mean = read_mean(&mut fields, problems);
    let number = needed::<f64>(&mut fields, key, problems);
    if let Some(number) = number.filter(|number| !allowed.contains(number)) {
        let message = format!("the {key} of {what} has to be {}", asked.0);
        problems.error(&entry.node.span, message, &format!("{key} is {number}"), asked.1.to_owned());
    }
    fields.finish(problems);
    Some((mean?, number?))
}

/// A key of a table whose other key is a distribution. `example`: of such a table.
fn beside<'a, 't>(
    node: &'a Node<'t>,
    key: &'static str,
    what: &str,
    example: &str,
    problems: &mut Problems,
) -> Option<(&'a Entry<'t>, Option<Distribution>)> {
    let Some(entries) = node.entries() else {
        node.wrong_type(what, &format!("a table, as in {example}"), problems);
        return None;
    };
    let Some(own) = entries.iter().find(|entry| entry.key == key) else {
        problems.missing(&node.span, format!("{what} has no `{key}`"), "", format!("as in {example}"));
        return None;
    };
    let rest: Vec<&Entry> = entries.iter().filter(|entry| entry.key != key).collect();
    if rest.is_empty() {
        problems.missing(&node.span, format!("{what} has no distribution beside `{key}`"), "", format!("as in {example}"));
        return None;
    }
    Some((own, one_of(node, &rest, what, problems)))
}

fn mixture(entry: &Entry, what: &str, problems: &mut Problems) -> Option<Distribution> {
    const EXAMPLE: &str = "{ share = 0.7, exponential = \"20ms\" }";
    let items = entry.node.list(what, problems)?;
    if !(2..=MOST_PARTS).contains(&items.len()) {
        let hint = format!("each as in {EXAMPLE}; of a sample write {{ empirical = [...] }}");
        problems.error(&entry.node.span, format!("{what} has {} parts: it has to have 2 to {MOST_PARTS}", items.len()), "", hint);
        return None;
    }
    let read = |item: &Node, problems: &mut Problems| {
        let what = format!("a part of {what}");
        let (share, of) = beside(item, "share", &what, EXAMPLE, problems)?;
        let number = crate::units::Probability::read(&share.node, &format!("the share of {what}"), problems)?.get();
        if number == 0.0 {
            problems.error(&share.node.span, format!("the share of {what} is 0"), "", "leave the part out".to_owned());
        }
        Some(Part { share: number, of: of? })
    };
    let parts: Vec<Option<Part>> = items.iter().map(|item| read(item, problems)).collect();
    let parts: Vec<Part> = parts.into_iter().collect::<Option<_>>()?;
    let sum: f64 = parts.iter().map(|part| part.share).sum();
    // Written with six digits, shares may miss it by their rounding.
    if (sum - 1.0).abs() > 1e-6 {
        problems.error(
            &entry.node.span,
            format!("the shares of {what} have to sum to 1"),
            &format!("they sum to {}", (sum * 1e6).round() / 1e6),
            None,
        );
    }
    Some(Distribution::Mixture(parts))
}

fn lognormal(entry: &Entry, what: &str, problems: &mut Problems) -> Option<Distribution> {
    let mut fields = Fields::of(&entry.node, what, &entry.key_span, problems)?;
    let mean = read_mean(&mut fields, problems);
    let (cv, p95) = (fields.take("cv"), fields.take("p95"));
    fields.finish(problems);
    let cv = match (cv, p95) {
        (Some(cv), None) => {
            let value = f64::read(&cv.node, &format!("the cv of {what}"), problems)?;
            if !(0.0..=1e3).contains(&value) {
                problems.error(&cv.node.span, format!("the cv of {what} has to be from 0 to 1000"), "", None);
            }
            value
        }
        (None, Some(p95)) => {
            let value = SimTime::read(&p95.node, &format!("the p95 of {what}"), problems)?;
            let mean = mean?;
            let Some(cv) = lognormal_cv(mean.as_secs(), value.as_secs()) else {
                let message = format!("{what} cannot have the mean {mean} and the p95 {value}");
                let hint = format!("its p95 is from the mean to 3.86 x the mean: here from {mean} to {}", SimTime(mean.0 / 1000 * 3860));
                problems.error(&p95.node.span, message, "", hint);
                return None;
            };
            cv
        }
        (Some(_), Some(p95)) => {
            problems.error(&p95.key_span, format!("{what} has both cv and p95"), "", "state one of them".to_owned());
            return None;
        }
        (None, None) => {
            let hint = "write { mean = \"150ms\", p95 = \"400ms\" } or { mean = \"150ms\", cv = 0.5 }".to_owned();
            problems.missing(&entry.key_span, format!("{what} has neither p95 nor cv"), "", hint);
            return None;
        }
    };
    Some(Distribution::Lognormal { mean: mean?, cv })
}

fn read_mean(fields: &mut Fields, problems: &mut Problems) -> Option<SimTime> {
    let what = format!("the mean of {}", fields.what);
    let entry = fields.need("mean", "a distribution states all of its parameters", problems)?;
    let mean = SimTime::read(&entry.node, &what, problems)?;
    check_mean(mean, &entry.node, &what, problems);
    Some(mean)
}

/// What takes no time has no spread.
fn check_mean(mean: SimTime, node: &Node, what: &str, problems: &mut Problems) {
    if mean == SimTime::ZERO {
        problems.error(&node.span, format!("{what} has to be longer than 0s"), "", "for no time at all write \"0s\" alone".to_owned());
    }
}

/// A parameter of a distribution.
fn needed<T: Quantity>(fields: &mut Fields, key: &'static str, problems: &mut Problems) -> Option<T> {
    let what = format!("the {key} of {}", fields.what);
    let entry = fields.need(key, "a distribution states all of its parameters", problems)?;
    T::read(&entry.node, &what, problems)
}
