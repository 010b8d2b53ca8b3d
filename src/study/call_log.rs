//! A simulated run as a log of calls, as a client would have kept it: what `trace` reads and calibration starts from.

use std::collections::HashMap;
use std::fmt::Write;

use crate::engine::{Arrival, EndedCall, Fate, IssuedCall, Observer, Run, simulate_observed};
use crate::mapping::Mapping;
use crate::scenario::{AgentId, NeedId, Scenario, ServerId, Target};
use crate::units::SimTime;

const HEADER: &str = "time,agent,capability,server,session,duration_ms,outcome,error\n";
/// Times in a log are of some day; this one begins on 2026-01-05, a Monday.
const MIDNIGHT: f64 = 1_767_571_200.0;

/// CSV, a line a call of one replication, in the order of their ends; a session is a task. The warm-up is in it too.
pub fn call_log(scenario: &Scenario, mapping: &Mapping, run: Run) -> String {
    let mut log = Log {
        scenario,
        patience: scenario.policy.timeout.value.mean(),
        calls: HashMap::new(),
        tried: HashMap::new(),
        text: HEADER.to_owned(),
    };
    simulate_observed(scenario, mapping, run, &mut log);
    log.text
}

struct Log<'s> {
    scenario: &'s Scenario,
    /// Mean time-out, in seconds.
    patience: f64,
    /// Under way, by what tells their ends: two of an agent's calls for the same need at the same instant are alike.
    calls: HashMap<(AgentId, NeedId, SimTime), IssuedCall>,
    /// The last server that each call reached, and what became of it there.
    tried: HashMap<u64, (ServerId, Fate)>,
    text: String,
}

impl Observer for Log<'_> {
    fn call_issued(&mut self, call: &IssuedCall) {
        self.calls.insert((call.agent, call.need, call.at), *call);
    }

    fn attempt_arrives(&mut self, arrival: &Arrival) {
        self.tried.insert(arrival.key, (arrival.server, arrival.fate));
    }

    fn call_ended(&mut self, call: &EndedCall) {
        let Some(issued) = self.calls.remove(&(call.agent, call.need, call.issued)) else { return };
        let tried = self.tried.remove(&issued.key);
        let need = self.scenario.need(call.need);
        let server = match call.answered_by {
            Some(target) => self.scenario.target_name(target),
            None => tried.map(|(server, _)| server).or(need.current).map_or("", |id| self.scenario.target_name(Target::Server(id))),
        };
        let took = call.at.saturating_sub(call.issued).as_secs();
        let (outcome, error) = match tried {
            _ if call.succeeded => ("ok", ""),
            Some((_, Fate::Silence)) => ("timeout", ""),
            _ if took >= self.patience => ("timeout", ""),
            Some((_, Fate::Error | Fate::Stall)) => ("error", "tool_error"),
            _ => ("error", "disconnected"),
        };
        let field =
            |text: &str| if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() };
        let (agent, capability) = (field(&self.scenario.agent(call.agent).name), field(self.scenario.capability(need.capability)));
        let (at, task, server) = (MIDNIGHT + call.issued.as_secs(), issued.task, field(server));
        writeln!(self.text, "{at:.6},{agent},{capability},{server},{task:016x},{:.6},{outcome},{error}", 1e3 * took)
            .expect("a String takes every write");
    }
}
