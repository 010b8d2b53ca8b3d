//! What servers are: how they serve, fail, are connected to, and share.

use serde::Serialize;

use crate::distribution::Distribution;
use crate::units::{Bytes, Probability, Rate, SimTime};

use super::{CapabilityId, DependencyId, Figure};

/// A failure domain that several servers share (a network, git). While it is out, every server that depends on it is out.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    pub name: String,
    pub outages: Option<Outages>,
}

/// Alternating up and down times, independent of load.
#[derive(Debug, Clone, PartialEq)]
pub struct Outages {
    /// Time between failures: from the end of one outage to the start of the next.
    pub every: Figure<Distribution>,
    /// Repair time: how long an outage lasts.
    pub lasts: Figure<Distribution>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    pub name: String,
    /// False in what-ifs that take the server down for the whole run: every connection is refused.
    pub up: bool,
    /// False in what-ifs that take the server out of service: no strategy may assign it, no score counts it.
    pub in_service: bool,
    /// Calls whose serial part runs at the same time.
    pub slots: Figure<u32>,
    pub discipline: Discipline,
    /// Calls that may wait for a slot; one more is rejected. None: no limit.
    pub queue: Option<Figure<u32>>,
    /// The part of the service time that occupies a slot.
    pub serial: Figure<Distribution>,
    /// The part that waits on disk, network or a browser, without a slot.
    pub parallel: Figure<Distribution>,
    /// What the first call on a new session takes on its slot beyond its serial part (a browser that is launched).
    pub first_call: Figure<Distribution>,
    pub errors: CallErrors,
    pub connect: Connect,
    /// The process dies, and comes back: everything under way breaks, connections are refused meanwhile.
    pub outages: Option<Outages>,
    /// The process stops, and goes on: connections still come about and calls queue up, but nothing is answered meanwhile; only a time-out
    /// sees it.
    pub freezes: Option<Outages>,
    pub slow: Option<SlowPeriods>,
    pub depends_on: Vec<DependencyId>,
    pub rate_limit: Option<RateLimit>,
    /// Resident memory of one process.
    pub memory: Figure<Bytes>,
    /// More for each call that waits or is served; a call that finds no room on the host is rejected.
    pub memory_per_call: Figure<Bytes>,
    /// By how much a process has grown after each call that it answered, until it ends or the host is full.
    pub memory_growth: Figure<Bytes>,
    pub process: Process,
    /// None: any number of calls at once is safe.
    pub safe_concurrency: Option<SafeConcurrency>,
    /// Weight in the planned load.
    pub weight: Figure<f64>,
    /// Names of environment variables that the server needs; never values.
    pub env: Vec<String>,
    pub provides: Vec<Provision>,
    /// Tokens of all its tools' definitions in an agent's context.
    pub tokens: Figure<u32>,
}

/// What a server can do, and how well.
#[derive(Debug, Clone, PartialEq)]
pub struct Provision {
    pub capability: CapabilityId,
    /// 1: the real thing. Below: a call served here counts as degraded.
    pub quality: Figure<Probability>,
    /// Tokens of the tools that this capability needs, where they are fewer than the server's.
    pub tokens: Option<Figure<u32>>,
    /// Service times of calls for this capability, where they are not the server's.
    pub serial: Option<Figure<Distribution>>,
    pub parallel: Option<Figure<Distribution>>,
}

impl Provision {
    pub fn new(capability: CapabilityId, quality: Figure<Probability>) -> Provision {
        Provision { capability, quality, tokens: None, serial: None, parallel: None }
    }
}

/// Who is served next, where slots are fewer than calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// The call of the agent with the highest priority; first come, first served among equals. What is served is not interrupted.
    Priority,
    /// All at once, each at an equal share of the slots, at most one slot each.
    ProcessorSharing,
}

/// Alternating with normal periods: a call that arrives in a slow one takes `factor` times as long.
#[derive(Debug, Clone, PartialEq)]
pub struct SlowPeriods {
    pub every: Figure<Distribution>,
    pub lasts: Figure<Distribution>,
    /// At least 1.
    pub factor: Figure<f64>,
}

/// Above `limit` calls that the server has taken and is not done with, waiting ones too, the work of each further one is at risk.
#[derive(Debug, Clone, PartialEq)]
pub struct SafeConcurrency {
    pub limit: Figure<u32>,
    pub beyond: Beyond,
}

/// What happens to work above the safe concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beyond {
    /// Answered as if all were well, and lost: only counted.
    Lost,
    /// Aborted: answered with an error.
    Aborted,
}

/// Probabilities of the ways in which an accepted call can go wrong; what is left succeeds. At most one a call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallErrors {
    /// Answered with an error result, after its service.
    pub soft: Figure<Probability>,
    /// Answered with a JSON-RPC error, after its service.
    pub protocol: Figure<Probability>,
    /// Answered with an error after `stall_time` (a dead DNS, for one).
    pub stall: Figure<Probability>,
    pub stall_time: Figure<SimTime>,
    /// Never answered: only the client's time-out ends it.
    pub unanswered: Figure<Probability>,
    /// After its service the connection breaks instead of carrying an answer: the client notices at once, and connects anew for its
    /// next attempt there.
    pub connection: Figure<Probability>,
}

/// How a client gets a session with a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Connect {
    /// Until a session that comes about is ready.
    pub time: Figure<Distribution>,
    /// The same for the run's first connection to the server (packages are fetched, caches are cold). None: as any other.
    pub cold_time: Option<Figure<Distribution>>,
    /// That it does not come about.
    pub failure: Figure<Probability>,
    /// Until a failure is noticed; also when the server is down.
    pub failure_time: Figure<Distribution>,
}

/// A token bucket at the server: `burst` calls at once, refilled at `rate`.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    pub rate: Figure<Rate>,
    pub burst: Figure<u32>,
    /// A rejection says when the next call will be taken, and clients wait that long before they try there again.
    pub retry_after: bool,
}

/// Who shares a server's process and connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Process {
    /// One process for all agents, connected until an outage ends it.
    Shared,
    /// One process and one connection a task.
    Session,
}
