//! Where a target breaks: bisection between two points of the grid, on the same randomness, for the mean and for its two bounds.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::judge::Estimate;
use crate::scenario::Kpi;

use super::{Measure, Parameter, Point, Reading, Setting};

/// Of a step of the grid: a crossing is known to within 1/16 of it.
pub const HALVINGS: u32 = 4;

/// What may break.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A KPI's target.
    Kpi(Kpi),
    /// A server's stability: what it is offered, against what it can serve.
    Server(String),
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Break {
    pub subject: Subject,
    /// The KPI's at the first point; 1 for a server.
    pub target: f64,
    pub outcome: Outcome,
    /// True where it changes more than once over the grid: the outcome is the first change.
    pub again: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// On the right side at every point of the grid.
    Holds,
    /// On the wrong side at every point of the grid.
    Missed,
    /// It stops being met.
    Breaks(Crossing),
    /// It begins to be met.
    Mends(Crossing),
}

/// Where the mean crosses the target, in the parameter's unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crossing {
    /// The last value before it, and the first behind it.
    pub between: (f64, f64),
    /// Where the one-sided 95 % bounds cross it: together a 90 % interval. None: outside of what was swept.
    pub from: Option<f64>,
    pub to: Option<f64>,
    /// False where values in between make no sense (half a slot) or were not to be afforded.
    pub bisected: bool,
}

impl Crossing {
    pub fn at(&self) -> f64 {
        (self.between.0 + self.between.1) / 2.0
    }
}

pub struct Found {
    pub breaks: Vec<Break>,
    /// Those that were measured on the way, ascending.
    pub points: Vec<Point>,
}

/// Which of an estimate's values is held against the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Mean,
    /// The one-sided 95 % bound on the bad side: crossed where the target is no longer shown to be met.
    Doubtful,
    /// The one on the good side: crossed where it is shown to be missed.
    Certain,
}

const SIDES: [Side; 3] = [Side::Mean, Side::Doubtful, Side::Certain];

/// Two neighbours between which a side of a subject changes.
#[derive(Debug, Clone)]
struct Bracket {
    subject: Subject,
    side: Side,
    low: f64,
    high: f64,
    /// At `low`.
    bad: bool,
    halved: u32,
    /// False where it cannot be halved any more.
    open: bool,
}

/// `grid`: measured, ascending, of one parameter.
pub fn find<M: Measure>(parameter: &Parameter, grid: &[Point], measure: &mut M) -> Result<Found, M::Error> {
    let at: Vec<f64> = grid.iter().map(|point| point.settings[0].number.expect("a parameter of numbers")).collect();
    let subjects = subjects(grid);
    let mut brackets: Vec<Bracket> = Vec::new();
    for (subject, _) in &subjects {
        // The bounds matter only where the mean crosses.
        if first_change(&states(grid, subject, Side::Mean)).is_none() {
            continue;
        }
        for side in SIDES {
            let states = states(grid, subject, side);
            if let Some(i) = first_change(&states) {
                brackets.push(Bracket {
                    subject: subject.clone(),
                    side,
                    low: at[i],
                    high: at[i + 1],
                    bad: states[i],
                    halved: 0,
                    open: true,
                });
            }
        }
    }
    let measured = bisect(parameter, &mut brackets, measure)?;
    let breaks = subjects.into_iter().map(|(subject, target)| of_subject(subject, target, grid, &brackets)).collect();
    let mut points: Vec<Point> =
        measured.into_values().map(|(setting, reading)| Point { settings: vec![setting], on_grid: false, reading }).collect();
    points.sort_by(|a, b| a.settings[0].number.partial_cmp(&b.settings[0].number).expect("finite numbers"));
    Ok(Found { breaks, points })
}

