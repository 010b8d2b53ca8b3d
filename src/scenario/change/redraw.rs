//! A scenario as it may be as well: each figure that states its interval drawn anew within what it is sure of.

use rand::RngExt;
use rand_distr::StandardNormal;
use toml::{Table, Value};

use super::place::scaled;
use crate::distribution::Distribution;
use crate::random::Key;
use crate::scenario::document::{self, Problems};
use crate::scenario::read::figure::Quantity;
use crate::scenario::spelling::value as spelled;
use crate::scenario::{Scenario, parse, write};
use crate::units::{Bytes, Probability, Rate, SimTime};

/// Draws that are tried until one is a scenario: shares that sum to more than 1 are none.
const TRIES: u64 = 100;

/// A scenario's text with what it is unsure of.
#[derive(Debug, Clone)]
pub struct Uncertain<'a> {
    scenario: &'a Scenario,
    text: Table,
    /// Figures with an interval that holds their value.
    pub figures: usize,
}

impl<'a> Uncertain<'a> {
    pub fn of(scenario: &'a Scenario) -> Uncertain<'a> {
        // A seed may be larger than plain TOML holds; it is not drawn.
        let mut plain = scenario.clone();
        plain.run.seed = 1;
        let mut text: Table = toml::from_str(&write(&plain)).expect("what is written is TOML");
        let mut figures = 0;
        each(&mut text, &mut String::new(), &mut |_, _, _| {
            figures += 1;
            None
        });
        Uncertain { scenario, text, figures }
    }

    /// With the same key, the same; none where no draw is a scenario. Each figure has a key of its own: what else is unsure moves no draw.
    pub fn drawn(&self, key: Key) -> Option<Scenario> {
        let drawn = (0..TRIES).find_map(|attempt| {
            let mut text = self.text.clone();
            each(&mut text, &mut String::new(), &mut |path, value, interval| {
                let normal = key.with(attempt).named(path).generator().sample(StandardNormal);
                redrawn(value, interval, normal)
            });
            parse("drawn", &toml::to_string(&text).ok()?).ok()
        });
        let mut drawn = drawn?.scenario;
        drawn.run = self.scenario.run.clone();
        for (what_if, own) in drawn.what_ifs.iter_mut().zip(&self.scenario.what_ifs) {
            what_if.scenario.run = own.scenario.run.clone();
        }
        Some(drawn)
    }
}

/// A value and its interval, as numbers of one unit.
#[derive(Debug, Clone, Copy)]
struct Interval {
    value: f64,
    low: f64,
    high: f64,
}

/// Walks over the figures that state an interval, and puts what `draw` makes of one in its place.
fn each(table: &mut Table, path: &mut String, draw: &mut impl FnMut(&str, &Value, Interval) -> Option<Value>) {
    if let (Some(value), Some(Value::Array(ends))) = (table.get("value"), table.get("interval")) {
        if let Some(interval) = interval(value, ends)
            && let Some(drawn) = draw(path, value, interval)
        {
            table["value"] = drawn;
        }
        return;
    }
    for (key, inner) in table.iter_mut() {
        let length = path.len();
        path.push('.');
        path.push_str(key);
        if let Value::Table(inner) = inner {
            each(inner, path, draw);
        }
        path.truncate(length);
    }
}

/// None where the interval says nothing of the value: it lies elsewhere, or has no width.
fn interval(value: &Value, ends: &[Value]) -> Option<Interval> {
    let [Value::String(low), Value::String(high)] = ends else { return None };
    let number = match value {
        Value::Table(_) => read::<Distribution>(&spelled(value))?.mean(),
        Value::String(text) => amount(text)?,
        Value::Integer(number) => *number as f64,
        Value::Float(number) => *number,
        _ => return None,
    };
    let interval = Interval { value: number, low: amount(low)?, high: amount(high)? };
    (interval.low < interval.high && (interval.low..=interval.high).contains(&number)).then_some(interval)
}

fn read<T: Quantity>(text: &str) -> Option<T> {
    let text = format!("v = {text}");
    let mut problems = Problems::default();
    let root = document::parse(&text, &mut problems)?;
    let value = T::read(&root.get("v")?.node, "v", &mut problems);
    value.filter(|_| !problems.has_errors())
}

/// In seconds, bytes, events a second, or as it is.
fn amount(text: &str) -> Option<f64> {
    let time = || text.parse::<SimTime>().ok().map(SimTime::as_secs);
    let rate = || text.parse::<Rate>().ok().map(Rate::per_second);
    let bytes = || text.parse::<Bytes>().ok().map(|bytes| bytes.0 as f64);
    let share = || text.parse::<Probability>().ok().map(Probability::get);
    text.parse::<f64>().ok().filter(|number| number.is_finite()).or_else(time).or_else(rate).or_else(bytes).or_else(share)
}

/// A normal of two halves (Wallis 2014, Statistical Science 29), so that the value is the median and the interval has 95 %: of the logarithm where
/// the interval begins above zero, else of the value, cut off at zero. A share stays one, and a count one within its interval.
fn redrawn(value: &Value, interval: Interval, normal: f64) -> Option<Value> {
    const Z: f64 = 1.959_964;
    let Interval { value: middle, low, high } = interval;
    let drawn = if low > 0.0 {
        let far = if normal < 0.0 { (middle / low).ln() } else { (high / middle).ln() };
        middle * (normal / Z * far).exp()
    } else {
        let far = if normal < 0.0 { middle - low } else { high - middle };
        (middle + normal / Z * far).max(0.0)
    };
    let drawn = if high <= 1.0 && matches!(value, Value::Float(_)) { drawn.min(1.0) } else { drawn };
    match value {
        Value::Integer(_) if low.fract() == 0.0 && high.fract() == 0.0 => Some(Value::Integer(drawn.round().clamp(low, high) as i64)),
        Value::Integer(_) | Value::Float(_) => Some(Value::Float(drawn)),
        _ if middle > 0.0 => scaled(value, drawn / middle).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
format = 1
name = "unsure"
[servers.s]
slots = { value = 2, source = "measured", interval = [1, 3] }
serial = { value = { lognormal = { mean = "150ms", cv = 0.5 } }, source = "measured", n = 40, interval = ["130ms", "180ms"] }
errors = { soft = { value = 0.0, source = "measured", n = 100, interval = [0, 0.036] }, protocol = 0.01 }
provides.a = 1.0
[agents.b]
workload = { tasks = { value = "20/h", source = "measured", interval = ["15/h", "26/h"] } }
needs.a = "s"
[what_if.busy]
servers.s.slots = 1
"#;

    #[test]
    fn figures_are_drawn_within_what_they_are_sure_of() {
        let scenario = parse("s", TEXT).unwrap().scenario;
        let uncertain = Uncertain::of(&scenario);
        assert_eq!(uncertain.figures, 4);
        let draws: Vec<Scenario> = (0..400).map(|i| uncertain.drawn(Key::new(i)).unwrap()).collect();
        assert_eq!(uncertain.drawn(Key::new(7)).as_ref(), Some(&draws[7]), "the same key, the same draw");
        let check = |of: &dyn Fn(&Scenario) -> f64, middle: f64, low: f64, high: f64| {
            let mut values: Vec<f64> = draws.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            let inside = values.iter().filter(|x| (low..=high).contains(*x)).count();
            assert!((values[200] - middle).abs() <= 0.02 * middle + 0.05 * (high - low), "{} {middle}", values[200]);
            assert!(inside >= 365, "{inside} of 400 in {low} to {high}");
            assert!(values[0] < values[399]);
        };
        let server = |s: &Scenario| s.servers[0].clone();
        check(&|s| server(s).serial.value.mean(), 0.15, 0.13, 0.18);
        check(&|s| server(s).errors.soft.value.get(), 0.0, 0.0, 0.036);
        check(&|s| f64::from(server(s).slots.value), 2.0, 1.0, 3.0);
        check(&|s| s.agents[0].workload.tasks.value.per_second() * 3600.0, 20.0, 15.0, 26.0);
        for drawn in &draws {
            assert!(matches!(server(drawn).serial.value, Distribution::Lognormal { cv, .. } if cv == 0.5), "its form stays");
            assert_eq!((server(drawn).errors.protocol.value.get(), drawn.what_ifs[0].scenario.servers[0].slots.value), (0.01, 1));
            assert_eq!(drawn.what_ifs[0].scenario.servers[0].serial, drawn.servers[0].serial, "what-ifs are of the same draw");
        }
    }

    #[test]
    fn without_intervals_nothing_is_drawn() {
        let plain: String = TEXT.lines().filter(|line| !line.contains("interval")).map(|line| format!("{line}\n")).collect();
        let plain =
            plain.replace("[servers.s]", "[servers.s]\nserial = \"1s\"").replace("[agents.b]", "[agents.b]\nworkload.tasks = \"1/h\"");
        let scenario = parse("s", &plain).unwrap().scenario;
        let uncertain = Uncertain::of(&scenario);
        assert_eq!((uncertain.figures, uncertain.drawn(Key::new(1))), (0, Some(scenario.clone())));
    }
}
