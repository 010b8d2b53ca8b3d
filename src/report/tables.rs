//! Results as Parquet tables: one row a (mapping, case, replication) and what was measured in it.

use polars::prelude::{Column, DataFrame, ParquetCompression, ParquetWriter, PolarsError};

use crate::judge::Replication;
use crate::mapping::{Mapping, planned_loads};
use crate::scenario::{Kpi, Scenario, Target};

#[derive(Debug, thiserror::Error)]
#[error("the table `{table}` cannot be written: {source}")]
pub struct TablesError {
    pub table: String,
    pub source: PolarsError,
}

/// One mapping with its replications in every case.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    pub name: &'a str,
    pub mapping: &'a Mapping,
    /// (what-if; "base" for none, replications)
    pub cases: &'a [(&'a str, &'a [Replication])],
}

/// File name and content of each table: `kpis`, `servers`, `agents`, `assignments`. Times in seconds, shares from 0 to 1.
pub fn tables_of(scenario: &Scenario, measured: &[Measured]) -> Result<Vec<(String, Vec<u8>)>, TablesError> {
    let tables = [
        ("kpis", kpis(measured)),
        ("servers", servers(scenario, measured)),
        ("agents", agents(scenario, measured)),
        ("assignments", assignments(scenario, measured)),
    ];
    tables.into_iter().map(|(name, columns)| table(name, columns)).collect()
}

/// File name and content of a table.
pub(super) fn table(name: &str, columns: Vec<Column>) -> Result<(String, Vec<u8>), TablesError> {
    let error = |source| TablesError { table: name.to_owned(), source };
    let mut frame = DataFrame::new_infer_height(columns).map_err(error)?;
    let mut bytes = Vec::new();
    // One thread and one row group order the bytes.
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .set_parallel(false)
        .finish(&mut frame)
        .map_err(error)?;
    Ok((format!("{name}.parquet"), bytes))
}

/// One row of every table's key columns.
struct Keys {
    strategy: Vec<String>,
    case: Vec<String>,
    replication: Vec<u32>,
}

impl Keys {
    fn new() -> Keys {
        Keys { strategy: Vec::new(), case: Vec::new(), replication: Vec::new() }
    }

    fn push(&mut self, measured: &Measured, case: &str, replication: usize) {
        self.strategy.push(measured.name.to_owned());
        self.case.push(case.to_owned());
        self.replication.push(replication as u32);
    }

    fn columns(self) -> Vec<Column> {
        vec![
            Column::new("strategy".into(), self.strategy),
            Column::new("case".into(), self.case),
            Column::new("replication".into(), self.replication),
        ]
    }
}

/// Every replication of every mapping and case.
fn each<'a>(measured: &'a [Measured<'a>]) -> impl Iterator<Item = (&'a Measured<'a>, &'a str, usize, &'a Replication)> {
    measured.iter().flat_map(|m| {
        m.cases.iter().flat_map(move |(case, replications)| replications.iter().enumerate().map(move |(i, r)| (m, *case, i, r)))
    })
}

/// The world that a case is of: a what-if has its own servers, slots and agents.
fn world<'a>(scenario: &'a Scenario, case: &str) -> &'a Scenario {
    scenario.what_ifs.iter().find(|what_if| what_if.name == case).map_or(scenario, |what_if| &what_if.scenario)
}

fn kpis(measured: &[Measured]) -> Vec<Column> {
    let mut keys = Keys::new();
    let mut values: Vec<Vec<Option<f64>>> = vec![Vec::new(); Kpi::ALL.len()];
    for (of, case, i, replication) in each(measured) {
        keys.push(of, case, i);
        Kpi::ALL.iter().zip(&mut values).for_each(|(kpi, column)| column.push(replication.kpis.get(*kpi)));
    }
    let mut columns = keys.columns();
    columns.extend(Kpi::ALL.iter().zip(values).map(|(kpi, values)| Column::new(kpi.key().into(), values)));
    columns
}

fn servers(scenario: &Scenario, measured: &[Measured]) -> Vec<Column> {
    let mut keys = Keys::new();
    let mut names: Vec<String> = Vec::new();
    let mut counts: Vec<(&str, Vec<u64>)> = [
        "attempts",
        "connects",
        "connect_failures",
        "accepted",
        "rejected_queue_full",
        "rejected_rate_limit",
        "succeeded",
        "errors",
        "timeouts",
        "broken",
    ]
    .map(|name| (name, Vec::new()))
    .into();
    let mut times: Vec<(&str, Vec<f64>)> =
        ["slots", "window", "busy", "offered", "up", "response_sum", "planned_load"].map(|name| (name, Vec::new())).into();
    for (of, case, i, replication) in each(measured) {
        let scenario = world(scenario, case);
        let planned = planned_loads(scenario, &of.mapping.primaries());
        for ((server, tally), planned) in scenario.servers.iter().zip(&replication.servers).zip(planned) {
            keys.push(of, case, i);
            names.push(server.name.clone());
            let row = [
                tally.attempts,
                tally.connects,
                tally.connect_failures,
                tally.accepted,
                tally.rejected_queue_full,
                tally.rejected_rate_limit,
                tally.succeeded,
                tally.errors,
                tally.timeouts,
                tally.broken,
            ];
            counts.iter_mut().zip(row).for_each(|((_, column), value)| column.push(value));
            let row = [
                f64::from(server.slots.value),
                replication.window.as_secs(),
                tally.busy.as_secs(),
                tally.offered.as_secs(),
                tally.up.as_secs(),
                tally.response_sum.as_secs(),
                planned,
            ];
            times.iter_mut().zip(row).for_each(|((_, column), value)| column.push(value));
        }
    }
    let mut columns = keys.columns();
    columns.push(Column::new("server".into(), names));
    columns.extend(counts.into_iter().map(|(name, values)| Column::new(name.into(), values)));
    columns.extend(times.into_iter().map(|(name, values)| Column::new(name.into(), values)));
    columns
}

