//! Workloads: how an agent's tasks come, and what they do.

use super::figure::{Check, Quantity, any, optional, required};
use super::{at_least_a_millisecond, at_least_one};
use crate::distribution::Distribution;
use crate::scenario::document::{self, Entry, Fields, Node, Problems, Value};
use crate::scenario::{Agent, Arrivals, Figure, Workload, defaults};
use crate::units::Rate;

/// Parts of a day.
const MOST_PARTS: usize = 1440;

/// What a workload states; the rest comes from the scenario's.
#[derive(Default)]
pub(crate) struct WorkloadStated {
    pub tasks: Option<Tasks>,
    pub arrivals: Option<Arrivals>,
    /// Empty: all parts of the day are alike.
    pub profile: Option<Vec<f64>>,
    pub calls: Option<Figure<f64>>,
    pub think: Option<Figure<Distribution>>,
    pub at_once: Option<Figure<u32>>,
    /// Something was wrong with its tasks or how they come, so that what it lacks is not worth a word.
    is_wrong: bool,
}

/// How often tasks start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tasks {
    Stated(Figure<Rate>),
    /// Times the agent's complexity.
    PerComplexity(Figure<Rate>),
}

impl Tasks {
    pub fn of(&self, complexity: f64) -> Figure<Rate> {
        match self {
            Tasks::Stated(tasks) => tasks.clone(),
            Tasks::PerComplexity(tasks) => per_complexity(tasks, complexity),
        }
    }
}

/// The tasks of an agent of this complexity. The interval is scaled too.
fn per_complexity(tasks: &Figure<Rate>, complexity: f64) -> Figure<Rate> {
    let mut scaled = tasks.map(|rate| rate.scaled(complexity));
    if let Some(interval) = scaled.provenance.as_mut().and_then(|p| p.interval.as_mut()) {
        for end in interval {
            if let Ok(rate) = end.parse::<Rate>() {
                *end = rate.scaled(complexity).to_string();
            }
        }
    }
    scaled
}

impl WorkloadStated {
    /// What an agent of this complexity does, which states this, and takes the rest from `shared`; and whether that says how its tasks
    /// come, or a mistake explains why it does not.
    pub(super) fn over(&self, shared: &WorkloadStated, complexity: f64) -> (Workload, bool) {
        let mut workload = defaults::workload();
        fn take<T: Clone>(value: &mut T, own: &Option<T>, shared: &Option<T>) {
            if let Some(stated) = own.as_ref().or(shared.as_ref()) {
                *value = stated.clone();
            }
        }
        take(&mut workload.arrivals, &self.arrivals, &shared.arrivals);
        take(&mut workload.profile, &self.profile, &shared.profile);
        take(&mut workload.calls, &self.calls, &shared.calls);
        take(&mut workload.think, &self.think, &shared.think);
        take(&mut workload.at_once, &self.at_once, &shared.at_once);
        let tasks = self.tasks.as_ref().or(shared.tasks.as_ref());
        if let Some(tasks) = tasks {
            workload.tasks = tasks.of(complexity);
        }
        let is_closed = matches!(workload.arrivals, Arrivals::Closed { .. });
        (workload, tasks.is_some() || is_closed || self.is_wrong || shared.is_wrong)
    }

    /// The tasks that are stated for what `becomes` of this are none at all, and no closed loop makes any.
    pub(super) fn starts_none(&self, shared: &WorkloadStated, becomes: &Workload) -> bool {
        let is_stated = self.tasks.is_some() || shared.tasks.is_some();
        is_stated && becomes.tasks.value.per_second() <= 0.0 && !matches!(becomes.arrivals, Arrivals::Closed { .. })
    }
}

/// A workload that was read before.
pub(crate) fn stated_workload(text: &str) -> WorkloadStated {
    let text = format!("workload = {text}");
    let mut problems = Problems::default();
    let root = document::parse(&text, &mut problems);
    root.as_ref().and_then(|root| root.get("workload")).map(|entry| read_workload(&entry.node, "", &mut problems)).unwrap_or_default()
}

