//! The chosen mapping as text, and its evidence as it goes into the mapping file.

use std::fmt::Write;

use toml::{Table, Value};

use crate::judge::{Estimate, KpiResult, Paired, Verdict};
use crate::mapping::planned_score;
use crate::scenario::{Kpi, Scenario};
use crate::strategy::{Proof, SlotWorth};
use crate::study::{AcrossReport, Case, Cheapest, INDIFFERENCE, Recommendation, SearchReport};

use super::comparison::{proof, reach_text, remedies_text, within_limits};
use super::simulation::load_notes;
use super::sweep::breaks_text;

use super::format::{count, estimate, indented, mark, plain_table, replay_line, result, shortened, signed, target};

pub fn recommendation_text(scenario: &Scenario, recommendation: &Recommendation) -> String {
    let mut text = format!(
        "{}: {} is chosen, judged on {} fresh replications that took no part in the choice (seed {}); ± is a 95 % interval{}\n{}\n",
        scenario.name,
        recommendation.chosen,
        recommendation.replications,
        recommendation.seed,
        if scenario.kpis.is_empty() { "" } else { "; ✓ its one-sided 95 % bound meets the target" },
        replay_line(scenario)
    );
    text += &if scenario.kpis.is_empty() { without_targets(recommendation) } else { targets_table(scenario, recommendation) };
    for case in recommendation.cases.iter().filter(|case| !case.judged.unstable.is_empty()) {
        let servers = case.judged.unstable.join(", ");
        let name = case.what_if.as_deref().unwrap_or("base");
        let _ = writeln!(text, "{name}: unstable, more is offered than can be served by {servers}; means depend on the run's length\n");
    }
    for note in recommendation.cases.first().into_iter().flat_map(|base| load_notes(&base.summary)) {
        let _ = writeln!(text, "{note}\n");
    }
    match recommendation.changes.is_empty() {
        true => text += "No need changes its server.\n",
        false => {
            let _ = writeln!(text, "{} and why", count(recommendation.changes.len(), "changed assignment"));
            for change in &recommendation.changes {
                let _ =
                    writeln!(text, "  {}: {} from {} to {}\n    {}", change.agent, change.capability, change.from, change.to, change.why);
            }
        }
    }
    match recommendation.mapping.fallbacks() {
        0 => {}
        fallbacks => _ = writeln!(text, "\n{} a fallback; today none has", have(fallbacks)),
    }
    text += &recommendation.solver.as_ref().map_or_else(String::new, solver_text);
    text += &search_text(&recommendation.search);
    if let Some(across) = &recommendation.across {
        text += &across_text(across);
    }
    if !recommendation.put_back.is_empty() {
        let _ = writeln!(
            text,
            "\nLeft as it is today, since a change makes no significant difference\n{}",
            indented(&recommendation.put_back.join("\n")).trim_end()
        );
    }
    text += "\nPassed over\n";
    for passed in &recommendation.passed {
        let _ = writeln!(text, "  {}: {}", passed.name, passed.why);
    }
    text += &limits_text(recommendation);
    text += &outlook_text(scenario, recommendation);
    let not_required: Vec<&str> = recommendation
        .cases
        .iter()
        .filter(|case| !case.judged.required && !case.judged.met())
        .filter_map(|case| case.what_if.as_deref())
        .collect();
    let _ = writeln!(
        text,
        "\nVerdict: {}. {}",
        if scenario.kpis.is_empty() { "not validated" } else { recommendation.verdict.name() },
        match recommendation.verdict {
            _ if scenario.kpis.is_empty() =>
                "The scenario sets no targets, so nothing can be validated; add [kpis], as in `error_rate = { max = \"10%\" }`.",
            Verdict::Validated =>
                "The one-sided 95 % bound of every KPI is on the right side of its target, in the base and in every required what-if (planned balances: in the base).",
            Verdict::Improves =>
                "Not every KPI is met, but in the base none is significantly worse than today and at least one is significantly better.",
            Verdict::Rejected if !recommendation.exceeded.is_empty() =>
                "It exceeds the scenario's limits (above: which, and what would end that).",
            Verdict::Rejected =>
                "KPIs are missed, and in the base no KPI is significantly better than today, or one is significantly worse.",
        }
    );
    if !not_required.is_empty() {
        let _ = writeln!(text, "What-ifs that are not required, in which a target is missed: {}.", not_required.join(", "));
    }
    text
}

