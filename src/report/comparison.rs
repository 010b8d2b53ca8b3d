//! A comparison as text: one table, what it means, the verdict.

use std::fmt::Write;

use crate::judge::{Allowed, ShortRun, Summary, Verdict};
use crate::mapping::Over;
use crate::scenario::{Kpi, Scenario, Term};
use crate::strategy::{Reach, ReachChange};
use crate::study::{BalanceFacts, Comparison, Remedy, Row, Unsure};

use super::format::{bar, bound, count, estimate, indented, mark, plain_table, replay_line, result, scaled, shortened, signed, target};
use super::simulation::{overloaded_note, propagated_text, short_run_note};

/// For people; ends with the verdict. `scenario` is the one that was compared.
pub fn comparison_text(scenario: &Scenario, comparison: &Comparison) -> String {
    let mut text = heading(scenario, comparison);
    text += &kpi_table(scenario, comparison);
    text += &other_kpis(scenario, comparison);
    text += &load_bars(scenario, comparison);
    text += &balance(comparison);
    text += &trade_off(comparison);
    text += &differences(scenario, comparison);
    text += &unsure(comparison);
    text += &notes(comparison);
    text += &verdict(scenario, comparison);
    text += &remedies_text(&comparison.remedies);
    text
}

fn heading(scenario: &Scenario, comparison: &Comparison) -> String {
    let assumed = match comparison.assumed_figures {
        0 => "no figure is marked as assumed".to_owned(),
        n => format!("{} assumed (`mcplab check` lists them)", if n == 1 { "1 figure is".to_owned() } else { format!("{n} figures are") }),
    };
    format!(
        "{}: {}, {}, {} ({} can move)\n{} of {} (the first {} not counted), seed {}; ± is a 95 % interval; {assumed}\n{}\n",
        scenario.name,
        count(scenario.agents.len(), "agent"),
        count(scenario.servers.len(), "server"),
        count(scenario.needs.len(), "need"),
        comparison.movable_needs,
        count(comparison.replications as usize, "replication"),
        scenario.run.horizon,
        scenario.run.warmup.unwrap_or_default().rounded(),
        comparison.seed,
        replay_line(scenario),
    )
}

/// The same draws of the inputs for each mapping.
fn unsure(comparison: &Comparison) -> String {
    let of = |unsure: &Unsure| {
        let row = comparison.rows.iter().find(|row| row.name == unsure.mapping);
        row.map_or_else(String::new, |row| propagated_text(&unsure.mapping, &unsure.propagated, &row.cases))
    };
    let tables: String = comparison.unsure.iter().map(of).collect();
    if tables.is_empty() { tables } else { format!("{}\n", tables.trim_start()) }
}

fn kpi_table(scenario: &Scenario, comparison: &Comparison) -> String {
    let mut header: Vec<&str> = vec!["strategy"];
    header.extend(scenario.kpis.iter().map(|t| t.kpi.title()));
    header.extend(["changed", "verdict", "uniform demand"]);
    let mut rows = vec![
        std::iter::once("  target".to_owned())
            .chain(scenario.kpis.iter().map(target))
            .chain(std::iter::repeat_n(String::new(), 3))
            .collect::<Vec<String>>(),
    ];
    for row in &comparison.rows {
        let mut cells = vec![row.name.clone()];
        match &row.same_as {
            Some(same) => {
                cells.push(format!("as {same}"));
                cells.extend(std::iter::repeat_n(String::new(), scenario.kpis.len().saturating_sub(1)));
            }
            None => cells.extend(row.base().judged.results.iter().map(|r| match row.stable() || r.kpi.is_planned() {
                true => result(r),
                false => format!("unstable {}", mark(false)),
            })),
        }
        cells.truncate(scenario.kpis.len() + 1);
        let verdict = if row.stable() { row.verdict.name() } else { "unstable" };
        match row.gateway {
            true => cells.extend(["-".to_owned(), "no mapping".to_owned(), String::new()]),
            false => cells.extend([row.changed.to_string(), verdict.to_owned(), row.verdict_uniform.name().to_owned()]),
        }
        rows.push(cells);
    }
    let mut text = plain_table(&header, &rows, &[scenario.kpis.len() + 1]) + "\n";
    text += "✓ the one-sided 95 % bound meets the target, and nothing is unstable; changed: needs served by another server than today;\n\
        uniform demand: the verdict in the base if the same tasks were spread evenly over agents and needs\n";
    text += &missed_elsewhere(comparison);
    text + "\n"
}

