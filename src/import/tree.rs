//! The agent files of Claude Code in one folder, and what could not be read of them.

use std::fs;
use std::path::Path;

use super::walk::{DEPTH_MAX, FILES_MAX, Skipped, Unread, files_below, read_limited, sha256};
use super::{AgentFile, AgentFileError, ImportError};

/// Agent files. Paths are relative to the project folder, with `/`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentTree {
    /// In the order of their paths.
    pub agents: Vec<AgentSource>,
    pub skipped: Vec<Skipped>,
}

/// One `.md` file under `.claude/agents/`.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentSource {
    pub path: String,
    /// Empty where the bytes are not text.
    pub text: String,
    /// Of the file's bytes, in hex.
    pub sha256: String,
    pub file: Result<AgentFile, AgentFileError>,
    /// Reached over a symbolic link that leaves the folder: never to be written.
    pub outside: bool,
}

/// Where a project's agents live.
pub const AGENTS: &str = ".claude/agents";
/// Where a project's servers are configured.
pub const CONFIG: &str = ".mcp.json";

impl AgentTree {
    /// Adds all that lies in one folder of agents. Symbolic links are followed, as clients do; loops are skipped, `.gitignore` does not
    /// count. An error: more than 10,000 files. A broken agent file is no error: it carries its own.
    pub fn read_agents(&mut self, root: &Path, agents: &Path) -> Result<(), ImportError> {
        let walked = files_below(root, agents, DEPTH_MAX, ".md");
        self.skipped.extend(walked.skipped);
        if self.agents.len() + walked.files.len() > FILES_MAX {
            return Err(ImportError::TooMany { path: agents.display().to_string(), most: FILES_MAX });
        }
        for (file, path) in walked.files {
            match read_agent(root, &file, &path) {
                Ok(agent) => self.agents.push(agent),
                Err(why) => self.skipped.push(Skipped { path, line: None, why }),
            }
        }
        self.agents.sort_by(|a, b| a.path.cmp(&b.path));
        self.skipped.sort();
        Ok(())
    }

    /// The agents that can be read, with where they were found.
    pub fn valid(&self) -> impl Iterator<Item = (&AgentSource, &AgentFile)> {
        self.agents.iter().filter_map(|source| source.file.as_ref().ok().map(|file| (source, file)))
    }
}

fn read_agent(root: &Path, path: &Path, relative: &str) -> Result<AgentSource, Unread> {
    let bytes = read_limited(path, AgentFile::LONGEST as u64)?;
    if bytes.len() > AgentFile::LONGEST {
        return Err(Unread::TooLong { mebibytes: 1 });
    }
    let text = AgentFile::text_of(&bytes);
    let outside = !fs::canonicalize(path)?.starts_with(root);
    Ok(AgentSource {
        path: relative.to_owned(),
        file: text.clone().and_then(AgentFile::parse),
        text: text.map(str::to_owned).unwrap_or_default(),
        sha256: sha256(&bytes),
        outside,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &[u8] = "---\nname: 비서\ndescription: d\ntools: Read\n---\n본문\n".as_bytes();

    fn read(dir: &Path) -> AgentTree {
        let root = fs::canonicalize(dir).unwrap();
        let mut tree = AgentTree::default();
        tree.read_agents(&root, &root.join(AGENTS)).unwrap();
        tree
    }

    #[test]
    fn a_folder_is_read_in_the_order_of_its_paths() {
        let dir = crate::import::tests::folder(&[
            (".claude/agents/z.md", AGENT),
            (".claude/agents/a/b/c.md", b"no front matter"),
            (".claude/agents/a/.hidden.md", AGENT),
            (".claude/agents/bad.md", b"---\nname: \xff\n---\n"),
            (".claude/agents/notes.txt", AGENT),
            (".claude/agents/.gitignore", b"*.md"),
            (".gitignore", b".claude"),
            ("README.md", AGENT),
        ]);
        let tree = read(dir.path());
        let found: Vec<(&str, bool)> =
            tree.agents.iter().map(|agent| (agent.path.trim_start_matches(AGENTS), agent.file.is_ok())).collect();
        assert_eq!(found, [("/a/.hidden.md", true), ("/a/b/c.md", false), ("/bad.md", false), ("/z.md", true)]);
        assert_eq!(tree.agents[3].text.as_bytes(), AGENT);
        assert_eq!(tree.skipped, []);
        // FIPS 180-4's first example.
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_loops_are_not() {
        use std::os::unix::fs::symlink;
        let elsewhere = crate::import::tests::folder(&[("shared.md", AGENT)]);
        let dir = crate::import::tests::folder(&[(".claude/agents/sub/a.md", AGENT), ("inside.md", AGENT)]);
        let agents = dir.path().join(AGENTS);
        symlink(&agents, agents.join("sub/loop")).unwrap();
        symlink("../..", agents.join("second")).unwrap();
        symlink("a.md", agents.join("sub/again.md")).unwrap();
        symlink("nowhere.md", agents.join("dangling.md")).unwrap();
        symlink(elsewhere.path().join("shared.md"), agents.join("shared.md")).unwrap();
        symlink("../../inside.md", agents.join("inside.md")).unwrap();
        let deep = (0..20).fold(agents.clone(), |path, _| path.join("d"));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("deep.md"), AGENT).unwrap();
        fs::write(agents.join("long.md"), vec![b'x'; AgentFile::LONGEST + 5]).unwrap();

        let tree = read(dir.path());
        let found: Vec<(&str, bool)> = tree.agents.iter().map(|agent| (agent.path.trim_start_matches(AGENTS), agent.outside)).collect();
        assert_eq!(found, [("/inside.md", false), ("/shared.md", true), ("/sub/a.md", false)]);
        let skipped: Vec<(&str, String)> =
            tree.skipped.iter().map(|skipped| (skipped.path.trim_start_matches(AGENTS), skipped.why.to_string())).collect();
        let expected = [
            ("/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d", "more than 16 folders deep"),
            ("/dangling.md", "a symbolic link to nothing"),
            ("/long.md", "longer than 1 MiB: mcplab reads no longer one"),
            ("/second", "a symbolic link that leads back to a folder around it"),
            ("/sub/again.md", "a second way to `.claude/agents/sub/a.md`"),
            ("/sub/loop", "a symbolic link that leads back to a folder around it"),
        ];
        assert_eq!(skipped, expected.map(|(path, why)| (path, why.to_owned())));
    }
}
