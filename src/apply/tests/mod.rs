//! Whole applies on small projects in temporary folders.

mod clients;
mod faults;
mod holder;
mod identity;
mod parts;
mod power;
mod project;
mod reference;
mod refusals;
mod retention;
mod shown;
mod standing;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;
use project::{COORDINATOR, Project, REVIEWER, TRACKER};

#[test]
fn what_is_applied_and_rolled_back_is_as_before() {
    let project = Project::new();
    let old = UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    for path in [TRACKER, REVIEWER] {
        fs::File::open(project.dir().join(path)).unwrap().set_modified(old).unwrap();
    }
    fs::set_permissions(project.dir().join(TRACKER), fs::Permissions::from_mode(0o640)).unwrap();
    let before = project.files();
    assert_eq!(project.status().summary, Summary::Untouched);

    let plan = project.plan().unwrap();
    assert_eq!(project.files(), before, "planning writes nothing");
    let applied = apply(&plan, project.state()).unwrap();
    assert_eq!(applied.id.as_deref(), Some("0001"));
    let after = project.files();
    let changed: Vec<&String> = before.keys().filter(|path| before[*path] != after[*path]).collect();
    assert_eq!(
        changed,
        [".claude/agents/agent-coordinator.md", ".claude/agents/execution-tracker.md", ".claude/agents/security/auditor.md"]
    );
    assert_eq!(changed, applied.files.iter().collect::<Vec<_>>());
    assert_eq!(after[TRACKER].mode, 0o640);
    assert_eq!(after.len(), before.len(), "no file beside the originals");
    assert_eq!(project.status().summary, Summary::Applied { id: "0001".into() });

    let again = project.plan().unwrap();
    assert!(again.is_empty());
    assert_eq!(apply(&again, project.state()).unwrap().id, None);
    assert_eq!(project.files(), after);

    let rolled_back = project.rollback(None, false).unwrap();
    assert_eq!((rolled_back.id.as_deref(), rolled_back.of.as_str()), (Some("0002"), "0001"));
    assert_eq!(project.files(), before, "bytes, modes and times");
    assert_eq!(project.status().summary, Summary::AsBefore);
    assert!(matches!(project.rollback(None, false), Err(ApplyError::NothingApplied)));
    assert!(!project.plan().unwrap().is_empty(), "the same mapping can be applied again");
}

#[test]
fn a_rollback_can_be_rolled_back() {
    let project = Project::new();
    let before = project.bytes();
    apply(&project.plan().unwrap(), project.state()).unwrap();
    let applied = project.bytes();
    project.rollback(Some("1"), false).unwrap();
    project.rollback(Some("0002"), false).unwrap();
    assert_eq!(project.bytes(), applied);
    assert_eq!(project.status().summary, Summary::Applied { id: "0001".into() });
    assert!(matches!(project.rollback(Some("2"), false), Err(ApplyError::RolledBack { by, .. }) if by == "0003"));
    project.rollback(None, false).unwrap();
    assert_eq!(project.bytes(), before);
    assert!(
        matches!(project.rollback(Some("9"), false), Err(ApplyError::UnknownAction { known, .. }) if known == "0001, 0002, 0003, 0004")
    );
}

#[test]
fn an_edit_since_the_apply_stops_the_rollback() {
    let project = Project::new();
    let before = project.bytes();
    apply(&project.plan().unwrap(), project.state()).unwrap();
    project.append(TRACKER, "A line of mine.\n");
    let status = project.status();
    assert_eq!(status.summary, Summary::Drifted);
    let drifted: Vec<&str> = status.files.iter().filter(|f| f.state == FileState::Drifted).map(|f| f.path.as_str()).collect();
    assert_eq!(drifted, [TRACKER]);

    let edited = project.bytes();
    assert!(matches!(project.rollback(None, false), Err(ApplyError::Edited { paths, .. }) if paths == [TRACKER]));
    assert_eq!(project.bytes(), edited);
    project.rollback(None, true).unwrap();
    assert_eq!(project.bytes(), before);
    // The edit is not lost: the rollback can itself be taken back.
    project.rollback(Some("0002"), false).unwrap();
    assert_eq!(project.bytes(), edited);
}

#[test]
fn a_later_apply_is_rolled_back_first() {
    let project = Project::new();
    let before = project.bytes();
    apply(&project.plan().unwrap(), project.state()).unwrap();
    // As after a new import: the scenario has no hashes, and states the grants of the first mapping.
    let mut second = project.second_mapping();
    second.scenario = second.scenario_by_hand();
    apply(&second.plan_in(&project).unwrap(), project.state()).unwrap();
    assert_eq!(project.status().summary, Summary::Applied { id: "0002".into() });
    assert!(matches!(project.rollback(Some("1"), false), Err(ApplyError::Covered { later, .. }) if later == "0002"));
    project.rollback(None, false).unwrap();
    assert_eq!(project.status().summary, Summary::Applied { id: "0001".into() });
    project.rollback(None, false).unwrap();
    assert_eq!(project.bytes(), before);
}

