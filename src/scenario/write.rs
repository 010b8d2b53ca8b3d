//! A scenario becomes text that a person enjoys, and that is read back as the same scenario.

mod workload;

use std::fmt::{Display, Write};

use super::read::figure::DISTRIBUTIONS;
use super::spelling::{key, list, number, paragraph, table, text, value};
use super::{
    Agent, AgentId, Figure, FileSeen, Kpi, KpiUnit, Outages, Process, Provision, Scenario, Server, Source, Spread, Target, WhatIf, defaults,
};
use crate::distribution::Distribution;
use crate::units::{Probability, SimTime};
use workload::Workloads;

/// The scenario's text. `parse` reads the same scenario from it.
pub fn write(scenario: &Scenario) -> String {
    let mut out = Lines::default();
    out.line(format!("format = {}", super::read::FORMAT));
    out.pair("name", text(&scenario.name));
    if !scenario.description.is_empty() {
        out.pair("description", paragraph(&scenario.description));
    }
    write_run(&mut out, scenario);
    for dependency in &scenario.dependencies {
        out.header(&["dependencies", &dependency.name]);
        write_outages(&mut out, dependency.outages.as_ref());
    }
    for server in &scenario.servers {
        write_server(&mut out, server, scenario);
    }
    for stand_in in &scenario.stand_ins {
        out.header(&["stand_ins", &stand_in.name]);
        out.figure("time", &stand_in.time, &Figure::stated(Distribution::ZERO), distribution);
        out.pair("provides", table(&provisions(&stand_in.provides, scenario)));
    }
    let workloads = Workloads::of(scenario);
    if !workloads.shared.is_empty() {
        out.header(&["workload"]);
        workloads.shared.iter().for_each(|(name, figure)| out.pair(name, figure));
    }
    for id in scenario.agent_ids() {
        write_agent(&mut out, id, &workloads, scenario);
    }
    write_policy(&mut out, scenario);
    write_recovery(&mut out, scenario);
    write_aims(&mut out, scenario);
    for what_if in &scenario.what_ifs {
        write_what_if(&mut out, what_if);
    }
    if !scenario.config_files.is_empty() {
        out.header(&["imported"]);
        let files: Vec<(&str, String)> = scenario.config_files.iter().map(|file| (file.path.as_str(), hash(file))).collect();
        out.pair("files", table(&files));
    }
    out.text
}

fn hash(file: &FileSeen) -> String {
    text(file.sha256.as_deref().unwrap_or_default())
}

/// A document as it grows.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn line(&mut self, line: impl Display) {
        writeln!(self.text, "{line}").expect("a String takes every write");
    }

    fn header(&mut self, path: &[&str]) {
        let path: Vec<_> = path.iter().map(|part| key(part)).collect();
        self.line(format_args!("\n[{}]", path.join(".")));
    }

    fn pair(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{} = {value}", key(name)));
    }

    /// Left out where it is the default, bare.
    fn figure<T: PartialEq>(&mut self, name: &str, figure: &Figure<T>, default: &Figure<T>, spell: impl Fn(&T) -> String) {
        if figure != default {
            self.pair(name, spelled(figure, spell));
        }
    }

    fn optional<T>(&mut self, name: &str, figure: Option<&Figure<T>>, spell: impl Fn(&T) -> String) {
        if let Some(figure) = figure {
            self.pair(name, spelled(figure, spell));
        }
    }
}

/// A figure: bare, or with where it comes from.
fn spelled<T>(figure: &Figure<T>, spell: impl Fn(&T) -> String) -> String {
    let value = spell(&figure.value);
    let Some(provenance) = &figure.provenance else { return value };
    let source = match provenance.source {
        Source::Measured => "measured",
        Source::Fitted => "fitted",
        Source::Published => "published",
        Source::Catalogue => "catalogue",
        Source::Assumed => "assumed",
    };
    let mut fields = vec![("value", value), ("source", text(source))];
    if let Some(n) = provenance.n {
        fields.push(("n", n.to_string()));
    }
    if let Some(interval) = &provenance.interval {
        fields.push(("interval", list(interval)));
    }
    if let Some(note) = &provenance.note {
        fields.push(("note", text(note)));
    }
    table(&fields)
}

