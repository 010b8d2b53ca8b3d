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
    /// What the second parameter is held at; none in a sweep of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Setting>,
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

impl Outcome {
    /// None where it does not change.
    pub fn crossing(&self) -> Option<&Crossing> {
        match self {
            Outcome::Breaks(crossing) | Outcome::Mends(crossing) => Some(crossing),
            Outcome::Holds | Outcome::Missed => None,
        }
    }
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

/// Points along which the first parameter ascends, while the second is held.
pub struct Line<'a> {
    pub held: Option<Setting>,
    pub points: Vec<&'a Point>,
}

pub struct Found {
    pub breaks: Vec<Break>,
    /// Those that were measured on the way, line by line, ascending.
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

/// Two neighbours of a line between which a side of a subject changes.
#[derive(Debug, Clone)]
struct Bracket {
    line: usize,
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

/// What was measured: by the line's number and the first parameter's text.
type Measured = BTreeMap<(usize, String), Point>;

/// Bisects the first parameter on every line.
pub fn find<M: Measure>(parameter: &Parameter, lines: &[Line], measure: &mut M) -> Result<Found, M::Error> {
    let mut brackets: Vec<Bracket> = lines.iter().enumerate().flat_map(|(number, line)| brackets(number, line)).collect();
    let measured = bisect(parameter, lines, &mut brackets, measure)?;
    let breaks = lines.iter().enumerate().flat_map(|(number, line)| {
        let of_line: Vec<&Bracket> = brackets.iter().filter(|bracket| bracket.line == number).collect();
        subjects(line).into_iter().map(move |(subject, target)| of_subject(subject, target, line, &of_line))
    });
    let mut points: Vec<((usize, String), Point)> = measured.into_iter().collect();
    points.sort_by(|((line_a, _), a), ((line_b, _), b)| line_a.cmp(line_b).then(number(a).total_cmp(&number(b))));
    Ok(Found { breaks: breaks.collect(), points: points.into_iter().map(|(_, point)| point).collect() })
}

fn number(point: &Point) -> f64 {
    point.settings[0].number.expect("a parameter of numbers")
}

fn brackets(number_of_line: usize, line: &Line) -> Vec<Bracket> {
    let mut brackets = Vec::new();
    for (subject, _) in subjects(line) {
        // The bounds matter only where the mean crosses.
        if first_change(&states(line, &subject, Side::Mean)).is_none() {
            continue;
        }
        for side in SIDES {
            let states = states(line, &subject, side);
            if let Some(i) = first_change(&states) {
                let (low, high) = (number(line.points[i]), number(line.points[i + 1]));
                brackets.push(Bracket {
                    line: number_of_line,
                    subject: subject.clone(),
                    side,
                    low,
                    high,
                    bad: states[i],
                    halved: 0,
                    open: true,
                });
            }
        }
    }
    brackets
}

/// Halves all brackets at once, so that what they ask for is measured in parallel, and what several ask for, once.
fn bisect<M: Measure>(parameter: &Parameter, lines: &[Line], brackets: &mut [Bracket], measure: &mut M) -> Result<Measured, M::Error> {
    let mut measured = Measured::new();
    for _ in 0..HALVINGS {
        let mut asked: BTreeMap<(usize, String), Vec<Setting>> = BTreeMap::new();
        for bracket in brackets.iter_mut().filter(|bracket| bracket.open) {
            let point: Vec<Setting> = [parameter.setting(bracket.middle())].into_iter().chain(lines[bracket.line].held.clone()).collect();
            bracket.open = measure.admits(std::slice::from_ref(&point));
            let key = bracket.key(parameter);
            if bracket.open && !measured.contains_key(&key) {
                asked.insert(key, point);
            }
        }
        let points: Vec<Vec<Setting>> = asked.values().cloned().collect();
        if points.is_empty() || !measure.admits(&points) {
            break;
        }
        for ((key, settings), reading) in asked.into_iter().zip(measure.measure(&points)?) {
            measured.insert(key, Point { settings, on_grid: false, reading });
        }
        for bracket in brackets.iter_mut().filter(|bracket| bracket.open) {
            let reading = &measured[&bracket.key(parameter)].reading;
            let middle = bracket.middle();
            let end = if is_bad(&bracket.subject, bracket.side, reading) == bracket.bad { &mut bracket.low } else { &mut bracket.high };
            *end = middle;
            bracket.halved += 1;
        }
    }
    Ok(measured)
}

fn of_subject(subject: Subject, target: f64, line: &Line, brackets: &[&Bracket]) -> Break {
    let means = states(line, &subject, Side::Mean);
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
                    _ if states(line, &subject, side)[0] != means[0] => from = None,
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
    Break { held: line.held.clone(), subject, target, outcome, again }
}

impl Bracket {
    fn middle(&self) -> f64 {
        (self.low + self.high) / 2.0
    }

    fn key(&self, parameter: &Parameter) -> (usize, String) {
        (self.line, parameter.setting(self.middle()).text)
    }
}

/// Every KPI with a target, with that; every server that is unstable somewhere.
fn subjects(line: &Line) -> Vec<(Subject, f64)> {
    let kpis = line.points[0].reading.kpis.iter().filter_map(|kpi| Some((Subject::Kpi(kpi.kpi), kpi.target?)));
    let servers: BTreeSet<&String> = line.points.iter().flat_map(|point| &point.reading.unstable).collect();
    kpis.chain(servers.into_iter().map(|server| (Subject::Server(server.clone()), 1.0))).collect()
}

fn states(line: &Line, subject: &Subject, side: Side) -> Vec<bool> {
    line.points.iter().map(|point| is_bad(subject, side, &point.reading)).collect()
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
