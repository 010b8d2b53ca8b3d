//! Service: the serial part on a slot, then the parallel part without one, then the answer, if there is one.

use crate::scenario::Discipline;

use super::call::Failure;
use super::server::Phase;
use super::*;

impl<O: Observer> Simulation<'_, O> {
    /// On a free slot, or on a share of all of them.
    #[inline(always)]
    pub fn start_service(&mut self, id: Id<Attempt>) {
        let attempt = &mut self.attempts[id];
        attempt.started = self.now;
        let (server, waited, counted) = (attempt.server, self.now - attempt.accepted, attempt.counted);
        let state = &mut self.servers[server.index()];
        attempt.frozen_by_start = state.frozen_total;
        self.observer.service_begins(&ServiceStart { at: self.now, server, waited, counted });
        if counted {
            state.tally.served += 1;
            state.tally.wait_sum += waited;
        }
        attempt.phase = Phase::Serial;
        if attempt.serial == SimTime::ZERO {
            return self.serve_rest(id);
        }
        if state.model.discipline == Discipline::ProcessorSharing {
            return self.take_share(id);
        }
        state.slots_free -= 1;
        self.calendar.schedule(self.now + attempt.serial, Event::SerialDone(id));
    }

    #[inline(always)]
    pub fn serial_done(&mut self, id: Id<Attempt>) {
        // An outage may have broken it, its client may have cancelled it, its server may have been frozen meanwhile.
        let Some(&Attempt { server, started, .. }) = self.attempts.get(id) else { return };
        if self.model.freezes && self.is_held(id) {
            return;
        }
        self.leave_slot(server, started);
        self.serve_waiting(server);
        self.serve_rest(id);
    }

    /// An attempt that began there then leaves its slot, done or not.
    #[inline(always)]
    pub fn leave_slot(&mut self, server: ServerId, started: SimTime) {
        let state = &mut self.servers[server.index()];
        if state.model.discipline == Discipline::ProcessorSharing {
            return self.leave_share(server);
        }
        state.tally.busy += self.model.within_window(started, self.now);
        state.slots_free += 1;
    }

    /// What is left once the slot is free.
    #[inline(always)]
    pub fn serve_rest(&mut self, id: Id<Attempt>) {
        let attempt = &mut self.attempts[id];
        let state = &mut self.servers[attempt.server.index()];
        state.queued -= 1;
        (attempt.phase, attempt.frozen_by_start) = (Phase::Parallel, state.frozen_total);
        match attempt.fate {
            Fate::Silence if attempt.call.is_none() => drop(self.remove_attempt(id)),
            Fate::Silence => attempt.phase = Phase::Silent,
            _ if attempt.rest == SimTime::ZERO => self.answer(id),
            _ => self.calendar.schedule(self.now + attempt.rest, Event::Answered(id)),
        }
    }

    pub fn answered(&mut self, id: Id<Attempt>) {
        if self.attempts.contains(id) && !(self.model.freezes && self.is_held(id)) {
            self.answer(id);
        }
    }

    #[inline(always)]
    fn answer(&mut self, id: Id<Attempt>) {
        let Some(attempt) = self.remove_attempt(id) else { return };
        if self.model.memory_grows {
            self.grow(attempt.server, attempt.session);
        }
        if attempt.fate == Fate::Disconnected {
            self.disconnect(attempt.server, attempt.session);
        }
        let Some(call) = attempt.call else { return };
        self.note_latency(attempt.server, self.now - attempt.begun);
        let tally = &mut self.servers[attempt.server.index()].tally;
        tally.at_risk += u64::from(attempt.counted && attempt.at_risk);
        if attempt.fate == Fate::Success {
            if attempt.counted {
                tally.succeeded += 1;
                tally.response_sum += self.now - attempt.accepted;
            }
            self.attempt_succeeded(call, attempt.tried());
        } else {
            tally.errors += u64::from(attempt.counted);
            self.attempt_failed(call, attempt.tried(), Failure::Failed);
        }
    }

    /// A slot was left before its time: who waits is served next. Through the calendar, so that the stack stays flat however many
    /// give up together.
    pub fn slot_is_left(&mut self, server: ServerId) {
        self.calendar.schedule(self.now, Event::SlotLeft(server));
    }

    /// Accounts for the slots that are busy when the run ends.
    pub fn close_slots(&mut self) {
        for (_, attempt) in self.attempts.iter().filter(|(_, attempt)| attempt.phase == Phase::Serial) {
            if self.servers[attempt.server.index()].model.discipline != Discipline::ProcessorSharing {
                self.servers[attempt.server.index()].tally.busy += self.model.within_window(attempt.started, self.now);
            }
        }
        (0..self.servers.len()).map(ServerId::from).for_each(|server| self.update_share(server));
    }
}
