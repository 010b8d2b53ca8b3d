//! A choice for more than one world: across the base and its what-ifs, the mapping that loses least in its worst case, or least by weights; and
//! its price, what it loses in the base above the mapping that is best there.

use serde::Serialize;

use crate::experiment::{self, Case, Design, Part, Watch};
use crate::judge::{Estimate, Judged, Paired, Replication, Samples, Verdict, estimate, paired, probability_within, summarize};
use crate::mapping::Mapping;
use crate::scenario::Scenario;
use crate::strategy::{Objective, Strategy};

use super::evaluate::{simulated_losses, verdict_of};
use super::neighbours::{Proposal, neighbours};
use super::search::INDIFFERENCE;

/// What is to be least.
#[derive(Debug, Clone, PartialEq)]
pub enum Across {
    /// The mean loss of the case in which it is greatest.
    WorstCase,
    /// The mean of the cases' losses, weighted: the base first, then every what-if; they add up to 1.
    Weights(Vec<f64>),
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AcrossReport {
    /// The base first.
    pub cases: Vec<String>,
    /// None: the worst case counts.
    pub weights: Option<Vec<f64>>,
    pub mappings: usize,
    pub rounds: u32,
    pub replications: u32,
    /// The chosen mapping, the one that is best in the base, today's; those that are the same once.
    pub rows: Vec<AcrossRow>,
    /// Loss of the chosen one above that of the base's best: in the base, and by what was to be least. None where they are the same.
    pub price: Option<Paired>,
    pub gain: Option<Paired>,
    /// Lower bound of the probability that none of the mappings tried is better by more than [`INDIFFERENCE`].
    pub probability_good: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AcrossRow {
    pub name: String,
    /// By case.
    pub losses: Vec<Estimate>,
    /// What was to be least.
    pub value: Estimate,
    /// The case with the greatest loss.
    pub worst: String,
}

pub struct Chosen {
    pub proposal: Proposal,
    pub report: AcrossReport,
}

const ROUNDS: u32 = 4;

/// What a choice across cases is made from.
pub struct Start<'a> {
    pub scenario: &'a Scenario,
    /// The best in the base.
    pub best: Proposal,
    /// Others that take part.
    pub others: Vec<Proposal>,
    pub today: &'a Mapping,
    /// No mapping with a worse verdict is chosen.
    pub verdict: Verdict,
    pub design: Design,
}

/// The proposals, what strategies decide for each case, and the neighbours of the best of them, all on the same randomness.
pub fn across(start: Start, across: &Across, watch: &dyn Watch) -> Chosen {
    let Start { scenario, best, others, today, verdict, design } = start;
    let worlds: Vec<&Scenario> = std::iter::once(scenario).chain(scenario.what_ifs.iter().map(|w| &*w.scenario)).collect();
    let objectives: Vec<Objective> = worlds.iter().map(|world| Objective::of(world)).collect();
    let mut pool = Pool { scenario, worlds, objective: &objectives[0], across, design, today: Vec::new(), entries: Vec::new() };
    let today = Proposal { name: Strategy::Current.name().to_owned(), mapping: today.clone() };
    let mut proposals = vec![today, best.clone()];
    proposals.extend(others);
    watch.phase("deciding for what-ifs", scenario.what_ifs.len() as u64);
    for what_if in &scenario.what_ifs {
        for strategy in [Strategy::Milp, Strategy::LocalSearch] {
            let primaries = strategy.decide(&what_if.scenario, design.seed).mapping.primaries();
            if scenario.need_ids().all(|need| scenario.eligible(need).contains(&primaries[need.index()])) {
                let mapping = Mapping::with_policy_fallbacks(scenario, &primaries);
                proposals.push(Proposal { name: format!("{} for {}", strategy.name(), what_if.name), mapping });
            }
        }
        watch.step();
    }
    pool.add(proposals, &Part { name: "across what-ifs".to_owned(), watch });
    let of_base = pool.entries.iter().position(|entry| entry.proposal.mapping.assignments == best.mapping.assignments).unwrap_or(0);
    let exceeded = best.mapping.limits_exceeded(scenario).len();
    let may_be_chosen =
        |entry: &Entry| entry.verdict <= verdict && entry.stable && entry.proposal.mapping.limits_exceeded(scenario).len() <= exceeded;
    let mut chosen = of_base;
    let mut rounds = 0;
    let combine = |costs: &[f64]| across.value(costs);
    while rounds < ROUNDS {
        let eligible = (0..pool.entries.len()).filter(|index| may_be_chosen(&pool.entries[*index]));
        let least = eligible.min_by(|a, b| pool.value(*a).total_cmp(&pool.value(*b))).unwrap_or(chosen);
        // A change has to be seen to be worth an edit.
        if least != chosen && pool.difference(least, chosen).is_some_and(|d| d.difference < 0.0 && d.p < 0.05) {
            chosen = least;
        } else if rounds > 0 {
            break;
        }
        rounds += 1;
        let is_new = |mapping: &Mapping| pool.entries.iter().all(|entry| entry.proposal.mapping.assignments != mapping.assignments);
        let nearby = neighbours(&objectives.iter().collect::<Vec<_>>(), &combine, &pool.entries[chosen].proposal, &is_new);
        pool.add(nearby, &Part { name: format!("across what-ifs, round {rounds}"), watch });
    }
    let alternatives: Vec<usize> =
        (0..pool.entries.len()).filter(|index| *index == chosen || may_be_chosen(&pool.entries[*index])).collect();
    let samples: Vec<Samples> = alternatives.iter().map(|index| pool.samples(*index)).collect();
    let position = alternatives.iter().position(|index| *index == chosen).expect("the chosen one is among them");
    let mut shown = vec![chosen];
    for other in [of_base, 0] {
        if !shown.contains(&other) {
            shown.push(other);
        }
    }
    let is_other = chosen != of_base;
    Chosen {
        report: AcrossReport {
            cases: std::iter::once("base").chain(scenario.what_ifs.iter().map(|w| w.name.as_str())).map(str::to_owned).collect(),
            weights: match across {
                Across::WorstCase => None,
                Across::Weights(weights) => Some(weights.clone()),
            },
            mappings: pool.entries.len(),
            rounds,
            replications: design.replications,
            rows: shown.iter().map(|index| pool.row(*index)).collect(),
            price: is_other.then(|| pairs(&pool.entries[chosen].losses[0], &pool.entries[of_base].losses[0])).flatten(),
            gain: is_other.then(|| pool.difference(chosen, of_base)).flatten(),
            probability_good: probability_within(&samples, position, INDIFFERENCE),
        },
        proposal: pool.entries.swap_remove(chosen).proposal,
    }
}

impl Across {
    fn value(&self, by_case: &[f64]) -> f64 {
        match self {
            Across::WorstCase => by_case.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Across::Weights(weights) => weights.iter().zip(by_case).map(|(weight, of)| weight * of).sum(),
        }
    }
}

struct Entry {
    proposal: Proposal,
    /// By case, then replication.
    losses: Vec<Samples>,
    verdict: Verdict,
    /// In the base.
    stable: bool,
}

struct Pool<'a> {
    scenario: &'a Scenario,
    /// The base first.
    worlds: Vec<&'a Scenario>,
    objective: &'a Objective<'a>,
    across: &'a Across,
    design: Design,
    /// The first entry's, today's, in the base.
    today: Vec<Replication>,
    entries: Vec<Entry>,
}

