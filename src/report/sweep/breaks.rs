//! Where targets break, in words: a line a target, or, where a second parameter is varied too, a table with a row for each of its values.

use std::fmt::Write;

use crate::study::sweep::{Break, Crossing, HALVINGS, Outcome, Parameter, Setting, Subject, Sweep};

use super::super::format::{bound, mark, plain_table};
use super::headline;

/// In a sweep of one parameter.
pub(in crate::report) fn breaks_text(parameter: &Parameter, sweep: &Sweep) -> String {
    let (first, last) = (&sweep.points[0].settings[0].text, &parameter.values[parameter.values.len() - 1].text);
    let mut text = String::new();
    for of in &sweep.breaks {
        let (what, target) = match &of.subject {
            Subject::Kpi(kpi) => (kpi.title().to_owned(), format!("its target of {}", bound(*kpi, of.target))),
            Subject::Server(server) => (server.clone(), "it can serve".to_owned()),
        };
        let is_server = matches!(of.subject, Subject::Server(_));
        let path = &parameter.path;
        let place = |crossing: &Crossing| place(parameter, crossing, first, last);
        let _ = match &of.outcome {
            Outcome::Holds => match stable_until(sweep) {
                Some(stable) if stable != last => {
                    writeln!(text, "{what} keeps {target} from {path} {first} to {stable} {}; beyond that a server is unstable", mark(true))
                }
                _ => writeln!(text, "{what} keeps {target} from {path} {first} to {last} {}", mark(true)),
            },
            Outcome::Missed if is_server => {
                writeln!(text, "{what} is offered more than {target} from {path} {first} to {last} {}", mark(false))
            }
            Outcome::Missed => writeln!(text, "{what} misses {target} from {path} {first} to {last} {}", mark(false)),
            Outcome::Breaks(at) if is_server => writeln!(text, "{what} becomes unstable {}: it is offered more than {target}", place(at)),
            Outcome::Breaks(at) => writeln!(text, "{what} breaks {target} {}", place(at)),
            Outcome::Mends(at) if is_server => writeln!(text, "{what} is no longer unstable {}", place(at)),
            Outcome::Mends(at) => writeln!(text, "{what} meets {target} {}", place(at)),
        };
        if of.again {
            let _ = writeln!(text, "  and changes again further on: see the table");
        }
    }
    text + &how(sweep)
}

/// In a sweep of two: for each value of the second, where along the first.
pub(super) fn breaks_table(sweep: &Sweep) -> String {
    let (first, second) = (&sweep.parameters[0], &sweep.parameters[1]);
    let subjects = subjects(sweep);
    let titles: Vec<String> = subjects
        .iter()
        .map(|subject| match subject {
            Subject::Kpi(kpi) => headline(sweep, *kpi),
            Subject::Server(server) => format!("{server} stable"),
        })
        .collect();
    let header: Vec<&str> = [second.path.as_str()].into_iter().chain(titles.iter().map(String::as_str)).collect();
    let of = |held: &Setting, subject: &Subject| sweep.breaks.iter().find(|of| of.held.as_ref() == Some(held) && of.subject == *subject);
    // A server without a break is stable on all of the line.
    let cell = |held: &Setting, subject: &Subject| of(held, subject).map_or_else(|| mark(true).to_owned(), |of| outcome(first, of));
    let rows: Vec<Vec<String>> = second
        .values
        .iter()
        .map(|held| [held.text.clone()].into_iter().chain(subjects.iter().map(|subject| cell(held, subject))).collect())
        .collect();
    let (from, to) = (&first.values[0].text, &first.values[first.values.len() - 1].text);
    format!(
        "{}\nup to: met below that {}; from: met above it; {} or {}: on all of {from} to {to}.\n{}",
        plain_table(&header, &rows, &[]),
        first.path,
        mark(true),
        mark(false),
        how(sweep)
    )
}

/// Each once, KPIs first.
pub(super) fn subjects(sweep: &Sweep) -> Vec<Subject> {
    let all: std::collections::BTreeSet<&Subject> = sweep.breaks.iter().map(|of| &of.subject).collect();
    all.into_iter().cloned().collect()
}

/// `up to 2.41 (2.33 to 2.48)`.
fn outcome(parameter: &Parameter, of: &Break) -> String {
    let (word, crossing) = match &of.outcome {
        Outcome::Holds => return mark(true).to_owned(),
        Outcome::Missed => return mark(false).to_owned(),
        Outcome::Breaks(crossing) => ("up to", crossing),
        Outcome::Mends(crossing) => ("from", crossing),
    };
    let (first, last) = (&parameter.values[0].text, &parameter.values[parameter.values.len() - 1].text);
    let (at, interval) = at_and_interval(parameter, crossing, (first, last), "..");
    format!("{word} {at} ({interval}){}", if of.again { ", and again" } else { "" })
}

/// How places were found, and what they are.
fn how(sweep: &Sweep) -> String {
    let mut text = String::new();
    let crossings = || sweep.breaks.iter().filter_map(|of| of.outcome.crossing());
    if crossings().any(|at| at.bisected) {
        let _ = writeln!(text, "A place is where the mean crosses, by bisection to 1/{} of a step.", 1 << HALVINGS);
    }
    if crossings().next().is_some() {
        let _ = writeln!(text, "Its interval is where the one-sided 95 % bounds cross: together 90 %.");
    }
    if sweep.points.iter().any(|point| !point.reading.unstable.is_empty()) {
        let _ = writeln!(text, "Where a server is unstable, means depend on the run's length, and no target counts as met.");
    }
    text
}

/// The last point of the grid before the first at which a server is unstable.
fn stable_until(sweep: &Sweep) -> Option<&String> {
    let stable = sweep.points.iter().filter(|point| point.on_grid).take_while(|point| point.reading.unstable.is_empty());
    stable.last().map(|point| &point.settings[0].text)
}

/// `at load 2.41 (90 % interval 2.33 to 2.48)`.
fn place(parameter: &Parameter, crossing: &Crossing, first: &str, last: &str) -> String {
    let (at, interval) = at_and_interval(parameter, crossing, (first, last), " and ");
    let word = if crossing.bisected { "at" } else { "between" };
    format!("{word} {} {at} (90 % interval: {interval})", parameter.path)
}

/// Where it was not bisected, the neighbours with `between` them.
fn at_and_interval(parameter: &Parameter, crossing: &Crossing, (first, last): (&str, &str), between: &str) -> (String, String) {
    let (low, high) = crossing.between;
    let decimals = (-(high - low).log10()).ceil().clamp(0.0, 12.0) as usize;
    let show = |value: f64| {
        let text = format!("{value:.decimals$}");
        format!("{}{}", if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text }, parameter.unit)
    };
    let from = crossing.from.map_or_else(|| format!("below {first}"), show);
    let to = crossing.to.map_or_else(|| format!("beyond {last}"), show);
    let at = if crossing.bisected { show(crossing.at()) } else { format!("{}{between}{}", show(low), show(high)) };
    (at, format!("{from} to {to}"))
}
