//! Where all formats hand over what they find: names become numbers, records are told apart, calls go on to the sink.

use std::cell::Cell;
use std::rc::Rc;

use super::account::{Account, Unused};
use super::call::{Call, Outcome, Session, UnixTime};
use super::names::Names;
use super::recent::{Id, Seen};
use crate::units::SimTime;

/// Who receives a trace's calls, one at a time.
pub trait Sink {
    /// In the order in which their ends were read.
    fn call(&mut self, call: &Call, names: &Names);

    /// So many bytes more were read.
    fn progress(&mut self, _bytes: u64) {}
}

impl<F: FnMut(&Call, &Names)> Sink for F {
    fn call(&mut self, call: &Call, names: &Names) {
        self(call, names);
    }
}

pub(super) struct Intake<'s> {
    pub names: Names,
    pub account: Account,
    /// Bytes read since they were last asked for.
    pub meter: Rc<Cell<u64>>,
    line: u64,
    sink: &'s mut dyn Sink,
    seen: Seen,
    latest: Option<UnixTime>,
}

/// Clocks are adjusted by less than this all the time.
const JUMP: i64 = 1_000_000_000;

impl<'s> Intake<'s> {
    pub fn new(sink: &'s mut dyn Sink) -> Intake<'s> {
        Intake {
            names: Names::default(),
            account: Account::default(),
            meter: Rc::default(),
            line: 0,
            sink,
            seen: Seen::default(),
            latest: None,
        }
    }

    /// Another file begins, with a clock of its own.
    pub fn begin_file(&mut self) {
        (self.latest, self.line) = (None, 0);
    }

    /// Another line, or row, is read.
    pub fn next(&mut self, line: u64) {
        (self.line, self.account.lines) = (line, self.account.lines + 1);
        self.progress();
    }

    pub fn progress(&mut self) {
        let bytes = self.meter.take();
        if bytes > 0 {
            self.account.bytes += bytes;
            self.sink.progress(bytes);
        }
    }

    pub fn call(&mut self, call: &Call) {
        self.account.calls += 1;
        self.account.unanswered += u64::from(call.outcome == Outcome::Unanswered);
        self.sink.call(call, &self.names);
    }

    pub fn unused(&mut self, why: Unused) {
        self.account.add(why, self.line);
    }

    /// Whether a record is new; one that is not is counted.
    pub fn is_new(&mut self, id: Id) -> bool {
        let new = self.seen.insert(id);
        if !new {
            self.unused(Unused::Duplicate);
        }
        new
    }

    pub fn has_seen(&self, id: Id) -> bool {
        self.seen.contains(id)
    }

    /// A record's time, in a file whose records are in the order of time.
    pub fn passes(&mut self, time: UnixTime) {
        if self.latest.is_some_and(|latest| latest.0.saturating_sub(time.0) > JUMP) {
            self.account.clock_jumps += 1;
        }
        self.latest = Some(time);
    }

    /// How long from one to the other; an end before its beginning is counted.
    pub fn between(&mut self, start: Option<UnixTime>, end: Option<UnixTime>) -> Option<SimTime> {
        let (start, end) = start.zip(end)?;
        let time = end.since(start);
        self.account.clock_jumps += u64::from(time.is_none());
        time
    }

    pub fn session(&self, id: Option<&str>) -> Option<Session> {
        id.filter(|id| !id.is_empty()).map(|id| Session(Id::new("session", id).0))
    }
}
