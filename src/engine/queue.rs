//! Who waits for a slot, and who is next: first come, first served; or by the agents' priorities, first come first served among equals,
//! without interrupting what is served.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::scenario::Discipline;

use super::server::Phase;
use super::*;

/// Attempts that wait for a slot. Those that left stay in the row until it is their turn, and are passed over then; or until they are most of
/// the row: where others always come first, their turn may never come.
#[derive(Debug)]
pub struct Waiting {
    row: Row,
    /// Without those that left.
    len: usize,
}

#[derive(Debug)]
enum Row {
    Fifo(VecDeque<Id<Attempt>>),
    Priority { heap: BinaryHeap<Ranked>, sequence: u64 },
}

#[derive(Debug)]
struct Ranked {
    rank: (u32, Reverse<u64>),
    attempt: Id<Attempt>,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl Waiting {
    pub fn new(discipline: Discipline) -> Waiting {
        let row = match discipline {
            Discipline::Priority => Row::Priority { heap: BinaryHeap::new(), sequence: 0 },
            Discipline::Fifo | Discipline::ProcessorSharing => Row::Fifo(VecDeque::new()),
        };
        Waiting { row, len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    fn push(&mut self, attempt: Id<Attempt>, priority: u32, waits: impl Fn(Id<Attempt>) -> bool) {
        if self.row.len() > most_kept(self.len) {
            self.row.forget(waits);
        }
        self.len += 1;
        match &mut self.row {
            Row::Fifo(row) => row.push_back(attempt),
            Row::Priority { heap, sequence } => {
                *sequence += 1;
                heap.push(Ranked { rank: (priority, Reverse(*sequence)), attempt });
            }
        }
    }

    /// The next one, whether or not it has left meanwhile.
    #[inline(always)]
    fn pop(&mut self) -> Option<Id<Attempt>> {
        match &mut self.row {
            Row::Fifo(row) => row.pop_front(),
            Row::Priority { heap, .. } => heap.pop().map(|ranked| ranked.attempt),
        }
    }

    pub fn clear(&mut self) {
        self.len = 0;
        match &mut self.row {
            Row::Fifo(row) => row.clear(),
            Row::Priority { heap, .. } => heap.clear(),
        }
    }
}

/// So many entries may stand in a row of which `live` ones still count: to forget the others then costs each entry little.
#[inline(always)]
pub fn most_kept(live: usize) -> usize {
    64 + 2 * live
}

impl Row {
    #[inline(always)]
    fn len(&self) -> usize {
        match self {
            Row::Fifo(row) => row.len(),
            Row::Priority { heap, .. } => heap.len(),
        }
    }

    /// Drops those that left; the others keep their order.
    #[cold]
    fn forget(&mut self, waits: impl Fn(Id<Attempt>) -> bool) {
        match self {
            Row::Fifo(row) => row.retain(|attempt| waits(*attempt)),
            Row::Priority { heap, .. } => heap.retain(|ranked| waits(ranked.attempt)),
        }
    }
}

impl<O: Observer> Simulation<'_, O> {
    #[inline(always)]
    pub fn wait_for_slot(&mut self, id: Id<Attempt>) {
        let attempt = &mut self.attempts[id];
        attempt.phase = Phase::Waiting;
        let (server, number, key) = (attempt.server.index(), attempt.number, attempt.key);
        let priority = match self.servers[server].model.discipline {
            Discipline::Priority => attempt.call.map_or(0, |call| self.agents[self.calls[call].agent.index()].model.priority),
            Discipline::Fifo | Discipline::ProcessorSharing => 0,
        };
        let state = &mut self.servers[server];
        state.tally.delayed += u64::from(attempt.counted);
        let attempts = &self.attempts;
        state.waiting.push(id, priority, |id| attempts.get(id).is_some_and(|attempt| attempt.phase == Phase::Waiting));
        let Some(patience) = &self.model.policy.queue_timeout else { return };
        if let Some(constant) = patience.constant() {
            let attempts = &self.attempts;
            let is_over = |event| {
                matches!(event, Event::QueueTimedOut(id)
                if attempts.get(id).is_none_or(|attempt| attempt.call.is_none() || attempt.phase != Phase::Waiting))
            };
            self.calendar.schedule_in(Lane::QueueTimeout, self.now + constant, Event::QueueTimedOut(id), is_over);
        } else {
            let patience = luck::patience(key, &self.servers[server].model, number, patience, 1);
            self.calendar.schedule(self.now + patience, Event::QueueTimedOut(id));
        }
    }

    /// Those who wait begin, as long as there are slots.
    #[inline(always)]
    pub fn serve_waiting(&mut self, server: ServerId) {
        while let state = &mut self.servers[server.index()]
            && state.slots_free > 0
            && !state.is_frozen()
            && let Some(next) = state.waiting.pop()
        {
            if self.attempts.get(next).is_some_and(|attempt| attempt.phase == Phase::Waiting) {
                state.waiting.len -= 1;
                self.start_service(next);
            }
        }
    }

    /// A waiting attempt whose client gave up leaves.
    pub fn leave_queue(&mut self, attempt: &Attempt) {
        self.servers[attempt.server.index()].waiting.len -= 1;
        if attempt.counted {
            let tally = &mut self.servers[attempt.server.index()].tally;
            tally.gave_up_waiting += 1;
            tally.wait_given_up_sum += self.now - attempt.accepted;
        }
    }
}
