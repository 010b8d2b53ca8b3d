//! Calls from named columns, of CSV, JSON lines and Parquet.

use super::account::Unused;
use super::call::{Call, Elapsed, Measure, Outcome, UnixTime};
use super::intake::Intake;
use super::names::{Name, mcp_tool};
use super::recent::Id;
use super::table::{Column, Columns, Holds, Rows, Skipped, TableError};
use super::time::{Clock, Scalar, number};
use crate::units::SimTime;

const COLUMNS: [Column; 13] = [
    Column { name: "time", holds: Holds::Times },
    Column { name: "agent", holds: Holds::Texts },
    Column { name: "capability", holds: Holds::Texts },
    Column { name: "server", holds: Holds::Texts },
    Column { name: "tool", holds: Holds::Texts },
    Column { name: "duration", holds: Holds::Durations },
    Column { name: "duration_ms", holds: Holds::Numbers },
    Column { name: "session", holds: Holds::Texts },
    Column { name: "outcome", holds: Holds::Outcomes },
    Column { name: "error", holds: Holds::Texts },
    Column { name: "request_bytes", holds: Holds::Numbers },
    Column { name: "response_bytes", holds: Holds::Numbers },
    Column { name: "id", holds: Holds::Texts },
];

pub(super) fn columns() -> Columns<'static> {
    Columns { columns: &COLUMNS, missing: &missing }
}

pub(super) fn is_column(name: &str) -> bool {
    COLUMNS.iter().any(|column| column.name.eq_ignore_ascii_case(name))
}

fn missing(found: &[bool]) -> Option<&'static str> {
    match found {
        [_, _, false, false, false, ..] => Some("server, tool or capability"),
        [false, _, _, _, _, false, false, ..] => Some("time or duration"),
        _ => None,
    }
}

/// Rows on their way to being calls.
pub(super) struct RowsIn<'i, 's> {
    pub intake: &'i mut Intake<'s>,
    pub clock: Clock,
}

impl RowsIn<'_, '_> {
    fn next(&mut self, line: u64) {
        self.intake.next(line);
    }

    fn call(&mut self, values: &[Scalar]) -> Result<Call, Unused> {
        let [time, agent, capability, server, tool, duration, duration_ms, session, outcome, error, request, response, id] = *values else {
            unreachable!("a value for each column")
        };
        let took = match taken(duration, 1.0)? {
            Some(took) => Some(took),
            None => taken(duration_ms, 1e-3)?,
        };
        let at = match blank(time) {
            true => None,
            false => Some(UnixTime(self.clock.instant(time).map_err(|_| Unused::BadTime)?)),
        };
        if let Some(id) = text(id)
            && !self.intake.is_new(Id::new("tool use", id))
        {
            return Err(Unused::Duplicate);
        }
        // Numbers of no epoch tell how far calls are apart, but not the hour of day: they are kept all the same.
        let (server_of_tool, tool) = match text(tool).and_then(mcp_tool) {
            Some((server, tool)) => (Some(server), Some(tool)),
            None => (None, text(tool)),
        };
        let names = &mut self.intake.names;
        let mut name = |text: Option<&str>| -> Option<Name> { names.name(text?) };
        let call = Call {
            at,
            duration: took.map(|time| Elapsed { time, measure: Measure::Exact }),
            agent: name(text(agent)),
            server: name(text(server).or(server_of_tool)),
            tool: name(tool),
            capability: name(text(capability)),
            session: self.intake.session(text(session)),
            outcome: Outcome::Unknown,
            request_bytes: size(request),
            response_bytes: size(response),
        };
        Ok(Call { outcome: self.outcome(outcome, text(error)), ..call })
    }

    fn outcome(&mut self, outcome: Scalar, error: Option<&str>) -> Outcome {
        let named = |text: &str| text.trim().to_ascii_lowercase();
        let succeeded = match outcome {
            Scalar::Truth(truth) => Some(truth),
            Scalar::Text(text) => match named(text).as_str() {
                "ok" | "success" | "succeeded" | "true" | "1" | "answered" => Some(true),
                "error" | "failure" | "failed" | "false" | "0" => Some(false),
                "refused" | "rejected" | "denied" | "cancelled" | "interrupted" => return Outcome::Refused,
                "unanswered" => return Outcome::Unanswered,
                "timeout" => return Outcome::Failed(self.intake.names.error_kind("timeout")),
                _ => None,
            },
            _ => None,
        };
        match (succeeded, error) {
            (Some(true), _) => Outcome::Succeeded,
            (_, Some(error)) => Outcome::Failed(self.intake.names.error_kind(error)),
            (Some(false), None) => Outcome::Failed(self.intake.names.error_kind("error")),
            (None, None) => Outcome::Unknown,
        }
    }
}

impl Rows for RowsIn<'_, '_> {
    type Error = TableError;

    fn row(&mut self, line: u64, values: &[Scalar<'_>]) -> Result<(), TableError> {
        self.next(line);
        match self.call(values) {
            Ok(call) => self.intake.call(&call),
            // Counted where it was found.
            Err(Unused::Duplicate) => {}
            Err(why) => self.intake.unused(why),
        }
        Ok(())
    }

    fn skip(&mut self, line: u64, why: Skipped) -> Result<(), TableError> {
        self.next(line);
        self.intake.unused(why.into());
        Ok(())
    }
}

fn text<'a>(value: Scalar<'a>) -> Option<&'a str> {
    match value {
        Scalar::Text(text) if !text.trim().is_empty() => Some(text.trim()),
        _ => None,
    }
}

fn blank(value: Scalar) -> bool {
    matches!(value, Scalar::Absent) || matches!(value, Scalar::Text(text) if text.trim().is_empty())
}

fn taken(value: Scalar, seconds: f64) -> Result<Option<SimTime>, Unused> {
    if blank(value) {
        return Ok(None);
    }
    let value = of_number(value).filter(|n| n.is_finite() && *n >= 0.0).ok_or(Unused::BadDuration)?;
    Ok(Some(SimTime::from_secs(value * seconds)))
}

fn size(value: Scalar) -> Option<u64> {
    of_number(value).filter(|n| n.is_finite() && *n >= 0.0).map(|n| n as u64)
}

fn of_number(value: Scalar) -> Option<f64> {
    match value {
        Scalar::Number(number) => Some(number),
        Scalar::Text(text) => number(text),
        _ => None,
    }
}
