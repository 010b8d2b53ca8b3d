//! Where the project lies and runs: Windows drives under WSL, and commands of the other system.

use super::{Check, Finding, Patient, Platform, Started};
use crate::import::{Client, Launch, ServerEntry};
use crate::scenario::Severity;

pub fn check(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    if patient.surroundings.on_windows_drive {
        findings.push(Finding {
            severity: Severity::Warning,
            check: Check::WindowsDrive,
            path: ".".to_owned(),
            line: None,
            what:
                "the folder is on a Windows drive: reading many files is slow from WSL, changes are noticed late or not at all, and names \
                   that differ only in upper and lower case are one file"
                    .to_owned(),
            mend: "work on a copy below your Linux home folder, or run the client in Windows".to_owned(),
        });
    }
    for Started { client, path, entry } in patient.started() {
        if let Some((severity, what, mend)) = check_command(client, entry, patient.surroundings.platform) {
            let path = path.to_owned();
            findings.push(Finding { severity, check: Check::WindowsCommand, path, line: Some(entry.line), what, mend });
        }
    }
    findings
}

fn check_command(client: Client, entry: &ServerEntry, platform: Platform) -> Option<(Severity, String, String)> {
    let Launch::Stdio { command, args } = &entry.launch else { return None };
    let name = &entry.name;
    let windows_path = std::iter::once(command).chain(args).any(|word| is_windows_path(word));
    match platform {
        // Claude Code's own advice: https://docs.claude.com/en/docs/claude-code/mcp
        Platform::Windows if client == Client::ClaudeCode && is_script(command) => Some((
            Severity::Warning,
            format!("server `{name}` starts `{command}`, which Windows cannot start without its shell"),
            format!("write `\"command\": \"cmd\", \"args\": [\"/c\", \"{command}\", ...]`"),
        )),
        Platform::Windows => None,
        Platform::Wsl if is_windows_command(command) => Some((
            Severity::Warning,
            format!("server `{name}` starts a Windows program from WSL: it sees Windows paths, and of the variables only those in WSLENV"),
            "start it with the Linux program (`npx` instead of `cmd /c npx`), or run the client in Windows".to_owned(),
        )),
        Platform::Unix if is_windows_command(command) => Some((
            Severity::Error,
            format!("server `{name}` starts a Windows program, which is not there on this system"),
            "start it with the program itself (`npx` instead of `cmd /c npx`)".to_owned(),
        )),
        Platform::Wsl | Platform::Unix if windows_path => Some((
            Severity::Warning,
            format!("server `{name}` is given a Windows path, which means nothing to a program of this system"),
            "write the path as this system has it; under WSL, `C:\\x` is `/mnt/c/x`".to_owned(),
        )),
        Platform::Wsl | Platform::Unix => None,
    }
}

fn is_windows_command(command: &str) -> bool {
    let lower = command.to_ascii_lowercase();
    let program = lower.rsplit(['/', '\\']).next().unwrap_or_default();
    matches!(program, "cmd" | "powershell") || [".exe", ".cmd", ".bat"].iter().any(|ending| program.ends_with(ending))
}

/// Programs that are scripts on Windows.
fn is_script(command: &str) -> bool {
    matches!(command, "npx" | "npm" | "pnpm" | "yarn" | "bunx")
}

/// `C:\...`
fn is_windows_path(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':') && chars.next() == Some('\\')
}
