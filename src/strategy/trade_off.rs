//! How balance pulls against a server: the best planned balance with so many needs left on it. Balance rewards leaving work on
//! a server that fails, while it stands in the list.

use crate::mapping::Over;
use crate::scenario::{Scenario, ServerId};

use super::balance::{BalanceOptimum, EXACT_NEEDS, NODES, Use, best_balance_at};
use super::linear::Solver;
use super::loads::Choices;

/// The best planned balance over the sharing servers, with exactly `needs` of the movable needs on the server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerUse {
    pub needs: usize,
    pub optimum: BalanceOptimum,
}

/// From none to all of the movable needs that the server could have. Empty where there are more movable needs than can be
/// solved exactly ([`EXACT_NEEDS`]): a point of the curve without proof would mislead.
pub fn balance_by_server_use(scenario: &Scenario, server: ServerId) -> Vec<ServerUse> {
    let choices = Choices::of(scenario);
    if choices.movable.len() > EXACT_NEEDS {
        return Vec::new();
    }
    let most = choices.movable.iter().filter(|m| m.servers.contains(&server)).count();
    (0..=most)
        .filter_map(|needs| {
            best_balance_at(Solver::best(), scenario, Over::Sharing, Some(Use { server, needs }), NODES)
                .map(|optimum| ServerUse { needs, optimum })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::enumerate::enumerate_by_use;
    use super::super::reference::ecosystem;
    use super::*;

    #[test]
    fn each_use_of_serena_has_the_best_balance_that_enumeration_finds() {
        let scenario = ecosystem();
        let serena = scenario.server_named("serena").unwrap();
        let uses = balance_by_server_use(&scenario, serena);
        let all = enumerate_by_use(&scenario, Over::Sharing, Some(serena));
        assert_eq!(uses.len(), 5);
        for (solved, all) in uses.iter().zip(&all) {
            assert!((solved.optimum.score - all.score).abs() < 1e-6, "{solved:?}, {}", all.score);
            assert!(solved.optimum.is_closed(), "{solved:?}");
        }
        // Nobody on serena: far below the 70 that the plan asks for.
        assert!(uses[0].optimum.bound < 55.0 && uses[4].optimum.score > 70.0, "{uses:?}");
    }
}
