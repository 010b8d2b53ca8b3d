//! NeXosim: a model whose inputs schedule themselves, on one thread. One model is source and station: no message between models, and
//! a customer costs no more events than in the bare loops.

use std::time::Duration;

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::{EventSinkReader, Output, SinkState, event_slot};
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

use crate::queue::{Luck, Queue, Served, Station};

use super::Prepared;

#[derive(Serialize, Deserialize)]
struct Process {
    /// Sent once, after the last customer.
    result: Output<Served>,
    luck: Luck,
    station: Station<MonotonicTime>,
    to_come: u64,
    customers: u64,
    served: Served,
}

#[Model]
impl Process {
    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        self.schedule_arrival(context);
    }

    #[nexosim(schedulable)]
    async fn arrive(&mut self, _: (), context: &Context<Self>) {
        self.schedule_arrival(context);
        let now = context.time();
        if self.station.arrive(now) {
            self.serve(now, context).await;
        }
    }

    #[nexosim(schedulable)]
    async fn depart(&mut self, _: (), context: &Context<Self>) {
        if let Some(arrived) = self.station.depart() {
            self.serve(arrived, context).await;
        }
    }

    fn schedule_arrival(&mut self, context: &Context<Self>) {
        if self.to_come > 0 {
            self.to_come -= 1;
            context.schedule_event(delay(self.luck.gap()), schedulable!(Self::arrive), ()).expect("a delay is above zero");
        }
    }

    async fn serve(&mut self, arrived: MonotonicTime, context: &Context<Self>) {
        self.served.note(context.time().duration_since(arrived).as_secs_f64());
        context.schedule_event(delay(self.luck.service()), schedulable!(Self::depart), ()).expect("a delay is above zero");
        if self.served.customers == self.customers {
            self.result.send(self.served).await;
        }
    }
}

/// At least a nanosecond: NeXosim schedules nothing for the present.
fn delay(seconds: f64) -> Duration {
    Duration::from_nanos(((seconds * 1e9) as u64).max(1))
}

pub fn prepare(queue: Queue, customers: u64) -> Prepared {
    let (luck, station) = (Luck::new(&queue), Station::new(&queue));
    let mut process = Process { result: Output::default(), luck, station, to_come: customers, customers, served: Served::default() };
    let (sink, mut result) = event_slot(SinkState::Enabled);
    process.result.connect_sink(sink);
    let bench = SimInit::with_num_threads(1).add_model(process, Mailbox::new(), "process");
    let mut simulation = bench.init(MonotonicTime::EPOCH).expect("one model can be assembled");
    Box::new(move || {
        simulation.run().expect("the simulation runs to its end");
        result.try_read().expect("the result is sent with the last customer")
    })
}
