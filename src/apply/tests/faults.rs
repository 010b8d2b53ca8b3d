//! A fault at every file operation: an error, an error after half a file, a crash. Never a mixture.

use std::cell::Cell;
use std::io;
use std::path::Path;

use super::project::Project;
use super::*;

/// Fails its `at`-th operation, and, after a crash, all that follow.
pub struct Faulty {
    at: usize,
    crashes: bool,
    count: Cell<usize>,
}

impl Faulty {
    pub fn crashing(at: usize) -> Faulty {
        Faulty { at, crashes: true, count: Cell::new(0) }
    }

    pub fn has_failed(&self) -> bool {
        self.count.get() > self.at
    }

    fn check(&self) -> io::Result<()> {
        let now = self.count.replace(self.count.get() + 1);
        let fails = if self.crashes { now >= self.at } else { now == self.at };
        if fails { Err(io::Error::other("injected")) } else { Ok(()) }
    }
}

pub fn faultless() -> Faulty {
    Faulty { at: usize::MAX, crashes: false, count: Cell::new(0) }
}

impl Disk for Faulty {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.check().and_then(|()| RealDisk.create_dir(path))
    }

    fn create(&self, path: &Path, image: &Image) -> io::Result<()> {
        let first_failure = self.count.get() == self.at;
        let checked = self.check();
        if checked.is_err() && first_failure {
            RealDisk.create(path, &image.with_bytes(image.bytes[..image.bytes.len() / 2].to_vec()))?;
        }
        checked.and_then(|()| RealDisk.create(path, image))
    }

    /// Not for real: a fault of this process never loses what the system has taken, and the tests are ten times as fast.
    fn sync(&self, _: &Path) -> io::Result<()> {
        self.check()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check().and_then(|()| RealDisk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.check().and_then(|()| RealDisk.remove(path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.check().and_then(|()| RealDisk.remove_dir(path))
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        self.check().and_then(|()| RealDisk.free(path))
    }
}

/// Counts the cases in which the files ended as before, and as after.
fn fault_everywhere(
    crashes: bool,
    act: impl Fn(&Project, &dyn Disk) -> Result<(), ApplyError>,
    prepare: impl Fn(&Project),
) -> (usize, usize) {
    let whole = Project::new();
    prepare(&whole);
    act(&whole, &faultless()).unwrap();
    let goal = whole.bytes();

    let mut counts = (0, 0);
    for at in 0.. {
        let project = Project::new();
        prepare(&project);
        let before = project.files();
        let faulty = Faulty { at, crashes, count: Cell::new(0) };
        let result = act(&project, &faulty);
        if faulty.count.get() <= at {
            result.unwrap();
            return counts;
        }
        let error = result.expect_err("a fault is never passed over");
        if !crashes && !matches!(error, ApplyError::NotClosed { .. } | ApplyError::Stuck { .. }) {
            assert_eq!(project.files(), before, "fault {at}: {error}");
        }
        recover_on(&faultless(), &project.dir(), project.state(), false).unwrap();
        assert_eq!(recover_on(&faultless(), &project.dir(), project.state(), false).unwrap(), None, "what is cleared up stays so");
        let now = project.files();
        if now == before {
            counts.0 += 1;
        } else {
            assert_eq!(project.bytes(), goal, "fault {at}: {error}");
            counts.1 += 1;
        }
        // Whatever happened, the same command works now.
        if now == before {
            act(&project, &faultless()).unwrap();
            assert_eq!(project.bytes(), goal);
        }
    }
    unreachable!("an action has finitely many operations")
}

fn apply_planned(project: &Project, disk: &dyn Disk) -> Result<(), ApplyError> {
    apply_on(disk, &project.plan()?, project.state()).map(|_| ())
}

fn apply_first(project: &Project) {
    apply_planned(project, &faultless()).unwrap();
}

pub fn roll_back(project: &Project, disk: &dyn Disk) -> Result<(), ApplyError> {
    rollback::rollback_on(disk, &project.dir(), project.state(), None, false).map(|_| ())
}

#[test]
fn an_apply_that_fails_changes_nothing() {
    let (before, after) = fault_everywhere(false, apply_planned, |_| {});
    assert!(before > 20 && after > 0, "{before} {after}");
}

#[test]
fn an_apply_that_crashes_is_finished_or_undone() {
    let (before, after) = fault_everywhere(true, apply_planned, |_| {});
    assert!(before > 20 && after > 0, "{before} {after}");
}

#[test]
fn a_rollback_that_fails_or_crashes_too() {
    for crashes in [false, true] {
        let (before, after) = fault_everywhere(crashes, roll_back, apply_first);
        assert!(before > 10 && after > 0, "{before} {after}");
    }
}

/// The last but one rename is lost, as by a crash: two files are written, one is not.
fn interrupted() -> Project {
    let project = Project::new();
    let before = project.bytes();
    apply_first(&project);
    let action = status(&project.dir(), project.state(), None).unwrap().actions[0].id.clone();
    let store = Store::new(project.state(), &project.plan().unwrap().tree);
    std::fs::remove_file(store.action_folder(&action).join("outcome")).unwrap();
    std::fs::write(project.dir().join(super::project::AUDITOR), &before[super::project::AUDITOR]).unwrap();
    project
}

#[test]
fn the_next_command_clears_up_after_a_crash() {
    let project = interrupted();
    assert_eq!(project.status().summary, Summary::Interrupted { id: "0001".into() });
    assert!(matches!(project.plan(), Err(ApplyError::Interrupted { .. })));
    let recovered = recover(&project.dir(), project.state(), false).unwrap();
    assert_eq!(recovered, Some(Recovered { id: "0001".into(), outcome: RecoveryOutcome::Undone }));
    assert_eq!(project.bytes(), Project::new().bytes());
    assert_eq!(project.status().summary, Summary::Untouched);
    assert_eq!(apply(&project.plan().unwrap(), project.state()).unwrap().id.as_deref(), Some("0002"));
}

#[test]
fn a_rollback_of_an_interrupted_apply_undoes_it() {
    for id in [None, Some("1")] {
        let project = interrupted();
        let rolled_back = project.rollback(id, false).unwrap();
        assert_eq!((rolled_back.id, rolled_back.of.as_str()), (None, "0001"));
        assert_eq!(project.bytes(), Project::new().bytes());
    }
}

#[test]
fn an_edit_after_a_crash_is_not_lost() {
    let project = interrupted();
    project.append(TRACKER, "mine\n");
    let edited = project.bytes();
    assert!(matches!(recover(&project.dir(), project.state(), false), Err(ApplyError::RecoveryBlocked { path, .. }) if path == TRACKER));
    assert_eq!(project.bytes(), edited);
    recover(&project.dir(), project.state(), true).unwrap();
    assert_eq!(project.bytes(), Project::new().bytes());
    let kept = Store::new(project.state(), &project.plan().unwrap().tree).action_folder("0001").join("edited");
    let kept: Vec<Vec<u8>> = std::fs::read_dir(kept).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    assert_eq!(kept, [edited[TRACKER].clone()]);
}

#[test]
fn a_full_disk_is_noticed_first() {
    struct Full;
    impl Disk for Full {
        fn create_dir(&self, path: &Path) -> io::Result<()> {
            RealDisk.create_dir(path)
        }
        fn create(&self, path: &Path, image: &Image) -> io::Result<()> {
            RealDisk.create(path, image)
        }
        fn sync(&self, path: &Path) -> io::Result<()> {
            RealDisk.sync(path)
        }
        fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
            panic!("nothing is written to a full disk")
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            RealDisk.remove(path)
        }
        fn remove_dir(&self, path: &Path) -> io::Result<()> {
            RealDisk.remove_dir(path)
        }
        fn free(&self, _: &Path) -> io::Result<u64> {
            Ok(1 << 20)
        }
    }
    let project = Project::new();
    let result = apply_on(&Full, &project.plan().unwrap(), project.state());
    assert!(matches!(result, Err(ApplyError::NoSpace { free, .. }) if free == 1 << 20));
    assert_eq!(project.status().summary, Summary::Untouched);
}
