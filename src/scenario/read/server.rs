//! Servers, and the dependencies they share.

use super::fault::{read_errors, read_outages, read_slow};
use super::figure::{any, figure, optional, or, required, word};
use super::provides::read_provides;
use super::{Names, any_of, at_least_one};
use crate::distribution::Distribution;
use crate::scenario::document::{Entry, Fields, Node, Problems, Value, short};
use crate::scenario::words::{BEYOND, DISCIPLINES, PROCESSES};
use crate::scenario::{Beyond, Connect, Dependency, DependencyId, Figure, RateLimit, SafeConcurrency, Server, defaults};
use crate::units::Rate;

pub(super) fn read_dependency(entry: &Entry, problems: &mut Problems) -> Dependency {
    let mut dependency = Dependency { name: entry.key.to_string(), outages: None };
    if let Some(mut fields) = Fields::of(&entry.node, format!("dependency `{}`", short(&entry.key)), &entry.key_span, problems) {
        dependency.outages = fields.take("outages").and_then(|entry| read_outages(entry, "`outages`", problems));
        fields.finish(problems);
    }
    dependency
}

pub(super) fn read_server(entry: &Entry, names: &Names, problems: &mut Problems) -> Server {
    let mut server = defaults::server(&entry.key);
    let Some(mut fields) = Fields::of(&entry.node, format!("server `{}`", short(&entry.key)), &entry.key_span, problems) else {
        return server;
    };
    server.up = fields.flag("up", true, problems);
    server.in_service = fields.flag("in_service", true, problems);
    if let Some(entry) = fields.take("discipline") {
        server.discipline = word(&entry.node, "`discipline`", "discipline", &DISCIPLINES, problems).unwrap_or(server.discipline);
    }
    server.slots = or(&mut fields, "slots", server.slots, at_least_one, problems);
    server.queue = optional(&mut fields, "queue", any, problems);
    read_service(entry, &mut fields, &mut server, problems);
    server.first_call = any_of(&mut fields, "first_call", server.first_call, problems);
    if let Some(entry) = fields.take("errors") {
        server.errors = read_errors(entry, problems);
    }
    if let Some(entry) = fields.take("connect") {
        server.connect = read_connect(entry, problems);
    }
    server.outages = fields.take("outages").and_then(|entry| read_outages(entry, "`outages`", problems));
    server.freezes = fields.take("freezes").and_then(|entry| read_outages(entry, "`freezes`", problems));
    server.slow = fields.take("slow").and_then(|entry| read_slow(entry, problems));
    if let Some(entry) = fields.take("depends_on") {
        let found = names.dependencies.find_all(&entry.node, "`depends_on`", problems);
        server.depends_on = found.into_iter().map(DependencyId::from).collect();
    }
    server.rate_limit = fields.take("rate_limit").and_then(|entry| read_rate_limit(entry, problems));
    server.memory = any_of(&mut fields, "memory", server.memory, problems);
    server.memory_per_call = any_of(&mut fields, "memory_per_call", server.memory_per_call, problems);
    server.memory_growth = any_of(&mut fields, "memory_growth", server.memory_growth, problems);
    if let Some(entry) = fields.take("process") {
        server.process = word(&entry.node, "`process`", "way to run a process", &PROCESSES, problems).unwrap_or(server.process);
    }
    server.safe_concurrency = fields.take("safe_concurrency").and_then(|entry| read_safe_concurrency(entry, problems));
    let not_negative = |weight: &f64| (*weight < 0.0).then_some("0 or more");
    server.weight = or(&mut fields, "weight", server.weight, not_negative, problems);
    server.env = fields.take("env").map(|entry| read_env(&entry.node, problems)).unwrap_or_default();
    server.tokens = any_of(&mut fields, "tokens", server.tokens, problems);
    let hint = format!("add [servers.{}.provides] with at least one capability, as in `files = 1.0`", short(&entry.key));
    if let Some(entry) = fields.need("provides", &hint, problems) {
        server.provides = read_provides(entry, true, names, problems);
        if entry.node.entries().is_some_and(<[Entry]>::is_empty) {
            problems.missing(&entry.key_span, format!("{} provides nothing", fields.what), "", hint);
        }
    }
    fields.finish(problems);
    server
}

fn read_service(server_entry: &Entry, fields: &mut Fields, server: &mut Server, problems: &mut Problems) {
    let stated = (fields.take("serial"), fields.take("parallel"));
    if let (None, None) = stated
        && !every_capability_says_how_long(server_entry)
    {
        let hint = "add `serial` (what occupies a slot) or `parallel` (what only waits), as in serial = \"150ms\"".to_owned();
        problems.missing(&fields.span, format!("{} does not say how long a call takes", fields.what), "", hint);
    }
    let mut read = |entry: Option<&Entry>, what| entry.and_then(|entry| figure(&entry.node, what, any, problems));
    server.serial = read(stated.0, "`serial`").unwrap_or(Figure::stated(Distribution::ZERO));
    server.parallel = read(stated.1, "`parallel`").unwrap_or(Figure::stated(Distribution::ZERO));
}

/// Each of them has a service time of its own, so that the server needs none.
fn every_capability_says_how_long(server: &Entry) -> bool {
    let provides = server.node.get("provides").and_then(|entry| entry.node.entries()).unwrap_or_default();
    let says = |provision: &Entry| provision.node.get("serial").or(provision.node.get("parallel")).is_some();
    !provides.is_empty() && provides.iter().all(says)
}

fn read_safe_concurrency(entry: &Entry, problems: &mut Problems) -> Option<SafeConcurrency> {
    if entry.node.entries().is_none() || entry.node.get("value").is_some() {
        let limit = figure(&entry.node, "`safe_concurrency`", at_least_one, problems)?;
        return Some(SafeConcurrency { limit, beyond: Beyond::Lost });
    }
    let mut fields = Fields::of(&entry.node, "`safe_concurrency`", &entry.key_span, problems)?;
    let limit = required(&mut fields, "limit", "as in { limit = 4, beyond = \"aborted\" }", at_least_one, problems);
    let beyond = fields.take("beyond").and_then(|entry| word(&entry.node, "`beyond`", "fate of work beyond the limit", &BEYOND, problems));
    fields.finish(problems);
    Some(SafeConcurrency { limit: limit?, beyond: beyond.unwrap_or(Beyond::Lost) })
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
    let rate = required(&mut fields, "rate", "as in { rate = \"5000/h\", burst = 100 }", above_zero, problems);
    let burst = or(&mut fields, "burst", Figure::stated(1), at_least_one, problems);
    let retry_after = fields.flag("retry_after", false, problems);
    fields.finish(problems);
    Some(RateLimit { rate: rate?, burst, retry_after })
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
