//! OpenTelemetry as JSON lines: spans of MCP clients by the semantic conventions, and Claude Code's own events and spans.

mod batch;
#[cfg(test)]
mod tests;

use std::io::{self, Read};

use serde::de::IgnoredAny;

use super::account::Unused;
use super::call::{Call, Elapsed, Measure, Outcome, UnixTime};
use super::intake::Intake;
use super::lines::{LineEnd, Lines};
use super::names::{Name, mcp_tool};
use super::recent::{Id, Pending};
use crate::units::SimTime;

use batch::{Attributes, Item, Key, each_item};

/// A batch of a collector is a few MiB.
const LINE_LONGEST: usize = 16 << 20;

#[derive(Debug, Default)]
pub(super) struct Otlp {
    /// Tool spans of Claude Code by their id: names are in one span, the exact time is in its child, and they come in any order.
    pending: Pending<Halves>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Halves {
    tool: Option<ToolSpan>,
    execution: Option<Execution>,
}

#[derive(Debug, Clone, Copy)]
enum ToolSpan {
    OfMcp(Call),
    OfOthers,
}

#[derive(Debug, Clone, Copy)]
struct Execution {
    at: UnixTime,
    time: SimTime,
    outcome: Outcome,
}

impl Otlp {
    pub fn read(&mut self, reader: impl Read, intake: &mut Intake) -> io::Result<()> {
        let mut lines = Lines::new(reader, LINE_LONGEST)?;
        while let Some(line) = lines.next_line()? {
            intake.next(line.number);
            if line.end == LineEnd::TooLong {
                intake.unused(Unused::TooLong);
                continue;
            }
            if line.text.trim_ascii().is_empty() {
                continue;
            }
            // Before any call of it goes out.
            if serde_json::from_slice::<IgnoredAny>(line.text).is_err() {
                intake.unused(if line.end == LineEnd::Unfinished { Unused::CutOff } else { Unused::Broken });
                continue;
            }
            let mut found = false;
            let read = each_item(line.text, &mut |item, resource| {
                found = true;
                self.item(item, resource, intake);
            });
            match read {
                Ok(known) if known || found => {}
                _ => intake.unused(Unused::UnknownRecord),
            }
        }
        Ok(())
    }

    fn item(&mut self, item: &Item, resource: &Attributes, intake: &mut Intake) {
        match item.span_name() {
            Some("claude_code.tool") => self.tool_span(item, resource, intake),
            Some("claude_code.tool.execution") => self.execution_span(item, intake),
            Some(_) => span(item, resource, intake),
            None => event(item, resource, intake),
        }
    }

    fn tool_span(&mut self, item: &Item, resource: &Attributes, intake: &mut Intake) {
        let Some(id) = item.span_id() else { return intake.unused(Unused::UnknownRecord) };
        if !is_new(item, Id(id.0 ^ 1), intake) {
            return;
        }
        let half = match named(&item.attributes, intake) {
            Some((server, tool)) => {
                let elapsed = elapsed(item, intake);
                let duration = elapsed.map(|(_, time)| Elapsed { time, measure: Measure::UpperBound });
                let call = Call { server, tool, at: elapsed.map(|(at, _)| at), duration, ..common(item, resource, intake) };
                ToolSpan::OfMcp(Call { outcome: outcome(item, intake), ..call })
            }
            None => {
                intake.account.other_tools += 1;
                ToolSpan::OfOthers
            }
        };
        self.half(id, Halves { tool: Some(half), execution: None }, intake);
    }

    fn execution_span(&mut self, item: &Item, intake: &mut Intake) {
        let (Some(id), Some(parent)) = (item.span_id(), item.parent_id()) else { return intake.unused(Unused::UnknownRecord) };
        let Some((at, time)) = elapsed(item, intake) else { return };
        if intake.is_new(id) {
            let execution = Execution { at, time, outcome: outcome(item, intake) };
            self.half(parent, Halves { tool: None, execution: Some(execution) }, intake);
        }
    }

    fn half(&mut self, id: Id, half: Halves, intake: &mut Intake) {
        let other = self.pending.take(id).unwrap_or_default();
        let halves = Halves { tool: half.tool.or(other.tool), execution: half.execution.or(other.execution) };
        if halves.tool.is_some() && halves.execution.is_some() {
            return whole(halves, intake);
        }
        for forgotten in self.pending.insert(id, halves) {
            whole(forgotten, intake);
        }
    }

