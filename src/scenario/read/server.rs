//! Servers, the dependencies they share, and stand-ins.

use super::figure::{Quantity, any, figure, optional, or};
use super::{Names, any_of, at_least_one, positive_time};
use crate::distribution::Distribution;
use crate::scenario::document::{Entry, Fields, Node, Problems, Value, named, short};
use crate::scenario::{
    CallErrors, CapabilityId, Connect, Dependency, DependencyId, Figure, Outages, Process, Provision, RateLimit, Server, ServerId, StandIn,
    StandInId, Target, defaults,
};
use crate::units::{Probability, Rate, SimTime};

pub(super) fn read_dependency(entry: &Entry, problems: &mut Problems) -> Dependency {
    let mut dependency = Dependency { name: entry.key.to_string(), outages: None };
    if let Some(mut fields) = Fields::of(&entry.node, format!("dependency `{}`", short(&entry.key)), &entry.key_span, problems) {
        dependency.outages = fields.take("outages").and_then(|entry| read_outages(entry, problems));
        fields.finish(problems);
    }
    dependency
}

fn read_outages(entry: &Entry, problems: &mut Problems) -> Option<Outages> {
    const HINT: &str = "as in { every = { exponential = \"4h\" }, lasts = { exponential = \"20min\" } }";
    let mut fields = Fields::of(&entry.node, "`outages`", &entry.key_span, problems)?;
    let every = fields.need("every", HINT, problems).and_then(|entry| figure(&entry.node, "`every`", at_least_a_millisecond, problems));
    let lasts = fields.need("lasts", HINT, problems).and_then(|entry| figure(&entry.node, "`lasts`", any, problems));
    fields.finish(problems);
    Some(Outages { every: every?, lasts: lasts? })
}

/// So that a run has a bounded number of outages.
fn at_least_a_millisecond(every: &Distribution) -> Option<&'static str> {
    (every.mean() < 0.001).then_some("at least 1ms on average")
}

pub(super) fn read_server(entry: &Entry, names: &Names, problems: &mut Problems) -> Server {
    let mut server = defaults::server(&entry.key);
    let Some(mut fields) = Fields::of(&entry.node, format!("server `{}`", short(&entry.key)), &entry.key_span, problems) else {
        return server;
    };
    server.up = fields.flag("up", true, problems);
    server.in_service = fields.flag("in_service", true, problems);
    server.slots = or(&mut fields, "slots", server.slots, at_least_one, problems);
    server.queue = optional(&mut fields, "queue", any, problems);
    read_service(&mut fields, &mut server, problems);
    if let Some(entry) = fields.take("errors") {
        server.errors = read_errors(entry, problems);
    }
    if let Some(entry) = fields.take("connect") {
        server.connect = read_connect(entry, problems);
    }
    server.outages = fields.take("outages").and_then(|entry| read_outages(entry, problems));
    if let Some(entry) = fields.take("depends_on") {
        let found = names.dependencies.find_all(&entry.node, "`depends_on`", problems);
        server.depends_on = found.into_iter().map(DependencyId::from).collect();
    }
    server.rate_limit = fields.take("rate_limit").and_then(|entry| read_rate_limit(entry, problems));
    server.memory = any_of(&mut fields, "memory", server.memory, problems);
    if let Some(entry) = fields.take("process") {
        server.process = read_process(&entry.node, problems);
    }
    let not_negative = |weight: &f64| (*weight < 0.0).then_some("0 or more");
    server.weight = or(&mut fields, "weight", server.weight, not_negative, problems);
    server.env = fields.take("env").map(|entry| read_env(&entry.node, problems)).unwrap_or_default();
    server.tokens = any_of(&mut fields, "tokens", server.tokens, problems);
    let hint = format!("add [servers.{}.provides] with at least one capability, as in `files = 1.0`", short(&entry.key));
    if let Some(entry) = fields.need("provides", &hint, problems) {
        server.provides = read_provides(entry, names, problems);
        if entry.node.entries().is_some_and(<[Entry]>::is_empty) {
            problems.missing(&entry.key_span, format!("{} provides nothing", fields.what), "", hint);
        }
    }
    fields.finish(problems);
    server
}

fn read_service(fields: &mut Fields, server: &mut Server, problems: &mut Problems) {
    let stated = (fields.take("serial"), fields.take("parallel"));
    if let (None, None) = stated {
        let hint = "add `serial` (what occupies a slot) or `parallel` (what only waits), as in serial = \"150ms\"".to_owned();
        problems.missing(&fields.span, format!("{} does not say how long a call takes", fields.what), "", hint);
    }
    let mut read = |entry: Option<&Entry>, what| entry.and_then(|entry| figure(&entry.node, what, any, problems));
    server.serial = read(stated.0, "`serial`").unwrap_or(Figure::stated(Distribution::ZERO));
    server.parallel = read(stated.1, "`parallel`").unwrap_or(Figure::stated(Distribution::ZERO));
}

