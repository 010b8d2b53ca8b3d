//! Scenarios of any size, made up but not out of thin air: who provides what, who asks how much, what does not fit.

use std::fmt::{self, Write};
use std::str::FromStr;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};

use crate::random::Key;

/// Agents x servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    pub agents: u32,
    pub servers: u32,
}

impl Size {
    /// From a team to the largest organisation.
    pub const ALL: [Size; 8] = [
        Size { agents: 20, servers: 10 },
        Size { agents: 50, servers: 20 },
        Size { agents: 100, servers: 20 },
        Size { agents: 200, servers: 30 },
        Size { agents: 500, servers: 50 },
        Size { agents: 1000, servers: 100 },
        Size { agents: 2000, servers: 100 },
        Size { agents: 5000, servers: 200 },
    ];
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}x{}", self.agents, self.servers)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let parts = text.split_once('x').and_then(|(agents, servers)| Some((agents.parse().ok()?, servers.parse().ok()?)));
        match parts {
            Some((agents @ 1..=20_000, servers @ 2..=1000)) => Ok(Size { agents, servers }),
            _ => Err(format!("`{text}` is no size: agents x servers, as in 100x20; at least 1x2, at most 20000x1000")),
        }
    }
}

/// The text of the scenario of this size, number and seed: the same again for the same three.
///
/// A capability has 2 to 5 providers, the first of quality 1, the others below. Capabilities are asked for by Zipf's law, tasks start by Pareto's
/// (shape 1.5): few agents make most of the load. Servers have slots for the load that an even spread would bring them, at half use, so that
/// today's mapping, which mostly asks the best provider, overloads some. Memory is what
/// the servers in use today take: another one can be used where one of them is given up. One need in ten is pinned.
pub fn instance(size: Size, number: u32, seed: u64) -> String {
    let key = Key::new(seed).named("suite").with(u64::from(size.agents)).with(u64::from(size.servers)).with(u64::from(number));
    let mut draw = Xoshiro256PlusPlus::seed_from_u64(key.number());
    let world = World::draw(size, &mut draw);
    world.text(&format!("generated-{size}-{number}"))
}

struct World {
    /// By capability: its providers with their qualities, the best first.
    providers: Vec<Vec<(usize, f64)>>,
    servers: Vec<Server>,
    agents: Vec<Agent>,
    /// \[MiB\]
    memory: f64,
}

struct Server {
    weight: f64,
    /// \[ms\]
    serial: f64,
    parallel: f64,
    errors: f64,
    slots: f64,
    /// [calls/h]
    rate_limit: Option<f64>,
    /// \[MiB\]
    memory: f64,
}

struct Agent {
    complexity: u32,
    /// [tasks/h]
    tasks: f64,
    /// Capability, today's server, whether it is pinned there.
    needs: Vec<(usize, usize, bool)>,
}

const CALLS_A_TASK: f64 = 6.0;
/// Share of a slot's time that an even spread would use.
const USE: f64 = 0.5;

impl World {
    fn draw(size: Size, draw: &mut impl Rng) -> World {
        let servers = size.servers as usize;
        let providers = providers(servers, draw);
        let agents = agents(size.agents as usize, &providers, draw);
        // Calls an hour, were each capability's spread evenly over its providers.
        let mut calls = vec![0.0; servers];
        for agent in &agents {
            for (capability, _, _) in &agent.needs {
                let share = agent.tasks * CALLS_A_TASK / agent.needs.len() as f64 / providers[*capability].len() as f64;
                providers[*capability].iter().for_each(|(server, _)| calls[*server] += share);
            }
        }
        let servers: Vec<Server> = calls.iter().map(|calls| server(*calls, draw)).collect();
        let used = |server: &usize| agents.iter().any(|agent| agent.needs.iter().any(|(_, today, _)| today == server));
        let memory = (0..servers.len()).filter(used).map(|server| servers[server].memory.ceil()).sum();
        World { providers, servers, agents, memory }
    }

