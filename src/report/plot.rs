//! Charts as SVG: lines with intervals, scatters with labels, side by side in panels. Text needs no fonts of the machine.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;

/// Charts in one picture, beside and below one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub title: String,
    pub panels: Vec<Panel>,
    /// Panels side by side.
    pub columns: usize,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panel {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    pub marks: Vec<Mark>,
}

/// What an axis shows, with its unit: `mean response [s]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    pub title: String,
    /// Names at 0, 1, 2 ...; none: numbers.
    pub names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// For the legend; empty: none.
    pub name: String,
    pub points: Vec<Point>,
    /// Joined by a line; false: a scatter.
    pub joined: bool,
}

/// A point in the axes' units, with its intervals where it has some. What is not finite is left out, and ends a line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    pub x_interval: Option<(f64, f64)>,
    pub y_interval: Option<(f64, f64)>,
    /// Stands beside the point; may be empty.
    pub label: String,
}

/// A dashed line across a panel: a target, a place where something breaks.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    X(f64, String),
    Y(f64, String),
    /// At an x, in the colour of the series of that index.
    Of(usize, f64),
}

#[derive(Debug, thiserror::Error)]
#[error("the chart `{title}` cannot be drawn: {reason}")]
pub struct PlotError {
    pub title: String,
    pub reason: String,
}

/// Of one panel [px].
const PANEL: (u32, u32) = (520, 300);
const TITLE: u32 = 36;
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const PALE: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);
const MARK: RGBColor = RGBColor(0xb0, 0x30, 0x30);
/// Where the legend starts, how high its rows are, how wide a character about is [px].
const LEGEND_LEFT: i32 = 76;
const LEGEND_ROW: i32 = 15;
const CHARACTER: f64 = 6.0;
/// What does not fit into these is left out: a panel is a chart before it is a list.
const LEGEND_ROWS: i32 = 4;
/// Told apart by the colour-blind too: Okabe & Ito (2008), without yellow.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x00, 0x00, 0x00),
];

