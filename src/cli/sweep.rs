//! `mcplab sweep`: parameters varied, and where targets break; killed and started again, it goes on.

use std::path::PathBuf;

use anyhow::bail;
use mcplab::engine::expected_calls;
use mcplab::experiment::{self, Case, Stage, Watch};
use mcplab::import::{call_log, sha256};
use mcplab::judge::summarize;
use mcplab::mapping::Mapping;
use mcplab::report::{JOURNAL_FILE, Journal, Manifest, SweepReport, journal_line, run_id, sweep_files, sweep_text};
use mcplab::scenario::Scenario;
use mcplab::scenario::change::{Change, changed};
use mcplab::study::sweep::{Measure, Parameter, Point, Reading, Setting, grid, sweep};
use rayon::prelude::*;

use super::job::{Asked, CALLS_MAX, Finished, Job, REPLAY_HELP, RunOptions};
use super::what_if::{ChangeArgs, PATH_HELP, changes_of, failed, mapping_in};
use super::{Exit, input, interrupt, output, simulate};

/// Vary one or two parameters: every KPI at every point, and where each target breaks, with an interval
#[derive(Debug, clap::Args)]
#[command(
    after_help = format!("Examples:\n  mcplab sweep scenarios/openmanager-vibe-v5.toml --vary load=0.5..4:0.25\n  mcplab sweep scenarios/tutorial.toml --vary load=0.5..1.5:0.25 --vary servers.files.slots=1..3:1\n  mcplab sweep scenarios/tutorial.toml --vary servers.files.serial.mean=500ms..2000ms:500ms\n  mcplab sweep scenarios/tutorial.toml --vary servers.files.discipline=fifo,processor-sharing --scale load=1.2\n\nA sweep that was stopped, however, goes on where it was when it is started again with the same arguments.\n\n{PATH_HELP}\n\n{REPLAY_HELP}\n\nExit code: 0 every target met at every point, 1 one missed, 2 an error.")
)]
pub struct Args {
    #[command(flatten)]
    options: RunOptions,

    /// What is varied: a range with its step, load=0.5..4:0.25, or values, servers.filesystem.slots=1,2,4; once or twice
    #[arg(long = "vary", value_name = "PATH=VALUES", required = true)]
    vary: Vec<String>,

    #[command(flatten)]
    changes: ChangeArgs,

    /// A mapping file, instead of today's mapping
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

/// Points of a grid.
const MOST_POINTS: usize = 2000;

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mappings = args.mapping.iter().map(|path| input::read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let changes = args.changes.changes()?.iter().map(ToString::to_string).collect();
    let job = Job::new("sweep", &args.options, Asked { mappings, changes, vary: args.vary.clone(), ..Asked::default() })?;
    // Whatever is wrong with a point is said before anything is written.
    Points::new(&job, &(), None)?.check(&parameters(&job.manifest)?)?;
    if !args.options.no_results {
        interrupt::announce(&format!(
            "\nstopped; the points that are finished are kept. To go on where it was:\n  {}\n",
            std::env::args().map(|argument| quoted(&argument)).collect::<Vec<_>>().join(" ")
        ));
    }
    Ok(job.run(&args.options)?.0)
}

/// As a shell takes it.
fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

fn parameters(manifest: &Manifest) -> anyhow::Result<Vec<Parameter>> {
    let parameters = manifest.vary.iter().map(|flag| Parameter::parse(flag)).collect::<Result<Vec<_>, _>>()?;
    if !(1..=2).contains(&parameters.len()) {
        bail!("--vary: one or two parameters are varied, not {}", parameters.len());
    }
    if let [a, b] = &parameters[..]
        && a.path == b.path
    {
        bail!("--vary: `{}` stands there twice", a.path);
    }
    let points: usize = parameters.iter().map(|parameter| parameter.values.len()).product();
    if points > MOST_POINTS {
        bail!("--vary: {points} points are too many (at most {MOST_POINTS}); take a larger step");
    }
    Ok(parameters)
}

pub fn execute(job: &Job, watch: &dyn Watch, journal: Option<&Journal>) -> anyhow::Result<Finished> {
    let parameters = parameters(&job.manifest)?;
    let mut points = Points::new(job, watch, journal)?;
    points.check(&parameters)?;
    let sweep = sweep(&parameters, &mut points)?;
    if points.taken_over > 0 {
        output::note(&format!("{} points: {} were there already, {} simulated", sweep.points.len(), points.taken_over, points.simulated));
    }
    let lines = sweep.points.iter().map(|Point { settings, reading, .. }| {
        let texts = texts(settings);
        journal_line(&points.hash(&texts), &texts, reading)
    });
    let lines: String = lines.collect();
    let met =
        sweep.points.iter().all(|point| point.reading.kpis.iter().all(|of| of.met != Some(false)) && point.reading.unstable.is_empty());
    let report = SweepReport {
        scenario: job.scenario.name.clone(),
        mapping: points.mapping_name.clone(),
        changes: job.manifest.changes.clone(),
        seed: job.manifest.seed,
        replications: job.manifest.replications,
        assumed_figures: job.scenario.assumed_figures(),
        sweep,
    };
    let mut files = sweep_files(&report)?;
    // In the order of the points, not of their ends: the same bytes, however often the sweep was stopped.
    files.push((JOURNAL_FILE.to_owned(), lines.into_bytes()));
    Ok(Finished {
        text: sweep_text(&job.scenario, &report),
        json: serde_json::to_value(&report)?,
        files,
        exit: if met { Exit::Met } else { Exit::Missed },
        reproducible: true,
    })
}

/// Points are measured in the simulator; what the journal has is not measured again.
struct Points<'a> {
    job: &'a Job,
    watch: &'a dyn Watch,
    journal: Option<&'a Journal>,
    parameters: Vec<String>,
    changes: Vec<Change>,
    mapping_name: String,
    mapping: Mapping,
    run: String,
    taken_over: usize,
    simulated: usize,
    /// Calls expected of what was measured so far.
    spent: f64,
}

