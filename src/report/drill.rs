//! Drills as text and as tables.

use std::fmt::Write;

use polars::prelude::Column;

use crate::judge::Estimate;
use crate::scenario::Scenario;
use crate::study::{Change, Course, Drilled, Drills, Held, Measure, Measured, Series, Tally, Unit};
use crate::units::SimTime;

use super::format::{count, indented, mark, plain_table, replay_line, target};
use super::tables::{TablesError, parquet};

/// Agents shown of each drill; all are in the JSON.
const AGENTS_SHOWN: usize = 3;

/// For people; ends with each mapping against today's.
pub fn drill_text(scenario: &Scenario, drills: &Drills) -> String {
    let seconds = |seconds: f64| SimTime::from_secs(seconds).rounded();
    let mut text = format!(
        "{}: {}, one at a time, from {} on for {}; {} of {}, seed {}\n",
        scenario.name,
        count(drills.mappings.first().map_or(0, |mapping| mapping.drills.len()), "outage"),
        seconds(drills.from),
        seconds(drills.lasts),
        count(drills.replications as usize, "replication"),
        scenario.run.horizon,
        drills.seed,
    );
    text += &replay_line(scenario);
    text += "A -> B: the calls issued during the outage, without it and with it, at the same time and on the same randomness; ± is a 95 % interval\n";
    let followed: Vec<String> = scenario
        .kpis
        .iter()
        .filter(|kpi| drills.followed.contains(&kpi.kpi))
        .map(|kpi| format!("{} {}", kpi.kpi.title(), target(kpi)))
        .collect();
    match followed.is_empty() {
        true => text += "The scenario sets no target that can be followed through time: nothing is said of recovery\n",
        false => {
            let _ = writeln!(
                text,
                "hold again: after the outage's end, the end of the last window of {} in which, over all replications, one of these is missed because of\n\
                 it (missed with it and met without it): {}; in brackets 95 %, by bootstrap",
                seconds(drills.window),
                followed.join(", ")
            );
        }
    }
    for mapping in &drills.mappings {
        text += &mapping_text(drills, mapping);
    }
    for measured in &drills.measured {
        text += &measured_text(measured);
    }
    text
}

fn mapping_text(drills: &Drills, mapping: &Drilled) -> String {
    let fallbacks = match mapping.fallbacks {
        0 => "no need has a fallback".to_owned(),
        n => format!("{} with a fallback", count(n, "need")),
    };
    let rows: Vec<Vec<String>> = mapping
        .drills
        .iter()
        .map(|course| {
            vec![
                course.down.clone(),
                match earlier(mapping, course) {
                    Some(same) => format!("as {}", same.down),
                    None if course.servers.len() > 1 => count(course.servers.len(), "server"),
                    None => String::new(),
                },
                change(&course.system.error_rate, 100.0, 1),
                change(&course.system.availability, 100.0, 1),
                change(&course.system.response_mean, 1e3, 0),
                course.agents.len().to_string(),
                if drills.followed.is_empty() { String::new() } else { recovery(&course.all) },
                missed(course),
            ]
        })
        .collect();
    let header = ["down", "", "failed %", "available %", "response ms", "agents hit", "KPIs hold again", "missed"];
    let mut text = format!("\n{}: {fallbacks}\n{}", mapping.mapping, indented(&plain_table(&header, &rows, &[5])));
    let mut agents: Vec<Vec<String>> = Vec::new();
    for course in distinct(mapping) {
        for (i, hit) in course.agents.iter().take(AGENTS_SHOWN).enumerate() {
            let more = course.agents.len().saturating_sub(AGENTS_SHOWN);
            agents.push(vec![
                if i == 0 { course.down.clone() } else { String::new() },
                hit.agent.clone().unwrap_or_default(),
                change(&hit.error_rate, 100.0, 1),
                change(&hit.availability, 100.0, 1),
                change(&hit.response_mean, 1e3, 0),
                if more > 0 && i + 1 == AGENTS_SHOWN { format!("and {more} more") } else { String::new() },
            ]);
        }
    }
    if !agents.is_empty() {
        let header = ["down", "agent hit", "failed %", "available %", "response ms", ""];
        let _ = write!(text, "\n{}", indented(&plain_table(&header, &agents, &[])));
    }
    let worth: Vec<Vec<String>> = distinct(mapping)
        .flat_map(|course| course.fallbacks.iter().map(move |worth| (course, worth)))
        .map(|(course, worth)| {
            let difference =
                worth.difference.map_or("-".to_owned(), |d| format!("{:+.1} ± {:.1}", 100.0 * d.difference, 100.0 * d.half_width));
            vec![
                course.down.clone(),
                worth.fallback.clone().unwrap_or_else(|| "all of them".to_owned()),
                format!("{:.1}", worth.answered),
                percent(worth.error_rate_with),
                percent(worth.error_rate_without),
                difference,
                if drills.followed.is_empty() { String::new() } else { recovery(&worth.all) },
            ]
        })
        .collect();
    if !worth.is_empty() {
        let header = ["down", "fallback", "answers calls", "failed % with", "without", "difference", "KPIs hold again without"];
        let _ = write!(text, "\n{}", indented(&plain_table(&header, &worth, &[2])));
    }
    text
}

