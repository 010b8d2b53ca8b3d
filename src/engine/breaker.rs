//! Circuit breakers: one for each (agent, server). Closed: attempts pass; so many failures in a row open it. Open: attempts
//! are skipped at once until the cool-down is over. Half open: one probe passes, and its end decides. Nygard (2018), Release It!, ch. 5.

use crate::units::SimTime;

#[derive(Debug, Clone, Copy)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures: u32,
    pub cool_down: SimTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    Closed {
        failures: u32,
    },
    Open {
        until: SimTime,
    },
    /// The probe is under way.
    HalfOpen,
}

/// What a breaker lets an attempt be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Pass,
    Probe,
    Skip,
}

impl Breaker {
    pub const CLOSED: Breaker = Breaker::Closed { failures: 0 };

    pub fn admit(&mut self, now: SimTime) -> Admission {
        match *self {
            Breaker::Closed { .. } => Admission::Pass,
            Breaker::Open { until } if now >= until => {
                *self = Breaker::HalfOpen;
                Admission::Probe
            }
            Breaker::Open { .. } | Breaker::HalfOpen => Admission::Skip,
        }
    }

    /// An attempt that passed, or the probe, ended. Of attempts that passed before it opened, it wants to know nothing more.
    pub fn note(&mut self, policy: BreakerPolicy, now: SimTime, ended: Ended) {
        let open = Breaker::Open { until: now + policy.cool_down };
        *self = match (*self, ended.probe, ended.well) {
            (Breaker::Closed { .. }, _, true) | (Breaker::HalfOpen, true, true) => Breaker::CLOSED,
            (Breaker::Closed { failures }, _, false) if failures + 1 < policy.failures => Breaker::Closed { failures: failures + 1 },
            (Breaker::Closed { .. }, _, false) | (Breaker::HalfOpen, true, false) => open,
            (unchanged, _, _) => unchanged,
        };
    }

    /// The probe was called off before it told anything: the next attempt is the probe.
    pub fn call_off_probe(&mut self, now: SimTime) {
        if *self == Breaker::HalfOpen {
            *self = Breaker::Open { until: now };
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    pub probe: bool,
    pub well: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_cools_down_and_probes() {
        let policy = BreakerPolicy { failures: 2, cool_down: SimTime(10) };
        let mut breaker = Breaker::CLOSED;
        let ended = |probe, well| Ended { probe, well };
        for (now, well) in [(0, false), (1, true), (2, false)] {
            breaker.note(policy, SimTime(now), ended(false, well));
            assert_eq!(breaker.admit(SimTime(now)), Admission::Pass, "a success between failures starts the count anew");
        }
        breaker.note(policy, SimTime(3), ended(false, false));
        assert_eq!(breaker.admit(SimTime(12)), Admission::Skip);
        assert_eq!(breaker.admit(SimTime(13)), Admission::Probe);
        breaker.note(policy, SimTime(14), ended(false, true));
        assert_eq!(breaker.admit(SimTime(14)), Admission::Skip, "one probe at a time, and a late answer decides nothing");
        breaker.note(policy, SimTime(15), ended(true, false));
        assert_eq!(breaker.admit(SimTime(24)), Admission::Skip);
        assert_eq!(breaker.admit(SimTime(25)), Admission::Probe);
        breaker.note(policy, SimTime(26), ended(true, true));
        assert_eq!(breaker, Breaker::CLOSED);
    }
}
