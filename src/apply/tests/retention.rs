//! Backups are kept: the first of every file for ever, whatever is pruned and whenever that is interrupted.

use super::faults::{Faulty, faultless};
use super::*;
use crate::apply::retention::prune_on;
use project::Project;

/// Apply, back, apply, back, apply: five actions.
fn five() -> Project {
    let project = Project::new();
    for _ in 0..2 {
        apply_on(&faultless(), &project.plan().unwrap(), project.state()).unwrap();
        faults::roll_back(&project, &faultless()).unwrap();
    }
    apply_on(&faultless(), &project.plan().unwrap(), project.state()).unwrap();
    project
}

fn retentions(project: &Project) -> Vec<(String, Retention)> {
    backups(&project.dir(), project.state()).unwrap().into_iter().map(|backup| (backup.id, backup.retention)).collect()
}

fn expected(retentions: [Retention; 5]) -> Vec<(String, Retention)> {
    retentions.into_iter().enumerate().map(|(index, retention)| (format!("{:04}", index + 1), retention)).collect()
}

#[test]
fn the_first_backup_of_a_file_is_kept_for_ever() {
    use Retention::{ForEver, Kept, Pruned};
    let project = five();
    let original = Project::new().bytes();
    assert_eq!(retentions(&project), expected([ForEver, Kept, Kept, Kept, Kept]));
    assert_eq!(preview_prune(&project.dir(), project.state(), 1).unwrap().len(), 3);
    let pruned = prune(&project.dir(), project.state(), 1).unwrap();
    assert_eq!(pruned.iter().map(|backup| backup.id.as_str()).collect::<Vec<_>>(), ["0002", "0003", "0004"]);
    assert!(pruned.iter().all(|backup| backup.bytes > 0));
    assert_eq!(retentions(&project), expected([ForEver, Pruned, Pruned, Pruned, Kept]));
    let folder = Store::new(project.state(), &project.plan().unwrap().tree).action_folder("0001");
    let kept = archive::unpack(&std::fs::read(folder.join("before.tar")).unwrap()).unwrap();
    for path in [super::project::COORDINATOR, TRACKER, super::project::AUDITOR] {
        assert_eq!(kept[path], original[path]);
    }
    project.rollback(None, false).unwrap();
    assert_eq!(project.bytes(), original);
    apply(&project.plan().unwrap(), project.state()).unwrap();
    prune(&project.dir(), project.state(), 0).unwrap();
    assert_eq!(retentions(&project)[0], ("0001".into(), ForEver));
    assert!(matches!(project.rollback(None, true), Err(ApplyError::Pruned { id }) if id == "0007"));
}

#[test]
fn an_interrupted_prune_leaves_nothing_half() {
    for at in 0.. {
        let project = five();
        let faulty = Faulty::crashing(at);
        let result = prune_on(&faulty, &project.dir(), project.state(), 1);
        if !faulty.has_failed() {
            assert_eq!(result.unwrap().len(), 3);
            assert!(at > 5, "{at}");
            return;
        }
        result.expect_err("a fault is never passed over");
        let store = Store::new(project.state(), &project.plan().unwrap().tree);
        for action in store.actions().unwrap().iter().filter(|action| !action.pruned) {
            (0..action.manifest.changes.len()).for_each(|change| drop(store.before(&action.manifest, change).unwrap()));
        }
        prune_on(&faultless(), &project.dir(), project.state(), 1).unwrap();
        assert_eq!(backups(&project.dir(), project.state()).unwrap().iter().filter(|backup| backup.bytes == 0).count(), 3);
    }
}