fn targets_table(scenario: &Scenario, recommendation: &Recommendation) -> String {
    let mut header: Vec<&str> = vec![""];
    header.extend(scenario.kpis.iter().map(|t| t.kpi.title()));
    let mut rows = vec![std::iter::once("  target".to_owned()).chain(scenario.kpis.iter().map(target)).collect::<Vec<String>>()];
    for (ours, todays) in recommendation.cases.iter().zip(&recommendation.today) {
        let name = match (&ours.what_if, ours.judged.required) {
            (None, _) => "base".to_owned(),
            (Some(what_if), true) => format!("{what_if} (required)"),
            (Some(what_if), false) => what_if.clone(),
        };
        rows.push(case_row(scenario, name, ours));
        rows.push(case_row(scenario, "  today's mapping".to_owned(), todays));
    }
    plain_table(&header, &rows, &[]) + "\n\n"
}

/// Where nothing can be validated, what is chosen by is told all the same.
fn without_targets(recommendation: &Recommendation) -> String {
    const SHOWN: [Kpi; 3] = [Kpi::ResponseMean, Kpi::ErrorRate, Kpi::Quality];
    let row = |name: &str, cases: &[Case]| {
        let cells = SHOWN.into_iter().map(|kpi| estimate(kpi, cases[0].summary.kpi(kpi)));
        std::iter::once(name.to_owned()).chain(cells).collect::<Vec<String>>()
    };
    let header: Vec<&str> = std::iter::once("").chain(SHOWN.map(Kpi::title)).collect();
    let rows = [row("base", &recommendation.cases), row("  today's mapping", &recommendation.today)];
    format!("The scenario sets no targets: the mapping is chosen by its loss alone.\n\n{}\n\n", plain_table(&header, &rows, &[]))
}

fn solver_text(solver: &Proof) -> String {
    let Proof { cost, bound, gap, optimal, rounds, nodes } = solver;
    let proven = if *optimal { "its mapping is proven optimal" } else { "its mapping is the best found" };
    format!(
        "\nSolver, on the analytic objective: {proven}: cost {cost:.4}, bound {bound:.4}, gap {:.2} %, {}, {}\n",
        100.0 * gap,
        count(*rounds as usize, "round"),
        count(*nodes as usize, "node")
    )
}

/// What of the limits is not kept, why, and what would end that.
fn limits_text(recommendation: &Recommendation) -> String {
    let mut text = String::new();
    let Recommendation { exceeded, today_exceeded, clashes, stranded, .. } = recommendation;
    if !today_exceeded.is_empty() {
        let _ = writeln!(text, "\nToday's mapping is itself beyond the scenario's limits: {}", shortened(today_exceeded, 5));
    }
    if !exceeded.is_empty() && exceeded != today_exceeded {
        let _ = writeln!(text, "\nThe chosen mapping is beyond the scenario's limits: {}", shortened(exceeded, 5));
    }
    if !stranded.is_empty() {
        let _ = writeln!(text, "\nLeft on a server that is out of service, though another one could serve it: {}", shortened(stranded, 5));
    }
    for (number, clash) in clashes.iter().enumerate() {
        let when = if number == 0 { "What clashes" } else { "With the first mend of what clashes above, still" };
        let _ = writeln!(text, "\n{when}: {}", clash.sentence);
        if clash.mends.is_empty() {
            text += "  no single figure that was tried would end this\n";
        }
        for mend in &clash.mends {
            let outcome = match mend.ends_all {
                Some(true) => "then a mapping keeps every limit and planned target",
                Some(false) => "that ends this clash, and others are left",
                None => "that ends this clash; whether a mapping keeps all else was not found out",
            };
            let _ = writeln!(text, "  {} {}: {outcome}", mark(mend.ends_all == Some(true)), mend.change);
        }
    }
    text
}

fn search_text(search: &SearchReport) -> String {
    let SearchReport { indifference, probability_good, probability_best, .. } = *search;
    let percent = 100.0 * search.confidence;
    let mut text = format!(
        "\nSearch over the simulator: {} tried in {}, {} replications, {} of them of the chosen one\n",
        count(search.mappings, "mapping"),
        count(search.rounds as usize, "round"),
        search.replications,
        search.replications_of_chosen
    );
    if search.mappings > 1 {
        text += &match search.guaranteed {
            true => format!("  selected with {percent:.0} % confidence, indifference zone {indifference} of loss: {}\n", search.procedure),
            false => format!("  the budget of replications ended before {percent:.0} % confidence: {}\n", search.procedure),
        };
        let _ = writeln!(
            text,
            "  probability that none of the others is better by more than {indifference}: at least {}; that none is better at all: at least {}",
            probability(probability_good),
            probability(probability_best)
        );
        for other in &search.runners_up {
            let _ = writeln!(text, "  {} of loss: {}", signed(other.loss_more, 4), other.name);
        }
    }
    text
}

