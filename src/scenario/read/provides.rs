//! Who provides what, and how well: servers' capabilities, and stand-ins.

use super::figure::{any, figure, optional};
use super::{Names, any_of};
use crate::distribution::Distribution;
use crate::scenario::document::{Entry, Fields, Problems, named, short};
use crate::scenario::{CapabilityId, Figure, Provision, Server, ServerId, StandIn, StandInId, Target};
use crate::units::Probability;

/// What a server or a stand-in provides; only a server's calls have service times of their own.
pub(super) fn read_provides(entry: &Entry, is_server: bool, names: &Names, problems: &mut Problems) -> Vec<Provision> {
    let mut provides = Vec::new();
    for entry in named(&entry.node, "`provides`", problems) {
        let Some(capability) = names.capabilities.get(&entry.key) else { continue };
        let mut provision = Provision::new(CapabilityId::from(capability), Figure::stated(Probability::ALWAYS));
        let what = format!("the quality of `{}`", short(&entry.key));
        let above_zero = |quality: &Probability| (quality.get() <= 0.0).then_some("above 0; leave it out if it is not provided");
        if entry.node.entries().is_none() || entry.node.get("value").is_some() {
            if let Some(quality) = figure(&entry.node, &what, above_zero, problems) {
                provision.quality = quality;
            }
        } else if let Some(mut fields) = Fields::of(&entry.node, format!("`{}`", short(&entry.key)), &entry.key_span, problems) {
            let quality = fields.need("quality", "as in { quality = 0.6, tokens = 1200 }", problems);
            if let Some(quality) = quality.and_then(|entry| figure(&entry.node, &what, above_zero, problems)) {
                provision.quality = quality;
            }
            provision.tokens = optional(&mut fields, "tokens", any, problems);
            if is_server {
                provision.serial = optional(&mut fields, "serial", any, problems);
                provision.parallel = optional(&mut fields, "parallel", any, problems);
            }
            fields.finish(problems);
        }
        provides.push(provision);
    }
    provides
}

pub(super) fn read_stand_in(entry: &Entry, names: &Names, problems: &mut Problems) -> StandIn {
    let mut stand_in = StandIn { name: entry.key.to_string(), time: Figure::stated(Distribution::ZERO), provides: Vec::new() };
    if names.servers.get(&entry.key).is_some() {
        let message = format!("`{}` is the name of a server and of a stand-in", short(&entry.key));
        problems.error(&entry.key_span, message, "", "a fallback could mean either: rename one".to_owned());
    }
    let Some(mut fields) = Fields::of(&entry.node, format!("stand-in `{}`", short(&entry.key)), &entry.key_span, problems) else {
        return stand_in;
    };
    stand_in.time = any_of(&mut fields, "time", stand_in.time, problems);
    if let Some(entry) = fields.need("provides", "as in provides = { state = 0.3 }", problems) {
        stand_in.provides = read_provides(entry, false, names, problems);
    }
    fields.finish(problems);
    stand_in
}

/// Who provides what.
pub(super) struct Providers {
    /// By capability; in the scenario's order.
    servers: Vec<Vec<ServerId>>,
    stand_ins: Vec<Vec<StandInId>>,
    /// By server: whether what it provides could be read at all.
    known: Vec<bool>,
}

impl Providers {
    pub fn new(servers: &[Server], stand_ins: &[StandIn], capabilities: usize) -> Providers {
        let mut providers =
            Providers { servers: vec![Vec::new(); capabilities], stand_ins: vec![Vec::new(); capabilities], known: Vec::new() };
        for (id, server) in servers.iter().enumerate() {
            server.provides.iter().for_each(|p| providers.servers[p.capability.index()].push(ServerId::from(id)));
            providers.known.push(!server.provides.is_empty());
        }
        for (id, stand_in) in stand_ins.iter().enumerate() {
            stand_in.provides.iter().for_each(|p| providers.stand_ins[p.capability.index()].push(StandInId::from(id)));
        }
        providers
    }

    pub fn servers_of(&self, capability: CapabilityId) -> &[ServerId] {
        &self.servers[capability.index()]
    }

    /// True also where it is not known, after a mistake that was named already.
    pub fn provides(&self, target: Target, capability: CapabilityId) -> bool {
        match target {
            Target::Server(id) => !self.known[id.index()] || self.servers[capability.index()].binary_search(&id).is_ok(),
            Target::StandIn(id) => self.stand_ins[capability.index()].binary_search(&id).is_ok(),
        }
    }

    /// "provided by `a`, `b`", for hints.
    pub fn list(&self, capability: CapabilityId, names: &Names) -> Option<String> {
        const SHOWN: usize = 5;
        let servers = self.servers_of(capability);
        if servers.is_empty() {
            return None;
        }
        let shown: Vec<String> = servers.iter().take(SHOWN).map(|id| format!("`{}`", short(names.servers.names[id.index()]))).collect();
        let more = if servers.len() > SHOWN { format!(" and {} more", servers.len() - SHOWN) } else { String::new() };
        Some(format!("`{}` is provided by {}{more}", short(names.capabilities.names[capability.index()]), shown.join(", ")))
    }
}
