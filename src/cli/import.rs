//! `mcplab import`: a project folder becomes a scenario.

use std::path::{Path, PathBuf};

use anyhow::bail;
use mcplab::import::{self, Catalogue, Client, ImportNote, Project, Reading};
use mcplab::scenario;
use serde_json::json;

use super::{Exit, input, output};

/// Read the agents and servers of every client in a project, and write one scenario
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcplab import . -o mine.toml
  mcplab import . --client claude-code,copilot -o mine.toml
  mcplab import . --user --catalogue ours.toml -o mine.toml
  mcplab import . --base scenarios/openmanager-vibe-v5.toml -o mine.toml

Clients: claude-code, copilot, vscode, gemini-cli, codex, opencode, cursor, claude-desktop, windsurf, continue.
Agents' files say which servers they may use, not how hard or how often: --base takes needs, complexities,
weights and demand by name from a scenario. Without it each is assumed, and listed as such. What a client's
format cannot say is listed too (docs/clients.md).
Exit code: 0 written, 2 an error. Broken files are listed and left alone.")]
pub struct Args {
    /// The project folder, the one that holds .claude/, .github/, .vscode/ and so on
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Only these clients; all that the folder holds if not given
    #[arg(long, value_name = "CLIENT", value_delimiter = ',', value_parser = client)]
    client: Vec<Client>,

    /// Read the user's own agents and servers too, below the home folder
    #[arg(long)]
    user: bool,

    /// Well-known servers of your own: adds to the built-in catalogue, or replaces what it says
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,

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
    let project = project(&args.dir, &args.client, args.user)?;
    let imported = import::import(&project, base.as_ref(), &catalogue(args.catalogue.as_deref())?)?;
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

/// As it is spelled on the command line.
pub fn client(text: &str) -> Result<Client, String> {
    Client::ALL.into_iter().find(|client| client.slug() == text).ok_or_else(|| {
        let known: Vec<&str> = Client::ALL.iter().map(|client| client.slug()).collect();
        format!("no such client; known: {}", known.join(", "))
    })
}

/// A folder, with the user's own files where they are asked for.
pub fn project(dir: &Path, clients: &[Client], user: bool) -> anyhow::Result<Project> {
    let home = user.then(std::env::home_dir).flatten();
    if user && home.is_none() {
        bail!("--user reads files below your home folder, and HOME is not set");
    }
    let clients = (!clients.is_empty()).then_some(clients);
    Ok(Project::read(dir, &Reading { clients, home: home.as_deref(), above: true })?)
}

/// The built-in catalogue, with a user's own.
pub fn catalogue(own: Option<&Path>) -> anyhow::Result<Catalogue> {
    let Some(path) = own else { return Ok(Catalogue::built_in()) };
    let input = input::read(path)?;
    Ok(Catalogue::extended(&input.file, &input.text)?)
}
