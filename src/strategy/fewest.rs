//! How few changed assignments do: the best mapping with at most so many of them, one more at a time.

use crate::scenario::{Scenario, ServerId};

use super::balance::EXACT_NEEDS;
use super::clash::{all_constraints, is_possible};
use super::linear::Integrality;
use super::loads::Choices;
use super::milp::{NODES, decide_exactly};
use super::objective::{Objective, TOLERANCE};

/// The best mapping by the objective with at most so many changed assignments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fewest {
    pub primaries: Vec<ServerId>,
    /// With fewer changes no mapping keeps the limits and meets the planned KPIs: every smaller number was ruled out.
    pub proven: bool,
}

/// From the fewest changes that do for the scenario's limits and planned KPIs, up to `most`. Empty where there are too many needs for proofs.
pub fn fewest_changes(scenario: &Scenario, most: u32) -> impl Iterator<Item = Fewest> {
    let decidable = Choices::of(scenario).movable.len() <= EXACT_NEEDS;
    let most = scenario.limits.changes.map_or(most, |limit| limit.min(most));
    let mut proven = true;
    (0..=most).filter(move |_| decidable).filter_map(move |changes| {
        let mut world = Scenario { what_ifs: Vec::new(), ..scenario.clone() };
        world.limits.changes = Some(changes);
        let objective = Objective::of(&world);
        if is_possible(&objective, &all_constraints(&objective)) == Some(false) {
            return None;
        }
        let solved = decide_exactly(&objective, Integrality::Required { nodes: NODES });
        let does = solved.value.excess <= TOLERANCE && solved.value.shortfall <= TOLERANCE;
        let fewest = does.then_some(Fewest { primaries: solved.primaries, proven });
        // Whatever comes later was not proven to be the first.
        proven = false;
        fewest
    })
}

#[cfg(test)]
mod tests {
    use super::super::reference::ecosystem;
    use super::*;
    use crate::mapping::{Over, planned_score, primaries_of_today};

    #[test]
    fn the_plans_balance_takes_three_changes_and_no_fewer() {
        let scenario = ecosystem();
        let today = primaries_of_today(&scenario);
        let all: Vec<Fewest> = fewest_changes(&scenario, 4).collect();
        let changed = |fewest: &Fewest| fewest.primaries.iter().zip(&today).filter(|(a, b)| a != b).count();
        assert_eq!(all.iter().map(|fewest| (changed(fewest), fewest.proven)).collect::<Vec<_>>(), [(3, true), (4, false)]);
        let score = |primaries: &[ServerId]| planned_score(&scenario, primaries, Over::Sharing);
        assert!(score(&all[0].primaries) >= 70.0);

        // Every mapping with two changes or fewer.
        let movable = Choices::of(&scenario).movable;
        let moves: Vec<_> = movable.iter().flat_map(|of| of.servers.iter().map(|server| (of.need.index(), *server))).collect();
        for (one, to) in &moves {
            for (other, there) in &moves {
                let mut primaries = today.clone();
                (primaries[*one], primaries[*other]) = (*to, *there);
                assert!(score(&primaries) < 70.0, "{one} to {to:?}, {other} to {there:?}");
            }
        }
    }
}
