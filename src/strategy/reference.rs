//! The reference ecosystem for the tests: 17 agents, 10 servers, 47 needs, from the plan's tables.

use crate::distribution::Distribution;
use crate::mapping::{ExtraLoad, Mapping};
use crate::scenario::*;
use crate::units::{Bytes, Probability, Rate, SimTime};

/// Agent, complexity, core, today's servers; `state:` marks the filesystem needs that are records rather than files.
const AGENTS: [(&str, f64, bool, &[&str]); 17] = [
    ("agent-coordinator", 8.0, true, &["state", "memory", "sequential-thinking"]),
    ("ai-systems-engineer", 10.0, false, &["memory", "serena", "context7"]),
    ("backend-gcp-specialist", 9.0, false, &["filesystem", "github", "context7", "tavily-mcp"]),
    ("central-supervisor", 10.0, false, &[]),
    ("code-review-specialist", 7.0, false, &["filesystem"]),
    ("database-administrator", 8.0, false, &["supabase", "context7", "time"]),
    ("debugger-specialist", 9.0, false, &["sequential-thinking", "github", "filesystem", "serena", "time"]),
    ("doc-structure-guardian", 6.0, false, &["state", "context7", "time"]),
    ("doc-writer-researcher", 8.0, false, &["tavily-mcp", "context7", "filesystem", "github", "time"]),
    ("execution-tracker", 5.0, true, &["state", "memory", "time"]),
    ("gemini-cli-collaborator", 4.0, false, &["memory"]),
    ("git-cicd-specialist", 7.0, false, &["github"]),
    ("mcp-server-admin", 5.0, false, &["filesystem", "memory", "sequential-thinking"]),
    ("security-auditor", 6.0, true, &["state", "github"]),
    ("test-automation-specialist", 9.0, false, &["playwright", "filesystem", "serena", "context7", "memory"]),
    ("ux-performance-optimizer", 8.0, false, &["playwright", "serena", "context7"]),
    ("vercel-monitor", 7.0, false, &["tavily-mcp", "time"]),
];

