use crate::trace::tests::{Seen, calls, unused};
use crate::trace::{Format, Measure, Trace, Unused};

fn read(text: &str) -> (Vec<Seen>, Trace) {
    calls(text.as_bytes(), Format::Otlp)
}

fn attributes(of: &[(&str, &str)]) -> String {
    let value = |value: &str| match value.parse::<u64>() {
        Ok(_) => format!(r#"{{"intValue":"{value}"}}"#),
        Err(_) => format!(r#"{{"stringValue":{}}}"#, serde_json::json!(value)),
    };
    of.iter().map(|(key, of)| format!(r#"{{"key":"{key}","value":{}}}"#, value(of))).collect::<Vec<_>>().join(",")
}

/// Times in milliseconds.
fn span(id: &str, rest: &str, times: [u64; 2], of: &[(&str, &str)]) -> String {
    format!(
        r#"{{"traceId":"t","spanId":"{id}",{rest},"startTimeUnixNano":"{}000000","endTimeUnixNano":"{}000000","attributes":[{}]}}"#,
        times[0],
        times[1],
        attributes(of)
    )
}

fn spans(spans: &[String]) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"scope":{{}},"spans":[{}]}}]}}]}}"#, spans.join(",")) + "\n"
}

fn event(time_ms: u64, of: &[(&str, &str)]) -> String {
    let record = format!(
        r#"{{"timeUnixNano":"{time_ms}000000","body":{{"stringValue":"claude_code.tool_result"}},"attributes":[{}]}}"#,
        attributes(of)
    );
    format!(r#"{{"resourceLogs":[{{"resource":{{"attributes":[]}},"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#) + "\n"
}

#[test]
fn spans_of_the_conventions() {
    let call = [("mcp.method.name", "tools/call"), ("gen_ai.tool.name", "search"), ("server.address", "mcp.example.com")];
    let failed = [&call[..], &[("error.type", "tool_error"), ("gen_ai.agent.name", "writer")]].concat();
    let text = spans(&[
        span("1", r#""name":"tools/call search","kind":3"#, [1000, 1250], &call),
        span("1", r#""name":"tools/call search","kind":3"#, [1000, 1250], &call),
        span("2", r#""name":"tools/call search","kind":"SPAN_KIND_CLIENT""#, [2000, 2010], &failed),
        span("3", r#""name":"tools/call search","kind":2"#, [2000, 2010], &call),
        span("4", r#""name":"initialize","kind":3"#, [0, 1], &[("mcp.method.name", "initialize")]),
        span("5", r#""name":"tools/call search","kind":3,"status":{"code":2}"#, [5000, 4000], &call),
    ]);
    let (found, trace) = read(&text);
    let seen: Vec<_> = found.iter().map(|call| (&*call.names, call.took, &*call.outcome)).collect();
    let expected = [
        ("- mcp.example.com search", Some((250, Measure::Exact)), "succeeded"),
        ("writer mcp.example.com search", Some((10, Measure::Exact)), "tool_error"),
        ("- mcp.example.com search", None, "error"),
    ];
    assert_eq!(seen, expected);
    assert_eq!((unused(&trace), trace.account.other_tools, trace.account.clock_jumps), (vec![(Unused::Duplicate, 1)], 2, 1));
}

#[test]
fn events_of_claude_code() {
    let parameters = r#"{"mcp_server_name":"github","mcp_tool_name":"search","query":"PRIVATE"}"#;
    let own = [("event.name", "tool_result"), ("tool_name", "mcp_tool"), ("duration_ms", "1500"), ("session.id", "s")];
    let text = [
        event(
            10_000,
            &[&own[..], &[("success", "true"), ("tool_parameters", parameters), ("tool_result_size_bytes", "77"), ("tool_use_id", "a")]]
                .concat(),
        ),
        event(20_000, &[&own[..], &[("success", "false"), ("error_type", "Error:PRIVATE text"), ("tool_use_id", "b")]].concat()),
        event(20_000, &[&own[..], &[("success", "false"), ("tool_use_id", "b")]].concat()),
        event(30_000, &[("tool_name", "Bash"), ("duration_ms", "3")]),
        event(30_000, &[("event.name", "api_request"), ("duration_ms", "3")]),
    ]
    .concat();
    let (found, trace) = read(&text);
    assert_eq!(found.len(), 2);
    assert_eq!((&*found[0].names, found[0].at, found[0].took), ("- github search", Some(8500), Some((1500, Measure::Exact))));
    assert_eq!((&*found[0].outcome, found[0].bytes), ("succeeded", (None, Some(77))));
    assert_eq!((&*found[1].names, &*found[1].outcome), ("- - -", "error"), "names are in the details only");
    assert_eq!((trace.account.other_tools, unused(&trace)), (2, vec![(Unused::Duplicate, 1)]));
    assert!(!format!("{found:?}{trace:?}").contains("PRIVATE"));
}

#[test]
fn spans_of_claude_code_are_joined_in_any_order() {
    let tool =
        |id: &str, name: &str| span(id, r#""name":"claude_code.tool","kind":1"#, [1000, 9000], &[("tool_name", name), ("tool_use_id", id)]);
    let execution = |id: &str, parent: &str| {
        span(id, &format!(r#""name":"claude_code.tool.execution","parentSpanId":"{parent}""#), [8000, 8900], &[("success", "true")])
    };
    let parts = [
        tool("1", "mcp__a__b"),
        execution("11", "1"),
        execution("12", "2"),
        tool("2", "mcp__a__c"),
        tool("3", "mcp__a__d"),
        tool("4", "Bash"),
        execution("14", "4"),
        execution("15", "5"),
    ];
    let (found, trace) = read(&spans(&parts));
    let mut seen: Vec<_> = found.iter().map(|call| (&*call.names, call.at, call.took)).collect();
    seen.sort_by_key(|(names, ..)| *names);
    let exact = Some((900, Measure::Exact));
    let expected = [("- a b", Some(8000), exact), ("- a c", Some(8000), exact), ("- a d", Some(1000), Some((8000, Measure::UpperBound)))];
    assert_eq!(seen, expected);
    assert_eq!((trace.account.other_tools, unused(&trace)), (1, vec![(Unused::Orphan, 1)]));
}

#[test]
fn lines_that_are_no_batch() {
    let (found, trace) =
        read("{\"resourceMetrics\":[{\"scopeMetrics\":[]}]}\n{\"x\":1}\n{\"resourceSpans\":7}\n{]\n{\"resourceLogs\":[]}\n");
    assert!(found.is_empty());
    assert_eq!(unused(&trace), [(Unused::UnknownRecord, 2), (Unused::Broken, 1)]);
}
