//! Claude Code's transcripts: a call is a `tool_use` of an assistant's message and the `tool_result` that names it, perhaps with progress
//! records that hold its exact time.

mod record;
#[cfg(test)]
mod tests;

use std::io::{self, Read};

use super::account::Unused;
use super::call::{Call, Elapsed, Measure, Outcome, UnixTime};
use super::intake::Intake;
use super::lines::{LineEnd, Lines};
use super::names::{Name, mcp_tool};
use super::recent::{Id, Pending};
use super::size::Phrase;
use super::text::Loose;
use super::time::rfc3339;

use record::{Item, Record, Status};

/// A result may hold pictures, and holds them twice.
const LINE_LONGEST: usize = 16 << 20;

/// The transcripts of one trace: an answer may be in another file than its call.
#[derive(Debug, Default)]
pub(super) struct Transcripts {
    pending: Pending<Waiting>,
}

/// A call without its answer.
#[derive(Debug)]
pub(super) struct Waiting {
    call: Call,
    /// What a progress record said.
    exact: Option<(Elapsed, Status)>,
}

impl Transcripts {
    /// `agent`: what the file is the transcript of, where its name or what lies beside it says so.
    pub fn read(&mut self, reader: impl Read, agent: Option<&str>, intake: &mut Intake) -> io::Result<()> {
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
            match record::read(line.text, &self.pending) {
                Ok(record) => self.record(&record, agent, intake),
                Err(Unused::Broken) if line.end == LineEnd::Unfinished => intake.unused(Unused::CutOff),
                Err(why) => intake.unused(why),
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &Record, file_agent: Option<&str>, intake: &mut Intake) {
        if let Some(uuid) = &record.uuid
            && !intake.is_new(Id::of("record", &uuid.0))
        {
            return;
        }
        if !record.is_known() {
            return intake.unused(Unused::UnknownRecord);
        }
        let time = record.timestamp.text().and_then(|text| i64::try_from(rfc3339(text)?).ok()).map(UnixTime);
        match (time, &record.timestamp) {
            (Some(time), _) => intake.passes(time),
            (None, Loose::Absent) => {}
            (None, _) => intake.unused(Unused::BadTime),
        }
        if let Some(progress) = &record.progress {
            self.progress(record, progress);
        }
        if record.items.is_empty() {
            return;
        }
        let agent = match (&record.agent, file_agent) {
            (Some(agent), _) => &*agent.0,
            (None, Some(agent)) => agent,
            (None, None) if record.sidechain => "subagent",
            (None, None) => "main",
        };
        let context = Context { at: time, agent: intake.names.name(agent), session: record.session.as_ref().map_or("", |text| &*text.0) };
        for item in &record.items {
            match item {
                Item::Use { id, name, request_bytes } => self.begin(Id::of("tool use", &id.0), &name.0, *request_bytes, &context, intake),
                Item::Result { id, failed, response_bytes, phrase } => {
                    let answer = Answer { at: time, failed: *failed, response_bytes: *response_bytes, phrase: *phrase };
                    self.end(Id::of("tool use", &id.0), answer, intake);
                }
            }
        }
    }

    fn begin(&mut self, id: Id, name: &str, request_bytes: Option<u64>, context: &Context, intake: &mut Intake) {
        if !intake.is_new(id) {
            return;
        }
        let Some((server, tool)) = mcp_tool(name) else {
            intake.account.other_tools += 1;
            return;
        };
        let call = Call {
            at: context.at,
            agent: context.agent,
            server: intake.names.name(server),
            tool: intake.names.name(tool),
            session: intake.session(Some(context.session)),
            outcome: Outcome::Unanswered,
            request_bytes,
            ..Call::UNKNOWN
        };
        for forgotten in self.pending.insert(id, Waiting { call, exact: None }) {
            let call = forgotten.unanswered(intake);
            intake.call(&call);
        }
    }

    fn progress(&mut self, record: &Record, progress: &record::Progress) {
        let Some((elapsed, status)) = progress.ended() else { return };
        let ids = [&progress.tool_use, &record.tool_use, &record.parent_tool_use];
        for id in ids.into_iter().flatten() {
            if let Some(waiting) = self.pending.get_mut(Id::of("tool use", &id.0)) {
                waiting.exact = Some((elapsed, status));
                return;
            }
        }
    }

    fn end(&mut self, id: Id, answer: Answer, intake: &mut Intake) {
        let Some(Waiting { mut call, exact }) = self.pending.take(id) else {
            // Another tool's, or of a call that nobody has seen.
            if !intake.has_seen(id) {
                intake.unused(Unused::Orphan);
            }
            return;
        };
        let kind = answer.phrase.filter(|_| answer.failed).unwrap_or(Phrase::Other);
        call.outcome = match answer.failed {
            false => Outcome::Succeeded,
            true if kind == Phrase::Refused => Outcome::Refused,
            true => Outcome::Failed(intake.names.error_kind(kind.kind())),
        };
        call.response_bytes = answer.response_bytes;
        call.duration = match exact {
            // Whoever was asked took that time, not the server.
            _ if call.outcome == Outcome::Refused => None,
            Some((elapsed, _)) => Some(elapsed),
            None => intake.between(call.at, answer.at).map(|time| Elapsed { time, measure: Measure::UpperBound }),
        };
        if let (Some((elapsed, _)), Some(end)) = (exact, answer.at) {
            call.at = Some(end.before(elapsed.time));
        }
        intake.call(&call);
    }

    /// What is still without an answer will have none.
    pub fn finish(&mut self, intake: &mut Intake) {
        let mut left: Vec<Waiting> = self.pending.drain().collect();
        left.sort_by_key(|waiting| waiting.call.at);
        for waiting in left {
            let call = waiting.unanswered(intake);
            intake.call(&call);
        }
    }
}

impl Waiting {
    fn unanswered(&self, intake: &mut Intake) -> Call {
        let outcome = match self.exact {
            None => Outcome::Unanswered,
            Some((_, Status::Completed)) => Outcome::Succeeded,
            Some((_, Status::Failed)) => Outcome::Failed(intake.names.error_kind(Phrase::Other.kind())),
        };
        Call { outcome, duration: self.exact.map(|(elapsed, _)| elapsed), ..self.call }
    }
}

/// Of a record, for the calls in it.
struct Context<'r> {
    at: Option<UnixTime>,
    agent: Option<Name>,
    session: &'r str,
}

struct Answer {
    at: Option<UnixTime>,
    failed: bool,
    response_bytes: Option<u64>,
    phrase: Option<Phrase>,
}