/// Required what-ifs in which something is missed, a line a what-if; what is unstable, with the servers.
fn missed_elsewhere(comparison: &Comparison) -> String {
    let mut text = String::new();
    let own = || comparison.rows.iter().filter(|row| row.same_as.is_none());
    let what_ifs: Vec<&str> = comparison.rows[0].cases.iter().filter_map(|case| case.what_if.as_deref()).collect();
    if !what_ifs.is_empty() {
        let _ = writeln!(text, "\nA verdict also asks for the simulated targets in: {}.", what_ifs.join(", "));
    }
    for what_if in what_ifs {
        let missed: Vec<String> = own()
            .filter_map(|row| {
                let case = row.cases.iter().find(|case| case.what_if.as_deref() == Some(what_if))?;
                let kpis: Vec<String> = case
                    .judged
                    .results
                    .iter()
                    .filter(|r| !r.met)
                    .map(|r| format!("{} {}", r.kpi.title(), estimate(r.kpi, r.estimate)))
                    .collect();
                let unstable = match case.judged.unstable.is_empty() {
                    true => String::new(),
                    false => format!("; unstable: {}", case.judged.unstable.join(", ")),
                };
                (!kpis.is_empty()).then(|| format!("{} ({}{unstable})", row.name, kpis.join(", ")))
            })
            .collect();
        match missed.is_empty() {
            true => _ = writeln!(text, "  {what_if}: every mapping meets them."),
            false => _ = writeln!(text, "  {what_if}: missed by {}.", missed.join("; ")),
        }
    }
    for row in own().filter(|row| !row.stable()) {
        let servers = row.base().summary.unstable.join(", ");
        let _ = writeln!(
            text,
            "{} is unstable, not ranked: more is offered than can be served by {servers}, so its means depend on the run's length.",
            row.name
        );
    }
    text + &load_notes(comparison)
}

/// Of servers that get more than they can serve, or nearly as much, in the base: a line a server, with the mappings.
fn load_notes(comparison: &Comparison) -> String {
    let own = || comparison.rows.iter().filter(|row| row.same_as.is_none());
    let under =
        |is: &dyn Fn(&Summary) -> bool| -> Vec<&str> { own().filter(|row| is(&row.base().summary)).map(|row| row.name.as_str()).collect() };
    let mut overloaded: Vec<&String> = own().flat_map(|row| &row.base().summary.overloaded).collect();
    overloaded.sort_unstable();
    overloaded.dedup();
    let mut text = String::new();
    for server in overloaded {
        let names = under(&|summary| summary.overloaded.contains(server)).join(", ");
        let _ = writeln!(text, "{}.", overloaded_note(server, &format!(" under {names}")));
    }
    // Of each server the mapping under which its queue is slowest.
    let mut short: Vec<&ShortRun> = own().flat_map(|row| &row.base().summary.short_runs).collect();
    short.sort_by(|a, b| a.server.cmp(&b.server).then(b.needed.total_cmp(&a.needed)));
    short.dedup_by(|a, b| a.server == b.server);
    for run in short {
        let names = under(&|summary| summary.short_runs.iter().any(|short| short.server == run.server)).join(", ");
        let _ = writeln!(text, "{}.", short_run_note(run, &format!(" under {names}")));
    }
    text
}

/// All KPIs that have no target, in a table of their own.
fn other_kpis(scenario: &Scenario, comparison: &Comparison) -> String {
    let kpis: Vec<Kpi> = Kpi::ALL
        .into_iter()
        .filter(|kpi| scenario.target(*kpi).is_none() && comparison.rows.iter().any(|row| row.base().summary.kpi(*kpi).is_some()))
        .collect();
    let mut header: Vec<&str> = vec!["without a target"];
    header.extend(kpis.iter().map(|kpi| short_title(*kpi)));
    header.push("tool tokens");
    let rows: Vec<Vec<String>> = comparison
        .rows
        .iter()
        .filter(|row| row.same_as.is_none())
        .map(|row| {
            std::iter::once(row.name.clone())
                .chain(kpis.iter().map(|kpi| match row.stable() || kpi.is_planned() {
                    true => estimate(*kpi, row.base().summary.kpi(*kpi)),
                    false => "unstable".to_owned(),
                }))
                .chain(std::iter::once(row.tokens_max.to_string()))
                .collect()
        })
        .collect();
    let legend = "planned, simul.: balance score of weight x complexity, and of busy time a slot, over all servers or those that can share work;\n\
                  degraded: answered at a quality below 1; tool tokens: tool definitions in the context of the agent with most of them\n";
    format!("{}\n{legend}\n", plain_table(&header, &rows, &[kpis.len() + 1]))
}

