//! What reaches the terminal: colour only there, no panic on a closed pipe.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use mcplab::scenario::Diagnostics;
use serde::Serialize;

const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// A result, on stdout. A reader that has gone away (`| head`) ends the program quietly.
pub fn text(text: &str) {
    let mut stdout = anstream::stdout().lock();
    if let Err(error) = stdout.write_all(marked(text).as_bytes()).and_then(|()| stdout.flush()) {
        gone(&error);
    }
}

pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_string_pretty(value)?;
    line.push('\n');
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
        gone(&error);
    }
    Ok(())
}

pub fn error(message: &str) {
    to_stderr(&format!("{RED}error{RED:#}: {}\n", message.trim_end()));
}

pub fn warning(message: &str) {
    to_stderr(&format!("{YELLOW}warning{YELLOW:#}: {}\n", message.trim_end()));
}

/// Progress in words; not a result.
pub fn note(message: &str) {
    to_stderr(&format!("{message}\n"));
}

pub fn diagnostics(diagnostics: &Diagnostics) {
    to_stderr(&format!("{}\n", diagnostics.render(true).trim_end()));
}

fn to_stderr(text: &str) {
    // Nothing is left to tell anyone where stderr is closed.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

fn gone(error: &io::Error) {
    if error.kind() != io::ErrorKind::BrokenPipe {
        self::error(&format!("cannot write to standard output: {error}"));
        std::process::exit(2);
    }
}

/// Marks in colour; anstream takes the colour out again where it does not belong.
fn marked(text: &str) -> String {
    text.replace('✓', &format!("{GREEN}✓{GREEN:#}")).replace('✗', &format!("{RED}✗{RED:#}"))
}
