//! Rows of every format meet here: matched, timed, counted.

use std::collections::BTreeMap;

use crate::scenario::{NeedId, ReplayedCall, Scenario, Served};
use crate::trace::{Clock, Rows, Scalar, Wrong, number, shown};
use crate::units::SimTime;

use super::CallLogError;
use super::matching::Names;
use super::summary::{LogSummary, Skipped, Tally, Unmatched, pair};

/// The values of a log's columns.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row<'a> {
    time: Scalar<'a>,
    agent: Option<&'a str>,
    capability: Option<&'a str>,
    server: Option<&'a str>,
    /// Seconds.
    duration: Scalar<'a>,
    /// Used where `duration` is not there.
    duration_ms: Scalar<'a>,
}

#[derive(Debug)]
struct Found {
    /// Nanoseconds since the log's first time.
    since: i64,
    need: NeedId,
    served: Option<Served>,
}

/// Turns rows into calls; whatever a row holds, it ends in a count at worst.
#[derive(Debug)]
pub struct Collector<'s> {
    file: &'s str,
    scenario: &'s Scenario,
    names: Names<'s>,
    clock: Clock,
    most: usize,
    found: Vec<Found>,
    latest: i64,
    rows: u64,
    /// How many, and the line of the first.
    out_of_order: Option<(u64, u64)>,
    skipped: BTreeMap<Skipped, (u64, u64)>,
    unmatched: BTreeMap<Unmatched, Tally>,
    unknown_servers: Tally,
}

impl<'s> Collector<'s> {
    /// `most`: how many calls are kept; one more is an error.
    pub fn new(file: &'s str, scenario: &'s Scenario, most: usize) -> Collector<'s> {
        Collector {
            file,
            scenario,
            names: Names::new(scenario),
            clock: Clock::default(),
            most,
            found: Vec::new(),
            latest: i64::MIN,
            rows: 0,
            out_of_order: None,
            skipped: BTreeMap::new(),
            unmatched: BTreeMap::new(),
            unknown_servers: Tally::default(),
        }
    }

    fn file(&self) -> String {
        self.file.to_owned()
    }

    fn count(&mut self, line: u64, why: Skipped) {
        self.skipped.entry(why).or_insert((0, line)).0 += 1;
    }

    fn usable(&mut self, row: &Row) -> Result<(i64, Option<SimTime>), Skipped> {
        let took = match duration(row.duration, 1.0)? {
            Some(took) => Some(took),
            None => duration(row.duration_ms, 1e-3)?,
        };
        let since = self.clock.since_first(row.time).map_err(|wrong| match wrong {
            Wrong::Bad => Skipped::BadTime,
            Wrong::Far => Skipped::FarTime,
        })?;
        Ok((since, took))
    }

    fn matched(&mut self, line: u64, since: i64, took: Option<SimTime>, row: &Row) {
        let [agent, capability, server] = [row.agent, row.capability, row.server].map(named);
        let matched = match self.names.matched(agent, capability, server) {
            Ok(matched) => matched,
            Err(why) => {
                let example = || example(why, agent, capability, server);
                let has_example = !matches!(why, Unmatched::NoAgent | Unmatched::NothingCalled);
                self.unmatched.entry(why).or_default().add(has_example.then_some(example));
                return;
            }
        };
        if matched.server_unknown {
            self.unknown_servers.add(server.map(|name| move || shown(name)));
        }
        if since < self.latest {
            self.out_of_order.get_or_insert((0, line)).0 += 1;
        }
        self.latest = self.latest.max(since);
        let served = matched.server.zip(took).map(|(server, took)| Served { server, took });
        self.found.push(Found { since, need: matched.need, served });
    }

    /// The calls in order of time, the first at zero.
    pub fn finish(mut self) -> Result<(Vec<ReplayedCall>, LogSummary), CallLogError> {
        // Stable: calls of the same instant stay in the log's order.
        self.found.sort_by_key(|found| found.since);
        let first = self.found.first().map_or(0, |found| found.since);
        let call = |found: &Found| {
            let at = SimTime(u64::try_from(found.since - first).expect("what is sorted is not before the first"));
            ReplayedCall { at, need: found.need, served: found.served }
        };
        let calls: Vec<ReplayedCall> = self.found.iter().map(call).collect();
        let summary = self.summary(&calls);
        let file = self.file();
        if self.rows == 0 {
            return Err(CallLogError::Empty { file });
        }
        if self.skipped.get(&Skipped::FarTime).is_some_and(|(far, _)| *far > self.rows / 2) {
            return Err(CallLogError::Scattered { file });
        }
        if calls.is_empty() {
            return Err(match self.unmatched.is_empty() {
                true => CallLogError::NoneUsable { file, reasons: summary.skipped_text() },
                false => CallLogError::NoneMatches { file, reasons: summary.unmatched_text() },
            });
        }
        Ok((calls, summary))
    }

    fn summary(&self, calls: &[ReplayedCall]) -> LogSummary {
        let mut agents: Vec<_> = vec![false; self.scenario.agents.len()];
        calls.iter().for_each(|call| agents[self.scenario.need(call.need).agent.index()] = true);
        LogSummary {
            rows: self.rows,
            calls: calls.len() as u64,
            span: calls.last().map_or(SimTime::ZERO, |call| call.at),
            agents: agents.into_iter().filter(|seen| *seen).count(),
            reading: self.clock.reading(),
            out_of_order: self.out_of_order,
            served: calls.iter().filter(|call| call.served.is_some()).count() as u64,
            skipped: self.skipped.iter().map(|(why, (count, line))| (*why, *count, *line)).collect(),
            unmatched: self.unmatched.iter().map(|(why, tally)| (*why, tally.clone())).collect(),
            unknown_servers: self.unknown_servers.clone(),
        }
    }
}