/// The first drill with the same outage: where a dependency has one server, its outage is the server's.
fn earlier<'a>(mapping: &'a Drilled, course: &Course) -> Option<&'a Course> {
    mapping.drills.iter().find(|other| other.is_same_outage(course)).filter(|first| first.down != course.down)
}

fn distinct(mapping: &Drilled) -> impl Iterator<Item = &Course> {
    mapping.drills.iter().filter(move |course| earlier(mapping, course).is_none())
}

fn measured_text(measured: &Measured) -> String {
    let rows: Vec<Vec<String>> = measured
        .measures
        .iter()
        .map(|of| {
            let [low, high] = of.change_interval;
            vec![
                of.what.clone(),
                figure(of.unit, of.before),
                figure(of.unit, of.after),
                format!("{} ({} to {})", signed(of.unit, of.change), signed(of.unit, low), signed(of.unit, high)),
                relative(of),
                if of.is_certain() { String::new() } else { "no certain change".to_owned() },
            ]
        })
        .collect();
    let header = ["", measured.against.as_str(), measured.mapping.as_str(), "change (95 %)", "relative (95 %)", ""];
    format!(
        "\n{} against {}, measured: in brackets 95 %, by bootstrap over replications\n{}\n",
        measured.mapping,
        measured.against,
        indented(&plain_table(&header, &rows, &[1, 2]))
    )
}

/// `3.1 -> 25.4 ± 2.0`: the interval is that of the difference.
fn change(change: &Change, scale: f64, decimals: usize) -> String {
    let value = |estimate: Option<Estimate>| estimate.map_or("-".to_owned(), |e| format!("{:.decimals$}", scale * e.mean));
    let width = change.difference.map_or_else(String::new, |d| format!(" ± {:.decimals$}", scale * d.half_width));
    format!("{} -> {}{width}", value(change.undisturbed), value(change.drilled))
}

fn percent(estimate: Option<Estimate>) -> String {
    super::format::scaled(estimate, 100.0, 1)
}

fn recovery(held: &Held) -> String {
    let time = |seconds: Option<f64>| seconds.map_or("never".to_owned(), |seconds| SimTime::from_secs(seconds).rounded());
    if held.missed_anyway >= 0.5 {
        return format!("missed without the outage too {}", mark(false));
    }
    if !held.broke() {
        return format!("hold throughout {}", mark(true));
    }
    let [low, high] = held.recovered_interval;
    let range = if low == high { String::new() } else { format!(" ({} to {})", time(low), time(high)) };
    match held.recovered_after {
        None => format!("not before the run's end{range} {}", mark(false)),
        Some(0.0) => format!("at its end{range} {}", mark(true)),
        Some(seconds) => format!("{} after{range} {}", time(Some(seconds)), mark(true)),
    }
}

/// `error rate from 1min on, 9min in all`.
fn missed(course: &Course) -> String {
    let time = |seconds: f64| SimTime::from_secs(seconds).rounded();
    let broke = course.targets.iter().filter_map(|held| Some((held.kpi?, held.broke_after?, held.missed)));
    broke.map(|(kpi, _, missed)| format!("{} for {}", kpi.title(), time(missed))).collect::<Vec<String>>().join(", ")
}

fn figure(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Share => format!("{:.2} %", 100.0 * value),
        Unit::Seconds if value == 0.0 => "0 s".to_owned(),
        Unit::Seconds if value.abs() < 10.0 => format!("{:.0} ms", 1e3 * value),
        Unit::Seconds => format!("{value:.0} s"),
        Unit::CallsPerHour => format!("{value:.1}/h"),
    }
}

/// A share's change is in points, and a time is in its own unit whatever its size.
fn signed(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Share => format!("{:+.2}", 100.0 * value),
        Unit::Seconds if value == 0.0 => "0 s".to_owned(),
        Unit::Seconds if value.abs() < 10.0 => format!("{:+.0} ms", 1e3 * value),
        Unit::Seconds => format!("{value:+.0} s"),
        Unit::CallsPerHour => format!("{value:+.1}"),
    }
}

fn relative(of: &Measure) -> String {
    match (of.relative, of.relative_interval) {
        (Some(relative), Some([low, high])) => format!("{:+.1} % ({:+.1} to {:+.1})", 100.0 * relative, 100.0 * low, 100.0 * high),
        (Some(relative), None) => format!("{:+.1} %", 100.0 * relative),
        _ => "-".to_owned(),
    }
}

