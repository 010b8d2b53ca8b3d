//! A power cut at every file operation. The disk forgets what was not synced: of a file's bytes all, half or none are left, and
//! of a folder's changes since its last sync any are lost. That is more than file systems do (Pillai et al., "All File Systems
//! Are Not Created Equal", OSDI 2014), so what holds here holds on them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use disk::Disk;

/// How a cut treats what was not synced.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Lost,
    Kept,
    /// New names are there, the bytes behind them are not: what ext4 was known for.
    NamesOnly,
    HalfBytes,
    /// Each by its own luck.
    Mixed(u64),
}

const FATES: [Fate; 6] = [Fate::Lost, Fate::Kept, Fate::NamesOnly, Fate::HalfBytes, Fate::Mixed(1), Fate::Mixed(2)];

impl Fate {
    fn keeps_name(self, change: usize) -> bool {
        match self {
            Fate::Lost => false,
            Fate::Kept | Fate::NamesOnly | Fate::HalfBytes => true,
            Fate::Mixed(seed) => luck(seed, change).is_multiple_of(2),
        }
    }

    fn bytes(self, node: usize, bytes: &[u8]) -> &[u8] {
        let kept = match self {
            Fate::Lost | Fate::NamesOnly => 0,
            Fate::Kept => 2,
            Fate::HalfBytes => 1,
            Fate::Mixed(seed) => luck(!seed, node) % 3,
        };
        &bytes[..bytes.len() * kept as usize / 2]
    }
}

/// SplitMix64 (Steele, Lea & Flood, 2014).
fn luck(seed: u64, number: usize) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Everything under the machine's root; None: a folder.
type Files = BTreeMap<PathBuf, Option<Vec<u8>>>;

enum Operation {
    CreateDir(PathBuf),
    Create(PathBuf, Vec<u8>),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// Does everything for real but syncing, and keeps a record of it.
#[derive(Default)]
struct Recorder {
    operations: RefCell<Vec<Operation>>,
}

impl Recorder {
    fn note<T>(&self, done: io::Result<T>, operation: Operation) -> io::Result<T> {
        if done.is_ok() {
            self.operations.borrow_mut().push(operation);
        }
        done
    }
}

impl Disk for Recorder {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.note(RealDisk.create_dir(path), Operation::CreateDir(path.into()))
    }