pub(super) fn read_workload(node: &Node, what: &str, problems: &mut Problems) -> WorkloadStated {
    let Some(mut fields) = Fields::of(node, what, &node.span, problems) else {
        return WorkloadStated { is_wrong: true, ..WorkloadStated::default() };
    };
    let tasks = optional(&mut fields, "tasks", any, problems).map(Tasks::Stated);
    let key_span = node.get("tasks_per_complexity").map(|entry| entry.key_span.clone());
    let per_complexity = optional(&mut fields, "tasks_per_complexity", any, problems).map(Tasks::PerComplexity);
    if let (Some(_), Some(_), Some(span)) = (&tasks, &per_complexity, &key_span) {
        problems.error(span, format!("{what} has both tasks and tasks_per_complexity"), "", "state one of them".to_owned());
    }
    let tasks_are_wrong = tasks.is_none() && per_complexity.is_none() && (node.get("tasks").is_some() || key_span.is_some());
    let arrivals = fields.take("arrivals").map(|entry| read_arrivals(entry, problems));
    let within = |calls: &f64| (!(1.0..=1e6).contains(calls)).then_some("from 1 to 1000000");
    let few = |at_once: &u32| (!(1..=1000).contains(at_once)).then_some("from 1 to 1000");
    let stated = WorkloadStated {
        tasks: tasks.or(per_complexity),
        is_wrong: tasks_are_wrong || matches!(arrivals, Some(None)),
        arrivals: arrivals.flatten(),
        profile: fields.take("profile").and_then(|entry| read_profile(&entry.node, problems)),
        calls: optional(&mut fields, "calls", within, problems),
        think: optional(&mut fields, "think", any, problems),
        at_once: optional(&mut fields, "at_once", few, problems),
    };
    fields.finish(problems);
    stated
}

/// What an agent's workload states beside arrivals that make nothing of it.
pub(super) fn warn(own: &Node, agent: &Agent, problems: &mut Problems) {
    let Agent { name, workload, .. } = agent;
    let is_closed = matches!(workload.arrivals, Arrivals::Closed { .. });
    let ignores_profile = !matches!(workload.arrivals, Arrivals::Poisson | Arrivals::Renewal { .. });
    let tasks = own.get("tasks").or(own.get("tasks_per_complexity")).filter(|_| workload.tasks.value.per_second() > 0.0);
    if let Some(tasks) = tasks.filter(|_| is_closed) {
        let hint = "its arrivals are closed: how often its users come follows from their pause".to_owned();
        problems.warning(&tasks.key_span, format!("the tasks of agent `{name}` have no meaning"), hint);
    }
    let profile = own.get("profile").filter(|_| !workload.profile.is_empty());
    if let Some(profile) = profile.filter(|_| ignores_profile) {
        let hint = "a day's profile goes with arrivals that are \"poisson\", \"deterministic\" or gamma".to_owned();
        problems.warning(&profile.key_span, format!("the profile of agent `{name}` has no meaning"), hint);
    }
}

/// The kinds of arrivals, each as it is written.
const ARRIVALS: [(&str, &str); 5] = [
    ("poisson", "\"poisson\""),
    ("deterministic", "\"deterministic\""),
    ("gamma", "{ gamma = { cv = 0.5 } }"),
    ("on_off", "{ on_off = { on = { exponential = \"10min\" }, off = { exponential = \"50min\" } } }"),
    ("closed", "{ closed = { users = 3, pause = { exponential = \"30s\" } } }"),
];

fn read_arrivals(entry: &Entry, problems: &mut Problems) -> Option<Arrivals> {
    match &entry.node.value {
        Value::Text(kind) => match &**kind {
            "poisson" => Some(Arrivals::Poisson),
            "deterministic" => Some(Arrivals::Renewal { cv: Figure::stated(0.0) }),
            other => wrong_arrivals(other, &entry.node, "states its parameters", problems),
        },
        Value::Table(kinds) => match &kinds[..] {
            [kind] => read_kind(kind, problems),
            _ => {
                let hint = format!("one of {}", ARRIVALS.map(|(kind, _)| kind).join(", "));
                problems.error(&entry.node.span, "`arrivals` has to be of one kind", "", hint);
                None
            }
        },
        _ => {
            entry.node.wrong_type("`arrivals`", "\"poisson\", \"deterministic\", or a table as in { gamma = { cv = 0.5 } }", problems);
            None
        }
    }
}