/// `drill_series`: all replications pooled, by window; `drill_agents`: calls issued during the outage, by replication and agent. Undisturbed runs
/// have an empty `down`, mappings as they are an empty `without`. Times in seconds.
pub fn drill_tables(scenario: &Scenario, drills: &Drills) -> Result<Vec<(String, Vec<u8>)>, TablesError> {
    let mut windows = Rows::default();
    let mut starts: Vec<f64> = Vec::new();
    let mut agents = Rows::default();
    let (mut replications, mut names): (Vec<u32>, Vec<String>) = (Vec::new(), Vec::new());
    for series in &drills.series {
        let count = series.replications.first().map_or(0, |seen| seen.windows.len());
        for window in 0..count {
            let mut pooled = Tally::default();
            series.replications.iter().for_each(|seen| pooled.add(&seen.windows[window]));
            windows.push(series, pooled);
            starts.push(drills.window * window as f64);
        }
        for (number, seen) in series.replications.iter().enumerate() {
            for (agent, tally) in scenario.agents.iter().zip(&seen.agents) {
                agents.push(series, *tally);
                replications.push(number as u32);
                names.push(agent.name.clone());
            }
        }
    }
    let own = vec![Column::new("start".into(), starts)];
    let agents_own = vec![Column::new("replication".into(), replications), Column::new("agent".into(), names)];
    Ok(vec![parquet("drill_series", windows.columns(own))?, parquet("drill_agents", agents.columns(agents_own))?])
}

/// Columns that both tables have.
#[derive(Default)]
struct Rows {
    names: [Vec<String>; 3],
    tallies: Vec<Tally>,
}

impl Rows {
    fn push(&mut self, series: &Series, tally: Tally) {
        let row = [&series.mapping, &series.without, &series.down];
        self.names.iter_mut().zip(row).for_each(|(column, name)| column.push(name.clone()));
        self.tallies.push(tally);
    }

    fn columns(self, own: Vec<Column>) -> Vec<Column> {
        let mut columns: Vec<Column> =
            ["mapping", "without", "down"].into_iter().zip(self.names).map(|(name, values)| Column::new(name.into(), values)).collect();
        columns.extend(own);
        let counts = |of: fn(&Tally) -> u64| self.tallies.iter().map(of).collect::<Vec<u64>>();
        let sums = |of: fn(&Tally) -> f64| self.tallies.iter().map(of).collect::<Vec<f64>>();
        columns.extend([
            Column::new("issued".into(), counts(|t| t.issued)),
            Column::new("reached".into(), counts(|t| t.reached)),
            Column::new("succeeded".into(), counts(|t| t.succeeded)),
            Column::new("failed".into(), counts(Tally::failed)),
            Column::new("degraded".into(), counts(|t| t.degraded)),
            Column::new("quality_sum".into(), sums(|t| t.quality_sum)),
            Column::new("response_sum".into(), sums(|t| t.response_sum)),
        ]);
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Design, Stage};
    use crate::mapping::Mapping;
    use crate::scenario;
    use crate::study::{Timing, downs, drill};

    /// `main` and `spare` are on one network; a call that `main` does not answer goes to `spare`, then to a file.
    const TWO_SERVERS: &str = r#"
        format = 1
        name = "two servers"
        [run]
        horizon = "1h"
        warmup = "0s"
        replications = 5
        [dependencies.network]
        [servers.main]
        serial = { exponential = "100ms" }
        provides.work = 1.0
        depends_on = ["network"]
        [servers.spare]
        serial = { exponential = "300ms" }
        provides.work = 0.8
        depends_on = ["network"]
        [stand_ins.file]
        provides.work = 0.2
        [agents.worker]
        workload = { tasks = "600/h" }
        needs.work = "main"
        [agents.other]
        workload = { tasks = "60/h" }
        needs.work = "spare"
        [policy.fallbacks]
        work = { on_failure = ["spare", "file"] }
        [kpis]
        error_rate = { max = "5%" }
        response_mean = { max = "1s" }
    "#;

    #[test]
    fn a_drill_says_who_is_hit_for_how_long_and_what_fallbacks_are_worth() {
        let scenario = scenario::parse("two.toml", TWO_SERVERS).expect("a right scenario").scenario;
        let today = Mapping::current(&scenario);
        let with = Mapping::with_policy_fallbacks(&scenario, &today.primaries());
        let mappings = [("today".to_owned(), today), ("with fallbacks".to_owned(), with)];
        let design = Design { seed: 1, replications: 5, stage: Stage::Comparison };
        let timing = Timing::of(&scenario, None, None).expect("the outage fits the run");
        let drills = drill(&scenario, &mappings, &downs(&scenario, &[]).expect("all"), timing, design, &());
        insta::assert_snapshot!(drill_text(&scenario, &drills));
        assert_eq!(drill_tables(&scenario, &drills).expect("two tables").len(), 2);
    }

    #[test]
    fn an_outage_that_does_not_fit_says_why() {
        let scenario = scenario::parse("two.toml", TWO_SERVERS).expect("a right scenario").scenario;
        let minutes = |count: u64| Some(SimTime::from_millis(60_000 * count));
        let said = |at, lasts| Timing::of(&scenario, at, lasts).expect_err("it does not fit").to_string();
        insta::assert_snapshot!(said(minutes(55), minutes(10)), @"the outage would end at 65min, and the run ends at 1h: let it begin earlier or last shorter, so that a recovery can be seen");
        insta::assert_snapshot!(said(None, minutes(0)), @"an outage of no time is no drill");
        insta::assert_snapshot!(downs(&scenario, &["nobody".to_owned()]).expect_err("no such server").to_string(), @"`nobody` is neither a server in service nor a dependency of one; there are: main, spare, network");
    }
}
