//! The item that would lose most by waiting goes first: largest regret, the difference between its two best agents that still have
//! room (Martello & Toth 1981): by cost, by use, by the share of capacity used; the best of the three.

use super::{Assignment, Instance};

/// None where each time an item finds no room.
pub fn regret(instance: &Instance) -> Option<Assignment> {
    complete(instance, &vec![None; instance.items])
}

/// The same, where some items have their agent already.
pub fn complete(instance: &Instance, fixed: &[Option<usize>]) -> Option<Assignment> {
    let by_cost = |item: usize, agent: usize| instance.cost(item, agent) as f64;
    let by_usage = |item: usize, agent: usize| instance.usage(item, agent) as f64;
    let by_share = |item: usize, agent: usize| by_usage(item, agent) / (instance.capacity[agent] as f64).max(1.0);
    let measures: [Measure; 3] = [&by_cost, &by_usage, &by_share];
    let found = measures.iter().filter_map(|measure| fill(instance, fixed, measure));
    found.min_by_key(|assignment| instance.evaluate(assignment))
}

/// How much an agent is to be avoided for an item.
type Measure<'m> = &'m dyn Fn(usize, usize) -> f64;

fn fill(instance: &Instance, fixed: &[Option<usize>], measure: Measure) -> Option<Assignment> {
    let mut room = instance.capacity.clone();
    for (item, agent) in fixed.iter().enumerate() {
        agent.iter().for_each(|agent| room[*agent] -= instance.usage(item, *agent));
    }
    let mut open: Vec<usize> = (0..instance.items).filter(|item| fixed[*item].is_none()).collect();
    let mut assignment: Assignment = fixed.iter().map(|agent| agent.unwrap_or(usize::MAX)).collect();
    let mut choices: Vec<Choice> = vec![Choice { first: 0, second: None, regret: 0.0 }; instance.items];
    for item in &open {
        choices[*item] = choice(instance, &room, measure, *item)?;
    }
    while !open.is_empty() {
        let regret = |place: &usize| choices[open[*place]].regret;
        let place = (0..open.len()).reduce(|best, next| if regret(&next) > regret(&best) { next } else { best }).expect("it is not empty");
        let item = open.remove(place);
        let agent = choices[item].first;
        assignment[item] = agent;
        room[agent] -= instance.usage(item, agent);
        // Only who counted on this agent has to choose anew.
        for other in &open {
            let known = choices[*other];
            if (known.first == agent || known.second == Some(agent)) && instance.usage(*other, agent) > room[agent] {
                choices[*other] = choice(instance, &room, measure, *other)?;
            }
        }
    }
    Some(assignment)
}

#[derive(Debug, Clone, Copy)]
struct Choice {
    first: usize,
    second: Option<usize>,
    /// Infinite where there is only one.
    regret: f64,
}

fn choice(instance: &Instance, room: &[i64], measure: Measure, item: usize) -> Option<Choice> {
    let (mut first, mut second): (Option<usize>, Option<usize>) = (None, None);
    let dearer = |agent: usize, than: Option<usize>| than.is_some_and(|than| measure(item, agent) >= measure(item, than));
    for agent in (0..instance.agents).filter(|agent| instance.usage(item, *agent) <= room[*agent]) {
        if !dearer(agent, first) {
            (first, second) = (Some(agent), first);
        } else if !dearer(agent, second) {
            second = Some(agent);
        }
    }
    let first = first?;
    let regret = second.map_or(f64::INFINITY, |second| measure(item, second) - measure(item, first));
    Some(Choice { first, second, regret })
}
