//! Drills: a server or a dependency is taken down for a time. Who is hit, how long until the KPIs hold again, what is each fallback worth?

mod claim;
mod recovery;
mod series;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::experiment::{self, Case, Design, Watch};
use crate::judge::{Estimate, Paired, Replication, estimate, holm, paired};
use crate::mapping::Mapping;
use crate::scenario::{Drill, Kpi, KpiTarget, Scenario, ServerId, Target};
use crate::units::SimTime;

pub use claim::{Measure, Measured, Unit};
pub use recovery::Held;
pub use series::{Seen, Tally};

use recovery::{Pair, Resamples, held};
use series::{Watcher, place};

/// When a drill's outage is, and how finely its course is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub from: SimTime,
    pub lasts: SimTime,
    pub window: SimTime,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DrillError {
    #[error("the outage would begin at {from}, within the warm-up of {warmup}, in which nothing is counted: let it begin later")]
    InWarmup { from: SimTime, warmup: SimTime },
    #[error(
        "the outage would end at {ends}, and the run ends at {horizon}: let it begin earlier or last shorter, so that a recovery can be seen"
    )]
    AfterEnd { ends: SimTime, horizon: SimTime },
    #[error("an outage of no time is no drill")]
    NoTime,
    #[error("`{name}` is neither a server in service nor a dependency of one; there are: {known}")]
    Unknown { name: String, known: String },
}

impl Timing {
    /// A series no longer than this: longer ones show nothing more.
    const WINDOWS_MOST: u64 = 2000;

    /// By default a quarter into the run, ten minutes long or an eighth of the run.
    pub fn of(scenario: &Scenario, from: Option<SimTime>, lasts: Option<SimTime>) -> Result<Timing, DrillError> {
        const MINUTE: SimTime = SimTime::from_millis(60_000);
        let (horizon, warmup) = (scenario.run.horizon, scenario.run.warmup.unwrap_or_default());
        let from = from.unwrap_or_else(|| SimTime(horizon.0 / 4).max(warmup));
        let lasts = lasts.unwrap_or_else(|| SimTime((10 * MINUTE.0).min(horizon.0 / 8)));
        let timing = Timing {
            from,
            lasts,
            window: MINUTE.min(SimTime(lasts.0 / 10)).max(SimTime(horizon.0 / Timing::WINDOWS_MOST)).max(SimTime(1)),
        };
        match () {
            () if lasts == SimTime::ZERO => Err(DrillError::NoTime),
            () if from < warmup => Err(DrillError::InWarmup { from, warmup }),
            () if timing.ends() >= horizon => Err(DrillError::AfterEnd { ends: timing.ends(), horizon }),
            () => Ok(timing),
        }
    }

    pub fn ends(&self) -> SimTime {
        self.from + self.lasts
    }
}

/// What a drill takes down.
#[derive(Debug, Clone, PartialEq)]
pub struct Down {
    pub name: String,
    pub servers: Vec<ServerId>,
}

/// Those of the given names, or every server in service and every dependency that one of them has.
pub fn downs(scenario: &Scenario, names: &[String]) -> Result<Vec<Down>, DrillError> {
    let in_service = |id: &ServerId| scenario.server(*id).in_service;
    let servers = scenario.server_ids().filter(in_service).map(|id| Down { name: scenario.server(id).name.clone(), servers: vec![id] });
    let dependencies = scenario.dependencies.iter().enumerate().filter_map(|(index, dependency)| {
        let depends = |id: &ServerId| in_service(id) && scenario.server(*id).depends_on.iter().any(|d| d.index() == index);
        let servers: Vec<ServerId> = scenario.server_ids().filter(depends).collect();
        (!servers.is_empty()).then(|| Down { name: dependency.name.clone(), servers })
    });
    let all: Vec<Down> = servers.chain(dependencies).collect();
    for name in names {
        if !all.iter().any(|down| down.name == *name) {
            let known: Vec<&str> = all.iter().map(|down| down.name.as_str()).collect();
            return Err(DrillError::Unknown { name: name.clone(), known: known.join(", ") });
        }
    }
    Ok(all.into_iter().filter(|down| names.is_empty() || names.contains(&down.name)).collect())
}

/// All drills of all mappings, today's first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drills {
    pub scenario: String,
    pub seed: u64,
    pub replications: u32,
    /// \[s\] since the run's start, \[s\], \[s\].
    pub from: f64,
    pub lasts: f64,
    pub window: f64,
    /// Targets that can be followed through time.
    pub followed: Vec<Kpi>,
    pub mappings: Vec<Drilled>,
    /// Each further mapping against the first one.
    pub measured: Vec<Measured>,
    #[serde(skip)]
    pub series: Vec<Series>,
}

