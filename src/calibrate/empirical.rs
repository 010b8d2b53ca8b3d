//! The sample itself, where no formula is like it.

use super::sample::Sample;

/// At most so many times, each as likely, of the distribution that Kaplan & Meier estimate; whatever was given up counts as what the
/// last that ended took, for nothing is known beyond (Efron 1967 closes the tail so).
pub fn empirical(sample: &Sample, most: usize) -> Vec<f64> {
    let ended = sample.kaplan_meier();
    let count = sample.len().min(most);
    let last = sample.events()[sample.events().len() - 1];
    let mut at = 0;
    (0..count)
        .map(|i| {
            let p = (i as f64 + 0.5) / count as f64;
            while at < ended.len() && ended[at].1 < p - 1e-9 {
                at += 1;
            }
            ended.get(at).map_or(last, |(x, _)| *x)
        })
        .collect()
}
