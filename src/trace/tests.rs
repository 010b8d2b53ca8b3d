//! What holds of every format: whatever bytes it is given, it ends, keeps its account, and lets nothing private out.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Calls as they can be compared, and the account.
pub fn calls(text: &[u8], format: Format) -> (Vec<Seen>, Trace) {
    let mut found = Vec::new();
    let trace = read_from(text, format, &mut |call: &Call, names: &Names| found.push(Seen::of(call, names))).expect("it can be read");
    (found, trace)
}

/// A call with its names.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Agent, server, tool.
    pub names: String,
    /// Milliseconds.
    pub at: Option<i64>,
    pub took: Option<(u64, Measure)>,
    pub outcome: String,
    pub bytes: (Option<u64>, Option<u64>),
}

impl Seen {
    fn of(call: &Call, names: &Names) -> Seen {
        let name = |name: Option<Name>| name.map_or("-", |name| names.text(name));
        Seen {
            names: [call.agent, call.server, call.tool].map(name).join(" "),
            at: call.at.map(|at| at.0 / 1_000_000),
            took: call.duration.map(|duration| (duration.time.0 / 1_000_000, duration.measure)),
            outcome: match call.outcome {
                Outcome::Failed(kind) => names.text(kind).to_owned(),
                outcome => format!("{outcome:?}").to_lowercase(),
            },
            bytes: (call.request_bytes, call.response_bytes),
        }
    }
}

/// Counts of what was not used.
pub fn unused(trace: &Trace) -> Vec<(Unused, u64)> {
    trace.account.unused.iter().map(|(why, counted)| (*why, counted.count)).collect()
}

const TRANSCRIPT: &str = r#"{"type":"assistant","uuid":"a","timestamp":"2026-03-01T08:00:00.000Z","sessionId":"s","message":{"content":[{"type":"tool_use","id":"t1","name":"mcp__github__search","input":{"q":"PRIVATE"}}]}}
{"type":"user","uuid":"b","timestamp":"2026-03-01T08:00:01.500Z","sessionId":"s","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"PRIVATE"}]}}
"#;
const HOOKS: &str = r#"{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"mcp__github__search","tool_input":{"q":"PRIVATE"},"tool_response":"PRIVATE","duration_ms":1500,"timestamp":"2026-03-01T08:00:01.500Z"}
"#;
const OTLP: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"main"}}]},"scopeSpans":[{"spans":[{"traceId":"1","spanId":"2","name":"tools/call search","kind":3,"startTimeUnixNano":"1772352000000000000","endTimeUnixNano":"1772352001500000000","attributes":[{"key":"mcp.method.name","value":{"stringValue":"tools/call"}},{"key":"gen_ai.tool.name","value":{"stringValue":"search"}},{"key":"mcp.server.name","value":{"stringValue":"github"}},{"key":"gen_ai.tool.call.arguments","value":{"stringValue":"PRIVATE"}}]}]}]}]}
"#;
const CSV: &str = "time,agent,server,tool,duration_ms,outcome,prompt\n2026-03-01T08:00:00Z,main,github,search,1500,ok,PRIVATE\n";
const JSONL: &str = r#"{"time":"2026-03-01T08:00:00Z","agent":"main","tool":"mcp__github__search","duration":1.5,"outcome":true,"prompt":"PRIVATE"}
"#;
const ALL: [(Format, &str); 5] =
    [(Format::Transcript, TRANSCRIPT), (Format::Hooks, HOOKS), (Format::Otlp, OTLP), (Format::Csv, CSV), (Format::Jsonl, JSONL)];

#[test]
fn all_formats_tell_the_same_call() {
    for (format, text) in ALL {
        let (found, trace) = calls(text.as_bytes(), format);
        let measure = if format == Format::Transcript { Measure::UpperBound } else { Measure::Exact };
        assert_eq!(found.len(), 1, "{format:?}");
        assert_eq!((&*found[0].names, found[0].at), ("main github search", Some(1_772_352_000_000)), "{format:?}");
        assert_eq!((found[0].took, &*found[0].outcome), (Some((1500, measure)), "succeeded"), "{format:?}");
        assert_eq!((unused(&trace), trace.account.calls, trace.account.bytes), (vec![], 1, text.len() as u64), "{format:?}");
        assert!(!format!("{:?}", trace).contains("PRIVATE"), "{format:?}");
    }
}

/// What happens to files: another system's line ends, a mark, a cut, blank lines, garbage between.
#[test]
fn every_format_survives_what_happens_to_files() {
    for (format, text) in ALL {
        let dressed = format!("\u{feff}{}", text.replace('\n', "\r\n\r\n"));
        assert_eq!(calls(dressed.as_bytes(), format).0, calls(text.as_bytes(), format).0, "{format:?}");
        let cut = &text.as_bytes()[..text.len() - 5];
        let (found, trace) = calls(cut, format);
        let is_cut = unused(&trace) == [(Unused::CutOff, 1)];
        // A row of CSV that ends within its last field cannot be told from a whole one.
        assert!(if format == Format::Csv { found.len() == 1 } else { is_cut }, "{format:?} {trace:?}");
        if format == Format::Csv {
            continue;
        }
        let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let garbage = format!("nonsense {{\n[1,2]\n\"text\"\n{deep}\n{text}\u{0}\u{0}\n");
        let (found, trace) = calls(garbage.as_bytes(), format);
        assert_eq!(found, calls(text.as_bytes(), format).0, "{format:?}");
        assert!(trace.account.unused.values().map(|counted| counted.count).sum::<u64>() >= 4, "{format:?} {:?}", trace.account);
        let mut long = b"{\"x\":\"".to_vec();
        long.resize(17 << 20, b'x');
        long.extend_from_slice(b"\"}\n");
        long.extend_from_slice(text.as_bytes());
        let (found, trace) = calls(&long, format);
        assert_eq!((found.len(), unused(&trace)), (1, vec![(Unused::TooLong, 1)]), "{format:?}");
    }
}

