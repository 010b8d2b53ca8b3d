//! Service: its parts, who is next, how slots are shared.

use super::*;

#[test]
fn service_is_serial_then_parallel() {
    let server = Server { parallel: constant(2.0), ..wide("s", 1.0) };
    let expected = PerCall { attempts: 1.0, succeeded: 1.0, reached: 1.0, response: 3.0, ..PerCall::default() };
    let outcome = check("serial and parallel", &scenario(vec![server]), &primaries(&[0]), expected);
    let calls = outcome.calls();
    assert!(outcome.servers[0].busy.as_secs() <= calls.issued as f64 && outcome.servers[0].offered == sum(calls.issued as f64));
    assert_eq!((calls.degraded, calls.quality_sum), (0, calls.issued as f64));
    assert!(outcome.response.equivalent(outcome.response.max(), outcome.response.min()));
}

#[test]
fn who_is_served_next() {
    let one_at_a_time = |discipline| {
        let mut scenario = scenario(vec![Server { discipline, ..server("s", constant(10.0)) }]);
        add_agent(&mut scenario, "urgent", 0.0);
        scenario.agents[1].priority = 5;
        scenario
    };
    let log = [(0.0, 0), (1.0, 0), (2.0, 1), (3.0, 0), (4.0, 1)];
    let check = |discipline, expected: [f64; 5]| {
        let what = format!("{discipline:?}");
        let outcome = check_log_of_needs(&what, &one_at_a_time(discipline), &primaries(&[0, 0]), &log, &expected.map(Ok));
        assert_eq!(outcome.servers[0].busy, sum(50.0), "{what}");
    };
    check(Discipline::Fifo, [10.0, 20.0, 30.0, 40.0, 50.0]);
    // What is served is not interrupted; among equals, first come, first served.
    check(Discipline::Priority, [10.0, 40.0, 20.0, 50.0, 30.0]);
}

#[test]
fn slots_are_shared() {
    let shared = |slots, serial, queue: Option<u32>| {
        let station = server("s", constant(serial));
        let (slots, queue) = (Figure::stated(slots), queue.map(Figure::stated));
        scenario(vec![Server { slots, queue, discipline: Discipline::ProcessorSharing, ..station }])
    };
    let check = |what, scenario: &Scenario, log: &[f64], expected: &[End], busy: f64| {
        let outcome = check_log(what, scenario, &primaries(&[0]), log, expected);
        assert!((outcome.servers[0].busy.as_secs() - busy).abs() < 1e-7, "{what}: busy {:?}", outcome.servers[0].busy);
    };
    check("alone", &shared(1, 1.0, None), &[0.0], &[Ok(1.0)], 1.0);
    check("two on one slot", &shared(1, 1.0, None), &[0.0, 0.0], &[Ok(2.0), Ok(2.0)], 2.0);
    check("two on two slots", &shared(2, 1.0, None), &[0.0, 0.0], &[Ok(1.0), Ok(1.0)], 2.0);
    check("three on two slots", &shared(2, 1.0, None), &[0.0, 0.0, 0.0], &[Ok(1.5), Ok(1.5), Ok(1.5)], 3.0);
    // The first has half of its work done when the second comes, and the second half of its own when the first leaves.
    check("one after the other", &shared(1, 2.0, None), &[0.0, 1.0], &[Ok(3.0), Ok(4.0)], 4.0);
    // No queue limit holds them up, the limit counts those beyond the slots.
    check("one place beyond the slot", &shared(1, 10.0, Some(1)), &[0.0, 1.0, 2.0, 30.0], &[Ok(19.0), Ok(20.0), Err(2.0), Ok(40.0)], 30.0);
}

#[test]
fn a_shared_slot_that_is_left_before_its_time_speeds_up_the_others() {
    let station = Server { discipline: Discipline::ProcessorSharing, ..server("s", constant(4.0)) };
    let mut scenario = scenario(vec![station]);
    scenario.policy.timeout = constant(7.0);
    let log = [0.0, 0.0, 4.0];
    // At 7 s the first two have a second of work left each, and the third has three.
    let outcome = check_log("goes on", &scenario, &primaries(&[0]), &log, &[Err(7.0), Err(7.0), Err(11.0)]);
    about("busy, goes on", outcome.servers[0].busy.as_secs(), 12.0, 1e-7);
    scenario.policy.given_up = GivenUp::IsCancelled;
    let outcome = check_log("is cancelled", &scenario, &primaries(&[0]), &log, &[Err(7.0), Err(7.0), Ok(10.0)]);
    about("busy, is cancelled", outcome.servers[0].busy.as_secs(), 10.0, 1e-7);
}

#[test]
fn a_capability_has_its_own_service_times() {
    let mut server = Server { parallel: constant(2.0), ..wide("s", 1.0) };
    let docs = Provision::new(CapabilityId(1), share(1.0));
    server.provides.push(Provision { serial: Some(constant(5.0)), ..docs });
    let mut scenario = scenario(vec![server]);
    scenario.capabilities.push("docs".into());
    add_need(&mut scenario, AgentId(0));
    scenario.needs[1].capability = CapabilityId(1);
    let log = [(0.0, 0), (0.0, 1), (100.0, 1)];
    check_log_of_needs("own serial part", &scenario, &primaries(&[0, 0]), &log, &[Ok(3.0), Ok(7.0), Ok(107.0)]);
    scenario.servers[0].provides[1].parallel = Some(constant(0.5));
    check_log_of_needs("both its own", &scenario, &primaries(&[0, 0]), &log, &[Ok(3.0), Ok(5.5), Ok(105.5)]);
}
