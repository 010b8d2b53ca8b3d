//! Parameters varied over ranges: what becomes of every KPI, and where its target breaks.

mod breaks;
mod parameter;

use serde::Serialize;

use crate::judge::{Estimate, Judged, Summary};
use crate::scenario::{Kpi, Scenario};

use breaks::{Found, Line};

pub use breaks::{Break, Crossing, HALVINGS, Outcome, Subject};
pub use parameter::{Parameter, ParameterError, Setting};

/// What was measured at a point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// In the order of [`Kpi::ALL`].
    pub kpis: Vec<KpiReading>,
    pub servers: Vec<ServerReading>,
    /// Servers that are offered more than they can serve.
    pub unstable: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KpiReading {
    pub kpi: Kpi,
    pub estimate: Option<Estimate>,
    /// None without a target.
    pub target: Option<f64>,
    pub met: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerReading {
    pub server: String,
    pub utilisation: Option<Estimate>,
    /// Serial work offered a slot and time; 1 or more: unstable.
    pub offered: Option<Estimate>,
}

impl Reading {
    /// `world` is the point's own scenario.
    pub fn new(world: &Scenario, summary: &Summary) -> Reading {
        let judged = Judged::new(world, None, false, summary);
        let kpis = Kpi::ALL
            .into_iter()
            .map(|kpi| {
                let result = judged.results.iter().find(|r| r.kpi == kpi);
                KpiReading { kpi, estimate: summary.kpi(kpi), target: result.map(|r| r.target), met: result.map(|r| r.met) }
            })
            .collect();
        let servers = summary.servers.iter();
        let servers = servers.map(|s| ServerReading { server: s.server.clone(), utilisation: s.utilisation, offered: s.offered }).collect();
        Reading { kpis, servers, unstable: summary.unstable.clone() }
    }

    pub fn kpi(&self, kpi: Kpi) -> &KpiReading {
        &self.kpis[kpi.index()]
    }
}

/// A point of the grid, or one that a bisection asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// One a parameter.
    pub settings: Vec<Setting>,
    /// False for what a bisection asked for.
    pub on_grid: bool,
    pub reading: Reading,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sweep {
    pub parameters: Vec<Parameter>,
    /// The grid's, the last parameter's values changing fastest; then those of bisections: for each value of the second parameter
    /// ascending in the first.
    pub points: Vec<Point>,
    /// Along the first parameter, for each value of the second; empty where the first takes no numbers, or one alone.
    pub breaks: Vec<Break>,
}

/// Who can measure points: in the simulator, with a journal, or (in tests) by a formula.
pub trait Measure {
    type Error;

    /// Whether such a point makes sense (half a slot does not) and may still be spent on.
    fn admits(&self, points: &[Vec<Setting>]) -> bool;

    /// A reading a point, in order.
    fn measure(&mut self, points: &[Vec<Setting>]) -> Result<Vec<Reading>, Self::Error>;
}

/// All points of the grid.
pub fn grid(parameters: &[Parameter]) -> Vec<Vec<Setting>> {
    parameters.iter().fold(vec![Vec::new()], |points, parameter| {
        let with = |point: &Vec<Setting>, value: &Setting| point.iter().chain([value]).cloned().collect();
        points.iter().flat_map(|point| parameter.values.iter().map(move |value| with(point, value))).collect()
    })
}

/// Measures the grid, then looks for what breaks between its points.
pub fn sweep<M: Measure>(parameters: &[Parameter], measure: &mut M) -> Result<Sweep, M::Error> {
    let grid = grid(parameters);
    let readings = measure.measure(&grid)?;
    let mut points: Vec<Point> =
        grid.into_iter().zip(readings).map(|(settings, reading)| Point { settings, on_grid: true, reading }).collect();
    let found = match parameters[0].is_bisected() {
        true => breaks::find(&parameters[0], &lines(parameters.get(1), &points), measure)?,
        false => Found { breaks: Vec::new(), points: Vec::new() },
    };
    points.extend(found.points);
    Ok(Sweep { parameters: parameters.to_vec(), points, breaks: found.breaks })
}

/// The grid's points, for each value of the second parameter by themselves.
fn lines<'a>(second: Option<&Parameter>, points: &'a [Point]) -> Vec<Line<'a>> {
    let along = |held: Option<&Setting>| Line {
        held: held.cloned(),
        points: points.iter().filter(|point| point.settings.get(1) == held).collect(),
    };
    second.map_or_else(|| vec![along(None)], |second| second.values.iter().map(|value| along(Some(value))).collect())
}

/// Measures the parameter's values in their order until one `is_over` or may not be spent on, then looks for what breaks between them.
pub fn climb<M: Measure>(mut parameter: Parameter, measure: &mut M, is_over: impl Fn(&Reading) -> bool) -> Result<Sweep, M::Error> {
    let mut points: Vec<Point> = Vec::new();
    for setting in &parameter.values {
        let point = [vec![setting.clone()]];
        if !points.is_empty() && !measure.admits(&point) {
            break;
        }
        for reading in measure.measure(&point)? {
            points.push(Point { settings: vec![setting.clone()], on_grid: true, reading });
        }
        if points.last().is_some_and(|point| is_over(&point.reading)) {
            break;
        }
    }
    parameter.values.truncate(points.len());
    let found = breaks::find(&parameter, &lines(None, &points), measure)?;
    points.extend(found.points);
    Ok(Sweep { parameters: vec![parameter], points, breaks: found.breaks })
}

#[cfg(test)]
mod tests;