fn distribution(distribution: &Distribution) -> String {
    let spread = |mean: &SimTime, cv: &f64| table(&[("mean", quoted(mean)), ("cv", number(*cv))]);
    let (kind, parameters) = match distribution {
        Distribution::Constant(time) => return quoted(time),
        Distribution::Exponential { mean } => ("exponential", quoted(mean)),
        Distribution::Lognormal { mean, cv } => ("lognormal", spread(mean, cv)),
        Distribution::Gamma { mean, cv } => ("gamma", spread(mean, cv)),
        Distribution::Uniform { min, max } => ("uniform", table(&[("min", quoted(min)), ("max", quoted(max))])),
        Distribution::Empirical(times) => ("empirical", list(times.iter().map(SimTime::to_string))),
    };
    table(&[(kind, parameters)])
}

/// A quantity with its unit.
fn quoted(quantity: &impl Display) -> String {
    format!("\"{quantity}\"")
}

fn share(probability: &Probability) -> String {
    format!("{:?}", probability.get())
}

fn count(count: &u32) -> String {
    count.to_string()
}

fn real(value: &f64) -> String {
    number(*value)
}

fn write_run(out: &mut Lines, scenario: &Scenario) {
    let run = &scenario.run;
    out.header(&["run"]);
    out.pair("horizon", quoted(&run.horizon));
    if let Some(warmup) = &run.warmup {
        out.pair("warmup", quoted(warmup));
    }
    out.pair("replications", run.replications);
    out.pair("seed", run.seed);
    if let Some(memory) = &scenario.host.memory {
        out.header(&["host"]);
        out.pair("memory", spelled(memory, quoted));
    }
}

fn write_outages(out: &mut Lines, outages: Option<&Outages>) {
    if let Some(outages) = outages {
        let (every, lasts) = (spelled(&outages.every, distribution), spelled(&outages.lasts, distribution));
        out.pair("outages", table(&[("every", every), ("lasts", lasts)]));
    }
}