/// For a table of many columns.
fn short_title(kpi: Kpi) -> &'static str {
    match kpi {
        Kpi::ResponseMean => "mean resp.",
        Kpi::ResponseP95 => "resp. p95",
        Kpi::ResponseP99 => "resp. p99",
        Kpi::Degraded => "degraded",
        Kpi::AtRisk => "at risk",
        Kpi::Memory => "memory peak",
        Kpi::BalancePlannedAll => "planned, all",
        Kpi::BalancePlannedSharing => "planned, sharing",
        Kpi::BalanceSimulatedAll => "simul., all",
        Kpi::BalanceSimulatedSharing => "simul., sharing",
        Kpi::Availability | Kpi::ErrorRate | Kpi::Quality => kpi.title(),
    }
}

/// Who carries what: today's mapping, the given ones and the recommended one side by side.
fn load_bars(scenario: &Scenario, comparison: &Comparison) -> String {
    let shown = comparison.shown();
    let full = shown.iter().flat_map(|row| &row.planned_loads).copied().fold(0.0, f64::max);
    let mut header = vec!["planned load (busy share of a slot)".to_owned()];
    header.extend(shown.iter().map(|row| row.name.clone()));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    const SHOWN_MAX: usize = 40;
    let rows: Vec<Vec<String>> = scenario
        .servers
        .iter()
        .enumerate()
        .take(SHOWN_MAX)
        .map(|(i, server)| {
            std::iter::once(server.name.clone())
                .chain(shown.iter().map(|row| {
                    let load = row.planned_loads[i];
                    let busy = row.base().summary.servers[i].utilisation.map_or(0.0, |u| 100.0 * u.mean);
                    let busy = if busy < 10.0 { format!("{busy:.2}") } else { format!("{busy:.1}") };
                    format!("{} {load:>5.1} ({busy:>4} %)", bar(load, full, 12))
                }))
                .collect()
        })
        .collect();
    let more = scenario.servers.len().saturating_sub(SHOWN_MAX);
    let more = if more > 0 { format!("\n  and {more} more servers in the results") } else { String::new() };
    format!("{}{more}\n\n", plain_table(&header, &rows, &[]))
}

/// The first few of each kind of change that reach the target, and of those that do not the best server to take out of service; all that
/// was tried is in the JSON.
fn worth_showing(reach: &[Reach]) -> impl Iterator<Item = &Reach> {
    const SHOWN_OF_A_KIND: usize = 2;
    let mut shown: Vec<(usize, usize)> = Vec::new();
    reach.iter().filter(move |reach| {
        let kind = match reach.changes.as_slice() {
            [ReachChange::LiftPin(_)] => 0,
            [ReachChange::OutOfService(_)] => 1,
            [ReachChange::SecondInstance(_)] => 2,
            [ReachChange::Provide(..)] => 3,
            [ReachChange::Raise(..)] => 4,
            _ => 5,
        };
        let most = if reach.reaches { SHOWN_OF_A_KIND } else { usize::from(kind == 1) };
        let seen = shown.iter_mut().find(|(k, _)| *k == kind);
        let count = match seen {
            Some((_, count)) => count,
            None => {
                shown.push((kind, 0));
                &mut shown.last_mut().expect("just pushed").1
            }
        };
        *count += 1;
        *count <= most
    })
}

fn balance(comparison: &Comparison) -> String {
    let mut text = String::from("Planned balance, 100 (1 - sd/mean) of weight x complexity\n");
    // Where every server can share work, both scores are one.
    let same = comparison.balance.windows(2).any(|pair| pair[0].servers == pair[1].servers);
    let is_kpi = |facts: &BalanceFacts| facts.is_kpi || same && comparison.balance.iter().any(|facts| facts.is_kpi);
    for facts in comparison.balance.iter().skip(usize::from(same)).filter(|facts| !facts.servers.is_empty()) {
        let over = match facts.over {
            Over::All => format!("over all {}", count(facts.servers.len(), "server")),
            Over::Sharing => format!("over the {} servers that can share work{}", facts.servers.len(), names(&facts.servers)),
        };
        let kpi = if is_kpi(facts) { "; this one is the scenario's KPI" } else { "" };
        let _ = writeln!(text, "  {over}{kpi}");
        let _ = writeln!(text, "    today               {:>5.1}{}", facts.today, against(facts, facts.today));
        for given in &facts.given {
            let _ = writeln!(
                text,
                "    {}: {:.1}{} by its moves alone; {:.1}{} as written, by its own formula",
                given.name,
                given.needs_alone,
                against(facts, given.needs_alone),
                given.as_written,
                against(facts, given.as_written)
            );
        }
        let _ = writeln!(
            text,
            "    best reachable      {:>5.1}{}{}  by moving {}; {}",
            facts.best,
            against(facts, facts.best),
            within_limits(facts),
            count(facts.best_changes, "need"),
            proof(facts)
        );
        text += &reach_text(facts, "    ");
    }
    text + "\n"
}

