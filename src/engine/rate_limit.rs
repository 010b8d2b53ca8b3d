//! A token bucket at a server, kept as the generic cell rate algorithm (ITU-T I.371, annex A): the same decisions as counting
//! tokens that refill continuously, in whole nanoseconds. Full at the start.

use crate::scenario::RateLimit;
use crate::units::SimTime;

#[derive(Debug, Clone)]
pub struct TokenBucket {
    /// Between two tokens [ns]; without end where the rate is zero.
    interval: u128,
    burst: u128,
    /// When the bucket will be full [ns].
    full_at: u128,
}

impl TokenBucket {
    pub fn new(limit: &RateLimit) -> TokenBucket {
        // `as` saturates: a rate of zero makes an interval that never ends.
        let interval = (1e9 / limit.rate.value.per_second()).round() as u64;
        TokenBucket { interval: u128::from(interval), burst: u128::from(limit.burst.value), full_at: 0 }
    }

    /// Takes a token; where there is none, tells when there will be one.
    pub fn take(&mut self, now: SimTime) -> Result<(), SimTime> {
        let now = u128::from(now.0);
        let full_at = self.full_at.max(now) + self.interval;
        let room = self.interval * self.burst;
        if full_at > now + room {
            return Err(SimTime(u64::try_from(full_at - room).unwrap_or(u64::MAX)).min(SimTime::LONGEST));
        }
        self.full_at = full_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Figure;
    use crate::units::Rate;

    #[test]
    fn a_burst_passes_then_the_rate() {
        let check = |per_hour: f64, burst: u32, arrivals: &[u64], expected: &[bool]| {
            let limit = RateLimit { rate: Figure::stated(Rate::per_hour(per_hour)), burst: Figure::stated(burst), retry_after: false };
            let mut bucket = TokenBucket::new(&limit);
            let passed: Vec<bool> = arrivals.iter().map(|ms| bucket.take(SimTime::from_millis(*ms)).is_ok()).collect();
            assert_eq!(passed, expected, "{per_hour}/h, burst {burst}");
        };
        check(3600.0, 2, &[0, 0, 0, 999, 1000, 1000, 5000, 5000, 5000], &[true, true, false, false, true, false, true, true, false]);
        check(0.0, 2, &[0, 1, 2, 1_000_000_000], &[true, true, false, false]);
        check(0.0, 0, &[0], &[false]);
        check(3600.0, 0, &[0, 2000], &[false, false]);
    }
}
