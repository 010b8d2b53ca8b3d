//! Many replications of many mappings and what-ifs, in parallel, on the same randomness.

mod warmup;

use rayon::prelude::*;

use crate::engine::{Observer, Run, simulate_observed};
use crate::judge::Replication;
use crate::mapping::Mapping;
use crate::scenario::Scenario;

pub use warmup::{Warmup, settle};

/// One cell of a design: a scenario (the base, or a what-if's) under a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub scenario: &'a Scenario,
    pub mapping: &'a Mapping,
}

/// Told what goes on, for a progress bar; `()` watches nothing. What it does changes no result.
pub trait Watch: Sync {
    /// A new phase of so many steps begins.
    fn phase(&self, name: &str, steps: u64);
    fn step(&self);
}

impl Watch for () {
    fn phase(&self, _: &str, _: u64) {}
    fn step(&self) {}
}

/// Phases of a larger part, called after it too: `search, round 2: simulating`.
pub struct Part<'a> {
    pub name: String,
    pub watch: &'a dyn Watch,
}

impl Watch for Part<'_> {
    fn phase(&self, name: &str, steps: u64) {
        self.watch.phase(&format!("{}: {name}", self.name), steps);
    }

    fn step(&self) {
        self.watch.step();
    }
}

/// Which replications to run of each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Design {
    pub seed: u64,
    pub replications: u32,
    pub stage: Stage,
}

/// Replications of different stages are independent: what chooses a mapping is never what judges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Compares mappings.
    Comparison,
    /// Chooses among candidates.
    Selection,
    /// Judges the chosen one.
    Validation,
    /// Finds the warm-up.
    Pilot,
}

impl Stage {
    /// A scenario allows at most 100,000 replications, so the stages' numbers never meet.
    fn first_replication(self) -> u32 {
        match self {
            Stage::Comparison => 0,
            Stage::Selection => 1_000_000,
            Stage::Validation => 2_000_000,
            Stage::Pilot => 3_000_000,
        }
    }
}

/// All replications of all cases: one vector a case, in order. Replication i of every case meets the same tasks, luck and
/// outages.
pub fn run(cases: &[Case], design: Design, watch: &dyn Watch) -> Vec<Vec<Replication>> {
    run_from(cases, design, 0, watch)
}

/// As [`run`], where the first so many replications of the design's stage have been run before.
pub fn run_from(cases: &[Case], design: Design, before: u32, watch: &dyn Watch) -> Vec<Vec<Replication>> {
    let observed = observe(cases, design, before, watch, |_| ());
    observed.into_iter().map(|replications| replications.into_iter().map(|(replication, ())| replication).collect()).collect()
}

/// As [`run_from`], each replication watched by an observer of its own, which comes back with it.
pub fn observe<'a, O: Observer + Send>(
    cases: &[Case<'a>],
    design: Design,
    before: u32,
    watch: &dyn Watch,
    observer: impl Fn(Case<'a>) -> O + Sync,
) -> Vec<Vec<(Replication, O)>> {
    let replications = design.replications as usize;
    watch.phase("simulating", (cases.len() * replications) as u64);
    let mut all: Vec<(Replication, O)> = (0..cases.len() * replications)
        .into_par_iter()
        .map(|index| {
            let case = cases[index / replications];
            let replication = design.stage.first_replication() + before + (index % replications) as u32;
            let mut observer = observer(case);
            let outcome = simulate_observed(case.scenario, case.mapping, Run { seed: design.seed, replication }, &mut observer);
            watch.step();
            (Replication::new(case.scenario, case.mapping, outcome), observer)
        })
        .collect();
    // Indexed parallel iterators keep their order, so neither does the number of threads show here.
    let mut by_case = Vec::with_capacity(cases.len());
    for _ in cases {
        let rest = all.split_off(replications);
        by_case.push(std::mem::replace(&mut all, rest));
    }
    by_case
}