/// How good the best reachable balance is known to be.
pub(super) fn proof(facts: &BalanceFacts) -> String {
    match facts.bound - facts.best {
        gap if gap < 0.05 && facts.limited && facts.keeps_limits => "proven: no mapping within the limits reaches more".to_owned(),
        gap if gap < 0.05 => "proven: no mapping reaches more".to_owned(),
        _ => format!("proven bound {:.1}", facts.bound),
    }
}

/// Of which mappings the best reachable balance is said.
pub(super) fn within_limits(facts: &BalanceFacts) -> &'static str {
    match (facts.limited, facts.keeps_limits) {
        (false, _) => "",
        (true, true) => " within the limits",
        (true, false) => " without the limits (no mapping was found within them)",
    }
}

/// What would bring a target within reach that no mapping reaches.
pub(super) fn reach_text(facts: &BalanceFacts, indent: &str) -> String {
    let is_out = |target: &f64| !facts.keeps_limits || facts.bound < *target - 1e-9;
    let Some(target) = facts.target.filter(is_out) else { return String::new() };
    let (whose, within) = match facts.limited {
        true => ("every mapping within the limits", " within them"),
        false => ("every mapping", ""),
    };
    let mut text = format!("{indent}{target} is out of reach for {whose}. What would reach it{within}:\n");
    if facts.reach.is_empty() {
        let _ = writeln!(text, "{indent}  none of the changes that were tried");
    }
    worth_showing(&facts.reach).for_each(|reach| _ = writeln!(text, "{indent}  {} {}", mark(reach.reaches), reach.sentence));
    text
}

/// In brackets, where a line holds them.
fn names(servers: &[String]) -> String {
    if servers.len() <= 8 { format!(" ({})", servers.join(", ")) } else { String::new() }
}

fn against(facts: &BalanceFacts, score: f64) -> String {
    facts.target.map_or_else(String::new, |target| format!(" {}", mark(score >= target - 1e-9)))
}

fn trade_off(comparison: &Comparison) -> String {
    let Some(first) = comparison.trade_off.first() else { return String::new() };
    let header = [
        "needs left on it",
        "best planned balance, sharing",
        Kpi::ErrorRate.title(),
        Kpi::ResponseMean.title(),
        Kpi::Quality.title(),
        "loss",
    ];
    let rows: Vec<Vec<String>> = comparison
        .trade_off
        .iter()
        .map(|row| {
            vec![
                if row.out_of_service { "0, out of service".to_owned() } else { row.needs_left.to_string() },
                format!("{:.1}", row.balance),
                estimate(Kpi::ErrorRate, row.error_rate),
                estimate(Kpi::ResponseMean, row.response_mean),
                estimate(Kpi::Quality, row.quality),
                scaled(row.loss, 1.0, 3),
            ]
        })
        .collect();
    let today = comparison.rows[0].base().summary.servers.iter().find(|s| s.server == first.server).and_then(|s| s.connected);
    let fails = today.map_or_else(String::new, |connected| {
        format!(" ({:.0} % of the sessions tried with it fail today)", 100.0 * (1.0 - connected.mean))
    });
    format!(
        "Balance against reliability: {}{fails}. A server that stands in the list and carries nothing pulls the score down\n{}\n",
        first.server,
        indented(&plain_table(&header, &rows, &[]))
    )
}

