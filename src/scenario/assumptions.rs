//! Which of a scenario's figures are assumed: they are counted and shown in every report.

use super::{Arrivals, CallErrors, Connect, Figure, Outages, Provenance, Provision, Scenario, Source, Spread, Workload};

impl Scenario {
    /// How many figures are assumed, each once; those of what-ifs are not counted.
    pub fn assumed_figures(&self) -> usize {
        self.assumptions().len()
    }

    /// Place and note of each assumed figure. What several agents take over from `[workload]` is one figure.
    pub fn assumptions(&self) -> Vec<String> {
        let mut assumed = Assumed::default();
        assumed.optional("host.memory", self.host.memory.as_ref());
        if let Some(slowdown) = &self.host.slowdown {
            assumed.figure("host.slowdown.above", &slowdown.above);
            assumed.figure("host.slowdown.factor", &slowdown.factor);
        }
        for dependency in &self.dependencies {
            assumed.outages(&format!("dependencies.{}.outages", dependency.name), dependency.outages.as_ref());
        }
        self.assumptions_of_servers(&mut assumed);
        for stand_in in &self.stand_ins {
            let place = format!("stand_ins.{}", stand_in.name);
            assumed.figure(&format!("{place}.time"), &stand_in.time);
            assumed.provides(&place, &stand_in.provides, self);
        }
        self.assumptions_of_agents(&mut assumed);
        self.assumptions_of_policies(&mut assumed);
        for target in &self.kpis {
            assumed.figure(&format!("kpis.{}", target.kpi.key()), &target.bound);
        }
        assumed.optional("alerts.response", self.alerts.response.as_ref());
        assumed.optional("alerts.error_rate", self.alerts.error_rate.as_ref());
        assumed.optional("alerts.connect_failures", self.alerts.connect_failures.as_ref());
        assumed.optional("alerts.memory", self.alerts.memory.as_ref());
        assumed.list
    }

    fn assumptions_of_servers(&self, assumed: &mut Assumed) {
        for server in &self.servers {
            let place = format!("servers.{}", server.name);
            let at = |key: &str| format!("{place}.{key}");
            assumed.figure(&at("slots"), &server.slots);
            assumed.optional(&at("queue"), server.queue.as_ref());
            assumed.figure(&at("serial"), &server.serial);
            assumed.figure(&at("parallel"), &server.parallel);
            assumed.figure(&at("first_call"), &server.first_call);
            assumed.errors(&place, &server.errors);
            assumed.connect(&place, &server.connect);
            assumed.outages(&at("outages"), server.outages.as_ref());
            assumed.outages(&at("freezes"), server.freezes.as_ref());
            if let Some(slow) = &server.slow {
                assumed.figure(&at("slow.every"), &slow.every);
                assumed.figure(&at("slow.lasts"), &slow.lasts);
                assumed.figure(&at("slow.factor"), &slow.factor);
            }
            assumed.optional(&at("rate_limit.rate"), server.rate_limit.as_ref().map(|limit| &limit.rate));
            assumed.optional(&at("rate_limit.burst"), server.rate_limit.as_ref().map(|limit| &limit.burst));
            assumed.figure(&at("memory"), &server.memory);
            assumed.figure(&at("memory_per_call"), &server.memory_per_call);
            assumed.figure(&at("memory_growth"), &server.memory_growth);
            assumed.optional(&at("safe_concurrency"), server.safe_concurrency.as_ref().map(|safe| &safe.limit));
            assumed.figure(&at("weight"), &server.weight);
            assumed.figure(&at("tokens"), &server.tokens);
            assumed.provides(&place, &server.provides, self);
        }
    }

    fn assumptions_of_agents(&self, assumed: &mut Assumed) {
        let mut shared: Vec<(&str, &Provenance)> = Vec::new();
        for agent in &self.agents {
            let place = format!("agents.{}", agent.name);
            assumed.figure(&format!("{place}.complexity"), &agent.complexity);
            assumed.optional(&format!("{place}.concurrency"), agent.concurrency.as_ref());
            for (key, provenance) in of_workload(&agent.workload) {
                // The interval of tasks per complexity is scaled by the agent's, so the note tells one figure from another.
                if !shared.iter().any(|(k, p)| *k == key && p.note == provenance.note && p.n == provenance.n) {
                    shared.push((key, provenance));
                    assumed.note(&format!("workload.{key}"), provenance);
                }
            }
        }
        for need in &self.needs {
            let place = || format!("agents.{}.needs.{}.demand", self.agent(need.agent).name, self.capability(need.capability));
            if need.demand.is_assumed() {
                assumed.figure(&place(), &need.demand);
            }
        }
    }

