//! What a trace shows: its calls by server, tool and agent, failures, latencies, calls at once, the hours of the day.

mod concurrency;
mod group;

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::call::{Call, Elapsed, Measure, Outcome, UnixTime};
use super::intake::Sink;
use super::names::{Name, Names};
use super::{Account, Session, Trace};
use crate::units::SimTime;

pub use concurrency::AtOnce;
pub use group::{Group, Latency, Share, wilson};

use concurrency::Concurrency;
use group::Tally;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    pub account: Account,
    /// Of all calls.
    pub all: Group,
    /// From the first beginning to the last end.
    pub span: Option<Span>,
    pub sessions: u64,
    /// Each table: most calls first.
    pub servers: Vec<Group>,
    /// By server and tool.
    pub tools: Vec<Group>,
    pub agents: Vec<Group>,
    pub errors: Vec<ErrorKind>,
    /// All calls first, then servers in the order of their table. Of calls with a time and a duration.
    pub concurrency: Vec<ServerConcurrency>,
    /// Whether a duration that is an upper bound went into `concurrency`: then it is one too.
    pub concurrency_is_bound: bool,
    /// Calls that came too late to be counted in their place.
    pub concurrency_out_of_place: u64,
    pub day: Option<DayProfile>,
}

/// Nanoseconds of the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    pub first: i64,
    pub last: i64,
}

