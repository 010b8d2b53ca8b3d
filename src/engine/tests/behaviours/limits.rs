//! What a server turns away, and what it should not have taken.

use super::*;
use crate::units::Rate;

#[test]
fn a_rejection_goes_to_the_fallbacks_for_overload_at_once() {
    let mut limited = wide("s", 0.0);
    limited.rate_limit = Some(RateLimit { rate: Figure::stated(Rate::per_hour(0.0)), burst: Figure::stated(0), retry_after: false });
    let mut scenario = scenario(vec![limited, wide("t", 1.0)]);
    scenario.policy.retries = Figure::stated(1);
    let saved = PerCall { succeeded: 1.0, reached: 1.0, fallen_back: 1.0, ..PerCall::default() };
    check("to a stand-in", &scenario, &on_overload(&[STAND_IN]), PerCall { attempts: 1.0, response: 0.5, ..saved });
    check("to a server", &scenario, &on_overload(&[to_server(1), STAND_IN]), PerCall { attempts: 2.0, response: 1.0, ..saved });
    // Nowhere to go for overload: a failed attempt, one back-off, a second, then the fallback for failures.
    let outcome = check("as a failure", &scenario, &on_failure(&[STAND_IN]), PerCall { attempts: 2.0, response: 1.5, ..saved });
    assert_eq!(outcome.servers[0].rejected_rate_limit, 2 * outcome.calls().issued);
    assert_eq!(outcome.calls().degraded, outcome.calls().issued);

    let full = Server { queue: Some(Figure::stated(0)), ..server("s", constant(1e6)) };
    scenario.servers[0] = full;
    let outcome = simulate(&scenario, &on_overload(&[STAND_IN]), RUN);
    assert_eq!(outcome.servers[0].rejected_queue_full, outcome.calls().issued - 1, "all but the first");
    // A target that stands in both lists is asked once.
    scenario.servers[1] = down("t");
    let both = Assignment { primary: ServerId(0), on_failure: vec![to_server(1), STAND_IN], on_overload: vec![to_server(1)] };
    let outcome = simulate(&scenario, &mapping(vec![both]), RUN);
    assert_eq!(outcome.servers[1].attempts, 2 * (outcome.calls().issued - 1), "each attempt and its retry");
}

#[test]
fn a_rejection_that_says_when_to_come_back_is_obeyed() {
    let limit = |retry_after| RateLimit { rate: Figure::stated(Rate::per_hour(360.0)), burst: Figure::stated(1), retry_after };
    let mut scenario = scenario(vec![Server { rate_limit: Some(limit(true)), ..wide("s", 1.0) }]);
    scenario.policy.retries = Figure::stated(3);
    let log = [0.0, 1.0, 2.0, 300.0];
    // Two clients are told 10 s; the one that is turned away again is told 20 s.
    let outcome = check_log("waits for a token", &scenario, &primaries(&[0]), &log, &[Ok(1.0), Ok(11.0), Ok(21.0), Ok(301.0)]);
    assert_eq!((outcome.calls().attempts, outcome.servers[0].rejected_rate_limit), (7, 3));
    scenario.servers[0].rate_limit = Some(limit(false));
    // Back-offs of 1, 2 and 4 s.
    let outcome = check_log("as the back-off says", &scenario, &primaries(&[0]), &log, &[Ok(1.0), Err(8.0), Err(9.0), Ok(301.0)]);
    assert_eq!(outcome.servers[0].rejected_rate_limit, 8);
}

#[test]
fn work_beyond_the_safe_concurrency_is_lost_or_aborted() {
    let with = |beyond| {
        let safe_concurrency = Some(SafeConcurrency { limit: Figure::stated(2), beyond });
        scenario(vec![Server { safe_concurrency, ..wide("s", 10.0) }])
    };
    let log = [0.0, 1.0, 2.0, 3.0, 20.0];
    let at_risk = |outcome: &Outcome| (outcome.servers[0].at_risk, outcome.calls().at_risk, outcome.servers[0].errors);
    let all_well = [Ok(10.0), Ok(11.0), Ok(12.0), Ok(13.0), Ok(30.0)];
    let outcome = check_log("lost", &with(Beyond::Lost), &primaries(&[0]), &log, &all_well);
    assert_eq!(at_risk(&outcome), (2, 2, 0));
    let aborted = [Ok(10.0), Ok(11.0), Err(12.0), Err(13.0), Ok(30.0)];
    let outcome = check_log("aborted", &with(Beyond::Aborted), &primaries(&[0]), &log, &aborted);
    assert_eq!(at_risk(&outcome), (2, 0, 2));
}