    pub fn finish(&mut self, intake: &mut Intake) {
        self.pending.drain().for_each(|halves| whole(halves, intake));
    }
}

fn whole(halves: Halves, intake: &mut Intake) {
    match (halves.tool, halves.execution) {
        (Some(ToolSpan::OfMcp(call)), Some(Execution { at, time, outcome })) => {
            let outcome = if outcome == Outcome::Unknown { call.outcome } else { outcome };
            intake.call(&Call { at: Some(at), duration: Some(Elapsed { time, measure: Measure::Exact }), outcome, ..call });
        }
        // The tool's span holds the wait for permission.
        (Some(ToolSpan::OfMcp(call)), None) => intake.call(&call),
        (Some(ToolSpan::OfOthers), _) => {}
        (None, _) => intake.unused(Unused::Orphan),
    }
}

/// A span by the conventions: a client's call of a tool. The server's side of the same call is another span, and is not counted again.
fn span(item: &Item, resource: &Attributes, intake: &mut Intake) {
    let of = &item.attributes;
    let is_call = match of.text(Key::McpMethod) {
        Some(method) => method == "tools/call",
        None => of.text(Key::Operation) == Some("execute_tool") && named(of, intake).is_some(),
    };
    if !is_call || item.is_server_side() {
        intake.account.other_tools += 1;
        return;
    }
    let Some(id) = item.span_id() else { return intake.unused(Unused::UnknownRecord) };
    if !is_new(item, id, intake) {
        return;
    }
    let (server, tool) = named(of, intake).unwrap_or_default();
    let elapsed = elapsed(item, intake);
    let call = Call {
        at: elapsed.map(|(at, _)| at),
        duration: elapsed.map(|(_, time)| Elapsed { time, measure: Measure::Exact }),
        server,
        tool,
        ..common(item, resource, intake)
    };
    let outcome = match outcome(item, intake) {
        // The conventions name every error.
        Outcome::Unknown => Outcome::Succeeded,
        known => known,
    };
    intake.call(&Call { outcome, ..call });
}

/// Claude Code's event at the end of a tool's use; its duration leaves out the wait for permission.
fn event(item: &Item, resource: &Attributes, intake: &mut Intake) {
    let of = &item.attributes;
    if item.event_name().is_none_or(|name| name.trim_start_matches("claude_code.") != "tool_result") {
        intake.account.other_tools += 1;
        return;
    }
    let time = item.time();
    let sequence = || {
        let text = |key| of.text(key).unwrap_or_default();
        let parts = [text(Key::Session), &*of.number(Key::Sequence).unwrap_or_default().to_string(), &*time.map_or(0, |t| t.0).to_string()];
        Id::new("event", &parts.join(" "))
    };
    if !is_new(item, sequence(), intake) {
        return;
    }
    let Some((server, tool)) = named(of, intake) else {
        intake.account.other_tools += 1;
        return;
    };
    let duration = of.number(Key::DurationMs).and_then(|ms| Elapsed::exact(ms, 1e-3));
    let at = time.zip(duration).map(|(end, duration)| end.before(duration.time)).or(time);
    let call = Call { at, duration, server, tool, ..common(item, resource, intake) };
    let outcome = outcome(item, intake);
    intake.call(&Call { outcome, ..call });
}

/// By the call's own id where there is one, so that its event and its span are one call.
fn is_new(item: &Item, otherwise: Id, intake: &mut Intake) -> bool {
    let own = item.attributes.text(Key::ToolUse).map(|id| Id::new("tool use", id));
    intake.is_new(own.unwrap_or(otherwise))
}

/// Server and tool, where it is a tool of an MCP server; what is not said is none.
fn named(of: &Attributes, intake: &mut Intake) -> Option<(Option<Name>, Option<Name>)> {
    let details = of.tool_parameters();
    let (detail_server, detail_tool) = details.as_ref().map_or((None, None), |of| (of.server.as_deref(), of.tool.as_deref()));
    let server = of.text(Key::McpServer).or(detail_server);
    let tool = of.text(Key::Tool).or(of.text(Key::ToolName));
    let (server, tool) = match tool.and_then(mcp_tool) {
        Some((of_name, tool)) => (server.or(Some(of_name)), detail_tool.or(Some(tool))),
        // Without the details, Claude Code calls every tool of every server so.
        None if tool == Some("mcp_tool") => (server, of.text(Key::McpTool).or(detail_tool)),
        None if server.is_some() || of.text(Key::McpMethod).is_some() => (server.or(of.text(Key::Address).map(host)), detail_tool.or(tool)),
        None => return None,
    };
    let mut name = |text: Option<&str>| intake.names.name(text?);
    Some((name(server), name(tool)))
}

/// Of an address that is a URL: users, passwords, paths and tokens are none of ours.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    rest.rsplit('@').next().unwrap_or_default()
}

fn common(item: &Item, resource: &Attributes, intake: &mut Intake) -> Call {
    let of = &item.attributes;
    let either = |key| of.text(key).or(resource.text(key));
    let agent = either(Key::Agent).or(either(Key::ClaudeAgent)).or(resource.text(Key::Service));
    let size = |key| of.number(key).filter(|size| *size >= 0.0).map(|size| size as u64);
    Call {
        agent: agent.and_then(|agent| intake.names.name(agent)),
        session: intake.session(of.text(Key::McpSession).or(either(Key::Session))),
        request_bytes: size(Key::RequestBytes),
        response_bytes: size(Key::ResponseBytes),
        ..Call::UNKNOWN
    }
}

fn outcome(item: &Item, intake: &mut Intake) -> Outcome {
    let of = &item.attributes;
    let kind = of.text(Key::ErrorType).or(of.text(Key::ClaudeErrorType));
    match (kind, of.truth(Key::Success)) {
        (_, Some(true)) => Outcome::Succeeded,
        (Some(kind), _) => Outcome::Failed(intake.names.error_kind(kind)),
        (None, Some(false)) => Outcome::Failed(intake.names.error_kind("error")),
        (None, None) if item.has_error_status() => Outcome::Failed(intake.names.error_kind("error")),
        (None, None) => Outcome::Unknown,
    }
}

fn elapsed(item: &Item, intake: &mut Intake) -> Option<(UnixTime, SimTime)> {
    let (start, end) = (item.start(), item.end());
    if start.is_none() || end.is_none() {
        intake.unused(Unused::BadTime);
    }
    intake.between(start, end).and_then(|time| Some((start?, time)))
}
