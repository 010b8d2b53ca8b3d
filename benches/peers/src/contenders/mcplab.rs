//! mcplab: one agent, one server, through the library's public interface. It does here what it does for every scenario: a time-out
//! and a cap on each call's life, tallies by agent and server, a histogram of response times.

use mcplab::engine::{Outcome, Run, simulate};
use mcplab::mapping::Mapping;
use mcplab::scenario;

use crate::queue::{Queue, Served};

use super::Prepared;

pub fn prepare(queue: Queue, customers: u64) -> Prepared {
    let scenario = scenario::parse(queue.name, &scenario_text(&queue, customers)).expect("the scenario is correct").scenario;
    let mapping = Mapping::current(&scenario);
    Box::new(move || served(&simulate(&scenario, &mapping, Run { seed: 1, replication: 0 })))
}

/// The horizon is where so many customers are expected to have come; nothing is cut off at its beginning, as with everybody.
fn scenario_text(queue: &Queue, customers: u64) -> String {
    let Queue { slots, arrival_rate, .. } = queue;
    let (horizon, an_hour) = (customers as f64 / arrival_rate, arrival_rate * 3600.0);
    format!(
        r#"
format = 1
name = "queue"
[run]
horizon = "{horizon:.0}s"
warmup = "0s"
[servers.one]
slots = {slots}
serial = {{ exponential = "1s" }}
provides.work = 1.0
[agents.poisson]
workload = {{ tasks = "{an_hour:.0}/h", calls = 1 }}
needs.work = "one"
[policy]
timeout = "1d"
call_life = "2d"
"#
    )
}

/// The wait is what is left of the responses without the time on a slot.
fn served(outcome: &Outcome) -> Served {
    let server = &outcome.servers[0];
    Served { customers: outcome.calls().issued, wait: server.response_sum.as_secs() - server.busy.as_secs() }
}