/// One mapping through all drills.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drilled {
    pub mapping: String,
    pub fallbacks: usize,
    pub drills: Vec<Course>,
}

/// One drill under one mapping.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Course {
    pub down: String,
    pub servers: Vec<String>,
    /// All agents together, then those that it hits, the worst first.
    pub system: Hit,
    pub agents: Vec<Hit>,
    /// Each target that can be followed, in the scenario's order.
    pub targets: Vec<Held>,
    /// All of them together.
    pub all: Held,
    pub fallbacks: Vec<Worth>,
}

impl Course {
    /// Everything it takes down, `other` takes down too, and nothing else: the outages are the same.
    pub fn is_same_outage(&self, other: &Course) -> bool {
        self.servers == other.servers
    }

    /// Every target holds at the run's end, and would hold without the outage more often than not.
    pub fn is_survived(&self) -> bool {
        self.all.recovered_after.is_some() && self.all.missed_anyway < 0.5
    }
}

/// Calls issued during the outage against those of the same time without it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// None: all agents together.
    pub agent: Option<String>,
    pub availability: Change,
    pub error_rate: Change,
    /// \[s\]
    pub response_mean: Change,
    pub quality: Change,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    pub undisturbed: Option<Estimate>,
    pub drilled: Option<Estimate>,
    /// drilled - undisturbed.
    pub difference: Option<Paired>,
}

/// What a mapping's fallbacks, or one of them, spare its agents in a drill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worth {
    /// None: all of them.
    pub fallback: Option<String>,
    /// Calls that it answers during the outage, a run.
    pub answered: f64,
    /// Share of the calls issued during the outage that fail, without it and with it.
    pub error_rate_without: Option<Estimate>,
    pub error_rate_with: Option<Estimate>,
    /// without - with.
    pub difference: Option<Paired>,
    /// All targets, without it.
    pub all: Held,
}

/// For the tables: what was seen of one mapping, changed or not, in one drill.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub mapping: String,
    /// Empty: the mapping as it is.
    pub without: String,
    /// Empty: undisturbed.
    pub down: String,
    pub replications: Vec<Seen>,
}

/// Whose fallbacks are taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    All,
    One(Target),
}

type Runs = Vec<(Replication, Seen)>;

/// Drills every mapping; today's has to be the first. All cases meet the same tasks, luck and other outages.
pub fn drill(
    scenario: &Scenario,
    mappings: &[(String, Mapping)],
    downs: &[Down],
    timing: Timing,
    design: Design,
    watch: &dyn Watch,
) -> Drills {
    let worlds: Vec<Scenario> = std::iter::once(Vec::new())
        .chain(downs.iter().map(|down| vec![Drill { servers: down.servers.clone(), from: timing.from, lasts: timing.lasts }]))
        .map(|drills| Scenario { what_ifs: Vec::new(), drills, ..scenario.clone() })
        .collect();
    let lab = Lab {
        scenario,
        timing,
        targets: scenario.kpis.iter().filter(|target| Tally::KPIS.contains(&target.kpi)).collect(),
        resamples: Resamples::new(design.seed, design.replications as usize),
    };
    let cases: Vec<Case> = mappings.iter().flat_map(|(_, mapping)| worlds.iter().map(move |scenario| Case { scenario, mapping })).collect();
    let mut whole = run(&cases, timing, design, watch);

    let mut drilled = Vec::new();
    let mut series = Vec::new();
    let mut of_mappings: Vec<Vec<Runs>> = Vec::new();
    for (name, mapping) in mappings {
        let rest = whole.split_off(worlds.len());
        let runs = std::mem::replace(&mut whole, rest);
        let lesser = lab.lesser_mappings(mapping, &runs);
        // Of each lesser mapping: undisturbed, then the drills in which it could matter.
        let cases: Vec<Case> = lesser
            .iter()
            .flat_map(|lesser| {
                std::iter::once(0)
                    .chain(lesser.matters.iter().map(|drill| drill + 1))
                    .map(|world| Case { scenario: &worlds[world], mapping: &lesser.mapping })
            })
            .collect();
        let mut lesser_runs = if cases.is_empty() { Vec::new() } else { run(&cases, timing, design, watch) }.into_iter();
        let mut next = || lesser_runs.next().expect("one result a case");
        let mut courses: Vec<Course> = downs.iter().zip(&runs[1..]).map(|(down, drilled)| lab.course(down, &runs[0], drilled)).collect();
        let mut note = |without: &str, down: &str, runs: &Runs| {
            let replications = runs.iter().map(|(_, seen)| seen.clone()).collect();
            series.push(Series { mapping: name.clone(), without: without.to_owned(), down: down.to_owned(), replications });
        };
        note("", "", &runs[0]);
        downs.iter().zip(&runs[1..]).for_each(|(down, runs)| note("", &down.name, runs));
        for lesser in &lesser {
            let without = match lesser.without {
                Without::All => "all fallbacks",
                Without::One(target) => scenario.target_name(target),
            };
            let undisturbed = next();
            note(without, "", &undisturbed);
            for drill in &lesser.matters {
                let drilled = next();
                note(without, &downs[*drill].name, &drilled);
                courses[*drill].fallbacks.push(lab.worth(lesser.without, &runs[*drill + 1], &undisturbed, &drilled));
            }
        }
        drilled.push(Drilled { mapping: name.clone(), fallbacks: mapping.fallbacks(), drills: courses });
        of_mappings.push(runs);
    }
    let measured = (1..mappings.len()).map(|i| lab.measured(&drilled[0], &of_mappings[0], &drilled[i], &of_mappings[i])).collect();
    Drills {
        scenario: scenario.name.clone(),
        seed: design.seed,
        replications: design.replications,
        from: timing.from.as_secs(),
        lasts: timing.lasts.as_secs(),
        window: timing.window.as_secs(),
        followed: lab.targets.iter().map(|target| target.kpi).collect(),
        mappings: drilled,
        measured,
        series,
    }
}