/// The picture as the text of an SVG file.
pub fn svg(figure: &Figure) -> Result<String, PlotError> {
    let mut text = String::new();
    let columns = figure.columns.clamp(1, figure.panels.len().max(1));
    let rows = figure.panels.len().div_ceil(columns).max(1);
    let size = (PANEL.0 * columns as u32, PANEL.1 * rows as u32 + TITLE);
    draw(figure, &SVGBackend::with_string(&mut text, size).into_drawing_area(), (rows, columns))
        .map_err(|error| PlotError { title: figure.title.clone(), reason: error.to_string() })?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw(figure: &Figure, area: &Area, grid: (usize, usize)) -> Drawn {
    area.fill(&WHITE)?;
    let (top, rest) = area.split_vertically(TITLE);
    top.draw(&Text::new(figure.title.clone(), (14, 12), ("sans-serif", 16).into_font().color(&INK)))?;
    for (panel, area) in figure.panels.iter().zip(rest.split_evenly(grid)) {
        draw_panel(panel, &area)?;
    }
    area.present()
}

fn draw_panel(panel: &Panel, area: &Area) -> Drawn {
    let all = || panel.series.iter().flat_map(|s| &s.points).filter(|p| is_drawn(p));
    let marks = |of_x: bool| {
        panel.marks.iter().filter_map(move |m| match m {
            Mark::X(x, _) | Mark::Of(_, x) if of_x => Some(*x),
            Mark::Y(y, _) if !of_x => Some(*y),
            _ => None,
        })
    };
    let x = range(all().flat_map(|p| ends(p.x, p.x_interval)).chain(marks(true)), &panel.x);
    let y = range(all().flat_map(|p| ends(p.y, p.y_interval)).chain(marks(false)), &panel.y);
    let area = area.margin(10, 0, 0, 0).titled(&panel.title, ("sans-serif", 14).into_font().color(&INK))?;
    let mut chart = ChartBuilder::on(&legend(panel, &area)?)
        .margin(12)
        .margin_right(24)
        .x_label_area_size(38)
        .y_label_area_size(58)
        .build_cartesian_2d(x.clone(), y.clone())?;
    let label = |axis: &Axis, value: f64| match axis.names.is_empty() {
        true => number(value),
        false if (value - value.round()).abs() < 1e-9 && value >= 0.0 => {
            axis.names.get(value.round() as usize).cloned().unwrap_or_default()
        }
        false => String::new(),
    };
    let ticks = |axis: &Axis, most: usize| if axis.names.is_empty() { most } else { (2 * axis.names.len() + 1).min(40) };
    chart
        .configure_mesh()
        .x_labels(ticks(&panel.x, 8))
        .y_labels(ticks(&panel.y, 6))
        .x_label_formatter(&|value| label(&panel.x, *value))
        .y_label_formatter(&|value| label(&panel.y, *value))
        .x_desc(&panel.x.title)
        .y_desc(&panel.y.title)
        .label_style(("sans-serif", 11).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 12).into_font().color(&INK))
        .axis_style(INK)
        .bold_line_style(PALE)
        .light_line_style(TRANSPARENT)
        .draw()?;
    for mark in &panel.marks {
        let upright = |at: f64| [(at, y.start), (at, y.end)];
        let (ends, at, offset, text, colour) = match mark {
            Mark::X(at, text) => (upright(*at), (*at, y.end), (4, 3), text.as_str(), MARK),
            Mark::Y(at, text) => ([(x.start, *at), (x.end, *at)], (x.start, *at), (6, -12), text.as_str(), MARK),
            Mark::Of(series, at) => (upright(*at), (*at, y.end), (0, 0), "", colour(*series)),
        };
        chart.draw_series(DashedLineSeries::new(ends, 5, 4, colour.into()))?;
        chart.draw_series([EmptyElement::at(at) + Text::new(text.to_owned(), offset, ("sans-serif", 11).into_font().color(&colour))])?;
    }
    for (index, series) in panel.series.iter().enumerate() {
        let colour = colour(index);
        let points = || series.points.iter().filter(|p| is_drawn(p));
        if series.joined {
            for run in series.points.split(|p| !is_drawn(p)).filter(|run| !run.is_empty()) {
                let edge = |end: fn((f64, f64)) -> f64| run.iter().map(move |p| (p.x, p.y_interval.map_or(p.y, end)));
                let band: Vec<(f64, f64)> = edge(|i| i.0).chain(edge(|i| i.1).collect::<Vec<_>>().into_iter().rev()).collect();
                chart.draw_series([Polygon::new(band, colour.mix(0.15))])?;
                chart.draw_series(LineSeries::new(run.iter().map(|p| (p.x, p.y)), colour.stroke_width(2)))?;
            }
        }
        let whiskers = points().flat_map(|p| {
            let across = p.x_interval.map(|(low, high)| vec![(low, p.y), (high, p.y)]);
            across.into_iter().chain(p.y_interval.map(|(low, high)| vec![(p.x, low), (p.x, high)]))
        });
        chart.draw_series(whiskers.map(|ends| PathElement::new(ends, colour)))?;
        chart.draw_series(points().map(|p| Circle::new((p.x, p.y), 3, colour.filled())))?;
        let labelled = points().filter(|p| !p.label.is_empty());
        chart
            .draw_series(labelled.map(|p| {
                EmptyElement::at((p.x, p.y)) + Text::new(p.label.clone(), (6, -12), ("sans-serif", 11).into_font().color(&INK))
            }))?;
    }
    Ok(())
}

