//! Calls from named columns, of CSV, JSON lines and Parquet.

use super::account::Unused;
use super::call::{Call, Elapsed, Outcome, Told, UnixTime};
use super::intake::Intake;
use super::names::{Name, mcp_tool};
use super::recent::Id;
use super::table::{Column, Columns, Holds, Rows, Skipped, TableError};
use super::time::{Clock, Scalar, number};

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

fn missing(found: &[bool]) -> Option<String> {
    let missing = match found {
        [_, _, false, false, false, ..] => "server, tool or capability",
        [false, _, _, _, _, false, false, ..] => "time or duration",
        _ => return None,
    };
    Some(missing.to_owned())
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
        if [server, tool, capability].iter().all(|name| text(*name).is_none()) {
            return Err(Unused::UnknownRecord);
        }
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
            duration: took,
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
        let told = match outcome {
            Scalar::Truth(truth) => Some(if truth { Told::Succeeded } else { Told::Failed }),
            Scalar::Text(text) => Told::of(text),
            _ => None,
        };
        match (told, error) {
            (Some(Told::Succeeded), _) => Outcome::Succeeded,
            (Some(Told::Refused), _) => Outcome::Refused,
            (Some(Told::Unanswered), _) => Outcome::Unanswered,
            (Some(Told::TimedOut), _) => Outcome::Failed(self.intake.names.error_kind("timeout")),
            (_, Some(error)) => Outcome::Failed(self.intake.names.error_kind(error)),
            (Some(Told::Failed), None) => Outcome::Failed(self.intake.names.error_kind("error")),
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

fn taken(value: Scalar, unit: f64) -> Result<Option<Elapsed>, Unused> {
    if blank(value) {
        return Ok(None);
    }
    of_number(value).and_then(|value| Elapsed::exact(value, unit)).ok_or(Unused::BadDuration).map(Some)
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

#[cfg(test)]
mod tests {
    use crate::trace::tests::{calls, unused};
    use crate::trace::{Call, Format, Measure, Names, Unused, read_from};

    #[test]
    fn columns_become_calls() {
        let text = "Time\tx,Agent,SERVER,tool,duration_ms,outcome,error,id,request_bytes\n";
        assert!(
            read_from(text.replace("SERVER", "x").replace("tool", "y").as_bytes(), Format::Csv, &mut |_: &Call, _: &Names| {}).is_err()
        );
        let text = text.replace("\tx", "")
            + "1772352000,a,s,t,250,ok,,1,10\n1772352001,a,s,t,250,ok,,1,10\n1772352002,a,,mcp__s__u,,error,timeout,,\n\
               1772352003,,s,t,1,,\"it said: PRIVATE\",,\n,a,s,t,soon,,,,\nlately,a,s,t,1,,,,\n,a,s,t,0,refused,,,\n,a, ,,5,,,,\n";
        let (found, trace) = calls(text.as_bytes(), Format::Csv);
        let seen: Vec<_> = found.iter().map(|call| (&*call.names, call.took.map(|(ms, _)| ms), &*call.outcome)).collect();
        let expected =
            [("a s t", Some(250), "succeeded"), ("a s u", None, "timeout"), ("- s t", Some(1), "error"), ("a s t", Some(0), "refused")];
        assert_eq!(seen, expected);
        assert_eq!((found[0].took, found[0].bytes), (Some((250, Measure::Exact)), (Some(10), None)));
        assert_eq!(unused(&trace), [(Unused::Duplicate, 1), (Unused::UnknownRecord, 1), (Unused::BadTime, 1), (Unused::BadDuration, 1)]);
    }
}
