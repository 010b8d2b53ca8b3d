//! When tasks start and what calls they make.

use super::*;
use crate::engine::tests::Trace;
use crate::units::{Rate, SimTime};

#[test]
fn calls_before_the_warm_up_leave_no_trace_in_the_counts() {
    let mut scenario = scenario(vec![wide("s", 1.0)]);
    let whole = simulate(&scenario, &primaries(&[0]), RUN);
    scenario.run.warmup = Some(secs(500.0));
    let half = simulate(&scenario, &primaries(&[0]), RUN);
    assert_eq!(half.window, secs(500.0));
    assert!(half.calls().issued > 20 && half.calls().issued < whole.calls().issued - 20);
    assert_eq!(half.servers[0].up, secs(500.0));
    assert!(half.servers[0].busy < whole.servers[0].busy);
    assert_eq!(half.servers[0].accepted, half.calls().issued);
}

/// When calls are issued, how many are under way, and how many were at the most.
#[derive(Debug, Default)]
struct UnderWay {
    issued: Vec<SimTime>,
    now: usize,
    most: usize,
}

impl Observer for UnderWay {
    fn call_issued(&mut self, call: &IssuedCall) {
        self.issued.push(call.at);
        self.now += 1;
        self.most = self.most.max(self.now);
    }

    fn call_ended(&mut self, _: &EndedCall) {
        self.now -= 1;
    }
}

fn under_way(scenario: &Scenario) -> UnderWay {
    let mut observer = UnderWay::default();
    simulate_observed(scenario, &primaries(&[0]), RUN, &mut observer);
    assert_eq!(observer.now, 0);
    observer
}

/// So many tasks a second, of one instant call, for so long.
fn arriving(arrivals: Arrivals, per_second: f64, horizon: f64) -> Scenario {
    let mut scenario = scenario(vec![wide("s", 0.0)]);
    scenario.run.horizon = secs(horizon);
    let tasks = Figure::stated(Rate::per_hour(3600.0 * per_second));
    scenario.agents[0].workload = Workload { arrivals, tasks, ..defaults::workload() };
    scenario
}

fn renewal(cv: f64) -> Arrivals {
    Arrivals::Renewal { cv: Figure::stated(cv) }
}

#[test]
fn deterministic_arrivals_come_at_equal_gaps() {
    let mut scenario = arriving(renewal(0.0), 0.1, 1000.0);
    let expected = |gap: u32, count: u32| (1..=count).map(|number| secs(f64::from(number * gap))).collect::<Vec<_>>();
    assert_eq!(under_way(&scenario).issued, expected(10, 99));
    scenario.load = 2.0;
    assert_eq!(under_way(&scenario).issued, expected(5, 199));
}

#[test]
fn gamma_gaps_vary_as_stated() {
    for (cv, tolerance) in [(0.5, 0.02), (1.0, 0.03), (2.0, 0.12)] {
        let issued = under_way(&arriving(renewal(cv), 10.0, 4000.0)).issued;
        let gaps: Vec<f64> = issued.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        about("mean gap", mean, 0.1, 0.005 * cv);
        about("coefficient of variation", variance.sqrt() / mean, cv, tolerance);
    }
}

#[test]
fn bursts_keep_the_mean_and_nothing_comes_between_them() {
    let issued = under_way(&arriving(Arrivals::OnOff { on: constant(10.0), off: constant(50.0) }, 1.0, 60_000.0)).issued;
    assert!(issued.iter().all(|at| at.0 % secs(60.0).0 <= secs(10.0).0));
    about("mean rate", issued.len() as f64 / 60_000.0, 1.0, 0.015);
    let random = Arrivals::OnOff { on: exponential(10.0), off: exponential(50.0) };
    // Most of the variance is that of the time on: 2 x (10 x 50)^2 / 60^3 a second, times the square of six a second.
    about("mean rate", under_way(&arriving(random, 1.0, 200_000.0)).issued.len() as f64 / 200_000.0, 1.0, 0.07);
}

#[test]
fn a_day_has_a_profile() {
    let parts = |arrivals, days: f64| {
        let mut scenario = arriving(arrivals, 1.0 / 60.0, 24.0 * 3600.0 * days);
        scenario.agents[0].workload.profile = vec![1.0, 0.0, 3.0];
        let issued = under_way(&scenario).issued;
        [0, 1, 2].map(|part| issued.iter().filter(|at| at.0 / secs(8.0 * 3600.0).0 % 3 == part).count() as f64)
    };
    let check = |what, parts: [f64; 3], days: f64, tolerance| {
        // A task a minute: 1440 a day, shared out as 1 : 0 : 3.
        for (part, expected) in parts.into_iter().zip([360.0, 0.0, 1080.0]) {
            about(what, part / days, expected, tolerance);
        }
    };
    check("deterministic", parts(renewal(0.0), 1.0), 1.0, 1.5);
    check("deterministic, the day after too", parts(renewal(0.0), 2.0), 2.0, 1.5);
    let random = parts(Arrivals::Poisson, 50.0);
    assert!(random[1] == 0.0);
    check("poisson", random, 50.0, 20.0);
}

