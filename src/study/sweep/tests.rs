//! Sweeps of formulas, whose crossings are known.

use super::*;

/// Readings by a formula: a KPI's mean, and a standard error.
struct Formula<F> {
    of: F,
    admits: fn(f64) -> bool,
    asked: Vec<String>,
}

fn reading(mean: f64, error: f64, offered: f64) -> Reading {
    let n = 20;
    let estimate = |mean| Some(Estimate { mean, half_width: 2.093_024 * error, error, n });
    let kpis = Kpi::ALL
        .map(|kpi| match kpi {
            Kpi::ResponseMean => KpiReading { kpi, estimate: estimate(mean), target: Some(3.0), met: Some(mean <= 3.0) },
            _ => KpiReading { kpi, estimate: None, target: None, met: None },
        })
        .to_vec();
    let servers = vec![ServerReading { server: "files".to_owned(), utilisation: None, offered: estimate(offered) }];
    Reading { kpis, servers, unstable: if offered >= 1.0 { vec!["files".to_owned()] } else { Vec::new() } }
}

impl<F: Fn(f64, f64) -> Reading> Measure for Formula<F> {
    type Error = std::convert::Infallible;

    fn admits(&self, points: &[Vec<Setting>]) -> bool {
        points.iter().all(|point| point[0].number.is_none_or(self.admits))
    }

    fn measure(&mut self, points: &[Vec<Setting>]) -> Result<Vec<Reading>, Self::Error> {
        self.asked.extend(points.iter().map(|point| point.iter().map(|of| of.text.as_str()).collect::<Vec<_>>().join(" ")));
        let number = |of: Option<&Setting>| of.and_then(|of| of.number).unwrap_or(0.0);
        Ok(points.iter().map(|point| (self.of)(number(point.first()), number(point.get(1)))).collect())
    }
}

fn swept(flag: &str, admits: fn(f64) -> bool, of: impl Fn(f64) -> Reading) -> (Sweep, Vec<String>) {
    swept_over(&[flag], admits, |x, _| of(x))
}

fn swept_over(flags: &[&str], admits: fn(f64) -> bool, of: impl Fn(f64, f64) -> Reading) -> (Sweep, Vec<String>) {
    let mut formula = Formula { of, admits, asked: Vec::new() };
    let parameters: Vec<Parameter> = flags.iter().map(|flag| Parameter::parse(flag).expect("a right parameter")).collect();
    let Ok(sweep) = sweep(&parameters, &mut formula);
    (sweep, formula.asked)
}

fn crossing(sweep: &Sweep, subject: usize) -> &Crossing {
    match &sweep.breaks[subject].outcome {
        Outcome::Breaks(crossing) | Outcome::Mends(crossing) => crossing,
        other => panic!("it crosses: {other:?}"),
    }
}

#[test]
fn a_crossing_is_found_with_its_interval() {
    // The mean crosses 3 at 2.4; its bounds, 1.729133 standard errors off (t, 19 degrees of freedom), at 2.4 -+ 0.1729133.
    let (sweep, asked) = swept("load=0.5..4:0.25", |_| true, |x| reading(0.6 + x, 0.1, x / 3.1));
    let of = crossing(&sweep, 0);
    assert!((of.at() - 2.4).abs() <= 0.25 / 16.0 && of.bisected, "{of:?}");
    assert!((of.from.unwrap() - 2.227).abs() <= 0.25 / 16.0 && of.from.unwrap() <= 2.227, "{of:?}");
    assert!((of.to.unwrap() - 2.573).abs() <= 0.25 / 16.0 && of.to.unwrap() >= 2.573, "{of:?}");
    assert!(matches!(sweep.breaks[0].outcome, Outcome::Breaks(_)) && !sweep.breaks[0].again);
    assert_eq!(sweep.breaks[1].subject, Subject::Server("files".to_owned()));
    assert!((crossing(&sweep, 1).at() - 3.1).abs() <= 0.25 / 16.0);
    let mut once = asked.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), asked.len(), "nothing is measured twice: {asked:?}");
    assert_eq!(sweep.points.len(), asked.len());
}

