//! `mcplab drill`: take servers and dependencies down, one at a time, and see who is hit and how long.

use std::path::PathBuf;

use anyhow::anyhow;
use mcplab::experiment::{Stage, Watch};
use mcplab::mapping::Mapping;
use mcplab::report::{DrillAsked, drill_tables, drill_text};
use mcplab::study::{self, Timing};
use mcplab::units::SimTime;

use super::job::{Asked, Finished, Job, REPLAY_HELP, RunOptions};
use super::{Exit, compare};

/// Take each server and each dependency down for a time: who is hit, when the KPIs hold again, what each fallback is worth
#[derive(Debug, clap::Args)]
#[command(
    after_help = format!("Examples:\n  mcplab drill scenarios/openmanager-vibe-v5.toml\n  mcplab drill scenarios/openmanager-vibe-v5.toml --down serena --down network --for 30min --at 3h\n  mcplab drill mine.toml --mapping mapping.toml --json > drills.json\n\nToday's mapping is drilled, and each given one; each is compared with today's. Without --mapping, mapping files beside the scenario take part:\nfor NAME.toml, the file NAME.plan.toml; where there is none, today's servers with the fallbacks of the scenario's policy.\n\n{REPLAY_HELP}\n\nExit code: 0 the KPIs hold again after every outage under the last mapping, 1 they do not, 2 an error.")
)]
pub struct Args {
    #[command(flatten)]
    options: RunOptions,

    /// A mapping file to drill beside today's; may be given several times
    #[arg(long = "mapping", value_name = "FILE")]
    mappings: Vec<PathBuf>,

    /// Take this server or dependency down; may be given several times. All of them, one at a time, if not given
    #[arg(long, value_name = "NAME")]
    down: Vec<String>,

    /// How long an outage lasts [default: 10min, or an eighth of a short run]
    #[arg(long = "for", value_name = "TIME")]
    lasts: Option<SimTime>,

    /// When it begins, from the run's start [default: a quarter into the run]
    #[arg(long, value_name = "TIME")]
    at: Option<SimTime>,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mappings = compare::mappings(&args.options.scenario, &args.mappings)?;
    let text = |time: Option<SimTime>| time.map(|time| time.to_string());
    let drill = Some(DrillAsked { down: args.down.clone(), at: text(args.at), lasts: text(args.lasts) });
    let job = Job::new("drill", &args.options, Asked { mappings, drill, ..Asked::default() })?;
    Ok(job.run(&args.options)?.0)
}

pub fn execute(job: &Job, watch: &dyn Watch) -> anyhow::Result<Finished> {
    let scenario = &job.scenario;
    let asked = job.manifest.drill.as_ref().ok_or_else(|| anyhow!("the manifest of a drill does not say what was asked for"))?;
    let time = |text: &Option<String>| text.as_deref().map(str::parse).transpose();
    let timing = Timing::of(scenario, time(&asked.at)?, time(&asked.lasts)?)?;
    let downs = study::downs(scenario, &asked.down)?;
    let today = Mapping::current(scenario);
    let mut mappings = vec![("today".to_owned(), today.clone())];
    mappings.extend(compare::given(job, scenario)?);
    if mappings.len() == 1 && !scenario.policy.fallbacks.is_empty() {
        mappings.push(("today with the policy's fallbacks".to_owned(), Mapping::with_policy_fallbacks(scenario, &today.primaries())));
    }
    let drills = study::drill(scenario, &mappings, &downs, timing, job.design(Stage::Comparison), watch);
    let survived = drills.mappings.last().is_some_and(|last| last.drills.iter().all(study::Course::is_survived));
    Ok(Finished {
        text: drill_text(scenario, &drills),
        files: drill_tables(scenario, &drills)?,
        exit: if survived { Exit::Met } else { Exit::Missed },
        reproducible: true,
        json: serde_json::to_value(&drills)?,
    })
}
