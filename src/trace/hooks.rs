//! Logs of Claude Code's hooks: what a hook is given on its standard input, an object a line. `duration_ms` of PostToolUse leaves out the
//! wait for permission.

use std::io::{self, Read};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::account::Unused;
use super::call::{Call, Elapsed, Measure, Outcome, UnixTime};
use super::intake::Intake;
use super::lines::{LineEnd, Lines};
use super::names::mcp_tool;
use super::recent::{Id, Pending};
use super::size::{Answer, Phrase, Size};
use super::text::{Loose, Text};
use super::time::{Clock, Scalar};

const LINE_LONGEST: usize = 16 << 20;

/// `S` and `A`: what becomes of what is private.
#[derive(Debug, Deserialize)]
struct Hook<'a, S, A> {
    #[serde(borrow, default, rename = "hook_event_name")]
    event: Option<Text<'a>>,
    #[serde(borrow, default)]
    tool_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    tool_use_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    session_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    agent_type: Option<Text<'a>>,
    #[serde(borrow, default)]
    duration_ms: Loose<'a>,
    /// Hooks are not told the time; whoever writes the log may add it.
    #[serde(borrow, default, alias = "time", alias = "ts", alias = "@timestamp")]
    timestamp: Loose<'a>,
    #[serde(default)]
    is_interrupt: Option<bool>,
    tool_input: Option<S>,
    tool_response: Option<S>,
    /// Of a failure: what the client says of it.
    error: Option<A>,
}

#[derive(Debug, Default)]
pub(super) struct Hooks {
    pending: Pending<Call>,
}

impl Hooks {
    pub fn read(&mut self, reader: impl Read, intake: &mut Intake) -> io::Result<()> {
        let mut lines = Lines::new(reader, LINE_LONGEST)?;
        let mut clock = Clock::default();
        while let Some(line) = lines.next_line()? {
            intake.next(line.number);
            if line.end == LineEnd::TooLong {
                intake.unused(Unused::TooLong);
                continue;
            }
            if line.text.trim_ascii().is_empty() {
                continue;
            }
            match hook(line.text) {
                Ok(hook) => self.event(&hook, &mut clock, intake),
                Err(Unused::Broken) if line.end == LineEnd::Unfinished => intake.unused(Unused::CutOff),
                Err(why) => intake.unused(why),
            }
        }
        Ok(())
    }

    fn event(&mut self, hook: &Hook<Size, Answer>, clock: &mut Clock, intake: &mut Intake) {
        let event = match (hook.event.as_ref().map(|text| &*text.0), &hook.duration_ms) {
            (Some("PreToolUse"), _) => Event::Begins,
            (Some("PostToolUse"), _) => Event::Ends { failed: false },
            (Some("PostToolUseFailure"), _) => Event::Ends { failed: true },
            // Some keep of an event only what they need.
            (None, Loose::Number(_)) => Event::Ends { failed: false },
            (Some(_), _) => return,
            (None, _) => return intake.unused(Unused::UnknownRecord),
        };
        let Some(name) = &hook.tool_name else { return intake.unused(Unused::UnknownRecord) };
        let id = hook.tool_use_id.as_ref().map(|id| Id::new("tool use", &id.0));
        let begun = id.and_then(|id| self.pending.take(id));
        // An id that has begun may end, once.
        if let (Some(id), None) = (id, &begun)
            && !intake.is_new(id)
        {
            return;
        }
        let Some((server, tool)) = mcp_tool(&name.0) else {
            intake.account.other_tools += 1;
            return;
        };
        let at = time(&hook.timestamp, clock, intake);
        let call = Call {
            agent: intake.names.name(hook.agent_type.as_ref().map_or("main", |text| &text.0)),
            server: intake.names.name(server),
            tool: intake.names.name(tool),
            session: intake.session(hook.session_id.as_ref().map(|text| &*text.0)),
            request_bytes: hook.tool_input.map(|size| size.0),
            response_bytes: hook.tool_response.map(|size| size.0),
            ..Call::UNKNOWN
        };
        match (event, id) {
            (Event::Begins, Some(id)) => {
                let call = Call { at, outcome: Outcome::Unanswered, ..call };
                for forgotten in self.pending.insert(id, call) {
                    intake.call(&forgotten);
                }
            }
            // Nothing could end it.
            (Event::Begins, None) => {}
            (Event::Ends { failed }, _) => {
                let begun_at = begun.and_then(|call| call.at);
                let duration =
                    exact(hook, intake).or_else(|| intake.between(begun_at, at).map(|time| Elapsed { time, measure: Measure::UpperBound }));
                let outcome = match failed {
                    false => Outcome::Succeeded,
                    true if hook.is_interrupt == Some(true) => Outcome::Refused,
                    true => {
                        let phrase = hook.error.as_ref().and_then(|error| error.phrase).unwrap_or(Phrase::Other);
                        Outcome::Failed(intake.names.error_kind(phrase.kind()))
                    }
                };
                let at = at.zip(duration).map(|(at, duration)| at.before(duration.time)).or(begun_at);
                intake.call(&Call { at, duration, outcome, ..call });
            }
        }
    }

