//! The calls that belong to one task: how many, of which kind after which, and how long the agent thinks in between.

use std::collections::BTreeMap;

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

use super::arrivals::Statistic;
use super::choice::{Estimated, Family};
use super::law::Unit;
use super::proportion::{Proportion, proportion};
use super::sample::Sample;

/// One call of an agent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AgentCall {
    /// When it was issued \[s\].
    pub at: f64,
    /// When its answer was there \[s\].
    pub ended: f64,
    /// Which task it belongs to, where the log says so.
    pub task: Option<u64>,
    /// Which need it serves: a number for each kind, from zero.
    pub kind: usize,
}

/// More kinds than this are no kinds, but arguments.
const MOST_KINDS: usize = 1000;

/// How an agent's tasks are built.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskStructure {
    /// What was longer idle began a new task \[s\]; none where the log says which calls belong together.
    pub cut: Option<f64>,
    /// When each task began \[s\], ascending: what `arrivals` is fitted to.
    pub starts: Vec<f64>,
    /// Calls in each, in the order of `starts`.
    pub sizes: Vec<usize>,
    /// Mean calls of a task.
    pub calls: Option<Estimated>,
    /// Variance over mean of the calls beyond the first: 1 where they are Poisson, as the simulator draws them.
    pub dispersion: Option<Statistic>,
    /// Of all calls, by kind.
    pub shares: Vec<Proportion>,
    /// How often a kind came right after another within a task: `(first, then, count)`.
    pub pairs: Vec<(usize, usize, u64)>,
    /// Whether the next kind depends on the last one: the likelihood ratio. None where that cannot be told.
    pub order: Option<Statistic>,
    /// From an answer to the next call of its task \[s\]; none where it did not wait for the answer. For `fits`.
    pub thinks: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TasksError {
    #[error("a call from {at} s to {ended} s: it has to end after it began")]
    NoTime { at: f64, ended: f64 },
    #[error("more than {MOST_KINDS} kinds of calls")]
    Kinds,
}

/// Of one agent's calls, in any order. Calls without a task are put together where less than `cut` \[s\] lies between them; without a cut,
/// where [`idle_cut`] finds it.
pub fn tasks(mut calls: Vec<AgentCall>, cut: Option<f64>) -> Result<TaskStructure, TasksError> {
    if let Some(call) = calls.iter().find(|call| !(call.at.is_finite() && call.ended.is_finite() && call.ended >= call.at)) {
        return Err(TasksError::NoTime { at: call.at, ended: call.ended });
    }
    if calls.iter().any(|call| call.kind >= MOST_KINDS) {
        return Err(TasksError::Kinds);
    }
    calls.sort_by(|a, b| a.at.total_cmp(&b.at));
    let says_tasks = calls.iter().all(|call| call.task.is_some());
    let cut = if says_tasks { None } else { cut.or_else(|| idle_cut(&calls)) };
    let tasks = together(&calls, cut, says_tasks);
    let sizes: Vec<usize> = tasks.iter().map(Vec::len).collect();
    let kinds = calls.iter().map(|call| call.kind + 1).max().unwrap_or(0);
    let mut by_kind = vec![0u64; kinds];
    calls.iter().for_each(|call| by_kind[call.kind] += 1);
    let shares = by_kind.iter().filter_map(|count| proportion(*count, calls.len() as u64)).collect();
    let mut pairs: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    let mut thinks = Vec::new();
    for pair in tasks.iter().flat_map(|task| task.windows(2)) {
        *pairs.entry((pair[0].kind, pair[1].kind)).or_default() += 1;
        if pair[1].at > pair[0].ended {
            thinks.push(pair[1].at - pair[0].ended);
        }
    }
    let (calls, dispersion) = counted(&sizes);
    let order = order(&pairs);
    let pairs = pairs.into_iter().map(|((first, then), count)| (first, then, count)).collect();
    Ok(TaskStructure { cut, starts: tasks.iter().map(|task| task[0].at).collect(), sizes, calls, dispersion, shares, pairs, order, thinks })
}