fn read_errors(entry: &Entry, problems: &mut Problems) -> CallErrors {
    let none = defaults::errors();
    let Some(mut fields) = Fields::of(&entry.node, "`errors`", &entry.key_span, problems) else { return none };
    let errors = CallErrors {
        soft: any_of(&mut fields, "soft", none.soft, problems),
        protocol: any_of(&mut fields, "protocol", none.protocol, problems),
        stall: any_of(&mut fields, "stall", none.stall, problems),
        stall_time: any_of(&mut fields, "stall_time", none.stall_time, problems),
        unanswered: any_of(&mut fields, "unanswered", none.unanswered, problems),
        connection: any_of(&mut fields, "connection", none.connection, problems),
    };
    fields.finish(problems);
    let sum: f64 =
        [&errors.soft, &errors.protocol, &errors.stall, &errors.unanswered, &errors.connection].iter().map(|p| p.value.get()).sum();
    // A sum of shares that is meant to be 1 may miss it by its rounding.
    if sum > 1.0 + 1e-9 {
        let hint = "a call goes wrong in at most one of these ways".to_owned();
        problems.error(&entry.key_span, format!("the errors' shares add up to {:.3}: at most 1", sum), "", hint);
    }
    errors
}

fn read_connect(entry: &Entry, problems: &mut Problems) -> Connect {
    let at_once = defaults::connect();
    let Some(mut fields) = Fields::of(&entry.node, "`connect`", &entry.key_span, problems) else { return at_once };
    let connect = Connect {
        time: any_of(&mut fields, "time", at_once.time, problems),
        cold_time: optional(&mut fields, "cold_time", any, problems),
        failure: any_of(&mut fields, "failure", at_once.failure, problems),
        failure_time: any_of(&mut fields, "failure_time", at_once.failure_time, problems),
    };
    fields.finish(problems);
    connect
}

fn read_rate_limit(entry: &Entry, problems: &mut Problems) -> Option<RateLimit> {
    let mut fields = Fields::of(&entry.node, "`rate_limit`", &entry.key_span, problems)?;
    let above_zero = |rate: &Rate| (rate.per_second() <= 0.0).then_some("above 0");
    let rate = fields
        .need("rate", "as in { rate = \"5000/h\", burst = 100 }", problems)
        .and_then(|entry| figure(&entry.node, "`rate`", above_zero, problems));
    let burst = or(&mut fields, "burst", Figure::stated(1), at_least_one, problems);
    let retry_after = fields.flag("retry_after", false, problems);
    fields.finish(problems);
    Some(RateLimit { rate: rate?, burst, retry_after })
}

fn read_process(node: &Node, problems: &mut Problems) -> Process {
    match node.text("`process`", problems) {
        None | Some("shared") => Process::Shared,
        Some("session") => Process::Session,
        Some(other) => {
            problems.unknown("way to run a process", other, &node.span, ["shared", "session"]);
            Process::Shared
        }
    }
}

/// Names of environment variables. What carries a value is a mistake, and is shown nowhere.
fn read_env(node: &Node, problems: &mut Problems) -> Vec<String> {
    const HINT: &str = "write only the name, as in env = [\"GITHUB_TOKEN\"]; the value stays in your environment";
    let Value::List(items) = &node.value else {
        problems.hide(node);
        problems.error(&node.span, "`env` has to be a list of names", "", HINT.to_owned());
        return Vec::new();
    };
    let mut env = Vec::new();
    for item in items {
        match &item.value {
            Value::Text(name) if is_variable_name(name) => env.push(name.to_string()),
            value => {
                problems.hide(item);
                let carries_value = matches!(value, Value::Text(text) if text.contains('='));
                let message =
                    if carries_value { "an entry of `env` carries a value" } else { "an entry of `env` is not a variable's name" };
                problems.error(&item.span, message, "", HINT.to_owned());
            }
        }
    }
    env
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn read_provides(entry: &Entry, names: &Names, problems: &mut Problems) -> Vec<Provision> {
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
        stand_in.provides = read_provides(entry, names, problems);
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

/// A time of a table, bare.
pub(super) fn time(fields: &mut Fields, key: &'static str, default: Figure<SimTime>, problems: &mut Problems) -> Figure<SimTime> {
    or(fields, key, default, positive_time, problems)
}

/// For figures of any kind whose key is required.
pub(super) fn required<T: Quantity>(
    fields: &mut Fields,
    key: &'static str,
    hint: &str,
    check: super::figure::Check<T>,
    problems: &mut Problems,
) -> Option<Figure<T>> {
    let entry = fields.need(key, hint, problems)?;
    figure(&entry.node, &format!("`{key}`"), check, problems)
}