fn run(cases: &[Case], timing: Timing, design: Design, watch: &dyn Watch) -> Vec<Runs> {
    let watched = experiment::observe(cases, design, 0, watch, |case| Watcher::new(case, timing));
    let seen = |(replication, watcher): (Replication, Watcher)| (replication, watcher.seen);
    watched.into_iter().map(|runs| runs.into_iter().map(seen).collect()).collect()
}

/// What all drills of a scenario share.
struct Lab<'a> {
    scenario: &'a Scenario,
    timing: Timing,
    targets: Vec<&'a KpiTarget>,
    resamples: Resamples,
}

/// A mapping with fewer fallbacks.
struct Lesser {
    without: Without,
    mapping: Mapping,
    /// Drills that make calls use what is missing.
    matters: Vec<usize>,
}

impl Lab<'_> {
    fn course(&self, down: &Down, undisturbed: &Runs, drilled: &Runs) -> Course {
        let targets = self.targets.iter().map(|target| self.held(&[target], undisturbed, drilled)).collect();
        Course {
            down: down.name.clone(),
            servers: down.servers.iter().map(|id| self.scenario.server(*id).name.clone()).collect(),
            system: hit(None, &|seen| seen.during(), undisturbed, drilled),
            agents: self.agents_hit(undisturbed, drilled),
            targets,
            all: Held { kpi: None, ..self.held(&self.targets, undisturbed, drilled) },
            fallbacks: Vec::new(),
        }
    }

    fn held(&self, targets: &[&KpiTarget], undisturbed: &Runs, drilled: &Runs) -> Held {
        let drilled: Vec<&Seen> = drilled.iter().map(|(_, seen)| seen).collect();
        let undisturbed: Vec<&Seen> = undisturbed.iter().map(|(_, seen)| seen).collect();
        held(targets, Pair { drilled: &drilled, undisturbed: &undisturbed }, self.timing, &self.resamples)
    }

    /// Those for whom availability, errors or response are significantly worse, corrected for how many there are.
    fn agents_hit(&self, undisturbed: &Runs, drilled: &Runs) -> Vec<Hit> {
        let agents: Vec<Hit> = self
            .scenario
            .agents
            .iter()
            .enumerate()
            .map(|(i, agent)| hit(Some(agent.name.clone()), &|seen| seen.agents[i], undisturbed, drilled))
            .collect();
        let worse = |sign: f64, change: &Change| change.difference.map_or(1.0, |d| if sign * d.difference < 0.0 { d.p } else { 1.0 });
        let p: Vec<f64> = agents
            .iter()
            .flat_map(|hit| [worse(1.0, &hit.availability), worse(-1.0, &hit.error_rate), worse(-1.0, &hit.response_mean)])
            .collect();
        let corrected = holm(&p);
        let mut hit: Vec<Hit> =
            agents.into_iter().zip(corrected.chunks(3)).filter(|(_, p)| p.iter().any(|p| *p < 0.05)).map(|(hit, _)| hit).collect();
        let more_failed = |hit: &Hit| hit.error_rate.difference.map_or(0.0, |d| d.difference);
        hit.sort_by(|a, b| more_failed(b).total_cmp(&more_failed(a)));
        hit
    }

    /// Without all fallbacks, and without each one that a drill makes calls use.
    fn lesser_mappings(&self, mapping: &Mapping, runs: &[Runs]) -> Vec<Lesser> {
        let answered = |runs: &Runs, target: Target| -> Vec<Option<f64>> {
            runs.iter().map(|(_, seen)| Some(seen.fallen_back[place(self.scenario, target)] as f64)).collect()
        };
        // More than chance would have it: what a drill shifts in time lets a call or two more or less fall back by itself.
        let is_used = |drill: &usize, target: Target| {
            paired(&answered(&runs[*drill], target), &answered(&runs[0], target)).is_some_and(|more| more.difference > 0.0 && more.p < 0.05)
        };
        let used_in =
            |target: Target| -> Vec<usize> { (1..runs.len()).filter(|drill| is_used(drill, target)).map(|drill| drill - 1).collect() };
        let named: BTreeSet<Target> = mapping.assignments.iter().flat_map(|a| a.on_failure.iter().chain(&a.on_overload)).copied().collect();
        let each: Vec<Lesser> = named
            .into_iter()
            .map(|target| Lesser {
                without: Without::One(target),
                mapping: mapping_without(mapping, Without::One(target)),
                matters: used_in(target),
            })
            .filter(|lesser| !lesser.matters.is_empty())
            .collect();
        let matters: BTreeSet<usize> = each.iter().flat_map(|lesser| &lesser.matters).copied().collect();
        if matters.is_empty() {
            return Vec::new();
        }
        let bare = mapping_without(mapping, Without::All);
        let all = Lesser { without: Without::All, mapping: bare, matters: matters.into_iter().collect() };
        // A mapping's one fallback is all of them.
        let each = each.into_iter().filter(|lesser| lesser.mapping != all.mapping).collect::<Vec<Lesser>>();
        std::iter::once(all).chain(each).collect()
    }

    fn worth(&self, without: Without, whole: &Runs, undisturbed: &Runs, drilled: &Runs) -> Worth {
        let errors = |runs: &Runs| -> Vec<Option<f64>> { runs.iter().map(|(_, seen)| seen.during().kpi(Kpi::ErrorRate)).collect() };
        let answered = |seen: &Seen| match without {
            Without::All => seen.fallen_back.iter().sum::<u64>(),
            Without::One(target) => seen.fallen_back[place(self.scenario, target)],
        };
        let (with, lacking) = (errors(whole), errors(drilled));
        Worth {
            fallback: match without {
                Without::All => None,
                Without::One(target) => Some(self.scenario.target_name(target).to_owned()),
            },
            answered: whole.iter().map(|(_, seen)| answered(seen) as f64).sum::<f64>() / whole.len().max(1) as f64,
            error_rate_without: known(&lacking),
            error_rate_with: known(&with),
            difference: paired(&lacking, &with),
            all: Held { kpi: None, ..self.held(&self.targets, undisturbed, drilled) },
        }
    }
}

