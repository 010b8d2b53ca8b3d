//! Made-up transcripts of Claude Code, as large as asked for: the same for the same seed, on any machine.

use std::io::{self, Write};

use mcplab::random::Key;

/// What a generated transcript holds, to hold the reader against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Made {
    pub bytes: u64,
    pub lines: u64,
    pub mcp_calls: u64,
    pub other_tools: u64,
    pub exact: u64,
    pub duplicates: u64,
}

/// Writes whole turns until there are at least so many bytes.
pub fn write(out: &mut dyn Write, bytes: u64, seed: u64) -> io::Result<Made> {
    let mut transcript =
        Transcript { out, made: Made::default(), key: Key::new(seed), draws: 0, clock_ms: 0, pool: String::new(), ends: Vec::new() };
    transcript.fill_pool();
    let mut turn = 0;
    while transcript.made.bytes < bytes {
        transcript.turn(turn)?;
        turn += 1;
    }
    Ok(transcript.made)
}

struct Transcript<'w> {
    out: &'w mut dyn Write,
    made: Made,
    key: Key,
    draws: u64,
    /// Since the beginning of 2026.
    clock_ms: u64,
    /// Text as it stands within quotes of JSON, and where it may be cut.
    pool: String,
    ends: Vec<usize>,
}

/// Code, prose, other scripts, and what has to be escaped, about as often as in real results.
const WORDS: [&str; 24] = [
    "let ",
    "value",
    " = ",
    "self.",
    "reading",
    "(",
    ")",
    ";\\n    ",
    "// because ",
    "the ",
    "server ",
    "answers ",
    "return ",
    "error",
    "\\\"text\\\"",
    " => ",
    "{\\n",
    "}\\n",
    "0x1f, ",
    "\\tindex",
    "서버가 응답하지 않음 ",
    "naïve ",
    "🦀 ",
    "\\\\path\\\\to ",
];

const SERVERS: [(&str, &str); 6] = [
    ("github", "create_issue"),
    ("context7", "get-library-docs"),
    ("serena", "find_symbol"),
    ("plugin_memory_store", "search"),
    ("playwright", "browser_snapshot"),
    ("tavily-mcp", "tavily_search"),
];

