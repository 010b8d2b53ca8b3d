//! What the scenario is unsure of, carried into the KPIs: how far they would be from here if its figures were elsewhere in their intervals.
//!
//! Outer draws of the inputs, inner replications of each: Chick (2001), "Input distribution selection for simulation experiments", Operations
//! Research 49; Barton, Nelson & Xie (2014), "Quantifying input uncertainty via simulation confidence intervals", INFORMS J. on Computing 26. All
//! draws meet the same replications, so that luck, which they share, cancels between them.

use rayon::prelude::*;
use serde::Serialize;

use super::evaluate::Case;
use crate::experiment::{self, Design, Watch};
use crate::judge::Kpis;
use crate::mapping::Mapping;
use crate::random::Key;
use crate::scenario::change::Uncertain;
use crate::scenario::{Kpi, Scenario};

/// Inner replications of a draw: two tell luck from inputs, more make draws few.
const INNER: u32 = 5;
/// Draws whose scenarios are kept at a time.
const AT_ONCE: usize = 50;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Propagated {
    /// Figures of the scenario that state an interval.
    pub figures: usize,
    pub draws: u32,
    /// Of each draw.
    pub replications: u32,
    /// In the order of the cases.
    pub cases: Vec<Vec<KpiRange>>,
}

/// A KPI's 95 % interval with input uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KpiRange {
    pub kpi: Kpi,
    pub low: f64,
    pub high: f64,
    /// Of the interval's variance, the share that the inputs' is: more replications narrow the rest only.
    pub of_inputs: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PropagateError {
    #[error(
        "no figure of the scenario states an interval: write it as {{ value = .., source = \"measured\", interval = [.., ..] }}, as `mcplab fit` does"
    )]
    Nothing,
    #[error("draw {draw} of the inputs makes no scenario, in a hundred tries: are the intervals too wide?")]
    NoScenario { draw: u32 },
}

/// Replications that it will simulate of each case.
pub fn propagated_replications(design: Design, draws: u32) -> u32 {
    draws.saturating_mul(design.replications.min(INNER))
}

/// Of cases that were simulated with this design, each the base or a what-if.
pub fn propagate(
    scenario: &Scenario,
    mapping: &Mapping,
    cases: &[Case],
    design: Design,
    draws: u32,
    watch: &dyn Watch,
) -> Result<Propagated, PropagateError> {
    let uncertain = Uncertain::of(scenario);
    if uncertain.figures == 0 {
        return Err(PropagateError::Nothing);
    }
    let key = Key::new(design.seed).named("inputs");
    let inner = Design { replications: design.replications.min(INNER), ..design };
    let mut found: Vec<Vec<Vec<Kpis>>> = vec![Vec::new(); cases.len()];
    let all: Vec<u32> = (0..draws).collect();
    for some in all.chunks(AT_ONCE) {
        let draw = |draw: &u32| uncertain.drawn(key.with(u64::from(*draw))).ok_or(PropagateError::NoScenario { draw: *draw });
        let worlds: Vec<Scenario> = some.par_iter().map(draw).collect::<Result<_, _>>()?;
        for (case, found) in cases.iter().zip(&mut found) {
            let scenarios: Vec<_> = worlds.iter().map(|drawn| experiment::Case { scenario: chosen(drawn, case), mapping }).collect();
            let replications = experiment::run(&scenarios, inner, watch);
            found.extend(replications.iter().map(|of| of.iter().map(|r| r.kpis.clone()).collect::<Vec<_>>()));
        }
    }
    let of_case =
        |(case, draws): (&Case, &Vec<Vec<Kpis>>)| case.summary.kpis.iter().filter_map(|of| range(of.kpi, case, draws)).collect::<Vec<_>>();
    let cases = cases.iter().zip(&found).map(of_case).collect();
    Ok(Propagated { figures: uncertain.figures, draws, replications: inner.replications, cases })
}

/// What the case is of, in a draw.
fn chosen<'a>(drawn: &'a Scenario, case: &Case) -> &'a Scenario {
    let what_if = drawn.what_ifs.iter().find(|w| Some(&w.name) == case.what_if.as_ref());
    what_if.map_or(drawn, |what_if| &what_if.scenario)
}

/// None for a KPI that some replication has none of, or that is planned and has no luck in it.
fn range(kpi: Kpi, case: &Case, draws: &[Vec<Kpis>]) -> Option<KpiRange> {
    let estimate = case.summary.kpi(kpi)?;
    let values = |of: &[Kpis]| of.iter().map(|kpis| kpis.get(kpi)).collect::<Option<Vec<f64>>>();
    let draws: Vec<Vec<f64>> = draws.iter().filter_map(|of| values(of)).collect();
    let same = case.replications.iter().take(draws.first()?.len());
    let here = same.map(|r| r.kpis.get(kpi)).collect::<Option<Vec<f64>>>()?;
    if draws.len() < 2 {
        return None;
    }
    let Spread { mean, deviations, inputs } = spread(&draws);
    // Between the draws' mean and the value here lies how unevenly the KPI answers; the same replications, so nearly without luck.
    let middle = estimate.mean + mean - mean_of(&here);
    let quantile = |p: f64| deviations[((p * deviations.len() as f64) as usize).min(deviations.len() - 1)];
    let (below, above) = (-quantile(0.025), quantile(0.975));
    let with_luck = |far: f64| far.max(0.0).hypot(estimate.half_width);
    let of_luck = estimate.error.powi(2);
    let of_inputs = if inputs + of_luck > 0.0 { inputs / (inputs + of_luck) } else { 0.0 };
    Some(KpiRange { kpi, low: middle - with_luck(below), high: middle + with_luck(above), of_inputs })
}