/// The fields of an inline table that are not the default.
struct Inline(Vec<(&'static str, String)>);

impl Inline {
    fn figure<T: PartialEq>(&mut self, name: &'static str, figure: &Figure<T>, default: &Figure<T>, spell: impl Fn(&T) -> String) {
        if figure != default {
            self.0.push((name, spelled(figure, spell)));
        }
    }

    fn write(self, name: &str, out: &mut Lines) {
        if !self.0.is_empty() {
            out.pair(name, table(&self.0));
        }
    }
}

fn write_server(out: &mut Lines, server: &Server, scenario: &Scenario) {
    let none = Figure::stated(Distribution::ZERO);
    out.header(&["servers", &server.name]);
    if !server.up {
        out.pair("up", false);
    }
    if !server.in_service {
        out.pair("in_service", false);
    }
    out.figure("slots", &server.slots, &Figure::stated(1), count);
    out.optional("queue", server.queue.as_ref(), count);
    if server.serial != none || server.parallel == none {
        out.pair("serial", spelled(&server.serial, distribution));
    }
    out.figure("parallel", &server.parallel, &none, distribution);

    let (mut errors, usual) = (Inline(Vec::new()), defaults::errors());
    errors.figure("soft", &server.errors.soft, &usual.soft, share);
    errors.figure("protocol", &server.errors.protocol, &usual.protocol, share);
    errors.figure("stall", &server.errors.stall, &usual.stall, share);
    errors.figure("stall_time", &server.errors.stall_time, &usual.stall_time, quoted);
    errors.figure("unanswered", &server.errors.unanswered, &usual.unanswered, share);
    errors.write("errors", out);

    let (mut connect, usual) = (Inline(Vec::new()), defaults::connect());
    connect.figure("time", &server.connect.time, &usual.time, distribution);
    connect.figure("failure", &server.connect.failure, &usual.failure, share);
    connect.figure("failure_time", &server.connect.failure_time, &usual.failure_time, distribution);
    connect.write("connect", out);

    write_outages(out, server.outages.as_ref());
    if !server.depends_on.is_empty() {
        out.pair("depends_on", list(server.depends_on.iter().map(|id| &scenario.dependencies[id.index()].name)));
    }
    if let Some(limit) = &server.rate_limit {
        let mut fields = Inline(vec![("rate", spelled(&limit.rate, quoted))]);
        fields.figure("burst", &limit.burst, &Figure::stated(1), count);
        fields.write("rate_limit", out);
    }
    out.figure("memory", &server.memory, &Figure::stated(Default::default()), quoted);
    if server.process == Process::Session {
        out.pair("process", "\"session\"");
    }
    out.figure("weight", &server.weight, &Figure::stated(1.0), real);
    if !server.env.is_empty() {
        out.pair("env", list(&server.env));
    }
    out.figure("tokens", &server.tokens, &Figure::stated(0), count);
    let provides = provisions(&server.provides, scenario);
    let short = table(&provides);
    if short.len() <= 100 {
        out.pair("provides", short);
    } else {
        out.header(&["servers", &server.name, "provides"]);
        provides.iter().for_each(|(name, provision)| out.pair(name, provision));
    }
}

fn provisions<'a>(provides: &[Provision], scenario: &'a Scenario) -> Vec<(&'a str, String)> {
    let provision = |provision: &Provision| match &provision.tokens {
        None => spelled(&provision.quality, share),
        Some(tokens) => table(&[("quality", spelled(&provision.quality, share)), ("tokens", spelled(tokens, count))]),
    };
    provides.iter().map(|p| (scenario.capability(p.capability), provision(p))).collect()
}

fn write_agent(out: &mut Lines, id: AgentId, workloads: &Workloads, scenario: &Scenario) {
    let agent: &Agent = scenario.agent(id);
    out.header(&["agents", &agent.name]);
    out.pair("complexity", spelled(&agent.complexity, real));
    if agent.wildcard {
        out.pair("wildcard", true);
    }
    if agent.core {
        out.pair("core", true);
    }
    if let Some(file) = &agent.file {
        out.pair("file", text(&file.path));
        if let Some(hash) = &file.sha256 {
            out.pair("sha256", text(hash));
        }
    }
    if !agent.extra_grants.is_empty() {
        out.pair("extra_grants", list(agent.extra_grants.iter().map(|id| &scenario.server(*id).name)));
    }
    if !workloads.own[id.index()].is_empty() {
        out.pair("workload", table(&workloads.own[id.index()]));
    }
    let needs: Vec<_> = scenario.needs_of(id).map(|need| scenario.need(need)).collect();
    if needs.is_empty() {
        return;
    }
    out.header(&["agents", &agent.name, "needs"]);
    for need in needs {
        let server = need.current.map(|id| text(&scenario.server(id).name));
        let mut fields = Inline(Vec::new());
        if let Some(server) = &server {
            fields.0.push(("server", server.clone()));
        }
        fields.figure("demand", &need.demand, &Figure::stated(1.0), real);
        if need.pinned {
            fields.0.push(("pinned", "true".to_owned()));
        }
        let spelled = match server {
            Some(server) if fields.0.len() == 1 => server,
            _ => table(&fields.0),
        };
        out.pair(scenario.capability(need.capability), spelled);
    }
}

fn write_policy(out: &mut Lines, scenario: &Scenario) {
    let (policy, usual) = (&scenario.policy, defaults::policy());
    if *policy == usual {
        return;
    }
    out.header(&["policy"]);
    out.figure("timeout", &policy.timeout, &usual.timeout, distribution);
    out.figure("call_life", &policy.call_life, &usual.call_life, quoted);
    out.figure("retries", &policy.retries, &usual.retries, count);
    let mut backoff = Inline(Vec::new());
    backoff.figure("first", &policy.backoff.first, &usual.backoff.first, quoted);
    backoff.figure("factor", &policy.backoff.factor, &usual.backoff.factor, real);
    backoff.figure("max", &policy.backoff.max, &usual.backoff.max, quoted);
    if let (Spread::Jitter(jitter), Spread::Jitter(usual)) = (&policy.backoff.spread, &usual.backoff.spread) {
        backoff.figure("jitter", jitter, usual, share);
    }
    backoff.write("backoff", out);
    if let Some(breaker) = &policy.breaker {
        let fields = [("failures", spelled(&breaker.failures, count)), ("cool_down", spelled(&breaker.cool_down, quoted))];
        out.pair("breaker", table(&fields));
    }
    if policy.fallbacks.is_empty() {
        return;
    }
    out.header(&["policy", "fallbacks"]);
    for rule in &policy.fallbacks {
        let names = |targets: &[Target]| list(targets.iter().map(|target| scenario.target_name(*target)));
        let on_failure = names(&rule.on_failure);
        let spelled = if rule.on_overload.is_empty() {
            on_failure
        } else {
            table(&[("on_failure", on_failure), ("on_overload", names(&rule.on_overload))])
        };
        out.pair(scenario.capability(rule.capability), spelled);
    }
}

fn write_recovery(out: &mut Lines, scenario: &Scenario) {
    if let Some(recovery) = &scenario.recovery {
        out.header(&["recovery"]);
        out.pair("every", spelled(&recovery.every, quoted));
        out.pair("timeout", spelled(&recovery.timeout, quoted));
        out.pair("tries", spelled(&recovery.tries, count));
        out.pair("backoff", spelled(&recovery.backoff, quoted));
        out.pair("limit", spelled(&recovery.limit, quoted));
        out.pair("success", spelled(&recovery.success, share));
    }
}

fn write_aims(out: &mut Lines, scenario: &Scenario) {
    if !scenario.kpis.is_empty() {
        out.header(&["kpis"]);
    }
    for target in &scenario.kpis {
        let side = if target.kpi.higher_is_better() { "min" } else { "max" };
        out.pair(target.kpi.key(), table(&[(side, spelled(&target.bound, |bound| spelled_bound(target.kpi, *bound)))]));
    }
    let alerts = &scenario.alerts;
    if *alerts != Default::default() {
        out.header(&["alerts"]);
        out.optional("response", alerts.response.as_ref(), quoted);
        out.optional("error_rate", alerts.error_rate.as_ref(), share);
        out.optional("connect_failures", alerts.connect_failures.as_ref(), count);
        out.optional("memory", alerts.memory.as_ref(), share);
    }
}

fn spelled_bound(kpi: Kpi, bound: f64) -> String {
    match kpi.unit() {
        KpiUnit::Share => format!("{bound:?}"),
        KpiUnit::Time => quoted(&SimTime::from_secs(bound)),
        KpiUnit::Score => number(bound),
    }
}

fn write_what_if(out: &mut Lines, what_if: &WhatIf) {
    out.header(&["what_if", &what_if.name]);
    if !what_if.description.is_empty() {
        out.pair("description", paragraph(&what_if.description));
    }
    if what_if.required {
        out.pair("required", true);
    }
    if what_if.scenario.load != 1.0 {
        out.pair("load", number(what_if.scenario.load));
    }
    write_overlay(out, &what_if.overlay, &mut Vec::new());
}

/// One dotted key a line: `servers.serena.connect.failure = 1.0`. From the server or agent on, one table says it in one line
/// where there is more than one thing to say.
fn write_overlay(out: &mut Lines, overlay: &toml::Table, path: &mut Vec<String>) {
    for (name, entry) in overlay {
        path.push(key(name).into_owned());
        match entry {
            toml::Value::Table(inner) if !inner.is_empty() && (path.len() <= 2 || inner.len() == 1 && !is_distribution(inner)) => {
                write_overlay(out, inner, path);
            }
            other => out.line(format_args!("{} = {}", path.join("."), value(other))),
        }
        path.pop();
    }
}

fn is_distribution(table: &toml::Table) -> bool {
    table.keys().any(|key| DISTRIBUTIONS.contains(&key.as_str()))
}
