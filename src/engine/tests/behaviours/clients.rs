//! What clients do: give up, try again, turn to others, remember, wait for themselves.

use super::*;

#[test]
fn a_server_that_is_down_fails_its_attempts_until_the_fallback() {
    let mut scenario = scenario(vec![down("s"), down("t"), wide("u", 1.0)]);
    scenario.policy.retries = Figure::stated(2);
    // Three attempts of 1 s each, with 1 s and 2 s of back-off between them.
    let at_one = PerCall { attempts: 3.0, ..PerCall::default() };
    let outcome = check("no fallback", &scenario, &primaries(&[0]), PerCall { failure_time: 6.0, ..at_one });
    assert_eq!((outcome.servers[0].up, outcome.servers[2].up), (SimTime::ZERO, secs(1000.0)));
    assert_eq!(outcome.servers[0].connects, outcome.servers[0].connect_failures);
    let saved = PerCall { succeeded: 1.0, reached: 1.0, fallen_back: 1.0, ..PerCall::default() };
    check("stand-in", &scenario, &on_failure(&[STAND_IN]), PerCall { attempts: 3.0, response: 6.5, ..saved });
    check("third in the row", &scenario, &on_failure(&[to_server(1), to_server(2)]), PerCall { attempts: 7.0, response: 13.0, ..saved });
    scenario.policy.breaker = Some(breaker(1, 1e6));
    let outcome = simulate(&scenario, &on_failure(&[STAND_IN]), RUN);
    // Calls that start within the first second make their attempt before the first failure is known.
    assert!(outcome.calls().attempts < 5 && outcome.calls().succeeded == outcome.calls().issued, "{:?}", outcome.calls());
}

#[test]
fn the_client_gives_up_and_the_server_goes_on() {
    let mut scenario = scenario(vec![wide("s", 10.0)]);
    scenario.policy.timeout = constant(2.0);
    let expected = PerCall { attempts: 1.0, reached: 1.0, failure_time: 2.0, ..PerCall::default() };
    let outcome = check("time-out", &scenario, &primaries(&[0]), expected);
    let (server, issued) = (&outcome.servers[0], outcome.calls().issued);
    assert_eq!((server.timeouts, server.succeeded), (issued, 0));
    assert!(server.busy.as_secs() > 9.5 * issued as f64, "work of 10 s a call goes on");

    scenario.policy.retries = Figure::stated(9);
    scenario.policy.call_life = Figure::stated(secs(4.5));
    let expected = PerCall { attempts: 2.0, reached: 1.0, failure_time: 4.5, ..PerCall::default() };
    check("call life ends the second attempt", &scenario, &primaries(&[0]), expected);
    scenario.policy.call_life = Figure::stated(secs(2.5));
    let expected = PerCall { attempts: 1.0, reached: 1.0, failure_time: 2.5, ..PerCall::default() };
    check("call life ends the back-off", &scenario, &primaries(&[0]), expected);
}

#[test]
fn waiting_for_a_slot_has_an_end() {
    let mut scenario = scenario(vec![server("s", constant(10.0))]);
    scenario.policy.queue_timeout = Some(constant(4.0));
    let check = |what, scenario: &Scenario, expected, busy| {
        let outcome = check_log(what, scenario, &primaries(&[0]), &[0.0, 1.0, 7.0], expected);
        assert_eq!(outcome.servers[0].busy, sum(busy), "{what}");
        (outcome.servers[0].timeouts, outcome.servers[0].gave_up_waiting, outcome.servers[0].wait_given_up_sum.as_secs())
    };
    // The second call's work keeps its place, and is done for nobody; the third waits behind it.
    assert_eq!(check("goes on", &scenario, &[Ok(10.0), Err(5.0), Err(11.0)], 30.0), (2, 0, 0.0));
    scenario.policy.given_up = GivenUp::IsCancelled;
    assert_eq!(check("is cancelled", &scenario, &[Ok(10.0), Err(5.0), Ok(20.0)], 20.0), (1, 1, 4.0));
    scenario.policy.queue_timeout = Some(exponential(4.0));
    scenario.run.horizon = secs(100_000.0);
    scenario.servers[0].slots = Figure::stated(1);
    scenario.servers[0].serial = constant(0.0);
    assert_eq!(simulate(&scenario, &primaries(&[0]), RUN).calls().failed, 0, "nobody waits");
}

