//! An agent's tasks: how often and how they come, how many calls one makes, the time it thinks, and what its calls are for.

use crate::calibrate::{AgentCall, FEWEST, TaskStructure, Watched, arrivals, proportion, tasks};
use crate::import::Group;
use crate::scenario::{Agent, AgentId, Arrivals, spelled_distribution, spelled_number, spelled_rate};
use crate::units::Rate;

use super::super::fitted::to_four;
use super::observed::CallOfAgent;
use super::{Findings, count, service};

/// Parts of a day in which rates may differ.
const PARTS: usize = 24;
const DAY: f64 = 86_400.0;
/// Arrivals are not Poisson where that is less likely.
const SIGNIFICANT: f64 = 0.05;

/// `span`: of the whole trace, which was watched for all agents.
pub fn calibrate(id: AgentId, calls: &[CallOfAgent], span: Option<(f64, f64)>, found: &mut Findings) {
    let agent = found.scenario.agent(id);
    let idle = found.reading.idle;
    let task = |call: &CallOfAgent| call.session.filter(|_| idle.is_none());
    let of_agent = |call: &CallOfAgent| AgentCall { at: call.at, ended: call.ended, task: task(call), kind: 0 };
    let path = |figure: &'static str| ["agents", agent.name.as_str(), "workload", figure];
    match tasks(calls.iter().map(of_agent).collect(), idle) {
        Ok(structure) => {
            if matches!(agent.workload.arrivals, Arrivals::Closed { .. }) {
                found.keeps(&path("arrivals"), "closed: how often its users come follows from their pause");
            } else if let Some(span) = span {
                starts(agent, &structure, span, found);
            }
            sizes(agent, &structure, found);
            thinks(agent, &structure, found);
        }
        Err(error) => found.keeps(&path("tasks"), error.to_string()),
    }
    demand(id, calls, found);
}

fn starts(agent: &Agent, structure: &TaskStructure, (from, until): (f64, f64), found: &mut Findings) {
    let path = |figure: &'static str| ["agents", agent.name.as_str(), "workload", figure];
    let n = structure.starts.len();
    let told = match structure.cut {
        Some(cut) => format!("told apart by pauses of {} and more", super::faults::seconds(cut).rounded()),
        None if n == 1 => "no pause or session tells them apart".to_owned(),
        None => "a session each".to_owned(),
    };
    if n < FEWEST {
        return found.keeps(&path("tasks"), format!("{} ({told}), fewer than {FEWEST}", count(n, "task")));
    }
    let watched = Watched { from, until, midnight: -(found.reading.utc_offset as f64), parts: PARTS };
    let process = match arrivals(structure.starts.clone(), watched) {
        Ok(process) => process,
        Err(error) => return found.keeps(&path("tasks"), error.to_string()),
    };
    let per_hour = |rate: f64| Rate::per_hour(to_four(3600.0 * rate));
    let interval = process.rate.interval.map(|(low, high)| [per_hour(low).to_string(), per_hour(high).to_string()]);
    let what = format!("{n} tasks in {}", super::faults::seconds(until - from).rounded());
    let figure = found.measured(per_hour(process.rate.value), n as u64, interval, &what);
    found.states(&path("tasks"), spelled_rate(&figure), format!("{what}, {told}"));

    let is_poisson = matches!(agent.workload.arrivals, Arrivals::Poisson);
    let p = process.poisson.map(|of| of.p);
    let cv = process.gap_cv.filter(|cv| cv.interval.is_some_and(|(low, high)| !(low..=high).contains(&1.0)));
    match (p, cv) {
        (Some(p), Some(cv)) if p < SIGNIFICANT => {
            let interval = cv.interval.map(|(low, high)| [to_four(low).to_string(), to_four(high).to_string()]);
            let what = format!("gaps between {n} tasks");
            let figure = found.measured(to_four(cv.value), n as u64 - 1, interval, &what);
            let value = format!("{{ gamma = {{ cv = {} }} }}", spelled_number(&figure));
            found.states(&path("arrivals"), value, format!("no Poisson process (p {p:.3}); {what}"));
        }
        (Some(p), _) if !is_poisson => {
            found.states(&path("arrivals"), "\"poisson\"".to_owned(), format!("may be a Poisson process (p {p:.3})"))
        }
        (Some(p), _) => found.keeps(&path("arrivals"), format!("may be a Poisson process (p {p:.3})")),
        (None, _) => found.keeps(&path("arrivals"), "too few to tell how they come"),
    }
    let profile = &process.profile;
    let Some(flat) = profile.flat.filter(|flat| flat.p < SIGNIFICANT) else { return };
    let why = format!("the hours of the day differ (p {:.3})", flat.p);
    if until - from < DAY || found.scenario.run.horizon.as_secs() < DAY {
        return found.keeps(&path("profile"), format!("{why}, but trace and `horizon` have to be a day or longer to state it"));
    }
    let relative: Vec<String> = profile.relative.iter().map(|of| format!("{of:.3}")).collect();
    found.states(&path("profile"), format!("[{}]", relative.join(", ")), format!("{why}; it begins at midnight, and so does the run"));
}