impl Pool<'_> {
    /// Runs each mapping once in every case.
    fn add(&mut self, proposals: Vec<Proposal>, watch: &dyn Watch) {
        let mut fresh: Vec<Proposal> = Vec::new();
        for proposal in proposals {
            let is_known = |other: &Proposal| other.mapping.assignments == proposal.mapping.assignments;
            if !fresh.iter().any(is_known) && !self.entries.iter().any(|entry| is_known(&entry.proposal)) {
                fresh.push(proposal);
            }
        }
        let cases: Vec<Case> = fresh
            .iter()
            .flat_map(|proposal| self.worlds.iter().map(move |scenario| Case { scenario, mapping: &proposal.mapping }))
            .collect();
        let mut runs = experiment::run(&cases, self.design, watch).into_iter();
        for proposal in fresh {
            let of: Vec<Vec<Replication>> = runs.by_ref().take(self.worlds.len()).collect();
            // As every loss: where the scenario states priorities, what they say of the mapping itself counts too.
            let planned = self.scenario.priorities.as_ref().map_or(0.0, |_| self.objective.planned_cost(&proposal.mapping.primaries()));
            let simulated = |(world, replications)| simulated_losses(world, replications).map(|loss| loss + planned).collect();
            let losses = self.worlds.iter().copied().zip(of.iter().map(Vec::as_slice)).map(simulated).collect();
            let what_ifs = std::iter::once(None).chain(self.scenario.what_ifs.iter().map(Some));
            let summary = summarize(self.scenario, &of[0]);
            let judged: Vec<Judged> = what_ifs
                .zip(self.worlds.iter().zip(&of))
                .filter(|(what_if, _)| what_if.is_none_or(|w| w.required))
                .map(|(what_if, (world, replications))| {
                    Judged::new(world, what_if.map(|w| w.name.as_str()), true, &summarize(world, replications))
                })
                .collect();
            if self.entries.is_empty() {
                self.today.clone_from(&of[0]);
            }
            let verdict = verdict_of(self.scenario, &proposal.mapping, &judged, [&of[0], &self.today]);
            self.entries.push(Entry { proposal, losses, verdict, stable: summary.is_stable() });
        }
    }

    fn means(&self, index: usize) -> Vec<f64> {
        self.entries[index].losses.iter().map(|samples| samples.iter().sum::<f64>() / samples.len() as f64).collect()
    }

    fn value(&self, index: usize) -> f64 {
        self.across.value(&self.means(index))
    }

    fn worst(&self, index: usize) -> usize {
        let means = self.means(index);
        (0..means.len()).max_by(|a, b| means[*a].total_cmp(&means[*b]).then(b.cmp(a))).unwrap_or(0)
    }

    /// By replication, what is to be least: of its worst case, or weighted.
    fn samples(&self, index: usize) -> Samples {
        let losses = &self.entries[index].losses;
        match self.across {
            Across::WorstCase => losses[self.worst(index)].clone(),
            Across::Weights(_) => {
                let of = |replication: usize| losses.iter().map(|samples| samples[replication]).collect::<Vec<f64>>();
                (0..losses[0].len()).map(|replication| self.across.value(&of(replication))).collect()
            }
        }
    }

    /// Below zero: `a` is better.
    fn difference(&self, a: usize, b: usize) -> Option<Paired> {
        pairs(&self.samples(a), &self.samples(b))
    }

    fn row(&self, index: usize) -> AcrossRow {
        let losses = self.entries[index].losses.iter();
        AcrossRow {
            name: self.entries[index].proposal.name.clone(),
            losses: losses.map(|samples| estimate(samples).expect("a run has replications")).collect(),
            value: estimate(&self.samples(index)).expect("a run has replications"),
            worst: match self.worst(index) {
                0 => "base".to_owned(),
                number => self.scenario.what_ifs[number - 1].name.clone(),
            },
        }
    }
}

fn pairs(a: &[f64], b: &[f64]) -> Option<Paired> {
    let some = |samples: &[f64]| samples.iter().map(|loss| Some(*loss)).collect::<Vec<_>>();
    paired(&some(a), &some(b))
}