#[test]
fn what_never_breaks_and_what_is_always_missed_are_told_apart() {
    let outcome = |shift: f64| swept("load=1..2:0.5", |_| true, |x| reading(shift + x, 0.1, 0.5)).0.breaks[0].outcome.clone();
    assert_eq!(outcome(0.0), Outcome::Holds);
    assert_eq!(outcome(5.0), Outcome::Missed);
}

#[test]
fn more_slots_mend_and_half_a_slot_is_none() {
    let (sweep, asked) = swept("servers.files.slots=1..4:1", |x| x.fract() == 0.0, |x| reading(7.0 / x, 0.1, 0.5));
    let of = crossing(&sweep, 0);
    assert!(matches!(sweep.breaks[0].outcome, Outcome::Mends(_)));
    assert_eq!((of.between, of.from, of.to, of.bisected), ((2.0, 3.0), Some(2.0), Some(3.0), false));
    assert_eq!(asked, ["1", "2", "3", "4"]);
}

#[test]
fn an_interval_that_leaves_the_range_has_no_end() {
    let (sweep, _) = swept("load=1..2:0.5", |_| true, |x| reading(1.5 + x, 1.0, 0.5));
    let of = crossing(&sweep, 0);
    assert!((of.at() - 1.5).abs() <= 0.5 / 16.0);
    assert_eq!((of.from, of.to), (None, None));
}

/// The mean crosses 3 at 1.2 times the slots, which is what is served too.
#[test]
fn the_first_parameter_is_bisected_for_each_value_of_the_second() {
    let flags = ["load=4,3,2,1", "servers.files.slots=3,2,1"];
    let (sweep, asked) = swept_over(&flags, |_| true, |x, slots| reading(3.0 * x / (1.2 * slots), 0.01, x / (1.2 * slots)));
    let places: Vec<(&str, f64)> = sweep
        .breaks
        .iter()
        .filter(|of| matches!(of.subject, Subject::Kpi(_)))
        .map(|of| (of.held.as_ref().unwrap().text.as_str(), of.outcome.crossing().unwrap().at()))
        .collect();
    assert_eq!(places.iter().map(|(held, _)| *held).collect::<Vec<_>>(), ["1", "2", "3"]);
    for (i, (_, at)) in places.iter().enumerate() {
        assert!((at - 1.2 * (i + 1) as f64).abs() <= 1.0 / 16.0, "{places:?}");
    }
    assert_eq!(sweep.breaks.len(), 6, "the server is looked for on each line too");
    assert_eq!(sweep.points.len(), asked.len(), "what both ask for is measured once");
    // A line of its own gives what it gives among others.
    let alone =
        swept_over(&[flags[0], "servers.files.slots=2"], |_| true, |x, slots| reading(3.0 * x / (1.2 * slots), 0.01, x / (1.2 * slots)));
    assert_eq!(alone.0.breaks[..], sweep.breaks[2..4]);
}

#[test]
fn texts_are_not_bisected() {
    let (sweep, asked) = swept_over(&["servers.a.discipline=fifo,priority", "load=1,2"], |_| true, |_, x| reading(2.5 * x, 0.1, 0.5));
    assert_eq!((sweep.breaks.len(), asked.len()), (0, 4));
}

#[test]
fn the_last_parameter_changes_fastest() {
    let parameters = ["load=1,2", "servers.a.slots=1..3:1"].map(|flag| Parameter::parse(flag).expect("a right parameter"));
    let texts: Vec<String> = grid(&parameters).iter().map(|point| format!("{} {}", point[0].text, point[1].text)).collect();
    assert_eq!(texts, ["1 1", "1 2", "1 3", "2 1", "2 2", "2 3"]);
}
