use std::fmt::Write as _;

use crate::trace::tests::{Seen, calls, unused};
use crate::trace::{Format, Measure, Unused};

fn read(text: &str) -> (Vec<Seen>, crate::trace::Trace) {
    calls(text.as_bytes(), Format::Transcript)
}

/// A transcript of records in a short form, a second apart.
#[derive(Default)]
struct Script {
    text: String,
    second: u32,
}

impl Script {
    fn record(mut self, kind: &str, rest: &str) -> Script {
        let second = self.second;
        writeln!(self.text, r#"{{"type":"{kind}","uuid":"u{second}","timestamp":"2026-03-01T08:00:{second:02}Z","sessionId":"s",{rest}}}"#)
            .expect("in memory");
        self.second += 1;
        self
    }

    fn calls(self, id: &str, name: &str) -> Script {
        self.record(
            "assistant",
            &format!(
                r#""message":{{"content":[{{"type":"text","text":"x"}},{{"type":"tool_use","id":"{id}","name":"{name}","input":{{}}}}]}}"#
            ),
        )
    }

    fn answers(self, id: &str, more: &str) -> Script {
        self.record(
            "user",
            &format!(r#""toolUseResult":"x","message":{{"role":"user","content":[{{"tool_use_id":"{id}","type":"tool_result",{more}}}]}}"#),
        )
    }

    fn progress(self, id: &str, status: &str, ms: u32) -> Script {
        self.record(
            "progress",
            &format!(
                r#""data":{{"type":"mcp_progress","status":"{status}","serverName":"other","elapsedTimeMs":{ms}}},"toolUseID":"{id}""#
            ),
        )
    }
}

#[test]
fn exact_times_come_from_progress_and_others_are_bounds() {
    let script = Script::default()
        .calls("t1", "mcp__github__search")
        .progress("t1", "started", 0)
        .progress("t1", "completed", 800)
        .calls("t2", "mcp__plugin_memory_store__add")
        .answers("t1", r#""content":[{"type":"text","text":"fine"}]"#)
        .calls("t3", "Bash")
        .answers("t3", r#""content":"x""#)
        .answers("t2", r#""content":"Error: none","is_error":true"#);
    let (found, trace) = read(&script.text);
    let at = 1_772_352_000_000;
    assert_eq!(found.len(), 2);
    assert_eq!((&*found[0].names, found[0].took), ("main github search", Some((800, Measure::Exact))));
    assert_eq!(found[0].at, Some(at + 3200), "it ended with its answer");
    assert_eq!(found[0].bytes, (Some(2), Some(4)));
    assert_eq!((&*found[1].names, found[1].took), ("main plugin_memory_store add", Some((4000, Measure::UpperBound))));
    assert_eq!((found[1].at, &*found[1].outcome), (Some(at + 3000), "tool_error"));
    assert_eq!((trace.account.other_tools, unused(&trace)), (1, vec![]));
}

#[test]
fn outcomes_are_told_by_what_clients_write() {
    let check = |more: &str, outcome: &str, timed: bool| {
        let (found, _) = read(&Script::default().calls("t", "mcp__a__b").answers("t", more).text);
        assert_eq!((&*found[0].outcome, found[0].took.is_some()), (outcome, timed), "{more}");
    };
    check(r#""content":[],"is_error":false"#, "succeeded", true);
    check(r#""is_error":null,"content":"a timeout is mentioned""#, "succeeded", true);
    check(r#""content":"MCP error -32001: Request timed out","is_error":true"#, "timeout", true);
    check(r#""is_error":true,"content":[{"type":"text","text":"MCP error -32000: Connection closed"}]"#, "disconnected", true);
    check(r#""content":"The user doesn't want to proceed with this tool use.","is_error":true"#, "refused", false);
    check(r#""content":"\ud800 lone","is_error":true"#, "tool_error", true);
}

#[test]
fn repeated_records_count_once_and_odd_ones_are_named() {
    let script = Script::default().calls("t1", "mcp__a__b").answers("t1", r#""content":"x""#);
    // The same lines again, then the same call under another record's name.
    let again = script.text.clone() + &script.text + &script.text.replace("\"uuid\":\"u", "\"uuid\":\"v");
    let (found, trace) = read(&again);
    assert_eq!((found.len(), unused(&trace)), (1, vec![(Unused::Duplicate, 3)]));

    let script = Script { text: script.text, second: 30 }
        .answers("nobody's", r#""content":"x""#)
        .record("from-the-future", r#""x":1"#)
        .record("user", r#""message":7"#)
        .calls("t2", "mcp__a__b")
        .progress("t2", "completed", 5)
        .calls("t3", "mcp__a__c");
    let script = Script { second: 2, ..script }.record("system", r#""content":"clock went back""#);
    let (found, trace) = read(&(script.text + "{\"type\":\"user\",\"uuid\":\"w\",\"timestamp\":\"yesterday\"}\n{\"type\":\"us"));
    let expected = [(Unused::UnknownRecord, 2), (Unused::CutOff, 1), (Unused::BadTime, 1), (Unused::Orphan, 1)];
    assert_eq!((unused(&trace), trace.account.clock_jumps, trace.account.unanswered), (expected.to_vec(), 1, 1));
    let outcomes: Vec<_> = found.iter().map(|call| (&*call.outcome, call.took)).collect();
    assert_eq!(
        outcomes,
        [("succeeded", Some((1000, Measure::UpperBound))), ("succeeded", Some((5, Measure::Exact))), ("unanswered", None)]
    );
    assert_eq!(trace.account.unused[&Unused::Orphan].line, 3);
}

#[test]
fn agents_are_those_that_records_name() {
    let check = |rest: &str, agent: &str| {
        let script = Script::default()
            .record("assistant", &format!(r#"{rest}"message":{{"content":[{{"type":"tool_use","id":"t","name":"mcp__a__b"}}]}}"#));
        assert_eq!(read(&script.text).0[0].names, format!("{agent} a b"), "{rest}");
    };
    check("", "main");
    check(r#""isSidechain":true,"#, "subagent");
    check(r#""isSidechain":true,"attributionAgent":"검토자","#, "검토자");
}
