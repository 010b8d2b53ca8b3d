//! What holds in every scenario under every mapping.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Trace;
use super::any::*;
use super::build::*;
use crate::engine::*;
use crate::mapping::{Assignment, Dispatch, Mapping};
use crate::scenario::*;
use crate::units::Bytes;

fn traced(scenario: &Scenario, mapping: &Mapping, run: Run) -> Trace {
    let mut trace = Trace::default();
    simulate_observed(scenario, mapping, run, &mut trace);
    trace
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn counts_add_up(scenario in any_scenario(), decided in any_mapping(), seed in 0..u64::MAX) {
        let mapping = fit(&scenario, &decided);
        let run = Run { seed, replication: 3 };
        let outcome = simulate(&scenario, &mapping, run);
        for calls in &outcome.agents {
            prop_assert_eq!(calls.issued, calls.succeeded + calls.failed);
            prop_assert!(calls.succeeded <= calls.reached && calls.reached <= calls.issued);
            prop_assert!(calls.degraded <= calls.fallen_back && calls.fallen_back <= calls.succeeded && calls.cached <= calls.succeeded);
            prop_assert!(calls.at_risk <= calls.succeeded && calls.hedges + calls.retries <= calls.attempts);
            prop_assert!(calls.quality_sum <= calls.succeeded as f64);
        }
        let calls = outcome.calls();
        prop_assert_eq!(calls.succeeded, outcome.response.len());
        let life = scenario.policy.call_life.value.as_secs() * 1.000_001;
        prop_assert!(calls.response_sum.as_secs() <= life * calls.succeeded as f64 && calls.failure_time_sum.as_secs() <= life * calls.failed as f64);
        prop_assert_eq!(calls.attempts, outcome.servers.iter().map(|s| s.attempts).sum::<u64>());
        for (tally, server) in outcome.servers.iter().zip(&scenario.servers) {
            let rejected = tally.rejected_queue_full + tally.rejected_rate_limit + tally.rejected_memory;
            prop_assert!(tally.accepted + rejected <= tally.attempts);
            prop_assert!(tally.succeeded + tally.errors + tally.broken <= tally.accepted);
            prop_assert!(tally.accepted <= tally.succeeded + tally.errors + tally.broken + tally.timeouts);
            prop_assert!(tally.connect_failures <= tally.connects && u64::from(tally.connect_failures_row) <= tally.connect_failures);
            // Without up time there is no busy time: what an outage interrupts is broken.
            prop_assert!(tally.busy <= TimeSum::times(tally.up, u64::from(server.slots.value)) && tally.up <= outcome.window);
            prop_assert!(server.up || tally.up == SimTime::ZERO);
        }
        prop_assert_eq!(&simulate(&scenario, &mapping, run), &outcome, "the same run twice");
    }

    #[test]
    fn an_unused_server_changes_nothing(scenario in any_scenario(), more in any_server(), decided in any_mapping(), seed in 0..u64::MAX) {
        let mapping = fit(&scenario, &decided);
        let run = Run { seed, replication: 0 };
        let without = simulate(&scenario, &mapping, run);
        let mut scenario = scenario;
        // A gateway would use it if it could.
        scenario.servers.push(Server { name: "more".into(), provides: Vec::new(), ..more });
        let mut with = simulate(&scenario, &mapping, run);
        with.servers.pop();
        prop_assert_eq!(with, without);
    }

    #[test]
    fn luck_is_the_same_under_every_mapping(
        scenario in any_scenario(), one in any_mapping(), other in any_mapping(), seed in 0..u64::MAX,
    ) {
        let run = Run { seed, replication: 0 };
        let (one, other) = (traced(&scenario, &fit(&scenario, &one), run), traced(&scenario, &fit(&scenario, &other), run));
        // How far a task gets by the horizon depends on the answers; what its calls ask for, and what each server would do, does not.
        let asked: BTreeMap<u64, NeedId> = one.calls.iter().map(|call| (call.key, call.need)).collect();
        for call in &other.calls {
            prop_assert!(asked.get(&call.key).is_none_or(|need| *need == call.need));
        }
        let luck = |a: &Arrival| ((a.key, a.server, a.attempt), (a.serial, a.parallel, a.fate));
        let met: BTreeMap<_, _> = one.arrivals.iter().map(luck).collect();
        for arrival in &other.arrivals {
            let (key, found) = luck(arrival);
            prop_assert!(met.get(&key).is_none_or(|luck| *luck == found));
        }
        // One run may end before the other, when its last call is over.
        prop_assert!(one.outages.iter().zip(&other.outages).all(|(one, other)| one == other));
    }

    #[test]
    fn no_slot_is_idle_while_work_waits(scenario in any_scenario(), decided in any_mapping(), seed in 0..u64::MAX) {
        let mut observer = ();
        let mut simulation = Simulation::new(Compiled::new(&scenario, &fit(&scenario, &decided), Run { seed, replication: 0 }), &mut observer);
        simulation.begin();
        while simulation.step() {
            for (id, (state, server)) in simulation.servers.iter().zip(&scenario.servers).enumerate() {
                let count = |is: &dyn Fn(&Attempt) -> bool| {
                    simulation.attempts.iter().filter(|(_, attempt)| attempt.server.index() == id && is(attempt)).count()
                };
                let (on_slots, waiting) = (count(&|a| a.phase == server::Phase::Serial), count(&|a| a.phase == server::Phase::Waiting));
                let taken = count(&|a| a.phase != server::Phase::Connecting);
                prop_assert_eq!(waiting, state.waiting.len());
                prop_assert_eq!((state.outstanding as usize, state.present as usize), (count(&|_| true), taken));
                prop_assert_eq!(state.queued as usize, waiting + on_slots);
                if server.discipline == Discipline::ProcessorSharing {
                    prop_assert!(waiting == 0 || state.is_frozen());
                } else {
                    prop_assert_eq!(state.slots_free as usize + on_slots, server.slots.value as usize);
                    // A slot that was left before its time is given to the next by an event of the same instant.
                    let given_up = scenario.policy.given_up == GivenUp::IsCancelled;
                    prop_assert!(waiting == 0 || state.slots_free == 0 || state.is_frozen() || given_up);
                }
                let limit = server.queue.as_ref().filter(|_| server.freezes.is_none());
                prop_assert!(limit.is_none_or(|limit| state.waiting.len() <= limit.value as usize));
                prop_assert!(!state.is_out() || taken == 0);
            }
        }
    }

    #[test]
    fn little_s_law(mut scenario in any_scenario(), seed in 0..u64::MAX) {
        // Where every call is served in the end, the time integral of the number in service is the sum of the response times.
        scenario.servers.iter_mut().for_each(|s| *s = Server { slots: s.slots.clone(), parallel: s.parallel.clone(), ..server(&s.name, s.serial.clone()) });
        let policy = &mut scenario.policy;
        (policy.breaker, policy.hedge, policy.queue_timeout, policy.caches) = (None, None, None, Vec::new());
        scenario.policy.timeout = constant(1e6);
        scenario.policy.call_life = Figure::stated(secs(1e6));
        scenario.run.warmup = Some(SimTime::ZERO);
        let mapping = primaries(&(0..scenario.needs.len() as u32).map(|need| need % SERVERS as u32).collect::<Vec<_>>());
        let mut observer = ();
        let mut simulation = Simulation::new(Compiled::new(&scenario, &mapping, Run { seed, replication: 0 }), &mut observer);
        simulation.begin();
        let (mut last, mut areas, mut numbers) = (SimTime::ZERO, [0.0; SERVERS], [0u32; SERVERS]);
        while simulation.step() {
            let dt = (simulation.now - last).as_secs();
            last = simulation.now;
            for (id, state) in simulation.servers.iter().enumerate() {
                areas[id] += f64::from(numbers[id]) * dt;
                numbers[id] = state.outstanding;
            }
        }
        let outcome = simulation.finish();
        for (area, tally) in areas.iter().zip(&outcome.servers) {
            prop_assert!((area - tally.response_sum.as_secs()).abs() <= 1e-6 * (1.0 + area), "{area} {}", tally.response_sum.as_secs());
        }
    }

    #[test]
    fn who_watches_changes_nothing(scenario in any_scenario(), decided in any_mapping(), seed in 0..u64::MAX) {
        let (mapping, run) = (fit(&scenario, &decided), Run { seed, replication: 0 });
        prop_assert_eq!(simulate_observed(&scenario, &mapping, run, &mut Trace::default()), simulate(&scenario, &mapping, run));
    }

    #[test]
    fn slots_are_busy_for_as_long_as_the_serial_work_takes(
        mut scenario in any_scenario(), decided in any_mapping(), seed in 0..u64::MAX,
        log in prop::collection::vec((0.0..100.0f64, 0..12usize), 1..200),
    ) {
        // Nothing is broken, cancelled, turned away or made longer, and all work is done before the horizon.
        for server in &mut scenario.servers {
            (server.outages, server.freezes, server.slow) = (None, None, None);
            (server.first_call, server.queue, server.rate_limit) = (constant(0.0), None, None);
        }
        (scenario.dependencies[0].outages, scenario.host.memory) = (None, None);
        scenario.policy.given_up = GivenUp::GoesOn;
        (scenario.run.warmup, scenario.run.horizon) = (Some(SimTime::ZERO), secs(1e7));
        let mut log: Vec<(f64, u32)> = log.into_iter().map(|(at, need)| (at, (need % scenario.needs.len()) as u32)).collect();
        log.sort_by(|one, other| one.0.total_cmp(&other.0));
        scenario.replay = replay(&log);
        let mut trace = Trace::default();
        let outcome = simulate_observed(&scenario, &fit(&scenario, &decided), Run { seed, replication: 0 }, &mut trace);
        for ((tally, server), id) in outcome.servers.iter().zip(&scenario.servers).zip(0..) {
            let arrivals = trace.arrivals.iter().filter(|arrival| arrival.server == ServerId(id));
            let (work, count) = (arrivals.clone().map(|arrival| arrival.serial).sum::<SimTime>(), arrivals.count() as u64);
            prop_assert_eq!(tally.offered, TimeSum::from(work));
            // Where slots are shared, each end is rounded to a nanosecond.
            let is_shared = server.discipline == Discipline::ProcessorSharing;
            let rounding = if is_shared { 2 * (count + 1) * u64::from(server.slots.value) } else { 0 };
            prop_assert!(tally.busy.0.abs_diff(u128::from(work.0)) <= u128::from(rounding), "{:?}: busy {:?}, work {work:?}", server.discipline, tally.busy);
        }
    }

    #[test]
    fn a_gateway_without_a_choice_is_a_fixed_mapping(
        mut scenario in any_scenario(), decided in any_mapping(), seed in 0..u64::MAX,
    ) {
        scenario.capabilities = (0..SERVERS).map(|capability| format!("work{capability}")).collect();
        let capability = |index: usize| CapabilityId::from(index % SERVERS);
        scenario.servers.iter_mut().enumerate().for_each(|(i, s)| s.provides = vec![Provision::new(capability(i), share(1.0))]);
        scenario.needs.iter_mut().enumerate().for_each(|(i, need)| need.capability = capability(i));
        let mut fixed = Mapping { dispatch: Dispatch::Fixed, ..fit(&scenario, &decided) };
        for (index, assignment) in fixed.assignments.iter_mut().enumerate() {
            assignment.primary = ServerId::from(index % SERVERS);
            let primary = Target::Server(assignment.primary);
            assignment.on_failure.retain(|target| *target != primary);
            assignment.on_overload.retain(|target| *target != primary);
        }
        let run = Run { seed, replication: 0 };
        let expected = simulate(&scenario, &fixed, run);
        let all = [Dispatch::Random, Dispatch::RoundRobin, Dispatch::LeastOutstanding, Dispatch::ShortestQueue];
        for dispatch in all.into_iter().chain([Dispatch::PowerOfChoices(2), Dispatch::LatencyWeighted]) {
            prop_assert_eq!(&simulate(&scenario, &Mapping { dispatch, ..fixed.clone() }, run), &expected, "{:?}", dispatch);
        }
    }

    #[test]
    fn memory_in_use_is_that_of_what_is_there(mut scenario in any_scenario(), decided in any_mapping(), seed in 0..u64::MAX) {
        let ends_empty = scenario.policy.given_up == GivenUp::IsCancelled;
        scenario.run.warmup = Some(SimTime::ZERO);
        let (mapping, mut observer) = (fit(&scenario, &decided), ());
        let mut simulation = Simulation::new(Compiled::new(&scenario, &mapping, Run { seed, replication: 0 }), &mut observer);
        let in_use = |simulation: &Simulation<()>| {
            let of_servers = simulation.servers.iter().map(|state| {
                let of_calls = u64::from(state.present) * state.model.memory_per_call.0;
                state.sessions * state.model.memory.0 + state.sessions_grown + state.grown + of_calls
            });
            Bytes(simulation.model.memory_resident.0 + of_servers.sum::<u64>())
        };
        simulation.begin();
        while simulation.step() {
            prop_assert_eq!(simulation.memory.used, in_use(&simulation));
        }
        if ends_empty {
            let grown: u64 = simulation.servers.iter().map(|state| state.grown).sum();
            prop_assert_eq!(simulation.memory.used, Bytes(simulation.model.memory_resident.0 + grown));
            let left = (simulation.tasks.iter().count(), simulation.attempts.iter().count(), simulation.sessions.iter().count());
            prop_assert_eq!(left, (0, 0, 0), "tasks, attempts and sessions that nobody ends");
        }
    }
}

#[test]
fn traces_of_two_mappings_have_much_in_common() {
    let mut scenario = queue(4000.0, 0.2, server("a", exponential(0.5)));
    scenario.servers.push(server("b", exponential(0.7)));
    scenario.agents[0].workload.calls = Figure::stated(3.0);
    scenario.servers[0].errors.soft = share(0.3);
    scenario.policy.retries = Figure::stated(2);
    let run = Run { seed: 1, replication: 0 };
    let fallback = mapping(vec![Assignment { on_failure: vec![Target::Server(ServerId(0))], ..assignment(1) }]);
    let calls = |trace: Trace| trace.calls.iter().map(|call| (call.key, call.need)).collect::<Vec<_>>();
    let (one, other) = (calls(traced(&scenario, &primaries(&[0]), run)), calls(traced(&scenario, &fallback, run)));
    let common = one.iter().filter(|call| other.contains(call)).count();
    assert!(common as f64 > 0.98 * one.len() as f64, "{common} of {}", one.len());
}
