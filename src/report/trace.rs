//! What a trace shows, for a terminal: first what was read, then tables, then the day.

use crate::trace::summary::{DayProfile, Group, Latency, Summary};
use crate::trace::{Account, shown};
use crate::units::SimTime;

use super::format::{bar, count, indented, plain_table};

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
    let lines = count_text(account.lines, "line");
    let calls = count_text(account.calls, "call");
    text += &format!("read: {}, {lines}, {calls} of MCP servers; other tools and events: {}\n", size(account.bytes), account.other_tools);
    text + &oddities_text(account)
}

/// What was not read, and why; nothing where there is none.
pub(super) fn oddities_text(account: &Account) -> String {
    let mut text = String::new();
    for (why, counted) in &account.unused {
        let place = match account.files.get(counted.file) {
            Some(file) if account.files.len() > 1 => format!("{}, line {}", shown_path(&file.path), counted.line),
            _ => format!("line {}", counted.line),
        };
        text += &format!("  {}: {} (the first: {place})\n", why.title(), counted.count);
    }
    if account.unanswered > 0 {
        text += &format!("  calls without an answer: {}\n", account.unanswered);
    }
    if account.clock_jumps > 0 {
        text += &format!("  clock jumps, times that go back: {}\n", account.clock_jumps);
    }
    if account.names_refused > 0 {
        text += &format!("  names too long or too many, lumped together: {}\n", account.names_refused);
    }
    text
}

fn count_text(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

fn size(bytes: u64) -> String {
    match bytes {
        b if b < 10 << 10 => format!("{b} B"),
        b if b < 10 << 20 => format!("{:.0} KiB", b as f64 / 1024.0),
        b => format!("{:.0} MiB", b as f64 / f64::from(1 << 20)),
    }
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
    let sessions = if summary.sessions == 0 { String::new() } else { format!(", {}", count_text(summary.sessions, "session")) };
    format!("{} {span}{sessions}", count_text(summary.all.calls, "call"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::summary::Summing;
    use crate::trace::{Format, read_from};

    #[test]
    fn a_trace_is_told_from_its_account_to_its_day() {
        let mut text = "time,agent,server,tool,duration_ms,outcome,error,session\n".to_owned();
        for i in 0..40 {
            let (second, took) = (i % 60, 20 * i * i % 9001);
            let outcome = if i % 8 == 0 { "error,timeout" } else { "ok," };
            text += &format!("2026-03-01T{:02}:59:{second:02}Z,작성자,github,search,{took},{outcome},s{}\n", 8 + i / 15, i % 3);
        }
        text += "2026-03-01T09:00:00Z,main,\u{1b}[31mserena,find_symbol,,refused,,s1\n2026-03-01T09:00:00Z,main,serena,,,unanswered,,\n";
        text += "yesterday,a,b,c,1,ok,,\nbroken\n2026-03-01T09:0";
        let mut summing = Summing::default();
        let trace = read_from(text.as_bytes(), Format::Csv, &mut summing).expect("a table");
        insta::assert_snapshot!(trace_text(&summing.finish(trace, 9 * 3600), &TraceTable::ALL));
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let mut summing = Summing::default();
        let trace = read_from("{}\n".as_bytes(), Format::Transcript, &mut summing).expect("a transcript");
        let text = trace_text(&summing.finish(trace, 0), &TraceTable::ALL);
        assert!(text.contains("unknown records: 1 (the first: line 1)") && text.ends_with("No calls of MCP servers.\n"), "{text}");
    }
}
