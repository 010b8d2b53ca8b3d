//! What proves the engine, as text: a table each of exact values, of intervals, of variances.

use crate::proof::{Coverage, Finding, Proof, Reduction, Rule};

use super::format::{count, indented, mark, plain_table};

/// For people; ends with what does not hold, if anything.
pub fn proof_text(proof: &Proof) -> String {
    let mut text = String::new();
    if !proof.oracles.is_empty() {
        text += "Exact values: the engine's figures with their 99.9 % intervals\n";
        text += &indented(&oracles(&proof.oracles));
        text += "  ✓ the interval holds the value, and half of it is no wider than allowed, in % of the value; ±: no exact value is known, and\n";
        text += "  the one that others simulated is no further than that from the mean\n\n";
    }
    if !proof.coverage.is_empty() {
        text += "Coverage: how many of our own 95 % intervals hold the exact value, M/M/1\n";
        text += &indented(&coverage(&proof.coverage));
        text += "  ✓ from 93 to 97 %\n\n";
    }
    if !proof.variance.is_empty() {
        text += "Common random numbers: the standard deviation of a difference between two mappings\n";
        text += &indented(&variance(&proof.variance));
        text += "  ✓ the 95 % interval of the ratio of variances is above 1\n\n";
    }
    if !proof.calibration.is_empty() {
        text += "Calibration: how many 95 % intervals, each from the log of a simulated day, hold the figure that the scenario states\n";
        text += &indented(&coverage(&proof.calibration));
        text += "  ✓ from 90 to 99 %\n\n";
    }
    text + &verdict(proof)
}

fn oracles(findings: &[Finding]) -> String {
    let row = |finding: &Finding| {
        let Finding { exact, mean, half_width, .. } = *finding;
        vec![
            finding.oracle.clone(),
            finding.figure.to_owned(),
            format!("{exact:.6}"),
            format!("{mean:.6} ± {half_width:.6}"),
            format!("{:.2} %", 100.0 * half_width / exact),
            match finding.rule {
                Rule::Holds(widest) => format!("{:.0} %", 100.0 * widest),
                Rule::Near(widest) => format!("±{:.0} %", 100.0 * widest),
            },
            millions(finding.calls),
            mark(finding.holds).to_owned(),
            finding.source.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = findings.iter().map(row).collect();
    plain_table(&["oracle", "figure", "exact", "measured", "half-width", "allowed", "calls", "", "source"], &rows, &[2, 3, 4, 5, 6])
}

fn coverage(coverage: &[Coverage]) -> String {
    let row = |of: &Coverage| {
        vec![
            of.figure.to_owned(),
            format!("{:.6}", of.exact),
            format!("{:.6} ± {:.6}", of.mean, of.half_width),
            of.intervals.to_string(),
            format!("{:.1} %, {:.1} to {:.1}", 100.0 * of.share, 100.0 * of.share_interval[0], 100.0 * of.share_interval[1]),
            millions(of.calls),
            mark(of.holds).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = coverage.iter().map(row).collect();
    plain_table(&["figure", "exact", "mean interval", "intervals", "share that holds it", "calls", ""], &rows, &[1, 2, 3, 5])
}

fn variance(reductions: &[Reduction]) -> String {
    let row = |of: &Reduction| {
        let [low, high] = of.ratio_interval;
        vec![
            of.comparison.to_owned(),
            of.figure.to_owned(),
            format!("{:.6}", of.independent),
            format!("{:.6}", of.common),
            format!("{:.1}, {low:.1} to {high:.1}", of.ratio),
            of.pairs.to_string(),
            mark(of.holds).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = reductions.iter().map(row).collect();
    plain_table(&["comparison", "figure", "independent", "common", "ratio of variances", "pairs", ""], &rows, &[2, 3, 5])
}

fn millions(calls: u64) -> String {
    format!("{:.1} M", calls as f64 / 1e6)
}

fn verdict(proof: &Proof) -> String {
    let oracles = proof.oracles.iter().map(|finding| (finding.holds, format!("{}: {}", finding.oracle, finding.figure)));
    let coverage = proof.coverage.iter().map(|of| (of.holds, format!("coverage: {}", of.figure)));
    let variance = proof.variance.iter().map(|of| (of.holds, format!("{}: {}", of.comparison, of.figure)));
    let calibration = proof.calibration.iter().map(|of| (of.holds, format!("calibration: {}", of.figure)));
    let all: Vec<(bool, String)> = oracles.chain(coverage).chain(variance).chain(calibration).collect();
    let failed: Vec<&str> = all.iter().filter(|(holds, _)| !holds).map(|(_, name)| name.as_str()).collect();
    match failed.is_empty() {
        true => format!("All of {} hold.\n", count(all.len(), "figure")),
        false => format!("{} of {} do not hold: {}.\n", failed.len(), count(all.len(), "figure"), failed.join("; ")),
    }
}
