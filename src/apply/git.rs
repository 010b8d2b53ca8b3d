//! Whether files that are about to change are committed in git.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Warning;

const LIMIT: Duration = Duration::from_secs(5);

/// A warning where some of the files hold changes that are not committed; none without a repository.
pub fn uncommitted(root: &Path, paths: &[String]) -> Option<Warning> {
    if paths.is_empty() || !root.ancestors().any(|folder| folder.join(".git").exists()) {
        return None;
    }
    match status(root, paths) {
        Ok(paths) if paths.is_empty() => None,
        Ok(paths) => Some(Warning::GitDirty { paths }),
        Err(message) => Some(Warning::GitUnknown { message }),
    }
}

fn status(root: &Path, paths: &[String]) -> Result<Vec<String>, String> {
    let mut command = Command::new("git");
    // A repository's settings may name a program to be run; and looking must not write the index.
    command.args(["--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false", "status", "--porcelain", "-z", "--"]);
    command.args(paths).current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("git cannot be run: {error}"))?;
    let mut stdout = child.stdout.take().expect("it is piped");
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).map(|_| bytes)
    });
    let start = Instant::now();
    let exit = loop {
        match child.try_wait() {
            Ok(Some(exit)) => break exit,
            Ok(None) if start.elapsed() < LIMIT => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no answer within {} s", LIMIT.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    if !exit.success() {
        return Err(format!("git status ended with {exit}"));
    }
    let bytes = reader.join().map_err(|_| "its answer was lost".to_owned())?.map_err(|error| error.to_string())?;
    Ok(dirty(&String::from_utf8_lossy(&bytes)))
}

/// `XY path`, each ended by a zero byte; a rename has its old path behind it.
fn dirty(answer: &str) -> Vec<String> {
    let mut entries = answer.split('\0').filter(|entry| !entry.is_empty());
    let mut paths = Vec::new();
    while let Some(entry) = entries.next() {
        let (state, path) = (entry.get(..2).unwrap_or_default(), entry.get(3..).unwrap_or_default());
        if state.contains(['R', 'C']) {
            entries.next();
        }
        paths.push(path.to_owned());
    }
    paths
}

#[cfg(test)]
mod tests {
    #[test]
    fn git_s_answer_is_read() {
        assert_eq!(
            super::dirty(" M .claude/agents/가 나.md\0?? .mcp.json\0R  new.md\0old.md\0"),
            [".claude/agents/가 나.md", ".mcp.json", "new.md"]
        );
        assert!(super::dirty("").is_empty());
    }
}
