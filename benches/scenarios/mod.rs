//! What is measured: scenarios as text, so that all of them come in through the front door.

use std::fmt::Write as _;

use mcplab::random::Key;
use mcplab::scenario::{self, Scenario};

/// M/M/c at 80 %: Poisson arrivals at one server, exponential service of 1 s on each of its slots, nothing else.
pub fn m_m(slots: u32) -> Scenario {
    let tasks = 2880 * slots;
    read(&format!(
        r#"
format = 1
name = "m-m-{slots}"
[run]
horizon = "28h"
warmup = "1h"
[servers.one]
slots = {slots}
serial = {{ exponential = "1s" }}
provides.work = 1.0
[agents.poisson]
workload = {{ tasks = "{tasks}/h", calls = 1 }}
needs.work = "one"
[policy]
timeout = "1d"
call_life = "2d"
"#
    ))
}

pub fn shipped(name: &str) -> Scenario {
    let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    read(&std::fs::read_to_string(path).expect("the scenario is shipped"))
}

/// So many users who pause for about an hour, and servers that hardly notice them: nearly all the time each user is one pending event. The
/// horizon is such that nearly nobody's next task falls beyond it before `calls` calls are made, so that nearly all of them stay pending.
pub fn pending(users: u32, calls: u64) -> Scenario {
    let hours = calls / u64::from(users) + 3;
    read(&format!(
        r#"
format = 1
name = "pending-{users}"
[run]
horizon = "{hours}h"
warmup = "0s"
[servers.wide]
slots = 1000
serial = "1ms"
provides.work = 1.0
[agents.crowd]
workload = {{ calls = 1, arrivals = {{ closed = {{ users = {users}, pause = {{ exponential = "1h" }} }} }} }}
needs.work = "wide"
"#
    ))
}

const CAPABILITIES: usize = 30;
const TASKS_PER_HOUR: f64 = 60.0;
const CALLS_PER_TASK: f64 = 5.0;

/// Agents with two to four needs among thirty capabilities, over servers of one to four slots, each busy for half of the time: a large house.
/// The same text each time.
pub fn generated(agents: usize, servers: usize) -> Scenario {
    let luck = Key::new(7);
    let needs: Vec<Vec<(usize, usize)>> = (0..agents).map(|agent| needs_of(luck.named("agent").with(agent as u64), servers)).collect();
    let mut text = format!(
        r#"
format = 1
name = "generated-{agents}x{servers}"
[run]
horizon = "30min"
warmup = "5min"
[workload]
tasks = "{TASKS_PER_HOUR}/h"
calls = {CALLS_PER_TASK}
think = {{ exponential = "2s" }}
[policy]
timeout = "30s"
retries = 2
"#
    );
    (0..servers).for_each(|server| write_server(&mut text, server, luck.named("server").with(server as u64), &needs));
    (0..agents).for_each(|agent| write_agent(&mut text, agent, &needs[agent]));
    write_fallbacks(&mut text, servers);
    read(&text)
}

/// Each server provides two capabilities.
fn capabilities(server: usize) -> [usize; 2] {
    [server % CAPABILITIES, (server + 11) % CAPABILITIES]
}

fn providers(capability: usize, servers: usize) -> Vec<usize> {
    (0..servers).filter(|server| capabilities(*server).contains(&capability)).collect()
}

/// Capabilities and the servers that they are asked of.
fn needs_of(agent: Key, servers: usize) -> Vec<(usize, usize)> {
    let count = 2 + below(agent.with(0), 3);
    let first = below(agent.with(1), CAPABILITIES);
    // Steps that have no divisor in common with 30 meet no capability twice.
    let step = [1, 7, 11, 13][below(agent.with(2), 4)];
    let need = |number: usize| {
        let capability = (first + number * step) % CAPABILITIES;
        let providers = providers(capability, servers);
        (capability, providers[below(agent.with(3 + number as u64), providers.len())])
    };
    (0..count).map(need).collect()
}

fn write_server(text: &mut String, server: usize, luck: Key, needs: &[Vec<(usize, usize)>]) {
    let slots = 1 + below(luck, 4);
    let share = |needs: &Vec<(usize, usize)>| needs.iter().filter(|(_, to)| *to == server).count() as f64 / needs.len() as f64;
    let calls_per_hour = needs.iter().map(share).sum::<f64>() * TASKS_PER_HOUR * CALLS_PER_TASK;
    // Busy for half of the time; where nobody comes, as long as a call that comes once a minute.
    let mean = 0.5 * slots as f64 * 3600.0 / calls_per_hour.max(60.0);
    let [one, other] = capabilities(server);
    write!(
        text,
        r#"
[servers.server-{server}]
slots = {slots}
serial = {{ lognormal = {{ mean = "{}ms", cv = 1 }} }}
parallel = {{ exponential = "200ms" }}
queue = 50
connect.time = "500ms"
errors = {{ soft = 0.01, unanswered = 0.001 }}
outages = {{ every = {{ exponential = "12h" }}, lasts = {{ exponential = "2min" }} }}
provides = {{ capability-{one} = 1.0, capability-{other} = 0.8 }}
"#,
        (mean * 1000.0).round()
    )
    .expect(IN_MEMORY);
}

fn write_agent(text: &mut String, agent: usize, needs: &[(usize, usize)]) {
    writeln!(text, "[agents.agent-{agent}.needs]").expect(IN_MEMORY);
    for (capability, server) in needs {
        writeln!(text, "capability-{capability} = \"server-{server}\"").expect(IN_MEMORY);
    }
}

/// Any other server that provides the capability.
fn write_fallbacks(text: &mut String, servers: usize) {
    writeln!(text, "[policy.fallbacks]").expect(IN_MEMORY);
    for capability in 0..CAPABILITIES {
        let names: Vec<String> = providers(capability, servers).iter().map(|server| format!("\"server-{server}\"")).collect();
        writeln!(text, "capability-{capability} = [{}]", names.join(", ")).expect(IN_MEMORY);
    }
}

fn below(luck: Key, bound: usize) -> usize {
    (luck.uniform() * bound as f64) as usize
}

const IN_MEMORY: &str = "text in memory can be written";

fn read(text: &str) -> Scenario {
    scenario::parse("a scenario to measure", text).expect("the scenario is correct").scenario
}
