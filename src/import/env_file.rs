//! Files of variables: which names they set. Values are not kept.

use std::collections::BTreeSet;
use std::path::Path;

use super::Project;
use super::walk::read_limited;

#[derive(Debug, Clone, PartialEq)]
pub struct EnvFile {
    /// As it is referred to.
    pub path: String,
    pub names: BTreeSet<String>,
}

/// A longer one is no file of variables.
const LONGEST: u64 = 1 << 20;

impl EnvFile {
    /// Where variables of a project mostly stand, whoever reads them.
    pub const USUAL: [&str; 3] = [".env", ".env.local", ".gemini/.env"];

    /// The usual ones of the folder, and files that servers name.
    pub(super) fn read_all(root: &Path, project: &Project) -> Vec<EnvFile> {
        let configured = project.configs.iter().flat_map(|config| &config.servers);
        let servers = configured.chain(project.agents.iter().flat_map(|agent| &agent.servers));
        let named = servers.filter_map(|server| server.env_file.clone());
        let paths: BTreeSet<String> = EnvFile::USUAL.map(str::to_owned).into_iter().chain(named).collect();
        let read = |path: String| {
            let place = path.replace("${workspaceFolder}", &root.to_string_lossy());
            let bytes = read_limited(&root.join(place), LONGEST).ok()?;
            Some(EnvFile::parse(&path, &bytes))
        };
        paths.into_iter().filter_map(read).collect()
    }

    pub fn parse(path: &str, bytes: &[u8]) -> EnvFile {
        EnvFile { path: path.to_owned(), names: names(&String::from_utf8_lossy(bytes)).collect() }
    }
}

/// Of lines `NAME=...` and `export NAME=...`; a name without a value sets nothing.
fn names(text: &str) -> impl Iterator<Item = String> {
    text.trim_start_matches('\u{feff}').lines().filter_map(|line| {
        let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
        let (name, value) = line.split_once('=')?;
        (!name.starts_with('#') && !value.trim().is_empty()).then(|| name.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_and_values_are_not() {
        let text = "\u{feff}A=1\r\n# B=2\nexport C = x\n D=\"multi\n E=\nnonsense\n";
        assert_eq!(names(text).collect::<Vec<_>>(), ["A", "C", "D"]);
    }
}
