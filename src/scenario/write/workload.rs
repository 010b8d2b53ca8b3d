//! Which workload figures agents share, so that they are written once.
//!
//! A scenario keeps each agent's whole workload, not what of it was taken over from `[workload]`. What-ifs that change
//! `[workload]` or a complexity tell: only agents that took a figure over follow them.

use super::{count, distribution, number, quoted, real, spelled, table};
use crate::distribution::Distribution;
use crate::scenario::read::{Tasks, WorkloadStated, stated_workload};
use crate::scenario::{Agent, AgentId, Arrivals, Figure, Scenario, defaults};
use crate::units::Rate;

/// Keys and values as they are written.
pub(super) struct Workloads {
    pub shared: Vec<(&'static str, String)>,
    /// By agent: what it does not take over.
    pub own: Vec<Vec<(&'static str, String)>>,
}

impl Workloads {
    pub fn of(scenario: &Scenario) -> Workloads {
        let what_ifs: Vec<Overlaid> = scenario.what_ifs.iter().map(|w| Overlaid::new(&w.overlay, &w.scenario)).collect();
        let mut workloads = Workloads { shared: Vec::new(), own: vec![Vec::new(); scenario.agents.len()] };
        workloads.add(&TASKS, scenario, &what_ifs);
        workloads.add(&ARRIVALS, scenario, &what_ifs);
        workloads.add(&PROFILE, scenario, &what_ifs);
        workloads.add(&CALLS, scenario, &what_ifs);
        workloads.add(&THINK, scenario, &what_ifs);
        workloads.add(&AT_ONCE, scenario, &what_ifs);
        workloads
    }

    fn add<S: Clone + PartialEq, V: PartialEq>(&mut self, part: &Part<S, V>, scenario: &Scenario, what_ifs: &[Overlaid]) {
        let shared = part.shared(scenario, what_ifs);
        self.shared.extend(shared.as_ref().map(part.spell));
        for id in scenario.agent_ids() {
            let unstated = part.must_be_stated && shared.is_none() && part.is_asked_for(id, scenario, what_ifs);
            if unstated || !part.follows(shared.as_ref(), id, scenario, what_ifs) {
                let ways = (part.ways)(scenario.agent(id));
                let steady = ways.iter().find(|way| part.is_steady(way, id, what_ifs));
                self.own[id.index()].extend(steady.or(ways.first()).map(part.spell));
            }
        }
    }
}

/// A what-if, as far as workloads are concerned.
struct Overlaid<'a> {
    stated: WorkloadStated,
    overlay: &'a toml::Table,
    scenario: &'a Scenario,
}

impl<'a> Overlaid<'a> {
    fn new(overlay: &'a toml::Table, scenario: &'a Scenario) -> Overlaid<'a> {
        let stated = overlay.get("workload").map(|workload| stated_workload(&super::value(workload))).unwrap_or_default();
        Overlaid { stated, overlay, scenario }
    }

    /// The overlay gives the agent a figure of its own.
    fn overrides(&self, agent: &str, keys: &[&str]) -> bool {
        let own = self.overlay.get("agents").and_then(|agents| agents.get(agent)).and_then(|agent| agent.get("workload"));
        own.is_some_and(|own| keys.iter().any(|key| own.get(key).is_some()))
    }
}

/// One figure of a workload: `S` is how it is stated, `V` what an agent has of it.
struct Part<S, V> {
    keys: &'static [&'static str],
    must_be_stated: bool,
    stated: fn(&WorkloadStated) -> Option<&S>,
    value: fn(&Agent) -> &V,
    /// Ways to state what an agent has, the plainest first.
    ways: fn(&Agent) -> Vec<S>,
    /// What an agent has of what is stated, or where nothing is.
    given: fn(Option<&S>, &Agent) -> V,
    spell: fn(&S) -> (&'static str, String),
}