fn sizes(agent: &Agent, structure: &TaskStructure, found: &mut Findings) {
    let path = ["agents", agent.name.as_str(), "workload", "calls"];
    let n = structure.sizes.len();
    let Some(calls) = structure.calls.filter(|_| n >= FEWEST) else {
        return found.keeps(&path, format!("{}, fewer than {FEWEST}", count(n, "task")));
    };
    let interval = calls.interval.map(|(low, high)| [to_four(low).to_string(), to_four(high).to_string()]);
    let figure = found.measured(to_four(calls.value), n as u64, interval, "calls of a task");
    let unlike = structure.dispersion.filter(|of| of.p < SIGNIFICANT);
    let unlike =
        unlike.map_or_else(String::new, |of| format!("; beyond the first they vary {:.2} times as much as the model's", of.statistic));
    found.states(&path, spelled_number(&figure), format!("{n} tasks{unlike}"));
}

fn thinks(agent: &Agent, structure: &TaskStructure, found: &mut Findings) {
    let path = ["agents", agent.name.as_str(), "workload", "think"];
    let pauses: Vec<f64> = structure.thinks.iter().copied().filter(|pause| *pause >= 1e-9).collect();
    let n = pauses.len();
    if n < FEWEST {
        return found.keeps(&path, format!("{} between calls, fewer than {FEWEST}", count(n, "pause")));
    }
    let group = Group {
        key: path.iter().map(|part| (*part).to_owned()).collect(),
        seen: n as u64,
        ended: service::thinned(pauses),
        given_up: Vec::new(),
    };
    match service::stated(group, &found.from.clone(), found.reading.seed) {
        Ok((figure, family)) => found.states(&path, spelled_distribution(&figure), format!("{family}, {n} pauses")),
        Err(why) => found.keeps(&path, why),
    }
}

/// Shares of the calls, where there is more than one need, and every call is known to be for one of them.
fn demand(id: AgentId, calls: &[CallOfAgent], found: &mut Findings) {
    let scenario = found.scenario;
    let (agent, needs) = (scenario.agent(id), scenario.needs_of(id).map(|need| scenario.need(need)).collect::<Vec<_>>());
    if needs.len() < 2 {
        return;
    }
    let known = calls.iter().filter(|call| call.need.is_some()).count();
    if known < FEWEST || known < calls.len() {
        let why = format!("of {} of {} calls it is known which need they are for", known, calls.len());
        return found.keeps(&["agents", &agent.name, "needs"], why);
    }
    for (at, need) in needs.iter().enumerate() {
        let of = calls.iter().filter(|call| call.need == Some(at)).count();
        let Some(share) = proportion(of as u64, known as u64) else { continue };
        // A demand is above zero: half a call, where there was none.
        let value = if of == 0 { 0.5 / known as f64 } else { share.value };
        let interval = Some([to_four(share.interval.0).to_string(), to_four(share.interval.1).to_string()]);
        let what = format!("{of} of {known} calls");
        let figure = found.measured(to_four(value), known as u64, interval.filter(|_| of > 0), &what);
        found.states(&["agents", &agent.name, "needs", scenario.capability(need.capability), "demand"], spelled_number(&figure), what);
    }
}
