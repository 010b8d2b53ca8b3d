//! Agents, what they do and what they need; a log of what they did.

use crate::distribution::Distribution;
use crate::units::{Rate, SimTime};

use super::{AgentId, CapabilityId, Figure, FileSeen, NeedId, ServerId};

#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub name: String,
    pub complexity: Figure<f64>,
    pub workload: Workload,
    /// Where servers serve by priority: the higher, the sooner.
    pub priority: u32,
    /// Calls that it has under way at once; further ones wait at the client. None: no limit.
    pub concurrency: Option<Figure<u32>>,
    /// Its grant is everything there is (`tools: *` or no `tools`): a mapping does not narrow it.
    pub wildcard: bool,
    /// True where the plan names it a core agent, whose moves come first.
    pub core: bool,
    pub file: Option<FileSeen>,
    /// Servers granted today that no need of the agent uses.
    pub extra_grants: Vec<ServerId>,
}

/// What an agent does: tasks start, by default as a Poisson process; a task makes calls, with thinking between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Mean number of tasks that start; without meaning where arrivals are closed.
    pub tasks: Figure<Rate>,
    pub arrivals: Arrivals,
    /// Relative task rates of parts of a day of equal length, the first from the run's start: mean 1 when scaled. Empty: all alike.
    pub profile: Vec<f64>,
    /// Mean number of calls a task: 1 + Poisson(calls - 1).
    pub calls: Figure<f64>,
    /// Before each call but the first: from the last call's end.
    pub think: Figure<Distribution>,
    /// Calls of one task that may be under way at the same time: 1, one after the other.
    pub at_once: Figure<u32>,
}

/// How an agent's tasks come.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// Independent of each other: exponential gaps.
    Poisson,
    /// Gamma gaps with this coefficient of variation: 0, all alike (deterministic); 1/sqrt(k), Erlang-k.
    Renewal { cv: Figure<f64> },
    /// Bursts: Poisson while on, nothing while off; the rate while on is such that the mean over both is the workload's.
    OnOff { on: Figure<Distribution>, off: Figure<Distribution> },
    /// A closed loop: so many users, each of whom starts its next task a pause after the last one's end.
    Closed { users: Figure<u32>, pause: Figure<Distribution> },
}

/// A log of calls to run again.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// Where it comes from.
    pub file: String,
    /// In order of time.
    pub calls: Vec<ReplayedCall>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplayedCall {
    /// Since the start of the run.
    pub at: SimTime,
    pub need: NeedId,
    /// What its service took at the server that served it, where the log says so.
    pub served: Option<Served>,
}

/// A service time of a log: it holds where the call goes to the same server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
    pub server: ServerId,
    pub took: SimTime,
}

/// (agent, capability), unique in a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    pub agent: AgentId,
    pub capability: CapabilityId,
    /// Relative frequency among the agent's calls.
    pub demand: Figure<f64>,
    /// The server it uses today.
    pub current: Option<ServerId>,
    /// A pinned need never moves.
    pub pinned: bool,
}
