//! A scenario becomes text that a person enjoys, and that is read back as the same scenario.

mod policy;
mod server;
mod workload;

use std::fmt::{Display, Write};

use super::read::distribution::DISTRIBUTIONS;
use super::spelling::{key, list, number, paragraph, table, text, value};
use super::words::{SOURCES, TERMS, word_for};
use super::{Agent, AgentId, Figure, FileSeen, Kpi, KpiUnit, Limits, Scenario, WhatIf};
use crate::distribution::Distribution;
use crate::units::{Probability, Rate, SimTime};
use policy::write_policy;
use server::{write_dependency, write_server, write_stand_in};
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
        write_dependency(&mut out, dependency);
    }
    for server in &scenario.servers {
        write_server(&mut out, server, scenario);
    }
    for stand_in in &scenario.stand_ins {
        write_stand_in(&mut out, stand_in, scenario);
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
    let mut fields = vec![("value", value), ("source", text(word_for(&SOURCES, &provenance.source)))];
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

/// A figure as a scenario states it: what goes after `serial =`.
pub fn spelled_distribution(figure: &Figure<Distribution>) -> String {
    spelled(figure, distribution)
}

pub fn spelled_rate(figure: &Figure<Rate>) -> String {
    spelled(figure, quoted)
}

pub fn spelled_share(figure: &Figure<Probability>) -> String {
    spelled(figure, share)
}

pub fn spelled_number(figure: &Figure<f64>) -> String {
    spelled(figure, real)
}

pub fn spelled_count(figure: &Figure<u32>) -> String {
    spelled(figure, count)
}

fn distribution(distribution: &Distribution) -> String {
    match distribution {
        Distribution::Constant(time) => quoted(time),
        other => table(&[named(other)]),
    }
}

/// Its key and what stands behind it.
fn named(distribution: &Distribution) -> (&'static str, String) {
    let shaped = |mean: &SimTime, shape: &f64| table(&[("mean", quoted(mean)), ("shape", number(*shape))]);
    let spread = |mean: &SimTime, cv: &f64| table(&[("mean", quoted(mean)), ("cv", number(*cv))]);
    match distribution {
        Distribution::Constant(time) => ("constant", quoted(time)),
        Distribution::Exponential { mean } => ("exponential", quoted(mean)),
        Distribution::Lognormal { mean, cv } => ("lognormal", spread(mean, cv)),
        Distribution::Gamma { mean, cv } => ("gamma", spread(mean, cv)),
        Distribution::Uniform { min, max } => ("uniform", table(&[("min", quoted(min)), ("max", quoted(max))])),
        Distribution::Empirical(times) => ("empirical", list(times.iter().map(SimTime::to_string))),
        Distribution::Weibull { mean, shape } => ("weibull", shaped(mean, shape)),
        Distribution::Pareto { mean, shape } => ("pareto", shaped(mean, shape)),
        Distribution::Shifted { least, beyond } => ("shifted", table(&[("least", quoted(least)), named(beyond)])),
        Distribution::Mixture(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| table(&[("share", real(&part.share)), named(&part.of)])).collect();
            ("mixture", format!("[{}]", parts.join(", ")))
        }
    }
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
    let limits = &scenario.limits;
    if *limits != Limits::default() {
        out.header(&["limits"]);
        limits.changes.into_iter().for_each(|most| out.pair("changes", most));
        limits.servers_per_agent.into_iter().for_each(|most| out.pair("servers_per_agent", most));
        limits.tool_tokens.into_iter().for_each(|most| out.pair("tool_tokens", most));
        if limits.separate_domains {
            out.pair("separate_domains", true);
        }
    }
    if let Some(priorities) = &scenario.priorities {
        out.header(&["objective"]);
        out.pair("priorities", list(priorities.iter().map(|term| word_for(&TERMS, term))));
    }
    let host = &scenario.host;
    if host.memory.is_none() && host.slowdown.is_none() {
        return;
    }
    out.header(&["host"]);
    out.optional("memory", host.memory.as_ref(), quoted);
    if let Some(slowdown) = &host.slowdown {
        out.pair("slowdown", table(&[("above", spelled(&slowdown.above, share)), ("factor", spelled(&slowdown.factor, real))]));
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

    fn optional<T>(&mut self, name: &'static str, figure: Option<&Figure<T>>, spell: impl Fn(&T) -> String) {
        if let Some(figure) = figure {
            self.0.push((name, spelled(figure, spell)));
        }
    }

    fn write(self, name: &str, out: &mut Lines) {
        if !self.0.is_empty() {
            out.pair(name, table(&self.0));
        }
    }
}

fn write_agent(out: &mut Lines, id: AgentId, workloads: &Workloads, scenario: &Scenario) {
    let agent: &Agent = scenario.agent(id);
    out.header(&["agents", &agent.name]);
    out.pair("complexity", spelled(&agent.complexity, real));
    if agent.priority != 0 {
        out.pair("priority", agent.priority);
    }
    out.optional("concurrency", agent.concurrency.as_ref(), count);
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
