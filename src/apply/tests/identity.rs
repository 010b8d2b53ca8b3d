//! What a file is beside its bytes: whose it is, who may read it, what hangs on it, which names it has.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use super::project::{AUDITOR, COORDINATOR, Project, TRACKER};
use super::*;
use attributes::Attributes;

/// User, group, mode, attributes.
fn identity(path: &Path) -> (u32, u32, u32, Attributes) {
    let meta = fs::metadata(path).unwrap();
    (meta.uid(), meta.gid(), meta.mode() & 0o7777, Attributes::read(path).unwrap())
}

#[test]
fn mode_owner_and_extended_attributes_are_kept() {
    let project = Project::new();
    let [tracker, auditor] = [TRACKER, AUDITOR].map(|path| project.dir().join(path));
    // Only root may give files away, and not every file system keeps attributes: what cannot be set is not lost either.
    let _ = chown(&tracker, Some(1234), Some(2345));
    fs::set_permissions(&tracker, Permissions::from_mode(0o2640)).unwrap();
    fs::set_permissions(&auditor, Permissions::from_mode(0o444)).unwrap();
    let attributes = Attributes([("user.origin".to_owned(), b"a\0b".to_vec()), ("user.empty".to_owned(), Vec::new())].into());
    let _ = attributes.write(&fs::File::open(&tracker).unwrap());
    let before = [identity(&tracker), identity(&auditor)];
    let bytes = project.bytes();

    apply(&project.plan().unwrap(), project.state()).unwrap();
    assert_ne!(project.bytes(), bytes);
    assert_eq!([identity(&tracker), identity(&auditor)], before);

    // What was changed of it since is put back with the bytes.
    fs::set_permissions(&tracker, Permissions::from_mode(0o600)).unwrap();
    project.rollback(None, false).unwrap();
    assert_eq!([identity(&tracker), identity(&auditor)], before);
    assert_eq!(project.bytes(), bytes);
}

#[test]
fn another_name_of_the_file_keeps_the_old_content_and_is_reported() {
    let project = Project::new();
    let other = project.dir().join("other-name");
    fs::hard_link(project.dir().join(TRACKER), &other).unwrap();
    let before = fs::read(&other).unwrap();
    let plan = project.plan().unwrap();
    assert!(plan.warnings.contains(&Warning::HardLinked { path: TRACKER.into() }));
    apply(&plan, project.state()).unwrap();
    assert_eq!(fs::read(&other).unwrap(), before);
    assert_ne!(fs::read(project.dir().join(TRACKER)).unwrap(), before);
}

/// Times too: a second apply does not even rewrite a file with the same bytes.
#[test]
fn applying_twice_is_applying_once() {
    let project = Project::new();
    apply(&project.plan().unwrap(), project.state()).unwrap();
    let [files, records] = [project.dir(), project.state().join("mcplab")].map(|dir| super::project::files_in(&dir));
    let again = project.plan().unwrap();
    assert!(again.is_empty());
    assert_eq!(apply(&again, project.state()).unwrap().id, None);
    assert_eq!(super::project::files_in(&project.dir()), files);
    assert_eq!(super::project::files_in(&project.state().join("mcplab")), records, "no record of nothing");
    assert!(files.contains_key(COORDINATOR));
}
