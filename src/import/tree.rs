//! A project folder as an import finds it: agent files, `.mcp.json`, and what could not be read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use ignore::WalkBuilder;
use sha2::{Digest, Sha256};

use super::{AgentFile, AgentFileError, ImportError, ServerConfig};

/// Everything that mcplab knows of a project folder. Paths are relative to it, with `/`.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentTree {
    /// The folder's own name.
    pub name: String,
    /// In the order of their paths.
    pub agents: Vec<AgentSource>,
    pub config: Option<ServerConfig>,
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

/// A file or folder that was not looked into.
#[derive(Debug, Clone, PartialEq)]
pub struct Skipped {
    pub path: String,
    pub reason: String,
}

/// Where a project's agents live.
pub const AGENTS: &str = ".claude/agents";
/// Where a project's servers are configured.
pub const CONFIG: &str = ".mcp.json";

/// More files than this are no project's agents.
const FILES_MAX: usize = 10_000;
/// Folders below `.claude/agents` that are looked into.
const DEPTH_MAX: usize = 16;

impl AgentTree {
    /// Reads agent files and `.mcp.json`. Symbolic links are followed, as clients do; loops are skipped, `.gitignore` does not count.
    ///
    /// Errors: no such folder, no agent file in it, more than 10,000 of them, a `.mcp.json` that cannot be read or understood. A
    /// broken agent file is no error: it carries its own.
    pub fn read(dir: &Path) -> Result<AgentTree, ImportError> {
        let root = fs::canonicalize(dir).map_err(|reason| ImportError::Folder { path: dir.display().to_string(), reason })?;
        let mut tree = AgentTree {
            name: root.file_name().and_then(|name| name.to_str()).unwrap_or("imported").to_owned(),
            agents: Vec::new(),
            config: read_config(&root)?,
            skipped: Vec::new(),
        };
        let agents = root.join(AGENTS);
        if agents.is_dir() {
            tree.read_agents(&root, &agents)?;
        }
        if tree.agents.is_empty() && tree.skipped.is_empty() {
            return Err(ImportError::NoAgents { path: dir.join(AGENTS).display().to_string() });
        }
        Ok(tree)
    }

    /// Adds all that lies in one folder of agents.
    pub fn read_agents(&mut self, root: &Path, agents: &Path) -> Result<(), ImportError> {
        let walk = WalkBuilder::new(agents).standard_filters(false).follow_links(true).max_depth(Some(DEPTH_MAX + 1)).build();
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.skipped.push(unwalked(root, &error));
                    continue;
                }
            };
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let is_agent = !is_folder && entry.path().extension().is_some_and(|extension| extension == "md");
            let path = relative(root, entry.path());
            if is_folder && entry.depth() > DEPTH_MAX {
                self.skipped.push(Skipped { path, reason: format!("more than {DEPTH_MAX} folders deep") });
            } else if is_agent && entry.path().to_str().is_none() {
                self.skipped.push(Skipped { path, reason: "its name is not UTF-8".to_owned() });
            } else if is_agent {
                match read_agent(root, entry.path(), &path) {
                    Ok(agent) => self.agents.push(agent),
                    Err(error) => self.skipped.push(Skipped { path, reason: error.to_string() }),
                }
            }
            if self.agents.len() > FILES_MAX {
                return Err(ImportError::TooMany { path: agents.display().to_string(), most: FILES_MAX });
            }
        }
        self.agents.sort_by(|a, b| a.path.cmp(&b.path));
        self.skipped.sort_by(|a, b| (&a.path, &a.reason).cmp(&(&b.path, &b.reason)));
        Ok(())
    }

    /// The agents that can be read, with where they were found.
    pub fn valid(&self) -> impl Iterator<Item = (&AgentSource, &AgentFile)> {
        self.agents.iter().filter_map(|source| source.file.as_ref().ok().map(|file| (source, file)))
    }

    /// Names that stand in more than one file, with these files. Which one a client takes depends on the file system.
    pub fn duplicates(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut paths: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        self.valid().for_each(|(source, file)| paths.entry(&file.name).or_default().push(&source.path));
        paths.retain(|_, paths| paths.len() > 1);
        paths
    }
}

