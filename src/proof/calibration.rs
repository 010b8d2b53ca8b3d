//! Whether calibration finds what a scenario states: a day's log of it is simulated and calibrated, two hundred times over, and about 95 in a
//! hundred of the intervals have to hold the scenario's own figure.

use rayon::prelude::*;

use super::coverage::{Coverage, wilson};
use crate::calibrate::{Call, Estimated, Family, Sample, Watched, arrivals, failures};
use crate::engine::{EndedCall, Observer, Run, simulate_observed};
use crate::experiment::Watch;
use crate::mapping::Mapping;
use crate::random::Key;
use crate::scenario::{AgentId, Scenario, parse};

/// What a share of 95 in 100 keeps within 99.9 times in a hundred, of two hundred.
const ALLOWED: std::ops::RangeInclusive<f64> = 0.90..=0.99;

/// Of scenarios/oracles/calibration.toml, in the order of `calibrated`; the lognormal's are exp(mu) and sigma, with sigma^2 = ln(1 + .8^2).
const FIGURES: [(&str, f64); 8] = [
    ("arrival rate [1/h]", 60.0),
    ("service mean [s]", 0.15),
    ("service median [s]", 0.117_130),
    ("service sigma", 0.703_347),
    ("failures", 0.05),
    ("failures beside outages", 0.01),
    ("between outages [s]", 7200.0),
    ("repair time [s]", 600.0),
];

pub fn calibration(watch: &dyn Watch) -> Vec<Coverage> {
    let parsed = parse("calibration.toml", include_str!("../../scenarios/oracles/calibration.toml"));
    let scenario = parsed.expect("the scenario is shipped").scenario;
    let days = scenario.run.replications;
    watch.phase("calibration", u64::from(days));
    let all: Vec<(u64, Vec<Option<Estimated>>)> = (0..days)
        .into_par_iter()
        .map(|day| {
            let found = calibrated(&scenario, day);
            watch.step();
            found
        })
        .collect();
    let calls = all.iter().map(|(calls, _)| calls).sum();
    let of_figure = |(at, (figure, exact)): (usize, &(&'static str, f64))| {
        let found: Vec<&Estimated> = all.iter().filter_map(|(_, found)| found[at].as_ref()).collect();
        let intervals: Vec<(f64, f64)> = found.iter().filter_map(|of| of.interval).collect();
        let share = intervals.iter().filter(|(low, high)| (*low..=*high).contains(exact)).count() as f64 / f64::from(days);
        Coverage {
            figure,
            exact: *exact,
            mean: found.iter().map(|of| of.value).sum::<f64>() / found.len() as f64,
            half_width: intervals.iter().map(|(low, high)| (high - low) / 2.0).sum::<f64>() / intervals.len() as f64,
            intervals: days,
            share,
            share_interval: wilson(share, f64::from(days)),
            calls,
            holds: ALLOWED.contains(&share),
        }
    };
    FIGURES.iter().enumerate().map(of_figure).collect()
}

/// One day's log: all that a client sees.
#[derive(Default)]
struct Log(Vec<EndedCall>);

impl Observer for Log {
    fn call_ended(&mut self, call: &EndedCall) {
        self.0.push(*call);
    }
}

fn calibrated(scenario: &Scenario, day: u32) -> (u64, Vec<Option<Estimated>>) {
    let mut log = Log::default();
    simulate_observed(scenario, &Mapping::current(scenario), Run { seed: scenario.run.seed, replication: day }, &mut log);
    let key = Key::new(scenario.run.seed).named("calibration").with(u64::from(day));
    let of_agent = |agent: u32| log.0.iter().filter(move |call| call.agent == AgentId(agent));
    let (timeout, horizon) = (scenario.policy.timeout.value.mean(), scenario.run.horizon.as_secs());
    let took = |call: &EndedCall| call.at.saturating_sub(call.issued).as_secs();

    let times: Vec<f64> = of_agent(0).map(|call| call.issued.as_secs()).collect();
    let watched = Watched { from: 0.0, until: horizon, midnight: 0.0, parts: 24 };
    let per_hour =
        |rate: Estimated| Estimated { value: 3600.0 * rate.value, interval: rate.interval.map(|(a, b)| (3600.0 * a, 3600.0 * b)), ..rate };
    let rate = arrivals(times, watched).ok().map(|process| per_hour(process.rate));

    let (ended, given_up): (Vec<&EndedCall>, Vec<&EndedCall>) = of_agent(0).partition(|call| took(call) < timeout);
    let sample = Sample::new(ended.iter().map(|call| took(call)).collect(), vec![timeout; given_up.len()]);
    let fit = sample.ok().and_then(|sample| Family::Lognormal.fit(&sample));
    let parameter = |at: usize| fit.as_ref().and_then(|fit| fit.parameters.get(at).copied());

    // Whether an answer is an error is only known of those that came.
    let answered = ended.iter().map(|call| Call { at: call.issued.as_secs(), failed: !call.succeeded }).collect();
    let steady = failures(answered, key.named("steady")).ok();
    let all = of_agent(1).map(|call| Call { at: call.issued.as_secs(), failed: !call.succeeded }).collect();
    let flaky = failures(all, key.named("flaky")).ok();
    let found = vec![
        rate,
        fit.as_ref().map(|fit| fit.mean),
        parameter(0),
        parameter(1),
        steady.map(|of| of.rate.estimated("failures")),
        flaky.as_ref().map(|of| of.rate.estimated("failures")),
        flaky.as_ref().map(|of| of.between),
        flaky.and_then(|of| of.repair),
    ];
    (log.0.len() as u64, found)
}
