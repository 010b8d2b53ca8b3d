//! The search over the simulator: analytic models propose, the simulator chooses. Around the mapping chosen so far, those that the objective
//! likes best are simulated too, on the same randomness, with replications where they matter (`judge::select`); the best one takes its place,
//! until no neighbour does.

use serde::Serialize;

use crate::experiment::{self, Design, Part, Watch};
use crate::judge::{Demand, Replication, Samples, probability_within, select};
use crate::mapping::Mapping;
use crate::scenario::Scenario;
use crate::strategy::Objective;

use super::evaluate::simulated_losses;
use super::neighbours::{Proposal, neighbours};

/// Half a hundredth of a KPI's worth (where there are priorities, of the first): less than that is not worth a replication, nor an edit.
pub const INDIFFERENCE: f64 = 0.005;
/// Of all rounds together.
const CONFIDENCE: f64 = 0.95;
const ROUNDS: u32 = 4;
/// Replications of one mapping at most, in multiples of the design's.
const MOST: u32 = 20;

/// What the search did, and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchReport {
    pub procedure: &'static str,
    pub confidence: f64,
    /// Of loss.
    pub indifference: f64,
    pub rounds: u32,
    pub mappings: usize,
    pub replications: u64,
    pub replications_of_chosen: usize,
    /// The procedure's guarantee holds; else its budget of replications ended before.
    pub guaranteed: bool,
    /// Lower bounds of the probability that no mapping tried is better by more than the indifference zone; that none is better at all.
    pub probability_good: f64,
    pub probability_best: f64,
    /// The others with the least loss, and how much more they lose than the chosen one.
    pub runners_up: Vec<RunnerUp>,
    /// The mapping that the search started from was left for another.
    pub moved: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunnerUp {
    pub name: String,
    pub loss_more: f64,
}

/// All that was tried, with what it lost in each replication.
pub struct Tried {
    pub proposal: Proposal,
    pub replications: Vec<Replication>,
    /// Loss, and what the mapping costs by itself.
    losses: Samples,
    /// It would miss what the start meets.
    barred: bool,
}

pub struct Found {
    /// Index into `tried`.
    pub chosen: usize,
    pub tried: Vec<Tried>,
    pub report: SearchReport,
}

/// Starts from the first proposal. `passes` says whether a mapping may be chosen at all: its verdict is not worse.
pub fn search(
    scenario: &Scenario,
    proposals: Vec<Proposal>,
    design: Design,
    watch: &dyn Watch,
    passes: impl Fn(&Mapping) -> bool,
) -> Found {
    let objective = Objective::of(scenario);
    let mut pool = Pool { scenario, objective: &objective, design, tried: Vec::new() };
    let mut systems: Vec<usize> = proposals.into_iter().map(|proposal| pool.add(proposal)).collect();
    systems.dedup();
    let demand = Demand {
        // Bonferroni over the rounds.
        confidence: 1.0 - (1.0 - CONFIDENCE) / f64::from(ROUNDS),
        indifference: INDIFFERENCE,
        first: design.replications.max(10),
        step: design.replications.max(10),
        most: design.replications.max(10).saturating_mul(MOST),
    };
    let start = systems[0];
    let (mut chosen, mut rounds, mut guaranteed) = (start, 0, true);
    while rounds < ROUNDS {
        rounds += 1;
        let is_new = |mapping: &Mapping| pool.tried.iter().all(|tried| tried.proposal.mapping.assignments != mapping.assignments);
        let nearby = neighbours(&[&objective], &|costs| costs[0], &pool.tried[chosen].proposal, &is_new);
        systems.extend(nearby.into_iter().map(|neighbour| pool.add(neighbour)));
        let (best, decided) = pool.select(&systems, demand, &Part { name: format!("search, round {rounds}"), watch });
        guaranteed &= decided;
        let next = if best == chosen || pool.is_clearly_better(best, chosen) { best } else { chosen };
        if next != chosen && !passes(&pool.tried[next].proposal.mapping) {
            pool.tried[next].barred = true;
            systems.retain(|system| *system != next);
            continue;
        }
        if next == chosen {
            break;
        }
        chosen = next;
        // What was dropped is not tried again; the present one meets its own neighbours.
        systems = vec![chosen];
    }
    let report = pool.report(Course { start, chosen, rounds, guaranteed });
    Found { chosen, tried: pool.tried, report }
}

struct Course {
    start: usize,
    chosen: usize,
    rounds: u32,
    guaranteed: bool,
}

struct Pool<'a> {
    scenario: &'a Scenario,
    objective: &'a Objective<'a>,
    design: Design,
    tried: Vec<Tried>,
}