    fn assumptions_of_policies(&self, assumed: &mut Assumed) {
        let policy = &self.policy;
        assumed.figure("policy.timeout", &policy.timeout);
        assumed.optional("policy.queue_timeout", policy.queue_timeout.as_ref());
        assumed.figure("policy.call_life", &policy.call_life);
        assumed.figure("policy.retries", &policy.retries);
        assumed.figure("policy.backoff.first", &policy.backoff.first);
        assumed.figure("policy.backoff.factor", &policy.backoff.factor);
        assumed.figure("policy.backoff.max", &policy.backoff.max);
        if let Spread::Jitter(jitter) = &policy.backoff.spread {
            assumed.figure("policy.backoff.jitter", jitter);
        }
        if let Some(budget) = &policy.retry_budget {
            assumed.figure("policy.retry_budget.ratio", &budget.ratio);
            assumed.figure("policy.retry_budget.burst", &budget.burst);
        }
        if let Some(breaker) = &policy.breaker {
            assumed.figure("policy.breaker.failures", &breaker.failures);
            assumed.figure("policy.breaker.cool_down", &breaker.cool_down);
        }
        assumed.optional("policy.hedge.after", policy.hedge.as_ref().map(|hedge| &hedge.after));
        for rule in &policy.caches {
            let place = format!("policy.caches.{}", self.capability(rule.capability));
            assumed.figure(&place, &rule.repeats);
            assumed.optional(&format!("{place}.ttl"), rule.ttl.as_ref());
        }
        if let Some(recovery) = &self.recovery {
            assumed.figure("recovery.every", &recovery.every);
            assumed.figure("recovery.timeout", &recovery.timeout);
            assumed.figure("recovery.tries", &recovery.tries);
            assumed.figure("recovery.backoff", &recovery.backoff);
            assumed.figure("recovery.limit", &recovery.limit);
            assumed.figure("recovery.success", &recovery.success);
        }
    }
}

/// The assumed figures of a workload.
fn of_workload(workload: &Workload) -> Vec<(&'static str, &Provenance)> {
    fn of<'a, T>(key: &'static str, figure: &'a Figure<T>) -> (&'static str, Option<&'a Provenance>) {
        (key, figure.provenance.as_ref().filter(|_| figure.is_assumed()))
    }
    let mut figures = Vec::new();
    // A closed loop makes its tasks itself, whatever is said of how often they start.
    if !matches!(workload.arrivals, Arrivals::Closed { .. }) {
        figures.push(of("tasks", &workload.tasks));
    }
    match &workload.arrivals {
        Arrivals::Poisson => {}
        Arrivals::Renewal { cv } => figures.push(of("arrivals.gamma.cv", cv)),
        Arrivals::OnOff { on, off } => figures.extend([of("arrivals.on_off.on", on), of("arrivals.on_off.off", off)]),
        Arrivals::Closed { users, pause } => figures.extend([of("arrivals.closed.users", users), of("arrivals.closed.pause", pause)]),
    }
    figures.extend([of("calls", &workload.calls), of("think", &workload.think), of("at_once", &workload.at_once)]);
    figures.into_iter().filter_map(|(key, provenance)| Some((key, provenance?))).collect()
}

#[derive(Default)]
struct Assumed {
    list: Vec<String>,
}

impl Assumed {
    fn figure<T>(&mut self, place: &str, figure: &Figure<T>) {
        if let Some(provenance) = figure.provenance.as_ref().filter(|p| p.source == Source::Assumed) {
            self.note(place, provenance);
        }
    }

    fn note(&mut self, place: &str, provenance: &Provenance) {
        self.list.push(match &provenance.note {
            Some(note) => format!("{place}: {note}"),
            None => place.to_owned(),
        });
    }

    fn optional<T>(&mut self, place: &str, figure: Option<&Figure<T>>) {
        if let Some(figure) = figure {
            self.figure(place, figure);
        }
    }

    fn outages(&mut self, place: &str, outages: Option<&Outages>) {
        if let Some(outages) = outages {
            self.figure(&format!("{place}.every"), &outages.every);
            self.figure(&format!("{place}.lasts"), &outages.lasts);
        }
    }

    fn errors(&mut self, place: &str, errors: &CallErrors) {
        self.figure(&format!("{place}.errors.soft"), &errors.soft);
        self.figure(&format!("{place}.errors.protocol"), &errors.protocol);
        self.figure(&format!("{place}.errors.stall"), &errors.stall);
        self.figure(&format!("{place}.errors.stall_time"), &errors.stall_time);
        self.figure(&format!("{place}.errors.unanswered"), &errors.unanswered);
        self.figure(&format!("{place}.errors.connection"), &errors.connection);
    }

    fn connect(&mut self, place: &str, connect: &Connect) {
        self.figure(&format!("{place}.connect.time"), &connect.time);
        self.optional(&format!("{place}.connect.cold_time"), connect.cold_time.as_ref());
        self.figure(&format!("{place}.connect.failure"), &connect.failure);
        self.figure(&format!("{place}.connect.failure_time"), &connect.failure_time);
    }

    fn provides(&mut self, place: &str, provides: &[Provision], scenario: &Scenario) {
        for provision in provides {
            let place = format!("{place}.provides.{}", scenario.capability(provision.capability));
            self.figure(&place, &provision.quality);
            self.optional(&format!("{place}.tokens"), provision.tokens.as_ref());
            self.optional(&format!("{place}.serial"), provision.serial.as_ref());
            self.optional(&format!("{place}.parallel"), provision.parallel.as_ref());
        }
    }
}