/// Server, weight, mean response [ms], call errors, share of time up, what it provides.
type ServerRow = (&'static str, f64, u64, f64, f64, &'static [(&'static str, f64)]);

const SERVERS: [ServerRow; 10] = [
    ("filesystem", 1.0, 150, 0.005, 0.97, &[("files", 1.0), ("state", 0.6), ("notes", 0.6)]),
    ("memory", 0.8, 100, 0.005, 0.97, &[("notes", 1.0), ("state", 0.5)]),
    ("github", 1.2, 200, 0.005, 0.97, &[("repository", 1.0), ("symbols", 0.4)]),
    ("supabase", 0.9, 250, 0.005, 0.97, &[("sql", 1.0), ("state", 1.0), ("notes", 0.8)]),
    ("tavily-mcp", 1.5, 500, 0.03, 0.90, &[("web-search", 1.0)]),
    ("context7", 1.1, 300, 0.03, 0.90, &[("docs", 1.0), ("symbols", 0.6)]),
    ("sequential-thinking", 0.7, 100, 0.005, 0.97, &[("reasoning", 1.0)]),
    ("playwright", 1.3, 200, 0.005, 0.97, &[("browser", 1.0)]),
    ("time", 0.5, 50, 0.005, 0.97, &[("clock", 1.0)]),
    ("serena", 1.4, 400, 0.03, 0.90, &[("symbols", 1.0)]),
];

/// What a server's needs of today ask for, where they ask for one thing.
fn capability_of(grant: &str) -> (&'static str, &str) {
    match grant {
        "state" => ("state", "filesystem"),
        "filesystem" => ("files", grant),
        "memory" => ("notes", grant),
        "serena" => ("symbols", grant),
        "github" => ("repository", grant),
        "context7" => ("docs", grant),
        "tavily-mcp" => ("web-search", grant),
        "supabase" => ("sql", grant),
        "sequential-thinking" => ("reasoning", grant),
        "playwright" => ("browser", grant),
        "time" => ("clock", grant),
        other => panic!("no such server: {other}"),
    }
}

pub fn share(value: f64) -> Figure<Probability> {
    Figure::stated(Probability::new(value).expect("a share"))
}

pub fn constant(seconds: f64) -> Figure<Distribution> {
    Figure::stated(Distribution::Constant(SimTime::from_secs(seconds)))
}

pub fn exponential(seconds: f64) -> Figure<Distribution> {
    Figure::stated(Distribution::Exponential { mean: SimTime::from_secs(seconds) })
}

/// A server that answers at once and never fails.
pub fn plain_server(name: &str) -> Server {
    Server {
        connect: Connect { time: constant(0.3), ..defaults::connect() },
        memory: Figure::stated(Bytes(70 << 20)),
        tokens: Figure::stated(1000),
        ..defaults::server(name)
    }
}

pub fn plain_agent(name: &str, complexity: f64) -> Agent {
    let tasks = Figure::stated(Rate::per_hour(2.0 * complexity));
    let workload = Workload { tasks, calls: Figure::stated(6.0), think: exponential(2.0), ..defaults::workload() };
    Agent { complexity: Figure::stated(complexity), workload, ..defaults::agent(name) }
}

/// A scenario without servers, agents and needs.
pub fn empty_scenario(name: &str) -> Scenario {
    Scenario {
        name: name.into(),
        description: String::new(),
        run: RunSettings { warmup: Some(SimTime::from_secs(1800.0)), ..defaults::run() },
        host: Host { memory: None, slowdown: None },
        limits: Default::default(),
        priorities: None,
        capabilities: Vec::new(),
        dependencies: Vec::new(),
        servers: Vec::new(),
        stand_ins: Vec::new(),
        agents: Vec::new(),
        needs: Vec::new(),
        policy: defaults::policy(),
        recovery: None,
        kpis: Vec::new(),
        alerts: AlertRules::default(),
        what_ifs: Vec::new(),
        config_files: Vec::new(),
        load: 1.0,
        replay: None,
        drills: Vec::new(),
    }
}

/// With the KPI that the reference plan set: planned balance over the servers that share, 70.
pub fn ecosystem() -> Scenario {
    let mut scenario = empty_scenario("openmanager-vibe-v5");
    scenario.capabilities =
        ["browser", "clock", "docs", "files", "notes", "reasoning", "repository", "sql", "state", "symbols", "web-search"]
            .map(String::from)
            .into();
    scenario.dependencies =
        vec![Dependency { name: "git".into(), outages: Some(Outages { every: exponential(14_400.0), lasts: exponential(1200.0) }) }];
    for (name, weight, mean_ms, errors, up, provides) in SERVERS {
        let mut server = plain_server(name);
        server.weight = Figure::stated(weight);
        server.serial = Figure::stated(Distribution::Lognormal { mean: SimTime::from_millis(mean_ms / 10), cv: 1.0 });
        server.parallel = Figure::stated(Distribution::Lognormal { mean: SimTime::from_millis(mean_ms - mean_ms / 10), cv: 1.0 });
        server.errors.soft = share(errors);
        server.outages = Some(Outages { every: exponential(36_000.0 * up), lasts: exponential(36_000.0 * (1.0 - up)) });
        let capability = |name: &str| scenario.capability_named(name).expect("listed above");
        server.provides = provides.iter().map(|(name, q)| Provision::new(capability(name), share(*q))).collect();
        if name == "serena" {
            server.connect.failure = share(0.5);
            server.process = Process::Session;
            server.depends_on = vec![DependencyId(0)];
        }
        scenario.servers.push(server);
    }
    for (name, complexity, core, grants) in AGENTS {
        let agent = AgentId::from(scenario.agents.len());
        for grant in grants {
            let (capability, server) = capability_of(grant);
            scenario.needs.push(Need {
                agent,
                capability: scenario.capability_named(capability).expect("listed above"),
                demand: Figure::stated(1.0),
                current: scenario.server_named(server),
                pinned: false,
            });
        }
        scenario.agents.push(Agent { core, wildcard: name == "central-supervisor", ..plain_agent(name, complexity) });
    }
    let target = |name: &str| Target::Server(scenario.server_named(name).expect("listed above"));
    let on_failure = vec![target("context7"), target("github")];
    let capability = scenario.capability_named("symbols").expect("listed above");
    scenario.policy.fallbacks = vec![FallbackRule { capability, on_failure, on_overload: Vec::new() }];
    scenario.kpis = vec![KpiTarget { kpi: Kpi::BalancePlannedSharing, bound: Figure::stated(70.0) }];
    scenario
}

/// The plan's moves of needs alone: the four `state` needs to supabase.
pub fn plan_moves(scenario: &Scenario) -> Mapping {
    let mut mapping = Mapping::current(scenario);
    let (state, supabase) = (scenario.capability_named("state"), scenario.server_named("supabase").expect("there"));
    for (need, assignment) in scenario.needs.iter().zip(&mut mapping.assignments) {
        if Some(need.capability) == state {
            assignment.primary = supabase;
        }
    }
    mapping
}

/// The plan's target table as written: two grants that no need uses, and a pseudo-agent.
pub fn plan_as_written(scenario: &Scenario) -> Mapping {
    let server = |name: &str| scenario.server_named(name).expect("there");
    let agent = |name: &str| scenario.agent_named(name).expect("there");
    let mut mapping = plan_moves(scenario);
    mapping.extra_grants = vec![(agent("security-auditor"), server("memory")), (agent("agent-coordinator"), server("github"))];
    mapping.extra_load = vec![ExtraLoad { name: "serena-fallback".into(), server: server("context7"), complexity: 5.0 }];
    mapping
}

/// The table of the plan's own figures.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::{Over, balance_score, planned_loads, planned_score};

    #[test]
    fn the_servers_serve_as_many_agents_as_the_plan_counts() {
        let scenario = ecosystem();
        let mapping = Mapping::current(&scenario);
        let agents_on = |server: ServerId| scenario.agent_ids().filter(|agent| mapping.grants(&scenario, *agent).contains(&server)).count();
        assert_eq!(scenario.server_ids().map(agents_on).collect::<Vec<_>>(), [10, 6, 5, 1, 3, 7, 3, 2, 6, 4]);
        assert_eq!((scenario.agents.len(), scenario.servers.len(), scenario.needs.len()), (17, 10, 47));
    }

    #[test]
    fn the_plans_scores_are_reproduced() {
        let scenario = ecosystem();
        let tenths = |score: f64| (10.0 * score).round() / 10.0;
        let moves = plan_moves(&scenario);
        let written = plan_as_written(&scenario);
        let unaided = Mapping { extra_load: Vec::new(), ..written.clone() };
        for (mapping, all, sharing) in
            [(Mapping::current(&scenario), 45.3, 53.5), (written, 57.7, 73.7), (unaided, 59.7, 76.2), (moves.clone(), 60.4, 74.8)]
        {
            let loads = mapping.planned_loads_as_written(&scenario);
            let score = |over: Over| tenths(balance_score(over.servers(&scenario).iter().map(|s| loads[s.index()])));
            assert_eq!((score(Over::All), score(Over::Sharing)), (all, sharing));
        }
        assert_eq!(tenths(planned_score(&scenario, &moves.primaries(), Over::All)), 60.4);
    }

    #[test]
    fn filesystem_carries_less_than_the_plan_claims() {
        let scenario = ecosystem();
        let loads = |mapping: &Mapping| planned_loads(&scenario, &mapping.primaries());
        let total = |loads: &[f64]| loads.iter().sum::<f64>();
        let (before, plan) = (loads(&Mapping::current(&scenario)), plan_as_written(&scenario).planned_loads_as_written(&scenario));
        assert!((before[0] - 72.0).abs() < 1e-9 && (total(&before) - 368.0).abs() < 1e-9);
        assert!((plan[0] - 47.0).abs() < 1e-9 && (total(&plan) - 385.4).abs() < 1e-9, "{}", total(&plan));
    }
}
