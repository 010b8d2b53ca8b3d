//! Servers, their dependencies, and stand-ins.

use super::{Inline, Lines, count, distribution, quoted, real, share, spelled};
use crate::distribution::Distribution;
use crate::scenario::spelling::{list, table, text};
use crate::scenario::words::{BEYOND, DISCIPLINES, PROCESSES, word_for};
use crate::scenario::{
    Beyond, CallErrors, Connect, Dependency, Figure, Outages, Provision, RateLimit, SafeConcurrency, Scenario, Server, StandIn, defaults,
};

pub(super) fn write_dependency(out: &mut Lines, dependency: &Dependency) {
    out.header(&["dependencies", &dependency.name]);
    write_outages(out, "outages", dependency.outages.as_ref());
}

fn write_outages(out: &mut Lines, name: &str, outages: Option<&Outages>) {
    if let Some(outages) = outages {
        out.pair(name, table(&[("every", spelled(&outages.every, distribution)), ("lasts", spelled(&outages.lasts, distribution))]));
    }
}

pub(super) fn write_server(out: &mut Lines, server: &Server, scenario: &Scenario) {
    let usual = defaults::server(&server.name);
    let none = Figure::stated(Distribution::ZERO);
    out.header(&["servers", &server.name]);
    if !server.up {
        out.pair("up", false);
    }
    if !server.in_service {
        out.pair("in_service", false);
    }
    if server.discipline != usual.discipline {
        out.pair("discipline", text(word_for(&DISCIPLINES, &server.discipline)));
    }
    out.figure("slots", &server.slots, &usual.slots, count);
    out.optional("queue", server.queue.as_ref(), count);
    if server.serial != none || server.parallel == none {
        out.pair("serial", spelled(&server.serial, distribution));
    }
    out.figure("parallel", &server.parallel, &none, distribution);
    out.figure("first_call", &server.first_call, &usual.first_call, distribution);
    write_errors(out, &server.errors, &usual.errors);
    write_connect(out, &server.connect, &usual.connect);
    write_outages(out, "outages", server.outages.as_ref());
    write_outages(out, "freezes", server.freezes.as_ref());
    if let Some(slow) = &server.slow {
        let (every, lasts) = (spelled(&slow.every, distribution), spelled(&slow.lasts, distribution));
        out.pair("slow", table(&[("every", every), ("lasts", lasts), ("factor", spelled(&slow.factor, real))]));
    }
    if !server.depends_on.is_empty() {
        out.pair("depends_on", list(server.depends_on.iter().map(|id| &scenario.dependencies[id.index()].name)));
    }
    if let Some(limit) = &server.rate_limit {
        write_rate_limit(out, limit);
    }
    out.figure("memory", &server.memory, &usual.memory, quoted);
    out.figure("memory_per_call", &server.memory_per_call, &usual.memory_per_call, quoted);
    out.figure("memory_growth", &server.memory_growth, &usual.memory_growth, quoted);
    if server.process != usual.process {
        out.pair("process", text(word_for(&PROCESSES, &server.process)));
    }
    if let Some(safe) = &server.safe_concurrency {
        write_safe_concurrency(out, safe);
    }
    out.figure("weight", &server.weight, &usual.weight, real);
    if !server.env.is_empty() {
        out.pair("env", list(&server.env));
    }
    out.figure("tokens", &server.tokens, &usual.tokens, count);
    let provides = provisions(&server.provides, scenario);
    let short = table(&provides);
    if short.len() <= 100 {
        out.pair("provides", short);
    } else {
        out.header(&["servers", &server.name, "provides"]);
        provides.iter().for_each(|(name, provision)| out.pair(name, provision));
    }
}

fn write_errors(out: &mut Lines, errors: &CallErrors, usual: &CallErrors) {
    let mut fields = Inline(Vec::new());
    fields.figure("soft", &errors.soft, &usual.soft, share);
    fields.figure("protocol", &errors.protocol, &usual.protocol, share);
    fields.figure("stall", &errors.stall, &usual.stall, share);
    fields.figure("stall_time", &errors.stall_time, &usual.stall_time, quoted);
    fields.figure("unanswered", &errors.unanswered, &usual.unanswered, share);
    fields.figure("connection", &errors.connection, &usual.connection, share);
    fields.write("errors", out);
}

fn write_connect(out: &mut Lines, connect: &Connect, usual: &Connect) {
    let mut fields = Inline(Vec::new());
    fields.figure("time", &connect.time, &usual.time, distribution);
    fields.optional("cold_time", connect.cold_time.as_ref(), distribution);
    fields.figure("failure", &connect.failure, &usual.failure, share);
    fields.figure("failure_time", &connect.failure_time, &usual.failure_time, distribution);
    fields.write("connect", out);
}

fn write_rate_limit(out: &mut Lines, limit: &RateLimit) {
    let mut fields = Inline(vec![("rate", spelled(&limit.rate, quoted))]);
    fields.figure("burst", &limit.burst, &Figure::stated(1), count);
    if limit.retry_after {
        fields.0.push(("retry_after", "true".to_owned()));
    }
    fields.write("rate_limit", out);
}

fn write_safe_concurrency(out: &mut Lines, safe: &SafeConcurrency) {
    let limit = spelled(&safe.limit, count);
    out.pair(
        "safe_concurrency",
        match safe.beyond {
            Beyond::Lost => limit,
            beyond => table(&[("limit", limit), ("beyond", text(word_for(&BEYOND, &beyond)))]),
        },
    );
}

pub(super) fn write_stand_in(out: &mut Lines, stand_in: &StandIn, scenario: &Scenario) {
    out.header(&["stand_ins", &stand_in.name]);
    out.figure("time", &stand_in.time, &Figure::stated(Distribution::ZERO), distribution);
    out.pair("provides", table(&provisions(&stand_in.provides, scenario)));
}

fn provisions<'a>(provides: &[Provision], scenario: &'a Scenario) -> Vec<(&'a str, String)> {
    let provision = |provision: &Provision| {
        let quality = spelled(&provision.quality, share);
        let mut fields = Inline(vec![("quality", quality.clone())]);
        fields.optional("tokens", provision.tokens.as_ref(), count);
        fields.optional("serial", provision.serial.as_ref(), distribution);
        fields.optional("parallel", provision.parallel.as_ref(), distribution);
        if fields.0.len() == 1 { quality } else { table(&fields.0) }
    };
    provides.iter().map(|p| (scenario.capability(p.capability), provision(p))).collect()
}
