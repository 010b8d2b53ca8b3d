//! Throughput at each number of calls under way, from a log in which they come as they like.

use super::concurrency::Level;

/// Ends that a level needs: the error of its throughput is then a seventh.
const FEWEST_ENDS: usize = 50;
/// And of the ends at the level that has most, so that levels, which weigh alike, are known about as well as each other.
const FEWEST_SHARE: usize = 10;

/// Of one server's calls, `(began, ended)` in seconds, in any order. Where calls come at random, what a server gets done while k are under way
/// is what it would with k clients that call again at once: Norton's theorem for queueing networks (Chandy, Herzog & Woo 1975, IBM Journal
/// of Research and Development 19).
pub fn levels(calls: &[(f64, f64)]) -> Vec<Level> {
    // Ends before beginnings, where both are at the same instant.
    let mut events: Vec<(f64, bool)> = calls.iter().flat_map(|(began, ended)| [(*began, true), (*ended, false)]).collect();
    events.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut under_way, mut since) = (0usize, f64::NEG_INFINITY);
    // By calls under way: seconds, and ends.
    let mut seen: Vec<(f64, usize)> = vec![(0.0, 0)];
    for (at, begins) in events {
        if under_way > 0 {
            seen[under_way].0 += at - since;
        }
        since = at;
        if begins {
            under_way += 1;
            if seen.len() <= under_way {
                seen.push((0.0, 0));
            }
        } else if under_way > 0 {
            seen[under_way].1 += 1;
            under_way -= 1;
        }
    }
    let fewest = FEWEST_ENDS.max(seen.iter().map(|(_, ends)| *ends).max().unwrap_or(0) / FEWEST_SHARE);
    let of_level = |(clients, (time, ends)): (usize, &(f64, usize))| Level { clients: clients as u32, throughput: *ends as f64 / time };
    seen.iter().enumerate().filter(|(_, (time, ends))| *ends >= fewest && *time > 0.0).map(of_level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::concurrency;
    use crate::random::Key;

    /// Two slots, exponential service, four fifths busy: the log alone tells how many there are.
    #[test]
    fn slots_are_seen_in_a_log() {
        let mut generator = Key::new(4).generator();
        let mut exponential = |mean: f64| -mean * (1.0 - generator.uniform()).ln();
        let (mut at, mut free) = (0.0, [0.0f64; 2]);
        let calls: Vec<(f64, f64)> = (0..20_000)
            .map(|_| {
                at += exponential(0.625);
                let slot = usize::from(free[1] < free[0]);
                free[slot] = free[slot].max(at) + exponential(1.0);
                (at, free[slot])
            })
            .collect();
        let found = concurrency(&levels(&calls)).expect("enough levels");
        assert_eq!((found.slots, found.slots_likely), (2, (2, Some(2))), "{found:?}");
        assert!((found.total.value - 1.0).abs() < 0.05 && found.parallel.value < 0.1, "{found:?}");
    }

    #[test]
    fn calls_that_never_meet_have_one_level() {
        let apart: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i), f64::from(i) + 0.5)).collect();
        assert_eq!(levels(&apart), [Level { clients: 1, throughput: 2.0 }]);
        assert!(levels(&[]).is_empty() && levels(&apart[..10]).is_empty());
    }
}
