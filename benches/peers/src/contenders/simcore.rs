//! SimCore: a component with event handlers. One component is source and station, so that a customer costs no more events than in
//! the bare loops.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use simcore::{Event, EventHandler, Simulation, SimulationContext, cast};

use crate::queue::{Luck, Queue, Served, Station};

use super::Prepared;

#[derive(Clone, Serialize)]
struct Arrival {}

#[derive(Clone, Serialize)]
struct Departure {}

struct Process {
    context: SimulationContext,
    luck: Luck,
    station: Station<f64>,
    to_come: u64,
    served: Served,
}

impl Process {
    fn on_arrival(&mut self) {
        self.schedule_arrival();
        let now = self.context.time();
        if self.station.arrive(now) {
            self.serve(now);
        }
    }

    fn on_departure(&mut self) {
        if let Some(arrived) = self.station.depart() {
            self.serve(arrived);
        }
    }

    fn schedule_arrival(&mut self) {
        if self.to_come > 0 {
            self.to_come -= 1;
            self.context.emit_self(Arrival {}, self.luck.gap());
        }
    }

    fn serve(&mut self, arrived: f64) {
        self.served.note(self.context.time() - arrived);
        self.context.emit_self(Departure {}, self.luck.service());
    }
}

impl EventHandler for Process {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Arrival {} => {
                self.on_arrival()
            }
            Departure {} => {
                self.on_departure()
            }
        })
    }
}

pub fn prepare(queue: Queue, customers: u64) -> Prepared {
    let mut simulation = Simulation::new(1);
    let context = simulation.create_context("process");
    let (luck, station) = (Luck::new(&queue), Station::new(&queue));
    let process = Rc::new(RefCell::new(Process { context, luck, station, to_come: customers, served: Served::default() }));
    simulation.add_handler("process", process.clone());
    process.borrow_mut().schedule_arrival();
    Box::new(move || {
        simulation.step_until_no_events();
        process.borrow().served
    })
}
