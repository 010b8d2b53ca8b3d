//! A sweep's tables: `kpis`, `servers` and `breaks`.

use polars::prelude::Column;

use crate::study::sweep::{Break, Crossing, KpiReading, Outcome, Parameter, Point, Setting, Subject, Sweep};

/// A parameter's values: numbers in its unit, or texts.
fn setting_column(parameter: &Parameter, of: impl Iterator<Item = Setting>) -> Column {
    let name = parameter.title().into();
    match parameter.is_numeric() {
        true => Column::new(name, of.map(|setting| setting.number).collect::<Vec<Option<f64>>>()),
        false => Column::new(name, of.map(|setting| setting.text).collect::<Vec<String>>()),
    }
}

/// The settings of each row's point, a column a parameter.
fn setting_columns(sweep: &Sweep, rows: &[&Point]) -> Vec<Column> {
    let of = |i: usize| rows.iter().map(move |point| point.settings[i].clone());
    let mut columns: Vec<Column> = sweep.parameters.iter().enumerate().map(|(i, parameter)| setting_column(parameter, of(i))).collect();
    columns.push(Column::new("on_grid".into(), rows.iter().map(|point| point.on_grid).collect::<Vec<bool>>()));
    columns
}

pub(super) fn kpi_columns(sweep: &Sweep) -> Vec<Column> {
    let rows: Vec<(&Point, &KpiReading)> = sweep
        .points
        .iter()
        .flat_map(|point| point.reading.kpis.iter().filter(|of| of.estimate.is_some() || of.target.is_some()).map(move |of| (point, of)))
        .collect();
    let mut columns = setting_columns(sweep, &rows.iter().map(|(point, _)| *point).collect::<Vec<_>>());
    let each = |value: &dyn Fn(&KpiReading) -> Option<f64>| rows.iter().map(|(_, of)| value(of)).collect::<Vec<Option<f64>>>();
    columns.push(Column::new("kpi".into(), rows.iter().map(|(_, of)| of.kpi.key()).collect::<Vec<&str>>()));
    columns.push(Column::new("mean".into(), each(&|of| Some(of.estimate?.mean))));
    columns.push(Column::new("half_width".into(), each(&|of| Some(of.estimate?.half_width))));
    columns.push(Column::new("n".into(), rows.iter().map(|(_, of)| of.estimate.map_or(0, |e| e.n as u32)).collect::<Vec<u32>>()));
    columns.push(Column::new("target".into(), each(&|of| of.target)));
    columns.push(Column::new("met".into(), rows.iter().map(|(_, of)| of.met).collect::<Vec<Option<bool>>>()));
    columns
}

pub(super) fn server_columns(sweep: &Sweep) -> Vec<Column> {
    let rows: Vec<_> = sweep.points.iter().flat_map(|point| point.reading.servers.iter().map(move |of| (point, of))).collect();
    let mut columns = setting_columns(sweep, &rows.iter().map(|(point, _)| *point).collect::<Vec<_>>());
    columns.push(Column::new("server".into(), rows.iter().map(|(_, of)| of.server.as_str()).collect::<Vec<&str>>()));
    let mut pair = |name: &str, of: Vec<Option<crate::judge::Estimate>>| {
        columns.push(Column::new(name.into(), of.iter().map(|e| e.map(|e| e.mean)).collect::<Vec<Option<f64>>>()));
        columns.push(Column::new(
            format!("{name}_half_width").into(),
            of.iter().map(|e| e.map(|e| e.half_width)).collect::<Vec<Option<f64>>>(),
        ));
    };
    pair("utilisation", rows.iter().map(|(_, of)| of.utilisation).collect());
    pair("offered", rows.iter().map(|(_, of)| of.offered).collect());
    let unstable = rows.iter().map(|(point, of)| point.reading.unstable.contains(&of.server)).collect::<Vec<bool>>();
    columns.push(Column::new("unstable".into(), unstable));
    columns
}

/// One row a place that was looked for. `low` and `high` bracket the mean's crossing, `from` and `to` are its interval.
pub(super) fn break_columns(sweep: &Sweep) -> Vec<Column> {
    let breaks = &sweep.breaks;
    let second = sweep.parameters.get(1).filter(|_| !breaks.is_empty());
    let mut columns: Vec<Column> =
        second.map(|second| setting_column(second, breaks.iter().filter_map(|of| of.held.clone()))).into_iter().collect();
    let texts = |text: &dyn Fn(&Break) -> &str| breaks.iter().map(|of| text(of).to_owned()).collect::<Vec<String>>();
    columns.push(Column::new(
        "of".into(),
        texts(&|of| match &of.subject {
            Subject::Kpi(kpi) => kpi.key(),
            Subject::Server(server) => server,
        }),
    ));
    columns.push(Column::new("is_server".into(), breaks.iter().map(|of| matches!(of.subject, Subject::Server(_))).collect::<Vec<bool>>()));
    columns.push(Column::new("target".into(), breaks.iter().map(|of| of.target).collect::<Vec<f64>>()));
    columns.push(Column::new(
        "outcome".into(),
        texts(&|of| match of.outcome {
            Outcome::Holds => "holds",
            Outcome::Missed => "missed",
            Outcome::Breaks(_) => "breaks",
            Outcome::Mends(_) => "mends",
        }),
    ));
    let mut numbers = |name: &str, number: &dyn Fn(&Crossing) -> Option<f64>| {
        let values = breaks.iter().map(|of| of.outcome.crossing().and_then(number));
        columns.push(Column::new(name.into(), values.collect::<Vec<Option<f64>>>()));
    };
    numbers("low", &|at| Some(at.between.0));
    numbers("high", &|at| Some(at.between.1));
    numbers("from", &|at| at.from);
    numbers("to", &|at| at.to);
    columns.push(Column::new("again".into(), breaks.iter().map(|of| of.again).collect::<Vec<bool>>()));
    columns
}
