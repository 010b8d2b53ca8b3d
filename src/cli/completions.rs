//! `mcplab completions`: for the shell.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Exit, output};

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mcplab completions bash > ~/.local/share/bash-completion/completions/mcplab\n  mcplab completions fish > ~/.config/fish/completions/mcplab.fish"
)]
pub struct Args {
    shell: Shell,
}

pub fn run<Cli: CommandFactory>(args: &Args) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mcplab", &mut script);
    output::text(&String::from_utf8_lossy(&script));
    Ok(Exit::Met)
}