    pub fn finish(&mut self, intake: &mut Intake) {
        let mut left: Vec<Call> = self.pending.drain().collect();
        left.sort_by_key(|call| call.at);
        left.iter().for_each(|call| intake.call(call));
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Begins,
    Ends { failed: bool },
}

fn exact(hook: &Hook<Size, Answer>, intake: &mut Intake) -> Option<Elapsed> {
    if hook.duration_ms == Loose::Absent {
        return None;
    }
    let elapsed = hook.duration_ms.number().and_then(|ms| Elapsed::exact(ms, 1e-3));
    if elapsed.is_none() {
        intake.unused(Unused::BadDuration);
    }
    elapsed
}

fn time(time: &Loose, clock: &mut Clock, intake: &mut Intake) -> Option<UnixTime> {
    let scalar = match time {
        Loose::Absent => return None,
        Loose::Text(text) => Scalar::Text(text),
        Loose::Number(number) => Scalar::Number(*number),
        Loose::Truth(_) => Scalar::Other,
    };
    match clock.instant(scalar) {
        Ok(instant) => {
            intake.passes(UnixTime(instant));
            Some(UnixTime(instant))
        }
        Err(_) => {
            intake.unused(Unused::BadTime);
            None
        }
    }
}

/// First with the sizes of what is private, then without where that is not valid Unicode or nested too deep.
fn hook(line: &[u8]) -> Result<Hook<'_, Size, Answer>, Unused> {
    if let Ok(hook) = serde_json::from_slice::<Hook<Size, Answer>>(line) {
        return Ok(hook);
    }
    match serde_json::from_slice::<Hook<IgnoredAny, IgnoredAny>>(line) {
        Ok(Hook { event, tool_name, tool_use_id, session_id, agent_type, duration_ms, timestamp, is_interrupt, .. }) => Ok(Hook {
            event,
            tool_name,
            tool_use_id,
            session_id,
            agent_type,
            duration_ms,
            timestamp,
            is_interrupt,
            tool_input: None,
            tool_response: None,
            error: None,
        }),
        Err(_) if serde_json::from_slice::<IgnoredAny>(line).is_ok() => Err(Unused::UnknownRecord),
        Err(_) => Err(Unused::Broken),
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::tests::{calls, unused};
    use crate::trace::{Format, Measure, Unused};

    #[test]
    fn events_become_calls() {
        let post = r#"{"hook_event_name":"PostToolUse","session_id":"s","agent_type":"writer","tool_use_id":"1","tool_name":"mcp__a__b","tool_input":{"x":[1]},"tool_response":{"deep":"x"},"duration_ms":250,"ts":1772352001}"#;
        let text = [
            r#"{"hook_event_name":"SessionStart","session_id":"s"}"#,
            r#"{"hook_event_name":"PreToolUse","tool_use_id":"1","tool_name":"mcp__a__b","ts":1772351990}"#,
            post,
            post,
            r#"{"hook_event_name":"PreToolUse","tool_use_id":"2","tool_name":"mcp__a__c","ts":1772352002}"#,
            r#"{"hook_event_name":"PostToolUseFailure","tool_use_id":"2","tool_name":"mcp__a__c","error":"MCP error -32001: Request timed out after PRIVATE","ts":1772352005}"#,
            r#"{"hook_event_name":"PostToolUseFailure","tool_name":"mcp__a__c","is_interrupt":true,"duration_ms":-4}"#,
            r#"{"hook_event_name":"PostToolUse","tool_name":"Bash","duration_ms":9}"#,
            r#"{"hook_event_name":"PreToolUse","tool_use_id":"3","tool_name":"mcp__a__d","ts":1772352001}"#,
            r#"{"tool_name":"mcp__a__e","duration_ms":7.5}"#,
            r#"{"x":1}"#,
        ]
        .join("\n");
        let (found, trace) = calls(text.as_bytes(), Format::Hooks);
        let seen: Vec<_> = found.iter().map(|call| (&*call.names, call.took, &*call.outcome)).collect();
        let expected = [
            ("writer a b", Some((250, Measure::Exact)), "succeeded"),
            ("main a c", Some((3000, Measure::UpperBound)), "timeout"),
            ("main a c", None, "refused"),
            ("main a e", Some((7, Measure::Exact)), "succeeded"),
            ("main a d", None, "unanswered"),
        ];
        assert_eq!(seen, expected);
        assert_eq!((found[0].at, found[0].bytes), (Some(1_772_352_000_750), (Some(9), Some(12))));
        let odd = [(Unused::Duplicate, 1), (Unused::UnknownRecord, 1), (Unused::BadDuration, 1)];
        assert_eq!((unused(&trace), trace.account.other_tools, trace.account.clock_jumps), (odd.to_vec(), 1, 1));
    }
}
