//! How the clients' readers get at files, and where they put what they found.

use std::fs;
use std::io;
use std::path::Path;

use super::project::{Broken, Part};
use super::server_config::{Spelling, read_servers};
use super::walk::{DEPTH_MAX, FILES_MAX, Skipped, Unread, files_below, is_plain, read_limited, sha256};
use super::{AgentDefinition, AgentFile, AgentFileError, Client, FrontMatter, Project, Scope, ServerConfig, ServerEntry, line_of};
use crate::scenario::document::Node;

/// Reads one client's files of one scope into a project.
pub struct Reader<'p> {
    pub client: Client,
    /// Below which the files lie.
    pub root: &'p Path,
    pub scope: Scope,
    /// The project's own folder, which may be another than `root`.
    pub folder: &'p Path,
    pub project: &'p mut Project,
}

/// A file that is text.
pub struct FileText {
    /// As it is named to people.
    pub path: String,
    pub text: String,
    /// Of its bytes, in hex.
    pub sha256: String,
    /// Reached over a symbolic link that leaves the folder.
    pub outside: bool,
}

/// Whether what lies in folders of a folder counts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    Flat,
    Deep,
}

impl<'p> Reader<'p> {
    pub fn new(client: Client, root: &'p Path, scope: Scope, folder: &'p Path, project: &'p mut Project) -> Reader<'p> {
        Reader { client, root, scope, folder, project }
    }

    /// A path as people read it.
    pub fn shown(&self, path: &str) -> String {
        if self.root == self.folder { path.to_owned() } else { format!("~/{path}") }
    }

    /// A file of servers or settings; none where there is none, or where it is no text (which is listed).
    pub fn file(&mut self, path: &str) -> Option<FileText> {
        self.file_up_to(path, ServerConfig::LONGEST)
    }

    pub fn file_up_to(&mut self, path: &str, longest: u64) -> Option<FileText> {
        let shown = self.shown(path);
        if !is_plain(path) {
            self.skip(shown, Unread::ControlCharacter);
            return None;
        }
        let bytes = match read_limited(&self.root.join(path), longest) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return None,
            Err(error) => {
                self.count();
                self.skip(shown, error.into());
                return None;
            }
        };
        self.count();
        if bytes.len() as u64 > longest {
            self.skip(shown, Unread::TooLong { mebibytes: longest >> 20 });
            return None;
        }
        self.text(Part::Config, &self.root.join(path), shown, bytes)
    }

    /// Files of a folder whose names end so, in the order of their paths.
    pub fn folder(&mut self, path: &str, depth: Depth, ending: &str) -> Vec<FileText> {
        let folder = self.root.join(path);
        if !folder.is_dir() {
            return Vec::new();
        }
        let depth = if depth == Depth::Deep { DEPTH_MAX } else { 0 };
        let walked = files_below(self.root, &folder, depth, ending);
        let skipped = walked.skipped.into_iter().map(|skipped| Skipped { path: self.shown(&skipped.path), ..skipped });
        self.project.skipped.extend(skipped.collect::<Vec<_>>());
        if walked.files.len() > FILES_MAX {
            self.too_many(path);
            return Vec::new();
        }
        // Continue keeps a folder of servers where others keep one of agents.
        let part = if self.client == Client::Continue { Part::Config } else { Part::Agent };
        let mut texts = Vec::new();
        for (file, path) in walked.files {
            let shown = self.shown(&path);
            self.count();
            match read_limited(&file, AgentFile::LONGEST as u64) {
                Ok(bytes) if bytes.len() > AgentFile::LONGEST => self.skip(shown, Unread::TooLong { mebibytes: 1 }),
                Ok(bytes) => texts.extend(self.text(part, &file, shown, bytes).filter(|file| !is_readme(&file.path, &file.text))),
                Err(error) => self.skip(shown, error.into()),
            }
        }
        texts
    }

    pub fn too_many(&mut self, path: &str) {
        let path = self.shown(path);
        self.skip(path, Unread::TooManyFiles);
    }

    /// What is not read, by its path as people read it.
    pub fn skip(&mut self, path: String, why: Unread) {
        self.project.skipped.push(Skipped { path, line: None, why });
    }

    fn text(&mut self, part: Part, file: &Path, shown: String, bytes: Vec<u8>) -> Option<FileText> {
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                let error = AgentFile::text_of(&bytes).expect_err("it is not UTF-8");
                self.broken(part, &shown, error);
                return None;
            }
        };
        let outside = !fs::canonicalize(file).is_ok_and(|real| real.starts_with(self.root));
        Some(FileText { path: shown, sha256: sha256(&bytes), text, outside })
    }

    /// One more file of this client.
    pub fn count(&mut self) {
        *self.project.files.entry(self.client).or_default() += 1;
    }

    pub fn broken(&mut self, part: Part, path: &str, error: AgentFileError) {
        self.project.broken.push(Broken { client: self.client, part, path: path.to_owned(), error });
    }

    /// What was read of a part of a file, or its place in the list of broken ones.
    pub fn or_broken<T>(&mut self, part: Part, path: &str, read: Result<T, AgentFileError>) -> Option<T> {
        read.map_err(|error| self.broken(part, path, error)).ok()
    }

    /// The servers of a table of names in a file.
    pub fn add_servers(&mut self, file: &FileText, table: &Node, spelling: &Spelling) {
        let (servers, wrong) = read_servers(&file.text, table, spelling);
        wrong.into_iter().for_each(|error| self.broken(Part::Server, &file.path, error));
        self.add_config(file, self.scope.clone(), servers);
    }

    pub fn add_config(&mut self, file: &FileText, scope: Scope, servers: Vec<ServerEntry>) {
        let config = ServerConfig { client: self.client, scope, path: file.path.clone(), sha256: file.sha256.clone(), servers };
        self.project.configs.push(config);
    }

    pub fn add_agent(&mut self, agent: AgentDefinition) {
        self.project.agents.push(agent);
    }

    /// Names of this client's servers that are known so far.
    pub fn known_servers(&self) -> Vec<String> {
        self.project.configured(self.client).map(|(name, _, _)| name).collect()
    }
}

impl FileText {
    /// The file's name without the first of these endings that it has.
    pub fn stem(&self, endings: &[&str]) -> String {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name).to_owned()
    }
}

/// A README among agents is for people, unless it has what an agent has.
pub fn is_readme(path: &str, text: &str) -> bool {
    path.ends_with("/README.md") && FrontMatter::parse(text).is_err()
}

/// A file's part of an agent's definition.
pub fn defined(reader: &Reader, file: &FileText, name: String) -> AgentDefinition {
    AgentDefinition {
        client: reader.client,
        scope: reader.scope.clone(),
        name,
        path: file.path.clone(),
        line: 1,
        sha256: file.sha256.clone(),
        outside: file.outside,
        is_session: false,
        grant: super::Grant::all(),
        servers: Vec::new(),
        server_names: Vec::new(),
        instructions: String::new(),
        instructions_line: 1,
    }
}

/// An agent whose instructions are the text below its front matter.
pub fn in_markdown(reader: &Reader, file: &FileText, front: &FrontMatter, name: String) -> AgentDefinition {
    AgentDefinition {
        instructions: file.text[front.body.clone()].to_owned(),
        instructions_line: line_of(&file.text, front.body.start),
        ..defined(reader, file, name)
    }
}