impl Span {
    pub fn time(self) -> SimTime {
        UnixTime(self.last).since(UnixTime(self.first)).unwrap_or_default()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorKind {
    pub server: String,
    pub kind: String,
    pub calls: u64,
    /// Of the server's calls that succeeded or failed.
    pub share: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerConcurrency {
    /// None: all.
    pub server: Option<String>,
    #[serde(flatten)]
    pub at_once: AtOnce,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayProfile {
    /// Seconds east of Greenwich.
    pub utc_offset: i64,
    /// Calls that began in each hour of the day.
    pub hours: [u64; 24],
}

/// More lines than this are not looked at; the calls of further ones are lumped together.
const GROUPS_MAX: usize = 500;
const SESSIONS_MAX: usize = 1 << 20;
const MINUTES: usize = 24 * 60;
/// 1980: what is earlier is no time of an MCP call, but seconds since some start, and has no hour of day.
const SOONEST: i64 = 315_532_800_000_000_000;

/// Takes a trace's calls, in bounded memory.
#[derive(Debug)]
pub struct Summing {
    all: Tally,
    servers: Table<Option<Name>>,
    tools: Table<(Option<Name>, Option<Name>)>,
    agents: Table<Option<Name>>,
    errors: Table<(Option<Name>, Name)>,
    concurrency: Concurrency,
    concurrency_is_bound: bool,
    sessions: HashSet<Session>,
    span: Option<(UnixTime, UnixTime)>,
    minutes: Box<[u64; MINUTES]>,
}

impl Default for Summing {
    fn default() -> Summing {
        Summing {
            all: Tally::default(),
            servers: Table::default(),
            tools: Table::default(),
            agents: Table::default(),
            errors: Table::default(),
            concurrency: Concurrency::default(),
            concurrency_is_bound: false,
            sessions: HashSet::new(),
            span: None,
            minutes: Box::new([0; MINUTES]),
        }
    }
}

impl Sink for Summing {
    fn call(&mut self, call: &Call, _: &Names) {
        self.all.add(call);
        self.servers.entry(call.server).add(call);
        self.tools.entry((call.server, call.tool.or(call.capability))).add(call);
        self.agents.entry(call.agent).add(call);
        if let Outcome::Failed(kind) = call.outcome {
            self.errors.entry((call.server, kind)).add(call);
        }
        if let Some(session) = call.session
            && self.sessions.len() < SESSIONS_MAX
        {
            self.sessions.insert(session);
        }
        let Some(at) = call.at else { return };
        let end = call.duration.map_or(at, |duration| at.after(duration.time));
        let (first, last) = self.span.unwrap_or((at, end));
        self.span = Some((first.min(at), last.max(end)));
        let minute = at.0.div_euclid(60_000_000_000).rem_euclid(MINUTES as i64);
        self.minutes[minute as usize] += 1;
        if let Some(Elapsed { time, measure }) = call.duration {
            self.concurrency_is_bound |= measure == Measure::UpperBound;
            self.concurrency.add(at, time, call.server);
        }
    }
}

impl Summing {
    /// `utc_offset`: seconds east of Greenwich, of the hours of the day.
    pub fn finish(self, trace: Trace, utc_offset: i64) -> Summary {
        let Trace { account, names } = trace;
        let all = self.all.calls;
        let name = |name: Option<Name>| name.map_or("(unknown)", |name| names.text(name)).to_owned();
        let tool = |(server, tool): (Option<Name>, Option<Name>)| match server {
            Some(_) => format!("{}: {}", name(server), name(tool)),
            None => name(tool),
        };
        let answered = |server: &Option<Name>| self.servers.groups.get(server).map_or(0, Tally::answered);
        let errors = self.errors.sorted().into_iter().map(|(key, tally)| {
            let Some((server, kind)) = key else {
                return ErrorKind { server: OTHERS.to_owned(), kind: OTHERS.to_owned(), calls: tally.calls, share: 0.0 };
            };
            let share = tally.calls as f64 / answered(server).max(1) as f64;
            ErrorKind { server: name(*server), kind: name(Some(*kind)), calls: tally.calls, share }
        });
        let errors = errors.collect();
        let servers = self.servers.named(all, name);
        let span = self.span.map(|(first, last)| Span { first: first.0, last: last.0 });
        let order = self.servers.sorted().into_iter().filter_map(|(key, _)| key.copied().flatten());
        let out_of_place = self.concurrency.out_of_place;
        let at_once = self.concurrency.finish(span.map(Span::time));
        let of = |server: Option<Name>| {
            let at_once = *at_once.get(&server)?;
            Some(ServerConcurrency { server: server.map(|server| names.text(server).to_owned()), at_once })
        };
        let concurrency = std::iter::once(None).chain(order.map(Some)).filter_map(of).collect();
        Summary {
            all: self.all.group("all".to_owned(), all),
            span,
            sessions: self.sessions.len() as u64,
            tools: self.tools.named(all, tool),
            agents: self.agents.named(all, name),
            servers,
            errors,
            concurrency,
            concurrency_is_bound: self.concurrency_is_bound,
            concurrency_out_of_place: out_of_place,
            day: span.filter(|span| span.first >= SOONEST).map(|_| day(&self.minutes, utc_offset)),
            account,
        }
    }
}

fn day(minutes: &[u64; MINUTES], utc_offset: i64) -> DayProfile {
    let mut hours = [0; 24];
    for (minute, calls) in minutes.iter().enumerate() {
        let local = (minute as i64 + utc_offset.div_euclid(60)).rem_euclid(MINUTES as i64);
        hours[local as usize / 60] += calls;
    }
    DayProfile { utc_offset, hours }
}

const OTHERS: &str = "(others)";

/// Tallies by a key, up to [`GROUPS_MAX`] of them.
#[derive(Debug)]
struct Table<K> {
    groups: BTreeMap<K, Tally>,
    others: Tally,
}

impl<K> Default for Table<K> {
    fn default() -> Table<K> {
        Table { groups: BTreeMap::new(), others: Tally::default() }
    }
}

impl<K: Ord + Copy> Table<K> {
    fn entry(&mut self, key: K) -> &mut Tally {
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key) {
            return &mut self.others;
        }
        self.groups.entry(key).or_default()
    }

    /// Most calls first, and no key for the others, which are last.
    fn sorted(&self) -> Vec<(Option<&K>, &Tally)> {
        let mut sorted: Vec<_> = self.groups.iter().map(|(key, tally)| (Some(key), tally)).collect();
        // Stable: names of as many calls stay in the order in which they were first met.
        sorted.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.calls));
        if self.others.calls > 0 {
            sorted.push((None, &self.others));
        }
        sorted
    }

    fn named(&self, all: u64, name: impl Fn(K) -> String) -> Vec<Group> {
        let named = |(key, tally): (Option<&K>, &Tally)| tally.group(key.map_or_else(|| OTHERS.to_owned(), |key| name(*key)), all);
        self.sorted().into_iter().map(named).collect()
    }
}