fn differences(scenario: &Scenario, comparison: &Comparison) -> String {
    let Some(recommended) = comparison.recommended() else { return String::new() };
    let rows: Vec<Vec<String>> = comparison
        .differences
        .iter()
        .map(|d| {
            let meaning = match (d.significant, d.loss.difference > 0.0) {
                (false, _) => "no significant difference",
                (true, true) => "worse",
                (true, false) => "better",
            };
            vec![
                d.a.clone(),
                format!("{} ± {:.3}", signed(d.loss.difference, 3), d.loss.half_width),
                if d.p_corrected < 0.001 { "< 0.001".to_owned() } else { format!("{:.3}", d.p_corrected) },
                meaning.to_owned(),
            ]
        })
        .collect();
    let header = ["", "loss, difference", "p (Holm)", ""];
    format!(
        "Against {} ({} loss), paired on the same tasks, luck and outages\nloss = {}; the less, the better\n{}\n",
        recommended.name,
        scaled(recommended.loss, 1.0, 3),
        loss_in_words(scenario),
        indented(&plain_table(&header, &rows, &[]))
    )
}

/// What the loss is the sum of: by the scenario's priorities, where it states any.
fn loss_in_words(scenario: &Scenario) -> String {
    let allowed = Allowed::of(scenario);
    let words = |term: Term| match term {
        Term::Error => {
            format!("share of calls of no use (failed, or answered at quality q: 1 - q of one) / {}", bound(Kpi::ErrorRate, allowed.error))
        }
        Term::Response => format!("mean response / {}", bound(Kpi::ResponseMean, allowed.response)),
        Term::Imbalance => "largest planned load / mean of today's".to_owned(),
        Term::Changes => "share of assignments that differ from today's".to_owned(),
        Term::Affinity => "servers of each agent, summed / needs".to_owned(),
    };
    let Some(priorities) = &scenario.priorities else { return [Term::Error, Term::Response].map(words).join(" + ") };
    let mut terms = priorities.clone();
    terms.extend((!priorities.contains(&Term::Changes)).then_some(Term::Changes));
    let weighted = |term: &Term| match scenario.weight(*term) {
        1.0 => words(*term),
        weight => format!("{weight} x {}", words(*term)),
    };
    terms.iter().map(weighted).collect::<Vec<_>>().join(" + ")
}

fn notes(comparison: &Comparison) -> String {
    let mut text = String::new();
    for row in comparison.rows.iter().filter(|row| !row.notes.is_empty()) {
        row.notes.iter().for_each(|note| _ = writeln!(text, "  {}: {note}", row.name));
    }
    if text.is_empty() { text } else { format!("Notes of the strategies\n{text}\n") }
}

fn verdict(scenario: &Scenario, comparison: &Comparison) -> String {
    let mut text = String::new();
    let validated: Vec<&str> = comparison.rows.iter().filter(|row| is_validated(row)).map(|row| row.name.as_str()).collect();
    let distinct = comparison.rows.iter().filter(|row| is_validated(row) && row.same_as.is_none()).count();
    let today = &comparison.rows[0];
    match comparison.recommended() {
        Some(row) if row.verdict == Verdict::Validated => {
            let _ = writeln!(
                text,
                "Verdict: {} of {} candidates meet every KPI{}{}: {}.",
                validated.len(),
                comparison.rows.len(),
                if distinct < validated.len() { format!(" ({})", count(distinct, "different mapping")) } else { String::new() },
                if today.cases.len() > 1 { ", here and in the required what-ifs" } else { "" },
                validated.join(", ")
            );
            let does = match (row.changed, row.fallbacks) {
                (0, 0) => "which changes nothing".to_owned(),
                (0, fallbacks) => format!("which moves nothing and gives {} a fallback", count(fallbacks, "need")),
                (changed, fallbacks) => {
                    format!("which changes {} and gives {} a fallback", count(changed, "assignment"), count(fallbacks, "need"))
                }
            };
            let _ = writeln!(text, "  Recommended: {}, {does}{}.", row.name, uniform(row));
            if let Some(errors) =
                row.base().summary.kpi(Kpi::ErrorRate).filter(|e| e.mean > 0.5 && scenario.target(Kpi::ErrorRate).is_none())
            {
                let _ = writeln!(
                    text,
                    "  Yet {} of its calls fail, on which the scenario sets no target.",
                    estimate(Kpi::ErrorRate, Some(errors))
                );
            }
            text += "  Chosen and judged on the same replications: `mcplab optimize` judges its choice on fresh ones.\n";
        }
        Some(row) => {
            let _ = writeln!(
                text,
                "Verdict: no candidate meets every KPI. {} is significantly better than today's mapping in at least one, and in none significantly worse{}.",
                row.name,
                uniform(row)
            );
        }
        None if scenario.kpis.is_empty() => {
            text +=
                "Verdict: the scenario sets no targets, so nothing can be validated; add [kpis], as in `error_rate = { max = \"10%\" }`.\n"
        }
        None => {
            text += "Verdict: no candidate meets every KPI, and none is significantly better than today's mapping in one without being worse in another.\n"
        }
    }
    for row in comparison.rows.iter().filter(|row| row.given && row.verdict != Verdict::Validated && !scenario.kpis.is_empty()) {
        let missed: Vec<String> = row.base().judged.results.iter().filter(|r| !r.met).map(|r| r.kpi.title().to_owned()).collect();
        let missed = if missed.is_empty() { "KPIs in required what-ifs".to_owned() } else { missed.join(", ") };
        let _ = writeln!(text, "  {}: {}, misses {missed}.", row.name, row.verdict.name());
    }
    text += &alerts(today, comparison.recommended());
    if comparison.assumed_figures > 0 {
        let _ =
            writeln!(text, "  This rests on {} of the scenario {}.", count(comparison.assumed_figures, "assumed figure"), scenario.name);
    }
    text
}