const TASKS: Part<Tasks, Figure<Rate>> = Part {
    keys: &["tasks", "tasks_per_complexity"],
    must_be_stated: true,
    stated: |workload| workload.tasks.as_ref(),
    value: |agent| &agent.workload.tasks,
    ways: |agent| vec![Tasks::Stated(agent.workload.tasks.clone()), per_one_complexity(&agent.workload.tasks, agent.complexity.value)],
    given: |stated, agent| stated.map_or_else(|| Figure::stated(Rate::per_hour(0.0)), |tasks| tasks.of(agent.complexity.value)),
    spell: |tasks| match tasks {
        Tasks::Stated(figure) => ("tasks", spelled(figure, quoted)),
        Tasks::PerComplexity(figure) => ("tasks_per_complexity", spelled(figure, quoted)),
    },
};

const ARRIVALS: Part<Arrivals, Arrivals> = Part {
    keys: &["arrivals"],
    must_be_stated: false,
    stated: |workload| workload.arrivals.as_ref(),
    value: |agent| &agent.workload.arrivals,
    ways: |agent| vec![agent.workload.arrivals.clone()],
    given: |stated, _| stated.cloned().unwrap_or(defaults::workload().arrivals),
    spell: |arrivals| ("arrivals", spelled_arrivals(arrivals)),
};

const PROFILE: Part<Vec<f64>, Vec<f64>> = Part {
    keys: &["profile"],
    must_be_stated: false,
    stated: |workload| workload.profile.as_ref(),
    value: |agent| &agent.workload.profile,
    ways: |agent| vec![agent.workload.profile.clone()],
    given: |stated, _| stated.cloned().unwrap_or_default(),
    spell: |profile| ("profile", spelled_profile(profile)),
};

const CALLS: Part<Figure<f64>, Figure<f64>> = Part {
    keys: &["calls"],
    must_be_stated: false,
    stated: |workload| workload.calls.as_ref(),
    value: |agent| &agent.workload.calls,
    ways: |agent| vec![agent.workload.calls.clone()],
    given: |stated, _| stated.cloned().unwrap_or(Figure::stated(1.0)),
    spell: |calls| ("calls", spelled(calls, real)),
};

const THINK: Part<Figure<Distribution>, Figure<Distribution>> = Part {
    keys: &["think"],
    must_be_stated: false,
    stated: |workload| workload.think.as_ref(),
    value: |agent| &agent.workload.think,
    ways: |agent| vec![agent.workload.think.clone()],
    given: |stated, _| stated.cloned().unwrap_or(Figure::stated(Distribution::ZERO)),
    spell: |think| ("think", spelled(think, distribution)),
};

const AT_ONCE: Part<Figure<u32>, Figure<u32>> = Part {
    keys: &["at_once"],
    must_be_stated: false,
    stated: |workload| workload.at_once.as_ref(),
    value: |agent| &agent.workload.at_once,
    ways: |agent| vec![agent.workload.at_once.clone()],
    given: |stated, _| stated.cloned().unwrap_or(defaults::workload().at_once),
    spell: |at_once| ("at_once", spelled(at_once, count)),
};

fn spelled_arrivals(arrivals: &Arrivals) -> String {
    let parameters = match arrivals {
        Arrivals::Poisson => return "\"poisson\"".to_owned(),
        Arrivals::Renewal { cv } if *cv == Figure::stated(0.0) => return "\"deterministic\"".to_owned(),
        Arrivals::Renewal { cv } => ("gamma", table(&[("cv", spelled(cv, real))])),
        Arrivals::OnOff { on, off } => ("on_off", table(&[("on", spelled(on, distribution)), ("off", spelled(off, distribution))])),
        Arrivals::Closed { users, pause } => {
            ("closed", table(&[("users", spelled(users, count)), ("pause", spelled(pause, distribution))]))
        }
    };
    table(&[parameters])
}

fn spelled_profile(profile: &[f64]) -> String {
    // What is alike all day is empty in the data, and one number in the text.
    let profile = if profile.is_empty() { &[1.0] } else { profile };
    format!("[{}]", profile.iter().map(|rate| number(*rate)).collect::<Vec<_>>().join(", "))
}

/// Agents whose figures are tried as the shared one.
const TRIED: usize = 20;

