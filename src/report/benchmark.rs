//! A benchmark of the strategies as text and as a table.

use polars::prelude::Column;

use crate::study::benchmark::{Benchmark, Instance, Over, Solved};

use super::format::{count, indented, plain_table};
use super::tables::{TablesError, parquet};

/// For people; the strategies' standing comes last.
pub fn benchmark_text(benchmark: &Benchmark) -> String {
    let mut text = format!(
        "{} strategies on {}, seed {}\n\ncost of the best mapping known; bound: what is proven that no mapping goes below; above it: by how much at most the best can be bettered\n",
        benchmark.standings.len(),
        count(benchmark.instances.len(), "scenario"),
        benchmark.seed
    );
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let rows: Vec<Vec<String>> = benchmark
        .instances
        .iter()
        .map(|instance| {
            vec![
                instance.name.clone(),
                instance.agents.to_string(),
                instance.servers.to_string(),
                format!("{} of {}", instance.movable, instance.needs),
                format!("{:.5}", instance.cost),
                instance.bound.map_or("-".to_owned(), |bound| format!("{bound:.5}")),
                instance.bound_gap.map_or("-".to_owned(), percent),
                if instance.shortfall > 1e-6 { format!("falls short by {:.1} %", 100.0 * instance.shortfall) } else { String::new() },
            ]
        })
        .collect();
    let header = ["scenario", "agents", "servers", "needs that can move", "best cost", "bound", "above it", "planned KPIs"];
    text += &indented(&plain_table(&header, &rows, &[1, 2, 3, 4, 5, 6]));
    text += "\ncost above the best known; -: falls further short of the planned KPIs than the best\n";
    let strategies: Vec<&str> = benchmark.standings.iter().map(|standing| standing.strategy).collect();
    let header: Vec<&str> = std::iter::once("scenario").chain(strategies.iter().copied()).collect();
    let gap = |instance: &Instance, strategy: &str| {
        let of = benchmark.solved.iter().find(|of| of.instance == instance.name && of.strategy == strategy);
        of.and_then(|of| of.gap).map_or("-".to_owned(), percent)
    };
    let rows: Vec<Vec<String>> = benchmark
        .instances
        .iter()
        .map(|instance| std::iter::once(instance.name.clone()).chain(strategies.iter().map(|strategy| gap(instance, strategy))).collect())
        .collect();
    let right: Vec<usize> = (1..header.len()).collect();
    text += &indented(&plain_table(&header, &rows, &right));
    text += "\nmean rank, and share of the scenarios solved to within a gap of the best known; in brackets 95 %, by bootstrap over the scenarios\n";
    let of = |over: &Over, scale: f64, decimals: usize| {
        let [low, high] = over.interval;
        format!("{:.decimals$} ({:.decimals$} to {:.decimals$})", scale * over.value, scale * low, scale * high)
    };
    let gaps: Vec<String> =
        benchmark.gaps.iter().map(|gap| if *gap == 0.0 { "the best, %".to_owned() } else { format!("within {} %", 100.0 * gap) }).collect();
    let header: Vec<&str> = ["strategy", "rank"].into_iter().chain(gaps.iter().map(String::as_str)).collect();
    let rows: Vec<Vec<String>> = benchmark
        .standings
        .iter()
        .map(|standing| {
            let solved = standing.solved.iter().map(|over| of(over, 100.0, 0));
            [standing.strategy.to_owned(), of(&standing.rank, 1.0, 1)].into_iter().chain(solved).collect()
        })
        .collect();
    text + &indented(&plain_table(&header, &rows, &[]))
}

/// `benchmark`: a row a scenario and strategy.
pub fn benchmark_tables(benchmark: &Benchmark) -> Result<Vec<(String, Vec<u8>)>, TablesError> {
    let rows: Vec<(&Solved, &Instance)> = benchmark
        .solved
        .iter()
        .filter_map(|of| benchmark.instances.iter().find(|instance| instance.name == of.instance).map(|instance| (of, instance)))
        .collect();
    let text = |of: fn(&Solved) -> &str| rows.iter().map(|(solved, _)| of(solved)).collect::<Vec<&str>>();
    let size = |of: fn(&Instance) -> usize| rows.iter().map(|(_, instance)| of(instance) as u64).collect::<Vec<u64>>();
    let value = |of: fn(&Solved) -> f64| rows.iter().map(|(solved, _)| of(solved)).collect::<Vec<f64>>();
    let known = |of: fn(&Solved) -> Option<f64>| rows.iter().map(|(solved, _)| of(solved)).collect::<Vec<Option<f64>>>();
    let columns = vec![
        Column::new("instance".into(), text(|of| &of.instance)),
        Column::new("agents".into(), size(|instance| instance.agents)),
        Column::new("servers".into(), size(|instance| instance.servers)),
        Column::new("needs".into(), size(|instance| instance.needs)),
        Column::new("movable".into(), size(|instance| instance.movable)),
        Column::new("strategy".into(), text(|of| of.strategy)),
        Column::new("shortfall".into(), value(|of| of.shortfall)),
        Column::new("cost".into(), value(|of| of.cost)),
        Column::new("bound".into(), known(|of| of.bound)),
        Column::new("gap".into(), known(|of| of.gap)),
        Column::new("rank".into(), value(|of| of.rank)),
    ];
    Ok(vec![parquet("benchmark", columns)?])
}