fn agents(scenario: &Scenario, measured: &[Measured]) -> Vec<Column> {
    let mut keys = Keys::new();
    let mut names: Vec<String> = Vec::new();
    let mut counts: Vec<(&str, Vec<u64>)> =
        ["issued", "succeeded", "failed", "reached", "degraded", "fallen_back", "attempts"].map(|name| (name, Vec::new())).into();
    let mut sums: Vec<(&str, Vec<f64>)> = ["quality_sum", "response_sum", "failure_time_sum"].map(|name| (name, Vec::new())).into();
    for (of, case, i, replication) in each(measured) {
        for (agent, tally) in world(scenario, case).agents.iter().zip(&replication.agents) {
            keys.push(of, case, i);
            names.push(agent.name.clone());
            let row = [tally.issued, tally.succeeded, tally.failed, tally.reached, tally.degraded, tally.fallen_back, tally.attempts];
            counts.iter_mut().zip(row).for_each(|((_, column), value)| column.push(value));
            let row = [tally.quality_sum, tally.response_sum.as_secs(), tally.failure_time_sum.as_secs()];
            sums.iter_mut().zip(row).for_each(|((_, column), value)| column.push(value));
        }
    }
    let mut columns = keys.columns();
    columns.push(Column::new("agent".into(), names));
    columns.extend(counts.into_iter().map(|(name, values)| Column::new(name.into(), values)));
    columns.extend(sums.into_iter().map(|(name, values)| Column::new(name.into(), values)));
    columns
}

fn assignments(scenario: &Scenario, measured: &[Measured]) -> Vec<Column> {
    let mut columns: Vec<(&str, Vec<String>)> =
        ["strategy", "agent", "capability", "server", "on_failure", "on_overload"].map(|name| (name, Vec::new())).into();
    let names = |targets: &[Target]| targets.iter().map(|t| scenario.target_name(*t)).collect::<Vec<&str>>().join(", ");
    for of in measured {
        for (need, assignment) in scenario.needs.iter().zip(&of.mapping.assignments) {
            let row = [
                of.name.to_owned(),
                scenario.agent(need.agent).name.clone(),
                scenario.capability(need.capability).to_owned(),
                scenario.server(assignment.primary).name.clone(),
                names(&assignment.on_failure),
                names(&assignment.on_overload),
            ];
            columns.iter_mut().zip(row).for_each(|((_, column), value)| column.push(value));
        }
    }
    columns.into_iter().map(|(name, values)| Column::new(name.into(), values)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{self, Case, Design, Stage};
    use crate::scenario;

    /// A what-if's rows are of its own servers: one more than the base has, with its own slots.
    #[test]
    fn a_what_if_shows_its_own_servers() {
        let text = "format = 1\nname = \"one\"\n[run]\nhorizon = \"20min\"\nwarmup = \"1min\"\n\
            [servers.only]\nserial = { exponential = \"1s\" }\nprovides.work = 1.0\n\
            [agents.worker]\nworkload = { tasks = \"1000/h\" }\nneeds.work = \"only\"\n\
            [what_if.more]\nservers.only.slots = 3\nservers.second = { serial = { exponential = \"1s\" }, provides = { work = 0.5 } }\n";
        let base = scenario::parse("one.toml", text).unwrap_or_else(|diagnostics| panic!("{diagnostics}")).scenario;
        let mapping = Mapping::current(&base);
        let cases = [&base, &*base.what_ifs[0].scenario].map(|scenario| Case { scenario, mapping: &mapping });
        let runs = experiment::run(&cases, Design { seed: 1, replications: 2, stage: Stage::Comparison }, &());
        let cases = [("base", runs[0].as_slice()), ("more", runs[1].as_slice())];
        let columns = servers(&base, &[Measured { name: "current", mapping: &mapping, cases: &cases }]);
        let column = |name: &str| columns.iter().find(|c| c.name() == name).expect("the table has it");
        let names: Vec<&str> = column("server").str().unwrap().iter().flatten().collect();
        assert_eq!(names, ["only", "only", "only", "second", "only", "second"]);
        let slots: Vec<f64> = column("slots").f64().unwrap().into_no_null_iter().collect();
        assert_eq!(slots, [1.0, 1.0, 3.0, 1.0, 3.0, 1.0]);
    }
}
