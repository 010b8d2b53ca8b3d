//! The host's memory: what the servers' processes and the calls under way hold of it, the most they held within the window, and how much
//! slower everything is when it is nearly full.

use crate::scenario::Host;
use crate::units::{Bytes, SimTime};

use super::model::Model;

/// Paging: from the share `above` of the limit on, a call that arrives takes longer, by a factor that grows linearly to `factor` at the limit.
#[derive(Debug, Clone, Copy)]
pub struct Pressure {
    limit: f64,
    above: f64,
    factor: f64,
}

impl Pressure {
    pub fn of(host: &Host) -> Option<Pressure> {
        let (limit, slowdown) = (host.memory.as_ref()?, host.slowdown.as_ref()?);
        Some(Pressure { limit: limit.value.0 as f64, above: slowdown.above.value.get(), factor: slowdown.factor.value })
    }

    fn slowdown(&self, used: Bytes) -> f64 {
        let share = (used.0 as f64 / self.limit).min(1.0);
        if share <= self.above {
            return 1.0;
        }
        1.0 + (self.factor - 1.0) * (share - self.above) / (1.0 - self.above)
    }
}

#[derive(Debug)]
pub struct Memory {
    limit: Option<Bytes>,
    pressure: Option<Pressure>,
    pub used: Bytes,
    /// Since when it has been so much.
    since: SimTime,
    warmup: SimTime,
    horizon: SimTime,
    peak: Bytes,
}

impl Memory {
    /// The shared processes are there from the start, whatever the limit.
    pub fn new(model: &Model) -> Memory {
        Memory {
            limit: model.memory_limit,
            pressure: model.memory_pressure,
            used: model.memory_resident,
            since: SimTime::ZERO,
            warmup: model.warmup,
            horizon: model.horizon,
            peak: Bytes(0),
        }
    }

    /// How many times as long what begins now takes.
    pub fn slowdown(&self) -> f64 {
        self.pressure.as_ref().map_or(1.0, |pressure| pressure.slowdown(self.used))
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
        let mut memory = Memory {
            limit: Some(Bytes(100)),
            pressure: Some(Pressure { limit: 100.0, above: 0.5, factor: 3.0 }),
            used: Bytes(10),
            since: SimTime::ZERO,
            warmup: SimTime(50),
            horizon: SimTime(100),
            peak: Bytes(0),
        };
        assert!(memory.take(SimTime(10), Bytes(90)));
        assert!(!memory.take(SimTime(11), Bytes(1)), "full");
        assert_eq!(memory.slowdown(), 3.0);
        memory.release(SimTime(20), Bytes(25));
        assert_eq!(memory.slowdown(), 2.0);
        memory.release(SimTime(20), Bytes(35));
        assert_eq!(memory.slowdown(), 1.0);
        assert!(memory.take(SimTime(60), Bytes(20)));
        memory.release(SimTime(70), Bytes(20));
        assert!(memory.take(SimTime(100), Bytes(60)));
        assert_eq!(memory.peak(SimTime(200)), Bytes(60), "not the 100 before the window, nor those after it");
    }
}
