//! Processor sharing (Coffman, Muntz & Trotter 1970): all attempts are served at once, each at the rate min(1, slots / attempts).
//! In terms of the work that each has attained since it came, all move on together, so one heap of finishing points is enough.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::scenario::Discipline;

use super::queue::most_kept;
use super::server::Phase;
use super::*;

/// What counts as done \[ns\]: rounding must not leave a sliver of work that takes no time.
const SLIVER: f64 = 0.5;

#[derive(Debug, Default)]
pub struct Sharing {
    /// Work \[ns\] that an attempt has attained which has been there since the server was last empty.
    attained: f64,
    /// Since when that has not been brought up to date.
    since: SimTime,
    /// Finishing points, the first on top; some may have left. They are forgotten when their point comes, or when they are most of what is here:
    /// under overload the point of long work may never come.
    due: BinaryHeap<Reverse<Due>>,
    sequence: u64,
    /// Attempts that share.
    sharers: u32,
    /// Of the plan that is in the calendar; older ones are void.
    epoch: u32,
}

#[derive(Debug)]
struct Due {
    /// Attained work \[ns\] at which it is done: not negative, so its bits are in order.
    at: f64,
    sequence: u64,
    attempt: Id<Attempt>,
}

impl Due {
    fn rank(&self) -> (u64, u64) {
        (self.at.to_bits(), self.sequence)
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Sharing {
    /// All that share are gone.
    pub fn clear(&mut self) {
        self.due.clear();
        (self.attained, self.sharers) = (0.0, 0);
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// Work that each attains in a nanosecond.
    fn rate(&self, slots: u32) -> f64 {
        (f64::from(slots) / f64::from(self.sharers.max(1))).min(1.0)
    }
}

impl<O: Observer> Simulation<'_, O> {
    pub fn take_share(&mut self, id: Id<Attempt>) {
        let (server, serial) = (self.attempts[id].server, self.attempts[id].serial);
        self.update_share(server);
        let sharing = &mut self.servers[server.index()].sharing;
        if sharing.due.len() > most_kept(sharing.sharers as usize) {
            let attempts = &self.attempts;
            sharing.due.retain(|Reverse(due)| attempts.get(due.attempt).is_some_and(|attempt| attempt.phase == Phase::Serial));
        }
        sharing.sharers += 1;
        sharing.sequence += 1;
        sharing.due.push(Reverse(Due { at: sharing.attained + serial.0 as f64, sequence: sharing.sequence, attempt: id }));
        self.plan_share(server);
    }

    /// Somebody leaves, done or not.
    pub fn leave_share(&mut self, server: ServerId) {
        self.update_share(server);
        self.servers[server.index()].sharing.sharers -= 1;
        self.plan_share(server);
    }

    pub fn share_done(&mut self, server: ServerId, epoch: u32) {
        if self.servers[server.index()].sharing.epoch != epoch {
            return;
        }
        self.update_share(server);
        loop {
            let sharing = &mut self.servers[server.index()].sharing;
            let Some(Reverse(first)) = sharing.due.peek() else { break };
            let attempt = first.attempt;
            let is_there = self.attempts.get(attempt).is_some_and(|attempt| attempt.phase == Phase::Serial);
            if is_there && first.at > sharing.attained + SLIVER {
                break;
            }
            sharing.due.pop();
            if is_there {
                sharing.sharers -= 1;
                self.serve_rest(attempt);
            }
        }
        self.plan_share(server);
    }

    /// Brings the attained work and the busy time up to now; before anything changes.
    pub fn update_share(&mut self, server: ServerId) {
        let state = &mut self.servers[server.index()];
        if state.model.discipline != Discipline::ProcessorSharing {
            return;
        }
        let (slots, is_frozen) = (state.model.slots, state.is_frozen());
        let sharing = &mut state.sharing;
        let since = std::mem::replace(&mut sharing.since, self.now);
        if sharing.sharers == 0 {
            return;
        }
        let slots_busy = u64::from(sharing.sharers.min(slots));
        state.tally.busy += TimeSum::times(self.model.within_window(since, self.now), slots_busy);
        if !is_frozen {
            sharing.attained += (self.now - since).0 as f64 * sharing.rate(slots);
        }
    }

    /// Puts into the calendar when the next of them is done, as things stand.
    pub fn plan_share(&mut self, server: ServerId) {
        let state = &mut self.servers[server.index()];
        let (slots, is_frozen) = (state.model.slots, state.is_frozen());
        let sharing = &mut state.sharing;
        sharing.epoch = sharing.epoch.wrapping_add(1);
        if sharing.sharers == 0 {
            sharing.due.clear();
            sharing.attained = 0.0;
            return;
        }
        let is_there = |id: Id<Attempt>| self.attempts.get(id).is_some_and(|attempt| attempt.phase == Phase::Serial);
        while sharing.due.peek().is_some_and(|Reverse(due)| !is_there(due.attempt)) {
            sharing.due.pop();
        }
        let Some(Reverse(first)) = sharing.due.peek() else { return };
        if is_frozen {
            return;
        }
        let left = (first.at - sharing.attained).max(0.0) / sharing.rate(slots);
        let at = self.now + SimTime::from_nanos(left.ceil());
        self.calendar.schedule(at, Event::ShareDone { server, epoch: sharing.epoch });
    }
}