#[test]
fn the_slot_of_a_call_that_is_cancelled_is_free_at_once() {
    let mut scenario = scenario(vec![server("s", constant(10.0))]);
    scenario.policy.timeout = constant(5.0);
    let check = |what, scenario: &Scenario, expected, busy| {
        assert_eq!(check_log(what, scenario, &primaries(&[0]), &[0.0, 1.0, 3.0], expected).servers[0].busy, sum(busy), "{what}");
    };
    check("goes on", &scenario, &[Err(5.0), Err(6.0), Err(8.0)], 30.0);
    scenario.policy.given_up = GivenUp::IsCancelled;
    check("is cancelled", &scenario, &[Err(5.0), Err(6.0), Err(8.0)], 5.0 + 1.0 + 2.0);
    scenario.servers[0].serial = constant(4.5);
    check("is served in time", &scenario, &[Ok(4.5), Err(6.0), Err(8.0)], 4.5 + 1.5 + 2.0);
}

#[test]
fn patience_is_drawn() {
    let mut scenario = scenario(vec![wide("s", 5.0)]);
    scenario.run.horizon = secs(200_000.0);
    scenario.policy.timeout = exponential(10.0);
    let calls = simulate(&scenario, &primaries(&[0]), RUN).calls();
    let in_time = (-0.5f64).exp();
    about("answered in time", calls.succeeded as f64 / calls.issued as f64, in_time, 0.015);
    // Of an exponential time that is below 5 s.
    let mean = 10.0 - 5.0 * in_time / (1.0 - in_time);
    about("given up after", calls.failure_time_sum.as_secs() / calls.failed as f64, mean, 0.07);
}

#[test]
fn retries_without_a_limit_end_with_the_call() {
    let mut scenario = scenario(vec![down("s")]);
    scenario.policy.retries = Figure::stated(UNLIMITED);
    scenario.policy.backoff.factor = Figure::stated(1.0);
    let check = |life: f64, attempts: f64| {
        let mut scenario = scenario.clone();
        scenario.policy.call_life = Figure::stated(secs(life));
        let expected = PerCall { attempts, failure_time: life, ..PerCall::default() };
        let outcome = check("unlimited", &scenario, &primaries(&[0]), expected);
        // A retry that the end of the call's life forestalls is none.
        assert_eq!(outcome.calls().retries, outcome.calls().attempts - outcome.calls().issued, "life of {life} s");
    };
    // At 0, 2, .., 20 s; the last one is interrupted, or would begin too late.
    check(20.5, 11.0);
    check(19.5, 10.0);
}

#[test]
fn a_budget_limits_retries() {
    let mut flaky = wide("s", 0.0);
    flaky.errors.soft = share(1.0);
    let mut scenario = scenario(vec![flaky]);
    scenario.policy.retries = Figure::stated(3);
    let retries = |scenario: &Scenario| {
        (simulate(scenario, &primaries(&[0]), RUN).calls().retries, 3 * simulate(scenario, &primaries(&[0]), RUN).calls().issued)
    };
    let (all, wanted) = retries(&scenario);
    assert_eq!(all, wanted, "no budget");
    let mut check = |ratio: f64, burst: u32, expected: fn(f64) -> f64| {
        scenario.policy.retry_budget = Some(RetryBudget { ratio: Figure::stated(ratio), burst: Figure::stated(burst) });
        let (taken, wanted) = retries(&scenario);
        assert_eq!(taken as f64, expected(wanted as f64 / 3.0), "{ratio} {burst}");
    };
    // The first call finds a full bucket, and what it would add is lost; all later ones are spent.
    check(0.25, 4, |calls| (4.0 + 0.25 * (calls - 1.0)).floor());
    check(0.0, 5, |_| 5.0);
    check(9.0, 9, |calls| 3.0 * calls);
}

#[test]
fn back_off_is_spread() {
    let mut scenario = scenario(vec![down("s")]);
    scenario.run.horizon = secs(200_000.0);
    scenario.policy.retries = Figure::stated(1);
    scenario.policy.backoff.first = Figure::stated(secs(3.0));
    let failure_time = |spread, scenario: &mut Scenario| {
        scenario.policy.backoff.spread = spread;
        let calls = simulate(scenario, &primaries(&[0]), RUN).calls();
        calls.failure_time_sum.as_secs() / calls.failed as f64
    };
    // Two refusals of a second each, and the wait between them.
    about("exponential", failure_time(Spread::Exponential, &mut scenario), 5.0, 0.09);
    about("jitter", failure_time(Spread::Jitter(share(0.5)), &mut scenario), 2.0 + 0.75 * 3.0, 0.02);
    assert_eq!(failure_time(Spread::Jitter(share(0.0)), &mut scenario), 5.0);
}

