//! `mcplab doctor`: what is wrong with a project's agent and server configs as they stand.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mcplab::doctor::{self, BUDGET, Finding, Platform, Surroundings};
use mcplab::import::Client;
use mcplab::scenario::Severity;
use serde_json::json;

use super::{Exit, import, output};

/// Check a project's agents and servers as they stand: what clients skip, what does not fit together, what is not set
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcplab doctor .
  mcplab doctor . --user --budget 10000
  mcplab doctor . --strict --json

docs/doctor.md says what each finding means. Names of variables are shown, never values; nothing is changed.
Exit code: 0 no error found (with --strict: nothing at all), 1 findings, 2 the folder cannot be read.")]
pub struct Args {
    /// The project folder, the one that holds .claude/, .github/, .vscode/ and so on
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Only these clients; all that the folder holds if not given
    #[arg(long, value_name = "CLIENT", value_delimiter = ',', value_parser = import::client)]
    client: Vec<Client>,

    /// Read the user's own agents and servers too, below the home folder
    #[arg(long)]
    user: bool,

    /// Well-known servers of your own: adds to the built-in catalogue, or replaces what it says
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,

    /// Tokens that definitions of tools may take in an agent's context
    #[arg(long, value_name = "TOKENS", default_value_t = BUDGET)]
    budget: u32,

    /// Warnings count too
    #[arg(long)]
    strict: bool,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let project = import::project(&args.dir, &args.client, args.user)?;
    let catalogue = import::catalogue(args.catalogue.as_deref())?;
    let findings = doctor::examine(&project, &catalogue, &surroundings(args));
    let count = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let clients: Vec<&str> = project.files.keys().map(|client| client.name()).collect();
    if args.json {
        output::json(&json!({ "folder": args.dir, "clients": clients, "errors": errors, "warnings": warnings, "findings": findings }))?;
    } else {
        let findings: String = findings.iter().map(|finding: &Finding| doctor::render(finding) + "\n").collect();
        let servers: usize = project.configs.iter().map(|config| config.servers.len()).sum();
        let agents = project.agents.iter().filter(|agent| !agent.is_session).count();
        let plural = |count: usize, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
        output::text(&format!(
            "{findings}{}: {}, {} ({}, {})\n",
            args.dir.display(),
            plural(errors, "error"),
            plural(warnings, "warning"),
            clients.join(", "),
            format_args!("{}, {}", plural(agents, "agent"), plural(servers, "server")),
        ));
    }
    Ok(if errors > 0 || (args.strict && warnings > 0) { Exit::Missed } else { Exit::Met })
}

fn surroundings(args: &Args) -> Surroundings {
    // A variable without a value is as good as none.
    let environment: BTreeSet<String> =
        std::env::vars_os().filter(|(_, value)| !value.is_empty()).filter_map(|(name, _)| name.into_string().ok()).collect();
    let platform = if cfg!(windows) {
        Platform::Windows
    } else if fs::read_to_string("/proc/version").is_ok_and(|version| version.to_lowercase().contains("microsoft")) {
        Platform::Wsl
    } else {
        Platform::Unix
    };
    let on_windows_drive = platform == Platform::Wsl && fs::canonicalize(&args.dir).is_ok_and(|dir| is_on_drive(&dir));
    Surroundings { environment, platform, on_windows_drive, budget: args.budget }
}

/// `/mnt/c/...`
fn is_on_drive(dir: &Path) -> bool {
    let rest = dir.to_str().and_then(|dir| dir.strip_prefix("/mnt/")).unwrap_or_default();
    rest.split('/').next().is_some_and(|drive| drive.len() == 1 && drive.chars().all(|c| c.is_ascii_alphabetic()))
}
