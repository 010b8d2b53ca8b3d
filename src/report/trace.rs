//! What a trace shows, for a terminal: first what was read, then tables, then the day.

use crate::trace::summary::{DayProfile, Group, Latency, Summary};
use crate::trace::{Account, Unused, shown};
use crate::units::SimTime;

use super::format::{bar, indented, plain_table};

/// Which of the tables by name are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceTable {
    Servers,
    Tools,
    Agents,
}

impl TraceTable {
    pub const ALL: [TraceTable; 3] = [TraceTable::Servers, TraceTable::Tools, TraceTable::Agents];
}

/// Lines of a table; more are in the JSON.
const ROWS: usize = 25;

pub fn trace_text(summary: &Summary, tables: &[TraceTable]) -> String {
    let mut text = account_text(&summary.account);
    if summary.all.calls == 0 {
        return text + "\nNo calls of MCP servers.\n";
    }
    text += &format!("\n{}\n", overview(summary));
    for table in TraceTable::ALL.into_iter().filter(|table| tables.contains(table)) {
        let (title, groups) = match table {
            TraceTable::Servers => ("server", &summary.servers),
            TraceTable::Tools => ("tool", &summary.tools),
            TraceTable::Agents => ("agent", &summary.agents),
        };
        text += &format!("\n{}", group_table(title, groups));
    }
    if !summary.errors.is_empty() {
        text += &format!("\n{}", error_table(summary));
    }
    if !summary.concurrency.is_empty() {
        text += &format!("\n{}", concurrency_table(summary));
    }
    if let Some(day) = &summary.day {
        text += &format!("\n{}", day_text(day));
    }
    text + NOTES
}

const NOTES: &str =
    "\nfailed: share of the calls that succeeded or failed, with Wilson's 95 % interval; refused: not permitted or interrupted
exact: of the call alone; at most: a difference of timestamps, which may hold a wait for permission; the two are never mixed
";

fn account_text(account: &Account) -> String {
    let mut text = String::new();
    const NAMED: usize = 3;
    for file in account.files.iter().take(NAMED) {
        text += &format!("{} ({})\n", shown_path(&file.path), file.format.title());
    }
    if account.files.len() > NAMED {
        text += &format!("... {} files in all\n", account.files.len());
    }
    let mib = account.bytes as f64 / f64::from(1 << 20);
    text += &format!(
        "read: {mib:.1} MiB, {} lines, {} calls of MCP servers, {} of other tools and other events\n",
        account.lines, account.calls, account.other_tools
    );
    for (why, counted) in &account.unused {
        let place = match account.files.get(counted.file) {
            Some(file) if account.files.len() > 1 => format!("{}, line {}", shown_path(&file.path), counted.line),
            _ => format!("line {}", counted.line),
        };
        text += &format!("{}: {} (the first: {place})\n", verb(*why), title(*why, counted.count));
    }
    if account.unanswered > 0 {
        text += &format!("calls without an answer: {}\n", account.unanswered);
    }
    if account.clock_jumps > 0 {
        text += &format!("clock jumps, times that go back: {}\n", account.clock_jumps);
    }
    if account.names_refused > 0 {
        text += &format!("names too long or too many, lumped together: {}\n", account.names_refused);
    }
    text
}

fn verb(why: Unused) -> &'static str {
    match why {
        Unused::BadTime | Unused::BadDuration => "noticed",
        _ => "skipped",
    }
}

fn title(why: Unused, count: u64) -> String {
    format!("{count} {}", why.title())
}

/// A path keeps its end: the beginning is the same for all.
fn shown_path(path: &str) -> String {
    const LONGEST: usize = 60;
    let chars: Vec<char> = path.chars().collect();
    match chars.len() > LONGEST {
        true => format!("…{}", shown(&chars[chars.len() - LONGEST + 1..].iter().collect::<String>())),
        false => shown(path),
    }
}

fn overview(summary: &Summary) -> String {
    let span = summary.span.map_or_else(|| "no times".to_owned(), |span| format!("over {}", span.time().rounded()));
    let sessions = match summary.sessions {
        0 => String::new(),
        1 => ", 1 session".to_owned(),
        n => format!(", {n} sessions"),
    };
    format!("{} calls {span}{sessions}", summary.all.calls)
}

