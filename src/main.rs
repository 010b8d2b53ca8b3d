//! The command line: reads, asks the library, prints.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
