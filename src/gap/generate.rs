//! Instances of the published classes, drawn from a seed: a, b, c and d of Chu & Beasley (1997), e of Laguna, Kelly, González-Velarde & Glover (1995).

use std::fmt;
use std::str::FromStr;

use rand::RngExt;

use super::Instance;
use crate::random::Key;

/// The later the letter, the harder: from b on capacities bind; in d and e what costs little takes much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    A,
    B,
    C,
    D,
    E,
}

/// An instance to draw: `d:5x100`, class d, 5 agents, 100 items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub class: Class,
    pub agents: usize,
    pub items: usize,
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Order, String> {
        let wrong = || format!("`{text}` is no class and size such as d:5x100 (a to e, 1 to 100 agents, 1 to 2000 items)");
        let (class, size) = text.split_once(':').ok_or_else(wrong)?;
        let class = match class {
            "a" => Class::A,
            "b" => Class::B,
            "c" => Class::C,
            "d" => Class::D,
            "e" => Class::E,
            _ => return Err(wrong()),
        };
        let (agents, items) = size.split_once('x').ok_or_else(wrong)?;
        let number = |text: &str, most: usize| text.parse().ok().filter(|number| (1..=most).contains(number)).ok_or_else(wrong);
        Ok(Order { class, agents: number(agents, 100)?, items: number(items, 2000)? })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}x{}", format!("{:?}", self.class).to_lowercase(), self.agents, self.items)
    }
}

/// The same order and seed, the same instance.
pub fn generate(order: Order, seed: u64) -> Instance {
    let Order { class, agents, items } = order;
    let mut generator = Key::new(seed).named(&order.to_string()).generator();
    let (mut cost, mut usage) = (Vec::with_capacity(agents * items), Vec::with_capacity(agents * items));
    for _ in 0..agents * items {
        let (c, r): (i32, i32) = match class {
            Class::A | Class::B | Class::C => (generator.random_range(10..=50), generator.random_range(5..=25)),
            Class::D => {
                let usage = generator.random_range(1..=100);
                (111 - usage + generator.random_range(-10..=10), usage)
            }
            // U(0, 1], so that the logarithms are finite.
            Class::E => {
                let mut open = || 1.0 - generator.uniform();
                let usage = 1.0 - 10.0 * f64::ln(open());
                ((1000.0 / usage - 10.0 * open()).round() as i32, usage.round() as i32)
            }
        };
        cost.push(c.max(1));
        usage.push(r);
    }
    let mut instance = Instance { agents, items, cost, usage, capacity: vec![0; agents] };
    instance.capacity = (0..agents)
        .map(|agent| {
            let roomy = 9.0 * items as f64 / agents as f64 + 0.4 * largest_load(&instance);
            let tight = || 0.8 * (0..items).map(|item| instance.usage(item, agent)).sum::<i64>() as f64 / agents as f64;
            let capacity = match class {
                Class::A => roomy,
                Class::B => 0.7 * roomy,
                Class::C | Class::D | Class::E => tight(),
            };
            capacity as i64
        })
        .collect();
    instance
}

/// The largest load, where every item goes to its cheapest agent.
fn largest_load(instance: &Instance) -> f64 {
    let mut loads = vec![0; instance.agents];
    for item in 0..instance.items {
        let agent = (0..instance.agents).min_by_key(|agent| instance.cost(item, *agent)).expect("there is an agent");
        loads[agent] += instance.usage(item, agent);
    }
    loads.into_iter().max().unwrap_or(0) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_and_drawn_the_same_every_time() {
        let order: Order = "d:5x100".parse().unwrap();
        assert_eq!((order, order.to_string().as_str()), (Order { class: Class::D, agents: 5, items: 100 }, "d:5x100"));
        assert_eq!(generate(order, 1), generate(order, 1));
        assert_ne!(generate(order, 1), generate(order, 2));
        for wrong in ["d", "f:5x10", "d:0x10", "d:5x", "d:5x100000"] {
            assert!(wrong.parse::<Order>().unwrap_err().contains("d:5x100"), "{wrong}");
        }
    }
}
