//! `mcplab import`: a project folder becomes a scenario.

use std::path::{Path, PathBuf};

use anyhow::bail;
use mcplab::import::{self, AgentTree, ImportNote};
use mcplab::scenario;
use serde_json::json;

use super::{Exit, input, output};

/// Read a project's agent files and .mcp.json, and write a scenario
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab import . -o mine.toml\n  mcplab import . --base scenarios/openmanager-vibe-v5.toml -o mine.toml\n\nAgents' files say which servers they may use, not how hard or how often: --base takes needs, complexities,\nweights and demand by name from a scenario. Without it each is assumed, and listed as such.\nExit code: 0 written, 2 an error. Broken agent files are listed and left alone."
)]
pub struct Args {
    /// The project folder, the one that holds .claude/
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Take what agent files cannot say from this scenario, by name
    #[arg(long, value_name = "SCENARIO")]
    base: Option<PathBuf>,

    /// Where the scenario goes; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace FILE if it exists
    #[arg(long)]
    force: bool,

    /// Print the report as JSON; needs -o
    #[arg(long, requires = "output")]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(path) = &args.output
        && path.exists()
        && !args.force
    {
        bail!("{} exists; choose another name for -o, or give --force to replace it", path.display());
    }
    let base = args.base.as_deref().map(|path: &Path| input::scenario(&input::read(path)?)).transpose()?;
    let tree = AgentTree::read(&args.dir)?;
    let imported = import::import(&tree, base.as_ref())?;
    let text = scenario::write(&imported.scenario);
    let Some(path) = &args.output else {
        output::note(&imported.render());
        output::text(&text);
        return Ok(Exit::Met);
    };
    input::write(path, text.as_bytes())?;
    if args.json {
        let notes: Vec<_> = imported.report.iter().map(|ImportNote { kind, text }| json!({ "kind": kind.title(), "text": text })).collect();
        output::json(
            &json!({ "scenario": imported.scenario.name, "written": path, "assumed": imported.scenario.assumed_figures(), "notes": notes }),
        )?;
        return Ok(Exit::Met);
    }
    output::text(&format!(
        "{}\nScenario written to {}; next: mcplab compare {}\n",
        imported.render().trim_end(),
        path.display(),
        path.display()
    ));
    Ok(Exit::Met)
}