fn together(calls: &[AgentCall], cut: Option<f64>, says_tasks: bool) -> Vec<Vec<AgentCall>> {
    if says_tasks {
        let mut by_task: BTreeMap<Option<u64>, Vec<AgentCall>> = BTreeMap::new();
        calls.iter().for_each(|call| by_task.entry(call.task).or_default().push(*call));
        let mut tasks: Vec<Vec<AgentCall>> = by_task.into_values().collect();
        tasks.sort_by(|a, b| a[0].at.total_cmp(&b[0].at));
        return tasks;
    }
    let mut tasks: Vec<Vec<AgentCall>> = Vec::new();
    let mut busy_until = f64::NEG_INFINITY;
    for call in calls {
        match tasks.last_mut() {
            Some(task) if cut.is_none_or(|cut| call.at - busy_until < cut) => task.push(*call),
            _ => tasks.push(vec![*call]),
        }
        busy_until = busy_until.max(call.ended);
    }
    tasks
}

/// The idle time from which on a pause is likelier one between tasks than one within: where two lognormals fitted to all pauses are alike
/// (Halfaker et al. 2015, "User session identification based on strong regularities in inter-activity time", WWW). None where one lognormal
/// says as much: then nothing tells tasks apart.
pub fn idle_cut(calls: &[AgentCall]) -> Option<f64> {
    let mut busy_until = calls.first()?.ended;
    let mut idle = Vec::new();
    for call in &calls[1..] {
        if call.at > busy_until {
            idle.push((call.at - busy_until).max(1e-9));
        }
        busy_until = busy_until.max(call.ended);
    }
    let sample = Sample::new(idle, Vec::new()).ok()?;
    let (two, one) = (Family::LognormalMixture.fit(&sample)?, Family::Lognormal.fit(&sample)?);
    let value = |name: &str| two.parameters.iter().find(|p| p.name == name).map(|p| p.value);
    let (weight, low, high) = (value("weight")?, value("median 1")?, value("median 2")?);
    let of_first = |x: f64, median: f64, sigma: f64| -((x / median).ln() / sigma).powi(2) / 2.0 - sigma.ln();
    let (sigma_low, sigma_high) = (value("sigma 1")?, value("sigma 2")?);
    let odds = |u: f64| {
        let x = u.exp();
        ((1.0 - weight) / weight).ln() + of_first(x, high, sigma_high) - of_first(x, low, sigma_low)
    };
    let is_between = odds(low.ln()) < 0.0 && odds(high.ln()) > 0.0;
    (two.bic < one.bic && is_between).then(|| super::optimise::root(odds, low.ln(), high.ln()).exp())
}

/// The mean with Student's interval, and the dispersion of what is beyond one call with its p under Poisson, from both sides.
fn counted(sizes: &[usize]) -> (Option<Estimated>, Option<Statistic>) {
    let n = sizes.len() as f64;
    if n < 2.0 {
        return (None, None);
    }
    let mean = sizes.iter().sum::<usize>() as f64 / n;
    let squares = sizes.iter().map(|size| (*size as f64 - mean).powi(2)).sum::<f64>();
    let half = StudentsT::new(0.0, 1.0, n - 1.0).map_or(f64::NAN, |t| t.inverse_cdf(0.975)) * (squares / (n - 1.0) / n).sqrt();
    let calls = Estimated { name: "calls", unit: Unit::None, value: mean, interval: Some(((mean - half).max(1.0), mean + half)) };
    let dispersion = (mean > 1.0).then(|| {
        let statistic = squares / (mean - 1.0);
        let above = ChiSquared::new(n - 1.0).map_or(f64::NAN, |chi| chi.sf(statistic));
        Statistic { statistic: statistic / (n - 1.0), p: (2.0 * above.min(1.0 - above)).min(1.0), n: sizes.len() }
    });
    (Some(calls), dispersion)
}