/// A mapping that may be applied.
fn is_validated(row: &Row) -> bool {
    row.verdict == Verdict::Validated && row.stable() && !row.gateway
}

/// What would make the missed KPIs reachable.
pub(super) fn remedies_text(remedies: &[Remedy]) -> String {
    if remedies.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nWhat would meet the missed targets, each tried in the simulation with a mapping decided anew\n");
    for remedy in remedies {
        let missed: Vec<String> =
            remedy.results.iter().filter(|r| !r.met).map(|r| format!("{} {}", r.kpi.title(), estimate(r.kpi, r.estimate))).collect();
        let measured: Vec<String> = remedy.results.iter().map(|r| format!("{} {}", r.kpi.title(), estimate(r.kpi, r.estimate))).collect();
        let with = count(remedy.changed, "changed assignment");
        let mut outcome = match (remedy.meets_all, missed.is_empty()) {
            (true, _) => format!("meets every KPI with {with}: {}", measured.join(", ")),
            (false, true) if remedy.exceeded.is_empty() => format!("meets every KPI with {with}, but not in every required what-if"),
            (false, true) => format!("meets every KPI in the base with {with}"),
            (false, false) => format!("still misses {}", missed.join(", ")),
        };
        if !remedy.exceeded.is_empty() {
            let _ = write!(outcome, "; but beyond the limits: {}", shortened(&remedy.exceeded, 2));
        }
        let _ = writeln!(text, "  {} {}: {outcome}", mark(remedy.meets_all), remedy.change);
    }
    text
}

/// How many, not which: `simulate` lists them.
fn alerts(today: &Row, recommended: Option<&Row>) -> String {
    let count_of = |row: &Row| count(row.base().alerts.len(), "alert");
    let after = recommended.filter(|row| row.name != today.name).map(|row| format!(", {} {}", row.name, count_of(row)));
    match today.base().alerts.is_empty() && after.is_none() {
        true => String::new(),
        false => format!(
            "  Today's mapping raises {}{} (`mcplab simulate`, with --mapping for another than today's, lists them).\n",
            count_of(today),
            after.unwrap_or_default()
        ),
    }
}

fn uniform(row: &Row) -> String {
    match row.verdict == row.verdict_uniform {
        true => format!("; under uniform demand it is {} too", row.verdict_uniform.name()),
        false => format!("; but under uniform demand it is {}", row.verdict_uniform.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;

    #[test]
    fn the_loss_is_told_by_the_scenarios_priorities() {
        let told = |objective: &str| {
            let text = format!("{}\n[objective]\n{objective}\n", include_str!("../../scenarios/tutorial.toml"));
            loss_in_words(&parse("told", &text).expect("a shipped scenario and its priorities").scenario)
        };
        let error = "share of calls of no use (failed, or answered at quality q: 1 - q of one) / ";
        assert!(told("").starts_with(error) && told("").contains(" % + mean response / "), "{}", told(""));
        let weighted = told("priorities = [\"affinity\", \"error\", \"imbalance\"]");
        let [affinity, error, imbalance, changes] = &weighted.split(" + ").collect::<Vec<_>>()[..] else { panic!("{weighted}") };
        assert_eq!(*affinity, "servers of each agent, summed / needs");
        assert!(error.starts_with("0.01 x share of calls of no use"), "{error}");
        assert_eq!(*imbalance, "0.0001 x largest planned load / mean of today's");
        assert_eq!(*changes, "0.000001 x share of assignments that differ from today's");
    }
}