fn across_text(across: &AcrossReport) -> String {
    let what = match &across.weights {
        None => "least loss in the worst case".to_owned(),
        Some(weights) => {
            let stated = across.cases.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
            let stated: Vec<String> = stated.map(|(case, weight)| format!("{:.0} % {case}", 100.0 * weight)).collect();
            format!("least loss, weighted {}", stated.join(", "))
        }
    };
    let mut text = format!(
        "\nAcross the base and {}: {what}, of {} tried in {}, {} each\n",
        count(across.cases.len() - 1, "what-if"),
        count(across.mappings, "mapping"),
        count(across.rounds as usize, "round"),
        count(across.replications as usize, "replication")
    );
    let loss = |estimate: &Estimate| format!("{:.3} ± {:.3}", estimate.mean, estimate.half_width);
    let value = if across.weights.is_some() { "weighted" } else { "worst" };
    let header: Vec<&str> = std::iter::once("").chain(across.cases.iter().map(String::as_str)).chain([value]).collect();
    let rows: Vec<Vec<String>> = across
        .rows
        .iter()
        .map(|row| {
            let worst = if across.weights.is_none() { format!(" ({})", row.worst) } else { String::new() };
            let value = format!("{}{worst}", loss(&row.value));
            std::iter::once(row.name.clone()).chain(row.losses.iter().map(loss)).chain([value]).collect()
        })
        .collect();
    text += &indented(&plain_table(&header, &rows, &[]));
    let paired = |of: &Paired| format!("{} ± {:.3}", signed(of.difference, 3), of.half_width);
    if let (Some(price), Some(gain)) = (&across.price, &across.gain) {
        let _ = writeln!(
            text,
            "  price: {} of loss in the base, against what is best there; gain: {} of the {value} loss",
            paired(price),
            paired(gain)
        );
    } else {
        text += "  no mapping with as good a verdict is significantly better here than what is best in the base: nothing is paid\n";
    }
    let _ = writeln!(
        text,
        "  probability that none of the others is better by more than {INDIFFERENCE}: at least {}",
        probability(across.probability_good)
    );
    text
}

fn outlook_text(scenario: &Scenario, recommendation: &Recommendation) -> String {
    let outlook = &recommendation.outlook;
    let mut text = String::new();
    for facts in &outlook.balance {
        let chosen = planned_score(scenario, &recommendation.mapping.primaries(), facts.over);
        let _ = writeln!(
            text,
            "\n{}: {chosen:.1}; the best reachable{} is {:.1}, by moving {}; {}",
            facts.over.kpi().title(),
            within_limits(facts),
            facts.best,
            count(facts.best_changes, "need"),
            proof(facts)
        );
        text += &indented(&reach_text(facts, ""));
    }
    if let Some(cheapest) = &outlook.cheapest {
        text += &cheapest_text(cheapest);
    }
    text += &remedies_text(&outlook.remedies);
    if let Some(load) = &outlook.load
        && let [parameter] = &load.parameters[..]
    {
        let _ = write!(
            text,
            "\nAs the load grows, from the scenario's own (1), {} a point\n{}",
            count(outlook.load_replications as usize, "replication"),
            indented(&breaks_text(parameter, load))
        );
    }
    text + &slots_text(&outlook.slots)
}

fn cheapest_text(cheapest: &Cheapest) -> String {
    let number = cheapest.changes.len();
    let fewer = match (number, cheapest.proven, cheapest.all_tried) {
        (0, ..) => String::new(),
        (_, true, _) => "; proven: fewer do not do for the planned KPIs and limits".to_owned(),
        (_, _, true) => format!("; all {} with fewer that could do were simulated, and miss", count(cheapest.tried, "mapping")),
        _ => format!("; the best {} with fewer were simulated, and miss", count(cheapest.tried, "mapping")),
    };
    let what = format!("{}{fewer}", count(number, "changed assignment"));
    let measured: Vec<String> = cheapest.results.iter().map(|of| format!("{} {}", of.kpi.title(), result(of))).collect();
    let measured = format!("  measured on fresh replications: {}\n", measured.join(", "));
    match &cheapest.loss_more {
        None => format!("\nCheapest found that meets every KPI: the chosen mapping, {what}\n"),
        Some(more) => format!(
            "\nCheapest found that meets every KPI: {what}\n{}{measured}  it loses {} ± {:.3} more than the chosen mapping\n",
            indented(&cheapest.changes.join("\n")),
            signed(more.difference, 3),
            more.half_width
        ),
    }
}

