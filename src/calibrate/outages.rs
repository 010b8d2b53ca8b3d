//! When a server was down, told from which of its calls failed.
//!
//! Failures that have nothing to do with each other come anywhere; those of an outage come one after the other. A call scores the logarithm of
//! how much likelier its end is in an outage than outside, and the maximal segments of the sequence (Ruzzo & Tompa 1999, "A linear time
//! algorithm for finding all maximal scoring subsequences", ISMB) are where an outage may have been. It was one where such a score is
//! seldom: of random orders of the same calls at most one in twenty has any segment as high, so that in failures without any outage one is
//! claimed five times in a hundred at most, however many calls there are (a permutation test; Kulldorff 1997, Comm. Stat. 26, for such scans).

use rayon::prelude::*;
use serde::Serialize;

use crate::random::Key;

use super::failures::Call;

/// How many calls of an outage fail: nearly all, with room for one that slipped through.
const FAIL_IN_OUTAGE: f64 = 0.9;
/// Random orders that scores are held against.
const ORDERS: u64 = 199;
/// An outage is claimed where at most this share of them has a segment as high.
const SIGNIFICANT: f64 = 0.05;
/// Outages hide one another: with those found taken out, failures elsewhere are fewer, and others stand out. Few need a third round.
const ROUNDS: usize = 10;

/// Seconds on the clock of the calls. Each end is halfway between the last call on one side of it and the first on the other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outage {
    pub from: f64,
    /// The last call's time, where it had not ended.
    pub to: f64,
    pub ended: bool,
    pub calls: usize,
    pub failed: usize,
    /// The share of random orders with a segment as high.
    pub p: f64,
}

/// Of calls in the order of their times.
pub(super) fn outages(calls: &[Call], key: Key) -> Vec<Outage> {
    let mut found: Vec<(Segment, f64)> = Vec::new();
    let mut is_out = vec![false; calls.len()];
    for round in 0..ROUNDS {
        let rest: Vec<usize> = (0..calls.len()).filter(|i| !is_out[*i]).collect();
        let failed: Vec<bool> = rest.iter().map(|i| calls[*i].failed).collect();
        let seldom = seldom(&failed, key.with(round as u64));
        if seldom.is_empty() {
            break;
        }
        for (segment, p) in seldom {
            // In between may lie one that was found before: then it is one.
            let (first, last) = (rest[segment.first], rest[segment.last]);
            is_out[first..=last].fill(true);
            found.retain(|(other, _)| other.first < first || other.last > last);
            found.push((Segment { first, last, ..segment }, p));
        }
    }
    found.sort_by_key(|(segment, _)| segment.first);
    found.into_iter().map(|(segment, p)| outage(calls, segment, p)).collect()
}

fn outage(calls: &[Call], segment: Segment, p: f64) -> Outage {
    let Segment { first, last, .. } = segment;
    let between = |a: usize, b: usize| (calls[a].at + calls[b].at) / 2.0;
    let ended = last + 1 < calls.len();
    Outage {
        from: if first > 0 { between(first - 1, first) } else { calls[0].at },
        to: if ended { between(last, last + 1) } else { calls[last].at },
        ended,
        calls: last - first + 1,
        failed: calls[first..=last].iter().filter(|call| call.failed).count(),
        p,
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Segment {
    first: usize,
    last: usize,
    score: f64,
}

#[derive(Debug, Clone, Copy)]
struct Scores {
    failed: f64,
    served: f64,
}

/// Segments whose score random orders seldom have.
fn seldom(failed: &[bool], key: Key) -> Vec<(Segment, f64)> {
    let count = failed.iter().filter(|failed| **failed).count();
    let share = count as f64 / failed.len().max(1) as f64;
    if count < 2 || share >= FAIL_IN_OUTAGE {
        return Vec::new();
    }
    let scores = Scores { failed: (FAIL_IN_OUTAGE / share).ln(), served: ((1.0 - FAIL_IN_OUTAGE) / (1.0 - share)).ln() };
    let segments = maximal(failed, scores);
    let by_luck: Vec<f64> =
        (0..ORDERS).into_par_iter().map(|order| highest_by_luck(count, failed.len(), scores, key.with(order))).collect();
    // Sums in another order differ in their last digits.
    let p = |score: f64| (1 + by_luck.iter().filter(|luck| **luck >= score - 1e-9).count()) as f64 / (ORDERS + 1) as f64;
    segments.into_iter().map(|segment| (segment, p(segment.score))).filter(|(_, p)| *p <= SIGNIFICANT).collect()
}

/// All maximal segments, from left to right. Ruzzo & Tompa (1999), section 2.
fn maximal(failed: &[bool], scores: Scores) -> Vec<Segment> {
    /// With the sums of all scores before it and up to its end.
    struct Candidate {
        first: usize,
        last: usize,
        before: f64,
        up_to: f64,
        /// The nearest to the left that begins lower: walked from link to link, all steps together are linear.
        lower: Option<usize>,
    }
    let lower = |candidates: &[Candidate], before: f64| {
        let mut at = candidates.len().checked_sub(1);
        while let Some(i) = at.filter(|i| candidates[*i].before >= before) {
            at = candidates[i].lower;
        }
        at
    };
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut sum = 0.0;
    for (at, failed) in failed.iter().enumerate() {
        if !failed {
            sum += scores.served;
            continue;
        }
        let mut new = Candidate { first: at, last: at, before: sum, up_to: sum + scores.failed, lower: None };
        sum = new.up_to;
        // The nearest one to the left that begins lower; where it also ends lower, all from there on become one.
        loop {
            new.lower = lower(&candidates, new.before);
            let Some(left) = new.lower.filter(|left| candidates[*left].up_to < new.up_to) else { break };
            new = Candidate { first: candidates[left].first, before: candidates[left].before, ..new };
            candidates.truncate(left);
        }
        candidates.push(new);
    }
    candidates.into_iter().map(|c| Segment { first: c.first, last: c.last, score: c.up_to - c.before }).collect()
}

/// The highest segment where `count` of `n` calls fail, any of them as likely as any other.
fn highest_by_luck(count: usize, n: usize, scores: Scores, key: Key) -> f64 {
    let mut generator = key.generator();
    let (mut left, mut sum, mut highest) = (count, 0.0f64, 0.0f64);
    for at in 0..n {
        // Knuth (1997), vol. 2, algorithm 3.4.2 S: of those that are left, each is as likely.
        if generator.uniform() * ((n - at) as f64) < left as f64 {
            left -= 1;
            sum = sum.max(0.0) + scores.failed;
            highest = highest.max(sum);
            if left == 0 {
                break;
            }
        } else {
            sum += scores.served;
        }
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half a million failures, each alone: a walk over all of those before would take hours.
    #[test]
    fn lonely_failures_take_linear_time() {
        let failed: Vec<bool> = (0..2_000_000).map(|i| i % 4 == 0).collect();
        assert_eq!(maximal(&failed, Scores { failed: 1.0, served: -1.0 }).len(), 500_000);
    }

    #[test]
    fn maximal_segments_are_those_of_the_paper() {
        // Failures score 2, what is served -1: the first two runs make one, the third is too far away.
        let failed: Vec<bool> = "1101000001".chars().map(|c| c == '1').collect();
        let segments = maximal(&failed, Scores { failed: 2.0, served: -1.0 });
        assert_eq!(segments, [Segment { first: 0, last: 3, score: 5.0 }, Segment { first: 9, last: 9, score: 2.0 }]);
    }
}