    fn create(&self, path: &Path, image: &Image) -> io::Result<()> {
        self.note(RealDisk.create(path, image), Operation::Create(path.into(), image.bytes.clone()))
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        self.note(path.metadata().map(|_| ()), Operation::Sync(path.into()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        assert_eq!(from.parent(), to.parent(), "a rename between folders is not atomic");
        self.note(RealDisk.rename(from, to), Operation::Rename(from.into(), to.into()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.note(RealDisk.remove(path), Operation::Remove(path.into()))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.note(RealDisk.remove_dir(path), Operation::Remove(path.into()))
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free(path)
    }
}

#[derive(Clone)]
enum Node {
    Folder { entries: BTreeMap<String, usize>, durable: BTreeMap<String, usize>, pending: Vec<(usize, Change)> },
    File { bytes: Vec<u8>, synced: bool },
}

#[derive(Clone)]
enum Change {
    Add(String, usize),
    Remove(String),
    Rename(String, String, usize),
}

impl Change {
    fn make(&self, entries: &mut BTreeMap<String, usize>) {
        match self {
            Change::Add(name, node) => drop(entries.insert(name.clone(), *node)),
            Change::Remove(name) => drop(entries.remove(name)),
            Change::Rename(from, to, node) => {
                entries.remove(from);
                entries.insert(to.clone(), *node);
            }
        }
    }
}

/// What the disk knows, and what only the memory does. Node 0 is the root.
#[derive(Clone)]
struct Memory {
    nodes: Vec<Node>,
    changes: usize,
}

impl Memory {
    fn of(files: &Files) -> Memory {
        let mut memory = Memory { nodes: vec![Memory::folder()], changes: 0 };
        for (path, bytes) in files {
            let node = bytes.as_ref().map_or_else(Memory::folder, |bytes| Node::File { bytes: bytes.clone(), synced: true });
            memory.add(path, node);
        }
        for node in &mut memory.nodes {
            if let Node::Folder { entries, durable, pending } = node {
                durable.clone_from(entries);
                pending.clear();
            }
        }
        memory
    }

    fn folder() -> Node {
        Node::Folder { entries: BTreeMap::new(), durable: BTreeMap::new(), pending: Vec::new() }
    }

    fn find(&self, path: &Path) -> usize {
        let names = path.components().map(|c| c.as_os_str().to_str().unwrap());
        names.fold(0, |at, name| match &self.nodes[at] {
            Node::Folder { entries, .. } => entries[name],
            Node::File { .. } => panic!("{} is below a file", path.display()),
        })
    }

    fn change(&mut self, folder: &Path, change: Change) {
        let (number, at) = (self.changes, self.find(folder));
        self.changes += 1;
        let Node::Folder { entries, pending, .. } = &mut self.nodes[at] else { panic!("{} is a file", folder.display()) };
        change.make(entries);
        pending.push((number, change));
    }

    fn add(&mut self, path: &Path, node: Node) {
        self.nodes.push(node);
        self.change(path.parent().unwrap(), Change::Add(name(path), self.nodes.len() - 1));
    }

    fn run(&mut self, operation: &Operation, root: &Path) {
        let inside = |path: &Path| path.strip_prefix(root).unwrap().to_owned();
        match operation {
            Operation::CreateDir(path) => self.add(&inside(path), Memory::folder()),
            Operation::Create(path, bytes) => self.add(&inside(path), Node::File { bytes: bytes.clone(), synced: false }),
            Operation::Rename(from, to) => {
                let (from, to) = (inside(from), inside(to));
                let node = self.find(&from);
                self.change(from.parent().unwrap(), Change::Rename(name(&from), name(&to), node));
            }
            Operation::Remove(path) => self.change(inside(path).parent().unwrap(), Change::Remove(name(path))),
            Operation::Sync(path) => {
                let at = self.find(&inside(path));
                match &mut self.nodes[at] {
                    Node::File { synced, .. } => *synced = true,
                    Node::Folder { entries, durable, pending } => {
                        durable.clone_from(entries);
                        pending.clear();
                    }
                }
            }
        }
    }

    /// What is found after a power cut.
    fn left(&self, fate: Fate) -> Files {
        let mut files = Files::new();
        let mut folders = vec![(PathBuf::new(), 0)];
        while let Some((path, at)) = folders.pop() {
            let Node::Folder { durable, pending, .. } = &self.nodes[at] else { unreachable!("only folders are put there") };
            let mut entries = durable.clone();
            pending.iter().filter(|(number, _)| fate.keeps_name(*number)).for_each(|(_, change)| change.make(&mut entries));
            for (name, node) in entries {
                let path = path.join(name);
                match &self.nodes[node] {
                    Node::Folder { .. } => {
                        files.insert(path.clone(), None);
                        folders.push((path, node));
                    }
                    Node::File { bytes, synced } => {
                        let kept = if *synced { bytes } else { fate.bytes(node, bytes) };
                        files.insert(path, Some(kept.to_vec()));
                    }
                }
            }
        }
        files
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// A machine with a project of 20 agents and mcplab's state.
struct Machine {
    folder: TempDir,
}

/// The lock is no part of what a cut leaves: it is taken by the open file, not by what is in it.
fn is_lock(path: &Path) -> bool {
    path.ends_with("lock")
}

impl Machine {
    fn new() -> Machine {
        // In memory where there is such a place: nothing here is about the real disk.
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        let machine = Machine { folder };
        fs::create_dir(machine.root().join("state")).unwrap();
        for number in 0..19 {
            let path = machine.dir().join(agent(number));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text(number, "before")).unwrap();
        }
        machine
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn dir(&self) -> PathBuf {
        self.root().join("project")
    }

    fn state(&self) -> PathBuf {
        self.root().join("state")
    }

    /// 19 files change, one is new.
    fn plan(&self) -> Plan {
        let change = |number: usize| FileChange {
            path: agent(number),
            agents: vec![format!("agent-{number}")],
            before: (number < 19).then(|| text(number, "before").into_bytes()),
            after: text(number, "after, and longer than it was").into_bytes(),
        };
        Plan {
            tree: Tree::open(&self.dir()).unwrap(),
            files: (0..20).map(change).collect(),
            grants: Vec::new(),
            warnings: Vec::new(),
            seen: BTreeMap::new(),
            mapping_sha256: "1".repeat(64),
            title: "twenty".into(),
            scenario: "twenty".into(),
            origin: Origin::default(),
            part: None,
        }
    }

    fn files(&self) -> Files {
        let root = self.root();
        let mut files = Files::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let path = entry.path();
                let is_dir = entry.file_type().unwrap().is_dir();
                if !is_lock(&path) {
                    files.insert(path.strip_prefix(&root).unwrap().to_owned(), (!is_dir).then(|| fs::read(&path).unwrap()));
                }
                if is_dir {
                    folders.push(path);
                }
            }
        }
        files
    }

    /// Starts again with these files.
    fn boot(&self, files: &Files) {
        let (root, now) = (self.root(), self.files());
        for path in now.keys().filter(|path| !files.contains_key(*path)) {
            let path = root.join(path);
            // Their folder may be gone already.
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        for (path, bytes) in files.iter().filter(|(path, bytes)| now.get(*path) != Some(bytes)) {
            let path = root.join(path);
            match bytes {
                Some(bytes) => {
                    fs::write(&path, bytes).unwrap();
                    let mode = if path.starts_with(self.dir()) { 0o644 } else { 0o600 };
                    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
                }
                None => DirBuilder::new().recursive(true).mode(0o700).create(&path).unwrap(),
            }
        }
    }

    /// Runs an action and returns the record of it.
    fn record<T>(&self, act: impl FnOnce(&dyn Disk) -> Result<T, ApplyError>) -> (T, Vec<Operation>) {
        let recorder = Recorder::default();
        let done = act(&recorder).unwrap();
        (done, recorder.operations.into_inner())
    }

    fn recover(&self, disk: &dyn Disk) -> Result<Option<Recovered>, ApplyError> {
        recover_on(disk, &self.dir(), &self.state(), false)
    }
}

fn agent(number: usize) -> String {
    format!(".claude/agents/{}agent-{number}.md", ["", "a/", "b/"][number % 3])
}

fn text(number: usize, content: &str) -> String {
    format!("---\nname: agent-{number}\ndescription: 하나\ntools: Read\n---\n{content} {number}\n")
}

fn of_project(files: &Files) -> Files {
    files.iter().filter(|(path, _)| path.starts_with("project")).map(|(path, bytes)| (path.clone(), bytes.clone())).collect()
}

/// Cuts the power after each operation, lets the next command clear up, and cuts it there again.
fn cut_everywhere(machine: &Machine, act: impl Fn(&Machine, &dyn Disk)) {
    let start = machine.files();
    let ((), operations) = machine.record(|disk| {
        act(machine, disk);
        Ok(())
    });
    let (before, after) = (of_project(&start), of_project(&machine.files()));
    assert_ne!(before, after);
    let root = &machine.root();
    let mut counts = [0, 0];
    let mut memory = Memory::of(&start);
    for cut in 0..=operations.len() {
        let mut seen: Vec<Files> = Vec::new();
        for (number, fate) in FATES.into_iter().enumerate() {
            let left = memory.left(fate);
            if seen.contains(&left) {
                continue;
            }
            let whole = |what: &str| {
                let now = of_project(&machine.files());
                assert!(now == before || now == after, "cut after operation {cut}, {fate:?}, {what}: {:#?}", changes(&before, &now));
                now == after
            };
            machine.boot(&left);
            let (_, clearing) = machine.record(|disk| machine.recover(disk));
            let is_after = whole("cleared up");
            counts[usize::from(is_after)] += 1;
            assert!(is_after || cut < operations.len(), "what a command has reported as done is done, {fate:?}");
            // Once more while it is cleared up; and what was reported as cleared up stays so. Where nothing was lost it may as well
            // have been a kill -9, after which the memory goes on.
            let again = if number % 2 == cut % 2 { clearing.len() } else { (cut * 7 + number * 3) % (clearing.len() + 1) };
            let mut second = if matches!(fate, Fate::Kept) { memory.clone() } else { Memory::of(&left) };
            clearing[..again].iter().for_each(|operation| second.run(operation, root));
            machine.boot(&second.left(FATES[(cut + number) % FATES.len()]));
            machine.recover(&Recorder::default()).unwrap();
            let again_after = whole(&format!("cleared up twice, the second time after operation {again}"));
            assert!(again < clearing.len() || again_after == is_after);
            assert_eq!(machine.recover(&Recorder::default()).unwrap(), None, "what is cleared up stays so");
            seen.push(left);
        }
        if let Some(operation) = operations.get(cut) {
            memory.run(operation, root);
        }
    }
    assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
}

/// For messages.
fn changes(before: &Files, now: &Files) -> Vec<String> {
    let text = |files: &Files, path| files.get(path).map(|bytes| bytes.as_ref().map(|b| String::from_utf8_lossy(b).into_owned()));
    let mut paths: Vec<&PathBuf> = before.keys().chain(now.keys()).filter(|path| before.get(*path) != now.get(*path)).collect();
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| format!("{}: {:?} -> {:?}", path.display(), text(before, path), text(now, path))).collect()
}

#[test]
fn an_apply_outlives_a_power_cut_at_every_operation() {
    let machine = Machine::new();
    let plan = machine.plan();
    cut_everywhere(&machine, |machine, disk| drop(apply_on(disk, &plan, &machine.state()).unwrap()));
}

#[test]
fn so_does_a_rollback() {
    let machine = Machine::new();
    apply_on(&Recorder::default(), &machine.plan(), &machine.state()).unwrap();
    cut_everywhere(&machine, |machine, disk| drop(rollback::rollback_on(disk, &machine.dir(), &machine.state(), None, false).unwrap()));
}
