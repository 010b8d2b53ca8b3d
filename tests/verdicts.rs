//! What a comparison concludes, on worlds small enough to know the answer.

use mcplab::experiment::{Design, Stage};
use mcplab::judge::Verdict;
use mcplab::scenario::{self, Scenario};
use mcplab::study::sweep::Outcome;
use mcplab::study::{Across, Comparison, Extras, Recommendation, candidates, compare, optimize};

/// One server at one second a call, offered as many calls an hour as `tasks` says.
fn one_server(tasks: &str, rest: &str) -> Scenario {
    let text = format!(
        "format = 1\nname = \"one\"\n[run]\nhorizon = \"4h\"\nwarmup = \"30min\"\nreplications = 10\n\
         [servers.only]\nserial = {{ exponential = \"1s\" }}\nqueue = 50\nprovides.work = 1.0\n\
         [agents.worker]\nworkload = {{ tasks = \"{tasks}\" }}\nneeds.work = \"only\"\n{rest}"
    );
    match scenario::parse("one.toml", &text) {
        Ok(parsed) => parsed.scenario,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

fn compared(scenario: &Scenario) -> Comparison {
    compare(scenario, candidates(scenario, Vec::new(), 1, &()), design(scenario), &())
}

fn design(scenario: &Scenario) -> Design {
    Design { seed: 1, replications: scenario.run.replications, stage: Stage::Comparison }
}

#[test]
fn without_targets_nothing_is_validated() {
    let comparison = compared(&one_server("1000/h", ""));
    assert!(comparison.rows.iter().all(|row| row.verdict == Verdict::Rejected));
    assert_eq!(comparison.recommended, None);
}

#[test]
fn what_is_met_is_validated_and_nothing_changes_for_nothing() {
    let scenario = one_server("1000/h", "[kpis]\nresponse_mean = { max = \"2s\" }\nerror_rate = { max = \"1%\" }");
    let comparison = compared(&scenario);
    let recommended = comparison.recommended().expect("M/M/1 at 28 % answers in 1.4 s");
    assert_eq!((recommended.verdict, recommended.changed), (Verdict::Validated, 0));
    let chosen = optimize(&scenario, candidates(&scenario, Vec::new(), 1, &()), design(&scenario), &Extras::default(), &());
    assert_eq!((chosen.verdict, chosen.changes.len()), (Verdict::Validated, 0));
}

/// Close to the target is not on the right side of it with 95 %: here the target lies between the mean and its bound.
#[test]
fn a_target_that_the_mean_only_just_meets_is_not_validated() {
    let world = |target: f64| one_server("1000/h", &format!("[kpis]\nresponse_mean = {{ max = \"{:.0}us\" }}", 1e6 * target));
    let result = compared(&world(2.0)).rows[0].base().judged.results[0].clone();
    let (mean, bound) = (result.estimate.expect("calls were made").mean, result.bound.expect("calls were made"));
    // M/M/1 at 1000/3600: 1 / (1 - 0.278) s.
    assert!((mean - 1.385).abs() < 0.05 && bound > mean, "{mean} {bound}");
    assert_eq!(compared(&world((mean + bound) / 2.0)).rows[0].verdict, Verdict::Rejected);
    assert_eq!(compared(&world(bound + 0.001)).rows[0].verdict, Verdict::Validated);
}

#[test]
fn what_is_offered_more_than_it_can_serve_is_named_and_a_remedy_is_found() {
    let scenario = one_server("4000/h", "[kpis]\nerror_rate = { max = \"5%\" }\nresponse_mean = { max = \"8s\" }");
    let comparison = compared(&scenario);
    let today = &comparison.rows[0];
    // Its queue is finite: what is too much is rejected, and misses the target for errors.
    assert_eq!((today.base().summary.is_stable(), &*today.base().summary.overloaded), (true, &["only".to_owned()][..]));
    assert_eq!((today.verdict, comparison.recommended), (Verdict::Rejected, None));
    let slot = comparison.remedies.iter().find(|remedy| remedy.change.starts_with("one more slot on only")).expect("the server is pressed");
    assert!(slot.meets_all, "{slot:?}");
}

/// The target is out of reach; the nearer server is better all the same.
#[test]
fn what_misses_a_target_and_is_better_than_today_improves() {
    let text = "format = 1\nname = \"two\"\n[run]\nhorizon = \"4h\"\nwarmup = \"30min\"\nreplications = 10\n\
         [servers.far]\nparallel = { exponential = \"2s\" }\nprovides.work = 1.0\n\
         [servers.near]\nparallel = { exponential = \"1s\" }\nprovides.work = 1.0\n\
         [agents.worker]\nworkload = { tasks = \"200/h\" }\nneeds.work = \"far\"\n\
         [kpis]\nresponse_mean = { max = \"100ms\" }\n";
    let scenario = scenario::parse("two.toml", text).unwrap_or_else(|diagnostics| panic!("{diagnostics}")).scenario;
    let comparison = compared(&scenario);
    let recommended = comparison.recommended().expect("one is better than today");
    assert_eq!((recommended.verdict, recommended.changed), (Verdict::Improves, 1));
    let chosen = optimize(&scenario, candidates(&scenario, Vec::new(), 1, &()), design(&scenario), &Extras::default(), &());
    assert_eq!(chosen.verdict, Verdict::Improves);
    assert!(chosen.changes[0].why.contains("mean response"), "{:?}", chosen.changes);
    assert!(comparison.remedies.iter().all(|remedy| !remedy.meets_all));
}

/// A planned target is met on paper; the queue grows without end all the same.
#[test]
fn what_is_unstable_is_never_validated() {
    let mut scenario = one_server("4000/h", "[kpis]\nbalance_planned_all = { min = 50 }");
    scenario.servers[0].queue = None;
    let comparison = compared(&scenario);
    assert_eq!(comparison.rows[0].base().summary.unstable, ["only"]);
    assert!(comparison.rows[0].base().judged.results[0].met);
    assert_eq!(comparison.rows[0].verdict, Verdict::Rejected);
}

/// A fast server that may slow down, and a steady one.
fn fast_or_steady() -> Scenario {
    let text = "format = 1\nname = \"two\"\n[run]\nhorizon = \"4h\"\nwarmup = \"30min\"\nreplications = 10\n\
         [servers]\nfast = { serial = \"1s\", provides = { work = 1.0 } }\nsteady = { serial = \"2s\", provides = { work = 1.0 } }\n\
         [agents.worker]\nworkload = { tasks = \"60/h\", calls = 1 }\nneeds.work = \"fast\"\n\
         [kpis]\nresponse_mean = { max = \"10s\" }\n\
         [what_if.slow-disk]\nservers.fast.serial = \"20s\"\n";
    scenario::parse("two.toml", text).unwrap_or_else(|diagnostics| panic!("{diagnostics}")).scenario
}

fn chosen_across(scenario: &Scenario, across: Option<Across>) -> Recommendation {
    let extras = Extras { across, breaks: false };
    optimize(scenario, candidates(scenario, Vec::new(), 1, &()), design(scenario), &extras, &())
}

#[test]
fn the_worst_case_is_hedged_against_at_a_price_in_the_base() {
    let scenario = fast_or_steady();
    let names = |of: &Recommendation| of.mapping.primaries().iter().map(|id| scenario.server(*id).name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&chosen_across(&scenario, None)), ["fast"]);

    let robust = chosen_across(&scenario, Some(Across::WorstCase));
    let across = robust.across.as_ref().expect("it was asked for");
    assert_eq!((names(&robust), &*across.rows[1].worst), (vec!["steady".to_owned()], "slow-disk"));
    // A second more of the ten allowed, and at least 18 fewer, queueing apart.
    let (price, gain) = (across.price.expect("another mapping"), across.gain.expect("another mapping"));
    assert!((price.difference - 0.1).abs() < 0.02 && price.p < 0.001, "{price:?}");
    assert!(gain.difference < -1.8 && gain.p < 0.001 && across.probability_good > 0.999, "{across:?}");

    // It is not worth that where the disk is hardly ever slow.
    let rarely = chosen_across(&scenario, Some(Across::Weights(vec![0.9999, 0.0001])));
    assert_eq!((names(&rarely), rarely.across.expect("it was asked for").price), (vec!["fast".to_owned()], None));
}

#[test]
fn the_load_is_raised_until_a_target_breaks() {
    // M/M/1: mean response 1 / (1 - rho) s is 4 s at rho = 0.75, three times 900/h.
    let scenario = one_server("900/h", "[kpis]\nresponse_mean = { max = \"4s\" }");
    let chosen =
        optimize(&scenario, candidates(&scenario, Vec::new(), 1, &()), design(&scenario), &Extras { breaks: true, across: None }, &());
    let load = chosen.outlook.load.expect("it was asked for");
    let Outcome::Breaks(at) = &load.breaks[0].outcome else { panic!("{:?}", load.breaks) };
    let (from, to) = (at.from.expect("within"), at.to.expect("within"));
    assert!(from <= 3.0 && 3.0 <= to && to - from < 1.0, "{at:?}");
    assert_eq!(load.parameters[0].values.len(), 3, "1, 2, and 4: unstable");
}
