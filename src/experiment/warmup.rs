//! Where the warm-up ends, when a scenario does not say: MSER-5 on pilot replications.

use rayon::prelude::*;

use crate::engine::{EndedCall, Observer, Run, simulate_observed};
use crate::judge::mser5;
use crate::mapping::Mapping;
use crate::scenario::Scenario;
use crate::units::SimTime;

use super::{Case, Stage};

/// Replications whose average the rule looks at: enough to see the transient through the noise, a quarter of the usual run.
const PILOTS: u32 = 5;

const SECOND: u64 = 1_000_000_000;

/// Parts of a run, so that the series has one length and one size in memory however many calls there are.
const BINS: usize = 1000;

/// A warm-up that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warmup {
    pub time: SimTime,
    /// False where the rule would have cut more than half of the run: it is too short to show a steady state.
    pub settled: bool,
}

/// Gives the scenario, and each of its what-ifs, the warm-up that MSER-5 finds under the mapping, where none is stated: that which is
/// simulated; today's where several are compared, so that all are counted over the same time. Tells the base's; its `settled` holds for all that were found. None where the base states its own.
pub fn settle(scenario: &mut Scenario, mapping: &Mapping, seed: u64) -> Option<Warmup> {
    let find_for = |scenario: &mut Scenario| {
        if scenario.run.warmup.is_some() {
            return None;
        }
        let found = find(Case { scenario, mapping }, seed);
        scenario.run.warmup = Some(found.time);
        Some(found)
    };
    let what_ifs: Vec<Warmup> = scenario.what_ifs.iter_mut().filter_map(|what_if| find_for(&mut what_if.scenario)).collect();
    let base = find_for(scenario)?;
    Some(Warmup { settled: base.settled && what_ifs.iter().all(|found| found.settled), ..base })
}

/// By the mean response of the calls that ended in each part of the run, averaged over the pilots.
fn find(case: Case, seed: u64) -> Warmup {
    let horizon = case.scenario.run.horizon;
    let pilots: Vec<Series> = (0..PILOTS)
        .into_par_iter()
        .map(|number| {
            let mut series = Series::new(horizon);
            let run = Run { seed, replication: Stage::Pilot.first_replication() + number };
            simulate_observed(case.scenario, case.mapping, run, &mut series);
            series
        })
        .collect();
    let means: Vec<Option<f64>> = (0..BINS)
        .map(|bin| {
            let (sum, count) = pilots.iter().fold((0.0, 0), |(sum, count), pilot| (sum + pilot.bins[bin].0, count + pilot.bins[bin].1));
            (count > 0).then_some(sum / count as f64)
        })
        .collect();
    // Parts in which nothing ended tell nothing: what is left keeps its place in time.
    let (at, values): (Vec<usize>, Vec<f64>) = means.iter().enumerate().filter_map(|(bin, mean)| Some((bin, (*mean)?))).unzip();
    let cut = mser5(&values);
    // Nothing cut is nothing cut, also where the first part of the run was empty.
    let bin = if cut.first == 0 { 0 } else { at.get(cut.first).copied().unwrap_or(0) };
    // To a whole second, which reads better and cuts little more; not where the run itself is that short.
    let second = if horizon > SimTime(1000 * SECOND) { SECOND } else { 1 };
    let time = SimTime((horizon.0 / BINS as u64 * bin as u64).next_multiple_of(second));
    Warmup { time, settled: cut.settled && bin <= BINS / 2 }
}

/// Response \[s\] and number of the calls that succeeded, by the part of the run in which they ended.
struct Series {
    part: u64,
    bins: Vec<(f64, u64)>,
}

impl Series {
    fn new(horizon: SimTime) -> Series {
        Series { part: (horizon.0 / BINS as u64).max(1), bins: vec![(0.0, 0); BINS] }
    }
}

impl Observer for Series {
    fn call_ended(&mut self, call: &EndedCall) {
        if call.succeeded
            && let Some((sum, count)) = self.bins.get_mut((call.at.0 / self.part) as usize)
        {
            *sum += (call.at - call.issued).as_secs();
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Dispatch;
    use crate::scenario;

    fn settle_today(scenario: &mut Scenario) -> Option<Warmup> {
        let today = Mapping::current(scenario);
        settle(scenario, &today, 1)
    }

    fn queue(utilisation: f64, horizon: &str) -> Scenario {
        let text = format!(
            "format = 1\nname = \"queue\"\n[run]\nhorizon = \"{horizon}\"\n[servers.one]\nserial = {{ exponential = \"1s\" }}\nprovides.work = 1.0\n\
             [agents.poisson]\nworkload = {{ tasks = \"{utilisation}/s\" }}\nneeds.work = \"one\"\n[policy]\ntimeout = \"10d\"\ncall_life = \"20d\"\n"
        );
        scenario::parse("queue.toml", &text).expect("a right scenario").scenario
    }

    #[test]
    fn a_queue_that_settles_is_cut_where_it_has_settled() {
        let mut scenario = queue(0.9, "20h");
        let warmup = settle_today(&mut scenario).expect("none is stated");
        // From empty, the mean wait of M/M/1 is within a few percent of its limit after some (1 - sqrt(.9))^-2 = 380 s.
        assert!(warmup.settled && warmup.time < SimTime::from_secs(20_000.0), "{warmup:?}");
        assert_eq!(scenario.run.warmup, Some(warmup.time));
        assert_eq!(settle_today(&mut scenario), None, "what is stated stays");
    }

    #[test]
    fn the_pilots_run_as_what_is_simulated() {
        // Four servers; today all calls go to the first, which is offered 3.2 times what it can serve: that never settles.
        let text = include_str!("../../scenarios/oracles/dispatch-shortest.toml").replace("warmup = ", "# ");
        let mut scenario = scenario::parse("shortest.toml", &text).expect("a right scenario").scenario;
        scenario.run.horizon = SimTime::from_secs(36_000.0);
        let gateway = Mapping { dispatch: Dispatch::ShortestQueue, ..Mapping::current(&scenario) };
        assert!(settle(&mut scenario.clone(), &gateway, 1).is_some_and(|found| found.settled));
        assert!(settle_today(&mut scenario).is_some_and(|found| !found.settled));
    }

    #[test]
    fn a_queue_that_grows_never_settles() {
        let warmup = settle_today(&mut queue(1.3, "4h")).expect("none is stated");
        assert!(!warmup.settled, "{warmup:?}");
    }
}