fn read_agent(root: &Path, path: &Path, relative: &str) -> io::Result<AgentSource> {
    let bytes = read_limited(path, AgentFile::LONGEST as u64)?;
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

fn read_config(root: &Path) -> Result<Option<ServerConfig>, ImportError> {
    let wrong = |message: &str| ImportError::Config { place: CONFIG.to_owned(), message: message.to_owned() };
    let bytes = match read_limited(&root.join(CONFIG), ServerConfig::LONGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(&error.to_string())),
    };
    if bytes.len() as u64 > ServerConfig::LONGEST {
        return Err(wrong("longer than 4 MiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("not UTF-8 text"))?;
    ServerConfig::parse(CONFIG, text, sha256(&bytes)).map(Some)
}

/// A regular file's bytes, and not many more than `most`: a longer file is found out by its length, not by filling the memory.
fn read_limited(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unwalked(root: &Path, error: &ignore::Error) -> Skipped {
    // The error names its place in several nested ways; a person wants path and reason.
    fn place(error: &ignore::Error) -> Option<&Path> {
        match error {
            ignore::Error::Loop { child, .. } => Some(child),
            ignore::Error::WithPath { path, .. } => Some(path),
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place(err),
            _ => None,
        }
    }
    fn reason(error: &ignore::Error) -> String {
        match error {
            ignore::Error::Loop { .. } => "a symbolic link that leads back to a folder around it".to_owned(),
            ignore::Error::WithPath { err, .. } | ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
                reason(err)
            }
            other => other.to_string(),
        }
    }
    Skipped { path: place(error).map_or_else(|| AGENTS.to_owned(), |path| relative(root, path)), reason: reason(error) }
}

fn relative(root: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder for the test");
        for (path, bytes) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("within the folder")).expect("created");
            fs::write(path, bytes).expect("written");
        }
        dir
    }

    const AGENT: &[u8] = "---\nname: 비서\ndescription: d\ntools: Read\n---\n본문\n".as_bytes();

    #[test]
    fn a_folder_is_read_in_the_order_of_its_paths() {
        let dir = project(&[
            (".claude/agents/z.md", AGENT),
            (".claude/agents/a/b/c.md", b"no front matter"),
            (".claude/agents/a/.hidden.md", AGENT),
            (".claude/agents/bad.md", b"---\nname: \xff\n---\n"),
            (".claude/agents/notes.txt", AGENT),
            (".claude/agents/.gitignore", b"*.md"),
            (".gitignore", b".claude"),
            (".mcp.json", b"{ \"mcpServers\": {} }"),
            ("README.md", AGENT),
        ]);
        let tree = AgentTree::read(dir.path()).unwrap();
        let found: Vec<(&str, bool)> = tree.agents.iter().map(|agent| (agent.path.as_str(), agent.file.is_ok())).collect();
        let expected = [("a/.hidden.md", true), ("a/b/c.md", false), ("bad.md", false), ("z.md", true)];
        assert_eq!(
            found,
            expected.map(|(path, valid)| (format!("{AGENTS}/{path}"), valid)).iter().map(|(p, v)| (p.as_str(), *v)).collect::<Vec<_>>()
        );
        assert_eq!(tree.duplicates()["비서"], [".claude/agents/a/.hidden.md", ".claude/agents/z.md"]);
        assert_eq!(tree.agents[3].text.as_bytes(), AGENT);
        assert_eq!(tree.config.map(|config| config.servers), Some(Vec::new()));
        assert_eq!(tree.skipped, []);
        // FIPS 180-4's first example.
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_loops_are_not() {
        use std::os::unix::fs::symlink;
        let elsewhere = project(&[("shared.md", AGENT)]);
        let dir = project(&[(".claude/agents/sub/a.md", AGENT), ("inside.md", AGENT)]);
        let agents = dir.path().join(AGENTS);
        symlink(&agents, agents.join("sub/loop")).unwrap();
        symlink("nowhere.md", agents.join("dangling.md")).unwrap();
        symlink(elsewhere.path().join("shared.md"), agents.join("shared.md")).unwrap();
        symlink("../../inside.md", agents.join("inside.md")).unwrap();
        let deep = (0..20).fold(agents.clone(), |path, _| path.join("d"));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("deep.md"), AGENT).unwrap();
        fs::write(agents.join("long.md"), vec![b'x'; AgentFile::LONGEST + 5]).unwrap();

        let tree = AgentTree::read(dir.path()).unwrap();
        let found: Vec<(&str, bool)> = tree.agents.iter().map(|agent| (agent.path.trim_start_matches(AGENTS), agent.outside)).collect();
        assert_eq!(found, [("/inside.md", false), ("/long.md", false), ("/shared.md", true), ("/sub/a.md", false)]);
        assert!(tree.agents[1].file.is_err());
        let skipped: Vec<&str> = tree.skipped.iter().map(|skipped| skipped.path.trim_start_matches(AGENTS)).collect();
        assert_eq!(skipped, [&"/d".repeat(17), "/dangling.md", "/sub/loop"]);
    }

    #[test]
    fn a_folder_that_is_no_project_says_so() {
        let message = |dir: &Path| AgentTree::read(dir).expect_err("no project").to_string().replace(&dir.display().to_string(), "DIR");
        let empty = project(&[("README.md", AGENT)]);
        let broken = project(&[(".claude/agents/a.md", AGENT), (".mcp.json", b"{\n \"mcpServers\": 1,\n}")]);
        let messages = [message(empty.path()), message(&empty.path().join("missing")), message(broken.path())];
        insta::assert_snapshot!("unreadable_folders", messages.join("\n"));
    }
}