/// Halves all brackets at once, so that what they ask for is measured in parallel, and what several ask for, once.
fn bisect<M: Measure>(
    parameter: &Parameter,
    brackets: &mut [Bracket],
    measure: &mut M,
) -> Result<BTreeMap<String, (Setting, Reading)>, M::Error> {
    let mut measured: BTreeMap<String, (Setting, Reading)> = BTreeMap::new();
    for _ in 0..HALVINGS {
        let mut asked: BTreeMap<String, Setting> = BTreeMap::new();
        for bracket in brackets.iter_mut().filter(|bracket| bracket.open) {
            let middle = parameter.setting(bracket.middle());
            bracket.open = measure.admits(&[vec![middle.clone()]]);
            if bracket.open && !measured.contains_key(&middle.text) {
                asked.insert(middle.text.clone(), middle);
            }
        }
        let points: Vec<Vec<Setting>> = asked.values().map(|setting| vec![setting.clone()]).collect();
        if points.is_empty() || !measure.admits(&points) {
            break;
        }
        for (setting, reading) in asked.into_values().zip(measure.measure(&points)?) {
            measured.insert(setting.text.clone(), (setting, reading));
        }
        for bracket in brackets.iter_mut().filter(|bracket| bracket.open) {
            let middle = bracket.middle();
            let (_, reading) = &measured[&parameter.setting(middle).text];
            let end = if is_bad(&bracket.subject, bracket.side, reading) == bracket.bad { &mut bracket.low } else { &mut bracket.high };
            *end = middle;
            bracket.halved += 1;
        }
    }
    Ok(measured)
}

fn of_subject(subject: Subject, target: f64, grid: &[Point], brackets: &[Bracket]) -> Break {
    let means = states(grid, &subject, Side::Mean);
    let again = means.windows(2).filter(|pair| pair[0] != pair[1]).count() > 1;
    let bracket = |side: Side| brackets.iter().find(|bracket| bracket.subject == subject && bracket.side == side);
    let outcome = match bracket(Side::Mean) {
        None if means[0] => Outcome::Missed,
        None => Outcome::Holds,
        Some(mean) => {
            let (mut from, mut to) = (Some(mean.low), Some(mean.high));
            for side in [Side::Doubtful, Side::Certain] {
                match bracket(side) {
                    // It has crossed before the first point.
                    _ if states(grid, &subject, side)[0] != means[0] => from = None,
                    // It does not cross before the last.
                    None => to = None,
                    Some(of) => {
                        from = from.map(|from| from.min(of.low));
                        to = to.map(|to| to.max(of.high));
                    }
                }
            }
            let crossing = Crossing { between: (mean.low, mean.high), from, to, bisected: mean.halved > 0 };
            if means[0] { Outcome::Mends(crossing) } else { Outcome::Breaks(crossing) }
        }
    };
    Break { subject, target, outcome, again }
}

impl Bracket {
    fn middle(&self) -> f64 {
        (self.low + self.high) / 2.0
    }
}

/// Every KPI with a target, with that; every server that is unstable somewhere.
fn subjects(grid: &[Point]) -> Vec<(Subject, f64)> {
    let kpis = grid[0].reading.kpis.iter().filter_map(|kpi| Some((Subject::Kpi(kpi.kpi), kpi.target?)));
    let servers: BTreeSet<&String> = grid.iter().flat_map(|point| &point.reading.unstable).collect();
    kpis.chain(servers.into_iter().map(|server| (Subject::Server(server.clone()), 1.0))).collect()
}

fn states(grid: &[Point], subject: &Subject, side: Side) -> Vec<bool> {
    grid.iter().map(|point| is_bad(subject, side, &point.reading)).collect()
}

fn first_change(states: &[bool]) -> Option<usize> {
    states.windows(2).position(|pair| pair[0] != pair[1])
}

/// True where the side's value is on the wrong side of the target. What could not be measured (nothing succeeded) is.
fn is_bad(subject: &Subject, side: Side, reading: &Reading) -> bool {
    match subject {
        Subject::Kpi(kpi) => {
            let of = reading.kpi(*kpi);
            let (Some(estimate), Some(target)) = (of.estimate, of.target) else { return true };
            let slack = if kpi.is_planned() { ROUNDING } else { 0.0 };
            match kpi.higher_is_better() {
                true => value(estimate, side, Estimate::lower_bound, Estimate::upper_bound) < target - slack,
                false => value(estimate, side, Estimate::upper_bound, Estimate::lower_bound) > target + slack,
            }
        }
        Subject::Server(name) => {
            let offered = reading.servers.iter().find(|server| server.server == *name).and_then(|server| server.offered);
            offered.is_some_and(|offered| value(offered, side, Estimate::upper_bound, Estimate::lower_bound) >= 1.0)
        }
    }
}

fn value(estimate: Estimate, side: Side, bad: fn(&Estimate) -> f64, good: fn(&Estimate) -> f64) -> f64 {
    match side {
        Side::Mean => estimate.mean,
        Side::Doubtful => bad(&estimate),
        Side::Certain => good(&estimate),
    }
}

/// What a planned score, a computed number, may be off by.
const ROUNDING: f64 = 1e-9;
