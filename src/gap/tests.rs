//! The search against exhaustive enumeration, and against the best known values of published instances, where they are at hand.

use super::*;

/// The least cost of all assignments.
fn least(instance: &Instance) -> Option<i64> {
    let count = instance.agents.pow(instance.items as u32);
    let digits = |mut number: usize| -> Assignment {
        (0..instance.items)
            .map(|_| {
                let agent = number % instance.agents;
                number /= instance.agents;
                agent
            })
            .collect()
    };
    (0..count).filter_map(|number| instance.evaluate(&digits(number))).min()
}

#[test]
fn on_small_instances_search_and_branch_and_bound_find_the_optimum_and_no_bound_is_above_it() {
    let mut feasible = 0;
    for class in ["a", "b", "c", "d", "e"] {
        for seed in 0..6 {
            let instance = generate(format!("{class}:3x8").parse().unwrap(), seed);
            let optimum = least(&instance);
            let budget = Budget { solver: Solver::best(), branching: Integrality::Required { nodes: 10_000 }, moves: 300_000, seed };
            for method in Method::ALL {
                let place = format!("{class} {seed} {}", method.name());
                match (solve(&instance, method, budget), optimum) {
                    (Ok(found), Some(optimum)) => {
                        let cost = found.best.as_ref().map(|(_, cost)| *cost);
                        assert!(found.bound.is_none_or(|bound| bound <= optimum), "{place}: {found:?}, optimum {optimum}");
                        assert!(cost.is_none_or(|cost| cost >= optimum), "{place}: {found:?}, optimum {optimum}");
                        if matches!(method, Method::Milp | Method::Search) {
                            assert_eq!(cost, Some(optimum), "{place}");
                        }
                    }
                    (Ok(found), None) => assert_eq!(found.best, None, "{place}"),
                    (Err(error), _) => assert!(error == SolverError::Infeasible && optimum.is_none(), "{place}: {error}"),
                }
            }
            feasible += u32::from(optimum.is_some());
        }
    }
    assert!(feasible >= 20, "{feasible} of 30 are feasible");
}

#[test]
fn the_same_seed_finds_the_same() {
    let instance = generate("e:5x40".parse().unwrap(), 3);
    assert_eq!(search(&instance, 1_000_000, 1), search(&instance, 1_000_000, 1));
}

/// Name, instance, best known value; of the folder MCPLAB_GAP_DIR, which has best_known.csv too.
fn published() -> Vec<(String, Instance, i64)> {
    let folder = std::env::var_os("MCPLAB_GAP_DIR").map(std::path::PathBuf::from).expect("MCPLAB_GAP_DIR names a folder of instances");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let known = best_known("best_known.csv", &read("best_known.csv")).unwrap();
    assert!(!known.is_empty());
    known.into_iter().map(|(name, known)| (name.clone(), parse(&name, &read(&name)).unwrap(), known.value)).collect()
}

#[test]
#[ignore = "needs the published instances in MCPLAB_GAP_DIR"]
fn published_instances_are_solved_to_half_a_percent() {
    let far: Vec<String> = published()
        .iter()
        .filter_map(|(name, instance, known)| {
            let found = search(instance, MOVES, 1);
            let cost = found.assignment.as_ref().and_then(|assignment| instance.evaluate(assignment));
            assert!(found.bound <= *known, "{name}: bound {} above {known}", found.bound);
            let near = cost.is_some_and(|cost| 1000 * (cost - known) <= 5 * known);
            (!near).then(|| format!("{name}: {cost:?}, best known {known}"))
        })
        .collect();
    assert!(far.is_empty(), "{}", far.join("; "));
}

/// Up to 10 x 60; the large ones take it the whole minute. An unoptimised build spends minutes on the searches that it starts from.
#[cfg(feature = "highs")]
#[test]
#[ignore = "needs the published instances in MCPLAB_GAP_DIR"]
fn highs_closes_the_small_published_instances() {
    for (name, instance, known) in published().iter().filter(|(_, instance, _)| instance.items <= 60) {
        let budget = Budget { solver: Solver::Highs, branching: Integrality::RequiredFor { seconds: 60.0 }, moves: MOVES, seed: 1 };
        let solved = solve(instance, Method::Milp, budget).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(solved.best.map(|(_, cost)| cost), Some(*known), "{name}");
        assert_eq!(solved.bound, Some(*known), "{name}: the bound");
    }
}