    fn text(&self, name: &str) -> String {
        let mut text = format!(
            "format = 1\nname = \"{name}\"\ndescription = \"made up by the benchmark\"\n\n[run]\nhorizon = \"8h\"\nwarmup = \"30min\"\n\n\
             [host]\nmemory = \"{:.0}MiB\"\n\n[kpis]\navailability = {{ min = \"90%\" }}\nresponse_mean = {{ max = \"3s\" }}\n\
             error_rate = {{ max = \"10%\" }}\n\n\
             [workload]\ncalls = {CALLS_A_TASK}\nthink = {{ exponential = \"2s\" }}\n",
            self.memory
        );
        for (number, server) in self.servers.iter().enumerate() {
            let _ = write!(
                text,
                "\n[servers.server-{number}]\nweight = {:.1}\nslots = {:.0}\nserial = {{ lognormal = {{ mean = \"{:.1}ms\", cv = 1 }} }}\n\
                 parallel = {{ lognormal = {{ mean = \"{:.1}ms\", cv = 1 }} }}\nerrors.soft = {:.4}\nmemory = \"{:.0}MiB\"\n",
                server.weight, server.slots, server.serial, server.parallel, server.errors, server.memory
            );
            if let Some(rate) = server.rate_limit {
                let _ = writeln!(text, "rate_limit = {{ rate = \"{rate:.0}/h\", burst = 10 }}");
            }
            for (capability, of) in self.providers.iter().enumerate() {
                if let Some((_, quality)) = of.iter().find(|(server, _)| *server == number) {
                    let _ = writeln!(text, "provides.capability-{capability} = {quality:.2}");
                }
            }
        }
        for (number, agent) in self.agents.iter().enumerate() {
            let _ = write!(
                text,
                "\n[agents.agent-{number}]\ncomplexity = {}\nworkload = {{ tasks = \"{:.2}/h\" }}\n",
                agent.complexity, agent.tasks
            );
            for (capability, server, pinned) in &agent.needs {
                let pinned = if *pinned { ", pinned = true" } else { "" };
                let _ = writeln!(text, "needs.capability-{capability} = {{ server = \"server-{server}\"{pinned} }}");
            }
        }
        text
    }
}

/// Half as many capabilities as servers; every server provides one at least.
fn providers(servers: usize, draw: &mut impl Rng) -> Vec<Vec<(usize, f64)>> {
    let capabilities = servers.div_ceil(2);
    (0..capabilities)
        .map(|capability| {
            let own = [capability, capability + capabilities];
            let mut providers: Vec<usize> = own.into_iter().filter(|server| *server < servers).collect();
            let wanted = draw.random_range(2..=5).min(servers);
            while providers.len() < wanted {
                let server = draw.random_range(0..servers);
                if !providers.contains(&server) {
                    providers.push(server);
                }
            }
            providers.into_iter().enumerate().map(|(i, server)| (server, if i == 0 { 1.0 } else { draw.random_range(0.4..0.95) })).collect()
        })
        .collect()
}

fn agents(count: usize, providers: &[Vec<(usize, f64)>], draw: &mut impl Rng) -> Vec<Agent> {
    // Zipf (1949): the k-th most asked for is asked for 1/k as often as the first.
    let mut sum = 0.0;
    let popularity: Vec<f64> = (1..=providers.len())
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect();
    (0..count)
        .map(|_| {
            let tasks = 2.0 * (1.0 - draw.random_range(0.0..1.0_f64)).powf(-1.0 / 1.5);
            let mut wanted: Vec<usize> = (0..draw.random_range(1..=6))
                .map(|_| {
                    let at = draw.random_range(0.0..sum);
                    popularity.partition_point(|share| *share <= at).min(providers.len() - 1)
                })
                .collect();
            wanted.sort_unstable();
            wanted.dedup();
            let needs = wanted
                .into_iter()
                .map(|capability| {
                    let of = &providers[capability];
                    let today = if draw.random_bool(0.8) { of[0].0 } else { of[draw.random_range(0..of.len())].0 };
                    (capability, today, draw.random_bool(0.1))
                })
                .collect();
            Agent { complexity: draw.random_range(1..=10), tasks: tasks.min(200.0), needs }
        })
        .collect()
}

fn server(calls: f64, draw: &mut impl Rng) -> Server {
    // From 20 ms to 1 s, as likely per doubling; memory from 40 MiB to 2 GiB.
    let log_uniform = |draw: &mut dyn FnMut() -> f64, low: f64, high: f64| low * (high / low).powf(draw());
    let mut uniform = || draw.random_range(0.0..1.0);
    let serial = log_uniform(&mut uniform, 20.0, 1000.0);
    let parallel = log_uniform(&mut uniform, 20.0, 1000.0);
    let memory = log_uniform(&mut uniform, 40.0, 2000.0);
    let slots = (calls / 3600.0 * serial / 1000.0 / USE).ceil().max(1.0);
    Server {
        weight: 0.5 + uniform(),
        serial,
        parallel,
        errors: 0.05 * uniform(),
        slots,
        rate_limit: (uniform() < 0.15).then(|| (2.0 * calls).max(60.0)),
        memory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    #[test]
    fn instances_are_right_scenarios_of_their_size_and_the_same_again() {
        for (number, size) in Size::ALL[..4].iter().enumerate() {
            let text = instance(*size, number as u32, 1);
            assert_eq!(text, instance(*size, number as u32, 1));
            assert_ne!(text, instance(*size, number as u32, 2));
            let scenario = scenario::parse("generated.toml", &text).expect("a right scenario").scenario;
            assert_eq!((scenario.agents.len(), scenario.servers.len()), (size.agents as usize, size.servers as usize));
            for need in &scenario.needs {
                assert!((2..=5).contains(&scenario.providers(need.capability).len()));
            }
        }
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for size in Size::ALL {
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        for wrong in ["", "20", "0x10", "20x1", "20x10x3", "999999x10", "-1x10"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
