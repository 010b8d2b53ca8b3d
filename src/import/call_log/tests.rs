use std::fmt::Write as _;
use std::path::Path;

use polars::prelude::{Column, DataFrame, ParquetWriter};
use proptest::prelude::*;

use crate::scenario::{Arrivals, Scenario, Served, Source, parse};
use crate::trace::Reading;
use crate::units::SimTime;

use super::*;

/// The reviewer's notes can be told by the server; the editor has two needs at `files`.
const SCENARIO: &str = r#"
format = 1
name = "replay"
run = { horizon = "2h", warmup = "10min" }
servers.files = { serial = "1s", provides = { notes = 1.0, docs = 0.8 } }
servers.database = { serial = "1s", provides = { notes = 0.9, tables = 1.0 } }
servers.idle = { serial = "1s", provides = { docs = 0.5 } }
workload = { tasks = "60/h", calls = 3, think = "1s" }
agents.writer.needs = { notes = "files", tables = "database" }
agents."검토자 🦀".needs.notes = "files"
agents.editor.needs = { notes = "files", docs = "files" }
agents.rare.needs.tables = "database"
kpis = { response_mean = { max = "2s" } }
what_if.database-down = { servers.database.up = false }
what_if.busy = { agents.writer.workload.tasks = "600/h" }
"#;

fn scenario() -> Scenario {
    parse("replay.toml", SCENARIO).expect("a correct scenario").scenario
}

fn read_bytes(name: &str, bytes: &[u8]) -> Result<CallLog, CallLogError> {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a file for the test");
    read(&path, &scenario())
}

