//! What clients do with their calls, and what watches over the servers.

use serde::Serialize;

use crate::distribution::Distribution;
use crate::units::{Probability, SimTime};

use super::{CapabilityId, Figure, ServerId, StandInId};

/// What every client does with its calls.
#[derive(Debug, Clone, PartialEq)]
pub struct CallPolicy {
    /// An attempt is given up this long after its start, connecting included.
    pub timeout: Figure<Distribution>,
    /// An attempt is given up when it has waited this long for a slot. None: it waits as long as the time-out lets it.
    pub queue_timeout: Option<Figure<Distribution>>,
    /// What becomes of the work of an attempt that was given up.
    pub given_up: GivenUp,
    /// Cap on a call's life, all attempts and fallbacks included; reaching it is a failure.
    pub call_life: Figure<SimTime>,
    /// Attempts at one server after the first; [`UNLIMITED`]: until the call's life is over.
    pub retries: Figure<u32>,
    pub backoff: Backoff,
    pub retry_budget: Option<RetryBudget>,
    pub breaker: Option<Breaker>,
    pub hedge: Option<Hedge>,
    /// At most one rule a capability.
    pub caches: Vec<CacheRule>,
    /// At most one rule a capability.
    pub fallbacks: Vec<FallbackRule>,
}

/// Retries without a limit.
pub const UNLIMITED: u32 = u32::MAX;

/// What a server does with an attempt that its client gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GivenUp {
    /// The server does not notice: it goes on, and its answer finds nobody.
    GoesOn,
    /// The client cancels it: its place in the queue or on a slot is free at once.
    IsCancelled,
}

/// Wait before retry k (from 1): min(first * factor^(k-1), max), then spread.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    pub first: Figure<SimTime>,
    pub factor: Figure<f64>,
    pub max: Figure<SimTime>,
    pub spread: Spread,
}

/// How the waits of clients that failed together are kept from ending together.
#[derive(Debug, Clone, PartialEq)]
pub enum Spread {
    /// Shortened by up to this share, uniformly.
    Jitter(Figure<Probability>),
    /// Drawn from the exponential distribution with this mean.
    Exponential,
}

impl Spread {
    /// Of what the wait is multiplied with.
    pub fn mean(&self) -> f64 {
        match self {
            Spread::Jitter(jitter) => 1.0 - jitter.value.get() / 2.0,
            Spread::Exponential => 1.0,
        }
    }
}

/// An agent's retries as a share of its calls: each call puts `ratio` of a token into a bucket that holds `burst`, a retry takes a whole
/// one; without one there is no retry.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryBudget {
    pub ratio: Figure<f64>,
    pub burst: Figure<u32>,
}

/// A second attempt beside one that has not answered after this long: at the call's next fallback server, or the same server where there
/// is none. The first answer counts, the other attempt is given up.
#[derive(Debug, Clone, PartialEq)]
pub struct Hedge {
    pub after: Figure<SimTime>,
}

/// A cache at the client, in front of a need's servers: a call that asks again what the need's last answer told is answered from it,
/// at once, as long as that is not older than `ttl`.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheRule {
    pub capability: CapabilityId,
    /// Probability that a call asks what the answer before it told.
    pub repeats: Figure<Probability>,
    /// None: an answer never gets old.
    pub ttl: Option<Figure<SimTime>>,
}

/// Of each agent for each server: after so many failures in a row no attempt is made until the cool-down is over; then one probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Breaker {
    pub failures: Figure<u32>,
    pub cool_down: Figure<SimTime>,
}

/// Where a call of this capability goes when its primary fails it, in this order. Those that the agent is not granted are left out.
#[derive(Debug, Clone, PartialEq)]
pub struct FallbackRule {
    pub capability: CapabilityId,
    /// After the last retry failed, or while the breaker is open.
    pub on_failure: Vec<Target>,
    /// As soon as a call is rejected (queue full, rate limit). Empty: as a failure.
    pub on_overload: Vec<Target>,
}

/// What can answer a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Target {
    Server(ServerId),
    StandIn(StandInId),
}

/// The watchdog on the host: notices an outage at its next health check and restarts the server, ending the outage early.
#[derive(Debug, Clone, PartialEq)]
pub struct RecoveryPolicy {
    /// Between health checks.
    pub every: Figure<SimTime>,
    /// Until a check without answer counts as failed.
    pub timeout: Figure<SimTime>,
    /// Restarts tried.
    pub tries: Figure<u32>,
    /// Before try k: k times this.
    pub backoff: Figure<SimTime>,
    /// The longest that one restart may take.
    pub limit: Figure<SimTime>,
    /// That one restart brings a server back whose dependencies are there.
    pub success: Figure<Probability>,
}

/// Thresholds above which an alert is raised; none: not watched.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlertRules {
    /// A server's mean response time.
    pub response: Option<Figure<SimTime>>,
    /// A server's share of failed attempts.
    pub error_rate: Option<Figure<Probability>>,
    /// Connection failures in a row, more than.
    pub connect_failures: Option<Figure<u32>>,
    /// Share of the host's memory.
    pub memory: Option<Figure<Probability>>,
}