fn slots_text(slots: &[SlotWorth]) -> String {
    const SHOWN: usize = 3;
    let Some(first) = slots.first() else { return String::new() };
    let how = if first.solved { "solved anew" } else { "by a descent from the chosen mapping" };
    let mut text = format!("\nWhat one more slot is worth, {how} (1: a whole KPI's worth)\n");
    for slot in slots.iter().take(SHOWN) {
        let _ = writeln!(text, "  {} ({} -> {}): {:.4}", slot.server, slot.slots, slot.slots + 1, positive(slot.worth));
    }
    if let Some(next) = slots.get(SHOWN) {
        let _ = writeln!(text, "  each of {} others: at most {:.4}", slots.len() - SHOWN, positive(next.worth));
    }
    text
}

/// Of rounding below zero, nothing is left, a sign included.
fn positive(value: f64) -> f64 {
    if value > 0.0 { value } else { 0.0 }
}

/// Never rounded up to certainty.
fn probability(p: f64) -> String {
    if p > 0.999 { "0.999".to_owned() } else { format!("{:.3}", (p * 1000.0).floor() / 1000.0) }
}

fn have(needs: usize) -> String {
    format!("{} {}", count(needs, "need"), if needs == 1 { "has" } else { "have" })
}

fn case_row(scenario: &Scenario, name: String, case: &Case) -> Vec<String> {
    let cell = |kpi| match case.judged.results.iter().find(|r| r.kpi == kpi) {
        Some(result) => format!("{} {}", estimate(kpi, result.estimate), mark(result.met)),
        // A planned KPI is judged in the base alone.
        None => String::new(),
    };
    std::iter::once(name).chain(scenario.kpis.iter().map(|t| cell(t.kpi))).collect()
}

/// What proves the mapping, for its file: verdict, figures with bounds in every case, reasons, what was rejected.
pub fn evidence(scenario_sha256: &str, run: &str, recommendation: &Recommendation) -> Table {
    let text = |text: &str| Value::String(text.to_owned());
    let mut table = Table::new();
    table.insert("verdict".into(), text(recommendation.verdict.name()));
    table.insert("strategy".into(), text(&recommendation.chosen));
    table.insert("scenario_sha256".into(), text(scenario_sha256));
    table.insert("run".into(), text(run));
    table.insert("version".into(), text(env!("CARGO_PKG_VERSION")));
    // TOML's integers end at 2^63 - 1.
    let seed = i64::try_from(recommendation.seed).map_or_else(|_| text(&recommendation.seed.to_string()), Value::Integer);
    table.insert("seed".into(), seed);
    table.insert("replications".into(), Value::Integer(i64::from(recommendation.replications)));
    table.insert("reproducible".into(), Value::Boolean(recommendation.reproducible));
    let cases = recommendation
        .cases
        .iter()
        .map(|case| {
            let mut of = Table::new();
            of.insert("case".into(), text(case.what_if.as_deref().unwrap_or("base")));
            of.insert("required".into(), Value::Boolean(case.judged.required));
            of.insert("met".into(), Value::Boolean(case.judged.met()));
            for result in &case.judged.results {
                of.insert(result.kpi.key().into(), Value::Table(kpi_table(result)));
            }
            Value::Table(of)
        })
        .collect();
    table.insert("kpis".into(), Value::Array(cases));
    let changes = recommendation
        .changes
        .iter()
        .map(|change| text(&format!("{}: {} from {} to {}; {}", change.agent, change.capability, change.from, change.to, change.why)))
        .collect();
    table.insert("changes".into(), Value::Array(changes));
    let passed = recommendation.passed.iter().map(|passed| text(&format!("{}: {}", passed.name, passed.why))).collect();
    table.insert("rejected".into(), Value::Array(passed));
    table
}

fn kpi_table(result: &KpiResult) -> Table {
    let mut table = Table::new();
    let mut float = |key: &str, value: Option<f64>| {
        if let Some(value) = value {
            // Six digits say more than the interval allows.
            table.insert(key.into(), Value::Float((value * 1e6).round() / 1e6));
        }
    };
    float("mean", result.estimate.map(|e| e.mean));
    float("bound", result.bound);
    float("target", Some(result.target));
    table.insert("met".into(), Value::Boolean(result.met));
    table
}