#[test]
fn backups_are_private_and_whole() {
    let project = Project::new();
    let before = project.bytes();
    let applied = apply(&project.plan().unwrap(), project.state()).unwrap();
    let mut contents = Vec::new();
    let mut folders = vec![project.state().join("mcplab")];
    while let Some(folder) = folders.pop() {
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
                let bytes = fs::read(&path).unwrap();
                if path.extension().is_some_and(|extension| extension == "tar") {
                    contents.extend(archive::unpack(&bytes).unwrap().into_values());
                }
            }
        }
    }
    for (path, bytes) in before.iter().filter(|(path, _)| *path != "README.md") {
        assert!(contents.contains(bytes), "{path} is backed up");
    }
    let manifest = fs::read_to_string(applied.backup.join("manifest.json")).unwrap();
    assert!(!manifest.contains(project::SECRET));
}

#[test]
fn a_tampered_backup_is_not_used() {
    let project = Project::new();
    let applied = apply(&project.plan().unwrap(), project.state()).unwrap();
    let after = project.files();
    let backups = applied.backup.join("before.tar");
    let whole = fs::read_to_string(&backups).unwrap();
    fs::write(&backups, whole.replace("Read", "Bash")).unwrap();
    assert!(matches!(project.rollback(None, true), Err(ApplyError::State { .. })));
    assert_eq!(project.files(), after);
    fs::write(&backups, "junk").unwrap();
    assert!(matches!(project.rollback(None, true), Err(ApplyError::State { message, .. }) if message.contains("damaged")));
    assert_eq!(project.files(), after);
    fs::write(&backups, whole).unwrap();
    let manifest = applied.backup.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace(TRACKER, "../outside.md")).unwrap();
    assert!(matches!(project.rollback(None, true), Err(ApplyError::Refused(_))));
    assert_eq!(project.files(), after);
}

#[test]
fn a_linked_file_stays_a_link() {
    let project = Project::new();
    let (link, real) = (project.dir().join(TRACKER), project.dir().join("elsewhere/tracker.md"));
    fs::create_dir(project.dir().join("elsewhere")).unwrap();
    fs::rename(&link, &real).unwrap();
    symlink("../../elsewhere/tracker.md", &link).unwrap();
    let before = fs::read(&real).unwrap();
    let applied = apply(&project.plan().unwrap(), project.state()).unwrap();
    assert!(applied.files.contains(&"elsewhere/tracker.md".to_owned()));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_ne!(fs::read(&real).unwrap(), before);
    assert!(project.plan().unwrap().is_empty());
    project.rollback(None, false).unwrap();
    assert_eq!(fs::read(&real).unwrap(), before);
}

#[test]
fn a_missing_server_comes_with_the_mapping_and_goes_with_the_rollback() {
    let mut project = Project::new();
    project.write(".mcp.json", &project::CONFIG_TEXT.replace("supabase", "another"));
    project.rehash();
    project.carry_entry();
    let before = project.files();
    let plan = project.plan().unwrap();
    assert_eq!(plan.files[0].path, ".mcp.json", "a server is configured before it is granted");
    assert!(!plan.diff().contains(project::SECRET));
    apply(&plan, project.state()).unwrap();
    assert!(project.plan().unwrap().is_empty());
    project.rollback(None, false).unwrap();
    assert_eq!(project.files(), before);

    // Also where there was no config at all.
    fs::remove_file(project.dir().join(".mcp.json")).unwrap();
    project.rehash();
    let before = project.files();
    apply(&project.plan().unwrap(), project.state()).unwrap();
    assert!(project.dir().join(".mcp.json").exists());
    project.rollback(None, false).unwrap();
    assert_eq!(project.files(), before);
}