/// Names of series above the chart, where they cover nothing; returns what is left of the area.
fn legend<'a>(panel: &Panel, area: &Area<'a>) -> Result<Area<'a>, DrawingAreaErrorKind<std::io::Error>> {
    let width = area.dim_in_pixel().0 as i32;
    let mut places: Vec<(i32, i32)> = Vec::new();
    let (mut x, mut row) = (LEGEND_LEFT, 0);
    for series in panel.series.iter().filter(|series| !series.name.is_empty()) {
        let wide = 22 + (CHARACTER * series.name.chars().count() as f64).ceil() as i32;
        if x > LEGEND_LEFT && x + wide > width {
            (x, row) = (LEGEND_LEFT, row + 1);
        }
        places.push((x, row));
        x += wide;
    }
    let rows = places.last().map_or(0, |(_, row)| (row + 1).min(LEGEND_ROWS));
    let (top, rest) = area.split_vertically(rows * LEGEND_ROW);
    let named = panel.series.iter().enumerate().filter(|(_, series)| !series.name.is_empty());
    for ((index, series), (x, row)) in named.zip(places).take_while(|(_, (_, row))| *row < LEGEND_ROWS) {
        let y = row * LEGEND_ROW + 8;
        top.draw(&Circle::new((x, y), 4, colour(index).filled()))?;
        top.draw(&Text::new(series.name.clone(), (x + 8, y - 6), ("sans-serif", 11).into_font().color(&INK)))?;
    }
    Ok(rest)
}

fn colour(series: usize) -> RGBColor {
    COLOURS[series % COLOURS.len()]
}

fn is_drawn(point: &Point) -> bool {
    point.x.is_finite() && point.y.is_finite()
}

fn ends(value: f64, interval: Option<(f64, f64)>) -> [f64; 3] {
    let (low, high) = interval.unwrap_or((value, value));
    [low, value, high]
}

/// All values with some room around them; never empty.
fn range(values: impl Iterator<Item = f64>, axis: &Axis) -> Range<f64> {
    if !axis.names.is_empty() {
        return -0.5..axis.names.len() as f64 - 0.5;
    }
    let (low, high) = values.filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    let room = match high - low {
        0.0 if high == 0.0 => 1.0,
        0.0 => 0.1 * high.abs(),
        width => 0.08 * width,
    };
    // What is never below zero does not look as if it could be.
    let start = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
    start..high + room
}

fn number(value: f64) -> String {
    // The blank of an axis at zero is no "-0".
    format!("{}", (value * 1e6).round() / 1e6 + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(points: Vec<Point>, joined: bool) -> Figure {
        let series = vec![Series { name: "today & <now>".to_owned(), points, joined }];
        let x = Axis { title: "load".to_owned(), names: Vec::new() };
        let y = Axis { title: "mean response [s]".to_owned(), names: Vec::new() };
        let marks = vec![Mark::Y(3.0, "target".to_owned()), Mark::X(1.5, "breaks".to_owned())];
        Figure { title: "a figure".to_owned(), panels: vec![Panel { title: "panel".to_owned(), x, y, series, marks }], columns: 2 }
    }

    fn point(x: f64, y: f64) -> Point {
        Point { x, y, y_interval: Some((y - 0.1, y + 0.2)), label: format!("p{x}"), ..Point::default() }
    }

    #[test]
    fn what_is_drawn_is_named_with_its_unit() {
        for joined in [true, false] {
            let text = svg(&figure(vec![point(1.0, 2.0), point(2.0, 4.0)], joined)).expect("it can be drawn");
            for part in ["a figure", "panel", "load", "mean response [s]", "target", "breaks", "p1", "today &amp; &lt;now&gt;"] {
                assert!(text.contains(part), "{part} is in\n{text}");
            }
            assert_eq!(text.contains("<polygon"), joined, "a band around a line alone");
        }
    }

    #[test]
    fn nothing_breaks_a_chart() {
        let none = Vec::new();
        for points in [none, vec![point(0.0, 0.0)], vec![point(f64::NAN, 1.0), point(1.0, f64::INFINITY)], vec![point(1e300, -1e300)]] {
            svg(&figure(points, true)).expect("it can be drawn");
        }
        svg(&Figure { title: String::new(), panels: Vec::new(), columns: 0 }).expect("no panels are no mistake");
    }
}