impl Rows for Collector<'_> {
    type Error = CallLogError;

    fn skip(&mut self, line: u64, why: crate::trace::Skipped) -> Result<(), CallLogError> {
        self.rows += 1;
        self.count(line, why.into());
        Ok(())
    }

    fn row(&mut self, line: u64, values: &[Scalar]) -> Result<(), CallLogError> {
        let [time, agent, capability, server, duration, duration_ms] = *values else { unreachable!("a value for each column") };
        let [agent, capability, server] =
            [agent, capability, server].map(|name| if let Scalar::Text(name) = name { Some(name) } else { None });
        let row = Row { time, agent, capability, server, duration, duration_ms };
        self.rows += 1;
        match self.usable(&row) {
            Err(why) => self.count(line, why),
            Ok((since, took)) => self.matched(line, since, took, &row),
        }
        match self.found.len() > self.most {
            true => Err(CallLogError::TooMany { file: self.file(), line }),
            false => Ok(()),
        }
    }
}

/// Blanks around a name are no part of it; an empty one is none.
fn named(name: Option<&str>) -> Option<&str> {
    name.map(str::trim).filter(|name| !name.is_empty())
}

fn example(why: Unmatched, agent: Option<&str>, capability: Option<&str>, server: Option<&str>) -> String {
    let [agent, capability, server] = [agent, capability, server].map(Option::unwrap_or_default);
    match why {
        Unmatched::NoAgent | Unmatched::NothingCalled => String::new(),
        Unmatched::UnknownAgent => shown(agent),
        Unmatched::UnknownCapability => shown(capability),
        Unmatched::UnknownServer => shown(server),
        Unmatched::NotNeeded => pair(agent, capability),
        Unmatched::NotServed | Unmatched::Ambiguous => pair(agent, server),
    }
}

/// None where there is none; an empty text is none.
fn duration(value: Scalar, seconds: f64) -> Result<Option<SimTime>, Skipped> {
    let number = match value {
        Scalar::Absent => return Ok(None),
        Scalar::Text(text) if text.trim().is_empty() => return Ok(None),
        Scalar::Text(text) => number(text),
        Scalar::Number(number) => Some(number),
        Scalar::Instant(_) | Scalar::Truth(_) | Scalar::Other => None,
    };
    let duration = number.filter(|n| n.is_finite() && *n >= 0.0).ok_or(Skipped::BadDuration)?;
    Ok(Some(SimTime::from_secs(duration * seconds)))
}