/// Half a pair of UTF-16, and bytes that are no UTF-8, in what is passed over and in what is read.
#[test]
fn text_that_is_no_unicode_is_no_harm() {
    for (format, text) in ALL {
        if format == Format::Csv {
            continue;
        }
        let surrogates = text.replace("PRIVATE", "\\ud83e \\ude00\\ud800");
        let (found, trace) = calls(surrogates.as_bytes(), format);
        assert_eq!((found.len(), unused(&trace)), (1, vec![]), "{format:?}");
        let names = text.replace("search", "검색\\ud800🦀");
        let found = calls(names.as_bytes(), format).0;
        // Tables are text: there a name has to be one.
        assert!(found.first().map_or(format == Format::Jsonl, |call| call.names.contains("검색")), "{format:?} {found:?}");
        if matches!(format, Format::Transcript | Format::Hooks) {
            let bytes: Vec<u8> = text.replace("PRIVATE", "\u{1}").bytes().map(|b| if b == 1 { 0xff } else { b }).collect();
            assert_eq!(calls(&bytes, format).0.len(), 1, "{format:?}");
        }
    }
}

#[test]
fn folders_are_read_in_order_and_links_lead_nowhere_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let under = |path: &str| folder.path().join(path);
    fs::create_dir_all(under("s/subagents")).expect("a folder");
    fs::write(under("s.jsonl"), TRANSCRIPT).expect("a file");
    let of_agent = TRANSCRIPT
        .replace("t1", "t2")
        .replace("\"uuid\":\"", "\"uuid\":\"x")
        .replace("\"type\":\"user\"", "\"isSidechain\":true,\"type\":\"user\"");
    fs::write(under("s/subagents/agent-1.jsonl"), of_agent).expect("a file");
    fs::write(under("s/subagents/agent-1.meta.json"), r#"{"agentType":"reviewer","description":"PRIVATE"}"#).expect("a file");
    fs::write(under("notes.txt"), "PRIVATE").expect("a file");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path(), under("s/loop")).expect("a link");
        std::os::unix::fs::symlink(under("s.jsonl"), under("again.jsonl")).expect("a link");
        std::os::unix::fs::symlink(under("gone"), under("broken.jsonl")).expect("a link");
    }
    let mut found = Vec::new();
    let trace = read(&[folder.path().to_owned()], None, &mut |call: &Call, names: &Names| found.push(Seen::of(call, names).names))
        .expect("a trace");
    assert_eq!(found, ["main github search", "reviewer github search"]);
    assert_eq!((trace.account.files.len(), unused(&trace)), (2, vec![]));
    assert!(!format!("{trace:?}").contains("PRIVATE"));
    let failed = |path: &str| read(&[under(path)], None, &mut |_: &Call, _: &Names| {}).expect_err("an error").to_string();
    assert!(failed("notes.txt").contains("no known format"));
    assert!(failed("absent").contains("cannot read"));
    fs::remove_dir_all(under("s")).expect("a folder");
    for file in ["s.jsonl", "again.jsonl", "broken.jsonl"] {
        fs::remove_file(under(file)).expect("a file");
    }
    assert!(failed("").contains("no transcripts"));
}

#[cfg(feature = "cli")]
#[test]
fn parquet_is_read_as_the_other_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/replay/polars.parquet");
    let mut found = Vec::new();
    // Its column `capability` is what a call is of.
    let trace = read(&[path], None, &mut |call: &Call, names: &Names| found.push(Seen::of(call, names))).expect("a trace");
    assert_eq!((trace.account.calls, trace.account.files[0].format), (4, Format::Parquet));
    assert_eq!(found[0].took, Some((250, Measure::Exact)));
    assert!(found[0].at.is_some_and(|at| at > 1_700_000_000_000), "{found:?}");
}

/// A valid trace with some bytes changed, doubled, and perhaps cut.
fn mutated() -> impl Strategy<Value = (Format, Vec<u8>)> {
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (0..ALL.len(), changes, any::<prop::sample::Index>(), 1usize..3).prop_map(|(which, changes, end, times)| {
        let (format, text) = ALL[which];
        let mut bytes = text.repeat(times).into_bytes();
        let size = bytes.len();
        changes.into_iter().for_each(|(at, byte)| bytes[at.index(size)] = byte);
        bytes.truncate(end.index(2 * size).max(1));
        (format, bytes)
    })
}

/// It ends, and every line is accounted for.
fn survives(format: Format, bytes: &[u8]) {
    let mut count = 0;
    match read_from(bytes, format, &mut |_: &Call, _: &Names| count += 1) {
        Ok(Trace { account, .. }) => {
            assert_eq!(account.calls, count);
            assert!(
                account.lines
                    <= 1 + bytes.iter().filter(|b| **b == b'\n').count() as u64 + bytes.iter().filter(|b| **b == b'\r').count() as u64
            );
        }
        Err(error) => assert!(matches!(error, TraceError::Table(_)), "{error}"),
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        ALL.iter().for_each(|(format, _)| survives(*format, &bytes));
        recognised(Path::new("x"), &bytes);
    }

    #[test]
    fn no_broken_trace_panics((format, bytes) in mutated()) {
        survives(format, &bytes);
        recognised(Path::new("x"), &bytes);
    }
}
