//! A trace's calls by the scenario's servers and agents. A name that the scenario does not have is counted, and never taken for another.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::scenario::{CapabilityId, Scenario};
use crate::trace::{Call, Measure, Name, Names, Outcome, Sink, UnixTime};

use super::Reading;

/// Calls that are kept, twice each, of about 50 bytes: what comes later is counted and left out.
pub const MOST_CALLS: usize = 1_000_000;

/// A name of the trace and the scenario's for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    pub trace: String,
    pub scenario: String,
}

/// Calls by names that the scenario does not know.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Unknown {
    pub servers: BTreeMap<String, u64>,
    pub agents: BTreeMap<String, u64>,
    pub capabilities: BTreeMap<String, u64>,
}

/// How a call ended, as a scenario's `errors` know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Well,
    Soft,
    Protocol,
    Connection,
    TimedOut,
    Unknown,
}

/// One call of a server. Seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerCall {
    pub at: Option<f64>,
    pub took: Option<f64>,
    /// `took` is of the kind that is asked for.
    pub is_measured: bool,
    pub capability: Option<CapabilityId>,
    pub ended: Ended,
}

/// One call of an agent. Seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CallOfAgent {
    pub at: f64,
    pub ended: f64,
    pub session: Option<u64>,
    /// Which of the agent's needs, in their order.
    pub need: Option<usize>,
}

pub struct Observed<'s> {
    scenario: &'s Scenario,
    reading: &'s Reading,
    /// By server of the scenario.
    pub servers: Vec<Vec<ServerCall>>,
    /// By agent of the scenario.
    pub agents: Vec<Vec<CallOfAgent>>,
    pub unknown: Unknown,
    places: HashMap<(Kind, Name), Option<usize>>,
    kept: usize,
    left_out: u64,
    without_time: u64,
    /// The first call's time as it was read, so that seconds from it are exact.
    zero: Option<UnixTime>,
    span: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Server,
    Agent,
    Capability,
}

impl<'s> Observed<'s> {
    pub fn new(scenario: &'s Scenario, reading: &'s Reading) -> Observed<'s> {
        Observed {
            scenario,
            reading,
            servers: vec![Vec::new(); scenario.servers.len()],
            agents: vec![Vec::new(); scenario.agents.len()],
            unknown: Unknown::default(),
            places: HashMap::new(),
            kept: 0,
            left_out: 0,
            without_time: 0,
            zero: None,
            span: None,
        }
    }

    /// From the first call to the last end, in seconds since the day on which the first file begins.
    pub fn span(&self) -> Option<(f64, f64)> {
        self.span
    }

    pub fn finish(&mut self) {
        for calls in &mut self.servers {
            calls.sort_by(|a, b| a.at.unwrap_or(f64::NEG_INFINITY).total_cmp(&b.at.unwrap_or(f64::NEG_INFINITY)));
        }
        self.agents.iter_mut().for_each(|calls| calls.sort_by(|a, b| a.at.total_cmp(&b.at)));
    }

    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.left_out > 0 {
            notes.push(format!("{} calls after the first {MOST_CALLS} are left out", self.left_out));
        }
        if self.without_time > 0 {
            notes.push(format!("{} calls have no time: they say nothing of outages, workloads and slots", self.without_time));
        }
        notes
    }

    /// The scenario's own for a name of the trace.
    fn place(&mut self, kind: Kind, name: Name, names: &Names) -> Option<usize> {
        if let Some(place) = self.places.get(&(kind, name)) {
            return *place;
        }
        let text = self.known_as(names.text(name));
        let scenario = self.scenario;
        let place = match kind {
            Kind::Server => scenario.server_named(text).map(|id| id.index()),
            Kind::Agent => scenario.agent_named(text).map(|id| id.index()),
            Kind::Capability => scenario.capability_named(text).map(|id| id.index()),
        };
        self.places.insert((kind, name), place);
        place
    }

    fn known_as<'n>(&'n self, text: &'n str) -> &'n str {
        self.reading.renamed.iter().find(|renamed| renamed.trace == text).map_or(text, |renamed| &renamed.scenario)
    }

    /// As [`Observed::place`], and a name that is unknown is counted.
    fn counted(&mut self, kind: Kind, name: Option<Name>, names: &Names) -> Option<usize> {
        let place = name.and_then(|name| self.place(kind, name, names));
        if place.is_none() {
            let unknown = match kind {
                Kind::Server => &mut self.unknown.servers,
                Kind::Agent => &mut self.unknown.agents,
                Kind::Capability => &mut self.unknown.capabilities,
            };
            if let Some(name) = name {
                *unknown.entry(names.text(name).to_owned()).or_default() += 1;
            } else if kind != Kind::Capability {
                *unknown.entry("(no name)".to_owned()).or_default() += 1;
            }
        }
        place
    }

    /// The agent's need that a call is for: of this capability, else the only one at this server.
    fn need(&self, agent: usize, capability: Option<usize>, server: Option<usize>) -> Option<usize> {
        let needs: Vec<_> = self.scenario.needs_of(agent.into()).map(|id| self.scenario.need(id)).collect();
        if let Some(capability) = capability {
            return needs.iter().position(|need| need.capability.index() == capability);
        }
        let at_server = |need: &usize| server.is_some() && needs[*need].current.map(|id| id.index()) == server;
        let mut there = (0..needs.len()).filter(at_server);
        there.next().filter(|_| there.next().is_none())
    }
}

