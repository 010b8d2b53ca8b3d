//! What can be watched of a replication while it runs: for logs, for series over time, for checks against theory.

use crate::scenario::{AgentId, NeedId, ServerId, Target};
use crate::units::SimTime;

use super::luck::Fate;

/// Told what happens, as it happens; what it does changes no outcome. `()` watches nothing and costs nothing.
pub trait Observer {
    fn call_issued(&mut self, _: &IssuedCall) {}
    fn attempt_arrives(&mut self, _: &Arrival) {}
    fn service_begins(&mut self, _: &ServiceStart) {}
    fn call_ended(&mut self, _: &EndedCall) {}
    fn outage_begins(&mut self, _: &Outage) {}
}

impl Observer for () {}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IssuedCall {
    pub at: SimTime,
    /// The call's own: the same call has the same key under every mapping.
    pub key: u64,
    /// Its task's own, as `key`.
    pub task: u64,
    pub agent: AgentId,
    pub need: NeedId,
}

/// A connected attempt reaches its server, which takes it or turns it away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    pub at: SimTime,
    pub key: u64,
    pub server: ServerId,
    /// Attempts of the call at this server before.
    pub attempt: u32,
    /// Attempts that the server has taken before and is not done with: waiting, on a slot, or in their parallel part.
    pub present: u32,
    /// What luck has in store for it there, when nothing slows the server down.
    pub serial: SimTime,
    pub parallel: SimTime,
    pub fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceStart {
    pub at: SimTime,
    pub server: ServerId,
    /// In the server's queue.
    pub waited: SimTime,
    /// Its call was issued within the window.
    pub counted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndedCall {
    pub at: SimTime,
    pub issued: SimTime,
    pub agent: AgentId,
    pub need: NeedId,
    pub succeeded: bool,
    /// At least one attempt reached a server or a stand-in.
    pub reached: bool,
    /// None where nobody answered; of an answer from the client's cache, who gave it first.
    pub answered_by: Option<Target>,
    pub counted: bool,
}

/// An outage, a freeze or a slow period: the number in the scenario's order of causes, and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    pub cause: u32,
    pub begins: SimTime,
    pub ends: SimTime,
}
