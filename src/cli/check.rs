//! `mcplab check`: reads a scenario, names every mistake, and says what it holds.

use std::path::PathBuf;

use mcplab::mapping::{Over, planned_score, primaries_of_today};
use mcplab::scenario;
use serde_json::json;

use super::{Exit, input, output};

/// Check a scenario file: every mistake at once, with its line and how to mend it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab check scenarios/tutorial.toml\n  mcplab check mine.toml --json\n\nExit code: 0 correct, 1 mistakes found, 2 the file cannot be read."
)]
pub struct Args {
    /// The scenario file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let input = input::read(&args.file)?;
    let parsed = match scenario::parse(&input.file, &input.text) {
        Ok(parsed) => parsed,
        Err(diagnostics) => {
            if args.json {
                output::json(&json!({ "file": input.file, "correct": false, "mistakes": diagnostics }))?;
            } else {
                output::diagnostics(&diagnostics);
            }
            return Ok(Exit::Missed);
        }
    };
    let scenario = &parsed.scenario;
    let assumptions = scenario.assumptions();
    if args.json {
        output::json(&json!({
            "file": input.file,
            "correct": true,
            "name": scenario.name,
            "agents": scenario.agents.len(),
            "servers": scenario.servers.len(),
            "needs": scenario.needs.len(),
            "warnings": parsed.warnings,
            "assumed": assumptions,
        }))?;
        return Ok(Exit::Met);
    }
    if !parsed.warnings.is_empty() {
        output::diagnostics(&parsed.warnings);
    }
    let movable = scenario.need_ids().filter(|need| scenario.eligible(*need).len() > 1).count();
    let today = primaries_of_today(scenario);
    let mut text = format!(
        "{}: correct\n  {}: {} agents, {} servers, {} needs ({movable} can move), {} what-ifs, {} KPI targets\n  planned balance today: {:.1} over all servers, {:.1} over those that share work\n",
        input.file,
        scenario.name,
        scenario.agents.len(),
        scenario.servers.len(),
        scenario.needs.len(),
        scenario.what_ifs.len(),
        scenario.kpis.len(),
        planned_score(scenario, &today, Over::All),
        planned_score(scenario, &today, Over::Sharing),
    );
    if !assumptions.is_empty() {
        text += &format!("  {} figures are assumed:\n", assumptions.len());
        assumptions.iter().for_each(|line| text += &format!("    {line}\n"));
    }
    output::text(&text);
    Ok(Exit::Met)
}
