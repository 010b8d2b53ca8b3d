//! The servers of an imported scenario: the base's, those that the folder configures, and those that its agents name.

use std::collections::BTreeSet;

use super::build::Building;
use super::{Catalogue, Evidence, Launch, NoteKind, ServerEntry};
use crate::distribution::Distribution;
use crate::scenario::{
    CallErrors, CapabilityId, Connect, DependencyId, Figure, Outages, Provision, Scenario, Server, ServerId, Source, defaults,
};
use crate::units::{Bytes, Probability, SimTime};

/// Adds a server under this name, with the catalogue's figures where it is a well-known one; says so in the notes.
pub(super) fn add_server(building: &mut Building, name: &str, entry: Option<&ServerEntry>) -> ServerId {
    let catalogue = building.catalogue;
    let launch = entry.map(|entry| &entry.launch);
    let (mut server, main) = match catalogue.recognise(name, launch) {
        Some((known, evidence)) => {
            let from = catalogue.server(known).clone();
            let capability = catalogue.scenario.capability(known.capability);
            // Two servers of one kind reach different things: neither can do the other's work.
            let is_second = !building.used.insert(known.server);
            let server = adopt(&mut building.scenario, &catalogue.scenario, from);
            let evidence = match evidence {
                Evidence::Package(package) => format!("for its package {package}"),
                Evidence::Host(host) => format!("for its host {host}"),
                Evidence::Name(_) => "for its name alone".to_owned(),
            };
            let known_name = &catalogue.server(known).name;
            building.note(NoteKind::Assumed, format!("server `{name}`: the catalogue's figures of `{known_name}`, {evidence}"));
            if is_second {
                building.note(NoteKind::Assumed, format!("server `{name}`: a second `{known_name}`, so no substitute for the first"));
                (Server { provides: Vec::new(), ..server }, None)
            } else {
                (server, Some(capability.to_owned()))
            }
        }
        None => {
            building.note(NoteKind::Assumed, format!("server `{name}`: not in the catalogue; figures of a slow, external one"));
            (unknown(), None)
        }
    };
    server.name = name.to_owned();
    if let Some(entry) = entry {
        let variables: BTreeSet<&String> = server.env.iter().chain(&entry.env).collect();
        server.env = variables.into_iter().cloned().collect();
    }
    if matches!(launch, Some(Launch::Remote { .. })) {
        server.memory = Figure::with_source(Bytes(0), Source::Catalogue, "no process on this host: it is reached over the network");
    }
    let own = main.is_none();
    let main = building.scenario.intern_capability(&main.unwrap_or_else(|| capability_of_its_own(building, name)));
    if own {
        let quality = Figure::assumed(Probability::ALWAYS, "whatever it can do, it alone does");
        server.provides = vec![Provision::new(main, quality)];
    }
    building.scenario.servers.push(server);
    building.main.push(main);
    ServerId::from(building.scenario.servers.len() - 1)
}

/// Named after the server, unless that is what another server can do.
fn capability_of_its_own(building: &Building, name: &str) -> String {
    let is_taken = |name: &str| {
        let known = |scenario: &Scenario| scenario.capability_named(name).is_some();
        known(&building.scenario) || known(&building.catalogue.scenario)
    };
    let candidates =
        std::iter::once(name.to_owned()).chain(std::iter::once(format!("{name}-tools"))).chain((2..).map(|i| format!("{name}-tools-{i}")));
    candidates.into_iter().find(|candidate| !is_taken(candidate)).expect("numbers do not end")
}

/// A server of another scenario with the ids of this one.
pub(super) fn adopt(scenario: &mut Scenario, from: &Scenario, mut server: Server) -> Server {
    for provision in &mut server.provides {
        provision.capability = scenario.intern_capability(from.capability(provision.capability));
    }
    for dependency in &mut server.depends_on {
        let wanted = &from.dependencies[dependency.index()];
        let position = scenario.dependencies.iter().position(|known| known.name == wanted.name).unwrap_or_else(|| {
            scenario.dependencies.push(wanted.clone());
            scenario.dependencies.len() - 1
        });
        *dependency = DependencyId::from(position);
    }
    server
}

impl Scenario {
    /// At the end, if it is new: the reader sorts.
    pub(super) fn intern_capability(&mut self, name: &str) -> CapabilityId {
        self.capability_named(name).unwrap_or_else(|| {
            self.capabilities.push(name.to_owned());
            CapabilityId::from(self.capabilities.len() - 1)
        })
    }
}

/// What a base's server is mainly for: what it does best.
pub(super) fn main_capability(server: &Server) -> CapabilityId {
    let mut best = &server.provides[0];
    for provision in &server.provides {
        if provision.quality.value > best.quality.value {
            best = provision;
        }
    }
    best.capability
}

/// Figures for a server that nobody knows, on the careful side.
fn unknown() -> Server {
    const NOTE: &str = "an unknown server: like the slower half of the catalogue";
    fn assumed<T>(value: T) -> Figure<T> {
        Figure::assumed(value, NOTE)
    }
    let share = |value: f64| assumed(Probability::new(value).expect("a share"));
    let spread = |millis: u64, cv: f64| assumed(Distribution::Lognormal { mean: SimTime::from_millis(millis), cv });
    let exponential = |minutes: u64| assumed(Distribution::Exponential { mean: SimTime::from_millis(minutes * 60_000) });
    Server {
        slots: assumed(1),
        serial: spread(50, 1.0),
        parallel: spread(450, 1.0),
        errors: CallErrors { soft: share(0.02), stall: share(0.008), unanswered: share(0.002), ..defaults::errors() },
        connect: Connect {
            time: assumed(Distribution::Constant(SimTime::from_millis(1300))),
            failure: share(0.01),
            failure_time: assumed(Distribution::Constant(SimTime::from_millis(1000))),
            cold_time: None,
        },
        outages: Some(Outages { every: exponential(90), lasts: exponential(10) }),
        memory: assumed(Bytes(100 << 20)),
        weight: assumed(1.0),
        tokens: assumed(4000),
        ..defaults::server("")
    }
}

/// Which servers of a catalogue stand for a server already.
pub(super) type Used = BTreeSet<ServerId>;

/// A scenario with nothing but the format's defaults.
pub(super) fn empty_scenario(catalogue: &Catalogue, name: &str) -> Scenario {
    Scenario {
        name: name.to_owned(),
        capabilities: Vec::new(),
        dependencies: Vec::new(),
        servers: Vec::new(),
        agents: Vec::new(),
        ..catalogue.scenario.clone()
    }
}