fn group_table(title: &str, groups: &[Group]) -> String {
    let mut rows = Vec::new();
    for group in groups.iter().take(ROWS) {
        let failures = group
            .failures
            .map_or_else(|| "-".to_owned(), |f| format!("{:.1} % [{:.1}, {:.1}]", 100.0 * f.value, 100.0 * f.low, 100.0 * f.high));
        let mut first =
            vec![shown(&group.name), group.calls.to_string(), format!("{:.1} %", 100.0 * group.share), failures, none(group.refused)];
        let latencies = [("exact", group.exact), ("at most", group.upper_bound)];
        let known: Vec<_> = latencies.into_iter().filter_map(|(measure, latency)| Some((measure, latency?))).collect();
        if known.is_empty() {
            first.extend(["-"; 6].map(str::to_owned));
            rows.push(first.clone());
        }
        for (measure, latency) in known {
            let row = latency_row(measure, &latency);
            rows.push(first.iter().cloned().chain(row).collect());
            // A second line is of the same group.
            first = vec![String::new(); first.len()];
        }
    }
    let header = [title, "calls", "share", "failed [95 %]", "refused", "time", "n", "p50", "p95", "p99", "max"];
    plain_table(&header, &rows, &[1, 2, 4, 6, 7, 8, 9, 10]) + "\n" + &more(groups.len())
}

fn none(count: u64) -> String {
    if count == 0 { "-".to_owned() } else { count.to_string() }
}

fn latency_row(measure: &str, latency: &Latency) -> Vec<String> {
    let times = [latency.p50, latency.p95, latency.p99, latency.max].map(time);
    [measure.to_owned(), latency.n.to_string()].into_iter().chain(times).collect()
}

/// `0.4 ms`, `212 ms`, `12.3 s`, `5min`.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 9.95e-3 => format!("{:.1} ms", 1e3 * s),
        s if s < 9.9995 => format!("{:.0} ms", 1e3 * s),
        s if s < 600.0 => format!("{s:.1} s"),
        s => SimTime::from_secs(s).rounded(),
    }
}

fn more(lines: usize) -> String {
    if lines > ROWS { format!("... {} more: --json has them\n", lines - ROWS) } else { String::new() }
}

fn error_table(summary: &Summary) -> String {
    let row = |error: &crate::trace::summary::ErrorKind| {
        vec![shown(&error.kind), shown(&error.server), error.calls.to_string(), format!("{:.1} %", 100.0 * error.share)]
    };
    let rows: Vec<Vec<String>> = summary.errors.iter().take(ROWS).map(row).collect();
    plain_table(&["error", "server", "calls", "of its calls"], &rows, &[2, 3]) + "\n" + &more(summary.errors.len())
}

fn concurrency_table(summary: &Summary) -> String {
    let most = if summary.concurrency_is_bound { "at once, at most" } else { "at once" };
    let row = |of: &crate::trace::summary::ServerConcurrency| {
        let name = of.server.as_deref().map_or_else(|| "all".to_owned(), shown);
        vec![name, of.at_once.most.to_string(), format!("{:.3}", of.at_once.mean), format!("{:.2}", of.at_once.mean_busy)]
    };
    let rows: Vec<Vec<String>> = summary.concurrency.iter().take(ROWS).map(row).collect();
    let late = match summary.concurrency_out_of_place {
        0 => String::new(),
        n => format!("{n} calls far out of order are counted out of their place\n"),
    };
    plain_table(&["calls under way", most, "mean", "mean while any"], &rows, &[1, 2, 3]) + "\n" + &late + &more(summary.concurrency.len())
}

fn day_text(day: &DayProfile) -> String {
    const WIDTH: usize = 40;
    let most = day.hours.iter().copied().max().unwrap_or(0);
    let (sign, minutes) = (if day.utc_offset < 0 { '-' } else { '+' }, day.utc_offset.abs() / 60);
    let digits = most.to_string().len();
    let lines: String = (0..24)
        .map(|hour| {
            let calls = day.hours[hour];
            format!("{hour:02}  {}  {calls:>digits$}\n", bar(calls as f64, most as f64, WIDTH))
        })
        .collect();
    format!("calls by hour of day, UTC{sign}{:02}:{:02}\n{}", minutes / 60, minutes % 60, indented(&lines))
}
