//! All strategies over many scenarios: how good is what each decides, and how sure is the ranking?

mod suite;

use serde::Serialize;

use crate::random::Key;
use crate::scenario::Scenario;
use crate::strategy::{Strategy, Value};

pub use suite::{Size, instance};

/// What one strategy decided for one scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solved {
    pub instance: String,
    pub strategy: &'static str,
    /// Of the planned KPIs, relative; it comes before the cost.
    pub shortfall: f64,
    pub cost: f64,
    /// What the strategy proves that no mapping of the least shortfall goes below.
    pub bound: Option<f64>,
    /// Cost above the best known of the instance, relative; none where it falls further short of the planned KPIs than the best does.
    pub gap: Option<f64>,
    /// From 1, the best; equals share the mean of their ranks.
    pub rank: f64,
}

/// Of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Instance {
    pub name: String,
    pub agents: usize,
    pub servers: usize,
    pub needs: usize,
    pub movable: usize,
    /// The least shortfall, and at that the least cost, that any strategy found.
    pub shortfall: f64,
    pub cost: f64,
    /// The highest bound that any strategy proved.
    pub bound: Option<f64>,
    /// Cost of the best above the bound, relative: no mapping is better than the best by more than this.
    pub bound_gap: Option<f64>,
}

/// A share or a mean over the instances with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Over {
    pub value: f64,
    pub interval: [f64; 2],
}

/// One strategy over all instances.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    pub strategy: &'static str,
    pub rank: Over,
    /// For each of [`GAPS`]: share of the instances solved to within it.
    pub solved: Vec<Over>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Benchmark {
    pub seed: u64,
    pub gaps: Vec<f64>,
    pub instances: Vec<Instance>,
    /// The best rank first.
    pub standings: Vec<Standing>,
    pub solved: Vec<Solved>,
}

/// Where the solvability profile is read.
pub const GAPS: [f64; 5] = [0.0, 0.001, 0.01, 0.05, 0.2];

/// Differences below this are rounding.
const TOLERANCE: f64 = 1e-6;

const RESAMPLES: u64 = 2000;

/// What every strategy decides for one scenario; `timed` runs each decision and may take its time.
pub fn solve(name: &str, scenario: &Scenario, seed: u64, timed: &mut dyn FnMut(Strategy, &mut dyn FnMut())) -> (Instance, Vec<Solved>) {
    let mut solved: Vec<Solved> = Vec::new();
    for strategy in Strategy::ALL {
        timed(strategy, &mut || {
            let decision = strategy.decide(scenario, seed);
            let cost = decision.objective.expect("a strategy's own mapping has a cost");
            solved.push(Solved {
                instance: name.to_owned(),
                strategy: strategy.name(),
                shortfall: decision.shortfall,
                cost,
                bound: decision.bound,
                gap: None,
                rank: 0.0,
            });
        });
    }
    let value = |of: &Solved| Value { excess: 0.0, shortfall: of.shortfall, cost: of.cost };
    let best =
        solved.iter().map(value).reduce(|best, next| if next.is_better_than(best) { next } else { best }).expect("there are strategies");
    let values: Vec<Value> = solved.iter().map(value).collect();
    for (of, own) in solved.iter_mut().zip(&values) {
        of.gap = (own.shortfall <= best.shortfall + TOLERANCE)
            .then(|| (own.cost - best.cost) / best.cost.abs().max(TOLERANCE))
            .map(|gap| gap.max(0.0));
        let better = values.iter().filter(|other| other.is_better_than(*own)).count();
        let equal = values.iter().filter(|other| !other.is_better_than(*own) && !own.is_better_than(**other)).count();
        of.rank = better as f64 + (equal as f64 + 1.0) / 2.0;
    }
    // A bound holds for mappings of the least shortfall: it says nothing of a best that falls short.
    let bound = solved.iter().filter(|of| of.shortfall <= TOLERANCE).filter_map(|of| of.bound).reduce(f64::max);
    let instance = Instance {
        name: name.to_owned(),
        agents: scenario.agents.len(),
        servers: scenario.servers.len(),
        needs: scenario.needs.len(),
        movable: scenario.need_ids().filter(|need| scenario.eligible(*need).len() > 1).count(),
        shortfall: best.shortfall,
        cost: best.cost,
        bound,
        bound_gap: bound.map(|bound| ((best.cost - bound) / best.cost.abs().max(TOLERANCE)).max(0.0)),
    };
    (instance, solved)
}

/// The strategies' standing. The solvability profile is the share of problems solved to within a gap: Eckman, Henderson & Shashaani (2023),
/// INFORMS Journal on Computing 35:2. Intervals are percentile intervals of a bootstrap over the instances.
pub fn rank(instances: Vec<Instance>, solved: Vec<Solved>, seed: u64) -> Benchmark {
    let key = Key::new(seed).named("benchmark");
    let count = instances.len();
    let draw = |sample: Key, i: usize| (sample.at(i as u64).uniform() * count as f64) as usize;
    let samples: Vec<Vec<usize>> = (0..RESAMPLES).map(|number| (0..count).map(|i| draw(key.at(number), i)).collect()).collect();
    let over = |values: &[f64]| {
        let mean = |indices: &mut dyn Iterator<Item = usize>| indices.map(|i| values[i]).sum::<f64>() / count.max(1) as f64;
        let mut resampled: Vec<f64> = samples.iter().map(|sample| mean(&mut sample.iter().copied())).collect();
        resampled.sort_by(f64::total_cmp);
        let at = |share: f64| resampled[((resampled.len() - 1) as f64 * share).round() as usize];
        Over { value: mean(&mut (0..count)), interval: [at(0.025), at(0.975)] }
    };
    let mut standings: Vec<Standing> = Strategy::ALL
        .iter()
        .map(|strategy| {
            let own: Vec<&Solved> = solved.iter().filter(|of| of.strategy == strategy.name()).collect();
            let within = |gap: f64| -> Vec<f64> {
                own.iter().map(|of| if of.gap.is_some_and(|own| own <= gap + TOLERANCE) { 1.0 } else { 0.0 }).collect()
            };
            Standing {
                strategy: strategy.name(),
                rank: over(&own.iter().map(|of| of.rank).collect::<Vec<f64>>()),
                solved: GAPS.iter().map(|gap| over(&within(*gap))).collect(),
            }
        })
        .collect();
    standings.sort_by(|a, b| a.rank.value.total_cmp(&b.rank.value));
    Benchmark { seed, gaps: GAPS.to_vec(), instances, standings, solved }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    #[test]
    fn ranks_and_gaps_are_those_of_the_values() {
        let text = instance(Size { agents: 20, servers: 10 }, 0, 1);
        let scenario = scenario::parse("generated.toml", &text).expect("a right scenario").scenario;
        let (of, solved) = solve("one", &scenario, 1, &mut |_, decide| decide());
        assert_eq!(solved.iter().map(|of| of.rank).sum::<f64>(), 45.0, "1 to 9, however they are shared: {solved:?}");
        assert!(solved.iter().any(|of| of.gap == Some(0.0)) && solved.iter().all(|of| of.gap.is_none_or(|gap| gap >= 0.0)));
        assert!(of.bound.is_none_or(|bound| bound <= of.cost + 1e-6), "{of:?}");
        let benchmark = rank(vec![of], solved, 1);
        let best = &benchmark.standings[0];
        assert_eq!(best.rank.interval, [best.rank.value; 2], "one instance has no spread");
        for standing in &benchmark.standings {
            assert!(standing.solved.windows(2).all(|pair| pair[0].value <= pair[1].value), "a profile grows: {standing:?}");
        }
    }
}