fn mapping_without(mapping: &Mapping, without: Without) -> Mapping {
    let mut lesser = mapping.clone();
    for assignment in &mut lesser.assignments {
        for list in [&mut assignment.on_failure, &mut assignment.on_overload] {
            list.retain(|target| matches!(without, Without::One(other) if other != *target));
        }
    }
    lesser
}

fn hit(agent: Option<String>, tally: &dyn Fn(&Seen) -> Tally, undisturbed: &Runs, drilled: &Runs) -> Hit {
    let change = |kpi: Kpi| {
        let values = |runs: &Runs| -> Vec<Option<f64>> { runs.iter().map(|(_, seen)| tally(seen).kpi(kpi)).collect() };
        let (drilled, undisturbed) = (values(drilled), values(undisturbed));
        Change { undisturbed: known(&undisturbed), drilled: known(&drilled), difference: paired(&drilled, &undisturbed) }
    };
    Hit {
        agent,
        availability: change(Kpi::Availability),
        error_rate: change(Kpi::ErrorRate),
        response_mean: change(Kpi::ResponseMean),
        quality: change(Kpi::Quality),
    }
}

fn known(values: &[Option<f64>]) -> Option<Estimate> {
    estimate(&values.iter().flatten().copied().collect::<Vec<f64>>())
}