#[test]
fn users_come_back_after_a_pause() {
    let mut scenario = arriving(Arrivals::Closed { users: Figure::stated(3), pause: constant(5.0) }, 0.0, 1000.0);
    scenario.servers[0].serial = constant(2.0);
    let seen = under_way(&scenario);
    // Each of them at 5, 12, .., 999 s.
    assert_eq!((seen.issued.len(), seen.most), (3 * 143, 3));
    assert!(seen.issued.iter().all(|at| at.0 % secs(7.0).0 == secs(5.0).0));
    // On one slot they queue, first at 5 s, and are apart ever after.
    scenario.servers[0].slots = Figure::stated(1);
    assert_eq!(under_way(&scenario).issued.len(), 3 + 142 + 141 + 141);
    (scenario.servers[0].serial, scenario.agents[0].workload.calls) = (exponential(20.0), Figure::stated(3.0));
    scenario.agents[0].workload.arrivals = Arrivals::Closed { users: Figure::stated(4), pause: exponential(1.0) };
    assert_eq!(under_way(&scenario).most, 4, "never more tasks than users");
}

#[test]
fn calls_of_one_task_at_once() {
    let rounds = |at_once: usize, think: f64| {
        let mut scenario = arriving(renewal(0.0), 0.001, 100_000.0);
        scenario.servers[0].serial = constant(2.0);
        let workload = &mut scenario.agents[0].workload;
        (workload.calls, workload.think, workload.at_once) = (Figure::stated(6.0), constant(think), Figure::stated(at_once as u32));
        let seen = under_way(&scenario);
        assert_eq!(seen.most, at_once);
        // A task every 1000 s: its calls start in rounds, a service and a thought apart.
        let mut expected = Vec::new();
        for task in 1..100u64 {
            let begins = secs(1000.0 * task as f64);
            let calls = seen.issued.iter().filter(|at| **at >= begins && **at < begins + secs(1000.0)).count();
            expected.extend((0..calls).map(|call| begins + secs((call / at_once) as f64 * (2.0 + think))));
        }
        assert_eq!(seen.issued, expected);
    };
    rounds(3, 0.0);
    rounds(3, 1.0);
    rounds(1, 1.0);
}

#[test]
fn a_log_is_run_again() {
    let quick = Server { parallel: constant(1.0), ..wide("quick", 1.0) };
    let mut scenario = scenario(vec![quick, wide("slow", 9.0)]);
    add_agent(&mut scenario, "other", 5.0);
    let log = [(1.5, 1), (10.0, 0), (10.0, 1), (999.0, 0), (1000.0, 0)];
    let mut trace = Trace::default();
    scenario.replay = replay(&log);
    simulate_observed(&scenario, &primaries(&[0, 1]), RUN, &mut trace);
    let issued: Vec<(f64, u32, u32)> = trace.calls.iter().map(|call| (call.at.as_secs(), call.need.0, call.agent.0)).collect();
    // Nothing but the log, and nothing after the horizon.
    assert_eq!(issued, [(1.5, 1, 1), (10.0, 0, 0), (10.0, 1, 1), (999.0, 0, 0)]);
    scenario.load = 2.0;
    let ends = [Ok(9.75), Ok(7.0), Ok(14.0), Ok(501.5), Ok(502.0)];
    check_log_of_needs("twice as fast", &scenario, &primaries(&[0, 1]), &log, &ends);
}

#[test]
fn a_log_s_service_time_holds_at_the_server_that_it_names() {
    let server = Server { parallel: constant(3.0), ..wide("s", 1.0) };
    let mut scenario = scenario(vec![server, wide("t", 9.0)]);
    let served = Some(Served { server: ServerId(0), took: secs(8.0) });
    let call = |at: f64, served| ReplayedCall { at: secs(at), need: NeedId(0), served };
    let calls = vec![call(0.0, served), call(100.0, None)];
    scenario.replay = Some(std::sync::Arc::new(Replay { file: "log".into(), calls }));
    let run = |server: u32| {
        let mut ends = Ends::default();
        let outcome = simulate_observed(&scenario, &primaries(&[server]), RUN, &mut ends);
        (ends.0.iter().map(|call| call.at.as_secs()).collect::<Vec<_>>(), outcome.servers[server as usize].busy)
    };
    // A quarter of it on the slot, as of the server's own times.
    assert_eq!(run(0), (vec![8.0, 104.0], sum(2.0 + 1.0)));
    assert_eq!(run(1), (vec![9.0, 109.0], sum(18.0)));
}
