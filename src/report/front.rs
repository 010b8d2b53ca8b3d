//! The Pareto front as a table and as a picture.

use crate::scenario::Kpi;
use crate::study::FrontPoint;

use super::format::{estimate, plain_table};
use super::plot::{self, Axis, Figure, Panel, PlotError, Point, Series};

/// In the results folder.
pub const FRONT_PLOT: &str = "front.svg";

pub fn front_text(front: &[FrontPoint]) -> String {
    if front.is_empty() {
        return "\nPareto front: empty, since nothing that was simulated is within the limits, stable and answers a call\n".to_owned();
    }
    let header = ["", "changed", "mean response", "error rate", "planned balance", "quality", "mapping"];
    let rows: Vec<Vec<String>> = front
        .iter()
        .enumerate()
        .map(|(i, point)| {
            vec![
                (i + 1).to_string(),
                point.changed.to_string(),
                estimate(Kpi::ResponseMean, Some(point.response_mean)),
                estimate(Kpi::ErrorRate, Some(point.error_rate)),
                format!("{:.1}", point.balance),
                estimate(Kpi::Quality, point.quality),
                point.name.clone(),
            ]
        })
        .collect();
    format!(
        "\nPareto front of what was simulated (± is a 95 % interval; on the front by means; quality is not part of it; none is beyond the limits; numbers as in {FRONT_PLOT})\n{}\n",
        plain_table(&header, &rows, &[0, 1, 4])
    )
}

/// Response against each of the others, the points numbered as in the table.
pub fn front_plot(scenario: &str, front: &[FrontPoint]) -> Result<String, PlotError> {
    let panel = |title: &str, axis: String, y: &dyn Fn(&FrontPoint) -> (f64, f64)| Panel {
        title: title.to_owned(),
        x: Axis { title: "mean response [s]".to_owned(), ..Axis::default() },
        y: Axis { title: axis, ..Axis::default() },
        series: vec![Series {
            points: front
                .iter()
                .enumerate()
                .map(|(i, point)| {
                    let ((at, half), response) = (y(point), point.response_mean);
                    Point {
                        x: response.mean,
                        y: at,
                        x_interval: Some((response.mean - response.half_width, response.mean + response.half_width)),
                        y_interval: (half > 0.0).then_some((at - half, at + half)),
                        label: (i + 1).to_string(),
                    }
                })
                .collect(),
            ..Series::default()
        }],
        marks: Vec::new(),
    };
    plot::svg(&Figure {
        title: format!("{scenario}: Pareto front of what was simulated, 95 % intervals"),
        panels: vec![
            panel("error rate", "error rate [%]".to_owned(), &|p| (100.0 * p.error_rate.mean, 100.0 * p.error_rate.half_width)),
            panel("planned balance", "planned balance, sharing [0 to 100]".to_owned(), &|p| (p.balance, 0.0)),
            panel("changed assignments", "changed assignments [1]".to_owned(), &|p| (p.changed as f64, 0.0)),
        ],
        columns: 2,
    })
}