struct Spread {
    mean: f64,
    /// Of draws from their mean, ascending, without luck.
    deviations: Vec<f64>,
    /// Variance.
    inputs: f64,
}

/// Two ways without repetition: draws are rows, replications are columns. What is left beside both is the luck that is not shared; rows' means
/// vary by it, too, and are drawn together so that what varies is the inputs' (Sun, Apley & Staum 2011, Operations Research 59).
fn spread(draws: &[Vec<f64>]) -> Spread {
    let (rows, columns) = (draws.len() as f64, draws[0].len() as f64);
    let of_rows: Vec<f64> = draws.iter().map(|row| mean_of(row)).collect();
    let of_columns: Vec<f64> = (0..draws[0].len()).map(|i| draws.iter().map(|row| row[i]).sum::<f64>() / rows).collect();
    let mean = mean_of(&of_rows);
    let between = of_rows.iter().map(|row| (row - mean).powi(2)).sum::<f64>() / (rows - 1.0);
    let rest = |(row, at): (&Vec<f64>, &f64)| row.iter().zip(&of_columns).map(|(x, column)| (x - at - column + mean).powi(2)).sum::<f64>();
    let left = draws.iter().zip(&of_rows).map(rest).sum::<f64>() / ((rows - 1.0) * (columns - 1.0)).max(1.0);
    let inputs = (between - left / columns).max(0.0);
    let together = if between > 0.0 { (inputs / between).sqrt() } else { 0.0 };
    let mut deviations: Vec<f64> = of_rows.iter().map(|row| together * (row - mean)).collect();
    deviations.sort_by(f64::total_cmp);
    Spread { mean, deviations, inputs }
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Stage;
    use crate::scenario::parse;

    fn propagated(interval: &str) -> (Case, Propagated) {
        let text = format!(
            "format = 1\nname = \"n\"\n[run]\nhorizon = \"4h\"\nwarmup = \"0s\"\n[servers.s]\nslots = 50\nserial = {{ value = {{ exponential = \"200ms\" }}, source = \"measured\", interval = {interval} }}\nprovides.a = 1.0\n[agents.b]\nworkload.tasks = \"600/h\"\nneeds.a = \"s\"\n"
        );
        let scenario = parse("n", &text).unwrap().scenario;
        let mapping = Mapping::current(&scenario);
        let design = Design { seed: 1, replications: 10, stage: Stage::Comparison };
        let replications = experiment::run(&[experiment::Case { scenario: &scenario, mapping: &mapping }], design, &()).remove(0);
        let case = super::super::case(&scenario, None, false, replications);
        let found = propagate(&scenario, &mapping, std::slice::from_ref(&case), design, 100, &()).unwrap();
        (case, found)
    }

    fn of_response(of: &Propagated) -> KpiRange {
        *of.cases[0].iter().find(|range| range.kpi == Kpi::ResponseMean).unwrap()
    }

    /// Nobody waits, so the response is the service time: it is known as well as that is.
    #[test]
    fn what_is_unsure_of_the_inputs_is_unsure_of_the_kpi() {
        let (case, wide) = propagated("[\"150ms\", \"260ms\"]");
        let range = of_response(&wide);
        assert!((range.low - 0.150).abs() < 0.02 && (range.high - 0.260).abs() < 0.03 && range.of_inputs > 0.95, "{range:?}");
        let estimate = case.summary.kpi(Kpi::ResponseMean).unwrap();
        let narrow = of_response(&propagated("[\"199.99ms\", \"200.01ms\"]").1);
        assert!((narrow.high - narrow.low) / (2.0 * estimate.half_width) < 1.1 && narrow.of_inputs < 0.1, "{narrow:?} {estimate:?}");
        assert_eq!(propagated("[\"150ms\", \"260ms\"]").1, wide, "again, the same");
    }

    #[test]
    fn inputs_and_luck_are_told_apart() {
        // Rows differ by 10, columns by luck that all share.
        let draws = vec![vec![1.0, 5.0, 3.0], vec![11.0, 15.0, 13.0]];
        let of = spread(&draws);
        assert_eq!((of.mean, of.inputs, &of.deviations[..]), (8.0, 50.0, &[-5.0, 5.0][..]));
        // All of it is luck.
        let of = spread(&[vec![1.0, -1.0], vec![-1.0, 1.0]]);
        assert_eq!((of.inputs, &of.deviations[..]), (0.0, &[0.0, 0.0][..]));
    }
}