impl Sink for Observed<'_> {
    fn call(&mut self, call: &Call, names: &Names) {
        // Nobody permitted it, or nobody waited for it: no call of a server.
        if matches!(call.outcome, Outcome::Refused) {
            return;
        }
        if self.kept >= MOST_CALLS {
            self.left_out += 1;
            return;
        }
        self.kept += 1;
        let server = self.counted(Kind::Server, call.server, names);
        let capability = self.counted(Kind::Capability, call.capability, names);
        let agent = self.counted(Kind::Agent, call.agent, names);
        let zero = self.zero;
        let at = call.at.map(|at| (at.0 - zero.unwrap_or(at).0) as f64 / 1e9 + time_of_day(zero.unwrap_or(at)));
        self.zero = zero.or(call.at);
        self.without_time += u64::from(at.is_none());
        let took = call.duration.map(|duration| duration.time.as_secs());
        if let Some(at) = at {
            let until = at + took.unwrap_or(0.0);
            let (from, to) = self.span.unwrap_or((at, until));
            self.span = Some((from.min(at), to.max(until)));
        }
        let ended = match call.outcome {
            Outcome::Succeeded => Some(Ended::Well),
            Outcome::Failed(kind) => Some(kind_of_error(names.text(kind))),
            Outcome::Unknown => Some(Ended::Unknown),
            // Where the trace ends, nothing is known of the end.
            Outcome::Refused | Outcome::Unanswered => None,
        };
        if let (Some(server), Some(ended)) = (server, ended) {
            let is_measured = call.duration.is_some_and(|duration| duration.measure == self.reading.measure);
            self.servers[server].push(ServerCall { at, took, is_measured, capability: capability.map(CapabilityId::from), ended });
        }
        if let (Some(agent), Some(at)) = (agent, at) {
            let need = self.need(agent, capability, server);
            let session = call.session.map(|session| session.0);
            self.agents[agent].push(CallOfAgent { at, ended: at + took.unwrap_or(0.0), session, need });
        }
    }
}

impl Reading {
    /// In the words of a note.
    pub(super) fn kind_of_durations(&self) -> &'static str {
        match self.measure {
            Measure::Exact => "",
            Measure::UpperBound => ", upper bounds",
        }
    }
}

/// Seconds since midnight, UTC.
fn time_of_day(at: UnixTime) -> f64 {
    at.0.rem_euclid(86_400_000_000_000) as f64 / 1e9
}

/// `error.type` of OpenTelemetry, the kinds that transcripts are told to have, codes of JSON-RPC, and what people write in a column.
fn kind_of_error(kind: &str) -> Ended {
    let kind = kind.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| kind.contains(part));
    // -32001 is a request that timed out, in the SDKs of MCP.
    if has(&["timeout", "timed_out", "timedout", "deadline", "-32001"]) {
        Ended::TimedOut
    } else if has(&["disconnect", "connection", "econn", "epipe", "socket", "-32000"]) {
        Ended::Connection
    } else if has(&["protocol", "jsonrpc", "json-rpc"])
        || kind.strip_prefix('-').is_some_and(|code| code.bytes().all(|b| b.is_ascii_digit()))
    {
        Ended::Protocol
    } else {
        Ended::Soft
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_errors_are_told_apart() {
        let check = |kind: &str, expected| assert_eq!(kind_of_error(kind), expected, "{kind}");
        check("timeout", Ended::TimedOut);
        check("DEADLINE_EXCEEDED", Ended::TimedOut);
        check("-32001", Ended::TimedOut);
        check("disconnected", Ended::Connection);
        check("ECONNRESET", Ended::Connection);
        check("-32602", Ended::Protocol);
        check("protocol", Ended::Protocol);
        check("tool_error", Ended::Soft);
        check("error", Ended::Soft);
    }
}
