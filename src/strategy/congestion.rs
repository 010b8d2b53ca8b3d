//! Waiting for a slot, as a convex function of the work offered to a server; and how many calls at once are to be expected.

use statrs::distribution::{DiscreteCDF, Poisson};

/// Above this utilisation the expected waiting is continued along its tangent: a queue near 1 has no steady state that a run
/// of some hours would reach, and a linear end keeps the function finite and convex.
pub const UTILISATION_LIMIT: f64 = 0.95;

/// What a server's queue depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Queue {
    pub slots: f64,
    /// Squared coefficient of variation of the serial part of the service time.
    pub scv: f64,
}

impl Queue {
    /// Mean number of calls that wait, when `work` [slots] is offered: arrival rate x mean serial time. Poisson arrivals.
    /// M/M/c's mean queue x (1 + cv^2)/2: Allen (1990), Probability, Statistics, and Queueing Theory, sec. 5.3 (the Allen-Cunneen
    /// approximation with a Poisson stream); exact for one slot (Pollaczek-Khinchine) and for exponential service.
    pub fn waiting(&self, work: f64) -> f64 {
        let limit = UTILISATION_LIMIT * self.slots;
        if work <= limit {
            return self.steady(work).0;
        }
        let (value, slope) = self.steady(limit);
        value + slope * (work - limit)
    }

    /// The waiting and its derivative: the tangent at `work`, which lies below the function everywhere, since the mean queue of
    /// M/M/c is convex in its load (Grassmann 1983).
    pub fn tangent(&self, work: f64) -> (f64, f64) {
        (self.waiting(work), self.steady(work.min(UTILISATION_LIMIT * self.slots)).1)
    }

    /// For work below the slots. Erlang B by its recursion and Erlang C from it: Kleinrock (1975), vol. 1, eqs. 3.40 and 3.45;
    /// dB/da = B (c/a - 1 + B).
    fn steady(&self, work: f64) -> (f64, f64) {
        let (c, a) = (self.slots, work);
        if a <= 0.0 || c < 1.0 {
            return (0.0, 0.0);
        }
        let blocked = (1..=c as u64).fold(1.0, |b, k| a * b / (k as f64 + a * b));
        let blocked_slope = blocked * (c / a - 1.0 + blocked);
        let divisor = c - a + a * blocked;
        let wait = c * blocked / divisor;
        let wait_slope = c * (blocked_slope * divisor - blocked * (blocked - 1.0 + a * blocked_slope)) / (divisor * divisor);
        let factor = (1.0 + self.scv) / 2.0;
        (factor * wait * a / (c - a), factor * (wait_slope * a / (c - a) + wait * c / (c - a).powi(2)))
    }
}

/// The largest mean of a Poisson number (calls under way where none waits for another: M/G/infinity) that exceeds `limit` with at most this
/// probability.
pub fn mean_within(limit: u32, probability: f64) -> f64 {
    let exceeds = |mean: f64| Poisson::new(mean).map_or(0.0, |calls| calls.sf(u64::from(limit)));
    let (mut low, mut high) = (0.0, f64::from(limit) + 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if exceeds(middle) <= probability { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_means_are_poisson_s() {
        // SciPy 1.14: poisson.sf(1, 0.14855) = 0.01, poisson.sf(3, 0.82325) = 0.01, poisson.sf(10, 4.77125) = 0.01.
        for (limit, mean) in [(1, 0.148_55), (3, 0.823_25), (10, 4.771_25)] {
            assert!((mean_within(limit, 0.01) - mean).abs() < 1e-4, "{limit}: {}", mean_within(limit, 0.01));
        }
    }

    #[test]
    fn known_queues() {
        // Mean queue = arrival rate x mean wait: M/M/1 .8 x 4; M/M/4 3.2 x .745541; M/G/1 (scv 4) .7 x 5.833333; M/D/1 .8 x 2.
        for (slots, scv, work, expected) in
            [(1.0, 1.0, 0.8, 3.2), (4.0, 1.0, 3.2, 2.385731), (1.0, 4.0, 0.7, 4.083333), (1.0, 0.0, 0.8, 1.6)]
        {
            let waiting = Queue { slots, scv }.waiting(work);
            assert!((waiting - expected).abs() < 1e-5, "{slots} slots, {work}: {waiting}");
        }
    }

    #[test]
    fn tangents_touch_and_stay_below() {
        for queue in [Queue { slots: 1.0, scv: 0.0 }, Queue { slots: 3.0, scv: 2.0 }, Queue { slots: 16.0, scv: 1.0 }] {
            let grid: Vec<f64> = (0..=60).map(|i| i as f64 / 50.0 * queue.slots).collect();
            for at in &grid {
                let (value, slope) = queue.tangent(*at);
                let step = 1e-6 * queue.slots;
                let numeric = (queue.waiting(at + step) - value) / step;
                assert!((numeric - slope).abs() <= 1e-3 * (1.0 + slope), "{queue:?} at {at}: {slope} and {numeric}");
                for other in &grid {
                    assert!(value + slope * (other - at) <= queue.waiting(*other) + 1e-9, "{queue:?}: tangent at {at} above at {other}");
                }
            }
        }
    }
}