impl<'a> Points<'a> {
    fn new(job: &'a Job, watch: &'a dyn Watch, journal: Option<&'a Journal>) -> anyhow::Result<Points<'a>> {
        let (mapping_name, mapping) = simulate::mapping(job)?;
        Ok(Points {
            job,
            watch,
            journal,
            parameters: parameters(&job.manifest)?.into_iter().map(|parameter| parameter.path).collect(),
            changes: changes_of(&job.manifest)?,
            mapping_name,
            mapping,
            run: run_id(&job.manifest),
            taken_over: 0,
            simulated: 0,
            spent: 0.0,
        })
    }

    /// Every point of the grid makes sense, and all together end in a useful time.
    fn check(&self, parameters: &[Parameter]) -> anyhow::Result<()> {
        let grid = grid(parameters);
        let calls = grid.iter().map(|point| self.world(point).map(|world| self.calls(&world))).sum::<anyhow::Result<f64>>()?;
        if calls > CALLS_MAX {
            bail!(
                "{}: about {calls:.1e} calls would be simulated at {} points; lower `replications` or `horizon`, or take a larger step (at most {CALLS_MAX:.0e})",
                self.job.manifest.scenario.file,
                grid.len()
            );
        }
        Ok(())
    }

    fn calls(&self, world: &Scenario) -> f64 {
        expected_calls(world) * f64::from(self.job.manifest.replications)
    }

    /// The scenario at a point. It is counted over the same time everywhere, where it does not say otherwise.
    fn world(&self, point: &[Setting]) -> anyhow::Result<Scenario> {
        let mut changes = self.changes.clone();
        for (path, setting) in self.parameters.iter().zip(point) {
            changes.push(Change::vary(path, &setting.text).map_err(failed)?);
        }
        let base = &self.job.scenario;
        let mut world = *changed(&self.job.manifest.scenario.text, base, "this point", &changes).map_err(failed)?.scenario;
        if let Some(replay) = &base.replay {
            call_log::replay(&mut world, replay.clone());
        }
        world.run.warmup = world.run.warmup.or(base.run.warmup);
        Ok(world)
    }

    /// Of what the point is.
    fn hash(&self, settings: &[String]) -> String {
        sha256(format!("{}\n{}", self.run, settings.join("\n")).as_bytes())[..16].to_owned()
    }
}

fn texts(settings: &[Setting]) -> Vec<String> {
    settings.iter().map(|setting| setting.text.clone()).collect()
}

impl Measure for Points<'_> {
    type Error = anyhow::Error;

    fn admits(&self, points: &[Vec<Setting>]) -> bool {
        let calls = points.iter().map(|point| self.world(point).map(|world| self.calls(&world))).sum::<anyhow::Result<f64>>();
        calls.is_ok_and(|calls| self.spent + calls <= CALLS_MAX)
    }

    fn measure(&mut self, points: &[Vec<Setting>]) -> anyhow::Result<Vec<Reading>> {
        let worlds = points.iter().map(|point| self.world(point)).collect::<anyhow::Result<Vec<Scenario>>>()?;
        self.spent += worlds.iter().map(|world| self.calls(world)).sum::<f64>();
        let design = self.job.design(Stage::Comparison);
        let done: Vec<Option<Reading>> =
            points.iter().map(|point| self.journal.and_then(|journal| journal.done.get(&self.hash(&texts(point))).cloned())).collect();
        let open = done.iter().filter(|reading| reading.is_none()).count();
        self.taken_over += points.len() - open;
        self.simulated += open;
        self.watch.phase("simulating points", open as u64 * u64::from(design.replications));
        let this = &*self;
        points
            .par_iter()
            .zip(&worlds)
            .zip(done)
            .map(|((point, world), done)| {
                if let Some(reading) = done {
                    return Ok(reading);
                }
                let mapping = mapping_in(world, &this.job.scenario, &this.mapping, &this.job.manifest.mappings);
                let replications = experiment::run(&[Case { scenario: world, mapping: &mapping }], design, &Steps(this.watch)).remove(0);
                let reading = Reading::new(world, &summarize(world, &replications));
                if let Some(journal) = this.journal {
                    let texts = texts(point);
                    journal.append(&this.hash(&texts), &texts, &reading)?;
                }
                Ok(reading)
            })
            .collect()
    }
}

/// All points are one phase.
struct Steps<'a>(&'a dyn Watch);

impl Watch for Steps<'_> {
    fn phase(&self, _: &str, _: u64) {}

    fn step(&self) {
        self.0.step();
    }
}