impl Transcript<'_> {
    fn draw(&mut self, below: u64) -> u64 {
        self.draws += 1;
        (self.key.with(self.draws).uniform() * below as f64) as u64
    }

    /// Of many scales: the shortest mostly, the longest rarely.
    fn draw_length(&mut self, shortest: u64, longest: u64) -> u64 {
        self.draws += 1;
        let share = self.key.with(self.draws).uniform().powi(4);
        shortest + (share * (longest - shortest) as f64) as u64
    }

    fn fill_pool(&mut self) {
        const POOL: usize = 1 << 20;
        while self.pool.len() < POOL {
            let word = self.draw(WORDS.len() as u64) as usize;
            self.pool.push_str(WORDS[word]);
            self.ends.push(self.pool.len());
        }
    }

    fn text(&mut self, length: u64) -> String {
        let from = self.draw(self.ends.len() as u64 / 2) as usize;
        let start = self.ends[from];
        let to = self.ends.partition_point(|end| *end < start + length as usize).min(self.ends.len() - 1);
        self.pool[start..self.ends[to]].to_owned()
    }

    fn id(&mut self) -> String {
        self.draws += 1;
        let (a, b) = (self.key.with(self.draws).number(), self.key.with(self.draws).with(1).number());
        format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff, b >> 52, b & 0xffff_ffff_ffff)
    }

    fn stamp(&mut self, after_ms: u64) -> String {
        self.clock_ms += after_ms;
        let (ms, s) = (self.clock_ms % 1000, self.clock_ms / 1000);
        let (day, month) = ((s / 86_400) % 28 + 1, (s / 86_400 / 28) % 12 + 1);
        format!("2026-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z", (s / 3600) % 24, (s / 60) % 60, s % 60)
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        self.made.bytes += line.len() as u64 + 1;
        self.made.lines += 1;
        self.out.write_all(line.as_bytes())?;
        self.out.write_all(b"\n")
    }

    fn head(&mut self, kind: &str, after_ms: u64) -> String {
        let (parent, uuid, stamp) = (self.id(), self.id(), self.stamp(after_ms));
        format!(
            r#"{{"parentUuid":"{parent}","isSidechain":false,"userType":"external","cwd":"/home/someone/work","sessionId":"5b7d3c1e-0000-4000-a000-000000000001","version":"2.1.40","gitBranch":"main","type":"{kind}","uuid":"{uuid}","timestamp":"{stamp}""#
        )
    }

    fn turn(&mut self, turn: u64) -> io::Result<()> {
        let (head, prompt) = (self.head("user", 20_000), self.draw_length(40, 4000));
        let text = self.text(prompt);
        self.line(&format!(r#"{head},"message":{{"role":"user","content":"{text}"}}}}"#))?;
        let snapshot = self.text(300);
        self.line(&format!(r#"{{"type":"file-history-snapshot","messageId":"m{turn}","snapshot":{{"trackedFileBackups":{{"a":"{snapshot}"}}}},"isSnapshotUpdate":false}}"#))?;
        for _ in 0..3 + self.draw(8) {
            let length = self.draw_length(80, 3000);
            let text = self.text(length);
            self.assistant(&format!(r#"{{"type":"text","text":"{text}"}}"#))?;
            self.call()?;
        }
        Ok(())
    }

    fn assistant(&mut self, part: &str) -> io::Result<()> {
        let head = self.head("assistant", 3000);
        let (message, tokens) = (self.draw(1 << 40), self.draw(100_000));
        let line = format!(
            r#"{head},"message":{{"model":"claude","id":"msg_{message:x}","type":"message","role":"assistant","content":[{part}],"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":{tokens},"cache_creation_input_tokens":1234,"cache_read_input_tokens":56789,"cache_creation":{{"ephemeral_5m_input_tokens":1234,"ephemeral_1h_input_tokens":0}},"output_tokens":321,"service_tier":"standard"}}}},"requestId":"req_{message:x}"}}"#
        );
        self.line(&line)?;
        // A resumed session repeats what was.
        if self.draw(100) == 0 {
            self.made.duplicates += 1;
            self.line(&line)?;
        }
        Ok(())
    }

    fn call(&mut self) -> io::Result<()> {
        let (call, kind) = (format!("toolu_{:016x}", self.key.with(self.made.lines).number()), self.draw(100));
        let server = SERVERS[self.draw(SERVERS.len() as u64) as usize];
        let (of_mcp, exact) = (kind < 25, kind < 10);
        let name = match of_mcp {
            true => format!("mcp__{}__{}", server.0, server.1),
            false => ["Read", "Bash", "Grep", "Edit"][(kind % 4) as usize].to_owned(),
        };
        let length = self.draw_length(30, 2000);
        let input = self.text(length);
        self.assistant(&format!(r#"{{"type":"tool_use","id":"{call}","name":"{name}","input":{{"query":"{input}","limit":10}}}}"#))?;
        let (took, waited) = (50 + self.draw_length(0, 8000), if self.draw(20) == 0 { self.draw(60_000) } else { 0 });
        if exact {
            let head = self.head("progress", waited);
            let of = |status: &str, more: &str| {
                format!(
                    r#"{head},"data":{{"type":"mcp_progress","status":"{status}","serverName":"{}","toolName":"{}"{more}}},"toolUseID":"{call}","parentToolUseID":"{call}"}}"#,
                    server.0, server.1
                )
            };
            let started = of("started", "");
            self.line(&started)?;
            let head = self.head("progress", took);
            self.line(&format!(r#"{head},"data":{{"type":"mcp_progress","status":"completed","serverName":"{}","toolName":"{}","elapsedTimeMs":{took}}},"toolUseID":"{call}","parentToolUseID":"{call}"}}"#, server.0, server.1))?;
        }
        let head = self.head("user", if exact { 5 } else { took + waited });
        let length = self.draw_length(100, 40_000);
        let (result, failed) = (self.text(length), self.draw(20) == 0);
        let (error, twice) = (if failed { r#","is_error":true"# } else { "" }, if of_mcp { "" } else { &*result });
        self.line(&format!(
            r#"{head},"message":{{"role":"user","content":[{{"tool_use_id":"{call}","type":"tool_result","content":[{{"type":"text","text":"{result}"}}]{error}}}]}},"toolUseResult":{{"stdout":"{twice}","interrupted":false}},"sourceToolAssistantUUID":"x"}}"#
        ))?;
        (self.made.mcp_calls, self.made.other_tools) =
            (self.made.mcp_calls + u64::from(of_mcp), self.made.other_tools + u64::from(!of_mcp));
        self.made.exact += u64::from(exact);
        Ok(())
    }
}