impl Pool<'_> {
    /// Each mapping once.
    fn add(&mut self, proposal: Proposal) -> usize {
        if let Some(index) = self.tried.iter().position(|tried| tried.proposal.mapping.assignments == proposal.mapping.assignments) {
            return index;
        }
        self.tried.push(Tried { proposal, replications: Vec::new(), losses: Vec::new(), barred: false });
        self.tried.len() - 1
    }

    fn select(&mut self, systems: &[usize], demand: Demand, watch: &dyn Watch) -> (usize, bool) {
        let selection = select(systems.len(), demand, |of, from, to| {
            let of: Vec<usize> = of.iter().map(|position| systems[*position]).collect();
            self.replicate(&of, to, watch);
            of.iter().map(|index| self.tried[*index].losses[from as usize..to as usize].to_vec()).collect()
        });
        (systems[selection.best], selection.decided)
    }

    /// Brings these up to so many replications, those of earlier rounds included.
    fn replicate(&mut self, of: &[usize], to: u32, watch: &dyn Watch) {
        let mut behind: Vec<(usize, u32)> = of.iter().map(|index| (*index, self.tried[*index].losses.len() as u32)).collect();
        behind.retain(|(_, done)| *done < to);
        behind.sort_by_key(|(index, done)| (*done, *index));
        for group in behind.chunk_by(|a, b| a.1 == b.1) {
            let done = group[0].1;
            let cases: Vec<experiment::Case> = group
                .iter()
                .map(|(index, _)| experiment::Case { scenario: self.scenario, mapping: &self.tried[*index].proposal.mapping })
                .collect();
            let design = Design { replications: to - done, ..self.design };
            let runs = experiment::run_from(&cases, design, done, watch);
            for ((index, _), replications) in group.iter().zip(runs) {
                let tried = &mut self.tried[*index];
                let planned = self.objective.planned_cost(&tried.proposal.mapping.primaries());
                tried.losses.extend(simulated_losses(self.scenario, &replications).map(|loss| loss + planned));
                tried.replications.extend(replications);
            }
        }
    }

    /// By a paired t test: a change has to be seen to be worth an edit.
    fn is_clearly_better(&self, a: usize, b: usize) -> bool {
        let values = |index: usize| self.tried[index].losses.iter().map(|loss| Some(*loss)).collect::<Vec<_>>();
        crate::judge::paired(&values(a), &values(b)).is_some_and(|p| p.difference < 0.0 && p.p < 0.05)
    }

    fn report(&self, course: Course) -> SearchReport {
        let samples: Vec<Samples> = self.tried.iter().map(|tried| tried.losses.clone()).collect();
        // What may not be chosen is no alternative.
        let alternatives: Vec<usize> = (0..samples.len()).filter(|index| samples[*index].len() > 1 && !self.tried[*index].barred).collect();
        let position = alternatives.iter().position(|index| *index == course.chosen).unwrap_or(0);
        let compared: Vec<Samples> = alternatives.iter().map(|index| samples[*index].clone()).collect();
        let ours = &self.tried[course.chosen].losses;
        let mut runners_up: Vec<RunnerUp> = alternatives
            .iter()
            .filter(|index| **index != course.chosen)
            .map(|index| {
                let theirs = &self.tried[*index].losses;
                let n = theirs.len().min(ours.len());
                let more = theirs.iter().zip(ours).map(|(theirs, ours)| theirs - ours).sum::<f64>() / n as f64;
                RunnerUp { name: self.tried[*index].proposal.name.clone(), loss_more: more }
            })
            .collect();
        runners_up.sort_by(|a, b| a.loss_more.total_cmp(&b.loss_more).then_with(|| a.name.cmp(&b.name)));
        runners_up.truncate(3);
        SearchReport {
            procedure: "Kim & Nelson (2001), paired, Bonferroni over rounds",
            confidence: CONFIDENCE,
            indifference: INDIFFERENCE,
            rounds: course.rounds,
            mappings: alternatives.len(),
            replications: samples.iter().map(|samples| samples.len() as u64).sum(),
            replications_of_chosen: ours.len(),
            guaranteed: course.guaranteed,
            probability_good: probability_within(&compared, position, INDIFFERENCE),
            probability_best: probability_within(&compared, position, 0.0),
            runners_up,
            moved: course.chosen != course.start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Stage;
    use crate::scenario::parse;
    use crate::strategy::Strategy;
    use crate::study::evaluate::losses;

    /// The solver's waiting is that of Poisson arrivals: it puts two agents whose calls come in bursts on one server, and its optimum loses
    /// much more than the mapping that the simulator shows to the search.
    #[test]
    fn where_calls_come_in_bursts_the_search_leaves_the_analytic_optimum_for_a_better_mapping() {
        let scenario = parse("bursts", include_str!("../../scenarios/bursts.toml")).expect("a shipped scenario").scenario;
        let optimum = Strategy::Milp.decide(&scenario, 1);
        assert!(optimum.notes[0].starts_with("proven optimal"), "{:?}", optimum.notes);
        let start = Proposal { name: "milp".to_owned(), mapping: optimum.mapping.clone() };
        let design = Design { seed: 1, replications: 10, stage: Stage::Selection };
        let found = search(&scenario, vec![start.clone()], design, &(), |_| true);
        let chosen = &found.tried[found.chosen];
        assert!(found.report.moved && found.report.guaranteed, "{:?}", found.report);
        assert!(found.report.probability_good > 0.9, "{:?}", found.report);

        // On fresh replications.
        let validation = Design { stage: Stage::Validation, ..design };
        let cases = [&start.mapping, &chosen.proposal.mapping].map(|mapping| experiment::Case { scenario: &scenario, mapping });
        let runs = experiment::run(&cases, validation, &());
        let [of_start, of_chosen] = [0, 1].map(|i| losses(&scenario, cases[i].mapping, &runs[i]));
        let pair = crate::judge::paired(&of_start, &of_chosen).expect("both have answers");
        assert!(pair.difference > 0.1 && pair.p < 0.001, "{pair:?}");

        // Nothing is to be gained where the search may not go.
        let barred = search(&scenario, vec![start], design, &(), |_| false);
        assert!(!barred.report.moved && barred.report.mappings < found.report.mappings + 1, "{:?}", barred.report);
    }
}
