//! The engine is right: the same checks as `mcplab prove`, a test a group, so that what fails has a name.

use mcplab::experiment::Watch;
use mcplab::proof::{Group, Proof, calibration, coverage, find, reductions};
use mcplab::report::proof_text;

const NOBODY: &dyn Watch = &();

#[test]
fn queues_have_their_exact_figures() {
    oracles(Group::Queues);
}

#[test]
fn servers_have_their_exact_figures() {
    oracles(Group::Servers);
}

#[test]
fn clients_have_their_exact_figures() {
    oracles(Group::Clients);
}

#[test]
fn four_servers_have_their_exact_figures_under_every_dispatcher() {
    oracles(Group::Dispatch);
}

#[test]
fn a_supermarket_has_its_published_figures() {
    oracles(Group::Supermarket);
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    check(Proof { coverage: coverage(NOBODY), ..Proof::default() });
}

#[test]
fn common_random_numbers_narrow_differences() {
    check(Proof { variance: reductions(NOBODY), ..Proof::default() });
}

#[test]
fn calibration_finds_what_the_scenario_states() {
    check(Proof { calibration: calibration(NOBODY), ..Proof::default() });
}

fn oracles(group: Group) {
    check(Proof { oracles: find(&group.oracles(), NOBODY), ..Proof::default() });
}

fn check(proof: Proof) {
    let text = proof_text(&proof);
    println!("{text}");
    assert!(proof.holds(), "{text}");
}