#[test]
fn a_cache_answers_what_is_asked_again() {
    let mut scenario = scenario(vec![wide("s", 1.0)]);
    let mut check = |what, ttl: Option<f64>, repeats, log: &[f64], expected: &[f64], attempts| {
        let ttl = ttl.map(|ttl| Figure::stated(secs(ttl)));
        scenario.policy.caches = vec![CacheRule { capability: CapabilityId(0), repeats: share(repeats), ttl }];
        let expected: Vec<End> = expected.iter().map(|end| Ok(*end)).collect();
        let calls = check_log(what, &scenario, &primaries(&[0]), log, &expected).calls();
        assert_eq!((calls.attempts, calls.cached), (attempts, log.len() as u64 - attempts), "{what}");
    };
    let log = [0.0, 5.0, 11.0, 12.0, 22.5];
    // The answers come at 1 and at 13 s; a second call that comes before an answer is there asks the server.
    check("ten seconds", Some(10.0), 1.0, &log, &[1.0, 5.0, 11.0, 13.0, 22.5], 2);
    check("for ever", None, 1.0, &log, &[1.0, 5.0, 11.0, 12.0, 22.5], 1);
    check("nothing is asked again", None, 0.0, &log, &[1.0, 6.0, 12.0, 13.0, 23.5], 5);
    check("no answer yet", None, 1.0, &[0.0, 0.5, 1.5], &[1.0, 1.5, 1.5], 2);

    scenario.policy.caches = vec![CacheRule { capability: CapabilityId(0), repeats: share(0.3), ttl: None }];
    scenario.run.horizon = secs(200_000.0);
    let calls = simulate(&scenario, &primaries(&[0]), RUN).calls();
    about("cached", calls.cached as f64 / calls.issued as f64, 0.3, 0.015);
    scenario.servers[0].errors.soft = share(1.0);
    assert_eq!(simulate(&scenario, &primaries(&[0]), RUN).calls().cached, 0, "an error is no answer");
}

#[test]
fn a_need_s_cache_is_its_own() {
    let mut scenario = scenario(vec![wide("s", 1.0)]);
    add_need(&mut scenario, AgentId(0));
    scenario.policy.caches = vec![CacheRule { capability: CapabilityId(0), repeats: share(1.0), ttl: None }];
    let ends = [Ok(1.0), Ok(6.0), Ok(7.0), Ok(8.0)];
    check_log_of_needs("two needs", &scenario, &primaries(&[0, 0]), &[(0.0, 0), (5.0, 1), (7.0, 0), (8.0, 1)], &ends);
}

#[test]
fn an_agent_s_limit_of_one_is_like_a_single_slot() {
    let run = |scenario: &Scenario| {
        let mut ends = Ends::default();
        let outcome = simulate_observed(scenario, &primaries(&[0]), RUN, &mut ends);
        (ends, outcome.calls())
    };
    let mut limited = scenario(vec![Server { serial: exponential(7.0), ..wide("s", 0.0) }]);
    limited.run.horizon = secs(20_000.0);
    let mut one_slot = limited.clone();
    limited.agents[0].concurrency = Some(Figure::stated(1));
    one_slot.servers[0].slots = Figure::stated(1);
    assert_eq!(run(&limited), run(&one_slot));
    assert!(run(&limited).1.response_sum.as_secs() > 15.0 * run(&limited).1.succeeded as f64, "waiting counts");
    limited.agents[0].concurrency = Some(Figure::stated(3));
    one_slot.servers[0].slots = Figure::stated(3);
    assert_eq!(run(&limited), run(&one_slot));
}

#[test]
fn waiting_at_the_client_is_part_of_a_call_s_life() {
    let mut scenario = scenario(vec![wide("s", 10.0)]);
    scenario.agents[0].concurrency = Some(Figure::stated(1));
    let mut check = |what, life: f64, log: &[f64], expected: &[End], attempts| {
        scenario.policy.call_life = Figure::stated(secs(life));
        let outcome = check_log(what, &scenario, &primaries(&[0]), log, expected);
        assert_eq!(outcome.calls().attempts, attempts, "{what}");
    };
    check("one after the other", 100.0, &[0.0, 1.0, 50.0], &[Ok(10.0), Ok(20.0), Ok(60.0)], 3);
    check("the second begins too late", 15.0, &[0.0, 1.0, 50.0], &[Ok(10.0), Err(16.0), Ok(60.0)], 3);
    // Both reach the end of their lives together: the second has never begun, and holds no place.
    check("the second never begins", 8.0, &[0.0, 0.0, 20.0], &[Err(8.0), Err(8.0), Err(28.0)], 2);
}