/// First-order Markov against independent: Anderson & Goodman (1957), "Statistical inference about Markov chains", sec. 4. Only where pairs are
/// enough for chi-squared.
fn order(pairs: &BTreeMap<(usize, usize), u64>) -> Option<Statistic> {
    let mut firsts: BTreeMap<usize, f64> = BTreeMap::new();
    let mut thens: BTreeMap<usize, f64> = BTreeMap::new();
    let mut total = 0.0;
    for ((first, then), count) in pairs {
        *firsts.entry(*first).or_default() += *count as f64;
        *thens.entry(*then).or_default() += *count as f64;
        total += *count as f64;
    }
    let cells = (firsts.len() * thens.len()) as f64;
    let degrees = (firsts.len() as f64 - 1.0) * (thens.len() as f64 - 1.0);
    if degrees < 1.0 || total < 5.0 * cells {
        return None;
    }
    let ratio: f64 = pairs
        .iter()
        .map(|((first, then), count)| (*count as f64) * (*count as f64 * total / (firsts[first] * thens[then])).ln())
        .sum::<f64>()
        * 2.0;
    let p = ChiSquared::new(degrees).map_or(f64::NAN, |chi| chi.sf(ratio.max(0.0)));
    Some(Statistic { statistic: ratio, p, n: total as usize })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;
    use rand_distr::Distribution as _;

    /// Tasks every hour or so, of 1 + Poisson(3) calls of 2 s, 5 s of thinking between; kind 1 comes after kind 0 where `in_order`.
    fn calls(tasks: u64, in_order: bool, says_tasks: bool, key: Key) -> Vec<AgentCall> {
        let mut generator = key.generator();
        let mut calls = Vec::new();
        let mut at = 0.0;
        for task in 0..tasks {
            at += 60.0 - 3600.0 * (1.0 - generator.uniform()).ln();
            let beyond = rand_distr::Poisson::new(3.0).unwrap().sample(&mut generator) as usize;
            for number in 0..=beyond {
                let kind = if in_order { number % 2 } else { usize::from(generator.uniform() < 0.5) };
                calls.push(AgentCall { at, ended: at + 2.0, task: says_tasks.then_some(task), kind });
                let normal: f64 = rand_distr::StandardNormal.sample(&mut generator);
                at += 2.0 + 5.0 * (0.4 * normal).exp();
            }
        }
        calls
    }

    #[test]
    fn tasks_are_told_apart_with_names_and_without() {
        let named = tasks(calls(300, false, true, Key::new(1)), None).unwrap();
        let cut = tasks(calls(300, false, false, Key::new(1)), None).unwrap();
        assert_eq!((named.cut, named.starts.len()), (None, 300));
        assert!(cut.cut.is_some_and(|cut| (15.0..120.0).contains(&cut)), "{:?}", cut.cut);
        assert!((295..=300).contains(&cut.starts.len()), "{}", cut.starts.len());
        for of in [&named, &cut] {
            let (low, high) = of.calls.unwrap().interval.unwrap();
            assert!(low < 4.0 && 4.0 < high && high - low < 0.6, "{:?}", of.calls);
            let median = {
                let mut t = of.thinks.clone();
                t.sort_by(f64::total_cmp);
                t[t.len() / 2]
            };
            assert!((median / 5.0 - 1.0).abs() < 0.05, "{median}");
        }
        assert!((named.shares[0].value - 0.5).abs() < 0.05 && named.shares.len() == 2);
    }

    /// Of 200 at 5 %, more than 20 are one in a thousand.
    #[test]
    fn order_and_number_are_tested() {
        let of = |in_order, seed| tasks(calls(100, in_order, true, Key::new(2).with(seed)), None).unwrap();
        let random: Vec<TaskStructure> = (0..200).map(|seed| of(false, seed)).collect();
        let ordered = random.iter().filter(|of| of.order.unwrap().p < 0.05).count();
        let dispersed = random.iter().filter(|of| of.dispersion.unwrap().p < 0.05).count();
        let covered = random.iter().filter(|of| of.calls.unwrap().interval.is_some_and(|(a, b)| (a..=b).contains(&4.0))).count();
        println!("of 200: in order {ordered}, dispersed {dispersed}, calls held {covered}");
        assert!(ordered <= 20 && dispersed <= 20 && (180..=199).contains(&covered), "{ordered} {dispersed} {covered}");
        assert!(of(true, 1).order.unwrap().p < 1e-6);
        assert!(of(true, 1).pairs.iter().all(|(first, then, _)| first != then));
    }

    #[test]
    fn edges_are_answers() {
        let call = |at: f64, ended: f64| AgentCall { at, ended, task: None, kind: 0 };
        assert!(matches!(tasks(vec![call(2.0, 1.0)], None), Err(TasksError::NoTime { .. })));
        assert!(matches!(tasks(vec![call(f64::NAN, 1.0)], None), Err(TasksError::NoTime { .. })));
        assert!(matches!(tasks(vec![AgentCall { kind: usize::MAX, ..call(0.0, 1.0) }], None), Err(TasksError::Kinds)));
        assert!(tasks(Vec::new(), None).unwrap().starts.is_empty());
        // Nothing tells tasks apart: it is one.
        let steady: Vec<AgentCall> = (0..50).map(|i| call(f64::from(i) * 10.0, f64::from(i) * 10.0 + 1.0)).collect();
        let one = tasks(steady.clone(), None).unwrap();
        assert_eq!((one.cut, one.starts.len()), (None, 1));
        assert_eq!(tasks(steady, Some(5.0)).unwrap().starts.len(), 50);
    }
}
