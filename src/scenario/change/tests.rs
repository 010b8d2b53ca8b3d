//! Changes on a small scenario: what they do, and what is said where they make no sense.

use super::*;
use crate::scenario::parse;
use proptest::prelude::*;

const BASE: &str = r#"format = 1
name = "base"
[run]
horizon = "1h"
[servers.files]
slots = { value = 2, source = "assumed" }
serial = { value = { lognormal = { mean = "100ms", p95 = "300ms" } }, source = "measured", n = 9, interval = ["90ms", "110ms"] }
parallel = { uniform = { min = "10ms", max = "20ms" } }
errors.soft = "2%"
provides = { notes = 1.0, search = { quality = 0.5, serial = "2s" } }
[servers."web site"]
serial = "1s"
rate_limit = { rate = "60/min" }
provides = { notes = 0.5 }
[workload]
tasks = "20/h"
[agents.writer.needs]
notes = "files"
search = "files"
[kpis]
response_mean = { max = "2s" }
[what_if.busy]
load = 2
servers.files.slots = 1
[what_if.down]
load = 1.5
servers.files.up = false
"#;

fn of(flags: &[&str]) -> Result<WhatIf, ChangeError> {
    let base = parse("base.toml", BASE).expect("a right scenario").scenario;
    let changes = flags.iter().map(|flag| flag.parse()).collect::<Result<Vec<Change>, _>>()?;
    changed(BASE, &base, "asked", &changes)
}

/// What is different from the base, as the scenario's own text would say it.
fn differs(flags: &[&str]) -> String {
    let what_if = of(flags).unwrap_or_else(|error| panic!("{flags:?}: {error}"));
    let load = what_if.scenario.load;
    let lines: Vec<String> = what_if.overlay.iter().map(|(name, value)| format!("{name} = {}", spelled(value))).collect();
    format!("{}{}", if load == 1.0 { String::new() } else { format!("load {load}; ") }, lines.join("; "))
}

#[test]
fn changes_become_an_overlay() {
    let check = |flags: &[&str], expected: &str| assert_eq!(differs(flags), expected, "{flags:?}");
    check(&["--set server.files.up=false"], "servers = { files = { up = false } }");
    check(&["--set servers.files.slots=4"], "servers = { files = { slots = 4 } }");
    check(&["--scale servers.files.slots=2"], "servers = { files = { slots = 4 } }");
    check(&["--scale load=2", "--scale load=1.5"], "load 3; ");
    check(&["--set load=2"], "load 2; ");
    check(&["--overlay busy", "--overlay down"], "load 3; servers = { files = { slots = 1, up = false } }");
    check(&["--overlay busy", "--scale servers.files.slots=3"], "load 2; servers = { files = { slots = 3 } }");
    check(&["--scale servers.files.serial=2"], "servers = { files = { serial = { lognormal = { mean = \"200ms\", p95 = \"600ms\" } } } }");
    check(
        &["--scale servers.files.serial.mean=1.5", "--set servers.files.serial.lognormal.p95=500ms"],
        "servers = { files = { serial = { lognormal = { mean = \"150ms\", p95 = \"500ms\" } } } }",
    );
    check(&["--scale servers.files.parallel=3"], "servers = { files = { parallel = { uniform = { min = \"30ms\", max = \"60ms\" } } } }");
    check(&["--scale servers.\"web site\".serial.mean=0.5"], "servers = { \"web site\" = { serial = \"0.5s\" } }");
    check(&["--scale server.\"web site\".rate_limit.rate=2"], "servers = { \"web site\" = { rate_limit = { rate = \"120/min\" } } }");
    check(&["--scale servers.files.errors.soft=2"], "servers = { files = { errors = { soft = \"4%\" } } }");
    check(&["--set servers.files.queue=5"], "servers = { files = { queue = 5 } }");
    check(&["--set servers.files.provides.notes.quality=0.7"], "servers = { files = { provides = { notes = { quality = 0.7 } } } }");
    check(&["--set servers.files={ up = false, slots = 3 }"], "servers = { files = { up = false, slots = 3 } }");
    check(&["--scale workload.tasks=2"], "workload = { tasks = \"40/h\" }");
}

#[test]
fn what_is_added_can_be_used() {
    let add = "--add server.spare={ serial = \"1s\", provides = { notes = 1.0 } }";
    let world = of(&[add, "--set servers.spare.slots=3", "--set agents.writer.needs.notes=spare"]).expect("it is right").scenario;
    let spare = world.servers.last().expect("it is there");
    assert_eq!((spare.name.as_str(), spare.slots.value), ("spare", 3));
    assert_eq!(world.needs[0].current.map(|id| id.index()), Some(2));
    let file = "[servers.spare]\nserial = \"1s\"\nprovides.notes = 1.0\n[servers.other]\nserial = \"2s\"\nprovides.notes = 0.5\n";
    let texts: Vec<String> = Change::additions("spare.toml", file).expect("it is right").iter().map(ToString::to_string).collect();
    assert_eq!(of(&texts.iter().map(String::as_str).collect::<Vec<_>>()).expect("it is right").scenario.servers.len(), 4);
}

/// Every mistake names its flag, what is wrong and what there could be.
#[test]
fn mistakes_name_their_flag() {
    let wrong = [
        "--set servers.files.up",
        "--set servers.files.up=maybe",
        "--set servers.filess.up=false",
        "--set servers.files.slotz=2",
        "--set servers.files.slots=0",
        "--set servers.files.serial={ normal = \"1s\" }",
        "--set servers.files.serial.cv=2",
        "--set load=fast",
        "--set load=0",
        "--set run.seed=2",
        "--set name=other",
        "--set agents.reader.priority=2",
        "--scale servers.filess.slots=2",
        "--scale servers.files.queue=2",
        "--scale servers.files.up=2",
        "--scale servers.files.slots=1.3",
        "--scale servers.files.slots=twice",
        "--scale servers.files=2",
        "--scale servers.\"web site\".serial.p95=2",
        "--add spare={ serial = \"1s\" }",
        "--add server.spare={ serial = \"1s\" }",
        "--add server.files={ serial = \"1s\", provides = { notes = 1.0 } }",
        "--add server.spare=fast",
        "--overlay bussy",
    ];
    let messages: Vec<String> = wrong.iter().map(|flag| of(&[flag]).expect_err(flag).to_string()).collect();
    insta::assert_snapshot!(messages.join("\n\n"));
}

proptest! {
    #[test]
    fn no_flag_panics(flag in "(--set |--scale |--add |--overlay )(load|servers|servers\\.files|server\\.files\\.(serial|slots|provides|x))?[.=a-z0-9{}\"' ]{0,20}") {
        let _ = of(&[&flag]);
    }

    #[test]
    fn what_is_printed_is_read_back(name in "[a-z]{1,8}", factor in 0.0..1e6f64) {
        for change in [Change::scale(&format!("servers.{name}.slots={factor}")).unwrap(), Change::overlay(&name)] {
            prop_assert_eq!(change.to_string().parse::<Change>().unwrap(), change);
        }
    }
}