#[test]
fn a_mapping_file_is_applied() {
    let mut project = Project::new();
    project.write(".mcp.json", &project::CONFIG_TEXT.replace("supabase", "another"));
    project.rehash();
    let text = format!(
        "format = 1\nscenario = \"small\"\n[agents.reviewer]\n[agents.execution-tracker]\nstate = \"supabase\"\n[files]\n\"{TRACKER}\" = \"{}\"\n\
         [servers.supabase]\ncommand = \"npx\"\nenv = {{ TOKEN = \"${{TOKEN}}\" }}\n[evidence]\nverdict = \"improves\"\n",
        crate::import::sha256(&project.bytes()[TRACKER])
    );
    let mut file = crate::mapping::file::parse("m.toml", &text, &project.decided.scenario)
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    let unsealed = Decision::from_file(&file, &text, &project.decided.scenario);
    assert_eq!(unsealed.verdict, None, "a verdict written by hand");
    crate::mapping::seal::seal(&mut file, &project.decided.scenario);
    let decision = Decision::from_file(&file, &text, &project.decided.scenario);
    let planned = |permit| plan(&project.dir(), project.state(), &project.decided.scenario, &decision, permit);
    assert!(matches!(planned(Permit::default()), Err(ApplyError::Refused(reasons)) if matches!(reasons[..], [Refusal::OnlyImproves])));
    let plan = planned(Permit { allow_unvalidated: true, ..Permit::default() }).unwrap();
    assert_eq!(plan.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), [".mcp.json", TRACKER]);
    assert!(plan.files[0].diff().contains("+      \"command\": \"npx\",\n+      \"env\": {\n+        \"TOKEN\": \"${TOKEN}\"\n"));
}

#[test]
fn one_at_a_time() {
    let project = Project::new();
    let plan = project.plan().unwrap();
    let store = Store::new(project.state(), &plan.tree);
    let lock = store.lock(&RealDisk, &plan.tree, "apply").unwrap();
    match apply(&plan, project.state()) {
        Err(ApplyError::Locked { holder: Some(holder), .. }) => {
            assert_eq!((holder.process, holder.command.as_str()), (std::process::id(), "apply"));
        }
        other => panic!("{other:?}"),
    }
    drop(lock);
    apply(&plan, project.state()).unwrap();
}

/// A process that starts elsewhere holds copies of all open files for a moment, that of the lock too.
#[test]
fn the_lock_ends_with_its_holder_whatever_starts_meanwhile() {
    let project = Project::new();
    let tree = project.plan().unwrap().tree;
    let store = Store::new(project.state(), &tree);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = std::process::Command::new("true").status();
            }
        });
        let failed = (0..500).find_map(|_| store.lock(&faults::faultless(), &tree, "apply").err());
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(failed.is_none(), "{failed:?}");
    });
}

#[test]
fn a_file_changed_after_the_plan_stops_the_apply() {
    let project = Project::new();
    let plan = project.plan().unwrap();
    project.append(COORDINATOR, "later\r\n");
    let before = project.files();
    assert!(matches!(apply(&plan, project.state()), Err(ApplyError::Stale { path }) if path == COORDINATOR));
    assert_eq!(project.files(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_tools_come_back_to_the_byte(
        others in prop::collection::btree_set(prop_oneof!["[A-Z][a-z]{2,6}", "mcp__o[a-z]{2,5}(__\\*)?", "mcp__o[a-z]{2,5}__[a-z]{1,5}"], 0..5),
        spelling in prop_oneof![Just("mcp__filesystem"), Just("mcp__filesystem__*"), Just("mcp__filesystem__read_file")],
        style in 0..5usize,
        newline in prop_oneof![Just("\n"), Just("\r\n")],
        place in 0..5usize,
    ) {
        let mut tools: Vec<&str> = others.iter().map(String::as_str).collect();
        tools.extend(["mcp__memory__*", "mcp__time"]);
        tools.insert(place.min(tools.len()), spelling);
        let lines = match style {
            0 => format!("tools: {}\n", tools.join(", ")),
            1 => format!("tools: \"{}\"\n", tools.join(",")),
            2 => format!("tools: [{}]\n", tools.join(", ")),
            3 => format!("tools:\n{}", tools.iter().map(|tool| format!("  - '{tool}'\n")).collect::<String>()),
            _ => format!("tools: {}\n", tools.join(" ")),
        };
        let mut project = Project::new();
        project.write(TRACKER, &format!("---\nname: execution-tracker\ndescription: 기록 📋\n{lines}---\n본문\n").replace('\n', newline));
        project.rehash();
        let before = project.bytes();
        let plan = project.plan().map_err(|error| TestCaseError::fail(error.to_string()))?;
        let grants = plan.grants.iter().find(|grants| grants.agent == "execution-tracker").expect("its need moves");
        prop_assert_eq!(&grants.lost, &[spelling.to_owned()]);
        prop_assert_eq!(&grants.gained, &["mcp__supabase__*".to_owned()]);
        apply_on(&faults::faultless(), &plan, project.state()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(project.plan().unwrap().is_empty());
        faults::roll_back(&project, &faults::faultless()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(project.bytes(), before);
    }
}
