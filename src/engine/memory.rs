//! The host's memory: what the servers' processes hold of it, and the most they held within the window.

use crate::units::{Bytes, SimTime};

#[derive(Debug)]
pub struct Memory {
    limit: Option<Bytes>,
    used: Bytes,
    /// Since when it has been so much.
    since: SimTime,
    warmup: SimTime,
    horizon: SimTime,
    peak: Bytes,
}

impl Memory {
    /// `resident` is there from the start, whatever the limit: the shared processes.
    pub fn new(limit: Option<Bytes>, resident: Bytes, warmup: SimTime, horizon: SimTime) -> Memory {
        Memory { limit, used: resident, since: SimTime::ZERO, warmup, horizon, peak: Bytes(0) }
    }

    /// False where the host has not that much left.
    #[must_use]
    pub fn take(&mut self, now: SimTime, amount: Bytes) -> bool {
        let used = Bytes(self.used.0.saturating_add(amount.0));
        if self.limit.is_some_and(|limit| used > limit) {
            return false;
        }
        self.note_peak(now);
        self.used = used;
        true
    }

    pub fn release(&mut self, now: SimTime, amount: Bytes) {
        self.note_peak(now);
        self.used = Bytes(self.used.0.saturating_sub(amount.0));
    }

    /// The most within the window, up to `now`.
    pub fn peak(&mut self, now: SimTime) -> Bytes {
        self.note_peak(now);
        self.peak
    }

    /// What was used from `since` to `now` counts where that overlaps the window.
    fn note_peak(&mut self, now: SimTime) {
        if now > self.since && now > self.warmup && self.since < self.horizon {
            self.peak = self.peak.max(self.used);
        }
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_the_window_and_the_limit_holds() {
        let mut memory = Memory::new(Some(Bytes(100)), Bytes(10), SimTime(50), SimTime(100));
        assert!(memory.take(SimTime(10), Bytes(90)));
        assert!(!memory.take(SimTime(11), Bytes(1)), "full");
        memory.release(SimTime(20), Bytes(60));
        assert!(memory.take(SimTime(60), Bytes(20)));
        memory.release(SimTime(70), Bytes(20));
        assert!(memory.take(SimTime(100), Bytes(60)));
        assert_eq!(memory.peak(SimTime(200)), Bytes(60), "not the 100 before the window, nor those after it");
    }
}