impl<S: Clone + PartialEq, V: PartialEq> Part<S, V> {
    /// What most agents take over; none where nothing has to be stated for that.
    fn shared(&self, scenario: &Scenario, what_ifs: &[Overlaid]) -> Option<S> {
        let followers = |way: Option<&S>| scenario.agent_ids().filter(|id| self.follows(way, *id, scenario, what_ifs)).collect::<Vec<_>>();
        let mut best = (followers(None).len(), None);
        let mut tried: Vec<S> = Vec::new();
        for way in scenario.agents.iter().take(TRIED).flat_map(self.ways) {
            if tried.contains(&way) {
                continue;
            }
            let following = followers(Some(&way));
            let has_no_own = |id: &AgentId| !(self.ways)(scenario.agent(*id)).iter().any(|own| self.is_steady(own, *id, what_ifs));
            let worth_it = following.len() > 1 || following.iter().any(has_no_own);
            if worth_it && following.len() > best.0 || (best.1.is_none() && self.must_be_stated && following.len() > 1) {
                best = (following.len(), Some(way.clone()));
            }
            tried.push(way);
        }
        best.1
    }

    /// The agent has needs, and somewhere no closed loop that makes its tasks: there something has to be stated, by the base where
    /// the what-if does not.
    fn is_asked_for(&self, id: AgentId, scenario: &Scenario, what_ifs: &[Overlaid]) -> bool {
        let is_open = |scenario: &Scenario| !matches!(scenario.agent(id).workload.arrivals, Arrivals::Closed { .. });
        let lacks = |overlaid: &Overlaid| {
            let is_stated = (self.stated)(&overlaid.stated).is_some() || overlaid.overrides(&scenario.agent(id).name, self.keys);
            is_open(overlaid.scenario) && !is_stated
        };
        scenario.needs_of(id).next().is_some() && (is_open(scenario) || what_ifs.iter().any(lacks))
    }

    /// The agent has in the base and in every what-if what it would have by taking this over.
    fn follows(&self, way: Option<&S>, id: AgentId, scenario: &Scenario, what_ifs: &[Overlaid]) -> bool {
        let agent = scenario.agent(id);
        (self.given)(way, agent) == *(self.value)(agent) && self.holds(id, what_ifs, |overlaid| (self.stated)(&overlaid.stated).or(way))
    }

    /// The agent has in every what-if what it would have by stating this itself.
    fn is_steady(&self, way: &S, id: AgentId, what_ifs: &[Overlaid]) -> bool {
        self.holds(id, what_ifs, |_| Some(way))
    }

    fn holds<'a>(&'a self, id: AgentId, what_ifs: &'a [Overlaid], way: impl Fn(&'a Overlaid) -> Option<&'a S>) -> bool {
        what_ifs.iter().all(|overlaid| {
            let agent = overlaid.scenario.agent(id);
            overlaid.overrides(&agent.name, self.keys) || (self.given)(way(overlaid), agent) == *(self.value)(agent)
        })
    }
}

/// What `tasks_per_complexity` would have to be.
fn per_one_complexity(tasks: &Figure<Rate>, complexity: f64) -> Tasks {
    let mut figure = tasks.map(|rate| divided(*rate, complexity));
    if let Some(interval) = figure.provenance.as_mut().and_then(|p| p.interval.as_mut()) {
        for end in interval {
            if let Ok(rate) = end.parse::<Rate>() {
                *end = divided(rate, complexity).to_string();
            }
        }
    }
    Tasks::PerComplexity(figure)
}

/// To twelve digits: what is lost in dividing must not show in the text.
fn divided(rate: Rate, complexity: f64) -> Rate {
    let exact = rate.scaled(1.0 / complexity);
    let text = exact.to_string();
    let rounded = text.split_once('/').and_then(|(count, per)| {
        let count: f64 = format!("{:.11e}", count.parse::<f64>().ok()?).parse().ok()?;
        format!("{count}/{per}").parse().ok()
    });
    rounded.unwrap_or(exact)
}
