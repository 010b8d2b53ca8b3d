//! A second attempt beside a slow one.

use super::*;

/// A slow server and a quick one, the second beside the first after so many seconds.
fn hedged(after: f64, slow: f64, quick: f64) -> Scenario {
    let mut scenario = scenario(vec![wide("slow", slow), wide("quick", quick)]);
    scenario.policy.hedge = Some(Hedge { after: Figure::stated(secs(after)) });
    scenario
}

#[test]
fn the_first_answer_counts() {
    let to_quick = on_failure(&[to_server(1)]);
    let one = PerCall { succeeded: 1.0, reached: 1.0, ..PerCall::default() };
    let outcome =
        check("hedge wins", &hedged(2.0, 10.0, 1.0), &to_quick, PerCall { attempts: 2.0, fallen_back: 1.0, response: 3.0, ..one });
    let calls = outcome.calls();
    assert_eq!((calls.hedges, outcome.servers[0].timeouts, outcome.servers[1].timeouts), (calls.issued, calls.issued, 0));
    let outcome = check("hedge loses", &hedged(2.0, 10.0, 20.0), &to_quick, PerCall { attempts: 2.0, response: 10.0, ..one });
    assert_eq!((outcome.servers[0].timeouts, outcome.servers[1].timeouts), (0, outcome.calls().issued));
    let outcome = check("no hedge is needed", &hedged(11.0, 10.0, 1.0), &to_quick, PerCall { attempts: 1.0, response: 10.0, ..one });
    assert_eq!(outcome.calls().hedges, 0);
    // Where there is no other server, at the same one; a stand-in is no place for a hedge.
    let same = PerCall { attempts: 2.0, response: 10.0, ..one };
    check("the same server", &hedged(2.0, 10.0, 1.0), &primaries(&[0]), same);
    check("the same server, with a stand-in", &hedged(2.0, 10.0, 1.0), &on_failure(&[STAND_IN]), same);
}

#[test]
fn the_loser_is_given_up() {
    let to_quick = on_failure(&[to_server(1)]);
    let mut scenario = hedged(2.0, 10.0, 1.0);
    let check = |what, scenario: &Scenario, busy| {
        let outcome = check_log(what, scenario, &to_quick, &[0.0], &[Ok(3.0)]);
        assert_eq!((outcome.servers[0].busy, outcome.servers[1].busy), (sum(busy), sum(1.0)), "{what}");
    };
    check("goes on", &scenario, 10.0);
    scenario.policy.given_up = GivenUp::IsCancelled;
    check("is cancelled", &scenario, 3.0);
    // One slot: the loser waits, and its place is free at once.
    scenario.servers[0].slots = Figure::stated(1);
    let outcome = check_log("waiting", &scenario, &to_quick, &[0.0, 1.0, 1.5], &[Ok(3.0), Ok(4.0), Ok(4.5)]);
    assert_eq!((outcome.servers[0].busy, outcome.servers[0].gave_up_waiting), (sum(4.5), 0));
}

#[test]
fn one_of_two_may_fail() {
    let to_quick = on_failure(&[to_server(1)]);
    let check = |what, flaky: usize, quick, expected: End, attempts| {
        let mut scenario = hedged(2.0, 10.0, quick);
        scenario.servers[flaky].errors.soft = share(1.0);
        let outcome = check_log(what, &scenario, &to_quick, &[0.0], &[expected]);
        assert_eq!(outcome.calls().attempts, attempts, "{what}");
    };
    check("the hedge", 1, 1.0, Ok(10.0), 2);
    check("the first", 0, 20.0, Ok(22.0), 2);
    check("the first, after the other's answer", 0, 1.0, Ok(3.0), 2);
    let mut both = hedged(2.0, 10.0, 1.0);
    both.servers.iter_mut().for_each(|server| server.errors.soft = share(1.0));
    // The fallback is asked once more when both have failed.
    check_log("both", &both, &to_quick, &[0.0], &[Err(11.0)]);
    both.policy.retries = Figure::stated(1);
    // Hedged once: the retry at 11 s, the fallback at 21 s and its retry at 23 s are not.
    let outcome = check_log("both, with a retry", &both, &to_quick, &[0.0], &[Err(24.0)]);
    assert_eq!((outcome.calls().hedges, outcome.calls().attempts), (1, 5));
}

#[test]
fn the_call_s_life_ends_both() {
    let mut scenario = hedged(2.0, 10.0, 20.0);
    scenario.policy.call_life = Figure::stated(secs(5.0));
    scenario.policy.given_up = GivenUp::IsCancelled;
    let outcome = check_log("both", &scenario, &on_failure(&[to_server(1)]), &[0.0], &[Err(5.0)]);
    assert_eq!((outcome.servers[0].busy, outcome.servers[1].busy), (sum(5.0), sum(3.0)));
}

#[test]
fn a_breaker_whose_probe_a_hedge_outruns_is_not_stuck() {
    let mut scenario = hedged(2.0, 10.0, 1.0);
    // Out from 100 to 101 s: the first call breaks, and the breaker is open until 105 s.
    scenario.servers[0].outages = outages(constant(100.0), constant(1.0));
    scenario.policy.breaker = Some(breaker(1, 5.0));
    let log = [99.5, 103.0, 110.0, 150.0];
    // At 110 and at 150 s a probe, and a hedge that answers before it.
    let outcome = check_log("probes", &scenario, &on_failure(&[to_server(1)]), &log, &[Ok(101.0), Ok(104.0), Ok(113.0), Ok(153.0)]);
    assert_eq!((outcome.servers[0].attempts, outcome.calls().hedges), (3, 2));
}

#[test]
fn a_breaker_whose_probe_is_a_hedge_that_loses_is_not_stuck() {
    let mut scenario = hedged(2.0, 10.0, 20.0);
    scenario.servers[1].outages = outages(constant(100.0), constant(1.0));
    scenario.policy.breaker = Some(breaker(1, 5.0));
    let log = [95.0, 103.0, 120.0, 150.0];
    // The hedge of the first breaks at 100 s: until 105 s there is no hedge, and then each is a probe that loses.
    let outcome = check_log("probes", &scenario, &on_failure(&[to_server(1)]), &log, &[Ok(105.0), Ok(113.0), Ok(130.0), Ok(160.0)]);
    assert_eq!((outcome.servers[0].attempts, outcome.calls().hedges), (4, 4));
}
