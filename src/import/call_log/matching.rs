//! Which need of the scenario a row of the log is a call of.

use std::collections::HashMap;

use crate::scenario::{AgentId, CapabilityId, NeedId, Scenario, ServerId, Target};

use super::summary::Unmatched;

/// The scenario's names, to look rows up by.
#[derive(Debug)]
pub struct Names<'s> {
    scenario: &'s Scenario,
    agents: HashMap<&'s str, AgentId>,
    capabilities: HashMap<&'s str, CapabilityId>,
    servers: HashMap<&'s str, ServerId>,
    needs: HashMap<(AgentId, CapabilityId), NeedId>,
    /// What (agent, server) came to, once asked for.
    by_server: HashMap<(AgentId, ServerId), Result<NeedId, Unmatched>>,
}

/// A row's names as they are matched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matched {
    pub need: NeedId,
    /// Where it was served, as far as the row says so and the scenario knows it.
    pub server: Option<ServerId>,
    /// A server is named that the scenario has not.
    pub server_unknown: bool,
}

impl<'s> Names<'s> {
    pub fn new(scenario: &'s Scenario) -> Names<'s> {
        Names {
            scenario,
            agents: scenario.agent_ids().map(|id| (scenario.agent(id).name.as_str(), id)).collect(),
            capabilities: scenario.capabilities.iter().enumerate().map(|(i, name)| (name.as_str(), CapabilityId::from(i))).collect(),
            servers: scenario.server_ids().map(|id| (scenario.server(id).name.as_str(), id)).collect(),
            needs: scenario.need_ids().map(|id| ((scenario.need(id).agent, scenario.need(id).capability), id)).collect(),
            by_server: HashMap::new(),
        }
    }

    /// The capability tells the need; where none is given, the server does, if it can.
    pub fn matched(&mut self, agent: Option<&str>, capability: Option<&str>, server: Option<&str>) -> Result<Matched, Unmatched> {
        let agent = *self.agents.get(agent.ok_or(Unmatched::NoAgent)?).ok_or(Unmatched::UnknownAgent)?;
        let known = server.and_then(|name| self.servers.get(name).copied());
        let need = match (capability, known) {
            (Some(capability), _) => {
                let capability = *self.capabilities.get(capability).ok_or(Unmatched::UnknownCapability)?;
                *self.needs.get(&(agent, capability)).ok_or(Unmatched::NotNeeded)?
            }
            (None, Some(server)) => self.need_at(agent, server)?,
            (None, None) if server.is_some() => return Err(Unmatched::UnknownServer),
            (None, None) => return Err(Unmatched::NothingCalled),
        };
        Ok(Matched { need, server: known, server_unknown: server.is_some() && known.is_none() })
    }

    fn need_at(&mut self, agent: AgentId, server: ServerId) -> Result<NeedId, Unmatched> {
        let scenario = self.scenario;
        *self.by_server.entry((agent, server)).or_insert_with(|| {
            let today = only(scenario.needs_of(agent).filter(|id| scenario.need(*id).current == Some(server)));
            let provided = |id: &NeedId| scenario.quality(Target::Server(server), scenario.need(*id).capability).is_some();
            today.unwrap_or_else(|| only(scenario.needs_of(agent).filter(provided)).unwrap_or(Err(Unmatched::NotServed)))
        })
    }
}

/// The only need; none where there is none.
fn only(mut needs: impl Iterator<Item = NeedId>) -> Option<Result<NeedId, Unmatched>> {
    let first = needs.next()?;
    Some(if needs.next().is_some() { Err(Unmatched::Ambiguous) } else { Ok(first) })
}