fn read_kind(kind: &Entry, problems: &mut Problems) -> Option<Arrivals> {
    let hint = ARRIVALS.iter().find(|(known, _)| *known == kind.key).map(|(_, example)| format!("as in {example}")).unwrap_or_default();
    let at = |problems: &mut Problems| Fields::of(&kind.node, format!("`{}`", kind.key), &kind.key_span, problems);
    match &*kind.key {
        "gamma" => {
            let mut fields = at(problems)?;
            let within = |cv: &f64| (!(0.0..=1000.0).contains(cv)).then_some("from 0 to 1000");
            let cv = required(&mut fields, "cv", &hint, within, problems);
            fields.finish(problems);
            Some(Arrivals::Renewal { cv: cv? })
        }
        "on_off" => {
            let mut fields = at(problems)?;
            let on = required(&mut fields, "on", &hint, at_least_a_millisecond, problems);
            let off = required(&mut fields, "off", &hint, at_least_a_millisecond, problems);
            fields.finish(problems);
            Some(Arrivals::OnOff { on: on?, off: off? })
        }
        "closed" => {
            let mut fields = at(problems)?;
            let within: Check<u32> = |users| if *users > 1_000_000 { Some("from 1 to 1000000") } else { at_least_one(users) };
            let users = required(&mut fields, "users", &hint, within, problems);
            let pause = required(&mut fields, "pause", &hint, at_least_a_millisecond, problems);
            fields.finish(problems);
            Some(Arrivals::Closed { users: users?, pause: pause? })
        }
        other => wrong_arrivals(other, &Node { span: kind.key_span.clone(), ..kind.node.clone() }, "has no parameters", problems),
    }
}

/// A kind that does not exist, or is written otherwise.
fn wrong_arrivals(kind: &str, node: &Node, otherwise: &str, problems: &mut Problems) -> Option<Arrivals> {
    match ARRIVALS.iter().find(|(known, _)| *known == kind) {
        Some((_, example)) => {
            problems.error(&node.span, format!("`{kind}` {otherwise}"), "", format!("write arrivals = {example}"));
        }
        None => problems.unknown("kind of arrivals", kind, &node.span, ARRIVALS.map(|(kind, _)| kind)),
    }
    None
}

/// Relative rates; where all are alike, none.
fn read_profile(node: &Node, problems: &mut Problems) -> Option<Vec<f64>> {
    let Value::List(items) = &node.value else {
        node.wrong_type("`profile`", "a list of numbers, as in [1, 0.5, 2]", problems);
        return None;
    };
    if !(1..=MOST_PARTS).contains(&items.len()) {
        let hint = "as in [1, 0.5, 2]: the rates of parts of a day of equal length".to_owned();
        problems.error(&node.span, format!("`profile` has to be 1 to {MOST_PARTS} numbers"), &format!("these are {}", items.len()), hint);
        return None;
    }
    let mut profile = Vec::with_capacity(items.len());
    for item in items {
        let rate = f64::read(item, "a rate of `profile`", problems);
        if rate.is_some_and(|rate| rate < 0.0) {
            problems.error(&item.span, "a rate of `profile` has to be 0 or more", "", None);
        }
        profile.push(rate);
    }
    let profile = profile.into_iter().collect::<Option<Vec<f64>>>()?;
    if profile.iter().all(|rate| *rate == 0.0) {
        problems.error(&node.span, "`profile` is 0 all day", "", "without a task there is nothing to simulate".to_owned());
        return None;
    }
    let is_flat = profile.iter().all(|rate| *rate == profile[0]);
    Some(if is_flat { Vec::new() } else { profile })
}