fn log(name: &str, text: &str) -> CallLog {
    read_bytes(name, text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn mistake(name: &str, bytes: &[u8]) -> String {
    let error = read_bytes(name, bytes).expect_err("no log").to_string();
    // The folder's name differs from run to run.
    error.split_once(name).map_or(error.clone(), |(_, rest)| rest.to_owned())
}

/// Seconds, agent and capability of each call.
fn calls(log: &CallLog) -> Vec<(f64, String)> {
    let scenario = scenario();
    let call = |call: &ReplayedCall| {
        let need = scenario.need(call.need);
        (call.at.as_secs(), format!("{} {}", scenario.agent(need.agent).name, scenario.capability(need.capability)))
    };
    log.calls.iter().map(call).collect()
}

fn expected(calls: &[(f64, &str)]) -> Vec<(f64, String)> {
    calls.iter().map(|(at, need)| (*at, (*need).to_owned())).collect()
}

const CSV: &str = "time,agent,capability,server,duration\n\
    100.5,writer,notes,files,0.25\n\
    101,검토자 🦀,notes,,\n\
    103.25,writer,tables,elsewhere,1\n";

const JSONL: &str = r#"{"time": 100.5, "agent": "writer", "capability": "notes", "server": "files", "duration": 0.25}
{"time": "101", "agent": "검토자 \ud83e\udd80", "capability": "notes", "server": null, "prompt": {"PRIVATE": [1]}}
{"TIME": 103.25, "Agent": "writer", "capability": "tables", "server": "elsewhere", "duration_ms": 1000}
"#;

fn parquet() -> Vec<u8> {
    let mut frame = DataFrame::new_infer_height(vec![
        Column::new("Time".into(), vec![100.5, 101.0, 103.25]),
        Column::new("agent".into(), vec!["writer", "검토자 🦀", "writer"]),
        Column::new("capability".into(), vec!["notes", "notes", "tables"]),
        Column::new("server".into(), vec![Some("files"), None, Some("elsewhere")]),
        Column::new("duration_ms".into(), vec![Some(250i64), None, Some(1000)]),
        Column::new("prompt".into(), vec!["PRIVATE"; 3]),
    ])
    .expect("columns of one height");
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).expect("a Parquet file");
    bytes
}

#[test]
fn the_three_formats_say_the_same() {
    let parquet = read_bytes("log.parquet", &parquet()).unwrap_or_else(|e| panic!("{e}"));
    for log in [log("log.csv", CSV), log("log.jsonl", JSONL), log("log.NDJSON", JSONL), parquet] {
        assert_eq!(calls(&log), expected(&[(0.0, "writer notes"), (0.5, "검토자 🦀 notes"), (2.75, "writer tables")]), "{}", log.file);
        let served = Served { server: scenario().server_named("files").expect("a server"), took: SimTime::from_millis(250) };
        assert_eq!(log.calls.iter().map(|c| c.served).collect::<Vec<_>>(), [Some(served), None, None]);
        let summary = &log.summary;
        assert_eq!((summary.rows, summary.calls, summary.agents, summary.served, summary.out_of_order), (3, 3, 2, 1, None));
        assert_eq!(summary.unknown_servers.examples, ["elsewhere"]);
        assert!(summary.skipped.is_empty() && summary.unmatched.is_empty());
        assert_eq!((summary.span, summary.reading), (SimTime::from_millis(2750), Some(Reading::Seconds)));
        assert_eq!(log.sha256.len(), 64);
    }
    assert_eq!(log("log.csv", CSV).sha256, crate::import::sha256(CSV.as_bytes()));
}

#[test]
fn parquet_as_others_write_it() {
    // Written by polars of Python: timestamps with a zone, categories, durations, a column of lists.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/replay/polars.parquet");
    let log = read(&path, &scenario()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(calls(&log), expected(&[(0.0, "writer notes"), (1.5, "검토자 🦀 notes"), (60.0, "writer tables")]));
    assert_eq!(log.summary.reading, Some(Reading::Timestamps));
    let took: Vec<_> = log.calls.iter().map(|call| call.served.map(|served| served.took)).collect();
    assert_eq!(took, [Some(SimTime::from_millis(250)), None, Some(SimTime::from_millis(2000))]);
    assert!(log.summary.warnings(&log.file)[0].contains("1 name an unknown agent (`stranger`)"), "{:?}", log.summary.warnings(&log.file));
}

#[test]
fn marks_line_ends_quotes_and_blanks() {
    let text = "\u{feff} Time ,\"AGENT\",capability,\"a, \"\"b\"\"\"\r\n1,writer,notes,\"PRIVATE\r\n, text\"\r\n\r\n 2 , writer , notes,\r\nx,writer,notes,\r\n";
    let log = log("log.csv", text);
    assert_eq!(calls(&log), expected(&[(0.0, "writer notes"), (1.0, "writer notes")]));
    assert_eq!(log.summary.skipped, [(Skipped::BadTime, 1, 6)], "lines are counted within quotes and over empty ones");
    let text = "\u{feff}{\"time\": 1, \"agent\": \"writer\", \"capability\": \"notes\"}\r\n\r\n{\"time\": 3, \"agent\": \"writer\", \"server\": \"database\"}";
    assert_eq!(calls(&super::tests::log("log.jsonl", text)), expected(&[(0.0, "writer notes"), (2.0, "writer tables")]));
}

#[test]
fn a_server_alone_tells_the_need_where_it_can() {
    let text = "time,agent,server\n0,writer,files\n1,writer,database\n2,editor,files\n3,editor,idle\n4,editor,database\n\
        5,rare,files\n6,rare,nowhere\n7,rare,\n8,,files\n";
    let log = log("log.csv", text);
    // `database` is where the writer's tables are today, and the only one of the editor's needs that it could serve is notes.
    let found = [(0.0, "writer notes"), (1.0, "writer tables"), (3.0, "editor docs"), (4.0, "editor notes")];
    assert_eq!(calls(&log), expected(&found));
    let reasons: Vec<_> = log.summary.unmatched.iter().map(|(why, tally)| (*why, tally.count, tally.examples.join("|"))).collect();
    let expected = [
        (Unmatched::NoAgent, 1, ""),
        (Unmatched::UnknownServer, 1, "nowhere"),
        (Unmatched::NotServed, 1, "rare: files"),
        (Unmatched::Ambiguous, 1, "editor: files"),
        (Unmatched::NothingCalled, 1, ""),
    ];
    assert_eq!(reasons, expected.map(|(why, count, example)| (why, count, example.to_owned())));
}

#[test]
fn examples_are_few_short_and_harmless() {
    let mut text = "time,agent,capability,prompt\n0,writer,notes,PRIVATE\n".to_owned();
    for i in 0..9 {
        writeln!(text, "{i},\u{1b}[31m\u{202e}stranger {i} {},notes,PRIVATE\n{i},writer,poetry,PRIVATE", "긴이름".repeat(40))
            .expect("in memory");
    }
    text += "9,writer,docs,PRIVATE\n";
    let log = log("log.csv", &text);
    let warnings = log.summary.warnings(&log.file).join("\n");
    assert!(!warnings.contains(['\u{1b}', '\u{202e}']) && !warnings.contains("PRIVATE"), "{warnings}");
    assert!(warnings.contains("9 name an unknown agent (`\\u{1b}[31m\\u{202e}stranger 0") && warnings.contains("stranger 4"), "{warnings}");
    assert!(!warnings.contains("stranger 5") && warnings.len() < 1500, "{warnings}");
    assert!(warnings.contains("9 name an unknown capability (`poetry`)"), "{warnings}");
    assert!(warnings.contains("1 name a capability that the agent does not need (`writer: docs`)"), "{warnings}");
}

#[test]
fn times_are_sorted_and_odd_rows_are_counted() {
    let text = "time,agent,capability,duration\n2026-03-02T09:00:10Z,writer,notes,1\n2026-03-02T18:00:05+09:00,writer,tables,\n\
        2026-03-02T09:00:05Z,writer,notes,0\nyesterday,writer,notes,1\n,writer,notes,1\n2026-03-02T09:00:11Z,writer,notes,-1\n\
        2026-03-02T09:00:11Z,writer,notes,soon\n1970-01-01T00:00:00Z,writer,notes,\n2026-03-02T09:00:11Z,writer,notes\n\
        2026-03-02T09:00:11Z,writer,notes,1,2\n2026-03-02T09:00:1";
    let log = log("log.csv", text);
    let found = [(0.0, "writer tables"), (0.0, "writer notes"), (5.0, "writer notes")];
    assert_eq!(calls(&log), expected(&found), "what is at the same time stays in the log's order");
    assert_eq!(log.summary.out_of_order, Some((2, 3)));
    let skipped = [
        (Skipped::BadTime, 2, 5),
        (Skipped::FarTime, 1, 9),
        (Skipped::BadDuration, 2, 7),
        (Skipped::Malformed, 2, 10),
        (Skipped::CutOff, 1, 12),
    ];
    assert_eq!(log.summary.skipped, skipped);
    let warnings = log.summary.warnings("log.csv");
    assert_eq!(
        warnings[..2],
        [
            "log.csv:12: the log breaks off in the middle of this record, which is left out; is the file whole?",
            "log.csv:3: this call is out of order, earlier than one above it, and so is 1 more; they are replayed in order of time",
        ]
    );
    assert!(warnings[2].contains("2 without a usable time (the first in line 5)") && !warnings[2].contains("cut off"), "{warnings:?}");
}

#[test]
fn lines_of_json_that_are_none() {
    let row = r#"{"time": 1700000000123, "agent": "writer", "capability": "notes"}"#;
    let odd = r#"{"time": [1], "agent": "writer", "capability": "notes"}
        {"time": 1700000000124, "agent": {"writer": 1}, "capability": "notes"}
        {"time": 1700000000124, "agent": "writer", "capability": "notes", "duration": true}
        [1, 2]
        {"time": 1e999, "agent": "writer"}
        {} {}"#;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cut = r#"{"time": 1700000000125, "agent": "wri"#;
    let mut bytes = format!("{row}\n{odd}\n{{\"other\": {deep}}}\n{row}\n").into_bytes();
    bytes.extend_from_slice(b"\xff\xfe\n");
    bytes.extend_from_slice(format!("{{\"x\": \"{}\"}}\n{cut}", "a".repeat(1 << 20)).as_bytes());
    let log = read_bytes("log.jsonl", &bytes).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((log.calls.len(), log.summary.reading), (2, Some(Reading::Milliseconds)));
    let skipped = &log.summary.skipped;
    let of = |why| skipped.iter().find(|(w, ..)| *w == why).map(|(_, count, line)| (*count, *line));
    assert_eq!(of(Skipped::BadDuration), Some((1, 4)), "{skipped:?}");
    assert_eq!(of(Skipped::NotUtf8), Some((1, 10)), "{skipped:?}");
    assert_eq!(of(Skipped::TooLong), Some((1, 11)), "{skipped:?}");
    assert_eq!(of(Skipped::CutOff), Some((1, 12)), "{skipped:?}");
    assert_eq!(of(Skipped::Malformed).map(|(_, line)| line), Some(5), "{skipped:?}");
    assert_eq!(log.summary.unmatched, [(Unmatched::NoAgent, Tally { count: 1, examples: Vec::new() })]);
}

#[test]
fn a_huge_record_is_passed_over() {
    let huge = "x".repeat(3 << 20);
    let log = log("log.csv", &format!("time,agent,capability,more\n1,writer,notes,\n2,writer,notes,{huge}\n3,writer,notes,y\n"));
    assert_eq!(calls(&log), expected(&[(0.0, "writer notes"), (2.0, "writer notes")]));
    assert_eq!(log.summary.skipped, [(Skipped::TooLong, 1, 3)]);
    // A quote that nothing closes swallows the rest, but no memory.
    let open = format!("time,agent,capability,more\n1,writer,notes,\n2,writer,notes,\"{}", "x,\n".repeat(1 << 20));
    assert_eq!(super::tests::log("log.csv", &open).summary.skipped, [(Skipped::TooLong, 1, 3)]);
    let wide = format!("time,agent,capability\n1,writer,notes\n{}\n", ",".repeat(3 << 20));
    assert_eq!(super::tests::log("log.csv", &wide).summary.skipped, [(Skipped::TooLong, 1, 3)]);
    let mut bytes = b"time,agent,capability\n1,writer,notes\n2,wri\xffter,notes\n".to_vec();
    let log = read_bytes("log.csv", &bytes).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(log.summary.skipped, [(Skipped::NotUtf8, 1, 3)]);
    bytes.insert(0, 0xff);
    assert!(mistake("log.csv", &bytes).contains("not UTF-8"));
}

#[test]
fn mistakes_are_named_with_what_mends_them() {
    let check = |name: &str, text: &str, message: &str| {
        let mistake = mistake(name, text.as_bytes());
        assert!(mistake.contains(message), "{name} {text:?}: {mistake}");
    };
    check("log.txt", CSV, "ends in .csv, .jsonl, .ndjson or .parquet");
    check("log", CSV, "ends in .csv");
    for name in ["log.csv", "log.jsonl"] {
        check(name, "", "holds no calls");
        check(name, "\u{feff}\r\n\n", "holds no calls");
    }
    check("log.parquet", "", "is broken");
    check("log.parquet", CSV, "is broken");
    check("log.csv", "time,agent,capability\n", "holds no calls");
    check("log.csv", "when,agent,server\n1,a,b\n", "no column time; the columns found are: when, agent, server");
    check("log.csv", "time,tool\n1,a\n", "no column agent; the columns found are: time, tool");
    check("log.csv", "time;agent;server\n1;a;b\n", "the columns found are: time;agent;server");
    check("log.csv", "time,agent\n1,a\n", "no column capability or server");
    check("log.csv", "time,agent,server,Time\n1,a,b,2\n", "two columns are called time");
    check("log.jsonl", "{\"when\": 1, \"agent\": \"a\"}\n", "no column time; the columns found are: when, agent");
    check("log.jsonl", "{\"time\": 1, \"agent\": \"a\"}\n", "no column capability or server");
    check("log.jsonl", "oops\nnone\n", "no row can be used: 2 broken (the first in line 1)");
    check("log.csv", "time,agent,server\nx,writer,files\n", "no row can be used: 1 without a usable time (the first in line 2)");
    check(
        "log.csv",
        "time,agent,server\n1,stranger,files\n",
        "no row belongs to a need of the scenario: 1 name an unknown agent (`stranger`)",
    );
    check("log.csv", "time,agent,capability\n1,writer,notes\n5e8,writer,notes\n6e8,writer,notes\n", "more than a year from the first one");
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("folder.csv");
    std::fs::create_dir(&path).expect("a folder");
    assert!(matches!(read(&path, &scenario()), Err(CallLogError::NoFile { .. })));
    assert!(matches!(read(&folder.path().join("gone.csv"), &scenario()), Err(CallLogError::Read { .. })));
    #[cfg(unix)]
    {
        let endless = folder.path().join("endless.csv");
        std::os::unix::fs::symlink("/dev/zero", &endless).expect("a link");
        assert!(matches!(read(&endless, &scenario()), Err(CallLogError::NoFile { .. })));
    }
}

#[test]
fn columns_of_the_wrong_kind_are_named() {
    let file = |column: Column| {
        let given = column.name().to_string();
        let others = [("time", Column::new("time".into(), vec![1.0])), ("agent", Column::new("agent".into(), vec!["writer"]))];
        let server = ("server", Column::new("server".into(), vec!["files"]));
        let columns = others.into_iter().chain([server]).filter(|(name, _)| *name != given).map(|(_, column)| column).chain([column]);
        let mut frame = DataFrame::new_infer_height(columns.collect()).expect("columns of one height");
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut frame).expect("a Parquet file");
        mistake("log.parquet", &bytes)
    };
    let time = file(Column::new("time".into(), vec![true]));
    assert!(time.contains("the column time is Boolean; write it as numbers, timestamps (INT64) or RFC 3339 text"), "{time}");
    assert!(file(Column::new("agent".into(), vec![7i64])).contains("the column agent is Int64; write it as text"));
    let rest = file(Column::new("TIME".into(), vec![1.0]));
    assert!(rest.contains("two columns are called time"), "{rest}");
}

#[test]
fn parquet_files_that_contradict_themselves_are_broken() {
    // The file of polars with a few bytes changed: its decoder returns columns of different length, or takes memory without end.
    for name in ["contradicts-itself.parquet", "absurd-page.parquet"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/replay").join(name);
        assert!(matches!(read(&path, &scenario()), Err(CallLogError::Table(TableError::Parquet { .. }))), "{name}");
    }
}

#[test]
fn there_is_a_limit_to_calls() {
    let scenario = scenario();
    let mut collector = Collector::new("log.csv", &scenario, 2);
    let error =
        read_csv(CSV.as_bytes(), "log.csv", Columns { columns: &COLUMNS, missing: &missing }, &mut collector).expect_err("a third call");
    assert!(matches!(error, CallLogError::TooMany { line: 4, .. }), "{error}");
}

#[test]
fn a_log_takes_the_place_of_the_workloads() {
    let mut scenario = scenario();
    attach(&mut scenario, log("log.csv", CSV));
    let worlds: Vec<&Scenario> = scenario.what_ifs.iter().map(|what_if| &*what_if.scenario).chain([&scenario]).collect();
    assert_eq!(worlds.len(), 3);
    for world in worlds {
        assert_eq!(world.replay.as_ref().map(|replay| replay.calls.len()), Some(3));
        assert_eq!((world.run.horizon, world.run.warmup), (SimTime::from_millis(3000), Some(SimTime::from_millis(300))));
        let writer = &world.agents[0].workload;
        assert!((writer.tasks.value.per_second() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(writer.tasks.provenance.as_ref().map(|p| (p.source, p.n)), Some((Source::Measured, Some(2))));
        assert_eq!(
            (&writer.arrivals, writer.calls.value, writer.think.value.mean(), writer.at_once.value),
            (&Arrivals::Poisson, 1.0, 0.0, 1)
        );
        assert_eq!(world.agents[3].workload.tasks.value.per_second(), 0.0);
        assert_eq!(world.needs.iter().map(|need| need.demand.value).collect::<Vec<_>>(), [1.0, 1.0, 1.0, 0.5, 0.5, 0.5]);
        assert!((crate::scenario::Scenario::need_ids(world).count()) == 6);
    }
    assert!(!scenario.what_ifs[0].scenario.servers[1].up, "what-ifs stay what they are");
}

#[test]
fn the_run_ends_above_the_last_call() {
    let horizon = |text: &str| {
        let mut scenario = Scenario { run: crate::scenario::RunSettings { warmup: None, ..scenario().run }, ..scenario() };
        attach(&mut scenario, log("log.csv", &format!("time,agent,capability\n{text}")));
        assert_eq!(scenario.run.warmup, Some(SimTime::ZERO), "every call counts");
        scenario.run.horizon.as_secs()
    };
    assert_eq!(horizon("7,writer,notes\n"), 1.0);
    assert_eq!(horizon("7,writer,notes\n10,writer,notes\n"), 4.0, "a call at the horizon would not be issued");
    assert_eq!(horizon("7,writer,notes\n10.1,writer,notes\n"), 4.0);
}

#[test]
fn the_shipped_log_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let text = std::fs::read_to_string(folder.join("tutorial.toml")).expect("the tutorial");
    let scenario = parse("tutorial.toml", &text).expect("a correct scenario").scenario;
    let log = read(&folder.join("replay/tutorial.csv"), &scenario).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((log.summary.calls, log.summary.agents, log.summary.served), (208, 3, 208));
    assert!(log.summary.warnings("tutorial.csv").is_empty());
}

/// A valid file with some bytes changed, and perhaps cut.
fn mutated(valid: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let size = valid.len();
    let changes = proptest::collection::vec((0..size, any::<u8>()), 0..8);
    (changes, 0..size * 2).prop_map(move |(changes, end)| {
        let mut bytes = valid.clone();
        changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
        bytes.truncate(end.max(1));
        bytes
    })
}

/// Whatever comes out is in order and within the log's limits.
fn survives(name: &str, bytes: &[u8]) {
    match read_bytes(name, bytes) {
        Ok(log) => {
            assert!(log.calls.is_sorted_by_key(|call| call.at) && log.calls[0].at == SimTime::ZERO);
            attach(&mut scenario(), log.clone());
            assert!(!log.summary.note().is_empty() && log.summary.calls <= log.summary.rows);
        }
        Err(error) => assert!(error.to_string().contains(name)),
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        ["log.csv", "log.jsonl", "log.parquet"].iter().for_each(|name| survives(name, &bytes));
    }

    #[test]
    fn no_text_panics(text in "(time,agent,capability,duration\n)?([0-9.eE+T:Z-]{0,12}|writer|notes|[,\"\r\n{}:]|\\PC){0,80}") {
        ["log.csv", "log.jsonl"].iter().for_each(|name| survives(name, text.as_bytes()));
    }

    #[test]
    fn no_broken_log_panics(csv in mutated(CSV.as_bytes().to_vec()), json in mutated(JSONL.as_bytes().to_vec()), parquet in mutated(parquet())) {
        survives("log.csv", &csv);
        survives("log.jsonl", &json);
        survives("log.parquet", &parquet);
    }
}
